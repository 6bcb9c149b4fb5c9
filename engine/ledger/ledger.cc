#include "engine/ledger/ledger.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/server/server_session.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Key text longer than this is cut: it is for people; a key that long cannot be an index entry.
constexpr size_t kMaxKeyText = 16000;

// Tables written to the ledger ahead of the one that is begun.
constexpr size_t kTablesAhead = 127;

constexpr char kRunColumns[] =
    "run_id VARCHAR(40) NOT NULL PRIMARY KEY, state VARCHAR(20) NOT NULL, "
    "phase VARCHAR(200) NOT NULL, tool_version VARCHAR(40) NOT NULL, source VARCHAR(512) NOT NULL, "
    "error TEXT NOT NULL, exit_code INT NULL, started_at DATETIME NOT NULL, heartbeat_at DATETIME "
    "NOT NULL, "
    "tables_total BIGINT NOT NULL, bytes_estimate BIGINT NOT NULL";
constexpr char kObjectColumns[] =
    "object_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, table_id INT UNSIGNED NULL, "
    "kind VARCHAR(20) NOT NULL, schema_name VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, "
    "stage TINYINT NOT NULL, boundaries LONGTEXT NULL, KEY (table_id)";
constexpr char kRangeColumns[] =
    "table_id INT UNSIGNED NOT NULL, segment INT UNSIGNED NOT NULL, "
    "number BIGINT UNSIGNED NOT NULL, `rows` BIGINT NOT NULL, bytes BIGINT NOT NULL, "
    "digest CHAR(32) NOT NULL, first_key TEXT NOT NULL, last_key TEXT NOT NULL, "
    "PRIMARY KEY (table_id, segment, number)";

constexpr char kSettingColumns[] =
    "name VARCHAR(40) NOT NULL PRIMARY KEY, value VARCHAR(1000) NOT NULL";
constexpr char kPlanColumns[] =
    "position INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, value LONGTEXT NOT NULL";
constexpr char kSessionColumns[] =
    "number INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, thread_id BIGINT UNSIGNED NOT NULL, "
    "user VARCHAR(255) NOT NULL, host VARCHAR(255) NOT NULL, server_started BIGINT NOT NULL, "
    "KEY (thread_id)";
constexpr char kClaimColumns[] = "token VARCHAR(80) NOT NULL PRIMARY KEY";

struct LedgerTableDefinition {
  absl::string_view name;
  absl::string_view columns;
};
// In the order in which they are removed: without the first a ledger is not taken for whole, and
// the last says how the run ended (see ReadRemains).
constexpr LedgerTableDefinition kTables[] = {
    {"object", kObjectColumns}, {"claim", kClaimColumns},     {"plan", kPlanColumns},
    {"range", kRangeColumns},   {"session", kSessionColumns}, {"setting", kSettingColumns},
    {"run", kRunColumns}};

uint64_t Number(const std::string& text) {
  uint64_t value = 0;
  (void)absl::SimpleAtoi(text, &value);
  return value;
}

// Tables that are no ledger, or not of this version, or may not be read.
absl::Status Unreadable(const absl::Status& status, absl::string_view control_schema) {
  if (IsSessionLost(status)) return status;
  return WithHint(
      Annotate(Reclassify(status, Failure::kRefused),
               absl::StrCat("the ledger in schema ", Printable(control_schema), " cannot be read")),
      absl::StrCat(
          "GRANT SELECT on it; or, if it is damaged, remove by hand what its run has left, "
          "and then the schema: DROP DATABASE ",
          Printable(QuoteName(control_schema))));
}

std::string LockName(absl::string_view control_schema) {
  return QuoteText(absl::StrCat("zdpipe.", control_schema));
}

std::string FromSessions(absl::string_view control_schema, std::optional<unsigned long> thread_id) {
  return absl::StrCat(" FROM ", QuoteName(control_schema, "session"),
                      thread_id.has_value() ? absl::StrCat(" WHERE thread_id = ", *thread_id) : "");
}

