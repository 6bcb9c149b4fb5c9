#include "engine/schema/rights.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/schema/sql_scanner.h"

namespace zdpipe {
namespace {

constexpr char kAllPrivileges[] = "ALL PRIVILEGES";
constexpr char kUsage[] = "USAGE";  // to connect, and nothing else

size_t FirstWildcard(absl::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '%' || pattern[i] == '_') {
      return i;
    }
  }
  return pattern.size();
}

// One name for what has several.
std::string Canonical(std::string privilege) {
  absl::AsciiStrToUpper(&privilege);
  if (privilege == "REPLICATION CLIENT") return "BINLOG MONITOR";
  if (privilege == "REPLICA MONITOR") return "SLAVE MONITOR";
  if (privilege == "ALL") return kAllPrivileges;
  return privilege;
}

}  // namespace

Rights Rights::Parse(const std::vector<std::string>& grants) {
  Rights rights;
  for (const std::string& line : grants) {
    if (!rights.Take(line)) rights.known_ = false;
  }
  return rights;
}

// GRANT a, b (c) ON d TO e ...; false when the line is not understood.
bool Rights::Take(absl::string_view line) {
  SqlScanner scanner(line);
  SqlToken token = scanner.Next();
  if (token.IsWord("SET")) return true;  // SET DEFAULT ROLE
  if (!token.IsWord("GRANT")) return false;
  std::vector<std::string> privileges;
  std::string words;
  int depth = 0;
  bool role = false;
  for (token = scanner.Next(); !token.IsWord("ON"); token = scanner.Next()) {
    if (token.kind == SqlToken::Kind::kEnd) return false;
    // GRANT `role` TO ..: what an active role may do is in lines of its own, in MariaDB; MySQL
    // says it only when it is asked with the role's name, so that nothing is certain there.
    if (token.IsWord("TO") && depth == 0) {
      role = true;
      break;
    }
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(',') && depth == 0) {
      privileges.push_back(Canonical(std::exchange(words, "")));
      continue;
    }
    absl::StrAppend(&words, words.empty() ? "" : " ", token.text);
    if (token.IsSymbol(')')) --depth;
  }
  if (role) return !absl::StrContains(words, '@');  // a role of MySQL is an account, with a host
  privileges.push_back(Canonical(words));

  // `db`.`t`, `db`.*, *.*; anything else (FUNCTION `db`.`f`, a proxied user) is of no interest.
  std::vector<SqlToken> object;
  for (token = scanner.Next(); !token.IsWord("TO"); token = scanner.Next()) {
    if (token.kind == SqlToken::Kind::kEnd) return false;
    object.push_back(token);
  }
  std::string name;
  for (token = scanner.Next(); token.kind != SqlToken::Kind::kEnd && !token.IsWord("IDENTIFIED") &&
                               !token.IsWord("WITH") && !token.IsWord("REQUIRE");
       token = scanner.Next()) {
    absl::StrAppend(&name, token.text);
  }
  Grantee& grantee = grantees_[name];
  if (object.size() != 3 || !object[1].IsSymbol('.')) return true;
  Privileges* place = nullptr;
  if (object[0].IsSymbol('*')) {
    place = &grantee.all;
  } else if (object[2].IsSymbol('*')) {
    place = &grantee.databases[object[0].Name()];
  } else {
    place = &grantee.tables[{object[0].Name(), object[2].Name()}];
  }
  place->insert(privileges.begin(), privileges.end());
  return true;
}

bool Rights::Holds(const Privileges& privileges, absl::string_view privilege) {
  return privileges.count(Canonical(std::string(privilege))) > 0 ||
         privileges.count(kAllPrivileges) > 0;
}

bool Rights::OnAll(absl::string_view privilege) const {
  return std::any_of(grantees_.begin(), grantees_.end(),
                     [&](const auto& entry) { return Holds(entry.second.all, privilege); });
}

bool Rights::OnDatabase(absl::string_view privilege, absl::string_view database) const {
  return OnAll(privilege) ||
         std::any_of(grantees_.begin(), grantees_.end(), [&](const auto& entry) {
           const Privileges* privileges = entry.second.ForDatabase(database);
           return privileges != nullptr && Holds(*privileges, privilege);
         });
}

bool Rights::OnTable(absl::string_view privilege, absl::string_view database,
                     absl::string_view table) const {
  return OnDatabase(privilege, database) ||
         std::any_of(grantees_.begin(), grantees_.end(), [&](const auto& entry) {
           const auto found = entry.second.tables.find({std::string(database), std::string(table)});
           return found != entry.second.tables.end() && Holds(found->second, privilege);
         });
}

bool Rights::AnyOnAll() const {
  return std::any_of(grantees_.begin(), grantees_.end(), [](const auto& entry) {
    return std::any_of(entry.second.all.begin(), entry.second.all.end(),
                       [](const std::string& privilege) { return privilege != kUsage; });
  });
}

// Of an account's grants on databases the server takes the most specific one that matches, not all
// of them together.
const Rights::Privileges* Rights::Grantee::ForDatabase(absl::string_view database) const {
  const Privileges* best = nullptr;
  size_t best_prefix = 0;
  for (const auto& [pattern, privileges] : databases) {
    if (!MatchesGrantPattern(pattern, database)) continue;
    const size_t prefix = FirstWildcard(pattern);
    const size_t rank = prefix == pattern.size() ? std::string::npos : prefix;
    if (best != nullptr && rank < best_prefix) continue;
    best = &privileges;
    best_prefix = rank;
  }
  return best;
}

bool MatchesGrantPattern(absl::string_view pattern, absl::string_view name) {
  size_t n = 0;
  // Where to go on after a mismatch: the last %, and what it has swallowed so far.
  size_t star = std::string::npos;
  size_t swallowed = 0;
  size_t p = 0;
  while (n < name.size()) {
    const bool wildcard = p < pattern.size() && (pattern[p] == '%' || pattern[p] == '_');
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (wildcard && pattern[p] == '%') {
      star = p++;
      swallowed = n;
    } else if (wildcard && p < pattern.size()) {
      ++p;
      ++n;
    } else if (p < pattern.size() && name[n] == pattern[escaped ? p + 1 : p]) {
      p += escaped ? 2 : 1;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++swallowed;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

Rights ReadRights(Session& session) {
  const absl::StatusOr<Result> shown = session.Query("SHOW GRANTS");
  std::vector<std::string> lines;
  if (shown.ok()) {
    for (const auto& row : shown->rows) lines.push_back(row[0].value_or(""));
  } else {
    lines.emplace_back();  // nothing is known
  }
  return Rights::Parse(lines);
}

}  // namespace zdpipe
