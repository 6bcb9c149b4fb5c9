// The test harness itself: a check that cannot fail would be worse than none.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using Facts = std::map<std::string, std::string>;

#define ASSERT_DONE(expression)                    \
  do {                                             \
    const absl::Status done_status = (expression); \
    ASSERT_TRUE(done_status.ok()) << done_status;  \
  } while (false)

std::unique_ptr<TestServer> StartServer(const TestServerOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<TestServer>> server = TestServer::Start(options);
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

std::string Value(TestServer& server, const std::string& query) {
  const absl::StatusOr<std::string> value = server.Value(query);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or("(none)");
}

// The keys that are not the same in both.
std::set<std::string> Differences(const Facts& a, const Facts& b) {
  std::set<std::string> keys;
  for (const auto& [key, value] : a) {
    if (b.count(key) == 0 || b.at(key) != value) keys.insert(key);
  }
  for (const auto& [key, value] : b) {
    if (a.count(key) == 0) keys.insert(key);
  }
  return keys;
}

TEST(TestServerTest, KeepsPortAndDataOverStopAndKill) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const uint16_t port = server->port();
  ASSERT_DONE(server->Sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT d.t VALUES (1)"));

  ASSERT_DONE(server->Restart());
  EXPECT_EQ(Value(*server, "SELECT a FROM d.t"), "1");
  EXPECT_EQ(Value(*server, "SELECT @@port"), std::to_string(port));

  ASSERT_DONE(server->Sql("INSERT d.t VALUES (2)"));
  server->Kill9();
  ASSERT_DONE(server->Restart());
  EXPECT_EQ(Value(*server, "SELECT SUM(a) FROM d.t"), "3");
  EXPECT_EQ(server->port(), port);
}

TEST(TestServerTest, OptionsReachTheServerAndBadOnesAreShown) {
  TestServerOptions options;
  options.args = {"--max-allowed-packet=1M", "--innodb-buffer-pool-size=32M"};
  const auto server = StartServer(options);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(Value(*server, "SELECT @@max_allowed_packet"), "1048576");
  EXPECT_EQ(Value(*server, "SELECT @@innodb_buffer_pool_size"), "33554432");

  options.args = {"--no-such-option"};
  const absl::Status status = TestServer::Start(options).status();
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "no-such-option")) << status;
}

TEST(TestServerTest, MissingBinaryIsAnError) {
  setenv("ZDPIPE_TEST_MARIADBD", "/nonexistent/mariadbd", 1);
  const absl::Status status = TestServer::Start().status();
  unsetenv("ZDPIPE_TEST_MARIADBD");
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/mariadbd")) << status;
}

TEST(TestServerTest, ServersEndWithTheirObjects) {
  pid_t pid = 0;
  {
    const auto server = StartServer();
    ASSERT_NE(server, nullptr);
    pid = server->pid();
    EXPECT_EQ(kill(pid, 0), 0);
    server->Pause();  // even a hanging one
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(TestServerTest, PausedServerAnswersAfterResume) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  server->Pause();
  const auto start = std::chrono::steady_clock::now();
  std::thread resumer([&server] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    server->Resume();
  });
  EXPECT_EQ(Value(*server, "SELECT 1"), "1");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(290));
  resumer.join();
}

TEST(TestServerTest, SqlKnowsDelimitersAndReportsErrors) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  ASSERT_DONE(
      server->Sql("CREATE DATABASE d; USE d;\n"
                  "DELIMITER //\n"
                  "CREATE PROCEDURE p() BEGIN /* kept */ SELECT 1; SELECT 2; END//\n"
                  "DELIMITER ;\n"));
  EXPECT_TRUE(absl::StrContains(Value(*server, "SELECT body FROM mysql.proc WHERE db = 'd'"),
                                "/* kept */"));
  const auto rows = server->Rows("SELECT 1, 'a\\tb\\n' UNION ALL SELECT 2, NULL");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, (std::vector<std::string>{"1\ta\\tb\\n", "2\tNULL"}));

  const absl::Status status = server->Sql("SELECT * FROM d.none");
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "1146")) << status;
}

