#include "engine/schema/definitions.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/errors.h"
#include "engine/schema/shown_texts.h"
#include "engine/schema/sql_scanner.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// An object by the name of its kind, as in "package body".
struct ObjectId {
  std::string kind;
  ObjectName name;

  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

std::vector<ObjectId> ObjectsOf(const Catalog& catalog);
bool DoesNotExist(unsigned server_errno);
bool SessionGoesOn(const absl::Status& status);
DefinitionDifference Difference(const ObjectId& object, absl::string_view source,
                                absl::string_view target);

// What one server says of an object: text, nothing (it does not exist), or why it does not say.
struct Words {
  std::optional<std::string> text;
  std::string unreadable;
};

std::optional<DefinitionDifference> CompareWords(const ObjectId& object, const Words& source,
                                                 const Words& target);

// What SHOW CREATE says on one end.
class ShownWords {
 public:
  ShownWords(Session& session, const DefinitionRules& rules) : session_(session), rules_(rules) {}

  // Of each of the objects.
  absl::StatusOr<std::vector<Words>> Read(std::span<const ObjectId> objects) {
    std::vector<std::string> statements;
    for (const ObjectId& object : objects) {
      const std::string name = Quoted(object);
      statements.push_back(absl::StrCat("SHOW CREATE ", object.kind, " ", name));
      if (object.kind != "sequence") continue;
      // The options of the table behind it, and its state.
      statements.push_back(absl::StrCat("SHOW CREATE TABLE ", name));
      statements.push_back(absl::StrCat("SELECT * FROM ", name));
    }
    const std::vector<absl::StatusOr<Result>> shown = session_.QueryAll(statements);
    std::vector<Words> words;
    std::span<const absl::StatusOr<Result>> left = shown;
    for (const ObjectId& object : objects) {
      const size_t of_object = object.kind == "sequence" ? 3 : 1;
      ZDPIPE_ASSIGN_OR_RETURN(words.emplace_back(), WordsOf(object, left.first(of_object)));
      left = left.subspan(of_object);
    }
    return words;
  }

 private:
  static std::string Quoted(const ObjectId& object) {
    return object.kind == "database" ? QuoteName(object.name.schema)
                                     : QuoteName(object.name.schema, object.name.name);
  }

  absl::StatusOr<Words> WordsOf(const ObjectId& object,
                                std::span<const absl::StatusOr<Result>> answers) const {
    Words words;
    for (const absl::StatusOr<Result>& answer : answers) {
      if (!answer.ok() && !SessionGoesOn(answer.status())) return answer.status();
    }
    const absl::StatusOr<Result>& shown = answers[0];
    if (!shown.ok()) {
      if (DoesNotExist(ServerErrnoOf(shown.status()))) return words;
      words.unreadable = std::string(shown.status().message());
      return words;
    }
    std::string text;
    for (size_t i = 1; i < shown->columns.size() && !shown->rows.empty(); ++i) {
      if (shown->columns[i] == "Created") continue;  // when: not what
      const std::optional<std::string>& value = shown->rows[0][i];
      if (!value.has_value() && absl::StartsWith(shown->columns[i], "Create ")) {
        words.unreadable = "the server keeps its text from this user";
        return words;
      }
      absl::StrAppend(&text, shown->columns[i], ": ", Comparable(object, value.value_or("")), "\n");
    }
    if (object.kind == "sequence" && answers[1].ok()) {
      absl::StrAppend(&text, answers[1]->Text(0, "Create Table"), "\n");
    }
    if (object.kind == "sequence" && !rules_.ignore_counters) {
      const absl::StatusOr<Result>& state = answers[2];
      if (!state.ok()) {
        words.unreadable = std::string(state.status().message());
        return words;
      }
      for (size_t i = 0; i < state->columns.size() && !state->rows.empty(); ++i) {
        absl::StrAppend(&text, state->columns[i], " = ", state->rows[0][i].value_or("NULL"), "\n");
      }
    }
    words.text = std::move(text);
    return words;
  }

