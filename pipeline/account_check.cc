#include "pipeline/account_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/schema/accounts.h"
#include "engine/server/sql_text.h"
#include "pipeline/probe.h"

namespace zdpipe {
namespace {

// Names in one finding; the count is always said.
constexpr size_t kShownNames = 10;

using AccountKey = std::pair<std::string, std::string>;  // user, host

// The objects that name one account as their definer.
struct Definer {
  size_t objects = 0;
  std::string example;  // "view shop.v"
};

std::string ShortList(std::vector<std::string> names) {
  const size_t count = names.size();
  if (count > kShownNames) names.resize(kShownNames);
  return absl::StrCat(absl::StrJoin(names, ", "), count > kShownNames ? ", ..." : "");
}

// A role has no host.
std::string AccountText(const AccountKey& account) {
  return Printable(account.second.empty() ? account.first
                                          : absl::StrCat(account.first, "@", account.second));
}

class AccountChecker {
 public:
  AccountChecker(Session& source, Session& target, const CopyOptions& options,
                 const std::vector<LedgerObject>& earlier, CheckResult& result)
      : source_(source), target_(target), options_(options), result_(result) {
    for (const LedgerObject& object : earlier) {
      if (object.kind == "user" || object.kind == "role") ours_.emplace(object.name, object.schema);
    }
  }

  absl::Status Run() {
    if (options_.users) ZDPIPE_RETURN_IF_ERROR(CheckUsers());
    return CheckDefiners();
  }

 private:
  void Add(absl::string_view id, Severity severity, absl::string_view object,
           absl::string_view evidence, absl::string_view fix) {
    result_.findings.push_back(
        {std::string(id), severity, std::string(object), std::string(evidence), std::string(fix)});
  }

  absl::Status CheckUsers() {
    absl::StatusOr<std::vector<Account>> accounts = ReadAccounts(source_);
    if (!accounts.ok()) {
      if (!IsDenied(accounts.status())) return accounts.status();
      Add("USERS_UNREADABLE", Severity::kError, source_.endpoint().name,
          accounts.status().message(),
          "GRANT SELECT ON mysql.* on the source to the user of --from, or leave out --users");
      return absl::OkStatus();
    }
    const absl::StatusOr<std::vector<Account>> present = ReadAccounts(target_);
    if (!present.ok()) {
      if (!IsDenied(present.status())) return present.status();
      AddUnwritable(present.status(), "GRANT SELECT ON mysql.* (to see which accounts exist)");
      return absl::OkStatus();
    }
    // Renames an account that nobody has.
    const absl::Status renamed =
        Probe(target_,
              "RENAME USER 'zdpipe-check'@'nowhere.invalid' TO 'zdpipe-check-2'@'nowhere.invalid'");
    if (IsSessionLost(renamed)) return renamed;
    if (IsDenied(renamed))
      AddUnwritable(renamed,
                    "GRANT CREATE USER ON *.*, with GRANT OPTION for what the accounts are given,");
    ComparePresent(*accounts, *present);
    CheckPlans(*accounts);
    return absl::OkStatus();
  }

  void AddUnwritable(const absl::Status& why, absl::string_view grant) {
    Add("USERS_UNWRITABLE", Severity::kError, target_.endpoint().name, why.message(),
        absl::StrCat(grant, " on the target to the user of --to, or leave out --users"));
  }

  // Accounts that stay as they are on the target, although the source has others by their names.
  void ComparePresent(const std::vector<Account>& accounts, const std::vector<Account>& present) {
    const Version& from = source_.version();
    const Version& to = target_.version();
    const bool same_release =
        from.mariadb == to.mariadb && from.major == to.major && from.minor == to.minor;
    std::vector<std::string> differing;
    for (const Account& there : present) {
      const AccountKey key{there.user, there.host};
      if (ours_.count(key) > 0 || (there.is_public() && there.grants.empty())) continue;
      on_target_.insert(key);
      for (Account account : accounts) {
        if (AccountKey{account.user, account.host} != key) continue;
        // Between releases the words for one right differ.
        if (!same_release) account.grants = there.grants;
        for (AuthMethod& method : account.auth) method.plugin = PluginName(method.plugin, to);
        if (!(account == there)) differing.push_back(there.Printable());
      }
    }
    if (differing.empty()) return;
    Add("ACCOUNT_DIFFERS", Severity::kWarning, target_.endpoint().name,
        absl::StrCat("accounts exist on the target with another password, other options or other "
                     "grants than on the source: ",
                     differing.size(), ": ", ShortList(differing)),
        "they stay as they are; to have the source's, drop them on the target before the copy");
  }

