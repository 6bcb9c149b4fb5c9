#include "pipeline/table_queue.h"

#include <algorithm>
#include <chrono>

#include "engine/schema/table_ddl.h"

namespace zdpipe {

namespace {

// What takes longer is larger: a byte of an index takes about as long to build as a byte of a
// narrow row to insert.
bool IsLarger(const TableInfo& a, const TableInfo& b) {
  return a.data_bytes_estimate + a.index_bytes_estimate >
         b.data_bytes_estimate + b.index_bytes_estimate;
}

}  // namespace

void SortLargestFirst(std::vector<TableInfo>& tables) {
  std::stable_sort(tables.begin(), tables.end(), IsLarger);
}

TableQueue::TableQueue(const std::vector<TableInfo>& tables, size_t lanes, size_t loaders)
    : loaders_(loaders), busy_lanes_(lanes) {
  for (const TableInfo& table : tables) waiting_.push_back(&table);
  std::stable_sort(waiting_.begin(), waiting_.end(),
                   [](const TableInfo* a, const TableInfo* b) { return IsLarger(*a, *b); });
}

const TableInfo* TableQueue::Take() {
  std::lock_guard lock(mutex_);
  if (!put_back_.empty()) {
    const TableInfo* table = put_back_.back();
    put_back_.pop_back();
    return table;
  }
  if (waiting_.empty()) {
    --busy_lanes_;
    changed_.notify_all();
    return nullptr;
  }
  const TableInfo* table = waiting_.front();
  waiting_.pop_front();
  return table;
}

const TableInfo* TableQueue::TakeSmall() {
  std::lock_guard lock(mutex_);
  if (waiting_.empty() || waiting_.back()->data_bytes_estimate >= kLargeTableBytes) return nullptr;
  const TableInfo* table = waiting_.back();
  waiting_.pop_back();
  return table;
}

void TableQueue::PutBack(const TableInfo& table) {
  std::lock_guard lock(mutex_);
  put_back_.push_back(&table);
}

void TableQueue::StopTaking() {
  std::lock_guard lock(mutex_);
  --busy_lanes_;
  changed_.notify_all();
}

std::optional<SharedWork::Membership> TableQueue::AwaitShared(const std::function<bool()>& leave) {
  // Whether there is room in what is offered changes without a word, as does `leave`.
  constexpr std::chrono::milliseconds kPoll{20};
  std::unique_lock lock(mutex_);
  while (busy_lanes_ > 0 && !leave()) {
    for (SharedWork* work : offered_) {
      std::optional<SharedWork::Membership> membership = work->Join();
      if (membership.has_value()) return membership;
    }
    changed_.wait_for(lock, kPoll);
  }
  return std::nullopt;
}

absl::Status TableQueue::Share(SharedWork& work, LaneSessions& sessions) {
  {
    SharedWork::Membership own = work.Begin();
    {
      std::lock_guard lock(mutex_);
      offered_.push_back(&work);
      changed_.notify_all();
    }
    own.Do(sessions);
    std::lock_guard lock(mutex_);
    std::erase(offered_, &work);
  }
  return work.Await();
}

bool TableQueue::empty() const {
  std::lock_guard lock(mutex_);
  return waiting_.empty() && put_back_.empty();
}

void TableQueue::BeginRows() {
  std::lock_guard lock(mutex_);
  ++lanes_with_rows_;
}

void TableQueue::EndRows() {
  std::lock_guard lock(mutex_);
  --lanes_with_rows_;
}

bool TableQueue::rows_left() const {
  std::lock_guard lock(mutex_);
  return !waiting_.empty() || !put_back_.empty() || lanes_with_rows_ > 0;
}

size_t TableQueue::LoadersPerLane() const {
  std::lock_guard lock(mutex_);
  // A lane that builds indexes keeps the target as busy as a loader would; only idle lanes' shares
  // are free.
  if (lanes_with_rows_ == 0 || busy_lanes_ >= loaders_) return 1;
  return 1 + (loaders_ - busy_lanes_) / lanes_with_rows_;
}

}  // namespace zdpipe
