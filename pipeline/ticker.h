// Something to be done now and then while a run goes on.
#ifndef ZDPIPE_PIPELINE_TICKER_H_
#define ZDPIPE_PIPELINE_TICKER_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace zdpipe {

// A thread that calls `tick` every kPoll until it is destroyed, which does not wait for the next
// call.
class Ticker {
 public:
  static constexpr std::chrono::milliseconds kPoll{100};  // how late a cancel may be noticed

  explicit Ticker(std::function<void()> tick)
      : thread_([this, tick = std::move(tick)] {
          std::unique_lock lock(mutex_);
          while (!ended_) {
            lock.unlock();
            tick();
            lock.lock();
            wake_.wait_for(lock, kPoll, [this] { return ended_; });
          }
        }) {}
  ~Ticker() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TICKER_H_
