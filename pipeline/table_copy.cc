#include "pipeline/table_copy.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/load/empty_period_loader.h"
#include "engine/schema/key_segments.h"
#include "engine/schema/shown_texts.h"
#include "engine/server/sql_text.h"
#include "pipeline/row_transfer.h"
#include "pipeline/table_compare.h"

namespace zdpipe {
namespace {

class TableCopy {
 public:
  TableCopy(const TableInfo& table, const TableStart& start, LaneSessions& sessions,
            TableCopyContext& context)
      : table_(table),
        start_(start),
        sessions_(sessions),
        context_(context),
        name_(PrintableName(table.name.schema, table.name.name)) {}

  absl::StatusOr<TableOutcome> Run() {
    outcome_.report.name = table_.name;
    outcome_.report.verify = "not done";
    outcome_.report.key = KeyText(table_.key);
    ZDPIPE_RETURN_IF_ERROR(Unless(Plan(), "table", outcome_.lost));
    // What a restart may have taken from a table of another engine the ledger does not know.
    const bool lasting = table_.recovers_with_ledger() || !table_.holds_rows();
    if (start_.stage == TableStage::kDone && lasting && !outcome_.lost) return TakeAsDone();
    if (start_.on_target) ZDPIPE_RETURN_IF_ERROR(FindWhatIsIn());
    if (!outcome_.lost && !goes_on_) {
      ZDPIPE_RETURN_IF_ERROR(Unless(Create(), "table", outcome_.lost));
    }
    if (!outcome_.lost && !outcome_.too_wide && table_.holds_rows()) {
      const bool only_generated = load_.plan.insert_head.empty();
      ZDPIPE_RETURN_IF_ERROR(
          Unless(only_generated ? RepeatRows() : MoveRows(), "table", outcome_.lost));
    }
    // What is in stays for the session that goes on, unless only a transaction tells what is in.
    if (outcome_.too_wide && MayGoOn() && !context_.pipe.one_range) return outcome_;
    if (outcome_.lost || outcome_.too_wide) {
      ZDPIPE_RETURN_IF_ERROR(Undo());
      return outcome_;
    }
    bool without_indexes = false;
    ZDPIPE_RETURN_IF_ERROR(Unless(AddIndexes(), "index", without_indexes));
    if (discarded_) {
      ZDPIPE_RETURN_IF_ERROR(Unless(Discard(), "table", outcome_.lost));
    } else if (table_.holds_rows()) {
      ZDPIPE_RETURN_IF_ERROR(Unless(Verify(), "table", outcome_.lost));
    }
    if (!doubts_.empty()) {
      outcome_.failures.push_back(
          {"column", table_.name,
           absl::StrCat("\"?\" may stand for another character, which the source does not "
                        "tell: ",
                        absl::StrJoin(doubts_, ", "))});
    }
    if (!lost_systems_.empty()) {
      outcome_.failures.push_back(
          {"column", table_.name,
           absl::StrCat("the target has no word for: ", absl::StrJoin(lost_systems_, ", "))});
    }
    if (table_.history_by_transaction) {
      outcome_.failures.push_back({"history", table_.name,
                                   "its periods are transaction numbers, which mean nothing on "
                                   "another server: only its current rows are copied"});
    }
    if (context_.options.source_state == SourceState::kMaster && table_.holds_rows() &&
        !table_.transactional()) {
      outcome_.failures.push_back(
          {"snapshot", table_.name,
           absl::StrCat("engine ", table_.engine,
                        " has no transactions: what was written while the table was read may be in "
                        "it although it comes after the coordinates")});
    }
    // What there is to say of a table is said again by a run that goes on.
    if (outcome_.failures.empty() && outcome_.notes.empty() &&
        outcome_.report.verify != "different") {
      context_.ledger.SetStage(start_.table_id, TableStage::kDone);
      if (table_.recovers_with_ledger()) context_.pipe.lasting.fetch_add(1);
    }
    context_.pipe.progress.FinishTable();
    return outcome_;
  }

 private:
  std::string Name() const { return QuoteName(table_.name.schema, table_.name.name); }

  // Turns what concerns this table only into an entry of the outcome, and sets `refused`.
  absl::Status Unless(const absl::Status& status, absl::string_view kind, bool& refused) {
    if (status.ok() || (FailureOf(status) != Failure::kPartial && !ConcernsThisTable(status))) {
      return status;
    }
    if (context_.pipe.cancel.cancelled()) return StoppedError();
    refused = true;
    outcome_.failures.push_back({std::string(kind), table_.name, std::string(status.message())});
    return absl::OkStatus();
  }

