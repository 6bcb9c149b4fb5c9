#include "engine/schema/shown_texts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/schema/sql_scanner.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

bool HasMembers(const ColumnInfo& column) {
  return column.data_type == "enum" || column.data_type == "set";
}

const ColumnInfo* FindColumn(const TableInfo& table, const std::string& name) {
  const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                   [&](const ColumnInfo& info) { return info.name == name; });
  return column == table.columns.end() ? nullptr : &*column;
}

// Has texts that are converted to be shown, and may have characters without a place in utf8mb3.
bool IsConverted(const ColumnInfo& column) {
  constexpr absl::string_view kShownInFull[] = {"ascii", "latin1", "utf8", "utf8mb3"};
  // An ENUM of CHARACTER SET binary has no character set in information_schema.
  if (column.charset.empty()) return HasMembers(column);
  if (!HasMembers(column) && column.data_type != "varchar" && column.data_type != "char") {
    return false;
  }
  return std::find(std::begin(kShownInFull), std::end(kShownInFull), column.charset) ==
         std::end(kShownInFull);
}

// Goes through what SHOW CREATE TABLE says of the columns, indexes and constraints.
class ColumnWords {
 public:
  explicit ColumnWords(absl::string_view show_create) : scanner_(show_create) {}

  // False behind the parenthesis that closes the list.
  bool Next() {
    const bool element_starts = depth_ == 1 && (token_.IsSymbol('(') || token_.IsSymbol(','));
    token_ = scanner_.Next();
    depth_ += token_.IsSymbol('(') ? 1 : token_.IsSymbol(')') ? -1 : 0;
    column_starts_ = element_starts;
    if (element_starts) column_ = token_.kind == SqlToken::Kind::kName ? token_.Name() : "";
    return token_.kind != SqlToken::Kind::kEnd && !(depth_ == 0 && token_.IsSymbol(')'));
  }

  const SqlToken& token() const { return token_; }
  int depth() const { return depth_; }                   // in parentheses; of a column's words: 1
  const std::string& column() const { return column_; }  // "" in an index or a constraint
  bool column_starts() const { return column_starts_; }

 private:
  SqlScanner scanner_;
  SqlToken token_;
  int depth_ = 0;
  std::string column_;
  bool column_starts_ = false;
};

// The bytes of a text as servers print it.
std::string Unquoted(absl::string_view text) {
  std::string bytes;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\';
    if ((escaped || text[i] == '\'') && i + 1 < text.size()) ++i;
    const char c = text[i];
    bytes += !escaped   ? c
             : c == '0' ? '\0'
             : c == 'n' ? '\n'
             : c == 'r' ? '\r'
             : c == 't' ? '\t'
             : c == 'Z' ? '\x1a'
                        : c;
  }
  return bytes;
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
  ColumnWords words(show_create);
  bool in_members = false;
  size_t member = 0;
  for (SqlToken last; words.Next(); last = words.token()) {
    const SqlToken& token = words.token();
    if (words.column_starts()) member = 0;
    if (token.IsSymbol('(')) in_members = last.IsWord("ENUM") || last.IsWord("SET");
    if (token.IsSymbol(')')) in_members = false;
    if (token.kind != SqlToken::Kind::kText) continue;
    if (in_members) ++member;
    const bool is_default = words.depth() == 1 && last.IsWord("DEFAULT");
    if ((!in_members && !is_default) || !absl::StrContains(token.text, '?')) continue;
    const ColumnInfo* const column = FindColumn(table, words.column());
    if (column == nullptr || !IsConverted(*column)) continue;
    texts.push_back({column, token.begin, token.end, in_members ? member : 0});
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

absl::StatusOr<std::map<std::string, uint64_t>> ReadReferenceSystems(Session& server,
                                                                     const TableInfo& table) {
  constexpr absl::string_view kGeometries[] = {
      "geometry",   "point",           "linestring",   "polygon",
      "multipoint", "multilinestring", "multipolygon", "geometrycollection"};
  std::map<std::string, uint64_t> systems;
  const bool some =
      std::any_of(table.columns.begin(), table.columns.end(), [&](const ColumnInfo& column) {
        return std::count(std::begin(kGeometries), std::end(kGeometries), column.data_type) > 0;
      });
  if (!some || !server.version().mariadb) return systems;
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      server.Query(absl::StrCat(
          "SELECT G_GEOMETRY_COLUMN, SRID FROM information_schema.GEOMETRY_COLUMNS WHERE SRID <> 0 "
          // By these the server finds the table, without them it opens all there are.
          "AND F_TABLE_SCHEMA = ",
          QuoteText(table.name.schema), " AND BINARY F_TABLE_SCHEMA = ",
          QuoteText(table.name.schema), " AND F_TABLE_NAME = ", QuoteText(table.name.name),
          " AND BINARY F_TABLE_NAME = ", QuoteText(table.name.name))));
  for (const TextRow& row : result.rows) {
    uint64_t system = 0;
    if (absl::SimpleAtoi(row[1].value_or(""), &system)) systems[row[0].value_or("")] = system;
  }
  return systems;
}

std::string WithReferenceSystems(const std::map<std::string, uint64_t>& systems,
                                 const std::string& show_create) {
  if (systems.empty()) return show_create;
  std::string text;
  size_t copied = 0;
  ColumnWords words(show_create);
  bool type_follows = false;
  while (words.Next()) {
    const auto system = systems.find(words.column());
    if (type_follows && system != systems.end()) {
      text.append(show_create, copied, words.token().end - copied);
      absl::StrAppend(&text, " REF_SYSTEM_ID=", system->second);
      copied = words.token().end;
    }
    type_follows = words.column_starts() && !words.column().empty();
  }
  return text.append(show_create, copied, std::string::npos);
}

std::map<std::string, std::string> BinaryDefaults(const TableInfo& table,
                                                  absl::string_view show_create) {
  std::map<std::string, std::string> defaults;
  ColumnWords words(show_create);
  for (SqlToken last; words.Next(); last = words.token()) {
    const SqlToken& token = words.token();
    if (words.depth() != 1 || words.column().empty()) continue;
    const ColumnInfo* const column = FindColumn(table, words.column());
    if (column == nullptr || (column->data_type != "binary" && column->data_type != "varbinary")) {
      continue;
    }
    std::string bytes;
    if (token.kind == SqlToken::Kind::kText && last.IsWord("X")) {
      bytes = absl::HexStringToBytes(token.text.substr(1, token.text.size() - 2));
    } else if (token.kind == SqlToken::Kind::kText && last.IsWord("DEFAULT")) {
      bytes = Unquoted(token.text);
    } else if (last.IsWord("DEFAULT") && absl::StartsWithIgnoreCase(token.text, "0x")) {
      bytes = absl::HexStringToBytes(token.text.substr(2));
    } else {
      continue;
    }
    defaults.emplace(column->name, std::move(bytes));
  }
  return defaults;
}

}  // namespace zdpipe
