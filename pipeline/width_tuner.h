// How many workers are worth using: found while they work.
#ifndef ZDPIPE_PIPELINE_WIDTH_TUNER_H_
#define ZDPIPE_PIPELINE_WIDTH_TUNER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace zdpipe {

// Two loaders in one table may take longer than one (they meet at the same pages), or half as long,
// depending on keys, cores and disk: only trying tells. Starts with a few, doubles as long as the
// bytes per second rise by kGain, and stays with what was best. Never goes back and forth: a width
// that was no better is not tried again.
//
// Not thread-safe; one for each thing that is tuned.
class WidthTuner {
 public:
  using Clock = std::chrono::steady_clock;

  // The defaults are for the loaders of one table.
  struct Trials {
    size_t first = 1;  // the width to begin with
    // A trial is as long as so many ranges need to be told from noise, and no shorter than `time`.
    uint64_t ranges = 4;
    std::chrono::milliseconds time{500};
  };
  // A trial may take twice as long as the width before it would have: the rest must be worth it.
  static constexpr uint64_t kTrialsLeft = 6;
  static constexpr double kGain = 1.15;

  WidthTuner() : WidthTuner(Trials()) {}
  explicit WidthTuner(const Trials& trials) : trials_(trials), best_(trials.first) {}

  // The width to use now: at most `most`, which may change. `ranges` have been committed so far,
  // with `bytes` of rows; `bytes_left` is an estimate: towards the end nothing is tried any more.
  // A trial begins when so many workers as it needs are `at_work`, if they take their time to come.
  size_t Width(size_t most, uint64_t ranges, uint64_t bytes, uint64_t bytes_left,
               Clock::time_point now, size_t at_work = std::numeric_limits<size_t>::max());

  // The width that has shown itself the best so far.
  size_t best() const { return best_; }

 private:
  void BeginTrial(size_t width, uint64_t ranges, uint64_t bytes, Clock::time_point now);

  const Trials trials_;
  size_t best_;
  double best_rate_ = 0;  // bytes per second; 0: not measured
  size_t trying_ = 0;     // 0: nothing is tried any more
  bool began_ = false;
  uint64_t first_range_ = 0;  // of the trial, as what follows
  uint64_t first_byte_ = 0;
  Clock::time_point since_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_WIDTH_TUNER_H_
