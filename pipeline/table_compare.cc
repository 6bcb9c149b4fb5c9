#include "pipeline/table_compare.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "engine/rows/digest.h"
#include "engine/schema/table_plan.h"
#include "engine/server/row_stream.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr uint64_t kRowsBetweenChecks = 1024;
// For the rows of the slices that are looked at again, on both ends together.
constexpr uint64_t kSecondLookBytes = uint64_t{32} << 20;
// A larger row is kept as its hash; which of its columns differ is not told then.
constexpr size_t kKeptRowBytes = size_t{64} << 10;
constexpr size_t kShownKeyBytes = 400;
constexpr uint64_t kEntryBytes = 256;  // what an entry of the second look holds beside the row

// A row without its match on the other end so far.
struct Unmatched {
  int64_t balance = 0;  // how many more times it is on the source than on the target
  uint64_t identity = 0;
  std::string key;
  std::vector<uint8_t> row;  // empty when it is too large to be kept
};

bool IsNegativeZero(WireType type, WireValue value) {
  if (type == WireType::kFloat) {
    uint32_t bits;
    std::memcpy(&bits, value.data, sizeof(bits));
    return bits == uint32_t{1} << 31;
  }
  if (type != WireType::kDouble) return false;
  uint64_t bits;
  std::memcpy(&bits, value.data, sizeof(bits));
  return bits == uint64_t{1} << 63;
}

// The row with 0.0 for -0.0.
std::vector<uint8_t> WithoutNegativeZeros(const RowLayout& layout, WireRow row) {
  std::vector<uint8_t> folded(row.begin(), row.end());
  ValueCursor values(layout, row);
  for (const WireColumn& column : layout.columns) {
    const WireValue value = values.Next();
    if (value.is_null() || !IsNegativeZero(column.type, value)) continue;
    folded[static_cast<size_t>(value.data - row.data()) + value.size - 1] = 0;  // the sign's byte
  }
  return folded;
}

class TableComparer {
 public:
  TableComparer(const TableInfo& table, Session& source, Session& target,
                const CompareOptions& options)
      : name_(PrintableName(table.name.schema, table.name.name)),
        plan_(PlanTable(table, source.version(), target.version())),
        target_plan_(PlanTable(table, target.version(), target.version())),
        options_(options),
        source_(source),
        target_(target) {
    for (const KeyColumn& column : plan_.identity) identity_.push_back(column.position);
    for (size_t i = 0; i < plan_.columns.size(); ++i) {
      all_columns_.push_back({i, plan_.columns[i].charset});
    }
  }

  absl::StatusOr<TableComparison> Run() {
    ZDPIPE_RETURN_IF_ERROR(FirstLook());
    if (!result_.obstacle.empty()) return result_;
    const std::vector<bool> slices = SlicesToLookAt();
    if (slices.empty()) return result_;
    ZDPIPE_RETURN_IF_ERROR(SecondLook(slices));
    if (result_.obstacle.empty()) Classify();
    return result_;
  }

 private:
  // What the first look finds on one end.
  struct Side {
    SlicedDigest slices;
    uint64_t bytes = 0;
    RowLayout layout;
    absl::Status status;
  };

  // Digests both ends, each in a thread of its own.
  absl::Status FirstLook() {
    std::thread reads_source([this] { Scan(source_, source_side_, options_.moved); });
    Scan(target_, target_side_, nullptr);
    reads_source.join();
    // The end that was called off because of the other one is not the one to report.
    const bool source_failed_first = FailureOf(source_side_.status) != Failure::kStopped;
    ZDPIPE_RETURN_IF_ERROR(
        Obstacle(source_failed_first ? source_side_.status : target_side_.status));
    ZDPIPE_RETURN_IF_ERROR(Obstacle(target_side_.status));
    if (!result_.obstacle.empty()) return absl::OkStatus();
    if (source_side_.layout != target_side_.layout) {
      result_.obstacle = "the types of the columns differ";
    }
    result_.source_rows = source_side_.slices.rows();
    result_.target_rows = target_side_.slices.rows();
    result_.source_bytes = source_side_.bytes;
    return absl::OkStatus();
  }

