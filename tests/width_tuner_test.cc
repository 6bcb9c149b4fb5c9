#include "pipeline/width_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace zdpipe {
namespace {

using std::chrono::milliseconds;

// A table that is loaded with `rate(width)` ranges of 16 MiB per second.
class Load {
 public:
  explicit Load(std::function<double(size_t)> rate, const WidthTuner::Trials& trials = {})
      : rate_(std::move(rate)), tuner_(trials) {}

  // Loads `count` ranges, asking before each; returns the widths used.
  std::vector<size_t> Run(int count, size_t most) {
    std::vector<size_t> widths;
    for (int i = 0; i < count; ++i) {
      const size_t width = tuner_.Width(most, ranges_, ranges_ * kRange, left_, now_);
      widths.push_back(width);
      now_ += std::chrono::duration_cast<WidthTuner::Clock::duration>(
          std::chrono::duration<double>(1 / rate_(width)));
      ++ranges_;
    }
    return widths;
  }
  void SetLeft(uint64_t bytes) { left_ = bytes; }
  size_t best() const { return tuner_.best(); }

 private:
  static constexpr uint64_t kRange = 16 << 20;
  std::function<double(size_t)> rate_;
  WidthTuner tuner_;
  WidthTuner::Clock::time_point now_;
  uint64_t ranges_ = 0;
  uint64_t left_ = uint64_t{1} << 40;
};

TEST(WidthTunerTest, StaysWithOneLoaderWhereTwoAreSlower) {
  Load load([](size_t width) { return width == 1 ? 5.0 : 4.0; });
  const std::vector<size_t> widths = load.Run(100, 4);
  EXPECT_EQ(load.best(), 1u);
  EXPECT_EQ(std::count(widths.begin(), widths.end(), 2), WidthTuner::Trials().ranges);
  EXPECT_EQ(std::count(widths.begin(), widths.end(), 4), 0);
  EXPECT_EQ(widths.back(), 1u);
}

// Lanes that open their sessions first have brought nothing when their trial would be over.
TEST(WidthTunerTest, ATrialBeginsWhenItsWorkersAreThere) {
  WidthTuner tuner;
  WidthTuner::Clock::time_point now;
  uint64_t ranges = 0;
  const auto width = [&](uint64_t more_ranges, size_t at_work) {
    ranges += more_ranges;
    now += std::chrono::seconds(1);
    return tuner.Width(4, ranges, ranges << 24, uint64_t{1} << 40, now, at_work);
  };
  EXPECT_EQ(width(0, 0), 1u);
  EXPECT_EQ(width(10, 1), 2u);  // 10 ranges a second
  EXPECT_EQ(width(10, 1), 2u);  // no more, because the second one has not come yet
  EXPECT_EQ(width(10, 1), 2u);
  EXPECT_EQ(width(20, 2), 4u);
  EXPECT_EQ(tuner.best(), 2u);
}

TEST(WidthTunerTest, ClimbsAsLongAsItGainsAndNeverComesBack) {
  Load load([](size_t width) { return width <= 4 ? 3.0 * static_cast<double>(width) : 12.0; });
  const std::vector<size_t> widths = load.Run(200, 16);
  EXPECT_EQ(load.best(), 4u);
  EXPECT_EQ(widths.back(), 4u);
  int changes = 0;
  for (size_t i = 1; i < widths.size(); ++i) changes += widths[i] != widths[i - 1] ? 1 : 0;
  EXPECT_EQ(changes, 4);  // 1, 2, 4, 8, 4
}

TEST(WidthTunerTest, BeginsWithAFewWhereItIsTold) {
  Load load([](size_t width) { return width <= 8 ? 3.0 * static_cast<double>(width) : 20.0; },
            {.first = 4, .ranges = 0, .time = milliseconds(3000)});
  const std::vector<size_t> widths = load.Run(1000, 16);
  EXPECT_EQ(widths.front(), 4u);
  EXPECT_EQ(load.best(), 8u);
  int changes = 0;
  for (size_t i = 1; i < widths.size(); ++i) changes += widths[i] != widths[i - 1] ? 1 : 0;
  EXPECT_EQ(changes, 3);  // 4, 8, 16, 8

  Load narrow([](size_t width) { return 3.0 * static_cast<double>(width); },
              {.first = 4, .ranges = 0, .time = milliseconds(3000)});
  for (const size_t width : narrow.Run(100, 3)) EXPECT_EQ(width, 3u);
}

TEST(WidthTunerTest, NeverExceedsWhatIsFreeAndGoesOnWhenMoreIs) {
  Load load([](size_t width) { return 2.0 * static_cast<double>(width); });
  for (const size_t width : load.Run(50, 1)) EXPECT_EQ(width, 1u);
  for (const size_t width : load.Run(50, 3)) EXPECT_LE(width, 2u);
  EXPECT_EQ(load.best(), 2u);
  load.Run(50, 4);
  EXPECT_EQ(load.best(), 4u);
  EXPECT_EQ(load.Run(1, 1).back(), 1u);
}

TEST(WidthTunerTest, TriesNothingTowardsTheEnd) {
  Load load([](size_t width) { return 2.0 * static_cast<double>(width); });
  load.SetLeft(1);
  for (const size_t width : load.Run(50, 4)) EXPECT_EQ(width, 1u);
}

}  // namespace
}  // namespace zdpipe