  // The limits of engines that keep no rows on disk, or files of their own, are the table's.
  bool ConcernsThisTable(const absl::Status& status) const {
    return ConcernsOneObject(status) ||
           (ServerErrnoOf(status) == kErrTableFull && !table_.transactional());
  }

  bool Stopping() const {
    return context_.pipe.cancel.cancelled() || context_.pipe.run_error.failed();
  }

  void Stage(absl::string_view stage) {
    context_.pipe.progress.SetActive(sessions_.lane, name_, stage);
  }

  // Reads the definition; decides what is made before the rows and what after them.
  absl::Status Plan() {
    Stage("create");
    ZDPIPE_ASSIGN_OR_RETURN(const Result shown, sessions_.source_control->Query(
                                                    absl::StrCat("SHOW CREATE TABLE ", Name())));
    if (shown.rows.empty() || !shown.rows[0][1].has_value()) {
      return MakeError(Failure::kPartial, absl::StrCat("SHOW CREATE TABLE ", name_, " is empty"));
    }
    DdlOptions ddl_options;
    // Another ALTER, and ANALYZE, would cost a small table more than all of its rows do. Of one
    // that is there already it is not known which it was taken for: AddIndexes looks.
    const bool large = IsLarge() || start_.on_target;
    ddl_options.indexes_after = context_.options.indexes_after && large;
    ddl_options.pause_stats = large;
    ZDPIPE_ASSIGN_OR_RETURN(const FullDefinition full,
                            ReadTextsInFull(*sessions_.source_control, table_, *shown.rows[0][1]));
    doubts_ = full.doubts;
    ZDPIPE_ASSIGN_OR_RETURN(const auto systems,
                            ReadReferenceSystems(*sessions_.source_control, table_));
    const Version& target = sessions_.target_control->version();
    if (!target.mariadb) {
      for (const auto& [column, system] : systems) {
        lost_systems_.push_back(absl::StrCat(Printable(column), " REF_SYSTEM_ID=", system));
      }
    }
    const std::string words =
        InWordsOf(sessions_.source_control->version(), target,
                  target.mariadb ? WithReferenceSystems(systems, full.text) : full.text);
    absl::StatusOr<TableDdl> ddl = SplitTableDdl(table_, words, ddl_options);
    if (!ddl.ok()) return Reclassify(ddl.status(), Failure::kPartial);
    ddl_ = *std::move(ddl);
    outcome_.add_foreign_keys = ddl_.add_foreign_keys;

    load_.name = table_.name;
    load_.plan =
        PlanTable(table_, sessions_.reader->version(), sessions_.target_control->version());
    load_.table_id = start_.table_id;
    load_.transactional = table_.transactional();
    stored_ = PlanGenerated(table_, true);
    virtual_ = PlanGenerated(table_, false);
    const bool some = !stored_.roles.empty() || !virtual_.roles.empty();
    // Only what is read back afterwards may be stored without strict mode.
    if (some && context_.options.verify == VerifyMode::kRows) {
      load_.computed_leniently = &computed_leniently_;
    }
    return absl::OkStatus();
  }

  bool IsLarge() const { return table_.data_bytes_estimate >= kLargeTableBytes; }

  absl::Status Create() {
    // Recorded before it exists: a run that dies in between must know that it is ours.
    ZDPIPE_RETURN_IF_ERROR(context_.ledger.BeginTable(start_.table_id));
    if (start_.on_target) ZDPIPE_RETURN_IF_ERROR(Undo());
    if (sessions_.target_schema != table_.name.schema) {
      ZDPIPE_RETURN_IF_ERROR(Ddl(absl::StrCat("USE ", QuoteName(table_.name.schema))));
      sessions_.target_schema = table_.name.schema;
    }
    const absl::Status created = Ddl(ddl_.create);
    foreign_ = ServerErrnoOf(created) == kErrTableExists;
    if (foreign_) ZDPIPE_RETURN_IF_ERROR(context_.ledger.Disown(start_.table_id));
    ZDPIPE_RETURN_IF_ERROR(created);
    if (start_.stage == TableStage::kForeign) {
      ZDPIPE_RETURN_IF_ERROR(context_.ledger.BeginAgain(start_.table_id));
    }
    const absl::Status added = table_.carries_history() ? AddEmptyPeriods() : absl::OkStatus();
    outcome_.too_wide = ServerErrnoOf(added) == kErrClientPacketTooLarge;
    return outcome_.too_wide ? absl::OkStatus() : added;
  }

