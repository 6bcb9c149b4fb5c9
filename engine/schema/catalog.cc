#include "engine/schema/catalog.h"

#include <fnmatch.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// How servers show a directory or file whose name is not an encoded identifier: a remnant of an
// upgrade from MySQL 5.0, `lost+found`, or a table left behind by a crashed ALTER.
constexpr char kUnencodedPrefix[] = "#mysql50#";

absl::Status CheckSelection(const Selection& selection);
absl::StatusOr<std::vector<DatabaseInfo>> SelectDatabases(Session& session,
                                                          const Selection& selection,
                                                          std::vector<std::string>& left_out);
absl::Status CheckAllFound(const Selection& selection, const std::vector<DatabaseInfo>& databases);
absl::Status LookIntoSys(Session& session, const Selection& selection, Catalog& catalog);
void DropEmptyDatabases(Catalog& catalog);

// Reads one database; a handful of queries whatever its size.
class DatabaseReader {
 public:
  DatabaseReader(Session& session, const Selection& selection, const std::string& database,
                 Catalog& catalog)
      : session_(session), selection_(selection), database_(database), catalog_(catalog) {}

  absl::Status Read();

 private:
  // A unique index while its parts come in.
  struct UniqueIndex {
    std::string name;
    bool usable = true;
    std::vector<std::pair<int, std::string>> parts;  // SEQ_IN_INDEX, column
  };

  absl::Status ReadTables();
  absl::Status ReadColumns();
  absl::Status ReadKeys();
  absl::Status ReadTriggers();
  absl::Status ReadRoutines();
  absl::Status ReadEvents();

  absl::StatusOr<Result> Query(absl::string_view columns, absl::string_view view,
                               absl::string_view schema_column);
  TableInfo* FindTable(const std::string& name);
  KeyInfo ChooseKey(const TableInfo& table, std::vector<UniqueIndex>& indexes) const;
  bool IsOrderedKey(const TableInfo& table, UniqueIndex& index) const;
  bool IsGenerated(const TableInfo& table, const std::string& column) const;

  Session& session_;
  const Selection& selection_;
  const std::string& database_;
  Catalog& catalog_;
  absl::flat_hash_map<std::string, size_t> table_index_;  // name -> position in catalog_.tables
};

// A column of a result, looked up once. "" stands for NULL and for a column the server lacks.
class Column {
 public:
  Column(const Result& result, absl::string_view name)
      : result_(result), index_(result.Column(name)) {}

  const std::string& operator[](size_t row) const {
    static const std::string& empty = *new std::string();
    if (index_ < 0) return empty;
    const std::optional<std::string>& value = result_.rows[row][index_];
    return value.has_value() ? *value : empty;
  }

  template <typename Number>
  Number As(size_t row) const {
    Number number = 0;
    return absl::SimpleAtoi((*this)[row], &number) ? number : Number{0};
  }

 private:
  const Result& result_;
  const int index_;
};

}  // namespace

absl::StatusOr<Catalog> ReadCatalog(Session& session, const Selection& selection) {
  ZDPIPE_RETURN_IF_ERROR(CheckSelection(selection));
  Catalog catalog;
  ZDPIPE_ASSIGN_OR_RETURN(catalog.databases, SelectDatabases(session, selection, catalog.left_out));
  ZDPIPE_RETURN_IF_ERROR(CheckAllFound(selection, catalog.databases));
  if (selection.databases.empty()) ZDPIPE_RETURN_IF_ERROR(LookIntoSys(session, selection, catalog));
  for (const DatabaseInfo& database : catalog.databases) {
    DatabaseReader reader(session, selection, database.name, catalog);
    ZDPIPE_RETURN_IF_ERROR(reader.Read());
  }
  if (!selection.tables.empty() && selection.databases.empty()) DropEmptyDatabases(catalog);
  return catalog;
}

