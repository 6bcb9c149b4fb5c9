// Takes what a run has made off the target again.
#ifndef ZDPIPE_PIPELINE_OBJECT_REMOVAL_H_
#define ZDPIPE_PIPELINE_OBJECT_REMOVAL_H_

#include "absl/status/statusor.h"
#include "engine/ledger/ledger.h"
#include "engine/server/session.h"

namespace zdpipe {

// Drops one object that the ledger lists, if it is there; a database only when it is empty, because
// somebody may have put something else there meanwhile. True: the session has another sql_mode now.
absl::StatusOr<bool> RemoveObject(Session& target, const LedgerObject& object);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_OBJECT_REMOVAL_H_
