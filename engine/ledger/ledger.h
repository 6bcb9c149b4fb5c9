// What a run has done, kept in the control schema of the target, beside the data it speaks of.
//
// Tables: `run` (one row), `plan` (what the run was asked to do and saw, for a resume to compare),
// `object` (everything created, so that a later run knows what is ours), `range` (one row per
// loaded range, committed in the transaction that carries its rows), `claim` (whose turn it is).
// docs/ledger.md describes them column by column.
#ifndef ZDPIPE_ENGINE_LEDGER_LEDGER_H_
#define ZDPIPE_ENGINE_LEDGER_LEDGER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/rows/range.h"
#include "engine/server/server_session.h"
#include "engine/server/session.h"

namespace zdpipe {

struct LedgerRun {
  std::string run_id;
  std::string state;  // "running", "failed", "stopped", "done"
  std::string phase;
  std::string tool_version;
  std::string source;
  std::string error;
  int exit_code = 0;          // of an ended run
  std::string started_at;     // UTC
  std::string heartbeat_at;   // UTC
  bool alive = false;         // its process holds the lock
  bool remains_only = false;  // it has ended well; the rest of the ledger is gone already
  uint64_t tables_total = 0;
  uint64_t tables_done = 0;
  uint64_t bytes_estimate = 0;
  uint64_t ranges = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

// How far a table has come.
enum class TableStage {
  kBegun = 0,  // or planned: it may be on the target, with the rows of its ranges
  kRowsIn = 1,
  kDone = 2,     // proven equal, as far as was asked for
  kForeign = 3,  // somebody else has made a table of this name: not ours to remove
};

// What the ledger keeps of a range.
struct RangeRecord {
  uint32_t table_id = 0;
  uint32_t segment = 0;  // of the table, from 0
  uint64_t number = 0;   // in the segment, from 0, in reading order
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string digest;     // hex
  std::string first_key;  // SQL literals; "" for a table without a key
  std::string last_key;
};

// A table as an unfinished run has left it.
struct LedgerTable {
  uint32_t table_id = 0;
  std::string schema;
  std::string name;
  TableStage stage = TableStage::kBegun;
};

struct LedgerObject {
  std::string kind;    // "database", "table", "view", "user", ...
  std::string schema;  // of a user: the host
  std::string name;
};

// Uses the session it was given, which carries the run's lock and must stay open for the whole
// run. Thread-safe. Range rows are written by the loaders' own sessions, inside the transaction of
// the rows: InsertRange, a free function for that reason.
class Ledger {
 public:
  // Reads the state of the run recorded on the target; nullopt when there is no control schema.
  static absl::StatusOr<std::optional<LedgerRun>> Read(Session& session,
                                                       absl::string_view control_schema);

  // The objects an earlier, unfinished run has created, in the order of their creation; empty
  // without a control schema.
  static absl::StatusOr<std::vector<LedgerObject>> EarlierObjects(Session& session,
                                                                  absl::string_view control_schema);

  // The objects of the run that is recorded, whatever its state, in the order of their creation;
  // without tables that were found to be somebody else's.
  static absl::StatusOr<std::vector<LedgerObject>> Objects(Session& session,
                                                           absl::string_view control_schema);
  // True for the tables that Start() makes.
  static bool IsLedgerTable(absl::string_view name);

  // Takes the lock, so that no other run can start; kBusy if another process holds it for so long
  // (a server needs a moment to notice that a client is gone).
  static absl::StatusOr<std::unique_ptr<Ledger>> Lock(Session& session, std::string control_schema,
                                                      std::chrono::seconds patience);

  // What a run was asked to do and saw: names and values, in a fixed order.
  using Plan = std::vector<std::pair<std::string, std::string>>;

  // Creates the control schema anew and records the run. `token` is that of InsertRange.
  absl::Status Start(const LedgerRun& run, const Plan& plan, absl::string_view token);

  // Of the run that is recorded: what it was asked to do, its tables.
  absl::StatusOr<Plan> ReadPlan();
  absl::StatusOr<std::vector<LedgerTable>> ReadTables();
  // By segment and number.
  absl::StatusOr<std::vector<RangeRecord>> ReadRanges(uint32_t table_id);
  // Where the segments of a table meet (KeySegments); "" for a table in one segment.
  absl::StatusOr<std::string> ReadBoundaries(uint32_t table_id);
  // Goes on with the run that is recorded. From here on only `token` can write ranges; waits for
  // transactions of an earlier holder that are being committed.
  absl::Status Resume(absl::string_view token);
  absl::Status RecordObject(absl::string_view kind, absl::string_view schema,
                            absl::string_view name);
  // Of something that was recorded and then could not be made.
  absl::Status ForgetObject(absl::string_view kind, absl::string_view schema,
                            absl::string_view name);

