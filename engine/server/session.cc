#include "engine/server/session.h"

#include <errmsg.h>
#include <fcntl.h>
#include <mysql.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr unsigned kErrUnknownHost = 2005;           // CR_UNKNOWN_HOST
constexpr unsigned kErrTls = 2026;                   // CR_SSL_CONNECTION_ERROR
constexpr unsigned kErrAuthPluginCannotLoad = 2059;  // CR_AUTH_PLUGIN_CANNOT_LOAD
constexpr unsigned kErrDatabaseAccessDenied = 1044;
constexpr unsigned kErrSecureTransport = 3159;  // require_secure_transport
constexpr unsigned kErrAccessDeniedNoPassword = 1698;

// Warnings that a later release will not take something, or takes it otherwise: of syntax (1287,
// 1681), of a sql_mode (3090, 3135), of utf8mb3, its name and its collations (3719, 3778).
constexpr unsigned kErrDeprecated[] = {1287, 1681, 3090, 3135, 3719, 3778};

// A server that does not say so much in this time does not work.
constexpr std::chrono::seconds kAskTimeout{10};

// Statements in messages are cut here: enough to recognise, too short to flood a log.
constexpr size_t kShownStatementBytes = 120;

std::string Shown(absl::string_view sql) {
  if (sql.size() <= kShownStatementBytes) return Printable(sql);
  return absl::StrCat(Printable(sql.substr(0, kShownStatementBytes)), "...");
}

std::string Shown(const Warning& warning) {
  return absl::StrCat(warning.level, " ", warning.code, ": ", warning.message);
}

// A limit of zero is none.
std::chrono::seconds NotLonger(std::chrono::seconds time, std::chrono::seconds limit) {
  return limit.count() > 0 ? std::min(time, limit) : time;
}

// The other end may vanish without a word: then the kernel finds out, within a minute.
void KeepAlive(int socket) {
  const std::pair<int, int> settings[] = {
      {TCP_KEEPIDLE, 20}, {TCP_KEEPINTVL, 10}, {TCP_KEEPCNT, 4}};
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  for (const auto& [name, value] : settings) {
    setsockopt(socket, IPPROTO_TCP, name, &value, sizeof(value));  // no effect on a Unix socket
  }
}

// The kernel holds 200 KB that were sent through a Unix socket; that is less than an array of rows,
// so the server would wait for us in the middle of each. (TCP finds its size by itself.)
void BufferSentRows(int unix_socket) {
  const int bytes = 2 << 20;  // two requests on their way; net.core.wmem_max may allow less
  setsockopt(unix_socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

// What a row takes in memory beside its values' bytes, so that rows without any do not count for
// nothing.
constexpr uint64_t kRowBytes = 64;

// Reads rows until the end, an error or the limit; false at the limit.
bool TakeRows(MYSQL_RES* rows, uint64_t max_bytes, Result& result) {
  const unsigned width = mysql_num_fields(rows);
  const MYSQL_FIELD* fields = mysql_fetch_fields(rows);
  for (unsigned i = 0; i < width; ++i) {
    result.columns.emplace_back(fields[i].name, fields[i].name_length);
  }
  uint64_t bytes = 0;
  while (MYSQL_ROW row = mysql_fetch_row(rows)) {
    const unsigned long* lengths = mysql_fetch_lengths(rows);
    TextRow& values = result.rows.emplace_back();
    values.reserve(width);
    bytes += kRowBytes;
    for (unsigned i = 0; i < width; ++i) {
      if (row[i] == nullptr) {
        values.Add(std::nullopt);
      } else {
        values.Add(std::string(row[i], lengths[i]));
        bytes += lengths[i];
      }
    }
    if (bytes > max_bytes) return false;
  }
  return true;
}

}  // namespace

bool Version::MariaDbAtLeast(int want_major, int want_minor) const {
  return mariadb && (major > want_major || (major == want_major && minor >= want_minor));
}

bool Version::MySqlAtLeast(int want_major, int want_minor) const {
  return !mariadb && (major > want_major || (major == want_major && minor >= want_minor));
}

bool SameRelease(const Version& a, const Version& b) {
  return a.mariadb == b.mariadb && a.major == b.major && a.minor == b.minor;
}

int Result::Column(absl::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (absl::EqualsIgnoreCase(columns[i], name)) return static_cast<int>(i);
  }
  return -1;
}

