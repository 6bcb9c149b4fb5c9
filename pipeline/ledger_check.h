// What `check` finds about the control schema of the target: what is in it decides what a run
// removes, so it is not believed more than necessary.
#ifndef ZDPIPE_PIPELINE_LEDGER_CHECK_H_
#define ZDPIPE_PIPELINE_LEDGER_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/ledger/ledger.h"
#include "engine/server/session.h"
#include "pipeline/check.h"
#include "pipeline/options.h"

namespace zdpipe {

// Adds its findings to `result`, whose catalog has been read. `earlier`: what the ledger lists.
absl::Status CheckLedger(Session& target, const CopyOptions& options,
                         const std::vector<LedgerObject>& earlier, CheckResult& result);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_LEDGER_CHECK_H_
