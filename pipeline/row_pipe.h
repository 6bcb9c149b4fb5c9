// One table's rows on their way: read → load, as a oneTBB pipeline.
#ifndef ZDPIPE_PIPELINE_ROW_PIPE_H_
#define ZDPIPE_PIPELINE_ROW_PIPE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/load/range_loader.h"
#include "engine/rows/digest.h"
#include "engine/rows/range.h"
#include "engine/server/row_stream.h"
#include "pipeline/cancel.h"
#include "pipeline/limited_by.h"
#include "pipeline/progress.h"
#include "pipeline/throttle.h"

namespace zdpipe {

// Leases objects that are expensive to make and few: range buffers, loaders. Thread-safe.
template <typename T>
class Pool {
 public:
  void Add(std::unique_ptr<T> item) {
    std::lock_guard lock(mutex_);
    free_.push_back(item.get());
    all_.push_back(std::move(item));
  }
  // Waits until one is free: whoever has one gives it back without waiting for a further one. (A
  // range that waits for its loader is taken up by the other thread of its pipeline's arena.)
  T* Take() {
    std::unique_lock lock(mutex_);
    given_.wait(lock, [this] { return !free_.empty(); });
    T* item = free_.back();
    free_.pop_back();
    return item;
  }
  void Give(T* item) {
    {
      std::lock_guard lock(mutex_);
      free_.push_back(item);
    }
    given_.notify_one();
  }
  // All items; only while nobody else uses the pool.
  const std::vector<std::unique_ptr<T>>& all() const { return all_; }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<T*> free_;  // guarded by mutex_
  std::vector<std::unique_ptr<T>> all_;
};

// What a row pipe uses and shares with those of other tables.
struct PipeResources {
  Pool<Range>& ranges;
  Pool<RangeLoader>& loaders;
  Progress& progress;
  Throttle& throttle;
  BusyTime& busy;
  const CancelToken& cancel;
  const FirstError& run_error;     // of the whole run: everyone drains
  std::atomic<uint64_t>& lasting;  // ranges and tables that the next attempt finds: progress
  size_t ranges_per_loader = 2;
  bool one_range = false;  // of a table with more rows nothing is loaded: PipeResult::more
};

struct PipeResult {
  Digest digest;
  uint64_t bytes = 0;
  uint64_t ranges = 0;
  // A stream does not give the rows in the ranges that are in already: nothing can be said of
  // what is missing.
  bool other_ranges = false;
  // There are more rows than the one range of these resources holds; nothing was loaded.
  bool more = false;

  void Add(const PipeResult& other) {
    digest.Add(other.digest);
    bytes += other.bytes;
    ranges += other.ranges;
    other_ranges = other_ranges || other.other_ranges;
    more = more || other.more;
  }
};

// What an unfinished run has brought of a segment of a table.
struct RangesIn {
  // The rows in front of the stream, which are not read again.
  PipeResult skipped;
  uint64_t first_number = 0;  // of the stream's first range
  // Ranges of the stream that are in: read again and compared, not loaded. In the order of numbers.
  std::vector<RangeRecord> known;
};

// A part of a table that is read by one SELECT; most tables are a single one.
struct PipeSegment {
  std::unique_ptr<RowStream> stream;
  uint32_t number = 0;  // of the table, from 0
  RangesIn in;
};

// The next segment to be read, nullopt when there is none left. The stream of the one before has
// been closed when it is called.
using NextSegment = std::function<absl::StatusOr<std::optional<PipeSegment>>()>;

// How many loaders may be used now, after so many ranges and bytes have been loaded.
using LoadersNow = std::function<size_t(uint64_t ranges, uint64_t bytes)>;

// Moves all rows of the segments into `table`, but for those of ranges that are in already.
// `loaders_now` says how many loaders may be used; it is asked at every range, and the pipeline is
// rebuilt with another width when the answer changes. Returns when all ranges are committed, or
// with the first error after the stages have drained; `error` makes several pipes of one table stop
// at the first one of any of them. `result` has what is in, in either case.
absl::Status PipeRows(const NextSegment& next_segment, const LoadTable& table,
                      const LoadersNow& loaders_now, PipeResources resources, FirstError& error,
                      PipeResult& result);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_ROW_PIPE_H_
