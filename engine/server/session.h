// One connection to one server, and the statements of the control path: everything that is not a
// row. Rows travel through RowStream (out of the source) and RowInsert (into the target).
//
// A session belongs to one thread at a time; nothing here is synchronised.
#ifndef ZDPIPE_ENGINE_SERVER_SESSION_H_
#define ZDPIPE_ENGINE_SERVER_SESSION_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/elapsed.h"
#include "engine/errors.h"
#include "engine/server/endpoint.h"

struct st_mysql;  // libmariadb's MYSQL, known only inside engine/server

namespace zdpipe {

struct Version {
  bool mariadb = false;
  int major = 0;
  int minor = 0;
  int patch = 0;
  std::string text;  // as the server says it

  // True for a MariaDB of at least major.minor / a MySQL of at least major.minor.
  bool MariaDbAtLeast(int want_major, int want_minor) const;
  bool MySqlAtLeast(int want_major, int want_minor) const;
  // False where a FLOAT or DOUBLE of -0.0 becomes 0 when it is stored (seen: MariaDB 10.11
  // and 11.8; 10.5 and MySQL 5.6 keep the sign).
  bool KeepsNegativeZero() const { return !MariaDbAtLeast(10, 6); }
};

// Both are of one vendor, major and minor version.
bool SameRelease(const Version& a, const Version& b);

// A row of a textual result. NULL is nullopt, and so is a value that the row does not have: what a
// server answers may be of any shape.
class TextRow {
 public:
  void reserve(size_t width) { values_.reserve(width); }
  void Add(std::optional<std::string> value) { values_.push_back(std::move(value)); }

  size_t size() const { return values_.size(); }
  const std::optional<std::string>& operator[](size_t i) const {
    static const std::optional<std::string> kNone;
    return i < values_.size() ? values_[i] : kNone;
  }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::vector<std::optional<std::string>> values_;
};

// A result held in memory: small, textual, for catalogs and status.
struct Result {
  std::vector<std::string> columns;
  std::vector<TextRow> rows;

  // Index of the column with this name, ASCII case ignored; -1 when there is none.
  int Column(absl::string_view name) const;
  // The value at `row`, in the named column; nullopt for NULL, and where there is no such row or
  // column.
  std::optional<std::string> Get(size_t row, absl::string_view name) const;
  // As Get, with "" in place of nullopt.
  std::string Text(size_t row, absl::string_view name) const;
};

struct Warning {
  std::string level;  // "Note", "Warning", "Error"
  unsigned code = 0;
  std::string message;
};

struct SessionOptions {
  std::chrono::seconds connect_timeout{10};
  // In place of the endpoint's.
  std::optional<std::chrono::seconds> io_timeout;
  // A statement that takes longer than the io_timeout is waited for as long as another session
  // hears that the server works on it (index builds take hours). False: it is an error.
  bool patient = true;
  // A reply or row larger than this is refused by the client before it is stored.
  uint64_t max_packet_bytes = uint64_t{1} << 30;
  // A result of Query() larger than this is cut off, with the session: an endless answer. Catalogs
  // of 100 000 tables are 100 MiB.
  uint64_t max_result_bytes = uint64_t{1} << 30;
  // Appears in the server's process list, in performance_schema's connection attributes.
  std::string program_name = "zdpipe";
};

// What all sessions of this process together have waited for an end's answers so far.
struct Waits {
  std::atomic<uint64_t> nanoseconds = 0;
  std::atomic<uint64_t> answers = 0;
};
Waits& WaitsFor(End end);

// Counts the time until it is destroyed as a wait for one answer.
class WaitScope {
 public:
  explicit WaitScope(End end) : elapsed_(WaitsFor(end).nanoseconds) { ++WaitsFor(end).answers; }

