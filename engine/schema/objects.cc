#include "engine/schema/objects.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/errors.h"
#include "engine/schema/sql_scanner.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr unsigned kErrDatabaseExists = 1007;
constexpr unsigned kErrSchedulerOff = 1105;  // ER_UNKNOWN_ERROR: "Event scheduler is switched off"

bool IsNotYet(unsigned server_errno);
bool IsUtf8Charset(absl::string_view charset);
bool IsAscii(absl::string_view text);
std::string EventWithoutEscapes(absl::string_view create);
std::string EventWithoutNot(absl::string_view create);
absl::StatusOr<std::string> InCharset(Session& session, absl::string_view utf8,
                                      absl::string_view charset);
absl::StatusOr<std::string> ServerPartsInCharset(Session& session, absl::string_view show,
                                                 const ObjectName& name, absl::string_view text,
                                                 absl::string_view charset);
std::string KnownHere(const Session& session, absl::string_view charset_or_collation);
std::string ModeKnownHere(const Session& session, absl::string_view sql_mode);
std::vector<size_t> DependencyOrder(const std::vector<ObjectName>& names,
                                    const std::vector<absl::string_view>& texts);

}  // namespace

ObjectCopier::ObjectCopier(Session& source, Session& target, DefinerPolicy definer,
                           ObjectLedger ledger)
    : source_(source), target_(target), definer_(std::move(definer)), ledger_(std::move(ledger)) {}

absl::Status ObjectCopier::CopyDatabase(const DatabaseInfo& database) {
  std::string properties =
      absl::StrCat(" CHARACTER SET ", QuoteText(KnownHere(target_, database.charset)), " COLLATE ",
                   QuoteText(KnownHere(target_, database.collation)));
  if (!database.comment.empty()) {
    if (target_.version().MariaDbAtLeast(10, 5)) {
      absl::StrAppend(&properties, " COMMENT ", QuoteText(database.comment));
    } else {
      notes_.push_back(absl::StrCat("database ", Printable(database.name),
                                    ": its comment is lost, the target knows none"));
    }
  }
  const std::string name = QuoteName(database.name);
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Warning> warnings,
                          target_.ExecuteWithWarnings(
                              absl::StrCat("CREATE DATABASE IF NOT EXISTS ", name, properties)));
  for (const Warning& warning : warnings) {
    if (warning.code == kErrDatabaseExists) {
      return target_.Execute(absl::StrCat("ALTER DATABASE ", name, properties));
    }
  }
  return ledger_.record("database", database.name, "");
}

absl::Status ObjectCopier::CopySequence(const ObjectName& name) {
  constexpr Kind kSequence{"sequence", "SEQUENCE", "Create Table"};
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<Definition> definition, Read(kSequence, name));
  if (!definition.has_value()) return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(Outcome created, Create(kSequence, name, *definition));
  if (created.made() && !IsSameTable(name)) {
    ZDPIPE_ASSIGN_OR_RETURN(created, CreateSequenceAsTable(kSequence, name, *definition));
  }
  Report(kSequence, name, created);
  if (!created.made()) return absl::OkStatus();
  const absl::StatusOr<Outcome> outcome = CopySequenceState(name);
  if (!outcome.ok()) {
    if (EndsTheWork(outcome.status())) return outcome.status();
    Fail(kSequence, name, absl::StrCat("made, but: ", outcome.status().message()));
  } else if (!outcome->made()) {
    Fail(kSequence, name, absl::StrCat("made, but: ", outcome->reason));
  }
  return absl::OkStatus();
}

absl::Status ObjectCopier::CopyRoutines(const std::vector<RoutineInfo>& routines) {
  if (routines.empty()) return absl::OkStatus();
  // The body of a package cannot be made before its specification, nor what uses a library before
  // that.
  const auto turn = [](const RoutineInfo& routine) {
    if (routine.kind == RoutineKind::kLibrary) return 0;
    return routine.kind == RoutineKind::kPackageBody ? 2 : 1;
  };
  std::vector<RoutineInfo> ordered = routines;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [&](const RoutineInfo& a, const RoutineInfo& b) { return turn(a) < turn(b); });
  return WithRawSource([&]() -> absl::Status {
    for (const RoutineInfo& routine : ordered) {
      ZDPIPE_RETURN_IF_ERROR(CopyOne(KindOf(routine.kind), routine.name));
    }
    return absl::OkStatus();
  });
}

