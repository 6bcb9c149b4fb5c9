// Accounts (users and roles) of a server as data: read from one server, written as statements for
// another one, of whatever vendor and version.
//
// An Account holds password hashes. They stand in AuthMethod::literal and in the statements of
// AccountPlan, and nowhere else: never put either into a message.
#ifndef ZDPIPE_ENGINE_SCHEMA_ACCOUNTS_H_
#define ZDPIPE_ENGINE_SCHEMA_ACCOUNTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"

namespace zdpipe {

// One way to log in: a plugin, and the SQL literal of what the server keeps for it, "" for nothing.
struct AuthMethod {
  std::string plugin;
  std::string literal;

  friend auto operator<=>(const AuthMethod&, const AuthMethod&) = default;
};

// GRANT <privileges> [ON <object>] TO the account <option>; without an object the privileges are
// roles. All parts are SQL text.
struct Grant {
  std::vector<std::string> privileges;  // "SELECT (`a`, `b`)", "ALL PRIVILEGES", "PROXY", "`role`"
  std::string object;                   // "*.*", "`shop`.*", "PROCEDURE `shop`.`p`"
  std::string option;                   // " WITH GRANT OPTION", " WITH ADMIN OPTION"

  friend auto operator<=>(const Grant&, const Grant&) = default;
};

struct Account {
  std::string user;
  std::string host;  // "" for a role
  bool role = false;
  std::vector<AuthMethod> auth;                             // any of them lets in
  std::string require;                                      // "REQUIRE SSL"
  std::vector<std::pair<std::string, std::string>> limits;  // {"MAX_QUERIES_PER_HOUR", "10"}
  bool locked = false;
  std::string expiry;   // "PASSWORD EXPIRE INTERVAL 90 DAY"
  std::string options;  // of MySQL >= 5.7 only: "PASSWORD HISTORY 5"
  std::string default_role;
  bool second_password = false;  // ALTER USER .. RETAIN CURRENT PASSWORD
  std::vector<Grant> grants;
  // Why it cannot be carried: the server keeps something of it back, or we do not know it.
  std::string unreadable;

  friend bool operator==(const Account&, const Account&) = default;

  bool is_public() const { return role && user == "PUBLIC"; }
  std::string Printable() const;  // "app@%", or the role's name
  std::string Quoted() const;     // for statements
};

// The accounts of the servers themselves and of their hosters, which no tool may copy.
bool IsSystemAccount(absl::string_view user, absl::string_view host);

// User and host of every account, system ones included.
absl::StatusOr<std::vector<Account>> ReadAccountNames(Session& session);

// Every account but the system ones, roles first. An error: the user may not read them.
absl::StatusOr<std::vector<Account>> ReadAccounts(Session& session);

// What makes an account on a server of version `to`.
struct AccountPlan {
  std::string refused;                  // why the target cannot have the account; "": it can
  std::vector<std::string> statements;  // the first one creates it. They hold password hashes
  std::vector<std::string> lost;        // what the target has no words for
};
AccountPlan PlanAccount(const Account& account, const Version& from, const Version& to);

// MySQL's since 8.0 are users.
bool HasRoles(const Version& version);

// The plugin's name on that server: MySQL's auth_socket is MariaDB's unix_socket.
std::string PluginName(absl::string_view plugin, const Version& on);

// The privileges that mean on `to` what `privileges` mean on `from`: some were split or renamed.
// A privilege that `to` does not know stays, for the server to say so.
std::vector<std::string> TranslatePrivileges(const std::vector<std::string>& privileges,
                                             const Version& from, const Version& to);

std::string GrantSql(const Grant& grant, const Account& grantee);

// The grants that together are `grant`, of one privilege each. `known`: what SHOW PRIVILEGES of
// the source names, for ALL PRIVILEGES.
std::vector<Grant> SplitGrant(const Grant& grant, const std::vector<std::string>& known);

// The table or routine a grant is about; empty names for a grant on a database or on everything.
ObjectName GrantedObject(const Grant& grant);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_ACCOUNTS_H_
