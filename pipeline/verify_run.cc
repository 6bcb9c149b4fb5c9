#include "pipeline/verify_run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/server/sql_text.h"
#include "engine/snapshot/snapshot.h"
#include "pipeline/copy_run.h"
#include "pipeline/parallel.h"
#include "pipeline/privilege_check.h"
#include "pipeline/resources.h"
#include "pipeline/row_pipe.h"
#include "pipeline/table_queue.h"
#include "pipeline/ticker.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTickEvery{1};

class VerifyRun {
 public:
  VerifyRun(const CopyOptions& options, const CancelToken& cancel, Progress& progress,
            const std::function<void(const ProgressView&)>& on_tick)
      : options_(options), cancel_(cancel), progress_(progress), on_tick_(on_tick) {}

  VerifyReport Run() {
    const auto start = Clock::now();
    report_.tool_version = options_.tool_version;
    report_.started_at = UtcNow();
    {
      Ticker ticker([this] { Tick(); });
      report_.status = Steps();
    }
    if (report_.status.ok()) report_.status = Verdict();
    std::sort(report_.tables.begin(), report_.tables.end(),
              [](const TableVerdict& a, const TableVerdict& b) { return a.name < b.name; });
    report_.memory_peak_bytes = MemoryPeakBytes();
    report_.seconds = SecondsSince(start);
    report_.finished_at = UtcNow();
    return std::move(report_);
  }

 private:
  absl::Status Steps() {
    ZDPIPE_ASSIGN_OR_RETURN(
        resources_, PlanResources(options_.memory_bytes, options_.range_bytes, options_.jobs));
    ZDPIPE_ASSIGN_OR_RETURN(source_, Session::Connect(options_.source, End::kSource, {}));
    ZDPIPE_ASSIGN_OR_RETURN(target_, Session::Connect(options_.target, End::kTarget, {}));
    ZDPIPE_ASSIGN_OR_RETURN(report_.source, ReadIdentity(*source_));
    ZDPIPE_ASSIGN_OR_RETURN(report_.target, ReadIdentity(*target_));
    const std::optional<SnapshotProof> source_before = ReadProofOf("source", options_.source);
    const std::optional<SnapshotProof> target_before = ReadProofOf("target", options_.target);
    progress_.SetPhase("definitions");
    ZDPIPE_RETURN_IF_ERROR(CompareAllDefinitions());
    progress_.SetPhase("rows");
    ZDPIPE_RETURN_IF_ERROR(CompareAllRows());
    NoteMovement("source", options_.source, source_before);
    NoteMovement("target", options_.target, target_before);
    return absl::OkStatus();
  }

  // What moves when the server's data do. The data are compared whether it is to be had or not.
  std::optional<SnapshotProof> ReadProofOf(absl::string_view end, const Endpoint& endpoint) {
    absl::StatusOr<SnapshotProof> proof = ReadProof(endpoint, SourceState::kStoppedReplica, {});
    // Without the right to read a replica status, the server's own binlog tells enough.
    if (!proof.ok()) proof = ReadProof(endpoint, SourceState::kFrozen, {});
    if (proof.ok() && !(proof->binlog.empty() && proof->channels.empty())) return *proof;
    report_.notes.push_back(absl::StrCat("the ", end,
                                         " has no binlog and is no replica: writes "
                                         "to it meanwhile could not be noticed"));
    return std::nullopt;
  }

  void NoteMovement(absl::string_view end, const Endpoint& endpoint,
                    const std::optional<SnapshotProof>& before) {
    if (!before.has_value()) return;
    const absl::StatusOr<SnapshotProof> after = ReadProof(
        endpoint, before->channels.empty() ? SourceState::kFrozen : SourceState::kStoppedReplica,
        {});
    const std::string moved =
        after.ok() ? before->Difference(*after) : std::string(after.status().message());
    if (moved.empty()) return;
    moved_ = true;
    report_.notes.push_back(absl::StrCat("the ", end, " changed while it was compared: ", moved));
  }