absl::Status ObjectCopier::CopyViews(const std::vector<ObjectName>& views) {
  if (views.empty()) return absl::OkStatus();
  constexpr Kind kView{"view", "VIEW", "Create View"};
  std::vector<ObjectName> names;
  std::vector<Definition> definitions;
  ZDPIPE_RETURN_IF_ERROR(WithRawSource([&]() -> absl::Status {
    for (const ObjectName& name : views) {
      ZDPIPE_ASSIGN_OR_RETURN(std::optional<Definition> definition, Read(kView, name));
      if (!definition.has_value()) continue;
      names.push_back(name);
      definitions.push_back(*std::move(definition));
    }
    return absl::OkStatus();
  }));

  std::vector<absl::string_view> texts;
  for (const Definition& definition : definitions) texts.push_back(definition.text);
  // The order suffices nearly always; the passes are for what the texts do not show: a view
  // behind a function, a name in another character set.
  std::vector<size_t> pending = DependencyOrder(names, texts);
  std::vector<std::pair<size_t, Outcome>> not_yet;
  do {
    not_yet.clear();
    for (const size_t i : pending) {
      ZDPIPE_ASSIGN_OR_RETURN(Outcome outcome, Create(kView, names[i], definitions[i]));
      if (!outcome.made() && IsNotYet(outcome.server_errno)) {
        not_yet.emplace_back(i, std::move(outcome));
      } else {
        Report(kView, names[i], outcome);
      }
    }
    if (not_yet.size() == pending.size()) break;
    pending.clear();
    for (const auto& [i, unused] : not_yet) pending.push_back(i);
  } while (!not_yet.empty());
  for (const auto& [i, outcome] : not_yet) {
    Report(kView, names[i], outcome);
  }
  return absl::OkStatus();
}

absl::Status ObjectCopier::CopyTriggers(const std::vector<TriggerInfo>& triggers) {
  if (triggers.empty()) return absl::OkStatus();
  constexpr Kind kTrigger{"trigger", "TRIGGER", "SQL Original Statement"};
  // The server keeps no FOLLOWS or PRECEDES in the text: the order of creation is the order.
  return WithRawSource([&]() -> absl::Status {
    for (const TriggerInfo& trigger : triggers) {
      ZDPIPE_RETURN_IF_ERROR(CopyOne(kTrigger, trigger.name));
    }
    return absl::OkStatus();
  });
}

absl::Status ObjectCopier::CopyEvents(const std::vector<EventInfo>& events) {
  if (events.empty()) return absl::OkStatus();
  constexpr Kind kEvent{"event", "EVENT", "Create Event"};
  return WithRawSource([&]() -> absl::Status {
    for (const EventInfo& event : events) {
      ZDPIPE_RETURN_IF_ERROR(CopyOne(kEvent, event.name));
    }
    return absl::OkStatus();
  });
}

ObjectCopier::Kind ObjectCopier::KindOf(RoutineKind routine) {
  switch (routine) {
    case RoutineKind::kLibrary:
      return {"library", "LIBRARY", "Create Library"};
    case RoutineKind::kProcedure:
      return {"procedure", "PROCEDURE", "Create Procedure"};
    case RoutineKind::kFunction:
      return {"function", "FUNCTION", "Create Function"};
    case RoutineKind::kPackage:
      return {"package", "PACKAGE", "Create Package"};
    case RoutineKind::kPackageBody:
      break;
  }
  return {"package body", "PACKAGE BODY", "Create Package Body"};
}

// A body is stored in the character set of the client that wrote it, and any conversion on the way
// could lose characters or, worse, quotes: with NULL the source sends it as stored.
absl::Status ObjectCopier::WithRawSource(const std::function<absl::Status()>& work) {
  ZDPIPE_RETURN_IF_ERROR(source_.Execute("SET character_set_results = NULL"));
  const absl::Status worked = work();
  const absl::Status restored = source_.Execute("SET character_set_results = 'utf8mb4'");
  return worked.ok() ? restored : worked;
}

absl::Status ObjectCopier::CopyOne(const Kind& kind, const ObjectName& name) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<Definition> definition, Read(kind, name));
  if (!definition.has_value()) return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(const Outcome outcome, Create(kind, name, *definition));
  Report(kind, name, outcome);
  return outcome.made() ? RepairComment(kind, name, *definition) : absl::OkStatus();
}

