// Behind verify's back: a copied server, one thing changed, and `zdpipe verify` has to find that
// thing and nothing else; then the change is taken back, and all is equal again.
#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// A column of one type, what row 7 has in it, and the nearest other value: one byte, one bit, one
// unit in the last place, or what looks the same.
struct Mutation {
  const char* type;
  const char* value;
  const char* changed;
};

constexpr Mutation kMutations[] = {
    {"TINYINT", "-128", "-127"},
    {"BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"},
    {"INT", "0", "NULL"},
    {"BIT(64)", "0x8000000000000000", "0x8000000000000001"},
    {"DECIMAL(65,30)", "0.000000000000000000000000000001", "0.000000000000000000000000000002"},
    {"FLOAT", "16777216", "16777218"},
    {"FLOAT", "1e-45", "0"},
    {"DOUBLE", "0.1", "0.1e0 + 1.4e-17"},
    {"DOUBLE", "5e-324", "0"},
    {"DATE", "'0000-00-00'", "NULL"},
    {"DATE", "'2024-02-31'", "'2024-03-02'"},
    {"TIME(6)", "'-838:59:59.999999'", "'-838:59:59.999998'"},
    {"DATETIME(6)", "'9999-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999998'"},
    {"TIMESTAMP NULL", "'2024-10-27 00:30:00'", "'2024-10-27 01:30:00'"},
    {"YEAR", "2155", "0"},
    {"CHAR(9) CHARACTER SET utf8mb4", "'a'", "'A'"},
    {"VARCHAR(9) CHARACTER SET latin1", "'a'", "'a '"},
    {"VARCHAR(9)", "''", "NULL"},
    {"VARCHAR(9)", "'NULL'", "NULL"},
    {"VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "'ä'", "'a'"},
    {"VARCHAR(9) CHARACTER SET sjis", "X'835C'", "X'835D'"},
    {"VARCHAR(9) CHARACTER SET utf16", "'é'", "'e'"},
    {"LONGTEXT", "REPEAT('x', 700)", "CONCAT(REPEAT('x', 699), 'y')"},
    {"TEXT COMPRESSED", "REPEAT('z', 500)", "REPEAT('z', 501)"},
    {"BINARY(4)", "X'00'", "X'20'"},
    {"VARBINARY(9)", "X'00'", "X'0000'"},
    {"BLOB", "X'FF00'", "X'FF01'"},
    {"ENUM('', 'b')", "0", "1"},
    {"SET('a', 'b')", "3", "1"},
    {"JSON", "'{\"a\":1}'", "'{\"a\": 1}'"},
    {"POINT", "POINT(1, 2)", "POINT(2, 1)"},
    {"GEOMETRY", "ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('POINT(1 2)')"},
    {"INET4", "'1.2.3.4'", "'1.2.3.5'"},
    {"INET6", "'::1'", "'::2'"},
    {"UUID", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"},
};

std::string ColumnName(size_t i) { return absl::StrCat("c", i); }

constexpr char kObjectsSql[] = R"sql(
CREATE TABLE twins (a INT, b VARCHAR(10) CHARACTER SET latin1);
INSERT INTO twins SELECT 5, 'same' FROM seq_1_to_20;
CREATE TABLE hidden (id INT PRIMARY KEY, h INT INVISIBLE DEFAULT 3);
INSERT INTO hidden (id, h) VALUES (1, 1), (2, 2);
CREATE TABLE large (id INT PRIMARY KEY, a LONGTEXT CHARACTER SET latin1);
INSERT INTO large SELECT seq, REPEAT('x', 1000000) FROM seq_1_to_5;
CREATE TABLE old (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO old VALUES (1, 1), (2, 1); UPDATE old SET v = 2;
CREATE TABLE parts (id INT PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parts SELECT seq, seq FROM seq_1_to_30;
CREATE TABLE defined (id INT PRIMARY KEY AUTO_INCREMENT, a INT DEFAULT 1 COMMENT 'old',
  s VARCHAR(9) CHARACTER SET latin1, g INT AS (a + 1) VIRTUAL, KEY by_a (a),
  CONSTRAINT positive CHECK (a > 0)) COMMENT 'table';
CREATE TABLE child (id INT PRIMARY KEY, d INT, CONSTRAINT of_defined FOREIGN KEY (d)
  REFERENCES defined (id) ON DELETE CASCADE);
CREATE VIEW v AS SELECT id FROM defined;
CREATE SEQUENCE s NOCACHE;
CREATE PROCEDURE p() SELECT 1;
CREATE FUNCTION f() RETURNS INT RETURN 1;
CREATE TRIGGER tr BEFORE INSERT ON child FOR EACH ROW SET @a = 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DISABLE DO SET @a = 1;
)sql";

class VerifyMutationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    if (source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(PretendStoppedReplica(*source_));
    Strings columns;
    Strings values;
    for (size_t i = 0; i < std::size(kMutations); ++i) {
      columns.push_back(absl::StrCat(ColumnName(i), " ", kMutations[i].type));
      values.push_back(kMutations[i].value);
    }
    EXPECT_DONE(source_->Sql(
        absl::StrCat("CREATE DATABASE d; USE d; SET sql_mode = 'ALLOW_INVALID_DATES';\n",
                     "CREATE TABLE types (id INT PRIMARY KEY, ", absl::StrJoin(columns, ", "),
                     ");\nINSERT INTO types SELECT seq, ", absl::StrJoin(values, ", "),
                     " FROM seq_1_to_20;\n", kObjectsSql)));
    const Folder folder;
    EXPECT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder)));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }

  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
  }

  static absl::Status OnTarget(const std::string& sql) {
    return target_->Sql("USE d; SET sql_mode = 'ALLOW_INVALID_DATES', foreign_key_checks = 0; " +
                        sql);
  }

  // What verify says, one line for each row and object that differs; "exit N" when its exit code
  // does not fit.
  static Strings Verify() {
    Strings args = {"verify"};
    const Strings ends = Ends(*source_, *target_);
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), {"--databases", "d", "--output", "json", "--progress", "none"});
    const ProcessResult result = RunZdpipe(args);
    const Json report = ParseJson(result.standard_output);
    Strings found;
    for (const Json& table : report["tables"]) {
      for (const Json& row : table["differences"]) {
        const Strings columns = row["columns"];
        found.push_back(absl::StrCat(row["kind"].get<std::string>(), " ",
                                     table["table"].get<std::string>(), " ",
                                     row["key"].get<std::string>(), columns.empty() ? "" : " ",
                                     absl::StrJoin(columns, ",")));
      }
    }
    for (const Json& object : report["definitions"]) {
      found.push_back(absl::StrCat(object["difference"].get<std::string>(), " ",
                                   object["kind"].get<std::string>(), " ",
                                   object["name"].get<std::string>()));
    }
    if (result.exit_code != (found.empty() ? 0 : 7)) {
      found.push_back(absl::StrCat("exit ", result.exit_code, " ", result.standard_error));
    }
    return found;
  }

  static void ExpectFound(const std::string& change, const Strings& expected,
                          const std::string& undo) {
    SCOPED_TRACE(change);
    ASSERT_DONE(OnTarget(change));
    EXPECT_EQ(Verify(), expected);
    ASSERT_DONE(OnTarget(undo));
  }

  static TestServer* source_;
  static TestServer* target_;
};

