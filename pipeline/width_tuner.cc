#include "pipeline/width_tuner.h"

#include <algorithm>

namespace zdpipe {

size_t WidthTuner::Width(size_t most, uint64_t ranges, uint64_t bytes, uint64_t bytes_left,
                         Clock::time_point now, size_t at_work) {
  if (!began_) BeginTrial(trials_.first, ranges, bytes, now);
  began_ = true;
  if (trying_ == 0) return std::min(best_, most);
  if (trying_ > most) {
    // Other tables need the loaders; the trial is taken up again when they are free.
    BeginTrial(trying_, ranges, bytes, now);
    return std::min(best_, most);
  }
  if (at_work < trying_) {
    BeginTrial(trying_, ranges, bytes, now);
    return trying_;
  }
  const double seconds = std::chrono::duration<double>(now - since_).count();
  if (ranges - first_range_ < trials_.ranges || now - since_ < trials_.time) return trying_;

  const double rate = static_cast<double>(bytes - first_byte_) / seconds;
  if (trying_ > trials_.first && rate < best_rate_ * kGain) {
    trying_ = 0;
    return std::min(best_, most);
  }
  best_ = trying_;
  best_rate_ = rate;
  const uint64_t trial_bytes = bytes - first_byte_;
  trying_ = bytes_left < kTrialsLeft * trial_bytes ? 0 : 2 * best_;
  BeginTrial(trying_, ranges, bytes, now);
  return trying_ == 0 || trying_ > most ? std::min(best_, most) : trying_;
}

void WidthTuner::BeginTrial(size_t width, uint64_t ranges, uint64_t bytes, Clock::time_point now) {
  trying_ = width;
  first_range_ = ranges;
  first_byte_ = bytes;
  since_ = now;
}

}  // namespace zdpipe