bool TableInfo::holds_rows() const {
  static constexpr absl::string_view kViewsOfRows[] = {
      "MRG_MyISAM", "FEDERATED", "CONNECT", "SPIDER", "OQGRAPH", "SPHINX", "VP", "MRG_ISAM"};
  return std::none_of(
      std::begin(kViewsOfRows), std::end(kViewsOfRows),
      [this](absl::string_view other) { return absl::EqualsIgnoreCase(engine, other); });
}

bool Selection::SelectsTable(const ObjectName& name) const {
  if (name.schema == control_schema) return false;
  if (!databases.empty() && std::count(databases.begin(), databases.end(), name.schema) == 0) {
    return false;
  }
  const std::string full = absl::StrCat(name.schema, ".", name.name);
  const auto matches = [&full](const std::string& pattern) {
    return fnmatch(pattern.c_str(), full.c_str(), 0) == 0;
  };
  return (tables.empty() || std::any_of(tables.begin(), tables.end(), matches)) &&
         std::none_of(exclude_tables.begin(), exclude_tables.end(), matches);
}

std::string KeyText(const KeyInfo& key) {
  return key.empty() ? "" : absl::StrCat(key.index, " (", absl::StrJoin(key.columns, ", "), ")");
}

std::string ObjectsQuery(const Version& version, absl::string_view schema) {
  std::string query;
  const auto add = [&](absl::string_view view, absl::string_view of) {
    absl::StrAppend(&query, query.empty() ? "" : " UNION ALL ", "SELECT ", of,
                    "_SCHEMA AS SCHEMA_NAME, ", of, "_NAME AS OBJECT_NAME FROM information_schema.",
                    view);
    if (!schema.empty()) absl::StrAppend(&query, " WHERE ", of, "_SCHEMA = ", QuoteText(schema));
  };
  add("TABLES", "TABLE");
  add("ROUTINES", "ROUTINE");
  add("EVENTS", "EVENT");
  if (version.MySqlAtLeast(9, 2)) add("LIBRARIES", "LIBRARY");
  return query;
}

const char* RoutineKindName(RoutineKind kind) {
  switch (kind) {
    case RoutineKind::kLibrary:
      return "library";
    case RoutineKind::kProcedure:
      return "procedure";
    case RoutineKind::kFunction:
      return "function";
    case RoutineKind::kPackage:
      return "package";
    case RoutineKind::kPackageBody:
      return "package body";
  }
  return "procedure";
}

bool IsSystemDatabase(absl::string_view name) {
  // Where the case of names counts, somebody may have a database `MYSQL`; where it does not, the
  // servers show their own ones in lower case.
  return name == "mysql" || name == "sys" || absl::EqualsIgnoreCase(name, "information_schema") ||
         absl::EqualsIgnoreCase(name, "performance_schema");
}

