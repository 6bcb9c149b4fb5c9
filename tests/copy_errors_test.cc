// How `zdpipe copy` fails: the exit code, one line that says why, no secret in it, and nothing left
// behind that the next run trips over.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kSecret[] = "s3cret-Passw0rd";

// --- Without any server -----------------------------------------------------------------------

TEST(UsageTest, WrongCommandLinesAreRefused) {
  const Strings ends = {"--no-defaults", "--from", "127.0.0.1:1", "--to", "127.0.0.1:1"};
  const struct {
    Strings args;
    std::string word;
  } cases[] = {
      {{}, ""},
      {{"frobnicate"}, "frobnicate"},
      {{"copy"}, "--from"},
      {{"copy", "--from", "a"}, "--to"},
      {{"copy", "--no-such-option"}, "--no-such-option"},
      {{"copy", "stray"}, "stray"},
      {{"copy", "--verify", "all"}, "--verify"},
      {{"copy", "--indexes", "later"}, "--indexes"},
      {{"copy", "--output", "xml"}, "--output"},
      {{"copy", "--source-state", "running"}, "--source-state"},
      {{"copy", "--target-not-empty", "keep"}, "--target-not-empty"},
      {{"copy", "--compress", "zstd"}, "--compress"},
      {{"copy", "--definer", "nobody"}, "--definer"},
      {{"copy", "--definer", "@host"}, "--definer"},
      {{"copy", "--jobs", "0"}, "--jobs"},
      {{"copy", "--jobs", "65"}, "--jobs"},
      {{"copy", "--jobs", "many"}, "--jobs"},
      {{"copy", "--jobs", "-1"}, "--jobs"},
      {{"copy", "--memory", "lots"}, "--memory"},
      {{"copy", "--memory", "-1"}, "--memory"},
      {{"copy", "--memory", "1MiB"}, "--memory"},
      {{"copy", "--memory", "0"}, "--memory"},
      {{"copy", "--range-bytes", "10"}, "--range-bytes"},
      {{"copy", "--range-bytes", "0"}, "--range-bytes"},
      {{"copy", "--range-bytes", "2GiB", "--memory", "64GiB"}, "--range-bytes"},
      {{"copy", "--range-bytes", "16MX"}, "--range-bytes"},
      {{"copy", "--defaults-file", "/nonexistent/my.cnf"}, "/nonexistent/my.cnf"},
      {{"copy", "--defaults-file", "/"}, "/"},
      {{"copy", "--from-password-file", "/nonexistent/password"}, "/nonexistent/password"},
  };
  for (const auto& c : cases) {
    Strings args = c.args;
    // Everything else is right.
    if (args.size() > 1 && args[1] != "--from") {
      args.insert(args.end(), ends.begin() + (args[1] == "--defaults-file" ? 1 : 0), ends.end());
    }
    SCOPED_TRACE(absl::StrJoin(args, " "));
    const ProcessResult result = RunZdpipe(args);
    EXPECT_TRUE(FailsWith(result, 2, {c.word}));
    EXPECT_EQ(result.standard_output, "");
  }
}

TEST(UsageTest, PasswordsOnTheCommandLineAreRefusedAndNotRepeated) {
  const Strings ends = {"--no-defaults", "--from", "127.0.0.1:1", "--to", "127.0.0.1:1"};
  const std::string secret = kSecret;
  for (const Strings& password :
       {Strings{"--password=" + secret}, Strings{"--password", secret}, Strings{"-p" + secret},
        Strings{"--from-password=" + secret}, Strings{"--to-password", secret},
        Strings{"--from-pass=" + secret}, Strings{"--pasword=" + secret}}) {
    Strings args = {"copy"};
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), password.begin(), password.end());
    SCOPED_TRACE(absl::StrJoin(args, " "));
    const ProcessResult result = RunZdpipe(args);
    EXPECT_TRUE(FailsWith(result, 2));
    EXPECT_THAT(result.standard_output + result.standard_error, Not(HasSubstr(secret)));
  }
  for (const std::string& uri :
       {"mariadb://root:" + secret + "@127.0.0.1:1/", "mysql://root:" + secret + "@127.0.0.1",
        "mariadb://root@127.0.0.1/?password=" + secret}) {
    SCOPED_TRACE(uri);
    const ProcessResult result =
        RunZdpipe({"copy", "--no-defaults", "--from", uri, "--to", "127.0.0.1:1"});
    EXPECT_TRUE(FailsWith(result, 2));
    EXPECT_THAT(result.standard_output + result.standard_error, Not(HasSubstr(secret)));
  }
}

