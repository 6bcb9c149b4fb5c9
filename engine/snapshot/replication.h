// What a server says about its replication: as a replica, and about its own binlog.
#ifndef ZDPIPE_ENGINE_SNAPSHOT_REPLICATION_H_
#define ZDPIPE_ENGINE_SNAPSHOT_REPLICATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/server/session.h"

namespace zdpipe {

struct BinlogPosition {
  std::string file;
  uint64_t position = 0;

  bool empty() const { return file.empty(); }
  friend bool operator==(const BinlogPosition&, const BinlogPosition&) = default;
};

// One replication channel (MariaDB: connection) of a replica.
struct ReplicaChannel {
  std::string channel;  // "" for the default one
  std::string master_host;
  uint64_t master_port = 0;
  uint64_t master_server_id = 0;
  BinlogPosition applied;   // Relay_Master_Log_File, Exec_Master_Log_Pos: the coordinates
  BinlogPosition received;  // Master_Log_File, Read_Master_Log_Pos: never the coordinates
  bool io_running = false;
  bool sql_running = false;
  std::string io_state;  // as the server says it
  std::string sql_state;
  // MariaDB: "No", "Slave_Pos", "Current_Pos"; MySQL: "No", "Auto_Position".
  std::string using_gtid;
  std::string parallel_mode;         // MariaDB; "" elsewhere
  std::string sql_error;             // Last_SQL_Error
  std::string ssl_verify;            // Master_SSL_Verify_Server_Cert: "Yes", "No" or ""
  bool ssl_allowed = false;          // Master_SSL_Allowed
  bool get_public_key = false;       // Get_master_public_key; MySQL >= 8.0
  std::vector<std::string> filters;  // "Replicate_Do_DB=a", only those that are set
};

struct ReplicaStatus {
  std::vector<ReplicaChannel> channels;
  std::string taken_from;  // the statement that answered
};

// Tries, in this order, SHOW ALL SLAVES STATUS (MariaDB), SHOW REPLICA STATUS, SHOW SLAVE STATUS,
// and CALL mysql.rds_replica_status(). No channel means the server is not a replica. An error only
// when none of them could be run.
absl::StatusOr<ReplicaStatus> ReadReplicaStatus(Session& session);

// Stops the SQL thread of every channel: STOP SLAVE SQL_THREAD (MySQL >= 8.4: STOP REPLICA
// SQL_THREAD), or on RDS CALL mysql.rds_stop_replication.
absl::Status StopReplica(Session& session, const ReplicaStatus& status);

// The statement that lists the replicas of a server.
const char* ShowReplicas(const Version& version);

// The server's own binlog, by SHOW MASTER STATUS / SHOW BINARY LOG STATUS; empty when it has none
// or does not tell this user. Errors: a lost session, which has told nothing.
absl::StatusOr<BinlogPosition> ReadMasterStatus(Session& session);

// Databases whose writes do not go into the server's binlog.
struct BinlogFilter {
  std::vector<std::string> logged;   // Binlog_Do_DB: no others; empty: all
  std::vector<std::string> ignored;  // Binlog_Ignore_DB

  bool empty() const { return logged.empty() && ignored.empty(); }
  bool LeavesOut(const std::string& database) const;
};

// By the same statements. nullopt when the server has no binlog or does not tell this user. Errors:
// a lost session.
absl::StatusOr<std::optional<BinlogFilter>> ReadBinlogFilter(Session& session);

// A global variable; "" when the server does not know it. Errors: a lost session.
// Not for what may be long: MySQL cuts it off after 1024 characters.
absl::StatusOr<std::string> ReadVariable(Session& session, absl::string_view name);

// A GTID position or set, as long as it is, in one line: gtid_executed, gtid_slave_pos, ... ""
// when the server does not know the variable.
absl::StatusOr<std::string> ReadGtidVariable(Session& session, absl::string_view name);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SNAPSHOT_REPLICATION_H_
