#include "engine/schema/accounts.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/schema/sql_scanner.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr char kNativePlugin[] = "mysql_native_password";
constexpr char kOldPlugin[] = "mysql_old_password";
constexpr char kAllPrivileges[] = "ALL PRIVILEGES";
constexpr char kGrantOption[] = " WITH GRANT OPTION";
constexpr char kAdminOption[] = " WITH ADMIN OPTION";

// Everything: which columns there are differs between versions.
constexpr char kUserTable[] = "SELECT * FROM mysql.user";

absl::Status ReadAccount(Session& session, const Result& users, size_t row, Account& account);
Account NameIn(const Result& users, size_t row);
bool HasShowCreateUser(const Version& version) {
  return version.mariadb || version.MySqlAtLeast(5, 7);
}

}  // namespace

std::string Account::Printable() const {
  return role ? zdpipe::Printable(user) : zdpipe::Printable(absl::StrCat(user, "@", host));
}

std::string Account::Quoted() const {
  if (is_public()) return "PUBLIC";
  return role ? QuoteName(user) : absl::StrCat(QuoteName(user), "@", QuoteName(host));
}

bool IsSystemAccount(absl::string_view user, absl::string_view host) {
  for (const char* local : {"mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema"}) {
    if (user == local && host == "localhost") return true;
  }
  return user == "rdsadmin" || user == "rdsrepladmin" || user == "rdstopmgr" ||
         user == "rds_superuser_role";
}

absl::StatusOr<std::vector<Account>> ReadAccountNames(Session& session) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result users, session.Query(kUserTable));
  std::vector<Account> accounts;
  for (size_t row = 0; row < users.rows.size(); ++row) accounts.push_back(NameIn(users, row));
  return accounts;
}

absl::StatusOr<std::vector<Account>> ReadAccounts(Session& session) {
  // MySQL 8 prints some hashes as binary otherwise.
  if (session.version().MySqlAtLeast(8, 0)) session.TrySet("print_identified_with_as_hex = 1");
  ZDPIPE_ASSIGN_OR_RETURN(const Result users, session.Query(kUserTable));
  std::vector<Account> accounts;
  for (size_t row = 0; row < users.rows.size(); ++row) {
    Account account = NameIn(users, row);
    if (IsSystemAccount(account.user, account.host)) continue;
    const absl::Status read = ReadAccount(session, users, row, account);
    if (IsSessionLost(read) || IsDenied(read)) return read;
    if (!read.ok()) account.unreadable = std::string(read.message());
    accounts.push_back(std::move(account));
  }
  std::stable_partition(accounts.begin(), accounts.end(), [](const Account& a) { return a.role; });
  return accounts;
}

