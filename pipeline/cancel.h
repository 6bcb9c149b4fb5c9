// How a run is told to stop: by the user, or by its own first error.
#ifndef ZDPIPE_PIPELINE_CANCEL_H_
#define ZDPIPE_PIPELINE_CANCEL_H_

#include <atomic>
#include <mutex>

#include "absl/status/status.h"

namespace zdpipe {

// Set by a signal handler (a lock-free store, nothing else) and asked once per batch.
class CancelToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;
};

// The first error of several threads; the others drain. Thread-safe.
class FirstError {
 public:
  // Keeps `status` if it is the first that is not OK.
  void Set(const absl::Status& status) {
    if (status.ok()) return;
    std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = status;
    failed_.store(true, std::memory_order_release);
  }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  absl::Status status() const {
    std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;
  absl::Status status_;  // guarded by mutex_
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_CANCEL_H_
