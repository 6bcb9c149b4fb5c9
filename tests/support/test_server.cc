#include "tests/support/test_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStartLimit{60};  // a cold disk takes seconds, a sanitizer more
constexpr std::chrono::seconds kStopLimit{20};
constexpr std::chrono::seconds kReplicaLimit{60};
constexpr std::chrono::milliseconds kTick{20};
// Another process may take the port between our look and the server's bind.
constexpr int kPortAttempts = 5;
// Below the range from which Linux takes ports for outgoing connections, so that the port of a
// stopped server stays free for its restart.
constexpr int kFirstPort = 20000;
constexpr int kPorts = 10000;
constexpr size_t kLogTailBytes = 4000;
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

std::string Tool(const char* variable, const char* standard) {
  const char* path = std::getenv(variable);
  return path != nullptr && *path != '\0' ? path : standard;
}

std::string ServerBinary() { return Tool("ZDPIPE_TEST_MARIADBD", "/usr/sbin/mariadbd"); }
std::string InstallBinary() {
  return Tool("ZDPIPE_TEST_INSTALL_DB", "/usr/bin/mariadb-install-db");
}
std::string ClientBinary() { return Tool("ZDPIPE_TEST_MARIADB", "/usr/bin/mariadb"); }

bool KeepFolders() { return std::getenv("ZDPIPE_TEST_KEEP") != nullptr; }

// Who runs the servers: we, or, for root, the user mysql where the package made one.
struct Account {
  std::string name;
  uid_t uid;
  gid_t gid;
};

Account ServerAccount() {
  const passwd* own = getpwuid(geteuid());
  Account account{own == nullptr ? "" : own->pw_name, geteuid(), getegid()};
  if (account.uid == 0) {
    const passwd* mysql = getpwnam("mysql");
    if (mysql != nullptr) account = Account{"mysql", mysql->pw_uid, mysql->pw_gid};
  }
  return account;
}

absl::Status Failed(absl::string_view what, const ProcessResult& result) {
  return absl::InternalError(absl::StrCat(what, ": exit code ", result.exit_code,
                                          result.timed_out ? " (time limit)" : "", "\n",
                                          result.standard_output, result.standard_error));
}

bool PortIsFree(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_free;
}

absl::StatusOr<uint16_t> FreePort() {
  // Test processes start at different places, so that they rarely want the same port.
  static std::atomic<unsigned> next{static_cast<unsigned>(getpid()) * 37};
  for (int i = 0; i < kPorts; ++i) {
    const auto port = static_cast<uint16_t>(kFirstPort + next.fetch_add(1) % kPorts);
    if (PortIsFree(port)) return port;
  }
  return absl::InternalError("no free port");
}

bool SocketAnswers(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kMaxSocketPath);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool answers = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return answers;
}

}  // namespace

// Made by the first Start, shared by all servers of the process.
class TestServer::Workspace {
 public:
  static absl::StatusOr<std::shared_ptr<const Workspace>> Get() {
    // A server held by a static of the test may live longer than this one: hence shared.
    static const absl::StatusOr<std::shared_ptr<const Workspace>> workspace = Make();
    return workspace;
  }

  ~Workspace() {
    std::error_code ignored;
    if (!KeepFolders()) std::filesystem::remove_all(folder_, ignored);
  }

  const Account& account() const { return account_; }

  // A folder for one server, with its data.
  absl::StatusOr<std::string> MakeServerFolder() const {
    static std::atomic<int> count{0};
    const std::string folder = absl::StrCat(folder_, "/", ++count);
    if (mkdir(folder.c_str(), 0755) != 0 ||
        chown(folder.c_str(), account_.uid, account_.gid) != 0) {
      return absl::InternalError(absl::StrCat("make ", folder, ": ", std::strerror(errno)));
    }
    // cp: it keeps owners and does not write the holes of the redo log.
    ZDPIPE_ASSIGN_OR_RETURN(
        const ProcessResult result,
        RunProcess({"cp", "-a", "--reflink=auto", "--sparse=always",
                    absl::StrCat(folder_, "/template"), absl::StrCat(folder, "/data")},
                   {}));
    if (result.exit_code != 0) return Failed("copy the template", result);
    return folder;
  }

 private:
  Workspace() = default;

  static absl::StatusOr<std::shared_ptr<const Workspace>> Make() {
    std::shared_ptr<Workspace> workspace(new Workspace());
    workspace->account_ = ServerAccount();
    const char* parent = std::getenv("TMPDIR");
    std::string pattern =
        absl::StrCat(parent != nullptr && *parent != '\0' ? parent : "/tmp", "/zdpipe-test.XXXXXX");
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::InternalError(absl::StrCat("mkdtemp ", pattern, ": ", std::strerror(errno)));
    }
    workspace->folder_ = pattern;
    // The servers may run as another user, who must get through to their own folders.
    chmod(pattern.c_str(), 0711);
    // --force: no DNS question about the name of the host, which a container may not know.
    ZDPIPE_ASSIGN_OR_RETURN(
        const ProcessResult result,
        RunProcess({InstallBinary(), "--no-defaults", "--force", "--skip-test-db",
                    "--auth-root-authentication-method=normal",
                    absl::StrCat("--user=", workspace->account_.name),
                    absl::StrCat("--datadir=", pattern, "/template"), kRedoLogSize},
                   {}));
    if (result.exit_code != 0) return Failed(InstallBinary(), result);
    return workspace;
  }

 public:
  // The default of 96 MiB would be most of what is copied for each server.
  static constexpr char kRedoLogSize[] = "--innodb-log-file-size=32M";

 private:
  std::string folder_;
  Account account_;
};

