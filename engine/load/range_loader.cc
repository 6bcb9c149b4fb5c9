#include "engine/load/range_loader.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/elapsed.h"
#include "engine/ledger/ledger.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Zero dates and invalid dates are legal values of the source; 0 in an AUTO_INCREMENT column must
// stay 0. Strict, so that nothing is truncated or rounded into a warning.
constexpr char kStrictMode[] =
    "sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";
// For ranges with ENUM error values, or with generated columns of such values, only: strict mode
// refuses to store them.
constexpr char kLenientMode[] = "sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";

constexpr int kLockWaitSeconds = 3;

// Somebody may hold a lock for a minute: locks are waited for at least so long.
constexpr std::chrono::seconds kAlwaysRetryFor{60};
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPauseForLocks{640};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::milliseconds kStopPoll{50};  // how late a cancel may be noticed

// What the request holds beside the rows' bytes: a byte per value instead of a bit, rounded up.
constexpr size_t kRequestOverheadBytes = 1024;

size_t RequestBytes(size_t row_bytes, size_t rows, size_t overhead_per_row) {
  return row_bytes + rows * overhead_per_row + kRequestOverheadBytes;
}

// A TIME may travel as text.
size_t OverheadPerRow(const RowLayout& layout) {
  constexpr size_t kTimeTextBytes = 20;
  size_t bytes = layout.columns.size();
  for (const WireColumn& column : layout.columns) {
    if (column.type == WireType::kTime) bytes += kTimeTextBytes;
  }
  return bytes;
}

// The first rows of `batch` from `first` that fit one request of `limit` bytes; at least one.
size_t RowsThatFit(const RowBatch& batch, size_t first, size_t overhead, size_t limit) {
  size_t count = batch.rows() - first;
  while (count > 1 && RequestBytes(batch.SpanBytes(first, count), count, overhead) > limit) {
    count = (count + 1) / 2;
  }
  return count;
}

// False for what the server would say of any row: it has no room, is read-only, or is going away.
bool IsOfARow(const absl::Status& status) {
  constexpr unsigned kOther[] = {1021 /* disk full */,     1030 /* storage engine error */,
                                 1053 /* shutting down */, 1114 /* table is full */,
                                 1290 /* read only */,     kErrQueryInterrupted,
                                 1836 /* read only */,     1927 /* killed */};
  const unsigned number = ServerErrnoOf(status);
  return !(number >= 2000 && number < 3000) &&
         std::find(std::begin(kOther), std::end(kOther), number) == std::end(kOther);
}

// By its key, or else by all of its values.
std::string RowName(const LoadTable& table, WireRow row) {
  constexpr size_t kShownBytes = 400;
  std::string name = KeyLiteral(table.plan, table.layout, row);
  if (name.empty()) {
    std::vector<KeyColumn> all;
    for (size_t i = 0; i < table.plan.columns.size(); ++i) {
      all.push_back({i, table.plan.columns[i].charset});
    }
    name = RowLiteral(all, table.layout, row);
  }
  if (name.size() > kShownBytes) name.replace(kShownBytes, std::string::npos, "...");
  return absl::StrCat("row ", name);
}

RangeRecord RecordOf(const LoadTable& table, const Range& range) {
  RangeRecord record;
  record.table_id = table.table_id;
  record.segment = range.segment;
  record.number = range.number;
  record.rows = range.rows();
  record.bytes = range.row_bytes();
  record.digest = range.digest().Hex();
  record.first_key = KeyLiteral(table.plan, table.layout, range.first_row());
  record.last_key = KeyLiteral(table.plan, table.layout, range.last_row());
  return record;
}

}  // namespace

void RetryLog::Add(absl::string_view cause) {
  std::lock_guard lock(mutex_);
  ++counts_[std::string(cause)];
}

std::map<std::string, uint64_t> RetryLog::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

absl::StatusOr<std::unique_ptr<RangeLoader>> RangeLoader::Make(LoaderOptions options) {
  std::unique_ptr<RangeLoader> loader(new RangeLoader(std::move(options)));
  ZDPIPE_RETURN_IF_ERROR(loader->Connect([] { return false; }));
  return loader;
}

