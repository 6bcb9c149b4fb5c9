// Looks at both ends before anything is changed and says what stands in the way.
#ifndef ZDPIPE_PIPELINE_CHECK_H_
#define ZDPIPE_PIPELINE_CHECK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "engine/ledger/ledger.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"
#include "engine/snapshot/handoff.h"
#include "engine/snapshot/replication.h"
#include "pipeline/finding.h"
#include "pipeline/options.h"

namespace zdpipe {

struct CheckResult {
  ServerIdentity source;
  ServerIdentity target;
  Catalog catalog;
  ReplicaStatus replica;  // as it was, before any --stop-replica
  std::vector<Finding> findings;

  bool refused() const;
};

// `earlier`: objects an unfinished run has left on the target; they count as absent.
// Reads only. Errors: a server that fails; kUsage for a selection that names nothing.
absl::StatusOr<CheckResult> RunCheck(Session& source, Session& target, const CopyOptions& options,
                                     const std::vector<LedgerObject>& earlier);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_CHECK_H_