LedgerRun RunOf(const Result& result) {
  // Somebody may have written there: it is for people to read.
  auto text = [&result](absl::string_view column) { return Printable(result.Text(0, column)); };
  LedgerRun run;
  run.run_id = text("run_id");
  run.state = text("state");
  run.phase = text("phase");
  run.tool_version = text("tool_version");
  run.source = text("source");
  run.error = text("error");
  run.exit_code = static_cast<int>(Number(result.Text(0, "exit_code")));
  run.started_at = text("started_at");
  run.heartbeat_at = text("heartbeat_at");
  run.tables_total = Number(result.Text(0, "tables_total"));
  run.bytes_estimate = Number(result.Text(0, "bytes_estimate"));
  return run;
}

// A ledger that was being dropped: the run has ended well, or another one was about to start anew.
absl::StatusOr<std::optional<LedgerRun>> ReadRemains(Session& session, const std::string& schema) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          session.Query(absl::StrCat("SELECT * FROM ", schema, ".run")));
  if (result.rows.empty() || result.Text(0, "state") != "done") return std::nullopt;
  LedgerRun run = RunOf(result);
  run.remains_only = true;
  return run;
}

}  // namespace

absl::StatusOr<std::optional<LedgerRun>> Ledger::Read(Session& session,
                                                      absl::string_view control_schema) {
  const std::string schema = QuoteName(control_schema);
  const std::string exists =
      absl::StrCat("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ",
                   QuoteText(control_schema), " AND TABLE_NAME IN ('run', 'object', 'range')");
  ZDPIPE_ASSIGN_OR_RETURN(const Result tables, session.Query(exists));
  bool has_run = false;
  for (const auto& row : tables.rows) has_run = has_run || row[0] == "run";
  if (!has_run) return std::nullopt;
  if (tables.rows.size() < 3) return ReadRemains(session, schema);
  const absl::StatusOr<Result> read = session.Query(
      absl::StrCat("SELECT r.*, IS_USED_LOCK(", LockName(control_schema),
                   ") IS NOT NULL AS alive, ", "(SELECT COUNT(*) FROM ", schema,
                   ".object WHERE kind = 'table' AND stage = 2) "
                   "AS tables_done, t.* FROM ",
                   schema,
                   ".run r, (SELECT COUNT(*) AS ranges, "
                   "COALESCE(SUM(`rows`), 0) AS `rows`, COALESCE(SUM(bytes), 0) AS bytes FROM ",
                   schema, ".`range`) t"));
  if (!read.ok()) return Unreadable(read.status(), control_schema);
  const Result& result = *read;
  if (result.rows.empty()) return std::nullopt;
  LedgerRun run = RunOf(result);
  run.alive = result.Text(0, "alive") == "1";
  run.tables_done = Number(result.Text(0, "tables_done"));
  run.ranges = Number(result.Text(0, "ranges"));
  run.rows = Number(result.Text(0, "rows"));
  run.bytes = Number(result.Text(0, "bytes"));
  return run;
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Lock(Session& session, std::string control_schema,
                                                     std::chrono::seconds patience) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::string taken, session.QueryValue(absl::StrCat(
                                                       "SELECT GET_LOCK(", LockName(control_schema),
                                                       ", ", patience.count(), ")")));
  if (taken != "1") {
    return WithHint(
        MakeError(Failure::kBusy,
                  absl::StrCat("another run holds the target '", Printable(session.endpoint().name),
                               "' (lock ", LockName(control_schema), ")")),
        "look at it with: zdpipe status --to TARGET");
  }
  return std::unique_ptr<Ledger>(new Ledger(session, std::move(control_schema)));
}

absl::StatusOr<std::vector<LedgerObject>> Ledger::EarlierObjects(Session& session,
                                                                 absl::string_view control_schema) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<LedgerRun> run, Read(session, control_schema));
  if (!run.has_value() || run->state == "done") return std::vector<LedgerObject>();
  return Objects(session, control_schema);
}