// nullopt: the object has no readable definition, which has been reported.
absl::StatusOr<std::optional<ObjectCopier::Definition>> ObjectCopier::Read(const Kind& kind,
                                                                           const ObjectName& name) {
  const absl::StatusOr<Result> result = source_.Query(
      absl::StrCat("SHOW CREATE ", kind.show, " ", QuoteName(name.schema, name.name)));
  if (!result.ok()) {
    if (EndsTheWork(result.status())) return result.status();
    Fail(kind, name, std::string(result.status().message()));
    return std::nullopt;
  }
  Definition definition;
  if (!result->rows.empty()) {
    definition.text = result->Text(0, kind.column);
    definition.sql_mode = result->Text(0, "sql_mode");
    definition.time_zone = result->Text(0, "time_zone");
    definition.client_charset = result->Text(0, "character_set_client");
    definition.connection_collation = result->Text(0, "collation_connection");
    definition.database_collation = result->Text(0, "Database Collation");
  }
  if (definition.text.empty()) {
    Fail(kind, name,
         absl::StrCat("SHOW CREATE ", kind.show,
                      " keeps the text from this user; it takes the definer's account, SELECT on "
                      "the mysql database, or SHOW CREATE ROUTINE (MariaDB >= 11.3)"));
    return std::nullopt;
  }
  absl::Status prepared = absl::OkStatus();
  if (absl::string_view(kind.show) == "VIEW" && !source_.version().mariadb) {
    prepared = RepairMySqlView(name, definition);
  }
  if (prepared.ok()) prepared = Prepare(kind, name, definition);
  if (prepared.ok()) return definition;
  if (EndsTheWork(prepared)) return prepared;
  Fail(kind, name, std::string(prepared.message()));
  return std::nullopt;
}

// MySQL (5.6) loses or garbles a literal that was converted for a comparison with a column of
// another character set: `latin1_column <> 'é'` is shown as `<> ''`. What information_schema says
// is right, but for introducers (_latin1'..'), which it leaves out.
absl::Status ObjectCopier::RepairMySqlView(const ObjectName& name, Definition& definition) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          source_.Query(absl::StrCat(
                              "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION, CHECK_OPTION "
                              "FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ",
                              QuoteText(name.schema), " AND TABLE_NAME = ", QuoteText(name.name))));
  for (size_t row = 0; row < result.rows.size(); ++row) {
    std::string select = result.Text(row, "VIEW_DEFINITION");
    if (result.Text(row, "TABLE_SCHEMA") != name.schema ||
        result.Text(row, "TABLE_NAME") != name.name || IsAscii(select)) {
      continue;
    }
    if (!IsUtf8Charset(definition.client_charset)) {
      ZDPIPE_ASSIGN_OR_RETURN(select, InCharset(target_, select, definition.client_charset));
    }
    SqlScanner scanner(definition.text);
    SqlToken token = scanner.Next();
    while (token.kind != SqlToken::Kind::kEnd && !token.IsWord("AS")) token = scanner.Next();
    const std::string check = result.Text(row, "CHECK_OPTION");
    definition.text = absl::StrCat(
        absl::string_view(definition.text).substr(0, token.end), " ", select,
        check.empty() || check == "NONE" ? "" : absl::StrCat(" WITH ", check, " CHECK OPTION"));
    notes_.push_back(absl::StrCat("view ", PrintableName(name.schema, name.name),
                                  ": made from information_schema.VIEWS, because SHOW CREATE VIEW "
                                  "of MySQL garbles its non-ASCII literals"));
  }
  return absl::OkStatus();
}

// Makes of the source's statement the target's.
absl::Status ObjectCopier::Prepare(const Kind& kind, const ObjectName& name,
                                   Definition& definition) {
  if (absl::string_view(kind.show) == "EVENT") {
    absl::StatusOr<std::string> disabled = DisableEvent(definition.text);
    if (!disabled.ok()) {
      return Annotate(disabled.status(), PrintableName(name.schema, name.name));
    }
    definition.text = *std::move(disabled);
    if (absl::StrContains(definition.sql_mode, "NO_BACKSLASH_ESCAPES")) {
      definition.text = EventWithoutEscapes(definition.text);
    }
    if (absl::StrContains(definition.sql_mode, "HIGH_NOT_PRECEDENCE")) {
      definition.text = EventWithoutNot(definition.text);
    }
  }
  definition.text = ApplyDefiner(definition.text, definer_);
  if (definition.client_charset.empty() || IsUtf8Charset(definition.client_charset)) {
    return absl::OkStatus();
  }
  ZDPIPE_ASSIGN_OR_RETURN(
      definition.text,
      ServerPartsInCharset(target_, kind.show, name, definition.text, definition.client_charset));
  return absl::OkStatus();
}

absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::Create(const Kind& kind, const ObjectName& name,
                                                           const Definition& definition) {
  ZDPIPE_RETURN_IF_ERROR(ledger_.record(kind.label, name.schema, name.name));
  ZDPIPE_ASSIGN_OR_RETURN(const Outcome outcome, CreateUnrecorded(kind, name, definition));
  if (!outcome.made()) {
    ZDPIPE_RETURN_IF_ERROR(ledger_.forget(kind.label, name.schema, name.name));
  }
  return outcome;
}

absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CreateUnrecorded(const Kind& kind,
                                                                     const ObjectName& name,
                                                                     const Definition& definition) {
  // Names in a body may be unqualified; and SHOW CREATE gives the object's own name so.
  ZDPIPE_ASSIGN_OR_RETURN(Outcome outcome, Try("", absl::StrCat("USE ", QuoteName(name.schema))));
  if (!outcome.made()) return outcome;
  const size_t notes_before = notes_.size();
  ZDPIPE_ASSIGN_OR_RETURN(outcome, CreateInDatabaseCollation(kind, name, definition));
  if (!outcome.made() || !outcome.warned || absl::string_view(kind.show) != "EVENT") {
    return outcome;
  }
  ZDPIPE_ASSIGN_OR_RETURN(const bool exists, EventExists(name));
  if (exists) return outcome;
  notes_.resize(notes_before);  // what they say does not hold after the second attempt
  return CreateEventOfThePast(name, definition);
}

// A routine takes the collation its untyped strings have from the database, at its creation; the
// database may have been altered since.
absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CreateInDatabaseCollation(
    const Kind& kind, const ObjectName& name, const Definition& definition) {
  const std::string wanted = KnownHere(target_, definition.database_collation);
  if (wanted.empty()) return CreateInContext(kind, name, definition);
  ZDPIPE_ASSIGN_OR_RETURN(const std::string current,
                          target_.QueryValue("SELECT @@collation_database"));
  if (wanted == KnownHere(target_, current)) return CreateInContext(kind, name, definition);

  const std::string alter = absl::StrCat("ALTER DATABASE ", QuoteName(name.schema), " COLLATE ");
  ZDPIPE_ASSIGN_OR_RETURN(const Outcome altered, Try("set the database's collation for it",
                                                     absl::StrCat(alter, QuoteText(wanted))));
  if (!altered.made()) return altered;
  const absl::StatusOr<Outcome> outcome = CreateInContext(kind, name, definition);
  if (!outcome.ok()) return outcome;
  ZDPIPE_RETURN_IF_ERROR(target_.Execute(absl::StrCat(alter, QuoteText(current))));
  return outcome;
}

absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CreateInContext(const Kind& kind,
                                                                    const ObjectName& name,
                                                                    const Definition& definition) {
  std::vector<std::string> context = {
      absl::StrCat("sql_mode = ", QuoteText(ModeKnownHere(target_, definition.sql_mode)))};
  if (!definition.client_charset.empty()) {
    context.push_back(absl::StrCat("character_set_client = ",
                                   QuoteText(KnownHere(target_, definition.client_charset))));
    context.push_back(absl::StrCat("collation_connection = ",
                                   QuoteText(KnownHere(target_, definition.connection_collation))));
  }
  if (!definition.time_zone.empty()) {
    context.push_back(absl::StrCat("time_zone = ", QuoteText(definition.time_zone)));
  }
  const std::string what =
      absl::StrCat("create ", kind.label, " ", PrintableName(name.schema, name.name));
  const size_t notes_before = notes_.size();
  absl::StatusOr<Outcome> outcome = Try(what, absl::StrCat("SET ", absl::StrJoin(context, ", ")));
  notes_.resize(notes_before);  // of the SET: only that a mode is deprecated
  if (outcome.ok() && outcome->made()) outcome = Try(what, definition.text);
  if (!outcome.ok()) return outcome;
  ZDPIPE_RETURN_IF_ERROR(
      target_.Execute("SET sql_mode = '', time_zone = '+00:00', character_set_client = 'utf8mb4', "
                      "character_set_connection = 'utf8mb4'"));
  return outcome;
}

// A server refuses, with a note only, to make an event whose last time has passed. It compares
// with the session's clock.
absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CreateEventOfThePast(
    const ObjectName& name, const Definition& definition) {
  constexpr Kind kEvent{"event", "EVENT", "Create Event"};
  ZDPIPE_ASSIGN_OR_RETURN(Outcome outcome, Try("set the clock back", "SET timestamp = 1"));
  if (!outcome.made()) return outcome;
  ZDPIPE_ASSIGN_OR_RETURN(outcome, CreateInDatabaseCollation(kEvent, name, definition));
  ZDPIPE_RETURN_IF_ERROR(target_.Execute("SET timestamp = DEFAULT"));
  if (!outcome.made()) return outcome;
  ZDPIPE_ASSIGN_OR_RETURN(const bool exists, EventExists(name));
  if (!exists) outcome.reason = "its time has passed, and the target drops such an event at once";
  return outcome;
}