  // What the target has no place for, by reason.
  void CheckPlans(const std::vector<Account>& accounts) {
    const std::optional<std::set<std::string>> plugins = ActivePlugins();
    std::map<std::string, std::vector<std::string>> reasons;
    for (const Account& account : accounts) {
      if (on_target_.count({account.user, account.host}) > 0) continue;
      if (account.is_public() && account.grants.empty()) continue;
      const AccountPlan plan = PlanAccount(account, source_.version(), target_.version());
      if (!plan.refused.empty()) {
        reasons[plan.refused].push_back(account.Printable());
        continue;
      }
      carried_.emplace(account.user, account.host);
      for (const std::string& lost : plan.lost) {
        reasons[absl::StrCat("the target does not know: ", lost)].push_back(account.Printable());
      }
      for (const AuthMethod& method : account.auth) {
        const std::string plugin = PluginName(method.plugin, target_.version());
        if (!plugins.has_value() || plugins->count(plugin) > 0) continue;
        reasons[absl::StrCat("the target has no authentication plugin ", plugin)].push_back(
            account.Printable());
        carried_.erase({account.user, account.host});
      }
    }
    for (const auto& [reason, names] : reasons) {
      Add("ACCOUNT_NOT_CARRIED", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(reason, "; accounts concerned: ", names.size(), ": ", ShortList(names)),
          "make them by hand, or change the target; the copy lists them and ends with exit code 8");
    }
  }

  // nullopt: the target does not say.
  std::optional<std::set<std::string>> ActivePlugins() {
    const absl::StatusOr<Result> result = target_.Query(
        "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_TYPE = "
        "'AUTHENTICATION' AND PLUGIN_STATUS = 'ACTIVE'");
    if (!result.ok() || result->rows.empty()) return std::nullopt;
    std::set<std::string> plugins;
    for (const auto& row : result->rows) plugins.insert(row[0].value_or(""));
    return plugins;
  }

  absl::Status CheckDefiners() {
    if (options_.definer.kind == DefinerPolicy::Kind::kCurrent) return absl::OkStatus();
    ZDPIPE_RETURN_IF_ERROR(ReadDefiners());
    ZDPIPE_ASSIGN_OR_RETURN(const std::string current, target_.QueryValue("SELECT CURRENT_USER()"));
    const size_t at = current.rfind('@');
    definers_.erase({current.substr(0, at), current.substr(at + 1)});
    if (definers_.empty()) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const bool may_name_others, MayNameOthers(definers_.begin()->first));
    if (!may_name_others) return absl::OkStatus();
    return CheckDefinersExist();
  }

  // The definers of the selected objects, as they will be on the target.
  absl::Status ReadDefiners() {
    const Catalog& catalog = result_.catalog;
    std::set<ObjectName> views(catalog.views.begin(), catalog.views.end());
    std::set<ObjectName> routines;
    std::set<ObjectName> triggers;
    std::set<ObjectName> events;
    for (const RoutineInfo& routine : catalog.routines) routines.insert(routine.name);
    for (const TriggerInfo& trigger : catalog.triggers) triggers.insert(trigger.name);
    for (const EventInfo& event : catalog.events) events.insert(event.name);
    // By the column that makes information_schema read one database only: with TRIGGER_SCHEMA it
    // reads all of them, for each database anew.
    const struct {
      const char* kind;
      const char* table;
      const char* column;
      const char* schema_column;
      const std::set<ObjectName>& selected;
    } sources[] = {{"view", "VIEWS", "TABLE", "TABLE_SCHEMA", views},
                   {"routine", "ROUTINES", "ROUTINE", "ROUTINE_SCHEMA", routines},
                   {"trigger", "TRIGGERS", "TRIGGER", "EVENT_OBJECT_SCHEMA", triggers},
                   {"event", "EVENTS", "EVENT", "EVENT_SCHEMA", events}};
    for (const auto& source : sources) {
      if (source.selected.empty()) continue;
      for (const DatabaseInfo& database : catalog.databases) {
        ZDPIPE_ASSIGN_OR_RETURN(
            const Result result,
            source_.Query(absl::StrCat("SELECT ", source.column, "_SCHEMA, ", source.column,
                                       "_NAME, DEFINER FROM information_schema.", source.table,
                                       " WHERE ", source.schema_column, " = ",
                                       QuoteText(database.name))));
        for (const auto& row : result.rows) {
          const ObjectName name{row[0].value_or(""), row[1].value_or("")};
          if (source.selected.count(name) > 0) AddDefiner(source.kind, name, row[2].value_or(""));
        }
      }
    }
    return absl::OkStatus();
  }

