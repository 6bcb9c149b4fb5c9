#include "pipeline/check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/schema/definitions.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// One look at the two ends; each method adds its findings.
class Checker {
 public:
  Checker(Session& source, Session& target, const CopyOptions& options,
          const std::vector<LedgerObject>& earlier, CheckResult& result)
      : source_(source), target_(target), options_(options), earlier_(earlier), result_(result) {}

  absl::Status Run() {
    result_.source = ReadIdentity(source_);
    result_.target = ReadIdentity(target_);
    CheckVersions();
    CheckSameServer();
    ZDPIPE_RETURN_IF_ERROR(CheckReplication());
    ZDPIPE_ASSIGN_OR_RETURN(result_.catalog, ReadCatalog(source_, options_.selection));
    for (const std::string& reason : result_.catalog.left_out) {
      Add("DATABASE_LEFT_OUT", Severity::kWarning, "", reason, "");
    }
    CheckNames();
    ZDPIPE_RETURN_IF_ERROR(CheckTargetEmpty());
    CheckTargetReadOnly();
    CheckPackets();
    ZDPIPE_RETURN_IF_ERROR(CheckEngines());
    ZDPIPE_RETURN_IF_ERROR(CheckCollations());
    CheckFeatures();
    if (SameRelease(source_.version(), target_.version())) return absl::OkStatus();
    ZDPIPE_RETURN_IF_ERROR(CheckFeaturesByQuery());
    ZDPIPE_RETURN_IF_ERROR(CheckKeyLengths());
    ZDPIPE_RETURN_IF_ERROR(CheckTimestampDefaults());
    return CheckDefinitions();
  }

 private:
  void Add(absl::string_view id, Severity severity, absl::string_view object,
           absl::string_view evidence, absl::string_view fix) {
    result_.findings.push_back(
        {std::string(id), severity, std::string(object), std::string(evidence), std::string(fix)});
  }

  static bool Supported(const Version& version) {
    return version.MariaDbAtLeast(10, 2) || version.MySqlAtLeast(5, 6);
  }

  void CheckVersions() {
    const std::pair<const Session*, const char*> ends[] = {{&source_, "SOURCE_TOO_OLD"},
                                                           {&target_, "TARGET_TOO_OLD"}};
    for (const auto& [session, id] : ends) {
      if (Supported(session->version())) continue;
      Add(id, Severity::kError, session->endpoint().name, session->version().text,
          "MariaDB 10.2 or MySQL 5.6 is the oldest supported version");
    }
    const Version& from = source_.version();
    const Version& to = target_.version();
    if (from.mariadb != to.mariadb) {
      Add("VENDOR_DIFFERS", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(from.text, " to ", to.text),
          "objects that the target's vendor does not know are listed and skipped; replication "
          "between vendors has limits of its own");
    } else if (std::pair(to.major, to.minor) < std::pair(from.major, from.minor)) {
      Add("TARGET_OLDER", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(from.text, " to ", to.text),
          "replicating from a newer master to an older one is not supported by the servers; "
          "upgrade the target first");
    }
  }

  void CheckSameServer() {
    const std::string source_uuid = ReadVariable(source_, "server_uid");
    if (!source_uuid.empty() && source_uuid == ReadVariable(target_, "server_uid") &&
        ReadVariable(source_, "port") == ReadVariable(target_, "port") &&
        ReadVariable(source_, "datadir") == ReadVariable(target_, "datadir") &&
        ReadVariable(source_, "socket") == ReadVariable(target_, "socket")) {
      Add("SAME_SERVER", Severity::kError, target_.endpoint().name,
          "source and target are the same server", "check --from and --to");
    }
  }

