// Sessions in one snapshot, on a real server with a binlog.
#include "engine/snapshot/snapshot.h"

#include <gmock/gmock.h>

#include "absl/strings/strip.h"
#include "pipeline/parallel.h"
#include "tests/copy_harness.h"
#include "tests/support/hostile_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

constexpr size_t kOften = 640;       // tables read: a number at which they are let go of
constexpr size_t kVeryOften = 1024;  // at which a snapshot is begun anew, if need be

class SnapshotTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = TestServer::Start({.binlog = true});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    ASSERT_TRUE(server_
                    ->Sql("CREATE USER reader@'127.0.0.1', monitor@'127.0.0.1';"
                          "GRANT SELECT, REPLICA MONITOR ON *.* TO reader@'127.0.0.1';"
                          "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, REPLICA MONITOR, BINLOG "
                          "MONITOR ON *.* TO "
                          "monitor@'127.0.0.1'")
                    .ok());
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    ASSERT_TRUE(server_
                    ->Sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY);"
                          "CREATE TABLE d.u (id INT PRIMARY KEY); INSERT INTO d.u VALUES (1)")
                    .ok());
  }
  void TearDown() override {
    snapshot_ = {};
    reader_.reset();
    ASSERT_TRUE(server_->Sql("DROP DATABASE d").ok());
  }

  void Open(SourceState state, const Endpoint& endpoint = server_->root()) {
    auto snapshot = OpenSnapshot(endpoint, state, {{}, {}}, InParallel);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    snapshot_ = std::move(*snapshot);
  }

  void ExpectTablesAreLetGo(Session& reader) {
    ASSERT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
    EXPECT_TRUE(LetGoOfTables(reader, 1).ok());
    EXPECT_FALSE(CanBeAltered());
    EXPECT_TRUE(LetGoOfTables(reader, kOften).ok());
    EXPECT_TRUE(CanBeAltered());
    ExpectTheSnapshotStays(reader);
    EXPECT_TRUE(LetGoOfTables(reader, kOften).ok());
    ExpectTheSnapshotStays(reader);
  }

  static bool CanBeAltered() {
    return server_->Sql("SET lock_wait_timeout = 1; ALTER TABLE d.t COMMENT 'altered'").ok();
  }

  static void ExpectTheSnapshotStays(Session& reader) {
    ASSERT_TRUE(server_->Sql("INSERT INTO d.u SELECT MAX(id) + 1 FROM d.u").ok());
    EXPECT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.u").value_or("?"), "1");
  }

  static std::unique_ptr<TestServer> server_;
  Snapshot snapshot_;
  std::unique_ptr<Session> reader_;
};

std::unique_ptr<TestServer> SnapshotTest::server_;

TEST_F(SnapshotTest, TablesOfAQuietSourceAreLetGo) {
  Open(SourceState::kFrozen);
  ASSERT_EQ(snapshot_.sessions.size(), 2u);
  ExpectTablesAreLetGo(*snapshot_.sessions[1]);
}

TEST_F(SnapshotTest, TablesOfAMasterAreLetGo) {
  Open(SourceState::kMaster);
  ExpectTablesAreLetGo(*snapshot_.sessions[0]);
  EXPECT_FALSE(snapshot_.proof.binlog.empty());
}

TEST_F(SnapshotTest, TablesOfAReaderAreLetGo) {
  auto reader = OpenReader(server_->root(), End::kTarget, {});
  ASSERT_TRUE(reader.ok()) << reader.status();
  reader_ = std::move(*reader);
  ExpectTablesAreLetGo(*reader_);
}

TEST_F(SnapshotTest, AskingWhetherASessionIsInItsSnapshotLetsGoOfNothing) {
  for (const char* user : {"root", "reader"}) {
    Open(SourceState::kMaster, server_->endpoint(user, ""));
    Session& reader = *snapshot_.sessions[0];
    ASSERT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
    EXPECT_TRUE(IsInSnapshot(reader));
    EXPECT_TRUE(LetGoOfTables(reader, kOften).ok());
    EXPECT_FALSE(CanBeAltered());
    EXPECT_TRUE(IsInSnapshot(reader));
    EXPECT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
    ASSERT_TRUE(reader.Execute("COMMIT").ok());
    EXPECT_TRUE(reader.Execute("DO 0").ok());
    EXPECT_FALSE(IsInSnapshot(reader));
    snapshot_.sessions[1]->Cut();
    EXPECT_FALSE(IsInSnapshot(*snapshot_.sessions[1]));
  }
}

