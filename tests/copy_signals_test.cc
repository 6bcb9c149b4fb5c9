// What becomes of a copy that is interrupted or killed, and of the servers it worked on.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::HasSubstr;

using Clock = std::chrono::steady_clock;

// From the signal to the end of the process, and from there to the end of its last session.
constexpr std::chrono::seconds kEndsWithin{5};
constexpr std::chrono::seconds kSessionsEndWithin{5};

constexpr char kAll[] = "zd";  // the user of zdpipe, to know its sessions by

class CopySignalsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    if (source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(PretendStoppedReplica(*source_));
    for (TestServer* server : {source_, target_}) {
      EXPECT_DONE(server->Sql("CREATE USER zd@'%'; GRANT ALL ON *.* TO zd@'%' WITH GRANT OPTION"));
    }
    EXPECT_DONE(source_->Sql(
        "CREATE DATABASE d; USE d;" +
        BigTableSql("big", 80, ", KEY (a, b), KEY (c), KEY (b, c), KEY (pad(300), id)") +
        "CREATE TABLE small (id INT PRIMARY KEY); INSERT INTO small VALUES (1), (2)"));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
    source_ = target_ = nullptr;
  }
  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    // What an earlier test has left behind is that test's failure.
    ASSERT_DONE(source_->Sql("KILL USER zd"));
    ASSERT_DONE(target_->Sql("KILL USER zd"));
    ASSERT_DONE(DropUserDatabases(*target_));
  }

  Strings Args() { return CopyArgs(Ends(*source_, *target_, kAll), folder_); }

  bool AwaitRows() { return AwaitValue(*target_, "SELECT MAX(id) > 0 FROM d.big", "1"); }
  bool AwaitAlter() {
    return AwaitValue(*target_,
                      "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'zd' AND "
                      "info LIKE '%ALTER TABLE `d`.`big`%'",
                      "1");
  }

  static bool NoSessionIsLeft(TestServer& server) {
    return AwaitValue(server,
                      "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'zd'", "0",
                      kSessionsEndWithin);
  }

  // The signal's outcome is what it has to be, and the next run does not notice.
  void ExpectStoppedCleanly(const ProcessResult& result, Clock::time_point signalled) {
    EXPECT_LT(Clock::now() - signalled, kEndsWithin);
    EXPECT_TRUE(FailsWith(result, 10, {"stopped"}));
    EXPECT_TRUE(NoSessionIsLeft(*source_));
    EXPECT_TRUE(NoSessionIsLeft(*target_));
    EXPECT_EQ(Handoff(folder_)["usable"], false);
    EXPECT_EQ(Report(folder_)["exit_code"], 10);
    EXPECT_EQ(Value(*target_, "SELECT state FROM zdpipe.run"), "stopped");
  }

  void ExpectNextRunSucceeds() {
    EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_, kAll), folder_)));
    EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
    EXPECT_EQ(UserDatabases(*target_), (Strings{"d"}));
  }

  Json Status() {
    return ParseJson(RunZdpipe({"status", "--no-defaults", "--to", target_->address(), "--to-user",
                                kAll, "--output", "json"})
                         .standard_output);
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* CopySignalsTest::source_ = nullptr;
TestServer* CopySignalsTest::target_ = nullptr;

TEST_F(CopySignalsTest, InterruptDuringRowsStopsSoonAndTheNextRunSucceeds) {
  BackgroundZdpipe copy(Args(), SIGINT);
  ASSERT_TRUE(AwaitRows());
  const auto signalled = Clock::now();
  copy.Signal();
  ExpectStoppedCleanly(copy.Wait(), signalled);
  EXPECT_NE(Value(*target_, "SELECT COUNT(*) FROM d.big"), std::to_string(80 * 1024));
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, InterruptDuringIndexesKillsTheAlter) {
  BackgroundZdpipe copy(Args(), SIGINT);
  ASSERT_TRUE(AwaitAlter());
  const auto signalled = Clock::now();
  copy.Signal();
  ExpectStoppedCleanly(copy.Wait(), signalled);
  EXPECT_EQ(Value(*target_,
                  "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema "
                  "= 'd' AND table_name = 'big' AND index_name <> 'PRIMARY'"),
            "0");
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, InterruptWhileAnAlterWaitsForALock) {
  // A reader of the target's table keeps the ALTER from its lock for as long as it likes.
  BackgroundZdpipe copy(Args(), SIGTERM);
  const std::unique_ptr<Session> reader = Connect(*target_);
  ASSERT_TRUE(Await([&] {
    return reader->Query("SET autocommit = 0").ok() &&
           reader->Query("SELECT 1 FROM d.big LIMIT 1").ok();
  }));
  ASSERT_TRUE(AwaitAlter());
  const auto signalled = Clock::now();
  copy.Signal();
  ExpectStoppedCleanly(copy.Wait(), signalled);
}

TEST_F(CopySignalsTest, InterruptWhileALoaderWaitsForALock) {
  BackgroundZdpipe copy(Args(), SIGINT);
  ASSERT_TRUE(AwaitRows());
  const std::unique_ptr<Session> locker = Connect(*target_);
  ASSERT_DONE(locker->Execute("LOCK TABLES d.big READ"));
  ASSERT_TRUE(AwaitValue(*target_,
                         "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE user = "
                         "'zd' AND state LIKE 'Waiting for table metadata lock'",
                         "1"));
  const auto signalled = Clock::now();
  copy.Signal();
  const bool in_time = Await([&] { return copy.ended(); }, kEndsWithin);
  ASSERT_DONE(locker->Execute("UNLOCK TABLES"));
  EXPECT_TRUE(in_time) << "it waits for the lock";
  const ProcessResult result = copy.Wait();
  if (in_time) ExpectStoppedCleanly(result, signalled);
}

TEST_F(CopySignalsTest, InterruptWhileTheSchemaWaitsForALock) {
  WriteLock lock(*target_);
  BackgroundZdpipe copy(Args(), SIGINT);
  ASSERT_TRUE(AwaitValue(*target_,
                         "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE user = "
                         "'zd' AND state LIKE 'Waiting for%'",
                         "1"));
  copy.Signal();
  const bool in_time = Await([&] { return copy.ended(); }, kEndsWithin);
  lock.Release();
  EXPECT_TRUE(in_time) << "it waits for the lock";
  EXPECT_TRUE(FailsWith(copy.Wait(), 10, {"stopped"}));
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, InterruptWhileTheTargetHangsEndsAllTheSame) {
  BackgroundZdpipe copy(Args(), SIGINT);
  ASSERT_TRUE(AwaitRows());
  target_->Pause();
  copy.Signal();
  // Longer than an attempt to connect takes.
  const bool in_time = Await([&] { return copy.ended(); }, std::chrono::seconds(20));
  target_->Resume();
  EXPECT_TRUE(in_time) << "it waits for the target";
  EXPECT_TRUE(FailsWith(copy.Wait(), 10, {"stopped"}));
}

TEST_F(CopySignalsTest, KilledRunIsSeenByStatusAndReplacedByTheNext) {
  BackgroundZdpipe copy(Args(), SIGKILL);
  ASSERT_TRUE(AwaitRows());
  Json status = Status();
  EXPECT_EQ(status["run"]["state"], "running");
  EXPECT_EQ(status["run"]["alive"], true);
  EXPECT_EQ(status["run"]["tables_total"], 2);
  EXPECT_GT(status["run"]["rows"], 0);
  const std::string run_id = status["run"]["run_id"];

  copy.Signal();
  EXPECT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  EXPECT_TRUE(NoSessionIsLeft(*source_));
  EXPECT_TRUE(NoSessionIsLeft(*target_));

  status = Status();
  EXPECT_EQ(status["run"]["run_id"], run_id);
  EXPECT_EQ(status["run"]["state"], "running");
  EXPECT_EQ(status["run"]["alive"], false);
  const ProcessResult text =
      RunZdpipe({"status", "--no-defaults", "--to", target_->address(), "--to-user", kAll});
  EXPECT_THAT(text.standard_output, HasSubstr("GONE"));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, RunStartedRightAfterAKillSucceeds) {
  BackgroundZdpipe copy(Args(), SIGKILL);
  ASSERT_TRUE(AwaitRows());
  copy.Signal();
  copy.Wait();
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, RunKilledDuringIndexesIsReplacedByTheNext) {
  BackgroundZdpipe copy(Args(), SIGKILL);
  ASSERT_TRUE(AwaitAlter());
  copy.Signal();
  copy.Wait();
  ExpectNextRunSucceeds();
}

TEST_F(CopySignalsTest, StatusKnowsNoRunWhereNoneWas) { EXPECT_EQ(Status()["run"], nullptr); }

}  // namespace
}  // namespace zdpipe
