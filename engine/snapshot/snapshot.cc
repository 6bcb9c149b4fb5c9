#include "engine/snapshot/snapshot.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Rounds in which the sessions of a master are started together; with n writes a second the
// chance per round is about exp(-n * 0.5 ms), so a busy master needs the lock, a calm one a few.
constexpr int kAgreementRounds = 20;

using Json = nlohmann::json;

constexpr char kStartSnapshot[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
// Before any table is read.
constexpr char kSetSavepoint[] = "SAVEPOINT zdpipe";
constexpr char kRollBackToSavepoint[] = "ROLLBACK TO SAVEPOINT zdpipe";
constexpr char kReleaseSavepoint[] = "RELEASE SAVEPOINT zdpipe";
constexpr size_t kTablesHeld = 64;
// Where savepoints do not help: a few round trips for each snapshot.
constexpr size_t kTablesPerSnapshot = 512;

absl::Status SetUpReader(Session& session) {
  ZDPIPE_RETURN_IF_ERROR(
      session.Execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  // Backpressure: while the target is busy the source waits to send, and must not give up.
  session.TrySetAll({"net_write_timeout = 86400", "net_read_timeout = 86400",
                     "query_cache_type = OFF",
                     // Rows are read once: no reason to keep an idle transaction from living.
                     "idle_transaction_timeout = 0", "idle_readonly_transaction_timeout = 0",
                     // A transaction that could go to the binlog does not let go of its tables.
                     "sql_log_bin = 0"});
  return absl::OkStatus();
}

// The session's own snapshot position; needs no privilege. MySQL does not have it.
absl::StatusOr<BinlogPosition> ReadSnapshotPosition(Session& session) {
  const absl::StatusOr<Result> result =
      session.Query("SHOW STATUS WHERE Variable_name LIKE 'Binlog\\_snapshot\\_%'");
  if (IsSessionLost(result.status())) return result.status();
  BinlogPosition position;
  if (!result.ok()) return position;
  for (size_t row = 0; row < result->rows.size(); ++row) {
    const std::string name = result->rows[row][0].value_or("");
    const std::string value = result->rows[row][1].value_or("");
    if (name == "Binlog_snapshot_file") position.file = value;
    if (name == "Binlog_snapshot_position") (void)absl::SimpleAtoi(value, &position.position);
  }
  return position;
}

absl::Status ReadReplicaProof(Session& session, SourceState state, SnapshotProof& proof) {
  if (state == SourceState::kMaster) return absl::OkStatus();
  if (state == SourceState::kStoppedReplica) {
    ZDPIPE_ASSIGN_OR_RETURN(ReplicaStatus status, ReadReplicaStatus(session));
    proof.channels = std::move(status.channels);
    proof.replica_taken_from = std::move(status.taken_from);
  }
  // Of a frozen source, too: it may be a replica that somebody starts.
  ZDPIPE_ASSIGN_OR_RETURN(
      proof.replica_gtid,
      ReadGtidVariable(session, session.version().mariadb ? "gtid_slave_pos" : "gtid_executed"));
  return absl::OkStatus();
}

// Call inside the session's snapshot transaction.
absl::StatusOr<SnapshotProof> ReadProofInside(Session& session, SourceState state) {
  SnapshotProof proof;
  ZDPIPE_RETURN_IF_ERROR(ReadReplicaProof(session, state, proof));
  ZDPIPE_ASSIGN_OR_RETURN(proof.binlog, ReadSnapshotPosition(session));
  proof.binlog_taken_from = "Binlog_snapshot_file, Binlog_snapshot_position";
  if (proof.binlog.empty() && state != SourceState::kMaster) {
    ZDPIPE_ASSIGN_OR_RETURN(proof.binlog, ReadMasterStatus(session));
    proof.binlog_taken_from = "SHOW MASTER STATUS";
  }
  if (proof.binlog.empty()) proof.binlog_taken_from = "";
  if (session.version().mariadb && !proof.binlog.empty()) {
    ZDPIPE_ASSIGN_OR_RETURN(proof.binlog_gtid, ReadGtidVariable(session, "gtid_binlog_pos"));
  } else if (!proof.binlog.empty() && state != SourceState::kMaster) {
    // Then all that is written has a GTID, and gtid_executed tells more than a file that rotates.
    ZDPIPE_ASSIGN_OR_RETURN(const std::string mode, ReadVariable(session, "gtid_mode"));
    if (mode == "ON") proof.binlog_gtid = proof.replica_gtid;
  }
  return proof;
}

absl::StatusOr<std::unique_ptr<Session>> ConnectReader(const Endpoint& endpoint,
                                                       const SessionOptions& options,
                                                       End end = End::kSource) {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                          Session::Connect(endpoint, end, options));
  ZDPIPE_RETURN_IF_ERROR(SetUpReader(*session));
  return session;
}

absl::Status StartTogether(std::vector<std::unique_ptr<Session>>& sessions) {
  for (auto& session : sessions) ZDPIPE_RETURN_IF_ERROR(session->Execute("ROLLBACK"));
  // All requests are on their way before the first answer is read.
  for (auto& session : sessions) ZDPIPE_RETURN_IF_ERROR(session->SendStatement(kStartSnapshot));
  for (auto& session : sessions) ZDPIPE_RETURN_IF_ERROR(session->AwaitStatement());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BinlogPosition>> Positions(
    std::vector<std::unique_ptr<Session>>& sessions) {
  std::vector<BinlogPosition> positions;
  for (auto& session : sessions) {
    ZDPIPE_ASSIGN_OR_RETURN(positions.emplace_back(), ReadSnapshotPosition(*session));
  }
  return positions;
}

// A quiet source: the proof is read before the first session starts and again in each of them, so
// that whatever moved in between is seen.
absl::Status StartOnQuietSource(Snapshot& snapshot, SourceState state, const ForEach& for_each) {
  ZDPIPE_RETURN_IF_ERROR(snapshot.sessions.front()->Execute(kStartSnapshot));
  ZDPIPE_ASSIGN_OR_RETURN(snapshot.proof, ReadProofInside(*snapshot.sessions.front(), state));
  for (const ReplicaChannel& channel : snapshot.proof.channels) {
    if (channel.sql_running) {
      return WithHint(MakeError(Failure::kConsistency, "replication runs on the source"),
                      "stop it, or say --stop-replica, and start the copy again");
    }
  }
  ZDPIPE_RETURN_IF_ERROR(StartTogether(snapshot.sessions));
  return for_each(snapshot.sessions.size(), [&](size_t i) -> absl::Status {
    ZDPIPE_ASSIGN_OR_RETURN(const SnapshotProof proof,
                            ReadProofInside(*snapshot.sessions[i], state));
    return CheckUnchanged(state, snapshot.proof, proof);
  });
}

absl::Status RequirePosition(const BinlogPosition& position) {
  if (!position.empty()) return absl::OkStatus();
  return WithHint(
      MakeError(Failure::kSource, "source: no binlog position comes with the snapshot"),
      "the source must have its binlog on; or make it a frozen server and say --source-state "
      "frozen");
}

// FLUSH TABLES WITH READ LOCK for the moment in which the sessions start.
absl::Status StartUnderReadLock(Snapshot& snapshot, Session& locker) {
  ZDPIPE_RETURN_IF_ERROR(locker.Execute("FLUSH TABLES WITH READ LOCK"));
  absl::Status status = StartTogether(snapshot.sessions);
  const absl::StatusOr<BinlogPosition> locked = ReadMasterStatus(locker);
  ZDPIPE_RETURN_IF_ERROR(locker.Execute("UNLOCK TABLES"));
  ZDPIPE_RETURN_IF_ERROR(status);
  ZDPIPE_RETURN_IF_ERROR(locked.status());
  ZDPIPE_ASSIGN_OR_RETURN(const BinlogPosition own,
                          ReadSnapshotPosition(*snapshot.sessions.front()));
  snapshot.proof.binlog = own.empty() ? *locked : own;
  snapshot.proof.binlog_taken_from = own.empty()
                                         ? "SHOW MASTER STATUS under FLUSH TABLES WITH READ LOCK"
                                         : "Binlog_snapshot_file, Binlog_snapshot_position";
  snapshot.notes.push_back("the sessions were started under a short FLUSH TABLES WITH READ LOCK");
  return RequirePosition(snapshot.proof.binlog);
}

absl::Status StartOnMaster(Snapshot& snapshot, const Endpoint& endpoint,
                           const SessionOptions& options) {
  for (int round = 0; round < kAgreementRounds; ++round) {
    ZDPIPE_RETURN_IF_ERROR(StartTogether(snapshot.sessions));
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<BinlogPosition> positions,
                            Positions(snapshot.sessions));
    if (positions.front().empty()) break;  // MySQL: only the lock helps
    if (std::all_of(positions.begin(), positions.end(),
                    [&](const BinlogPosition& p) { return p == positions.front(); })) {
      snapshot.proof.binlog = positions.front();
      snapshot.proof.binlog_taken_from = "Binlog_snapshot_file, Binlog_snapshot_position";
      return absl::OkStatus();
    }
  }
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> locker,
                          Session::Connect(endpoint, End::kSource, options));
  const absl::Status locked = StartUnderReadLock(snapshot, *locker);
  if (locked.ok()) return locked;
  // One session always agrees with itself.
  const size_t wanted = snapshot.sessions.size();
  snapshot.sessions.resize(1);
  ZDPIPE_RETURN_IF_ERROR(StartTogether(snapshot.sessions));
  ZDPIPE_ASSIGN_OR_RETURN(snapshot.proof.binlog, ReadSnapshotPosition(*snapshot.sessions.front()));
  snapshot.proof.binlog_taken_from = "Binlog_snapshot_file, Binlog_snapshot_position";
  snapshot.notes.push_back(absl::StrCat("the source takes writes so fast that ", wanted,
                                        " sessions did not agree in ", kAgreementRounds,
                                        " rounds, and a read lock is not allowed (",
                                        locked.message(), "): reading with one session"));
  return RequirePosition(snapshot.proof.binlog);
}