TEST(UsageTest, UnknownHostsAndGroupsAreNamed) {
  Folder folder;
  WriteFile(folder / "my.cnf", "[client]\nuser=root\n[zdpipe_other]\nhost=127.0.0.1\n");
  const Strings more = {"--to", "127.0.0.1:1", "--handoff", folder / "handoff.json"};
  for (const Strings& args :
       {Strings{"copy", "--no-defaults", "--from", "no-such-host.invalid"},
        Strings{"copy", "--no-defaults", "--from", "no-such-host.invalid:3306"},
        Strings{"copy", "--defaults-file", folder / "my.cnf", "--from", "no-such-group"}}) {
    Strings all = args;
    all.insert(all.end(), more.begin(), more.end());
    SCOPED_TRACE(absl::StrJoin(all, " "));
    EXPECT_TRUE(FailsWith(RunZdpipe(all), 2, {args.back()}));
  }
}

// --- With servers -----------------------------------------------------------------------------

// A master, its replica as the source, stopped, and a target.
class CopyErrorsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    master_ = StartServer({.binlog = true}).release();
    source_ = StartServer().release();
    target_ = StartServer().release();
    if (master_ == nullptr || source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(SetUpReplication(*master_, *source_));
    for (TestServer* server : {source_, target_}) {
      EXPECT_DONE(server->Sql(
          absl::StrCat("SET sql_log_bin = 0; CREATE USER app@'%' IDENTIFIED BY '", kSecret, "'")));
    }
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
    delete master_;
    master_ = source_ = target_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(master_, nullptr);
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_DONE(target_->Sql("SET GLOBAL read_only = OFF; REVOKE ALL, GRANT OPTION FROM app"));
    ASSERT_DONE(
        master_->Sql("DROP DATABASE IF EXISTS d; CREATE DATABASE d; USE d;"
                     "CREATE TABLE d.t (id INT PRIMARY KEY, v INT);"
                     "INSERT INTO d.t SELECT seq, seq FROM seq_1_to_1000;"
                     "CREATE TABLE d.u (id INT PRIMARY KEY); INSERT INTO d.u VALUES (1)"));
    ASSERT_DONE(source_->Sql("START SLAVE"));
    ASSERT_DONE(AwaitReplica(*master_, *source_));
    ASSERT_DONE(source_->Sql("STOP SLAVE"));
  }

  Strings BothEnds() { return Ends(*source_, *target_); }
  ProcessResult Copy(const Strings& more = {}) { return RunCopy(BothEnds(), folder_, more); }

  // The cause is gone: a plain run has to do.
  void ExpectNextRunSucceeds() {
    EXPECT_TRUE(Succeeds(Copy()));
    EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
    EXPECT_EQ(UserDatabases(*target_), (Strings{"d"}));
    EXPECT_EQ(Handoff(folder_)["usable"], true);
  }

  void ExpectUntouchedTarget() { EXPECT_EQ(UserDatabases(*target_), Strings()); }

  static TestServer* master_;
  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* CopyErrorsTest::master_ = nullptr;
TestServer* CopyErrorsTest::source_ = nullptr;
TestServer* CopyErrorsTest::target_ = nullptr;

