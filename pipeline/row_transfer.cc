#include "pipeline/row_transfer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/server/sql_text.h"

namespace zdpipe {

namespace {

// Of rows as large as blobs the target's disk and network are the work: while one loader waits for
// its commit, another one sends (decision 0066).
constexpr uint64_t kBlobRowBytes = 16 * 1024;

size_t FirstWidth(const TableInfo& table) {
  return table.data_bytes_estimate / kBlobRowBytes > table.rows_estimate ? 2 : 1;
}

}  // namespace

RowTransfer::RowTransfer(const TableInfo& table, const std::vector<TransferSegment>& segments,
                         LoadTable& load, TableCopyContext& context)
    : table_(table),
      segments_(segments),
      load_(load),
      context_(context),
      width_(FirstWidth(table)),
      tuner_({.first = FirstWidth(table)}) {}

absl::Status RowTransfer::Run(LaneSessions& sessions) {
  ZDPIPE_ASSIGN_OR_RETURN(std::optional<PipeSegment> first, OpenNext(sessions));
  load_.layout = first->stream->layout();
  if (!context_.pipe.one_range) context_.queue.BeginRows();
  absl::Status status;
  if (segments_.size() == 1) {
    status = MoveSegments(sessions, std::move(first), [] { return false; });
  } else {
    // The table's own lane goes on until every segment is begun, those that join may leave.
    const auto work = [&](const SharedWork& shared, LaneSessions& lane) {
      return &lane == &sessions ? MoveSegments(lane, std::move(first), [] { return false; })
                                : MoveSegments(lane, std::nullopt,
                                               [&] { return shared.workers() > width_.load(); });
    };
    SharedWork shared(work, [this](size_t workers) {
      return next_.load() < segments_.size() && workers < width_.load();
    });
    status = context_.queue.Share(shared, sessions);
  }
  if (!context_.pipe.one_range) context_.queue.EndRows();
  return status;
}

// Moves segments until all are begun, or `leave` says so.
absl::Status RowTransfer::MoveSegments(LaneSessions& sessions, std::optional<PipeSegment> first,
                                       const std::function<bool()>& leave) {
  context_.pipe.progress.SetActive(sessions.lane, PrintableName(load_.name.schema, load_.name.name),
                                   "rows");
  const NextSegment next_segment = [&]() -> absl::StatusOr<std::optional<PipeSegment>> {
    if (first.has_value()) return std::exchange(first, std::nullopt);
    if (leave()) return std::nullopt;
    return OpenNext(sessions);
  };
  uint64_t counted_ranges = 0;
  uint64_t counted_bytes = 0;
  const LoadersNow loaders_now = [&](uint64_t ranges, uint64_t bytes) {
    std::lock_guard lock(mutex_);
    if (counted_ranges == 0 && ranges > 0) ++at_work_;
    loaded_ranges_ += ranges - counted_ranges;
    loaded_bytes_ += bytes - counted_bytes;
    counted_ranges = ranges;
    counted_bytes = bytes;
    return Loaders();
  };
  PipeResult moved;
  absl::Status status = PipeRows(next_segment, load_, loaders_now, context_.pipe, error_, moved);
  if (status.ok() && moved.other_ranges && segments_.size() > 1) {
    status = MakeError(
        Failure::kResume,
        absl::StrCat("the ledger is damaged: ", PrintableName(load_.name.schema, load_.name.name),
                     ": the source does not have the ranges of its segments"));
    error_.Set(status);
  }
  std::lock_guard lock(mutex_);
  if (counted_ranges > 0) --at_work_;
  moved_.Add(moved);
  return status;
}

// Of each of the lanes that work on the table; mutex_ is held.
size_t RowTransfer::Loaders() {
  if (context_.pipe.one_range) return 1;
  const bool one_lane = segments_.size() == 1;
  const uint64_t all = table_.data_bytes_estimate;
  const uint64_t left = all - std::min(all, loaded_bytes_);
  const size_t most = context_.queue.LoadersPerLane();
  width_.store(tuner_.Width(most, loaded_ranges_, loaded_bytes_, left, WidthTuner::Clock::now(),
                            one_lane ? most : at_work_));
  return one_lane ? width_.load() : 1;
}

absl::StatusOr<std::optional<PipeSegment>> RowTransfer::OpenNext(LaneSessions& sessions) {
  const size_t number = next_.fetch_add(1);
  if (number >= segments_.size()) return std::nullopt;
  ZDPIPE_ASSIGN_OR_RETURN(
      std::unique_ptr<RowStream> stream,
      RowStream::Open(*sessions.reader, segments_[number].select, load_.plan.roles));
  if (number > 0 && stream->layout() != load_.layout) {
    return MakeError(
        Failure::kConsistency,
        absl::StrCat("the columns of ", PrintableName(load_.name.schema, load_.name.name),
                     " have changed while it was read"));
  }
  return std::optional<PipeSegment>(
      {std::move(stream), static_cast<uint32_t>(number), segments_[number].in});
}

}  // namespace zdpipe