  absl::Status CheckReplication() {
    if (options_.source_state != SourceState::kStoppedReplica) {
      if (!result_.source.log_bin) {
        Add("SOURCE_WITHOUT_BINLOG", Severity::kWarning, source_.endpoint().name, "log_bin is OFF",
            "without a binlog there are no coordinates: the handoff will not be usable (exit 12)");
      }
      return absl::OkStatus();
    }
    absl::StatusOr<ReplicaStatus> replica = ReadReplicaStatus(source_);
    if (!replica.ok() && ServerErrnoOf(replica.status()) == kErrAccessDeniedSpecific) {
      Add("REPLICA_STATUS_DENIED", Severity::kError, source_.endpoint().name,
          replica.status().message(), HintOf(replica.status()));
      return absl::OkStatus();
    }
    if (!replica.ok()) return replica.status();
    result_.replica = *std::move(replica);
    if (result_.replica.channels.empty()) {
      Add("SOURCE_NOT_REPLICA", Severity::kError, source_.endpoint().name,
          absl::StrCat(result_.replica.taken_from, " is empty"),
          "point --from at the stopped replica; or say --source-state master (takes writes) or "
          "frozen (nobody writes)");
    }
    for (const ReplicaChannel& channel : result_.replica.channels) CheckChannel(channel);
    if (!result_.source.log_bin && ReadVariable(source_, "read_only") == "OFF") {
      Add("DIRECT_WRITES_UNSEEN", Severity::kWarning, source_.endpoint().name,
          "the replica has no binlog and read_only is OFF",
          "set read_only = ON: writes that do not come through replication could not be noticed");
    }
    return absl::OkStatus();
  }

  void CheckChannel(const ReplicaChannel& channel) {
    const std::string object =
        channel.channel.empty()
            ? source_.endpoint().name
            : absl::StrCat(source_.endpoint().name, " channel ", Printable(channel.channel));
    if (channel.sql_running && !options_.stop_replica) {
      Add("REPLICA_RUNNING", Severity::kError, object,
          absl::StrCat("Slave_SQL_Running is ", Printable(channel.sql_state), " at ",
                       Printable(channel.applied.file), ":", channel.applied.position),
          "stop replication on the source-slave, or let zdpipe do it with --stop-replica");
    }
    if (!channel.sql_error.empty()) {
      Add("REPLICA_BROKEN", Severity::kWarning, object, Printable(channel.sql_error),
          "replication had stopped with an error: the data may not be what the master has");
    }
    if (channel.parallel_mode == "minimal" || channel.parallel_mode == "none" ||
        channel.parallel_mode.empty()) {
      return;
    }
    const std::string threads = ReadVariable(source_, "slave_domain_parallel_threads");
    if (!threads.empty() && threads != "0") {
      Add("PARALLEL_DOMAINS", Severity::kWarning, object,
          absl::StrCat("Parallel_Mode ", Printable(channel.parallel_mode),
                       ", slave_domain_parallel_threads ", threads),
          "with several GTID domains applied in parallel use the GTID position of the handoff");
    }
  }

  // With lower_case_table_names = 1 on the target, `A` and `a` become one table.
  void CheckNames() {
    if (ReadVariable(target_, "lower_case_table_names") == "0" ||
        ReadVariable(source_, "lower_case_table_names") != "0") {
      return;
    }
    std::map<std::string, std::string> seen;
    auto look = [&](const std::string& name) {
      const auto [found, added] = seen.emplace(absl::AsciiStrToLower(name), name);
      if (!added && found->second != name) {
        Add("NAMES_COLLIDE", Severity::kError, Printable(name),
            absl::StrCat("the target has lower_case_table_names set and would take it for ",
                         Printable(found->second)),
            "use a target with lower_case_table_names = 0");
      }
    };
    for (const DatabaseInfo& database : result_.catalog.databases) look(database.name);
    for (const TableInfo& table : result_.catalog.tables) {
      look(absl::StrCat(table.name.schema, ".", table.name.name));
    }
  }