TEST_F(CopyErrorsTest, RefusedConnectionsAreTheEndThatRefuses) {
  Strings ends = BothEnds();
  ends[2] = "127.0.0.1:1";
  EXPECT_TRUE(FailsWith(RunCopy(ends, folder_), 4, {"source", "127.0.0.1:1"}));
  ends = BothEnds();
  ends[6] = "127.0.0.1:1";
  EXPECT_TRUE(FailsWith(RunCopy(ends, folder_), 5, {"target", "127.0.0.1:1"}));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

// Wherever a check loses a session, what it was not told is no finding.
TEST_F(CopyErrorsTest, CheckThatLosesASessionFindsNothing) {
  constexpr uint64_t kStepBytes = 997;
  for (TestServer* server : {source_, target_}) {
    const bool of_source = server == source_;
    SCOPED_TRACE(of_source ? "source" : "target");
    size_t cut = 0;
    for (uint64_t bytes = 300; bytes < 100'000; bytes += kStepBytes) {
      auto proxy = FaultProxy::Start(server->port());
      ASSERT_TRUE(proxy.ok()) << proxy.status();
      (*proxy)->CutAfter(0, bytes);
      const ProcessResult result = RunZdpipe(
          {"check", "--no-defaults", "--from", of_source ? (*proxy)->address() : source_->address(),
           "--from-user", "root", "--to", of_source ? target_->address() : (*proxy)->address(),
           "--to-user", "root"});
      if ((*proxy)->cuts() == 0) break;
      ++cut;
      EXPECT_EQ(result.exit_code, of_source ? 4 : 5)
          << "after " << bytes << " bytes: " << result.standard_output << result.standard_error;
    }
    EXPECT_GE(cut, 3u);
  }
}

TEST_F(CopyErrorsTest, WrongPasswordIsAUsageErrorAndNotShown) {
  ProcessOptions options;
  options.env = {{"ZDPIPE_TO_PASSWORD", "wrong-" + std::string(kSecret)}};
  Strings ends = BothEnds();
  ends.back() = "app";
  const ProcessResult result = RunCopy(ends, folder_, {"--output", "json"}, options);
  EXPECT_TRUE(FailsWith(result, 2, {"1045", "app"}));
  EXPECT_THAT(result.standard_output + result.standard_error, Not(HasSubstr(kSecret)));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, PasswordIsNowhereInWhatASuccessfulRunWrites) {
  ASSERT_DONE(target_->Sql("GRANT ALL ON *.* TO app"));
  ASSERT_DONE(source_->Sql("GRANT ALL ON *.* TO app"));
  WriteFile(folder_ / "my.cnf",
            absl::StrCat("[client]\nuser=app\npassword=", kSecret, "\n[zdpipe_old]\nhost=127.0.0.1",
                         "\nport=", source_->port(),
                         "\n[zdpipe_new]\nhost=127.0.0.1\nport=", target_->port(), "\n"));
  const ProcessResult result =
      RunCopy({"--defaults-file", folder_ / "my.cnf", "--from", "old", "--to", "new"}, folder_);
  EXPECT_TRUE(Succeeds(result));
  EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
  EXPECT_THAT(absl::StrCat(result.standard_output, result.standard_error,
                           ReadFile(folder_ / "report.json"), ReadFile(folder_ / "handoff.json")),
              Not(HasSubstr(kSecret)));
}

TEST_F(CopyErrorsTest, HandoffFolderThatDoesNotExistEndsBeforeAnythingIsDone) {
  EXPECT_TRUE(FailsWith(Copy({"--handoff", "/nonexistent/handoff.json"}), 2, {"/nonexistent"}));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, ReportFolderThatDoesNotExistEndsBeforeAnythingIsDone) {
  EXPECT_TRUE(FailsWith(Copy({"--report", "/nonexistent/report.json"}), 2, {"/nonexistent"}));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, TargetWithObjectsIsRefused) {
  ASSERT_DONE(target_->Sql("CREATE DATABASE d; CREATE TABLE d.mine (i INT)"));
  EXPECT_TRUE(FailsWith(Copy(), 3, {"TARGET_NOT_EMPTY", "mine"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.mine"), "0");
  ASSERT_DONE(target_->Sql("DROP TABLE d.mine"));
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, OtherDatabasesOfTheTargetStay) {
  ASSERT_DONE(target_->Sql("CREATE DATABASE mine; CREATE TABLE mine.t (i INT)"));
  EXPECT_TRUE(Succeeds(Copy()));
  EXPECT_EQ(UserDatabases(*target_), (Strings{"d", "mine"}));
}

TEST_F(CopyErrorsTest, RunningReplicaIsRefusedAndStoppedOnlyWhenAsked) {
  ASSERT_DONE(source_->Sql("START SLAVE"));
  EXPECT_TRUE(FailsWith(Copy(), 3, {"REPLICA_RUNNING", "--stop-replica"}));
  EXPECT_EQ(Rows(*source_, "SHOW STATUS LIKE 'Slave_running'"), (Strings{"Slave_running\tON"}));
  ExpectUntouchedTarget();

  EXPECT_TRUE(Succeeds(Copy({"--stop-replica"})));
  EXPECT_EQ(Rows(*source_, "SHOW STATUS LIKE 'Slave_running'"), (Strings{"Slave_running\tOFF"}));
  EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
  EXPECT_EQ(Handoff(folder_)["usable"], true);
}

TEST_F(CopyErrorsTest, ServerThatIsNoReplicaIsRefused) {
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*master_, *target_), folder_), 3,
                        {"SOURCE_NOT_REPLICA", "--source-state"}));
  ExpectUntouchedTarget();
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*master_, *target_), folder_, {"--source-state", "frozen"})));
}

