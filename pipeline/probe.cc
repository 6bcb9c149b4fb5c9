#include "pipeline/probe.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

constexpr int kProbeSeconds = 2;

// Under a global read lock RENAME USER does not heed lock_wait_timeout. MariaDB ends it after
// max_statement_time; MySQL would wait until the lock is released. What drops a table heeds it.
absl::Status AwaitNoGlobalReadLock(Session& session) {
  const absl::Status dropped =
      session.ExecuteWithWarnings("DROP TABLE `zdpipe check`.`there is no such table`").status();
  return ServerErrnoOf(dropped) == kErrLockWaitTimeout || IsSessionLost(dropped) ? dropped
                                                                                 : absl::OkStatus();
}

}  // namespace

absl::Status Probe(Session& session, absl::string_view sql) {
  constexpr const char* kLimits[] = {"lock_wait_timeout", "max_statement_time"};
  std::vector<std::string> restore;
  for (const char* limit : kLimits) {
    const absl::StatusOr<std::string> before =
        session.QueryValue(absl::StrCat("SELECT @@SESSION.", limit));
    if (!before.ok()) continue;  // MySQL has only one of them
    restore.push_back(absl::StrCat(limit, " = ", *before));
    session.TrySet(absl::StrCat(limit, " = ", kProbeSeconds));
  }
  absl::Status status;
  if (!session.version().mariadb) status = AwaitNoGlobalReadLock(session);
  if (status.ok()) status = session.ExecuteWithWarnings(sql).status();
  for (const std::string& setting : restore) session.TrySet(setting);
  return status;
}

}  // namespace zdpipe