namespace {

absl::Status CheckSelection(const Selection& selection) {
  for (const std::string& database : selection.databases) {
    if (IsSystemDatabase(database)) {
      return MakeError(Failure::kUsage, absl::StrCat("database ", Printable(database),
                                                     " is the server's own and cannot be copied"));
    }
    if (database == selection.control_schema) {
      return MakeError(Failure::kUsage, absl::StrCat("database ", Printable(database),
                                                     " is zdpipe's own and is never copied"));
    }
    if (absl::StartsWith(database, kUnencodedPrefix)) {
      return MakeError(Failure::kUsage,
                       absl::StrCat("database ", Printable(database),
                                    " is a directory without a valid name and cannot be copied"));
    }
  }
  return absl::OkStatus();
}

// Why a database that nobody named is left out; "" when it is not.
std::string ReasonToLeaveOut(absl::string_view database, bool on_rds) {
  if (absl::StartsWith(database, kUnencodedPrefix)) {
    return "its directory has no valid name; no statement can use it";
  }
  if (on_rds && (database == "innodb" || database == "rdsadmin")) {
    return "it belongs to Amazon RDS";
  }
  return "";
}

absl::StatusOr<std::vector<DatabaseInfo>> SelectDatabases(Session& session,
                                                          const Selection& selection,
                                                          std::vector<std::string>& left_out) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::string basedir, session.QueryValue("SELECT @@basedir"));
  const bool on_rds = absl::StartsWith(basedir, "/rdsdbbin");
  // `*`: SCHEMA_COMMENT does not exist everywhere.
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          session.Query("SELECT * FROM information_schema.SCHEMATA"));
  const Column name(result, "SCHEMA_NAME");
  const Column charset(result, "DEFAULT_CHARACTER_SET_NAME");
  const Column collation(result, "DEFAULT_COLLATION_NAME");
  const Column comment(result, "SCHEMA_COMMENT");

  const absl::flat_hash_set<std::string> asked(selection.databases.begin(),
                                               selection.databases.end());
  std::vector<DatabaseInfo> databases;
  for (size_t row = 0; row < result.rows.size(); ++row) {
    if (IsSystemDatabase(name[row]) || name[row] == selection.control_schema) continue;
    if (asked.empty()) {
      if (const std::string reason = ReasonToLeaveOut(name[row], on_rds); !reason.empty()) {
        left_out.push_back(absl::StrCat("database ", Printable(name[row]), ": ", reason));
        continue;
      }
    } else if (!asked.contains(name[row])) {
      continue;
    }
    databases.push_back({name[row], charset[row], collation[row], comment[row]});
  }
  std::sort(databases.begin(), databases.end(),
            [](const DatabaseInfo& a, const DatabaseInfo& b) { return a.name < b.name; });
  return databases;
}

absl::Status CheckAllFound(const Selection& selection, const std::vector<DatabaseInfo>& databases) {
  absl::flat_hash_set<absl::string_view> found;
  for (const DatabaseInfo& database : databases) found.insert(database.name);
  for (const std::string& database : selection.databases) {
    if (!found.contains(database)) {
      return WithHint(MakeError(Failure::kUsage, absl::StrCat("database ", Printable(database),
                                                              " does not exist on the source")),
                      "names are compared exactly, upper and lower case included; the source "
                      "shows only databases its user has a privilege on");
    }
  }
  return absl::OkStatus();
}

// MariaDB < 10.6 and MySQL < 5.7 have no `sys` of their own, and in any server a user may have made
// tables in it. A target has one, into which nothing is to be copied.
absl::Status LookIntoSys(Session& session, const Selection& selection, Catalog& catalog) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result tables,
                          session.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE "
                                        "TABLE_SCHEMA = 'sys' AND BINARY TABLE_SCHEMA = 'sys' AND "
                                        "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"));
  bool is_own = false;  // beside what a user has in it
  for (const TextRow& row : tables.rows) {
    if (row[0] == "sys_config") {
      is_own = true;
    } else if (selection.SelectsTable({"sys", row[0].value_or("")})) {
      ++catalog.tables_in_sys;
    }
  }
  size_t others = 0;
  if (!is_own) {
    ZDPIPE_ASSIGN_OR_RETURN(const Result objects,
                            session.Query(ObjectsQuery(session.version(), "sys")));
    for (const TextRow& row : objects.rows) {
      const bool here = row[0] == "sys";  // and not `SYS`
      if (here && selection.SelectsTable({"sys", row[1].value_or("")})) ++others;
    }
    others -= std::min(others, catalog.tables_in_sys);
  }
  if (catalog.tables_in_sys + others == 0) return absl::OkStatus();
  catalog.left_in_sys = absl::StrCat(
      "its name is that of a database of the servers themselves: not copied are ",
      catalog.tables_in_sys, " tables", others > 0 ? absl::StrCat(" and ", others, " others") : "");
  catalog.left_out.push_back(absl::StrCat("database sys: ", catalog.left_in_sys));
  return absl::OkStatus();
}