  absl::Status CheckTargetEmpty() {
    if (options_.drop_target) return absl::OkStatus();
    std::set<std::string> selected;
    for (const DatabaseInfo& database : result_.catalog.databases) selected.insert(database.name);
    std::set<ObjectName> ours;
    for (const LedgerObject& object : earlier_) ours.insert({object.schema, object.name});
    std::set<ObjectName> wanted;
    for (const TableInfo& table : result_.catalog.tables) wanted.insert(table.name);
    for (const ObjectName& view : result_.catalog.views) wanted.insert(view);

    ZDPIPE_ASSIGN_OR_RETURN(
        const Result present,
        target_.Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
                      "UNION ALL SELECT ROUTINE_SCHEMA, ROUTINE_NAME FROM "
                      "information_schema.ROUTINES UNION ALL SELECT EVENT_SCHEMA, EVENT_NAME FROM "
                      "information_schema.EVENTS"));
    std::map<std::string, std::vector<std::string>> found;
    for (const auto& row : present.rows) {
      const ObjectName name{row[0].value_or(""), row[1].value_or("")};
      if (selected.count(name.schema) == 0 || ours.count(name) > 0) continue;
      // With --tables the target may hold other tables of the same database.
      if (!options_.selection.tables.empty() && wanted.count(name) == 0) continue;
      found[name.schema].push_back(Printable(name.name));
    }
    for (auto& [schema, names] : found) {
      const size_t count = names.size();
      if (count > 3) names.resize(3);
      Add("TARGET_NOT_EMPTY", Severity::kError, Printable(schema),
          absl::StrCat(count, " objects on the target: ", absl::StrJoin(names, ", "),
                       count > 3 ? ", ..." : ""),
          "empty the database on the target, choose other --databases, or say --target-not-empty "
          "drop");
    }
    return absl::OkStatus();
  }

  void CheckTargetReadOnly() {
    const std::string read_only = ReadVariable(target_, "read_only");
    if (read_only == "OFF" || read_only == "0" || read_only.empty()) return;
    Add("TARGET_READ_ONLY", Severity::kError, target_.endpoint().name,
        absl::StrCat("read_only is ", read_only), "SET GLOBAL read_only = OFF on the target");
  }

  void CheckPackets() {
    uint64_t source = 0;
    uint64_t target = 0;
    (void)absl::SimpleAtoi(ReadVariable(source_, "max_allowed_packet"), &source);
    (void)absl::SimpleAtoi(ReadVariable(target_, "max_allowed_packet"), &target);
    if (target < source) {
      Add("SMALLER_PACKET", Severity::kWarning, target_.endpoint().name,
          absl::StrCat("max_allowed_packet is ", target, " on the target and ", source,
                       " on the source"),
          "a row larger than the target's limit would end the copy: raise it to the source's");
    }
  }

  absl::Status CheckEngines() {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result engines,
        target_.Query("SELECT ENGINE, SUPPORT FROM information_schema.ENGINES"));
    std::set<std::string> supported;
    for (const auto& row : engines.rows) {
      if (row[1].value_or("NO") != "NO" && row[1].value_or("") != "DISABLED") {
        supported.insert(absl::AsciiStrToLower(row[0].value_or("")));
      }
    }
    std::map<std::string, std::pair<size_t, std::string>> missing;
    for (const TableInfo& table : result_.catalog.tables) {
      if (table.engine.empty() || supported.count(absl::AsciiStrToLower(table.engine)) > 0)
        continue;
      auto& [count, example] = missing[table.engine];
      if (count++ == 0) example = PrintableName(table.name.schema, table.name.name);
    }
    for (const auto& [engine, tables] : missing) {
      Add("ENGINE_MISSING", Severity::kError, tables.second,
          absl::StrCat("the target has no storage engine ", engine,
                       "; tables concerned: ", tables.first),
          "install the engine on the target, or leave the tables out with --exclude-tables");
    }
    return absl::OkStatus();
  }

  absl::Status CheckCollations() {
    // FULL_COLLATION_NAME: since MariaDB 10.10 the uca1400 collations are listed without their
    // character set in COLLATION_NAME.
    std::set<std::string> known;
    for (const char* query : {"SELECT COLLATION_NAME FROM information_schema.COLLATIONS",
                              "SELECT FULL_COLLATION_NAME FROM "
                              "information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"}) {
      const absl::StatusOr<Result> result = target_.Query(query);
      if (!result.ok()) continue;  // the second one is unknown to older servers
      for (const auto& row : result->rows) known.insert(row[0].value_or(""));
    }
    std::map<std::string, std::string> missing;
    auto look = [&](const std::string& collation, const std::string& where) {
      if (collation.empty() || known.count(collation) > 0) return;
      // Older servers say utf8_general_ci for what newer ones list as utf8mb3_general_ci; the
      // newer ones still take the old name, the older ones do not know the new one.
      if (absl::StartsWith(collation, "utf8_") &&
          known.count(absl::StrCat("utf8mb3_", collation.substr(5))) > 0) {
        return;
      }
      missing.emplace(collation, where);
    };
    for (const DatabaseInfo& database : result_.catalog.databases) {
      look(database.collation, Printable(database.name));
    }
    for (const TableInfo& table : result_.catalog.tables) {
      const std::string name = PrintableName(table.name.schema, table.name.name);
      look(table.collation, name);
      for (const ColumnInfo& column : table.columns) {
        look(column.collation, absl::StrCat(name, ".", Printable(column.name)));
      }
    }
    for (const auto& [collation, where] : missing) {
      Add("COLLATION_MISSING", Severity::kError, where,
          absl::StrCat("the target does not know the collation ", collation),
          "use a target of at least the source's version, or change the collation on the source");
    }
    return absl::OkStatus();
  }

  // The first version of each vendor that has a feature; 0: none has.
  struct Feature {
    const char* what;
    int mariadb_major, mariadb_minor;
    int mysql_major, mysql_minor;

    bool On(const Version& version) const {
      return version.mariadb
                 ? mariadb_major > 0 && version.MariaDbAtLeast(mariadb_major, mariadb_minor)
                 : mysql_major > 0 && version.MySqlAtLeast(mysql_major, mysql_minor);
    }
  };

  void CheckFeatures() {
    static constexpr Feature kSequences = {"sequences", 10, 3, 0, 0};
    static constexpr Feature kGenerated = {"generated columns", 5, 2, 5, 7};
    static constexpr Feature kInet6 = {"type INET6", 10, 5, 0, 0};
    static constexpr Feature kInet4 = {"type INET4", 10, 10, 0, 0};
    static constexpr Feature kUuid = {"type UUID", 10, 7, 0, 0};
    static constexpr Feature kVector = {"type VECTOR", 11, 7, 0, 0};
    static const std::map<std::string, Feature> kTypes = {
        {"inet6", kInet6}, {"inet4", kInet4}, {"uuid", kUuid}, {"vector", kVector}};
    for (const ObjectName& sequence : result_.catalog.sequences) {
      Need(kSequences, PrintableName(sequence.schema, sequence.name));
    }
    for (const TableInfo& table : result_.catalog.tables) {
      const std::string name = PrintableName(table.name.schema, table.name.name);
      if (table.system_versioned) CheckVersioned(table, name);
      for (const ColumnInfo& column : table.columns) {
        if (column.generated) Need(kGenerated, name);
        const auto type = kTypes.find(column.data_type);
        if (type != kTypes.end()) Need(type->second, name);
      }
    }
  }

  void CheckVersioned(const TableInfo& table, const std::string& name) {
    static constexpr Feature kHistory = {"inserting history into system-versioned tables", 10, 11,
                                         0, 0};
    Need(kHistory, name);
    for (const ColumnInfo& column : table.columns) {
      if (column.name == table.row_start && column.data_type == "bigint") {
        Add("HISTORY_BY_TRANSACTION", Severity::kError, name,
            "a system-versioned table whose periods are transaction numbers: they mean nothing on "
            "another server",
            "leave the table out with --exclude-tables");
      }
    }
    // The last TIMESTAMP marks a row as current: 2038 before MariaDB 11.5, 2106 since. Rows would
    // become history, or not fit.
    if (kHistory.On(target_.version()) &&
        source_.version().MariaDbAtLeast(11, 5) != target_.version().MariaDbAtLeast(11, 5)) {
      Add("HISTORY_END_DIFFERS", Severity::kError, name,
          absl::StrCat("a system-versioned table: ", source_.version().text, " and ",
                       target_.version().text, " mark current rows with different times"),
          "use versions that are both at least 11.5 or both older, or leave the table out with "
          "--exclude-tables");
    }
  }

  // Calls `found` for each selected table that the query names in its columns TABLE_SCHEMA and
  // TABLE_NAME; "$" in the query stands for the database, one after the other: information_schema
  // reads only that database then.
  absl::Status ForTables(absl::string_view query,
                         const std::function<void(const ObjectName&, const std::string&)>& found) {
    std::set<ObjectName> selected;
    for (const TableInfo& table : result_.catalog.tables) selected.insert(table.name);
    for (const DatabaseInfo& database : result_.catalog.databases) {
      ZDPIPE_ASSIGN_OR_RETURN(const Result result, source_.Query(absl::StrReplaceAll(
                                                       query, {{"$", QuoteText(database.name)}})));
      for (const auto& row : result.rows) {
        const ObjectName name{row[0].value_or(""), row[1].value_or("")};
        const std::string what = row.size() > 2 ? row[2].value_or("") : "";
        if (selected.count(name) > 0) found(name, what);
      }
    }
    return absl::OkStatus();
  }

  // Features that a server without them loses without an error, or refuses only when the table is
  // made. The catalog does not hold them.
  absl::Status CheckFeaturesByQuery() {
    const char* const checks =
        source_.version().mariadb
            ? "SELECT CONSTRAINT_SCHEMA, TABLE_NAME FROM information_schema.CHECK_CONSTRAINTS "
              "WHERE CONSTRAINT_SCHEMA = $"
            : "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLE_CONSTRAINTS "
              "WHERE TABLE_SCHEMA = $ AND CONSTRAINT_TYPE = 'CHECK'";
    const std::pair<Feature, const char*> features[] = {
        {{"CHECK constraints (MariaDB's JSON columns have one)", 10, 2, 8, 0}, checks},
        {{"defaults of TEXT and BLOB columns", 10, 2, 0, 0},
         "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = $ "
         "AND (DATA_TYPE LIKE '%text' OR DATA_TYPE LIKE '%blob') AND COLUMN_DEFAULT <> 'NULL'"},
        {{"unique keys over whole TEXT and BLOB columns", 10, 4, 0, 0},
         "SELECT s.TABLE_SCHEMA, s.TABLE_NAME FROM information_schema.STATISTICS s JOIN "
         "information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) WHERE s.TABLE_SCHEMA = $ "
         "AND s.INDEX_TYPE = 'HASH' AND s.NON_UNIQUE = 0 AND t.ENGINE <> 'MEMORY'"},
        {{"descending index parts", 10, 8, 8, 0},
         "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.STATISTICS "
         "WHERE TABLE_SCHEMA = $ AND COLLATION = 'D'"}};
    for (const auto& [feature, query] : features) {
      if (feature.On(target_.version())) continue;
      ZDPIPE_RETURN_IF_ERROR(ForTables(query, [&](const ObjectName& table, const std::string&) {
        Need(feature, PrintableName(table.schema, table.name));
      }));
    }
    return absl::OkStatus();
  }

  // InnoDB of MySQL 5.6 takes 767 bytes of a column into an index; of a plain index it takes a
  // prefix instead, with a warning only.
  absl::Status CheckKeyLengths() {
    if (target_.version().mariadb || target_.version().MySqlAtLeast(5, 7)) {
      return absl::OkStatus();
    }
    return ForTables(
        "SELECT s.TABLE_SCHEMA, s.TABLE_NAME, s.INDEX_NAME FROM information_schema.STATISTICS s "
        "JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME) JOIN "
        "information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) WHERE s.TABLE_SCHEMA = $ "
        "AND t.ENGINE = 'InnoDB' AND s.INDEX_TYPE = 'BTREE' AND c.CHARACTER_OCTET_LENGTH DIV "
        "GREATEST(c.CHARACTER_MAXIMUM_LENGTH, 1) * COALESCE(s.SUB_PART, "
        "c.CHARACTER_MAXIMUM_LENGTH) > 767",
        [&](const ObjectName& table, const std::string& index) {
          Add("INDEX_TOO_LONG", Severity::kError, PrintableName(table.schema, table.name),
              absl::StrCat("index ", Printable(index), " has a part of more than 767 bytes, which ",
                           target_.version().text, " would cut"),
              "use a newer target, shorten the index on the source, or leave the table out with "
              "--exclude-tables");
        });
  }

  // Where the server gives such columns a default of its own and no session can switch that off.
  absl::Status CheckTimestampDefaults() {
    ZDPIPE_ASSIGN_OR_RETURN(const Result setting,
                            target_.Query("SHOW VARIABLES LIKE 'explicit_defaults_for_timestamp'"));
    if (setting.rows.empty() || setting.rows[0][1].value_or("") != "OFF") return absl::OkStatus();
    return ForTables(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE "
        "TABLE_SCHEMA = $ AND DATA_TYPE = 'timestamp' AND IS_NULLABLE = 'NO' AND COLUMN_DEFAULT "
        "IS NULL AND EXTRA = ''",
        [&](const ObjectName& table, const std::string& column) {
          Add("TIMESTAMP_DEFAULT", Severity::kError, PrintableName(table.schema, table.name),
              absl::StrCat(
                  "column ", Printable(column),
                  " is TIMESTAMP NOT NULL without a default; the target would give it one"),
              "start the target with explicit_defaults_for_timestamp = ON");
        });
  }

  // Between different releases the target is asked to parse each definition, without running it:
  // whatever one release writes and the other cannot read is found here, known to us or not.
  absl::Status CheckDefinitions() {
    DdlOptions inline_indexes;
    inline_indexes.indexes_after = false;
    for (const TableInfo& table : result_.catalog.tables) {
      ZDPIPE_ASSIGN_OR_RETURN(
          const Result shown,
          source_.Query(
              absl::StrCat("SHOW CREATE TABLE ", QuoteName(table.name.schema, table.name.name))));
      if (shown.rows.empty()) continue;  // the copy says what is wrong
      ZDPIPE_ASSIGN_OR_RETURN(const TableDdl whole,
                              SplitTableDdl(table, shown.rows[0][1].value_or(""), inline_indexes));
      const absl::Status parsed = target_
                                      .ExecuteWithWarnings(absl::StrCat(
                                          "PREPARE zdpipe_check FROM ", QuoteText(whole.create)))
                                      .status();
      if (parsed.ok() || !IsUnknownWord(ServerErrnoOf(parsed))) continue;
      const std::string name = PrintableName(table.name.schema, table.name.name);
      if (IsRefused(name)) continue;  // by the name of what is missing
      Add("DEFINITION_REFUSED", Severity::kError, name, std::string(parsed.message()),
          "use a newer target, change the table on the source, or leave it out with "
          "--exclude-tables");
    }
    (void)target_.ExecuteWithWarnings("DEALLOCATE PREPARE zdpipe_check");
    return absl::OkStatus();
  }

  // Errors that mean: this server does not speak that. Others (a database or a sequence that does
  // not exist yet) say nothing about the copy.
  static bool IsUnknownWord(unsigned number) {
    constexpr unsigned kErrors[] = {1064 /* syntax */,
                                    1115 /* character set */,
                                    1193 /* system variable */,
                                    1235 /* not supported */,
                                    1273 /* collation */,
                                    1911 /* option */,
                                    4161 /* data type */};
    return std::find(std::begin(kErrors), std::end(kErrors), number) != std::end(kErrors);
  }

  bool IsRefused(const std::string& object) const {
    return std::any_of(result_.findings.begin(), result_.findings.end(),
                       [&](const Finding& finding) {
                         return finding.severity == Severity::kError && finding.object == object;
                       });
  }

  void Need(const Feature& feature, const std::string& object) {
    if (feature.On(target_.version())) return;
    if (!reported_.insert({feature.what, object}).second) return;
    Add("FEATURE_MISSING", Severity::kError, object,
        absl::StrCat("the target (", target_.version().text, ") does not have ", feature.what),
        "use a newer target, or leave the object out with --exclude-tables");
  }

  Session& source_;
  Session& target_;
  const CopyOptions& options_;
  const std::vector<LedgerObject>& earlier_;
  CheckResult& result_;
  std::set<std::pair<std::string, std::string>> reported_;
};

}  // namespace

bool CheckResult::refused() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.severity == Severity::kError; });
}

absl::StatusOr<CheckResult> RunCheck(Session& source, Session& target, const CopyOptions& options,
                                     const std::vector<LedgerObject>& earlier) {
  CheckResult result;
  Checker checker(source, target, options, earlier, result);
  ZDPIPE_RETURN_IF_ERROR(checker.Run());
  return result;
}

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

}  // namespace zdpipe
