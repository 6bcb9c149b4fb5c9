#include "pipeline/row_pipe.h"

#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/elapsed.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

// oneTBB orders the calls of the serial read stage, a range's way from one stage to the next, and
// the end of the pipeline. This says the same in a way that ThreadSanitizer sees: it cannot look
// into the packaged oneTBB, and would take every hand-over for a race. Once per stage and range.
class HandOver {
 public:
  void Pass() { passes_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::atomic<uint64_t> passes_ = 0;
};

class RowPipe {
 public:
  RowPipe(const NextSegment& next_segment, const LoadTable& table, const LoadersNow& loaders_now,
          PipeResources resources, FirstError& error, PipeResult& result)
      : next_segment_(next_segment),
        table_(table),
        loaders_now_(loaders_now),
        use_(resources),
        error_(error),
        result_(result) {}

  absl::Status Run() {
    // The rows of most tables fit one range: no pipeline, whose threads take their time to wake up
    // and to fall asleep (three quarters of the client's work for thousands of small tables).
    Guarded([this] {
      error_.Set(TakeSegment());
      first_ = FillNext(LoadersNowUsed());
      if (first_ != nullptr && source_ended_) Load(std::exchange(first_, nullptr));
    });
    result_.more = use_.one_range && !source_ended_ && !Stopping();
    while (!result_.more && !source_ended_ && !result_.other_ranges && !Stopping()) {
      hand_over_.Pass();
      RunPipeline(LoadersNowUsed());
      hand_over_.Pass();
    }
    if (first_ != nullptr) GiveBack(first_);  // stopped in between
    segment_.reset();
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    if (use_.cancel.cancelled() || use_.run_error.failed()) return StoppedError();
    return absl::OkStatus();
  }

 private:
  bool Stopping() const {
    return error_.failed() || use_.cancel.cancelled() || use_.run_error.failed();
  }

  size_t LoadersNowUsed() const {
    return loaders_now_(loaded_ranges_.load(), loaded_bytes_.load());
  }

  // What oneTBB copies and calls. Reading their members is all they do outside of a HandOver.
  struct ReadStage {
    RowPipe* pipe;
    size_t loaders;
    __attribute__((no_sanitize_thread)) Range* operator()(tbb::flow_control& control) const {
      return pipe->Read(control, loaders);
    }
  };
  struct LoadStage {
    RowPipe* pipe;
    __attribute__((no_sanitize_thread)) void operator()(Range* range) const { pipe->Load(range); }
  };

  // One pipeline, until the rows or the agreed number of loaders end. A single loader takes the
  // ranges in order; several take whichever comes.
  void RunPipeline(size_t loaders) {
    const auto load_mode =
        loaders == 1 ? tbb::filter_mode::serial_in_order : tbb::filter_mode::parallel;
    const size_t tokens = loaders == 1 ? use_.ranges_per_loader : loaders + 1;
    Guarded([&] {
      // One thread for each session and no more: in a larger arena the others look for work, and
      // take their processor from the servers.
      tbb::task_arena arena(static_cast<int>(loaders + 1));
      arena.execute([&] {
        tbb::parallel_pipeline(tokens,
                               tbb::make_filter<void, Range*>(tbb::filter_mode::serial_in_order,
                                                              ReadStage{this, loaders}) &
                                   tbb::make_filter<Range*, void>(load_mode, LoadStage{this}));
      });
    });
  }

  // Memory that is refused must not end the process with a ledger that says "running".
  template <typename Body>
  void Guarded(const Body& body) {
    try {
      body();
    } catch (const std::exception& exception) {
      error_.Set(MakeError(Failure::kInternal,
                           absl::StrCat("row pipeline: exception: ", exception.what())));
    }
  }

  // Stage `read`: fills a range from the segment's stream.
  Range* Read(tbb::flow_control& control, size_t loaders) {
    hand_over_.Pass();
    Range* range = first_ != nullptr ? std::exchange(first_, nullptr) : FillNext(loaders);
    if (range == nullptr) control.stop();
    hand_over_.Pass();
    return range;
  }

  // Null when there is nothing to load any more, or the pipeline has to be rebuilt.
  Range* FillNext(size_t loaders) {
    if (LoadersNowUsed() != loaders) return nullptr;
    Range* range = use_.ranges.Take();
    while (!source_ended_ && !result_.other_ranges && !Stopping()) {
      error_.Set(Fill(*range));
      const bool is_in = !error_.failed() && IsIn(*range);
      if (segment_ended_ && !error_.failed()) error_.Set(TakeSegment());
      if (error_.failed() || result_.other_ranges) break;
      if (!is_in && range->rows() > 0) return range;
    }
    GiveBack(range);
    return nullptr;
  }

