#include "pipeline/check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/server/sql_text.h"
#include "pipeline/account_check.h"
#include "pipeline/ledger_check.h"
#include "pipeline/privilege_check.h"
#include "pipeline/release_check.h"

namespace zdpipe {
namespace {

// One look at the two ends; each method adds its findings.
class Checker {
 public:
  Checker(Session& source, Session& target, const CopyOptions& options,
          const std::vector<LedgerObject>& earlier, CheckResult& result)
      : source_(source), target_(target), options_(options), earlier_(earlier), result_(result) {}

  absl::Status Run() {
    ZDPIPE_ASSIGN_OR_RETURN(result_.source, ReadIdentity(source_));
    ZDPIPE_ASSIGN_OR_RETURN(result_.target, ReadIdentity(target_));
    CheckVersions();
    ZDPIPE_RETURN_IF_ERROR(CheckSameServer());
    CheckEncryption();
    ZDPIPE_RETURN_IF_ERROR(CheckReplication());
    ZDPIPE_RETURN_IF_ERROR(CheckServerId());
    ZDPIPE_RETURN_IF_ERROR(CheckTargetReplication());
    ZDPIPE_ASSIGN_OR_RETURN(result_.catalog, ReadCatalog(source_, options_.selection));
    for (const std::string& reason : result_.catalog.left_out) {
      Add("DATABASE_LEFT_OUT", Severity::kWarning, "", reason, "");
    }
    ZDPIPE_RETURN_IF_ERROR(CheckNames());
    CheckRowsElsewhere();
    ZDPIPE_RETURN_IF_ERROR(CheckMaster());
    ZDPIPE_RETURN_IF_ERROR(CheckLedger(target_, options_, earlier_, result_));
    ZDPIPE_RETURN_IF_ERROR(CheckTargetEmpty());
    ZDPIPE_RETURN_IF_ERROR(CheckTargetReadOnly());
    ZDPIPE_RETURN_IF_ERROR(CheckPackets());
    ZDPIPE_RETURN_IF_ERROR(CheckAccounts(source_, target_, options_, earlier_, result_));
    ZDPIPE_RETURN_IF_ERROR(CheckPrivileges(source_, target_, options_, result_));
    const absl::Status release = CheckRelease(source_, target_, result_.catalog, result_.findings);
    // What may not be read has been said above.
    return result_.refused() && IsDenied(release) ? absl::OkStatus() : release;
  }

 private:
  void Add(absl::string_view id, Severity severity, absl::string_view object,
           absl::string_view evidence, absl::string_view fix) {
    result_.findings.push_back(
        {std::string(id), severity, std::string(object), std::string(evidence), std::string(fix)});
  }

  static bool Supported(const Version& version) {
    return version.MariaDbAtLeast(10, 2) || version.MySqlAtLeast(5, 6);
  }

  void CheckVersions() {
    const std::pair<const Session*, const char*> ends[] = {{&source_, "SOURCE_TOO_OLD"},
                                                           {&target_, "TARGET_TOO_OLD"}};
    for (const auto& [session, id] : ends) {
      if (Supported(session->version())) continue;
      Add(id, Severity::kError, session->endpoint().name, session->version().text,
          "MariaDB 10.2 or MySQL 5.6 is the oldest supported version");
    }
    const Version& from = source_.version();
    const Version& to = target_.version();
    if (from.mariadb != to.mariadb) {
      Add("VENDOR_DIFFERS", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(from.text, " to ", to.text),
          "objects that the target's vendor does not know are listed and skipped; replication "
          "between vendors has limits of its own");
    } else if (std::pair(to.major, to.minor) < std::pair(from.major, from.minor)) {
      Add("TARGET_OLDER", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(from.text, " to ", to.text),
          "replicating from a newer master to an older one is not supported by the servers; "
          "upgrade the target first");
    }
  }

  absl::Status CheckSameServer() {
    ZDPIPE_ASSIGN_OR_RETURN(const bool same, IsSameServer());
    ZDPIPE_ASSIGN_OR_RETURN(const bool cluster, InOneCluster());
    if (same || cluster) {
      Add("SAME_SERVER", Severity::kError, target_.endpoint().name,
          same ? "source and target are the same server"
               : "source and target are members of one cluster, which has its data once",
          "check --from and --to");
    }
    return absl::OkStatus();
  }