void DropEmptyDatabases(Catalog& catalog) {
  absl::flat_hash_set<std::string> used;
  for (const TableInfo& table : catalog.tables) used.insert(table.name.schema);
  for (const ObjectName& view : catalog.views) used.insert(view.schema);
  for (const ObjectName& sequence : catalog.sequences) used.insert(sequence.schema);
  catalog.databases.erase(std::remove_if(catalog.databases.begin(), catalog.databases.end(),
                                         [&used](const DatabaseInfo& database) {
                                           return !used.contains(database.name);
                                         }),
                          catalog.databases.end());
}

absl::Status DatabaseReader::Read() {
  ZDPIPE_RETURN_IF_ERROR(ReadTables());
  if (!table_index_.empty()) {
    ZDPIPE_RETURN_IF_ERROR(ReadColumns());
    ZDPIPE_RETURN_IF_ERROR(ReadKeys());
  }
  ZDPIPE_RETURN_IF_ERROR(ReadTriggers());
  if (!selection_.tables.empty()) return absl::OkStatus();
  ZDPIPE_RETURN_IF_ERROR(ReadRoutines());
  return ReadEvents();
}

// information_schema compares names without regard to case, so the caller must drop the rows of
// a database whose name differs in case only. The result is ordered by nothing.
absl::StatusOr<Result> DatabaseReader::Query(absl::string_view columns, absl::string_view view,
                                             absl::string_view schema_column) {
  absl::StatusOr<Result> result = session_.Query(
      absl::StrCat("SELECT ", schema_column, ", ", columns, " FROM information_schema.", view,
                   " WHERE ", schema_column, " = ", QuoteText(database_)));
  if (!result.ok()) {
    return Annotate(result.status(),
                    absl::StrCat("read the catalog of database ", Printable(database_)));
  }
  const Column schema(*result, schema_column);
  size_t kept = 0;
  for (size_t row = 0; row < result->rows.size(); ++row) {
    if (schema[row] != database_) continue;
    if (kept != row) result->rows[kept] = std::move(result->rows[row]);
    ++kept;
  }
  result->rows.resize(kept);
  return result;
}

absl::Status DatabaseReader::ReadTables() {
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      Query("TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COLLATION, TABLE_ROWS, DATA_LENGTH, "
            "INDEX_LENGTH, CREATE_OPTIONS",
            "TABLES", "TABLE_SCHEMA"));
  const Column name(result, "TABLE_NAME");
  const Column type(result, "TABLE_TYPE");
  const Column engine(result, "ENGINE");
  const Column collation(result, "TABLE_COLLATION");
  const Column rows(result, "TABLE_ROWS");
  const Column bytes(result, "DATA_LENGTH");
  const Column index_bytes(result, "INDEX_LENGTH");
  const Column options(result, "CREATE_OPTIONS");

  const size_t first_table = catalog_.tables.size();
  const size_t first_view = catalog_.views.size();
  const size_t first_sequence = catalog_.sequences.size();
  for (size_t row = 0; row < result.rows.size(); ++row) {
    ObjectName object{database_, name[row]};
    if (!selection_.SelectsTable(object)) continue;
    if (absl::StartsWith(object.name, kUnencodedPrefix)) {
      catalog_.left_out.push_back(absl::StrCat("table ", PrintableName(database_, object.name),
                                               ": its file has no valid name"));
    } else if (type[row] == "VIEW") {
      catalog_.views.push_back(std::move(object));
    } else if (type[row] == "SEQUENCE") {
      catalog_.sequences.push_back(std::move(object));
    } else if (type[row] == "BASE TABLE" || type[row] == "SYSTEM VERSIONED") {
      TableInfo& table = catalog_.tables.emplace_back();
      table.name = std::move(object);
      table.engine = engine[row];
      table.collation = collation[row];
      table.rows_estimate = rows.As<uint64_t>(row);
      table.data_bytes_estimate = bytes.As<uint64_t>(row);
      table.index_bytes_estimate = index_bytes.As<uint64_t>(row);
      table.system_versioned = type[row] == "SYSTEM VERSIONED";
      const std::vector<absl::string_view> words = absl::StrSplit(options[row], ' ');
      table.partitioned = std::count(words.begin(), words.end(), "partitioned") > 0;
    }
  }
  std::sort(catalog_.tables.begin() + first_table, catalog_.tables.end(),
            [](const TableInfo& a, const TableInfo& b) { return a.name < b.name; });
  std::sort(catalog_.views.begin() + first_view, catalog_.views.end());
  std::sort(catalog_.sequences.begin() + first_sequence, catalog_.sequences.end());
  for (size_t i = first_table; i < catalog_.tables.size(); ++i) {
    table_index_.emplace(catalog_.tables[i].name.name, i);
  }
  return absl::OkStatus();
}