absl::StatusOr<std::unique_ptr<TestServer>> TestServer::Start(const TestServerOptions& options) {
  if (access(ServerBinary().c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(ServerBinary(), ": ", std::strerror(errno),
                                            "; install mariadb-server-core, or set "
                                            "ZDPIPE_TEST_MARIADBD"));
  }
  std::unique_ptr<TestServer> server(new TestServer());
  server->options_ = options;
  ZDPIPE_ASSIGN_OR_RETURN(server->workspace_, Workspace::Get());
  ZDPIPE_ASSIGN_OR_RETURN(server->folder_, server->workspace_->MakeServerFolder());
  server->socket_ = absl::StrCat(server->folder_, "/socket");
  if (server->socket_.size() > kMaxSocketPath) {
    return absl::InternalError(
        absl::StrCat(server->socket_, ": too long for a socket; set a shorter TMPDIR"));
  }
  absl::Status status;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    ZDPIPE_ASSIGN_OR_RETURN(server->port_, FreePort());
    status = server->Spawn();
    if (status.ok()) return server;
    if (!absl::StrContains(status.message(), "Bind on TCP/IP port")) break;
  }
  return status;
}

TestServer::~TestServer() {
  Stop().IgnoreError();
  std::error_code ignored;
  if (!folder_.empty() && !KeepFolders()) std::filesystem::remove_all(folder_, ignored);
}

std::string TestServer::error_log() const {
  std::ifstream file(absl::StrCat(folder_, "/error.log"));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.substr(text.size() - std::min(text.size(), kLogTailBytes));
}

Endpoint TestServer::endpoint(const std::string& user, const std::string& password) const {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = port_;
  endpoint.name = endpoint.Address();
  endpoint.user = user;
  endpoint.password = Secret(password);
  return endpoint;
}

absl::Status TestServer::Sql(absl::string_view statements) {
  ProcessOptions options;
  options.standard_input = std::string(statements);
  // --comments: the client drops the comments of views and routines otherwise.
  ZDPIPE_ASSIGN_OR_RETURN(
      const ProcessResult result,
      RunProcess({ClientBinary(), "--no-defaults", "--user=root", "--socket=" + socket_,
                  "--default-character-set=utf8mb4", "--comments", "--batch"},
                 options));
  return result.exit_code == 0 ? absl::OkStatus() : Failed("mariadb", result);
}

absl::StatusOr<std::vector<std::string>> TestServer::Rows(absl::string_view query) {
  ProcessOptions options;
  options.standard_input = std::string(query);
  ZDPIPE_ASSIGN_OR_RETURN(const ProcessResult result,
                          RunProcess({ClientBinary(), "--no-defaults", "--user=root",
                                      "--socket=" + socket_, "--default-character-set=utf8mb4",
                                      "--comments", "--batch", "--skip-column-names"},
                                     options));
  if (result.exit_code != 0) return Failed("mariadb", result);
  std::vector<std::string> lines = absl::StrSplit(result.standard_output, '\n');
  lines.pop_back();  // what follows the last line end
  return lines;
}

absl::StatusOr<std::string> TestServer::Value(absl::string_view query) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> rows, Rows(query));
  if (rows.size() != 1) {
    return absl::InternalError(absl::StrCat(query, ": ", rows.size(), " rows instead of one"));
  }
  return rows[0].substr(0, rows[0].find('\t'));
}

void TestServer::Kill9() {
  if (pid_ != 0) kill(pid_, SIGKILL);
}

void TestServer::Pause() {
  if (pid_ != 0) kill(pid_, SIGSTOP);
}

void TestServer::Resume() {
  if (pid_ != 0) kill(pid_, SIGCONT);
}

absl::Status TestServer::Stop() {
  if (pid_ == 0) return absl::OkStatus();
  kill(pid_, SIGTERM);
  kill(pid_, SIGCONT);  // a paused one takes its SIGTERM only now
  const Clock::time_point deadline = Clock::now() + kStopLimit;
  while (IsRunning()) {
    if (Clock::now() >= deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = 0;
      return absl::DeadlineExceededError(Describe("did not stop and was killed"));
    }
    std::this_thread::sleep_for(kTick);
  }
  return absl::OkStatus();
}

absl::Status TestServer::Restart() {
  ZDPIPE_RETURN_IF_ERROR(Stop());
  return Spawn();
}

