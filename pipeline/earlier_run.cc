#include "pipeline/earlier_run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/ledger/ledger.h"
#include "engine/server/sql_text.h"
#include "engine/snapshot/handoff.h"
#include "engine/snapshot/snapshot.h"

namespace zdpipe {
namespace {

// Nothing on the target tells of a run: unless the handoff file is that of an unfinished one to
// another target, which is then the one that is meant.
absl::StatusOr<EarlierRun> WithoutRun(const CopyOptions& options) {
  const std::optional<HandoffRun> handoff = ReadHandoffRun(options.handoff_path);
  const std::string target = options.target.Address();
  if (!handoff.has_value() || handoff->usable || handoff->target_address == target) {
    return EarlierRun();
  }
  return WithHint(
      MakeError(Failure::kResume,
                absl::StrCat("there is no run to resume on ", Printable(target), ": run ",
                             Printable(handoff->run_id), " of ", Printable(options.handoff_path),
                             " was a copy to ", Printable(handoff->target_address))),
      "name the target of that run, or start again without --resume");
}

// Of a run that has ended: its target may be in use. Only if it was stopped before it had handed
// over, which its handoff file tells, is there something to go on with.
absl::StatusOr<EarlierRun> EndOf(const LedgerRun& run, const CopyOptions& options) {
  EarlierRun found;
  found.run_id = run.run_id;
  const std::optional<HandoffRun> handoff = ReadHandoffRun(options.handoff_path);
  const bool its_file = handoff.has_value() && handoff->run_id == run.run_id;
  if (!run.remains_only && its_file && !handoff->exit_code.has_value()) return found;
  if (!run.remains_only && !its_file) {
    return WithHint(
        MakeError(Failure::kResume,
                  absl::StrCat("run ", run.run_id, " on the target has ended, and ",
                               Printable(options.handoff_path), " is not its handoff file")),
        "name its file with --handoff; or compare the servers with zdpipe verify");
  }
  found.note = absl::StrCat("run ", run.run_id, " has ended already");
  found.ended = run.exit_code == 0
                    ? absl::OkStatus()
                    : MakeError(static_cast<Failure>(run.exit_code), Printable(run.error));
  found.handoff_usable = its_file && handoff->usable;
  if (its_file) found.handoff_paths = {options.handoff_path};
  return found;
}

}  // namespace

absl::StatusOr<EarlierRun> FindRunInLedger(const CopyOptions& options, Session& target,
                                           absl::string_view run_id) {
  if (options.source_state == SourceState::kMaster) {
    return WithHint(MakeError(Failure::kResume,
                              "a copy of a source that takes writes cannot be resumed: its "
                              "snapshot has gone with the run"),
                    "start again without --resume");
  }
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<LedgerRun> run,
                          Ledger::Read(target, options.selection.control_schema));
  if (!run_id.empty() && (!run.has_value() || run->run_id != run_id)) {
    return MakeError(Failure::kResume,
                     absl::StrCat("the ledger of run ", run_id,
                                  " has gone from the target while the run was interrupted: "
                                  "another one has taken it over, or ended it"));
  }
  if (!run.has_value()) return WithoutRun(options);
  if (run->run_id.empty()) {
    return MakeError(Failure::kResume, "the ledger is damaged: its run has no id");
  }
  if (run->state == "done") return EndOf(*run, options);
  EarlierRun found;
  found.run_id = run->run_id;
  return found;
}

absl::StatusOr<EarlierRun> FindRunInHandoff(const CopyOptions& options,
                                            const std::vector<TableInfo>& tables, Session& target) {
  const std::optional<HandoffRun> run = ReadHandoffRun(options.handoff_path);
  if (!run.has_value() || !run->usable || !run->exit_code.has_value() ||
      run->target_address != options.target.Address()) {
    return EarlierRun();
  }
  ZDPIPE_ASSIGN_OR_RETURN(const SnapshotProof now,
                          ReadProof(options.source, options.source_state, {}));
  if (!CheckUnchanged(options.source_state, run->proof, now).ok()) return EarlierRun();
  ZDPIPE_ASSIGN_OR_RETURN(const std::set<ObjectName> present, TablesOn(target));
  const bool all_there =
      !tables.empty() && std::all_of(tables.begin(), tables.end(), [&](const TableInfo& table) {
        return present.count(table.name) > 0;
      });
  if (!all_there) return EarlierRun();
  EarlierRun found;
  found.run_id = run->run_id;
  found.note = absl::StrCat("run ", run->run_id, " has ended already, says ", options.handoff_path,
                            "; to compare the servers again: zdpipe verify");
  found.handoff_paths = {options.handoff_path};
  found.handoff_usable = true;
  found.ended = *run->exit_code == 0 ? absl::OkStatus()
                                     : MakeError(static_cast<Failure>(*run->exit_code),
                                                 "done, but not everything was made as on the "
                                                 "source; the report of that run lists what");
  return found;
}

}  // namespace zdpipe