  // Each member says the same of its cluster, to everybody; a server without one says nothing.
  absl::StatusOr<bool> InOneCluster() {
    constexpr absl::string_view kNotJoined = "00000000-0000-0000-0000-000000000000";
    for (const char* cluster : {"SHOW GLOBAL VARIABLES LIKE 'group_replication_group_name'",
                                "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_state_uuid'"}) {
      ZDPIPE_ASSIGN_OR_RETURN(const Result source, source_.Query(cluster));
      ZDPIPE_ASSIGN_OR_RETURN(const Result target, target_.Query(cluster));
      const std::string id = source.Text(0, "value");
      if (!id.empty() && id != kNotJoined && id == target.Text(0, "value")) return true;
    }
    return false;
  }

  // A lock is known to the whole server and to no other one. What servers say of themselves tells
  // less: some releases have no id, and those made from one image have the same.
  absl::StatusOr<bool> IsSameServer() {
    std::random_device random;
    const std::string lock =
        QuoteText(absl::StrCat("zdpipe check ", absl::Hex(random()), "-", absl::Hex(random())));
    const absl::StatusOr<std::string> taken =
        source_.QueryValue(absl::StrCat("SELECT GET_LOCK(", lock, ", 0)"));
    if (IsSessionLost(taken.status())) return taken.status();
    // Members of clusters refuse it.
    if (!taken.ok() || *taken != "1") return LooksLikeSameServer();
    ZDPIPE_ASSIGN_OR_RETURN(const std::string free,
                            target_.QueryValue(absl::StrCat("SELECT IS_FREE_LOCK(", lock, ")")));
    ZDPIPE_RETURN_IF_ERROR(
        source_.QueryValue(absl::StrCat("SELECT RELEASE_LOCK(", lock, ")")).status());
    return free != "1";
  }

  absl::StatusOr<bool> LooksLikeSameServer() {
    for (const char* name : {"hostname", "port", "datadir", "socket"}) {
      ZDPIPE_ASSIGN_OR_RETURN(const std::string source, ReadVariable(source_, name));
      ZDPIPE_ASSIGN_OR_RETURN(const std::string target, ReadVariable(target_, name));
      if (source != target) return false;
    }
    return true;
  }

  void CheckEncryption() {
    for (const Session* session : {&source_, &target_}) {
      if (session->encrypted() || session->endpoint().IsLocal()) continue;
      Add("NOT_ENCRYPTED", Severity::kWarning, session->endpoint().name,
          "the connection goes to another machine without TLS: all rows can be read on the way",
          "switch TLS on in the server and name its CA with ssl-ca");
    }
  }

  // nullopt, with a finding, when the user may not look. Without a `fix` it names the right.
  absl::StatusOr<std::optional<ReplicaStatus>> LookAtReplication(Session& session,
                                                                 Severity if_denied,
                                                                 absl::string_view fix = "") {
    absl::StatusOr<ReplicaStatus> replica = ReadReplicaStatus(session);
    if (replica.ok()) return *std::move(replica);
    if (!IsDenied(replica.status())) return replica.status();
    const std::string hint = HintOf(replica.status());
    Add("REPLICA_STATUS_DENIED", if_denied, session.endpoint().name, replica.status().message(),
        fix.empty() ? absl::string_view(hint) : fix);
    return std::nullopt;
  }