  absl::Status CompareAllDefinitions() {
    ZDPIPE_ASSIGN_OR_RETURN(source_catalog_, ReadCatalog(*source_, options_.selection));
    ZDPIPE_ASSIGN_OR_RETURN(target_catalog_, ReadTargetCatalog());
    DefinitionRules rules;
    rules.definer = options_.definer;
    rules.for_each = InParallel;
    rules.stopping = [this] { return cancel_.cancelled(); };
    rules.note = [this](const std::string& note) { report_.notes.push_back(note); };
    ZDPIPE_ASSIGN_OR_RETURN(report_.definitions,
                            CompareDefinitions(*source_, *target_, source_catalog_, rules));
    for (DefinitionDifference& extra : ExtraObjects(source_catalog_, target_catalog_)) {
      report_.definitions.push_back(std::move(extra));
    }
    ZDPIPE_RETURN_IF_ERROR(NoteBlindness(*source_, source_catalog_));
    ZDPIPE_RETURN_IF_ERROR(NoteBlindness(*target_, target_catalog_));
    if (!SameRelease(source_->version(), target_->version())) {
      report_.notes.push_back(
          "the servers are of different releases: definitions are compared by what "
          "information_schema says of them, not word by word");
    }
    return absl::OkStatus();
  }

  // What a user may not see cannot be said to be equal.
  absl::Status NoteBlindness(Session& session, const Catalog& catalog) {
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Blindness> found,
                            FindBlindness(session, catalog, options_.selection));
    for (const Blindness& one : found) {
      const std::string text =
          absl::StrCat("the ", EndName(session.end()), "'s user lacks ", one.privilege, " on ",
                       Printable(one.object), ": ", one.reason);
      if (!one.certain) {
        report_.notes.push_back(absl::StrCat(text, " (it could not be found out)"));
        continue;
      }
      DefinitionDifference unseen;
      unseen.kind = DefinitionDifference::Kind::kUnreadable;
      unseen.object_kind = "privilege";
      unseen.name = {one.privilege, ""};
      (session.end() == End::kSource ? unseen.source : unseen.target) = text;
      report_.definitions.push_back(std::move(unseen));
    }
    return absl::OkStatus();
  }

  // A database that the target lacks is a difference, not a wrong option.
  absl::StatusOr<Catalog> ReadTargetCatalog() {
    Selection selection = options_.selection;
    if (selection.databases.empty()) return ReadCatalog(*target_, selection);
    ZDPIPE_ASSIGN_OR_RETURN(const Result present,
                            target_->Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"));
    selection.databases.clear();
    for (const auto& row : present.rows) {
      const std::string name = row[0].value_or("");
      const auto& wanted = options_.selection.databases;
      if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) {
        selection.databases.push_back(name);
      }
    }
    if (selection.databases.empty()) return Catalog();
    return ReadCatalog(*target_, selection);
  }

  // The tables that both ends have, in lanes of one session on either end.
  absl::Status CompareAllRows() {
    std::set<ObjectName> on_target;
    for (const TableInfo& table : target_catalog_.tables) on_target.insert(table.name);
    std::vector<TableInfo> tables;
    uint64_t bytes = 0;
    for (TableInfo& table : source_catalog_.tables) {
      if (on_target.count(table.name) == 0) continue;
      bytes += table.data_bytes_estimate;
      tables.push_back(std::move(table));
    }
    progress_.SetTotals(tables.size(), bytes, resources_.jobs);
    TableQueue queue(tables, resources_.jobs, resources_.jobs);
    std::vector<std::thread> lanes;
    for (size_t lane = 0; lane < resources_.jobs; ++lane) {
      lanes.emplace_back(
          [this, lane, &queue] { error_.Set(RunLane(lane, queue, resources_.max_row_bytes)); });
    }
    for (std::thread& lane : lanes) lane.join();
    ZDPIPE_RETURN_IF_ERROR(error_.status());
    // The memory is theirs alone now: a session on each end may hold a row of a third of it.
    const std::vector<TableInfo> wide = std::exchange(wide_tables_, {});
    TableQueue one_by_one(wide, 1, 1);
    ZDPIPE_RETURN_IF_ERROR(RunLane(0, one_by_one, resources_.max_wide_row_bytes));
    if (!wide_tables_.empty()) {
      return RowTooLargeError(resources_, options_.memory_bytes, wide_tables_.front().name);
    }
    return cancel_.cancelled() ? StoppedError() : absl::OkStatus();
  }

  absl::Status RunLane(size_t lane, TableQueue& queue, uint64_t max_row_bytes) {
    SessionOptions limited;
    limited.max_packet_bytes = max_row_bytes;
    std::unique_ptr<Session> source;
    std::unique_ptr<Session> target;
    size_t tables_read = 0;
    while (const TableInfo* table = queue.Take()) {
      if (error_.failed() || cancel_.cancelled()) break;
      if (source == nullptr) {
        ZDPIPE_ASSIGN_OR_RETURN(source, OpenReader(options_.source, End::kSource, limited));
        ZDPIPE_ASSIGN_OR_RETURN(target, OpenReader(options_.target, End::kTarget, limited));
      }
      const absl::StatusOr<TableVerdict> verdict = CompareOne(lane, *table, *source, *target);
      const bool too_wide = ServerErrnoOf(verdict.status()) == kErrClientPacketTooLarge;
      if (!verdict.ok() && !too_wide) return verdict.status();
      if (too_wide || !verdict->comparison.obstacle.empty()) {
        source.reset();  // a session that was not read to its end cannot go on
        target.reset();
      } else {
        ++tables_read;
        ZDPIPE_RETURN_IF_ERROR(LetGoOfTables(*source, tables_read));
        ZDPIPE_RETURN_IF_ERROR(LetGoOfTables(*target, tables_read));
      }
      std::lock_guard lock(mutex_);
      if (too_wide) wide_tables_.push_back(*table);
      if (!too_wide) report_.tables.push_back(*verdict);
    }
    progress_.ClearActive(lane);
    return absl::OkStatus();
  }

  absl::StatusOr<TableVerdict> CompareOne(size_t lane, const TableInfo& table, Session& source,
                                          Session& target) {
    const auto start = Clock::now();
    progress_.SetActive(lane, PrintableName(table.name.schema, table.name.name), "compare");
    CompareOptions compare;
    compare.differences_shown = options_.differences_shown;
    compare.forgive_negative_zeros =
        !source.version().KeepsNegativeZero() || !target.version().KeepsNegativeZero();
    compare.stopping = [this] { return error_.failed() || cancel_.cancelled(); };
    compare.moved = [this](uint64_t rows, uint64_t bytes) { progress_.AddRows(rows, bytes); };
    TableVerdict verdict;
    verdict.name = table.name;
    verdict.key = KeyText(table.key);
    ZDPIPE_ASSIGN_OR_RETURN(verdict.comparison, CompareTable(table, source, target, compare));
    verdict.seconds = SecondsSince(start);
    progress_.FinishTable();
    return verdict;
  }

  // kDifferent, with the first difference in words.
  absl::Status Verdict() const {
    std::string first;
    size_t tables = 0;
    for (const TableVerdict& table : report_.tables) {
      const TableComparison& comparison = table.comparison;
      if (comparison.equal() || ++tables > 1) continue;
      first = absl::StrCat("table ", PrintableName(table.name.schema, table.name.name), ": ",
                           comparison.obstacle);
      if (!comparison.shown.empty()) {
        absl::StrAppend(&first, RowDifferenceName(comparison.shown[0].kind), " row ",
                        Printable(comparison.shown[0].key));
      }
    }
    if (first.empty() && !report_.definitions.empty()) {
      const DefinitionDifference& difference = report_.definitions.front();
      first = absl::StrCat(difference.object_kind, " ",
                           PrintableName(difference.name.schema, difference.name.name), ": ",
                           DefinitionDifferenceName(difference.kind));
    }
    if (first.empty()) return absl::OkStatus();
    const absl::Status different =
        MakeError(Failure::kDifferent,
                  absl::StrCat("the rows of ", tables, " tables and ", report_.definitions.size(),
                               " definitions differ; the first: ", first));
    if (!moved_) return different;
    return WithHint(different, "an end changed while it was compared: that may be the difference");
  }

  void Tick() {
    const auto now = Clock::now();
    if (now - last_tick_ < kTickEvery) return;
    last_tick_ = now;
    on_tick_(progress_.View());
  }

  const CopyOptions& options_;
  const CancelToken& cancel_;
  Progress& progress_;
  const std::function<void(const ProgressView&)>& on_tick_;
  VerifyReport report_;
  Resources resources_;
  std::unique_ptr<Session> source_;
  std::unique_ptr<Session> target_;
  Catalog source_catalog_;
  Catalog target_catalog_;
  bool moved_ = false;
  FirstError error_;
  std::mutex mutex_;                    // guards report_.tables and wide_tables_ while lanes run
  std::vector<TableInfo> wide_tables_;  // with rows too large for the lanes
  Clock::time_point last_tick_ = Clock::now();  // the ticker's thread only
};

}  // namespace

int VerifyReport::exit_code() const {
  return status.ok() ? 0 : static_cast<int>(FailureOf(status));
}

VerifyReport RunVerify(const CopyOptions& options, const CancelToken& cancel, Progress& progress,
                       const std::function<void(const ProgressView&)>& on_tick) {
  VerifyRun run(options, cancel, progress, on_tick);
  return run.Run();
}

}  // namespace zdpipe
