// What a run has done, kept in the control schema of the target, beside the data it speaks of.
//
// Tables: `run` (one row), `object` (everything created, so that a later run knows what is ours)
// and `range` (one row per loaded range, committed in the transaction that carries its rows).
// docs/ledger.md describes them column by column.
#ifndef ZDPIPE_ENGINE_LEDGER_LEDGER_H_
#define ZDPIPE_ENGINE_LEDGER_LEDGER_H_

#include <cstdint>
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
#include "engine/server/session.h"

namespace zdpipe {

struct LedgerRun {
  std::string run_id;
  std::string state;  // "running", "failed", "stopped", "done"
  std::string phase;
  std::string tool_version;
  std::string source;
  std::string error;
  std::string started_at;    // UTC
  std::string heartbeat_at;  // UTC
  bool alive = false;        // its process holds the lock
  uint64_t tables_total = 0;
  uint64_t tables_done = 0;
  uint64_t bytes_estimate = 0;
  uint64_t ranges = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
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

  // True for the tables that Start() makes.
  static bool IsLedgerTable(absl::string_view name);

  // Takes the lock (kBusy if another process holds it), so that no other run can start.
  static absl::StatusOr<std::unique_ptr<Ledger>> Lock(Session& session, std::string control_schema);

  // Creates the control schema anew and records the run.
  absl::Status Start(const LedgerRun& run);
  absl::Status RecordObject(absl::string_view kind, absl::string_view schema,
                            absl::string_view name);
  // Of something that was recorded and then could not be made.
  absl::Status ForgetObject(absl::string_view kind, absl::string_view schema,
                            absl::string_view name);

  // The tables of the run, in the order in which they will be begun; ranges name a table by its
  // place in this list, from 1. Nothing is written yet.
  void PlanTables(std::vector<std::pair<std::string, std::string>> tables);
  // To be called before a table is made. Writes the table, and with it the next ones of the plan:
  // with thousands of small tables a commit for each would cost as much as the table.
  absl::Status BeginTable(uint32_t table_id);
  // Written with the next Heartbeat() or Finish(): whoever reads the ledger after a crash takes
  // a table for unfinished that is not, never the other way round.
  void FinishTable(uint32_t table_id);
  // Removes the ranges of a table that is gone from the target.
  absl::Status ForgetRanges(uint32_t table_id);
  absl::Status Heartbeat(absl::string_view phase);
  absl::Status Finish(absl::string_view state, absl::string_view error);
  // Removes the control schema.
  absl::Status Drop();

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
  absl::Status WriteFinished();
  std::string Table(absl::string_view name) const;

  const std::string control_schema_;
  std::mutex mutex_;  // guards what follows
  Session& session_;
  std::vector<std::pair<std::string, std::string>> tables_;  // schema, name
  size_t tables_begun_ = 0;                                  // of tables_, from the front
  std::vector<uint32_t> finished_;                           // not written yet
};

// What the ledger keeps of a range.
struct RangeRecord {
  uint32_t table_id = 0;
  uint64_t number = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string digest;
  std::string first_key;  // SQL literals; "" for a table without a key
  std::string last_key;
};

// Writes the row inside `session`'s open transaction.
absl::Status InsertRange(Session& session, absl::string_view control_schema,
                         const RangeRecord& record);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_LEDGER_LEDGER_H_
