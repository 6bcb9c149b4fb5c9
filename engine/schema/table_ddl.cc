#include "engine/schema/table_ddl.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "engine/schema/sql_scanner.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Whether a comment that begins with "/*!" and `number` is none of a statement there. MariaDB takes
// none of MySQL's since 5.7.
bool IsSkipped(const Version& target, absl::string_view number) {
  uint64_t version = 0;
  const size_t digits = std::min(number.find_first_not_of("0123456789"), number.size());
  if (!absl::SimpleAtoi(number.substr(0, digits), &version)) return false;
  const auto own = static_cast<uint64_t>(target.major * 10000 + target.minor * 100 + target.patch);
  return version > own || (target.mariadb && version >= 50700 && version < 100000);
}

// One element of the list in parentheses: a column, an index, a constraint.
struct Element {
  enum class Kind {
    kColumn,
    kPrimary,
    kUnique,
    kIndex,  // plain or SPATIAL
    kFulltext,
    kForeignKey,
    kOther,  // CHECK, PERIOD, VECTOR, and what later versions bring: stays where it is
  };

  Kind kind = Kind::kOther;
  absl::string_view text;
  std::string name;  // of a column or an index
  // Of a column:
  bool not_null = false;
  size_t not_null_begin = 0;  // of the words in `text`
  size_t not_null_end = 0;
  bool implied_not_null = false;  // by the primary key, and not to be said
  bool generated = false;
  size_t auto_increment_end = 0;  // behind the word in `text`; 0: there is none
  // Of an index:
  std::vector<std::string> columns;
  bool prefixed = false;  // a part is a prefix or an expression
  bool hash = false;      // UNIQUE .. USING HASH: "long unique", needs a hidden column
  bool without_overlaps = false;

  bool is_index() const {
    return kind == Kind::kPrimary || kind == Kind::kUnique || kind == Kind::kIndex ||
           kind == Kind::kFulltext;
  }
};

struct Parts {
  std::vector<Element> elements;
  absl::string_view options;  // all that follows the closing parenthesis
  bool sets_stats_auto_recalc = false;
};

absl::StatusOr<Parts> TakeApart(const TableInfo& table, absl::string_view show_create);
bool UniqueKeysPrecedeTheirPrimary(const std::vector<Element>& elements, bool hash_is_long);
void MakePrimaryLast(std::vector<Element>& elements);
std::string TextInCreate(const Element& element);
std::string WithoutCounter(absl::string_view options);
absl::string_view WithoutImpossibleName(absl::string_view foreign_key);
size_t CountStayingIndexes(const std::vector<Element>& elements);

bool IsLongUnique(const Element& element) {
  return element.kind == Element::Kind::kUnique && element.hash;
}

}  // namespace

std::string InWordsOf(const Version& source, const Version& target,
                      const std::string& show_create) {
  const bool from_8 = source.MySqlAtLeast(8, 0);
  const bool to_8 = target.MySqlAtLeast(8, 0);
  if (from_8 == to_8) return show_create;
  std::string words;
  size_t copied = 0;
  int depth = 0;  // in parentheses: the columns are in one pair
  SqlScanner scanner(show_create);
  SqlToken before;  // the last two tokens
  SqlToken last;
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;) {
    const SqlToken next = scanner.Next();
    depth += token.IsSymbol('(') ? 1 : token.IsSymbol(')') ? -1 : 0;
    if (from_8 && token.IsWord("geomcollection")) {
      words.append(show_create, copied, token.begin - copied).append("geometrycollection");
      copied = token.end;
    }
    // CHARSET=utf8mb4 of the table, CHARACTER SET utf8mb4 of a column.
    const bool of_table = depth == 0 && before.IsWord("CHARSET") && last.IsSymbol('=');
    const bool of_column = depth == 1 && before.IsWord("CHARACTER") && last.IsWord("SET");
    if (to_8 && token.IsWord("utf8mb4") && (of_table || of_column) && !next.IsWord("COLLATE")) {
      words.append(show_create, copied, token.end - copied)
          .append(of_table ? " COLLATE=utf8mb4_general_ci" : " COLLATE utf8mb4_general_ci");
      copied = token.end;
    }
    before = last;
    last = token;
    token = next;
  }
  return words.append(show_create, copied, std::string::npos);
}

