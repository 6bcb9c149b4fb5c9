#include "pipeline/ledger_check.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/schema/accounts.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr size_t kShownObjects = 5;

class LedgerChecker {
 public:
  LedgerChecker(Session& target, const CopyOptions& options,
                const std::vector<LedgerObject>& earlier, CheckResult& result)
      : target_(target),
        control_schema_(options.selection.control_schema),
        options_(options),
        earlier_(earlier),
        result_(result) {
    for (const DatabaseInfo& database : result.catalog.databases) selected_.insert(database.name);
  }

  absl::Status Run() {
    ZDPIPE_RETURN_IF_ERROR(CheckSchema());
    return earlier_.empty() ? absl::OkStatus() : CheckObjects();
  }

 private:
  // The schema is dropped at the start and at the end of a run: it must hold nothing but a ledger.
  absl::Status CheckSchema() {
    const std::string schema = QuoteText(control_schema_);
    ZDPIPE_ASSIGN_OR_RETURN(const Result present,
                            target_.Query(ObjectsQuery(target_.version(), control_schema_)));
    std::vector<std::string> foreign;
    bool has_run = false;
    for (const auto& row : present.rows) {
      const std::string name = row[1].value_or("");
      if (name == "run") has_run = true;
      if (!Ledger::IsLedgerTable(name)) foreign.push_back(Printable(name));
    }
    if (foreign.empty() && has_run) {
      ZDPIPE_ASSIGN_OR_RETURN(
          const Result columns,
          target_.Query(absl::StrCat("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE "
                                     "TABLE_SCHEMA = ",
                                     schema,
                                     " AND TABLE_NAME = 'run' AND COLUMN_NAME IN ('run_id', "
                                     "'tool_version')")));
      if (columns.rows.size() < 2) foreign.emplace_back("run");
    }
    if (foreign.empty()) return absl::OkStatus();
    Add("CONTROL_SCHEMA_FOREIGN", Printable(control_schema_),
        absl::StrCat("the schema for the run's ledger holds what zdpipe has not made: ",
                     List(std::move(foreign))),
        "name another one with --control-schema: it is dropped at the end of a copy");
    return absl::OkStatus();
  }

  // What an unfinished run has made is removed. What no run makes, or what was there before the
  // ledger, is not what an unfinished run has made, whatever the ledger says.
  absl::Status CheckObjects() {
    ZDPIPE_ASSIGN_OR_RETURN(const std::set<ObjectName> older, OlderThanTheLedger());
    ZDPIPE_ASSIGN_OR_RETURN(const std::string user, target_.QueryValue("SELECT CURRENT_USER()"));
    std::vector<std::string> refused;
    for (const LedgerObject& object : earlier_) {
      const std::string why = WhyNot(object, older, user);
      if (why.empty()) continue;
      refused.push_back(absl::StrCat(Printable(object.kind), " ",
                                     PrintableName(object.schema, object.name), " (", why, ")"));
    }
    if (refused.empty()) return absl::OkStatus();
    Add("LEDGER_NOT_TRUSTED", Printable(control_schema_),
        absl::StrCat("the ledger of an unfinished run lists what this run would not remove: ",
                     List(std::move(refused))),
        absl::StrCat(
            "run the copy with the options of the unfinished one; or remove by hand what it "
            "has left, and DROP DATABASE ",
            Printable(QuoteName(control_schema_))));
    return absl::OkStatus();
  }

  // "" for what a run with these options may have made.
  std::string WhyNot(const LedgerObject& object, const std::set<ObjectName>& older,
                     absl::string_view user) const {
    static constexpr absl::string_view kKinds[] = {
        "database", "table",        "sequence", "view",    "procedure", "function",
        "package",  "package body", "library",  "trigger", "event"};
    if (object.kind == "user" || object.kind == "role") {
      if (!options_.users) return "an account, and --users was not given";
      if (IsSystemAccount(object.name, object.schema)) return "an account of the server's own";
      if (absl::StrCat(object.name, "@", object.schema) == user) return "the account in use";
      return "";
    }
    if (std::find(std::begin(kKinds), std::end(kKinds), object.kind) == std::end(kKinds)) {
      return "of a kind that zdpipe does not make";
    }
    if (IsSystemDatabase(object.schema) || object.schema.empty()) return "the server's own";
    if (object.schema == control_schema_) return "the ledger itself";
    if (selected_.count(object.schema) == 0) return "of a database that is not copied";
    if (older.count({object.schema, object.name}) > 0) return "older than the ledger";
    return "";
  }

  absl::StatusOr<std::set<ObjectName>> OlderThanTheLedger() {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result result,
        target_.Query(absl::StrCat(
            "SELECT t.TABLE_SCHEMA, t.TABLE_NAME FROM information_schema.TABLES t WHERE "
            "t.CREATE_TIME < (SELECT l.CREATE_TIME FROM information_schema.TABLES l WHERE "
            "l.TABLE_SCHEMA = ",
            QuoteText(control_schema_), " AND l.TABLE_NAME = 'object')")));
    std::set<ObjectName> older;
    for (const auto& row : result.rows) older.insert({row[0].value_or(""), row[1].value_or("")});
    return older;
  }

  void Add(absl::string_view id, std::string object, std::string evidence, std::string fix) {
    result_.findings.push_back({std::string(id), Severity::kError, std::move(object),
                                std::move(evidence), std::move(fix)});
  }

  static std::string List(std::vector<std::string> names) {
    const size_t count = names.size();
    if (count > kShownObjects) names.resize(kShownObjects);
    return absl::StrCat(absl::StrJoin(names, ", "),
                        count > kShownObjects ? absl::StrCat(", ... (", count, " in all)") : "");
  }

  Session& target_;
  const std::string control_schema_;
  const CopyOptions& options_;
  const std::vector<LedgerObject>& earlier_;
  CheckResult& result_;
  std::set<std::string> selected_;
};

}  // namespace

absl::Status CheckLedger(Session& target, const CopyOptions& options,
                         const std::vector<LedgerObject>& earlier, CheckResult& result) {
  return LedgerChecker(target, options, earlier, result).Run();
}

}  // namespace zdpipe
