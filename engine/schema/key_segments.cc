#include "engine/schema/key_segments.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// More of them would only make the ledger's list of boundaries longer.
constexpr uint64_t kMaxSegments = 256;
// The index is asked about so many intervals for each segment, and cuts where they meet.
constexpr uint64_t kIntervalsPerSegment = 4;
// An interval that has too many rows is divided, at most so often: values may lie close together
// at one end of their range. One with most of the rows is divided into so many pieces at least.
constexpr int kRounds = 10;
constexpr uint64_t kPiecesOfMost = 64;

constexpr absl::string_view kSeparator = ", ";

// The values from the least to the greatest one, as numbers from 0 to `span`.
struct Scale {
  uint64_t span = 0;
  std::function<std::string(uint64_t)> literal;
};

struct Interval {
  uint64_t first = 0;  // on the scale, as the next
  uint64_t last = 0;
  uint64_t rows = 0;  // estimate
};

std::string IntegerLiteral(absl::int128 value) {
  return value < 0 ? absl::StrCat(static_cast<int64_t>(value))
                   : absl::StrCat(static_cast<uint64_t>(value));
}

std::optional<Scale> ScaleOfIntegers(const Result& extremes) {
  constexpr absl::int128 kLeast = std::numeric_limits<int64_t>::min();
  constexpr absl::int128 kGreatest = std::numeric_limits<uint64_t>::max();
  absl::int128 least = 0;
  absl::int128 greatest = 0;
  if (!absl::SimpleAtoi(extremes.Text(0, "least"), &least) ||
      !absl::SimpleAtoi(extremes.Text(0, "greatest"), &greatest) || least < kLeast ||
      greatest > kGreatest || greatest < least || greatest - least > kGreatest) {
    return std::nullopt;
  }
  return Scale{static_cast<uint64_t>(greatest - least),
               [least](uint64_t at) { return IntegerLiteral(least + at); }};
}

// The eight bytes behind what the least and the greatest string have in common.
std::optional<Scale> ScaleOfBytes(const Result& extremes, bool fixed_length) {
  std::string least = absl::HexStringToBytes(extremes.Text(0, "least"));
  std::string greatest = absl::HexStringToBytes(extremes.Text(0, "greatest"));
  const size_t width = fixed_length ? least.size() : 0;
  const auto differ =
      std::mismatch(least.begin(), least.end(), greatest.begin(), greatest.end()).first;
  const std::string common(least.begin(), differ);
  const size_t bytes =
      std::min<size_t>(sizeof(uint64_t), std::max(least.size(), greatest.size()) - common.size());
  const auto number = [&](std::string text) {
    text.resize(std::max(text.size(), common.size() + bytes));
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value = value << 8 | static_cast<uint8_t>(text[common.size() + i]);
    }
    return value;
  };
  const uint64_t from = number(least);
  const uint64_t to = number(greatest);
  if (to < from) return std::nullopt;
  return Scale{to - from, [=](uint64_t at) {
                 std::string value = common;
                 for (size_t i = bytes; i-- > 0;) {
                   value.push_back(static_cast<char>((from + at) >> (8 * i)));
                 }
                 value.resize(std::max(value.size(), width));
                 return QuoteBytes(value);
               }};
}

void AddPieces(const Interval& whole, uint64_t pieces, std::vector<Interval>& to) {
  const uint64_t step = (whole.last - whole.first) / pieces + 1;
  uint64_t first = whole.first;
  while (whole.last - first >= step) {
    to.push_back({first, first + step - 1, 0});
    first += step;
  }
  to.push_back({first, whole.last, 0});
}

class SegmentPlanner {
 public:
  SegmentPlanner(const TableInfo& table, const TablePlan& plan, Session& session)
      : table_(QuoteName(table.name.schema, table.name.name)),
        index_(QuoteName(table.key.index)),
        column_(QuoteName(plan.columns[plan.key[0].position].name)),
        session_(session) {}