std::vector<std::string> SkippedComments(const Version& target, absl::string_view show_create) {
  std::vector<std::string> skipped;
  constexpr size_t kNone = absl::string_view::npos;
  size_t begin = kNone;
  size_t previous = 0;
  SqlScanner scanner(show_create);
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    // What the scanner passes over between two tokens: spaces and the marks of comments.
    const absl::string_view gap = show_create.substr(previous, token.begin - previous);
    const size_t close = gap.find("*/");
    if (begin != kNone && close != kNone) {
      skipped.emplace_back(show_create.substr(begin, previous + close + 2 - begin));
      begin = kNone;
    }
    const size_t open = gap.rfind("/*!");
    if (open != kNone && IsSkipped(target, gap.substr(open + 3))) {
      begin = previous + open;
    }
    previous = token.end;
  }
  if (begin != kNone) skipped.emplace_back(show_create.substr(begin));
  return skipped;
}

std::vector<std::string> OptionsOfMySqlOnly(absl::string_view show_create) {
  std::vector<std::string> options;
  int depth = 0;
  SqlScanner scanner(show_create);
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    depth += token.IsSymbol('(') ? 1 : token.IsSymbol(')') ? -1 : 0;
    if (depth > 0 || (!token.IsWord("COMPRESSION") && !token.IsWord("ENCRYPTION"))) continue;
    if (!scanner.Next().IsSymbol('=')) continue;
    const SqlToken value = scanner.Next();
    if (value.kind != SqlToken::Kind::kText || absl::EqualsIgnoreCase(value.text, "'N'") ||
        absl::EqualsIgnoreCase(value.text, "'none'") || value.text == "''") {
      continue;
    }
    options.emplace_back(show_create.substr(token.begin, value.end - token.begin));
  }
  return options;
}

absl::StatusOr<TableDdl> SplitTableDdl(const TableInfo& table, absl::string_view show_create,
                                       const DdlOptions& options) {
  ZDPIPE_ASSIGN_OR_RETURN(Parts parts, TakeApart(table, show_create));
  const bool primary_last = UniqueKeysPrecedeTheirPrimary(
      parts.elements, !absl::EqualsIgnoreCase(table.engine, "MEMORY"));
  if (primary_last) MakePrimaryLast(parts.elements);
  // MariaDB (10.5 to 11.8) makes a BTREE of a short USING HASH key in any ALTER of its table: such
  // a table is made at once. That the key is short cannot be seen here.
  const bool alterable = absl::EqualsIgnoreCase(table.engine, "InnoDB") && !primary_last &&
                         std::none_of(parts.elements.begin(), parts.elements.end(), IsLongUnique);
  const size_t staying = alterable && options.indexes_after ? CountStayingIndexes(parts.elements)
                                                            : parts.elements.size();
  const std::string quoted = QuoteName(table.name.schema, table.name.name);
  // Without KEEP a system-versioned table refuses ADD UNIQUE.
  const std::string alter = absl::StrCat(
      table.system_versioned ? "SET STATEMENT system_versioning_alter_history = 'KEEP' FOR " : "",
      "ALTER TABLE ", quoted, " ");

  TableDdl ddl;
  std::vector<std::string> kept;
  std::vector<std::string> indexes;
  std::vector<std::string> foreign_keys;
  bool names_left_out = false;
  size_t index_number = 0;
  for (const Element& element : parts.elements) {
    const std::string add = absl::StrCat("ADD ", element.text);
    if (element.kind == Element::Kind::kForeignKey) {
      const absl::string_view text = WithoutImpossibleName(element.text);
      if (text.size() != element.text.size()) names_left_out = true;
      foreign_keys.push_back(absl::StrCat("ADD ", text));
    } else if (!element.is_index() || index_number++ < staying) {
      kept.push_back(TextInCreate(element));
    } else if (element.kind == Element::Kind::kFulltext) {
      ddl.add_fulltext.push_back(absl::StrCat(alter, add));
      ddl.fulltext_names.push_back(element.name);
    } else {
      indexes.push_back(add);
      ddl.index_names.push_back(element.name);
    }
  }

  const bool pause_stats = alterable && options.pause_stats && !parts.sets_stats_auto_recalc;
  if (pause_stats) indexes.push_back("STATS_AUTO_RECALC=DEFAULT");
  // Right after the parenthesis: before any PARTITION BY, and table options know no order.
  ddl.create =
      absl::StrCat("CREATE TABLE ", quoted, " (\n  ", absl::StrJoin(kept, ",\n  "), "\n)",
                   pause_stats ? " STATS_AUTO_RECALC=0" : "",
                   absl::EqualsIgnoreCase(table.engine, "ARCHIVE") ? WithoutCounter(parts.options)
                                                                   : std::string(parts.options));
  if (!indexes.empty()) ddl.add_indexes = absl::StrCat(alter, absl::StrJoin(indexes, ", "));
  if (!foreign_keys.empty()) {
    // Only an ALTER that copies the table makes such a name.
    if (names_left_out) foreign_keys.push_back("ALGORITHM=COPY");
    ddl.add_foreign_keys = absl::StrCat(alter, absl::StrJoin(foreign_keys, ", "));
  }
  return ddl;
}

