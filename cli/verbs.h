// Runs what the command line asks for.
#ifndef ZDPIPE_CLI_VERBS_H_
#define ZDPIPE_CLI_VERBS_H_

#include "absl/status/status.h"
#include "cli/command_line.h"
#include "pipeline/cancel.h"

namespace zdpipe {

// After a signal, or the deadline, draining takes seconds, because the target's sessions are
// killed. Unless a server does not answer at all: then waiting for it is no stopping, and SIGALRM
// comes.
inline constexpr unsigned kDrainSeconds = 10;

// Results go to stdout, progress and errors to stderr. Returns the process exit code.
int RunVerb(CommandLine& command, CancelToken& cancel);

// Gives a terminal its echo back that a prompt for a password has taken. Async-signal-safe.
void RestoreTerminal();

// "zdpipe: error: ..." and, if there is one, "hint: ..." on stderr.
void PrintError(const absl::Status& status);

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_VERBS_H_
