// Something to be done now and then while a run goes on.
#ifndef ZDPIPE_PIPELINE_TICKER_H_
#define ZDPIPE_PIPELINE_TICKER_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace zdpipe {

// A thread that calls `tick` every kPoll until it is destroyed.
class Ticker {
 public:
  static constexpr std::chrono::milliseconds kPoll{100};  // how late a cancel may be noticed

  explicit Ticker(std::function<void()> tick)
      : thread_([this, tick = std::move(tick)] {
          while (!ended_.load()) {
            tick();
            std::this_thread::sleep_for(kPoll);
          }
        }) {}
  ~Ticker() {
    ended_.store(true);
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TICKER_H_
