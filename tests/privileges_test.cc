// Least privilege: the grants of docs/privileges.md suffice for a whole copy, and each of them is
// missed by `check` when it is taken away.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

constexpr char kUser[] = "'zdpipe'@'%'";

// "mariadb-10.11"
std::string VersionName(TestServer& server) {
  const Version version = ParseVersion(Value(server, "SELECT VERSION()"));
  return absl::StrCat(version.mariadb ? "mariadb-" : "mysql-", version.major, ".", version.minor);
}

// The statements of the block of docs/privileges.md that is for this end and version.
Strings GrantsOfTheDocs(const std::string& end, const std::string& version) {
  Strings grants;
  bool inside = false;
  for (const absl::string_view line :
       absl::StrSplit(ReadFile(ZDPIPE_DOCS "/privileges.md"), '\n')) {
    if (absl::StartsWith(line, "```")) {
      const Strings words = absl::StrSplit(line.substr(3), ' ');
      inside = words.size() > 2 && words[0] == "sql" && words[1] == end &&
               std::count(words.begin() + 2, words.end(), version) > 0;
    } else if (inside) {
      grants.emplace_back(line);
    }
  }
  EXPECT_FALSE(grants.empty()) << "docs/privileges.md has no block for " << end << " " << version;
  return grants;
}

// One privilege of a grant.
struct Single {
  std::string privilege;
  std::string object;
};

std::vector<Single> SinglesOf(const Strings& grants) {
  std::vector<Single> singles;
  for (const std::string& grant : grants) {
    const size_t on = grant.find(" ON ");
    const size_t to = grant.find(" TO ");
    EXPECT_TRUE(absl::StartsWith(grant, "GRANT ") && on < to) << grant;
    for (absl::string_view privilege : absl::StrSplit(grant.substr(6, on - 6), ", ")) {
      singles.push_back({std::string(privilege), grant.substr(on + 4, to - on - 4)});
    }
  }
  return singles;
}

constexpr char kObjects[] = R"(
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), KEY (name));
CREATE TABLE child (id INT PRIMARY KEY, parent INT, note TEXT, FULLTEXT (note),
  FOREIGN KEY (parent) REFERENCES parent (id));
CREATE TABLE old (a INT) ENGINE=MyISAM;
INSERT INTO parent (name) VALUES ('a'), ('b');
INSERT INTO child (id, parent, note) VALUES (1, 1, 'x'), (2, NULL, 'y');
INSERT INTO old VALUES (1);
DELIMITER $$
CREATE FUNCTION doubled(a INT) RETURNS INT DETERMINISTIC RETURN a * 2$$
CREATE PROCEDURE answer() COMMENT 'it''s \\ known' BEGIN SELECT 42; END$$
CREATE TRIGGER stamp BEFORE INSERT ON parent FOR EACH ROW SET NEW.name = IFNULL(NEW.name, '-')$$
DELIMITER ;
CREATE VIEW names AS SELECT id, name FROM parent;
CREATE VIEW doubles AS SELECT doubled(id) AS d FROM names;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.old;
)";

constexpr char kObjectsOfMariaDb[] = R"(
USE shop;
CREATE SEQUENCE numbers START WITH 7;
SELECT NEXTVAL(numbers);
CREATE TABLE numbered (id BIGINT DEFAULT NEXTVAL(shop.numbers) PRIMARY KEY, v INT,
  twice INT AS (v * 2));
INSERT INTO numbered (v) VALUES (1);
)";

constexpr char kHistory[] = R"(
CREATE TABLE shop.versioned (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;
INSERT INTO shop.versioned VALUES (1);
DELETE FROM shop.versioned;
)";

class PrivilegesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    version_ = ParseVersion(Value(*source_, "SELECT VERSION()"));
    ASSERT_DONE(source_->Sql(kObjects));
    if (version_.mariadb) ASSERT_DONE(source_->Sql(kObjectsOfMariaDb));
    // Older targets take no history (FEATURE_MISSING).
    if (version_.MariaDbAtLeast(10, 11)) ASSERT_DONE(source_->Sql(kHistory));
    ASSERT_DONE(PretendStoppedReplica(*source_));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }
  void SetUp() override {
    for (TestServer* server : {source_, target_}) ASSERT_DONE(NewUser(*server));
    ASSERT_DONE(DropUserDatabases(*target_));
  }

  static absl::Status NewUser(TestServer& server) {
    // MySQL 5.6 has no IF EXISTS here, but makes the user by the way.
    const char* const begin = version_.mariadb
                                  ? "DROP ROLE IF EXISTS r, s; CREATE USER IF NOT EXISTS "
                                  : "GRANT USAGE ON *.* TO ";
    return server.Sql(absl::StrCat(begin, kUser, "; DROP USER ", kUser, "; CREATE USER ", kUser));
  }

  // What the version calls it.
  static std::string MonitorRight() {
    return version_.mariadb ? "REPLICA MONITOR" : "REPLICATION CLIENT";
  }

  static Strings Docs(const std::string& end, TestServer& server) {
    return GrantsOfTheDocs(end, VersionName(server));
  }

  static void Give(TestServer& server, const Strings& grants) {
    ASSERT_DONE(server.Sql(absl::StrJoin(grants, "\n")));
  }

  // What most tests begin with.
  void GiveAllOfTheDocs() {
    Give(*source_, Docs("source", *source_));
    Give(*target_, Docs("target", *target_));
    Give(*target_, Docs("definers", *target_));
  }

  Strings UserEnds() const { return Ends(*source_, *target_, "zdpipe"); }

  ProcessResult Check(const Strings& more = {}) {
    Strings args = {"check", "--output", "json"};
    const Strings ends = UserEnds();
    args.insert(args.end(), ends.begin(), ends.end());
    if (std::count(more.begin(), more.end(), "--databases") == 0) {
      args.insert(args.end(), {"--databases", "shop"});
    }
    args.insert(args.end(), more.begin(), more.end());
    return RunZdpipe(args);
  }

  // `check` does not know the options of the throttle; a dry run does the same.
  ProcessResult RunCopyDry(const Strings& more) {
    Strings options = {"--databases", "shop", "--dry-run", "--output", "json"};
    options.insert(options.end(), more.begin(), more.end());
    return RunCopy(UserEnds(), folder_, options);
  }

  // "id severity", and for privileges which one: "SOURCE_PRIVILEGE_MISSING error TRIGGER".
  static Strings Findings(const ProcessResult& result) {
    Strings ids;
    const Json report = ParseJson(result.standard_output);
    for (const Json& finding : report["findings"]) {
      const std::string id = finding["id"];
      const std::string severity = finding["severity"];
      const std::string evidence = finding["evidence"];
      if (id == "DIRECT_WRITES_UNSEEN") continue;  // of the servers, not of the user
      // Of the target, whose grants leave that out.
      if (id == "REPLICA_STATUS_DENIED" && severity == "info") continue;
      const bool names_one = absl::StrContains(id, "PRIVILEGE") && severity == "error";
      ids.push_back(absl::StrCat(
          id, " ", severity, names_one ? " " : "",
          names_one ? absl::string_view(evidence).substr(0, evidence.find(" on ")) : ""));
    }
    return ids;
  }

  // Takes away each privilege by itself; `check` has to miss it, and nothing else.
  void TakeAwayEach(TestServer& server, const Strings& grants, const std::string& id,
                    const Strings& options) {
    for (const Single& single : SinglesOf(grants)) {
      SCOPED_TRACE(absl::StrCat("without ", single.privilege, " ON ", single.object));
      const std::string what = absl::StrCat(single.privilege, " ON ", single.object);
      ASSERT_DONE(server.Sql(absl::StrCat("REVOKE ", what, " FROM ", kUser)));
      const ProcessResult result = Check(options);
      EXPECT_TRUE(FailsWith(result, 3, {single.privilege, "GRANT"}));
      EXPECT_EQ(Findings(result), Strings({absl::StrCat(id, " error ", single.privilege)}))
          << result.standard_output;
      ASSERT_DONE(server.Sql(absl::StrCat("GRANT ", what, " TO ", kUser)));
    }
    const ProcessResult complete = Check(options);
    EXPECT_EQ(complete.exit_code, 0) << complete.standard_error;
  }

  static TestServer* source_;
  static TestServer* target_;
  static Version version_;
  Folder folder_;
};

Version PrivilegesTest::version_;
TestServer* PrivilegesTest::source_ = nullptr;
TestServer* PrivilegesTest::target_ = nullptr;

