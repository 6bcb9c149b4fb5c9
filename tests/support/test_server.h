// Real, throw-away MariaDB servers for the tests.
//
// A test binary makes one template data folder and starts its servers from copies of it, all in
// one folder under TMPDIR that goes when the last server has gone. Servers listen on 127.0.0.1 and
// on a socket, read no option file, and let root in without a password.
//
// Environment: ZDPIPE_TEST_MARIADBD, ZDPIPE_TEST_INSTALL_DB, ZDPIPE_TEST_MARIADB name other
// binaries (another version); ZDPIPE_TEST_KEEP=1 leaves the folders behind.
//
// A missing binary is an error of Start, so the test fails; no server test is ever skipped.
#ifndef ZDPIPE_TESTS_SUPPORT_TEST_SERVER_H_
#define ZDPIPE_TESTS_SUPPORT_TEST_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/server/endpoint.h"
#include "tests/support/fingerprint.h"
#include "tests/support/process.h"

namespace zdpipe {

struct TestServerOptions {
  // More options for mariadbd, e.g. "--max-allowed-packet=1M"; they win over ours.
  std::vector<std::string> args{};
  bool binlog = false;  // the source of a replication needs it
};

// One server. Not thread-safe, except that Kill9, Pause and Resume may be called from another
// thread while the first one waits for a statement or for zdpipe.
class TestServer {
 public:
  // Starts a server with empty data and waits until it takes statements.
  static absl::StatusOr<std::unique_ptr<TestServer>> Start(const TestServerOptions& options = {});
  // Stops the server and deletes its data.
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t port() const { return port_; }
  const std::string& socket() const { return socket_; }
  pid_t pid() const { return pid_; }
  std::string error_log() const;  // the last part of it
  // Over TCP; the same after a restart.
  Endpoint endpoint(const std::string& user, const std::string& password) const;
  Endpoint root() const { return endpoint("root", ""); }
  // "127.0.0.1:PORT", for --from and --to.
  std::string address() const { return root().Address(); }

  // Runs statements as root through the mariadb client, which knows DELIMITER.
  absl::Status Sql(absl::string_view statements);
  // The lines of the client's batch mode: columns separated by tabs; tab, newline, zero and
  // backslash in values escaped; NULL as "NULL"; no headings.
  absl::StatusOr<std::vector<std::string>> Rows(absl::string_view query);
  // The first column of the single row of a query.
  absl::StatusOr<std::string> Value(absl::string_view query);

  // As a power cut of the server process: nothing is flushed by it. The data stay for Restart.
  void Kill9();
  // The server hangs: connections stay open, nothing answers.
  void Pause();
  void Resume();
  absl::Status Stop();     // orderly, killed after 20 s; OK when it is not running
  absl::Status Restart();  // Stop and start, with the same port, socket and data

 private:
  class Workspace;  // the folder of this process, with the template

  TestServer() = default;
  absl::Status Spawn();
  absl::Status AwaitReady();
  bool IsRunning();
  std::string Describe(absl::string_view what) const;

  std::shared_ptr<const Workspace> workspace_;
  std::string folder_;
  std::string socket_;
  uint16_t port_ = 0;
  TestServerOptions options_;
  pid_t pid_ = 0;  // 0: not running
};

// Makes `replica` a replica of `master` (which needs binlog = true), from the start of the
// master's binlog, so that it gets everything that was ever done there; waits until it has it.
absl::Status SetUpReplication(TestServer& master, TestServer& replica);
// Waits until `replica` has applied what `master` has written by now.
absl::Status AwaitReplica(TestServer& master, TestServer& replica);

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_TEST_SERVER_H_