namespace {

using Tokens = std::vector<SqlToken>;

Tokens TokensOf(absl::string_view sql) {
  Tokens tokens;
  SqlScanner scanner(sql);
  for (SqlToken token = scanner.Next(); token.kind != SqlToken::Kind::kEnd;
       token = scanner.Next()) {
    tokens.push_back(token);
  }
  return tokens;
}

// A name without its quotes, also where a server quotes it as a text.
std::string NameOf(const SqlToken& token) {
  if (token.kind != SqlToken::Kind::kText) return token.Name();
  std::string name;
  for (size_t i = 1; i + 1 < token.text.size(); ++i) {
    // The first of a doubled quote, or the escape.
    if ((token.text[i] == '\'' || token.text[i] == '\\') && i + 2 < token.text.size()) ++i;
    name += token.text[i];
  }
  return name;
}

// Where a clause of CREATE USER begins: not BY PASSWORD, IDENTIFIED WITH, PASSWORD REQUIRE.
bool BeginsClause(const Tokens& tokens, size_t i) {
  const SqlToken& token = tokens[i];
  const SqlToken before = i > 0 ? tokens[i - 1] : SqlToken();
  if (token.IsWord("DEFAULT")) return i + 1 < tokens.size() && tokens[i + 1].IsWord("ROLE");
  if (token.IsWord("PASSWORD")) return !before.IsWord("BY");
  if (token.IsWord("WITH")) return !before.IsWord("IDENTIFIED");
  if (token.IsWord("REQUIRE")) return !before.IsWord("PASSWORD");
  for (const char* word : {"IDENTIFIED", "ACCOUNT", "FAILED_LOGIN_ATTEMPTS", "PASSWORD_LOCK_TIME",
                           "ATTRIBUTE", "COMMENT"}) {
    if (token.IsWord(word)) return true;
  }
  return false;
}

// IDENTIFIED BY PASSWORD 'x' | VIA a [USING 'x'] [OR b [USING 'y']].. | WITH 'a' [AS 'x']
void TakeAuth(const Tokens& clause, Account& account) {
  account.auth.clear();
  if (clause.size() > 3 && clause[1].IsWord("BY")) {
    const bool old = NameOf(clause[3]).size() == 16;  // a hash of before MySQL 4.1
    account.auth.push_back({old ? kOldPlugin : kNativePlugin, std::string(clause[3].text)});
    return;
  }
  for (size_t i = 2; i < clause.size(); ++i) {
    AuthMethod method{NameOf(clause[i]), ""};
    if (i + 2 < clause.size() && (clause[i + 1].IsWord("USING") || clause[i + 1].IsWord("AS"))) {
      if (clause[i + 2].text != "''") method.literal = std::string(clause[i + 2].text);
      i += 2;
    }
    account.auth.push_back(std::move(method));
    ++i;  // OR
    if (i < clause.size() && !clause[i].IsWord("OR")) {
      account.unreadable = "its way to log in is of a kind that is not known here";
      return;
    }
  }
}

void TakeClause(absl::string_view text, Account& account) {
  const Tokens tokens = TokensOf(text);
  const SqlToken& word = tokens[0];
  if (word.IsWord("IDENTIFIED")) {
    TakeAuth(tokens, account);
  } else if (word.IsWord("REQUIRE")) {
    return;  // taken from the table
  } else if (word.IsWord("WITH")) {
    for (size_t i = 1; i < tokens.size(); ++i) {
      const size_t name = i;
      while (i + 1 < tokens.size() && !absl::StartsWith(tokens[i + 1].text, "MAX_")) ++i;
      const size_t value = tokens[name].end;
      account.limits.emplace_back(
          tokens[name].text, absl::StripAsciiWhitespace(text.substr(value, tokens[i].end - value)));
    }
  } else if (word.IsWord("ACCOUNT")) {
    account.locked = tokens.size() > 1 && tokens[1].IsWord("LOCK");
  } else if (word.IsWord("DEFAULT")) {
    account.default_role = std::string(absl::StripAsciiWhitespace(text.substr(tokens[1].end)));
  } else if (word.IsWord("PASSWORD") && tokens.size() > 1 && tokens[1].IsWord("EXPIRE")) {
    const bool is_default = tokens.size() > 2 && tokens[2].IsWord("DEFAULT");
    if (!is_default) account.expiry = std::string(text);
  } else if (!tokens.back().IsWord("DEFAULT")) {
    absl::StrAppend(&account.options, account.options.empty() ? "" : " ", text);
  }
}

// Takes apart what stands behind the name in the answer of SHOW CREATE USER.
void TakeClauses(absl::string_view sql, Account& account) {
  const Tokens tokens = TokensOf(sql);
  account.auth = {{kNativePlugin, ""}};  // what no IDENTIFIED clause means
  size_t begin = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size() && !BeginsClause(tokens, i)) continue;
    const size_t end = i < tokens.size() ? tokens[i].begin : sql.size();
    const absl::string_view clause = absl::StripAsciiWhitespace(sql.substr(begin, end - begin));
    if (!clause.empty()) TakeClause(clause, account);
    begin = end;
  }
}

// What the connection must be; `quote` writes the values.
std::string RequireClause(const Result& users, size_t row,
                          std::string (*quote)(absl::string_view)) {
  const std::string tls = users.Text(row, "ssl_type");
  if (tls == "ANY") return "REQUIRE SSL";
  if (tls == "X509") return "REQUIRE X509";
  if (tls != "SPECIFIED") return "";
  std::string clause = "REQUIRE";
  for (const auto& [word, column] :
       {std::pair("ISSUER", "x509_issuer"), std::pair("SUBJECT", "x509_subject"),
        std::pair("CIPHER", "ssl_cipher")}) {
    const std::string value = users.Text(row, column);
    if (!value.empty()) absl::StrAppend(&clause, " ", word, " ", quote(value));
  }
  return clause;
}

