// A large table in parts that several sessions can read at the same time.
#ifndef ZDPIPE_ENGINE_SCHEMA_KEY_SEGMENTS_H_
#define ZDPIPE_ENGINE_SCHEMA_KEY_SEGMENTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/schema/table_plan.h"
#include "engine/server/session.h"

namespace zdpipe {

// Where the values of a key's first column are cut: segment i has the rows from boundary i-1 on,
// up to those in front of boundary i. Whatever the boundaries are, each row is in one segment:
// a column that is not NULL is either less than a boundary or not. (Of a partitioned table a server
// would read only some partitions, and trust that no row lies in a wrong one: it has one segment.)
class KeySegments {
 public:
  // One segment, the table.
  KeySegments() = default;

  // From the form that Text() gives; nullopt for anything else. A text that somebody else has
  // written may cut the table in other places, but never loses a row, and cannot be other SQL.
  static std::optional<KeySegments> FromText(absl::string_view text);
  // Boundaries as SQL literals, ascending, separated by commas; "" for one segment.
  std::string Text() const;

  size_t count() const { return boundaries_.size() + 1; }

  // SQL that is true for the rows of `segment`; "" for a single one. `column` is quoted.
  std::string Condition(size_t segment, absl::string_view column) const;

 private:
  std::vector<std::string> boundaries_;  // SQL literals
};

// Cuts the table into segments of about `segment_bytes`, by what the index of its key says of the
// number of rows between two values (EXPLAIN: it dives into the index, and reads no rows). One
// segment where that is not possible: the key's first column must be an integer or a binary
// string, so that the order of its values is beyond doubt (HasCertainOrder).
absl::StatusOr<KeySegments> PlanSegments(const TableInfo& table, const TablePlan& plan,
                                         uint64_t segment_bytes, Session& session);

// The plan's SELECT, of one segment only; from behind the row with the key `last_key`, if given.
// nullopt: ConditionAfter cannot say that.
std::optional<std::string> SelectSegment(const TableInfo& table, const TablePlan& plan,
                                         const KeySegments& segments, size_t segment,
                                         const std::optional<std::string>& last_key);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_KEY_SEGMENTS_H_
