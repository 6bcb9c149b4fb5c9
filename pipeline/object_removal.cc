#include "pipeline/object_removal.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/schema/accounts.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

absl::Status RemoveAccount(Session& target, const LedgerObject& object) {
  // There is none: MySQL 5.6 has no IF EXISTS for it; PUBLIC was not given anything yet.
  constexpr unsigned kErrCannotUser = 1396;
  constexpr unsigned kErrInvalidRole = 1959;
  Account account;
  account.user = object.name;
  account.host = object.schema;
  account.role = object.kind == "role";
  const std::string sql = account.is_public()
                              ? "REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC"
                              : absl::StrCat("DROP ", object.kind, " ", account.Quoted());
  const absl::Status removed = target.ExecuteWithWarnings(sql).status();
  const unsigned number = ServerErrnoOf(removed);
  return number == kErrCannotUser || number == kErrInvalidRole ? absl::OkStatus() : removed;
}

absl::Status RemoveDatabase(Session& target, const std::string& name) {
  ZDPIPE_ASSIGN_OR_RETURN(const Result objects, target.Query(ObjectsQuery(target.version(), name)));
  if (!objects.rows.empty()) return absl::OkStatus();
  return target.ExecuteWithWarnings(absl::StrCat("DROP DATABASE IF EXISTS ", QuoteName(name)))
      .status();
}

}  // namespace

absl::StatusOr<bool> RemoveObject(Session& target, const LedgerObject& object) {
  if (object.kind == "package body") return false;  // goes with its package
  if (object.kind == "user" || object.kind == "role") {
    ZDPIPE_RETURN_IF_ERROR(RemoveAccount(target, object));
    return false;
  }
  if (object.kind == "database") {
    ZDPIPE_RETURN_IF_ERROR(RemoveDatabase(target, object.schema));
    return false;
  }
  // MariaDB before 11.4 reads the word PACKAGE in that mode only.
  const bool package = object.kind == "package";
  if (package) ZDPIPE_RETURN_IF_ERROR(target.Execute("SET sql_mode = 'ORACLE'"));
  const std::string name = QuoteName(object.schema, object.name);
  ZDPIPE_RETURN_IF_ERROR(
      target.ExecuteWithWarnings(absl::StrCat("DROP ", object.kind, " IF EXISTS ", name)).status());
  return package;
}

}  // namespace zdpipe
