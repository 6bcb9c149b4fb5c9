// What a phase of a run was limited by: what its user would have to buy more of.
#ifndef ZDPIPE_PIPELINE_LIMITED_BY_H_
#define ZDPIPE_PIPELINE_LIMITED_BY_H_

#include <cstdint>
#include <string>

#include "engine/server/session.h"

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
  uint64_t disk_waits = 0;    // of the target, see DiskWaits
};

// "throttle", "client", "source", "network", "target disk" or "target CPU". What the target does
// between commits is taken for work of its processor unless it says itself that it waited.
std::string LimitedBy(const PhaseWork& work);

// Of the session's end, in seconds: the shortest of a few statements that do nothing; 0 when they
// fail.
double RoundTripSeconds(Session& session);

// How often the target's InnoDB has waited for its disk, since it was started; 0 when it does not
// say.
uint64_t DiskWaits(Session& target);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_LIMITED_BY_H_
