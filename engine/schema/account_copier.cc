#include "engine/schema/account_copier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr unsigned kErrNoSuchRoutine = 1305;
constexpr char kAdminOption[] = " WITH ADMIN OPTION";
// The names of left out grants in one note.
constexpr size_t kShownGrants = 10;

Grant AdminOf(const Account& role) { return {{role.Quoted()}, "", kAdminOption}; }

std::string GrantText(const Grant& grant) {
  return absl::StrCat(absl::StrJoin(grant.privileges, ", "), grant.object.empty() ? "" : " ON ",
                      grant.object);
}

}  // namespace

std::string WithoutSecrets(absl::string_view message, const Account& account) {
  // Longer than anything that is in a hash by chance, shorter than what a server quotes of it.
  constexpr size_t kTell = 8;
  for (const AuthMethod& method : account.auth) {
    const absl::string_view hash = method.literal;
    for (size_t i = 0; i + kTell <= hash.size(); ++i) {
      if (absl::StrContains(message, hash.substr(i, kTell))) {
        return "(the server's message quotes the password hash and is kept back)";
      }
    }
  }
  return std::string(message);
}

absl::Status AccountCopier::Create() {
  ZDPIPE_ASSIGN_OR_RETURN(accounts_, ReadAccounts(source_));
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Account> present, ReadAccounts(target_));
  ZDPIPE_ASSIGN_OR_RETURN(our_account_, target_.QueryValue("SELECT CURRENT_USER()"));
  std::set<std::pair<std::string, std::string>> there;
  for (const Account& account : present) {
    // PUBLIC is always there: it counts only once it has been given something.
    if (account.is_public() && account.grants.empty()) continue;
    there.emplace(account.user, account.host);
  }
  for (const Account& account : accounts_) {
    if (account.is_public() && account.grants.empty()) continue;
    if (there.count({account.user, account.host}) > 0) {
      ++counts_.on_target;
    } else {
      ZDPIPE_RETURN_IF_ERROR(CreateOne(account));
    }
  }
  return absl::OkStatus();
}

absl::Status AccountCopier::CreateOne(const Account& account) {
  const char* const kind = account.role ? "role" : "user";
  const AccountPlan plan = PlanAccount(account, source_.version(), target_.version());
  if (!plan.refused.empty()) {
    Fail(kind, account, plan.refused);
    return absl::OkStatus();
  }
  ZDPIPE_RETURN_IF_ERROR(ledger_.record(kind, account.host, account.user));
  ZDPIPE_ASSIGN_OR_RETURN(const bool made, Make(account, plan));
  if (!made) return ledger_.forget(kind, account.host, account.user);
  ++(account.role ? counts_.roles : counts_.users);
  made_.push_back(&account);
  if (!plan.lost.empty()) {
    Fail(kind, account,
         absl::StrCat("made, but the target does not know: ", absl::StrJoin(plan.lost, ", ")));
    differing_.push_back(&account);
  }
  return absl::OkStatus();
}

// False: it was not made, which has been reported.
absl::StatusOr<bool> AccountCopier::Make(const Account& account, const AccountPlan& plan) {
  const std::string what =
      absl::StrCat("create ", account.role ? "role " : "user ", account.Printable());
  for (size_t i = 0; i < plan.statements.size(); ++i) {
    ZDPIPE_ASSIGN_OR_RETURN(const std::string reason, Try(plan.statements[i], what, account));
    if (reason.empty()) continue;
    Fail(account.role ? "role" : "user", account, reason);
    // Rather no account than one without its restrictions.
    if (i > 0) {
      ZDPIPE_RETURN_IF_ERROR(
          target_.ExecuteWithWarnings(absl::StrCat("DROP USER ", account.Quoted())).status());
    }
    return false;
  }
  return true;
}

