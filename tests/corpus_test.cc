// The hard schemas of tests/corpus, copied and compared.
#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

class CorpusTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    if (source_ != nullptr) EXPECT_DONE(PretendStoppedReplica(*source_));
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
  }

  static void ExpectCopied(const std::string& file) {
    ASSERT_DONE(source_->Sql(ReadFile(absl::StrCat(ZDPIPE_CORPUS, "/", file))));
    const Folder folder;
    EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
    EXPECT_EQ(Differences(*source_, *target_, UserDatabases(*source_)), "");
  }

  static TestServer* source_;
  static TestServer* target_;
};

TestServer* CorpusTest::source_ = nullptr;
TestServer* CorpusTest::target_ = nullptr;

TEST_F(CorpusTest, Keys) { ExpectCopied("keys.sql"); }
TEST_F(CorpusTest, RowsOlderThanRules) { ExpectCopied("rows_older_than_rules.sql"); }
TEST_F(CorpusTest, ForeignKeys) { ExpectCopied("foreign_keys.sql"); }
TEST_F(CorpusTest, EnginesAndPartitions) { ExpectCopied("engines_and_partitions.sql"); }

TEST_F(CorpusTest, RoutinesTriggersEventsAndSequences) {
  ExpectCopied("routines.sql");
  ASSERT_DONE(target_->Sql("INSERT INTO corpus.t (v) VALUES ('v')"));
  EXPECT_EQ(Value(*target_, "SELECT v FROM corpus.t WHERE id = 2"), "v|\"\\\\");
}

TEST_F(CorpusTest, ObjectsOfEveryKindThatAnUnfinishedRunHasLeftAreRemoved) {
  ASSERT_DONE(source_->Sql(ReadFile(absl::StrCat(ZDPIPE_CORPUS, "/routines.sql"))));
  const Folder folder;
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder, {"--keep-control"})));
  ASSERT_DONE(target_->Sql("UPDATE zdpipe.run SET state = 'failed'"));

  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Differences(*source_, *target_, UserDatabases(*source_)), "");
}

TEST_F(CorpusTest, EveryFileIsUsed) {
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(ZDPIPE_CORPUS)) {
    if (file.path().extension() == ".sql") ++files;
  }
  EXPECT_EQ(files, 5u);
}

// SHOW CREATE TABLE has "?" for what utf8mb3 has no place for.
TEST_F(CorpusTest, MembersAndDefaultsBehindUtf8mb3AreCarried) {
  ASSERT_DONE(source_->Sql(
      "SET NAMES utf8mb4; CREATE DATABASE x CHARACTER SET utf8mb4; USE x;"
      "CREATE TABLE t (a INT PRIMARY KEY, m ENUM('a?', '😀', '?') NOT NULL DEFAULT '😀', "
      "s SET('😀', '?', 'b'), b ENUM('a', x'FF27') CHARACTER SET binary DEFAULT x'FF27', "
      "d VARCHAR(9) NOT NULL DEFAULT '😀''?' COMMENT '?', u CHAR(9) CHARACTER SET utf16 DEFAULT '😀',"
      "g ENUM('?', 'b') CHARACTER SET latin1 AS (IF(a > 1, '?', 'b')), n VARBINARY(4) NOT NULL "
      "DEFAULT x'FF00FE41', l VARCHAR(9) AS (CONCAT(d, '😀?')), CHECK (d <> '😀?'));"
      "INSERT INTO t (a, s) VALUES (1, 7);"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  ASSERT_DONE(target_->Sql("INSERT INTO x.t (a, m, s) VALUES (2, 1, 2), (3, 3, 1)"));
  EXPECT_EQ(Rows(*target_,
                 "SELECT CONCAT_WS('|', HEX(m), HEX(s), HEX(b), HEX(d), HEX(u), g, HEX(n), HEX(l)) "
                 "FROM x.t"),
            (Strings{"F09F9880|F09F98802C3F2C62|FF27|F09F9880273F|D83DDE00|b|FF00FE41|"
                     "F09F9880273FF09F98803F",
                     "613F|3F|FF27|F09F9880273F|D83DDE00|?|FF00FE41|F09F9880273FF09F98803F",
                     "3F|F09F9880|FF27|F09F9880273F|D83DDE00|?|FF00FE41|F09F9880273FF09F98803F"}));
}

TEST_F(CorpusTest, DefaultThatTheSourceDoesNotTellIsListed) {
  ASSERT_DONE(
      source_->Sql("SET NAMES utf8mb4; CREATE DATABASE x CHARACTER SET utf8mb4; CREATE TABLE x.t "
                   "(a INT PRIMARY KEY, d VARCHAR(9) NOT NULL DEFAULT '😀', e VARCHAR(9) DEFAULT "
                   "'😀')"));
  const Folder folder;
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*source_, *target_), folder), 8, {"the default of column d"}));
  EXPECT_FALSE(absl::StrContains(Report(folder).dump(), "of column e"));
}

