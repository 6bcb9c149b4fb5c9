#include "engine/ledger/ledger.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
    "error TEXT NOT NULL, started_at DATETIME NOT NULL, heartbeat_at DATETIME NOT NULL, "
    "tables_total BIGINT NOT NULL, bytes_estimate BIGINT NOT NULL";
constexpr char kObjectColumns[] =
    "object_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, table_id INT UNSIGNED NULL, "
    "kind VARCHAR(20) NOT NULL, schema_name VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, "
    "done TINYINT NOT NULL, KEY (table_id)";
constexpr char kRangeColumns[] =
    "table_id INT UNSIGNED NOT NULL, number BIGINT UNSIGNED NOT NULL, `rows` BIGINT NOT NULL, "
    "bytes BIGINT NOT NULL, digest CHAR(32) NOT NULL, first_key TEXT NOT NULL, "
    "last_key TEXT NOT NULL, PRIMARY KEY (table_id, number)";

constexpr char kSettingColumns[] =
    "name VARCHAR(40) NOT NULL PRIMARY KEY, value VARCHAR(1000) NOT NULL";

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

}  // namespace

absl::StatusOr<std::optional<LedgerRun>> Ledger::Read(Session& session,
                                                      absl::string_view control_schema) {
  const std::string schema = QuoteName(control_schema);
  const std::string exists =
      absl::StrCat("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ",
                   QuoteText(control_schema), " AND TABLE_NAME IN ('run', 'object', 'range')");
  ZDPIPE_ASSIGN_OR_RETURN(const Result tables, session.Query(exists));
  if (tables.rows.size() < 3) return std::nullopt;
  const absl::StatusOr<Result> read = session.Query(
      absl::StrCat("SELECT r.*, IS_USED_LOCK(", LockName(control_schema),
                   ") IS NOT NULL AS alive, ", "(SELECT COUNT(*) FROM ", schema,
                   ".object WHERE kind = 'table' AND done = 1) "
                   "AS tables_done, t.* FROM ",
                   schema,
                   ".run r, (SELECT COUNT(*) AS ranges, "
                   "COALESCE(SUM(`rows`), 0) AS `rows`, COALESCE(SUM(bytes), 0) AS bytes FROM ",
                   schema, ".`range`) t"));
  if (!read.ok()) return Unreadable(read.status(), control_schema);
  const Result& result = *read;
  if (result.rows.empty()) return std::nullopt;
  // Somebody may have written there: it is for people to read.
  auto text = [&result](absl::string_view column) { return Printable(result.Text(0, column)); };
  LedgerRun run;
  run.run_id = text("run_id");
  run.state = text("state");
  run.phase = text("phase");
  run.tool_version = text("tool_version");
  run.source = text("source");
  run.error = text("error");
  run.started_at = text("started_at");
  run.heartbeat_at = text("heartbeat_at");
  run.alive = result.Text(0, "alive") == "1";
  run.tables_total = Number(result.Text(0, "tables_total"));
  run.tables_done = Number(result.Text(0, "tables_done"));
  run.bytes_estimate = Number(result.Text(0, "bytes_estimate"));
  run.ranges = Number(result.Text(0, "ranges"));
  run.rows = Number(result.Text(0, "rows"));
  run.bytes = Number(result.Text(0, "bytes"));
  return run;
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Lock(Session& session, std::string control_schema) {
  ZDPIPE_ASSIGN_OR_RETURN(
      const std::string taken,
      session.QueryValue(absl::StrCat("SELECT GET_LOCK(", LockName(control_schema), ", 0)")));
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
  std::vector<LedgerObject> objects;
  if (!run.has_value() || run->state == "done") return objects;
  const absl::StatusOr<Result> result =
      session.Query(absl::StrCat("SELECT kind, schema_name, name FROM ",
                                 QuoteName(control_schema, "object"), " ORDER BY object_id"));
  if (!result.ok()) return Unreadable(result.status(), control_schema);
  for (size_t row = 0; row < result->rows.size(); ++row) {
    objects.push_back(
        {result->Text(row, "kind"), result->Text(row, "schema_name"), result->Text(row, "name")});
  }
  return objects;
}

bool Ledger::IsLedgerTable(absl::string_view name) {
  return name == "run" || name == "object" || name == "range" || name == "setting";
}

absl::Status Ledger::Start(const LedgerRun& run) {
  const std::string schema = QuoteName(control_schema_);
  // Notes ("database does not exist") are expected here, warnings are not.
  ZDPIPE_RETURN_IF_ERROR(Execute(absl::StrCat("DROP DATABASE IF EXISTS ", schema)));
  ZDPIPE_RETURN_IF_ERROR(
      Execute(absl::StrCat("CREATE DATABASE ", schema, " CHARACTER SET utf8mb4")));
  const std::pair<absl::string_view, absl::string_view> tables[] = {{"run", kRunColumns},
                                                                    {"object", kObjectColumns},
                                                                    {"range", kRangeColumns},
                                                                    {"setting", kSettingColumns}};
  for (const auto& [name, columns] : tables) {
    ZDPIPE_RETURN_IF_ERROR(Execute(absl::StrCat("CREATE TABLE ", Table(name), " (", columns,
                                                ") ENGINE=InnoDB "
                                                "COLLATE=utf8mb4_bin STATS_AUTO_RECALC=0")));
  }
  return Execute(absl::StrCat(
      "INSERT INTO ", Table("run"), " VALUES (", QuoteText(run.run_id), ", 'running', ",
      QuoteText(run.phase), ", ", QuoteText(run.tool_version), ", ", QuoteText(run.source),
      ", '', UTC_TIMESTAMP(), UTC_TIMESTAMP(), ", run.tables_total, ", ", run.bytes_estimate, ")"));
}

absl::Status Ledger::RecordObject(absl::string_view kind, absl::string_view schema,
                                  absl::string_view name) {
  return Execute(absl::StrCat("INSERT INTO ", Table("object"),
                              " (kind, schema_name, name, done) VALUES (", QuoteText(kind), ", ",
                              QuoteText(schema), ", ", QuoteText(name), ", 1)"));
}

absl::Status Ledger::ForgetObject(absl::string_view kind, absl::string_view schema,
                                  absl::string_view name) {
  return Execute(absl::StrCat("DELETE FROM ", Table("object"), " WHERE kind = ", QuoteText(kind),
                              " AND schema_name = ", QuoteText(schema),
                              " AND name = ", QuoteText(name)));
}

void Ledger::PlanTables(std::vector<std::pair<std::string, std::string>> tables) {
  std::lock_guard lock(mutex_);
  tables_ = std::move(tables);
  tables_begun_ = 0;
}

absl::Status Ledger::BeginTable(uint32_t table_id) {
  std::lock_guard lock(mutex_);
  if (table_id <= tables_begun_) return absl::OkStatus();
  const size_t end = std::min<size_t>(tables_.size(), table_id + kTablesAhead);
  std::string sql = absl::StrCat("INSERT INTO ", Table("object"),
                                 " (table_id, kind, schema_name, name, done) VALUES ");
  for (size_t i = tables_begun_; i < end; ++i) {
    absl::StrAppend(&sql, i == tables_begun_ ? "" : ", ", "(", i + 1, ", 'table', ",
                    QuoteText(tables_[i].first), ", ", QuoteText(tables_[i].second), ", 0)");
  }
  ZDPIPE_RETURN_IF_ERROR(session_.Execute(sql));
  tables_begun_ = end;
  return absl::OkStatus();
}

void Ledger::FinishTable(uint32_t table_id) {
  std::lock_guard lock(mutex_);
  finished_.push_back(table_id);
}

absl::Status Ledger::ForgetRanges(uint32_t table_id) {
  return Execute(absl::StrCat("DELETE FROM ", Table("range"), " WHERE table_id = ", table_id));
}

absl::Status Ledger::Heartbeat(absl::string_view phase) {
  ZDPIPE_RETURN_IF_ERROR(WriteFinished());
  return Execute(absl::StrCat("UPDATE ", Table("run"), " SET phase = ", QuoteText(phase),
                              ", heartbeat_at = UTC_TIMESTAMP()"));
}

absl::Status Ledger::WriteFinished() {
  std::lock_guard lock(mutex_);
  if (finished_.empty()) return absl::OkStatus();
  ZDPIPE_RETURN_IF_ERROR(
      session_.Execute(absl::StrCat("UPDATE ", Table("object"), " SET done = 1 WHERE table_id IN (",
                                    absl::StrJoin(finished_, ", "), ")")));
  finished_.clear();
  return absl::OkStatus();
}

absl::Status Ledger::Finish(absl::string_view state, absl::string_view error) {
  ZDPIPE_RETURN_IF_ERROR(WriteFinished());
  return Execute(absl::StrCat("UPDATE ", Table("run"), " SET state = ", QuoteText(state),
                              ", error = ", QuoteText(error.substr(0, kMaxKeyText)),
                              ", heartbeat_at = UTC_TIMESTAMP()"));
}

absl::Status Ledger::Drop() {
  return Execute(absl::StrCat("DROP DATABASE IF EXISTS ", QuoteName(control_schema_)));
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

absl::Status InsertRange(Session& session, absl::string_view control_schema,
                         const RangeRecord& record) {
  return session.Execute(absl::StrCat(
      "INSERT INTO ", QuoteName(control_schema, "range"), " VALUES (", record.table_id, ", ",
      record.number, ", ", record.rows, ", ", record.bytes, ", ", QuoteText(record.digest), ", ",
      QuoteText(record.first_key.substr(0, kMaxKeyText)), ", ",
      QuoteText(record.last_key.substr(0, kMaxKeyText)), ")"));
}

}  // namespace zdpipe