namespace {

// The server does not print the NULL of `a INT AUTO_INCREMENT NULL`, without which the column would
// be NOT NULL.
std::string TextInCreate(const Element& element) {
  std::string text(element.text);
  if (element.implied_not_null) {
    text.erase(element.not_null_begin, element.not_null_end - element.not_null_begin);
  } else if (element.auto_increment_end > 0 && !element.not_null) {
    text.insert(element.auto_increment_end, " NULL");
  }
  return text;
}

// ARCHIVE refuses values below its counter, and counts on from the highest that it is given.
std::string WithoutCounter(absl::string_view options) {
  SqlScanner scanner(options);
  SqlToken token = scanner.Next();
  while (token.kind != SqlToken::Kind::kEnd && !token.IsWord("AUTO_INCREMENT")) {
    token = scanner.Next();
  }
  if (token.kind == SqlToken::Kind::kEnd || !scanner.Next().IsSymbol('=')) {
    return std::string(options);
  }
  return absl::StrCat(options.substr(0, token.begin), options.substr(scanner.Next().end));
}

// What a column says after its name. Words in DEFAULT and GENERATED expressions stand in
// parentheses or quotes, except the few that servers print bare, none of which is looked for here.
void ReadColumn(SqlScanner& scanner, Element& element) {
  element.kind = Element::Kind::kColumn;
  int depth = 0;
  bool after_not = false;
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth > 0) continue;
    if (after_not && token.IsWord("NULL")) {
      element.not_null = true;
      element.not_null_end = token.end;
    }
    if (token.IsWord("NOT")) element.not_null_begin = token.begin;
    if (token.IsWord("GENERATED") || token.IsWord("AS")) element.generated = true;
    if (token.IsWord("AUTO_INCREMENT")) element.auto_increment_end = token.end;
    after_not = token.IsWord("NOT");
  }
}