TestServer* VerifyMutationTest::source_ = nullptr;
TestServer* VerifyMutationTest::target_ = nullptr;

TEST_F(VerifyMutationTest, SmallestChangeOfEveryTypeIsFoundInItsRowAndColumn) {
  ASSERT_EQ(Verify(), Strings());
  for (size_t i = 0; i < std::size(kMutations); ++i) {
    const std::string set = absl::StrCat("UPDATE types SET ", ColumnName(i), " = ");
    // What is not taken back is found with the next one, and at the end.
    ExpectFound(absl::StrCat(set, kMutations[i].changed, " WHERE id = 7"),
                {absl::StrCat("changed types (7) ", ColumnName(i))},
                absl::StrCat(set, kMutations[i].value, " WHERE id = 7"));
  }
  EXPECT_EQ(Verify(), Strings());
}

TEST_F(VerifyMutationTest, RowsThatAreGoneNewOrDoubledAreFound) {
  ExpectFound("DELETE FROM parts WHERE id = 11", {"missing parts (11)"},
              "INSERT INTO parts VALUES (11, 11)");
  ExpectFound("INSERT INTO parts VALUES (-5, 5)", {"extra parts (-5)"},
              "DELETE FROM parts WHERE id = -5");
  ExpectFound("UPDATE parts SET v = 12 WHERE id = 11; UPDATE parts SET v = 11 WHERE id = 12",
              {"changed parts (11) v", "changed parts (12) v"}, "UPDATE parts SET v = id");
  ExpectFound("INSERT INTO twins VALUES (5, 'same')", {"extra twins (5, _latin1 X'73616d65')"},
              "DELETE FROM twins LIMIT 1");
  ExpectFound("DELETE FROM twins LIMIT 1", {"missing twins (5, _latin1 X'73616d65')"},
              "INSERT INTO twins VALUES (5, 'same')");
  // Of a large row it is not told which columns differ.
  ExpectFound("UPDATE large SET a = CONCAT(REPEAT('x', 999999), 'y') WHERE id = 3",
              {"changed large (3)"}, "UPDATE large SET a = REPEAT('x', 1000000) WHERE id = 3");
  ExpectFound("UPDATE hidden SET h = 9 WHERE id = 2", {"changed hidden (2) h"},
              "UPDATE hidden SET h = 2 WHERE id = 2");
  EXPECT_EQ(Verify(), Strings());
}

