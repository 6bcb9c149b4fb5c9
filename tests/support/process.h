// Runs programs for the tests, without a shell: the built zdpipe and MariaDB's own tools.
#ifndef ZDPIPE_TESTS_SUPPORT_PROCESS_H_
#define ZDPIPE_TESTS_SUPPORT_PROCESS_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace zdpipe {

// Written as {.env = {...}, .signal = SIGTERM}: hence the initialisers, which g++ asks for.
struct ProcessOptions {
  // Variables on top of the test's own environment; nullopt removes one.
  std::map<std::string, std::optional<std::string>> env{};
  std::string standard_input{};
  // After this the process is killed and `timed_out` is set. The sanitizers slow down 2 to 10
  // times.
  std::chrono::milliseconds time_limit{120'000};
  // A signal to send once (0: none): after a delay, or as soon as a file exists.
  int signal = 0;
  std::optional<std::chrono::milliseconds> signal_after{};
  std::string signal_when_file_appears{};
  // SIGCONT, for a process that was stopped.
  std::string continue_when_file_appears{};
};

struct ProcessResult {
  int exit_code = 0;  // 128 + N when signal N ended it, as in a shell
  std::string standard_output;
  std::string standard_error;
  bool timed_out = false;
  bool signal_sent = false;  // false: it ended before the signal of the options was due
};

// Runs argv[0] (a path, or a name in PATH) to its end. An error only when it cannot be started.
absl::StatusOr<ProcessResult> RunProcess(const std::vector<std::string>& argv,
                                         const ProcessOptions& options);

// The zdpipe of this build.
std::string ZdpipeBinary();

// Runs the zdpipe of this build. It sees no password, no ZDPIPE_* or MYSQL_* variable and no home
// folder of the person who runs the tests. A test failure is recorded when it cannot be started or
// runs into the time limit.
ProcessResult RunZdpipe(const std::vector<std::string>& args, const ProcessOptions& options = {});

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_PROCESS_H_