  // Asked first, because this may take as long as it takes to read the whole table, and a stream
  // may not be silent for so long.
  absl::StatusOr<bool> HasEmptyPeriods() {
    const absl::StatusOr<std::string> count = sessions_.reader->QueryValue(
        absl::StrCat("SELECT COUNT(*) FROM (", load_.plan.empty_periods.scan, ") z"));
    if (!count.ok()) return count.status();
    return *count != "0";
  }

  // The rows that must be there before any other.
  absl::Status AddEmptyPeriods() {
    const absl::StatusOr<bool> some = HasEmptyPeriods();
    if (!some.ok()) return SourceError(some.status());
    if (!*some) return absl::OkStatus();
    EmptyPeriods& plan = load_.plan.empty_periods;
    const absl::StatusOr<Digest> digest =
        DigestOf(*sessions_.reader, plan.scan, load_.plan.roles, nullptr);
    if (!digest.ok()) return SourceError(digest.status());
    empty_periods_ = *digest;
    load_.plan.select = plan.others;
    const absl::StatusOr<std::unique_ptr<RowStream>> rows =
        RowStream::Open(*sessions_.reader, plan.as_current, load_.plan.roles);
    if (!rows.ok()) return SourceError(rows.status());
    RangeLoader* const loader = context_.pipe.loaders.Take();
    const absl::StatusOr<Session*> session = loader->OpenSession();
    const absl::Status loaded =
        !session.ok() ? session.status()
                      : LoadEmptyPeriods(**rows, load_, **session, [this] { return Stopping(); });
    context_.pipe.loaders.Give(loader);
    return loaded;
  }

  // An earlier run has brought it to its end.
  absl::StatusOr<TableOutcome> TakeAsDone() {
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<RangeRecord> ranges,
                            context_.ledger.ReadRanges(start_.table_id));
    ZDPIPE_ASSIGN_OR_RETURN(moved_, SumOf(ranges));
    ReportMoved();
    outcome_.ranges_kept = moved_.ranges;
    outcome_.kept = true;
    if (table_.holds_rows() && context_.options.verify != VerifyMode::kNone) {
      outcome_.report.verify = "equal";
    }
    context_.pipe.progress.AddRows(moved_.digest.rows(), moved_.bytes);
    context_.pipe.progress.FinishTable();
    return outcome_;
  }

  // Only of a table whose rows and ranges are committed together is it known what is in.
  bool MayGoOn() const { return table_.recovers_with_ledger() && !load_.plan.insert_head.empty(); }

  // Sets goes_on_, and segments_ with what is in, when rows that an earlier run has brought can
  // stay.
  absl::Status FindWhatIsIn() {
    if (outcome_.lost || !MayGoOn()) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<RangeRecord> ranges,
                            context_.ledger.ReadRanges(start_.table_id));
    if (ranges.empty()) return absl::OkStatus();
    const absl::Status there =
        sessions_.target_control->Query(absl::StrCat("SHOW CREATE TABLE ", Name())).status();
    if (IsSessionLost(there)) return there;
    if (!there.ok()) return absl::OkStatus();
    if (table_.carries_history()) {
      // They were not brought in ranges.
      ZDPIPE_ASSIGN_OR_RETURN(const bool some, HasEmptyPeriods());
      if (some) return absl::OkStatus();
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::string boundaries,
                            context_.ledger.ReadBoundaries(start_.table_id));
    const std::optional<KeySegments> cuts = KeySegments::FromText(boundaries);
    if (!cuts.has_value()) return DamagedError("the boundaries", boundaries);
    if (cuts->count() > 1 && !HasCertainOrder(table_, load_.plan, 1)) {
      return DamagedError("a table that is never cut has the boundaries", boundaries);
    }
    SetSegments(*cuts);
    goes_on_ = true;
    // Whether the rows that are in were computed without strict mode is not known any more.
    computed_leniently_.store(load_.computed_leniently != nullptr);
    outcome_.ranges_kept = ranges.size();
    for (size_t first = 0; first < ranges.size();) {
      size_t end = first + 1;
      while (end < ranges.size() && ranges[end].segment == ranges[first].segment) ++end;
      ZDPIPE_RETURN_IF_ERROR(SetWhatIsIn({&ranges[first], end - first}));
      first = end;
    }
    return absl::OkStatus();
  }

