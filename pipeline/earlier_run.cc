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

struct EarlierHandoff {
  HandoffRun run;
  std::vector<std::string> paths;
};

// A run writes a file for each channel of its source. nullopt unless all of them are there, and of
// one run.
absl::StatusOr<std::optional<EarlierHandoff>> ReadEarlierHandoff(const CopyOptions& options) {
  SnapshotProof now;
  if (options.source_state == SourceState::kStoppedReplica) {
    ZDPIPE_ASSIGN_OR_RETURN(now, ReadProof(options.source, options.source_state, {}));
  }
  std::optional<EarlierHandoff> found;
  for (size_t channel = 0; channel < std::max<size_t>(1, now.channels.size()); ++channel) {
    const std::string path = HandoffPath(options.handoff_path, now, channel);
    const std::optional<HandoffRun> run = ReadHandoffRun(path);
    if (!run.has_value()) return std::nullopt;
    if (!found.has_value()) found = EarlierHandoff{*run, {}};
    if (run->run_id != found->run.run_id) return std::nullopt;
    found->paths.push_back(path);
    found->run.usable = found->run.usable && run->usable;
    if (!run->exit_code.has_value()) found->run.exit_code.reset();
  }
  return found;
}

// Nothing on the target tells of a run: unless the handoff file is that of an unfinished one to
// another target, which is then the one that is meant.
absl::StatusOr<EarlierRun> WithoutRun(const CopyOptions& options) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<EarlierHandoff> handoff, ReadEarlierHandoff(options));
  const std::string target = options.target.Address();
  if (!handoff.has_value() || handoff->run.usable || handoff->run.target_address == target) {
    return EarlierRun();
  }
  return WithHint(
      MakeError(Failure::kResume, absl::StrCat("there is no run to resume on ", Printable(target),
                                               ": run ", Printable(handoff->run.run_id), " of ",
                                               Printable(handoff->paths.front()), " was a copy to ",
                                               Printable(handoff->run.target_address))),
      "name the target of that run, or start again without --resume");
}

// Of a run that has ended: its target may be in use. Only if it was stopped before it had handed
// over, which its handoff file tells, is there something to go on with.
absl::StatusOr<EarlierRun> EndOf(const LedgerRun& run, const CopyOptions& options) {
  EarlierRun found;
  found.run_id = run.run_id;
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<EarlierHandoff> handoff, ReadEarlierHandoff(options));
  const bool its_file = handoff.has_value() && handoff->run.run_id == run.run_id;
  if (!run.remains_only && its_file && !handoff->run.exit_code.has_value()) return found;
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
  found.handoff_usable = its_file && handoff->run.usable;
  if (its_file) found.handoff_paths = handoff->paths;
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
  ZDPIPE_ASSIGN_OR_RETURN(const std::optional<EarlierHandoff> handoff, ReadEarlierHandoff(options));
  if (!handoff.has_value()) return EarlierRun();
  const HandoffRun* const run = &handoff->run;
  if (!run->usable || !run->exit_code.has_value() ||
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
  found.note =
      absl::StrCat("run ", run->run_id, " has ended already, says ", handoff->paths.front(),
                   "; to compare the servers again: zdpipe verify");
  found.handoff_paths = handoff->paths;
  found.handoff_usable = true;
  found.ended = *run->exit_code == 0 ? absl::OkStatus()
                                     : MakeError(static_cast<Failure>(*run->exit_code),
                                                 "done, but not everything was made as on the "
                                                 "source; the report of that run lists what");
  return found;
}

}  // namespace zdpipe