TEST_F(PrivilegesTest, GrantsOfTheDocsSufficeForAWholeCopy) {
  GiveAllOfTheDocs();
  const ProcessResult check = Check();
  EXPECT_EQ(Findings(check), Strings({"DEFINER_MISSING info"}));
  EXPECT_THAT(check.standard_output, testing::HasSubstr("no replication writes to the target"));
  EXPECT_TRUE(Succeeds(RunCopy(UserEnds(), folder_, {"--databases", "shop"})));
  EXPECT_EQ(Differences(*source_, *target_, {"shop"}), "");
  EXPECT_EQ(UserDatabases(*target_), Strings({"shop"}));
}

TEST_F(PrivilegesTest, GrantsOnEverythingInTheirPlaceSufficeForAllDatabases) {
  GiveAllOfTheDocs();
  for (TestServer* server : {source_, target_}) {
    Strings grants;
    for (const Strings& block : {Docs(server == source_ ? "source" : "target", *server)}) {
      for (const std::string& grant : block) {
        grants.push_back(absl::StrReplaceAll(grant, {{"`shop`.*", "*.*"}}));
      }
    }
    Give(*server, grants);
    ASSERT_DONE(server->Sql(absl::StrCat("REVOKE ALL PRIVILEGES ON shop.* FROM ", kUser)));
  }
  EXPECT_TRUE(Succeeds(RunCopy(UserEnds(), folder_)));
  EXPECT_EQ(Differences(*source_, *target_, {"shop"}), "");
}

TEST_F(PrivilegesTest, WithoutTheRightsOfDefinersObjectsAreMadeInTheUsersName) {
  Give(*source_, Docs("source", *source_));
  Give(*target_, Docs("target", *target_));
  EXPECT_TRUE(
      Succeeds(RunCopy(UserEnds(), folder_, {"--databases", "shop", "--definer", "current"})));
}

TEST_F(PrivilegesTest, EachPrivilegeOfTheSourceIsMissed) {
  GiveAllOfTheDocs();
  Strings on_shop;
  for (const std::string& grant : Docs("source", *source_)) {
    if (!absl::StrContains(grant, MonitorRight())) on_shop.push_back(grant);
  }
  TakeAwayEach(*source_, on_shop, "SOURCE_PRIVILEGE_MISSING", {"--definer", "current"});
  // The replica status has a finding of its own.
  ASSERT_DONE(source_->Sql(absl::StrCat("REVOKE ", MonitorRight(), " ON *.* FROM ", kUser)));
  const ProcessResult result = Check({"--definer", "current"});
  EXPECT_TRUE(FailsWith(result, 3, {MonitorRight()}));
  EXPECT_EQ(Findings(result), Strings({"REPLICA_STATUS_DENIED error"}));
}

TEST_F(PrivilegesTest, EachPrivilegeOfTheTargetIsMissed) {
  GiveAllOfTheDocs();
  TakeAwayEach(*target_, Docs("target", *target_), "TARGET_PRIVILEGE_MISSING",
               {"--definer", "current"});
  // Where the database is there already, and empty.
  ASSERT_DONE(target_->Sql("CREATE DATABASE shop"));
  TakeAwayEach(*target_, Docs("target", *target_), "TARGET_PRIVILEGE_MISSING",
               {"--definer", "current"});
}

TEST_F(PrivilegesTest, EachPrivilegeForDefinersIsMissed) {
  GiveAllOfTheDocs();
  for (const Single& single : SinglesOf(Docs("definers", *target_))) {
    SCOPED_TRACE(single.privilege);
    const std::string what = absl::StrCat(single.privilege, " ON ", single.object);
    ASSERT_DONE(target_->Sql(absl::StrCat("REVOKE ", what, " FROM ", kUser)));
    const ProcessResult result = Check();
    const bool names_others = single.object == "*.*";
    EXPECT_EQ(result.exit_code, names_others ? 0 : 3);  // decision 0030
    EXPECT_THAT(Findings(result),
                testing::Contains(names_others ? "DEFINER_FOREIGN warning"
                                               : absl::StrCat("TARGET_PRIVILEGE_MISSING error ",
                                                              single.privilege)));
    ASSERT_DONE(target_->Sql(absl::StrCat("GRANT ", what, " TO ", kUser)));
  }
}

