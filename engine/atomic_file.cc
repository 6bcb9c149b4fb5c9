#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

absl::Status FileError(absl::string_view what, const std::string& path) {
  return MakeError(Failure::kUsage, absl::StrCat(what, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".tmp.", getpid());
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileError("cannot create", temporary);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(file, content.data() + written, content.size() - written);
    if (count < 0) {
      absl::Status status = FileError("cannot write", temporary);
      close(file);
      unlink(temporary.c_str());
      return status;
    }
    written += static_cast<size_t>(count);
  }
  const bool synced = fsync(file) == 0;
  if (close(file) != 0 || !synced || rename(temporary.c_str(), path.c_str()) != 0) {
    absl::Status status = FileError("cannot write", path);
    unlink(temporary.c_str());
    return status;
  }
  return absl::OkStatus();
}

absl::Status CheckFolderIsWritable(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return FileError("cannot write to", folder);
  return absl::OkStatus();
}

}  // namespace zdpipe