std::optional<std::string> Result::Get(size_t row, absl::string_view name) const {
  const int column = Column(name);
  return column < 0 || row >= rows.size() ? std::nullopt : rows[row][column];
}

std::string Result::Text(size_t row, absl::string_view name) const {
  return Get(row, name).value_or("");
}

Waits& WaitsFor(End end) {
  static Waits source;
  static Waits target;
  return end == End::kSource ? source : target;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Connect(const Endpoint& endpoint, End end,
                                                          const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(endpoint, end));
  ZDPIPE_RETURN_IF_ERROR(session->Open(options));
  return session;
}

absl::Status Session::Open(const SessionOptions& options) {
  max_result_bytes_ = options.max_result_bytes;
  const TlsOptions& tls = endpoint_.tls;
  absl::Status connected = ConnectWith(options, tls.required || tls.preferred);
  if (tls.preferred && ServerErrnoOf(connected) == kErrTls) {
    // The server cannot do TLS, or none that this machine takes. check says that nothing is hidden.
    connected = ConnectWith(options, false);
  } else if (ServerErrnoOf(connected) == kErrSecureTransport) {
    connected = ConnectWith(options, true);  // on this machine, too, the server wants nothing else
  }
  ZDPIPE_RETURN_IF_ERROR(connected);
  // The library goes on without TLS when the server offers none, whatever it was told.
  encrypted_ = mysql_get_ssl_cipher(mysql_) != nullptr;
  if (tls.required && !encrypted_) {
    return WithHint(
        MakeError(Failure::kUsage,
                  absl::StrCat("connect to ", EndName(end_), " '", Printable(endpoint_.name),
                               "': TLS is asked for, and the server offers none")),
        absl::StrCat("switch TLS on in the server, or say --", end_ == End::kSource ? "from" : "to",
                     "-ssl=false"));
  }
  version_ = ParseVersion(mysql_get_server_info(mysql_));
  return SetUp();
}