absl::StatusOr<bool> ObjectCopier::EventExists(const ObjectName& name) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          target_.Query(absl::StrCat(
                              "SELECT EVENT_SCHEMA FROM information_schema.EVENTS WHERE "
                              "EVENT_SCHEMA = ",
                              QuoteText(name.schema), " AND EVENT_NAME = ", QuoteText(name.name))));
  for (size_t row = 0; row < result.rows.size(); ++row) {
    if (result.Text(row, "EVENT_SCHEMA") == name.schema) return true;
  }
  return false;
}

// Two flaws of SHOW CREATE in a routine's comment, which is therefore set anew: it comes in utf8
// even where the rest comes in the client's character set (MariaDB), and with backslash escapes
// even where the routine's sql_mode knows none.
absl::Status ObjectCopier::RepairComment(const Kind& kind, const ObjectName& name,
                                         const Definition& definition) {
  const absl::string_view show = kind.show;
  const bool garbled = !IsUtf8Charset(definition.client_charset) && !IsAscii(definition.text);
  const bool escaped = absl::StrContains(definition.sql_mode, "NO_BACKSLASH_ESCAPES") &&
                       absl::StrContains(definition.text, "\\");
  if (show == "TRIGGER" || show == "EVENT" || (!garbled && !escaped)) return absl::OkStatus();

  ZDPIPE_ASSIGN_OR_RETURN(const Result result,
                          source_.Query(absl::StrCat(
                              "SELECT ROUTINE_SCHEMA, ROUTINE_COMMENT FROM "
                              "information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ",
                              QuoteText(name.schema), " AND ROUTINE_NAME = ", QuoteText(name.name),
                              " AND ROUTINE_TYPE = ", QuoteText(show))));
  for (size_t row = 0; row < result.rows.size(); ++row) {
    const std::string comment = result.Text(row, "ROUTINE_COMMENT");
    if (result.Text(row, "ROUTINE_SCHEMA") != name.schema || comment.empty()) continue;
    // A package has no ALTER; then the server's error is the report.
    ZDPIPE_ASSIGN_OR_RETURN(
        const Outcome outcome,
        Try("set its comment", absl::StrCat("ALTER ", show, " ", QuoteName(name.schema, name.name),
                                            " COMMENT ", QuoteText(comment))));
    if (!outcome.made()) Fail(kind, name, absl::StrCat("made, but: ", outcome.reason));
  }
  return absl::OkStatus();
}

std::string ObjectCopier::ShowCreateTable(Session& session, const ObjectName& name) {
  const absl::StatusOr<Result> shown =
      session.Query(absl::StrCat("SHOW CREATE TABLE ", QuoteName(name.schema, name.name)));
  return shown.ok() && !shown->rows.empty() ? shown->Text(0, "Create Table") : std::string();
}

// True also when it cannot be told.
bool ObjectCopier::IsSameTable(const ObjectName& name) {
  const std::string wanted = ShowCreateTable(source_, name);
  const std::string got = ShowCreateTable(target_, name);
  return wanted.empty() || got.empty() || wanted == got;
}

// SHOW CREATE SEQUENCE says nothing of the options of the table behind it, nor that it was made by
// CREATE TABLE .. SEQUENCE=1. What the table's definition leaves out is in its row.
absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CreateSequenceAsTable(
    const Kind& kind, const ObjectName& name, const Definition& definition) {
  const std::string drop = absl::StrCat("DROP SEQUENCE ", QuoteName(name.schema, name.name));
  ZDPIPE_ASSIGN_OR_RETURN(Outcome outcome, Try("make it anew", drop));
  if (!outcome.made()) return outcome;
  ZDPIPE_ASSIGN_OR_RETURN(outcome, Try("make it as a table", ShowCreateTable(source_, name)));
  return outcome.made() ? outcome : Create(kind, name, definition);
}

// SETVAL never goes back and cannot say "exhausted"; a full row given to INSERT replaces the state
// (MariaDB 10.5, 10.11, 11.8).
absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::CopySequenceState(const ObjectName& name) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> wanted, ReadSequenceRow(source_, name));
  ZDPIPE_ASSIGN_OR_RETURN(
      Outcome outcome,
      Try("set its state", absl::StrCat("INSERT INTO ", QuoteName(name.schema, name.name),
                                        " VALUES (", absl::StrJoin(wanted, ", "), ")")));
  if (!outcome.made()) return outcome;
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> got, ReadSequenceRow(target_, name));
  if (got != wanted) {
    outcome.reason = absl::StrCat("its state became (", absl::StrJoin(got, ", "), ") instead of (",
                                  absl::StrJoin(wanted, ", "), ")");
  }
  return outcome;
}