TEST_F(CorpusTest, ReferenceSystemsOfGeometriesAreCarried) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE g; CREATE TABLE g.t (a INT PRIMARY KEY, p POINT REF_SYSTEM_ID=4326, "
      "`q``r` GEOMETRY REF_SYSTEM_ID=101 NOT NULL COMMENT 'point', r POINT, SPATIAL KEY (`q``r`));"
      "INSERT INTO g.t VALUES (1, Point(1, 2), Point(1, 2), NULL)"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Differences(*source_, *target_, {"g"}), "");
  EXPECT_EQ(Value(*target_,
                  "SELECT GROUP_CONCAT(SRID ORDER BY G_GEOMETRY_COLUMN) FROM "
                  "information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_SCHEMA = 'g'"),
            "4326,101,0");
}

TEST_F(CorpusTest, MergeTableFollowsItsTables) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE m; USE m;"
                   "CREATE TABLE t1 (a INT, KEY (a)) ENGINE=MyISAM; INSERT INTO t1 VALUES (1), (2);"
                   "CREATE TABLE t2 (a INT, KEY (a)) ENGINE=MyISAM; INSERT INTO t2 VALUES (2), (3);"
                   "CREATE TABLE a_union (a INT, KEY (a)) ENGINE=MERGE UNION=(t1, t2) "
                   "INSERT_METHOD=LAST;"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Differences(*source_, *target_, {"m"}), "");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM m.t2"), "2");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM m.a_union"), "4");
}

TEST_F(CorpusTest, TableWithoutItsFileIsOneOnTheTargetToo) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE d; USE d; CREATE TABLE gone (a INT PRIMARY KEY, b INT, KEY (b), FULLTEXT f "
      "(t), t "
      "TEXT); INSERT INTO gone VALUES (1, 1, 'x'); ALTER TABLE gone DISCARD TABLESPACE;"
      "CREATE TABLE other (a INT PRIMARY KEY); INSERT INTO other VALUES (1)"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.other"), "1");
  EXPECT_EQ(Rows(*target_, "SHOW CREATE TABLE d.gone"), Rows(*source_, "SHOW CREATE TABLE d.gone"));
  const absl::StatusOr<std::string> read = target_->Value("SELECT COUNT(*) FROM d.gone");
  EXPECT_TRUE(absl::StrContains(read.status().message(), "1814")) << read.status();
  EXPECT_TRUE(absl::StrContains(Report(folder).dump(), "its tablespace is discarded"));
}

TEST_F(CorpusTest, GeneratedColumnWithOtherValuesAtEveryReadingIsNoDifference) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE g; CREATE TABLE g.t (a INT, r DOUBLE AS (RAND())) ENGINE=MyISAM; "
      "INSERT INTO g.t (a) VALUES (1), (2)"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
}

TEST_F(CorpusTest, DatabaseWhoseNameIsASystemsInAnotherCaseIsCopied) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE MYSQL; CREATE TABLE MYSQL.t (a INT); INSERT INTO "
                   "MYSQL.t VALUES (1), (2); CREATE DATABASE Sys"));
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM MYSQL.t"), "2");
  for (TestServer* server : {source_, target_}) {  // the harness takes them for the server's own
    EXPECT_DONE(server->Sql("DROP DATABASE MYSQL; DROP DATABASE Sys"));
  }
}

TEST_F(CorpusTest, TablesOfAUserInSysAreListed) {
  ASSERT_DONE(source_->Sql("CREATE TABLE sys.mine (a INT PRIMARY KEY); CREATE DATABASE d"));
  const Folder folder;
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*source_, *target_), folder), 8,
                        {"database sys", "not copied are 1 tables"}));
  EXPECT_TRUE(absl::StrContains(Report(folder).dump(), "DATABASE_LEFT_OUT"));
  EXPECT_FALSE(Handoff(folder)["usable"]);
  const Folder without;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), without, {"--exclude-tables", "sys.*"})));
  EXPECT_DONE(source_->Sql("DROP TABLE sys.mine"));
}

