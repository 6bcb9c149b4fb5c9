// Files that other programs act on: never half written, never readable by others.
#ifndef ZDPIPE_ENGINE_ATOMIC_FILE_H_
#define ZDPIPE_ENGINE_ATOMIC_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace zdpipe {

// Replaces `path` atomically (write, fsync, rename); mode 0600. kUsage when that cannot be done.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

// kUsage when WriteFileAtomically(path) would fail, or would put a file in the place of something
// else (a folder, a device, a pipe): to be asked before hours of work. Leaves nothing behind.
absl::Status CheckFileIsWritable(const std::string& path);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ATOMIC_FILE_H_
