// What a check has to say: one finding, as reports show it.
#ifndef ZDPIPE_PIPELINE_FINDING_H_
#define ZDPIPE_PIPELINE_FINDING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace zdpipe {

enum class Severity { kInfo, kWarning, kError };  // an error refuses the copy

struct Finding {
  std::string id;  // stable, e.g. "TARGET_NOT_EMPTY"; docs/findings.md lists them
  Severity severity = Severity::kInfo;
  std::string object;
  std::string evidence;
  std::string fix;
};

inline absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_FINDING_H_