absl::Status RangeLoader::Connect(const std::function<bool()>& stopping) {
  CloseSession();
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, options_.connect());
  Session& target = *session;
  if (lost_thread_ != 0) {
    // The server may not have noticed, and keep the locks of its transaction.
    ZDPIPE_RETURN_IF_ERROR(
        EndRecordedSessions(target, options_.claim.control_schema, lost_thread_, stopping));
    lost_thread_ = 0;
  }
  ZDPIPE_RETURN_IF_ERROR(RecordSession(target, options_.claim.control_schema));
  ZDPIPE_RETURN_IF_ERROR(target.Execute(absl::StrCat(
      "SET autocommit = 0, foreign_key_checks = 0, unique_checks = 1, ", kStrictMode)));
  strict_ = true;
  const std::string lock_wait = absl::StrCat("lock_wait_timeout = ", kLockWaitSeconds);
  const std::string row_lock_wait = absl::StrCat("innodb_", lock_wait);
  target.TrySetAll(
      {// Short, and replayed: a lock wait must end soon after a cancel, and the server does not let
       // an array execute that waits for a metadata lock be killed (10.11).
       lock_wait, row_lock_wait,
       // Rows that predate a CHECK are valid rows; and json_valid per row costs the target time.
       // MySQL has no such switch.
       "check_constraint_checks = 0",
       // MariaDB >= 10.11: the period of a system-versioned row may be given. Others do not know
       // it, and check has refused such tables for them.
       "system_versioning_insert_history = 1"});
  ZDPIPE_ASSIGN_OR_RETURN(const std::string packet,
                          target.QueryValue("SELECT @@max_allowed_packet"));
  if (!absl::SimpleAtoi(packet, &max_packet_bytes_)) {
    return MakeError(Failure::kTarget,
                     absl::StrCat("target: max_allowed_packet is '", packet, "'"));
  }
  session_ = std::move(session);
  return absl::OkStatus();
}

absl::Status RangeLoader::Load(const LoadTable& table, const Range& range,
                               const std::function<bool()>& stopping) {
  using Clock = std::chrono::steady_clock;
  const auto give_up = Clock::now() + options_.retry_for;
  const auto give_up_locks = std::max(give_up, Clock::now() + kAlwaysRetryFor);
  auto pause = kFirstPause;
  // Without transactions a range that strict mode stopped in its middle cannot be tried again.
  leniently_ = table.computed_leniently != nullptr && !table.transactional;
  if (leniently_) table.computed_leniently->store(true);
  while (true) {
    absl::Status status = session_ != nullptr ? absl::OkStatus() : Connect(stopping);
    if (status.ok()) status = LoadOnce(table, range, stopping);
    if (status.ok()) return status;
    const absl::string_view trouble = PassingTrouble(status);
    const bool rolled_back =
        session_ != nullptr && session_->ExecuteWithWarnings("ROLLBACK").status().ok();
    // A dead one rolls back by itself; one to a server that became read-only may be replaced by one
    // to the server that took over.
    if (!rolled_back || IsSessionLost(status) || trouble == kReadOnlyTrouble) CloseSession();
    if (!leniently_ && table.computed_leniently != nullptr && ConcernsOneObject(status)) {
      leniently_ = true;
      table.computed_leniently->store(true);
      continue;
    }
    const bool at_once = IsTransient(status);
    if (trouble.empty() || stopping() || !MayReplay(table, status) ||
        Clock::now() + pause > (at_once ? give_up_locks : give_up)) {
      const std::string first = KeyLiteral(table.plan, table.layout, range.first_row());
      const std::string last = KeyLiteral(table.plan, table.layout, range.last_row());
      if (!stopping() && session_ != nullptr) status = NameRow(table, range, status);
      return Annotate(
          status,
          absl::StrCat("load ", PrintableName(table.name.schema, table.name.name), " range ",
                       range.number, first.empty() ? "" : absl::StrCat(" ", first, " to ", last)));
    }
    options_.retries->Add(trouble);
    if (!at_once) options_.on_wait(absl::StrCat(trouble, ": ", status.message()));
    for (auto left = pause; left.count() > 0 && !stopping(); left -= kStopPoll) {
      std::this_thread::sleep_for(std::min(left, kStopPoll));
    }
    pause = std::min(2 * pause, at_once ? kLongestPauseForLocks : kLongestPause);
  }
}

// A table without transactions keeps what an interrupted statement has brought; only one that did
// not get its lock has brought nothing.
bool RangeLoader::MayReplay(const LoadTable& table, const absl::Status& status) const {
  return table.transactional || (!rows_sent_ && IsTransient(status));
}

absl::StatusOr<Session*> RangeLoader::OpenSession() {
  // The server takes "the last statement prepared" for this one when it refuses to prepare another.
  insert_.reset();
  if (session_ == nullptr) ZDPIPE_RETURN_IF_ERROR(Connect([] { return false; }));
  return session_.get();
}