  absl::Status CheckReplication() {
    if (options_.source_state != SourceState::kStoppedReplica) {
      if (!result_.source.log_bin) {
        Add("SOURCE_WITHOUT_BINLOG", Severity::kWarning, source_.endpoint().name, "log_bin is OFF",
            "without a binlog there are no coordinates: the handoff will not be usable (exit 12)");
      }
      return CheckOtherReplication();
    }
    ZDPIPE_ASSIGN_OR_RETURN(std::optional<ReplicaStatus> replica,
                            LookAtReplication(source_, Severity::kError));
    if (!replica.has_value()) return absl::OkStatus();
    result_.replica = *std::move(replica);
    if (result_.replica.channels.empty()) {
      Add("SOURCE_NOT_REPLICA", Severity::kError, source_.endpoint().name,
          absl::StrCat(result_.replica.taken_from, " is empty"),
          "point --from at the stopped replica; or say --source-state master (takes writes) or "
          "frozen (nobody writes)");
    }
    for (const ReplicaChannel& channel : result_.replica.channels) {
      ZDPIPE_RETURN_IF_ERROR(CheckChannel(channel));
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::string read_only, ReadVariable(source_, "read_only"));
    if (!result_.source.log_bin && read_only == "OFF") {
      Add("DIRECT_WRITES_UNSEEN", Severity::kWarning, source_.endpoint().name,
          "the replica has no binlog and read_only is OFF",
          "set read_only = ON: writes that do not come through replication could not be noticed");
    }
    return absl::OkStatus();
  }

  // A replica passes over the events of its own server_id: those of the upstream, and of masters
  // behind it, as far as the source's GTIDs name them.
  absl::Status CheckServerId() {
    const bool source_is_master = options_.source_state != SourceState::kStoppedReplica;
    if (source_is_master && !result_.source.log_bin) return absl::OkStatus();
    std::set<std::string> upstream;
    for (const ReplicaChannel& channel : result_.replica.channels) {
      // 0: the replica has never met its master.
      if (channel.master_server_id > 0) upstream.insert(absl::StrCat(channel.master_server_id));
    }
    for (const char* name : {"gtid_slave_pos", "gtid_binlog_pos"}) {
      ZDPIPE_ASSIGN_OR_RETURN(const std::string position, ReadGtidVariable(source_, name));
      // domain-server-sequence, separated by commas
      for (const absl::string_view gtid : absl::StrSplit(position, ',', absl::SkipEmpty())) {
        const std::vector<std::string> parts = absl::StrSplit(gtid, '-');
        // What the source has written itself the target gets from nobody, unless it replicates
        // from the source.
        const bool is_own = parts.size() == 3 && parts[1] == result_.source.server_id;
        if (parts.size() == 3 && !is_own) upstream.insert(parts[1]);
      }
    }
    target_may_be_upstream_ = upstream.count(result_.target.server_id) > 0;
    // The target is not the source itself, see CheckSameServer.
    const bool has_id_of_source =
        source_is_master && result_.target.server_id == result_.source.server_id;
    if (!target_may_be_upstream_ && !has_id_of_source) return absl::OkStatus();
    Add("SERVER_ID_CLASH", Severity::kWarning, target_.endpoint().name,
        absl::StrCat("server_id ", result_.target.server_id,
                     " is also that of a server whose events the target is to replicate"),
        "give the target another server_id before it replicates: it passes over all events of its "
        "own one");
    return absl::OkStatus();
  }

  // What replication writes to the tables of the copy meets its rows there.
  absl::Status CheckTargetReplication() {
    ZDPIPE_ASSIGN_OR_RETURN(
        const std::optional<ReplicaStatus> replica,
        LookAtReplication(target_, Severity::kInfo,
                          "make sure that no replication writes to the target"));
    if (!replica.has_value()) return absl::OkStatus();
    for (const ReplicaChannel& channel : replica->channels) {
      if (!channel.sql_running) continue;
      Add("TARGET_REPLICATES", Severity::kWarning,
          channel.channel.empty() ? target_.endpoint().name : Printable(channel.channel),
          absl::StrCat("the target applies what ", Printable(channel.master_host), ":",
                       channel.master_port, " sends"),
          "stop it until the copy has ended, unless it writes to other databases only");
    }
    return absl::OkStatus();
  }

