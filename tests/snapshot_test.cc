// Sessions in one snapshot, on a real server with a binlog.
#include "engine/snapshot/snapshot.h"

#include <gmock/gmock.h>

#include "pipeline/parallel.h"
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
    ASSERT_TRUE(
        server_->Sql("CREATE USER reader@'127.0.0.1'; GRANT SELECT ON *.* TO reader@'127.0.0.1'")
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

TEST_F(SnapshotTest, WithoutTheRightAQuietSourcesSnapshotIsBegunAnew) {
  Open(SourceState::kFrozen, server_->endpoint("reader", ""));
  Session& reader = *snapshot_.sessions[0];
  const auto let_go = [&](size_t tables_read) {
    return LetGoOfTables(reader, tables_read, SourceState::kFrozen, snapshot_.proof);
  };
  ASSERT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
  EXPECT_TRUE(let_go(kOften).ok());
  EXPECT_FALSE(CanBeAltered());
  EXPECT_TRUE(let_go(kVeryOften).ok());
  EXPECT_TRUE(IsInSnapshot(reader));

  // The ALTER is in the binlog: what it has altered is not the snapshot's any more.
  EXPECT_TRUE(CanBeAltered());
  const absl::Status moved = let_go(kVeryOften);
  EXPECT_EQ(FailureOf(moved), Failure::kConsistency) << moved;
  EXPECT_FALSE(IsInSnapshot(reader));
}

// What is written without a binlog would be seen by a new snapshot, and in no proof.
TEST_F(SnapshotTest, WithTheRightASnapshotIsNeverBegunAnew) {
  Open(SourceState::kFrozen);
  Session& reader = *snapshot_.sessions[0];
  ASSERT_EQ(reader.QueryValue("SELECT COUNT(*) FROM d.t").value_or("?"), "0");
  EXPECT_TRUE(LetGoOfTables(reader, kVeryOften, SourceState::kFrozen, snapshot_.proof).ok());
  ExpectTheSnapshotStays(reader);
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
