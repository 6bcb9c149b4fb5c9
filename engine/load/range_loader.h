// Writes ranges into the target: the rows and the ledger row of a range in one transaction.
#ifndef ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_
#define ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/ledger/ledger.h"
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
  bool lasting = false;  // its ranges are kept when the copy goes on after an error
  // Of a table with generated columns whose caller compares them afterwards; null for others. Such
  // a column may hold what strict mode refuses to compute (a cut text, a junk date made NULL): the
  // range is then loaded without strict mode, and this is set.
  std::atomic<bool>* computed_leniently = nullptr;
};

// What loaders replayed, by cause (PassingTrouble). Thread-safe.
class RetryLog {
 public:
  void Add(absl::string_view cause);
  std::map<std::string, uint64_t> counts() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> counts_;  // guarded by mutex_
};

struct LoaderOptions {
  RangeClaim claim;
  // A new session of the target, for the first one and in place of a lost one.
  std::function<absl::StatusOr<std::unique_ptr<Session>>()> connect;
  // How long a range is tried again, with a lost connection or a full disk, before it fails.
  std::chrono::seconds retry_for{0};
  // Told when a range waits to be tried again, and why.
  std::function<void(absl::string_view)> on_wait;
  RetryLog* retries = nullptr;  // outlives the loader
  // Time that commits took, of all loaders; outlives the loader.
  std::atomic<uint64_t>* commit_nanoseconds = nullptr;
};

// Loads ranges of any table, one at a time, through its own session. Keeps the INSERT prepared as
// long as the table stays the same. Owned by one stage at a time.
class RangeLoader {
 public:
  // Connects, and sets the session up: no autocommit, no foreign key checks, strict mode with
  // invalid dates and zero in AUTO_INCREMENT columns allowed, no CHECK evaluation.
  static absl::StatusOr<std::unique_ptr<RangeLoader>> Make(LoaderOptions options);

  // Commits the range, or leaves nothing of it. What may pass (a deadlock, a lock wait timeout, a
  // lost connection, a full disk, ...) is answered by replaying the whole range, with growing
  // pauses, for LoaderOptions::retry_for and not when `stopping` says so. A range that is in
  // already, because the answer to its COMMIT was lost, is done. Of a table without transactions
  // no range is replayed once some of its rows may be in.
  // The error of a refused row names its key, the server's message its column; so does that of a
  // row which the server took with a warning.
  absl::Status Load(const LoadTable& table, const Range& range,
                    const std::function<bool()>& stopping);

  // Its session, opened anew if it was lost; for use between two ranges.
  absl::StatusOr<Session*> OpenSession();

 private:
  explicit RangeLoader(LoaderOptions options) : options_(std::move(options)) {}
  absl::Status Connect(const std::function<bool()>& stopping);
  void CloseSession();
  // The rows of one execute.
  struct Span {
    const RowBatch* batch = nullptr;
    size_t first = 0;
    size_t count = 0;
  };

  absl::Status LoadOnce(const LoadTable& table, const Range& range,
                        const std::function<bool()>& stopping);
  absl::Status LoadRows(const LoadTable& table, const Range& range, bool ahead,
                        const std::function<bool()>& stopping);
  absl::Status LoadApart(const LoadTable& table, const Range& range, const RangeRecord& record,
                         const std::function<bool()>& stopping);
  absl::Status InsertBatches(const LoadTable& table, const Range& range, bool ahead);
  absl::Status Prepare(const LoadTable& table, const Range& range);
  absl::Status InsertBatch(const LoadTable& table, const RowBatch& batch, uint64_t enum_errors,
                           bool ahead);
  absl::Status InsertRows(const LoadTable& table, const Span& rows, uint64_t enum_errors);
  absl::Status NameRow(const LoadTable& table, const Range& range, const absl::Status& refused);
  absl::Status RefuseHugeRow(const LoadTable& table, WireRow row) const;
  absl::Status SetStrict(bool strict);
  bool MayReplay(const LoadTable& table, const absl::Status& status) const;

  const LoaderOptions options_;
  std::unique_ptr<Session> session_;
  unsigned long lost_thread_ = 0;  // id of a session that was given up; 0: none
  uint64_t max_packet_bytes_ = 0;
  bool strict_ = true;
  bool leniently_ = false;             // the range is loaded without strict mode
  bool rows_sent_ = false;             // some rows of the range have been taken
  Span executing_;                     // without a batch: no row is to blame for an error
  uint32_t prepared_for_ = 0;          // ledger number of the table
  std::unique_ptr<RowInsert> insert_;  // closed before the session
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_LOAD_RANGE_LOADER_H_