  // Empty for values that cannot be put on a scale.
  absl::StatusOr<std::vector<std::string>> Boundaries(absl::string_view type, uint64_t segments) {
    if (type == "decimal") return std::vector<std::string>();
    ZDPIPE_ASSIGN_OR_RETURN(const std::optional<Scale> scale, ReadScale(type));
    if (!scale.has_value()) return std::vector<std::string>();
    std::vector<Interval> intervals;
    AddPieces({0, scale->span, 0}, kIntervalsPerSegment * segments, intervals);
    ZDPIPE_RETURN_IF_ERROR(Estimate(*scale, intervals));
    for (int round = 1; round < kRounds; ++round) {
      std::vector<Interval> finer = Divide(intervals, segments);
      if (finer.size() == intervals.size()) break;
      ZDPIPE_RETURN_IF_ERROR(Estimate(*scale, finer));
      intervals = std::move(finer);
    }
    return Cut(*scale, intervals, segments);
  }

 private:
  absl::StatusOr<std::optional<Scale>> ReadScale(absl::string_view type) {
    const bool bytes = type == "binary" || type == "varbinary";
    const absl::string_view shown = bytes ? "HEX" : "";
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result extremes,
        session_.Query(absl::StrCat("SELECT ", shown, "(MIN(", column_, ")) AS least, ", shown,
                                    "(MAX(", column_, ")) AS greatest FROM ", table_,
                                    " FORCE INDEX (", index_, ")")));
    if (!extremes.Get(0, "least").has_value()) return std::nullopt;  // no rows
    return bytes ? ScaleOfBytes(extremes, type == "binary") : ScaleOfIntegers(extremes);
  }

  // Fills in the rows of those intervals that have none yet.
  absl::Status Estimate(const Scale& scale, std::vector<Interval>& intervals) {
    std::vector<std::string> statements;
    std::vector<Interval*> asked;
    for (Interval& interval : intervals) {
      if (interval.rows > 0) continue;
      std::string& sql = statements.emplace_back(
          absl::StrCat("EXPLAIN SELECT 1 FROM ", table_, " FORCE INDEX (", index_, ") WHERE ",
                       column_, " >= ", scale.literal(interval.first)));
      if (interval.last < scale.span) {
        absl::StrAppend(&sql, " AND ", column_, " < ", scale.literal(interval.last + 1));
      }
      asked.push_back(&interval);
    }
    const std::vector<absl::StatusOr<Result>> answers = session_.QueryAll(statements);
    for (size_t i = 0; i < answers.size(); ++i) {
      ZDPIPE_RETURN_IF_ERROR(answers[i].status());
      // NULL: there cannot be any.
      (void)absl::SimpleAtoi(answers[i]->Text(0, "rows"), &asked[i]->rows);
    }
    std::erase_if(intervals, [](const Interval& interval) { return interval.rows == 0; });
    return absl::OkStatus();
  }

  static uint64_t Rows(const std::vector<Interval>& intervals) {
    uint64_t rows = 0;
    for (const Interval& interval : intervals) rows += interval.rows;
    return rows;
  }

  // Those with too many rows in pieces.
  static std::vector<Interval> Divide(const std::vector<Interval>& intervals, uint64_t segments) {
    const uint64_t most = std::max<uint64_t>(1, Rows(intervals) / segments / 2);
    std::vector<Interval> finer;
    for (const Interval& interval : intervals) {
      if (interval.rows <= most || interval.first == interval.last) {
        finer.push_back(interval);
      } else {
        const uint64_t wanted = kIntervalsPerSegment * segments * interval.rows / Rows(intervals);
        const uint64_t least = interval.rows > Rows(intervals) / 2 ? kPiecesOfMost : 2;
        AddPieces(interval, std::max(least, wanted), finer);
      }
    }
    return finer;
  }

  static std::vector<std::string> Cut(const Scale& scale, const std::vector<Interval>& intervals,
                                      uint64_t segments) {
    const uint64_t share = std::max<uint64_t>(1, Rows(intervals) / segments);
    std::vector<std::string> boundaries;
    uint64_t rows = 0;  // of the segment
    for (size_t i = 0; i + 1 < intervals.size() && boundaries.size() + 1 < segments; ++i) {
      rows += intervals[i].rows;
      if (rows < share) continue;
      boundaries.push_back(scale.literal(intervals[i + 1].first));
      rows = 0;
    }
    return boundaries;
  }

  const std::string table_;  // quoted, as the next two
  const std::string index_;
  const std::string column_;
  Session& session_;
};