  // The tables of the run, in the order in which they will be begun; ranges name a table by its
  // place in this list, from 1. Nothing is written yet; the first `begun` are in the ledger.
  void PlanTables(std::vector<std::pair<std::string, std::string>> tables, size_t begun);
  // To be called before a table is made. Writes the table, and with it the next ones of the plan:
  // with thousands of small tables a commit for each would cost as much as the table.
  absl::Status BeginTable(uint32_t table_id);
  // Written with the next Heartbeat() or Finish(): whoever reads the ledger after a crash takes
  // a table for less far than it is, never the other way round.
  void SetStage(uint32_t table_id, TableStage stage);
  // Before any range of the table is written: what its segments mean must not change.
  absl::Status SetBoundaries(uint32_t table_id, absl::string_view boundaries);
  // Of a table that is going to be dropped and made anew, before it is.
  absl::Status BeginAgain(uint32_t table_id);
  // Of a table that somebody else has made meanwhile.
  absl::Status Disown(uint32_t table_id);
  // Removes the ranges of a table that is gone from the target.
  absl::Status ForgetRanges(uint32_t table_id);
  void SkipBinlog();                // as far as the user may
  absl::Status RecordOwnSession();  // see RecordSession
  absl::Status Heartbeat(absl::string_view phase);
  // Keeps the session, and with it the lock, before there is a run to write of.
  absl::Status KeepAlive();
  absl::Status Finish(absl::string_view state, absl::string_view error, int exit_code);
  // Removes the control schema of a run that has finished as "done".
  absl::Status Drop();
  // The same through another session, when the ledger's own is lost.
  static absl::Status Remove(Session& session, absl::string_view control_schema);

  // What somebody wishes to be changed in the running copy: names and values, in no order.
  using Settings = std::vector<std::pair<std::string, std::string>>;
  absl::StatusOr<Settings> ReadSettings();
  // Written by another process; kUsage when no run is recorded.
  static absl::Status WriteSettings(Session& session, absl::string_view control_schema,
                                    const Settings& settings);

  const std::string& control_schema() const { return control_schema_; }

 private:
  Ledger(Session& session, std::string control_schema)
      : control_schema_(std::move(control_schema)), session_(session) {}
  absl::Status Execute(absl::string_view sql);
  absl::StatusOr<Result> Query(absl::string_view sql);
  absl::Status WriteStages();
  std::string Table(absl::string_view name) const;

  const std::string control_schema_;
  std::mutex mutex_;  // guards what follows
  Session& session_;
  std::vector<std::pair<std::string, std::string>> tables_;  // schema, name
  size_t tables_begun_ = 0;                                  // of tables_, from the front
  std::vector<std::pair<uint32_t, TableStage>> stages_;      // not written yet
};

// Sessions on the target are recorded, by themselves, so that they can be ended when their client
// is gone and the server has not noticed.
absl::Status RecordSession(Session& session, absl::string_view control_schema);
// Those that are recorded (only the one with the id `thread_id`, if given).
absl::StatusOr<std::vector<ServerSession>> RecordedSessions(Session& session,
                                                            absl::string_view control_schema,
                                                            std::optional<unsigned long> thread_id);
// Ends the recorded sessions (only the one with the id `thread_id`, if given) that are still there,
// and waits until they are gone. A lock wait timeout when they stay.
absl::Status EndRecordedSessions(Session& session, absl::string_view control_schema,
                                 std::optional<unsigned long> thread_id,
                                 const std::function<bool()>& stopping);

// Where and as whom a loader writes its ranges.
struct RangeClaim {
  std::string control_schema;
  std::string token;  // of the attempt: a run that was taken over must not write any more
};

// Writes the row inside `session`'s open transaction. It comes before the rows: the primary key
// makes it wait for another transaction that brings the same range, and then fail.
// False: the range is in already, with the same rows (the answer to its COMMIT was lost).
// Errors: kInternal when it is in with other rows; kBusy when another run has taken over.
absl::StatusOr<bool> InsertRange(Session& session, const RangeClaim& claim,
                                 const RangeRecord& record);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_LEDGER_LEDGER_H_
