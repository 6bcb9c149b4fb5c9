#include "pipeline/table_lanes.h"

#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "pipeline/lane_gate.h"
#include "pipeline/parallel.h"
#include "pipeline/row_pipe.h"
#include "pipeline/table_queue.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

// A trial of the WidthTuner.
constexpr uint64_t kRangesPerSegment = 4;
constexpr std::chrono::seconds kWaitNoteEvery{5};

class TableLanes {
 public:
  TableLanes(const LanesContext& context, LanesOutcome& outcome)
      : context_(context),
        plan_(context.resources),
        error_(context.error),
        cancel_(context.cancel),
        outcome_(outcome) {}

  absl::Status Run() {
    // With one session only (a busy master without a lock) there is one lane, with all loaders.
    const size_t lanes = std::max<size_t>(1, context_.snapshot.sessions.size() - 1);
    const size_t any_lanes = std::min(lanes, plan_.jobs);
    const std::vector<TableInfo>& tables = context_.tables;
    SortLargestFirst(context_.tables);
    PlanTables();

    for (size_t i = 0; i < plan_.ranges; ++i) ranges_.Add(std::make_unique<Range>(plan_.sizes));
    for (size_t i = 0; i < plan_.small_lanes; ++i) {
      small_ranges_.Add(
          std::make_unique<Range>(RangeSizes{plan_.sizes.batch_bytes, plan_.sizes.batch_bytes}));
    }
    ZDPIPE_RETURN_IF_ERROR(InParallel(plan_.lanes(), [this](size_t i) {
      return AddLoader(plan_.IsSmallLane(i) ? small_loaders_ : loaders_);
    }));

    // oneTBB has a thread for each processor otherwise. Those of a pipeline wait for servers: one
    // for each loader, and some more while pipelines change their widths.
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 2 * plan_.jobs + 2);
    TableQueue queue(tables, any_lanes, plan_.jobs);
    LaneGate gate(
        {plan_.first_lanes, std::min(any_lanes, plan_.target_lanes), any_lanes},
        [this] {
          return LaneWork{
              context_.progress.bytes() + context_.progress.tables_done() * kTableCostBytes,
              context_.busy.read_nanoseconds};
        },
        context_.bytes_estimate + tables.size() * kTableCostBytes);
    TableCopyContext any{context_.options, context_.ledger, queue, Pipe(ranges_, loaders_),
                         any_lanes > 1 ? kRangesPerSegment * plan_.sizes.range_bytes : 0};
    // One range, and one loader, for each of the lanes.
    TableCopyContext small{context_.options, context_.ledger, queue,
                           Pipe(small_ranges_, small_loaders_), 0};
    small.pipe.one_range = true;
    std::vector<std::thread> lane_threads;
    for (size_t lane = 0; lane < lanes; ++lane) {
      lane_threads.emplace_back([&, lane] {
        std::vector<std::unique_ptr<Session>>& sessions = context_.snapshot.sessions;
        const size_t session = lanes == 1 && sessions.size() == 1 ? 0 : lane + 1;
        error_.Set(RunLane(lane, sessions[session], gate, plan_.IsSmallLane(lane) ? small : any));
      });
    }
    for (std::thread& thread : lane_threads) thread.join();
    outcome_.lanes = std::min(gate.best(), any_lanes);
    if (snapshots_renewed_ > 0) {
      context_.note(
          absl::StrCat("readers began their snapshots anew ", snapshots_renewed_.load(),
                       " times, each time with the same proof: the source keeps a lock on "
                       "every table that a snapshot has read, unless its user may set "
                       "sql_log_bin"));
    }
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    if (cancel_.cancelled()) return StoppedError();
    const absl::Status wide = CopyWideTables(any);
    // What made everybody stop is the error, not that they stopped.
    return error_.failed() ? error_.status() : wide;
  }

 private:
  bool HasOneSession() const { return context_.snapshot.sessions.size() == 1; }
  bool Stopping() const { return error_.failed() || cancel_.cancelled(); }

  // Their numbers in the ledger: those of tables that are begun stay.
  void PlanTables() {
    std::map<ObjectName, TableStart>& starts = context_.starts;
    const size_t begun = starts.size();
    std::vector<std::pair<std::string, std::string>> names(begun);
    for (const auto& [name, start] : starts) names[start.table_id - 1] = {name.schema, name.name};
    for (const TableInfo& table : context_.tables) {
      if (starts.count(table.name) > 0) continue;
      names.emplace_back(table.name.schema, table.name.name);
      starts[table.name].table_id = static_cast<uint32_t>(names.size());
    }
    context_.ledger.PlanTables(std::move(names), begun);
  }

  PipeResources Pipe(Pool<Range>& ranges, Pool<RangeLoader>& loaders) const {
    return {ranges,  loaders, context_.progress, context_.throttle, context_.busy,
            cancel_, error_,  context_.lasting};
  }

  absl::Status AddLoader(Pool<RangeLoader>& pool) {
    LoaderOptions loader;
    loader.claim = {context_.options.selection.control_schema, context_.claim};
    loader.connect = [this] { return context_.sessions.OpenTarget(); };
    loader.retry_for = context_.options.retry_for;
    loader.on_wait = [this](absl::string_view why) { NoteWait(why); };
    loader.retries = &context_.retries;
    loader.commit_nanoseconds = &context_.busy.commit_nanoseconds;
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<RangeLoader> made,
                            RangeLoader::Make(std::move(loader)));
    pool.Add(std::move(made));
    return absl::OkStatus();
  }

  // A range waits to be tried again: one of all loaders says so, now and then.
  void NoteWait(absl::string_view why) {
    {
      std::lock_guard lock(mutex_);
      const auto now = Clock::now();
      if (now - last_wait_note_ < kWaitNoteEvery) return;
      last_wait_note_ = now;
    }
    context_.note_to_user(absl::StrCat("waiting, and trying again for ",
                                       context_.options.retry_for.count(), " s: ", why));
  }

  absl::StatusOr<LaneSessions> OpenLane(size_t lane, std::unique_ptr<Session> reader) {
    LaneSessions sessions;
    sessions.lane = lane;
    sessions.reader = std::move(reader);
    ZDPIPE_RETURN_IF_ERROR(
        AllInParallel({[&] { return MoveTo(sessions.source_control, OpenSourceControl()); },
                       [&] { return MoveTo(sessions.target_control, OpenTargetControl()); },
                       [&] { return MoveTo(sessions.target_reader, OpenTargetReader()); }}));
    return sessions;
  }

  absl::StatusOr<std::unique_ptr<Session>> OpenSourceControl() {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> control, context_.sessions.OpenSource());
    // Table options that no engine knows: shown without this mode in a comment, refused without it.
    if (context_.target_version.mariadb) control->TrySet("sql_mode = 'IGNORE_BAD_TABLE_OPTIONS'");
    return control;
  }

  absl::StatusOr<std::unique_ptr<Session>> OpenTargetControl() {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> control, context_.sessions.ConnectTarget());
    ZDPIPE_RETURN_IF_ERROR(SetUpTargetControl(*control, context_.source_version));
    ZDPIPE_RETURN_IF_ERROR(RecordSession(*control, context_.options.selection.control_schema));
    if (control->version().mariadb) {
      control->TrySet("sql_mode = CONCAT(@@sql_mode, ',IGNORE_BAD_TABLE_OPTIONS')");
    }
    return control;
  }

  absl::StatusOr<std::unique_ptr<Session>> OpenTargetReader() {
    SessionOptions limited;
    limited.max_packet_bytes = plan_.max_wide_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> reader,
                            context_.sessions.ConnectTarget(limited));
    ZDPIPE_RETURN_IF_ERROR(RecordSession(*reader, context_.options.selection.control_schema));
    return reader;
  }

  // Replaces the lane's readers that were left in the middle of a result, or that their server has
  // ended while they had nothing to do. False: there is no snapshot any more (ReopenReader).
  absl::StatusOr<bool> Revive(LaneSessions& sessions, uint64_t max_row_bytes) {
    if (!sessions.target_reader->Execute("DO 0").ok()) {
      ZDPIPE_ASSIGN_OR_RETURN(sessions.target_reader, OpenTargetReader());
    }
    if (IsInSnapshot(*sessions.reader)) return true;
    ZDPIPE_ASSIGN_OR_RETURN(sessions.reader, ReopenReader(max_row_bytes));
    return sessions.reader != nullptr;
  }

  // A session in place of a lost one: possible as long as the proof still holds. Null for a master,
  // whose snapshot cannot be had again.
  absl::StatusOr<std::unique_ptr<Session>> ReopenReader(uint64_t max_row_bytes) {
    const CopyOptions& options = context_.options;
    if (options.source_state == SourceState::kMaster) return std::unique_ptr<Session>();
    SessionOptions limited;
    limited.max_packet_bytes = max_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(
        Snapshot again, OpenSnapshot(options.source, options.source_state, {limited}, InParallel));
    ZDPIPE_RETURN_IF_ERROR(
        CheckUnchanged(options.source_state, context_.snapshot.proof, again.proof));
    ZDPIPE_RETURN_IF_ERROR(context_.sessions.RememberSource(*again.sessions.front()));
    return std::move(again.sessions.front());
  }

  // A lane takes tables, of those that are for it, until there are none; then it helps others.
  absl::Status RunLane(size_t lane, std::unique_ptr<Session>& reader, LaneGate& gate,
                       TableCopyContext& context) {
    std::optional<LaneSessions> sessions;  // of a lane that is let in
    size_t tables_read = 0;
    while (true) {
      if (!plan_.IsSmallLane(lane)) {
        gate.Await(lane, [&] { return context.queue.empty() || Stopping(); });
      }
      const TableInfo* table =
          plan_.IsSmallLane(lane) ? context.queue.TakeSmall() : context.queue.Take();
      if (Stopping()) return absl::OkStatus();
      if (table == nullptr) {
        return plan_.IsSmallLane(lane) ? absl::OkStatus()
                                       : HelpOthers(lane, reader, std::move(sessions), context);
      }
      if (!sessions.has_value()) {
        ZDPIPE_ASSIGN_OR_RETURN(sessions, OpenLane(lane, std::move(reader)));
      }
      ZDPIPE_ASSIGN_OR_RETURN(
          TableOutcome outcome,
          CopyTable(*table, context_.starts.at(table->name), *sessions, context));
      const bool read_to_the_end =
          !outcome.too_wide && !outcome.lost && outcome.report.verify != "different";
      if (!outcome.too_wide) {
        Keep(std::move(outcome));
      } else if (plan_.IsSmallLane(lane)) {
        context.queue.PutBack(*table);
      } else if (HasOneSession()) {
        return TooLarge(*table);  // the only session there is has the highest limit already
      } else {
        std::lock_guard lock(mutex_);
        wide_tables_.push_back(table);
      }
      if (read_to_the_end) {
        ZDPIPE_ASSIGN_OR_RETURN(const bool in_snapshot, StaysInSnapshot(*sessions, ++tables_read));
        if (in_snapshot) continue;
      }
      // What was not read to its end has cost its session.
      ZDPIPE_ASSIGN_OR_RETURN(const bool ready, Revive(*sessions, plan_.MaxRowBytes(lane)));
      if (ready) continue;
      if (HasOneSession()) return SnapshotGone();
      if (!plan_.IsSmallLane(lane)) context.queue.StopTaking();
      return absl::OkStatus();
    }
  }

  // Lets go of tables now and then. False for a reader that has lost its snapshot. Tables of a
  // source that takes writes stay as they are until all are copied: their definitions are compared
  // then.
  absl::StatusOr<bool> StaysInSnapshot(LaneSessions& sessions, size_t tables_read) {
    const SourceState state = context_.options.source_state;
    if (state == SourceState::kMaster) return true;
    const absl::StatusOr<bool> renewed =
        LetGoOrRenew(*sessions.reader, tables_read, state, context_.snapshot.proof);
    if (renewed.ok()) {
      if (*renewed) ++snapshots_renewed_;
      return true;
    }
    if (FailureOf(renewed.status()) == Failure::kConsistency) return renewed.status();
    context_.note(absl::StrCat("a session was lost: ", renewed.status().message()));
    return false;
  }

  // Joins the lanes that have large tables, as long as there are some. A lane that cannot help (the
  // server has no connection left, perhaps) is not missed.
  absl::Status HelpOthers(size_t lane, std::unique_ptr<Session>& reader,
                          std::optional<LaneSessions> sessions, TableCopyContext& context) {
    const auto get_ready = [&]() -> absl::StatusOr<bool> {
      if (!sessions.has_value()) {
        ZDPIPE_ASSIGN_OR_RETURN(sessions, OpenLane(lane, std::move(reader)));
      }
      return Revive(*sessions, plan_.MaxRowBytes(lane));
    };
    while (std::optional<SharedWork::Membership> shared =
               context.queue.AwaitShared([this] { return Stopping(); })) {
      const absl::StatusOr<bool> ready = get_ready();
      if (!ready.ok() && FailureOf(ready.status()) == Failure::kConsistency) return ready.status();
      if (!ready.ok()) {
        context_.note(
            absl::StrCat("one session less for large tables: ", ready.status().message()));
      }
      if (!ready.ok() || !*ready) return absl::OkStatus();
      shared->Do(*sessions);  // what goes wrong is the table's
      context_.progress.ClearActive(lane);
    }
    return absl::OkStatus();
  }

  void Keep(TableOutcome outcome) {
    std::lock_guard lock(mutex_);
    const ObjectName& name = outcome.report.name;
    if (!outcome.add_foreign_keys.empty() && !outcome.lost) {
      outcome_.foreign_keys.emplace_back(name, outcome.add_foreign_keys);
    }
    for (ObjectFailure& failure : outcome.failures) outcome_.failures.push_back(std::move(failure));
    for (std::string& note : outcome.notes) outcome_.notes.push_back(std::move(note));
    if (outcome.lost) ++outcome_.tables_lost;
    outcome_.ranges_kept += outcome.ranges_kept;
    if (outcome.kept) ++outcome_.tables_kept;
    outcome_.tables.push_back(std::move(outcome.report));
  }

  // Tables with rows too wide for the lanes, and what lanes have left behind, one after the other:
  // the memory is theirs alone now.
  absl::Status CopyWideTables(TableCopyContext& context) {
    std::vector<const TableInfo*> rest = std::move(wide_tables_);
    const size_t wide = rest.size();
    if (wide > 0) {
      context_.note(absl::StrCat(wide, " tables with rows of more than ", plan_.max_row_bytes >> 20,
                                 " MiB are copied one by one"));
    }
    while (const TableInfo* table = context.queue.Take()) rest.push_back(table);
    if (rest.empty()) return absl::OkStatus();
    TableQueue one_lane({}, 1, 1);
    TableCopyContext alone{context.options, context.ledger, one_lane, context.pipe, 0};
    // One range in memory at a time: its one row may have most of the budget.
    alone.pipe.ranges_per_loader = 1;
    for (const auto& range : ranges_.all()) range->Release();
    for (const auto& range : small_ranges_.all()) range->Release();
    ZDPIPE_ASSIGN_OR_RETURN(LaneSessions sessions,
                            OpenLane(0, std::move(context_.snapshot.sessions[0])));
    for (size_t i = 0; i < rest.size(); ++i) {
      const TableInfo* const table = rest[i];
      const TableStart start =
          i < wide ? StartOfWide(*table) : context_.starts.at(table->name);  // nobody has begun it
      // What was not read to its end has cost its session.
      ZDPIPE_ASSIGN_OR_RETURN(const bool ready, Revive(sessions, plan_.max_wide_row_bytes));
      if (!ready) return SnapshotGone();
      ZDPIPE_ASSIGN_OR_RETURN(TableOutcome outcome, CopyTable(*table, start, sessions, alone));
      if (outcome.too_wide) return TooLarge(*table);
      Keep(std::move(outcome));
    }
    return absl::OkStatus();
  }

  // A lane may have brought some of its rows.
  TableStart StartOfWide(const TableInfo& table) const {
    TableStart start = context_.starts.at(table.name);
    start.on_target = true;
    if (start.stage == TableStage::kRowsIn) start.stage = TableStage::kBegun;
    return start;
  }

  static absl::Status SnapshotGone() {
    return MakeError(Failure::kSource,
                     "the only session in the source's snapshot could not read a table to its "
                     "end, and the snapshot of a master cannot be had again");
  }

  absl::Status TooLarge(const TableInfo& table) const {
    return RowTooLargeError(plan_, context_.options.memory_bytes, table.name);
  }

  const LanesContext& context_;
  const Resources& plan_;
  FirstError& error_;
  const CancelToken& cancel_;
  Pool<Range> ranges_;
  Pool<RangeLoader> loaders_;
  Pool<Range> small_ranges_;  // of the lanes for small tables
  Pool<RangeLoader> small_loaders_;
  std::atomic<size_t> snapshots_renewed_ = 0;
  std::mutex mutex_;       // guards what follows
  LanesOutcome& outcome_;  // what lanes hand in
  std::vector<const TableInfo*> wide_tables_;
  Clock::time_point last_wait_note_;
};

}  // namespace

absl::Status CopyTablesInLanes(const LanesContext& context, LanesOutcome& outcome) {
  return TableLanes(context, outcome).Run();
}

}  // namespace zdpipe
