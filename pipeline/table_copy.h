// One table from nothing to proven: CREATE, rows, indexes, verify.
#ifndef ZDPIPE_PIPELINE_TABLE_COPY_H_
#define ZDPIPE_PIPELINE_TABLE_COPY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/ledger/ledger.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/session.h"
#include "pipeline/copy_run.h"
#include "pipeline/row_pipe.h"
#include "pipeline/table_queue.h"

namespace zdpipe {

// The sessions of one lane. A lane works on one table at a time.
struct LaneSessions {
  size_t lane = 0;                          // a number from 0, for the display
  std::unique_ptr<Session> reader;          // source, inside the snapshot
  std::unique_ptr<Session> source_control;  // SHOW CREATE
  std::unique_ptr<Session> target_control;  // DDL
  std::string target_schema;                // that target_control uses; "" at first
  std::unique_ptr<Session> target_reader;   // verify
};

struct TableOutcome {
  TableReport report;
  std::string add_foreign_keys;         // to be run when all tables are there
  std::vector<std::string> notes;       // warnings of the target about the definition
  std::vector<ObjectFailure> failures;  // what the target refused to make
  bool lost = false;                    // the table itself could not be made: its rows are missing
  // A row larger than the session's limit was met, or more rows than a lane for small tables has
  // room for: a session with a higher limit has to go on with the table, another lane to begin it
  // again.
  bool too_wide = false;
  bool kept = false;  // an earlier run has brought it to its end
  // That an earlier run, or the session with the lower limit, has brought.
  uint64_t ranges_kept = 0;
};

// What the lanes share.
struct TableCopyContext {
  const CopyOptions& options;
  Ledger& ledger;
  TableQueue& queue;
  PipeResources pipe;
  // Tables of at least twice as much are read in segments; 0: none are.
  uint64_t segment_bytes = 0;
};

// Where a table stands before it is copied.
struct TableStart {
  uint32_t table_id = 0;   // its number in the ledger
  bool on_target = false;  // begun before: its ranges are in the ledger
  TableStage stage = TableStage::kBegun;
};

// Copies one table, or what is missing of it. What the target refuses to make is in the outcome; an
// error ends the run.
absl::StatusOr<TableOutcome> CopyTable(const TableInfo& table, const TableStart& start,
                                       LaneSessions& sessions, TableCopyContext& context);

// Sessions of the target that create objects: no foreign key checks, a missing engine is an error,
// and the words of a server of release `source` mean what they mean there.
absl::Status SetUpTargetControl(Session& session, const Version& source);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_TABLE_COPY_H_