  absl::Status DamagedError(absl::string_view what, absl::string_view value) const {
    return MakeError(Failure::kResume, absl::StrCat("the ledger is damaged: ", name_, ": ", what,
                                                    " '", Printable(value), "'"));
  }

  // `ranges` are those of one segment.
  absl::Status SetWhatIsIn(std::span<const RangeRecord> ranges) {
    const size_t number = ranges.front().segment;
    if (number >= segments_.size()) {
      return DamagedError("a range is of the segment", absl::StrCat(number));
    }
    TransferSegment& segment = segments_[number];
    // Up to the first gap nothing has to be read again, where the key tells how to go on from
    // there.
    size_t whole = 0;
    while (whole < ranges.size() && ranges[whole].number == whole) ++whole;
    if (whole > 0) {
      const std::optional<std::string> after =
          SelectSegment(table_, load_.plan, cuts_, number, ranges[whole - 1].last_key);
      if (after.has_value()) {
        ZDPIPE_ASSIGN_OR_RETURN(segment.in.skipped, SumOf(ranges.first(whole)));
        segment.in.first_number = whole;
        segment.select = *after;
        ranges = ranges.subspan(whole);
      }
    }
    segment.in.known.assign(ranges.begin(), ranges.end());
    return absl::OkStatus();
  }

  // Nothing is in.
  void SetSegments(const KeySegments& cuts) {
    cuts_ = cuts;
    segments_.clear();
    for (size_t i = 0; i < cuts.count(); ++i) {
      segments_.push_back({*SelectSegment(table_, load_.plan, cuts, i, std::nullopt), {}});
    }
  }

  // In how many parts a table is read that is begun: recorded before its first range is.
  absl::Status CutIntoSegments() {
    KeySegments cuts;
    if (context_.segment_bytes > 0 && table_.data_bytes_estimate >= 2 * context_.segment_bytes) {
      ZDPIPE_ASSIGN_OR_RETURN(
          cuts, PlanSegments(table_, load_.plan, context_.segment_bytes, *sessions_.reader));
    }
    if (cuts.count() > 1) {
      ZDPIPE_RETURN_IF_ERROR(context_.ledger.SetBoundaries(start_.table_id, cuts.Text()));
    }
    SetSegments(cuts);
    return absl::OkStatus();
  }

  absl::StatusOr<PipeResult> SumOf(std::span<const RangeRecord> ranges) const {
    PipeResult sum;
    for (const RangeRecord& range : ranges) {
      const std::optional<Digest> digest = Digest::FromHex(range.digest, range.rows);
      if (!digest.has_value()) {
        return DamagedError(absl::StrCat("range ", range.number, " has the digest"), range.digest);
      }
      sum.Add({*digest, range.bytes, 1});
    }
    return sum;
  }

  absl::Status MoveRows() {
    Stage("rows");
    if (start_.stage == TableStage::kRowsIn && goes_on_) return TakeRowsAsIn();
    const auto start = std::chrono::steady_clock::now();
    PipeResult moved;
    absl::Status status = goes_on_ ? absl::OkStatus() : CutIntoSegments();
    if (status.ok()) status = Transfer(moved);
    if (status.ok() && moved.more) {
      outcome_.too_wide = true;
      return absl::OkStatus();
    }
    if (status.ok() && moved.other_ranges) {
      // Without a key nothing says in which order the server gives the rows.
      outcome_.notes.push_back(absl::StrCat(
          name_, ": is copied from its beginning: the source gives the rows in another order"));
      ZDPIPE_RETURN_IF_ERROR(Create());
      ZDPIPE_RETURN_IF_ERROR(CutIntoSegments());
      outcome_.ranges_kept = 0;
      status = Transfer(moved);
    }
    if (!context_.queue.rows_left()) context_.pipe.progress.SetPhase("indexes");
    if (!status.ok()) {
      if (ServerErrnoOf(status) == kErrClientPacketTooLarge) {
        outcome_.too_wide = true;
        return absl::OkStatus();
      }
      if (ServerErrnoOf(status) == kErrTablespaceDiscarded && !table_.partitioned) {
        discarded_ = true;
        return absl::OkStatus();
      }
      return FailureOf(status) == Failure::kSource ? SourceError(status) : status;
    }
    moved_ = moved;
    moved_.digest.Add(empty_periods_);
    ReportMoved();
    outcome_.report.row_seconds = SecondsSince(start);
    if (IsLarge()) context_.ledger.SetStage(start_.table_id, TableStage::kRowsIn);
    return absl::OkStatus();
  }