  // A source of which is not said that it is a stopped replica: what replication writes to it must
  // be in its binlog, which is what its proof consists of; and a frozen one gets nothing.
  absl::Status CheckOtherReplication() {
    ZDPIPE_ASSIGN_OR_RETURN(const std::optional<ReplicaStatus> replica,
                            LookAtReplication(source_, Severity::kWarning,
                                              "make sure that no replication runs on the source, "
                                              "or give the user the right to look"));
    if (!replica.has_value()) return absl::OkStatus();
    for (const ReplicaChannel& channel : replica->channels) {
      if (!channel.sql_running) continue;
      if (options_.source_state == SourceState::kMaster) {
        ZDPIPE_ASSIGN_OR_RETURN(const std::string logged,
                                ReadVariable(source_, "log_slave_updates"));
        if (logged == "ON") continue;
      }
      Add("REPLICA_RUNNING", Severity::kError, ChannelName(channel), PositionText(channel),
          options_.source_state == SourceState::kMaster
              ? "what replication writes is not in the source's binlog (log_slave_updates is OFF): "
                "stop replication"
              : "a source that is frozen does not replicate: stop replication; for a stopped "
                "replica leave out --source-state");
    }
    return absl::OkStatus();
  }

  std::string ChannelName(const ReplicaChannel& channel) const {
    const std::string& name = source_.endpoint().name;
    return channel.channel.empty() ? name
                                   : absl::StrCat(name, " channel ", Printable(channel.channel));
  }

  static std::string PositionText(const ReplicaChannel& channel) {
    return absl::StrCat("Slave_SQL_Running is ", Printable(channel.sql_state), " at ",
                        Printable(channel.applied.file), ":", channel.applied.position);
  }

  absl::Status CheckChannel(const ReplicaChannel& channel) {
    const std::string object = ChannelName(channel);
    if (channel.sql_running && !options_.stop_replica) {
      Add("REPLICA_RUNNING", Severity::kError, object, PositionText(channel),
          "stop replication on the source-slave, or let zdpipe do it with --stop-replica");
    }
    if (!channel.sql_error.empty()) {
      // MySQL's position is the one before which everything is applied; other workers may be ahead.
      ZDPIPE_ASSIGN_OR_RETURN(const std::string workers,
                              ReadVariable(source_, "slave_parallel_workers"));
      const bool gaps = !source_.version().mariadb && !workers.empty() && workers != "0";
      Add("REPLICA_BROKEN", gaps ? Severity::kError : Severity::kWarning, object,
          Printable(channel.sql_error),
          gaps ? "replication by several workers had stopped with an error, so the data may be "
                 "ahead "
                 "of the position: repair it (START SLAVE UNTIL SQL_AFTER_MTS_GAPS)"
               : "replication had stopped with an error: the data may not be what the master has");
    }
    CheckFilters(channel);
    if (channel.parallel_mode == "minimal" || channel.parallel_mode == "none" ||
        channel.parallel_mode.empty()) {
      return absl::OkStatus();
    }
    ZDPIPE_ASSIGN_OR_RETURN(const std::string threads,
                            ReadVariable(source_, "slave_parallel_threads"));
    ZDPIPE_ASSIGN_OR_RETURN(const std::string gtid, ReadGtidVariable(source_, "gtid_slave_pos"));
    if (!threads.empty() && threads != "0" && absl::StrContains(gtid, ',')) {
      Add("PARALLEL_DOMAINS", Severity::kWarning, object,
          absl::StrCat("Parallel_Mode ", Printable(channel.parallel_mode),
                       ", slave_parallel_threads ", threads, ", gtid_slave_pos ", Printable(gtid)),
          "with several GTID domains applied in parallel use the GTID position of the handoff: "
          "file "
          "and position are those of the domain that is ahead");
    }
    return absl::OkStatus();
  }

  void CheckFilters(const ReplicaChannel& channel) {
    if (channel.filters.empty()) return;
    Add("REPLICATION_FILTERED", Severity::kWarning, ChannelName(channel),
        Printable(absl::StrJoin(channel.filters, ", ")),
        "the statements of the handoff set no filters, so the target would apply what the replica "
        "leaves out, also to tables it does not have: set the same filters on the target before "
        "replication starts there");
  }

  bool HasPrograms() const {
    const Catalog& catalog = result_.catalog;
    return !catalog.views.empty() || !catalog.routines.empty() || !catalog.triggers.empty() ||
           !catalog.events.empty();
  }

