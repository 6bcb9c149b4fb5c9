#include "engine/snapshot/replication.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Servers use two vocabularies: the value is under the first of the names that exists.
std::string Either(const Result& result, size_t row, absl::string_view old_name,
                   absl::string_view new_name) {
  return result.Column(old_name) >= 0 ? result.Text(row, old_name) : result.Text(row, new_name);
}

uint64_t Number(const std::string& text) {
  uint64_t value = 0;
  (void)absl::SimpleAtoi(text, &value);
  return value;
}

ReplicaChannel ReadChannel(const Result& result, size_t row) {
  ReplicaChannel channel;
  channel.channel = Either(result, row, "Connection_name", "Channel_Name");
  channel.master_host = Either(result, row, "Master_Host", "Source_Host");
  channel.master_port = Number(Either(result, row, "Master_Port", "Source_Port"));
  channel.master_server_id = Number(Either(result, row, "Master_Server_Id", "Source_Server_Id"));
  channel.applied = {Either(result, row, "Relay_Master_Log_File", "Relay_Source_Log_File"),
                     Number(Either(result, row, "Exec_Master_Log_Pos", "Exec_Source_Log_Pos"))};
  channel.received = {Either(result, row, "Master_Log_File", "Source_Log_File"),
                      Number(Either(result, row, "Read_Master_Log_Pos", "Read_Source_Log_Pos"))};
  channel.io_state = Either(result, row, "Slave_IO_Running", "Replica_IO_Running");
  channel.sql_state = Either(result, row, "Slave_SQL_Running", "Replica_SQL_Running");
  // Anything but a plain No counts as running: "Connecting", "Preparing", an unknown word.
  channel.io_running = channel.io_state != "No";
  channel.sql_running = channel.sql_state != "No";
  channel.using_gtid = result.Text(row, "Using_Gtid");
  if (result.Column("Auto_Position") >= 0) {
    channel.using_gtid = result.Text(row, "Auto_Position") == "1" ? "Auto_Position" : "No";
  }
  channel.parallel_mode = result.Text(row, "Parallel_Mode");
  channel.ssl_verify =
      Either(result, row, "Master_SSL_Verify_Server_Cert", "Source_SSL_Verify_Server_Cert");
  channel.ssl_allowed = Either(result, row, "Master_SSL_Allowed", "Source_SSL_Allowed") == "Yes";
  channel.get_public_key =
      Either(result, row, "Get_master_public_key", "Get_Source_public_key") == "1";
  channel.sql_error = result.Text(row, "Last_SQL_Error");
  for (const std::string& column : result.columns) {
    if (!absl::StartsWithIgnoreCase(column, "Replicate_")) continue;
    const std::string value = result.Text(row, column);
    if (!value.empty() && value != "0") channel.filters.push_back(absl::StrCat(column, "=", value));
  }
  return channel;
}

// nullopt when the server has no binlog or does not tell this user.
absl::StatusOr<std::optional<Result>> QueryMasterStatus(Session& session) {
  for (const char* statement : {"SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"}) {
    absl::StatusOr<Result> result = session.Query(statement);
    if (IsSessionLost(result.status())) return result.status();
    if (result.ok() && !result->rows.empty()) return *std::move(result);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<ReplicaStatus> ReadReplicaStatus(Session& session) {
  // On RDS for MariaDB >= 10.5 the statements are refused and the procedure answers.
  const std::vector<std::string> statements =
      session.version().mariadb
          ? std::vector<std::string>{"SHOW ALL SLAVES STATUS", "SHOW SLAVE STATUS",
                                     "CALL mysql.rds_replica_status()"}
          : std::vector<std::string>{"SHOW REPLICA STATUS", "SHOW SLAVE STATUS",
                                     "CALL mysql.rds_replica_status()"};
  absl::Status first_error;
  for (const std::string& statement : statements) {
    const absl::StatusOr<Result> result = session.Query(statement);
    if (!result.ok()) {
      // A server that does not know the newer words says so first; what it refuses tells more.
      if (first_error.ok() || (IsDenied(result.status()) && !IsDenied(first_error))) {
        first_error = result.status();
      }
      continue;
    }
    ReplicaStatus status;
    status.taken_from = statement;
    for (size_t row = 0; row < result->rows.size(); ++row) {
      ReplicaChannel channel = ReadChannel(*result, row);
      if (channel.applied.empty() && channel.master_host.empty()) continue;
      status.channels.push_back(std::move(channel));
    }
    return status;
  }
  return WithHint(Annotate(first_error, "read the replica status"),
                  "the user needs REPLICA MONITOR (MariaDB >= 10.5) or REPLICATION CLIENT; on RDS "
                  "EXECUTE on mysql.rds_replica_status");
}

const char* ShowReplicas(const Version& version) {
  return version.MySqlAtLeast(8, 4) ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS";
}

absl::Status StopReplica(Session& session, const ReplicaStatus& status) {
  if (absl::StartsWith(status.taken_from, "CALL mysql.rds_")) {
    return session.ExecuteWithWarnings("CALL mysql.rds_stop_replication()").status();
  }
  for (const ReplicaChannel& channel : status.channels) {
    if (!channel.sql_running) continue;
    const Version& version = session.version();
    std::string statement =
        version.MySqlAtLeast(8, 4) ? "STOP REPLICA SQL_THREAD" : "STOP SLAVE SQL_THREAD";
    if (!channel.channel.empty()) {
      statement = version.mariadb
                      ? absl::StrCat("STOP SLAVE ", QuoteText(channel.channel), " SQL_THREAD")
                      : absl::StrCat(statement, " FOR CHANNEL ", QuoteText(channel.channel));
    }
    ZDPIPE_RETURN_IF_ERROR(session.ExecuteWithWarnings(statement).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<BinlogPosition> ReadMasterStatus(Session& session) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<Result> status, QueryMasterStatus(session));
  if (!status.has_value()) return BinlogPosition();
  return BinlogPosition{status->Text(0, "File"), Number(status->Text(0, "Position"))};
}

bool BinlogFilter::LeavesOut(const std::string& database) const {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), database) != names.end();
  };
  return has(ignored) || (!logged.empty() && !has(logged));
}

absl::StatusOr<std::optional<BinlogFilter>> ReadBinlogFilter(Session& session) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<Result> status, QueryMasterStatus(session));
  if (!status.has_value()) return std::nullopt;
  const auto names = [&](absl::string_view column) -> std::vector<std::string> {
    return absl::StrSplit(status->Text(0, column), ',', absl::SkipEmpty());
  };
  return BinlogFilter{names("Binlog_Do_DB"), names("Binlog_Ignore_DB")};
}

absl::StatusOr<std::string> ReadVariable(Session& session, absl::string_view name) {
  const absl::StatusOr<Result> result =
      session.Query(absl::StrCat("SHOW GLOBAL VARIABLES LIKE ", QuoteText(name)));
  if (IsSessionLost(result.status())) return result.status();
  if (!result.ok() || result->rows.empty()) return std::string();
  return result->rows[0][1].value_or("");
}

absl::StatusOr<std::string> ReadGtidVariable(Session& session, absl::string_view name) {
  const absl::StatusOr<Result> result = session.Query(absl::StrCat("SELECT @@GLOBAL.", name));
  if (ServerErrnoOf(result.status()) == kErrUnknownVariable) return std::string();
  if (!result.ok()) return Annotate(result.status(), absl::StrCat("read ", name));
  if (result->rows.empty()) return std::string();
  // MySQL begins a line for each server.
  return absl::StrReplaceAll(result->rows[0][0].value_or(""), {{"\n", ""}});
}

}  // namespace zdpipe