 private:
  const ElapsedScope elapsed_;
};

class Session {
 public:
  // Connects, refuses LOCAL INFILE, sets utf8mb4, time_zone '+00:00' and an empty sql_mode.
  // Errors: kUsage for bad credentials or an unknown host; otherwise the class of `end`.
  static absl::StatusOr<std::unique_ptr<Session>> Connect(const Endpoint& endpoint, End end,
                                                          const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs a statement; a result, if there is one, is read and dropped. A server warning is an
  // error: `ExecuteWithWarnings` is for the statements where warnings are expected and looked at.
  // What a server says of later releases (that something is deprecated) is no warning here.
  absl::Status Execute(absl::string_view sql);
  absl::StatusOr<std::vector<Warning>> ExecuteWithWarnings(absl::string_view sql);
  // For a statement with a secret in it: `what` stands in errors in its place. (The server's own
  // message may still quote it; that is the caller's to look at.)
  absl::StatusOr<std::vector<Warning>> ExecuteSecret(absl::string_view sql, absl::string_view what);

  // Runs a query and returns its result. A CALL may have several: the first one with rows wins.
  absl::StatusOr<Result> Query(absl::string_view sql);
  // The outcome of each of the statements, which are all run, whatever becomes of the ones before.
  // They travel together where the server takes it so: many statements that take no time cost one
  // round trip. An answer may not take longer than the io_timeout.
  std::vector<absl::StatusOr<Result>> QueryAll(const std::vector<std::string>& statements);
  // The single value of a single row; an error when there is no row. NULL is "".
  absl::StatusOr<std::string> QueryValue(absl::string_view sql);

  // Sends without waiting / collects the outcome: lets one thread start statements on several
  // sessions at nearly the same moment.
  absl::Status SendStatement(absl::string_view sql);
  absl::Status AwaitStatement();

  // Ends the connection at once, whatever is still on its way. Only destruction can follow.
  void Cut();

  // Character data of results comes as it is stored, from now on; for sessions of row streams.
  absl::Status UseRawResults();

  // Tries a SET; false when the server does not know or does not allow it.
  bool TrySet(absl::string_view assignment);
  // Tries each of them.
  void TrySetAll(const std::vector<absl::string_view>& assignments);

  const Version& version() const { return version_; }
  const Endpoint& endpoint() const { return endpoint_; }
  End end() const { return end_; }
  Failure failure() const;          // the class of this server's failures
  unsigned long thread_id() const;  // for KILL
  bool encrypted() const { return encrypted_; }
  bool supports_bulk_execute() const;  // MARIADB_CLIENT_STMT_BULK_OPERATIONS
  // Whether the server takes a request before it has answered the one in front of it.
  bool TakesStatementsTogether() const;
  // Of the last statement, or of its last result.
  uint64_t affected_rows() const { return affected_rows_; }

  // The error the client library holds now, as a status that names `what`.
  absl::Status LastError(absl::string_view what) const;

  st_mysql* handle() { return mysql_; }  // for engine/server only

 private:
  Session(Endpoint endpoint, End end) : endpoint_(std::move(endpoint)), end_(end) {}
  absl::Status Open(const SessionOptions& options);
  absl::Status ConnectWith(const SessionOptions& options, bool tls);
  absl::Status ConnectError() const;
  absl::Status SetUp();
  absl::StatusOr<Result> CollectResults(absl::string_view sql);
  absl::StatusOr<Result> ReadResults(absl::string_view sql);
  absl::Status AwaitAnswer(absl::string_view what);
  absl::Status AskWhetherItWorks() const;
  absl::Status CutOff(absl::string_view sql, absl::string_view why);
  absl::StatusOr<std::vector<Warning>> ReadWarnings();

  Endpoint endpoint_;
  End end_;
  Version version_;
  bool encrypted_ = false;
  std::chrono::seconds io_timeout_{0};
  bool patient_ = true;
  bool raw_results_ = false;
  uint64_t affected_rows_ = 0;
  uint64_t max_result_bytes_ = 0;
  st_mysql* mysql_ = nullptr;
};

Version ParseVersion(absl::string_view text);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_SESSION_H_