// "" when the statement succeeded, or else the server's reason. Warnings become notes.
absl::StatusOr<std::string> AccountCopier::Try(const std::string& sql, const std::string& what,
                                               const Account& account) {
  const absl::StatusOr<std::vector<Warning>> warnings = target_.ExecuteSecret(sql, what);
  if (!warnings.ok()) {
    const std::string reason = WithoutSecrets(warnings.status().message(), account);
    if (EndsTheWork(warnings.status())) {
      return MakeServerError(target_.failure(), ServerErrnoOf(warnings.status()), reason);
    }
    return reason.empty() ? "refused" : reason;
  }
  for (const Warning& warning : *warnings) {
    notes_.push_back(absl::StrCat(what, ": ", warning.level, " ", warning.code, ": ",
                                  WithoutSecrets(warning.message, account)));
  }
  return std::string();
}

absl::Status AccountCopier::GrantEarly() {
  // A grant to an account that is gone shall not make one without a password.
  target_.TrySet("sql_mode = 'NO_AUTO_CREATE_USER'");
  for (const Account* grantee : made_) {
    for (const Grant& original : grantee->grants) {
      Grant grant = original;
      grant.privileges =
          TranslatePrivileges(original.privileges, source_.version(), target_.version());
      const absl::Status given = target_.ExecuteWithWarnings(GrantSql(grant, *grantee)).status();
      if (EndsTheWork(given)) return given;
      if (given.ok()) {
        ++counts_.grants;
        if (grant.option == kAdminOption) administered_.insert(grant.privileges[0]);
      } else {
        waiting_.push_back({grantee, std::move(grant)});
      }
    }
  }
  return target_.Execute("SET SESSION sql_mode = ''");
}

absl::Status AccountCopier::GrantRest() {
  target_.TrySet("sql_mode = 'NO_AUTO_CREATE_USER'");
  for (const Waiting& waiting : waiting_) {
    const std::string sql = GrantSql(waiting.grant, *waiting.grantee);
    const absl::Status given = target_.ExecuteWithWarnings(sql).status();
    if (EndsTheWork(given)) return given;
    if (given.ok()) {
      ++counts_.grants;
      continue;
    }
    differing_.push_back(waiting.grantee);
    const unsigned number = ServerErrnoOf(given);
    if (number == kErrUnknownTable || number == kErrNoSuchRoutine) {
      ZDPIPE_ASSIGN_OR_RETURN(const bool of_nothing, IsOfNothing(waiting.grant));
      if (of_nothing) {
        without_object_.push_back(
            absl::StrCat(GrantText(waiting.grant), " TO ", waiting.grantee->Printable()));
        continue;
      }
    }
    ZDPIPE_RETURN_IF_ERROR(GrantPartly(*waiting.grantee, waiting.grant));
  }
  for (const Account* account : made_) ZDPIPE_RETURN_IF_ERROR(SetDefaultRole(*account));
  ZDPIPE_RETURN_IF_ERROR(LeaveRoles());
  NoteGrantsOfNothing();
  ZDPIPE_RETURN_IF_ERROR(target_.Execute("SET SESSION sql_mode = ''"));
  return Compare();
}

void AccountCopier::NoteGrantsOfNothing() {
  if (without_object_.empty()) return;
  const size_t count = without_object_.size();
  if (count > kShownGrants) without_object_.resize(kShownGrants);
  notes_.push_back(absl::StrCat(
      "grants on tables or routines that were not to be copied, or do not exist on the source "
      "either, were left out: ",
      count, ": ", absl::StrJoin(without_object_, "; "), count > kShownGrants ? "; ..." : ""));
}

// One privilege after the other, so that only what cannot be given is lost.
absl::Status AccountCopier::GrantPartly(const Account& grantee, const Grant& grant) {
  if (grant.object.empty() && !HasRoles(target_.version())) {
    Fail("grant", grantee, absl::StrCat(GrantText(grant), ": the target has no roles"));
    return absl::OkStatus();
  }
  if (privileges_.empty()) {
    ZDPIPE_ASSIGN_OR_RETURN(const Result known, source_.Query("SHOW PRIVILEGES"));
    for (const auto& row : known.rows) {
      const std::string name = absl::AsciiStrToUpper(row[0].value_or(""));
      if (name != "USAGE" && name != "PROXY" && name != "GRANT OPTION") privileges_.push_back(name);
    }
  }
  std::vector<std::string> lost;
  std::string reason;
  for (const Grant& part : SplitGrant(grant, privileges_)) {
    const absl::Status given = target_.ExecuteWithWarnings(GrantSql(part, grantee)).status();
    if (EndsTheWork(given)) return given;
    if (given.ok()) continue;
    lost.push_back(part.privileges[0]);
    if (reason.empty()) {
      reason = std::string(target_.LastError("refused").message());
    }
  }
  if (lost.empty()) return absl::OkStatus();
  Fail("grant", grantee,
       absl::StrCat(absl::StrJoin(lost, ", "), grant.object.empty() ? "" : " ON ",
                    zdpipe::Printable(grant.object), grant.option, ": ", reason));
  return absl::OkStatus();
}