  // With lower_case_table_names = 1 on the target, `A` and `a` become one table.
  absl::Status CheckNames() {
    constexpr char kVariable[] = "lower_case_table_names";
    ZDPIPE_ASSIGN_OR_RETURN(const std::string source, ReadVariable(source_, kVariable));
    ZDPIPE_ASSIGN_OR_RETURN(const std::string target, ReadVariable(target_, kVariable));
    if (target == "0" && source != "0" && HasPrograms()) {
      Add("NAMES_CASED", Severity::kWarning, target_.endpoint().name,
          absl::StrCat(kVariable, " is ", source, " on the source and 0 on the target"),
          "views, routines, triggers and events that name a table in another case than it has do "
          "not find it on the target: start that with the source's setting (it must be new), or "
          "change them");
    }
    if (target == "0" || source != "0") return absl::OkStatus();
    std::map<std::string, std::string> seen;
    auto look = [&](const std::string& name) {
      const auto [found, added] = seen.emplace(absl::AsciiStrToLower(name), name);
      if (!added && found->second != name) {
        Add("NAMES_COLLIDE", Severity::kError, Printable(name),
            absl::StrCat("the target has lower_case_table_names set and would take it for ",
                         Printable(found->second)),
            "use a target with lower_case_table_names = 0");
      }
    };
    for (const DatabaseInfo& database : result_.catalog.databases) look(database.name);
    for (const TableInfo& table : result_.catalog.tables) {
      look(absl::StrCat(table.name.schema, ".", table.name.name));
    }
    return absl::OkStatus();
  }

  // A source that takes writes: what its snapshot, or its binlog, does not have.
  absl::Status CheckMaster() {
    if (options_.source_state == SourceState::kStoppedReplica) return absl::OkStatus();
    if (options_.source_state == SourceState::kMaster) CheckNotInSnapshot();
    return CheckBinlogFilter();
  }

  void CheckNotInSnapshot() {
    size_t tables = 0;
    std::string example;
    for (const TableInfo& table : result_.catalog.tables) {
      if (!table.holds_rows() || table.transactional()) continue;
      if (tables++ == 0) example = PrintableName(table.name.schema, table.name.name);
    }
    if (tables > 0) {
      Add("NOT_IN_SNAPSHOT", Severity::kWarning, example,
          absl::StrCat(tables,
                       " tables of engines without transactions, on a source that takes "
                       "writes: their rows may be later than the coordinates"),
          "they will be listed (exit 8); copy from a stopped replica, or leave them out");
    }
  }

  // What a binlog leaves out is in no proof. Nobody writes to a frozen source: that is its owner's
  // word, which then stands alone.
  absl::Status CheckBinlogFilter() {
    const bool takes_writes = options_.source_state == SourceState::kMaster;
    ZDPIPE_ASSIGN_OR_RETURN(const std::optional<BinlogFilter> filter, ReadBinlogFilter(source_));
    if (!filter.has_value()) {
      if (!takes_writes || !result_.source.log_bin) return absl::OkStatus();  // said above
      Add("BINLOG_FILTERED", Severity::kWarning, source_.endpoint().name,
          "the source does not tell its user whether the binlog leaves databases out",
          "give the user BINLOG MONITOR (MariaDB >= 10.5) or REPLICATION CLIENT");
      return absl::OkStatus();
    }
    for (const DatabaseInfo& database : result_.catalog.databases) {
      if (!filter->LeavesOut(database.name)) continue;
      Add("BINLOG_FILTERED", takes_writes ? Severity::kError : Severity::kWarning,
          Printable(database.name),
          absl::StrCat("Binlog_Do_DB ", Printable(absl::StrJoin(filter->logged, ",")),
                       ", Binlog_Ignore_DB ", Printable(absl::StrJoin(filter->ignored, ","))),
          "the source's binlog leaves this database out, so nothing tells whether its sessions see "
          "the same state: leave it out, or copy from a stopped replica");
    }
    return absl::OkStatus();
  }

  void CheckRowsElsewhere() {
    std::map<std::string, std::pair<size_t, std::string>> engines;
    for (const TableInfo& table : result_.catalog.tables) {
      if (table.holds_rows()) continue;
      auto& [count, example] = engines[table.engine];
      if (count++ == 0) example = PrintableName(table.name.schema, table.name.name);
    }
    for (const auto& [engine, tables] : engines) {
      Add("ROWS_ELSEWHERE", Severity::kWarning, tables.second,
          absl::StrCat(tables.first, " tables of engine ", engine,
                       ", which shows rows of other tables, servers or files; only their "
                       "definitions are copied"),
          "see that the target reaches what they show");
    }
  }

