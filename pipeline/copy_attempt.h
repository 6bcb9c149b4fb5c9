// One attempt at a copy, from the check to the handoff file, or to its first error. What it has
// brought by then stays on the target, and the ledger tells the next attempt of it.
#ifndef ZDPIPE_PIPELINE_COPY_ATTEMPT_H_
#define ZDPIPE_PIPELINE_COPY_ATTEMPT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/load/range_loader.h"
#include "engine/server/server_session.h"
#include "pipeline/cancel.h"
#include "pipeline/copy_run.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/throttle.h"

namespace zdpipe {

// What attempts share; outlives them.
struct AttemptContext {
  const CopyOptions& options;
  const CancelToken& cancel;
  Progress& progress;
  const std::function<void(const ProgressView&)>& on_tick;
  const std::function<void(absl::string_view)>& on_note;
  Throttle& throttle;
  RetryLog& retries;
  std::vector<ServerSession>& source_sessions;  // of all attempts, as far as they may live on there
  bool resume = false;
  unsigned long lost_ledger_thread = 0;  // the ledger's session of the attempt before; 0: none
  std::string run_id;                    // that an attempt before this one has begun; "": none has
};

struct AttemptResult {
  CopyReport report;
  bool may_go_on = false;  // another attempt can resume what this one has begun
  bool brought = false;    // it has brought ranges that were not there before
  unsigned long ledger_thread = 0;
};

AttemptResult RunAttempt(const AttemptContext& context);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_COPY_ATTEMPT_H_
