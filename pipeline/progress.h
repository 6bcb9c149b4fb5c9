// Counters of a run, written by its threads, read by whoever shows them.
#ifndef ZDPIPE_PIPELINE_PROGRESS_H_
#define ZDPIPE_PIPELINE_PROGRESS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace zdpipe {

inline double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What one lane is doing now.
struct ActiveTable {
  std::string table;  // printable
  std::string stage;  // "create", "rows", "indexes", "verify"
};

struct ProgressView {
  std::string phase;
  double seconds = 0;  // since the start of the run
  uint64_t tables_done = 0;
  uint64_t tables_total = 0;
  uint64_t rows = 0;   // committed on the target
  uint64_t bytes = 0;  // of those rows, as they came over the wire
  uint64_t bytes_total_estimate = 0;
  size_t loaders = 0;
  std::string throttle;  // why the run waits; "" when it does not
  std::vector<ActiveTable> active;
};

// Thread-safe.
class Progress {
 public:
  // Forgets rows and tables: another attempt counts them anew.
  void Restart();
  void SetPhase(absl::string_view phase);
  void SetTotals(uint64_t tables, uint64_t bytes_estimate, size_t loaders);
  void AddRows(uint64_t rows, uint64_t bytes);
  void RemoveRows(uint64_t rows, uint64_t bytes);  // of a table taken off the target again
  void FinishTable() { tables_done_.fetch_add(1, std::memory_order_relaxed); }
  void SetThrottle(absl::string_view reason);
  void SetActive(size_t lane, absl::string_view table, absl::string_view stage);
  void ClearActive(size_t lane);

  std::string phase() const;
  uint64_t rows() const { return rows_.load(std::memory_order_relaxed); }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t tables_done() const { return tables_done_.load(std::memory_order_relaxed); }
  ProgressView View() const;

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> rows_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<uint64_t> tables_done_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::string phase_;
  uint64_t tables_total_ = 0;
  uint64_t bytes_estimate_ = 0;
  size_t loaders_ = 0;
  std::string throttle_;
  std::map<size_t, ActiveTable> active_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_PROGRESS_H_
