// What a copy is asked to do; filled by the command line.
#ifndef ZDPIPE_PIPELINE_OPTIONS_H_
#define ZDPIPE_PIPELINE_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/schema/catalog.h"
#include "engine/schema/objects.h"
#include "engine/server/endpoint.h"
#include "engine/snapshot/snapshot.h"
#include "pipeline/throttle.h"

namespace zdpipe {

enum class VerifyMode { kRows, kCounts, kNone };

inline const char* VerifyModeName(VerifyMode mode) {
  return mode == VerifyMode::kRows ? "rows" : mode == VerifyMode::kCounts ? "counts" : "none";
}

struct CopyOptions {
  Endpoint source;
  Endpoint target;
  Selection selection;
  SourceState source_state = SourceState::kStoppedReplica;
  bool stop_replica = false;
  bool drop_target = false;  // --target-not-empty drop
  bool indexes_after = true;
  DefinerPolicy definer;
  bool users = false;  // accounts, too
  VerifyMode verify = VerifyMode::kRows;
  size_t differences_shown = 100;  // rows named of a table that differs
  size_t jobs = 0;                 // loaders; 0: chosen by PlanResources
  uint64_t memory_bytes = uint64_t{256} << 20;
  uint64_t range_bytes = uint64_t{16} << 20;
  ThrottleLimits throttle;
  std::string handoff_path = "handoff.json";
  bool keep_control = false;
  bool resume = false;                  // go on with the run that the target's ledger tells of
  std::chrono::seconds retry_for{120};  // what may pass is tried again for so long
  std::chrono::seconds deadline{0};     // of the whole run; 0: none
  std::string tool_version;
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_OPTIONS_H_
