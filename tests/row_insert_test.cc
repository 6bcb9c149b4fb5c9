// Rows that are sent before the server has answered for those in front of them, on a real server.
#include "engine/server/row_insert.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "engine/server/row_stream.h"
#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

constexpr size_t kBatchBytes = 1 << 16;
constexpr size_t kRequestBytes = kBatchBytes;

class RowInsertTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = StartServer();
    ASSERT_NE(server_, nullptr);
    ASSERT_DONE(
        server_->Sql("CREATE DATABASE d; USE d; CREATE TABLE s (id INT, v VARCHAR(300));"
                     "INSERT INTO s SELECT seq, REPEAT('v', 200) FROM seq_1_to_2000"));
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    ASSERT_DONE(server_->Sql(
        "DROP TABLE IF EXISTS d.t; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(300))"));
    target_ = Connect(*server_);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(target_->Execute("SET autocommit = 0"));
  }

  // Batches of the source's rows, several of them.
  void Read(const std::string& select) {
    const std::unique_ptr<Session> source = Connect(*server_);
    ASSERT_NE(source, nullptr);
    const auto stream =
        RowStream::Open(*source, select, std::vector<ColumnRole>(2, ColumnRole::kPlain));
    ASSERT_DONE(stream.status());
    while (*(*stream)->Next()) {
      if (!batches_.empty() && batches_.back().Append((*stream)->row())) continue;
      ASSERT_TRUE(batches_.emplace_back(kBatchBytes).Append((*stream)->row()));
    }
    ASSERT_GE(batches_.size(), 5u);
    auto insert = RowInsert::Prepare(*target_, InsertMethod::kArray, "INSERT INTO d.t VALUES ",
                                     (*stream)->layout());
    ASSERT_DONE(insert.status());
    insert_ = *std::move(insert);
  }

  // The first batch as a whole, then the others ahead of the answers.
  absl::Status InsertAll() {
    ZDPIPE_RETURN_IF_ERROR(insert_->Execute(batches_[0], 0, batches_[0].rows(), 0));
    for (size_t i = 1; i < batches_.size(); ++i) {
      EXPECT_TRUE(insert_->MaySend(kRequestBytes));
      ZDPIPE_RETURN_IF_ERROR(insert_->Send(batches_[i], 0, batches_[i].rows()));
    }
    return insert_->Await();
  }

  std::string Rows() { return server_->Value("SELECT COUNT(*) FROM d.t").value_or(""); }

  static std::unique_ptr<TestServer> server_;
  std::unique_ptr<Session> target_;
  std::unique_ptr<RowInsert> insert_;  // closed before its session
  std::vector<RowBatch> batches_;
};

std::unique_ptr<TestServer> RowInsertTest::server_;

TEST_F(RowInsertTest, RowsSentAheadAreIn) {
  Read("SELECT id, v FROM d.s");
  ASSERT_DONE(InsertAll());
  ASSERT_DONE(target_->Execute("COMMIT"));
  EXPECT_EQ(Rows(), "2000");
}

TEST_F(RowInsertTest, NothingIsSentAheadOfTheFirstRowsOrInSeveralPackets) {
  Read("SELECT id, v FROM d.s");
  EXPECT_FALSE(insert_->MaySend(kRequestBytes));
  ASSERT_DONE(insert_->Execute(batches_[0], 0, batches_[0].rows(), 0));
  EXPECT_TRUE(insert_->MaySend(kRequestBytes));
  EXPECT_FALSE(insert_->MaySend(size_t{16} << 20));
}

// With the refused row in each of the batches, so that nothing, something or much is on its way.
TEST_F(RowInsertTest, ARefusedRowIsTheErrorAndTheSessionStays) {
  for (int id = 400; id <= 2000; id += 400) {
    SCOPED_TRACE(id);
    batches_.clear();
    Read(absl::StrCat("SELECT IF(id = ", id, ", 1, id), v FROM d.s"));
    EXPECT_EQ(ServerErrnoOf(InsertAll()), kErrDuplicate);
    EXPECT_DONE(insert_->DropAnswers());
    EXPECT_EQ(target_->QueryValue("SELECT 'still here'").value_or(""), "still here");
    ASSERT_DONE(target_->Execute("ROLLBACK"));
    EXPECT_EQ(Rows(), "0");
    // The same statement goes on.
    EXPECT_EQ(ServerErrnoOf(InsertAll()), kErrDuplicate);
    EXPECT_DONE(insert_->DropAnswers());
    ASSERT_DONE(target_->Execute("ROLLBACK"));
    insert_.reset();
  }
}