  void Scan(Session& session, Side& side, const std::function<void(uint64_t, uint64_t)>& moved) {
    uint64_t rows = 0;
    uint64_t told_bytes = 0;
    auto tell = [&] {
      if (moved) moved(rows, side.bytes - told_bytes);
      told_bytes = side.bytes;
      rows = 0;
    };
    side.status = ForEachRow(session, side.layout, [&](const RowLayout& layout, WireRow row) {
      const absl::uint128 hash = HashRow(row);
      side.slices.Add(IdentityHash(layout, row, hash), hash);
      side.bytes += row.size();
      if (++rows == kRowsBetweenChecks) tell();
    });
    tell();
    if (!side.status.ok()) abandoned_.store(true);
  }

  template <typename OnRow>
  absl::Status ForEachRow(Session& session, RowLayout& layout, OnRow on_row) const {
    const TablePlan& plan = &session == &target_ ? target_plan_ : plan_;
    const std::string& scan = options_.json_by_text ? plan.scan_of_texts : plan.scan;
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<RowStream> stream,
                            RowStream::Open(session, scan, plan_.roles));
    layout = stream->layout();
    for (uint64_t rows = 1;; ++rows) {
      ZDPIPE_ASSIGN_OR_RETURN(const bool more, stream->Next());
      if (!more) return absl::OkStatus();
      on_row(layout, stream->row());
      if (rows % kRowsBetweenChecks == 0 && (abandoned_.load() || options_.stopping())) {
        return StoppedError();
      }
    }
  }

  // Without a key, a row is told from others by all of it.
  uint64_t IdentityHash(const RowLayout& layout, WireRow row, absl::uint128 row_hash) const {
    return identity_.empty() ? absl::Uint128Low64(row_hash) : HashValues(layout, identity_, row);
  }

  // What one server says about this table only is an obstacle; anything else ends the run.
  absl::Status Obstacle(const absl::Status& status) {
    const bool of_the_table = ServerErrnoOf(status) > 0 && !IsSessionLost(status);
    if (status.ok() || !of_the_table) {
      return status.ok() ? status : Annotate(status, absl::StrCat("compare ", name_));
    }
    if (result_.obstacle.empty()) result_.obstacle = std::string(status.message());
    return absl::OkStatus();
  }

  // The differing slices, as many as fit the memory; empty when none differs.
  std::vector<bool> SlicesToLookAt() {
    std::vector<bool> chosen;
    const uint64_t average = result_.source_bytes / std::max<uint64_t>(result_.source_rows, 1);
    uint64_t bytes = 0;
    for (size_t i = 0; i < SlicedDigest::kSlices; ++i) {
      const Digest& source = source_side_.slices.slice(i);
      const Digest& target = target_side_.slices.slice(i);
      if (source == target) continue;
      bytes += (source.rows() + target.rows()) *
               (std::min<uint64_t>(average, kKeptRowBytes) + kEntryBytes);
      if (!chosen.empty() && bytes > kSecondLookBytes) {
        result_.at_least = true;
        break;
      }
      chosen.resize(SlicedDigest::kSlices, false);
      chosen[i] = true;
    }
    return chosen;
  }

  // Reads the rows of those slices again; what both ends have cancels out.
  absl::Status SecondLook(const std::vector<bool>& slices) {
    for (const auto& [session, step] : {std::pair(&source_, 1), std::pair(&target_, -1)}) {
      RowLayout layout;
      const absl::Status status =
          ForEachRow(*session, layout, [&, step = step](const RowLayout& now, WireRow row) {
            const absl::uint128 hash = HashRow(row);
            if (!slices[SlicedDigest::SliceOf(IdentityHash(now, row, hash))]) return;
            Unmatched& entry = unmatched_[hash];
            entry.balance += step;
            if (entry.balance == 0) {
              unmatched_.erase(hash);
            } else if (entry.key.empty()) {
              Describe(now, row, entry);
            }
          });
      ZDPIPE_RETURN_IF_ERROR(Obstacle(status));
    }
    return absl::OkStatus();
  }

  void Describe(const RowLayout& layout, WireRow row, Unmatched& entry) const {
    const std::vector<uint8_t> folded = WithoutNegativeZeros(layout, row);
    entry.identity = IdentityHash(layout, folded, HashRow(folded));
    if (row.size() <= kKeptRowBytes) entry.row.assign(row.begin(), row.end());
    if (!plan_.identity.empty()) {
      entry.key = RowLiteral(plan_.identity, layout, row);
    } else if (!entry.row.empty()) {
      entry.key = RowLiteral(all_columns_, layout, row);
    } else {
      entry.key = absl::StrCat("(a row of ", row.size(), " bytes)");
    }
    if (entry.key.size() > kShownKeyBytes)
      entry.key.replace(kShownKeyBytes, std::string::npos, "...");
  }

  // Pairs what is left: the same identity on both ends is one changed row.
  void Classify() {
    std::map<uint64_t, std::pair<std::vector<const Unmatched*>, std::vector<const Unmatched*>>>
        by_identity;
    for (const auto& [hash, entry] : unmatched_) {
      auto& [source, target] = by_identity[entry.identity];
      auto& side = entry.balance > 0 ? source : target;
      side.insert(side.end(), static_cast<size_t>(std::abs(entry.balance)), &entry);
    }
    for (const auto& [identity, sides] : by_identity) {
      const auto& [source, target] = sides;
      const size_t pairs = std::min(source.size(), target.size());
      for (size_t i = 0; i < pairs; ++i) AddChanged(*source[i], *target[i]);
      for (size_t i = pairs; i < source.size(); ++i) {
        Add({RowDifference::Kind::kMissing, source[i]->key, {}});
      }
      for (size_t i = pairs; i < target.size(); ++i) {
        Add({RowDifference::Kind::kExtra, target[i]->key, {}});
      }
    }
    std::sort(result_.shown.begin(), result_.shown.end(),
              [](const RowDifference& a, const RowDifference& b) {
                return std::pair(a.key.size(), a.key) < std::pair(b.key.size(), b.key);
              });
    if (result_.shown.size() > options_.differences_shown) {
      result_.shown.resize(options_.differences_shown);
    }
  }

  void AddChanged(const Unmatched& source, const Unmatched& target) {
    RowDifference difference{RowDifference::Kind::kChanged, source.key, {}};
    if (!source.row.empty() && !target.row.empty()) {
      const RowLayout& layout = source_side_.layout;
      if (options_.forgive_negative_zeros &&
          WithoutNegativeZeros(layout, source.row) == WithoutNegativeZeros(layout, target.row)) {
        ++result_.negative_zeros;
        return;
      }
      ValueCursor a(layout, source.row);
      ValueCursor b(layout, target.row);
      for (const PlannedColumn& column : plan_.columns) {
        const WireValue x = a.Next();
        const WireValue y = b.Next();
        const bool equal = x.is_null() == y.is_null() && x.size == y.size &&
                           (x.size == 0 || std::memcmp(x.data, y.data, x.size) == 0);
        if (!equal) difference.columns.push_back(column.name);
      }
    }
    Add(std::move(difference));
  }

  void Add(RowDifference difference) {
    ++result_.differences;
    result_.shown.push_back(std::move(difference));
  }

  const std::string name_;
  const TablePlan plan_;  // of the source's rows, as the target stores them
  const TablePlan target_plan_;
  const CompareOptions& options_;
  Session& source_;
  Session& target_;
  std::vector<size_t> identity_;  // positions of the key's columns
  std::vector<KeyColumn> all_columns_;
  Side source_side_;
  Side target_side_;
  std::atomic<bool> abandoned_ = false;  // one end has failed: the other need not go on
  absl::flat_hash_map<absl::uint128, Unmatched> unmatched_;
  TableComparison result_;
};

}  // namespace

absl::string_view RowDifferenceName(RowDifference::Kind kind) {
  switch (kind) {
    case RowDifference::Kind::kMissing:
      return "missing";
    case RowDifference::Kind::kExtra:
      return "extra";
    case RowDifference::Kind::kChanged:
      return "changed";
  }
  return "changed";
}

absl::StatusOr<TableComparison> CompareTable(const TableInfo& table, Session& source,
                                             Session& target, const CompareOptions& options) {
  TableComparer comparer(table, source, target, options);
  return comparer.Run();
}

}  // namespace zdpipe
