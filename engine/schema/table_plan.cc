#include "engine/schema/table_plan.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

ColumnRole RoleOf(const ColumnInfo& column) {
  const std::string& type = column.data_type;
  if (type == "enum") return ColumnRole::kEnum;
  if (type == "set") return ColumnRole::kSet;
  if (type == "uuid" || type == "inet6" || type == "inet4" || type == "json") {
    return ColumnRole::kText;
  }
  return ColumnRole::kPlain;
}

// ENUM and SET as numbers: their text may be in any character set, hold commas, or be the error
// value ''. CAST keeps all 64 bits of a SET, where "+ 0" would go through DOUBLE; "| 0" makes the
// result a BIGINT whatever the members' lengths, where MariaDB shortens the CAST's.
std::string SelectExpression(const ColumnInfo& column, ColumnRole role) {
  const std::string name = QuoteName(column.name);
  if (role == ColumnRole::kEnum || role == ColumnRole::kSet) {
    return absl::StrCat("CAST(", name, " AS UNSIGNED) | 0");
  }
  // Its protocol type is one of MySQL's own, which the client library takes for a fixed size.
  if (column.data_type == "vector") return absl::StrCat("CAST(", name, " AS BINARY)");
  return name;
}

// What the end of its period is in a current row of a system-versioned table: the last TIMESTAMP.
absl::string_view CurrentRowEnd(const Version& version) {
  return version.MariaDbAtLeast(11, 5) ? "2106-02-07 06:28:15.999999"
                                       : "2038-01-19 03:14:07.999999";
}

// The end of the period, of current rows as `to` writes it. DATETIME travels as TIMESTAMP does.
std::string RowEndExpression(const std::string& column, const Version& from, const Version& to) {
  const std::string name = QuoteName(column);
  if (CurrentRowEnd(from) == CurrentRowEnd(to)) return name;
  return absl::StrCat("IF(", name, " = TIMESTAMP'", CurrentRowEnd(from), "', TIMESTAMP'",
                      CurrentRowEnd(to), "', ", name, ")");
}

template <typename Signed, typename Unsigned>
std::string IntegerLiteral(const WireValue& value, bool is_unsigned) {
  if (is_unsigned) return absl::StrCat(static_cast<uint64_t>(Load<Unsigned>(value.data)));
  return absl::StrCat(static_cast<int64_t>(Load<Signed>(value.data)));
}

std::string Literal(const WireColumn& column, const KeyColumn& key, const WireValue& value) {
  if (value.is_null()) return "NULL";
  const absl::string_view text(reinterpret_cast<const char*>(value.data), value.size);
  switch (column.type) {
    case WireType::kInt8:
      return IntegerLiteral<int8_t, uint8_t>(value, column.is_unsigned);
    case WireType::kInt16:
      return IntegerLiteral<int16_t, uint16_t>(value, column.is_unsigned);
    case WireType::kInt32:
      return IntegerLiteral<int32_t, uint32_t>(value, column.is_unsigned);
    case WireType::kInt64:
      return IntegerLiteral<int64_t, uint64_t>(value, column.is_unsigned);
    case WireType::kEnum:
      return absl::StrCat(Load<uint64_t>(value.data));
    case WireType::kFloat:
      return absl::StrFormat("%.9g", Load<float>(value.data));
    case WireType::kDouble:
      return absl::StrFormat("%.17g", Load<double>(value.data));
    case WireType::kDate:
    case WireType::kTime:
    case WireType::kDateTime:
      return absl::StrCat("'", TemporalText(column.type, value), "'");
    case WireType::kDecimal:
      return std::string(text);
    case WireType::kText:
      return QuoteText(text);
    case WireType::kBytes:
      // The introducer gives the literal the column's character set, so that a comparison runs
      // under the column's collation and nothing is converted.
      return key.charset.empty() ? QuoteBytes(text)
                                 : absl::StrCat("_", key.charset, " ", QuoteBytes(text));
  }
  return "";
}

