// The command line: options, their environment twins, and what they turn into.
#ifndef ZDPIPE_CLI_COMMAND_LINE_H_
#define ZDPIPE_CLI_COMMAND_LINE_H_

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "engine/ledger/ledger.h"
#include "pipeline/options.h"

namespace zdpipe {

enum class Verb { kCheck, kCopy, kVerify, kStatus };
enum class OutputFormat { kText, kJson };
enum class ProgressStyle { kAuto, kTty, kJson, kNone };

struct CommandLine {
  Verb verb = Verb::kCopy;
  CopyOptions copy;  // for check and verify as well; `status` uses its target and control schema
  OutputFormat output = OutputFormat::kText;
  ProgressStyle progress = ProgressStyle::kAuto;
  std::string report_path;
  bool dry_run = false;
  Ledger::Settings settings;  // status --set: for the running copy
};

// Text that was asked for instead of a run: --help, --version.
struct HelpText {
  std::string text;
};

// Reads argv and the environment, then the option files that the endpoints need. kUsage for
// anything that is wrong with them.
absl::StatusOr<std::variant<CommandLine, HelpText>> ParseCommandLine(int argc, char** argv);

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_COMMAND_LINE_H_
