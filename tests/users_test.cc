// `zdpipe copy --users`: accounts, roles and grants arrive as they are on the source, nothing on
// the target is touched, and no password hash is ever shown. And what --definer needs of accounts.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAreArray;

// `keep` are the accounts of the tests' own that stay.
std::string DropAccountsSql(const std::string& keep) {
  return absl::StrCat(
      "SET @drop = (SELECT GROUP_CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user WHERE "
      "is_role = 'N' AND user NOT IN ('root', 'mariadb.sys', ",
      keep,
      "));"
      "SET @sql = IF(@drop IS NULL, 'DO 0', CONCAT('DROP USER ', @drop)); EXECUTE IMMEDIATE @sql;"
      "SET @drop = (SELECT GROUP_CONCAT('`', REPLACE(user, '`', '``'), '`') FROM mysql.user WHERE "
      "is_role = 'Y' AND user <> 'PUBLIC');"
      "SET @sql = IF(@drop IS NULL, 'DO 0', CONCAT('DROP ROLE ', @drop)); EXECUTE IMMEDIATE @sql;"
      "GRANT USAGE ON *.* TO PUBLIC; REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC");
}

constexpr char kDatabase[] = R"sql(
CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT PRIMARY KEY, a INT, b INT);
CREATE DATABASE `we``ird_%`;
CREATE TABLE `we``ird_%`.`t``1` (i INT);
)sql";

constexpr char kAccounts[] = R"sql(
CREATE USER plain@'%' IDENTIFIED BY 'plain-word';
CREATE USER nopw@localhost;
CREATE USER limits@'10.0.0.0/255.0.0.0' IDENTIFIED BY 'x' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 10
  MAX_UPDATES_PER_HOUR 20 MAX_CONNECTIONS_PER_HOUR 30 MAX_USER_CONNECTIONS 4 MAX_STATEMENT_TIME 1.5;
CREATE USER x509@'%' IDENTIFIED BY 'x' REQUIRE X509;
CREATE USER subject@'%' IDENTIFIED BY 'x'
  REQUIRE SUBJECT '/CN=a b/ ACCOUNT' AND ISSUER '/C=it''s WITH GRANT OPTION' AND CIPHER 'AES';
CREATE USER socket@localhost IDENTIFIED VIA unix_socket;
CREATE USER several@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('m1') OR unix_socket;
CREATE USER never@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
CREATE USER ancient@'%' IDENTIFIED VIA mysql_old_password USING '5d2e19393cc5ef67';
CREATE USER locked@'%' IDENTIFIED BY 'locked-word' ACCOUNT LOCK;
CREATE USER expired@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE;
CREATE USER every90@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE INTERVAL 90 DAY;
CREATE USER forever@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE NEVER;
CREATE USER ''@'%.example.com' IDENTIFIED BY 'anonymous';
CREATE USER 'we''ird `"\\ x'@'h_%' IDENTIFIED BY 'w';
CREATE ROLE reader;
CREATE ROLE `r``2`;
CREATE ROLE inner_role WITH ADMIN reader;
CREATE ROLE of_plain WITH ADMIN plain@'%';
GRANT reader TO `r``2`;
GRANT `r``2` TO plain@'%';
GRANT reader TO plain@'%' WITH ADMIN OPTION;
SET DEFAULT ROLE reader FOR plain@'%';
GRANT SELECT ON shop.* TO reader;
GRANT ALL ON shop.* TO `r``2`;
GRANT SELECT, INSERT ON `db\_%`.* TO plain@'%';
GRANT SELECT ON shop.* TO plain@'%';
GRANT ALL PRIVILEGES ON `we``ird_%`.* TO plain@'%' WITH GRANT OPTION;
GRANT SELECT (a), UPDATE (a, b), INSERT ON shop.orders TO plain@'%' WITH GRANT OPTION;
GRANT SELECT ON `we``ird_%`.`t``1` TO 'we''ird `"\\ x'@'h_%';
GRANT PROXY ON plain@'%' TO several@'%' WITH GRANT OPTION;
GRANT SUPER, BINLOG MONITOR, REPLICATION SLAVE, RELOAD ON *.* TO locked@'%';
GRANT ALL ON *.* TO expired@'%' WITH GRANT OPTION;
GRANT SELECT ON shop.orders TO PUBLIC;
GRANT inner_role TO PUBLIC;
CREATE DEFINER = plain@'%' PROCEDURE shop.p() SELECT 1;
CREATE DEFINER = plain@'%' FUNCTION shop.f() RETURNS INT RETURN 1;
CREATE DEFINER = plain@'%' VIEW shop.v AS SELECT * FROM shop.orders;
CREATE DEFINER = plain@'%' VIEW shop.v2 AS SELECT * FROM shop.v;
GRANT EXECUTE ON PROCEDURE shop.p TO plain@'%';
GRANT EXECUTE, ALTER ROUTINE ON FUNCTION shop.f TO reader;
GRANT SELECT ON shop.v TO limits@'10.0.0.0/255.0.0.0';
)sql";

class UsersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    if (source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(PretendStoppedReplica(*source_));
    // What RDS gives its master user: no SUPER, no SET USER.
    EXPECT_DONE(target_->Sql(
        "CREATE USER hosted@'%' IDENTIFIED BY 'hosted';"
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, "
        "ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, BINLOG MONITOR, "
        "CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, "
        "DELETE HISTORY ON *.* TO hosted@'%' WITH GRANT OPTION"));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }

  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(DropUserDatabases(*source_));
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_DONE(source_->Sql(DropAccountsSql("'-'")));
    ASSERT_DONE(target_->Sql(DropAccountsSql("'hosted'")));
    ASSERT_DONE(source_->Sql(kDatabase));
  }

  ProcessResult Copy(const Strings& more = {"--users"}) {
    return RunCopy(Ends(*source_, *target_), folder_, more);
  }
  // As the user without SUPER.
  ProcessResult CopyAsHosted(const Strings& more) {
    ProcessOptions options;
    options.env = {{"ZDPIPE_TO_PASSWORD", "hosted"}};
    Strings ends = Ends(*source_, *target_);
    ends.back() = "hosted";
    return RunCopy(ends, folder_, more, options);
  }

  // In the server's own words; not of root and of the accounts that only the target has.
  static Strings Accounts(TestServer& server) {
    Strings lines;
    const std::unique_ptr<Session> session = Connect(server);
    const absl::StatusOr<Result> users = session->Query(
        "SELECT user, host, is_role FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys', "
        "'hosted')");
    EXPECT_TRUE(users.ok()) << users.status();
    for (const auto& row : users->rows) {
      const std::string user = *row[0];
      std::string name = absl::StrCat(QuoteName(user), "@", QuoteName(*row[1]));
      if (*row[2] == "Y") name = user == "PUBLIC" ? user : QuoteName(user);
      Strings queries = {absl::StrCat("SHOW GRANTS FOR ", name)};
      if (*row[2] == "N") queries.push_back(absl::StrCat("SHOW CREATE USER ", name));
      for (const std::string& query : queries) {
        const absl::StatusOr<Result> shown = session->Query(query);
        if (!shown.ok()) continue;  // PUBLIC without any grant
        for (const auto& line : shown->rows) lines.push_back(*line[0]);
      }
    }
    return lines;
  }

  static Strings FindingIds(const Json& report) {
    Strings ids;
    for (const Json& finding : report["findings"]) ids.push_back(finding["id"]);
    return ids;
  }
  static std::string Failures(const Json& report) { return report["failures"].dump(); }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* UsersTest::source_ = nullptr;
TestServer* UsersTest::target_ = nullptr;

TEST_F(UsersTest, EveryKindOfAccountRoleAndGrantIsCarried) {
  ASSERT_DONE(source_->Sql(kAccounts));

  const ProcessResult result = Copy();

  ASSERT_TRUE(Succeeds(result));
  const Strings expected = Accounts(*source_);
  EXPECT_GT(expected.size(), 50u);
  EXPECT_THAT(Accounts(*target_), UnorderedElementsAreArray(expected));
  const std::string mapping =
      "SELECT host, user, role, admin_option FROM mysql.roles_mapping WHERE user <> 'root' ORDER "
      "BY 1, 2, 3";
  EXPECT_EQ(Rows(*source_, mapping), Rows(*target_, mapping));
  const Json report = Report(folder_);
  EXPECT_EQ(report["accounts"]["users"], 15);
  EXPECT_EQ(report["accounts"]["roles"], 5);
  EXPECT_EQ(Handoff(folder_)["accounts"]["users"], 15);
  EXPECT_THAT(FindingIds(report), Not(Contains("DEFINER_MISSING")));
}

