// The handoff file: from where the target must replicate, and why that can be trusted.
// Format zdpipe.handoff/1, described in docs/handoff.md; fields are only ever added.
#ifndef ZDPIPE_ENGINE_SNAPSHOT_HANDOFF_H_
#define ZDPIPE_ENGINE_SNAPSHOT_HANDOFF_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/server/session.h"
#include "engine/snapshot/snapshot.h"

namespace zdpipe {

// What one server is, for the handoff and the report.
struct ServerIdentity {
  std::string name;  // as the user wrote it
  std::string address;
  std::string vendor;  // "MariaDB", "MySQL"
  std::string version;
  std::string server_id;
  bool rds = false;
  bool log_bin = false;
  bool aurora = false;
  std::string gtid_mode;  // MySQL: "ON", "OFF", ...; "" elsewhere
};

absl::StatusOr<ServerIdentity> ReadIdentity(Session& session);

// One file per channel; `channel` is an index into the proof's channels, ignored for a source that
// is no replica.
struct Handoff {
  std::string run_id;
  bool usable = false;
  std::vector<std::string> reasons;  // why it is not usable
  SourceState state = SourceState::kStoppedReplica;
  SnapshotProof proof;
  size_t channel = 0;
  std::string master_gtid;  // kMaster: BINLOG_GTID_POS of the snapshot position, MariaDB only
  ServerIdentity source;
  ServerIdentity target;
  std::string captured_at;  // RFC 3339, UTC
  std::string revalidated_at;
  bool unchanged = false;                             // the proof held after the last read
  std::optional<std::pair<size_t, size_t>> accounts;  // users and roles carried, with --users
  std::optional<int> exit_code;                       // of a copy that has come to its end
};

// Why these coordinates can never be used, whatever the copy does; empty when they can.
std::vector<std::string> UnusableReasons(const Handoff& handoff);

// What a reader of the coordinates has to know, e.g. several GTID domains under parallel apply.
std::vector<std::string> HandoffNotes(const Handoff& handoff);

std::string HandoffJson(const Handoff& handoff);

// Which run has written a handoff file.
struct HandoffRun {
  std::string run_id;
  std::string target_address;
  bool usable = false;
  std::optional<int> exit_code;
  SnapshotProof proof;
};

// nullopt when there is no such file, or when it is not one of these.
std::optional<HandoffRun> ReadHandoffRun(const std::string& path);

// "out.json" for the first of one channel; "out.CHANNEL.json" for each of several.
std::string HandoffPath(const std::string& path, const SnapshotProof& proof, size_t channel);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SNAPSHOT_HANDOFF_H_