TEST_F(CopyErrorsTest, TargetThatIsTheSourceIsRefused) {
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*source_, *source_), folder_), 3, {"SAME_SERVER"}));
  EXPECT_EQ(Value(*source_, "SELECT COUNT(*) FROM d.t"), "1000");
}

TEST_F(CopyErrorsTest, ReadOnlyTargetIsRefused) {
  ASSERT_DONE(target_->Sql("SET GLOBAL read_only = ON"));
  EXPECT_TRUE(FailsWith(Copy(), 3, {"TARGET_READ_ONLY"}));
  ASSERT_DONE(target_->Sql("SET GLOBAL read_only = OFF"));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, UserWithoutRightsOnTheTargetIsToldWhich) {
  ASSERT_DONE(target_->Sql("GRANT SELECT ON *.* TO app"));
  ProcessOptions options;
  options.env = {{"ZDPIPE_TO_PASSWORD", kSecret}};
  Strings ends = BothEnds();
  ends.back() = "app";
  const ProcessResult result = RunCopy(ends, folder_, {}, options);
  EXPECT_TRUE(FailsWith(result, 3, {"TARGET_PRIVILEGE_MISSING", "GRANT", "app"}));
  ExpectUntouchedTarget();
  ExpectNextRunSucceeds();
}

// What the master user of Amazon RDS has.
TEST_F(CopyErrorsTest, UserWithoutSuperCopiesAllButForeignDefiners) {
  ASSERT_DONE(target_->Sql(
      "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, "
      "ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, "
      "BINLOG MONITOR, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, "
      "TRIGGER, DELETE HISTORY, REPLICA MONITOR ON *.* TO app"));
  ASSERT_DONE(source_->Sql("CREATE DEFINER = 'other'@'%' VIEW d.v AS SELECT 1 AS one"));
  ProcessOptions options;
  options.env = {{"ZDPIPE_TO_PASSWORD", kSecret}};
  Strings ends = BothEnds();
  ends.back() = "app";
  const ProcessResult kept = RunCopy(ends, folder_, {}, options);
  const std::string rows = Value(*target_, "SELECT COUNT(*) FROM d.t");
  const bool usable = Handoff(folder_)["usable"];
  const ProcessResult current =
      RunCopy(ends, folder_, {"--definer", "current", "--target-not-empty", "drop"}, options);
  ASSERT_DONE(source_->Sql("DROP VIEW d.v"));

  EXPECT_TRUE(FailsWith(kept, 8, {"d.v"}));
  EXPECT_TRUE(absl::StrContains(kept.standard_output, "DEFINER_FOREIGN"));
  EXPECT_EQ(rows, "1000");
  EXPECT_TRUE(usable);
  EXPECT_TRUE(Succeeds(current));
}