TEST_F(UsersTest, CopiedAccountsLogInAndHaveTheirRoles) {
  ASSERT_DONE(source_->Sql(kAccounts));
  ASSERT_TRUE(Succeeds(Copy()));

  const auto session = Session::Connect(target_->endpoint("plain", "plain-word"), End::kTarget, {});
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ((*session)->QueryValue("SELECT CURRENT_ROLE()").value_or("?"), "reader");
  EXPECT_EQ((*session)->QueryValue("SELECT COUNT(*) FROM shop.v2").value_or("?"), "0");
  EXPECT_DONE((*session)->Execute("CALL shop.p()"));
  EXPECT_FALSE((*session)->Query("SELECT * FROM mysql.user").ok());
  for (const auto& [user, password] :
       {std::pair("locked", "locked-word"), std::pair("plain", "wrong"), std::pair("never", "")}) {
    EXPECT_FALSE(Session::Connect(target_->endpoint(user, password), End::kTarget, {}).ok())
        << user;
  }
}

TEST_F(UsersTest, WithoutTheOptionNoAccountIsCarried) {
  ASSERT_DONE(source_->Sql("CREATE USER plain@'%'"));

  ASSERT_TRUE(Succeeds(Copy({})));

  EXPECT_THAT(Accounts(*target_), testing::IsEmpty());
  EXPECT_TRUE(Report(folder_)["accounts"].is_null());
}

TEST_F(UsersTest, AccountOnTheTargetStaysAsItIs) {
  ASSERT_DONE(
      source_->Sql("CREATE USER app@'%' IDENTIFIED BY 'theirs'; GRANT ALL ON *.* TO app@'%';"
                   "CREATE ROLE r; GRANT r TO app@'%';"
                   "CREATE USER same@'%' IDENTIFIED BY 'same'"));
  ASSERT_DONE(
      target_->Sql("CREATE USER app@'%' IDENTIFIED BY 'ours' ACCOUNT LOCK;"
                   "CREATE USER same@'%' IDENTIFIED BY 'same'"));
  const Strings app = Rows(*target_, "SHOW CREATE USER app@'%'; SHOW GRANTS FOR app@'%'");

  ASSERT_TRUE(Succeeds(Copy()));

  EXPECT_EQ(Rows(*target_, "SHOW CREATE USER app@'%'; SHOW GRANTS FOR app@'%'"), app);
  const Json report = Report(folder_);
  EXPECT_EQ(report["accounts"]["users"], 0);
  for (const Json& finding : report["findings"]) {
    if (finding["id"] != "ACCOUNT_DIFFERS") continue;
    EXPECT_THAT(finding["evidence"].get<std::string>(),
                AllOf(HasSubstr("app@%"), Not(HasSubstr("same@%"))));
  }
  EXPECT_THAT(FindingIds(report), Contains("ACCOUNT_DIFFERS"));
}

TEST_F(UsersTest, GrantsThatTheTargetUserMayNotGiveAreListedAndTheRestGiven) {
  ASSERT_DONE(source_->Sql(
      "CREATE USER admin@'%' IDENTIFIED BY 'x'; GRANT SUPER, FILE, PROCESS, RELOAD ON *.* TO "
      "admin@'%'; CREATE USER all_of_it@'%'; GRANT ALL ON *.* TO all_of_it@'%'"));

  const ProcessResult result = CopyAsHosted({"--users"});

  EXPECT_TRUE(FailsWith(result, 8));
  EXPECT_THAT(Failures(Report(folder_)), HasSubstr("FILE, SUPER ON *.*"));
  EXPECT_THAT(Rows(*target_, "SHOW GRANTS FOR admin@'%'")[0],
              HasSubstr("GRANT RELOAD, PROCESS ON"));
  EXPECT_THAT(Rows(*target_, "SHOW GRANTS FOR all_of_it@'%'")[0],
              AllOf(HasSubstr("SELECT, INSERT,"), HasSubstr("TRIGGER"), Not(HasSubstr("SUPER"))));
}