// As MariaDB 10.5 writes it, whatever the text has in it.
std::string BareQuote(absl::string_view text) { return absl::StrCat("'", text, "'"); }

std::string BareName(const Account& account) {
  if (account.role) return BareQuote(account.user);
  return absl::StrCat(BareQuote(account.user), "@", BareQuote(account.host));
}

absl::Status ReadDefinition(Session& session, const Result& users, size_t row, Account& account) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result shown,
                          session.Query(absl::StrCat("SHOW CREATE USER ", account.Quoted())));
  const std::string sql = shown.rows.empty() ? "" : shown.rows[0][0].value_or("");
  absl::string_view text = sql;
  if (!absl::ConsumePrefix(&text, "CREATE USER ") ||
      (!absl::ConsumePrefix(&text, account.Quoted()) &&
       !absl::ConsumePrefix(&text, BareName(account)))) {
    return MakeError(session.failure(), "the answer of SHOW CREATE USER is not known here");
  }
  // A quote in a certificate's name may stand there without an escape: the clause is taken out
  // before it can be misread.
  const std::string bare = RequireClause(users, row, BareQuote);
  TakeClauses(bare.empty() ? std::string(text) : absl::StrReplaceAll(text, {{bare, ""}}), account);
  return absl::OkStatus();
}

Account NameIn(const Result& users, size_t row) {
  Account account;
  account.user = users.Text(row, "User");
  account.host = users.Text(row, "Host");
  account.role = users.Text(row, "is_role") == "Y";
  return account;
}

// MySQL 5.6 has no SHOW CREATE USER. The hash of a native password is in the old column or, where
// the account was made with IDENTIFIED WITH .. AS, in the new one.
void TakeUserRow(const Result& users, size_t row, Account& account) {
  const std::string password = users.Text(row, "Password");
  std::string plugin = users.Text(row, "plugin");
  if (plugin.empty()) plugin = password.size() == 16 ? kOldPlugin : kNativePlugin;
  const bool native = plugin == kNativePlugin || plugin == kOldPlugin;
  const std::string text =
      native && !password.empty() ? password : users.Text(row, "authentication_string");
  account.auth = {{plugin, text.empty() ? "" : QuoteText(text)}};
  for (const auto& [word, column] : {std::pair("MAX_QUERIES_PER_HOUR", "max_questions"),
                                     std::pair("MAX_UPDATES_PER_HOUR", "max_updates"),
                                     std::pair("MAX_CONNECTIONS_PER_HOUR", "max_connections"),
                                     std::pair("MAX_USER_CONNECTIONS", "max_user_connections")}) {
    const std::string value = users.Text(row, column);
    if (!value.empty() && value != "0") account.limits.emplace_back(word, value);
  }
  if (users.Text(row, "password_expired") == "Y") account.expiry = "PASSWORD EXPIRE";
}

// Servers older than MariaDB 10.5 and MySQL 8.0 write the columns' names bare.
std::string WithQuotedColumns(absl::string_view privilege) {
  const size_t open = privilege.find('(');
  if (open == absl::string_view::npos || !absl::EndsWith(privilege, ")")) {
    return std::string(privilege);
  }
  std::vector<std::string> columns;
  for (absl::string_view column :
       absl::StrSplit(privilege.substr(open + 1, privilege.size() - open - 2), ", ")) {
    columns.push_back(absl::StartsWith(column, "`") ? std::string(column) : QuoteName(column));
  }
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(privilege.substr(0, open)), " (",
                      absl::StrJoin(columns, ", "), ")");
}

// What stands behind the grantee; nullopt when the grant is another's: SHOW GRANTS for a role also
// shows what the roles granted to it have.
std::optional<absl::string_view> BehindGrantee(absl::string_view text, const Account& account) {
  // Before MariaDB 10.5 and MySQL 8.0: in '..' without any escape.
  if (absl::StartsWith(text, "'")) {
    if (!absl::ConsumePrefix(&text, BareName(account))) return std::nullopt;
    return text;
  }
  SqlScanner scanner(text);
  SqlToken token = scanner.Next();
  if (token.Name() != account.user) return std::nullopt;
  size_t end = token.end;
  std::string host;
  token = scanner.Next();
  if (token.IsSymbol('@')) {
    token = scanner.Next();
    host = token.Name();
    end = token.end;
  }
  if (host != account.host) return std::nullopt;
  return text.substr(end);
}