absl::Status Session::ConnectWith(const SessionOptions& options, bool use_tls) {
  if (mysql_ != nullptr) mysql_close(mysql_);
  mysql_ = mysql_init(nullptr);
  if (mysql_ == nullptr) return MakeError(Failure::kInternal, "mysql_init: out of memory");

  io_timeout_ = options.io_timeout.value_or(endpoint_.io_timeout);
  const std::chrono::seconds connect_timeout = NotLonger(options.connect_timeout, io_timeout_);
  const unsigned connect_seconds = static_cast<unsigned>(connect_timeout.count());
  mysql_options(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_seconds);
  patient_ = options.patient;
  if (io_timeout_.count() > 0) {
    const unsigned io_seconds = static_cast<unsigned>(io_timeout_.count());
    mysql_options(mysql_, MYSQL_OPT_READ_TIMEOUT, &io_seconds);
    mysql_options(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &io_seconds);
  }
  const size_t max_packet = options.max_packet_bytes;
  mysql_options(mysql_, MYSQL_OPT_MAX_ALLOWED_PACKET, &max_packet);
  // A hostile server may answer any statement with a request for a local file.
  const unsigned local_infile = 0;
  mysql_options(mysql_, MYSQL_OPT_LOCAL_INFILE, &local_infile);
  mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options4(mysql_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", options.program_name.c_str());
  if (endpoint_.compress) mysql_options(mysql_, MYSQL_OPT_COMPRESS, nullptr);

  const TlsOptions& tls = endpoint_.tls;
  if (!tls.ca.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_CA, tls.ca.c_str());
  if (!tls.cert.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_CERT, tls.cert.c_str());
  if (!tls.key.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_KEY, tls.key.c_str());
  const my_bool enforce = use_tls;
  if (use_tls) mysql_options(mysql_, MYSQL_OPT_SSL_ENFORCE, &enforce);
  const my_bool verify = tls.verify_server_cert;
  mysql_options(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);

  // An empty host makes the library use the socket; it must not look for defaults by itself.
  const char* host = endpoint_.host.empty() ? "localhost" : endpoint_.host.c_str();
  const char* socket = endpoint_.host.empty() ? endpoint_.socket.c_str() : nullptr;
  if (!endpoint_.host.empty()) {
    const unsigned protocol = MYSQL_PROTOCOL_TCP;
    mysql_options(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
  }
  if (mysql_real_connect(mysql_, host, endpoint_.user.c_str(), endpoint_.password.value().c_str(),
                         nullptr, endpoint_.port, socket, CLIENT_MULTI_RESULTS) == nullptr) {
    return ConnectError();
  }
  const int line = static_cast<int>(mysql_get_socket(mysql_));
  KeepAlive(line);
  if (socket != nullptr) BufferSentRows(line);
  return absl::OkStatus();
}

absl::Status Session::ConnectError() const {
  const unsigned number = mysql_errno(mysql_);
  const std::string message =
      absl::StrCat("connect to ", EndName(end_), " '", Printable(endpoint_.name), "' (",
                   Printable(endpoint_.Address()), ") as user '", Printable(endpoint_.user),
                   "': error ", number, ": ", Printable(mysql_error(mysql_)));
  switch (number) {
    case kErrUnknownHost:
      return WithHint(MakeServerError(Failure::kUsage, number, message),
                      "a bare word is an option-file group first ([zdpipe_NAME] or [NAME]), "
                      "then a host name; neither was found");
    case kErrAccessDenied:
    case kErrAccessDeniedNoPassword:
    case kErrDatabaseAccessDenied:
    case kErrAuthPluginCannotLoad:
      return WithHint(
          MakeServerError(Failure::kUsage, number, message),
          "check user and password: option file, --from-password-file / "
          "--to-password-file, or ZDPIPE_FROM_PASSWORD / ZDPIPE_TO_PASSWORD; an account "
          "or a server may also want TLS (--from-ssl, --to-ssl)");
    case kErrTls:
      return WithHint(
          MakeServerError(Failure::kUsage, number, message),
          "check ssl-ca, ssl-cert and ssl-key, and that the certificate is for the host "
          "name by which the server is called");
    default:
      return MakeServerError(failure(), number, message);
  }
}

absl::Status Session::SetUp() {
  // '+00:00': TIMESTAMP values must not pass through a daylight saving fold. Our quoting and SHOW
  // CREATE rely on a sql_mode without anything else; the CSV engine parses its values while it is
  // read, and takes a table for crashed when it meets an invalid date without ALLOW_INVALID_DATES.
  // Loaders set a stricter mode of their own. The rest is for what the server's owner or
  // init_connect may have set: sql_select_limit would cut off every result without a word,
  // completion_type end the session with its transaction, the others refuse statements of ours.
  ZDPIPE_RETURN_IF_ERROR(
      Execute("SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', "
              "sql_quote_show_create = 1, autocommit = 1, completion_type = 0, "
              "sql_select_limit = 18446744073709551615, sql_big_selects = 1, "
              "sql_safe_updates = 0"));
  // Some need a privilege, some are unknown to releases without the difference.
  std::vector<absl::string_view> wishes = {
      // A day by default: a lock held by somebody else must not look like a hang.
      "lock_wait_timeout = 60", "wait_timeout = 86400"};
  const auto wish = [&](std::initializer_list<absl::string_view> more) {
    wishes.insert(wishes.end(), more);
  };
  // Statements we run may take as long as they take; limits of the server's owner are for others.
  // Definitions are to be whole, with nothing in them that nobody has said; counters and sizes
  // as they are, not as they were a day ago (MySQL >= 8.0).
  if (version_.mariadb) {
    wish({"max_statement_time = 0"});
  } else {
    wish({"max_execution_time = 0", "information_schema_stats_expiry = 0",
          "show_gipk_in_create_table_and_information_schema = 1",
          "show_create_table_verbosity = 0"});
  }
  if (end_ == End::kTarget) {
    // So that a definition as an older server shows it means the same here, whatever this server's
    // defaults are: CHARSET=utf8mb4 without a collation (11.8 would take uca1400), utf8 (with an
    // empty old_mode it would become utf8mb4), TIMESTAMP NOT NULL without a default (with OFF it
    // would get CURRENT_TIMESTAMP), a foreign key to a key that is not unique (MySQL >= 8.4), a
    // table without a primary key.
    wish({"explicit_defaults_for_timestamp = 1"});
    if (version_.mariadb) {
      wish({"character_set_collations = ''", "old_mode = 'UTF8_IS_UTF8MB3'"});
    } else {
      wish({"restrict_fk_on_non_standard_key = 0", "sql_generate_invisible_primary_key = 0",
            "sql_require_primary_key = 0"});
    }
  }
  TrySetAll(wishes);
  return absl::OkStatus();
}

Session::~Session() {
  if (mysql_ != nullptr) mysql_close(mysql_);
}

absl::Status Session::Execute(absl::string_view sql) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Warning> warnings, ExecuteWithWarnings(sql));
  for (const Warning& warning : warnings) {
    if (warning.level != "Note") {
      return MakeServerError(failure(), warning.code,
                             absl::StrCat(Shown(sql), ": unexpected ", Shown(warning)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Warning>> Session::ExecuteWithWarnings(absl::string_view sql) {
  return ExecuteSecret(sql, Shown(sql));
}

absl::StatusOr<std::vector<Warning>> Session::ExecuteSecret(absl::string_view sql,
                                                            absl::string_view what) {
  if (mysql_send_query(mysql_, sql.data(), static_cast<unsigned long>(sql.size())) != 0) {
    return LastError(what);
  }
  ZDPIPE_RETURN_IF_ERROR(CollectResults(what).status());
  if (mysql_warning_count(mysql_) == 0) return std::vector<Warning>();
  return ReadWarnings();
}

absl::StatusOr<Result> Session::Query(absl::string_view sql) {
  ZDPIPE_RETURN_IF_ERROR(SendStatement(sql));
  return CollectResults(sql);
}

std::vector<absl::StatusOr<Result>> Session::QueryAll(const std::vector<std::string>& statements) {
  // Their requests must fit the line's buffers while nobody reads the answers.
  constexpr size_t kTogetherBytes = 4096;
  std::vector<absl::StatusOr<Result>> results;
  const bool together = TakesStatementsTogether();
  while (results.size() < statements.size()) {
    const size_t first = results.size();
    size_t end = first;
    absl::Status sent;
    for (size_t bytes = 0; sent.ok() && end < statements.size(); ++end) {
      bytes += statements[end].size();
      if (end > first && (!together || bytes > kTogetherBytes)) break;
      sent = SendStatement(statements[end]);
    }
    const WaitScope wait(end_);  // one round trip
    for (size_t i = first; i < end; ++i) {
      // Behind the first answer others may have been read into the library's buffer.
      const absl::Status waited = sent.ok() && i == first ? AwaitAnswer(statements[i]) : sent;
      // The library forgets an error when it sends, not when it reads the next answer.
      mysql_->net.last_errno = 0;
      results.push_back(waited.ok() ? ReadResults(statements[i]) : waited);
      const absl::Status& status = results.back().status();
      const bool not_of_the_server = !status.ok() && ServerErrnoOf(status) == 0;
      if (!sent.ok() || (!IsSessionLost(status) && !not_of_the_server)) continue;
      // Nothing of what follows is known to be the answer to what it seems to answer.
      sent = status;
      if (i + 1 < end) Cut();
    }
  }
  return results;
}

absl::StatusOr<std::string> Session::QueryValue(absl::string_view sql) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, Query(sql));
  if (result.rows.empty()) {
    return MakeError(failure(), absl::StrCat(Shown(sql), ": no row came back"));
  }
  return result.rows[0][0].value_or("");
}

absl::Status Session::SendStatement(absl::string_view sql) {
  if (mysql_send_query(mysql_, sql.data(), static_cast<unsigned long>(sql.size())) != 0) {
    return LastError(Shown(sql));
  }
  return absl::OkStatus();
}

absl::Status Session::AwaitStatement() { return CollectResults("statement").status(); }

// Reads every result of the statement just sent; keeps the first one that has rows, or else the
// first one at all.
absl::StatusOr<Result> Session::CollectResults(absl::string_view sql) {
  const WaitScope wait(end_);
  ZDPIPE_RETURN_IF_ERROR(AwaitAnswer(sql));
  return ReadResults(sql);
}

absl::StatusOr<Result> Session::ReadResults(absl::string_view sql) {
  // No statement of ours, nor a hoster's procedure, has more than a few results.
  constexpr int kMaxResults = 1000;
  Result kept;
  if (mysql_read_query_result(mysql_) != 0) return LastError(Shown(sql));
  for (int count = 0; count < kMaxResults; ++count) {
    if (MYSQL_RES* rows = mysql_use_result(mysql_); rows != nullptr) {
      Result result;
      const bool whole = TakeRows(rows, max_result_bytes_, result);
      const bool failed = mysql_errno(mysql_) != 0;
      const absl::Status error = failed ? LastError(Shown(sql)) : absl::OkStatus();
      // Freeing reads what is left, which may never end.
      if (!whole) Cut();
      mysql_free_result(rows);
      if (!whole) return CutOff(sql, "the answer is too large");
      if (failed) return error;
      if (kept.rows.empty() && (kept.columns.empty() || !result.rows.empty())) {
        kept = std::move(result);
      }
    } else if (mysql_field_count(mysql_) != 0) {
      return LastError(Shown(sql));
    }
    affected_rows_ = mysql_affected_rows(mysql_);  // the library forgets it in the next call
    const int next = mysql_next_result(mysql_);
    if (next > 0) return LastError(Shown(sql));
    if (next < 0) return kept;
  }
  Cut();
  return CutOff(sql, "the answer has too many results");
}

// With a reset, not an orderly end: a server that waits to write into a full window notices only
// that at once, and holds its transaction and metadata locks until it notices. And the library is
// left with a line that has ended: it reads on in what a shut down socket still receives, for ever
// when there is always more.
void Session::Cut() {
  const int line = static_cast<int>(mysql_get_socket(mysql_));
  const linger reset{1, 0};
  setsockopt(line, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  int ended[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ended) == 0) {
    close(ended[1]);
    dup3(ended[0], line, O_CLOEXEC);
    close(ended[0]);
  }
  mariadb_cancel(mysql_);
}

absl::Status Session::CutOff(absl::string_view sql, absl::string_view why) {
  // Not CR_SERVER_LOST: asking again would bring the same.
  return MakeServerError(failure(), CR_MALFORMED_PACKET,
                         absl::StrCat(EndName(end_), ": ", Shown(sql), ": ", why,
                                      " and was cut off, with the connection"));
}

// Waits until the first byte of the answer is here. The library's own limit, for each read, would
// end a statement that rightly takes hours.
absl::Status Session::AwaitAnswer(absl::string_view what) {
  using Clock = std::chrono::steady_clock;
  if (io_timeout_.count() == 0) return absl::OkStatus();
  auto limit = Clock::now() + io_timeout_;
  pollfd readable{static_cast<int>(mysql_get_socket(mysql_)), POLLIN, 0};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now());
    const int ready = poll(&readable, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready > 0) return absl::OkStatus();  // also after an error, which the read then reports
    if (Clock::now() < limit) continue;      // interrupted by a signal
    absl::Status works = MakeError(failure(), "the time limit has passed");
    if (patient_) works = AskWhetherItWorks();
    if (!works.ok()) {
      Cut();  // a late answer must not be taken for another's
      return MakeServerError(failure(), kErrNoAnswer,
                             absl::StrCat(EndName(end_), ": ", Shown(what), ": no answer for ",
                                          io_timeout_.count(), " s: ", works.message()));
    }
    limit = Clock::now() + io_timeout_;
  }
}

// OK when the server says that this session's statement runs.
absl::Status Session::AskWhetherItWorks() const {
  SessionOptions options;
  options.io_timeout = NotLonger(kAskTimeout, io_timeout_);
  options.patient = false;
  ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> other, Connect(endpoint_, end_, options));
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result found,
      other->Query(absl::StrCat("SELECT COMMAND FROM information_schema.PROCESSLIST WHERE ID = ",
                                thread_id())));
  if (found.rows.empty()) return MakeError(failure(), "the server does not know the session");
  const std::string command = found.rows[0][0].value_or("");
  if (command != "Sleep" && command != "Killed") return absl::OkStatus();
  return MakeError(failure(), absl::StrCat("the server says that the session is idle (", command,
                                           "): its answer was lost"));
}

