// Measures how busy the target and its replicas are, for the throttle.
#ifndef ZDPIPE_PIPELINE_TARGET_WATCH_H_
#define ZDPIPE_PIPELINE_TARGET_WATCH_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/server/session.h"
#include "pipeline/throttle.h"

namespace zdpipe {

// One thread.
class TargetWatch {
 public:
  // Replicas are reached with the target's user, password and TLS settings.
  explicit TargetWatch(Endpoint target) : target_(std::move(target)) {}

  // Why the copy has to wait under these limits; "" when it may go on. What cannot be measured is a
  // reason to wait, too: a replica that does not answer may be the one that drowns.
  std::string ReasonToWait(const ThrottleLimits& limits);

 private:
  absl::StatusOr<std::string> LoadReason(const ThrottleLimits& limits);
  absl::StatusOr<std::string> LagReason(uint64_t max_lag_seconds);
  absl::StatusOr<std::vector<Endpoint>> Replicas();

  const Endpoint target_;
  std::unique_ptr<Session> session_;
  std::map<std::string, std::unique_ptr<Session>> replicas_;  // by address
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TARGET_WATCH_H_