TEST_F(RowInsertTest, AWarningIsAnError) {
  Read("SELECT id, IF(id = 900, REPEAT('w', 301), v) FROM d.s");
  ASSERT_DONE(target_->Execute("SET sql_mode = ''"));
  const absl::Status warned = InsertAll();
  EXPECT_FALSE(warned.ok());
  EXPECT_DONE(insert_->DropAnswers());
  EXPECT_THAT(std::string(warned.message()), ::testing::HasSubstr("warnings"));
  EXPECT_EQ(target_->QueryValue("SELECT 'still here'").value_or(""), "still here");
}

// Statements of the largest size, of an eighth of it, and of what is left: 2,000 rows in batches of
// some 300, and one batch of more than the largest statement takes.
TEST_F(RowInsertTest, MultiRowStatementsOfEverySizeStoreWhatTheSourceHas) {
  ASSERT_DONE(server_->Sql(
      "USE d; CREATE OR REPLACE TABLE d.times (id INT PRIMARY KEY, t TIME(6));"
      "INSERT INTO d.times SELECT seq, CASE seq % 5 WHEN 0 THEN NULL WHEN 1 THEN '00:00:00' WHEN 2 "
      "THEN '-838:59:59' WHEN 3 THEN '838:59:58.999999' ELSE '-00:00:00.000001' END FROM "
      "seq_1_to_2000; CREATE OR REPLACE TABLE d.times_got LIKE d.times"));
  const std::unique_ptr<Session> source = Connect(*server_);
  ASSERT_NE(source, nullptr);
  const auto stream = RowStream::Open(*source, "SELECT id, t FROM d.times",
                                      std::vector<ColumnRole>(2, ColumnRole::kPlain));
  ASSERT_DONE(stream.status());
  std::vector<RowBatch> batches;
  for (size_t rows = 0; *(*stream)->Next(); ++rows) {
    if (rows <= 1500 && rows % 300 == 0) batches.emplace_back(kBatchBytes);
    ASSERT_TRUE(batches.back().Append((*stream)->row()));
  }
  ASSERT_EQ(batches.size(), 6u);
  auto insert = RowInsert::Prepare(*target_, InsertMethod::kMultiRow,
                                   "INSERT INTO d.times_got VALUES ", (*stream)->layout());
  ASSERT_DONE(insert.status());
  for (const RowBatch& batch : batches) ASSERT_DONE((*insert)->Execute(batch, 0, batch.rows(), 0));
  ASSERT_DONE((*insert)->Execute(batches[0], 0, 0, 0));
  EXPECT_EQ((*insert)->rows_taken(), 2000u);
  ASSERT_DONE(target_->Execute("COMMIT"));
  EXPECT_EQ(server_
                ->Value("SELECT COUNT(*) FROM d.times JOIN d.times_got USING (id) WHERE "
                        "times.t <=> times_got.t")
                .value_or(""),
            "2000");
}

// So that rows of a table without transactions are never taken for rows that are not in.
TEST_F(RowInsertTest, RowsInFrontOfAFailedStatementCountAsTaken) {
  Read(
      "SELECT IF(id = 2000, 1, id), '' FROM d.s UNION ALL SELECT 0 - id, REPEAT('v', 200) FROM "
      "d.s");
  auto insert = RowInsert::Prepare(*target_, InsertMethod::kMultiRow, "INSERT INTO d.t VALUES ",
                                   {{{WireType::kInt64, false}, {WireType::kBytes, false}}});
  ASSERT_DONE(insert.status());
  ASSERT_GT(batches_[0].rows(), 2000u);
  EXPECT_EQ(ServerErrnoOf((*insert)->Execute(batches_[0], 0, batches_[0].rows(), 0)),
            kErrDuplicate);
  EXPECT_EQ((*insert)->rows_taken(), 1024u);
}

TEST_F(RowInsertTest, ALostConnectionIsALostConnection) {
  Read("SELECT id, v FROM d.s");
  ASSERT_DONE(insert_->Execute(batches_[0], 0, batches_[0].rows(), 0));
  ASSERT_DONE(insert_->Send(batches_[1], 0, batches_[1].rows()));
  ASSERT_DONE(server_->Sql(absl::StrCat("KILL ", target_->thread_id())));
  absl::Status status;
  for (size_t i = 2; status.ok() && i < batches_.size(); ++i) {
    status = insert_->Send(batches_[i], 0, batches_[i].rows());
  }
  if (status.ok()) status = insert_->Await();
  EXPECT_TRUE(IsSessionLost(status)) << status;
  const absl::Status dropped = insert_->DropAnswers();
  EXPECT_TRUE(dropped.ok() || IsSessionLost(dropped)) << dropped;
  EXPECT_EQ(Rows(), "0");
}

}  // namespace
}  // namespace zdpipe
