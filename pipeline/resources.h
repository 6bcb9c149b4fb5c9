// How memory and sessions are divided; decided once, before anything starts.
#ifndef ZDPIPE_PIPELINE_RESOURCES_H_
#define ZDPIPE_PIPELINE_RESOURCES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/rows/range.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"
#include "pipeline/options.h"

namespace zdpipe {

struct Resources {
  size_t jobs = 0;          // loaders, and lanes (tables worked on at the same time), at most
  size_t first_lanes = 0;   // that begin; fewer than `jobs` where the best number is to be found
  size_t target_lanes = 0;  // that the target's processors may be worth, see LaneNumbers
  // Lanes beside those, for small tables only, that make up for the round trips.
  size_t small_lanes = 0;
  size_t ranges = 0;  // in memory at most, over all lanes
  RangeSizes sizes;
  uint64_t max_row_bytes = 0;       // a larger row is copied alone, at the end
  uint64_t max_wide_row_bytes = 0;  // a larger row is an error

  // Of all kinds, by their numbers: first those that take any table, then those for small ones.
  size_t lanes() const { return jobs + small_lanes; }
  bool IsSmallLane(size_t lane) const { return lane >= jobs; }
  // A larger row is left to a lane of another kind, or to a session by itself.
  uint64_t MaxRowBytes(size_t lane) const {
    return IsSmallLane(lane) ? sizes.batch_bytes : max_row_bytes;
  }
};

// `jobs` 0 means: choose, for a target with so many processors (0: not known). The sizes of ranges
// do not depend on the processors: another server must be able to go on with a copy. kUsage when
// the memory does not even suffice for the smallest ranges.
absl::StatusOr<Resources> PlanResources(uint64_t memory_bytes, uint64_t range_bytes, size_t jobs,
                                        size_t target_cores = 0);

// Lanes for small tables, such that at any time about `plan.target_lanes` have a server at work,
// whatever their waits for round trips (seconds).
void AddSmallLanes(uint64_t memory_bytes, double source_round_trip, double target_round_trip,
                   Resources& plan);

// For a copy into `target`, which says how many processors it has (MariaDB only).
absl::StatusOr<Resources> PlanResourcesFor(const CopyOptions& options, Session& target,
                                           double source_round_trip, double target_round_trip);

// Takes lanes for small tables away that are not worth their sessions for so few tables, or would
// need more than half of the connections that a server has left; then divides the memory.
absl::Status LimitSmallLanes(const std::vector<TableInfo>& tables, uint64_t memory_bytes,
                             Session& source, Session& target, Resources& plan);

// kUsage: `table` has a row that not even a session by itself may hold.
absl::Status RowTooLargeError(const Resources& plan, uint64_t memory_bytes,
                              const ObjectName& table);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_RESOURCES_H_