// GRANT a, b (c, d) [ON e] TO f [IDENTIFIED ..] [REQUIRE ..] [WITH ..]; false when it is no such
// statement. `may_grant`: has the account GRANT OPTION on *.*?
bool TakeGrant(absl::string_view sql, bool may_grant, Account& account) {
  const Tokens tokens = TokensOf(sql);
  size_t on = 0;
  size_t to = 0;
  Grant grant;
  size_t begin = tokens[0].end;
  int depth = 0;
  for (size_t i = 1; i < tokens.size() && to == 0; ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (depth != 0) continue;
    if (tokens[i].IsWord("TO")) to = i;
    const bool end_of_privileges = on == 0 && (tokens[i].IsWord("ON") || to != 0);
    if (end_of_privileges || (on == 0 && tokens[i].IsSymbol(','))) {
      grant.privileges.push_back(WithQuotedColumns(
          absl::StripAsciiWhitespace(sql.substr(begin, tokens[i].begin - begin))));
      begin = tokens[i].end;
    }
    if (tokens[i].IsWord("ON")) on = i;
  }
  if (to == 0) return false;
  if (on != 0) {
    grant.object = std::string(
        absl::StripAsciiWhitespace(sql.substr(tokens[on].end, tokens[to].begin - tokens[on].end)));
  }
  const std::optional<absl::string_view> rest =
      BehindGrantee(absl::StripLeadingAsciiWhitespace(sql.substr(tokens[to].end)), account);
  if (!rest.has_value()) return true;
  if (rest->empty() || *rest == kGrantOption || *rest == kAdminOption) {
    grant.option = std::string(*rest);
  } else if (grant.object == "*.*") {
    // Texts that only the account's owner knows stand there, too: the option is not looked for.
    if (may_grant) grant.option = kGrantOption;
  } else {
    return false;
  }
  const bool nothing = grant.privileges[0] == "USAGE" && grant.option.empty();
  if (!nothing) account.grants.push_back(std::move(grant));
  return true;
}

absl::Status ReadGrants(Session& session, bool may_grant, Account& account) {
  // "No such grant defined": an account of which the server keeps nothing, or PUBLIC without any.
  constexpr unsigned kErrNoSuchGrant = 1141;
  const absl::StatusOr<Result> shown =
      session.Query(absl::StrCat("SHOW GRANTS FOR ", account.Quoted()));
  if (!shown.ok() && account.is_public() && ServerErrnoOf(shown.status()) == kErrNoSuchGrant) {
    return absl::OkStatus();
  }
  if (!shown.ok()) return shown.status();
  for (const auto& row : shown->rows) {
    const std::string& sql = row[0].value_or("");
    const Tokens tokens = TokensOf(sql);
    if (!tokens.empty() && tokens[0].IsWord("SET") && tokens.size() > 3) {
      account.default_role = std::string(tokens[3].text);  // SET DEFAULT ROLE x FOR y
    } else if (tokens.empty() || !tokens[0].IsWord("GRANT") ||
               !TakeGrant(sql, may_grant, account)) {
      account.unreadable = "SHOW GRANTS has a line that is not known here";
    }
  }
  std::sort(account.grants.begin(), account.grants.end());
  return absl::OkStatus();
}

absl::Status ReadAccount(Session& session, const Result& users, size_t row, Account& account) {
  account.second_password =
      absl::StrContains(users.Text(row, "User_attributes"), "\"additional_password\"");
  account.require = RequireClause(users, row, QuoteText);
  if (!account.role && HasShowCreateUser(session.version())) {
    ZDPIPE_RETURN_IF_ERROR(ReadDefinition(session, users, row, account));
  } else if (!account.role) {
    TakeUserRow(users, row, account);
  }
  return ReadGrants(session, users.Text(row, "Grant_priv") == "Y", account);
}

std::string LimitsClause(const Account& account) {
  if (account.limits.empty()) return "";
  return absl::StrCat(" WITH ", absl::StrJoin(account.limits, " ", absl::PairFormatter(" ")));
}

std::string SpaceBefore(absl::string_view clause) {
  return clause.empty() ? "" : absl::StrCat(" ", clause);
}

