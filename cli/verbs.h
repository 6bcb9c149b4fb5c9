// Runs what the command line asks for.
#ifndef ZDPIPE_CLI_VERBS_H_
#define ZDPIPE_CLI_VERBS_H_

#include "absl/status/status.h"
#include "cli/command_line.h"
#include "pipeline/cancel.h"

namespace zdpipe {

// Results go to stdout, progress and errors to stderr. Returns the process exit code.
int RunVerb(CommandLine& command, CancelToken& cancel);

// Gives a terminal its echo back that a prompt for a password has taken. Async-signal-safe.
void RestoreTerminal();

// "zdpipe: error: ..." and, if there is one, "hint: ..." on stderr.
void PrintError(const absl::Status& status);

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_VERBS_H_
