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

// How many lanes there are.
struct LaneNumbers {
  size_t first = 1;      // that begin
  size_t of_target = 1;  // that the target's processors may be worth; the others only wait for them
  size_t all = 1;  // that are let in where it is the source they wait for (docs/decisions/0073)
};

// What the lanes have done so far.
struct LaneWork {
  uint64_t bytes = 0;             // a table counts for kTableCostBytes on top of its rows
  uint64_t read_nanoseconds = 0;  // of waiting for rows of the source, over all lanes
};

// Thread-safe.
class LaneGate {
 public:
  // `work_done` says how much of `work_total` bytes is done.
  LaneGate(const LaneNumbers& lanes, std::function<LaneWork()> work_done, uint64_t work_total)
      : tuner_({.first = lanes.first, .ranges = 0, .time = kTrialTime}),
        work_done_(std::move(work_done)),
        work_total_(work_total),
        last_width_(Step(lanes.first, lanes.all)),
        width_of_target_(Step(lanes.first, lanes.of_target)) {}

  // Returns when the lane, a number from 0, may take its next table, or when `leave` says so.
  void Await(size_t lane, const std::function<bool()>& leave);

  // The number that has shown itself the best so far; it may be more than there are lanes.
  size_t best() const;

 private:
  // Long enough to hold tables of all kinds and the building of indexes.
  static constexpr std::chrono::milliseconds kTrialTime{3000};

  // The step of the tuner that lets so many lanes in.
  static size_t Step(size_t first, size_t lanes);

  size_t Width();
  bool WaitsForSource(WidthTuner::Clock::time_point now, uint64_t read_nanoseconds);

  mutable std::mutex mutex_;
  WidthTuner tuner_;   // guarded by mutex_
  uint64_t done_ = 0;  // guarded by mutex_
  size_t width_ = 0;   // guarded by mutex_, as what follows: the last one found
  bool waits_for_source_ = false;
  WidthTuner::Clock::time_point looked_at_;
  uint64_t read_nanoseconds_ = 0;  // at that time
  const std::function<LaneWork()> work_done_;
  const uint64_t work_total_;
  const size_t last_width_;
  const size_t width_of_target_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_LANE_GATE_H_
