#include "pipeline/release_check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/schema/sql_scanner.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// What one target cannot hold of one source; each method adds its findings.
class ReleaseChecker {
 public:
  ReleaseChecker(Session& source, Session& target, const Catalog& catalog,
                 std::vector<Finding>& findings)
      : source_(source), target_(target), catalog_(catalog), findings_(findings) {}

  absl::Status Run() {
    ZDPIPE_RETURN_IF_ERROR(CheckEngines());
    ZDPIPE_RETURN_IF_ERROR(CheckCollations());
    CheckFeatures();
    ZDPIPE_RETURN_IF_ERROR(CheckPrimaryKeys());
    if (SameRelease(source_.version(), target_.version())) return absl::OkStatus();
    ZDPIPE_RETURN_IF_ERROR(CheckPartitions());
    ZDPIPE_RETURN_IF_ERROR(CheckFeaturesByQuery());
    ZDPIPE_RETURN_IF_ERROR(CheckKeyLengths());
    ZDPIPE_RETURN_IF_ERROR(CheckTimestampDefaults());
    return CheckDefinitions();
  }

 private:
  void Add(absl::string_view id, absl::string_view object, absl::string_view evidence,
           absl::string_view fix) {
    findings_.push_back({std::string(id), Severity::kError, std::string(object),
                         std::string(evidence), std::string(fix)});
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
    for (const TableInfo& table : catalog_.tables) {
      if (table.engine.empty() || supported.count(absl::AsciiStrToLower(table.engine)) > 0)
        continue;
      auto& [count, example] = missing[table.engine];
      if (count++ == 0) example = PrintableName(table.name.schema, table.name.name);
    }
    for (const auto& [engine, tables] : missing) {
      Add("ENGINE_MISSING", tables.second,
          absl::StrCat("the target has no storage engine ", engine,
                       "; tables concerned: ", tables.first),
          "install the engine on the target, or leave the tables out with --exclude-tables");
    }
    return absl::OkStatus();
  }