// Whether going back to the savepoint lets go of nothing.
bool KeepsTables(Session& reader) {
  return reader.QueryValue("SELECT @@log_bin AND @@sql_log_bin").value_or("") == "1";
}

// False also when the user may not know.
bool BinlogHasEveryDatabase(Session& reader) {
  const absl::StatusOr<std::optional<BinlogFilter>> filter = ReadBinlogFilter(reader);
  return filter.ok() && filter->has_value() && (*filter)->empty();
}

}  // namespace

std::string SnapshotProof::Difference(const SnapshotProof& later) const {
  std::string text;
  auto note = [&text](absl::string_view what, absl::string_view before, absl::string_view after) {
    if (before != after) {
      absl::StrAppend(&text, text.empty() ? "" : "; ", what, " was ", before, ", is ", after);
    }
  };
  auto show = [](const BinlogPosition& position) {
    return position.empty() ? std::string("none")
                            : absl::StrCat(position.file, ":", position.position);
  };
  note("the number of channels", absl::StrCat(channels.size()),
       absl::StrCat(later.channels.size()));
  for (size_t i = 0; i < std::min(channels.size(), later.channels.size()); ++i) {
    const std::string name =
        channels[i].channel.empty() ? "" : absl::StrCat(" of channel ", channels[i].channel);
    note(absl::StrCat("the applied position", name), show(channels[i].applied),
         show(later.channels[i].applied));
    note(absl::StrCat("the SQL thread", name), channels[i].sql_state, later.channels[i].sql_state);
    note(absl::StrCat("the master", name), channels[i].master_host, later.channels[i].master_host);
  }
  note("the applied GTID position", replica_gtid, later.replica_gtid);
  const bool same_transactions =
      binlog_gtid.has_value() && later.binlog_gtid.has_value() && !later.binlog.empty();
  if (same_transactions) {
    note("the GTID position of the source's own binlog", *binlog_gtid, *later.binlog_gtid);
  } else {
    note("the source's own binlog", show(binlog), show(later.binlog));
  }
  return text;
}

