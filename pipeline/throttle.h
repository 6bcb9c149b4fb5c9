// A deliberate slow-down, so that the target and its replicas are not drowned.
#ifndef ZDPIPE_PIPELINE_THROTTLE_H_
#define ZDPIPE_PIPELINE_THROTTLE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace zdpipe {

// What a copy may not exceed; every limit can be changed while it runs.
struct ThrottleLimits {
  uint64_t rate_bytes = 0;                                 // of rows, per second; 0: any
  std::vector<std::pair<std::string, uint64_t>> max_load;  // status variable, highest value
  uint64_t max_lag_seconds = 0;                            // of the target's replicas; 0: any
};

// Changes one limit by its option's name without the dashes: "rate" (bytes as a number), "max-load"
// ("Threads_running=25,Threads_connected=400", "" for none), "max-lag" (seconds). kUsage for
// others.
absl::Status SetThrottleLimit(absl::string_view name, absl::string_view value,
                              ThrottleLimits& limits);

// Loaders ask before each range, lanes before each index build. Who measures the target tells the
// throttle why it has to wait. Thread-safe.
class Throttle {
 public:
  explicit Throttle(ThrottleLimits limits) : limits_(std::move(limits)) {}

  ThrottleLimits limits() const;
  void SetLimits(ThrottleLimits limits);

  // Why nothing may begin now, in words for the user; "" lifts it.
  void Hold(std::string reason);
  std::string reason() const;

  // Returns when `bytes` may be sent, or `stopping` says so; a limit changed meanwhile counts.
  void Await(uint64_t bytes, const std::function<bool()>& stopping);

  double waited_seconds() const;  // by all callers together

 private:
  using Clock = std::chrono::steady_clock;

  bool MayGo(uint64_t bytes);

  mutable std::mutex mutex_;  // guards what follows
  ThrottleLimits limits_;
  std::string held_;
  bool rate_is_full_ = false;  // somebody waits for the rate
  Clock::time_point free_at_;  // when the bytes let through so far are through at the rate
  double waited_seconds_ = 0;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_THROTTLE_H_