absl::Status DatabaseReader::ReadColumns() {
  // MySQL 5.6 has no GENERATION_EXPRESSION; only system versioning needs it.
  const bool has_expression = session_.version().MariaDbAtLeast(10, 3);
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      Query(absl::StrCat("TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, DATA_TYPE, COLUMN_TYPE, "
                         "CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, EXTRA",
                         has_expression ? ", GENERATION_EXPRESSION" : ""),
            "COLUMNS", "TABLE_SCHEMA"));
  const Column table_name(result, "TABLE_NAME");
  const Column name(result, "COLUMN_NAME");
  const Column position(result, "ORDINAL_POSITION");
  const Column data_type(result, "DATA_TYPE");
  const Column full_type(result, "COLUMN_TYPE");
  const Column charset(result, "CHARACTER_SET_NAME");
  const Column collation(result, "COLLATION_NAME");
  const Column nullable(result, "IS_NULLABLE");
  const Column extra(result, "EXTRA");
  const Column expression(result, "GENERATION_EXPRESSION");

  for (size_t row = 0; row < result.rows.size(); ++row) {
    TableInfo* table = FindTable(table_name[row]);
    if (table == nullptr) continue;  // of a view, or not selected
    const size_t index = position.As<size_t>(row);
    if (index == 0) {
      return MakeError(session_.failure(),
                       absl::StrCat("read the catalog: column ", Printable(name[row]), " of ",
                                    PrintableName(database_, table_name[row]), " has no position"));
    }
    if (table->columns.size() < index) table->columns.resize(index);
    ColumnInfo& column = table->columns[index - 1];
    column.name = name[row];
    column.data_type = absl::AsciiStrToLower(data_type[row]);
    column.full_type = full_type[row];
    column.charset = absl::AsciiStrToLower(charset[row]);
    column.collation = absl::AsciiStrToLower(collation[row]);
    column.nullable = nullable[row] == "YES";
    // MySQL 8 says DEFAULT_GENERATED of an ordinary column with an expression as its default.
    const std::string words = absl::AsciiStrToUpper(extra[row]);
    column.stored =
        absl::StrContains(words, "STORED GENERATED") || absl::StrContains(words, "PERSISTENT");
    column.generated = column.stored || absl::StrContains(words, "VIRTUAL");
    if (expression[row] == "ROW START") {
      table->row_start = name[row];
      table->history_by_transaction = column.data_type == "bigint";
    }
    if (expression[row] == "ROW END") table->row_end = name[row];
  }
  // A hidden column in the middle would leave a gap in the positions.
  for (const auto& [unused, index] : table_index_) {
    TableInfo& table = catalog_.tables[index];
    if (table.system_versioned && table.row_end.empty()) {
      table.row_start = "row_start";
      table.row_end = "row_end";
    }
    auto& columns = table.columns;
    columns.erase(std::remove_if(columns.begin(), columns.end(),
                                 [](const ColumnInfo& column) { return column.name.empty(); }),
                  columns.end());
  }
  return absl::OkStatus();
}

