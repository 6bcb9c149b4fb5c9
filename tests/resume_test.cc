// What becomes of a copy whose servers, connections or own process fail: it goes on by itself, or
// stops with its exit code and goes on with --resume; each row is there once.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::HasSubstr;

constexpr char kUser[] = "zd";  // of zdpipe, to know its sessions by

// Tables of each kind that goes on in its own way, or does not: see docs/decisions/0050.
std::string Schema() {
  return absl::StrCat(
      "CREATE DATABASE r; USE r;", BigTableSql("big", 24, ", KEY (a, b), KEY (c)"),
      // No key: equal rows, in the order of a hidden one.
      "CREATE TABLE keyless (a INT, b VARCHAR(300));"
      "INSERT INTO keyless SELECT seq % 7, REPEAT('k', 200) FROM seq_1_to_40000;",
      // Read again and compared: only some keys say how to go on behind a row.
      "CREATE TABLE words (w VARCHAR(40) COLLATE utf8mb4_unicode_ci, n INT, v DOUBLE, "
      "PRIMARY KEY (w, n), KEY (v));"
      "INSERT INTO words SELECT CONCAT(MD5(seq), IF(seq % 3, ' ', 'x')), seq, seq / 7 "
      "FROM seq_1_to_60000;",
      "CREATE TABLE pair (a BIGINT UNSIGNED, b SMALLINT, c DECIMAL(20,5), d VARBINARY(20), "
      "e VARCHAR(200), PRIMARY KEY (a, b, c, d));"
      "INSERT INTO pair SELECT 18446744073709551615 - seq DIV 100, CAST(seq % 100 AS SIGNED) - 50, "
      "seq / 3, "
      "UNHEX(MD5(seq)), REPEAT('p', 150) FROM seq_1_to_40000;",
      "CREATE TABLE my (id INT PRIMARY KEY, v VARCHAR(200)) ENGINE=MyISAM;"
      "INSERT INTO my SELECT seq, REPEAT('m', 150) FROM seq_1_to_20000;",
      "CREATE TABLE full_text (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT, n INT, FULLTEXT (t), "
      "KEY (n));"
      "INSERT INTO full_text (t, n) SELECT CONCAT('word', seq % 500, REPEAT(' and more', 20)), seq "
      "FROM seq_1_to_10000;",
      "CREATE TABLE parent (id INT PRIMARY KEY); INSERT INTO parent SELECT seq FROM seq_1_to_100;"
      "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id));"
      "INSERT INTO child SELECT seq, seq % 100 + 1 FROM seq_1_to_1000;"
      "CREATE SEQUENCE s; SELECT NEXTVAL(s);"
      "CREATE VIEW v AS SELECT COUNT(*) AS n FROM big;"
      "CREATE PROCEDURE p() SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;"
      "CREATE TRIGGER t BEFORE INSERT ON child FOR EACH ROW SET NEW.p = NEW.p;"
      "ANALYZE TABLE keyless, words, pair, full_text;");
}

class ResumeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // With a binlog, and without replication that starts by itself: as a source is restarted.
    source_ = StartServer({.args = {"--skip-slave-start"}, .binlog = true}).release();
    target_ = StartServer({.args = {"--innodb-flush-log-at-trx-commit=1"}}).release();
    if (source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(PretendStoppedReplica(*source_));
    for (TestServer* server : {source_, target_}) {
      EXPECT_DONE(server->Sql("CREATE USER zd@'%'; GRANT ALL ON *.* TO zd@'%' WITH GRANT OPTION"));
    }
    EXPECT_DONE(source_->Sql(Schema()));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
    source_ = target_ = nullptr;
  }
  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(target_->Sql("KILL USER zd"));
    ASSERT_DONE(DropUserDatabases(*target_));
  }

  // Small ranges, slowly: the fault finds the copy in the middle.
  Strings Options(const Strings& more = {}) const {
    Strings options = {"--range-bytes", "1MiB", "--memory", "64MiB", "--jobs", "2"};
    options.insert(options.end(), more.begin(), more.end());
    return options;
  }
  Strings Args(const Strings& more = {}) { return ArgsTo(target_->address(), more); }
  Strings ArgsTo(const std::string& address, const Strings& more = {}) {
    return ArgsBetween(source_->address(), address, more);
  }
  // Through `proxy` to `server`, straight to the other one.
  Strings ArgsThrough(const FaultProxy& proxy, const TestServer& server, const Strings& more) {
    return &server == source_ ? ArgsBetween(proxy.address(), target_->address(), more)
                              : ArgsTo(proxy.address(), more);
  }
  Strings ArgsBetween(const std::string& from, const std::string& to, const Strings& more) {
    return CopyArgs(
        {"--no-defaults", "--from", from, "--from-user", kUser, "--to", to, "--to-user", kUser},
        folder_, Options(more));
  }
  ProcessResult Resume(const Strings& more = {}) {
    Strings args = Args(more);
    args.push_back("--resume");
    return RunZdpipe(args);
  }

  bool AwaitRanges(int count, const std::string& table = "big") {
    return AwaitValue(*target_,
                      absl::StrCat("SELECT COUNT(*) >= ", count,
                                   " FROM zdpipe.`range` JOIN zdpipe.object USING (table_id) WHERE "
                                   "name = '",
                                   table, "'"),
                      "1");
  }
  static bool NoSessionIsLeft(TestServer& server) {
    return AwaitValue(server,
                      "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'zd'", "0");
  }
  void ExpectComplete(const ProcessResult& result) {
    EXPECT_TRUE(Succeeds(result));
    auto without_counters = [](std::map<std::string, std::string> facts) {
      for (auto& [name, value] : facts) value = WithoutCounters(std::move(value));
      return facts;
    };
    EXPECT_EQ(Differences(without_counters(Fingerprint(*source_, {"r"})),
                          without_counters(Fingerprint(*target_, {"r"}))),
              "");
    EXPECT_EQ(UserDatabases(*target_), (Strings{"r"}));
    EXPECT_EQ(Handoff(folder_)["usable"], true);
    EXPECT_TRUE(NoSessionIsLeft(*source_));
    EXPECT_TRUE(NoSessionIsLeft(*target_));
  }
  // The copy that was begun with --rate and killed after some ranges of `table`.
  void KillWhenRangesAreIn(int count, const std::string& table = "big") {
    BackgroundZdpipe copy(Args({"--rate", "12MiB"}), SIGKILL);
    ASSERT_TRUE(AwaitRanges(count, table));
    copy.Signal();
    ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  }
  absl::StatusOr<std::unique_ptr<FaultProxy>> Proxy(TestServer& server) {
    return FaultProxy::Start(server.port());
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* ResumeTest::source_ = nullptr;
TestServer* ResumeTest::target_ = nullptr;

TEST_F(ResumeTest, KilledProcessGoesOnBehindWhatIsIn) {
  KillWhenRangesAreIn(5);
  const std::string before =
      Value(*target_, "SELECT GROUP_CONCAT(table_id, '.', number ORDER BY 1) FROM zdpipe.`range`");
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  ExpectComplete(Resume());
  const Json report = Report(folder_);
  EXPECT_GE(report["resume"]["ranges_kept"], 5) << before;
  EXPECT_EQ(report["resume"]["attempts"], 1);
  EXPECT_EQ(report["totals"]["rows"], 24 * 1024 + 40000 + 60000 + 40000 + 20000 + 10000 + 1100);
}

TEST_F(ResumeTest, KilledProcessKeepsRangesOfTablesWithoutAKeyAndWithWords) {
  for (const char* table : {"keyless", "words", "pair"}) {
    SCOPED_TRACE(table);
    ASSERT_DONE(DropUserDatabases(*target_));
    KillWhenRangesAreIn(2, table);
    ExpectComplete(Resume());
    EXPECT_GE(Report(folder_)["resume"]["ranges_kept"], 2);
  }
}

TEST_F(ResumeTest, KilledAgainAndAgain) {
  KillWhenRangesAreIn(1);
  for (int i = 0; i < 6; ++i) {
    const ProcessResult killed =
        RunZdpipe(Args({"--rate", "9MiB", "--resume"}),
                  {.signal = SIGKILL, .signal_after = std::chrono::milliseconds(150 + 250 * i)});
    if (killed.exit_code == 0) break;  // as it may with slow processes
    ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << i << " " << killed.standard_error;
  }
  ExpectComplete(Resume());
}

TEST_F(ResumeTest, InterruptedProcessSavesItsState) {
  BackgroundZdpipe copy(Args({"--rate", "12MiB"}), SIGINT);
  ASSERT_TRUE(AwaitRanges(3));
  copy.Signal();
  EXPECT_TRUE(FailsWith(copy.Wait(), 10, {"stopped", "--resume"}));
  ExpectComplete(Resume());
  EXPECT_GE(Report(folder_)["resume"]["ranges_kept"], 3);
}

TEST_F(ResumeTest, KilledDuringIndexesBuildsThemOnce) {
  // A reader keeps the ALTER from its lock: it is there for the kill, and still there afterwards.
  BackgroundZdpipe copy(Args(), SIGKILL);
  const std::unique_ptr<Session> reader = Connect(*target_);
  ASSERT_TRUE(Await([&] {
    return reader->Query("SET autocommit = 0").ok() &&
           reader->Query("SELECT 1 FROM r.big LIMIT 1").ok();
  }));
  ASSERT_TRUE(AwaitValue(*target_,
                         "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'zd' "
                         "AND info LIKE '%ALTER TABLE `r`.`big`%'",
                         "1"));
  copy.Signal();
  ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  BackgroundZdpipe again(Args({"--resume"}));
  // The orphan is ended, not waited for.
  EXPECT_TRUE(AwaitValue(*target_,
                         "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'zd' "
                         "AND info LIKE '%ALTER TABLE `r`.`big`%'",
                         "1"));
  ASSERT_DONE(reader->Execute("ROLLBACK"));
  ExpectComplete(again.Wait());
}

TEST_F(ResumeTest, TargetThatIsKilledAndComesBackIsGoneOnWith) {
  BackgroundZdpipe copy(Args({"--rate", "12MiB"}));
  ASSERT_TRUE(AwaitRanges(3));
  target_->Kill9();
  ASSERT_DONE(target_->Restart());
  ExpectComplete(copy.Wait());
  EXPECT_GT(Report(folder_)["totals"]["retries"], 0);
}

TEST_F(ResumeTest, SourceThatIsKilledAndComesBackIsGoneOnWith) {
  BackgroundZdpipe copy(Args({"--rate", "12MiB"}));
  ASSERT_TRUE(AwaitRanges(3));
  source_->Kill9();
  ASSERT_DONE(source_->Restart());
  ExpectComplete(copy.Wait());
  EXPECT_GE(Report(folder_)["resume"]["ranges_kept"], 3);
}

TEST_F(ResumeTest, SourceThatMovedIsExitCode6) {
  KillWhenRangesAreIn(3);
  ASSERT_DONE(source_->Sql("UPDATE r.child SET p = 1 WHERE id = 2"));
  EXPECT_TRUE(FailsWith(Resume(), 6, {"moved", "binlog"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  ASSERT_DONE(source_->Sql("UPDATE r.child SET p = 3 WHERE id = 2"));
  // A fresh start removes what there is.
  ExpectComplete(RunZdpipe(Args()));
}

TEST_F(ResumeTest, AnotherPlanSourceOrTargetIsRefused) {
  KillWhenRangesAreIn(2);
  EXPECT_TRUE(FailsWith(Resume({"--exclude-tables", "r.words"}), 9, {"--exclude-tables", "words"}));
  EXPECT_TRUE(FailsWith(Resume({"--verify", "none"}), 9, {"--verify was rows, is none"}));
  EXPECT_TRUE(FailsWith(Resume({"--definer", "current"}), 9, {"--definer was keep, is current"}));
  EXPECT_TRUE(FailsWith(Resume({"--source-state", "master"}), 9, {"cannot be resumed"}));
  ASSERT_DONE(target_->Sql("UPDATE zdpipe.plan SET value = '0.0.1' WHERE name = 'zdpipe version'"));
  EXPECT_TRUE(FailsWith(Resume(), 9, {"zdpipe version was 0.0.1"}));
  const std::string version = ParseJson(ReadFile(folder_ / "report.json"))["tool_version"];
  ASSERT_DONE(target_->Sql(absl::StrCat("UPDATE zdpipe.plan SET value = '", version,
                                        "' WHERE name = 'zdpipe version'")));
  // Of a build whose ledger had other tables.
  ASSERT_DONE(
      target_->Sql("CREATE TABLE r.kept SELECT * FROM zdpipe.plan WHERE name = 'ledger';"
                   "DELETE FROM zdpipe.plan WHERE name = 'ledger'"));
  EXPECT_TRUE(FailsWith(Resume(), 9, {"ledger was (none), is format"}));
  ASSERT_DONE(target_->Sql("INSERT INTO zdpipe.plan SELECT * FROM r.kept; DROP TABLE r.kept"));
  {
    const auto other = StartServer({.args = {"--server-id=77"}, .binlog = true});
    ASSERT_NE(other, nullptr);
    ASSERT_DONE(PretendStoppedReplica(*other));
    ASSERT_DONE(other->Sql("CREATE USER zd@'%'; GRANT ALL ON *.* TO zd@'%' WITH GRANT OPTION"));
    ASSERT_DONE(other->Sql(Schema()));
    Strings args = CopyArgs({"--no-defaults", "--from", other->address(), "--from-user", kUser,
                             "--to", target_->address(), "--to-user", kUser},
                            folder_, Options({"--resume"}));
    EXPECT_TRUE(FailsWith(RunZdpipe(args), 9, {"source was", "server_id 77"}));
    // And as a target: the handoff file says where the run was.
    EXPECT_TRUE(FailsWith(RunZdpipe(ArgsTo(other->address(), {"--resume"})), 9,
                          {"no run to resume", target_->address()}));
  }
  ExpectComplete(Resume());
}

TEST_F(ResumeTest, WithoutARunStartsAtTheBeginning) {
  const ProcessResult result = Resume();
  EXPECT_THAT(result.standard_error, HasSubstr("starting at the beginning"));
  ExpectComplete(result);
  EXPECT_TRUE(Report(folder_)["resume"].is_null());
}

TEST_F(ResumeTest, LostAnswersToCommitsBringNoRowTwice) {
  auto proxy = Proxy(*target_);
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  BackgroundZdpipe copy(ArgsTo((*proxy)->address(), {"--rate", "20MiB"}));
  for (int i = 1; i <= 10; ++i) {
    const size_t cuts = (*proxy)->cuts();
    i % 2 == 0 ? (*proxy)->CutBeforeNextCommit() : (*proxy)->CutAfterNextCommit();
    ASSERT_TRUE(Await([&] { return (*proxy)->cuts() > cuts || copy.ended(); }));
  }
  ExpectComplete(copy.Wait());
  EXPECT_GE((*proxy)->cuts(), 5u);
  EXPECT_GE(Report(folder_)["totals"]["retry_causes"]["lost connection"], 5);
}

TEST_F(ResumeTest, CutConnectionsOfEitherEndAreReplaced) {
  for (TestServer* server : {source_, target_}) {
    SCOPED_TRACE(server == source_ ? "source" : "target");
    ASSERT_DONE(DropUserDatabases(*target_));
    auto proxy = Proxy(*server);
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    BackgroundZdpipe copy(ArgsThrough(**proxy, *server, {"--rate", "12MiB"}));
    ASSERT_TRUE(AwaitRanges(2));
    for (int i = 0; i < 3; ++i) {
      (*proxy)->CutAll();
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
    }
    ExpectComplete(copy.Wait());
  }
}

TEST_F(ResumeTest, ServerThatSaysNothingIsGivenUpInTime) {
  for (TestServer* server : {source_, target_}) {
    SCOPED_TRACE(server == source_ ? "source" : "target");
    ASSERT_DONE(DropUserDatabases(*target_));
    BackgroundZdpipe copy(Args({"--rate", "12MiB", "--io-timeout", "2s", "--retry-for", "3s"}));
    ASSERT_TRUE(AwaitRanges(2));
    server->Pause();
    const bool in_time = Await([&] { return copy.ended(); }, std::chrono::seconds(50));
    server->Resume();
    EXPECT_TRUE(in_time);
    EXPECT_TRUE(FailsWith(copy.Wait(), server == source_ ? 4 : 5, {"--resume"}));
    EXPECT_TRUE(NoSessionIsLeft(*target_));
    ExpectComplete(Resume());
  }
}

TEST_F(ResumeTest, ServerThatPausesIsWaitedFor) {
  BackgroundZdpipe copy(Args({"--rate", "12MiB", "--io-timeout", "2s"}));
  ASSERT_TRUE(AwaitRanges(2));
  target_->Pause();
  std::this_thread::sleep_for(std::chrono::seconds(6));
  target_->Resume();
  ExpectComplete(copy.Wait());
}

TEST_F(ResumeTest, HalfOpenConnectionsAreReplacedAndEnded) {
  for (TestServer* server : {source_, target_}) {
    SCOPED_TRACE(server == source_ ? "source" : "target");
    ASSERT_DONE(DropUserDatabases(*target_));
    auto proxy = Proxy(*server);
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    BackgroundZdpipe copy(ArgsThrough(**proxy, *server, {"--rate", "12MiB", "--io-timeout", "2s"}));
    ASSERT_TRUE(AwaitRanges(2));
    // All that are open now; new ones are served.
    const size_t connections = (*proxy)->connections();
    for (size_t i = 0; i < connections; ++i) (*proxy)->Stall(i);
    ExpectComplete(copy.Wait());
  }
}

TEST_F(ResumeTest, DeadlineStopsAndSaves) {
  const ProcessResult result = RunZdpipe(Args({"--rate", "6MiB", "--deadline", "3s"}));
  EXPECT_TRUE(FailsWith(result, 10, {"deadline of 3 s", "--resume"}));
  ExpectComplete(Resume());
}

// The thread that looks at the deadline's effects may itself wait for the server.
TEST_F(ResumeTest, DeadlineEndsACopyWhoseServerDoesNotAnswer) {
  const auto start = std::chrono::steady_clock::now();
  BackgroundZdpipe copy(Args({"--rate", "6MiB", "--deadline", "4s", "--io-timeout", "120s"}));
  ASSERT_TRUE(AwaitRanges(1));
  target_->Pause();
  const ProcessResult result = copy.Wait();
  target_->Resume();
  EXPECT_TRUE(FailsWith(result, 10, {"did not answer", "--resume"}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(40));
  ExpectComplete(Resume());
}

// Neither the run that meets it, nor one that goes on, nor one that begins anew.
TEST_F(ResumeTest, TableThatSomebodyElseHasMadeIsNeverRemoved) {
  const auto is_there = [&] { return Value(*target_, "SELECT who FROM r.parent") == "somebody"; };
  {
    BackgroundZdpipe copy(Args({"--rate", "12MiB"}), SIGKILL);
    ASSERT_TRUE(AwaitRanges(1));
    ASSERT_DONE(
        target_->Sql("CREATE TABLE r.parent (id INT PRIMARY KEY, who VARCHAR(20)); INSERT INTO "
                     "r.parent VALUES (1, 'somebody')"));
    ASSERT_TRUE(AwaitValue(*target_, "SELECT COUNT(*) FROM zdpipe.object WHERE stage = 3", "1"));
    copy.Signal();
    ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  }
  EXPECT_TRUE(is_there());
  EXPECT_TRUE(FailsWith(Resume(), 3, {"TARGET_NOT_EMPTY", "parent"}));
  EXPECT_TRUE(FailsWith(RunZdpipe(Args()), 3, {"TARGET_NOT_EMPTY", "parent"}));
  EXPECT_TRUE(is_there());
  ASSERT_DONE(target_->Sql("DROP TABLE r.parent"));
  ExpectComplete(Resume());
}

TEST_F(ResumeTest, RunThatWasTakenOverWritesNothingMore) {
  // With --target-not-empty drop: nothing of what the other one has made may be taken for
  // leftovers.
  BackgroundZdpipe hung(Args({"--rate", "3MiB", "--retry-for", "5s", "--target-not-empty", "drop"}),
                        SIGSTOP);
  ASSERT_TRUE(AwaitRanges(2));
  const std::string holder = Value(*target_, "SELECT IS_USED_LOCK('zdpipe.zdpipe')");
  hung.Signal();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // What the server does of itself after a minute without a heartbeat.
  ASSERT_DONE(target_->Sql(absl::StrCat("KILL ", holder)));
  ASSERT_TRUE(AwaitValue(*target_, "SELECT IS_FREE_LOCK('zdpipe.zdpipe')", "1"));
  Folder other;
  Strings args = CopyArgs(Ends(*source_, *target_, kUser), other, Options({"--resume"}));
  EXPECT_TRUE(Succeeds(RunZdpipe(args)));
  ASSERT_DONE(source_->Sql("SELECT 1"));
  hung.Continue();
  const ProcessResult result = hung.Wait();
  EXPECT_THAT(result.exit_code, testing::AnyOf(9, 11)) << result.standard_error;
  EXPECT_EQ(Differences(*source_, *target_, {"r"}), "");
}

TEST_F(ResumeTest, FullDiskIsWaitedFor) {
  // All tables in one file that may not grow; somebody makes room.
  const auto full = StartServer({.args = {"--innodb-file-per-table=0",
                                          "--innodb-data-file-path=ibdata1:12M:autoextend:max:"
                                          "72M"}});
  ASSERT_NE(full, nullptr);
  ASSERT_DONE(
      full->Sql("CREATE USER zd@'%'; GRANT ALL ON *.* TO zd@'%' WITH GRANT OPTION;"
                "CREATE DATABASE ballast; USE ballast;" +
                BigTableSql("b", 40)));
  BackgroundZdpipe copy(ArgsTo(full->address(), {"--tables", "r.big,r.pair"}));
  ASSERT_TRUE(AwaitValue(*full, "SELECT COUNT(*) > 2 FROM zdpipe.`range`", "1"));
  std::this_thread::sleep_for(std::chrono::seconds(4));
  ASSERT_DONE(full->Sql("DROP DATABASE ballast"));
  const ProcessResult result = copy.Wait();
  EXPECT_TRUE(Succeeds(result));
  EXPECT_THAT(result.standard_error, HasSubstr("full disk"));
  EXPECT_GT(Report(folder_)["totals"]["retry_causes"]["full disk"], 0);
  EXPECT_EQ(Value(*full, "SELECT COUNT(*) FROM r.big"), std::to_string(24 * 1024));
}

TEST_F(ResumeTest, ReadOnlyTargetIsWaitedFor) {
  ASSERT_DONE(
      target_->Sql("CREATE USER plain@'%'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, "
                   "DROP, INDEX, ALTER, REFERENCES, LOCK TABLES, CREATE VIEW, SHOW VIEW, "
                   "TRIGGER, EVENT, CREATE ROUTINE, ALTER ROUTINE, PROCESS ON *.* TO "
                   "plain@'%'"));
  BackgroundZdpipe copy(CopyArgs({"--no-defaults", "--from", source_->address(), "--from-user",
                                  kUser, "--to", target_->address(), "--to-user", "plain"},
                                 folder_,
                                 Options({"--rate", "12MiB", "--tables", "r.big,r.words"})));
  ASSERT_TRUE(AwaitRanges(2));
  ASSERT_DONE(target_->Sql("SET GLOBAL read_only = ON"));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  ASSERT_DONE(target_->Sql("SET GLOBAL read_only = OFF"));
  EXPECT_TRUE(Succeeds(copy.Wait()));
  EXPECT_GT(Report(folder_)["totals"]["retry_causes"]["read-only server"], 0);
}

TEST_F(ResumeTest, TablesThatARestartEmptiesAreCopiedAnew) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE m; USE m; CREATE TABLE a (id INT PRIMARY KEY) "
                   "ENGINE=MEMORY; INSERT INTO a VALUES (1), (2), (3);"
                   "CREATE TABLE b (id INT PRIMARY KEY); INSERT INTO b VALUES (1);" +
                   BigTableSql("c", 8)));
  {
    BackgroundZdpipe copy(Args({"--databases", "m", "--rate", "1MiB"}), SIGKILL);
    // The small ones are done, and the ledger says so.
    ASSERT_TRUE(AwaitValue(*target_,
                           "SELECT COUNT(*) FROM zdpipe.object WHERE name IN ('a', 'b') AND stage "
                           "= 2",
                           "2"));
    copy.Signal();
    ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  }
  target_->Kill9();
  ASSERT_DONE(target_->Restart());
  ASSERT_EQ(Value(*target_, "SELECT COUNT(*) FROM m.a"), "0");
  EXPECT_TRUE(Succeeds(Resume({"--databases", "m"})));
  EXPECT_EQ(Differences(*source_, *target_, {"m"}), "");
  EXPECT_EQ(Report(folder_)["resume"]["tables_kept"], 1);
  ASSERT_DONE(source_->Sql("DROP DATABASE m"));
}

TEST_F(ResumeTest, TableThatIsGoneIsCopiedAnewFromItsBeginning) {
  KillWhenRangesAreIn(8, "keyless");
  // Whatever stage it had: half of it again, and again.
  ASSERT_DONE(target_->Sql(
      "UPDATE zdpipe.object SET stage = 2 WHERE name = 'keyless'; DROP TABLE r.keyless"));
  Strings args = Args({"--rate", "12MiB", "--resume"});
  {
    BackgroundZdpipe copy(args, SIGKILL);
    ASSERT_TRUE(AwaitValue(*target_, "SELECT COUNT(*) > 0 FROM r.keyless", "1"));
    copy.Signal();
    ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  }
  ExpectComplete(Resume());
}

TEST_F(ResumeTest, RunThatHasEndedIsLeftAlone) {
  ASSERT_TRUE(Succeeds(RunZdpipe(Args({"--keep-control"}))));
  ASSERT_DONE(target_->Sql("INSERT INTO r.parent VALUES (4711); DROP VIEW r.v"));  // it is in use
  const ProcessResult result = Resume({"--keep-control"});
  EXPECT_TRUE(Succeeds(result));
  EXPECT_THAT(result.standard_error, HasSubstr("has ended already"));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM r.parent"), "101");
  unlink((folder_ / "handoff.json").c_str());
  EXPECT_TRUE(FailsWith(Resume(), 9, {"has ended"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM r.parent"), "101");
  ASSERT_DONE(target_->Sql("DROP DATABASE zdpipe"));
}

TEST_F(ResumeTest, RunWithSeveralChannelsThatHasEndedIsLeftAlone) {
  ASSERT_DONE(
      source_->Sql("CHANGE MASTER 'two' TO master_host='192.0.2.2', master_user='repl', "
                   "master_log_file='binlog.000007', master_log_pos=4"));
  for (const Strings& options : {Strings{}, Strings{"--keep-control"}}) {
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_TRUE(Succeeds(RunZdpipe(Args(options))));
    ASSERT_DONE(target_->Sql("INSERT INTO r.parent VALUES (4711)"));  // it is in use
    const ProcessResult result = Resume({"--target-not-empty", "drop"});
    EXPECT_TRUE(Succeeds(result));
    EXPECT_THAT(result.standard_error, HasSubstr("has ended already"));
    EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM r.parent"), "101");
  }
  ASSERT_DONE(source_->Sql("RESET SLAVE 'two' ALL"));
}

TEST_F(ResumeTest, HandoffOfARunThatHasEndedStaysWhenItsLedgerCannotBeRemoved) {
  ASSERT_TRUE(Succeeds(RunZdpipe(Args({"--keep-control"}))));
  ASSERT_DONE(target_->Sql(
      "CREATE USER keeper@'127.0.0.1'; GRANT SELECT, INSERT, UPDATE ON *.* TO keeper@'127.0.0.1'"));
  const std::string handoff = ReadFile(folder_ / "handoff.json");
  const ProcessResult result =
      RunZdpipe(CopyArgs({"--no-defaults", "--from", source_->address(), "--from-user", kUser,
                          "--to", target_->address(), "--to-user", "keeper", "--resume"},
                         folder_, Options({})));
  EXPECT_TRUE(Succeeds(result));
  EXPECT_THAT(result.standard_error, HasSubstr("has ended already"));
  EXPECT_THAT(result.standard_error, HasSubstr("the ledger cannot be removed"));
  EXPECT_EQ(ReadFile(folder_ / "handoff.json"), handoff);
  ASSERT_DONE(target_->Sql("DROP USER keeper@'127.0.0.1'; DROP DATABASE zdpipe"));
}

TEST_F(ResumeTest, RunThatWasStoppedWhenItsLedgerWasGoneHasEnded) {
  ASSERT_TRUE(Succeeds(RunZdpipe(Args({"--keep-control"}))));
  ASSERT_DONE(target_->Sql("DROP TABLE zdpipe.object, zdpipe.claim, zdpipe.plan"));
  for (int i = 0; i < 2; ++i) {  // with remains of the ledger, and without
    const ProcessResult result = Resume();
    EXPECT_THAT(result.standard_error, HasSubstr("has ended already"));
    ExpectComplete(result);
  }
  // Not when the source, or the target, is not as it was.
  ASSERT_DONE(target_->Sql("DROP TABLE r.words"));
  EXPECT_TRUE(FailsWith(Resume(), 3, {"TARGET_NOT_EMPTY"}));
}

}  // namespace
}  // namespace zdpipe