// The parts in parentheses and what follows them; `token` is the one after the kind of the index.
void ReadIndex(SqlScanner& scanner, SqlToken token, Element& element) {
  for (; token.kind != SqlToken::Kind::kEnd && !token.IsSymbol('('); token = scanner.Next()) {
    if (token.kind == SqlToken::Kind::kName) element.name = token.Name();
  }
  int depth = 1;
  bool part_starts = true;
  bool after_using = false;
  for (token = scanner.Next(); token.kind != SqlToken::Kind::kEnd; token = scanner.Next()) {
    if (token.IsSymbol('(')) {
      ++depth;
      if (depth == 2) element.prefixed = true;
    } else if (token.IsSymbol(')')) {
      --depth;
    } else if (depth == 1 && part_starts && token.kind == SqlToken::Kind::kName) {
      element.columns.push_back(token.Name());
    } else if (depth == 1 && token.IsWord("WITHOUT")) {
      element.without_overlaps = true;
    } else if (depth == 0 && after_using && token.IsWord("HASH")) {
      element.hash = true;
    }
    part_starts = depth == 1 && token.IsSymbol(',');
    after_using = token.IsWord("USING");
  }
}

Element ReadElement(absl::string_view text) {
  Element element;
  element.text = text;
  SqlScanner scanner(text);
  SqlToken token = scanner.Next();
  if (token.kind == SqlToken::Kind::kName) {
    element.name = token.Name();
    ReadColumn(scanner, element);
    return element;
  }
  if (token.IsWord("CONSTRAINT")) {
    token = scanner.Next();
    if (token.kind == SqlToken::Kind::kName) token = scanner.Next();
    if (token.IsWord("FOREIGN")) element.kind = Element::Kind::kForeignKey;
    return element;
  }
  if (token.IsWord("FOREIGN")) {
    element.kind = Element::Kind::kForeignKey;
  } else if (token.IsWord("PRIMARY")) {
    element.kind = Element::Kind::kPrimary;
  } else if (token.IsWord("UNIQUE")) {
    element.kind = Element::Kind::kUnique;
  } else if (token.IsWord("FULLTEXT")) {
    element.kind = Element::Kind::kFulltext;
  } else if (token.IsWord("KEY") || token.IsWord("SPATIAL")) {
    element.kind = Element::Kind::kIndex;
  }
  if (element.is_index()) ReadIndex(scanner, token, element);
  return element;
}

absl::Status CannotSplit(const TableInfo& table, absl::string_view why) {
  return MakeError(Failure::kInternal,
                   absl::StrCat("split SHOW CREATE TABLE of ",
                                PrintableName(table.name.schema, table.name.name), ": ", why));
}

absl::StatusOr<Parts> TakeApart(const TableInfo& table, absl::string_view show_create) {
  SqlScanner scanner(show_create);
  if (!scanner.Next().IsWord("CREATE") || !scanner.Next().IsWord("TABLE") ||
      scanner.Next().kind != SqlToken::Kind::kName) {
    return CannotSplit(table, "it does not begin with CREATE TABLE and a name");
  }
  SqlToken token = scanner.Next();
  if (!token.IsSymbol('(')) return CannotSplit(table, "no list of columns");

  Parts parts;
  size_t element_begin = token.end;
  for (int depth = 1; depth > 0;) {
    token = scanner.Next();
    if (token.kind == SqlToken::Kind::kEnd) return CannotSplit(table, "the list does not end");
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth == 0 || (depth == 1 && token.IsSymbol(','))) {
      parts.elements.push_back(ReadElement(absl::StripAsciiWhitespace(
          show_create.substr(element_begin, token.begin - element_begin))));
      element_begin = token.end;
    }
  }
  parts.options = show_create.substr(element_begin);
  while ((token = scanner.Next()).kind != SqlToken::Kind::kEnd) {
    if (token.IsWord("STATS_AUTO_RECALC")) parts.sets_stats_auto_recalc = true;
  }
  if (scanner.broken()) return CannotSplit(table, "the options end inside a quote or comment");
  return parts;
}

// The server names a foreign key without a name after its table, "`table`_ibfk_1", even where that
// is longer than a name it takes from us (64 characters). Without one it makes the same again.
absl::string_view WithoutImpossibleName(absl::string_view foreign_key) {
  constexpr size_t kMaxNameCharacters = 64;
  SqlScanner scanner(foreign_key);
  if (!scanner.Next().IsWord("CONSTRAINT")) return foreign_key;
  const SqlToken token = scanner.Next();
  if (token.kind != SqlToken::Kind::kName) return foreign_key;
  const std::string name = token.Name();
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  if (static_cast<size_t>(characters) <= kMaxNameCharacters) return foreign_key;
  return absl::StripLeadingAsciiWhitespace(foreign_key.substr(token.end));
}