void PlanJson(const std::vector<ColumnInfo>& columns, const std::string& from_all,
              TablePlan& plan) {
  std::vector<std::string> expressions;
  std::vector<std::string> changes;
  for (const ColumnInfo& column : columns) {
    std::string expression = SelectExpression(column, RoleOf(column));
    if (column.data_type == "json") {
      const std::string by_text = absl::StrCat("CAST(CAST(", expression, " AS CHAR) AS JSON)");
      changes.push_back(absl::StrCat(expression, " <> ", by_text));
      expression = by_text;
    }
    expressions.push_back(std::move(expression));
  }
  if (changes.empty()) return;
  plan.scan_of_texts = absl::StrCat("SELECT ", absl::StrJoin(expressions, ", "), from_all);
  plan.count_of_types =
      absl::StrCat("SELECT COUNT(*)", from_all, " WHERE ", absl::StrJoin(changes, " OR "));
}

}  // namespace

TablePlan PlanTable(const TableInfo& table, const Version& from, const Version& to) {
  TablePlan plan;
  std::string expressions;
  std::string columns;
  std::vector<ColumnInfo> inserted;
  auto insert = [&](const ColumnInfo& column, const std::string& expression) {
    const ColumnRole role = RoleOf(column);
    const absl::string_view comma = inserted.empty() ? "" : ", ";
    absl::StrAppend(&expressions, comma, expression);
    absl::StrAppend(&columns, comma, QuoteName(column.name));
    plan.roles.push_back(role);
    plan.columns.push_back({column.name, column.charset});
    inserted.push_back(column);
  };
  for (const ColumnInfo& column : table.columns) {
    if (!column.generated) insert(column, SelectExpression(column, RoleOf(column)));
  }
  std::vector<std::string> key = table.key.columns;
  std::string expressions_as_current;
  if (table.carries_history()) {
    // The history is rows like the others, told apart by their period; the end of the period is
    // part of every unique key.
    ColumnInfo period;
    period.name = table.row_start;
    insert(period, QuoteName(table.row_start));
    period.name = table.row_end;
    expressions_as_current =
        absl::StrCat(expressions, ", TIMESTAMP'", CurrentRowEnd(to), "' AS row_end");
    insert(period, RowEndExpression(table.row_end, from, to));
    if (!key.empty()) key.push_back(table.row_end);
  }
  const std::string name = QuoteName(table.name.schema, table.name.name);
  if (inserted.empty()) {
    plan.scan = plan.select = absl::StrCat("SELECT 1 FROM ", name);
    plan.columns.push_back({"1", ""});
    plan.roles.push_back(ColumnRole::kPlain);
    return plan;
  }
  const std::string from_all =
      absl::StrCat(" FROM ", name, table.carries_history() ? " FOR SYSTEM_TIME ALL" : "");
  plan.scan = absl::StrCat("SELECT ", expressions, from_all);
  plan.select = plan.scan;
  if (!from.mariadb) PlanJson(inserted, from_all, plan);
  if (table.carries_history()) {
    const std::string start = QuoteName(table.row_start);
    const std::string end = QuoteName(table.row_end);
    const std::string empty = absl::StrCat(" WHERE ", start, " = ", end);
    plan.empty_periods.scan = absl::StrCat(plan.scan, empty);
    plan.empty_periods.as_current =
        absl::StrCat("SELECT ", expressions_as_current, from_all, empty, " ORDER BY ", start);
    plan.empty_periods.others = absl::StrCat(plan.scan, " WHERE ", start, " <> ", end);
  }
  plan.insert_head = absl::StrCat("INSERT INTO ", name, " (", columns, ") VALUES ");

  std::string order;
  for (const std::string& column : key) {
    const auto found = std::find_if(inserted.begin(), inserted.end(),
                                    [&](const ColumnInfo& info) { return info.name == column; });
    if (found == inserted.end()) {
      plan.identity.clear();
      return plan;
    }
    plan.identity.push_back({static_cast<size_t>(found - inserted.begin()), found->charset});
    absl::StrAppend(&order, order.empty() ? "" : ", ", QuoteName(column));
  }
  // Only a clustered key gives the order for free; elsewhere it would cost a sort of the table.
  if (key.empty() || !table.transactional()) return plan;
  plan.key = plan.identity;
  // FORCE INDEX: the optimiser must not prefer a scan and a sort of the whole table.
  const std::string index = absl::StrCat(" FORCE INDEX (", QuoteName(table.key.index), ")");
  plan.order = absl::StrCat(" ORDER BY ", order);
  if (!plan.empty_periods.others.empty()) {
    plan.empty_periods.others.insert(plan.scan.size(), index);
    plan.empty_periods.others += plan.order;
  }
  absl::StrAppend(&plan.select, index, plan.order);
  return plan;
}