  void ReportMoved() {
    outcome_.report.rows = moved_.digest.rows();
    outcome_.report.bytes = moved_.bytes;
    outcome_.report.ranges = moved_.ranges;
  }

  absl::Status Transfer(PipeResult& moved) {
    // One that is begun again and again is no progress.
    load_.lasting = MayGoOn() && (goes_on_ || !start_.on_target);
    RowTransfer transfer(table_, segments_, load_, context_);
    const absl::Status status = transfer.Run(sessions_);
    moved = transfer.moved();
    outcome_.report.segments = segments_.size();
    outcome_.report.loaders = transfer.loaders();
    if (ServerErrnoOf(status) == kErrClientPacketTooLarge || ConcernsOneObject(status) ||
        (status.ok() && (moved.other_ranges || moved.more))) {
      // The table is going to be begun again.
      context_.pipe.progress.RemoveRows(moved.digest.rows(), moved.bytes);
    }
    return status;
  }

  // All of its ranges are in; the indexes, or the proof, are missing.
  absl::Status TakeRowsAsIn() {
    for (const TransferSegment& segment : segments_) {
      ZDPIPE_ASSIGN_OR_RETURN(const PipeResult rest, SumOf(segment.in.known));
      moved_.Add(segment.in.skipped);
      moved_.Add(rest);
    }
    outcome_.report.segments = segments_.size();
    context_.pipe.progress.AddRows(moved_.digest.rows(), moved_.bytes);
    ReportMoved();
    return absl::OkStatus();
  }

  // A table without its file (ALTER TABLE .. DISCARD TABLESPACE) is one on the target, too: no
  // statement can read it on the source, and the next IMPORT may be replicated.
  absl::Status Discard() {
    ZDPIPE_RETURN_IF_ERROR(Ddl(absl::StrCat("ALTER TABLE ", Name(), " DISCARD TABLESPACE")));
    outcome_.notes.push_back(absl::StrCat(
        name_, ": its tablespace is discarded on the source, and so it is on the target"));
    return absl::OkStatus();
  }

  // As many rows as the source has, of a table whose columns are all generated.
  absl::Status RepeatRows() {
    Stage("rows");
    const absl::StatusOr<Digest> source =
        DigestOf(*sessions_.reader, load_.plan.select, load_.plan.roles, nullptr);
    if (!source.ok()) return SourceError(source.status());
    moved_.digest = *source;
    outcome_.report.rows = source->rows();
    for (uint64_t left = source->rows(); left > 0;) {
      if (Stopping()) return StoppedError();
      const uint64_t count = std::min(left, kRowsRepeatedAtOnce);
      std::string sql = absl::StrCat("INSERT INTO ", Name(), " () VALUES ()");
      for (uint64_t i = 1; i < count; ++i) absl::StrAppend(&sql, ",()");
      ZDPIPE_RETURN_IF_ERROR(Ddl(sql));
      context_.pipe.progress.AddRows(count, 0);
      left -= count;
    }
    return absl::OkStatus();
  }

  // A definition that changed under the snapshot means that somebody ran DDL on the source.
  absl::Status SourceError(const absl::Status& status) const {
    const absl::Status named = Annotate(status, absl::StrCat("read ", name_));
    return ServerErrnoOf(status) == kErrTableDefinitionChanged
               ? Reclassify(named, Failure::kConsistency)
               : named;
  }

  absl::Status AddIndexes() {
    const auto start = std::chrono::steady_clock::now();
    Stage("indexes");
    std::set<std::string> there;
    if (goes_on_) {
      ZDPIPE_ASSIGN_OR_RETURN(there, IndexesOnTarget());
    }
    // FULLTEXT first: the first one rebuilds the table, and would rebuild the others with it.
    std::vector<std::string> statements;
    for (size_t i = 0; i < ddl_.add_fulltext.size(); ++i) {
      if (there.count(ddl_.fulltext_names[i]) == 0) statements.push_back(ddl_.add_fulltext[i]);
    }
    // One ALTER makes all of them or none.
    const bool made = !ddl_.index_names.empty() && there.count(ddl_.index_names[0]) > 0;
    if (!ddl_.add_indexes.empty() && !made) statements.push_back(ddl_.add_indexes);
    for (const std::string& statement : statements) {
      context_.pipe.throttle.Await(0, [this] { return Stopping(); });
      if (Stopping()) return StoppedError();
      ZDPIPE_RETURN_IF_ERROR(Ddl(statement));
    }
    // Statistics were switched off while loading; ANALYZE makes them once.
    if (!statements.empty() || made) {
      ZDPIPE_RETURN_IF_ERROR(
          sessions_.target_control->Query(absl::StrCat("ANALYZE NO_WRITE_TO_BINLOG TABLE ", Name()))
              .status());
    }
    outcome_.report.index_seconds = SecondsSince(start);
    return absl::OkStatus();
  }

