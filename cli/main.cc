#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "absl/strings/str_cat.h"
#include "cli/command_line.h"
#include "cli/verbs.h"
#include "engine/errors.h"

namespace {

zdpipe::CancelToken cancel_token;

constexpr char kNotDrained[] =
    "zdpipe: error: stopped; a server did not answer, so nothing could be closed\n"
    "hint: go on with the same command and --resume, or start the copy again\n";

// The first signal drains, the second ends the process at once; the exit code is the same.
void OnSignal(int) {
  if (cancel_token.cancelled()) {
    zdpipe::RestoreTerminal();
    _exit(static_cast<int>(zdpipe::Failure::kStopped));
  }
  cancel_token.Cancel();
  alarm(zdpipe::kDrainSeconds);
}

void OnAlarm(int) {
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, kNotDrained, sizeof(kNotDrained) - 1);
  zdpipe::RestoreTerminal();
  _exit(static_cast<int>(zdpipe::Failure::kStopped));
}

void SetUpProcess() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = OnAlarm;
  sigaction(SIGALRM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // The memory bound counts on the memory of huge rows going back to the system when it is freed: a
  // fixed threshold keeps glibc from moving them into its arenas by and by. What a batch takes is
  // asked for again at once: giving it back costs a fifth of the client's time.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  mallopt(M_ARENA_MAX, 4);
}

}  // namespace

int main(int argc, char** argv) {
  SetUpProcess();
  try {
    auto parsed = zdpipe::ParseCommandLine(argc, argv);
    if (!parsed.ok()) {
      zdpipe::PrintError(parsed.status());
      return static_cast<int>(zdpipe::FailureOf(parsed.status()));
    }
    if (const auto* help = std::get_if<zdpipe::HelpText>(&*parsed)) {
      std::fputs(help->text.c_str(), stdout);
      return 0;
    }
    return zdpipe::RunVerb(std::get<zdpipe::CommandLine>(*parsed), cancel_token);
  } catch (const std::exception& exception) {
    zdpipe::PrintError(zdpipe::MakeError(zdpipe::Failure::kInternal,
                                         absl::StrCat("exception: ", exception.what())));
    return static_cast<int>(zdpipe::Failure::kInternal);
  }
}
