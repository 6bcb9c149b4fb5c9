// Slow-downs: the schedule by itself, and a copy that is held and let go from outside.
#include "pipeline/throttle.h"

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsOf(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const std::function<bool()> kNeverStopping = [] { return false; };

TEST(ThrottleTest, LimitsAreReadByTheirNames) {
  ThrottleLimits limits;
  ASSERT_DONE(SetThrottleLimit("rate", "1048576", limits));
  ASSERT_DONE(SetThrottleLimit("max-lag", "5", limits));
  ASSERT_DONE(SetThrottleLimit("max-load", "Threads_running=25,Threads_connected=400", limits));
  EXPECT_EQ(limits.rate_bytes, 1048576);
  EXPECT_EQ(limits.max_lag_seconds, 5);
  ASSERT_EQ(limits.max_load.size(), 2);
  EXPECT_EQ(limits.max_load[1], std::pair(std::string("Threads_connected"), uint64_t{400}));
  ASSERT_DONE(SetThrottleLimit("max-load", "", limits));
  EXPECT_TRUE(limits.max_load.empty());
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"rate", "fast"},
                                                        {"rate", "-1"},
                                                        {"max-lag", ""},
                                                        {"max-load", "Threads_running"},
                                                        {"max-load", "a'; DROP TABLE t=1"},
                                                        {"jobs", "3"}}) {
    EXPECT_EQ(FailureOf(SetThrottleLimit(name, value, limits)), Failure::kUsage) << name << value;
  }
}

TEST(ThrottleTest, RateIsKeptOverSeveralCallers) {
  ThrottleLimits limits;
  limits.rate_bytes = 1000;
  Throttle throttle(limits);
  // The first second's worth is free; then 1000 bytes take a second.
  const double seconds = SecondsOf([&] {
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] { throttle.Await(500, kNeverStopping); });
    }
    for (std::thread& caller : callers) caller.join();
  });
  EXPECT_GE(seconds, 0.4);
  EXPECT_GT(throttle.waited_seconds(), 0.4);
}

TEST(ThrottleTest, HeldUntilItIsLiftedOrStopped) {
  Throttle throttle({});
  throttle.Hold("busy");
  EXPECT_EQ(throttle.reason(), "busy");
  std::thread lifts([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    throttle.Hold("");
  });
  EXPECT_GE(SecondsOf([&] { throttle.Await(1, kNeverStopping); }), 0.2);
  lifts.join();
  throttle.Hold("busy");
  EXPECT_LT(SecondsOf([&] { throttle.Await(1, [] { return true; }); }), 10);
}

// The servers of the tests below.
class ThrottledCopyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    ASSERT_DONE(PretendStoppedReplica(*source_));
    ASSERT_DONE(source_->Sql("CREATE DATABASE b; USE b;" + BigTableSql("t", 12)));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }
  void SetUp() override { ASSERT_DONE(DropUserDatabases(*target_)); }

  ProcessResult Set(const std::string& setting) {
    return RunZdpipe({"status", "--no-defaults", "--to", target_->address(), "--to-user", "root",
                      "--output", "json", "--set", setting});
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* ThrottledCopyTest::source_ = nullptr;
TestServer* ThrottledCopyTest::target_ = nullptr;

TEST_F(ThrottledCopyTest, LoadHoldsTheCopyUntilTheLimitIsChanged) {
  // The session that asks is one that runs: the limit is always exceeded.
  BackgroundZdpipe copy(CopyArgs(Ends(*source_, *target_), folder_,
                                 {"--max-load", "Threads_running=0", "--range-bytes", "1MiB",
                                  "--rate", "3MiB", "--progress", "json"}));
  ASSERT_TRUE(AwaitValue(
      *target_, "SELECT phase LIKE 'rows, waits: Threads_running is %' FROM zdpipe.run", "1"));
  EXPECT_FALSE(copy.ended());
  EXPECT_TRUE(FailsWith(Set("rate=fast"), 2));
  EXPECT_TRUE(Succeeds(Set("max-load=")));
  EXPECT_TRUE(Succeeds(Set("rate=0")));
  const ProcessResult result = copy.Wait();
  EXPECT_TRUE(Succeeds(result));
  EXPECT_TRUE(absl::StrContains(result.standard_error, "\"throttle\":\"Threads_running is"));
  EXPECT_GT(Report(folder_)["totals"]["throttled_seconds"], 1.0);
  EXPECT_EQ(Differences(*source_, *target_, {"b"}), "");
}

TEST_F(ThrottledCopyTest, RateSlowsTheCopy) {
  const double seconds = SecondsOf([&] {
    EXPECT_TRUE(Succeeds(
        RunCopy(Ends(*source_, *target_), folder_, {"--range-bytes", "1MiB", "--rate", "3MiB"})));
  });
  // 12 MiB, of which a second's worth is free; the last range waits only for those before it.
  EXPECT_GE(seconds, 2);
}

// A new master whose own replica must not be drowned.
TEST_F(ThrottledCopyTest, CopyWaitsForTheReplicaOfTheTarget) {
  TestServerOptions as_master;
  as_master.binlog = true;
  const std::unique_ptr<TestServer> target = StartServer(as_master);
  TestServerOptions as_replica;
  as_replica.args = {"--report-host=127.0.0.1"};  // or else the target does not know where it is
  const std::unique_ptr<TestServer> replica = StartServer(as_replica);
  ASSERT_DONE(SetUpReplication(*target, *replica));
  const std::string waits = "SELECT phase LIKE '%, waits: ";

  WriteLock lock(*replica);
  BackgroundZdpipe copy(CopyArgs(
      Ends(*source_, *target), folder_,
      {"--max-lag", "1", "--range-bytes", "1MiB", "--rate", "2MiB", "--progress", "json"}));
  ASSERT_TRUE(AwaitValue(
      *target, waits + "replica 127.0.0.1:% is % s behind, more than 1' FROM zdpipe.run", "1"));
  EXPECT_FALSE(copy.ended());
  lock.Release();
  // What cannot be measured is a reason to wait, too.
  ASSERT_DONE(replica->Sql("STOP SLAVE SQL_THREAD"));
  ASSERT_TRUE(AwaitValue(*target,
                         waits + "the lag of replica 127.0.0.1:% is unknown: its replication does "
                                 "not run' FROM zdpipe.run",
                         "1"));
  EXPECT_FALSE(copy.ended());
  ASSERT_DONE(replica->Sql("START SLAVE SQL_THREAD"));
  const ProcessResult result = copy.Wait();

  EXPECT_TRUE(Succeeds(result));
  for (const char* reason : {"\"throttle\":\"replica 127.0.0.1:", " s behind, more than 1\"",
                             "is unknown: its replication does not run"}) {
    EXPECT_TRUE(absl::StrContains(result.standard_error, reason)) << result.standard_error;
  }
  EXPECT_GT(Report(folder_)["totals"]["throttled_seconds"], 1.0);
  EXPECT_EQ(Differences(*source_, *target, {"b"}), "");
  ASSERT_DONE(AwaitReplica(*target, *replica));
  EXPECT_EQ(Differences(*target, *replica, {"b"}), "");
}

TEST_F(ThrottledCopyTest, SettingsNeedARun) {
  EXPECT_TRUE(FailsWith(Set("rate=1MiB"), 2, {"no run is at work"}));
}

}  // namespace
}  // namespace zdpipe
