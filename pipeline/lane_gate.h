// How many lanes take tables: found while the copy runs.
#ifndef ZDPIPE_PIPELINE_LANE_GATE_H_
#define ZDPIPE_PIPELINE_LANE_GATE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

#include "pipeline/width_tuner.h"

namespace zdpipe {

// What a table costs beside its rows, in bytes of rows (docs/decisions/0061).
inline constexpr uint64_t kTableCostBytes = 256 * 1024;

// Thread-safe.
class LaneGate {
 public:
  // `work_done` says how many bytes of `work_total` are done; a table counts for kTableCostBytes on
  // top of its rows. Begins with `first` of the `lanes`.
  LaneGate(size_t first, size_t lanes, std::function<uint64_t()> work_done, uint64_t work_total)
      : tuner_({.first = first, .ranges = 0, .time = kTrialTime}),
        work_done_(std::move(work_done)),
        work_total_(work_total),
        last_width_(first) {
    while (last_width_ < lanes) last_width_ *= 2;
  }

  // Returns when the lane, a number from 0, may take its next table, or when `leave` says so.
  void Await(size_t lane, const std::function<bool()>& leave);

  // The number that has shown itself the best so far; it may be more than there are lanes.
  size_t best() const;

 private:
  // Long enough to hold tables of all kinds and the building of indexes.
  static constexpr std::chrono::milliseconds kTrialTime{3000};

  size_t Width();

  mutable std::mutex mutex_;
  WidthTuner tuner_;   // guarded by mutex_
  uint64_t done_ = 0;  // guarded by mutex_
  const std::function<uint64_t()> work_done_;
  const uint64_t work_total_;
  size_t last_width_;  // the tuner's last step, which lets all lanes in
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_LANE_GATE_H_
