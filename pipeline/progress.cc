#include "pipeline/progress.h"

namespace zdpipe {

void Progress::Restart() {
  rows_.store(0, std::memory_order_relaxed);
  bytes_.store(0, std::memory_order_relaxed);
  tables_done_.store(0, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  active_.clear();
}

void Progress::SetPhase(absl::string_view phase) {
  std::lock_guard lock(mutex_);
  phase_ = std::string(phase);
}

void Progress::SetTotals(uint64_t tables, uint64_t bytes_estimate, size_t loaders) {
  std::lock_guard lock(mutex_);
  tables_total_ = tables;
  bytes_estimate_ = bytes_estimate;
  loaders_ = loaders;
}

void Progress::AddRows(uint64_t rows, uint64_t bytes) {
  rows_.fetch_add(rows, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Progress::RemoveRows(uint64_t rows, uint64_t bytes) {
  rows_.fetch_sub(rows, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Progress::SetThrottle(absl::string_view reason) {
  std::lock_guard lock(mutex_);
  throttle_ = std::string(reason);
}

void Progress::SetActive(size_t lane, absl::string_view table, absl::string_view stage) {
  std::lock_guard lock(mutex_);
  active_[lane] = {std::string(table), std::string(stage)};
}

void Progress::ClearActive(size_t lane) {
  std::lock_guard lock(mutex_);
  active_.erase(lane);
}

std::string Progress::phase() const {
  std::lock_guard lock(mutex_);
  return phase_;
}

ProgressView Progress::View() const {
  ProgressView view;
  view.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  view.tables_done = tables_done_.load(std::memory_order_relaxed);
  view.rows = rows();
  view.bytes = bytes();
  std::lock_guard lock(mutex_);
  view.phase = phase_;
  view.tables_total = tables_total_;
  view.bytes_total_estimate = bytes_estimate_;
  view.loaders = loaders_;
  view.throttle = throttle_;
  for (const auto& [lane, active] : active_) view.active.push_back(active);
  return view;
}

}  // namespace zdpipe