std::string MariaDbAuth(const Account& account) {
  return absl::StrCat(
      " IDENTIFIED VIA ",
      absl::StrJoin(account.auth, " OR ", [](std::string* out, const AuthMethod& method) {
        absl::StrAppend(out, QuoteName(method.plugin), method.literal.empty() ? "" : " USING ",
                        method.literal);
      }));
}

std::string MySqlAuth(const AuthMethod& method, const Version& to) {
  if (method.plugin == kNativePlugin && !to.MySqlAtLeast(5, 7)) {
    return method.literal.empty() ? "" : absl::StrCat(" IDENTIFIED BY PASSWORD ", method.literal);
  }
  return absl::StrCat(" IDENTIFIED WITH ", QuoteText(method.plugin),
                      method.literal.empty() ? "" : " AS ", method.literal);
}

// Takes out of the account what the target has no words for, and says so.
void ReduceTo(const Version& to, Account& account, AccountPlan& plan) {
  const bool modern = to.MariaDbAtLeast(10, 4) || to.MySqlAtLeast(5, 7);
  if (account.locked && !modern) plan.refused = "the target cannot lock an account";
  if (!account.expiry.empty() && !modern && account.expiry != "PASSWORD EXPIRE") {
    plan.lost.push_back(account.expiry);
    account.expiry.clear();
  }
  if (to.mariadb && !modern && !account.expiry.empty()) {
    plan.refused = "the target cannot expire a password";
  }
  if (account.auth.size() > 1 && !to.MariaDbAtLeast(10, 4)) {
    plan.lost.push_back("all ways to log in but the first");
    account.auth.resize(1);
  }
  if (account.second_password) {
    plan.lost.push_back("its second password (RETAIN CURRENT PASSWORD)");
    account.second_password = false;
  }
  if (!account.options.empty() && !to.MySqlAtLeast(5, 7)) {
    plan.lost.push_back(account.options);
    account.options.clear();
  }
  if (to.mariadb) return;
  for (auto limit = account.limits.begin(); limit != account.limits.end(); ++limit) {
    if (limit->first != "MAX_STATEMENT_TIME") continue;
    plan.lost.push_back(absl::StrCat("MAX_STATEMENT_TIME ", limit->second));
    account.limits.erase(limit);
    break;
  }
}

}  // namespace

AccountPlan PlanAccount(const Account& original, const Version& from, const Version& to) {
  AccountPlan plan;
  plan.refused = original.unreadable;
  if (!plan.refused.empty()) return plan;
  const std::string name = original.Quoted();
  if (original.role) {
    if (!HasRoles(to)) plan.refused = "the target has no roles";
    if (original.is_public() && !to.MariaDbAtLeast(10, 11)) {
      plan.refused = "the target has no grants to PUBLIC";
    }
    if (plan.refused.empty()) plan.statements.push_back(absl::StrCat("CREATE ROLE ", name));
    if (original.is_public()) plan.statements.clear();  // it is always there
    return plan;
  }
  Account account = original;
  for (AuthMethod& method : account.auth) method.plugin = PluginName(method.plugin, to);
  ReduceTo(to, account, plan);
  if (!plan.refused.empty()) return plan;
  const std::string create = absl::StrCat("CREATE USER ", name);
  const std::string restrictions =
      absl::StrCat(SpaceBefore(account.require), LimitsClause(account));
  const std::string password =
      absl::StrCat(account.locked ? " ACCOUNT LOCK" : "", SpaceBefore(account.expiry));
  if (to.mariadb) {
    plan.statements.push_back(absl::StrCat(create, MariaDbAuth(account), restrictions, password));
  } else if (to.MySqlAtLeast(5, 7)) {
    plan.statements.push_back(absl::StrCat(create, MySqlAuth(account.auth[0], to), restrictions,
                                           password,
                                           from.mariadb ? "" : SpaceBefore(account.options)));
  } else {
    plan.statements.push_back(absl::StrCat(create, MySqlAuth(account.auth[0], to)));
    if (!restrictions.empty()) {
      plan.statements.push_back(absl::StrCat("GRANT USAGE ON *.* TO ", name, restrictions));
    }
    if (!password.empty()) plan.statements.push_back(absl::StrCat("ALTER USER ", name, password));
  }
  return plan;
}

