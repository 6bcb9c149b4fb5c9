// What a phase of a run was limited by: what its user would have to buy more of.
#ifndef ZDPIPE_PIPELINE_LIMITED_BY_H_
#define ZDPIPE_PIPELINE_LIMITED_BY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/server/session.h"
#include "pipeline/throttle.h"

namespace zdpipe {

// What was waited for in a time, over all threads.
struct WaitedFor {
  double seconds = 0;
  uint64_t answers = 0;
  double round_trip_seconds = 0;  // of this end: that much of each answer's time is the network's
};

struct PhaseWork {
  double seconds = 0;         // wall
  double cpu_seconds = 0;     // of this process
  unsigned cores = 1;         // of this machine
  double paused_seconds = 0;  // by the throttle, over all threads
  unsigned threads = 1;       // that the throttle may pause
  WaitedFor source;
  WaitedFor target;
  double commit_seconds = 0;  // part of target.seconds
  uint64_t disk_waits = 0;    // of the target's InnoDB, for a free page or for its log
};

// "throttle", "client", "source", "network", "target disk" or "target CPU". What the target does
// between commits is taken for work of its processor unless it says itself that it waited.
std::string LimitedBy(const PhaseWork& work);

// Of the session's end: the shortest of a few statements that do nothing.
absl::StatusOr<double> RoundTripSeconds(Session& session);

// What threads count while they work, all together.
struct BusyTime {
  std::atomic<uint64_t> read_nanoseconds = 0;  // filling ranges from streams
  std::atomic<uint64_t> commit_nanoseconds = 0;
};

// Measures one phase after the other. Not thread-safe.
class PhaseMeter {
 public:
  PhaseMeter(const Throttle& throttle, const BusyTime& busy) : throttle_(throttle), busy_(busy) {}

  void SetRoundTrips(double source_seconds, double target_seconds);
  void Begin();
  // To be called when the target begins and when it ends to be the one that works: how often its
  // InnoDB has waited for its disk in between.
  void CountDiskWaits(Session& target);
  // Of the phase that has taken so many seconds, with so many lanes.
  PhaseWork End(double seconds, size_t lanes);

 private:
  PhaseWork SoFar() const;

  const Throttle& throttle_;
  const BusyTime& busy_;
  PhaseWork before_;
  double source_round_trip_ = 0;
  double target_round_trip_ = 0;
  std::optional<uint64_t> disk_waits_before_;
  uint64_t disk_waits_ = 0;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_LIMITED_BY_H_
