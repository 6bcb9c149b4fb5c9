// How the engine, which starts no threads, waits for several servers at the same time.
#ifndef ZDPIPE_ENGINE_FOR_EACH_H_
#define ZDPIPE_ENGINE_FOR_EACH_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"

namespace zdpipe {

// Runs a body for each number below a count, at the same time if it can: the bodies wait for
// servers, not for each other. The error of the lowest number, once all have ended.
using ForEach =
    std::function<absl::Status(size_t count, const std::function<absl::Status(size_t)>& body)>;

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_FOR_EACH_H_