// A grant outlives its table. And what is left out by --databases or --tables is not missed.
absl::StatusOr<bool> AccountCopier::IsOfNothing(const Grant& grant) {
  const ObjectName name = GrantedObject(grant);
  if (name.schema.empty()) return false;
  if (!IsSystemDatabase(name.schema) && !selection_.SelectsTable(name)) return true;
  const absl::StatusOr<std::string> count = source_.QueryValue(
      absl::StrCat("SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ",
                   QuoteText(name.schema), " AND TABLE_NAME = ", QuoteText(name.name),
                   ") + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ",
                   QuoteText(name.schema), " AND ROUTINE_NAME = ", QuoteText(name.name), ")"));
  if (!count.ok()) return count.status();
  return *count == "0";
}

absl::Status AccountCopier::SetDefaultRole(const Account& account) {
  if (account.default_role.empty() || !HasRoles(target_.version())) return absl::OkStatus();
  const std::string sql =
      target_.version().mariadb
          ? absl::StrCat("SET DEFAULT ROLE ", account.default_role, " FOR ", account.Quoted())
          : absl::StrCat("ALTER USER ", account.Quoted(), " DEFAULT ROLE ", account.default_role);
  const absl::Status set = target_.ExecuteWithWarnings(sql).status();
  if (set.ok() || EndsTheWork(set)) return set;
  differing_.push_back(&account);
  Fail("default role", account,
       absl::StrCat(zdpipe::Printable(account.default_role), ": ",
                    target_.LastError("refused").message()));
  return absl::OkStatus();
}

// MariaDB makes whoever creates a role its administrator. Where the role has another one, as on
// the source, we step back.
absl::Status AccountCopier::LeaveRoles() {
  if (!target_.version().mariadb) return absl::OkStatus();
  for (const Account* role : made_) {
    if (!role->role || role->is_public()) continue;
    const bool ours = std::any_of(accounts_.begin(), accounts_.end(), [&](const Account& account) {
      return !account.role && absl::StrCat(account.user, "@", account.host) == our_account_ &&
             std::count(account.grants.begin(), account.grants.end(), AdminOf(*role)) > 0;
    });
    if (ours) continue;
    if (administered_.count(role->Quoted()) == 0) {
      notes_.push_back(absl::StrCat("role ", role->Printable(), ": ",
                                    zdpipe::Printable(our_account_),
                                    ", which made it, stays its administrator on the target"));
      continue;
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::string reason,
                            Try(absl::StrCat("REVOKE ", role->Quoted(), " FROM CURRENT_USER()"),
                                absl::StrCat("leave role ", role->Printable()), *role));
    if (!reason.empty()) notes_.push_back(reason);
  }
  return absl::OkStatus();
}

// The proof: what the target says of an account is what the source says.
absl::Status AccountCopier::Compare() {
  if (!SameRelease(source_.version(), target_.version())) return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Account> present, ReadAccounts(target_));
  for (const Account* made : made_) {
    if (std::count(differing_.begin(), differing_.end(), made) > 0) continue;
    const bool equal = std::any_of(present.begin(), present.end(),
                                   [made](const Account& account) { return account == *made; });
    if (!equal) {
      Fail(made->role ? "role" : "user", *made,
           "made, but its definition or grants on the target differ from the source's");
    }
  }
  return absl::OkStatus();
}

void AccountCopier::Fail(absl::string_view kind, const Account& account, absl::string_view reason) {
  failures_.push_back({std::string(kind), {"", account.Printable()}, std::string(reason)});
}

}  // namespace zdpipe
