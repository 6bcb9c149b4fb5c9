#include "pipeline/resources.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// docs/decisions/0004-loaders-and-ranges.md and 0061-lanes.md have the measurements.
constexpr size_t kDefaultJobs = 4;  // of a target that does not say how many processors it has
constexpr size_t kMinChosenJobs = 3;
constexpr size_t kMaxChosenJobs = 16;
constexpr size_t kFirstLanes = 4;  // where more may be tried
constexpr size_t kMaxJobs = 64;
constexpr uint64_t kBatchBytes = uint64_t{1} << 20;
constexpr uint64_t kMinRangeBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxRangeBytes = uint64_t{1} << 30;

// A lane reads one range while another one is being loaded.
constexpr size_t kRangesPerLane = 2;

// docs/decisions/0065-lanes-for-small-tables.md has the measurements.
constexpr double kSmallTableSeconds = 0.002;  // of the servers' work
constexpr size_t kMaxSmallLanes = 16;
constexpr size_t kMaxSmallLanesPerJob = 2;  // more only wait for each other inside the target

// Of the memory for rows larger than a batch: each may be held by a range on top of its share, by a
// source session's buffer and by a loader's request.
uint64_t MaxRowBytes(const Resources& plan, uint64_t for_large_rows) {
  const uint64_t holders = plan.ranges + 2 * plan.jobs;
  return std::max(2 * kBatchBytes, for_large_rows / holders);
}

}  // namespace

absl::StatusOr<Resources> PlanResources(uint64_t memory_bytes, uint64_t range_bytes, size_t jobs,
                                        size_t target_cores) {
  Resources plan;
  plan.jobs = std::min(jobs == 0 ? kDefaultJobs : jobs, kMaxJobs);
  plan.ranges = kRangesPerLane * plan.jobs;
  // Half of the memory holds ranges. The other half is for rows larger than a batch.
  const uint64_t for_ranges = memory_bytes / 2;
  const uint64_t fits = for_ranges / plan.ranges;
  if (range_bytes < kMinRangeBytes || range_bytes > kMaxRangeBytes) {
    return WithHint(MakeError(Failure::kUsage,
                              absl::StrCat("--range-bytes ", range_bytes, " is out of its limits")),
                    "give --range-bytes between 1MiB and 1GiB");
  }
  if (fits < kMinRangeBytes) {
    return WithHint(
        MakeError(
            Failure::kUsage,
            absl::StrCat("--memory ", memory_bytes >> 20, "MiB is too small for --jobs ", plan.jobs,
                         ": half of it must hold ", plan.ranges, " ranges of at least 1 MiB")),
        absl::StrCat("give --memory ", (2 * plan.ranges * kMinRangeBytes) >> 20,
                     "MiB or more, or fewer --jobs"));
  }
  plan.first_lanes = plan.jobs;
  plan.sizes.batch_bytes = kBatchBytes;
  plan.sizes.range_bytes = std::min(range_bytes, fits);
  if (jobs == 0 && target_cores > 0) {
    // More lanes have to do with the memory there is: one range each, at least.
    const size_t ranges = for_ranges / plan.sizes.range_bytes;
    plan.jobs = std::clamp(target_cores + target_cores / 2, kMinChosenJobs,
                           std::min(kMaxChosenJobs, ranges));
    plan.ranges = std::min(ranges, kRangesPerLane * plan.jobs);
    plan.first_lanes = std::min(plan.jobs, kFirstLanes);
  }
  plan.max_row_bytes = MaxRowBytes(plan, memory_bytes - for_ranges);
  // At the end a wide row has the memory for itself: session buffer, range and request.
  plan.max_wide_row_bytes = std::max(plan.max_row_bytes, memory_bytes / 3);
  return plan;
}

void AddSmallLanes(uint64_t memory_bytes, double source_round_trip, double target_round_trip,
                   Resources& plan) {
  constexpr int kOfSource = 2;  // definition, rows
  constexpr int kOfTarget = 5;  // CREATE TABLE, ledger, rows, COMMIT, verification
  const double wait = kOfSource * source_round_trip + kOfTarget * target_round_trip;
  // Less than the work itself is hidden by the lanes there are.
  if (wait < kSmallTableSeconds) return;
  const double wanted = wait / kSmallTableSeconds * static_cast<double>(plan.jobs);
  const size_t most = std::min(kMaxSmallLanes, kMaxSmallLanesPerJob * plan.jobs);
  // A range of one batch, and a request of that size, each: of the half that is not for ranges.
  const uint64_t lane_bytes = 2 * plan.sizes.batch_bytes;
  const uint64_t for_large_rows = memory_bytes - memory_bytes / 2;
  plan.small_lanes = std::min(
      {most, static_cast<size_t>(wanted), static_cast<size_t>(for_large_rows / 4 / lane_bytes)});
  plan.max_row_bytes = MaxRowBytes(plan, for_large_rows - plan.small_lanes * lane_bytes);
}

absl::StatusOr<Resources> PlanResourcesFor(const CopyOptions& options, Session& target,
                                           double source_round_trip, double target_round_trip) {
  size_t cores = 0;
  // The more sessions, the less likely they see the same state of a source that takes writes.
  if (options.source_state != SourceState::kMaster) {
    // The default of this variable is their number, whether threads are pooled or not.
    const absl::StatusOr<std::string> value = target.QueryValue("SELECT @@thread_pool_size");
    if (IsSessionLost(value.status())) return value.status();
    if (!value.ok() || !absl::SimpleAtoi(*value, &cores)) cores = 0;
  }
  ZDPIPE_ASSIGN_OR_RETURN(Resources plan, PlanResources(options.memory_bytes, options.range_bytes,
                                                        options.jobs, cores));
  if (options.jobs == 0 && options.source_state != SourceState::kMaster) {
    AddSmallLanes(options.memory_bytes, source_round_trip, target_round_trip, plan);
  }
  return plan;
}

absl::StatusOr<uint64_t> ConnectionsToUse(Session& session) {
  // The limit of the user is 0 where there is none, and counts those that the user has already.
  const std::vector<absl::StatusOr<Result>> results =
      session.QueryAll({"SELECT @@max_connections AS most, @@max_user_connections AS of_user",
                        "SHOW GLOBAL STATUS LIKE 'Threads_connected'"});
  for (const absl::StatusOr<Result>& result : results) {
    if (IsSessionLost(result.status())) return result.status();
    if (!result.ok() || result->rows.size() != 1) return 0;
  }
  uint64_t most = 0;
  uint64_t of_user = 0;
  uint64_t connected = 0;
  if (!absl::SimpleAtoi(results[0]->Text(0, "most"), &most) ||
      !absl::SimpleAtoi(results[0]->Text(0, "of_user"), &of_user) ||
      !absl::SimpleAtoi(results[1]->rows[0][1].value_or(""), &connected)) {
    return 0;
  }
  if (of_user > 0) most = std::min(most, of_user);
  return (most - std::min(most, connected)) / 2;
}

absl::Status RowTooLargeError(const Resources& plan, uint64_t memory_bytes,
                              const ObjectName& table) {
  return WithHint(
      MakeError(Failure::kUsage,
                absl::StrCat(PrintableName(table.schema, table.name), " has a row of more than ",
                             plan.max_wide_row_bytes >> 20, " MiB, which --memory ",
                             memory_bytes >> 20, "MiB cannot hold")),
      "give --memory at least three times the largest row");
}

}  // namespace zdpipe