absl::StatusOr<std::vector<LedgerObject>> Ledger::Objects(Session& session,
                                                          absl::string_view control_schema) {
  const absl::StatusOr<Result> result = session.Query(absl::StrCat(
      "SELECT kind, schema_name, name FROM ", QuoteName(control_schema, "object"),
      " WHERE stage <> ", static_cast<int>(TableStage::kForeign), " ORDER BY object_id"));
  if (!result.ok()) return Unreadable(result.status(), control_schema);
  std::vector<LedgerObject> objects;
  for (size_t row = 0; row < result->rows.size(); ++row) {
    objects.push_back(
        {result->Text(row, "kind"), result->Text(row, "schema_name"), result->Text(row, "name")});
  }
  return objects;
}

bool Ledger::IsLedgerTable(absl::string_view name) {
  return std::any_of(std::begin(kTables), std::end(kTables),
                     [&](const LedgerTableDefinition& table) { return table.name == name; });
}

absl::Status Ledger::Start(const LedgerRun& run, const Plan& plan, absl::string_view token) {
  const std::string schema = QuoteName(control_schema_);
  // Notes ("database does not exist") are expected here, warnings are not.
  ZDPIPE_RETURN_IF_ERROR(Execute(absl::StrCat("DROP DATABASE IF EXISTS ", schema)));
  ZDPIPE_RETURN_IF_ERROR(
      Execute(absl::StrCat("CREATE DATABASE ", schema, " CHARACTER SET utf8mb4")));
  for (const auto& [name, columns] : kTables) {
    ZDPIPE_RETURN_IF_ERROR(Execute(absl::StrCat("CREATE TABLE ", Table(name), " (", columns,
                                                ") ENGINE=InnoDB "
                                                "COLLATE=utf8mb4_bin STATS_AUTO_RECALC=0")));
  }
  ZDPIPE_RETURN_IF_ERROR(
      Execute(absl::StrCat("INSERT INTO ", Table("claim"), " VALUES (", QuoteText(token), ")")));
  std::string rows;
  for (size_t i = 0; i < plan.size(); ++i) {
    absl::StrAppend(&rows, i == 0 ? "" : ", ", "(", i, ", ", QuoteText(plan[i].first), ", ",
                    QuoteText(plan[i].second), ")");
  }
  ZDPIPE_RETURN_IF_ERROR(Execute(absl::StrCat("INSERT INTO ", Table("plan"), " VALUES ", rows)));
  // Last: a ledger without this row is none.
  return Execute(absl::StrCat("INSERT INTO ", Table("run"), " VALUES (", QuoteText(run.run_id),
                              ", 'running', ", QuoteText(run.phase), ", ",
                              QuoteText(run.tool_version), ", ", QuoteText(run.source),
                              ", '', NULL, UTC_TIMESTAMP(), UTC_TIMESTAMP(), ", run.tables_total,
                              ", ", run.bytes_estimate, ")"));
}

absl::StatusOr<Ledger::Plan> Ledger::ReadPlan() {
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      Query(absl::StrCat("SELECT name, value FROM ", Table("plan"), " ORDER BY position")));
  Plan plan;
  for (size_t row = 0; row < result.rows.size(); ++row) {
    plan.emplace_back(result.Text(row, "name"), result.Text(row, "value"));
  }
  return plan;
}

absl::StatusOr<std::vector<LedgerTable>> Ledger::ReadTables() {
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      Query(absl::StrCat("SELECT table_id, schema_name, name, stage FROM ", Table("object"),
                         " WHERE kind = 'table' ORDER BY table_id")));
  std::vector<LedgerTable> tables;
  for (size_t row = 0; row < result.rows.size(); ++row) {
    LedgerTable& table = tables.emplace_back();
    table.table_id = static_cast<uint32_t>(Number(result.Text(row, "table_id")));
    table.schema = result.Text(row, "schema_name");
    table.name = result.Text(row, "name");
    const std::string stage = result.Text(row, "stage");
    if (table.table_id != tables.size() || stage.size() != 1 || stage < "0" || stage > "3") {
      return MakeError(Failure::kResume,
                       absl::StrCat("the ledger is damaged: table ", table.table_id, " (",
                                    PrintableName(table.schema, table.name), "), stage ",
                                    Printable(stage), ", at place ", tables.size()));
    }
    table.stage = static_cast<TableStage>(Number(stage));
  }
  return tables;
}

