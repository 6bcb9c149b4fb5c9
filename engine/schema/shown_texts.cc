#include "engine/schema/shown_texts.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/schema/sql_scanner.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

bool HasMembers(const ColumnInfo& column) {
  return column.data_type == "enum" || column.data_type == "set";
}

// The column of this name when it has texts that are converted to be shown. All characters of the
// usual character sets have a place in utf8mb3.
const ColumnInfo* FindConverted(const TableInfo& table, const std::string& name) {
  constexpr absl::string_view kShownInFull[] = {"", "ascii", "latin1", "utf8", "utf8mb3"};
  const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                   [&](const ColumnInfo& info) { return info.name == name; });
  if (column == table.columns.end()) return nullptr;
  const bool of_texts =
      HasMembers(*column) || column->data_type == "varchar" || column->data_type == "char";
  const bool in_full = std::find(std::begin(kShownInFull), std::end(kShownInFull),
                                 column->charset) != std::end(kShownInFull);
  // An ENUM of CHARACTER SET binary has none in information_schema.
  return of_texts && (!in_full || (HasMembers(*column) && column->charset.empty())) ? &*column
                                                                                    : nullptr;
}

// The statement that tells the bytes of a text in hexadecimal digits.
std::string QueryFor(const TableInfo& table, const DoubtfulText& text) {
  const std::string name = QuoteName(table.name.schema, table.name.name);
  const std::string column = QuoteName(text.column->name);
  if (text.member == 0) {
    // With a table that has no rows it is told of nullable columns.
    return absl::StrCat("SELECT HEX(DEFAULT(", column, ")) FROM (SELECT 1) one LEFT JOIN ", name,
                        " ON 1 LIMIT 1");
  }
  const uint64_t number =
      text.column->data_type == "set" ? uint64_t{1} << (text.member - 1) : text.member;
  return absl::StrCat("BEGIN NOT ATOMIC DECLARE member TYPE OF ", name, ".", column,
                      "; SET member = ", number, "; SELECT HEX(member); END");
}

}  // namespace

std::vector<DoubtfulText> DoubtfulTexts(const TableInfo& table, absl::string_view show_create) {
  std::vector<DoubtfulText> texts;
  if (!absl::StrContains(show_create, '?')) return texts;
  const ColumnInfo* column = nullptr;  // that the tokens belong to
  size_t member = 0;
  int depth = 0;
  bool element_starts = false;
  bool in_members = false;
  SqlScanner scanner(show_create);
  SqlToken last;
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    depth += token.IsSymbol('(') ? 1 : token.IsSymbol(')') ? -1 : 0;
    if (token.IsSymbol('(')) in_members = last.IsWord("ENUM") || last.IsWord("SET");
    if (token.IsSymbol(')')) in_members = false;
    if (depth == 0 && token.IsSymbol(')')) break;  // options and partitions follow
    if (depth == 1 && element_starts) {
      column = token.kind == SqlToken::Kind::kName ? FindConverted(table, token.Name()) : nullptr;
      member = 0;
    }
    element_starts = depth == 1 && (token.IsSymbol(',') || token.IsSymbol('('));
    const bool is_text = token.kind == SqlToken::Kind::kText;
    const bool is_default = is_text && depth == 1 && last.IsWord("DEFAULT");
    const bool is_member = is_text && in_members;
    if (is_member) ++member;
    if (column != nullptr && (is_default || is_member) && absl::StrContains(token.text, '?')) {
      texts.push_back({column, token.begin, token.end, is_member ? member : 0});
    }
    last = token;
  }
  return texts;
}

absl::StatusOr<FullDefinition> ReadTextsInFull(Session& server, const TableInfo& table,
                                               const std::string& show_create) {
  FullDefinition full;
  size_t copied = 0;
  for (const DoubtfulText& text : DoubtfulTexts(table, show_create)) {
    const absl::StatusOr<std::string> digits = server.QueryValue(QueryFor(table, text));
    if (IsSessionLost(digits.status())) return digits.status();
    if (!digits.ok() || digits->empty()) {
      full.doubts.push_back(
          absl::StrCat(text.member == 0 ? "the default" : absl::StrCat("member ", text.member),
                       " of column ", Printable(text.column->name)));
      continue;
    }
    absl::StrAppend(&full.text, show_create.substr(copied, text.begin - copied),
                    QuoteBytes(absl::HexStringToBytes(*digits)));
    copied = text.end;
  }
  full.text.append(show_create, copied, std::string::npos);
  return full;
}

}  // namespace zdpipe
