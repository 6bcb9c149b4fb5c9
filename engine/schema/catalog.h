// What there is to copy: the objects of the selected databases, read once from the source.
//
// Read with a few queries per database, never one per object, so that start-up is linear and
// short with 100 000 tables; only SHOW CREATE needs a statement per object, and the objects'
// own copiers issue it when their turn comes.
#ifndef ZDPIPE_ENGINE_SCHEMA_CATALOG_H_
#define ZDPIPE_ENGINE_SCHEMA_CATALOG_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/server/session.h"

namespace zdpipe {

struct ObjectName {
  std::string schema;
  std::string name;

  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

// One column, in table order. Types and charsets in lower case, as information_schema says them.
struct ColumnInfo {
  std::string name;
  std::string data_type;  // "int", "varchar", "enum", "inet6"
  std::string full_type;  // "int(10) unsigned"
  std::string charset;    // "" for a column without one
  std::string collation;
  bool nullable = true;
  bool generated = false;  // VIRTUAL, STORED or PERSISTENT: never inserted
  bool stored = false;     // STORED or PERSISTENT: computed when the row was written
};

// The key whose order a table is read in: the primary key, or else the unique key of the fewest
// columns (then the first by name) without a nullable, prefixed or generated column. Empty when
// the table has none, or when its primary key has such a column. Of a system-versioned table it is
// unique among the current rows only.
struct KeyInfo {
  std::string index;                 // "PRIMARY"
  std::vector<std::string> columns;  // in key order

  bool empty() const { return columns.empty(); }
};

std::string KeyText(const KeyInfo& key);  // "PRIMARY (id, day)"; "" for none

struct TableInfo {
  ObjectName name;
  std::string engine;  // as information_schema says it; "" when the server cannot open the table
  std::string collation;
  uint64_t rows_estimate = 0;
  uint64_t data_bytes_estimate = 0;   // without secondary indexes
  uint64_t index_bytes_estimate = 0;  // secondary indexes
  bool system_versioned = false;
  // The columns of a system-versioned table's period; "row_start" and "row_end" where they are
  // hidden. Empty for other tables.
  std::string row_start;
  std::string row_end;
  // Its periods are numbers of the source's transactions (mysql.transaction_registry), which mean
  // nothing elsewhere: such a table is its current rows.
  bool history_by_transaction = false;
  bool partitioned = false;
  std::vector<ColumnInfo> columns;
  KeyInfo key;

  bool carries_history() const { return system_versioned && !history_by_transaction; }
  bool transactional() const { return engine == "InnoDB" || engine == "ROCKSDB"; }
  // A crash of the server takes the same transactions from it as from the ledger, which is InnoDB.
  bool recovers_with_ledger() const { return engine == "InnoDB"; }
  // False for engines whose tables show rows that are kept elsewhere: in other tables, on other
  // servers, in files of other programs. To insert what one reads there would double it.
  bool holds_rows() const;
};

// kLibrary: JavaScript that MySQL's routines use, since 9.2.
enum class RoutineKind { kLibrary, kProcedure, kFunction, kPackage, kPackageBody };

const char* RoutineKindName(RoutineKind kind);  // "procedure", "package body", as SQL says it

struct RoutineInfo {
  ObjectName name;
  RoutineKind kind = RoutineKind::kProcedure;
};

// A query for SCHEMA_NAME and OBJECT_NAME of all tables, views, sequences, routines, libraries and
// events of one database; of all databases when `schema` is "".
std::string ObjectsQuery(const Version& version, absl::string_view schema);

struct TriggerInfo {
  ObjectName name;
  std::string table;
  std::string timing;  // "BEFORE", "AFTER"
  std::string event;   // "INSERT", "UPDATE", "DELETE"
  int order = 0;       // among the triggers of one table, timing and event
};

struct EventInfo {
  ObjectName name;
  std::string status;  // ENABLED, DISABLED, SLAVESIDE_DISABLED: as it is on the source
};

struct DatabaseInfo {
  std::string name;
  std::string charset;
  std::string collation;
  std::string comment;  // MariaDB >= 10.5
};

// Databases, and the objects within each list, stand in the order of their names' bytes.
struct Catalog {
  std::vector<DatabaseInfo> databases;
  std::vector<TableInfo> tables;  // base tables
  std::vector<ObjectName> sequences;
  std::vector<ObjectName> views;
  std::vector<RoutineInfo> routines;
  std::vector<TriggerInfo> triggers;  // in creation order
  std::vector<EventInfo> events;
  // Databases (and tables with an unreadable name) that were left out although nobody asked for
  // it, one sentence each with the reason.
  std::vector<std::string> left_out;
  // Why what a user has in a database `sys` is not copied, and how many tables that is; "" when
  // there is nothing.
  std::string left_in_sys;
  size_t tables_in_sys = 0;
};

// Which objects: empty lists mean all. Patterns are shell globs over "database.table"; `*` matches
// dots too, and `?` one byte. Names are compared byte by byte.
struct Selection {
  std::vector<std::string> databases;
  std::vector<std::string> tables;
  std::vector<std::string> exclude_tables;
  std::string control_schema = "zdpipe";  // never copied

  // True for a table, view or sequence of this name; a trigger goes with its table.
  bool SelectsTable(const ObjectName& name) const;
};

// Databases no tool may copy: the servers' own.
bool IsSystemDatabase(absl::string_view name);

// Reads the catalog. A selected database that does not exist or may not be copied is kUsage.
// Views and sequences are selected like tables, triggers with their table; routines and events
// come with their database, but not when `selection.tables` is given. Then, unless databases are
// listed too, the databases are those of the selected tables.
absl::StatusOr<Catalog> ReadCatalog(Session& session, const Selection& selection);

// The names of all tables, views and sequences of a server.
absl::StatusOr<std::set<ObjectName>> TablesOn(Session& server);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_CATALOG_H_