  void AddDefiner(absl::string_view kind, const ObjectName& object, const std::string& definer) {
    AccountKey key;
    if (options_.definer.kind == DefinerPolicy::Kind::kReplace) {
      key = {options_.definer.user, options_.definer.host};
    } else {
      const size_t at = definer.rfind('@');
      key.first = definer.substr(0, at);
      if (at != std::string::npos) key.second = definer.substr(at + 1);
    }
    Definer& found = definers_[key];
    if (found.objects++ == 0) {
      found.example = absl::StrCat(kind, " ", PrintableName(object.schema, object.name));
    }
  }

  std::vector<std::string> DefinerList(const std::set<AccountKey>* only) const {
    std::vector<std::string> names;
    for (const auto& [account, definer] : definers_) {
      if (only != nullptr && only->count(account) == 0) continue;
      names.push_back(absl::StrCat(AccountText(account), " (", definer.objects, ": ",
                                   definer.example, definer.objects > 1 ? ", ..." : "", ")"));
    }
    return names;
  }

  // Servers look at the definer's name before they look for the event, and there is none.
  absl::StatusOr<bool> MayNameOthers(const AccountKey& definer) {
    Account account;
    account.user = definer.first;
    account.host = definer.second;
    account.role = definer.second.empty();
    const std::string schema =
        result_.catalog.databases.empty() ? "zdpipe" : result_.catalog.databases[0].name;
    const absl::Status tried =
        Probe(target_,
              absl::StrCat("ALTER DEFINER = ", account.Quoted(), " EVENT ",
                           QuoteName(schema, "zdpipe check: there is no such event"), " DISABLE"));
    if (IsSessionLost(tried)) return tried;
    if (ServerErrnoOf(tried) != kErrAccessDeniedSpecific) return true;
    Add("DEFINER_FOREIGN", Severity::kWarning, target_.endpoint().name,
        absl::StrCat(
            "the target user may not make objects in the name of others, which will be listed "
            "and left out (",
            tried.message(), "); definers concerned: ", ShortList(DefinerList(nullptr))),
        "say --definer current: the objects then belong to, and run with the rights of, the target "
        "user; or connect as a user with SET USER (MariaDB >= 10.5), SET_USER_ID or "
        "SET_ANY_DEFINER (MySQL 8), or SUPER");
    return false;
  }

  absl::Status CheckDefinersExist() {
    const absl::StatusOr<std::vector<Account>> present = ReadAccountNames(target_);
    if (!present.ok()) {
      if (!IsDenied(present.status())) return present.status();
      Add("DEFINER_MISSING", Severity::kInfo, target_.endpoint().name,
          absl::StrCat("whether these definers exist on the target could not be looked up (",
                       present.status().message(), "): ", ShortList(DefinerList(nullptr))),
          "GRANT SELECT ON mysql.user on the target to the user of --to");
      return absl::OkStatus();
    }
    std::set<AccountKey> known = carried_;
    for (const Account& account : *present) {
      const AccountKey key{account.user, account.host};
      if (ours_.count(key) == 0) known.insert(key);
    }
    std::set<AccountKey> missing;
    for (const auto& [account, unused] : definers_) {
      if (known.count(account) == 0) missing.insert(account);
    }
    if (missing.empty()) return absl::OkStatus();
    Add("DEFINER_MISSING", Severity::kWarning, target_.endpoint().name,
        absl::StrCat("definers that are not on the target: ", ShortList(DefinerList(&missing))),
        options_.users
            ? "the objects are made, but fail when used until their definer exists"
            : "the objects are made, but fail when used until their definer exists: create the "
              "accounts, or copy them with --users");
    return absl::OkStatus();
  }

  Session& source_;
  Session& target_;
  const CopyOptions& options_;
  CheckResult& result_;
  std::set<AccountKey> ours_;       // of an unfinished run: removed before anything is made
  std::set<AccountKey> on_target_;  // with --users
  std::set<AccountKey> carried_;    // by --users
  std::map<AccountKey, Definer> definers_;
};

}  // namespace

absl::Status CheckAccounts(Session& source, Session& target, const CopyOptions& options,
                           const std::vector<LedgerObject>& earlier, CheckResult& result) {
  return AccountChecker(source, target, options, earlier, result).Run();
}

}  // namespace zdpipe