  absl::StatusOr<std::set<std::string>> IndexesOnTarget() {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result found,
        sessions_.target_control->Query(absl::StrCat(
            "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ",
            QuoteText(table_.name.schema), " AND TABLE_NAME = ", QuoteText(table_.name.name))));
    std::set<std::string> names;
    for (const auto& row : found.rows) names.insert(row[0].value_or(""));
    return names;
  }

  // Reads the table back from the target, the way it was read from the source.
  absl::Status Verify() {
    if (context_.options.verify == VerifyMode::kNone) return absl::OkStatus();
    Stage("verify");
    const auto start = std::chrono::steady_clock::now();
    if (context_.options.verify == VerifyMode::kCounts) {
      ZDPIPE_ASSIGN_OR_RETURN(const std::string count,
                              sessions_.target_reader->QueryValue(absl::StrCat(
                                  "SELECT COUNT(*) FROM ", Name(),
                                  table_.system_versioned ? " FOR SYSTEM_TIME ALL" : "")));
      outcome_.report.verify = count == absl::StrCat(moved_.digest.rows()) ? "equal" : "different";
    } else {
      const Version& version = sessions_.target_reader->version();
      const TablePlan plan = PlanTable(table_, version, version);
      const absl::StatusOr<Digest> target = DigestTarget(plan);
      if (!target.ok() && FailureOf(target.status()) != Failure::kDifferent) return target.status();
      outcome_.report.verify = target.ok() ? "equal" : "different";
      if (!target.ok()) outcome_.notes.emplace_back(target.status().message());
      if (target.ok() && *target != moved_.digest) ZDPIPE_RETURN_IF_ERROR(FindDifferences());
      if (outcome_.report.verify == "equal" && !version.mariadb) {
        ZDPIPE_RETURN_IF_ERROR(CountJsonTypes());
      }
      // Those in a table were computed under the settings of whoever wrote the row (time_zone,
      // div_precision_increment), and are now under ours.
      ZDPIPE_RETURN_IF_ERROR(CompareGenerated(stored_));
      if (computed_leniently_.load() || MayBeComputedOtherwise()) {
        ZDPIPE_RETURN_IF_ERROR(CompareGenerated(virtual_));
      }
    }
    outcome_.report.verify_seconds = SecondsSince(start);
    return absl::OkStatus();
  }

  // The lanes without a table read some of its segments.
  absl::StatusOr<Digest> DigestTarget(const TablePlan& plan) {
    const RowLayout* const layout = load_.layout.columns.empty() ? nullptr : &load_.layout;
    if (cuts_.count() == 1) {
      return DigestOf(*sessions_.target_reader, plan.select, plan.roles, layout);
    }
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    Digest sum;  // guarded by mutex
    const auto digest_segments = [&](const SharedWork& shared, LaneSessions& lane) -> absl::Status {
      context_.pipe.progress.SetActive(lane.lane, name_, "verify");
      for (size_t i = next++; i < cuts_.count() && !shared.failed(); i = next++) {
        const std::string select = *SelectSegment(table_, plan, cuts_, i, std::nullopt);
        ZDPIPE_ASSIGN_OR_RETURN(const Digest digest,
                                DigestOf(*lane.target_reader, select, plan.roles, layout));
        std::lock_guard lock(mutex);
        sum.Add(digest);
      }
      return absl::OkStatus();
    };
    SharedWork shared(digest_segments, [&](size_t) { return next.load() < cuts_.count(); });
    ZDPIPE_RETURN_IF_ERROR(context_.queue.Share(shared, sessions_));
    return sum;
  }

  // Which rows differ, and whether that is more than the sign of a zero.
  absl::Status FindDifferences() {
    Stage("compare");
    CompareOptions compare;
    compare.differences_shown = context_.options.differences_shown;
    compare.forgive_negative_zeros = !sessions_.target_reader->version().KeepsNegativeZero();
    compare.stopping = [this] { return Stopping(); };
    ZDPIPE_ASSIGN_OR_RETURN(
        outcome_.report.differences,
        CompareTable(table_, *sessions_.reader, *sessions_.target_reader, compare));
    const TableComparison& found = outcome_.report.differences;
    if (found.differences > 0 && found.obstacle.empty() && !load_.plan.scan_of_texts.empty() &&
        !sessions_.target_reader->version().mariadb) {
      compare.json_by_text = true;
      ZDPIPE_ASSIGN_OR_RETURN(
          const TableComparison texts,
          CompareTable(table_, *sessions_.reader, *sessions_.target_reader, compare));
      if (texts.equal()) {
        ListChangedJson(found);
        return absl::OkStatus();
      }
    }
    const bool only_zeros = found.equal() && found.negative_zeros > 0;
    if (!only_zeros) outcome_.report.verify = "different";
    if (only_zeros) {
      outcome_.notes.push_back(absl::StrCat(name_, ": in ", found.negative_zeros,
                                            " rows -0.0 became 0: the target's release cannot "
                                            "store it"));
    }
    return absl::OkStatus();
  }

  // Documents with other types and the same text.
  absl::Status CountJsonTypes() {
    if (load_.plan.count_of_types.empty()) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const std::string count,
                            sessions_.reader->QueryValue(load_.plan.count_of_types));
    if (count == "0") return absl::OkStatus();
    outcome_.report.verify = "types differ";
    outcome_.failures.push_back(
        {"JSON types", table_.name,
         absl::StrCat("in ", count,
                      " rows JSON documents are what their text says: dates, times "
                      "and binary strings in them became strings")});
    return absl::OkStatus();
  }

  // Not an error of the copy: no statement carries them. Not equal either.
  void ListChangedJson(const TableComparison& changed) {
    outcome_.report.verify = "types differ";
    outcome_.failures.push_back(
        {"JSON types", table_.name,
         absl::StrCat("JSON documents are what their text says: DECIMAL numbers in them became "
                      "DOUBLE",
                      changed.shown.empty() ? "" : ", such as in row ",
                      changed.shown.empty() ? "" : changed.shown.front().key)});
  }

  // Virtual columns: from dates, or from a JSON document of MySQL's, some types of which do not
  // travel.
  bool MayBeComputedOtherwise() const {
    static constexpr absl::string_view kTemporal[] = {"timestamp", "datetime", "date", "time",
                                                      "json"};
    return std::any_of(table_.columns.begin(), table_.columns.end(), [](const ColumnInfo& column) {
      return std::find(std::begin(kTemporal), std::end(kTemporal), column.data_type) !=
             std::end(kTemporal);
    });
  }

  // Are they what the source has?
  absl::Status CompareGenerated(const TablePlan& columns) {
    if (columns.roles.empty()) return absl::OkStatus();
    const auto digest_on = [&](Session& session) {
      return DigestOf(session, columns.select, columns.roles, nullptr);
    };
    ZDPIPE_ASSIGN_OR_RETURN(const Digest source, digest_on(*sessions_.reader));
    ZDPIPE_ASSIGN_OR_RETURN(const Digest target, digest_on(*sessions_.target_reader));
    if (source == target) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const Digest again, digest_on(*sessions_.reader));
    if (again != source) return absl::OkStatus();  // RAND(), NOW(): other values at every reading
    outcome_.report.verify = "different";
    outcome_.notes.push_back(absl::StrCat(name_, ": the values of its generated columns differ"));
    return absl::OkStatus();
  }

  // kDifferent when the columns' types are not those of `expected`.
  absl::StatusOr<Digest> DigestOf(Session& session, absl::string_view select,
                                  const std::vector<ColumnRole>& roles, const RowLayout* expected) {
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<RowStream> stream,
                            RowStream::Open(session, select, roles));
    if (expected != nullptr && stream->layout() != *expected) {
      return MakeError(Failure::kDifferent,
                       absl::StrCat("verify ", name_, ": the column types differ"));
    }
    Digest digest;
    while (true) {
      ZDPIPE_ASSIGN_OR_RETURN(const bool more, stream->Next());
      if (!more) return digest;
      digest.Add(stream->row());
      if (digest.rows() % 1024 == 0 && Stopping()) return StoppedError();
    }
  }

  // Takes everything of the table off the target again.
  absl::Status Undo() {
    if (foreign_) return absl::OkStatus();
    // In this order: what the ledger says of the table is never more than what is there.
    ZDPIPE_RETURN_IF_ERROR(context_.ledger.BeginAgain(start_.table_id));
    ZDPIPE_RETURN_IF_ERROR(Ddl(absl::StrCat("DROP TABLE IF EXISTS ", Name())));
    return context_.ledger.ForgetRanges(start_.table_id);
  }

  // A statement that may take hours: a cancel can interrupt it.
  absl::Status Ddl(absl::string_view sql) {
    Session& session = *sessions_.target_control;
    const absl::StatusOr<std::vector<Warning>> warnings = session.ExecuteWithWarnings(sql);
    if (!warnings.ok()) {
      if (context_.pipe.cancel.cancelled()) return StoppedError();
      const absl::Status named = Annotate(warnings.status(), name_);
      return ConcernsThisTable(named) ? Reclassify(named, Failure::kPartial) : named;
    }
    for (const Warning& warning : *warnings) {
      // The server has cut an index instead of refusing it.
      if (warning.code == kErrKeyTooLong) {
        return MakeServerError(Failure::kPartial, warning.code,
                               absl::StrCat(name_, ": ", warning.message));
      }
      if (warning.level != "Note" && warning.code != kErrUnknownOption) {
        outcome_.notes.push_back(absl::StrCat(name_, ": ", warning.code, ": ", warning.message));
      }
    }
    return absl::OkStatus();
  }

  static constexpr uint64_t kRowsRepeatedAtOnce = 10'000;  // a statement of 30 KB
  static constexpr unsigned kErrTableExists = 1050;
  static constexpr unsigned kErrTableFull = 1114;
  static constexpr unsigned kErrTablespaceDiscarded = 1814;
  // What is lost by it shows up when the definitions are compared.
  static constexpr unsigned kErrUnknownOption = 1911;

  const TableInfo& table_;
  const TableStart start_;
  LaneSessions& sessions_;
  TableCopyContext& context_;
  const std::string name_;
  TableDdl ddl_;
  std::vector<std::string> lost_systems_;  // "p REF_SYSTEM_ID=4326"
  std::vector<std::string> doubts_;  // texts of the definition that may be others on the source
  LoadTable load_;
  TablePlan stored_;  // its generated columns
  TablePlan virtual_;
  std::atomic<bool> computed_leniently_ = false;
  bool foreign_ = false;  // somebody else has made a table of this name meanwhile
  bool goes_on_ = false;  // with what an earlier run has brought, which segments_ tells
  KeySegments cuts_;
  std::vector<TransferSegment> segments_;  // as cuts_ says
  Digest empty_periods_;                   // of the rows that Create() has loaded
  PipeResult moved_;
  bool discarded_ = false;  // the source's table has no file
  TableOutcome outcome_;
};

}  // namespace

