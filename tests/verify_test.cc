// `zdpipe verify` between two real servers: it finds what differs, exactly, and nothing else.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// Both ends with the same data, made by the same statements.
class VerifyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }

  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    for (TestServer* server : {source_, target_}) {
      ASSERT_DONE(DropUserDatabases(*server));
      ASSERT_DONE(server->Sql(R"(
        CREATE DATABASE shop;
        USE shop;
        CREATE TABLE orders (id INT NOT NULL, day DATE NOT NULL, total DOUBLE, note TEXT,
          doubled DOUBLE AS (total * 2) STORED, PRIMARY KEY (id, day), KEY (total)) PARTITION BY KEY (id);
        INSERT INTO orders (id, day, total, note)
          SELECT seq, '2024-02-29', seq / 4, REPEAT('x', seq % 300) FROM seq_1_to_20000;
        CREATE TABLE heap (a INT, b VARCHAR(10) CHARACTER SET latin1);
        INSERT INTO heap SELECT 7, 'same' FROM seq_1_to_50;
        CREATE TABLE names (name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY,
          n INT) ENGINE=MyISAM;
        INSERT INTO names VALUES ('Ärger', 1), ('b', 2);
        CREATE TABLE floats (f FLOAT NOT NULL PRIMARY KEY, d DOUBLE);
        INSERT INTO floats VALUES (0.1, 0.1), (0.2, 0.2);
        CREATE VIEW v AS SELECT id FROM orders;
        CREATE SEQUENCE s;
        CREATE PROCEDURE p() COMMENT 'old' SELECT 1;
        CREATE TRIGGER t1 BEFORE INSERT ON heap FOR EACH ROW SET NEW.a = NEW.a + 1;
        CREATE TRIGGER t2 BEFORE INSERT ON heap FOR EACH ROW SET NEW.a = NEW.a * 2;
        CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO DELETE FROM heap;)"));
    }
  }

  ProcessResult Verify(const Strings& more = {}) {
    Strings args = {"verify"};
    const Strings ends = Ends(*source_, *target_);
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), {"--output", "json", "--progress", "none"});
    args.insert(args.end(), more.begin(), more.end());
    const ProcessResult result = RunZdpipe(args);
    report_ = ParseJson(result.standard_output);
    return result;
  }

  // "changed shop.orders (1, '2024-02-29') total", one for each row; then the definitions.
  Strings Found() const {
    Strings lines;
    for (const Json& table : report_["tables"]) {
      for (const Json& row : table["differences"]) {
        const Strings columns = row["columns"];
        lines.push_back(
            absl::StrCat(row["kind"].get<std::string>(), " ", table["schema"].get<std::string>(),
                         ".", table["table"].get<std::string>(), " ", row["key"].get<std::string>(),
                         columns.empty() ? "" : " ", absl::StrJoin(columns, ",")));
      }
      if (!table["obstacle"].is_null()) {
        lines.push_back(absl::StrCat("not compared ", table["table"].get<std::string>()));
      }
    }
    for (const Json& object : report_["definitions"]) {
      lines.push_back(absl::StrCat(
          object["difference"].get<std::string>(), " ", object["kind"].get<std::string>(), " ",
          object["schema"].get<std::string>(), ".", object["name"].get<std::string>()));
    }
    return lines;
  }

  // Changes the target, and expects exactly these lines.
  void ExpectFound(const std::string& sql, const Strings& expected) {
    SCOPED_TRACE(sql);
    ASSERT_DONE(target_->Sql("USE shop; " + sql));
    EXPECT_TRUE(FailsWith(Verify(), 7));
    EXPECT_EQ(Found(), expected);
    EXPECT_EQ(report_["exit_code"], 7);
    EXPECT_EQ(report_["equal"], false);
  }

  static TestServer* source_;
  static TestServer* target_;
  Json report_;
};

TestServer* VerifyTest::source_ = nullptr;
TestServer* VerifyTest::target_ = nullptr;

