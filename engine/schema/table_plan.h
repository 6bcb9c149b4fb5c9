// How one table's rows are read and written: the SELECT, the INSERT, and the key that orders them.
#ifndef ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_
#define ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/rows/wire_row.h"
#include "engine/schema/catalog.h"
#include "engine/server/row_stream.h"
#include "engine/server/session.h"

namespace zdpipe {

// A key column: where its value is in the row, and the character set its bytes are in.
struct KeyColumn {
  size_t position = 0;
  std::string charset;  // "" for numbers, times and binary strings
};

struct PlannedColumn {
  std::string name;
  std::string charset;  // "" as above
};

// Rows of a system-versioned table that ended in the moment they began, as REPLACE of two rows with
// one key makes them. They are rows of the table like the others, but no server takes one back.
struct EmptyPeriods {
  std::string scan;        // as TablePlan::scan, of these rows only
  std::string as_current;  // the same as if they had not ended, in the order of their beginning
  std::string others;      // as TablePlan::select, of all other rows
};

struct TablePlan {
  // Every column that is not generated, by name (SELECT * would drop INVISIBLE ones), ENUM and SET
  // as numbers, in no particular order.
  std::string scan;
  std::string select;  // `scan`, in key order where that costs no sort
  // `scan`, with MySQL's JSON documents as they are after a way through text, where DECIMAL
  // numbers, dates and binary strings become others; "" for a table without.
  std::string scan_of_texts;
  // Counts the rows with documents whose types do not survive that: dates, times and binary strings
  // become strings of the same text, DECIMAL numbers lose digits. "" for a table without.
  std::string count_of_types;
  std::string order;  // the end of `select`: " ORDER BY .."; "" for no order
  // "INSERT INTO `s`.`t` (`a`, `b`) VALUES "; "" for a table whose columns are all generated: its
  // rows are only counted, by a SELECT of a constant.
  std::string insert_head;
  std::vector<PlannedColumn> columns;  // in the order of the row's values
  std::vector<ColumnRole> roles;       // of these columns
  std::vector<KeyColumn> key;          // what `select` is ordered by; empty: by nothing
  // What tells the rows apart: the table's key, whether it orders them or not; empty: nothing does.
  std::vector<KeyColumn> identity;
  EmptyPeriods
      empty_periods;  // "" for a table without a history; the period is the last two columns
};

// The SELECT is for a server of version `from`, and gives the rows as one of version `to` stores
// them: equal rows have equal digests whichever of the two they are read from.
TablePlan PlanTable(const TableInfo& table, const Version& from, const Version& to);

// The same for the stored or for the virtual generated columns only, but for those of a period
// (which the SELECT of the table has): in no particular order, to compare what two servers have
// computed. The roles are empty when there are none.
TablePlan PlanGenerated(const TableInfo& table, bool stored);

// The plan's SELECT of those rows for which the SQL `condition` is true; "": of all.
std::string SelectWhere(const TablePlan& plan, absl::string_view condition);

// "int", "varbinary", ...; "" for a column that is hidden.
absl::string_view KeyColumnType(const TableInfo& table, const TablePlan& plan,
                                const KeyColumn& key);

// True where the order of the index is beyond doubt the order of SQL's comparison: for the first
// `columns` of the plan's key, which must be integers, decimals or binary strings, of a table that
// is not partitioned.
bool HasCertainOrder(const TableInfo& table, const TablePlan& plan, size_t columns);

// SQL that is true for the rows behind the one whose key is `last_key` (as KeyLiteral gives it);
// nullopt where that cannot be said with certainty.
std::optional<std::string> ConditionAfter(const TableInfo& table, const TablePlan& plan,
                                          absl::string_view last_key);

// Values of `row` as SQL literals: "(10, _latin1 X'6162')"; "" for no columns.
std::string RowLiteral(const std::vector<KeyColumn>& columns, const RowLayout& layout, WireRow row);

// The key of `row` as SQL literals; "" for a table without a key.
std::string KeyLiteral(const TablePlan& plan, const RowLayout& layout, WireRow row);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_
