// The rows of one table on two servers: equal, or which ones are not.
#ifndef ZDPIPE_PIPELINE_TABLE_COMPARE_H_
#define ZDPIPE_PIPELINE_TABLE_COMPARE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"

namespace zdpipe {

struct RowDifference {
  enum class Kind {
    kMissing,  // on the source only
    kExtra,    // on the target only
    kChanged,  // on both, with the same key and other values
  };

  Kind kind = Kind::kChanged;
  // The key as SQL literals, "(10, _latin1 X'6162')"; all values of a table without a key.
  std::string key;
  std::vector<std::string> columns;  // of a changed row: whose values differ
};

absl::string_view RowDifferenceName(RowDifference::Kind kind);

struct TableComparison {
  uint64_t source_rows = 0;
  uint64_t target_rows = 0;
  uint64_t source_bytes = 0;    // of the rows in the binary protocol
  uint64_t differences = 0;     // rows that are missing, extra or changed
  bool at_least = false;        // more rows may differ than were looked at
  uint64_t negative_zeros = 0;  // rows that differ in the sign of a zero only; not counted above
  std::vector<RowDifference> shown;  // the first ones in the order of their keys
  // Why the rows could not be compared (another column type, a table that cannot be read); "" when
  // they were. The sessions may then be lost.
  std::string obstacle;

  bool equal() const { return obstacle.empty() && differences == 0; }
};

struct CompareOptions {
  size_t differences_shown = 100;
  // One of the ends cannot store -0.0: Version::KeepsNegativeZero.
  bool forgive_negative_zeros = false;
  // Read JSON documents by TablePlan::scan_of_texts; only of a table that has it, on both ends.
  bool json_by_text = false;
  std::function<bool()> stopping;                 // asked every thousand rows
  std::function<void(uint64_t, uint64_t)> moved;  // rows and bytes read since the last call
};

// Reads the table on both sessions, at the same time, and compares slices of digests; where those
// differ, reads it again to find the rows. The order of the rows, and so the servers' collations,
// do not matter. Starts a thread. Errors: a lost connection, or kStopped.
absl::StatusOr<TableComparison> CompareTable(const TableInfo& table, Session& source,
                                             Session& target, const CompareOptions& options);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TABLE_COMPARE_H_