absl::StatusOr<TableOutcome> CopyTable(const TableInfo& table, const TableStart& start,
                                       LaneSessions& sessions, TableCopyContext& context) {
  TableCopy copy(table, start, sessions, context);
  absl::StatusOr<TableOutcome> outcome = copy.Run();
  context.pipe.progress.ClearActive(sessions.lane);
  return outcome;
}

absl::Status SetUpTargetControl(Session& session, const Version& source) {
  // NO_ENGINE_SUBSTITUTION: a table must not silently become InnoDB. ALLOW_INVALID_DATES: a default
  // may be one.
  ZDPIPE_RETURN_IF_ERROR(
      session.Execute("SET foreign_key_checks = 0, "
                      "sql_mode = 'NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES'"));
  session.TrySetAll(
      {// An ALTER that copies its table must not look again at rows that predate a CHECK.
       "check_constraint_checks = 0",
       // A table made in a permissive time is a table; what InnoDB would make of it
       // otherwise than the source shows up when the definitions are compared.
       "innodb_strict_mode = OFF",
       // MySQL >= 8.0 sorts the entries of an index in buffers of this size, 1 MiB by default.
       "innodb_ddl_buffer_size = 16777216"});
  if (!source.MySqlAtLeast(8, 0)) {
    // What CHARSET=utf8mb4 without a collation means everywhere else.
    session.TrySet("default_collation_for_utf8mb4 = 'utf8mb4_general_ci'");
  }
  return absl::OkStatus();
}

}  // namespace zdpipe
