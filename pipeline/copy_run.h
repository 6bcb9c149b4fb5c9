// One `zdpipe copy`: check → snapshot → schema and rows → objects → proof → handoff.
#ifndef ZDPIPE_PIPELINE_COPY_RUN_H_
#define ZDPIPE_PIPELINE_COPY_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/schema/account_copier.h"
#include "engine/schema/objects.h"
#include "engine/snapshot/handoff.h"
#include "pipeline/cancel.h"
#include "pipeline/check.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/resources.h"
#include "pipeline/table_compare.h"

namespace zdpipe {

struct TableReport {
  ObjectName name;
  std::string key;  // "PRIMARY (id)"; "" for a table without a key
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t ranges = 0;
  size_t segments = 1;
  size_t loaders = 0;  // that the tuner chose; 0: no rows were moved
  double row_seconds = 0;
  double index_seconds = 0;
  double verify_seconds = 0;
  std::string verify;           // "equal", "different", "types differ" (inside JSON), "not done"
  TableComparison differences;  // of a different table: which rows
};

// Of a run that went on with what an earlier attempt, or an earlier process, had brought.
struct ResumeReport {
  size_t attempts = 0;  // of this process
  uint64_t tables_kept = 0;
  uint64_t ranges_kept = 0;
};

struct PhaseReport {
  std::string name;
  double seconds = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string limited_by;  // see LimitedBy
};

// What became of a run; complete also after a failure, as far as the run came.
struct CopyReport {
  std::string run_id;
  std::string tool_version;
  std::string started_at;  // RFC 3339, UTC
  std::string finished_at;
  ServerIdentity source;
  ServerIdentity target;
  std::vector<Finding> findings;
  Resources resources;
  size_t lanes = 0;              // of resources.jobs, that were found to be the best number
  double source_round_trip = 0;  // seconds
  double target_round_trip = 0;
  uint64_t tables_total = 0;
  uint64_t bytes_estimate = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t ranges = 0;
  uint64_t retries = 0;  // ranges that were replayed, and attempts that went on
  std::map<std::string, uint64_t> retry_causes;
  double throttled_seconds = 0;  // that loaders and lanes waited, over all of them
  std::vector<PhaseReport> phases;
  std::vector<TableReport> tables;
  std::optional<AccountCounts> accounts;  // with --users, once they have been copied
  std::vector<ObjectFailure> failures;
  std::vector<std::string> notes;
  std::optional<ResumeReport> resume;
  std::vector<std::string> handoff_paths;
  bool handoff_usable = false;
  std::string verify;  // "rows", "counts", "none"
  uint64_t memory_peak_bytes = 0;
  absl::Status status;

  int exit_code() const;
  double verify_seconds() const;  // of all lanes together
  double verify_share() const;    // of the time that the lanes were at work, 0 to 1
};

// Measures the round trips, divides memory and sessions accordingly, and puts both into the report.
absl::Status ReportPlan(const CopyOptions& options, Session& source, Session& target,
                        CopyReport& report);

// Puts into the report what check has found out.
void ReportCheck(const CheckResult& check, CopyReport& report);

// The error of a check that found reasons not to start.
absl::Status RefusedError(const CheckResult& check);

// Runs the copy to its end. An error that may pass (a lost connection, ...) is answered by going on
// from the ledger, for CopyOptions::retry_for without progress; others end the run. A deadline
// that passes sets `cancel`. `progress` is updated from the run's threads;
// `on_tick` is called about once a second from a thread of its own, until the run has ended.
// `on_note` is called with what the user should see as it happens.
CopyReport RunCopy(const CopyOptions& options, CancelToken& cancel, Progress& progress,
                   const std::function<void(const ProgressView&)>& on_tick,
                   const std::function<void(absl::string_view)>& on_note);

// What RunCopy would do: connects, checks, reads the catalog, plans; changes nothing.
CopyReport PlanCopy(const CopyOptions& options, std::vector<TableInfo>* tables);

uint64_t MemoryPeakBytes();
std::string UtcNow();

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_COPY_RUN_H_
