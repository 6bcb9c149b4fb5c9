#include "pipeline/copy_attempt.h"

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
#include "pipeline/earlier_run.h"
#include "pipeline/limited_by.h"
#include "pipeline/object_removal.h"
#include "pipeline/parallel.h"
#include "pipeline/resume_plan.h"
#include "pipeline/run_sessions.h"
#include "pipeline/table_copy.h"
#include "pipeline/table_lanes.h"
#include "pipeline/target_watch.h"
#include "pipeline/ticker.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTickEvery{1};
constexpr std::chrono::seconds kWatchEvery{1};
constexpr std::chrono::seconds kHeartbeatEvery{5};
constexpr int kCloseSeconds = 2;
// The heartbeats come more often.
constexpr int kLedgerWaitSeconds = 60;
constexpr std::chrono::seconds kLockPatience{3};
constexpr int kRemoveAttempts = 5;
constexpr std::chrono::seconds kRemovePause{1};

// Time first, so that ids sort; 64 random bits, so that they are never equal.
std::string NewId() {
  std::random_device random;
  return absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone()), "-",
                      absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

template <typename T>
void Append(const std::vector<T>& more, std::vector<T>& all) {
  all.insert(all.end(), more.begin(), more.end());
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
        sessions_(context.options, context.cancel, context.source_sessions),
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
    phase.limited_by = LimitedBy(meter_.End(phase.seconds, report_.resources.lanes()));
    report_.phases.push_back(std::move(phase));
    return status;
  }

  absl::Status Check() {
    // Said before anything is connected.
    ZDPIPE_RETURN_IF_ERROR(
        PlanResources(options_.memory_bytes, options_.range_bytes, options_.jobs).status());
    // One after the other: when two threads need the same authentication plugin for the first time,
    // the library fails in one of them.
    ZDPIPE_ASSIGN_OR_RETURN(source_, Session::Connect(options_.source, End::kSource, {}));
    EndSourceSessions();
    ZDPIPE_RETURN_IF_ERROR(sessions_.RememberSource(*source_));
    ZDPIPE_ASSIGN_OR_RETURN(target_, sessions_.ConnectTarget());
    ZDPIPE_ASSIGN_OR_RETURN(ledger_session_, Session::Connect(options_.target, End::kTarget, {}));
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
    if (resume_) {
      ZDPIPE_ASSIGN_OR_RETURN(earlier_plan_, ReadRecordedPlan(*ledger_));
    }
    ZDPIPE_RETURN_IF_ERROR(ChooseBinlog());
    ZDPIPE_ASSIGN_OR_RETURN(
        earlier_, resume_ ? Ledger::Objects(*target_, options_.selection.control_schema)
                          : Ledger::EarlierObjects(*target_, options_.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(check_, RunCheck(*source_, *target_, options_, earlier_));
    ReportCheck(check_, report_);
    ZDPIPE_RETURN_IF_ERROR(LimitSmallLanes(check_.catalog.tables, options_.memory_bytes, *source_,
                                           *target_, report_.resources));
    progress_.SetTotals(report_.tables_total, report_.bytes_estimate, report_.resources.lanes());
    ZDPIPE_ASSIGN_OR_RETURN(plan_, MakeResumePlan(options_, report_.resources, check_, *source_));
    if (resume_) ZDPIPE_RETURN_IF_ERROR(CompareResumePlans(earlier_plan_->plan, plan_));
    if (options_.resume && !resume_) {
      ZDPIPE_ASSIGN_OR_RETURN(EarlierRun run,
                              FindRunInHandoff(options_, check_.catalog.tables, *target_));
      TakeRun(std::move(run));
      if (ended_.has_value()) return absl::OkStatus();
      Note("there is no run to resume on the target: starting at the beginning");
    }
    if (check_.refused()) return RefusedError(check_);
    if (sessions_.skips_binlog()) target_->TrySet("sql_log_bin = 0");
    return SetUpTargetControl(*target_, source_->version());
  }

  // Without a run to go on with the copy starts at the beginning. What is left of the ledger of one
  // that has ended goes now, if it can: how the run ended does not depend on it.
  absl::Status FindRun() {
    ZDPIPE_ASSIGN_OR_RETURN(EarlierRun run, FindRunInLedger(options_, *target_, run_id_));
    resume_ = !run.run_id.empty();
    TakeRun(std::move(run));
    if (!ended_.has_value() || options_.keep_control) return absl::OkStatus();
    const absl::Status dropped = ledger_->Drop();
    if (!dropped.ok()) Note(absl::StrCat("the ledger cannot be removed: ", dropped.message()));
    return absl::OkStatus();
  }

  void TakeRun(EarlierRun run) {
    if (!run.note.empty()) Note(run.note);
    if (!run.run_id.empty()) report_.run_id = std::move(run.run_id);
    report_.handoff_paths = std::move(run.handoff_paths);
    report_.handoff_usable = run.handoff_usable;
    ended_ = std::move(run.ended);
  }

  // All of a run goes into the target's binlog, or nothing of it.
  absl::Status ChooseBinlog() {
    bool skip = MaySkipBinlog();
    if (earlier_plan_.has_value() && earlier_plan_->binlogged == skip) {
      skip = !earlier_plan_->binlogged;
      if (skip) {
        Note(
            "a replica has been attached to the target since the copy began: it gets nothing of "
            "the copy; make it anew when the copy has ended");
      }
    }
    if (skip) {
      sessions_.SkipBinlog();
      ledger_->SkipBinlog();
    }
    return absl::OkStatus();
  }

  // Keeping the copy out of the target's binlog spares it much work, and keeps its GTID history
  // clean; but a replica that is attached to the target already needs the events, and so do the
  // other members of a cluster (Galera, Group Replication).
  bool MaySkipBinlog() {
    const absl::StatusOr<std::string> galera = ReadVariable(*target_, "wsrep_on");
    const absl::StatusOr<std::string> group =
        ReadVariable(*target_, "group_replication_group_name");
    if (!galera.ok() || *galera == "ON" || !group.ok() || !group->empty()) return false;
    const absl::StatusOr<Result> replicas =
        target_->Query("SHOW GLOBAL STATUS LIKE 'Slaves_connected'");
    if (replicas.ok() && !replicas->rows.empty()) {
      return replicas->rows[0][1].value_or("0") == "0";
    }
    // Without its binlog MySQL >= 8.4 warns of every range of another engine than the ledger's
    // (6414).
    if (target_->version().MySqlAtLeast(8, 4)) return false;
    const absl::StatusOr<Result> hosts = target_->Query(ShowReplicas(target_->version()));
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
    std::vector<SessionOptions> sessions(1 + report_.resources.lanes());
    sessions[0].max_packet_bytes = report_.resources.max_wide_row_bytes;
    for (size_t lane = 0; lane < report_.resources.lanes(); ++lane) {
      sessions[1 + lane].max_packet_bytes = report_.resources.MaxRowBytes(lane);
    }
    ZDPIPE_ASSIGN_OR_RETURN(
        snapshot_, OpenSnapshot(options_.source, options_.source_state, sessions, InParallel));
    ZDPIPE_RETURN_IF_ERROR(InParallel(snapshot_.sessions.size(), [this](size_t i) {
      return sessions_.RememberSource(*snapshot_.sessions[i]);
    }));
    for (const std::string& note : snapshot_.notes) Note(note);
    const bool moved_during_check =
        options_.source_state == SourceState::kMaster || (running && options_.stop_replica);
    if (moved_during_check) ZDPIPE_RETURN_IF_ERROR(CheckCatalogUnchanged());
    ZDPIPE_RETURN_IF_ERROR(CheckNothingIsPrepared());
    ZDPIPE_RETURN_IF_ERROR(NoteTemporaryTables());
    if (earlier_plan_.has_value()) {
      ZDPIPE_RETURN_IF_ERROR(
          Annotate(CheckUnchanged(options_.source_state, earlier_plan_->proof, snapshot_.proof),
                   absl::StrCat("run ", report_.run_id, " cannot be resumed")));
    }
    captured_at_ = UtcNow();
    return WriteHandoffs(false, {"the copy has not ended"}, false);
  }

  // What is copied was read while the source still took writes.
  absl::Status CheckCatalogUnchanged() {
    ZDPIPE_ASSIGN_OR_RETURN(const Catalog now, ReadCatalog(*source_, options_.selection));
    if (CatalogDigest(now) == CatalogDigest(check_.catalog)) return absl::OkStatus();
    return WithHint(MakeError(Failure::kConsistency,
                              "tables or other objects of the source have changed between the "
                              "check and the snapshot"),
                    "nothing has been copied yet; start the copy again, while nobody runs DDL");
  }

  // Where XA PREPARE has a place of its own in the binlog, the coordinates may lie behind it: the
  // rows are not in the snapshot then, and XA COMMIT would find nothing on the target.
  absl::Status CheckNothingIsPrepared() {
    const Version& version = source_->version();
    if (!version.MariaDbAtLeast(10, 5) && !version.MySqlAtLeast(5, 7)) return absl::OkStatus();
    const absl::StatusOr<Result> prepared = source_->Query("XA RECOVER");
    if (IsSessionLost(prepared.status())) return prepared.status();
    if (!prepared.ok()) {
      Note(absl::StrCat("whether transactions are prepared (XA) on the source is not known: ",
                        prepared.status().message(),
                        version.MySqlAtLeast(8, 0) ? " (it takes XA_RECOVER_ADMIN)" : ""));
      return absl::OkStatus();
    }
    if (prepared->rows.empty()) return absl::OkStatus();
    return WithHint(
        MakeError(Failure::kConsistency,
                  absl::StrCat(prepared->rows.size(),
                               " transactions are prepared (XA) on the source and not committed: "
                               "their rows would be in no copy")),
        "commit or roll them back; those of a replica end when their end on the master has been "
        "replicated: start its threads, stop them again, and start the copy again");
  }

  // Statements that the replica has not applied yet may use them.
  absl::Status NoteTemporaryTables() {
    ZDPIPE_ASSIGN_OR_RETURN(const Result open,
                            source_->Query("SHOW GLOBAL STATUS LIKE 'Slave_open_temp_tables'"));
    const std::string count = open.rows.empty() ? "0" : open.rows[0][1].value_or("0");
    if (count == "0") return absl::OkStatus();
    Note(absl::StrCat("the source has ", count,
                      " temporary tables of replicated sessions open, which are not carried: "
                      "replicated statements that use them will fail on the target"));
    return absl::OkStatus();
  }

  void EndSourceSessions() {
    const absl::Status ended = sessions_.EndSourceSessions(*source_);
    if (ended.ok()) return;
    Note(absl::StrCat("sessions of this copy may still be on the source: ", ended.message()));
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
    const RecordedPlan recorded{plan_, snapshot_.proof, !sessions_.skips_binlog()};
    ZDPIPE_RETURN_IF_ERROR(ledger_->Start(run, PlanToRecord(recorded), token_));
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
    ZDPIPE_ASSIGN_OR_RETURN(const std::set<ObjectName> present, TablesOn(*target_));
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<LedgerTable> tables, ledger_->ReadTables());
    for (const LedgerTable& table : tables) {
      TableStart& start = starts_[{table.schema, table.name}];
      start = {table.table_id, table.stage != TableStage::kForeign, table.stage};
      if (!start.on_target) continue;
      const bool gone = present.count({table.schema, table.name}) == 0;
      if (gone) start.stage = TableStage::kBegun;
    }
    report_.resume.emplace();
    return absl::OkStatus();
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
    return other_mode ? SetUpTargetControl(*target_, source_->version()) : absl::OkStatus();
  }

  absl::Status CopyTables() {
    const LanesContext context{.options = options_,
                               .resources = report_.resources,
                               .source_version = source_->version(),
                               .target_version = target_->version(),
                               .tables = check_.catalog.tables,
                               .bytes_estimate = report_.bytes_estimate,
                               .starts = starts_,
                               .snapshot = snapshot_,
                               .sessions = sessions_,
                               .ledger = *ledger_,
                               .claim = token_,
                               .progress = progress_,
                               .throttle = throttle_,
                               .busy = busy_,
                               .cancel = cancel_,
                               .error = error_,
                               .lasting = lasting_,
                               .retries = retries_,
                               .note = [this](const std::string& note) { Note(note); },
                               .note_to_user = on_note_};
    LanesOutcome outcome;
    meter_.CountDiskWaits(*target_);
    const absl::Status status = CopyTablesInLanes(context, outcome);
    if (status.ok()) meter_.CountDiskWaits(*target_);
    report_.tables = std::move(outcome.tables);
    report_.lanes = outcome.lanes;
    Append(outcome.failures, report_.failures);
    Append(outcome.notes, report_.notes);
    foreign_keys_ = std::move(outcome.foreign_keys);
    tables_lost_ = outcome.tables_lost;
    if (report_.resume.has_value()) {
      report_.resume->ranges_kept = outcome.ranges_kept;
      report_.resume->tables_kept = outcome.tables_kept;
    }
    return status;
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
    if (!catalog.left_in_sys.empty()) {
      report_.failures.push_back({"database", {"sys", ""}, catalog.left_in_sys});
      tables_lost_ += catalog.tables_in_sys;
    }
    if (accounts_.has_value()) ZDPIPE_RETURN_IF_ERROR(accounts_->GrantEarly());
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyRoutines(catalog.routines));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyViews(catalog.views));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyTriggers(catalog.triggers));
    ZDPIPE_RETURN_IF_ERROR(objects_->CopyEvents(catalog.events));
    if (accounts_.has_value()) ZDPIPE_RETURN_IF_ERROR(FinishAccounts());
    Append(objects_->failures(), report_.failures);
    Append(objects_->notes(), report_.notes);
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
    Append(accounts_->failures(), report_.failures);
    Append(accounts_->notes(), report_.notes);
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
    if (tables_lost_ > 0) {
      reasons.push_back(absl::StrCat(tables_lost_, " tables could not be copied"));
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
    // The files of a run that has ended before are not ours to write.
    if (!complete && !ended_.has_value() && !report_.handoff_paths.empty()) {
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
      const absl::StatusOr<std::unique_ptr<Session>> session = sessions_.OpenTarget();
      removed = session.status();
      if (!session.ok()) continue;
      removed = Ledger::Remove(**session, options_.selection.control_schema);
    }
    return removed;
  }

  void Tick() {
    const auto now = Clock::now();
    if (cancel_.cancelled()) sessions_.Interrupt(ledger_thread_.load());
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

  // What comes again every second is said once, until something else has been said.
  void NoteOnce(const std::string& note) {
    if (note == last_watch_note_) return;
    last_watch_note_ = note;
    on_note_(note);
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
  std::optional<RecordedPlan> earlier_plan_;  // of the run that is resumed
  std::optional<absl::Status> ended_;         // the run to be resumed has ended so
  std::map<ObjectName, TableStart> starts_;   // complete before the lanes start
  std::vector<LedgerObject> earlier_;
  CheckResult check_;
  Snapshot snapshot_;
  std::optional<ObjectCopier> objects_;
  std::optional<AccountCopier> accounts_;  // with --users
  std::string captured_at_;
  std::string revalidated_at_;
  std::string master_gtid_;
  std::string handoff_reason_;

  BusyTime busy_;
  FirstError error_;
  std::vector<std::pair<ObjectName, std::string>> foreign_keys_;
  size_t tables_lost_ = 0;
  std::atomic<uint64_t> lasting_ = 0;  // see PipeResources
  std::mutex notes_mutex_;             // guards report_.notes while lanes run
  std::atomic<unsigned long> ledger_thread_ = 0;

  Throttle& throttle_;
  PhaseMeter meter_{throttle_, busy_};
  RetryLog& retries_;
  RunSessions sessions_;
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
