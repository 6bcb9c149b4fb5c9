#include "pipeline/lane_gate.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace zdpipe {

void LaneGate::Await(size_t lane, const std::function<bool()>& leave) {
  constexpr std::chrono::milliseconds kPoll{50};
  while (lane >= Width() && !leave()) std::this_thread::sleep_for(kPoll);
}

size_t LaneGate::best() const {
  std::lock_guard lock(mutex_);
  return tuner_.best();
}

size_t LaneGate::Step(size_t first, size_t lanes) {
  size_t width = first;
  while (width < lanes) width *= 2;
  return width;
}

size_t LaneGate::Width() {
  std::lock_guard lock(mutex_);
  const auto now = WidthTuner::Clock::now();
  const LaneWork work = work_done_();
  // What is taken off the target again has been work, too.
  done_ = std::max(done_, work.bytes);
  const size_t most = WaitsForSource(now, work.read_nanoseconds) ? last_width_ : width_of_target_;
  width_ = tuner_.Width(most, 0, done_, work_total_ - std::min(work_total_, done_), now);
  return width_;
}

// Whether the lanes have spent most of the last second or so on reading.
bool LaneGate::WaitsForSource(WidthTuner::Clock::time_point now, uint64_t read_nanoseconds) {
  constexpr std::chrono::seconds kLookEvery{1};
  constexpr double kMost = 0.6;
  if (now - looked_at_ < kLookEvery) return waits_for_source_;
  if (width_ > 0) {
    const std::chrono::duration<double, std::nano> time = now - looked_at_;
    waits_for_source_ = static_cast<double>(read_nanoseconds - read_nanoseconds_) >
                        kMost * time.count() * static_cast<double>(width_);
  }
  looked_at_ = now;
  read_nanoseconds_ = read_nanoseconds;
  return waits_for_source_;
}

}  // namespace zdpipe