absl::Status TestServer::Spawn() {
  // A killed server leaves its socket; it must not be taken for the new one's.
  unlink(socket_.c_str());
  std::vector<std::string> args = {
      ServerBinary(),
      "--no-defaults",
      absl::StrCat("--datadir=", folder_, "/data"),
      absl::StrCat("--tmpdir=", folder_),
      absl::StrCat("--socket=", socket_),
      absl::StrCat("--pid-file=", folder_, "/pid"),
      absl::StrCat("--log-error=", folder_, "/error.log"),
      absl::StrCat("--port=", port_),
      absl::StrCat("--server-id=", port_),  // distinct among the servers that see each other
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--character-set-server=utf8mb4",
      "--relay-log=relay",  // else named after the host
      Workspace::kRedoLogSize,
      "--innodb-buffer-pool-size=64M",  // a test has several servers on a small machine
      // Survives the kill of the process, as tests need it; only a power cut could lose a second.
      "--innodb-flush-log-at-trx-commit=2",
  };
  const Account& account = workspace_->account();
  // mariadbd refuses to be root without being told.
  if (account.uid == 0) args.push_back("--user=root");
  if (options_.binlog) args.push_back("--log-bin=binlog");
  args.insert(args.end(), options_.args.begin(), options_.args.end());
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);

  // The server dies with the test, whatever ends that. But the kernel means the thread that forks,
  // so a server restarted by a helper thread must outlive it.
  const bool dies_with_us = getpid() == static_cast<pid_t>(syscall(SYS_gettid));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) {
    // Only system calls: another thread may hold malloc's lock.
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
    close_range(3, ~0U, 0);  // the test's connections to other servers
    setsid();                // the terminal's Ctrl-C is for the test, which then stops us in order
    if (account.uid != geteuid() &&
        (setgroups(0, nullptr) != 0 || setgid(account.gid) != 0 || setuid(account.uid) != 0)) {
      _exit(126);
    }
    // After setuid, which clears it.
    if (dies_with_us) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    execv(argv[0], argv.data());
    _exit(127);
  }
  pid_ = pid;
  return AwaitReady();
}

absl::Status TestServer::AwaitReady() {
  const Clock::time_point deadline = Clock::now() + kStartLimit;
  while (true) {
    if (!IsRunning()) return absl::UnavailableError(Describe("ended while it started"));
    if (SocketAnswers(socket_) && Sql("DO 0").ok()) return absl::OkStatus();
    if (Clock::now() >= deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = 0;
      return absl::DeadlineExceededError(Describe("was not ready in time"));
    }
    std::this_thread::sleep_for(kTick);
  }
}

// Also takes the exit status, so that no zombie is left.
bool TestServer::IsRunning() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = 0;
  return false;
}

std::string TestServer::Describe(absl::string_view what) const {
  return absl::StrCat(ServerBinary(), " on port ", port_, " ", what, "; its error log ends:\n",
                      error_log());
}

absl::Status SetUpReplication(TestServer& master, TestServer& replica) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::string has_binlog, master.Value("SELECT @@log_bin"));
  if (has_binlog != "1") return absl::FailedPreconditionError("the master has no binlog");
  ZDPIPE_RETURN_IF_ERROR(
      master.Sql("CREATE USER IF NOT EXISTS 'repl'@'%' IDENTIFIED BY 'repl';"
                 "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%'"));
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> logs, master.Rows("SHOW BINARY LOGS"));
  if (logs.empty()) return absl::InternalError("the master lists no binlog");
  const std::string first_log = logs[0].substr(0, logs[0].find('\t'));
  ZDPIPE_RETURN_IF_ERROR(replica.Sql(absl::StrCat(
      "CHANGE MASTER TO master_host='127.0.0.1', master_port=", master.port(),
      ", master_user='repl', master_password='repl', master_connect_retry=1, master_log_file='",
      first_log, "', master_log_pos=4; START SLAVE")));
  return AwaitReplica(master, replica);
}

absl::Status AwaitReplica(TestServer& master, TestServer& replica) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> status, master.Rows("SHOW MASTER STATUS"));
  if (status.size() != 1) return absl::FailedPreconditionError("the master has no binlog");
  const std::vector<std::string> position = absl::StrSplit(status[0], '\t');
  // NULL: the SQL thread does not run, or has stopped with an error; -1: time is over. Just after
  // START SLAVE it may not run yet.
  std::string waited;
  const Clock::time_point deadline = Clock::now() + kReplicaLimit;
  while (Clock::now() < deadline) {
    ZDPIPE_ASSIGN_OR_RETURN(
        waited, replica.Value(absl::StrCat("SELECT MASTER_POS_WAIT('", position[0], "', ",
                                           position[1], ", ", kReplicaLimit.count(), ")")));
    if (waited != "NULL") break;
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> running,
                            replica.Rows("SHOW STATUS LIKE 'Slave_running'"));
    if (running != std::vector<std::string>{"Slave_running\tON"}) {
      std::this_thread::sleep_for(kTick);
    }
  }
  if (waited != "NULL" && waited != "-1") return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<std::string> slave, replica.Rows("SHOW SLAVE STATUS"));
  return absl::DeadlineExceededError(
      absl::StrCat("the replica does not follow: ", slave.empty() ? "no replica" : slave[0]));
}

}  // namespace zdpipe