TEST_F(SnapshotTest, WithoutTheRightTablesAreKeptAndSoIsTheSnapshot) {
  Open(SourceState::kFrozen, server_->endpoint("reader", ""));
  Session& reader = *snapshot_.sessions[0];
  ASSERT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
  EXPECT_TRUE(LetGoOfTables(reader, kOften).ok());
  EXPECT_FALSE(CanBeAltered());
  ExpectTheSnapshotStays(reader);
}

class RenewalTest : public SnapshotTest {
 protected:
  void SetUp() override {
    SnapshotTest::SetUp();
    ASSERT_TRUE(PretendStoppedReplica(*server_).ok());
  }
  void TearDown() override {
    SnapshotTest::TearDown();
    ASSERT_TRUE(server_->Sql("RESET SLAVE ALL").ok());
  }
  // The session has read a table.
  Session& OpenAs(const std::string& user, SourceState state = SourceState::kStoppedReplica) {
    Open(state, server_->endpoint(user, ""));
    EXPECT_EQ(reader().QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
    return reader();
  }
  Session& reader() { return *snapshot_.sessions[0]; }
  absl::StatusOr<bool> LetGo(size_t tables_read, SourceState state = SourceState::kStoppedReplica) {
    return LetGoOrRenew(reader(), tables_read, state, snapshot_.proof);
  }
};

TEST_F(RenewalTest, WithoutTheRightTheSnapshotIsBegunAnew) {
  OpenAs("monitor");
  EXPECT_EQ(LetGo(kOften).value_or(true), false);
  EXPECT_FALSE(CanBeAltered());
  EXPECT_EQ(LetGo(kVeryOften).value_or(false), true);
  EXPECT_TRUE(IsInSnapshot(reader()));
  EXPECT_TRUE(CanBeAltered());
}

TEST_F(RenewalTest, ASourceThatHasMovedIsNotTheSameSnapshot) {
  OpenAs("monitor");
  ASSERT_TRUE(server_->Sql("INSERT INTO d.u VALUES (2)").ok());
  EXPECT_EQ(FailureOf(LetGo(kVeryOften).status()), Failure::kConsistency);
  EXPECT_FALSE(IsInSnapshot(reader()));
}

// What is written may be in no proof there, and must not come into a later snapshot.
TEST_F(RenewalTest, ASnapshotThatNothingProvesIsKept) {
  OpenAs("root");  // savepoints help
  EXPECT_EQ(LetGo(kVeryOften).value_or(true), false);
  ExpectTheSnapshotStays(reader());

  OpenAs("reader");  // may not know what the binlog leaves out
  EXPECT_EQ(LetGo(kVeryOften).value_or(true), false);
  EXPECT_FALSE(CanBeAltered());

  OpenAs("monitor", SourceState::kFrozen);  // replication may go on
  EXPECT_EQ(LetGo(kVeryOften, SourceState::kFrozen).value_or(true), false);
  EXPECT_FALSE(CanBeAltered());
}

TEST_F(RenewalTest, TheGtidPositionOfManyDomainsIsComplete) {
  std::vector<std::string> gtids;
  for (int domain = 1; domain <= 200; ++domain) gtids.push_back(absl::StrCat(domain, "-1-4711"));
  ASSERT_DONE(
      server_->Sql(absl::StrCat("SET GLOBAL gtid_slave_pos = '", absl::StrJoin(gtids, ","), "'")));
  const auto proof = ReadProof(server_->root(), SourceState::kStoppedReplica, {});
  ASSERT_DONE(server_->Sql("SET GLOBAL gtid_slave_pos = ''"));
  ASSERT_TRUE(proof.ok()) << proof.status();
  const Strings domains = absl::StrSplit(proof->replica_gtid, ',');
  EXPECT_THAT(domains, testing::UnorderedElementsAreArray(gtids));
}

// A MySQL that has transactions of many servers: SHOW VARIABLES would cut them off.
TEST_F(SnapshotTest, TheGtidsOfManyServersAreOneCompleteLine) {
  std::vector<std::string> gtids;
  for (int i = 10; i < 60; ++i) {
    gtids.push_back(absl::StrCat("3e11fa47-71ca-11e1-9e33-c80aa94295", i, ":1-5"));
  }
  const auto proxy = HostileProxy::Start(server_->port(), [&](const std::string& command) {
    return command == "QUERY SELECT @@GLOBAL.gtid_executed"
               ? Bytes(TextResult({"gtid_executed"}, {{absl::StrJoin(gtids, ",\n")}}))
               : HostileProxy::Answer();
  });
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  Endpoint endpoint = server_->root();
  endpoint.port = static_cast<uint16_t>(
      std::stoi(std::string(absl::StripPrefix((*proxy)->address(), "127.0.0.1:"))));
  const auto session = Session::Connect(endpoint, End::kSource, {});
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadGtidVariable(**session, "gtid_executed").value_or("?"), absl::StrJoin(gtids, ","));
}

