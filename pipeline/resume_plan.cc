#include "pipeline/resume_plan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "engine/rows/digest.h"
#include "engine/server/sql_text.h"
#include "engine/snapshot/replication.h"

namespace zdpipe {
namespace {

// Longer values are shown by their beginning.
constexpr size_t kShownBytes = 200;

// Of the ledger's tables; another number with each change of what they mean.
constexpr char kLedgerFormat[] = "format 2";

constexpr char kProofEntry[] = "state of the source";
constexpr char kBinlogEntry[] = "the target's binlog";
constexpr char kBinlogged[] = "has the copy";
constexpr char kNotBinlogged[] = "does not have the copy";

std::string DefinerText(const DefinerPolicy& policy) {
  switch (policy.kind) {
    case DefinerPolicy::Kind::kKeep:
      return "keep";
    case DefinerPolicy::Kind::kCurrent:
      return "current";
    case DefinerPolicy::Kind::kReplace:
      return absl::StrCat(policy.user, "@", policy.host);
  }
  return "";
}

std::string StateText(SourceState state) {
  switch (state) {
    case SourceState::kStoppedReplica:
      return "stopped-replica";
    case SourceState::kMaster:
      return "master";
    case SourceState::kFrozen:
      return "frozen";
  }
  return "";
}

// "-log" comes and goes with the server's log options.
std::string Release(const ServerIdentity& identity) {
  return absl::StrCat(identity.vendor, " ", absl::StripSuffix(identity.version, "-log"));
}

// What a server says of itself: how it is reached may change.
absl::StatusOr<std::string> SourceText(Session& source, const ServerIdentity& identity) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::string port, ReadVariable(source, "port"));
  return absl::StrCat(Release(identity), ", server_id ", identity.server_id, ", port ", port);
}

std::string List(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, ",");
}

std::string Shown(const std::string& value) {
  if (value.empty()) return "(none)";
  return value.size() <= kShownBytes ? Printable(value)
                                     : absl::StrCat(Printable(value.substr(0, kShownBytes)), "...");
}

void Add(std::string& text, std::initializer_list<absl::string_view> fields) {
  // With their lengths, so that no two lists of fields give one text.
  for (absl::string_view field : fields) absl::StrAppend(&text, field.size(), ":", field);
}

absl::StatusOr<std::string> TakeEntry(absl::string_view name, Ledger::Plan& plan) {
  const auto entry =
      std::find_if(plan.begin(), plan.end(), [&](const auto& e) { return e.first == name; });
  if (entry == plan.end()) {
    return MakeError(Failure::kResume,
                     absl::StrCat("the ledger is damaged: its plan has no '", name, "'"));
  }
  std::string value = std::move(entry->second);
  plan.erase(entry);
  return value;
}

}  // namespace

std::string CatalogDigest(const Catalog& catalog) {
  std::string text;
  for (const DatabaseInfo& database : catalog.databases) {
    Add(text, {"database", database.name, database.charset, database.collation});
  }
  std::vector<const TableInfo*> tables;
  for (const TableInfo& table : catalog.tables) tables.push_back(&table);
  std::sort(tables.begin(), tables.end(),
            [](const TableInfo* a, const TableInfo* b) { return a->name < b->name; });
  for (const TableInfo* table : tables) {
    Add(text, {"table", table->name.schema, table->name.name, table->engine});
    for (const ColumnInfo& column : table->columns) {
      Add(text, {column.name, column.full_type, column.collation});
    }
  }
  for (const ObjectName& name : catalog.sequences) Add(text, {"sequence", name.schema, name.name});
  for (const ObjectName& name : catalog.views) Add(text, {"view", name.schema, name.name});
  for (const RoutineInfo& routine : catalog.routines) {
    Add(text, {RoutineKindName(routine.kind), routine.name.schema, routine.name.name});
  }
  for (const TriggerInfo& trigger : catalog.triggers) {
    Add(text, {"trigger", trigger.name.schema, trigger.name.name});
  }
  for (const EventInfo& event : catalog.events)
    Add(text, {"event", event.name.schema, event.name.name});
  Digest digest;
  digest.Add(WireRow(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  return digest.Hex();
}

absl::StatusOr<Ledger::Plan> MakeResumePlan(const CopyOptions& options, const Resources& resources,
                                            const CheckResult& check, Session& source) {
  const Selection& selection = options.selection;
  ZDPIPE_ASSIGN_OR_RETURN(const std::string source_text, SourceText(source, check.source));
  return Ledger::Plan{
      {"zdpipe version", options.tool_version},
      {"source", source_text},
      {"target", Release(check.target)},
      {"--source-state", StateText(options.source_state)},
      {"--databases", List(selection.databases)},
      {"--tables", List(selection.tables)},
      {"--exclude-tables", List(selection.exclude_tables)},
      {"--definer", DefinerText(options.definer)},
      {"--users", options.users ? "yes" : "no"},
      {"--indexes", options.indexes_after ? "after" : "inline"},
      {"--verify", VerifyModeName(options.verify)},
      // Ranges are cut by these: see RowPipe::IsIn.
      {"range size", absl::StrCat(resources.sizes.range_bytes, " bytes in batches of ",
                                  resources.sizes.batch_bytes)},
      {"objects of the source", CatalogDigest(check.catalog)},
      {"ledger", kLedgerFormat},
  };
}

Ledger::Plan PlanToRecord(const RecordedPlan& recorded) {
  Ledger::Plan all = recorded.plan;
  all.emplace_back(kProofEntry, ProofText(recorded.proof));
  all.emplace_back(kBinlogEntry, recorded.binlogged ? kBinlogged : kNotBinlogged);
  return all;
}

absl::StatusOr<RecordedPlan> ReadRecordedPlan(Ledger& ledger) {
  absl::StatusOr<Ledger::Plan> all = ledger.ReadPlan();
  if (!all.ok()) {
    return PassingTrouble(all.status()).empty()
               ? Reclassify(Annotate(all.status(), "the ledger cannot be read"), Failure::kResume)
               : all.status();
  }
  RecordedPlan recorded;
  ZDPIPE_ASSIGN_OR_RETURN(const std::string proof, TakeEntry(kProofEntry, *all));
  ZDPIPE_ASSIGN_OR_RETURN(recorded.proof, ParseProof(proof));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string binlog, TakeEntry(kBinlogEntry, *all));
  recorded.binlogged = binlog == kBinlogged;
  recorded.plan = *std::move(all);
  return recorded;
}

absl::Status CompareResumePlans(const Ledger::Plan& earlier, const Ledger::Plan& now) {
  std::string differences;
  for (size_t i = 0; i < std::max(earlier.size(), now.size()); ++i) {
    const std::pair<std::string, std::string> nothing;
    const auto& [name, was] = i < earlier.size() ? earlier[i] : nothing;
    const auto& [name_now, is] = i < now.size() ? now[i] : nothing;
    if (name == name_now && was == is) continue;
    absl::StrAppend(&differences, differences.empty() ? "" : "; ", name.empty() ? name_now : name,
                    " was ", Shown(was), ", is ", Shown(is));
  }
  if (differences.empty()) return absl::OkStatus();
  return WithHint(MakeError(Failure::kResume,
                            absl::StrCat("the run on the target cannot be resumed: ", differences)),
                  "resume with the same options and servers, or start again without --resume: that "
                  "removes what the run has left");
}

}  // namespace zdpipe