TEST_F(CorpusTest, InvalidViewIsReportedAndTheRestIsCopied) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE i; USE i; CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES "
                   "(1, 1); CREATE VIEW z_good AS SELECT a FROM t; CREATE VIEW broken AS SELECT b "
                   "FROM t; CREATE VIEW a_on_broken AS SELECT * FROM broken; ALTER TABLE t DROP b; "
                   "CREATE PROCEDURE p() SELECT * FROM nowhere"));
  const Folder folder;
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*source_, *target_), folder), 8, {"i."}));
  std::vector<std::string> failed;
  const Json report = Report(folder);
  for (const Json& failure : report["failures"]) failed.push_back(failure["name"]);
  std::sort(failed.begin(), failed.end());
  EXPECT_EQ(failed, (std::vector<std::string>{"a_on_broken", "broken"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM i.z_good"), "1");
  EXPECT_EQ(Value(*target_,
                  "SELECT COUNT(*) FROM information_schema.routines WHERE "
                  "routine_schema = 'i'"),
            "1");
}

// No server takes such a row from an INSERT; each makes one of a row that is deleted at once.
TEST_F(CorpusTest, HistoryRowsOfEmptyPeriodsAreCopied) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE h; USE h;"
      "CREATE TABLE t (a INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;"
      "REPLACE INTO t VALUES (1, 1), (1, 2), (2, 1); REPLACE INTO t VALUES (1, 3), (1, 4), (2, 2);"
      "CREATE TABLE keys_of_all_kinds (k VARCHAR(9) CHARACTER SET latin1, d DATETIME(3), e "
      "ENUM('a', 'b'), f FLOAT, v INT, PRIMARY KEY (k, d, e, f)) WITH SYSTEM VERSIONING;"
      "REPLACE INTO keys_of_all_kinds VALUES (_latin1 X'E4', '2020-01-01 01:02:03.4', 'b', 0.1, "
      "1), "
      "(_latin1 X'E4', '2020-01-01 01:02:03.4', 'b', 0.1, 2);"
      "CREATE TABLE keyless (a INT) WITH SYSTEM VERSIONING; SET timestamp = 1700000000.654321;"
      "INSERT INTO keyless VALUES (1), (1), (2); DELETE FROM keyless WHERE a = 1;"
      "SET timestamp = DEFAULT;"
      "CREATE TABLE named (a INT PRIMARY KEY, v INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, "
      "e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) ENGINE=MyISAM "
      "WITH SYSTEM VERSIONING; REPLACE INTO named (a, v) VALUES (1, 1), (1, 2);"
      "CREATE TABLE parts (a INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING "
      "PARTITION BY SYSTEM_TIME LIMIT 2 PARTITIONS 3; REPLACE INTO parts VALUES (1, 1), (1, 2);"
      "CREATE TABLE wide (a INT PRIMARY KEY, t LONGTEXT) WITH SYSTEM VERSIONING;"
      "REPLACE INTO wide VALUES (1, REPEAT('x', 9 << 20)), (1, REPEAT('y', 9 << 20))"));
  for (const char* table : {"t", "keys_of_all_kinds", "keyless", "parts", "wide"}) {
    ASSERT_NE(Value(*source_, absl::StrCat("SELECT COUNT(*) FROM h.", table,
                                           " FOR SYSTEM_TIME ALL WHERE row_start = row_end")),
              "0");
  }
  const Folder folder;
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  EXPECT_EQ(Differences(*source_, *target_, {"h"}), "");
  for (const char* table : {"t", "keys_of_all_kinds", "keyless", "parts", "wide"}) {
    const std::string query =
        absl::StrCat("SELECT *, row_start, row_end FROM h.", table,
                     " FOR SYSTEM_TIME ALL ORDER BY row_start, row_end, 1, 2");
    EXPECT_EQ(Rows(*target_, query), Rows(*source_, query)) << table;
  }
  const std::string named = "SELECT * FROM h.named FOR SYSTEM_TIME ALL ORDER BY v";
  EXPECT_EQ(Rows(*target_, named), Rows(*source_, named));
}

TEST_F(CorpusTest, HistoryByTransactionNumbersIsListedAndTheCurrentRowsAreCopied) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE h; USE h; CREATE TABLE t (a INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED "
      "ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, g INT AS (a + 1), "
      "PERIOD "
      "FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING; INSERT INTO t (a) VALUES (1), (2), (3); "
      "DELETE FROM t WHERE a = 1; CREATE TABLE other (a INT PRIMARY KEY); INSERT INTO other VALUES "
      "(1)"));
  const Folder folder;
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*source_, *target_), folder), 8, {"h.t", "transaction"}));
  EXPECT_EQ(Rows(*target_, "SELECT a, g FROM h.t ORDER BY a"),
            Rows(*source_, "SELECT a, g FROM h.t ORDER BY a"));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM h.t FOR SYSTEM_TIME ALL"), "2");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM h.other"), "1");
  EXPECT_EQ(Report(folder)["failures"].size(), 1u);
  EXPECT_EQ(Handoff(folder)["usable"], true);  // replication changes current rows
}

}  // namespace
}  // namespace zdpipe
