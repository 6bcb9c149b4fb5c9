#include "pipeline/probe.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

constexpr int kProbeSeconds = 2;

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
  const absl::Status status = session.ExecuteWithWarnings(sql).status();
  for (const std::string& setting : restore) session.TrySet(setting);
  return status;
}

}  // namespace zdpipe
