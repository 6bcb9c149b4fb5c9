#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

absl::Status FileError(absl::string_view what, const std::string& path) {
  const std::string reason = std::strerror(errno);
  return MakeError(Failure::kUsage,
                   absl::StrCat(what, " ", absl::Utf8SafeCHexEscape(path), ": ", reason));
}

std::string TemporaryName(const std::string& path) { return absl::StrCat(path, ".tmp.", getpid()); }

}  // namespace

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  const std::string temporary = TemporaryName(path);
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileError("cannot create", temporary);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(file, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
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

absl::Status CheckFileIsWritable(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return MakeError(
          Failure::kUsage,
          absl::StrCat("cannot write ", absl::Utf8SafeCHexEscape(path),
                       S_ISDIR(info.st_mode) ? ": it is a folder" : ": it is no regular file"));
    }
  } else if (errno != ENOENT) {
    return FileError("cannot write", path);
  }
  // Rights, a read-only file system, a folder that is not there: trying is the only sure way.
  const std::string temporary = TemporaryName(path);
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileError("cannot create", temporary);
  close(file);
  unlink(temporary.c_str());
  return absl::OkStatus();
}

}  // namespace zdpipe
