// What `check` finds about the privileges of the two users; docs/privileges.md has the list.
//
// On the source a missing privilege is worse than an error: what a user may not see is not in
// information_schema, and would be missing on the target without a word.
#ifndef ZDPIPE_PIPELINE_PRIVILEGE_CHECK_H_
#define ZDPIPE_PIPELINE_PRIVILEGE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"
#include "pipeline/check.h"
#include "pipeline/options.h"

namespace zdpipe {

// Adds its findings to `result`, whose catalog and replica status have been read. Changes nothing.
absl::Status CheckPrivileges(Session& source, Session& target, const CopyOptions& options,
                             CheckResult& result);

// A privilege without which something on a server cannot be read, or not even seen.
struct Blindness {
  std::string privilege;  // "TRIGGER"
  std::string object;     // "`shop`.*", as a GRANT names it
  std::string reason;
  bool certain = true;  // false: it could not be found out
};
absl::StatusOr<std::vector<Blindness>> FindBlindness(Session& session, const Catalog& catalog,
                                                     const Selection& selection);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_PRIVILEGE_CHECK_H_