TEST_F(VerifyTest, EqualServersAreEqual) {
  // What is allowed to differ: the order of the rows, and whether an event is enabled.
  ASSERT_DONE(target_->Sql("ALTER EVENT shop.e DISABLE; ALTER TABLE shop.heap FORCE;"));
  EXPECT_TRUE(Succeeds(Verify()));
  EXPECT_EQ(Found(), Strings());
  EXPECT_EQ(report_["schema"], "zdpipe.verify/1");
  EXPECT_EQ(report_["totals"]["tables"], 4);
  EXPECT_EQ(report_["totals"]["rows"], 20054);
}

TEST_F(VerifyTest, RowsAreNamedByTheirKeys) {
  ExpectFound("UPDATE orders SET note = CONCAT(note, 'y') WHERE id = 77",
              {"changed shop.orders (77, '2024-02-29') note"});
  ExpectFound("DELETE FROM orders WHERE id = 9999", {"changed shop.orders (77, '2024-02-29') note",
                                                     "missing shop.orders (9999, '2024-02-29')"});
  ExpectFound(
      "UPDATE orders SET id = -1 WHERE id = 20000",
      {"extra shop.orders (-1, '2024-02-29')", "changed shop.orders (77, '2024-02-29') note",
       "missing shop.orders (9999, '2024-02-29')", "missing shop.orders (20000, '2024-02-29')"});
}

TEST_F(VerifyTest, KeysOfEveryKindNameARow) {
  ExpectFound("UPDATE names SET n = 3 WHERE name = 'ärger'",
              {"changed shop.names (_utf8mb4 X'c38472676572') n"});
}

TEST_F(VerifyTest, TableWithoutAKeyIsAMultisetOfRows) {
  ExpectFound(
      "DELETE FROM heap LIMIT 2; INSERT INTO heap VALUES (3, 'new')",
      {"extra shop.heap (8, _latin1 X'6e6577')", "missing shop.heap (7, _latin1 X'73616d65')",
       "missing shop.heap (7, _latin1 X'73616d65')"});
}

TEST_F(VerifyTest, FloatsAreComparedToTheBit) {
  ExpectFound("UPDATE floats SET d = -d * 0 WHERE f < 0.15",
              {"changed shop.floats (0.100000001) d"});
  // 10.11 stores 0 for -0.0; what is found is 0.1 against 0.
  ExpectFound("UPDATE floats SET d = 0.10000000000000002 WHERE f < 0.15",
              {"changed shop.floats (0.100000001) d"});
}

TEST_F(VerifyTest, DefinitionsAreNamedByTheirObjects) {
  ExpectFound("ALTER TABLE orders DROP KEY total", {"changed table shop.orders"});
  ASSERT_DONE(target_->Sql("ALTER TABLE shop.orders ADD KEY (total)"));
  EXPECT_TRUE(Succeeds(Verify()));
}

TEST_F(VerifyTest, ObjectsOfEveryKindAreCompared) {
  ExpectFound(R"(ALTER DATABASE shop COMMENT 'x'; ALTER PROCEDURE p COMMENT 'new';
                 CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM orders; DO NEXTVAL(s);
                 ALTER EVENT e ON SCHEDULE EVERY 2 DAY; ALTER TABLE names COMMENT 'new';)",
              {"changed database shop.", "changed sequence shop.s", "changed table shop.names",
               "changed view shop.v", "changed procedure shop.p", "changed event shop.e"});
}

TEST_F(VerifyTest, OrderOfTriggersIsPartOfWhatTheyDo) {
  ExpectFound(
      "DROP TRIGGER t1; CREATE TRIGGER t1 BEFORE INSERT ON heap FOR EACH ROW SET NEW.a = NEW.a + 1",
      {"changed trigger shop.t1", "changed trigger shop.t2"});
}

TEST_F(VerifyTest, WhatOneEndLacksIsMissingOrExtra) {
  ExpectFound(
      "DROP TABLE heap; CREATE TABLE more (a INT); CREATE DATABASE other; DROP VIEW v; "
      "CREATE FUNCTION f() RETURNS INT RETURN 1",
      {"missing table shop.heap", "missing view shop.v", "missing trigger shop.t1",
       "missing trigger shop.t2", "extra database other.", "extra function shop.f",
       "extra table shop.more"});
}

TEST_F(VerifyTest, TableOfOtherColumnsIsNotTakenForEqual) {
  ExpectFound("ALTER TABLE heap DROP b; ALTER TABLE names MODIFY n BIGINT",
              {"not compared heap", "not compared names", "changed table shop.heap",
               "changed table shop.names"});
}