bool HasRoles(const Version& version) { return version.mariadb || version.MySqlAtLeast(8, 0); }

std::string PluginName(absl::string_view plugin, const Version& on) {
  if (on.mariadb && plugin == "auth_socket") return "unix_socket";
  if (!on.mariadb && plugin == "unix_socket") return "auth_socket";
  return std::string(plugin);
}

// As the servers' own upgrade does it (tried: a row of mysql.global_priv of an older version_id).
std::vector<std::string> TranslatePrivileges(const std::vector<std::string>& privileges,
                                             const Version& from, const Version& to) {
  const bool from_split = from.MariaDbAtLeast(10, 5);
  const bool to_split = to.MariaDbAtLeast(10, 5);
  std::vector<std::string> result;
  auto add = [&result](absl::string_view privilege) {
    if (std::find(result.begin(), result.end(), privilege) == result.end()) {
      result.emplace_back(privilege);
    }
  };
  for (const std::string& privilege : privileges) {
    if (privilege == "BINLOG MONITOR" && !to_split) {
      add("REPLICATION CLIENT");
      continue;
    }
    add(privilege);
    if (to_split && !from_split) {
      if (privilege == "SUPER") {
        for (const char* part :
             {"SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
              "REPLICATION SLAVE ADMIN", "BINLOG ADMIN", "BINLOG REPLAY"}) {
          add(part);
        }
      }
      if (privilege == "REPLICATION CLIENT" || privilege == "REPLICATION SLAVE") {
        add("SLAVE MONITOR");
      }
    }
    if (privilege == "SUPER" && to.MariaDbAtLeast(10, 11) && !from.MariaDbAtLeast(10, 11)) {
      add("READ_ONLY ADMIN");
    }
  }
  return result;
}

std::string GrantSql(const Grant& grant, const Account& grantee) {
  return absl::StrCat("GRANT ", absl::StrJoin(grant.privileges, ", "),
                      grant.object.empty() ? "" : " ON ", grant.object, " TO ", grantee.Quoted(),
                      grant.option);
}

std::vector<Grant> SplitGrant(const Grant& grant, const std::vector<std::string>& known) {
  // What ALL PRIVILEGES means below the level of everything.
  static constexpr absl::string_view kOfTables[] = {
      "SELECT", "INSERT", "UPDATE",      "DELETE",    "CREATE",  "DROP",          "REFERENCES",
      "INDEX",  "ALTER",  "CREATE VIEW", "SHOW VIEW", "TRIGGER", "DELETE HISTORY"};
  static constexpr absl::string_view kOfRoutines[] = {"EXECUTE", "ALTER ROUTINE",
                                                      "SHOW CREATE ROUTINE"};
  static constexpr absl::string_view kOfDatabases[] = {"CREATE TEMPORARY TABLES", "LOCK TABLES",
                                                       "CREATE ROUTINE", "EVENT"};
  auto holds = [](const auto& list, const std::string& name) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  std::vector<std::string> privileges = grant.privileges;
  if (privileges == std::vector<std::string>{kAllPrivileges}) {
    const bool everything = grant.object == "*.*";
    const bool database = absl::EndsWith(grant.object, ".*");
    const bool routine = !database && !absl::StartsWith(grant.object, "`");
    privileges.clear();
    for (const std::string& name : known) {
      if (everything || ((database || !routine) && holds(kOfTables, name)) ||
          ((database || routine) && holds(kOfRoutines, name)) ||
          (database && holds(kOfDatabases, name))) {
        privileges.push_back(name);
      }
    }
  }
  std::vector<Grant> parts;
  for (std::string& privilege : privileges) {
    parts.push_back({{std::move(privilege)}, grant.object, grant.option});
  }
  return parts;
}

ObjectName GrantedObject(const Grant& grant) {
  const Tokens tokens = TokensOf(grant.object);
  if (tokens.size() < 3 || grant.privileges[0] == "PROXY") return {};
  const SqlToken& schema = tokens[tokens.size() - 3];
  const SqlToken& name = tokens.back();
  if (!tokens[tokens.size() - 2].IsSymbol('.') || name.IsSymbol('*')) return {};
  return {schema.Name(), name.Name()};
}

}  // namespace zdpipe
