// What people read on stdout.
#ifndef ZDPIPE_CLI_TEXT_OUTPUT_H_
#define ZDPIPE_CLI_TEXT_OUTPUT_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/ledger/ledger.h"
#include "pipeline/copy_run.h"
#include "pipeline/verify_run.h"

namespace zdpipe {

std::string FindingsText(const std::vector<Finding>& findings);
std::string ReportText(const CopyReport& report);
std::string VerifyText(const VerifyReport& report);
std::string PlanText(const CopyReport& report, const std::vector<TableInfo>& tables);
std::string StatusText(const std::optional<LedgerRun>& run);

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_TEXT_OUTPUT_H_
