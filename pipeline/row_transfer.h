// The rows of one table, moved by its own lane and by those that join it.
#ifndef ZDPIPE_PIPELINE_ROW_TRANSFER_H_
#define ZDPIPE_PIPELINE_ROW_TRANSFER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/load/range_loader.h"
#include "pipeline/row_pipe.h"
#include "pipeline/shared_work.h"
#include "pipeline/table_copy.h"
#include "pipeline/width_tuner.h"

namespace zdpipe {

// What is to be read of a segment, and what of it is in.
struct TransferSegment {
  std::string select;
  RangesIn in;
};

// A table of one segment has one reader and, where that gains, several loaders. Of several segments
// each is read and loaded by one lane, and as many lanes work on the table as gain: readers that
// are far apart in the table do not wait for each other, nor do their loaders.
//
// Used once, by the table's own lane.
class RowTransfer {
 public:
  // All of them outlive this. `load` gets its layout from the first segment's stream.
  RowTransfer(const TableInfo& table, const std::vector<TransferSegment>& segments, LoadTable& load,
              TableCopyContext& context);

  absl::Status Run(LaneSessions& sessions);

  // Also after an error: what was moved until then.
  const PipeResult& moved() const { return moved_; }
  // That were the best number.
  size_t loaders() const { return tuner_.best(); }

 private:
  absl::Status MoveSegments(LaneSessions& sessions, std::optional<PipeSegment> first,
                            const std::function<bool()>& leave);
  absl::StatusOr<std::optional<PipeSegment>> OpenNext(LaneSessions& sessions);
  size_t Loaders();

  const TableInfo& table_;
  const std::vector<TransferSegment>& segments_;
  LoadTable& load_;
  TableCopyContext& context_;
  FirstError error_;
  std::atomic<size_t> next_ = 0;  // of segments_
  std::atomic<size_t> width_;     // the tuner's last word
  std::mutex mutex_;              // guards what follows, as long as lanes work
  WidthTuner tuner_;
  uint64_t loaded_ranges_ = 0;
  uint64_t loaded_bytes_ = 0;
  size_t at_work_ = 0;  // lanes that have brought a range, and go on
  PipeResult moved_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_ROW_TRANSFER_H_