absl::Status DatabaseReader::ReadKeys() {
  // What an index needs to say about itself to be used in FORCE INDEX.
  std::string columns =
      "TABLE_NAME, NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, "
      "NULLABLE, INDEX_TYPE";
  if (session_.version().MariaDbAtLeast(10, 6)) columns += ", IGNORED";
  if (session_.version().MySqlAtLeast(8, 0)) columns += ", IS_VISIBLE";
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, Query(columns, "STATISTICS", "TABLE_SCHEMA"));
  const Column table_name(result, "TABLE_NAME");
  const Column non_unique(result, "NON_UNIQUE");
  const Column index_name(result, "INDEX_NAME");
  const Column sequence(result, "SEQ_IN_INDEX");
  const Column column_name(result, "COLUMN_NAME");
  const Column sub_part(result, "SUB_PART");
  const Column nullable(result, "NULLABLE");
  const Column type(result, "INDEX_TYPE");
  const Column ignored(result, "IGNORED");
  const Column visible(result, "IS_VISIBLE");

  absl::flat_hash_map<size_t, std::vector<UniqueIndex>> unique_of_table;
  for (size_t row = 0; row < result.rows.size(); ++row) {
    const auto table = table_index_.find(table_name[row]);
    if (table == table_index_.end() || non_unique[row] != "0") continue;
    std::vector<UniqueIndex>& indexes = unique_of_table[table->second];
    // The rows of an index mostly follow one another; a table has at most 128.
    auto index = std::find_if(indexes.rbegin(), indexes.rend(), [&](const UniqueIndex& known) {
      return known.name == index_name[row];
    });
    if (index == indexes.rend()) {
      indexes.push_back({index_name[row], true, {}});
      index = indexes.rbegin();
    }
    index->parts.emplace_back(sequence.As<int>(row), column_name[row]);
    // A HASH index other than MEMORY's primary key is a "long unique" and cannot be walked.
    // A part without a name is an expression.
    if (!sub_part[row].empty() || nullable[row] == "YES" || column_name[row].empty() ||
        ignored[row] == "YES" || visible[row] == "NO" ||
        (type[row] == "HASH" && index->name != "PRIMARY")) {
      index->usable = false;
    }
  }
  for (auto& [table, indexes] : unique_of_table) {
    catalog_.tables[table].key = ChooseKey(catalog_.tables[table], indexes);
  }
  return absl::OkStatus();
}

KeyInfo DatabaseReader::ChooseKey(const TableInfo& table, std::vector<UniqueIndex>& indexes) const {
  const UniqueIndex* best = nullptr;
  for (UniqueIndex& index : indexes) {
    index.usable = index.usable && IsOrderedKey(table, index);
    if (index.name == "PRIMARY") {
      best = &index;
      break;
    }
    if (index.usable && (best == nullptr || std::make_tuple(index.parts.size(), index.name) <
                                                std::make_tuple(best->parts.size(), best->name))) {
      best = &index;
    }
  }
  KeyInfo key;
  if (best == nullptr || !best->usable) return key;
  key.index = best->name;
  for (const auto& [unused, column] : best->parts) key.columns.push_back(column);
  return key;
}

// Puts the parts in order. System versioning adds the end of the row's period to unique keys, as
// a hidden part (a gap in the numbers) or as a visible one. PlanTable adds it at the end of the
// key again, the same way for both; before the end it would break our idea of the order.
bool DatabaseReader::IsOrderedKey(const TableInfo& table, UniqueIndex& index) const {
  std::sort(index.parts.begin(), index.parts.end());
  if (index.parts.size() > 1 && !table.row_end.empty() &&
      index.parts.back().second == table.row_end) {
    index.parts.pop_back();
  }
  for (size_t i = 0; i < index.parts.size(); ++i) {
    if (index.parts[i].first != static_cast<int>(i) + 1) return false;
    if (IsGenerated(table, index.parts[i].second)) return false;
  }
  return true;
}

bool DatabaseReader::IsGenerated(const TableInfo& table, const std::string& column) const {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [&](const ColumnInfo& info) { return info.name == column && info.generated; });
}

TableInfo* DatabaseReader::FindTable(const std::string& name) {
  const auto found = table_index_.find(name);
  return found == table_index_.end() ? nullptr : &catalog_.tables[found->second];
}

