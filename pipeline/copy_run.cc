#include "pipeline/copy_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/ledger/ledger.h"
#include "pipeline/copy_attempt.h"
#include "pipeline/limited_by.h"
#include "pipeline/ticker.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause{500};
constexpr std::chrono::milliseconds kLongestPause{10'000};

// Attempts until one ends for a reason that does not pass by itself, each going on where the one
// before it ended.
class CopyRun {
 public:
  CopyRun(const CopyOptions& options, CancelToken& cancel, Progress& progress,
          const std::function<void(const ProgressView&)>& on_tick,
          const std::function<void(absl::string_view)>& on_note)
      : options_(options),
        cancel_(cancel),
        progress_(progress),
        on_tick_(on_tick),
        on_note_(on_note),
        throttle_(options.throttle) {}

  CopyReport Run() {
    {
      Ticker ticker([this] { WatchDeadline(); });
      Attempts();
    }
    if (deadline_passed_ && FailureOf(report_.status) == Failure::kStopped) {
      report_.status = MakeError(
          Failure::kStopped,
          absl::StrCat("stopped: the deadline of ", options_.deadline.count(), " s has passed"));
    }
    report_.status = WithHint(report_.status, Hint());
    report_.retry_causes = retries_.counts();
    for (const auto& [cause, count] : report_.retry_causes) report_.retries += count;
    report_.throttled_seconds = throttle_.waited_seconds();
    report_.memory_peak_bytes = MemoryPeakBytes();
    report_.finished_at = UtcNow();
    return std::move(report_);
  }

 private:
  void Attempts() {
    bool resume = options_.resume;
    auto pause = kFirstPause;
    auto give_up = Clock::time_point::max();
    unsigned long lost_ledger_thread = 0;
    std::string run_id;
    while (true) {
      progress_.Restart();
      AttemptResult result =
          RunAttempt({options_, cancel_, progress_, on_tick_, on_note_, throttle_, retries_,
                      source_sessions_, resume, lost_ledger_thread, run_id});
      if (result.may_go_on) {
        lost_ledger_thread = result.ledger_thread;
        run_id = result.report.run_id;
      }
      may_go_on_ = may_go_on_ || result.may_go_on;
      ++attempts_;
      Keep(std::move(result.report));
      if (!MayPass(report_.status)) return;
      if (result.brought || give_up == Clock::time_point::max()) {
        give_up = Clock::now() + options_.retry_for;
        pause = kFirstPause;
      }
      if (Clock::now() + pause > give_up) return;
      retries_.Add(Cause(report_.status));
      on_note_(absl::StrCat("trying again for ", options_.retry_for.count(),
                            " s: ", report_.status.message()));
      if (!Sleep(pause)) {
        report_.status = StoppedError();
        return;
      }
      pause = std::min(2 * pause, kLongestPause);
      resume = true;
    }
  }

  // The server may still keep the lock of an attempt whose connection broke.
  bool HoldsOwnLock(const absl::Status& status) const {
    return attempts_ > 1 && FailureOf(status) == Failure::kBusy;
  }
  bool MayPass(const absl::Status& status) const {
    return may_go_on_ && (!PassingTrouble(status).empty() || HoldsOwnLock(status));
  }
  absl::string_view Cause(const absl::Status& status) const {
    return HoldsOwnLock(status) ? "lock of the run" : PassingTrouble(status);
  }

  // What one attempt has to say, and of those before it what is not in that.
  void Keep(CopyReport report) {
    if (attempts_ > 1) {
      report.started_at = report_.started_at;
      report.phases.insert(report.phases.begin(), report_.phases.begin(), report_.phases.end());
      report.notes.insert(report.notes.begin(), report_.notes.begin(), report_.notes.end());
      if (report.handoff_paths.empty()) report.handoff_paths = report_.handoff_paths;
      if (report.source.name.empty()) report.source = report_.source;
      if (report.target.name.empty()) report.target = report_.target;
    }
    report_ = std::move(report);
    if (report_.resume.has_value()) report_.resume->attempts = attempts_;
  }

  std::string Hint() const {
    const Failure failure = FailureOf(report_.status);
    if (failure != Failure::kStopped && failure != Failure::kSource &&
        failure != Failure::kTarget) {
      return "";
    }
    if (options_.source_state == SourceState::kMaster || !may_go_on_) {
      return "nothing usable is on the target; start the copy again";
    }
    return "nothing usable is on the target yet; go on with the same command and --resume";
  }

  void WatchDeadline() {
    if (options_.deadline.count() == 0 || Clock::now() - start_ < options_.deadline) return;
    if (!cancel_.cancelled()) deadline_passed_ = true;
    cancel_.Cancel();
  }

  // False when the run is stopped meanwhile.
  bool Sleep(std::chrono::milliseconds time) const {
    const auto end = Clock::now() + time;
    while (Clock::now() < end && !cancel_.cancelled()) std::this_thread::sleep_for(Ticker::kPoll);
    return !cancel_.cancelled();
  }

  const CopyOptions& options_;
  CancelToken& cancel_;
  Progress& progress_;
  const std::function<void(const ProgressView&)>& on_tick_;
  const std::function<void(absl::string_view)>& on_note_;
  const Clock::time_point start_ = Clock::now();
  Throttle throttle_;
  RetryLog retries_;
  std::vector<ServerSession> source_sessions_;
  CopyReport report_;
  size_t attempts_ = 0;
  bool may_go_on_ = false;
  std::atomic<bool> deadline_passed_ = false;
};

}  // namespace