  // Goes on with the next segment; source_ended_ when there is none.
  absl::Status TakeSegment() {
    if (segment_.has_value() && next_known_ < segment_->in.known.size()) {
      result_.other_ranges = true;
      return absl::OkStatus();
    }
    segment_.reset();  // the next one may need its session
    segment_ended_ = false;
    ZDPIPE_ASSIGN_OR_RETURN(segment_, next_segment_());
    source_ended_ = !segment_.has_value();
    if (source_ended_) return absl::OkStatus();
    next_range_ = segment_->in.first_number;
    next_known_ = 0;
    const PipeResult& skipped = segment_->in.skipped;
    use_.progress.AddRows(skipped.digest.rows(), skipped.bytes);
    std::lock_guard lock(mutex_);
    result_.Add(skipped);
    return absl::OkStatus();
  }

  void GiveBack(Range* range) {
    range->Clear();
    use_.ranges.Give(range);
  }

  // Whether an earlier run has brought this range. The same rows make the same ranges, because they
  // are cut by their bytes; if they do not, result_.other_ranges is set.
  bool IsIn(const Range& range) {
    const std::vector<RangeRecord>& in = segment_->in.known;
    if (range.rows() == 0 || next_known_ == in.size()) return false;
    const RangeRecord& known = in[next_known_];
    if (known.number != range.number) return false;
    if (known.rows != range.rows() || known.digest != range.digest().Hex()) {
      result_.other_ranges = true;
      return false;
    }
    ++next_known_;
    Count(range);
    return true;
  }

  absl::Status Fill(Range& range) {
    const ElapsedScope busy(use_.busy.read_nanoseconds);
    RowStream& stream = *segment_->stream;
    range.Clear();
    range.segment = segment_->number;
    range.number = next_range_++;
    while (true) {
      if (!row_pending_) {
        ZDPIPE_ASSIGN_OR_RETURN(const bool more, stream.Next());
        if (!more) {
          segment_ended_ = true;
          return absl::OkStatus();
        }
      }
      row_pending_ = !range.Append(stream.row());
      if (row_pending_) return absl::OkStatus();
      range.enum_error_values += stream.enum_errors();
      if (range.rows() % kRowsBetweenCancelChecks == 0 && Stopping()) return StoppedError();
    }
  }

  // Stage `load`: commits the range, with its ledger row, in one transaction.
  void Load(Range* range) {
    hand_over_.Pass();
    use_.throttle.Await(range->row_bytes(), [this] { return Stopping(); });
    if (!Stopping()) {
      RangeLoader* loader = use_.loaders.Take();
      const absl::Status status = loader->Load(table_, *range, [this] { return Stopping(); });
      use_.loaders.Give(loader);
      error_.Set(status);
      if (status.ok()) {
        ++loaded_ranges_;
        if (table_.lasting) ++use_.lasting;
        loaded_bytes_ += range->row_bytes();
        Count(*range);
      }
    }
    GiveBack(range);
    hand_over_.Pass();
  }

  void Count(const Range& range) {
    use_.progress.AddRows(range.rows(), range.row_bytes());
    std::lock_guard lock(mutex_);
    result_.digest.Add(range.digest());
    result_.bytes += range.row_bytes();
    ++result_.ranges;
  }

  // A fetch takes about 100 ns; the flag is looked at every 0.1 ms.
  static constexpr uint64_t kRowsBetweenCancelChecks = 1024;

  const NextSegment& next_segment_;
  const LoadTable& table_;
  const LoadersNow& loaders_now_;
  PipeResources use_;
  FirstError& error_;
  // The read stage is serial: these need no lock.
  std::optional<PipeSegment> segment_;
  bool row_pending_ = false;    // the row of its stream did not fit the last range
  bool segment_ended_ = false;  // its stream has
  bool source_ended_ = false;   // there are no more segments
  Range* first_ = nullptr;      // filled before the first pipeline was built
  uint64_t next_range_ = 0;
  size_t next_known_ = 0;  // of the segment's ranges that are in
  HandOver hand_over_;
  std::atomic<uint64_t> loaded_ranges_ = 0;  // without those that were in
  std::atomic<uint64_t> loaded_bytes_ = 0;
  std::mutex mutex_;
  PipeResult& result_;  // guarded by mutex_ while stages run
};

}  // namespace

absl::Status PipeRows(const NextSegment& next_segment, const LoadTable& table,
                      const LoadersNow& loaders_now, PipeResources resources, FirstError& error,
                      PipeResult& result) {
  RowPipe pipe(next_segment, table, loaders_now, resources, error, result);
  return pipe.Run();
}

}  // namespace zdpipe