TEST_F(SnapshotTest, AGtidVariableOfAnotherVendorIsEmpty) {
  const std::unique_ptr<Session> session = Connect(*server_);
  EXPECT_EQ(ReadGtidVariable(*session, "gtid_executed").value_or("?"), "");
}

// A whole copy by one lane.
class RenewalCopyTest : public RenewalTest {
 protected:
  static constexpr int kTables = 600;

  void SetUp() override {
    RenewalTest::SetUp();
    std::string sql = "CREATE DATABASE many;";
    for (int i = 0; i < kTables; ++i) {
      absl::StrAppend(&sql, "CREATE TABLE many.t", i, " (id INT PRIMARY KEY);");
    }
    ASSERT_DONE(server_->Sql(sql));
    target_ = StartServer();
    ASSERT_NE(target_, nullptr);
  }
  void TearDown() override {
    ASSERT_DONE(server_->Sql("DROP DATABASE many"));
    RenewalTest::TearDown();
  }
  Strings Args() {
    return CopyArgs({"--no-defaults", "--from", server_->address(), "--from-user", "monitor",
                     "--to", target_->address(), "--to-user", "root", "--databases", "many",
                     "--jobs", "1", "--verify", "none"},
                    folder_);
  }
  std::string TablesOnTarget() {
    return Value(*target_,
                 "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'many'");
  }

  std::unique_ptr<TestServer> target_;
  Folder folder_;
};

TEST_F(RenewalCopyTest, AllTablesArriveAndTheReportSaysSo) {
  ASSERT_TRUE(Succeeds(RunZdpipe(Args())));
  EXPECT_EQ(TablesOnTarget(), absl::StrCat(kTables));
  EXPECT_THAT(Report(folder_)["notes"].dump(), testing::HasSubstr("anew 1 times"));
}

TEST_F(RenewalCopyTest, ASourceThatMovesIsFoundInTheMiddle) {
  WriteLock lock(*target_);
  BackgroundZdpipe copy(Args());
  ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
  ASSERT_DONE(server_->Sql("INSERT INTO d.u VALUES (2)"));
  lock.Release();
  EXPECT_TRUE(FailsWith(copy.Wait(), 6, {"the source moved while it was read"}));
  EXPECT_EQ(TablesOnTarget(), "512");
}

// A savepoint goes into the binlog's cache: it may not leave it.
TEST_F(SnapshotTest, NothingGoesIntoTheBinlog) {
  const auto before = server_->Rows("SHOW MASTER STATUS");
  ASSERT_TRUE(before.ok()) << before.status();
  for (const char* user : {"root", "reader"}) {
    Open(SourceState::kFrozen, server_->endpoint(user, ""));
    Session& reader = *snapshot_.sessions[0];
    ASSERT_TRUE(reader.Execute("SELECT * FROM d.t").ok());
    ASSERT_TRUE(LetGoOfTables(reader, kOften).ok());
    ASSERT_TRUE(reader.Execute("ROLLBACK").ok());
    EXPECT_EQ(server_->Rows("SHOW MASTER STATUS").value_or(std::vector<std::string>()), *before);
  }
}

TEST_F(SnapshotTest, ASessionWithoutItsTransactionIsAnError) {
  Open(SourceState::kFrozen);
  Session& reader = *snapshot_.sessions[0];
  ASSERT_TRUE(reader.Execute("COMMIT").ok());
  const absl::Status status = LetGoOfTables(reader, kOften);
  EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
  EXPECT_EQ(ServerErrnoOf(status), 1305u) << status;
}

}  // namespace
}  // namespace zdpipe
