#include "pipeline/copy_attempt.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/atomic_file.h"
#include "engine/ledger/ledger.h"
#include "engine/schema/definitions.h"
#include "engine/server/server_session.h"
#include "engine/server/sql_text.h"
#include "pipeline/lane_gate.h"
#include "pipeline/limited_by.h"
#include "pipeline/object_removal.h"
#include "pipeline/parallel.h"
#include "pipeline/resume_plan.h"
#include "pipeline/row_pipe.h"
#include "pipeline/table_copy.h"
#include "pipeline/table_queue.h"
#include "pipeline/target_watch.h"
#include "pipeline/ticker.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTickEvery{1};
constexpr std::chrono::seconds kWatchEvery{1};
constexpr std::chrono::seconds kHeartbeatEvery{5};
constexpr int kCloseSeconds = 2;
// A trial of the WidthTuner.
constexpr uint64_t kRangesPerSegment = 4;
// The heartbeats come more often.
constexpr int kLedgerWaitSeconds = 60;
constexpr std::chrono::seconds kWaitNoteEvery{5};
constexpr std::chrono::seconds kLockPatience{3};
constexpr int kRemoveAttempts = 5;
constexpr std::chrono::seconds kRemovePause{1};
constexpr char kProofEntry[] = "state of the source";
constexpr char kBinlogEntry[] = "the target's binlog";
constexpr char kBinlogged[] = "has the copy";
constexpr char kNotBinlogged[] = "does not have the copy";

// Time first, so that ids sort; 64 random bits, so that they are never equal.
std::string NewId() {
  std::random_device random;
  return absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone()), "-",
                      absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

template <typename T>
absl::Status MoveTo(T& place, absl::StatusOr<T> value) {
  if (value.ok()) place = *std::move(value);
  return value.status();
}

class Attempt {
 public:
  explicit Attempt(const AttemptContext& context)
      : options_(context.options),
        cancel_(context.cancel),
        progress_(context.progress),
        on_tick_(context.on_tick),
        on_note_(context.on_note),
        throttle_(context.throttle),
        retries_(context.retries),
        source_sessions_(context.source_sessions),
        lost_ledger_thread_(context.lost_ledger_thread),
        run_id_(context.run_id),
        resume_(context.resume),
        target_watch_(context.options.target) {}

  AttemptResult Run() {
    report_.run_id = run_id_.empty() ? NewId() : run_id_;
    report_.tool_version = options_.tool_version;
    report_.started_at = UtcNow();
    report_.verify = VerifyModeName(options_.verify);
    absl::Status status;
    {
      Ticker ticker([this] { Tick(); });
      Ticker watch([this] { WatchTarget(); });
      status = ExplainSourceFailure(Phases());
      // An interrupted statement reports itself as the server's error; the user's wish counts.
      if (cancel_.cancelled() && !status.ok()) status = StoppedError();
    }
    Close(status);
    report_.rows = progress_.rows();
    report_.bytes = progress_.bytes();
    for (const TableReport& table : report_.tables) report_.ranges += table.ranges;
    report_.status = status;
    const bool may_go_on = ledger_started_.load() && options_.source_state != SourceState::kMaster;
    return {std::move(report_), may_go_on, lasting_.load() > 0, ledger_thread_.load()};
  }

 private:
  absl::Status Phases() {
    ZDPIPE_RETURN_IF_ERROR(Phase("check", [this] { return Check(); }));
    if (ended_.has_value()) return *ended_;
    ZDPIPE_RETURN_IF_ERROR(Phase("snapshot", [this] { return TakeSnapshot(); }));
    ZDPIPE_RETURN_IF_ERROR(Phase("schema", [this] { return PrepareTarget(); }));
    ZDPIPE_RETURN_IF_ERROR(Phase("rows", [this] { return CopyTables(); }));
    ZDPIPE_RETURN_IF_ERROR(Phase("objects", [this] { return CopyObjects(); }));
    ZDPIPE_RETURN_IF_ERROR(Phase("proof", [this] { return Prove(); }));
    return Phase("handoff", [this] { return HandOff(); });
  }

  // A source that fails because it has changed (a table is gone, has other columns) is a source
  // that moved: starting over helps, trying again with what is there does not.
  absl::Status ExplainSourceFailure(const absl::Status& status) {
    if (status.ok() || FailureOf(status) != Failure::kSource || snapshot_.sessions.empty()) {
      return status;
    }
    const absl::StatusOr<SnapshotProof> now = ReadProof(options_.source, options_.source_state, {});
    if (!now.ok()) return status;
    const absl::Status moved = CheckUnchanged(options_.source_state, snapshot_.proof, *now);
    return moved.ok() ? status : Annotate(moved, status.message());
  }

  absl::Status Phase(absl::string_view name, const std::function<absl::Status()>& body) {
    if (cancel_.cancelled()) return StoppedError();
    progress_.SetPhase(name);
    if (ledger_started_.load()) ZDPIPE_RETURN_IF_ERROR(ledger_->Heartbeat(name));
    const auto start = Clock::now();
    const uint64_t rows = progress_.rows();
    const uint64_t bytes = progress_.bytes();
    meter_.Begin();
    const absl::Status status = body();
    PhaseReport phase;
    phase.name = std::string(name);
    phase.seconds = SecondsSince(start);
    phase.rows = progress_.rows() - rows;
    phase.bytes = progress_.bytes() - bytes;
    phase.limited_by = LimitedBy(meter_.End(phase.seconds, Lanes()));
    report_.phases.push_back(std::move(phase));
    return status;
  }