void RangeLoader::CloseSession() {
  if (session_ != nullptr) lost_thread_ = session_->thread_id();
  insert_.reset();  // before its session
  session_.reset();
}

absl::Status RangeLoader::LoadOnce(const LoadTable& table, const Range& range,
                                   const std::function<bool()>& stopping) {
  // Rows are sent ahead of the answers where an error can be undone, and none is expected.
  const bool ahead = table.transactional && range.enum_error_values == 0 && !leniently_;
  const absl::Status loaded = LoadRows(table, range, ahead, stopping);
  if (loaded.ok() || !ahead || IsSessionLost(loaded)) return loaded;
  if (stopping()) {
    // The answers to come may have to wait for a lock.
    CloseSession();
    return loaded;
  }
  if (insert_ != nullptr) ZDPIPE_RETURN_IF_ERROR(insert_->DropAnswers());
  if (!PassingTrouble(loaded).empty()) return loaded;
  // Step by step it shows which rows are to blame.
  ZDPIPE_RETURN_IF_ERROR(session_->ExecuteWithWarnings("ROLLBACK").status());
  return LoadRows(table, range, false, stopping);
}

// `ahead`: the next rows may be sent before the server has answered.
absl::Status RangeLoader::LoadRows(const LoadTable& table, const Range& range, bool ahead,
                                   const std::function<bool()>& stopping) {
  rows_sent_ = false;
  ZDPIPE_RETURN_IF_ERROR(Prepare(table, range));
  const RangeRecord record = RecordOf(table, range);
  ZDPIPE_ASSIGN_OR_RETURN(const bool is_new, InsertRange(*session_, options_.claim, record));
  if (!is_new) return session_->Execute("ROLLBACK");
  if (table.transactional || session_->version().mariadb) {
    ZDPIPE_RETURN_IF_ERROR(InsertBatches(table, range, ahead));
  } else {
    ZDPIPE_RETURN_IF_ERROR(LoadApart(table, range, record, stopping));
  }
  executing_ = Span();
  const ElapsedScope commit(*options_.commit_nanoseconds);
  return session_->Execute("COMMIT");
}

// MySQL (enforce_gtid_consistency) takes rows of a table without transactions only in statements
// by themselves. The claim was ours, but is not held meanwhile: a run that takes over ends this
// session first (EndRecordedSessions). The range is recorded when its rows are there; a resume
// copies such a table anew in any case.
absl::Status RangeLoader::LoadApart(const LoadTable& table, const Range& range,
                                    const RangeRecord& record,
                                    const std::function<bool()>& stopping) {
  ZDPIPE_RETURN_IF_ERROR(session_->Execute("ROLLBACK"));
  ZDPIPE_RETURN_IF_ERROR(session_->Execute("SET autocommit = 1"));
  const absl::Status inserted = InsertBatches(table, range, /*ahead=*/false);
  const absl::Status back = session_->Execute("SET autocommit = 0");
  if (!back.ok()) CloseSession();  // not to be used in another mode
  ZDPIPE_RETURN_IF_ERROR(inserted);
  ZDPIPE_RETURN_IF_ERROR(back);
  const auto give_up = std::chrono::steady_clock::now() + kAlwaysRetryFor;
  while (true) {
    const absl::StatusOr<bool> is_new = InsertRange(*session_, options_.claim, record);
    if (is_new.ok() && *is_new) return absl::OkStatus();
    if (is_new.ok()) {
      return MakeError(Failure::kInternal, "somebody else has recorded the range meanwhile");
    }
    // The rows are in: only their record can be tried again.
    if (!IsTransient(is_new.status()) || stopping() || std::chrono::steady_clock::now() > give_up) {
      return is_new.status();
    }
    ZDPIPE_RETURN_IF_ERROR(session_->Execute("ROLLBACK"));
    std::this_thread::sleep_for(kFirstPause);
  }
}

absl::Status RangeLoader::InsertBatches(const LoadTable& table, const Range& range, bool ahead) {
  for (const RowBatch& batch : range.batches()) {
    ZDPIPE_RETURN_IF_ERROR(InsertBatch(table, batch, range.enum_error_values, ahead));
  }
  return insert_->Await();
}

absl::Status RangeLoader::Prepare(const LoadTable& table, const Range& range) {
  executing_ = Span();
  if (prepared_for_ != table.table_id || insert_ == nullptr) {
    insert_.reset();
    ZDPIPE_ASSIGN_OR_RETURN(insert_, RowInsert::Prepare(*session_, BestInsertMethod(*session_),
                                                        table.plan.insert_head, table.layout));
    prepared_for_ = table.table_id;
  }
  return SetStrict(range.enum_error_values == 0 && !leniently_);
}

