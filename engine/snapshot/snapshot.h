// Sessions that see one and the same state of the source, and the proof of it.
//
// MariaDB cannot clone a snapshot into another session. On a replica whose SQL threads are stopped,
// nothing changes between one START TRANSACTION WITH CONSISTENT SNAPSHOT and the next, so N
// snapshots are the same one; what shows that nothing changed is the proof. On a master the
// sessions are started at nearly the same moment until their binlog positions agree.
#ifndef ZDPIPE_ENGINE_SNAPSHOT_SNAPSHOT_H_
#define ZDPIPE_ENGINE_SNAPSHOT_SNAPSHOT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/for_each.h"
#include "engine/server/session.h"
#include "engine/snapshot/replication.h"

namespace zdpipe {

enum class SourceState {
  kStoppedReplica,  // the default: coordinates are the applied pair of the replica
  kMaster,          // takes writes; coordinates are its own binlog's
  kFrozen,          // nobody writes: coordinates are its own binlog's, which must not move
};

// Everything that moves when the source's data does. Equal proofs mean equal data.
struct SnapshotProof {
  std::vector<ReplicaChannel> channels;
  std::string replica_gtid;  // MariaDB: gtid_slave_pos; MySQL: gtid_executed
  BinlogPosition binlog;     // the source's own, as of the snapshot; empty without a binlog
  // MariaDB: gtid_binlog_pos, the last transaction in it. A restart begins a new binlog file, and
  // leaves this as it is; nullopt where there is none.
  std::optional<std::string> binlog_gtid;
  std::string binlog_taken_from;
  std::string replica_taken_from;

  // What differs, in words for the user; "" when nothing that matters does (what was received may
  // move: it has no effect on the data).
  std::string Difference(const SnapshotProof& later) const;
};

// A proof as text, for the ledger, and back; kResume when it is no such text. Only what Difference
// compares is kept.
std::string ProofText(const SnapshotProof& proof);
absl::StatusOr<SnapshotProof> ParseProof(absl::string_view text);

struct Snapshot {
  std::vector<std::unique_ptr<Session>> sessions;  // each inside its transaction
  SnapshotProof proof;
  std::vector<std::string> notes;  // e.g. that a short read lock was needed
};

// Opens a session for each of `options`, all of which see the same state. With kMaster only the
// first may come back, with a note that says so, when they cannot be made to agree and a read
// lock is not allowed.
// Errors: kSource; kConsistency when a stopped replica or frozen source moves meanwhile.
absl::StatusOr<Snapshot> OpenSnapshot(const Endpoint& endpoint, SourceState state,
                                      const std::vector<SessionOptions>& options,
                                      const ForEach& for_each);

// To be called after each table that a session has read in its snapshot. The transaction keeps a
// metadata lock on each of them, and looks through all of them with every statement (20 000 tables
// read by three sessions: half of what the source did), so now and then they are let go; a server
// with a binlog does that only for users with BINLOG ADMIN (MariaDB >= 10.5) or SUPER. The snapshot
// stays. Errors: the class of the session's end; also when the session is in no snapshot any more.
absl::Status LetGoOfTables(Session& reader, size_t tables_read);

// The same for a session whose snapshot has `proof`. Where the server keeps the tables, but
// whatever is written shows in the proof (a stopped replica, with a binlog that leaves no database
// out), the snapshot is begun anew after every 512 tables, and must have the same proof. True when
// it was. Errors: as above, and kConsistency; then IsInSnapshot is false, for a new snapshot is not
// proven.
absl::StatusOr<bool> LetGoOrRenew(Session& reader, size_t tables_read, SourceState state,
                                  const SnapshotProof& proof);

// Whether the session answers, and is still in the snapshot that it was opened in. It lets go of
// nothing: tables that were read before are kept from then on.
bool IsInSnapshot(Session& reader);

// A session inside a snapshot of its own, on either end: for reading a server by itself.
absl::StatusOr<std::unique_ptr<Session>> OpenReader(const Endpoint& endpoint, End end,
                                                    const SessionOptions& options);

// Reads the proof anew, through a fresh session: for comparing after the last read.
absl::StatusOr<SnapshotProof> ReadProof(const Endpoint& endpoint, SourceState state,
                                        const SessionOptions& options);

// kConsistency when `later` differs from `snapshot`'s proof; always OK for kMaster, whose own
// sessions keep their snapshots.
absl::Status CheckUnchanged(SourceState state, const SnapshotProof& snapshot,
                            const SnapshotProof& later);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SNAPSHOT_SNAPSHOT_H_