  absl::Status CheckTargetEmpty() {
    // Nobody wants his master emptied.
    if (options_.drop_target && !target_may_be_upstream_) return absl::OkStatus();
    std::set<std::string> selected;
    for (const DatabaseInfo& database : result_.catalog.databases) selected.insert(database.name);
    std::set<ObjectName> ours;
    for (const LedgerObject& object : earlier_) ours.insert({object.schema, object.name});
    std::set<ObjectName> wanted;
    for (const TableInfo& table : result_.catalog.tables) wanted.insert(table.name);
    for (const ObjectName& view : result_.catalog.views) wanted.insert(view);

    ZDPIPE_ASSIGN_OR_RETURN(const Result present,
                            target_.Query(ObjectsQuery(target_.version(), "")));
    std::map<std::string, std::vector<std::string>> found;
    for (const auto& row : present.rows) {
      const ObjectName name{row[0].value_or(""), row[1].value_or("")};
      if (selected.count(name.schema) == 0 || ours.count(name) > 0) continue;
      // With --tables the target may hold other tables of the same database.
      if (!options_.selection.tables.empty() && wanted.count(name) == 0) continue;
      found[name.schema].push_back(Printable(name.name));
    }
    for (auto& [schema, names] : found) {
      const size_t count = names.size();
      if (count > 3) names.resize(3);
      Add("TARGET_NOT_EMPTY", Severity::kError, Printable(schema),
          absl::StrCat(count, " objects on the target: ", absl::StrJoin(names, ", "),
                       count > 3 ? ", ..." : ""),
          options_.drop_target
              ? "not dropped: by its server_id the target may be a server from which the source "
                "replicates; check --to, or give the target another server_id"
              : "empty the database on the target, choose other --databases, or say "
                "--target-not-empty drop");
    }
    return absl::OkStatus();
  }

  absl::Status CheckTargetReadOnly() {
    ZDPIPE_ASSIGN_OR_RETURN(const std::string read_only, ReadVariable(target_, "read_only"));
    if (read_only == "OFF" || read_only == "0" || read_only.empty()) return absl::OkStatus();
    Add("TARGET_READ_ONLY", Severity::kError, target_.endpoint().name,
        absl::StrCat("read_only is ", read_only), "SET GLOBAL read_only = OFF on the target");
    return absl::OkStatus();
  }

  absl::Status CheckPackets() {
    constexpr char kVariable[] = "max_allowed_packet";
    ZDPIPE_ASSIGN_OR_RETURN(const std::string of_source, ReadVariable(source_, kVariable));
    ZDPIPE_ASSIGN_OR_RETURN(const std::string of_target, ReadVariable(target_, kVariable));
    uint64_t source = 0;
    uint64_t target = 0;
    (void)absl::SimpleAtoi(of_source, &source);
    (void)absl::SimpleAtoi(of_target, &target);
    if (target < source) {
      Add("SMALLER_PACKET", Severity::kWarning, target_.endpoint().name,
          absl::StrCat("max_allowed_packet is ", target, " on the target and ", source,
                       " on the source"),
          "a row larger than the target's limit would end the copy: raise it to the source's");
    }
    return absl::OkStatus();
  }

  Session& source_;
  Session& target_;
  const CopyOptions& options_;
  const std::vector<LedgerObject>& earlier_;
  CheckResult& result_;
  bool target_may_be_upstream_ = false;
};

}  // namespace

bool CheckResult::refused() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.severity == Severity::kError; });
}

absl::StatusOr<CheckResult> RunCheck(Session& source, Session& target, const CopyOptions& options,
                                     const std::vector<LedgerObject>& earlier) {
  CheckResult result;
  Checker checker(source, target, options, earlier, result);
  ZDPIPE_RETURN_IF_ERROR(checker.Run());
  // A lost session stays lost: what it did not tell must not be taken for what the server is.
  for (Session* session : {&source, &target}) ZDPIPE_RETURN_IF_ERROR(session->Execute("DO 0"));
  return result;
}

}  // namespace zdpipe