absl::StatusOr<std::vector<Warning>> Session::ReadWarnings() {
  const unsigned count = mysql_warning_count(mysql_);
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, Query("SHOW WARNINGS"));
  std::vector<Warning> warnings;
  if (result.rows.size() < count) {
    // The server keeps max_error_count of them.
    warnings.push_back({"Warning", 0, absl::StrCat(count - result.rows.size(), " more")});
  }
  for (size_t row = 0; row < result.rows.size(); ++row) {
    Warning warning;
    (void)absl::SimpleAtoi(result.Text(row, "Code"), &warning.code);
    if (absl::c_linear_search(kErrDeprecated, warning.code)) continue;
    warning.level = result.Text(row, "Level");
    warning.message = Printable(result.Text(row, "Message"));
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

absl::Status Session::UseRawResults() {
  if (raw_results_) return absl::OkStatus();
  ZDPIPE_RETURN_IF_ERROR(Execute("SET character_set_results = NULL"));
  raw_results_ = true;
  return absl::OkStatus();
}

bool Session::TrySet(absl::string_view assignment) {
  return ExecuteWithWarnings(absl::StrCat("SET SESSION ", assignment)).ok();
}

void Session::TrySetAll(const std::vector<absl::string_view>& assignments) {
  std::vector<std::string> statements;
  for (const absl::string_view assignment : assignments) {
    statements.push_back(absl::StrCat("SET SESSION ", assignment));
  }
  (void)QueryAll(statements);  // a lost session shows up in the next statement
}

Failure Session::failure() const {
  return end_ == End::kSource ? Failure::kSource : Failure::kTarget;
}

unsigned long Session::thread_id() const { return mysql_thread_id(mysql_); }

bool Session::supports_bulk_execute() const {
  unsigned long capabilities = 0;
  mariadb_get_infov(mysql_, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities);
  return version_.mariadb && (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

// The servers that take a prepared statement and its first execute together (the library sends them
// so), MariaDB >= 10.2. Older ones throw away what comes before they have answered.
bool Session::TakesStatementsTogether() const {
  return supports_bulk_execute() && !endpoint_.compress;
}

absl::Status Session::LastError(absl::string_view what) const {
  const unsigned number = mysql_errno(mysql_);
  if (number == 0) {
    return MakeError(failure(), absl::StrCat(EndName(end_), ": ", what,
                                             ": the connection ended without an error"));
  }
  return MakeServerError(failure(), number,
                         absl::StrCat(EndName(end_), ": ", what, ": error ", number, ": ",
                                      Printable(mysql_error(mysql_))));
}

Version ParseVersion(absl::string_view text) {
  Version version;
  version.text = std::string(text);
  version.mariadb = absl::StrContains(text, "MariaDB");
  // Some MariaDB servers say "5.5.5-10.6.11-MariaDB" for the sake of old replicas.
  if (version.mariadb && absl::StartsWith(text, "5.5.5-")) text.remove_prefix(6);
  std::sscanf(std::string(text).c_str(), "%d.%d.%d", &version.major, &version.minor,
              &version.patch);
  return version;
}

}  // namespace zdpipe