absl::StatusOr<std::vector<std::string>> ObjectCopier::ReadSequenceRow(Session& session,
                                                                       const ObjectName& name) {
  const std::string quoted = QuoteName(name.schema, name.name);
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      session.Query(absl::StrCat("SELECT next_not_cached_value, minimum_value, maximum_value, "
                                 "start_value, increment, cache_size, cycle_option, cycle_count "
                                 "FROM ",
                                 quoted)));
  if (result.rows.size() != 1) {
    return MakeError(session.failure(),
                     absl::StrCat("sequence ", PrintableName(name.schema, name.name), " has ",
                                  result.rows.size(), " rows"));
  }
  std::vector<std::string> values;
  for (const std::optional<std::string>& value : result.rows[0]) {
    values.push_back(value.has_value() ? QuoteText(*value) : "NULL");
  }
  return values;
}

// Runs a statement on the target. `what` stands in the reason instead of the statement, which may
// be in any character set. Warnings become notes.
absl::StatusOr<ObjectCopier::Outcome> ObjectCopier::Try(absl::string_view what,
                                                        absl::string_view sql) {
  const absl::StatusOr<std::vector<Warning>> warnings = target_.ExecuteWithWarnings(sql);
  Outcome outcome;
  if (!warnings.ok()) {
    if (EndsTheWork(warnings.status())) return warnings.status();
    outcome.server_errno = ServerErrnoOf(warnings.status());
    outcome.reason =
        std::string((what.empty() ? warnings.status() : target_.LastError(what)).message());
    return outcome;
  }
  outcome.warned = !warnings->empty();
  for (const Warning& warning : *warnings) {
    if (warning.code == kErrSchedulerOff) continue;  // the events are disabled, too
    notes_.push_back(
        absl::StrCat(what, ": ", warning.level, " ", warning.code, ": ", warning.message));
  }
  return outcome;
}

void ObjectCopier::Report(const Kind& kind, const ObjectName& name, const Outcome& outcome) {
  if (!outcome.made()) Fail(kind, name, outcome.reason);
}

void ObjectCopier::Fail(const Kind& kind, const ObjectName& name, std::string reason) {
  failures_.push_back({kind.label, name, std::move(reason)});
}

namespace {

struct Span {
  size_t begin = 0;
  size_t end = 0;
};

// DEFINER=account in the head of a CREATE: before the kind of the object is named.
std::optional<Span> FindDefiner(absl::string_view create) {
  SqlScanner scanner(create);
  SqlToken token = scanner.Next();
  if (!token.IsWord("CREATE")) return std::nullopt;
  for (token = scanner.Next(); !token.IsWord("DEFINER"); token = scanner.Next()) {
    // What views, and CREATE OR REPLACE, say in front of it.
    const bool may_precede = token.IsWord("OR") || token.IsWord("REPLACE") ||
                             token.IsWord("ALGORITHM") || token.IsSymbol('=') ||
                             token.IsWord("UNDEFINED") || token.IsWord("MERGE") ||
                             token.IsWord("TEMPTABLE");
    if (!may_precede) return std::nullopt;
  }
  Span clause{token.begin, token.end};
  if (!scanner.Next().IsSymbol('=')) return std::nullopt;
  clause.end = scanner.Next().end;  // the user, or a role: that has no host
  token = scanner.Next();
  if (token.IsSymbol('@')) clause.end = scanner.Next().end;
  return clause;
}

}  // namespace

std::string ApplyDefiner(absl::string_view create, const DefinerPolicy& policy) {
  if (policy.kind == DefinerPolicy::Kind::kKeep) return std::string(create);
  const std::optional<Span> clause = FindDefiner(create);
  if (!clause.has_value()) return std::string(create);
  const absl::string_view head = create.substr(0, clause->begin);
  absl::string_view tail = create.substr(clause->end);
  if (policy.kind == DefinerPolicy::Kind::kCurrent) {
    absl::ConsumePrefix(&tail, " ");
    return absl::StrCat(head, tail);
  }
  return absl::StrCat(head, "DEFINER=", QuoteName(policy.user), "@", QuoteName(policy.host), tail);
}

