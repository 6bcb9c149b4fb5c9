#include "pipeline/copy_run.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
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
#include "engine/server/sql_text.h"
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

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Time first, so that ids sort; 64 random bits, so that they are never equal.
std::string NewRunId() {
  std::random_device random;
  return absl::StrCat(absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone()), "-",
                      absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

class CopyRun {
 public:
  CopyRun(const CopyOptions& options, const CancelToken& cancel, Progress& progress,
          const std::function<void(const ProgressView&)>& on_tick,
          const std::function<void(absl::string_view)>& on_note)
      : options_(options),
        cancel_(cancel),
        progress_(progress),
        on_tick_(on_tick),
        on_note_(on_note),
        throttle_(options.throttle),
        target_watch_(options.target) {}

  CopyReport Run() {
    report_.run_id = NewRunId();
    report_.tool_version = options_.tool_version;
    report_.started_at = UtcNow();
    report_.verify = options_.verify == VerifyMode::kRows     ? "rows"
                     : options_.verify == VerifyMode::kCounts ? "counts"
                                                              : "none";
    absl::Status status;
    {
      Ticker ticker([this] { Tick(); });
      Ticker watch([this] { WatchTarget(); });
      status = ExplainSourceFailure(Phases());
      // An interrupted statement reports itself as the server's error; the user's wish counts.
      if (cancel_.cancelled() && !status.ok()) {
        status =
            WithHint(CancelledError(), "nothing usable is on the target; start the copy again");
      }
    }
    Close(status);
    report_.rows = progress_.rows();
    report_.bytes = progress_.bytes();
    for (const auto& loader : loaders_.all()) report_.retries += loader->replays();
    for (const TableReport& table : report_.tables) report_.ranges += table.ranges;
    report_.throttled_seconds = throttle_.waited_seconds();
    report_.memory_peak_bytes = MemoryPeakBytes();
    report_.finished_at = UtcNow();
    report_.status = status;
    return std::move(report_);
  }

 private:
  absl::Status Phases() {
    ZDPIPE_RETURN_IF_ERROR(Phase("check", [this] { return Check(); }));
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
    if (cancel_.cancelled()) return CancelledError();
    progress_.SetPhase(name);
    if (ledger_started_.load()) ZDPIPE_RETURN_IF_ERROR(ledger_->Heartbeat(name));
    const auto start = Clock::now();
    const uint64_t rows = progress_.rows();
    const uint64_t bytes = progress_.bytes();
    const double cpu = CpuSeconds();
    const absl::Status status = body();
    PhaseReport phase;
    phase.name = std::string(name);
    phase.seconds = SecondsSince(start);
    phase.rows = progress_.rows() - rows;
    phase.bytes = progress_.bytes() - bytes;
    if (name == "rows") phase.limited_by = LimitedBy(phase.seconds, CpuSeconds() - cpu);
    report_.phases.push_back(std::move(phase));
    return status;
  }

  // The side that was busy: our own processor, or else the server that was waited for longer.
  std::string LimitedBy(double wall_seconds, double cpu_seconds) const {
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    if (cpu_seconds > 0.8 * wall_seconds * cores) return "client";
    return busy_.load_nanoseconds.load() >= busy_.read_nanoseconds.load() ? "target" : "source";
  }

  absl::Status Check() {
    ZDPIPE_ASSIGN_OR_RETURN(report_.resources, PlanResources(options_.memory_bytes,
                                                             options_.range_bytes, options_.jobs));
    ZDPIPE_ASSIGN_OR_RETURN(source_, Session::Connect(options_.source, End::kSource, {}));
    ZDPIPE_ASSIGN_OR_RETURN(target_, ConnectTarget());
    ZDPIPE_ASSIGN_OR_RETURN(ledger_session_, Session::Connect(options_.target, End::kTarget, {}));
    ledger_thread_.store(ledger_session_->thread_id());
    skip_binlog_ = MaySkipBinlog();
    if (skip_binlog_) ledger_session_->TrySet("sql_log_bin = 0");
    ZDPIPE_ASSIGN_OR_RETURN(ledger_,
                            Ledger::Lock(*ledger_session_, options_.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(earlier_,
                            Ledger::EarlierObjects(*target_, options_.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(check_, RunCheck(*source_, *target_, options_, earlier_));
    report_.source = check_.source;
    report_.target = check_.target;
    report_.findings = check_.findings;
    report_.tables_total = check_.catalog.tables.size();
    for (const TableInfo& table : check_.catalog.tables) {
      report_.bytes_estimate += table.data_bytes_estimate;
    }
    progress_.SetTotals(report_.tables_total, report_.bytes_estimate, report_.resources.jobs);
    if (check_.refused()) return RefusedError(check_);
    return SetUpTargetControl(*target_, skip_binlog_);
  }

 public:
  static absl::Status RefusedError(const CheckResult& check) {
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

 private:
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
    std::vector<SessionOptions> sessions(report_.resources.jobs + 1);
    for (SessionOptions& session : sessions) {
      session.max_packet_bytes = report_.resources.max_row_bytes;
    }
    sessions[0].max_packet_bytes = report_.resources.max_wide_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(snapshot_,
                            OpenSnapshot(options_.source, options_.source_state, sessions));
    for (const std::string& note : snapshot_.notes) Note(note);
    captured_at_ = UtcNow();
    return WriteHandoffs(false, {"the copy has not ended"}, false);
  }

  absl::Status WriteHandoffs(bool usable, std::vector<std::string> reasons, bool unchanged) {
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
    ZDPIPE_RETURN_IF_ERROR(ledger_->Start(run));
    ledger_started_.store(true);

    objects_.emplace(*source_, *target_, options_.definer,
                     [this](absl::string_view kind, const ObjectName& name) {
                       return ledger_->RecordObject(kind, name.schema, name.name);
                     });
    for (const DatabaseInfo& database : check_.catalog.databases) {
      ZDPIPE_RETURN_IF_ERROR(objects_->CopyDatabase(database));
    }
    if (options_.users) ZDPIPE_RETURN_IF_ERROR(CreateAccounts());
    for (const ObjectName& sequence : check_.catalog.sequences) {
      ZDPIPE_RETURN_IF_ERROR(objects_->CopySequence(sequence));
    }
    return absl::OkStatus();
  }

  absl::Status CreateAccounts() {
    AccountLedger ledger;
    ledger.record = [this](absl::string_view kind, absl::string_view host, absl::string_view user) {
      return ledger_->RecordObject(kind, host, user);
    };
    ledger.forget = [this](absl::string_view kind, absl::string_view host, absl::string_view user) {
      return ledger_->ForgetObject(kind, host, user);
    };
    accounts_.emplace(*source_, *target_, options_.selection, std::move(ledger));
    return accounts_->Create();
  }

  // What an unfinished run has made is ours to remove; whatever it did not make stays.
  absl::Status RemoveEarlier() {
    if (earlier_.empty()) return absl::OkStatus();
    Note(absl::StrCat("removing ", earlier_.size(),
                      " objects that an unfinished run has left on the target"));
    for (auto object = earlier_.rbegin(); object != earlier_.rend(); ++object) {
      const std::string name = QuoteName(object->schema, object->name);
      std::string sql;
      if (object->kind == "database") {
        // Dropped only when it is empty: somebody may have put something else there meanwhile.
        ZDPIPE_ASSIGN_OR_RETURN(
            const std::string objects,
            target_->QueryValue(absl::StrCat(
                "SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ",
                QuoteText(object->schema),
                ") + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ",
                QuoteText(object->schema),
                ") + (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ",
                QuoteText(object->schema), ")")));
        if (objects != "0") continue;
        sql = absl::StrCat("DROP DATABASE IF EXISTS ", QuoteName(object->schema));
      } else if (object->kind == "trigger" || object->kind == "package body") {
        continue;  // goes with its table, its package
      } else if (object->kind == "user" || object->kind == "role") {
        ZDPIPE_RETURN_IF_ERROR(RemoveAccount(*object));
        continue;
      } else {
        sql = absl::StrCat("DROP ", object->kind, " IF EXISTS ", name);
      }
      // Before MariaDB 11.4 packages are known in this mode only.
      const bool package = object->kind == "package";
      if (package) {
        ZDPIPE_RETURN_IF_ERROR(
            target_->Execute("SET @zdpipe_sql_mode = @@sql_mode, sql_mode = 'ORACLE'"));
      }
      const absl::Status dropped = target_->ExecuteWithWarnings(sql).status();
      if (package) {
        ZDPIPE_RETURN_IF_ERROR(target_->Execute("SET sql_mode = @zdpipe_sql_mode"));
      }
      ZDPIPE_RETURN_IF_ERROR(dropped);
    }
    return absl::OkStatus();
  }

  absl::Status RemoveAccount(const LedgerObject& object) {
    // There is none: MySQL 5.6 has no IF EXISTS for it; PUBLIC was not given anything yet.
    constexpr unsigned kErrCannotUser = 1396;
    constexpr unsigned kErrInvalidRole = 1959;
    Account account;
    account.user = object.name;
    account.host = object.schema;
    account.role = object.kind == "role";
    const std::string sql = account.is_public()
                                ? "REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC"
                                : absl::StrCat("DROP ", object.kind, " ", account.Quoted());
    const absl::Status removed = target_->ExecuteWithWarnings(sql).status();
    const unsigned number = ServerErrnoOf(removed);
    return number == kErrCannotUser || number == kErrInvalidRole ? absl::OkStatus() : removed;
  }

  absl::Status CopyTables() {
    const Resources& plan = report_.resources;
    // With one session only (a busy master without a lock) there is one lane, with all loaders.
    const size_t lanes = std::max<size_t>(1, snapshot_.sessions.size() - 1);
    std::vector<TableInfo>& tables = check_.catalog.tables;
    SortLargestFirst(tables);
    std::vector<std::pair<std::string, std::string>> names;
    for (const TableInfo& table : tables) names.emplace_back(table.name.schema, table.name.name);
    ledger_->PlanTables(std::move(names));

    for (size_t i = 0; i < plan.ranges; ++i) ranges_.Add(std::make_unique<Range>(plan.sizes));
    for (size_t i = 0; i < plan.jobs; ++i) ZDPIPE_RETURN_IF_ERROR(AddLoader());

    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 2 * plan.jobs + 2);
    tbb::task_arena arena(static_cast<int>(2 * plan.jobs + 1), static_cast<unsigned>(lanes));
    TableQueue queue(tables, lanes, plan.jobs);
    TableCopyContext context{
        options_, *ledger_, queue,
        PipeResources{ranges_, loaders_, progress_, throttle_, busy_, cancel_, error_},
        [&arena](const std::function<void()>& body) { arena.execute(body); }};
    std::vector<std::thread> lane_threads;
    for (size_t lane = 0; lane < lanes; ++lane) {
      lane_threads.emplace_back([this, lane, lanes, &context] {
        const size_t session = lanes == 1 && snapshot_.sessions.size() == 1 ? 0 : lane + 1;
        error_.Set(RunLane(lane, snapshot_.sessions[session], context));
      });
    }
    for (std::thread& thread : lane_threads) thread.join();
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    if (cancel_.cancelled()) return CancelledError();
    return CopyWideTables(context);
  }

  // A table's number in the ledger: its place in the order of work.
  uint32_t TableId(const TableInfo& table) const {
    return static_cast<uint32_t>(&table - check_.catalog.tables.data()) + 1;
  }

  absl::Status AddLoader() {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                            Session::Connect(options_.target, End::kTarget, {}));
    ZDPIPE_ASSIGN_OR_RETURN(
        std::unique_ptr<RangeLoader> loader,
        RangeLoader::Make(std::move(session), options_.selection.control_schema, skip_binlog_));
    loaders_.Add(std::move(loader));
    return absl::OkStatus();
  }

  absl::StatusOr<LaneSessions> OpenLane(std::unique_ptr<Session> reader) {
    LaneSessions sessions;
    sessions.reader = std::move(reader);
    ZDPIPE_ASSIGN_OR_RETURN(sessions.source_control,
                            Session::Connect(options_.source, End::kSource, {}));
    ZDPIPE_ASSIGN_OR_RETURN(sessions.target_control, ConnectTarget());
    ZDPIPE_RETURN_IF_ERROR(SetUpTargetControl(*sessions.target_control, skip_binlog_));
    SessionOptions limited;
    limited.max_packet_bytes = report_.resources.max_wide_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(sessions.target_reader, ConnectTarget(limited));
    return sessions;
  }

  // A lane takes tables until there are none.
  absl::Status RunLane(size_t lane, std::unique_ptr<Session>& reader, TableCopyContext& context) {
    ZDPIPE_ASSIGN_OR_RETURN(LaneSessions sessions, OpenLane(std::move(reader)));
    while (const TableInfo* table = context.queue.Take()) {
      if (error_.failed() || cancel_.cancelled()) return absl::OkStatus();
      ZDPIPE_ASSIGN_OR_RETURN(TableOutcome outcome,
                              CopyTable(*table, TableId(*table), lane, sessions, context));
      if (outcome.too_wide) {
        // The only session there is has the highest limit already.
        if (snapshot_.sessions.size() == 1) return TooLarge(*table);
        std::lock_guard lock(mutex_);
        wide_tables_.push_back(table);
        // The row that did not fit has cost this session: it cannot go on reading.
        ZDPIPE_ASSIGN_OR_RETURN(sessions.reader, ReopenReader());
        if (sessions.reader == nullptr) return absl::OkStatus();
        continue;
      }
      Keep(std::move(outcome));
    }
    return absl::OkStatus();
  }

  absl::Status TooLarge(const TableInfo& table) const {
    return RowTooLargeError(report_.resources, options_.memory_bytes, table.name);
  }

  // A session in place of a lost one: possible as long as the proof still holds. Null for a master,
  // whose snapshot cannot be had again.
  absl::StatusOr<std::unique_ptr<Session>> ReopenReader() {
    if (options_.source_state == SourceState::kMaster) return std::unique_ptr<Session>();
    SessionOptions limited;
    limited.max_packet_bytes = report_.resources.max_row_bytes;
    ZDPIPE_ASSIGN_OR_RETURN(Snapshot again,
                            OpenSnapshot(options_.source, options_.source_state, {limited}));
    ZDPIPE_RETURN_IF_ERROR(CheckUnchanged(options_.source_state, snapshot_.proof, again.proof));
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
    report_.tables.push_back(std::move(outcome.report));
  }

  // Tables with rows too wide for the lanes, and what lanes have left behind, one after the other:
  // the memory is theirs alone now.
  absl::Status CopyWideTables(TableCopyContext& context) {
    std::vector<const TableInfo*> rest = std::move(wide_tables_);
    while (const TableInfo* table = context.queue.Take()) rest.push_back(table);
    if (rest.empty()) return absl::OkStatus();
    Note(absl::StrCat(rest.size(), " tables with rows of more than ",
                      report_.resources.max_row_bytes >> 20, " MiB are copied one by one"));
    TableQueue one_lane({}, 1, 1);
    TableCopyContext alone{context.options, context.ledger, one_lane, context.pipe,
                           context.in_arena};
    // One range in memory at a time: its one row may have most of the budget.
    alone.pipe.ranges_per_loader = 1;
    for (const auto& range : ranges_.all()) range->Release();
    ZDPIPE_ASSIGN_OR_RETURN(LaneSessions sessions, OpenLane(std::move(snapshot_.sessions[0])));
    for (const TableInfo* table : rest) {
      ZDPIPE_ASSIGN_OR_RETURN(TableOutcome outcome,
                              CopyTable(*table, TableId(*table), 0, sessions, alone));
      if (outcome.too_wide) return TooLarge(*table);
      Keep(std::move(outcome));
    }
    return absl::OkStatus();
  }

  absl::Status CopyObjects() {
    for (const auto& [table, sql] : foreign_keys_) {
      if (cancel_.cancelled()) return CancelledError();
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
    rules.ignore_counters = options_.source_state == SourceState::kMaster;
    rules.stopping = [this] { return cancel_.cancelled(); };
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
    ZDPIPE_RETURN_IF_ERROR(WriteHandoffs(reasons.empty(), reasons, true));
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
    if (!report_.handoff_usable) {
      return MakeError(
          Failure::kHandoff,
          absl::StrCat("the data is there, but the handoff is not usable: ", handoff_reason_));
    }
    return absl::OkStatus();
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
    // Somebody may hold a lock that the run was stopped because of: the last word can be left out.
    if (!complete) ledger_session_->TrySet(absl::StrCat("lock_wait_timeout = ", kCloseSeconds));
    absl::Status closed;
    if (complete && !options_.keep_control) {
      closed = ledger_->Drop();
    } else {
      closed = ledger_->Finish(complete                       ? "done"
                               : failure == Failure::kStopped ? "stopped"
                                                              : "failed",
                               status.message());
    }
    if (!closed.ok()) Note(absl::StrCat("the ledger could not be closed: ", closed.message()));
  }

  void Tick() {
    const auto now = Clock::now();
    if (cancel_.cancelled()) InterruptStatements();
    if (now - last_tick_ >= kTickEvery) {
      last_tick_ = now;
      on_tick_(progress_.View());
    }
    if (ledger_started_.load() && now - last_heartbeat_ >= kHeartbeatEvery) {
      last_heartbeat_ = now;
      const absl::Status beat = ledger_->Heartbeat(PhaseText());
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

  // A session of the target that a cancel ends.
  absl::StatusOr<std::unique_ptr<Session>> ConnectTarget(const SessionOptions& options = {}) {
    ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                            Session::Connect(options_.target, End::kTarget, options));
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
  std::atomic<bool> ledger_started_ = false;
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
  BusyTime busy_;
  FirstError error_;
  std::mutex mutex_;  // what lanes hand in: wide_tables_, foreign_keys_, lost_, report_
  std::vector<const TableInfo*> wide_tables_;
  std::vector<std::pair<ObjectName, std::string>> foreign_keys_;
  std::set<ObjectName> lost_;
  std::mutex notes_mutex_;
  std::mutex threads_mutex_;
  std::vector<unsigned long> target_threads_;  // guarded by threads_mutex_
  std::atomic<unsigned long> ledger_thread_ = 0;

  Throttle throttle_;
  TargetWatch target_watch_;  // the watching ticker's thread only, as the next two
  Clock::time_point last_watch_;
  std::string last_watch_note_;

  Clock::time_point last_tick_ = Clock::now();       // the ticker's thread only
  Clock::time_point last_heartbeat_ = Clock::now();  // the ticker's thread only
};

}  // namespace

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

CopyReport RunCopy(const CopyOptions& options, const CancelToken& cancel, Progress& progress,
                   const std::function<void(const ProgressView&)>& on_tick,
                   const std::function<void(absl::string_view)>& on_note) {
  CopyRun run(options, cancel, progress, on_tick, on_note);
  return run.Run();
}

CopyReport PlanCopy(const CopyOptions& options, std::vector<TableInfo>* tables) {
  CopyReport report;
  report.tool_version = options.tool_version;
  report.started_at = UtcNow();
  report.status = [&]() -> absl::Status {
    ZDPIPE_ASSIGN_OR_RETURN(report.resources,
                            PlanResources(options.memory_bytes, options.range_bytes, options.jobs));
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> source,
                            Session::Connect(options.source, End::kSource, {}));
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> target,
                            Session::Connect(options.target, End::kTarget, {}));
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<LedgerObject> earlier,
                            Ledger::EarlierObjects(*target, options.selection.control_schema));
    ZDPIPE_ASSIGN_OR_RETURN(CheckResult check, RunCheck(*source, *target, options, earlier));
    report.source = check.source;
    report.target = check.target;
    report.findings = check.findings;
    report.tables_total = check.catalog.tables.size();
    for (const TableInfo& table : check.catalog.tables) {
      report.bytes_estimate += table.data_bytes_estimate;
    }
    if (tables != nullptr) *tables = std::move(check.catalog.tables);
    return check.refused() ? CopyRun::RefusedError(check) : absl::OkStatus();
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