  std::string Comparable(const ObjectId& object, std::string text) const {
    if (!absl::StartsWith(text, "CREATE ")) return text;
    if (object.kind == "table") {
      if (session_.version().MySqlAtLeast(8, 0)) text = WithoutRepeatedCharset(text);
      return rules_.ignore_counters ? WithoutCounter(std::move(text)) : text;
    }
    if (object.kind == "event") {
      if (absl::StatusOr<std::string> disabled = DisableEvent(text); disabled.ok()) {
        text = *std::move(disabled);
      }
    }
    // Another account is expected on the target; "current" leaves open which.
    const bool apply = session_.end() == End::kSource
                           ? rules_.definer.kind != DefinerPolicy::Kind::kKeep
                           : rules_.definer.kind == DefinerPolicy::Kind::kCurrent;
    return apply ? ApplyDefiner(text, rules_.definer) : text;
  }

  // MySQL (since 8.0) writes CHARACTER SET in front of COLLATE where the column was made with its
  // collation named, and SHOW CREATE names it: so the copy says more than the original.
  static std::string WithoutRepeatedCharset(const std::string& text) {
    std::string kept;
    size_t copied = 0;
    SqlScanner scanner(text);
    for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
         token = scanner.Next()) {
      if (!token.IsWord("CHARACTER")) continue;
      const size_t begin = token.begin;
      if (token = scanner.Next(); !token.IsWord("SET")) continue;
      const SqlToken charset = scanner.Next();
      if (token = scanner.Next(); !token.IsWord("COLLATE")) continue;
      const SqlToken collation = scanner.Next();
      if (!absl::StartsWith(collation.text, absl::StrCat(charset.text, "_"))) continue;
      kept.append(text, copied, begin - copied);
      copied = token.begin;
    }
    return kept.append(text, copied, std::string::npos);
  }

  static std::string WithoutCounter(std::string text) {
    const size_t counter = text.rfind(" AUTO_INCREMENT=");
    if (counter == std::string::npos || counter < text.rfind("\n)")) return text;
    return text.erase(counter, text.find(' ', counter + 1) - counter);
  }

  Session& session_;
  const DefinitionRules& rules_;
};

// Facts about all objects of one database on one server, as lines of text.
using Facts = std::map<ObjectId, std::set<std::string>>;

// Each reads one database only, also in joins, where every part is to be given its database (0.6 s
// instead of 0.001 s with 5,853 databases): all of them together must not be quadratic. Only what
// both vendors have words for, with the differences between their words taken out: utf8 is utf8mb3,
// `now()` is `NOW`, 'x' is x, MRG_MyISAM is MRG_MYISAM, RESTRICT is NO ACTION, and a counter of 1
// is none (MySQL has it of MyISAM tables without AUTO_INCREMENT). The first two columns are the
// object's kind and name.
constexpr char kFacts[] = R"(
SELECT 'database', '', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
  FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = $ AND BINARY SCHEMA_NAME = $;
SELECT 'table', TABLE_NAME, TABLE_TYPE, UPPER(ENGINE), TABLE_COLLATION, TABLE_COMMENT
  FROM information_schema.TABLES WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $
  AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED');
SELECT 'table', TABLE_NAME, 'AUTO_INCREMENT', AUTO_INCREMENT
  FROM information_schema.TABLES WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $
  AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND AUTO_INCREMENT > 1;