absl::StatusOr<std::vector<RangeRecord>> Ledger::ReadRanges(uint32_t table_id) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, Query(absl::StrCat("SELECT * FROM ", Table("range"),
                                                                  " WHERE table_id = ", table_id,
                                                                  " ORDER BY segment, number")));
  std::vector<RangeRecord> ranges;
  for (size_t row = 0; row < result.rows.size(); ++row) {
    RangeRecord& range = ranges.emplace_back();
    range.table_id = table_id;
    range.segment = static_cast<uint32_t>(Number(result.Text(row, "segment")));
    range.number = Number(result.Text(row, "number"));
    range.rows = Number(result.Text(row, "rows"));
    range.bytes = Number(result.Text(row, "bytes"));
    range.digest = result.Text(row, "digest");
    range.first_key = result.Text(row, "first_key");
    range.last_key = result.Text(row, "last_key");
  }
  return ranges;
}

absl::StatusOr<std::string> Ledger::ReadBoundaries(uint32_t table_id) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          Query(absl::StrCat("SELECT boundaries FROM ", Table("object"),
                                             " WHERE table_id = ", table_id)));
  return result.rows.empty() ? "" : result.Text(0, "boundaries");
}

absl::Status Ledger::SetBoundaries(uint32_t table_id, absl::string_view boundaries) {
  return Execute(absl::StrCat("UPDATE ", Table("object"), " SET boundaries = ",
                              QuoteText(boundaries), " WHERE table_id = ", table_id));
}

absl::Status Ledger::Resume(absl::string_view token) {
  ZDPIPE_RETURN_IF_ERROR(
      Execute(absl::StrCat("UPDATE ", Table("claim"), " SET token = ", QuoteText(token))));
  return Execute(absl::StrCat("UPDATE ", Table("run"),
                              " SET state = 'running', error = '', exit_code = NULL, ",
                              "heartbeat_at = UTC_TIMESTAMP()"));
}

absl::Status Ledger::RecordObject(absl::string_view kind, absl::string_view schema,
                                  absl::string_view name) {
  return Execute(absl::StrCat("INSERT INTO ", Table("object"),
                              " (kind, schema_name, name, stage) VALUES (", QuoteText(kind), ", ",
                              QuoteText(schema), ", ", QuoteText(name), ", 0)"));
}

absl::Status Ledger::ForgetObject(absl::string_view kind, absl::string_view schema,
                                  absl::string_view name) {
  return Execute(absl::StrCat("DELETE FROM ", Table("object"), " WHERE kind = ", QuoteText(kind),
                              " AND schema_name = ", QuoteText(schema),
                              " AND name = ", QuoteText(name)));
}

void Ledger::PlanTables(std::vector<std::pair<std::string, std::string>> tables, size_t begun) {
  std::lock_guard lock(mutex_);
  tables_ = std::move(tables);
  tables_begun_ = begun;
}

absl::Status Ledger::BeginTable(uint32_t table_id) {
  std::lock_guard lock(mutex_);
  if (table_id <= tables_begun_) return absl::OkStatus();
  const size_t end = std::min<size_t>(tables_.size(), table_id + kTablesAhead);
  std::string sql = absl::StrCat("INSERT INTO ", Table("object"),
                                 " (table_id, kind, schema_name, name, stage) VALUES ");
  for (size_t i = tables_begun_; i < end; ++i) {
    absl::StrAppend(&sql, i == tables_begun_ ? "" : ", ", "(", i + 1, ", 'table', ",
                    QuoteText(tables_[i].first), ", ", QuoteText(tables_[i].second), ", 0)");
  }
  ZDPIPE_RETURN_IF_ERROR(session_.Execute(sql));
  tables_begun_ = end;
  return absl::OkStatus();
}

void Ledger::SetStage(uint32_t table_id, TableStage stage) {
  std::lock_guard lock(mutex_);
  stages_.emplace_back(table_id, stage);
}

absl::Status Ledger::BeginAgain(uint32_t table_id) {
  std::lock_guard lock(mutex_);
  std::erase_if(stages_, [&](const auto& stage) { return stage.first == table_id; });
  return session_.Execute(
      absl::StrCat("UPDATE ", Table("object"), " SET stage = 0 WHERE table_id = ", table_id));
}