std::string ProofText(const SnapshotProof& proof) {
  auto position = [](const BinlogPosition& at) { return Json::array({at.file, at.position}); };
  Json channels = Json::array();
  for (const ReplicaChannel& channel : proof.channels) {
    channels.push_back({{"channel", channel.channel},
                        {"master", channel.master_host},
                        {"applied", position(channel.applied)},
                        {"sql_state", channel.sql_state}});
  }
  const Json json = {
      {"channels", channels},
      {"gtid", proof.replica_gtid},
      {"binlog", position(proof.binlog)},
      {"binlog_gtid", proof.binlog_gtid.has_value() ? Json(*proof.binlog_gtid) : Json()}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<SnapshotProof> ParseProof(absl::string_view text) {
  auto position = [](const Json& json) {
    return BinlogPosition{json.at(0).get<std::string>(), json.at(1).get<uint64_t>()};
  };
  try {
    const Json json = Json::parse(text);
    SnapshotProof proof;
    for (const Json& entry : json.at("channels")) {
      ReplicaChannel& channel = proof.channels.emplace_back();
      channel.channel = entry.at("channel").get<std::string>();
      channel.master_host = entry.at("master").get<std::string>();
      channel.applied = position(entry.at("applied"));
      channel.sql_state = entry.at("sql_state").get<std::string>();
    }
    proof.replica_gtid = json.at("gtid").get<std::string>();
    proof.binlog = position(json.at("binlog"));
    if (!json.at("binlog_gtid").is_null()) {
      proof.binlog_gtid = json.at("binlog_gtid").get<std::string>();
    }
    return proof;
  } catch (const Json::exception& exception) {
    return MakeError(Failure::kResume, absl::StrCat("the ledger's proof of the source is damaged: ",
                                                    Printable(exception.what())));
  }
}

absl::StatusOr<Snapshot> OpenSnapshot(const Endpoint& endpoint, SourceState state,
                                      const std::vector<SessionOptions>& options,
                                      const ForEach& for_each) {
  Snapshot snapshot;
  snapshot.sessions.resize(options.size());
  ZDPIPE_RETURN_IF_ERROR(for_each(options.size(), [&](size_t i) -> absl::Status {
    ZDPIPE_ASSIGN_OR_RETURN(snapshot.sessions[i], ConnectReader(endpoint, options[i]));
    return absl::OkStatus();
  }));
  ZDPIPE_RETURN_IF_ERROR(state == SourceState::kMaster
                             ? StartOnMaster(snapshot, endpoint, options.front())
                             : StartOnQuietSource(snapshot, state, for_each));
  ZDPIPE_RETURN_IF_ERROR(for_each(snapshot.sessions.size(), [&](size_t i) {
    return snapshot.sessions[i]->Execute(kSetSavepoint);
  }));
  return snapshot;
}

absl::Status LetGoOfTables(Session& reader, size_t tables_read) {
  return tables_read % kTablesHeld == 0 ? reader.Execute(kRollBackToSavepoint) : absl::OkStatus();
}

absl::StatusOr<bool> LetGoOrRenew(Session& reader, size_t tables_read, SourceState state,
                                  const SnapshotProof& proof) {
  ZDPIPE_RETURN_IF_ERROR(LetGoOfTables(reader, tables_read));
  if (tables_read % kTablesPerSnapshot != 0 || state != SourceState::kStoppedReplica ||
      proof.binlog.empty() || !KeepsTables(reader) || !BinlogHasEveryDatabase(reader)) {
    return false;
  }
  ZDPIPE_RETURN_IF_ERROR(reader.Execute("ROLLBACK"));
  ZDPIPE_RETURN_IF_ERROR(reader.Execute(kStartSnapshot));
  ZDPIPE_ASSIGN_OR_RETURN(const SnapshotProof now, ReadProofInside(reader, state));
  ZDPIPE_RETURN_IF_ERROR(CheckUnchanged(state, proof, now));
  // Not before: it is what IsInSnapshot looks for.
  ZDPIPE_RETURN_IF_ERROR(reader.Execute(kSetSavepoint));
  return true;
}

bool IsInSnapshot(Session& reader) {
  return reader.Execute(kReleaseSavepoint).ok() && reader.Execute(kSetSavepoint).ok();
}

absl::StatusOr<std::unique_ptr<Session>> OpenReader(const Endpoint& endpoint, End end,
                                                    const SessionOptions& options) {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, ConnectReader(endpoint, options, end));
  ZDPIPE_RETURN_IF_ERROR(session->Execute(kStartSnapshot));
  ZDPIPE_RETURN_IF_ERROR(session->Execute(kSetSavepoint));
  return session;
}

absl::StatusOr<SnapshotProof> ReadProof(const Endpoint& endpoint, SourceState state,
                                        const SessionOptions& options) {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, ConnectReader(endpoint, options));
  ZDPIPE_RETURN_IF_ERROR(session->Execute(kStartSnapshot));
  return ReadProofInside(*session, state);
}

absl::Status CheckUnchanged(SourceState state, const SnapshotProof& snapshot,
                            const SnapshotProof& later) {
  if (state == SourceState::kMaster) return absl::OkStatus();
  const std::string difference = snapshot.Difference(later);
  if (difference.empty()) return absl::OkStatus();
  return WithHint(
      MakeError(Failure::kConsistency,
                absl::StrCat("the source moved while it was read: ", difference)),
      "what is on the target must not be used; keep replication stopped and nobody writing on the "
      "source, then start the copy again");
}

}  // namespace zdpipe
