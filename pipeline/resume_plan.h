// What a copy is asked to do and on which servers, as the ledger keeps it: a run is only continued
// with the same.
#ifndef ZDPIPE_PIPELINE_RESUME_PLAN_H_
#define ZDPIPE_PIPELINE_RESUME_PLAN_H_

#include <string>

#include "absl/status/status.h"
#include "engine/ledger/ledger.h"
#include "engine/server/session.h"
#include "engine/snapshot/snapshot.h"
#include "pipeline/check.h"
#include "pipeline/options.h"
#include "pipeline/resources.h"

namespace zdpipe {

// Options that decide what ends up on the target, both servers, the source's objects. Not in it:
// what may change between two attempts (passwords, addresses, limits, the number of jobs).
absl::StatusOr<Ledger::Plan> MakeResumePlan(const CopyOptions& options, const Resources& resources,
                                            const CheckResult& check, Session& source);

// kResume, naming what differs, unless the two are equal.
absl::Status CompareResumePlans(const Ledger::Plan& earlier, const Ledger::Plan& now);

// A plan, and what the ledger keeps beside it without its being compared.
struct RecordedPlan {
  Ledger::Plan plan;
  SnapshotProof proof;
  bool binlogged = false;  // whether the target's binlog has the copy
};

// All of it, for Ledger::Start.
Ledger::Plan PlanToRecord(const RecordedPlan& recorded);

// As an earlier run has recorded it. Errors: kResume when the ledger is damaged; those of the
// target.
absl::StatusOr<RecordedPlan> ReadRecordedPlan(Ledger& ledger);

// A word for everything that the catalog holds: equal catalogs have equal ones.
std::string CatalogDigest(const Catalog& catalog);

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_RESUME_PLAN_H_
