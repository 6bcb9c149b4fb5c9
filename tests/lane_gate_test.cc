#include "pipeline/lane_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace zdpipe {
namespace {

constexpr uint64_t kHuge = uint64_t{1} << 50;

TEST(LaneGateTest, TheFirstLanesGoAtOnceTheOthersLeaveWhenTold) {
  LaneGate gate(
      2, 4, [] { return uint64_t{0}; }, kHuge);
  gate.Await(0, [] { return false; });
  gate.Await(1, [] { return false; });
  int asked = 0;
  gate.Await(2, [&] { return ++asked == 3; });
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(gate.best(), 2u);
}

TEST(LaneGateTest, ALaneIsLetInToBeTried) {
  std::atomic<uint64_t> done = 0;
  LaneGate gate(
      2, 3, [&] { return done.load(); }, kHuge);
  std::atomic<bool> in = false;
  std::thread third([&] {
    gate.Await(2, [] { return false; });
    in = true;
  });
  while (!in) {
    done += 1000;
    gate.Await(0, [] { return false; });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  third.join();
}

}  // namespace
}  // namespace zdpipe
