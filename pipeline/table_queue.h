// Which table a lane takes next, and how many loaders it may use for it.
#ifndef ZDPIPE_PIPELINE_TABLE_QUEUE_H_
#define ZDPIPE_PIPELINE_TABLE_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/schema/catalog.h"
#include "pipeline/shared_work.h"

namespace zdpipe {

// The order in which tables are taken.
void SortLargestFirst(std::vector<TableInfo>& tables);

// Largest first, one lane per table: two loaders in two tables do not get in each other's way,
// two in one table do. Lanes that find no table any more give their share of loaders to the
// lanes still busy with rows, and join what those offer to share. Thread-safe.
class TableQueue {
 public:
  // The tables must outlive the queue. `loaders` is shared out over the lanes.
  TableQueue(const std::vector<TableInfo>& tables, size_t lanes, size_t loaders);

  // The next table, or null when there is none left; the calling lane then counts as idle.
  const TableInfo* Take();

  // The next table of less than kLargeTableBytes, for a lane that takes no others and does not
  // count as one of `lanes`; null when there is none left.
  const TableInfo* TakeSmall();

  // A table that is not small after all, for the other lanes.
  void PutBack(const TableInfo& table);

  // For a lane that takes no more tables although there may be some.
  void StopTaking();

  // For a lane to which Take() has given null: waits until it has been made a worker of what
  // another lane offers. nullopt when no lane has a table any more, or `leave` says so.
  std::optional<SharedWork::Membership> AwaitShared(const std::function<bool()>& leave);

  // Does the work with the sessions of the calling lane, and those of lanes without a table that
  // join it. Returns when all of them are through, with the first error.
  absl::Status Share(SharedWork& work, LaneSessions& sessions);

  // A lane starts / ends moving rows (not creating, indexing or verifying).
  void BeginRows();
  void EndRows();

  // No table is waiting to be taken.
  bool empty() const;

  // Whether rows are moving or still to be moved.
  bool rows_left() const;

  // Loaders a lane that moves rows may use now, at least 1: its own, and a share of those whose
  // lanes are idle. Changes while rows move; ask again at every range.
  size_t LoadersPerLane() const;

 private:
  const size_t loaders_;
  mutable std::mutex mutex_;  // guards what follows
  std::deque<const TableInfo*> waiting_;
  std::vector<const TableInfo*> put_back_;
  std::vector<SharedWork*> offered_;
  std::condition_variable changed_;
  size_t busy_lanes_;
  size_t lanes_with_rows_ = 0;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TABLE_QUEUE_H_
