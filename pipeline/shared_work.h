// Work on one table that lanes without a table of their own can join.
#ifndef ZDPIPE_PIPELINE_SHARED_WORK_H_
#define ZDPIPE_PIPELINE_SHARED_WORK_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pipeline/cancel.h"

namespace zdpipe {

struct LaneSessions;

// Thread-safe.
class SharedWork {
 public:
  // Done by each worker, with its own sessions, until there is nothing left to begin or one of
  // them has failed.
  using Work = std::function<absl::Status(const SharedWork&, LaneSessions&)>;
  // Whether one more than `workers` is wanted. Called with locks held: it must not wait.
  using HasRoom = std::function<bool(size_t workers)>;

  SharedWork(Work work, HasRoom has_room)
      : work_(std::move(work)), has_room_(std::move(has_room)) {}

  // A lane's being a worker: from Join() on until this is destroyed.
  class Membership {
   public:
    explicit Membership(SharedWork& work) : work_(&work) {}
    Membership(Membership&& other) noexcept : work_(std::exchange(other.work_, nullptr)) {}
    Membership& operator=(Membership&&) = delete;
    ~Membership() {
      if (work_ != nullptr) work_->Leave();
    }
    // Await() reports what goes wrong; the sessions may have been left in the middle of a result.
    void Do(LaneSessions& sessions) { work_->error_.Set(work_->work_(*work_, sessions)); }

   private:
    SharedWork* work_;
  };

  // Makes the lane whose table it is a worker: before others are offered to join.
  Membership Begin() {
    std::lock_guard lock(mutex_);
    ++workers_;
    return Membership(*this);
  }

  // Makes the calling lane a worker, if one more is wanted.
  std::optional<Membership> Join() {
    std::lock_guard lock(mutex_);
    if (failed() || !has_room_(workers_)) return std::nullopt;
    ++workers_;
    return std::optional<Membership>(std::in_place, *this);
  }

  bool failed() const { return error_.failed(); }
  size_t workers() const {
    std::lock_guard lock(mutex_);
    return workers_;
  }

  // Returns when there are no workers any more: the first error. Nobody may join meanwhile.
  absl::Status Await() {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [this] { return workers_ == 0; });
    return error_.status();
  }

 private:
  void Leave() {
    std::lock_guard lock(mutex_);
    --workers_;
    // Under the lock: the owner may destroy this as soon as it sees that nobody is left.
    left_.notify_all();
  }

  const Work work_;
  const HasRoom has_room_;
  FirstError error_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  size_t workers_ = 0;  // guarded by mutex_
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_SHARED_WORK_H_