TEST_F(UsersTest, GrantsOnWhatIsNotCopiedOrIsGoneAreNotes) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE other; CREATE TABLE other.t (i INT); CREATE TABLE shop.gone (i INT);"
      "CREATE USER app@'%'; GRANT SELECT ON other.t TO app@'%'; GRANT SELECT ON shop.gone TO "
      "app@'%'; GRANT SELECT ON other.* TO app@'%'; DROP TABLE shop.gone"));

  ASSERT_TRUE(Succeeds(Copy({"--users", "--databases", "shop"})));

  EXPECT_THAT(Report(folder_)["notes"].dump(),
              AllOf(HasSubstr("`other`.`t`"), HasSubstr("`shop`.`gone`")));
  EXPECT_THAT(Rows(*target_, "SHOW GRANTS FOR app@'%'"),
              Contains("GRANT SELECT ON `other`.* TO `app`@`%`"));
}

TEST_F(UsersTest, PasswordHashesAreNeverShown) {
  // One that the target refuses, quoting it: the plugin is there, the hash is none.
  ASSERT_DONE(source_->Sql(
      "CREATE USER app@'%' IDENTIFIED BY 'app-word'; CREATE USER bad@'%' IDENTIFIED BY 'x';"
      "UPDATE mysql.global_priv SET priv = JSON_SET(priv, '$.authentication_string', "
      "'not-a-hash-but-secret') WHERE user = 'bad'; FLUSH PRIVILEGES"));
  Strings secrets =
      Rows(*source_, "SELECT authentication_string FROM mysql.user WHERE user = 'app'");
  secrets.push_back("not-a-hash-but-secret");

  const ProcessResult result = Copy({"--users", "--keep-control", "--output", "json"});

  EXPECT_TRUE(FailsWith(result, 8, {"bad@%"}));
  const std::string shown =
      absl::StrCat(result.standard_output, result.standard_error, ReadFile(folder_ / "report.json"),
                   ReadFile(folder_ / "handoff.json"),
                   absl::StrJoin(Rows(*target_, "SELECT * FROM zdpipe.run"), " "),
                   absl::StrJoin(Rows(*target_, "SELECT * FROM zdpipe.object"), " "));
  for (const std::string& secret : secrets) {
    EXPECT_THAT(shown, Not(HasSubstr(secret.substr(0, 12))));
  }
  EXPECT_THAT(shown, HasSubstr("app"));
}

TEST_F(UsersTest, AccountsOfAnUnfinishedRunAreRemovedAndNoOthers) {
  ASSERT_DONE(
      source_->Sql("CREATE USER app@'%' IDENTIFIED BY 'x'; CREATE ROLE r; GRANT r TO app@'%';"
                   "GRANT SELECT ON shop.* TO PUBLIC; CREATE USER theirs@'%'"));
  ASSERT_DONE(target_->Sql("CREATE USER theirs@'%' IDENTIFIED BY 'theirs'"));
  ASSERT_TRUE(Succeeds(Copy({"--users", "--keep-control"})));
  // As a killed run leaves it.
  ASSERT_DONE(target_->Sql("UPDATE zdpipe.run SET state = 'failed'"));
  ASSERT_DONE(source_->Sql("DROP USER app@'%'; CREATE USER app@localhost"));

  ASSERT_TRUE(Succeeds(Copy()));

  EXPECT_THAT(Rows(*target_,
                   "SELECT user, host FROM mysql.user WHERE user NOT IN ('mariadb.sys', "
                   "'root', 'hosted')"),
              UnorderedElementsAreArray({"PUBLIC\t", "app\tlocalhost", "r\t", "theirs\t%"}));
  EXPECT_THAT(Rows(*target_, "SHOW GRANTS FOR PUBLIC"), Contains(HasSubstr("shop")));
  EXPECT_THAT(Rows(*target_, "SHOW CREATE USER theirs@'%'")[0], HasSubstr("IDENTIFIED"));
}