const Element* FindColumn(const std::vector<Element>& elements, absl::string_view name) {
  const auto found = std::find_if(elements.begin(), elements.end(), [&](const Element& element) {
    return element.kind == Element::Kind::kColumn && element.name == name;
  });
  return found == elements.end() ? nullptr : &*found;
}

// Servers put unique keys of NOT NULL columns in front of others, and the order of the indexes is
// part of the definition. They find a column nullable that only the primary key makes NOT NULL: in
// `a INT, b INT, UNIQUE (b), UNIQUE (a), PRIMARY KEY (a)` the order stays. Any ALTER changes it.
// A long unique key (`hash_is_long`: USING HASH says so), whose hidden column is nullable, comes
// last.
bool UniqueKeysPrecedeTheirPrimary(const std::vector<Element>& elements, bool hash_is_long) {
  if (std::none_of(elements.begin(), elements.end(), [](const Element& element) {
        return element.kind == Element::Kind::kPrimary;
      })) {
    return false;
  }
  bool after_nullable = false;
  for (const Element& element : elements) {
    if (element.kind != Element::Kind::kUnique) continue;
    const bool nullable =
        (hash_is_long && IsLongUnique(element)) ||
        std::any_of(element.columns.begin(), element.columns.end(), [&](const std::string& name) {
          const Element* column = FindColumn(elements, name);
          return column == nullptr || !column->not_null;
        });
    if (after_nullable && !nullable) return true;
    after_nullable = after_nullable || nullable;
  }
  return false;
}

// As it must have been said when the table was made.
void MakePrimaryLast(std::vector<Element>& elements) {
  const auto primary = std::find_if(elements.begin(), elements.end(), [](const Element& element) {
    return element.kind == Element::Kind::kPrimary;
  });
  for (Element& element : elements) {
    const bool in_primary =
        std::count(primary->columns.begin(), primary->columns.end(), element.name) > 0;
    element.implied_not_null = element.kind == Element::Kind::kColumn && in_primary &&
                               element.auto_increment_end == 0 && element.not_null;
  }
  std::rotate(primary, primary + 1, elements.end());
}

// What InnoDB takes for its clustered index when there is no primary key. `generated` is set when
// a column is generated: InnoDB may or may not take it.
bool MayCluster(const std::vector<Element>& elements, const Element& index, bool& generated) {
  if (index.kind != Element::Kind::kUnique || index.prefixed) return false;
  for (const std::string& name : index.columns) {
    const Element* column = FindColumn(elements, name);
    if (column == nullptr || !column->not_null) return false;
    generated = generated || column->generated;
  }
  return true;
}

// How many of the indexes, counted in order, stay in the CREATE; see the header for the rules.
size_t CountStayingIndexes(const std::vector<Element>& elements) {
  bool clustered = std::any_of(elements.begin(), elements.end(), [](const Element& element) {
    return element.kind == Element::Kind::kPrimary;
  });
  const auto counter = std::find_if(elements.begin(), elements.end(), [](const Element& element) {
    return element.auto_increment_end > 0;
  });
  bool counter_has_index = counter == elements.end();

  size_t staying = 0;
  size_t number = 0;
  for (const Element& element : elements) {
    if (!element.is_index()) continue;
    ++number;
    bool stays = element.kind == Element::Kind::kPrimary || element.without_overlaps;
    bool generated = false;
    if (!clustered && MayCluster(elements, element, generated)) {
      stays = true;
      clustered = !generated;
    }
    if (!counter_has_index && !element.columns.empty() && element.columns[0] == counter->name) {
      stays = true;
      counter_has_index = true;
    }
    if (stays) staying = number;
  }
  return staying;
}

}  // namespace
}  // namespace zdpipe