absl::StatusOr<std::string> DisableEvent(absl::string_view create) {
  SqlScanner scanner(create);
  bool is_event = scanner.Next().IsWord("CREATE");
  SqlToken token = scanner.Next();
  for (; !token.IsWord("EVENT"); token = scanner.Next()) {
    if (token.kind == SqlToken::Kind::kEnd) is_event = false;
    if (!is_event) break;
  }
  for (; is_event && token.kind != SqlToken::Kind::kEnd; token = scanner.Next()) {
    Span state{token.begin, token.end};
    absl::string_view after = "";
    if (token.IsWord("DISABLE")) {
      SqlScanner ahead = scanner;
      if (ahead.Next().IsWord("ON")) {
        token = ahead.Next();
        if (token.IsWord("SLAVE") || token.IsWord("REPLICA")) state.end = token.end;
      }
    } else if (token.IsWord("COMMENT") || token.IsWord("DO")) {
      state.end = state.begin;  // no state: ENABLE is meant
      after = " ";
    } else if (!token.IsWord("ENABLE")) {
      continue;
    }
    return absl::StrCat(create.substr(0, state.begin), "DISABLE", after, create.substr(state.end));
  }
  return MakeError(Failure::kInternal, "disable event: the text is no CREATE EVENT");
}

namespace {

// What a view may still be waiting for.
bool IsNotYet(unsigned server_errno) {
  constexpr unsigned kErrUnknownColumn = 1054;
  constexpr unsigned kErrNoSuchRoutine = 1305;
  constexpr unsigned kErrViewInvalid = 1356;
  return server_errno == kErrUnknownTable || server_errno == kErrUnknownColumn ||
         server_errno == kErrNoSuchRoutine || server_errno == kErrViewInvalid;
}

bool IsUtf8Charset(absl::string_view charset) {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8" || charset == "binary";
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool IsWellFormedUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    for (int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3; more > 0; --more, ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

absl::StatusOr<std::string> InCharset(Session& session, absl::string_view utf8,
                                      absl::string_view charset) {
  const std::string text = absl::StrCat("CONVERT(", QuoteBytes(utf8), " USING utf8mb4)");
  const std::string converted = absl::StrCat("CONVERT(", text, " USING ", QuoteText(charset), ")");
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result result,
      session.Query(absl::StrCat("SELECT HEX(", converted, ") AS there, HEX(CONVERT(", converted,
                                 " USING utf8mb4)) AS back")));
  if (result.rows.empty() || absl::HexStringToBytes(result.Text(0, "back")) != utf8) {
    return MakeError(session.failure(),
                     absl::StrCat("its definer, name or comment does not exist in ", charset,
                                  ", the character set of its body"));
  }
  return absl::HexStringToBytes(result.Text(0, "there"));
}

// SHOW CREATE EVENT writes the comment with backslash escapes even where the event's sql_mode knows
// none. (A routine's comment is repaired after its creation; ALTER EVENT would change more.)
std::string EventWithoutEscapes(absl::string_view create) {
  SqlScanner scanner(create);
  SqlToken token = scanner.Next();
  while (token.kind != SqlToken::Kind::kEnd && !token.IsWord("COMMENT") && !token.IsWord("DO")) {
    token = scanner.Next();
  }
  if (!token.IsWord("COMMENT")) return std::string(create);
  token = scanner.Next();
  std::string comment;
  for (size_t i = token.begin; i < token.end; ++i) {
    if (create[i] != '\\' || i + 1 == token.end) {
      comment.push_back(create[i]);
      continue;
    }
    const char escaped = create[++i];
    comment.push_back(escaped == '0'   ? '\0'
                      : escaped == 'n' ? '\n'
                      : escaped == 'r' ? '\r'
                                       : escaped);
    if (escaped == '\'') comment.push_back('\'');
  }
  return absl::StrCat(create.substr(0, token.begin), comment, create.substr(token.end));
}

// MySQL 5.6 cannot parse its own ON COMPLETION NOT PRESERVE under HIGH_NOT_PRECEDENCE. It is the
// default, and can be left out.
std::string EventWithoutNot(absl::string_view create) {
  SqlScanner scanner(create);
  SqlToken token = scanner.Next();
  while (token.kind != SqlToken::Kind::kEnd && !token.IsWord("DO")) {
    const SqlToken on = token;
    token = scanner.Next();
    if (!on.IsWord("ON") || !token.IsWord("COMPLETION")) continue;
    if (!scanner.Next().IsWord("NOT")) break;
    return absl::StrCat(create.substr(0, on.begin),
                        absl::StripLeadingAsciiWhitespace(create.substr(scanner.Next().end)));
  }
  return std::string(create);
}

// Servers keep the body in the client's character set and write some of what stands in front of
// it in utf8, unconverted: MariaDB the definer of a trigger, and everything up to DO of an event;
// MySQL 5.6 also the name of a routine. Those parts are converted. A part that is no well-formed
// utf8 is in the client's character set already.
absl::StatusOr<std::string> ServerPartsInCharset(Session& session, absl::string_view show,
                                                 const ObjectName& name, absl::string_view text,
                                                 absl::string_view charset) {
  std::vector<size_t> ends;
  const std::optional<Span> definer = FindDefiner(text);
  if (definer.has_value()) ends.push_back(definer->end);
  if (show != "VIEW" && show != "TRIGGER") {
    SqlScanner scanner(text);
    for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
         token = scanner.Next()) {
      const bool behind_definer = ends.empty() || token.begin >= ends[0];
      if (!behind_definer) continue;
      if (show == "EVENT" ? token.IsWord("DO") : token.kind == SqlToken::Kind::kName) {
        // A name in the client's character set may well look like utf8.
        if (show == "EVENT" || token.Name() == name.name) ends.push_back(token.end);
        break;
      }
    }
  }
  std::string result;
  size_t begin = 0;
  for (const size_t end : ends) {
    const absl::string_view part = text.substr(begin, end - begin);
    begin = end;
    if (IsAscii(part) || !IsWellFormedUtf8(part)) {
      absl::StrAppend(&result, part);
      continue;
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::string converted, InCharset(session, part, charset));
    absl::StrAppend(&result, converted);
  }
  return absl::StrCat(result, text.substr(begin));
}

// "utf8mb3" is called "utf8" by servers older than MariaDB 10.6 and MySQL 8.0.
std::string KnownHere(const Session& session, absl::string_view charset_or_collation) {
  const bool knows_mb3 =
      session.version().MariaDbAtLeast(10, 6) || session.version().MySqlAtLeast(8, 0);
  absl::string_view suffix = charset_or_collation;
  if (knows_mb3) {
    if (suffix == "utf8" || absl::StartsWith(suffix, "utf8_")) {
      return absl::StrCat("utf8mb3", suffix.substr(4));
    }
  } else if (absl::ConsumePrefix(&suffix, "utf8mb3")) {
    return absl::StrCat("utf8", suffix);
  }
  return std::string(charset_or_collation);
}

// MySQL 8.0 has no NO_AUTO_CREATE_USER (a default of MySQL 5.7 and MariaDB): a GRANT never makes an
// account there, which is what the mode says.
std::string ModeKnownHere(const Session& session, absl::string_view sql_mode) {
  if (!session.version().MySqlAtLeast(8, 0)) return std::string(sql_mode);
  std::vector<absl::string_view> modes = absl::StrSplit(sql_mode, ',', absl::SkipEmpty());
  std::erase(modes, "NO_AUTO_CREATE_USER");
  return absl::StrJoin(modes, ",");
}

// The views a text names, as `schema`.`name`. Too many do no harm.
std::vector<size_t> ViewsIn(
    absl::string_view text,
    const absl::flat_hash_map<std::pair<std::string, std::string>, size_t>& positions) {
  std::vector<size_t> found;
  SqlScanner scanner(text);
  SqlToken schema;
  bool dotted = false;
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    if (token.kind == SqlToken::Kind::kName) {
      if (dotted) {
        const auto position = positions.find({schema.Name(), token.Name()});
        if (position != positions.end()) found.push_back(position->second);
      }
      schema = token;
      dotted = false;
    } else {
      dotted = token.IsSymbol('.') && schema.kind == SqlToken::Kind::kName && !dotted;
      if (!dotted) schema = SqlToken();
    }
  }
  return found;
}

