// Writes ranges into the target: the rows and the ledger row of a range in one transaction.
#ifndef ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_
#define ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/rows/range.h"
#include "engine/schema/catalog.h"
#include "engine/schema/table_plan.h"
#include "engine/server/row_insert.h"
#include "engine/server/session.h"

namespace zdpipe {

// The table whose ranges are to be loaded. Outlives its use by loaders.
struct LoadTable {
  ObjectName name;
  TablePlan plan;
  RowLayout layout;
  uint32_t table_id = 0;  // its number in the ledger
  bool transactional = false;
  // Of a table with generated columns whose caller compares them afterwards; null for others. Such
  // a column may hold what strict mode refuses to compute (a cut text, a junk date made NULL): the
  // range is then loaded without strict mode, and this is set.
  std::atomic<bool>* computed_leniently = nullptr;
};

// Loads ranges of any table, one at a time, through its own session. Keeps the INSERT prepared as
// long as the table stays the same. Owned by one stage at a time.
class RangeLoader {
 public:
  // Takes over `session` and sets it up: no autocommit, no foreign key checks, strict mode with
  // invalid dates and zero in AUTO_INCREMENT columns allowed, no CHECK evaluation.
  static absl::StatusOr<std::unique_ptr<RangeLoader>> Make(std::unique_ptr<Session> session,
                                                           std::string control_schema,
                                                           bool skip_binlog);

  // Commits the range, or leaves nothing of it. A deadlock or a lock wait timeout is answered by
  // replaying the whole range, at most kMaxReplays times and not when `stopping` says so;
  // `replays()` counts them. The error of a refused row names its key, the server's message its
  // column; so does that of a row which the server took with a warning.
  absl::Status Load(const LoadTable& table, const Range& range,
                    const std::function<bool()>& stopping);

  uint64_t replays() const { return replays_; }
  Session& session() { return *session_; }

  // Ends the use of the table: its statement is closed before the table is altered.
  void Release() { insert_.reset(); }

 private:
  // With kLockWaitSeconds each: somebody may hold a lock for a minute.
  static constexpr int kMaxReplays = 20;

  RangeLoader(std::unique_ptr<Session> session, std::string control_schema)
      : session_(std::move(session)), control_schema_(std::move(control_schema)) {}
  // The rows of one execute.
  struct Span {
    const RowBatch* batch = nullptr;
    size_t first = 0;
    size_t count = 0;
  };

  absl::Status LoadOnce(const LoadTable& table, const Range& range);
  absl::Status Prepare(const LoadTable& table, const Range& range);
  absl::Status InsertBatch(const LoadTable& table, const RowBatch& batch, uint64_t enum_errors);
  absl::Status InsertRows(const LoadTable& table, const Span& rows, uint64_t enum_errors);
  absl::Status NameRow(const LoadTable& table, const Range& range, const absl::Status& refused);
  absl::Status RefuseHugeRow(const LoadTable& table, WireRow row) const;
  absl::Status SetStrict(bool strict);

  std::unique_ptr<Session> session_;
  std::string control_schema_;
  uint64_t max_packet_bytes_ = 0;
  uint64_t replays_ = 0;
  bool strict_ = true;
  bool leniently_ = false;             // the range is loaded without strict mode
  Span executing_;                     // without a batch: no row is to blame for an error
  uint32_t prepared_for_ = 0;          // ledger number of the table
  std::unique_ptr<RowInsert> insert_;  // closed before the session
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_
