#include "pipeline/resources.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// docs/decisions/0004-loaders-and-ranges.md and 0061-lanes.md have the measurements.
constexpr size_t kDefaultJobs = 4;  // of a target that does not say how many processors it has
constexpr size_t kMinTargetLanes = 3;
constexpr size_t kMinChosenJobs = 6;  // for sources that make readers wait, 0073
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
constexpr size_t kMaxSmallLanesPerLane = 2;  // more only wait for each other inside the target

// Of a range, one row in it that is as large, the session's buffer and the loader's request.
constexpr uint64_t kSmallLaneBytes = 4 * kBatchBytes;

// Half of the memory holds ranges, the other half rows larger than a batch.
uint64_t ForLargeRows(uint64_t memory_bytes) { return memory_bytes - memory_bytes / 2; }

// Each of those may be held by a range on top of its share, by a source session's buffer and by a
// loader's request.
uint64_t MaxRowBytes(const Resources& plan, uint64_t memory_bytes) {
  const uint64_t holders = plan.ranges + 2 * plan.jobs;
  const uint64_t bytes = ForLargeRows(memory_bytes) - plan.small_lanes * kSmallLaneBytes;
  return std::max(2 * kBatchBytes, bytes / holders);
}

// Half of the connections that the server has left; 0 when it does not say.
absl::StatusOr<uint64_t> ConnectionsToUse(Session& session) {
  const std::vector<absl::StatusOr<Result>> results =
      session.QueryAll({"SELECT @@max_connections AS most, @@max_user_connections AS of_user",
                        "SHOW GLOBAL STATUS LIKE 'Threads_connected'"});
  for (const absl::StatusOr<Result>& result : results) {
    if (IsSessionLost(result.status())) return result.status();
    if (!result.ok() || result->rows.size() != 1) return 0;
  }
  uint64_t most = 0;
  uint64_t of_user = 0;  // 0: no other limit
  uint64_t connected = 0;
  if (!absl::SimpleAtoi(results[0]->Text(0, "most"), &most) ||
      !absl::SimpleAtoi(results[0]->Text(0, "of_user"), &of_user) ||
      !absl::SimpleAtoi(results[1]->rows[0][1].value_or(""), &connected)) {
    return 0;
  }
  if (of_user > 0) most = std::min(most, of_user);
  return (most - std::min(most, connected)) / 2;
}

}  // namespace

absl::StatusOr<Resources> PlanResources(uint64_t memory_bytes, uint64_t range_bytes, size_t jobs,
                                        size_t target_cores) {
  Resources plan;
  plan.jobs = std::min(jobs == 0 ? kDefaultJobs : jobs, kMaxJobs);
  plan.ranges = kRangesPerLane * plan.jobs;
  const uint64_t for_ranges = memory_bytes - ForLargeRows(memory_bytes);
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
  plan.target_lanes = plan.jobs;
  plan.sizes.batch_bytes = kBatchBytes;
  plan.sizes.range_bytes = std::min(range_bytes, fits);
  if (jobs == 0 && target_cores > 0) {
    // More lanes have to do with the memory there is: one range each, at least.
    const size_t ranges = for_ranges / plan.sizes.range_bytes;
    const size_t most = std::min(kMaxChosenJobs, ranges);
    plan.target_lanes = std::clamp(target_cores + target_cores / 2, kMinTargetLanes, most);
    plan.jobs = std::clamp(plan.target_lanes, kMinChosenJobs, most);
    plan.ranges = std::min(ranges, kRangesPerLane * plan.jobs);
    plan.first_lanes = std::min(plan.target_lanes, kFirstLanes);
  }
  plan.max_row_bytes = MaxRowBytes(plan, memory_bytes);
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
  const double wanted = wait / kSmallTableSeconds * static_cast<double>(plan.target_lanes);
  const size_t most = std::min(kMaxSmallLanes, kMaxSmallLanesPerLane * plan.target_lanes);
  plan.small_lanes =
      std::min({most, static_cast<size_t>(std::min(wanted, 1e6)),
                static_cast<size_t>(ForLargeRows(memory_bytes) / 4 / kSmallLaneBytes)});
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

absl::Status LimitSmallLanes(const std::vector<TableInfo>& tables, uint64_t memory_bytes,
                             Session& source, Session& target, Resources& plan) {
  constexpr size_t kTablesWorthALane = 8;
  constexpr size_t kSourceSessions = 2;  // of each lane, see LaneSessions
  constexpr size_t kTargetSessions = 3;  // and a loader
  if (plan.small_lanes == 0) return absl::OkStatus();
  const auto small = std::count_if(tables.begin(), tables.end(), [](const TableInfo& table) {
    return table.data_bytes_estimate < kLargeTableBytes;
  });
  ZDPIPE_ASSIGN_OR_RETURN(const uint64_t on_source, ConnectionsToUse(source));
  ZDPIPE_ASSIGN_OR_RETURN(const uint64_t on_target, ConnectionsToUse(target));
  const auto have_room = [&plan](uint64_t connections, size_t for_each) {
    const size_t room = connections / for_each;
    return room - std::min(room, plan.jobs);
  };
  plan.small_lanes =
      std::min({plan.small_lanes, static_cast<size_t>(small) / kTablesWorthALane,
                have_room(on_source, kSourceSessions), have_room(on_target, kTargetSessions)});
  plan.max_row_bytes = MaxRowBytes(plan, memory_bytes);
  return absl::OkStatus();
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
