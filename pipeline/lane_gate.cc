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

size_t LaneGate::Width() {
  std::lock_guard lock(mutex_);
  // What is taken off the target again has been work, too.
  done_ = std::max(done_, work_done_());
  return tuner_.Width(last_width_, 0, done_, work_total_ - std::min(work_total_, done_),
                      WidthTuner::Clock::now());
}

}  // namespace zdpipe