// By the table's schema, which is the trigger's: with TRIGGER_SCHEMA the server opens the tables of
// all databases, for each database anew.
absl::Status DatabaseReader::ReadTriggers() {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          Query("TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, "
                                "EVENT_MANIPULATION, ACTION_ORDER",
                                "TRIGGERS", "EVENT_OBJECT_SCHEMA"));
  const Column name(result, "TRIGGER_NAME");
  const Column table(result, "EVENT_OBJECT_TABLE");
  const Column timing(result, "ACTION_TIMING");
  const Column event(result, "EVENT_MANIPULATION");
  const Column order(result, "ACTION_ORDER");
  const size_t first = catalog_.triggers.size();
  for (size_t row = 0; row < result.rows.size(); ++row) {
    if (!selection_.SelectsTable({database_, table[row]})) continue;
    catalog_.triggers.push_back(
        {{database_, name[row]}, table[row], timing[row], event[row], order.As<int>(row)});
  }
  std::sort(catalog_.triggers.begin() + first, catalog_.triggers.end(),
            [](const TriggerInfo& a, const TriggerInfo& b) {
              return std::tie(a.table, a.timing, a.event, a.order, a.name) <
                     std::tie(b.table, b.timing, b.event, b.order, b.name);
            });
  return absl::OkStatus();
}

absl::Status DatabaseReader::ReadRoutines() {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          Query("ROUTINE_NAME, ROUTINE_TYPE", "ROUTINES", "ROUTINE_SCHEMA"));
  const Column name(result, "ROUTINE_NAME");
  const Column type(result, "ROUTINE_TYPE");
  const size_t first = catalog_.routines.size();
  for (size_t row = 0; row < result.rows.size(); ++row) {
    RoutineInfo& routine = catalog_.routines.emplace_back();
    routine.name = {database_, name[row]};
    if (type[row] == "PROCEDURE") {
      routine.kind = RoutineKind::kProcedure;
    } else if (type[row] == "FUNCTION") {
      routine.kind = RoutineKind::kFunction;
    } else if (type[row] == "PACKAGE") {
      routine.kind = RoutineKind::kPackage;
    } else if (type[row] == "PACKAGE BODY") {
      routine.kind = RoutineKind::kPackageBody;
    } else {
      catalog_.left_out.push_back(absl::StrCat("routine ", PrintableName(database_, name[row]),
                                               ": its kind '", Printable(type[row]),
                                               "' is unknown to zdpipe"));
      catalog_.routines.pop_back();
    }
  }
  if (session_.version().MySqlAtLeast(9, 2)) {
    ZDPIPE_ASSIGN_OR_RETURN(const Result libraries,
                            Query("LIBRARY_NAME", "LIBRARIES", "LIBRARY_SCHEMA"));
    for (size_t row = 0; row < libraries.rows.size(); ++row) {
      catalog_.routines.push_back(
          {{database_, libraries.Text(row, "LIBRARY_NAME")}, RoutineKind::kLibrary});
    }
  }
  std::sort(catalog_.routines.begin() + first, catalog_.routines.end(),
            [](const RoutineInfo& a, const RoutineInfo& b) {
              return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
            });
  return absl::OkStatus();
}

absl::Status DatabaseReader::ReadEvents() {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          Query("EVENT_NAME, STATUS", "EVENTS", "EVENT_SCHEMA"));
  const Column name(result, "EVENT_NAME");
  const Column status(result, "STATUS");
  const size_t first = catalog_.events.size();
  for (size_t row = 0; row < result.rows.size(); ++row) {
    catalog_.events.push_back({{database_, name[row]}, status[row]});
  }
  std::sort(catalog_.events.begin() + first, catalog_.events.end(),
            [](const EventInfo& a, const EventInfo& b) { return a.name < b.name; });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::set<ObjectName>> TablesOn(Session& server) {
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result found,
      server.Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"));
  std::set<ObjectName> names;
  for (const auto& row : found.rows) names.insert({row[0].value_or(""), row[1].value_or("")});
  return names;
}

}  // namespace zdpipe