absl::Status RangeLoader::InsertBatch(const LoadTable& table, const RowBatch& batch,
                                      uint64_t enum_errors, bool ahead) {
  const size_t overhead = OverheadPerRow(table.layout);
  for (size_t first = 0; first < batch.rows();) {
    const size_t count = RowsThatFit(batch, first, overhead, max_packet_bytes_);
    const size_t bytes = RequestBytes(batch.SpanBytes(first, count), count, overhead);
    executing_ = Span();
    if (bytes > max_packet_bytes_) {
      ZDPIPE_RETURN_IF_ERROR(insert_->Await());
      return RefuseHugeRow(table, batch.row(first));
    }
    if (ahead && insert_->MaySend(bytes)) {
      ZDPIPE_RETURN_IF_ERROR(insert_->Send(batch, first, count));
    } else {
      ZDPIPE_RETURN_IF_ERROR(insert_->Await());
      executing_ = {&batch, first, count};
      const uint64_t taken_before = insert_->rows_taken();
      const absl::Status inserted = InsertRows(table, executing_, enum_errors);
      rows_sent_ = rows_sent_ || insert_->rows_taken() > taken_before;
      ZDPIPE_RETURN_IF_ERROR(inserted);
    }
    first += count;
  }
  return absl::OkStatus();
}

absl::Status RangeLoader::InsertRows(const LoadTable& table, const Span& rows,
                                     uint64_t enum_errors) {
  // In lenient mode each ENUM error value gives exactly one warning; any other number of
  // warnings means that something else was changed on the way in.
  uint64_t warnings = 0;
  for (size_t row = rows.first; enum_errors > 0 && row < rows.first + rows.count; ++row) {
    warnings += CountEnumErrors(table.layout, rows.batch->row(row));
  }
  return insert_->Execute(*rows.batch, rows.first, rows.count,
                          leniently_ ? std::nullopt : std::optional<uint64_t>(warnings));
}

// The server says of an array of rows that one was refused, not reliably which. So what went in
// before goes in again (a duplicate may be of an earlier row), then the rows of the failed execute
// one by one, until one is refused. Nothing of it stays.
absl::Status RangeLoader::NameRow(const LoadTable& table, const Range& range,
                                  const absl::Status& refused) {
  const Span failed = executing_;
  if (failed.batch == nullptr || !table.transactional || !IsOfARow(refused)) return refused;
  absl::Status named = refused;
  absl::Status again = Prepare(table, range);
  for (const RowBatch& batch : range.batches()) {
    const bool last = &batch == failed.batch;
    const size_t overhead = OverheadPerRow(table.layout);
    const size_t end = last ? failed.first + failed.count : batch.rows();
    for (size_t first = 0; again.ok() && first < end;) {
      const bool single = last && first >= failed.first;
      const Span rows{&batch, first,
                      single ? 1 : RowsThatFit(batch, first, overhead, max_packet_bytes_)};
      again = InsertRows(table, rows, range.enum_error_values);
      if (!again.ok() && single) named = Annotate(again, RowName(table, batch.row(first)));
      first += rows.count;
    }
    if (last || !again.ok()) break;
  }
  (void)session_->ExecuteWithWarnings("ROLLBACK");
  return named;
}

absl::Status RangeLoader::RefuseHugeRow(const LoadTable& table, WireRow row) const {
  const std::string key = KeyLiteral(table.plan, table.layout, row);
  return WithHint(
      MakeServerError(Failure::kTarget, kErrPacketTooLarge,
                      absl::StrCat("a row of ", row.size(), " bytes",
                                   key.empty() ? "" : absl::StrCat(", key ", key),
                                   ", does not fit the target's max_allowed_packet of ",
                                   max_packet_bytes_, " bytes")),
      absl::StrCat("on the target: SET GLOBAL max_allowed_packet = ",
                   std::min<size_t>(size_t{1} << 30, (row.size() / 1048576 + 16) * 1048576),
                   " (at most 1 GiB; on RDS through the parameter group)"));
}

absl::Status RangeLoader::SetStrict(bool strict) {
  if (strict == strict_) return absl::OkStatus();
  ZDPIPE_RETURN_IF_ERROR(
      session_->Execute(absl::StrCat("SET ", strict ? kStrictMode : kLenientMode)));
  strict_ = strict;
  return absl::OkStatus();
}

}  // namespace zdpipe