absl::Status Ledger::Disown(uint32_t table_id) {
  return Execute(absl::StrCat("UPDATE ", Table("object"),
                              " SET stage = ", static_cast<int>(TableStage::kForeign),
                              " WHERE table_id = ", table_id));
}

absl::Status Ledger::ForgetRanges(uint32_t table_id) {
  ZDPIPE_RETURN_IF_ERROR(
      Execute(absl::StrCat("DELETE FROM ", Table("range"), " WHERE table_id = ", table_id)));
  // Last: as long as there are ranges it must be known of which segments they are.
  return Execute(absl::StrCat("UPDATE ", Table("object"),
                              " SET boundaries = NULL WHERE table_id = ", table_id));
}

absl::Status Ledger::Heartbeat(absl::string_view phase) {
  ZDPIPE_RETURN_IF_ERROR(WriteStages());
  return Execute(absl::StrCat("UPDATE ", Table("run"), " SET phase = ", QuoteText(phase),
                              ", heartbeat_at = UTC_TIMESTAMP()"));
}

void Ledger::SkipBinlog() {
  std::lock_guard lock(mutex_);
  session_.TrySet("sql_log_bin = 0");
}

absl::Status Ledger::RecordOwnSession() {
  std::lock_guard lock(mutex_);
  return RecordSession(session_, control_schema_);
}

absl::Status Ledger::KeepAlive() { return Execute("DO 1"); }

absl::Status Ledger::WriteStages() {
  std::lock_guard lock(mutex_);
  for (const TableStage stage : {TableStage::kRowsIn, TableStage::kDone}) {
    std::vector<uint32_t> tables;
    for (const auto& [table_id, reached] : stages_) {
      if (reached == stage) tables.push_back(table_id);
    }
    if (tables.empty()) continue;
    ZDPIPE_RETURN_IF_ERROR(session_.Execute(
        absl::StrCat("UPDATE ", Table("object"), " SET stage = ", static_cast<int>(stage),
                     " WHERE table_id IN (", absl::StrJoin(tables, ", "), ")")));
  }
  stages_.clear();
  return absl::OkStatus();
}

absl::Status Ledger::Finish(absl::string_view state, absl::string_view error, int exit_code) {
  ZDPIPE_RETURN_IF_ERROR(WriteStages());
  return Execute(absl::StrCat("UPDATE ", Table("run"), " SET state = ", QuoteText(state),
                              ", error = ", QuoteText(error.substr(0, kMaxKeyText)),
                              ", exit_code = ", exit_code, ", heartbeat_at = UTC_TIMESTAMP()"));
}

absl::Status Ledger::Drop() {
  std::lock_guard lock(mutex_);
  return Remove(session_, control_schema_);
}

absl::Status Ledger::Remove(Session& session, absl::string_view control_schema) {
  std::string others;
  for (const LedgerTableDefinition& table : kTables) {
    if (table.name == "run") continue;  // goes with the schema
    absl::StrAppend(&others, others.empty() ? "" : ", ", QuoteName(control_schema, table.name));
  }
  ZDPIPE_RETURN_IF_ERROR(
      session.ExecuteWithWarnings(absl::StrCat("DROP TABLE IF EXISTS ", others)).status());
  return session
      .ExecuteWithWarnings(absl::StrCat("DROP DATABASE IF EXISTS ", QuoteName(control_schema)))
      .status();
}

absl::StatusOr<Ledger::Settings> Ledger::ReadSettings() {
  std::lock_guard lock(mutex_);
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, session_.Query(absl::StrCat(
                                                   "SELECT name, value FROM ", Table("setting"))));
  Settings settings;
  for (const auto& row : result.rows) {
    settings.emplace_back(row[0].value_or(""), row[1].value_or(""));
  }
  return settings;
}

