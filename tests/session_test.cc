// Statements and their answers, on a real server.
#include "engine/server/session.h"

#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/server/row_stream.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

class SessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = TestServer::Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    ASSERT_TRUE(server_
                    ->Sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, a TEXT);"
                          "INSERT INTO d.t VALUES (1, 'x'), (2, NULL)")
                    .ok());
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override { Connect(server_->root()); }

  void Connect(const Endpoint& endpoint) {
    auto session = Session::Connect(endpoint, End::kSource, {});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = std::move(*session);
  }

  // The first value of each answer, or its error number.
  static std::vector<std::string> Answers(const std::vector<absl::StatusOr<Result>>& results) {
    std::vector<std::string> answers;
    for (const auto& result : results) {
      if (!result.ok()) {
        answers.push_back(absl::StrCat("error ", ServerErrnoOf(result.status())));
      } else {
        answers.push_back(result->rows.empty() ? "" : result->rows[0][0].value_or("NULL"));
      }
    }
    return answers;
  }

  static std::unique_ptr<TestServer> server_;
  std::unique_ptr<Session> session_;
};

std::unique_ptr<TestServer> SessionTest::server_;

TEST_F(SessionTest, EachOfManyStatementsHasItsOwnOutcome) {
  const std::vector<std::string> statements = {
      "SELECT 1",  "SELECT * FROM d.missing", "SELECT 2", "SET @a = 7", "SELECT broken",
      "SELECT @a", "SELECT id FROM d.t",      "DO 0"};
  const std::vector<std::string> wanted = {"1", "error 1146", "2", "", "error 1054", "7", "1", ""};
  EXPECT_EQ(Answers(session_->QueryAll(statements)), wanted);
  EXPECT_EQ(session_->QueryValue("SELECT 3").value_or(""), "3");

  Endpoint compressed = server_->root();
  compressed.compress = true;
  Connect(compressed);
  EXPECT_EQ(Answers(session_->QueryAll(statements)), wanted);
}

TEST_F(SessionTest, MoreStatementsAndLongerAnswersThanALineHolds) {
  std::vector<std::string> statements;
  for (int i = 0; i < 500; ++i) {
    statements.push_back(
        absl::StrCat("SELECT ", i, ", REPEAT('x', 50000), '", std::string(90, 'y'), "'"));
  }
  const auto results = session_->QueryAll(statements);
  ASSERT_EQ(results.size(), statements.size());
  for (size_t i = 0; i < results.size(); ++i) {
    ASSERT_TRUE(results[i].ok()) << results[i].status();
    EXPECT_EQ(results[i]->rows[0][0], absl::StrCat(i));
    EXPECT_EQ(results[i]->rows[0][1]->size(), 50000u);
  }
}

TEST_F(SessionTest, NothingIsSaidOfStatementsBehindALostConnection) {
  const std::string own = absl::StrCat(session_->thread_id());
  const auto results = session_->QueryAll({"SELECT 1", "KILL " + own, "SELECT 2", "SELECT 3"});
  ASSERT_EQ(results.size(), 4u);
  // What was answered before may be lost with the line.
  for (size_t i = 2; i < 4; ++i) EXPECT_TRUE(IsSessionLost(results[i].status())) << i;
}

TEST_F(SessionTest, AStatementThatIsRefusedLeavesTheSessionAsItWas) {
  for (const char* select : {"SELECT * FROM d.missing", "SELECT nothing FROM d.t", "SELEKT 1"}) {
    EXPECT_FALSE(RowStream::Open(*session_, select, {}).ok());
    auto rows = RowStream::Open(*session_, "SELECT id FROM d.t ORDER BY id", {ColumnRole::kPlain});
    ASSERT_TRUE(rows.ok()) << rows.status();
    int count = 0;
    while ((*rows)->Next().value_or(false)) ++count;
    EXPECT_EQ(count, 2);
    EXPECT_EQ(session_->QueryValue("SELECT COUNT(*) FROM d.t").value_or(""), "2");
  }
}

// Through a socket: writing to it fails at once, and before anything could be read.
TEST_F(SessionTest, AConnectionThatHasEndedIsNotTheFaultOfATable) {
  Endpoint local = server_->root();
  local.host.clear();
  local.socket = server_->socket();
  for (const bool rows : {true, false}) {
    Connect(local);
    const std::string id = absl::StrCat(session_->thread_id());
    ASSERT_TRUE(server_->Sql("KILL " + id).ok());
    const std::string left = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id;
    while (server_->Value(left).value_or("0") != "0") {
    }
    const absl::Status status =
        rows ? RowStream::Open(*session_, "SELECT id FROM d.t", {ColumnRole::kPlain}).status()
             : session_->QueryAll({"SELECT 1", "SELECT 2"})[1].status();
    EXPECT_TRUE(IsSessionLost(status)) << status;
    EXPECT_FALSE(ConcernsOneObject(status)) << status;
    EXPECT_FALSE(PassingTrouble(status).empty()) << status;
  }
}

TEST_F(SessionTest, AnInterruptedStatementLeavesNoAnswersBehind) {
  std::thread killer([id = session_->thread_id()] {
    const std::string runs = absl::StrCat(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' AND id "
        "= ",
        id);
    while (server_->Value(runs).value_or("0") != "1") {
    }
    EXPECT_TRUE(server_->Sql(absl::StrCat("KILL QUERY ", id)).ok());
  });
  const auto results = session_->QueryAll(
      {"SELECT 1", "SELECT COUNT(*) FROM d.t WHERE SLEEP(60) = 0", "SELECT 2", "SELECT 3"});
  killer.join();
  EXPECT_TRUE(results[0].ok());
  for (size_t i = 1; i < results.size(); ++i) EXPECT_FALSE(results[i].ok()) << i;
  // Not the answer to another statement.
  EXPECT_FALSE(session_->QueryValue("SELECT 4").ok());
}

}  // namespace
}  // namespace zdpipe