  absl::Status CheckCollations() {
    // FULL_COLLATION_NAME: since MariaDB 10.10 the uca1400 collations are listed without their
    // character set in COLLATION_NAME.
    std::set<std::string> known = {"filename"};  // every server has it and none lists it
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result names,
        target_.Query("SELECT COLLATION_NAME FROM information_schema.COLLATIONS"));
    for (const auto& row : names.rows) known.insert(row[0].value_or(""));
    const absl::StatusOr<Result> full = target_.Query(
        "SELECT FULL_COLLATION_NAME FROM "
        "information_schema.COLLATION_CHARACTER_SET_APPLICABILITY");
    if (IsSessionLost(full.status())) return full.status();
    if (full.ok()) {  // unknown to older servers
      for (const auto& row : full->rows) known.insert(row[0].value_or(""));
    }
    std::map<std::string, std::string> missing;
    auto look = [&](const std::string& collation, const std::string& where) {
      // utf8_general_ci is what newer servers list as utf8mb3_general_ci. All take both names.
      const bool listed = known.count(collation) > 0 ||
                          (absl::StartsWith(collation, "utf8_") &&
                           known.count(absl::StrCat("utf8mb3_", collation.substr(5))) > 0) ||
                          (absl::StartsWith(collation, "utf8mb3_") &&
                           known.count(absl::StrCat("utf8_", collation.substr(8))) > 0);
      if (collation.empty() || listed) return;
      missing.emplace(collation, where);
    };
    for (const DatabaseInfo& database : catalog_.databases) {
      look(database.collation, Printable(database.name));
    }
    for (const TableInfo& table : catalog_.tables) {
      const std::string name = PrintableName(table.name.schema, table.name.name);
      look(table.collation, name);
      for (const ColumnInfo& column : table.columns) {
        look(column.collation, absl::StrCat(name, ".", Printable(column.name)));
      }
    }
    for (const auto& [collation, where] : missing) {
      Add("COLLATION_MISSING", where,
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
    static constexpr Feature kVector = {"type VECTOR", 11, 7, 9, 0};
    static const std::map<std::string, Feature> kTypes = {
        {"inet6", kInet6}, {"inet4", kInet4}, {"uuid", kUuid}, {"vector", kVector}};
    for (const ObjectName& sequence : catalog_.sequences) {
      Need(kSequences, PrintableName(sequence.schema, sequence.name));
    }
    for (const TableInfo& table : catalog_.tables) {
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
    if (table.carries_history()) return Need(kHistory, name);
    findings_.push_back(
        {"HISTORY_BY_TRANSACTION", Severity::kWarning, name,
         "a system-versioned table whose periods are transaction numbers, which mean nothing on "
         "another server: only its current rows are copied, its history is listed as lost",
         "accept that (exit code 8), keep the history on the source in a table of another kind, or "
         "leave the table out with --exclude-tables"});
  }

  // Calls `found` for each selected table that the query names in its columns TABLE_SCHEMA and
  // TABLE_NAME; "$" in the query stands for the database, one after the other: information_schema
  // reads only that database then, in a join where each part is given it.
  absl::Status ForTables(absl::string_view query,
                         const std::function<void(const ObjectName&, const std::string&)>& found) {
    std::set<ObjectName> selected;
    for (const TableInfo& table : catalog_.tables) selected.insert(table.name);
    for (const DatabaseInfo& database : catalog_.databases) {
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

  // MySQL 8 has only partitions that the engine makes itself.
  absl::Status CheckPartitions() {
    if (!target_.version().MySqlAtLeast(8, 0)) return absl::OkStatus();
    std::set<ObjectName> others;
    for (const TableInfo& table : catalog_.tables) {
      if (!absl::EqualsIgnoreCase(table.engine, "InnoDB")) others.insert(table.name);
    }
    if (others.empty()) return absl::OkStatus();
    return ForTables(
        "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.PARTITIONS WHERE "
        "TABLE_SCHEMA = $ AND PARTITION_NAME IS NOT NULL",
        [&](const ObjectName& table, const std::string&) {
          static constexpr Feature kPartitions = {"partitions of engines other than InnoDB", 5, 1,
                                                  0, 0};
          if (others.count(table) > 0) Need(kPartitions, PrintableName(table.schema, table.name));
        });
  }

  // Settings that the copy's own sessions could not change (Session::SetUp), for want of a right.
  absl::Status CheckPrimaryKeys() {
    if (!target_.version().MySqlAtLeast(8, 0)) return absl::OkStatus();
    constexpr absl::string_view kRequired = "sql_require_primary_key";
    constexpr std::pair<absl::string_view, absl::string_view> kSettings[] = {
        {kRequired, "the table has no primary key"},
        {"sql_generate_invisible_primary_key", "the table would get another column"}};
    for (const auto& [setting, what] : kSettings) {
      const absl::StatusOr<std::string> value =
          target_.QueryValue(absl::StrCat("SELECT @@SESSION.", setting));
      if (IsSessionLost(value.status())) return value.status();
      if (!value.ok() || *value != "1") continue;  // the release does not know it
      std::set<ObjectName> keyed;
      ZDPIPE_RETURN_IF_ERROR(ForTables(
          "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.STATISTICS WHERE "
          "TABLE_SCHEMA = $ AND INDEX_NAME = 'PRIMARY'",
          [&](const ObjectName& table, const std::string&) { keyed.insert(table); }));
      for (const TableInfo& table : catalog_.tables) {
        const std::string name = PrintableName(table.name.schema, table.name.name);
        if (keyed.count(table.name) > 0 || IsRefused(name)) continue;
        // The column is InnoDB's.
        if (setting != kRequired && !absl::EqualsIgnoreCase(table.engine, "InnoDB")) continue;
        Add("DEFINITION_REFUSED", name,
            absl::StrCat("the target has ", setting, " set, and ", what),
            absl::StrCat("on the target: GRANT SESSION_VARIABLES_ADMIN to the user of --to, or SET "
                         "GLOBAL ",
                         setting, " = OFF (on RDS through the parameter group)"));
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
         "information_schema.TABLES t ON t.TABLE_NAME = s.TABLE_NAME WHERE s.TABLE_SCHEMA = $ "
         "AND t.TABLE_SCHEMA = $ AND s.INDEX_TYPE = 'HASH' AND s.NON_UNIQUE = 0 AND t.ENGINE <> "
         "'MEMORY'"},
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
        "JOIN information_schema.COLUMNS c ON c.TABLE_NAME = s.TABLE_NAME AND c.COLUMN_NAME = "
        "s.COLUMN_NAME JOIN information_schema.TABLES t ON t.TABLE_NAME = s.TABLE_NAME WHERE "
        "s.TABLE_SCHEMA = $ AND c.TABLE_SCHEMA = $ AND t.TABLE_SCHEMA = $ "
        "AND t.ENGINE = 'InnoDB' AND s.INDEX_TYPE = 'BTREE' AND c.CHARACTER_OCTET_LENGTH DIV "
        "GREATEST(c.CHARACTER_MAXIMUM_LENGTH, 1) * COALESCE(s.SUB_PART, "
        "c.CHARACTER_MAXIMUM_LENGTH) > 767",
        [&](const ObjectName& table, const std::string& index) {
          Add("INDEX_TOO_LONG", PrintableName(table.schema, table.name),
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
          Add("TIMESTAMP_DEFAULT", PrintableName(table.schema, table.name),
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
    for (const TableInfo& table : catalog_.tables) {
      ZDPIPE_ASSIGN_OR_RETURN(const std::string shown, Shown("TABLE", table.name));
      if (shown.empty()) continue;
      const absl::StatusOr<TableDdl> whole = SplitTableDdl(
          table, InWordsOf(source_.version(), target_.version(), shown), inline_indexes);
      if (!whole.ok()) continue;  // the copy says what is wrong
      CheckParsed(table.name, whole->create);
      CheckFunctions(table, whole->create);
    }
    for (const ObjectName& sequence : catalog_.sequences) {
      ZDPIPE_ASSIGN_OR_RETURN(const std::string shown, Shown("SEQUENCE", sequence));
      if (!shown.empty()) CheckParsed(sequence, shown);
    }
    (void)target_.ExecuteWithWarnings("DEALLOCATE PREPARE zdpipe_check");
    return absl::OkStatus();
  }

  // "" when the source cannot show it: the copy says what is wrong.
  absl::StatusOr<std::string> Shown(absl::string_view kind, const ObjectName& name) {
    const absl::StatusOr<Result> shown =
        source_.Query(absl::StrCat("SHOW CREATE ", kind, " ", QuoteName(name.schema, name.name)));
    if (!shown.ok() && !ConcernsOneObject(shown.status())) return shown.status();
    return !shown.ok() || shown->rows.empty() ? std::string() : shown->rows[0][1].value_or("");
  }

  // Functions that the target does not have, in defaults, generated columns and CHECKs: parsing a
  // CREATE TABLE does not look them up, parsing a SELECT does.
  void CheckFunctions(const TableInfo& table, const std::string& create) {
    const std::vector<absl::string_view> expressions = ExpressionsIn(create);
    if (expressions.empty()) return;
    std::vector<std::string> columns;
    for (const ColumnInfo& column : table.columns) {
      columns.push_back(absl::StrCat("NULL AS ", QuoteName(column.name)));
    }
    CheckParsed(table.name, absl::StrCat("SELECT ", absl::StrJoin(expressions, ", "),
                                         " FROM (SELECT ", absl::StrJoin(columns, ", "), ") AS t"));
  }

  // What is in parentheses behind DEFAULT, AS and CHECK, with them.
  static std::vector<absl::string_view> ExpressionsIn(absl::string_view create) {
    std::vector<absl::string_view> expressions;
    SqlScanner scanner(create);
    for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
         token = scanner.Next()) {
      if (!token.IsWord("DEFAULT") && !token.IsWord("AS") && !token.IsWord("CHECK")) continue;
      token = scanner.Next();
      const size_t begin = token.begin;
      if (!token.IsSymbol('(')) continue;
      for (int depth = 1; depth > 0 && token.kind != SqlToken::Kind::kEnd;) {
        token = scanner.Next();
        depth += token.IsSymbol('(') ? 1 : token.IsSymbol(')') ? -1 : 0;
      }
      expressions.push_back(create.substr(begin, token.end - begin));
    }
    return expressions;
  }

  void CheckParsed(const ObjectName& object, const std::string& statement) {
    const absl::Status parsed =
        target_
            .ExecuteWithWarnings(absl::StrCat("PREPARE zdpipe_check FROM ", QuoteText(statement)))
            .status();
    if (parsed.ok() || !IsUnknownWord(ServerErrnoOf(parsed))) return;
    const std::string name = PrintableName(object.schema, object.name);
    if (IsRefused(name)) return;  // by the name of what is missing
    Add("DEFINITION_REFUSED", name, std::string(parsed.message()),
        "use a newer target, change the object on the source, or leave it out with "
        "--exclude-tables");
  }

  // Errors that mean: this server does not speak that. Others (a database or a sequence that does
  // not exist yet) say nothing about the copy.
  static bool IsUnknownWord(unsigned number) {
    constexpr unsigned kErrors[] = {
        1064 /* syntax */,
        1115 /* character set */,
        1193 /* system variable */,
        1235 /* not supported */,
        1273 /* collation */,
        1305 /* function */,
        1479 /* a LIST partition without VALUES IN, as the DEFAULT is */,
        1911 /* option */,
        4161 /* data type */};
    return std::find(std::begin(kErrors), std::end(kErrors), number) != std::end(kErrors);
  }

  bool IsRefused(const std::string& object) const {
    return std::any_of(findings_.begin(), findings_.end(), [&](const Finding& finding) {
      return finding.severity == Severity::kError && finding.object == object;
    });
  }

  void Need(const Feature& feature, const std::string& object) {
    if (feature.On(target_.version())) return;
    if (!reported_.insert({feature.what, object}).second) return;
    Add("FEATURE_MISSING", object,
        absl::StrCat("the target (", target_.version().text, ") does not have ", feature.what),
        "use a newer target, or leave the object out with --exclude-tables");
  }

  Session& source_;
  Session& target_;
  const Catalog& catalog_;
  std::vector<Finding>& findings_;
  std::set<std::pair<std::string, std::string>> reported_;
};

}  // namespace

absl::Status CheckRelease(Session& source, Session& target, const Catalog& catalog,
                          std::vector<Finding>& findings) {
  return ReleaseChecker(source, target, catalog, findings).Run();
}

}  // namespace zdpipe
