#include "pipeline/row_pipe.h"

#include <oneapi/tbb/parallel_pipeline.h>

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
  RowPipe(RowStream& stream, const LoadTable& table, const RangesIn& in,
          const LoadersNow& loaders_now, PipeResources resources)
      : stream_(stream),
        table_(table),
        in_(in),
        loaders_now_(loaders_now),
        use_(resources),
        next_range_(in.first_number),
        result_(in.skipped) {
    use_.progress.AddRows(result_.digest.rows(), result_.bytes);
  }

  absl::StatusOr<PipeResult> Run() {
    // The rows of most tables fit one range: no pipeline, whose threads take their time to wake up
    // and to fall asleep (three quarters of the client's work for thousands of small tables).
    Guarded([this] {
      first_ = FillNext(LoadersNowUsed());
      if (first_ != nullptr && source_ended_) Load(std::exchange(first_, nullptr));
    });
    result_.more = use_.one_range && !source_ended_ && !Stopping();
    while (!result_.more && !source_ended_ && !other_ranges_ && !Stopping()) {
      hand_over_.Pass();
      RunPipeline(LoadersNowUsed());
      hand_over_.Pass();
    }
    if (first_ != nullptr) GiveBack(first_);  // stopped in between
    result_.other_ranges = other_ranges_ || next_known_ < in_.known.size();
    if (ServerErrnoOf(error_.status()) == kErrClientPacketTooLarge ||
        ConcernsOneObject(error_.status()) ||
        (error_.status().ok() && (result_.other_ranges || result_.more))) {
      // The table is going to be begun again.
      use_.progress.RemoveRows(result_.digest.rows(), result_.bytes);
    }
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    if (use_.cancel.cancelled() || use_.run_error.failed()) return StoppedError();
    return result_;
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
      tbb::parallel_pipeline(tokens,
                             tbb::make_filter<void, Range*>(tbb::filter_mode::serial_in_order,
                                                            ReadStage{this, loaders}) &
                                 tbb::make_filter<Range*, void>(load_mode, LoadStage{this}));
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

  // Stage `read`: fills a range from the stream.
  Range* Read(tbb::flow_control& control, size_t loaders) {
    hand_over_.Pass();
    Range* range = first_ != nullptr ? std::exchange(first_, nullptr) : FillNext(loaders);
    if (range == nullptr) control.stop();
    hand_over_.Pass();
    return range;
  }

  // Null when there is nothing to load any more, or the pipeline has to be rebuilt.
  Range* FillNext(size_t loaders) {
    if (source_ended_ || other_ranges_ || Stopping() || LoadersNowUsed() != loaders) {
      return nullptr;
    }
    Range* range = use_.ranges.Take();
    absl::Status status = Fill(*range);
    while (status.ok() && IsIn(*range)) {
      range->Clear();
      if (source_ended_ || Stopping()) break;
      status = Fill(*range);
    }
    error_.Set(status);
    if (!status.ok() || other_ranges_ || range->rows() == 0) {
      GiveBack(range);
      return nullptr;
    }
    return range;
  }

  void GiveBack(Range* range) {
    range->Clear();
    use_.ranges.Give(range);
  }

  // Whether an earlier run has brought this range. The same rows make the same ranges, because they
  // are cut by their bytes; if they do not, other_ranges_ is set.
  bool IsIn(const Range& range) {
    if (range.rows() == 0 || next_known_ == in_.known.size()) return false;
    const RangeRecord& known = in_.known[next_known_];
    if (known.number != range.number) return false;
    if (known.rows != range.rows() || known.digest != range.digest().Hex()) {
      other_ranges_ = true;
      return false;
    }
    ++next_known_;
    Count(range);
    return true;
  }

  absl::Status Fill(Range& range) {
    const ElapsedScope busy(use_.busy.read_nanoseconds);
    range.Clear();
    range.number = next_range_++;
    while (true) {
      if (!row_pending_) {
        ZDPIPE_ASSIGN_OR_RETURN(const bool more, stream_.Next());
        if (!more) {
          source_ended_ = true;
          return absl::OkStatus();
        }
      }
      row_pending_ = !range.Append(stream_.row());
      if (row_pending_) return absl::OkStatus();
      range.enum_error_values += stream_.enum_errors();
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

  RowStream& stream_;
  const LoadTable& table_;
  const RangesIn& in_;
  const LoadersNow& loaders_now_;
  PipeResources use_;
  FirstError error_;
  // The read stage is serial: these need no lock.
  bool row_pending_ = false;  // stream_.row() did not fit the last range
  bool source_ended_ = false;
  Range* first_ = nullptr;  // filled before the first pipeline was built
  uint64_t next_range_;
  size_t next_known_ = 0;      // of in_.known
  bool other_ranges_ = false;  // see PipeResult
  HandOver hand_over_;
  std::atomic<uint64_t> loaded_ranges_ = 0;  // without those that were in
  std::atomic<uint64_t> loaded_bytes_ = 0;
  std::mutex mutex_;
  PipeResult result_;  // guarded by mutex_ while stages run
};

}  // namespace

absl::StatusOr<PipeResult> PipeRows(RowStream& stream, const LoadTable& table, const RangesIn& in,
                                    const LoadersNow& loaders_now, PipeResources resources) {
  RowPipe pipe(stream, table, in, loaders_now, resources);
  return pipe.Run();
}

}  // namespace zdpipe
