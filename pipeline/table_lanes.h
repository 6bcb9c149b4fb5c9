// All tables of a copy, in lanes: each has its own sessions and takes one table after the other.
#ifndef ZDPIPE_PIPELINE_TABLE_LANES_H_
#define ZDPIPE_PIPELINE_TABLE_LANES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/ledger/ledger.h"
#include "engine/load/range_loader.h"
#include "engine/schema/catalog.h"
#include "engine/snapshot/snapshot.h"
#include "pipeline/cancel.h"
#include "pipeline/copy_run.h"
#include "pipeline/limited_by.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/resources.h"
#include "pipeline/run_sessions.h"
#include "pipeline/table_copy.h"
#include "pipeline/throttle.h"

namespace zdpipe {

// What the lanes need of the attempt they belong to; outlives them.
struct LanesContext {
  const CopyOptions& options;
  const Resources& resources;
  const Version& source_version;
  const Version& target_version;
  std::vector<TableInfo>& tables;  // the largest first, afterwards
  uint64_t bytes_estimate = 0;     // of all of them
  // Where the tables stand that an earlier run has begun; the others are added.
  std::map<ObjectName, TableStart>& starts;
  Snapshot& snapshot;  // its sessions are used up
  RunSessions& sessions;
  Ledger& ledger;
  const std::string& claim;  // the token of the ledger's claim
  Progress& progress;
  Throttle& throttle;
  BusyTime& busy;
  const CancelToken& cancel;
  FirstError& error;  // of the attempt; what goes wrong in one lane makes all of them drain
  std::atomic<uint64_t>& lasting;  // see PipeResources
  RetryLog& retries;
  std::function<void(const std::string&)> note;         // for the report, too
  std::function<void(absl::string_view)> note_to_user;  // of what passes
};

// What has become of the tables; of some of them when the lanes have ended with an error.
struct LanesOutcome {
  std::vector<TableReport> tables;
  std::vector<ObjectFailure> failures;
  std::vector<std::string> notes;
  std::vector<std::pair<ObjectName, std::string>> foreign_keys;  // to be added, see TableDdl
  size_t tables_lost = 0;                                        // that could not be copied
  uint64_t ranges_kept = 0;                                      // that an earlier run has brought
  uint64_t tables_kept = 0;  // that it has brought to their ends
  size_t lanes = 0;          // that were found to be the best number
};

absl::Status CopyTablesInLanes(const LanesContext& context, LanesOutcome& outcome);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TABLE_LANES_H_
