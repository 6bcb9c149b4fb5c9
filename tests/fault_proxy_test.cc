// The proxy of the fault tests does what it says, or those tests prove nothing.
#include "tests/support/fault_proxy.h"

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

class FaultProxyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = StartServer().release();
    if (server_ != nullptr) {
      EXPECT_DONE(server_->Sql("CREATE DATABASE p; CREATE TABLE p.t (id INT PRIMARY KEY)"));
    }
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    ASSERT_DONE(server_->Sql("TRUNCATE p.t"));
    absl::StatusOr<std::unique_ptr<FaultProxy>> proxy = FaultProxy::Start(server_->port());
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  absl::StatusOr<std::unique_ptr<Session>> Through(std::chrono::seconds io_timeout = {}) {
    Endpoint endpoint = server_->root();
    const std::string address = proxy_->address();
    endpoint.port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    SessionOptions options;
    options.connect_timeout = std::chrono::seconds(2);
    options.io_timeout = io_timeout;
    return Session::Connect(endpoint, End::kTarget, options);
  }
  std::string Count() { return Value(*server_, "SELECT COUNT(*) FROM p.t"); }

  static TestServer* server_;
  std::unique_ptr<FaultProxy> proxy_;
};

TestServer* FaultProxyTest::server_ = nullptr;

TEST_F(FaultProxyTest, CarriesEverythingUnchanged) {
  auto session = Through();
  ASSERT_TRUE(session.ok()) << session.status();
  const absl::StatusOr<std::string> value =
      (*session)->QueryValue("SELECT MD5(REPEAT('abc', 3000000))");
  ASSERT_TRUE(value.ok()) << value.status();
  const absl::StatusOr<std::string> carried =
      (*session)->QueryValue(absl::StrCat("SELECT MD5('", std::string(3'000'000, 'x'), "')"));
  ASSERT_TRUE(carried.ok()) << carried.status();
  EXPECT_EQ(*carried, Value(*server_, "SELECT MD5(REPEAT('x', 3000000))"));
  const absl::StatusOr<std::string> large = (*session)->QueryValue("SELECT REPEAT('y', 3000000)");
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(*large, std::string(3'000'000, 'y'));
  EXPECT_EQ(proxy_->cuts(), 0u);
}

TEST_F(FaultProxyTest, CutBeforeCommitRollsBackAndCutAfterItDoesNot) {
  for (const bool after : {false, true}) {
    SCOPED_TRACE(after);
    auto session = Through();
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_DONE((*session)->Execute("SET autocommit = 0"));
    ASSERT_DONE((*session)->Execute(absl::StrCat("INSERT INTO p.t VALUES (", after ? 2 : 1, ")")));
    after ? proxy_->CutAfterNextCommit() : proxy_->CutBeforeNextCommit();
    EXPECT_FALSE((*session)->Execute("COMMIT").ok());
    EXPECT_EQ(proxy_->commits(), after ? 1u : 0u);
    EXPECT_EQ(Count(), after ? "1" : "0");
  }
  // Only that one.
  auto session = Through();
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_DONE((*session)->Execute("COMMIT"));
}

TEST_F(FaultProxyTest, CutsOneConnectionAfterSoManyBytes) {
  proxy_->CutAfter(0, 100'000);
  auto first = Through();
  auto second = Through();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE((*first)->QueryValue("SELECT 1").ok());
  EXPECT_FALSE((*first)->QueryValue("SELECT REPEAT('y', 3000000)").ok());
  EXPECT_TRUE((*second)->QueryValue("SELECT REPEAT('y', 3000000)").ok());
  EXPECT_EQ(proxy_->cuts(), 1u);
}

TEST_F(FaultProxyTest, StalledConnectionsStayOpenAndGoOnAfterwards) {
  auto session = Through();
  auto impatient = Through(std::chrono::seconds(1));
  ASSERT_TRUE(session.ok() && impatient.ok());
  proxy_->StallAll();
  EXPECT_FALSE((*impatient)->QueryValue("SELECT 1").ok());
  auto answer = std::async(std::launch::async,
                           [&] { return (*session)->QueryValue("SELECT 7").value_or("none"); });
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  proxy_->Resume();
  EXPECT_EQ(answer.get(), "7");
}

TEST_F(FaultProxyTest, CutAllRefuseAndDelay) {
  auto session = Through();
  ASSERT_TRUE(session.ok());
  proxy_->CutAll();
  EXPECT_FALSE((*session)->QueryValue("SELECT 1").ok());
  proxy_->RefuseNew(true);
  EXPECT_FALSE(Through().ok());
  proxy_->RefuseNew(false);
  auto slow = Through();
  ASSERT_TRUE(slow.ok());
  proxy_->Delay(std::chrono::milliseconds(150));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE((*slow)->QueryValue("SELECT 1").ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
}

}  // namespace
}  // namespace zdpipe