SELECT IF(TABLE_TYPE = 'VIEW', 'view', 'table'), c.TABLE_NAME, 'column', ORDINAL_POSITION, COLUMN_NAME,
  IF(TABLE_TYPE = 'VIEW', '', REPLACE(COLUMN_TYPE, '/*M!', '/*!')), IF(TABLE_TYPE = 'VIEW', '', IS_NULLABLE),
  IF(TABLE_TYPE = 'VIEW', '', COLLATION_NAME),
  IF(TABLE_TYPE = 'VIEW' OR DATA_TYPE IN ('binary', 'varbinary'), '',
    LOWER(REPLACE(TRIM(BOTH '''' FROM COALESCE(NULLIF(COLUMN_DEFAULT, 'NULL'), '')), '()', ''))),
  TRIM(LOWER(REPLACE(REPLACE(EXTRA, '()', ''), 'DEFAULT_GENERATED', ''))), IF(TABLE_TYPE = 'VIEW', '', COLUMN_COMMENT)
  FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_NAME = c.TABLE_NAME
  WHERE c.TABLE_SCHEMA = $ AND BINARY c.TABLE_SCHEMA = $ AND t.TABLE_SCHEMA = $
  AND BINARY t.TABLE_SCHEMA = $ AND TABLE_TYPE <> 'SEQUENCE';
SELECT 'table', TABLE_NAME, 'binary default', COLUMN_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS
  WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $ AND DATA_TYPE IN ('binary', 'varbinary')
  AND COALESCE(COLUMN_DEFAULT, 'NULL') <> 'NULL';
SELECT 'view', c.TABLE_NAME, 'column type', COLUMN_NAME, REPLACE(COLUMN_TYPE, '/*M!', '/*!')
  FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_NAME = c.TABLE_NAME
  WHERE c.TABLE_SCHEMA = $ AND BINARY c.TABLE_SCHEMA = $ AND t.TABLE_SCHEMA = $
  AND BINARY t.TABLE_SCHEMA = $ AND TABLE_TYPE = 'VIEW';
SELECT 'table', TABLE_NAME, 'key', INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART,
  IF(INDEX_TYPE IN ('SE_SPECIFIC', 'NONE'), '', INDEX_TYPE), COLLATION FROM information_schema.STATISTICS
  WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $;
SELECT 'table', k.TABLE_NAME, 'foreign key', k.CONSTRAINT_NAME, k.ORDINAL_POSITION, k.COLUMN_NAME,
  k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME,
  REPLACE(r.UPDATE_RULE, 'RESTRICT', 'NO ACTION'), REPLACE(r.DELETE_RULE, 'RESTRICT', 'NO ACTION')
  FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
  ON r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
  WHERE k.TABLE_SCHEMA = $ AND BINARY k.TABLE_SCHEMA = $ AND k.CONSTRAINT_SCHEMA = $
  AND r.CONSTRAINT_SCHEMA = $;
SELECT 'table', TABLE_NAME, 'partition', PARTITION_NAME, SUBPARTITION_NAME, PARTITION_METHOD,
  PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
  WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $ AND PARTITION_NAME IS NOT NULL
  AND PARTITION_METHOD <> 'SYSTEM_TIME';
SELECT 'view', TABLE_NAME, 'updatable', IS_UPDATABLE, SECURITY_TYPE, CHECK_OPTION, DEFINER
  FROM information_schema.VIEWS WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $;
SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, DTD_IDENTIFIER, SQL_DATA_ACCESS, IS_DETERMINISTIC, SECURITY_TYPE,
  ROUTINE_COMMENT, DEFINER FROM information_schema.ROUTINES
  WHERE ROUTINE_SCHEMA = $ AND BINARY ROUTINE_SCHEMA = $;
SELECT LOWER(ROUTINE_TYPE), SPECIFIC_NAME, 'parameter', ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME,
  DTD_IDENTIFIER, COLLATION_NAME FROM information_schema.PARAMETERS
  WHERE SPECIFIC_SCHEMA = $ AND BINARY SPECIFIC_SCHEMA = $;
SELECT 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT, DEFINER
  FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = $ AND BINARY TRIGGER_SCHEMA = $;
SELECT 'event', EVENT_NAME, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, EVENT_DEFINITION, EVENT_COMMENT,
  DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = $ AND BINARY EVENT_SCHEMA = $
)";

// What MySQL 5.6 has no place for: compared between two MariaDBs only.
constexpr char kMariaDbFacts[] = R"(
SELECT 'table', TABLE_NAME, 'check', CONSTRAINT_NAME, CHECK_CLAUSE
  FROM information_schema.CHECK_CONSTRAINTS
  WHERE CONSTRAINT_SCHEMA = $ AND BINARY CONSTRAINT_SCHEMA = $;
SELECT 'table', TABLE_NAME, 'generated', COLUMN_NAME, GENERATION_EXPRESSION
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $
  AND GENERATION_EXPRESSION IS NOT NULL;
SELECT 'sequence', TABLE_NAME FROM information_schema.TABLES
  WHERE TABLE_SCHEMA = $ AND BINARY TABLE_SCHEMA = $ AND TABLE_TYPE = 'SEQUENCE'
)";

// What is told by both of two servers.
struct Common {
  bool both_mariadb;
  bool widths;  // both tell the display width of integers: MySQL does not since 8.0
  bool vendor;
};

// A type without its display width: "int(11) unsigned" as "int unsigned", "year(4)" as "year".
// MySQL keeps those of tinyint(1) and of ZEROFILL columns, and so do we.
std::string WithoutWidth(std::string type) {
  constexpr absl::string_view kTypes[] = {"tinyint(", "smallint(", "mediumint(",
                                          "int(",     "bigint(",   "year("};
  if (type == "tinyint(1)" || absl::StrContains(type, "zerofill")) return type;
  for (const absl::string_view name : kTypes) {
    if (absl::StartsWith(type, name))
      return type.erase(name.size() - 1, type.find(')') + 2 - name.size());
  }
  return type;
}

// A column's default as the other vendor says it: MySQL shows DEFAULT ('x') as _utf8mb4\'x\'.
std::string PlainDefault(absl::string_view text) {
  const std::string plain =
      absl::StrReplaceAll(text, {{"_utf8mb4\\'", "'"}, {"_utf8mb4'", "'"}, {"\\'", "'"}});
  return std::string(absl::StripSuffix(absl::StripPrefix(plain, "'"), "'"));
}

absl::StatusOr<Facts> ReadFacts(Session& session, const std::string& database, const Common& common,
                                const DefinitionRules& rules) {
  Facts facts;
  const std::string text = common.both_mariadb ? absl::StrCat(kFacts, ";", kMariaDbFacts) : kFacts;
  for (const absl::string_view query : absl::StrSplit(text, ";\n")) {
    ZDPIPE_ASSIGN_OR_RETURN(const Result result, session.Query(absl::StrReplaceAll(
                                                     query, {{"$", QuoteText(database)}})));
    for (const auto& row : result.rows) {
      if (rules.ignore_counters && row.size() > 2 && row[2] == "AUTO_INCREMENT") continue;
      std::string line;
      bool is_json = false;
      for (size_t i = 2; i < row.size(); ++i) {
        const bool is_definer = result.columns[i] == "DEFINER";
        if (is_definer && rules.definer.kind != DefinerPolicy::Kind::kKeep) continue;
        std::string value = absl::StrReplaceAll(row[i].value_or("NULL"),
                                                {{"utf8mb3_", "utf8_"}, {"utf8mb3", "utf8"}});
        const bool is_type = absl::StrContains(result.columns[i], "COLUMN_TYPE") ||
                             result.columns[i] == "DTD_IDENTIFIER";
        if (is_type && !common.widths) value = WithoutWidth(std::move(value));
        if (is_type && value == "geomcollection") value = "geometrycollection";
        if (!common.vendor) {
          // MariaDB's JSON is a name for a LONGTEXT.
          is_json = is_json || (is_type && value == "json");
          if (is_json && is_type) value = "longtext";
          if (is_json && absl::StrContains(result.columns[i], "COLLATION")) value = "utf8mb4_bin";
          if (absl::StrContains(result.columns[i], "COLUMN_DEFAULT")) value = PlainDefault(value);
        }
        absl::StrAppend(&line, i == 2 ? "" : ", ", value);
      }
      facts[{row[0].value_or(""), {database, row[1].value_or("")}}].insert(std::move(line));
    }
  }
  return facts;
}

std::set<std::string> TakeLines(std::set<std::string>& lines, absl::string_view beginning) {
  std::set<std::string> taken;
  for (auto line = lines.begin(); line != lines.end();) {
    const bool is_one = absl::StartsWith(*line, beginning);
    if (is_one) taken.insert(*line);
    line = is_one ? lines.erase(line) : std::next(line);
  }
  return taken;
}

// Takes out the defaults that only look different: those of binary columns.
absl::Status TakeEqualDefaults(Session& source, Session& target, const TableInfo& table,
                               std::set<std::string>& wanted, std::set<std::string>& got) {
  const std::string show =
      absl::StrCat("SHOW CREATE TABLE ", QuoteName(table.name.schema, table.name.name));
  const absl::StatusOr<Result> from = source.Query(show);
  if (!from.ok() && !SessionGoesOn(from.status())) return from.status();
  const absl::StatusOr<Result> to = target.Query(show);
  if (!to.ok() && !SessionGoesOn(to.status())) return to.status();
  if (!from.ok() || !to.ok()) return absl::OkStatus();
  const std::map<std::string, std::string> of_target =
      BinaryDefaults(table, to->Text(0, "Create Table"));
  for (const auto& [column, bytes] : BinaryDefaults(table, from->Text(0, "Create Table"))) {
    const auto other = of_target.find(column);
    if (other == of_target.end() || other->second != bytes) continue;
    for (std::set<std::string>* lines : {&wanted, &got}) {
      TakeLines(*lines, absl::StrCat("binary default, ", column, ", "));
    }
  }
  return absl::OkStatus();
}

// A line of the first set that the second lacks.
std::string FirstOnlyIn(const std::set<std::string>& lines, const std::set<std::string>& others) {
  for (const std::string& line : lines) {
    if (others.count(line) == 0) return line;
  }
  return "";
}

// What the target has passed over in the definitions of MySQL's tables, which their facts do not
// all tell (a constraint's NOT ENFORCED, an index's INVISIBLE, a column's SRID).
absl::Status CompareSkippedWords(Session& source, const Version& target, const Catalog& catalog,
                                 const DefinitionRules& rules,
                                 std::vector<DefinitionDifference>& found) {
  const Version& from = source.version();
  const bool older =
      !target.mariadb && std::pair(target.major, target.minor) < std::pair(from.major, from.minor);
  if (from.mariadb || (!target.mariadb && !older)) return absl::OkStatus();
  std::set<ObjectName> changed;
  for (const DefinitionDifference& difference : found) {
    if (difference.object_kind == "table") changed.insert(difference.name);
  }
  for (const TableInfo& table : catalog.tables) {
    if (rules.stopping()) return StoppedError();
    if (changed.count(table.name) > 0) continue;
    const absl::StatusOr<Result> shown = source.Query(
        absl::StrCat("SHOW CREATE TABLE ", QuoteName(table.name.schema, table.name.name)));
    if (!shown.ok() && !SessionGoesOn(shown.status())) return shown.status();
    if (!shown.ok()) continue;
    std::vector<std::string> lost = SkippedComments(target, shown->Text(0, "Create Table"));
    std::erase_if(lost, [](const std::string& comment) {  // says what is so without it
      return absl::StrContains(comment, "ENCRYPTION='N'");
    });
    if (target.mariadb) {
      for (std::string& option : OptionsOfMySqlOnly(shown->Text(0, "Create Table"))) {
        const bool said = std::any_of(lost.begin(), lost.end(), [&](const std::string& comment) {
          return absl::StrContains(comment, option);
        });
        if (!said) lost.push_back(std::move(option));
      }
    }
    if (lost.empty()) continue;
    found.push_back(Difference({"table", table.name}, absl::StrJoin(lost, " "), ""));
  }
  return absl::OkStatus();
}

// Whether a database encrypts its new tables, which no fact tells: MySQL has it since 8.0.16.
absl::Status CompareDatabaseEncryption(Session& source, Session& target, const Catalog& catalog,
                                       std::vector<DefinitionDifference>& found) {
  const auto encrypting = [](Session& session) -> absl::StatusOr<std::set<std::string>> {
    std::set<std::string> names;
    if (!session.version().MySqlAtLeast(8, 0)) return names;
    const absl::StatusOr<Result> result = session.Query(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE DEFAULT_ENCRYPTION = 'YES'");
    if (!result.ok() && !SessionGoesOn(result.status())) return result.status();
    if (!result.ok()) return names;  // 8.0.15
    for (const TextRow& row : result->rows) names.insert(row[0].value_or(""));
    return names;
  };
  ZDPIPE_ASSIGN_OR_RETURN(const std::set<std::string> wanted, encrypting(source));
  if (wanted.empty()) return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(const std::set<std::string> got, encrypting(target));
  for (const DatabaseInfo& database : catalog.databases) {
    if (wanted.count(database.name) == 0 || got.count(database.name) > 0) continue;
    found.push_back(Difference({"database", {database.name, ""}}, "DEFAULT ENCRYPTION='Y'", ""));
  }
  return absl::OkStatus();
}

absl::Status CompareFacts(Session& source, Session& target, const Catalog& catalog,
                          const DefinitionRules& rules, std::vector<DefinitionDifference>& found) {
  const Common common = {
      source.version().mariadb && target.version().mariadb,
      !source.version().MySqlAtLeast(8, 0) && !target.version().MySqlAtLeast(8, 0),
      source.version().mariadb == target.version().mariadb};
  source.TrySet("character_set_collations = ''");  // as the target's, see Session::Open
  const std::vector<ObjectId> objects = ObjectsOf(catalog);
  std::map<ObjectName, const TableInfo*> tables;
  for (const TableInfo& table : catalog.tables) tables.emplace(table.name, &table);
  for (const DatabaseInfo& database : catalog.databases) {
    if (rules.stopping()) return StoppedError();
    ZDPIPE_ASSIGN_OR_RETURN(Facts wanted, ReadFacts(source, database.name, common, rules));
    ZDPIPE_ASSIGN_OR_RETURN(Facts got, ReadFacts(target, database.name, common, rules));
    for (const ObjectId& object : objects) {
      if (object.name.schema != database.name || wanted.count(object) == 0) continue;
      // What the servers decide.
      const std::set<std::string> types = TakeLines(wanted[object], "column type, ");
      const std::set<std::string> types_got = TakeLines(got[object], "column type, ");
      if (types != types_got && !got[object].empty() && rules.note) {
        rules.note(
            absl::StrCat("view ", PrintableName(database.name, object.name.name),
                         ": its columns have the types that the target's release gives them: ",
                         Printable(FirstOnlyIn(types_got, types)),
                         "; source: ", Printable(FirstOnlyIn(types, types_got))));
      }
      const auto table = tables.find(object.name);
      if (wanted[object] != got[object] && object.kind == "table" && table != tables.end()) {
        ZDPIPE_RETURN_IF_ERROR(
            TakeEqualDefaults(source, target, *table->second, wanted[object], got[object]));
      }
      if (got[object].empty()) {
        found.push_back({DefinitionDifference::Kind::kMissing, object.kind, object.name, "", ""});
      } else if (wanted[object] != got[object]) {
        found.push_back(Difference(object, FirstOnlyIn(wanted[object], got[object]),
                                   FirstOnlyIn(got[object], wanted[object])));
      }
    }
  }
  ZDPIPE_RETURN_IF_ERROR(CompareDatabaseEncryption(source, target, catalog, found));
  return CompareSkippedWords(source, target.version(), catalog, rules, found);
}

absl::Status CompareShown(Session& source, Session& target, const Catalog& catalog,
                          const DefinitionRules& rules, std::vector<DefinitionDifference>& found) {
  for (Session* session : {&source, &target}) {
    // Texts as they are stored, in whatever character set: a conversion could make them equal. And
    // the names in a view are shown without the database when it is the session's default.
    ZDPIPE_RETURN_IF_ERROR(session->Execute("SET character_set_results = NULL"));
    ZDPIPE_RETURN_IF_ERROR(session->Execute("USE information_schema"));
  }
  ShownWords on_source(source, rules);
  ShownWords on_target(target, rules);
  constexpr size_t kAtOnce = 64;
  const std::vector<ObjectId> objects = ObjectsOf(catalog);
  for (size_t first = 0; first < objects.size(); first += kAtOnce) {
    if (rules.stopping()) return StoppedError();
    const std::span<const ObjectId> some =
        std::span(objects).subspan(first, std::min(kAtOnce, objects.size() - first));
    absl::StatusOr<std::vector<Words>> wanted;
    absl::StatusOr<std::vector<Words>> got;
    ZDPIPE_RETURN_IF_ERROR(rules.for_each(2, [&](size_t end) {
      absl::StatusOr<std::vector<Words>>& words = end == 0 ? wanted : got;
      words = (end == 0 ? on_source : on_target).Read(some);
      return words.status();
    }));
    for (size_t i = 0; i < some.size(); ++i) {
      std::optional<DefinitionDifference> difference =
          CompareWords(some[i], (*wanted)[i], (*got)[i]);
      if (difference.has_value()) found.push_back(*std::move(difference));
    }
  }
  for (Session* session : {&source, &target}) {
    ZDPIPE_RETURN_IF_ERROR(session->Execute("SET character_set_results = 'utf8mb4'"));
  }
  return absl::OkStatus();
}

// Triggers that fire at the same moment of the same table fire in an order that is part of what
// they do, and that no SHOW CREATE tells.
absl::Status CompareTriggerOrder(Session& target, const Catalog& catalog,
                                 std::vector<DefinitionDifference>& found) {
  if (!target.version().MariaDbAtLeast(10, 2) && !target.version().MySqlAtLeast(5, 7)) {
    return absl::OkStatus();  // one trigger for each moment
  }
  std::map<ObjectName, std::string> orders;
  for (const DatabaseInfo& database : catalog.databases) {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result result,
        target.Query(absl::StrCat("SELECT TRIGGER_SCHEMA, TRIGGER_NAME, ACTION_ORDER FROM "
                                  "information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ",
                                  QuoteText(database.name))));
    for (const auto& row : result.rows) {
      orders[{row[0].value_or(""), row[1].value_or("")}] = row[2].value_or("");
    }
  }
  for (const TriggerInfo& trigger : catalog.triggers) {
    const auto order = orders.find(trigger.name);
    if (order == orders.end() || trigger.order == 0) continue;
    if (order->second == absl::StrCat(trigger.order)) continue;
    found.push_back(Difference({"trigger", trigger.name},
                               absl::StrCat("action order: ", trigger.order),
                               absl::StrCat("action order: ", order->second)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view DefinitionDifferenceName(DefinitionDifference::Kind kind) {
  switch (kind) {
    case DefinitionDifference::Kind::kMissing:
      return "missing";
    case DefinitionDifference::Kind::kExtra:
      return "extra";
    case DefinitionDifference::Kind::kChanged:
      return "changed";
    case DefinitionDifference::Kind::kUnreadable:
      return "unreadable";
  }
  return "changed";
}

absl::StatusOr<std::vector<DefinitionDifference>> CompareDefinitions(Session& source,
                                                                     Session& target,
                                                                     const Catalog& source_catalog,
                                                                     const DefinitionRules& rules) {
  std::vector<DefinitionDifference> found;
  const bool same = SameRelease(source.version(), target.version());
  ZDPIPE_RETURN_IF_ERROR(
      (same ? CompareShown : CompareFacts)(source, target, source_catalog, rules, found));
  ZDPIPE_RETURN_IF_ERROR(CompareTriggerOrder(target, source_catalog, found));
  return found;
}

std::vector<DefinitionDifference> ExtraObjects(const Catalog& source, const Catalog& target) {
  std::vector<ObjectId> wanted = ObjectsOf(source);
  std::vector<ObjectId> got = ObjectsOf(target);
  std::sort(wanted.begin(), wanted.end());
  std::sort(got.begin(), got.end());
  std::vector<ObjectId> extra;
  std::set_difference(got.begin(), got.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(extra));
  std::vector<DefinitionDifference> found;
  for (const ObjectId& object : extra) {
    found.push_back({DefinitionDifference::Kind::kExtra, object.kind, object.name, "", ""});
  }
  return found;
}

namespace {

std::vector<ObjectId> ObjectsOf(const Catalog& catalog) {
  std::vector<ObjectId> objects;
  for (const DatabaseInfo& database : catalog.databases) {
    objects.push_back({"database", {database.name, ""}});
  }
  for (const ObjectName& sequence : catalog.sequences) objects.push_back({"sequence", sequence});
  for (const TableInfo& table : catalog.tables) objects.push_back({"table", table.name});
  for (const ObjectName& view : catalog.views) objects.push_back({"view", view});
  for (const RoutineInfo& routine : catalog.routines) {
    objects.push_back({RoutineKindName(routine.kind), routine.name});
  }
  for (const TriggerInfo& trigger : catalog.triggers) objects.push_back({"trigger", trigger.name});
  for (const EventInfo& event : catalog.events) objects.push_back({"event", event.name});
  return objects;
}

bool DoesNotExist(unsigned server_errno) {
  constexpr unsigned kErrors[] = {
      1049 /* database */,         kErrUnknownTable,    1305 /* routine */,
      1347 /* not of this kind */, 1360 /* trigger */,  1539 /* event */,
      4089 /* not a sequence */,   4091 /* sequence */, 4092 /* view */};
  return std::find(std::begin(kErrors), std::end(kErrors), server_errno) != std::end(kErrors);
}

bool SessionGoesOn(const absl::Status& status) {
  return ServerErrnoOf(status) > 0 && !IsSessionLost(status);
}

DefinitionDifference Difference(const ObjectId& object, absl::string_view source,
                                absl::string_view target) {
  const auto line = [](absl::string_view text) {
    constexpr size_t kShownBytes = 300;
    return Printable(text.substr(0, kShownBytes));
  };
  return {DefinitionDifference::Kind::kChanged, object.kind, object.name, line(source),
          line(target)};
}

std::optional<DefinitionDifference> CompareWords(const ObjectId& object, const Words& source,
                                                 const Words& target) {
  if (!source.unreadable.empty() || !target.unreadable.empty()) {
    return DefinitionDifference{DefinitionDifference::Kind::kUnreadable, object.kind, object.name,
                                source.unreadable, target.unreadable};
  }
  // Gone from the source since its catalog was read: the proof of the snapshot will tell.
  if (!source.text.has_value()) return std::nullopt;
  if (!target.text.has_value()) {
    return DefinitionDifference{DefinitionDifference::Kind::kMissing, object.kind, object.name, "",
                                ""};
  }
  if (*source.text == *target.text) return std::nullopt;
  const std::vector<absl::string_view> a = absl::StrSplit(*source.text, '\n');
  const std::vector<absl::string_view> b = absl::StrSplit(*target.text, '\n');
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return Difference(object, at_a == a.end() ? "" : *at_a, at_b == b.end() ? "" : *at_b);
}

}  // namespace
}  // namespace zdpipe