TEST(TestServerTest, ReplicaGetsWhatTheMasterHas) {
  const auto master = StartServer({.binlog = true});
  const auto replica = StartServer();
  ASSERT_NE(master, nullptr);
  ASSERT_NE(replica, nullptr);
  EXPECT_FALSE(SetUpReplication(*replica, *master).ok());  // no binlog
  ASSERT_DONE(master->Sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT d.t VALUES (1)"));
  ASSERT_DONE(SetUpReplication(*master, *replica));
  EXPECT_EQ(Value(*replica, "SELECT a FROM d.t"), "1");

  ASSERT_DONE(master->Sql("INSERT d.t VALUES (2)"));
  ASSERT_DONE(AwaitReplica(*master, *replica));
  EXPECT_EQ(Fingerprint(*master, {"d"}), Fingerprint(*replica, {"d"}));
}

class FingerprintTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = StartServer().release(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    ASSERT_DONE(server_->Sql(R"sql(
DROP DATABASE IF EXISTS d;
CREATE DATABASE d CHARACTER SET latin1;
USE d
SET @@system_versioning_alter_history = 1;
CREATE TABLE t (
  id INT PRIMARY KEY AUTO_INCREMENT, f FLOAT, d DOUBLE, n DECIMAL(65,30), b BIT(64),
  e ENUM('a','','c'), s SET('x','y'), ts TIMESTAMP(6) NULL, c VARCHAR(20) CHARACTER SET utf16,
  bl LONGBLOB, g GEOMETRY, hidden INT INVISIBLE, twice INT AS (id * 2) VIRTUAL, KEY by_c (c));
INSERT INTO t (f, d, n, b, e, s, ts, c, bl, g, hidden) VALUES
  (0.1, 0.1, 1.5, 5, 'a', 'x', '2024-01-01', 'abc', x'00ff', POINT(1,2), 7),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (0, 0, 0, 0, '', '', '2024-01-01', '', '', NULL, 0);
CREATE TABLE twins (a INT);
INSERT INTO twins VALUES (1), (1), (2);
CREATE TABLE past (a INT) WITH SYSTEM VERSIONING;
INSERT INTO past VALUES (1);
UPDATE past SET a = 2;
CREATE SEQUENCE seq;
CREATE VIEW v AS SELECT id FROM t;
CREATE VIEW broken AS SELECT a FROM twins;
CREATE FUNCTION fn() RETURNS INT DETERMINISTIC RETURN 1;
CREATE PROCEDURE pr() SELECT 1;
CREATE TRIGGER tr BEFORE INSERT ON twins FOR EACH ROW SET NEW.a = NEW.a;
CREATE EVENT ev ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO SELECT 1;
)sql"));
    before_ = Fingerprint(*server_, {"d"});
  }

  // What changes in the fingerprint by this statement.
  std::set<std::string> Change(const std::string& statement) {
    const absl::Status status = server_->Sql("USE d; " + statement);
    EXPECT_TRUE(status.ok()) << status;
    return Differences(before_, Fingerprint(*server_, {"d"}));
  }

  static TestServer* server_;
  Facts before_;
};

TestServer* FingerprintTest::server_ = nullptr;

using Keys = std::set<std::string>;

TEST_F(FingerprintTest, HasEveryObjectAndStaysTheSame) {
  for (const std::string key :
       {"database d", "table d.t definition", "table d.t rows", "table d.t checksum",
        "table d.t content", "table d.past history", "sequence d.seq definition",
        "sequence d.seq state", "view d.v", "function d.fn", "procedure d.pr", "trigger d.tr",
        "event d.ev", "event-status d.ev"}) {
    ASSERT_EQ(before_.count(key), 1u) << key;
    EXPECT_FALSE(absl::StartsWith(before_[key], "error")) << key << ": " << before_[key];
  }
  EXPECT_EQ(before_["table d.t rows"], "3");
  EXPECT_EQ(before_["table d.past rows"], "2");
  EXPECT_EQ(Change("DO 0"), Keys());
}

TEST_F(FingerprintTest, SeesEveryChangedValue) {
  const Keys expected = {"table d.t checksum", "table d.t content"};
  for (const std::string assignment :
       {"f = 0.10000001", "d = 0.10000000000000002", "n = 1.500000000000000000000000000001",
        "b = 6", "e = 'c'", "s = 'x,y'", "ts = '2024-01-01 00:00:00.000001'", "c = 'abC'",
        "c = 'abc '", "bl = x'00fe'", "bl = NULL", "g = POINT(2,1)", "hidden = 8"}) {
    EXPECT_EQ(Change("UPDATE t SET " + assignment + " WHERE id = 1"), expected) << assignment;
    SetUp();
  }
}

// '' against NULL, the empty member of an ENUM against its error value. (0 against -0 is not here:
// a MariaDB 10.11 stores no -0, not even one that is bound to a statement.)
TEST_F(FingerprintTest, SeesValuesThatLookAlike) {
  for (const std::string assignment :
       {"c = NULL", "bl = NULL", "e = 0", "s = NULL", "hidden = NULL"}) {
    const Keys keys = Change("SET sql_mode = ''; UPDATE t SET " + assignment + " WHERE id = 3");
    EXPECT_EQ(keys.count("table d.t content"), 1u) << assignment;
    SetUp();
  }
}

TEST_F(FingerprintTest, SeesAChangedPairOfEqualRows) {
  EXPECT_EQ(Change("UPDATE twins SET a = 3 WHERE a = 1"),
            (Keys{"table d.twins checksum", "table d.twins content"}));
}

TEST_F(FingerprintTest, DoesNotSeeTheOrderOfRows) {
  EXPECT_EQ(Change("DELETE FROM twins; INSERT INTO twins VALUES (2), (1), (1)"), Keys());
}

TEST_F(FingerprintTest, SeesALostRow) {
  const Keys keys = Change("DELETE FROM twins WHERE a = 2");
  EXPECT_EQ(keys.count("table d.twins rows"), 1u);
}

TEST_F(FingerprintTest, SeesLostAndMovedHistory) {
  EXPECT_EQ(Change("DELETE HISTORY FROM past").count("table d.past rows"), 1u);
  SetUp();
  // The same rows under new times: only the history tells.
  EXPECT_EQ(Change("SET system_versioning_insert_history = 1;"
                   "CREATE TABLE moved (a INT) WITH SYSTEM VERSIONING;"
                   "INSERT INTO moved (a, row_start, row_end) SELECT a, row_start - INTERVAL 1 "
                   "DAY, row_end FROM past FOR SYSTEM_TIME ALL;"
                   "DROP TABLE past; RENAME TABLE moved TO past")
                .count("table d.past history"),
            1u);
}

TEST_F(FingerprintTest, SeesAValueLargerThanAPacket) {
  ASSERT_DONE(server_->Sql("SET GLOBAL max_allowed_packet = 1048576"));
  ASSERT_DONE(
      server_->Sql("UPDATE d.t SET bl = REPEAT('x', 1000000) WHERE id = 1;"
                   "UPDATE d.t SET bl = CONCAT(bl, 'x') WHERE id = 1"));
  before_ = Fingerprint(*server_, {"d"});
  EXPECT_EQ(Change("UPDATE t SET bl = INSERT(bl, 500000, 1, 'y') WHERE id = 1"),
            (Keys{"table d.t checksum", "table d.t content"}));
}

TEST_F(FingerprintTest, SeesChangedDefinitions) {
  const struct {
    std::string statement;
    std::string key;
  } cases[] = {
      {"DROP INDEX by_c ON t", "table d.t definition"},
      {"ALTER TABLE t AUTO_INCREMENT = 100", "table d.t definition"},
      {"ALTER DATABASE d COLLATE latin1_bin", "database d"},
      {"CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t", "view d.v"},
      {"CREATE OR REPLACE SQL SECURITY INVOKER VIEW v AS SELECT id FROM t", "view d.v"},
      {"DROP TRIGGER tr", "trigger d.tr"},
      {"CREATE TRIGGER t0 BEFORE INSERT ON twins FOR EACH ROW PRECEDES tr SET NEW.a = NEW.a",
       "trigger d.tr"},
      {"CREATE OR REPLACE FUNCTION fn() RETURNS INT DETERMINISTIC RETURN 2", "function d.fn"},
      {"CREATE OR REPLACE DEFINER = x@y PROCEDURE pr() SELECT 1", "procedure d.pr"},
      {"ALTER EVENT ev DISABLE", "event-status d.ev"},
      {"ALTER EVENT ev COMMENT 'x'", "event d.ev"},
      {"DO NEXTVAL(seq)", "sequence d.seq state"},
      {"ALTER SEQUENCE seq MAXVALUE 99", "sequence d.seq definition"},
      {"CREATE TABLE more (a INT)", "table d.more definition"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Change(c.statement).count(c.key), 1u) << c.statement;
    SetUp();
  }
}

TEST_F(FingerprintTest, DropsNothingWhenAViewIsBroken) {
  const Keys keys = Change("DROP TABLE twins");
  EXPECT_EQ(keys.count("table d.twins definition"), 1u);
  EXPECT_EQ(Fingerprint(*server_, {"d"}).count("view d.broken"), 1u);
}

TEST(ProcessTest, ReturnsOutputAndExitCode) {
  ProcessOptions options;
  options.standard_input = std::string(1 << 20, 'x');
  options.env = {{"A", "1"}, {"HOME", std::nullopt}};
  const auto result = RunProcess({"sh", "-c", "wc -c; echo $A$HOME >&2; exit 3"}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->standard_output, "1048576\n");
  EXPECT_EQ(result->standard_error, "1\n");
  EXPECT_FALSE(RunProcess({"/nonexistent/program"}, {}).ok());
}

TEST(ProcessTest, ZdpipeOfThisBuildRuns) {
  const ProcessResult help = RunZdpipe({"--help"});
  EXPECT_EQ(help.exit_code, 0) << help.standard_error;
  EXPECT_NE(help.standard_output, "");
  EXPECT_EQ(RunZdpipe({"--no-such-option"}, {.env = {{"LANG", "C"}}}).exit_code, 2);
}

TEST(ProcessTest, TimeLimitKills) {
  ProcessOptions options;
  options.time_limit = std::chrono::milliseconds(100);
  const auto result = RunProcess({"sleep", "60"}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->timed_out);
  EXPECT_EQ(result->exit_code, 128 + SIGKILL);
}

TEST(ProcessTest, SignalComesAfterADelayOrWithAFile) {
  ProcessOptions delayed;
  delayed.signal = SIGTERM;
  delayed.signal_after = std::chrono::milliseconds(100);
  const auto ended = RunProcess({"sleep", "60"}, delayed);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->exit_code, 128 + SIGTERM);
  EXPECT_TRUE(ended->signal_sent);

  const std::string file = testing::TempDir() + "/zdpipe-appears-" + std::to_string(getpid());
  ProcessOptions awaited;
  awaited.signal = SIGINT;
  awaited.signal_when_file_appears = file;
  const auto interrupted = RunProcess({"sh", "-c",
                                       "trap 'echo caught; exit 5' INT; sleep 0.1; : >$0; "
                                       "while :; do sleep 0.05; done",
                                       file},
                                      awaited);
  unlink(file.c_str());
  ASSERT_TRUE(interrupted.ok()) << interrupted.status();
  EXPECT_EQ(interrupted->exit_code, 5);
  EXPECT_EQ(interrupted->standard_output, "caught\n");
}

}  // namespace
}  // namespace zdpipe