  absl::Status Check() {
    // Said before anything is connected.
    ZDPIPE_RETURN_IF_ERROR(
        PlanResources(options_.memory_bytes, options_.range_bytes, options_.jobs).status());
    ZDPIPE_RETURN_IF_ERROR(AllInParallel(
        {[this] { return MoveTo(source_, Session::Connect(options_.source, End::kSource, {})); },
         [this] { return MoveTo(target_, ConnectTarget()); },
         [this] {
           return MoveTo(ledger_session_, Session::Connect(options_.target, End::kTarget, {}));
         }}));
    EndSourceSessions();
    ZDPIPE_RETURN_IF_ERROR(RememberSource(*source_));
    ledger_thread_.store(ledger_session_->thread_id());
    ZDPIPE_RETURN_IF_ERROR(ReportPlan(options_, *source_, *target_, report_));
    meter_.SetRoundTrips(report_.source_round_trip, report_.target_round_trip);
    // The lock goes with the session: if this machine vanishes without a word, the server must not
    // keep it for long. While we live, the heartbeats keep the session.
    ledger_session_->TrySet(absl::StrCat("wait_timeout = ", kLedgerWaitSeconds));
    if (lost_ledger_thread_ != 0) {
      // It may keep the lock, as long as the server has not noticed that its connection broke.
      const absl::StatusOr<std::vector<ServerSession>> lost =
          RecordedSessions(*target_, options_.selection.control_schema, lost_ledger_thread_);
      if (lost.ok()) (void)EndSessions(*target_, *lost, [this] { return cancel_.cancelled(); });
    }
    ZDPIPE_ASSIGN_OR_RETURN(
        ledger_, Ledger::Lock(*ledger_session_, options_.selection.control_schema, kLockPatience));
    ledger_locked_.store(true);
    if (resume_) ZDPIPE_RETURN_IF_ERROR(FindRun());
    if (ended_.has_value()) return absl::OkStatus();
    if (resume_) ZDPIPE_RETURN_IF_ERROR(ReadEarlierPlan());
    ZDPIPE_RETURN_IF_ERROR(ChooseBinlog());
    ZDPIPE_ASSIGN_OR_RETURN(
        earlier_, resume_ ? Ledger::Objects(*target_, options_.selection.control_schema)
                          : Ledger::EarlierObjects(*target_, options_.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(check_, RunCheck(*source_, *target_, options_, earlier_));
    ReportCheck(check_, report_);
    ZDPIPE_RETURN_IF_ERROR(LimitSmallLanes(check_.catalog.tables, options_.memory_bytes, *source_,
                                           *target_, report_.resources));
    progress_.SetTotals(report_.tables_total, report_.bytes_estimate, Lanes());
    ZDPIPE_ASSIGN_OR_RETURN(plan_, MakeResumePlan(options_, report_.resources, check_, *source_));
    if (resume_) ZDPIPE_RETURN_IF_ERROR(CompareResumePlans(earlier_plan_, plan_));
    if (options_.resume && !resume_) {
      ZDPIPE_ASSIGN_OR_RETURN(const bool ended, HasEndedBefore());
      if (ended) return absl::OkStatus();
      Note("there is no run to resume on the target: starting at the beginning");
    }
    if (check_.refused()) return RefusedError(check_);
    if (skip_binlog_) target_->TrySet("sql_log_bin = 0");
    return SetUpTargetControl(*target_);
  }

  // The run to go on with. Without one there is nothing to go on with: start at the beginning.
  absl::Status FindRun() {
    if (options_.source_state == SourceState::kMaster) {
      return WithHint(MakeError(Failure::kResume,
                                "a copy of a source that takes writes cannot be resumed: its "
                                "snapshot has gone with the run"),
                      "start again without --resume");
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::optional<LedgerRun> run,
                            Ledger::Read(*target_, options_.selection.control_schema));
    if (!run_id_.empty() && (!run.has_value() || run->run_id != run_id_)) {
      return MakeError(Failure::kResume,
                       absl::StrCat("the ledger of run ", run_id_,
                                    " has gone from the target while the run was interrupted: "
                                    "another one has taken it over, or ended it"));
    }
    if (!run.has_value()) return WithoutRun();
    report_.run_id = run->run_id;
    return run->state == "done" ? FindEndOf(*run) : absl::OkStatus();
  }

  absl::Status WithoutRun() {
    resume_ = false;
    const std::optional<HandoffRun> handoff = ReadHandoffRun(options_.handoff_path);
    const std::string target = options_.target.Address();
    if (!handoff.has_value() || handoff->usable || handoff->target_address == target) {
      return absl::OkStatus();
    }
    return WithHint(
        MakeError(Failure::kResume,
                  absl::StrCat("there is no run to resume on ", Printable(target), ": run ",
                               Printable(handoff->run_id), " of ", Printable(options_.handoff_path),
                               " was a copy to ", Printable(handoff->target_address))),
        "name the target of that run, or start again without --resume");
  }

  // Of a run that has ended: its target may be in use. Only if it was stopped before it had handed
  // over, which its handoff file tells, is there something to go on with.
  absl::Status FindEndOf(const LedgerRun& run) {
    const std::optional<HandoffRun> handoff = ReadHandoffRun(options_.handoff_path);
    const bool its_file = handoff.has_value() && handoff->run_id == run.run_id;
    if (!run.remains_only && its_file && !handoff->exit_code.has_value()) return absl::OkStatus();
    if (!run.remains_only && !its_file) {
      return WithHint(
          MakeError(Failure::kResume,
                    absl::StrCat("run ", run.run_id, " on the target has ended, and ",
                                 Printable(options_.handoff_path), " is not its handoff file")),
          "name its file with --handoff; or compare the servers with zdpipe verify");
    }
    Note(absl::StrCat("run ", run.run_id, " has ended already"));
    ended_ = run.exit_code == 0
                 ? absl::OkStatus()
                 : MakeError(static_cast<Failure>(run.exit_code), Printable(run.error));
    report_.handoff_usable = its_file && handoff->usable;
    if (its_file) report_.handoff_paths = {options_.handoff_path};
    return options_.keep_control ? absl::OkStatus() : ledger_->Drop();
  }

  // A run that was stopped after its ledger was gone: the handoff file says how it ended, and the
  // source is as it was. Sets ended_.
  absl::StatusOr<bool> HasEndedBefore() {
    const std::optional<HandoffRun> run = ReadHandoffRun(options_.handoff_path);
    if (!run.has_value() || !run->usable || !run->exit_code.has_value() ||
        run->target_address != options_.target.Address()) {
      return false;
    }
    ZDPIPE_ASSIGN_OR_RETURN(const SnapshotProof now,
                            ReadProof(options_.source, options_.source_state, {}));
    if (!CheckUnchanged(options_.source_state, run->proof, now).ok()) return false;
    ZDPIPE_ASSIGN_OR_RETURN(const std::set<ObjectName> present, TablesOnTarget());
    const auto& tables = check_.catalog.tables;
    const bool all_there =
        !tables.empty() && std::all_of(tables.begin(), tables.end(), [&](const TableInfo& table) {
          return present.count(table.name) > 0;
        });
    if (!all_there) return false;
    Note(absl::StrCat("run ", run->run_id, " has ended already, says ", options_.handoff_path,
                      "; to compare the servers again: zdpipe verify"));
    report_.run_id = run->run_id;
    report_.handoff_paths = {options_.handoff_path};
    report_.handoff_usable = true;
    ended_ = *run->exit_code == 0 ? absl::OkStatus()
                                  : MakeError(static_cast<Failure>(*run->exit_code),
                                              "done, but not everything was made as on the source; "
                                              "the report of that run lists what");
    return true;
  }

  absl::Status ReadEarlierPlan() {
    absl::StatusOr<Ledger::Plan> read = ledger_->ReadPlan();
    if (!read.ok()) {
      return PassingTrouble(read.status()).empty()
                 ? Reclassify(Annotate(read.status(), "the ledger cannot be read"),
                              Failure::kResume)
                 : read.status();
    }
    earlier_plan_ = *std::move(read);
    ZDPIPE_ASSIGN_OR_RETURN(const std::string proof, TakeEntry(kProofEntry));
    ZDPIPE_ASSIGN_OR_RETURN(earlier_proof_, ParseProof(proof));
    ZDPIPE_ASSIGN_OR_RETURN(const std::string binlog, TakeEntry(kBinlogEntry));
    was_binlogged_ = binlog == kBinlogged;
    return absl::OkStatus();
  }

  // What the plan has beside what is compared.
  absl::StatusOr<std::string> TakeEntry(absl::string_view name) {
    const auto entry = std::find_if(earlier_plan_.begin(), earlier_plan_.end(),
                                    [&](const auto& e) { return e.first == name; });
    if (entry == earlier_plan_.end()) {
      return MakeError(Failure::kResume,
                       absl::StrCat("the ledger is damaged: its plan has no '", name, "'"));
    }
    std::string value = std::move(entry->second);
    earlier_plan_.erase(entry);
    return value;
  }

  // All of a run goes into the target's binlog, or nothing of it.
  absl::Status ChooseBinlog() {
    skip_binlog_ = MaySkipBinlog();
    if (was_binlogged_.has_value() && *was_binlogged_ == skip_binlog_) {
      skip_binlog_ = !*was_binlogged_;
      if (skip_binlog_) {
        Note(
            "a replica has been attached to the target since the copy began: it gets nothing of "
            "the copy; make it anew when the copy has ended");
      }
    }
    if (skip_binlog_) ledger_session_->TrySet("sql_log_bin = 0");
    return absl::OkStatus();
  }

  // Keeping the copy out of the target's binlog spares it much work, and keeps its GTID history
  // clean; but a replica that is attached to the target already needs the events.
  bool MaySkipBinlog() {
    const absl::StatusOr<Result> replicas =
        target_->Query("SHOW GLOBAL STATUS LIKE 'Slaves_connected'");
    if (replicas.ok() && !replicas->rows.empty()) {
      return replicas->rows[0][1].value_or("0") == "0";
    }
    const absl::StatusOr<Result> hosts = target_->Query("SHOW SLAVE HOSTS");
    return hosts.ok() && hosts->rows.empty();
  }

  absl::Status TakeSnapshot() {
    const bool running = std::any_of(check_.replica.channels.begin(), check_.replica.channels.end(),
                                     [](const ReplicaChannel& c) { return c.sql_running; });
    if (running && options_.stop_replica) {
      on_note_("stopping the replication threads of the source");
      ZDPIPE_RETURN_IF_ERROR(StopReplica(*source_, check_.replica));
    }
    // The first session is for rows too wide for the others; if only one is to be had, it reads
    // everything.
    std::vector<SessionOptions> sessions(1 + Lanes());
    sessions[0].max_packet_bytes = report_.resources.max_wide_row_bytes;
    for (size_t lane = 0; lane < Lanes(); ++lane) {
      sessions[1 + lane].max_packet_bytes = MaxRowBytes(lane);
    }
    ZDPIPE_ASSIGN_OR_RETURN(
        snapshot_, OpenSnapshot(options_.source, options_.source_state, sessions, InParallel));
    ZDPIPE_RETURN_IF_ERROR(InParallel(snapshot_.sessions.size(), [this](size_t i) {
      return RememberSource(*snapshot_.sessions[i]);
    }));
    for (const std::string& note : snapshot_.notes) Note(note);
    if (earlier_proof_.has_value()) {
      ZDPIPE_RETURN_IF_ERROR(
          Annotate(CheckUnchanged(options_.source_state, *earlier_proof_, snapshot_.proof),
                   absl::StrCat("run ", report_.run_id, " cannot be resumed")));
    }
    captured_at_ = UtcNow();
    return WriteHandoffs(false, {"the copy has not ended"}, false);
  }

  absl::Status RememberSource(Session& session) {
    ZDPIPE_ASSIGN_OR_RETURN(ServerSession self, Identify(session));
    std::lock_guard lock(mutex_);
    source_sessions_.push_back(std::move(self));
    return absl::OkStatus();
  }

  // A reader whose connection broke would keep its snapshot, and the definition of the table it was
  // reading, until the source notices.
  void EndSourceSessions() {
    const absl::Status ended =
        EndSessions(*source_, source_sessions_, [this] { return cancel_.cancelled(); });
    if (ended.ok()) {
      source_sessions_.clear();
    } else {
      Note(absl::StrCat("sessions of this copy may still be on the source: ", ended.message()));
    }
  }

  absl::Status WriteHandoffs(bool usable, std::vector<std::string> reasons, bool unchanged,
                             std::optional<int> exit_code = std::nullopt) {
    report_.handoff_paths.clear();
    report_.handoff_usable = usable;
    const size_t files = std::max<size_t>(1, snapshot_.proof.channels.size());
    for (size_t channel = 0; channel < files; ++channel) {
      Handoff handoff;
      handoff.run_id = report_.run_id;
      handoff.state = options_.source_state;
      handoff.proof = snapshot_.proof;
      handoff.channel = channel;
      handoff.master_gtid = master_gtid_;
      handoff.source = check_.source;
      handoff.target = check_.target;
      handoff.captured_at = captured_at_;
      handoff.revalidated_at = revalidated_at_;
      handoff.unchanged = unchanged;
      if (report_.accounts.has_value()) {
        handoff.accounts = {report_.accounts->users, report_.accounts->roles};
      }
      handoff.exit_code = exit_code;
      handoff.reasons = reasons;
      const std::vector<std::string> never = UnusableReasons(handoff);
      handoff.reasons.insert(handoff.reasons.end(), never.begin(), never.end());
      handoff.usable = usable && never.empty();
      report_.handoff_usable = report_.handoff_usable && handoff.usable;
      const std::string path = HandoffPath(options_.handoff_path, snapshot_.proof, channel);
      ZDPIPE_RETURN_IF_ERROR(WriteFileAtomically(path, HandoffJson(handoff)));
      report_.handoff_paths.push_back(path);
      if (handoff_reason_.empty() && !never.empty()) handoff_reason_ = never.front();
    }
    return absl::OkStatus();
  }

  absl::Status PrepareTarget() {
    if (options_.source_state == SourceState::kMaster && source_->version().mariadb) {
      const BinlogPosition& at = snapshot_.proof.binlog;
      const absl::StatusOr<std::string> gtid = source_->QueryValue(
          absl::StrCat("SELECT BINLOG_GTID_POS(", QuoteText(at.file), ", ", at.position, ")"));
      if (gtid.ok()) master_gtid_ = *gtid;
    }
    ZDPIPE_RETURN_IF_ERROR(resume_ ? GoOnWithRun() : BeginRun());
    ZDPIPE_RETURN_IF_ERROR(RecordSession(*target_, options_.selection.control_schema));
    ZDPIPE_RETURN_IF_ERROR(ledger_->RecordOwnSession());
    const ObjectLedger ledger = {
        [this](absl::string_view kind, absl::string_view schema, absl::string_view name) {
          return ledger_->RecordObject(kind, schema, name);
        },
        [this](absl::string_view kind, absl::string_view schema, absl::string_view name) {
          return ledger_->ForgetObject(kind, schema, name);
        }};
    objects_.emplace(*source_, *target_, options_.definer, ledger);
    for (const DatabaseInfo& database : check_.catalog.databases) {
      ZDPIPE_RETURN_IF_ERROR(objects_->CopyDatabase(database));
    }
    if (options_.users) {
      accounts_.emplace(*source_, *target_, options_.selection, ledger);
      ZDPIPE_RETURN_IF_ERROR(accounts_->Create());
    }
    for (const ObjectName& sequence : check_.catalog.sequences) {
      ZDPIPE_RETURN_IF_ERROR(objects_->CopySequence(sequence));
    }
    return absl::OkStatus();
  }

  absl::Status BeginRun() {
    if (!earlier_.empty()) {
      // Best effort: what they hold ends in a lock wait timeout below.
      (void)EndRecordedSessions(*target_, options_.selection.control_schema, std::nullopt,
                                [this] { return cancel_.cancelled(); });
    }
    ZDPIPE_RETURN_IF_ERROR(RemoveEarlier());
    if (options_.drop_target) {
      for (const DatabaseInfo& database : check_.catalog.databases) {
        on_note_(absl::StrCat("dropping database ", Printable(database.name), " on the target"));
        ZDPIPE_RETURN_IF_ERROR(
            target_->Execute(absl::StrCat("DROP DATABASE IF EXISTS ", QuoteName(database.name))));
      }
    }
    LedgerRun run;
    run.run_id = report_.run_id;
    run.phase = "schema";
    run.tool_version = options_.tool_version;
    run.source = check_.source.address;
    run.tables_total = report_.tables_total;
    run.bytes_estimate = report_.bytes_estimate;
    plan_.emplace_back(kProofEntry, ProofText(snapshot_.proof));
    plan_.emplace_back(kBinlogEntry, skip_binlog_ ? kNotBinlogged : kBinlogged);
    ZDPIPE_RETURN_IF_ERROR(ledger_->Start(run, plan_, token_));
    ledger_started_.store(true);
    return absl::OkStatus();
  }

  // Tables stay, with the rows that are in. Everything else is small, and made again.
  absl::Status GoOnWithRun() {
    // An index build goes on in the server when its client is gone, and a transaction stays open
    // until the server notices: what the sessions of the run hold would be waited for.
    ZDPIPE_RETURN_IF_ERROR(EndRecordedSessions(*target_, options_.selection.control_schema,
                                               std::nullopt,
                                               [this] { return cancel_.cancelled(); }));
    ZDPIPE_RETURN_IF_ERROR(ledger_->Resume(token_));
    ledger_started_.store(true);
    const auto others =
        std::stable_partition(earlier_.begin(), earlier_.end(), [](const LedgerObject& object) {
          return object.kind == "database" || object.kind == "table";
        });
    for (auto object = earlier_.end(); object != others;) {
      --object;
      ZDPIPE_RETURN_IF_ERROR(Remove(*object));
      ZDPIPE_RETURN_IF_ERROR(ledger_->ForgetObject(object->kind, object->schema, object->name));
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::set<ObjectName> present, TablesOnTarget());
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<LedgerTable> tables, ledger_->ReadTables());
    for (const LedgerTable& table : tables) {
      TableStart& start = starts_[{table.schema, table.name}];
      start = {table.table_id, true, table.stage};
      const bool gone = present.count({table.schema, table.name}) == 0;
      if (gone) start.stage = TableStage::kBegun;
    }
    report_.resume.emplace();
    return absl::OkStatus();
  }

  absl::StatusOr<std::set<ObjectName>> TablesOnTarget() {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result found,
        target_->Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"));
    std::set<ObjectName> names;
    for (const auto& row : found.rows) names.insert({row[0].value_or(""), row[1].value_or("")});
    return names;
  }

  // What an unfinished run has made is ours to remove; whatever it did not make stays.
  absl::Status RemoveEarlier() {
    if (earlier_.empty()) return absl::OkStatus();
    Note(absl::StrCat("removing ", earlier_.size(),
                      " objects that an unfinished run has left on the target"));
    for (auto object = earlier_.rbegin(); object != earlier_.rend(); ++object) {
      ZDPIPE_RETURN_IF_ERROR(Remove(*object));
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const LedgerObject& object) {
    ZDPIPE_ASSIGN_OR_RETURN(const bool other_mode, RemoveObject(*target_, object));
    return other_mode ? SetUpTargetControl(*target_) : absl::OkStatus();
  }

  // Of all kinds; the first ones take any table, see IsSmallLane.
  size_t Lanes() const { return report_.resources.jobs + report_.resources.small_lanes; }
  bool IsSmallLane(size_t lane) const { return lane >= report_.resources.jobs; }
  uint64_t MaxRowBytes(size_t lane) const {
    return IsSmallLane(lane) ? report_.resources.sizes.batch_bytes
                             : report_.resources.max_row_bytes;
  }

  absl::Status CopyTables() {
    const Resources& plan = report_.resources;
    // With one session only (a busy master without a lock) there is one lane, with all loaders.
    const size_t lanes = std::max<size_t>(1, snapshot_.sessions.size() - 1);
    const size_t any_lanes = std::min(lanes, plan.jobs);
    std::vector<TableInfo>& tables = check_.catalog.tables;
    SortLargestFirst(tables);
    std::vector<std::pair<std::string, std::string>> names;
    const size_t begun = starts_.size();
    names.resize(begun);
    for (const auto& [name, start] : starts_) names[start.table_id - 1] = {name.schema, name.name};
    for (const TableInfo& table : tables) {
      if (starts_.count(table.name) > 0) continue;
      names.emplace_back(table.name.schema, table.name.name);
      starts_[table.name].table_id = static_cast<uint32_t>(names.size());
    }
    ledger_->PlanTables(std::move(names), begun);

    for (size_t i = 0; i < plan.ranges; ++i) ranges_.Add(std::make_unique<Range>(plan.sizes));
    for (size_t i = 0; i < plan.small_lanes; ++i) {
      small_ranges_.Add(
          std::make_unique<Range>(RangeSizes{plan.sizes.batch_bytes, plan.sizes.batch_bytes}));
    }
    ZDPIPE_RETURN_IF_ERROR(InParallel(Lanes(), [this](size_t i) {
      return AddLoader(IsSmallLane(i) ? small_loaders_ : loaders_);
    }));

    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 2 * plan.jobs + 2);
    tbb::task_arena arena(static_cast<int>(2 * plan.jobs + 1 + plan.small_lanes),
                          static_cast<unsigned>(lanes));
    TableQueue queue(tables, any_lanes, plan.jobs);
    LaneGate gate(
        plan.first_lanes, any_lanes,
        [this] { return progress_.bytes() + progress_.tables_done() * kTableCostBytes; },
        report_.bytes_estimate + tables.size() * kTableCostBytes);
    TableCopyContext context{
        options_,
        *ledger_,
        queue,
        PipeResources{ranges_, loaders_, progress_, throttle_, busy_, cancel_, error_, lasting_},
        [&arena](const std::function<void()>& body) { arena.execute(body); },
        any_lanes > 1 ? kRangesPerSegment * plan.sizes.range_bytes : 0};
    // One range, and one loader, for each of the lanes.
    TableCopyContext small_context{options_,
                                   *ledger_,
                                   queue,
                                   PipeResources{small_ranges_, small_loaders_, progress_,
                                                 throttle_, busy_, cancel_, error_, lasting_},
                                   context.in_arena,
                                   0};
    small_context.pipe.one_range = true;
    meter_.CountDiskWaits(*target_);
    std::vector<std::thread> lane_threads;
    for (size_t lane = 0; lane < lanes; ++lane) {
      lane_threads.emplace_back([&, lane] {
        const size_t session = lanes == 1 && snapshot_.sessions.size() == 1 ? 0 : lane + 1;
        error_.Set(RunLane(lane, snapshot_.sessions[session], gate,
                           IsSmallLane(lane) ? small_context : context));
      });
    }
    for (std::thread& thread : lane_threads) thread.join();
    report_.lanes = std::min(gate.best(), any_lanes);
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    if (cancel_.cancelled()) return StoppedError();
    meter_.CountDiskWaits(*target_);
    const absl::Status wide = CopyWideTables(context);
    // What made everybody stop is the error, not that they stopped.
    return error_.failed() ? error_.status() : wide;
  }

  absl::Status AddLoader(Pool<RangeLoader>& pool) {
    LoaderOptions loader;
    loader.claim = {options_.selection.control_schema, token_};
    loader.connect = [this] { return OpenTarget(); };
    loader.retry_for = options_.retry_for;
    loader.on_wait = [this](absl::string_view why) { NoteWait(why); };
    loader.retries = &retries_;
    loader.commit_nanoseconds = &busy_.commit_nanoseconds;
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<RangeLoader> made,
                            RangeLoader::Make(std::move(loader)));
    pool.Add(std::move(made));
    return absl::OkStatus();
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
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> control,
                            Session::Connect(options_.source, End::kSource, {}));
    ZDPIPE_RETURN_IF_ERROR(RememberSource(*control));
    // Table options that no engine knows: shown without this mode in a comment, refused without it.
    if (target_->version().mariadb) control->TrySet("sql_mode = 'IGNORE_BAD_TABLE_OPTIONS'");
    return control;
  }

  absl::StatusOr<std::unique_ptr<Session>> OpenTargetControl() {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> control, ConnectTarget());
    ZDPIPE_RETURN_IF_ERROR(SetUpTargetControl(*control));
    ZDPIPE_RETURN_IF_ERROR(RecordSession(*control, options_.selection.control_schema));
    if (control->version().mariadb) {
      control->TrySet("sql_mode = CONCAT(@@sql_mode, ',IGNORE_BAD_TABLE_OPTIONS')");
    }
    return control;
  }

  absl::StatusOr<std::unique_ptr<Session>> OpenTargetReader() {
    SessionOptions limited;
    limited.max_packet_bytes = report_.resources.max_wide_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> reader, ConnectTarget(limited));
    ZDPIPE_RETURN_IF_ERROR(RecordSession(*reader, options_.selection.control_schema));
    return reader;
  }

  // Replaces the lane's readers that were left in the middle of a result, or that their server has
  // ended while they had nothing to do. False: there is no snapshot any more (ReopenReader).
  absl::StatusOr<bool> Revive(LaneSessions& sessions) {
    const auto answers = [](Session& session) { return session.Execute("DO 0").ok(); };
    if (!answers(*sessions.target_reader)) {
      ZDPIPE_ASSIGN_OR_RETURN(sessions.target_reader, OpenTargetReader());
    }
    if (answers(*sessions.reader)) return true;
    ZDPIPE_ASSIGN_OR_RETURN(sessions.reader, ReopenReader(sessions.lane));
    return sessions.reader != nullptr;
  }

  // A lane takes tables, of those that are for it, until there are none; then it helps others.
  absl::Status RunLane(size_t lane, std::unique_ptr<Session>& reader, LaneGate& gate,
                       TableCopyContext& context) {
    const auto leave = [&] {
      return context.queue.empty() || error_.failed() || cancel_.cancelled();
    };
    std::optional<LaneSessions> sessions;  // of a lane that is let in
    size_t tables_read = 0;
    while (true) {
      if (!IsSmallLane(lane)) gate.Await(lane, leave);
      const TableInfo* table = IsSmallLane(lane) ? context.queue.TakeSmall() : context.queue.Take();
      if (error_.failed() || cancel_.cancelled()) return absl::OkStatus();
      if (table == nullptr) {
        return IsSmallLane(lane) ? absl::OkStatus()
                                 : HelpOthers(lane, reader, std::move(sessions), context);
      }
      if (!sessions.has_value()) {
        ZDPIPE_ASSIGN_OR_RETURN(sessions, OpenLane(lane, std::move(reader)));
      }
      ZDPIPE_ASSIGN_OR_RETURN(TableOutcome outcome,
                              CopyTable(*table, starts_.at(table->name), *sessions, context));
      const bool read_to_the_end =
          !outcome.too_wide && !outcome.lost && outcome.report.verify != "different";
      if (!outcome.too_wide) {
        Keep(std::move(outcome));
      } else if (IsSmallLane(lane)) {
        context.queue.PutBack(*table);
      } else if (snapshot_.sessions.size() == 1) {
        return TooLarge(*table);  // the only session there is has the highest limit already
      } else {
        std::lock_guard lock(mutex_);
        wide_tables_.push_back(table);
      }
      if (read_to_the_end) {
        ZDPIPE_RETURN_IF_ERROR(LetGoOfTables(*sessions->reader, ++tables_read));
        continue;
      }
      // What was not has cost its session.
      ZDPIPE_ASSIGN_OR_RETURN(const bool ready, Revive(*sessions));
      if (ready) continue;
      if (snapshot_.sessions.size() == 1) {
        return MakeError(Failure::kSource,
                         "the only session in the source's snapshot could not read a table to its "
                         "end, and the snapshot of a master cannot be had again");
      }
      if (!IsSmallLane(lane)) context.queue.StopTaking();
      return absl::OkStatus();
    }
  }

  // Joins the lanes that have large tables, as long as there are some. A lane that cannot help (the
  // server has no connection left, perhaps) is not missed.
  absl::Status HelpOthers(size_t lane, std::unique_ptr<Session>& reader,
                          std::optional<LaneSessions> sessions, TableCopyContext& context) {
    const auto leave = [&] { return error_.failed() || cancel_.cancelled(); };
    const auto get_ready = [&]() -> absl::StatusOr<bool> {
      if (!sessions.has_value()) {
        ZDPIPE_ASSIGN_OR_RETURN(sessions, OpenLane(lane, std::move(reader)));
      }
      return Revive(*sessions);
    };
    while (std::optional<SharedWork::Membership> shared = context.queue.AwaitShared(leave)) {
      const absl::StatusOr<bool> ready = get_ready();
      if (!ready.ok() && FailureOf(ready.status()) == Failure::kConsistency) return ready.status();
      if (!ready.ok())
        Note(absl::StrCat("one session less for large tables: ", ready.status().message()));
      if (!ready.ok() || !*ready) return absl::OkStatus();
      shared->Do(*sessions);  // what goes wrong is the table's
      progress_.ClearActive(lane);
    }
    return absl::OkStatus();
  }

  // A lane may have brought some of its rows.
  TableStart StartOfWide(const TableInfo& table) const {
    TableStart start = starts_.at(table.name);
    start.on_target = true;
    if (start.stage == TableStage::kRowsIn) start.stage = TableStage::kBegun;
    return start;
  }

  absl::Status TooLarge(const TableInfo& table) const {
    return RowTooLargeError(report_.resources, options_.memory_bytes, table.name);
  }

  // A session in place of a lost one: possible as long as the proof still holds. Null for a master,
  // whose snapshot cannot be had again.
  absl::StatusOr<std::unique_ptr<Session>> ReopenReader(size_t lane) {
    if (options_.source_state == SourceState::kMaster) return std::unique_ptr<Session>();
    SessionOptions limited;
    limited.max_packet_bytes = MaxRowBytes(lane);
    ZDPIPE_ASSIGN_OR_RETURN(Snapshot again, OpenSnapshot(options_.source, options_.source_state,
                                                         {limited}, InParallel));
    ZDPIPE_RETURN_IF_ERROR(CheckUnchanged(options_.source_state, snapshot_.proof, again.proof));
    ZDPIPE_RETURN_IF_ERROR(RememberSource(*again.sessions.front()));
    return std::move(again.sessions.front());
  }

  void Keep(TableOutcome outcome) {
    std::lock_guard lock(mutex_);
    if (!outcome.add_foreign_keys.empty() && !outcome.lost) {
      foreign_keys_.push_back({outcome.report.name, outcome.add_foreign_keys});
    }
    for (ObjectFailure& failure : outcome.failures) report_.failures.push_back(std::move(failure));
    for (std::string& note : outcome.notes) report_.notes.push_back(std::move(note));
    if (outcome.lost) lost_.insert(outcome.report.name);
    if (report_.resume.has_value()) {
      report_.resume->ranges_kept += outcome.ranges_kept;
      if (outcome.kept) ++report_.resume->tables_kept;
    }
    report_.tables.push_back(std::move(outcome.report));
  }

  // Tables with rows too wide for the lanes, and what lanes have left behind, one after the other:
  // the memory is theirs alone now.
  absl::Status CopyWideTables(TableCopyContext& context) {
    std::vector<const TableInfo*> rest = std::move(wide_tables_);
    if (!rest.empty()) {
      Note(absl::StrCat(rest.size(), " tables with rows of more than ",
                        report_.resources.max_row_bytes >> 20, " MiB are copied one by one"));
    }
    while (const TableInfo* table = context.queue.Take()) rest.push_back(table);
    if (rest.empty()) return absl::OkStatus();
    TableQueue one_lane({}, 1, 1);
    TableCopyContext alone{context.options, context.ledger,   one_lane,
                           context.pipe,    context.in_arena, 0};
    // One range in memory at a time: its one row may have most of the budget.
    alone.pipe.ranges_per_loader = 1;
    for (const auto& range : ranges_.all()) range->Release();
    for (const auto& range : small_ranges_.all()) range->Release();
    ZDPIPE_ASSIGN_OR_RETURN(LaneSessions sessions, OpenLane(0, std::move(snapshot_.sessions[0])));
    for (const TableInfo* table : rest) {
      ZDPIPE_ASSIGN_OR_RETURN(TableOutcome outcome,
                              CopyTable(*table, StartOfWide(*table), sessions, alone));
      if (outcome.too_wide) return TooLarge(*table);
      Keep(std::move(outcome));
    }
    return absl::OkStatus();
  }

  absl::Status CopyObjects() {
    for (const auto& [table, sql] : foreign_keys_) {
      if (cancel_.cancelled()) return StoppedError();
      // One ALTER makes all of a table's, or none.
      ZDPIPE_ASSIGN_OR_RETURN(const bool made, HasForeignKeys(table));
      if (made) continue;
      ZDPIPE_RETURN_IF_ERROR(
          target_->ExecuteWithWarnings(absl::StrCat("USE ", QuoteName(table.schema))).status());
      const absl::Status added = target_->ExecuteWithWarnings(sql).status();
      if (added.ok()) continue;
      if (!ConcernsOneObject(added)) return added;
      report_.failures.push_back({"foreign key", table, std::string(added.message())});
    }
    const Catalog& catalog = check_.catalog;
    if (accounts_.has_value()) ZDPIPE_RETURN_IF_ERROR(accounts_->GrantEarly());
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyRoutines(catalog.routines));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyViews(catalog.views));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyTriggers(catalog.triggers));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyEvents(catalog.events));
    if (accounts_.has_value()) ZDPIPE_RETURN_IF_ERROR(FinishAccounts());
    report_.failures.insert(report_.failures.end(), objects_->failures().begin(),
                            objects_->failures().end());
    report_.notes.insert(report_.notes.end(), objects_->notes().begin(), objects_->notes().end());
    for (const EventInfo& event : catalog.events) {
      if (event.status == "DISABLED") continue;
      report_.notes.push_back(
          absl::StrCat("event ", PrintableName(event.name.schema, event.name.name),
                       " is disabled on the target; on the source it is ", event.status));
    }
    return CompareWithSource();
  }

  // Only a run that goes on can find some.
  absl::StatusOr<bool> HasForeignKeys(const ObjectName& table) {
    if (!resume_) return false;
    ZDPIPE_ASSIGN_OR_RETURN(
        const std::string count,
        target_->QueryValue(absl::StrCat(
            "SELECT COUNT(*) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_TYPE = "
            "'FOREIGN KEY' AND TABLE_SCHEMA = ",
            QuoteText(table.schema), " AND TABLE_NAME = ", QuoteText(table.name))));
    return count != "0";
  }

  absl::Status FinishAccounts() {
    ZDPIPE_RETURN_IF_ERROR(accounts_->GrantRest());
    report_.accounts = accounts_->counts();
    report_.failures.insert(report_.failures.end(), accounts_->failures().begin(),
                            accounts_->failures().end());
    report_.notes.insert(report_.notes.end(), accounts_->notes().begin(), accounts_->notes().end());
    return absl::OkStatus();
  }

  // What the target now says of each object; one that could not be made is listed already.
  absl::Status CompareWithSource() {
    DefinitionRules rules;
    rules.definer = options_.definer;
    // A restart of the source, after which a run is resumed, forgets what was reserved only.
    rules.ignore_counters = options_.source_state == SourceState::kMaster || resume_;
    rules.for_each = InParallel;
    rules.stopping = [this] { return cancel_.cancelled(); };
    rules.note = [this](const std::string& note) { report_.notes.push_back(note); };
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<DefinitionDifference> differences,
                            CompareDefinitions(*source_, *target_, check_.catalog, rules));
    std::set<std::pair<std::string, ObjectName>> listed;
    for (const ObjectFailure& failure : report_.failures) {
      const bool of_a_table = failure.kind == "index" || failure.kind == "foreign key";
      listed.emplace(of_a_table ? "table" : failure.kind, failure.name);
    }
    for (const DefinitionDifference& difference : differences) {
      if (listed.count({difference.object_kind, difference.name}) > 0) continue;
      report_.failures.push_back(
          {difference.object_kind, difference.name,
           absl::StrCat("the definition on the target is ",
                        DefinitionDifferenceName(difference.kind), ": source: ", difference.source,
                        "; target: ", difference.target)});
    }
    return absl::OkStatus();
  }

  absl::Status Prove() {
    ZDPIPE_ASSIGN_OR_RETURN(const SnapshotProof later,
                            ReadProof(options_.source, options_.source_state, {}));
    ZDPIPE_RETURN_IF_ERROR(CheckUnchanged(options_.source_state, snapshot_.proof, later));
    revalidated_at_ = UtcNow();
    std::string different;
    size_t count = 0;
    for (const TableReport& table : report_.tables) {
      if (table.verify != "different") continue;
      ++count;
      if (count > 3) continue;
      absl::StrAppend(&different, count == 1 ? "" : ", ",
                      PrintableName(table.name.schema, table.name.name));
      const std::vector<RowDifference>& rows = table.differences.shown;
      if (rows.empty()) continue;
      absl::StrAppend(&different, " (", RowDifferenceName(rows[0].kind), " row ",
                      Printable(rows[0].key), ")");
    }
    if (count == 0) return absl::OkStatus();
    return WithHint(MakeError(Failure::kDifferent,
                              absl::StrCat(count, " tables differ between source and target: ",
                                           different, count > 3 ? ", ..." : "")),
                    "is somebody writing on the target?");
  }

  absl::Status HandOff() {
    std::vector<std::string> reasons;
    if (!lost_.empty()) {
      reasons.push_back(absl::StrCat(lost_.size(), " tables could not be copied"));
    }
    const absl::Status ended = HowItEnded();
    const int exit_code = ended.ok() ? 0 : static_cast<int>(FailureOf(ended));
    // First the ledger: while it tells of an unfinished run, the next run would remove everything.
    ZDPIPE_RETURN_IF_ERROR(ledger_->Finish("done", ended.message(), exit_code));
    ZDPIPE_RETURN_IF_ERROR(WriteHandoffs(reasons.empty(), reasons, true, exit_code));
    return ended;
  }

  absl::Status HowItEnded() const {
    if (!report_.failures.empty()) {
      const ObjectFailure& first = report_.failures.front();
      return WithHint(
          MakeError(
              Failure::kPartial,
              absl::StrCat("done, but ", report_.failures.size(),
                           " objects were not made as on the source; the first: ", first.kind, " ",
                           PrintableName(first.name.schema, first.name.name), ": ", first.reason)),
          "the report lists them all (--report FILE)");
    }
    // Known since the handoff files were written for the first time.
    if (handoff_reason_.empty()) return absl::OkStatus();
    return MakeError(
        Failure::kHandoff,
        absl::StrCat("the data is there, but the handoff is not usable: ", handoff_reason_));
  }

  // Leaves the ledger and the handoff file saying how it ended.
  void Close(const absl::Status& status) {
    const Failure failure = status.ok() ? Failure::kInternal : FailureOf(status);
    const bool complete =
        status.ok() || failure == Failure::kPartial || failure == Failure::kHandoff;
    if (!complete && !report_.handoff_paths.empty()) {
      const absl::Status written = WriteHandoffs(false, {std::string(status.message())}, false);
      if (!written.ok()) Note(std::string(written.message()));
    }
    if (!ledger_started_.load()) return;
    absl::Status closed;
    if (complete) {
      snapshot_.sessions.clear();
      if (!options_.keep_control) closed = RemoveLedger();
      EndSourceSessions();
    } else {
      // Somebody may hold a lock that the run was stopped because of: the last word can be left
      // out.
      ledger_session_->TrySet(absl::StrCat("lock_wait_timeout = ", kCloseSeconds));
      closed = ledger_->Finish(failure == Failure::kStopped ? "stopped" : "failed",
                               status.message(), static_cast<int>(failure));
    }
    if (!closed.ok()) Note(absl::StrCat("the ledger could not be closed: ", closed.message()));
  }

  // A copy that has ended well is not to fail for this; but what can be tidied up is.
  absl::Status RemoveLedger() {
    absl::Status removed = ledger_->Drop();
    for (int again = 0; again < kRemoveAttempts && !PassingTrouble(removed).empty(); ++again) {
      std::this_thread::sleep_for(kRemovePause);
      const absl::StatusOr<std::unique_ptr<Session>> session = OpenTarget();
      removed = session.status();
      if (!session.ok()) continue;
      removed = Ledger::Remove(**session, options_.selection.control_schema);
    }
    return removed;
  }

  void Tick() {
    const auto now = Clock::now();
    if (cancel_.cancelled()) InterruptStatements();
    if (now - last_tick_ >= kTickEvery) {
      last_tick_ = now;
      on_tick_(progress_.View());
    }
    if (ledger_locked_.load() && now - last_heartbeat_ >= kHeartbeatEvery) {
      last_heartbeat_ = now;
      const absl::Status beat =
          ledger_started_.load() ? ledger_->Heartbeat(PhaseText()) : ledger_->KeepAlive();
      // Without the ledger's session the lock is gone: another run could start beside us.
      if (!beat.ok()) error_.Set(Annotate(beat, "heartbeat"));
    }
  }

  // For whoever asks with zdpipe status.
  std::string PhaseText() const {
    constexpr size_t kMaxText = 200;  // the ledger's column
    const std::string reason = throttle_.reason();
    if (reason.empty()) return progress_.phase();
    return absl::StrCat(progress_.phase(), ", waits: ", reason).substr(0, kMaxText);
  }

  // Limits may be changed while the run goes on: zdpipe status --set.
  void WatchTarget() {
    const auto now = Clock::now();
    if (now - last_watch_ < kWatchEvery || !ledger_started_.load()) return;
    last_watch_ = now;
    ThrottleLimits limits = throttle_.limits();
    const absl::StatusOr<Ledger::Settings> settings = ledger_->ReadSettings();
    if (settings.ok()) {
      for (const auto& [name, value] : *settings) {
        const absl::Status set = SetThrottleLimit(name, value, limits);
        if (!set.ok()) NoteOnce(absl::StrCat("a setting is not heeded: ", set.message()));
      }
      throttle_.SetLimits(limits);
    } else {
      NoteOnce(absl::StrCat("changes of the limits cannot be read: ", settings.status().message()));
    }
    throttle_.Hold(target_watch_.ReasonToWait(limits));
    const std::string reason = throttle_.reason();
    progress_.SetThrottle(reason);
    if (!reason.empty()) NoteOnce(absl::StrCat("throttled: ", reason));
  }

  // A range waits to be tried again: one of all loaders says so, now and then.
  void NoteWait(absl::string_view why) {
    {
      std::lock_guard lock(notes_mutex_);
      const auto now = Clock::now();
      if (now - last_wait_note_ < kWaitNoteEvery) return;
      last_wait_note_ = now;
    }
    on_note_(
        absl::StrCat("waiting, and trying again for ", options_.retry_for.count(), " s: ", why));
  }

  // What comes again every second is said once, until something else has been said.
  void NoteOnce(const std::string& note) {
    if (note == last_watch_note_) return;
    last_watch_note_ = note;
    on_note_(note);
  }

  // A session of the target. Once that is decided, nothing it writes goes into the binlog.
  absl::StatusOr<std::unique_ptr<Session>> OpenTarget(const SessionOptions& options = {}) const {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                            Session::Connect(options_.target, End::kTarget, options));
    if (skip_binlog_) session->TrySet("sql_log_bin = 0");
    return session;
  }

  // The same, and a cancel ends it.
  absl::StatusOr<std::unique_ptr<Session>> ConnectTarget(const SessionOptions& options = {}) {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, OpenTarget(options));
    std::lock_guard lock(threads_mutex_);
    target_threads_.push_back(session->thread_id());
    return session;
  }

  // Index builds and lock waits do not look at flags: end their sessions, which nobody needs any
  // more. (KILL QUERY does not reach an array execute that waits for a metadata lock.) The
  // ledger's session is to say how the run ended: only its statement, if one runs, is stopped.
  void InterruptStatements() {
    std::vector<unsigned long> threads;
    {
      std::lock_guard lock(threads_mutex_);
      threads = target_threads_;
    }
    if (threads.empty()) return;
    const absl::StatusOr<std::unique_ptr<Session>> killer =
        Session::Connect(options_.target, End::kTarget, {});
    if (!killer.ok()) return;
    (void)(*killer)->ExecuteWithWarnings(absl::StrCat("KILL QUERY ", ledger_thread_.load()));
    for (const unsigned long id : threads) {
      (void)(*killer)->ExecuteWithWarnings(absl::StrCat("KILL ", id));
    }
  }

  void Note(const std::string& note) {
    on_note_(note);
    std::lock_guard lock(notes_mutex_);
    report_.notes.push_back(note);
  }

  const CopyOptions& options_;
  const CancelToken& cancel_;
  Progress& progress_;
  const std::function<void(const ProgressView&)>& on_tick_;
  const std::function<void(absl::string_view)>& on_note_;
  CopyReport report_;

  std::unique_ptr<Session> source_;
  std::unique_ptr<Session> target_;
  std::unique_ptr<Session> ledger_session_;
  std::unique_ptr<Ledger> ledger_;
  std::atomic<bool> ledger_locked_ = false;
  std::atomic<bool> ledger_started_ = false;
  const std::string token_ = NewId();  // of the ledger's claim
  Ledger::Plan plan_;
  Ledger::Plan earlier_plan_;  // of the run that is resumed, as what follows
  std::optional<SnapshotProof> earlier_proof_;
  std::optional<bool> was_binlogged_;
  std::optional<absl::Status> ended_;        // the run to be resumed has ended so
  std::map<ObjectName, TableStart> starts_;  // complete before the lanes start
  bool skip_binlog_ = false;
  std::vector<LedgerObject> earlier_;
  CheckResult check_;
  Snapshot snapshot_;
  std::optional<ObjectCopier> objects_;
  std::optional<AccountCopier> accounts_;  // with --users
  std::string captured_at_;
  std::string revalidated_at_;
  std::string master_gtid_;
  std::string handoff_reason_;

  Pool<Range> ranges_;
  Pool<RangeLoader> loaders_;
  Pool<Range> small_ranges_;  // of the lanes for small tables
  Pool<RangeLoader> small_loaders_;
  BusyTime busy_;
  FirstError error_;
  // What lanes hand in: wide_tables_, foreign_keys_, lost_, report_, source_sessions_.
  std::mutex mutex_;
  std::vector<const TableInfo*> wide_tables_;
  std::vector<std::pair<ObjectName, std::string>> foreign_keys_;
  std::set<ObjectName> lost_;
  std::atomic<uint64_t> lasting_ = 0;  // see PipeResources
  std::mutex notes_mutex_;
  Clock::time_point last_wait_note_;  // guarded by notes_mutex_
  std::mutex threads_mutex_;
  std::vector<unsigned long> target_threads_;  // guarded by threads_mutex_
  std::atomic<unsigned long> ledger_thread_ = 0;

  Throttle& throttle_;
  PhaseMeter meter_{throttle_, busy_};
  RetryLog& retries_;
  std::vector<ServerSession>& source_sessions_;
  const unsigned long lost_ledger_thread_;
  const std::string run_id_;  // to go on with; "": any
  bool resume_;               // until it turns out that there is nothing to resume
  TargetWatch target_watch_;  // the watching ticker's thread only, as the next two
  Clock::time_point last_watch_;
  std::string last_watch_note_;

  Clock::time_point last_tick_ = Clock::now();       // the ticker's thread only
  Clock::time_point last_heartbeat_ = Clock::now();  // the ticker's thread only
};

}  // namespace

AttemptResult RunAttempt(const AttemptContext& context) { return Attempt(context).Run(); }

}  // namespace zdpipe
