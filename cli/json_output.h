// The JSON documents of the command line: zdpipe.report/1 and its smaller siblings.
#ifndef ZDPIPE_CLI_JSON_OUTPUT_H_
#define ZDPIPE_CLI_JSON_OUTPUT_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/ledger/ledger.h"
#include "pipeline/copy_run.h"
#include "pipeline/progress.h"
#include "pipeline/verify_run.h"

namespace zdpipe {

std::string ReportJson(const CopyReport& report);
// The plan of --dry-run: the report's fields plus the tables in the order they would be taken.
std::string PlanJson(const CopyReport& report, const std::vector<TableInfo>& tables);
std::string VerifyJson(const VerifyReport& report);  // zdpipe.verify/1
std::string StatusJson(const std::optional<LedgerRun>& run);
// One line, no newline at its end.
std::string ProgressJson(const ProgressView& view, const std::string& timestamp);
// For `--output json` when nothing could be run.
std::string ErrorJson(const absl::Status& status);

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_JSON_OUTPUT_H_