// Nobody who could do it is refused, however the rights came to the user.
TEST_F(PrivilegesTest, RightsCountWhereverTheyComeFrom) {
  if (!version_.mariadb) GTEST_SKIP() << "has no roles";
  const Strings ways[] = {
      {"GRANT ALL PRIVILEGES ON *.* TO 'zdpipe'@'%'"},
      {"GRANT ALL PRIVILEGES ON `sho_`.* TO 'zdpipe'@'%'", "GRANT ALL ON `zdp%`.* TO 'zdpipe'@'%'",
       "GRANT SELECT ON mysql.* TO 'zdpipe'@'%'",
       "GRANT REPLICA MONITOR, SET USER ON *.* TO 'zdpipe'@'%'"},
      // A role in a role, by default.
      {"CREATE ROLE r, s", "GRANT s TO r", "GRANT r TO 'zdpipe'@'%'",
       "SET DEFAULT ROLE r FOR 'zdpipe'@'%'", "GRANT ALL ON shop.* TO s",
       "GRANT ALL ON zdpipe.* TO r", "GRANT SELECT ON mysql.* TO s",
       "GRANT REPLICA MONITOR, SET USER ON *.* TO s"},
      // Another account of the same name has them: SHOW GRANTS does not tell.
      {"CREATE USER 'zdpipe'@'127.%'", "GRANT REPLICA MONITOR, SET USER ON *.* TO 'zdpipe'@'127.%'",
       "GRANT ALL ON shop.* TO 'zdpipe'@'%'", "GRANT ALL ON zdpipe.* TO 'zdpipe'@'%'",
       "GRANT SELECT ON mysql.* TO 'zdpipe'@'%'"}};
  for (const Strings& way : ways) {
    SCOPED_TRACE(absl::StrJoin(way, "; "));
    for (TestServer* server : {source_, target_}) {
      ASSERT_DONE(NewUser(*server));
      ASSERT_DONE(server->Sql("DROP USER IF EXISTS 'zdpipe'@'127.%'"));
      Give(*server, {absl::StrJoin(way, ";\n")});
    }
    const ProcessResult result = Check();
    EXPECT_EQ(result.exit_code, 0) << result.standard_error << result.standard_output;
    EXPECT_THAT(Findings(result), testing::Each(testing::Not(testing::HasSubstr("error"))));
  }
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(server->Sql("DROP USER IF EXISTS 'zdpipe'@'127.%'"));
  }
}

TEST_F(PrivilegesTest, GrantsOnTheTablesNamedSufficeForThem) {
  Give(*target_, Docs("target", *target_));
  ASSERT_DONE(source_->Sql(absl::StrCat("GRANT SELECT, TRIGGER ON shop.parent TO ", kUser,
                                        "; GRANT SELECT, SHOW VIEW ON shop.names TO ", kUser,
                                        "; GRANT ", MonitorRight(), " ON *.* TO ", kUser)));
  const Strings named = {"--tables", "shop.parent,shop.names", "--definer", "current"};
  const ProcessResult result = Check(named);
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  // Of a whole database nobody can say whether it is whole.
  const ProcessResult whole = Check({"--definer", "current"});
  EXPECT_TRUE(FailsWith(whole, 3));
  EXPECT_THAT(Findings(whole), testing::IsSupersetOf({"SOURCE_PRIVILEGE_MISSING error SELECT",
                                                      "SOURCE_PRIVILEGE_MISSING error EVENT"}));
  // A right on a column is none: the others would be lost.
  ASSERT_DONE(source_->Sql(absl::StrCat("REVOKE SELECT ON shop.parent FROM ", kUser,
                                        "; GRANT SELECT (id) ON shop.parent TO ", kUser)));
  EXPECT_THAT(Findings(Check(named)), testing::Contains("SOURCE_PRIVILEGE_MISSING error SELECT"));
}

TEST_F(PrivilegesTest, DatabasesThatAreNotSeenAreWarnedOf) {
  GiveAllOfTheDocs();
  ASSERT_DONE(source_->Sql(absl::StrCat("REVOKE ", MonitorRight(), " ON *.* FROM ", kUser)));
  const Strings all = {"--source-state", "frozen"};
  Strings args = {"check", "--output", "json", "--source-state", "frozen"};
  const Strings ends = UserEnds();
  args.insert(args.end(), ends.begin(), ends.end());
  EXPECT_THAT(Findings(RunZdpipe(args)), testing::Contains("DATABASES_UNSEEN warning"));
  EXPECT_THAT(Findings(Check(all)), testing::Not(testing::Contains("DATABASES_UNSEEN warning")));
}

