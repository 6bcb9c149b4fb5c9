// One `zdpipe verify`: two servers, definitions and rows; reads only.
#ifndef ZDPIPE_PIPELINE_VERIFY_RUN_H_
#define ZDPIPE_PIPELINE_VERIFY_RUN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/schema/definitions.h"
#include "engine/snapshot/handoff.h"
#include "pipeline/cancel.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/table_compare.h"

namespace zdpipe {

struct TableVerdict {
  ObjectName name;
  std::string key;  // "PRIMARY (id)"; "" for a table without a key
  TableComparison comparison;
  double seconds = 0;
};

// Complete also after a failure, as far as the run came.
struct VerifyReport {
  std::string tool_version;
  std::string started_at;  // RFC 3339, UTC
  std::string finished_at;
  double seconds = 0;
  ServerIdentity source;
  ServerIdentity target;
  std::vector<TableVerdict> tables;  // those that both ends have
  std::vector<DefinitionDifference> definitions;
  std::vector<std::string> notes;  // e.g. that an end changed while it was read
  uint64_t memory_peak_bytes = 0;
  absl::Status status;  // kDifferent when anything differs

  int exit_code() const;
};

// Compares everything that is selected on either end. Of the options it uses the endpoints, the
// selection, the definer, jobs, memory and differences_shown. `on_tick` is called about once a
// second from a thread of its own.
VerifyReport RunVerify(const CopyOptions& options, const CancelToken& cancel, Progress& progress,
                       const std::function<void(const ProgressView&)>& on_tick);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_VERIFY_RUN_H_
