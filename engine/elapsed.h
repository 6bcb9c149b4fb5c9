// Counting the time that something takes.
#ifndef ZDPIPE_ENGINE_ELAPSED_H_
#define ZDPIPE_ENGINE_ELAPSED_H_

#include <atomic>
#include <chrono>
#include <cstdint>

namespace zdpipe {

// Adds the time until it is destroyed to a counter, which outlives it.
class ElapsedScope {
 public:
  explicit ElapsedScope(std::atomic<uint64_t>& nanoseconds) : nanoseconds_(nanoseconds) {}
  ~ElapsedScope() {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    nanoseconds_ += static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  }
  ElapsedScope(const ElapsedScope&) = delete;
  ElapsedScope& operator=(const ElapsedScope&) = delete;

 private:
  std::atomic<uint64_t>& nanoseconds_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ELAPSED_H_