TEST_F(CopyErrorsTest, SourceThatReplicatesMeanwhileMakesTheCopyUnusable) {
  ASSERT_DONE(master_->Sql("UPDATE d.t SET v = v + 1"));
  WriteLock lock(*target_);
  BackgroundZdpipe copy(CopyArgs(BothEnds(), folder_));
  ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
  EXPECT_EQ(Handoff(folder_)["usable"], false);

  ASSERT_DONE(source_->Sql("START SLAVE"));
  ASSERT_DONE(AwaitReplica(*master_, *source_));
  ASSERT_DONE(source_->Sql("STOP SLAVE"));
  lock.Release();

  EXPECT_TRUE(FailsWith(copy.Wait(), 6, {"moved"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  EXPECT_FALSE(Handoff(folder_)["reasons"].empty());
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, ReplicaStillRunningAtTheEndMakesTheCopyUnusable) {
  WriteLock lock(*target_);
  BackgroundZdpipe copy(CopyArgs(BothEnds(), folder_));
  ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
  ASSERT_DONE(source_->Sql("START SLAVE"));
  lock.Release();
  const ProcessResult result = copy.Wait();
  ASSERT_DONE(source_->Sql("STOP SLAVE"));
  EXPECT_TRUE(FailsWith(result, 6, {"moved"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, DefinitionsThatChangeMeanwhileAreASourceThatMoved) {
  for (const std::string ddl : {"ALTER TABLE d.t ADD COLUMN w INT", "DROP TABLE d.t",
                                "TRUNCATE TABLE d.t", "CREATE TABLE d.more (i INT)"}) {
    SCOPED_TRACE(ddl);
    SetUp();
    WriteLock lock(*target_);
    BackgroundZdpipe copy(CopyArgs(BothEnds(), folder_));
    ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
    ASSERT_DONE(master_->Sql(ddl));
    ASSERT_DONE(source_->Sql("START SLAVE"));
    ASSERT_DONE(AwaitReplica(*master_, *source_));
    ASSERT_DONE(source_->Sql("STOP SLAVE"));
    lock.Release();

    EXPECT_TRUE(FailsWith(copy.Wait(), 6));
    EXPECT_EQ(Handoff(folder_)["usable"], false);
    unlink((folder_ / "handoff.json").c_str());
  }
  ExpectNextRunSucceeds();
}

TEST_F(CopyErrorsTest, SecondRunIsRefusedWhileTheFirstOneLives) {
  WriteLock lock(*target_);
  BackgroundZdpipe first(CopyArgs(BothEnds(), folder_));
  ASSERT_TRUE(AwaitValue(*target_, "SELECT IS_USED_LOCK('zdpipe.zdpipe') IS NOT NULL", "1"));
  Folder other;
  EXPECT_TRUE(FailsWith(RunCopy(BothEnds(), other), 11, {"another run"}));
  lock.Release();
  EXPECT_TRUE(Succeeds(first.Wait()));
  EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
}

TEST_F(CopyErrorsTest, KilledTargetIsExitCode5) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE e; USE e;" + BigTableSql("big", 40)));
  BackgroundZdpipe copy(
      CopyArgs(BothEnds(), folder_, {"--range-bytes", "1MiB", "--retry-for", "2s"}));
  ASSERT_TRUE(AwaitValue(*target_, "SELECT MAX(id) > 0 FROM e.big", "1"));
  // Until the source cannot send any more: the hardest moment to get rid of its session.
  const std::unique_ptr<Session> locker = Connect(*target_);
  ASSERT_DONE(locker->Execute("FLUSH TABLES WITH READ LOCK"));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  target_->Kill9();
  const ProcessResult result = copy.Wait();
  ASSERT_DONE(target_->Restart());
  EXPECT_TRUE(FailsWith(result, 5, {"target"}));
  // Nothing goes on reading the source, with its snapshot and its lock on the table.
  EXPECT_TRUE(AwaitValue(*source_,
                         "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                         "'SELECT%`e`.`big`%' AND id <> CONNECTION_ID()",
                         "0", std::chrono::seconds(5)));
  EXPECT_EQ(Handoff(folder_)["usable"], false);

  EXPECT_TRUE(Succeeds(Copy()));
  EXPECT_EQ(Differences(*source_, *target_, {"d", "e"}), "");
  ASSERT_DONE(source_->Sql("DROP DATABASE e"));
}

TEST_F(CopyErrorsTest, KilledSourceIsExitCode4) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE e; USE e;" + BigTableSql("big", 40)));
  BackgroundZdpipe copy(
      CopyArgs(BothEnds(), folder_, {"--range-bytes", "1MiB", "--jobs", "1", "--retry-for", "2s"}));
  ASSERT_TRUE(AwaitValue(*target_, "SELECT MAX(id) > 0 FROM e.big", "1"));
  source_->Kill9();
  const ProcessResult result = copy.Wait();
  ASSERT_DONE(source_->Restart());
  ASSERT_DONE(source_->Sql("STOP SLAVE"));
  EXPECT_TRUE(FailsWith(result, 4, {"source"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);

  EXPECT_TRUE(Succeeds(Copy()));
  EXPECT_EQ(Differences(*source_, *target_, {"d", "e"}), "");
  ASSERT_DONE(source_->Sql("DROP DATABASE e"));
}

TEST_F(CopyErrorsTest, FullDiskOnTheTargetNamesTheTable) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE e; USE e;" + BigTableSql("big", 30)));
  // All tables in one file that may not grow.
  const auto full = StartServer({.args = {"--innodb-file-per-table=0",
                                          "--innodb-data-file-path=ibdata1:12M:autoextend:max:"
                                          "24M"}});
  ASSERT_NE(full, nullptr);
  const ProcessResult result = RunCopy(Ends(*source_, *full), folder_, {"--retry-for", "2s"});
  EXPECT_TRUE(FailsWith(result, 5, {"e.big", "full"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);

  ASSERT_DONE(full->Sql("SET GLOBAL innodb_file_per_table = 1"));
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *full), folder_)));
  EXPECT_EQ(Differences(*source_, *full, {"d", "e"}), "");
  ASSERT_DONE(source_->Sql("DROP DATABASE e"));
}

}  // namespace
}  // namespace zdpipe
