// What --resume finds: the run to go on with, or how it has ended.
#ifndef ZDPIPE_PIPELINE_EARLIER_RUN_H_
#define ZDPIPE_PIPELINE_EARLIER_RUN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"
#include "pipeline/options.h"

namespace zdpipe {

struct EarlierRun {
  std::string run_id;                      // "": there is none, the copy starts at the beginning
  std::optional<absl::Status> ended;       // how it has ended: there is nothing to go on with
  std::vector<std::string> handoff_paths;  // of an ended one
  bool handoff_usable = false;
  std::string note;  // for the user; may be empty
};

// The run that the target's ledger tells of. `run_id` is the one that an attempt before has begun;
// "": any will do. Errors: kResume when there must be a run but is none, or one that cannot be gone
// on with; those of the target.
absl::StatusOr<EarlierRun> FindRunInLedger(const CopyOptions& options, Session& target,
                                           absl::string_view run_id);

// A run that was stopped after its ledger had gone: the handoff file says how it ended, the source
// is as it was, and all of `tables` are on the target.
absl::StatusOr<EarlierRun> FindRunInHandoff(const CopyOptions& options,
                                            const std::vector<TableInfo>& tables, Session& target);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_EARLIER_RUN_H_