TEST_F(UsersTest, MissingRightsAreFoundByCheck) {
  ASSERT_DONE(
      source_->Sql("CREATE USER lower@'%'; GRANT SELECT ON shop.* TO lower@'%';"
                   "GRANT SLAVE MONITOR ON *.* TO lower@'%'"));
  ASSERT_DONE(target_->Sql("CREATE USER low@'%'; GRANT SELECT, CREATE, DROP ON *.* TO low@'%'"));
  const struct {
    std::string from, to, finding;
  } cases[] = {{"lower", "root", "USERS_UNREADABLE"}, {"root", "low", "USERS_UNWRITABLE"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.finding);
    const ProcessResult result =
        RunZdpipe({"check", "--no-defaults", "--from", source_->address(), "--from-user", c.from,
                   "--to", target_->address(), "--to-user", c.to, "--users", "--output", "json"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(FindingIds(ParseJson(result.standard_output)), Contains(c.finding));
  }
}

TEST_F(UsersTest, CheckDoesNotWaitForAGlobalReadLock) {
  ASSERT_DONE(source_->Sql("CREATE DEFINER = ghost@'%' VIEW shop.v AS SELECT 1 AS one"));
  const WriteLock lock(*target_);
  Strings args = {"check", "--users"};
  const Strings ends = Ends(*source_, *target_);
  args.insert(args.end(), ends.begin(), ends.end());
  BackgroundZdpipe check(args);

  EXPECT_TRUE(Await([&] { return check.ended(); }, std::chrono::seconds(30)));
}

// --- DEFINER clauses ----------------------------------------------------------------------------

TEST_F(UsersTest, DefinerThatTheTargetUserMayNotNameIsFoundByCheck) {
  ASSERT_DONE(
      source_->Sql("CREATE DEFINER = app@'%' VIEW shop.v AS SELECT 1 AS one;"
                   "CREATE DEFINER = hosted@'%' VIEW shop.own AS SELECT 1 AS one"));

  const ProcessResult kept = CopyAsHosted({});
  EXPECT_TRUE(FailsWith(kept, 8, {"shop.v"}));
  EXPECT_THAT(kept.standard_output, HasSubstr("DEFINER_FOREIGN"));
  EXPECT_THAT(kept.standard_output, HasSubstr("app@%"));
  EXPECT_TRUE(Succeeds(CopyAsHosted({"--definer", "current", "--target-not-empty", "drop"})));
}

TEST_F(UsersTest, OwnDefinersNeedNoFurtherRight) {
  ASSERT_DONE(source_->Sql("CREATE DEFINER = hosted@'%' VIEW shop.own AS SELECT 1 AS one"));

  EXPECT_TRUE(Succeeds(CopyAsHosted({})));

  EXPECT_EQ(
      Value(*target_, "SELECT definer FROM information_schema.views WHERE table_name = 'own'"),
      "hosted@%");
}

TEST_F(UsersTest, DefinerThatIsNotOnTheTargetIsAWarning) {
  ASSERT_DONE(
      source_->Sql("CREATE USER app@'%'; CREATE ROLE r;"
                   "CREATE DEFINER = app@'%' VIEW shop.v AS SELECT 1 AS one;"
                   "CREATE DEFINER = ghost@localhost PROCEDURE shop.p() SELECT 1;"
                   "CREATE DEFINER = r FUNCTION shop.f() RETURNS INT RETURN 1"));
  const struct {
    Strings options;
    Strings missing;
    Strings present;
  } cases[] = {{{}, {"app@%", "ghost@localhost", "r (1: routine shop.f)"}, {}},
               {{"--users"}, {"ghost@localhost"}, {"app@%", "r (1"}},
               {{"--definer", "who@there"}, {"who@there (3"}, {"app@%"}},
               {{"--definer", "current"}, {}, {}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrJoin(c.options, " "));
    Strings args = {"check"};
    const Strings ends = Ends(*source_, *target_);
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), c.options.begin(), c.options.end());
    args.insert(args.end(), {"--output", "json"});
    const ProcessResult result = RunZdpipe(args);
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    std::string evidence;
    const Json report = ParseJson(result.standard_output);
    for (const Json& finding : report["findings"]) {
      if (finding["id"] == "DEFINER_MISSING") evidence = finding["evidence"];
    }
    EXPECT_EQ(evidence.empty(), c.missing.empty());
    for (const std::string& name : c.missing) EXPECT_THAT(evidence, HasSubstr(name));
    for (const std::string& name : c.present) EXPECT_THAT(evidence, Not(HasSubstr(name)));
  }
}

}  // namespace
}  // namespace zdpipe