TEST_F(VerifyMutationTest, LostHistoryIsFound) {
  ASSERT_DONE(OnTarget("DELETE HISTORY FROM old"));
  const Strings found = Verify();
  ASSERT_EQ(found.size(), 2u) << absl::StrJoin(found, "\n");
  for (const std::string& line : found) EXPECT_TRUE(absl::StartsWith(line, "missing old ")) << line;
  // Only the source can give it back.
  const Folder folder;
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*source_, *target_), folder, {"--target-not-empty", "drop"})));
  EXPECT_EQ(Verify(), Strings());
}

TEST_F(VerifyMutationTest, EveryPartOfADefinitionCounts) {
  const Strings table = {"changed table defined"};
  ExpectFound("ALTER TABLE defined MODIFY g INT AS (a + 2) VIRTUAL", table,
              "ALTER TABLE defined MODIFY g INT AS (a + 1) VIRTUAL");
  ExpectFound("ALTER TABLE defined ALTER a SET DEFAULT 2", table,
              "ALTER TABLE defined ALTER a SET DEFAULT 1");
  ExpectFound("ALTER TABLE defined MODIFY a INT DEFAULT 1 COMMENT 'new'", table,
              "ALTER TABLE defined MODIFY a INT DEFAULT 1 COMMENT 'old'");
  ExpectFound("ALTER TABLE defined MODIFY s VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin",
              table, "ALTER TABLE defined MODIFY s VARCHAR(9) CHARACTER SET latin1");
  ExpectFound("ALTER TABLE defined DROP KEY by_a", table, "ALTER TABLE defined ADD KEY by_a (a)");
  ExpectFound("ALTER TABLE defined DROP CONSTRAINT positive", table,
              "ALTER TABLE defined ADD CONSTRAINT positive CHECK (a > 0)");
  ExpectFound("ALTER TABLE defined COMMENT 'other'", table, "ALTER TABLE defined COMMENT 'table'");
  ExpectFound("ALTER TABLE child DROP FOREIGN KEY of_defined", {"changed table child"},
              "ALTER TABLE child ADD CONSTRAINT of_defined FOREIGN KEY (d) REFERENCES defined (id) "
              "ON DELETE CASCADE");
  EXPECT_EQ(Verify(), Strings());
}

TEST_F(VerifyMutationTest, EveryOtherObjectCounts) {
  ExpectFound("CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM defined", {"changed view v"},
              "CREATE OR REPLACE VIEW v AS SELECT id FROM defined");
  ExpectFound("CREATE OR REPLACE PROCEDURE p() SELECT 2", {"changed procedure p"},
              "CREATE OR REPLACE PROCEDURE p() SELECT 1");
  ExpectFound("CREATE OR REPLACE FUNCTION f() RETURNS INT RETURN 2", {"changed function f"},
              "CREATE OR REPLACE FUNCTION f() RETURNS INT RETURN 1");
  ExpectFound("CREATE OR REPLACE TRIGGER tr BEFORE INSERT ON child FOR EACH ROW SET @a = 2",
              {"changed trigger tr"},
              "CREATE OR REPLACE TRIGGER tr BEFORE INSERT ON child FOR EACH ROW SET @a = 1");
  ExpectFound("ALTER EVENT e DO SET @a = 2", {"changed event e"}, "ALTER EVENT e DO SET @a = 1");
  ExpectFound("DO SETVAL(s, 77)", {"changed sequence s"}, "ALTER SEQUENCE s RESTART");
  EXPECT_EQ(Verify(), Strings());
}

}  // namespace
}  // namespace zdpipe