// Two ends that look equal to a user who sees neither's triggers are not said to be equal.
TEST_F(PrivilegesTest, VerifySaysWhatItCannotSee) {
  GiveAllOfTheDocs();
  ASSERT_TRUE(Succeeds(RunCopy(UserEnds(), folder_, {"--databases", "shop"})));
  const Strings reading = {"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON shop.* TO 'zdpipe'@'%'",
                           "GRANT SELECT ON mysql.proc TO 'zdpipe'@'%'"};
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(NewUser(*server));
    Give(*server, {absl::StrJoin(reading, ";\n")});
  }
  Strings verify = {"verify", "--databases", "shop", "--progress", "none"};
  const Strings ends = UserEnds();
  verify.insert(verify.end(), ends.begin(), ends.end());
  EXPECT_TRUE(Succeeds(RunZdpipe(verify)));
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(server->Sql("REVOKE TRIGGER ON shop.* FROM 'zdpipe'@'%'"));
  }
  const ProcessResult blind = RunZdpipe(verify);
  EXPECT_TRUE(FailsWith(blind, 7));
  EXPECT_TRUE(absl::StrContains(blind.standard_output, "TRIGGER on `shop`.*"))
      << blind.standard_output;
}

TEST_F(PrivilegesTest, OptionsNeedWhatTheDocsSay) {
  GiveAllOfTheDocs();
  // --max-lag
  const std::string to_see = version_.mariadb ? "REPLICATION MASTER ADMIN" : "REPLICATION SLAVE";
  EXPECT_THAT(Findings(RunCopyDry({"--max-lag", "5"})),
              testing::Contains("TARGET_PRIVILEGE_MISSING error " + to_see));
  ASSERT_DONE(target_->Sql(absl::StrCat("GRANT ", to_see, " ON *.* TO ", kUser)));
  EXPECT_EQ(RunCopyDry({"--max-lag", "5"}).exit_code, 0);
  // --users
  EXPECT_TRUE(FailsWith(Check({"--users"}), 3, {"USERS_UNREADABLE", "SELECT ON mysql.*"}));
  ASSERT_DONE(source_->Sql(absl::StrCat("GRANT SELECT ON mysql.* TO ", kUser)));
  EXPECT_TRUE(FailsWith(Check({"--users"}), 3, {"USERS_UNWRITABLE", "SELECT ON mysql.*"}));
  ASSERT_DONE(target_->Sql(absl::StrCat("GRANT SELECT ON mysql.* TO ", kUser)));
  EXPECT_TRUE(FailsWith(Check({"--users"}), 3, {"USERS_UNWRITABLE", "CREATE USER"}));
  ASSERT_DONE(target_->Sql(absl::StrCat("GRANT CREATE USER ON *.* TO ", kUser)));
  EXPECT_EQ(Check({"--users"}).exit_code, 0);
}

TEST_F(PrivilegesTest, StoppingTheReplicaNeedsItsRight) {
  const std::string to_stop = version_.mariadb ? "REPLICATION SLAVE ADMIN" : "SUPER";
  GiveAllOfTheDocs();
  ASSERT_DONE(source_->Sql("START SLAVE SQL_THREAD"));
  EXPECT_THAT(Findings(Check({"--stop-replica"})),
              testing::Contains("SOURCE_PRIVILEGE_MISSING error " + to_stop));
  ASSERT_DONE(source_->Sql(absl::StrCat("GRANT ", to_stop, " ON *.* TO ", kUser)));
  EXPECT_TRUE(Succeeds(RunCopy(UserEnds(), folder_, {"--databases", "shop", "--stop-replica"})));
  EXPECT_EQ(Differences(*source_, *target_, {"shop"}), "");
}

TEST_F(PrivilegesTest, TriggersOnATargetWithABinlogNeedItsTrust) {
  GiveAllOfTheDocs();
  TestServerOptions with_binlog;
  with_binlog.binlog = true;
  const std::unique_ptr<TestServer> target = StartServer(with_binlog);
  ASSERT_DONE(NewUser(*target));
  Give(*target, Docs("target", *target));
  const Strings ends = Ends(*source_, *target, "zdpipe");
  const Strings options = {"--databases", "shop", "--definer", "current"};
  EXPECT_TRUE(
      FailsWith(RunCopy(ends, folder_, options), 3, {"TRUST_FUNCTION_CREATORS", "SET GLOBAL"}));
  ASSERT_DONE(target->Sql("SET GLOBAL log_bin_trust_function_creators = ON"));
  EXPECT_TRUE(Succeeds(RunCopy(ends, folder_, options)));
}

}  // namespace
}  // namespace zdpipe