void ReportCheck(const CheckResult& check, CopyReport& report) {
  report.source = check.source;
  report.target = check.target;
  report.findings = check.findings;
  report.tables_total = check.catalog.tables.size();
  for (const TableInfo& table : check.catalog.tables) {
    report.bytes_estimate += table.data_bytes_estimate;
  }
}

absl::Status ReportPlan(const CopyOptions& options, Session& source, Session& target,
                        CopyReport& report) {
  ZDPIPE_ASSIGN_OR_RETURN(report.source_round_trip, RoundTripSeconds(source));
  ZDPIPE_ASSIGN_OR_RETURN(report.target_round_trip, RoundTripSeconds(target));
  ZDPIPE_ASSIGN_OR_RETURN(
      report.resources,
      PlanResourcesFor(options, target, report.source_round_trip, report.target_round_trip));
  return absl::OkStatus();
}

absl::Status RefusedError(const CheckResult& check) {
  size_t errors = 0;
  const Finding* first = nullptr;
  for (const Finding& finding : check.findings) {
    if (finding.severity != Severity::kError) continue;
    if (errors++ == 0) first = &finding;
  }
  return WithHint(
      MakeError(Failure::kRefused,
                absl::StrCat("refused by check: ", first->id, ": ", first->object,
                             first->object.empty() ? "" : ": ", first->evidence,
                             errors > 1 ? absl::StrCat(" (and ", errors - 1, " more)") : "")),
      first->fix);
}

CopyReport RunCopy(const CopyOptions& options, CancelToken& cancel, Progress& progress,
                   const std::function<void(const ProgressView&)>& on_tick,
                   const std::function<void(absl::string_view)>& on_note) {
  return CopyRun(options, cancel, progress, on_tick, on_note).Run();
}

int CopyReport::exit_code() const { return status.ok() ? 0 : static_cast<int>(FailureOf(status)); }

double CopyReport::verify_seconds() const {
  double seconds = 0;
  for (const TableReport& table : tables) seconds += table.verify_seconds;
  return seconds;
}

double CopyReport::verify_share() const {
  double all = verify_seconds();
  for (const TableReport& table : tables) all += table.row_seconds + table.index_seconds;
  return all > 0 ? verify_seconds() / all : 0;
}

CopyReport PlanCopy(const CopyOptions& options, std::vector<TableInfo>* tables) {
  CopyReport report;
  report.tool_version = options.tool_version;
  report.started_at = UtcNow();
  report.status = [&]() -> absl::Status {
    // Said before anything is connected.
    ZDPIPE_RETURN_IF_ERROR(
        PlanResources(options.memory_bytes, options.range_bytes, options.jobs).status());
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> source,
                            Session::Connect(options.source, End::kSource, {}));
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> target,
                            Session::Connect(options.target, End::kTarget, {}));
    ZDPIPE_RETURN_IF_ERROR(ReportPlan(options, *source, *target, report));
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<LedgerObject> earlier,
                            Ledger::EarlierObjects(*target, options.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(CheckResult check, RunCheck(*source, *target, options, earlier));
    ReportCheck(check, report);
    ZDPIPE_RETURN_IF_ERROR(LimitSmallLanes(check.catalog.tables, options.memory_bytes, *source,
                                           *target, report.resources));
    if (tables != nullptr) *tables = std::move(check.catalog.tables);
    return check.refused() ? RefusedError(check) : absl::OkStatus();
  }();
  report.finished_at = UtcNow();
  report.memory_peak_bytes = MemoryPeakBytes();
  return report;
}

uint64_t MemoryPeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
}

}  // namespace zdpipe
