// What `check` finds about accounts: those to be copied with --users, and those that DEFINER
// clauses name.
#ifndef ZDPIPE_PIPELINE_ACCOUNT_CHECK_H_
#define ZDPIPE_PIPELINE_ACCOUNT_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/ledger/ledger.h"
#include "engine/server/session.h"
#include "pipeline/check.h"
#include "pipeline/options.h"

namespace zdpipe {

// Adds its findings to `result`, whose catalog has been read. Changes nothing.
absl::Status CheckAccounts(Session& source, Session& target, const CopyOptions& options,
                           const std::vector<LedgerObject>& earlier, CheckResult& result);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_ACCOUNT_CHECK_H_
