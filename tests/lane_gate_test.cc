#include "pipeline/lane_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace zdpipe {
namespace {

constexpr uint64_t kHuge = uint64_t{1} << 50;

TEST(LaneGateTest, TheFirstLanesGoAtOnceTheOthersLeaveWhenTold) {
  LaneGate gate(
      {2, 4, 4}, [] { return LaneWork(); }, kHuge);
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
      {2, 3, 3},
      [&] {
        return LaneWork{done.load(), 0};
      },
      kHuge);
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

// Lanes beyond those of the target come when the others spend their time on reading, not before.
TEST(LaneGateTest, LanesBeyondTheTargetsComeWhereTheSourceIsWaitedFor) {
  using Clock = std::chrono::steady_clock;
  std::atomic<uint64_t> done = 0;
  std::atomic<bool> reading = false;
  const Clock::time_point began = Clock::now();
  LaneGate gate(
      {2, 2, 4},
      [&] {
        const std::chrono::nanoseconds time = Clock::now() - began;
        // Of two lanes nine tenths of the time, or one.
        const auto nanoseconds = static_cast<uint64_t>(time.count());
        return LaneWork{done += 1000, (reading ? 9 : 1) * nanoseconds / 5};
      },
      kHuge);
  std::atomic<bool> in = false;
  std::thread third([&] {
    gate.Await(2, [] { return false; });
    in = true;
  });
  const auto work_for = [&](std::chrono::seconds time) {
    for (const auto end = Clock::now() + time; !in && Clock::now() < end;) {
      gate.Await(0, [] { return false; });
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  work_for(std::chrono::seconds(5));  // longer than the first trial
  EXPECT_FALSE(in);
  reading = true;
  work_for(std::chrono::seconds(30));
  EXPECT_TRUE(in);
  third.join();
}

}  // namespace
}  // namespace zdpipe