// An integer, or the bytes of a string; nullopt: none of our literals.
struct Boundary {
  bool number = false;
  absl::int128 value = 0;
  std::string bytes;
};

std::optional<Boundary> ParseBoundary(absl::string_view literal) {
  Boundary boundary;
  absl::string_view hex = literal;
  if (absl::ConsumePrefix(&hex, "X'") && absl::ConsumeSuffix(&hex, "'")) {
    if (hex.empty() || hex.size() % 2 != 0 ||
        !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) {
      return std::nullopt;
    }
    boundary.bytes = absl::HexStringToBytes(hex);
    return boundary;
  }
  boundary.number = true;
  if (!absl::SimpleAtoi(literal, &boundary.value) || literal != IntegerLiteral(boundary.value)) {
    return std::nullopt;
  }
  return boundary;
}

bool IsLess(const Boundary& a, const Boundary& b) {
  return a.number == b.number && (a.number ? a.value < b.value : a.bytes < b.bytes);
}

}  // namespace

std::optional<KeySegments> KeySegments::FromText(absl::string_view text) {
  KeySegments segments;
  if (text.empty()) return segments;
  std::optional<Boundary> before;
  for (const absl::string_view literal : absl::StrSplit(text, kSeparator)) {
    std::optional<Boundary> boundary = ParseBoundary(literal);
    if (!boundary.has_value() || (before.has_value() && !IsLess(*before, *boundary))) {
      return std::nullopt;
    }
    before = std::move(boundary);
    segments.boundaries_.emplace_back(literal);
  }
  return segments;
}

std::string KeySegments::Text() const { return absl::StrJoin(boundaries_, kSeparator); }

std::string KeySegments::Condition(size_t segment, absl::string_view column) const {
  std::string condition;
  if (segment > 0) absl::StrAppend(&condition, column, " >= ", boundaries_[segment - 1]);
  if (segment < boundaries_.size()) {
    absl::StrAppend(&condition, condition.empty() ? "" : " AND ", column, " < ",
                    boundaries_[segment]);
  }
  return condition;
}

absl::StatusOr<KeySegments> PlanSegments(const TableInfo& table, const TablePlan& plan,
                                         uint64_t segment_bytes, Session& session) {
  const uint64_t wanted = std::min(kMaxSegments, table.data_bytes_estimate / segment_bytes);
  if (wanted < 2 || !HasCertainOrder(table, plan, 1)) return KeySegments();
  SegmentPlanner planner(table, plan, session);
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> boundaries,
                          planner.Boundaries(KeyColumnType(table, plan, plan.key[0]), wanted));
  const std::optional<KeySegments> segments =
      KeySegments::FromText(absl::StrJoin(boundaries, kSeparator));
  if (!segments.has_value()) {
    return MakeError(Failure::kInternal,
                     absl::StrCat("segments of ", PrintableName(table.name.schema, table.name.name),
                                  ": ", absl::StrJoin(boundaries, kSeparator)));
  }
  return *segments;
}

std::optional<std::string> SelectSegment(const TableInfo& table, const TablePlan& plan,
                                         const KeySegments& segments, size_t segment,
                                         const std::optional<std::string>& last_key) {
  std::string condition;
  if (segments.count() > 1) {
    condition = segments.Condition(segment, QuoteName(plan.columns[plan.key[0].position].name));
  }
  if (last_key.has_value()) {
    const std::optional<std::string> after = ConditionAfter(table, plan, *last_key);
    if (!after.has_value()) return std::nullopt;
    absl::StrAppend(&condition, condition.empty() ? "" : " AND ", *after);
  }
  return SelectWhere(plan, condition);
}

}  // namespace zdpipe