absl::Status Ledger::WriteSettings(Session& session, absl::string_view control_schema,
                                   const Settings& settings) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<LedgerRun> run, Read(session, control_schema));
  if (!run.has_value() || !run->alive) {
    return MakeError(Failure::kUsage, absl::StrCat("no run is at work on the target '",
                                                   Printable(session.endpoint().name), "'"));
  }
  for (const auto& [name, value] : settings) {
    ZDPIPE_RETURN_IF_ERROR(session.Execute(absl::StrCat(
        "INSERT INTO ", QuoteName(control_schema, "setting"), " VALUES (", QuoteText(name), ", ",
        QuoteText(value), ") ON DUPLICATE KEY UPDATE value = ", QuoteText(value))));
  }
  return absl::OkStatus();
}

absl::Status Ledger::Execute(absl::string_view sql) {
  std::lock_guard lock(mutex_);
  return session_.Execute(sql);
}

std::string Ledger::Table(absl::string_view name) const { return QuoteName(control_schema_, name); }

absl::StatusOr<Result> Ledger::Query(absl::string_view sql) {
  std::lock_guard lock(mutex_);
  return session_.Query(sql);
}

absl::Status RecordSession(Session& session, absl::string_view control_schema) {
  ZDPIPE_ASSIGN_OR_RETURN(const ServerSession self, Identify(session));
  return session.Execute(absl::StrCat("INSERT INTO ", QuoteName(control_schema, "session"),
                                      " (thread_id, user, host, server_started) VALUES (",
                                      self.thread_id, ", ", QuoteText(self.user), ", ",
                                      QuoteText(self.host), ", ", self.server_started, ")"));
}

absl::StatusOr<std::vector<ServerSession>> RecordedSessions(
    Session& session, absl::string_view control_schema, std::optional<unsigned long> thread_id) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result rows,
                          session.Query(absl::StrCat("SELECT thread_id, user, host, server_started",
                                                     FromSessions(control_schema, thread_id))));
  std::vector<ServerSession> sessions;
  for (size_t row = 0; row < rows.rows.size(); ++row) {
    sessions.push_back({rows.Text(row, "thread_id"), rows.Text(row, "user"), rows.Text(row, "host"),
                        static_cast<int64_t>(Number(rows.Text(row, "server_started")))});
  }
  return sessions;
}

absl::Status EndRecordedSessions(Session& session, absl::string_view control_schema,
                                 std::optional<unsigned long> thread_id,
                                 const std::function<bool()>& stopping) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<ServerSession> sessions,
                          RecordedSessions(session, control_schema, thread_id));
  ZDPIPE_RETURN_IF_ERROR(EndSessions(session, sessions, stopping));
  return session.Execute(absl::StrCat("DELETE", FromSessions(control_schema, thread_id)));
}

absl::StatusOr<bool> InsertRange(Session& session, const RangeClaim& claim,
                                 const RangeRecord& record) {
  const std::string table = QuoteName(claim.control_schema, "range");
  // The shared lock on the claim makes a run that takes over wait for this transaction.
  const absl::Status inserted = session.Execute(absl::StrCat(
      "INSERT INTO ", table, " SELECT ", record.table_id, ", ", record.segment, ", ", record.number,
      ", ", record.rows, ", ", record.bytes, ", ", QuoteText(record.digest), ", ",
      QuoteText(record.first_key.substr(0, kMaxKeyText)), ", ",
      QuoteText(record.last_key.substr(0, kMaxKeyText)), " FROM ",
      QuoteName(claim.control_schema, "claim"), " WHERE token = ", QuoteText(claim.token),
      " LOCK IN SHARE MODE"));
  if (inserted.ok()) {
    if (session.affected_rows() == 1) return true;
    return MakeError(Failure::kBusy, "another run has taken over the target");
  }
  if (ServerErrnoOf(inserted) != kErrDuplicate) return inserted;
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result there,
      session.Query(
          absl::StrCat("SELECT `rows`, digest FROM ", table, " WHERE table_id = ", record.table_id,
                       " AND segment = ", record.segment, " AND number = ", record.number)));
  if (there.rows.size() == 1 && there.Text(0, "rows") == absl::StrCat(record.rows) &&
      there.Text(0, "digest") == record.digest) {
    return false;
  }
  return MakeError(Failure::kInternal, "the ledger has the range already, with other rows");
}

}  // namespace zdpipe
