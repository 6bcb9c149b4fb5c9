// What the target's release, or the way it was built, cannot carry of what is to be copied.
#ifndef ZDPIPE_PIPELINE_RELEASE_CHECK_H_
#define ZDPIPE_PIPELINE_RELEASE_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"
#include "pipeline/finding.h"

namespace zdpipe {

// Adds a finding for each object that the target would refuse, or take in another form than it
// has: what is not found here fails in the middle of the copy. Reads only. Errors: a server that
// fails.
absl::Status CheckRelease(Session& source, Session& target, const Catalog& catalog,
                          std::vector<Finding>& findings);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_RELEASE_CHECK_H_
