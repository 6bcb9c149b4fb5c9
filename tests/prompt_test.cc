// The prompt for a password, on a terminal of its own.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// zdpipe check on a pseudo terminal.
class OnTerminal {
 public:
  explicit OnTerminal(const TestServer& server) {
    const std::string binary = ZdpipeBinary();
    const std::string address = server.address();
    pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      execl(binary.c_str(), "zdpipe", "check", "--no-defaults", "--from", address.c_str(),
            "--from-user", "secretive", "--to", address.c_str(), "--to-user", "secretive", nullptr);
      _exit(127);
    }
    EXPECT_GT(pid_, 0);
  }
  ~OnTerminal() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
    close(terminal_);
  }

  bool echoes() const {
    termios state{};
    return tcgetattr(terminal_, &state) == 0 && (state.c_lflag & ECHO) != 0;
  }
  void Send(int signal) { kill(pid_, signal); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  int terminal_ = -1;
};

TEST(PromptTest, InterruptGivesTheTerminalItsEchoBack) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  ASSERT_DONE(server->Sql("CREATE USER secretive@'%' IDENTIFIED BY 'x'"));
  for (const int signals : {1, 2}) {
    SCOPED_TRACE(signals);
    OnTerminal zdpipe(*server);
    ASSERT_TRUE(Await([&] { return !zdpipe.echoes(); })) << "no prompt";
    for (int i = 0; i < signals; ++i) zdpipe.Send(SIGINT);
    EXPECT_TRUE(Await([&] { return zdpipe.echoes(); }));
    EXPECT_EQ(zdpipe.Wait(), 10);
  }
}

}  // namespace
}  // namespace zdpipe