TEST_F(VerifyTest, DefinersMayBeLeftOpenOrNamed) {
  const std::string sql =
      "CREATE OR REPLACE DEFINER = somebody@localhost PROCEDURE p() COMMENT 'old' SELECT 1";
  ExpectFound(sql, {"changed procedure shop.p"});
  EXPECT_TRUE(FailsWith(Verify({"--definer", "somebody@localhost"}), 7));
  EXPECT_EQ(Found(), Strings({"changed view shop.v", "changed trigger shop.t1",
                              "changed trigger shop.t2", "changed event shop.e"}));
  EXPECT_TRUE(Succeeds(Verify({"--definer", "current"})));
}

TEST_F(VerifyTest, OnlyWhatIsSelectedIsCompared) {
  ASSERT_DONE(target_->Sql("CREATE DATABASE other; DELETE FROM shop.heap LIMIT 1"));
  EXPECT_TRUE(Succeeds(Verify({"--databases", "shop", "--exclude-tables", "shop.heap"})));
  EXPECT_TRUE(FailsWith(Verify({"--databases", "shop,nowhere"}), 2, {"nowhere"}));
}

TEST_F(VerifyTest, DatabaseThatTheTargetLacksIsMissingWithAllThatIsInIt) {
  ExpectFound("DROP DATABASE shop",
              {"missing database shop.", "missing sequence shop.s", "missing table shop.floats",
               "missing table shop.heap", "missing table shop.names", "missing table shop.orders",
               "missing view shop.v", "missing procedure shop.p", "missing trigger shop.t1",
               "missing trigger shop.t2", "missing event shop.e"});
}

TEST_F(VerifyTest, ManyDifferencesAreCountedAndSomeNamed) {
  ASSERT_DONE(target_->Sql("UPDATE shop.orders SET note = 'gone'"));
  EXPECT_TRUE(FailsWith(Verify({"--differences", "3"}), 7));
  for (const Json& table : report_["tables"]) {
    if (table["table"] != "orders") continue;
    EXPECT_EQ(table["differences_total"], 20000);
    EXPECT_EQ(table["differences_total_is_at_least"], false);
    EXPECT_EQ(table["differences"].size(), 3);
  }
}

TEST_F(VerifyTest, VeryLargeRowsAreComparedWithinTheMemoryBound) {
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(server->Sql("SET GLOBAL max_allowed_packet = 100 * 1048576"));
    for (const char* table : {"w1", "w2", "w3"}) {
      ASSERT_DONE(
          server->Sql(absl::StrCat("CREATE TABLE shop.", table,
                                   " (id INT PRIMARY KEY, b LONGBLOB) ROW_FORMAT=COMPRESSED; "
                                   "INSERT INTO shop.",
                                   table, " VALUES (1, REPEAT('a', 40 << 20)), (2, 'small')")));
    }
  }
  EXPECT_TRUE(Succeeds(Verify()));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(report_["memory_peak_bytes"].get<uint64_t>(), uint64_t{320} << 20);
#endif
  ExpectFound("UPDATE w3 SET b = CONCAT('b', SUBSTR(b, 2)) WHERE id = 1", {"changed shop.w3 (1)"});
}

// What a user may not read is told of each object, and the others are compared all the same.
TEST_F(VerifyTest, WhatMayNotBeReadIsNotTakenForEqual) {
  ASSERT_DONE(
      target_->Sql("CREATE OR REPLACE USER reader@'%'; GRANT SELECT ON shop.* TO reader@'%'"));
  const Strings args = {"verify",      "--no-defaults", "--from",   source_->address(),
                        "--from-user", "root",          "--to",     target_->address(),
                        "--to-user",   "reader",        "--output", "json",
                        "--progress",  "none"};
  const ProcessResult result = RunZdpipe(args);
  EXPECT_TRUE(FailsWith(result, 7));
  report_ = ParseJson(result.standard_output);
  EXPECT_THAT(Found(), testing::IsSupersetOf({"unreadable view shop.v"}));
  EXPECT_EQ(report_["totals"]["tables_different"], 0);
  EXPECT_EQ(report_["totals"]["rows"], 20054);
}

}  // namespace
}  // namespace zdpipe
