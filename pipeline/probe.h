// Finds out what a user may do by trying it in a form that changes nothing.
#ifndef ZDPIPE_PIPELINE_PROBE_H_
#define ZDPIPE_PIPELINE_PROBE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/server/session.h"

namespace zdpipe {

// Runs a statement that fails in any case; how it fails (IsDenied, or otherwise) says whether the
// user may do such things. One that has to wait for somebody's lock says nothing, after two
// seconds.
absl::Status Probe(Session& session, absl::string_view sql);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_PROBE_H_