TablePlan PlanGenerated(const TableInfo& table, bool stored) {
  TablePlan plan;
  std::string expressions;
  for (const ColumnInfo& column : table.columns) {
    const bool of_period = column.name == table.row_start || column.name == table.row_end;
    if (!column.generated || column.stored != stored || of_period) continue;
    const ColumnRole role = RoleOf(column);
    const bool may_be_negative_zero = column.data_type == "float" || column.data_type == "double";
    absl::StrAppend(&expressions, plan.roles.empty() ? "" : ", ", SelectExpression(column, role),
                    may_be_negative_zero ? " + 0" : "");  // whose sign some releases drop
    plan.roles.push_back(role);
  }
  plan.select =
      absl::StrCat("SELECT ", expressions, " FROM ", QuoteName(table.name.schema, table.name.name),
                   table.carries_history() ? " FOR SYSTEM_TIME ALL" : "");
  return plan;
}

std::string SelectWhere(const TablePlan& plan, absl::string_view condition) {
  if (condition.empty()) return plan.select;
  const size_t order = plan.select.size() - plan.order.size();
  return absl::StrCat(plan.select.substr(0, order), " WHERE ", condition, plan.order);
}

bool HasCertainOrder(const TableInfo& table, const TablePlan& plan, size_t columns) {
  constexpr absl::string_view kCertain[] = {"tinyint", "smallint", "mediumint", "int",
                                            "bigint",  "decimal",  "binary",    "varbinary"};
  // By a condition a server would choose among partitions: a row that lies in one where it should
  // not (EXCHANGE PARTITION .. WITHOUT VALIDATION) would not be read.
  if (plan.key.empty() || table.system_versioned || table.partitioned) return false;
  return std::all_of(plan.key.begin(), plan.key.begin() + static_cast<std::ptrdiff_t>(columns),
                     [&](const KeyColumn& key) {
                       const absl::string_view type = KeyColumnType(table, plan, key);
                       return std::find(std::begin(kCertain), std::end(kCertain), type) !=
                              std::end(kCertain);
                     });
}

absl::string_view KeyColumnType(const TableInfo& table, const TablePlan& plan,
                                const KeyColumn& key) {
  const std::string& name = plan.columns[key.position].name;
  const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                   [&](const ColumnInfo& info) { return info.name == name; });
  return column == table.columns.end() ? absl::string_view() : column->data_type;
}

std::optional<std::string> ConditionAfter(const TableInfo& table, const TablePlan& plan,
                                          absl::string_view last_key) {
  if (!HasCertainOrder(table, plan, plan.key.size())) return std::nullopt;
  if (!absl::ConsumePrefix(&last_key, "(") || !absl::ConsumeSuffix(&last_key, ")")) {
    return std::nullopt;  // cut
  }
  // None of these literals has a comma in it.
  const std::vector<std::string> values = absl::StrSplit(last_key, ", ");
  if (values.size() != plan.key.size()) return std::nullopt;
  // a >= 1 AND (a > 1 OR (a = 1 AND b > 2)): a range of the index, which (a, b) > (1, 2) is not.
  std::string after;
  for (size_t i = values.size(); i-- > 0;) {
    const std::string name = QuoteName(plan.columns[plan.key[i].position].name);
    const std::string greater = absl::StrCat(name, " > ", values[i]);
    after = after.empty()
                ? greater
                : absl::StrCat("(", greater, " OR (", name, " = ", values[i], " AND ", after, "))");
  }
  const std::string first = QuoteName(plan.columns[plan.key[0].position].name);
  return absl::StrCat(first, " >= ", values[0], " AND ", after);
}

std::string KeyLiteral(const TablePlan& plan, const RowLayout& layout, WireRow row) {
  return RowLiteral(plan.key, layout, row);
}

std::string RowLiteral(const std::vector<KeyColumn>& columns, const RowLayout& layout,
                       WireRow row) {
  if (columns.empty()) return "";
  std::vector<WireValue> values;
  values.reserve(layout.columns.size());
  ValueCursor cursor(layout, row);
  for (size_t i = 0; i < layout.columns.size(); ++i) values.push_back(cursor.Next());
  std::string literal = "(";
  for (const KeyColumn& key : columns) {
    absl::StrAppend(&literal, literal.size() == 1 ? "" : ", ",
                    Literal(layout.columns[key.position], key, values[key.position]));
  }
  return literal + ")";
}

}  // namespace zdpipe