// Positions in `names` such that a view comes after those it names. Where they name each other in
// a circle (an alias can look like a view) the order is any.
std::vector<size_t> DependencyOrder(const std::vector<ObjectName>& names,
                                    const std::vector<absl::string_view>& texts) {
  absl::flat_hash_map<std::pair<std::string, std::string>, size_t> positions;
  for (size_t i = 0; i < names.size(); ++i) {
    positions.emplace(std::make_pair(names[i].schema, names[i].name), i);
  }
  struct Step {
    size_t view;
    std::vector<size_t> needs;
    size_t next = 0;
  };
  std::vector<size_t> order;
  std::vector<bool> seen(names.size(), false);
  for (size_t start = 0; start < names.size(); ++start) {
    if (seen[start]) continue;
    seen[start] = true;
    // Depth first with a stack of our own: views may be stacked deeper than calls should be.
    std::vector<Step> path;
    path.push_back({start, ViewsIn(texts[start], positions)});
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == step.needs.size()) {
        order.push_back(step.view);
        path.pop_back();
        continue;
      }
      const size_t need = step.needs[step.next++];
      if (seen[need]) continue;
      seen[need] = true;
      path.push_back({need, ViewsIn(texts[need], positions)});
    }
  }
  return order;
}

}  // namespace
}  // namespace zdpipe
