// Copies accounts (users and roles) with their passwords, options, roles and grants.
//
// An account that exists on the target is never touched: not altered, not granted to. What cannot
// be carried is an ObjectFailure or a note, never the end of the run; only a lost connection and an
// error of the ledger are returned. No message holds a password hash.
#ifndef ZDPIPE_ENGINE_SCHEMA_ACCOUNT_COPIER_H_
#define ZDPIPE_ENGINE_SCHEMA_ACCOUNT_COPIER_H_

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/schema/accounts.h"
#include "engine/schema/catalog.h"
#include "engine/schema/objects.h"
#include "engine/server/session.h"

namespace zdpipe {

struct AccountCounts {
  size_t users = 0;  // made on the target
  size_t roles = 0;
  size_t grants = 0;     // given whole
  size_t on_target = 0;  // were there already, and stayed as they were
};

class AccountCopier {
 public:
  // Both sessions must outlive the copier; they are used from the calling thread only.
  AccountCopier(Session& source, Session& target, const Selection& selection, ObjectLedger ledger)
      : source_(source), target_(target), selection_(selection), ledger_(std::move(ledger)) {}

  // Before anything that may have a definer: makes the accounts, without any right.
  absl::Status Create();
  // With the tables in place, before the views, which need their definers' rights.
  absl::Status GrantEarly();
  // At the end: what had to wait for a view or a routine, default roles; then compares.
  absl::Status GrantRest();

  const AccountCounts& counts() const { return counts_; }
  const std::vector<ObjectFailure>& failures() const { return failures_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Waiting {
    const Account* grantee;
    Grant grant;
  };

  absl::Status CreateOne(const Account& account);
  absl::StatusOr<bool> Make(const Account& account, const AccountPlan& plan);
  absl::StatusOr<std::string> Try(const std::string& sql, const std::string& what,
                                  const Account& account);
  absl::Status GrantPartly(const Account& grantee, const Grant& grant);
  absl::StatusOr<bool> IsOfNothing(const Grant& grant);
  void NoteGrantsOfNothing();
  absl::Status SetDefaultRole(const Account& account);
  absl::Status LeaveRoles();
  absl::Status Compare();
  void Fail(absl::string_view kind, const Account& account, absl::string_view reason);

  Session& source_;
  Session& target_;
  const Selection& selection_;
  const ObjectLedger ledger_;
  std::vector<Account> accounts_;          // of the source
  std::vector<const Account*> made_;       // of accounts_
  std::vector<const Account*> differing_;  // of made_: known not to be as on the source
  std::vector<Waiting> waiting_;
  std::vector<std::string> privileges_;  // all that the source knows
  std::string our_account_;              // on the target: user@host
  std::set<std::string> administered_;   // roles to which a grant gave an administrator
  std::vector<std::string> without_object_;
  AccountCounts counts_;
  std::vector<ObjectFailure> failures_;
  std::vector<std::string> notes_;
};

// `message` without any password hash of the account: the server may quote the statement.
std::string WithoutSecrets(absl::string_view message, const Account& account);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_ACCOUNT_COPIER_H_
