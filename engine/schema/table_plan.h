// How one table's rows are read and written: the SELECT, the INSERT, and the key that orders them.
#ifndef ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_
#define ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "engine/rows/wire_row.h"
#include "engine/schema/catalog.h"
#include "engine/server/row_stream.h"

namespace zdpipe {

// A key column: where its value is in the row, and the character set its bytes are in.
struct KeyColumn {
  size_t position = 0;
  std::string charset;  // "" for numbers, times and binary strings
};

struct TablePlan {
  // Every column that is not generated, by name (SELECT * would drop INVISIBLE ones), ENUM and SET
  // as numbers, in key order where the table has a usable key.
  std::string select;
  std::string insert_head;  // "INSERT INTO `s`.`t` (`a`, `b`) VALUES "
  std::vector<ColumnRole> roles;
  std::vector<KeyColumn> key;  // empty: the rows come in no particular order
};

TablePlan PlanTable(const TableInfo& table);

// The key of `row` as SQL literals: "(10, _latin1 X'6162')"; "" for a table without a key.
std::string KeyLiteral(const TablePlan& plan, const RowLayout& layout, WireRow row);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_TABLE_PLAN_H_
