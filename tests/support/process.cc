#include "tests/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

// How often the time limit and the awaited file are looked at.
constexpr std::chrono::milliseconds kTick{5};

// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  void Reset(int fd) {
    Close();
    fd_ = fd;
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;

  bool Open() {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end.Reset(ends[0]);
    write_end.Reset(ends[1]);
    return true;
  }
};

std::vector<std::string> Environment(const ProcessOptions& options) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable(*entry);
    if (options.env.count(variable.substr(0, variable.find('='))) == 0) {
      variables.push_back(variable);
    }
  }
  for (const auto& [name, value] : options.env) {
    if (value.has_value()) variables.push_back(absl::StrCat(name, "=", *value));
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Reads what is there; closes the descriptor at the end of the stream.
void Drain(Descriptor& from, std::string& to) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = read(from.get(), buffer.data(), buffer.size());
  if (got > 0) {
    to.append(buffer.data(), static_cast<size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    from.Close();
  }
}

void Feed(Descriptor& to, absl::string_view text, size_t& sent) {
  const ssize_t wrote = write(to.get(), text.data() + sent, text.size() - sent);
  if (wrote > 0) sent += static_cast<size_t>(wrote);
  if (sent == text.size() || (wrote < 0 && errno != EINTR && errno != EAGAIN)) to.Close();
}

bool SignalIsDue(const ProcessOptions& options, Clock::time_point start) {
  if (options.signal == 0) return false;
  if (options.signal_after.has_value() && Clock::now() - start >= *options.signal_after) {
    return true;
  }
  return !options.signal_when_file_appears.empty() &&
         access(options.signal_when_file_appears.c_str(), F_OK) == 0;
}

// A process that reads no more must be an error of write(), not the end of the test.
void IgnoreBrokenPipes() { ::signal(SIGPIPE, SIG_IGN); }

}  // namespace

absl::StatusOr<ProcessResult> RunProcess(const std::vector<std::string>& argv,
                                         const ProcessOptions& options) {
  IgnoreBrokenPipes();
  // Everything the child needs is made before the fork: another thread may hold malloc's lock.
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables = Environment(options);
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> variable_pointers = Pointers(variables);
  Pipe in, out, err, failure;
  if (!in.Open() || !out.Open() || !err.Open() || !failure.Open()) {
    return absl::InternalError(absl::StrCat("pipe: ", std::strerror(errno)));
  }

  const pid_t pid = fork();
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) {
    dup2(in.read_end.get(), STDIN_FILENO);
    dup2(out.write_end.get(), STDOUT_FILENO);
    dup2(err.write_end.get(), STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    // The client library leaves its sockets open for children; a server would see a dead client's
    // connection as open.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execvpe(argument_pointers[0], argument_pointers.data(), variable_pointers.data());
    const int number = errno;
    // Nothing can be done when even this fails; the parent then sees exit code 127.
    if (write(failure.write_end.get(), &number, sizeof(number)) < 0) _exit(127);
    _exit(127);
  }
  in.read_end.Close();
  out.write_end.Close();
  err.write_end.Close();
  failure.write_end.Close();

  // The pipe closes by itself when the exec succeeds.
  int exec_errno = 0;
  if (read(failure.read_end.get(), &exec_errno, sizeof(exec_errno)) == sizeof(exec_errno)) {
    waitpid(pid, nullptr, 0);
    return absl::InternalError(absl::StrCat("run ", argv[0], ": ", std::strerror(exec_errno)));
  }

  ProcessResult result;
  size_t sent = 0;
  fcntl(in.write_end.get(), F_SETFL, O_NONBLOCK);
  if (options.standard_input.empty()) in.write_end.Close();
  const Clock::time_point start = Clock::now();
  int wait_status = 0;
  // The end of the process counts, not of its output: it may leave a child that holds the pipes.
  while (waitpid(pid, &wait_status, WNOHANG) == 0) {
    std::array<pollfd, 3> events = {pollfd{out.read_end.get(), POLLIN, 0},
                                    pollfd{err.read_end.get(), POLLIN, 0},
                                    pollfd{in.write_end.get(), POLLOUT, 0}};
    if (poll(events.data(), events.size(), kTick.count()) > 0) {
      if (events[0].revents != 0) Drain(out.read_end, result.standard_output);
      if (events[1].revents != 0) Drain(err.read_end, result.standard_error);
      if (events[2].revents != 0) Feed(in.write_end, options.standard_input, sent);
    }
    if (!result.signal_sent && SignalIsDue(options, start)) {
      kill(pid, options.signal);
      result.signal_sent = true;
    }
    if (result.signal_sent && !options.continue_when_file_appears.empty() &&
        access(options.continue_when_file_appears.c_str(), F_OK) == 0) {
      kill(pid, SIGCONT);
    }
    if (!result.timed_out && Clock::now() - start >= options.time_limit) {
      kill(pid, SIGKILL);
      result.timed_out = true;
    }
  }
  fcntl(out.read_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(err.read_end.get(), F_SETFL, O_NONBLOCK);
  while (out.read_end.open()) Drain(out.read_end, result.standard_output);
  while (err.read_end.open()) Drain(err.read_end, result.standard_error);
  result.exit_code =
      WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  return result;
}

std::string ZdpipeBinary() {
#ifdef ZDPIPE_BINARY
  return ZDPIPE_BINARY;
#else
  return "";
#endif
}

ProcessResult RunZdpipe(const std::vector<std::string>& args, const ProcessOptions& options) {
#ifdef ZDPIPE_BINARY
  ProcessOptions isolated = options;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable(*entry);
    if (absl::StartsWith(variable, "ZDPIPE_") || absl::StartsWith(variable, "MYSQL_")) {
      // emplace: what the test asked for stays.
      isolated.env.emplace(variable.substr(0, variable.find('=')), std::nullopt);
    }
  }
  isolated.env.emplace("HOME", "/nonexistent");
  std::vector<std::string> argv = {ZdpipeBinary()};
  argv.insert(argv.end(), args.begin(), args.end());
  absl::StatusOr<ProcessResult> result = RunProcess(argv, isolated);
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    return ProcessResult{127, "", std::string(result.status().message()), false, false};
  }
  if (result->timed_out) {
    ADD_FAILURE() << "zdpipe " << absl::StrJoin(args, " ") << " did not end within "
                  << options.time_limit.count() << " ms; its stderr:\n"
                  << result->standard_error;
  }
  return *std::move(result);
#else
  (void)args;
  (void)options;
  ADD_FAILURE() << "this test was built without zdpipe";
  return ProcessResult{127, "", "", false, false};
#endif
}

}  // namespace zdpipe
