// `zdpipe copy` against real servers: what goes in comes out, and the target can take over.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <random>

#include "tests/copy_harness.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr uint64_t kMiB = uint64_t{1} << 20;
// --memory's default, and what the process may need on top of it.
constexpr uint64_t kMemoryBound = (256 + 64) * kMiB;

// A pretended stopped replica and a target, started once; each test begins with both empty.
class CopyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // A system time zone with a daylight saving fold on both servers; no tzdata needed.
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    const TestServerOptions options = {.args = {"--max-allowed-packet=128M"}};
    source_ = StartServer(options).release();
    target_ = StartServer(options).release();
    unsetenv("TZ");
    if (source_ != nullptr) EXPECT_DONE(PretendStoppedReplica(*source_));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
    source_ = target_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(DropUserDatabases(*source_));
    ASSERT_DONE(DropUserDatabases(*target_));
  }

  ProcessResult Copy(const Strings& more = {}) {
    return RunCopy(Ends(*source_, *target_), folder_, more);
  }

  // A sanitizer's own memory, several times the program's, is in the figure: the bound is checked
  // in the other builds only.
  static void ExpectMemoryWithin(const Json& report, uint64_t bound) {
    const auto peak = report["memory_peak_bytes"].get<uint64_t>();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    std::cerr << "NOT CHECKED under a sanitizer: " << peak << " bytes, bound " << bound << "\n";
#else
    EXPECT_LE(peak, bound);
#endif
  }

  // Copies, and expects everything of the source on the target.
  void ExpectCopied(const Strings& more = {}) {
    ASSERT_TRUE(Succeeds(Copy(more)));
    EXPECT_EQ(Differences(*source_, *target_, UserDatabases(*source_)), "");
    const bool kept = std::find(more.begin(), more.end(), "--keep-control") != more.end();
    Strings expected = UserDatabases(*source_);
    if (kept) expected.push_back("zdpipe");
    EXPECT_EQ(UserDatabases(*target_), expected);
    const Json report = Report(folder_);
    EXPECT_EQ(report["error"], nullptr);
    ExpectMemoryWithin(report, kMemoryBound);
    for (const Json& table : report["tables"]) EXPECT_EQ(table["verify"], "equal") << table;
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* CopyTest::source_ = nullptr;
TestServer* CopyTest::target_ = nullptr;

// --- Values -----------------------------------------------------------------------------------

constexpr char kNumbersSql[] = R"sql(
CREATE DATABASE types; USE types;
SET sql_mode = 'NO_UNSIGNED_SUBTRACTION';
CREATE TABLE numbers (
  id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED,
  m MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED,
  z INT(9) ZEROFILL, y YEAR, b1 BIT(1), b9 BIT(9), b64 BIT(64), bo BOOL,
  n DECIMAL(65,30), n0 DECIMAL(65,0), nu DECIMAL(10,2) UNSIGNED,
  f FLOAT, fu FLOAT(7,3) UNSIGNED, d DOUBLE, du DOUBLE(20,5));
INSERT INTO numbers VALUES
 (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 1901,
  b'0', b'0', b'0', 0, -99999999999999999999999999999999999.999999999999999999999999999999,
  -99999999999999999999999999999999999999999999999999999999999999999, 0, -3.40282347e38, 0,
  -1.7976931348623157e308, -999999999999999.99999),
 (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
  18446744073709551615, 999999999, 2155, b'1', b'111111111', 18446744073709551615, 1,
  99999999999999999999999999999999999.999999999999999999999999999999,
  99999999999999999999999999999999999999999999999999999999999999999, 99999999.99, 3.40282347e38,
  9999.999, 1.7976931348623157e308, 999999999999999.99999),
 (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
 (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (5, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 1, 2000, 1, 1, 1, 1,
  0.000000000000000000000000000001, -1, 0.01, 1.17549435e-38, 0.001, 2.2250738585072014e-308, -1e-5),
 (6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1970, 1, 0x101, 0x5C27000000FF, 1,
  0.1, 1, 1, 1e-45, 0.1, 5e-324, 0.1),
 (7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1970, 1, 0x5C, 0x5C, 1,
  123456789.123456789, 1, 1, 16777217, 0.1, 0.1 + 0.2, 0.1),
 (8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1970, 1, 0x27, 0x00, 1,
  1, 1, 1, -0e0, 0, -0e0, 0);
CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE);
INSERT INTO floats SELECT seq, (RAND(seq) - 0.5) * POW(10, seq % 70 - 35),
  (RAND(seq + 1) - 0.5) * POW(10, seq % 600 - 300) FROM seq_1_to_5000;
CREATE TABLE counters (id INT PRIMARY KEY AUTO_INCREMENT, v INT) AUTO_INCREMENT = 100;
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
INSERT INTO counters VALUES (0, 1), (-5, 2), (7, 3);
CREATE TABLE counters2 (v INT, id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT, KEY (v), KEY (id));
INSERT INTO counters2 VALUES (1, 0), (2, 0), (3, 65534);
)sql";

TEST_F(CopyTest, NumbersAtTheirExtremes) {
  ASSERT_DONE(source_->Sql(kNumbersSql));
  ExpectCopied();
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM types.counters WHERE id = 0"), "1");
  EXPECT_EQ(Value(*target_, "SELECT SUM(id) FROM types.counters2"), "65534");
}

constexpr char kTimesSql[] = R"sql(
CREATE DATABASE types; USE types;
SET sql_mode = 'ALLOW_INVALID_DATES,NO_UNSIGNED_SUBTRACTION', time_zone = '+00:00';
CREATE TABLE times (
  id INT PRIMARY KEY AUTO_INCREMENT, d DATE, t TIME, t6 TIME(6), dt DATETIME, dt3 DATETIME(3),
  dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL,
  tn TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  dn DATETIME(2) NOT NULL DEFAULT '0000-00-00 00:00:00');
INSERT INTO times (d, t, t6, dt, dt3, dt6, ts, ts6, tn, dn) VALUES
 ('0000-00-00', '-838:59:59', '-838:59:59.999999', '0000-00-00', '0000-00-00', '0000-00-00',
  '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00'),
 ('9999-12-31', '838:59:59', '838:59:59.999999', '9999-12-31 23:59:59',
  '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07',
  '2038-01-19 03:14:07.999999', '2038-01-19 03:14:07', '9999-12-31 23:59:59.99'),
 ('2024-02-31', '00:00:00', '-00:00:00.000001', '2024-02-31 00:00:00', '2024-00-00',
  '2024-11-31 12:00:00.5', '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001',
  '1970-01-01 00:00:01', '2023-02-29'),
 ('2024-00-00', '23:59:59', '24:00:00', '0000-01-01', '0001-01-01', '1000-01-01', NULL, NULL,
  '2024-01-01', '2024-01-01'),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-01-01', '2024-01-01');
-- Twice the same hour on the clocks of a server in Central Europe, and the hour that is none.
INSERT INTO times (ts, ts6, tn) VALUES
 ('2024-10-27 00:30:00', '2024-10-27 00:30:00.5', '2024-10-27 00:30:00'),
 ('2024-10-27 01:30:00', '2024-10-27 01:30:00.5', '2024-10-27 01:30:00'),
 ('2024-03-31 01:00:00', '2024-03-31 01:30:00', '2024-03-31 00:59:59');
INSERT INTO times (d, t6, dt6, ts6)
  SELECT DATE '1000-01-01' + INTERVAL seq * 997 DAY, SEC_TO_TIME((seq - 1500) * 1999.123457),
         TIMESTAMP '1000-01-01 00:00:00' + INTERVAL seq * 10000000007 MICROSECOND,
         FROM_UNIXTIME(seq * 700001.000123) FROM seq_1_to_3000;
)sql";

TEST_F(CopyTest, DatesAndTimesZeroInvalidAndInTheFold) {
  ASSERT_DONE(source_->Sql(kTimesSql));
  ExpectCopied();
  EXPECT_EQ(
      Rows(*target_, "SET time_zone = '+00:00'; SELECT ts FROM types.times WHERE id IN (6, 7)"),
      (Strings{"2024-10-27 00:30:00", "2024-10-27 01:30:00"}));
  EXPECT_EQ(Value(*target_, "SELECT d FROM types.times WHERE id = 3"), "2024-02-31");
}

TEST_F(CopyTest, EveryByteOfEveryCharacterSet) {
  std::string sql = "CREATE DATABASE texts; USE texts;\n";
  for (const std::string charset :
       {"latin1", "latin2",   "latin5",   "latin7",  "cp1250", "cp1251", "cp1256",
        "cp1257", "cp850",    "cp852",    "cp866",   "koi8r",  "koi8u",  "greek",
        "hebrew", "macce",    "macroman", "keybcs2", "dec8",   "hp8",    "swe7",
        "ascii",  "armscii8", "geostd8",  "tis620",  "binary"}) {
    // Of 7-bit sets only these are legal.
    const int last = charset == "ascii" || charset == "swe7" ? 127 : 255;
    absl::StrAppend(&sql, "CREATE TABLE `", charset, "` (id INT PRIMARY KEY, c CHAR(3), v VARCHAR(",
                    "300), t TEXT, KEY (v)) CHARACTER SET ", charset, ";\nINSERT INTO `", charset,
                    "` SELECT seq, _", charset, " X'61', UNHEX(CONCAT(HEX(CHAR(seq)), '61')), ",
                    "UNHEX(HEX(CHAR(seq))) FROM seq_0_to_", last, ";\nINSERT INTO `", charset,
                    "` SELECT 1000, UNHEX('5C275C'), GROUP_CONCAT(t ORDER BY id SEPARATOR ''), ",
                    "GROUP_CONCAT(t ORDER BY id DESC SEPARATOR '') FROM `", charset,
                    "` WHERE id < 256;\nINSERT INTO `", charset,
                    "` VALUES (1001, '', '', ''), (1002, NULL, NULL, NULL), (1003, ' ', ' a ', ",
                    "'N');\n");
  }
  ASSERT_DONE(source_->Sql(sql));
  EXPECT_EQ(Value(*source_, "SELECT HEX(v) FROM texts.latin1 WHERE id = 1000").size(), 512u);
  ExpectCopied();
}

TEST_F(CopyTest, WideCharacterSetsWithBackslashesInSecondBytes) {
  std::string sql = "CREATE DATABASE texts; USE texts;\n";
  const std::vector<std::pair<std::string, std::string>> samples = {
      {"gbk", "815C27815C"},
      {"sjis", "835C27835C5C"},
      {"cp932", "835C27FA5C"},
      {"big5", "A55CB35C27"},
      {"gb2312", "B0A127"},
      {"euckr", "B0A127"},
      {"ujis", "A4A28FA2AF27"},
      {"eucjpms", "A4A28FA2AF27"},
      {"utf8mb3", "E282AC27C3A4"},
      {"utf8mb4", "F09F9880275CE282AC"},
      {"ucs2", "005C00270022263A"},
      {"utf16", "005C0027D83DDE000022"},
      {"utf16le", "5C0027003DD800DE"},
      {"utf32", "0000005C000000270001F600"}};
  for (const auto& [charset, hex] : samples) {
    absl::StrAppend(&sql, "CREATE TABLE ", charset, " (v VARCHAR(50) NOT NULL, c CHAR(20), ",
                    "t LONGTEXT, e ENUM(X'", hex, "', 'b'), PRIMARY KEY (v)) ", "CHARACTER SET ",
                    charset, ";\nINSERT INTO ", charset, " VALUES (_", charset, " X'", hex, "', _",
                    charset, " X'", hex, "', REPEAT(_", charset, " X'", hex,
                    "', 20000), 1), ('', '', '', 2), ('a', NULL, NULL, NULL);\n");
  }
  ASSERT_DONE(source_->Sql(sql));
  ExpectCopied();
  EXPECT_EQ(Value(*target_, "SELECT HEX(c) FROM texts.sjis WHERE e = 1"), "835C27835C5C");
  EXPECT_EQ(Value(*target_, "SELECT HEX(v) FROM texts.utf16 WHERE e = 1"), "005C0027D83DDE000022");
}

constexpr char kEnumsSql[] = R"sql(
CREATE DATABASE enums; USE enums;
SET sql_mode = '';
CREATE TABLE e (id INT PRIMARY KEY AUTO_INCREMENT, e ENUM('a', '', 'c,d', 'it''s', 'ä', '\\N')
  CHARACTER SET latin1, s SET('x', 'y''z', 'ö') CHARACTER SET latin1,
  n ENUM('0', '1', '2') NOT NULL);
INSERT INTO e (e, s, n) VALUES ('a', 'x', '0'), ('', '', '1'), ('c,d', 'x,y''z,ö', '2'),
  ('it''s', 'ö', 0), ('ä', NULL, 'none'), ('none', 'none', 'none'), (0, 0, 0), (NULL, NULL, 1),
  ('\\N', 'y''z', 'x');
-- More error values in a batch than the protocol's warning count can say.
CREATE TABLE errors (id INT PRIMARY KEY, e ENUM('a', 'b'), f ENUM('c', 'd'));
INSERT INTO errors SELECT seq, 'none', IF(seq % 3 = 0, 'none', 'd') FROM seq_1_to_90000;
)sql";

TEST_F(CopyTest, EnumsAndSetsWithErrorValuesAndHundredsOfMembers) {
  std::string sql = kEnumsSql;
  Strings members;
  for (int i = 0; i < 300; ++i) members.push_back(absl::StrCat("'m", i, "'"));
  absl::StrAppend(&sql, "CREATE TABLE many (id INT PRIMARY KEY, e ENUM(",
                  absl::StrJoin(members, ","), "), s SET(");
  members.resize(64);
  absl::StrAppend(&sql, absl::StrJoin(members, ","),
                  "));\nINSERT INTO many VALUES (1, 'm0', 18446744073709551615), (2, 'm299', "
                  "9223372036854775808), (3, 'm255', 1), (4, 'm256', 0);\n");
  ASSERT_DONE(source_->Sql(sql));
  ExpectCopied();
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM enums.errors WHERE e = 0"), "90000");
}

constexpr char kColumnsSql[] = R"sql(
CREATE DATABASE cols; USE cols;
CREATE SEQUENCE ids START WITH 1000 INCREMENT BY 7;
CREATE TABLE kinds (
  id INT PRIMARY KEY, hidden VARCHAR(20) INVISIBLE DEFAULT 'unseen', g INT AS (id * 2) VIRTUAL,
  p VARCHAR(30) AS (CONCAT('<', hidden, '>')) PERSISTENT, u UUID DEFAULT UUID(), i6 INET6,
  i4 INET4, j JSON, dflt INT DEFAULT (id + 5), nxt BIGINT DEFAULT NEXTVAL(ids),
  z TEXT COMPRESSED, zb BLOB COMPRESSED, KEY (g), KEY (p), UNIQUE (u));
INSERT INTO kinds (id, hidden, i6, i4, j, z, zb) VALUES
  (1, 'a\\N', '::', '0.0.0.0', '{"a": [1, 2.50, null, "\\u00e4"]}', REPEAT('z', 5000), x'00'),
  (2, '', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '255.255.255.255', '[]', '', ''),
  (3, NULL, '::ffff:1.2.3.4', '1.2.3.4', NULL, NULL, NULL);
-- Rows that are older than the constraint.
CREATE TABLE checked (id INT PRIMARY KEY, v INT);
INSERT INTO checked VALUES (1, 5), (2, NULL), (3, 500);
SET check_constraint_checks = 0;
ALTER TABLE checked ADD CONSTRAINT small CHECK (v > 100);
CREATE TABLE bad_json (id INT PRIMARY KEY, j JSON);
INSERT INTO bad_json VALUES (1, '{broken'), (2, '');
SET check_constraint_checks = 1;
CREATE TABLE shapes (id INT PRIMARY KEY, g GEOMETRY NOT NULL, p POINT, l LINESTRING, y POLYGON,
  c GEOMETRYCOLLECTION, SPATIAL KEY (g));
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(1 2)', 4326), POINT(-1e300, 5e-324), NULL, NULL, NULL),
  (2, ST_GeomFromText('POLYGON((0 0,9 0,9 9,0 0))'), NULL, ST_GeomFromText('LINESTRING(0 0,1 1)'),
   ST_GeomFromText('POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'));
CREATE TABLE blobs (id INT PRIMARY KEY, t TINYBLOB, b BLOB, m MEDIUMBLOB, l LONGBLOB, x BINARY(5),
  v VARBINARY(300), KEY (v));
INSERT INTO blobs VALUES (1, '', '', '', '', '', ''), (2, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, REPEAT(x'00', 255), REPEAT(x'5C', 65535), REPEAT(x'27', 65536), REPEAT(x'FF', 300000),
   x'0000200000', x'2020'),
  (4, REPEAT(x'FB', 250), REPEAT(x'FE', 251), REPEAT('a', 252), REPEAT('b', 253), x'20', x'00');
INSERT INTO blobs SELECT seq, RANDOM_BYTES(seq % 256), RANDOM_BYTES(1 + seq % 1000), NULL, NULL,
  RANDOM_BYTES(5), RANDOM_BYTES(1 + seq % 300) FROM seq_10_to_1000;
CREATE TABLE generated_only (g INT AS (1 + 1) VIRTUAL, a INT);
INSERT INTO generated_only (a) VALUES (1), (1), (NULL);
CREATE TABLE all_null (a INT, b VARCHAR(10), c DATE);
INSERT INTO all_null SELECT NULL, NULL, NULL FROM seq_1_to_1000;
)sql";

TEST_F(CopyTest, ColumnsOfEveryKind) {
  ASSERT_DONE(source_->Sql(kColumnsSql));
  ExpectCopied();
  EXPECT_EQ(Value(*target_, "SELECT hidden FROM cols.kinds WHERE id = 1"), "a\\\\N");
}

TEST_F(CopyTest, SystemVersionedTablesTravelWithTheirHistory) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE v; USE v;"
      "CREATE TABLE t (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;"
      "INSERT INTO t SELECT seq, 1 FROM seq_1_to_100; UPDATE t SET v = 2 WHERE id > 50;"
      "DELETE FROM t WHERE id > 90; UPDATE t SET v = 3;"));
  ExpectCopied();
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM v.t FOR SYSTEM_TIME ALL"), "240");
}

TEST_F(CopyTest, TablesOfManyColumns) {
  std::string sql = "CREATE DATABASE wide; USE wide;\nCREATE TABLE t (c0 INT PRIMARY KEY";
  for (int i = 1; i < 900; ++i) {
    absl::StrAppend(&sql, ", c", i, i % 3 == 0 ? " INT" : i % 3 == 1 ? " DATE" : " VARBINARY(9)");
  }
  absl::StrAppend(&sql, ");\nINSERT INTO t (c0, c1, c2, c3, c899) SELECT seq, '2024-01-01', 'a', ",
                  "seq, x'00FF' FROM seq_1_to_2000;\n");
  ASSERT_DONE(source_->Sql(sql));
  ExpectCopied();
}

// --- Keys, engines, ranges --------------------------------------------------------------------

// A table of three ranges of 1 MiB: `rows` has the values in front of the padding.
std::string KeyTable(const std::string& name, const std::string& columns, const std::string& rows,
                     const std::string& options = "") {
  return absl::StrCat("CREATE TABLE ", name, " (", columns, ", pad VARCHAR(7000) CHARACTER SET ",
                      "latin1) ", options, ";\nINSERT INTO ", name, " SELECT ", rows,
                      ", REPEAT(CHAR(97 + seq % 26), 7000) FROM seq_1_to_400;\n");
}

std::string KeysSql() {
  return absl::StrCat(
      "CREATE DATABASE k; USE k; SET sql_mode = 'NO_UNSIGNED_SUBTRACTION';\n",
      KeyTable("k_int", "a INT PRIMARY KEY", "seq - 200"),
      KeyTable("k_ubig", "a BIGINT UNSIGNED PRIMARY KEY",
               "IF(seq < 9, seq, 18446744073709551616 - seq * 1000003)"),
      KeyTable("k_gaps", "a BIGINT PRIMARY KEY", "(seq - 200) * 40000000000000000"),
      KeyTable("k_composite", "a INT, b VARCHAR(10), c DATE, PRIMARY KEY (c, b, a)",
               "seq, seq % 3, DATE '2024-01-01' + INTERVAL seq % 5 DAY"),
      KeyTable("k_ci", "a VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY",
               "CONCAT(ELT(1 + seq % 4, 'Ab', 'aB', 'ÄB', 'ab'), seq, IF(seq % 2, '', '  '))"),
      KeyTable("k_binary", "a VARBINARY(16) PRIMARY KEY", "UNHEX(MD5(seq))"),
      KeyTable("k_decimal", "a DECIMAL(40,20) PRIMARY KEY", "(seq - 200) / 7"),
      KeyTable("k_double", "a DOUBLE PRIMARY KEY", "(seq - 200) / 7e0"),
      KeyTable(
          "k_datetime", "a DATETIME(6) PRIMARY KEY",
          "IF(seq = 1, 0, TIMESTAMP '2024-01-01 00:00:00' + INTERVAL seq * 33333 MICROSECOND)"),
      KeyTable("k_time", "a TIME(3) PRIMARY KEY", "SEC_TO_TIME((seq - 200) * 1000.001)"),
      KeyTable("k_enum", "e ENUM('zebra', 'apple', 'mango'), a INT, PRIMARY KEY (e, a)",
               "1 + seq % 3, seq"),
      KeyTable("k_set", "e SET('z', 'a', 'm'), a INT, PRIMARY KEY (e, a)", "seq % 8, seq"),
      KeyTable("k_bit", "a BIT(40) PRIMARY KEY", "seq * 1000000007"),
      KeyTable("k_uuid", "a UUID PRIMARY KEY", "INSERT(MD5(seq), 13, 1, '4')"),
      KeyTable("k_ucs2", "a VARCHAR(20) CHARACTER SET ucs2 PRIMARY KEY", "CONCAT('a', MD5(seq))"),
      KeyTable("k_descending", "a INT, b INT, PRIMARY KEY (a DESC, b)", "seq % 7, seq"),
      KeyTable("k_prefix", "a VARCHAR(30), PRIMARY KEY (a(5))", "CONCAT(LPAD(seq, 5, '0'), 'x')"),
      KeyTable("k_unique", "a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b)", "seq % 9, seq"),
      KeyTable("k_nullable", "a INT, UNIQUE (a)", "IF(seq % 2, NULL, seq)"),
      KeyTable("k_none", "a INT", "seq % 3"),
      KeyTable("k_myisam", "a INT PRIMARY KEY", "seq", "ENGINE=MyISAM"),
      KeyTable("k_aria", "a INT, KEY (a)", "seq", "ENGINE=Aria TRANSACTIONAL=1"),
      KeyTable("k_memory", "a INT PRIMARY KEY", "seq", "ENGINE=MEMORY"),
      KeyTable("k_range", "a INT PRIMARY KEY", "seq",
               "PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES "
               "LESS THAN (300), PARTITION p2 VALUES LESS THAN MAXVALUE)"),
      KeyTable("k_hash", "a INT, b INT, PRIMARY KEY (a, b)", "seq % 20, seq",
               "PARTITION BY HASH (b) PARTITIONS 5"),
      KeyTable("k_list", "a INT", "seq % 3",
               "PARTITION BY LIST (a) (PARTITION p0 VALUES IN (0, 1), PARTITION p1 VALUES IN (2))"),
      "CREATE TABLE twins (a INT, b VARCHAR(5));\n",
      "INSERT INTO twins SELECT seq % 2, NULL FROM seq_1_to_10000;\n",
      "CREATE TABLE csv (a INT NOT NULL, b VARCHAR(20) NOT NULL) ENGINE=CSV;\n",
      "INSERT INTO csv SELECT seq, 'it''s, \"x\"' FROM seq_1_to_100;\n",
      "CREATE TABLE empty_one (a INT PRIMARY KEY, b INT, KEY (b));\n",
      "CREATE TABLE empty_two (a INT) ENGINE=MyISAM;\n");
}

TEST_F(CopyTest, KeysAndEnginesInSeveralRangesLoseNoRow) {
  ASSERT_DONE(source_->Sql(KeysSql()));
  ExpectCopied({"--range-bytes", "1MiB", "--jobs", "4"});
  const Json report = Report(folder_);
  for (const Json& table : report["tables"]) {
    if (absl::StartsWith(table["table"].get<std::string>(), "k_")) {
      EXPECT_GE(table["ranges"], 2) << table;
    }
  }
}

TEST_F(CopyTest, SeveralLoadersOnOneTableLoseNoRow) {
  ASSERT_DONE(
      source_->Sql(absl::StrCat("CREATE DATABASE one; USE one;\n",
                                BigTableSql("t", 14, ", KEY (a, b), UNIQUE (c), KEY (pad(20))"))));
  for (const std::string jobs : {"1", "4"}) {
    SCOPED_TRACE("--jobs " + jobs);
    ASSERT_DONE(DropUserDatabases(*target_));
    ExpectCopied({"--range-bytes", "1MiB", "--jobs", jobs});
    const Json report = Report(folder_);
    EXPECT_GE(report["totals"]["ranges"], 13);
    EXPECT_EQ(report["totals"]["rows"], 14 * 1024);
    EXPECT_EQ(report["plan"]["jobs"], std::stoi(jobs));
  }
}

TEST_F(CopyTest, IndexesInlineGiveTheSameTables) {
  ASSERT_DONE(source_->Sql(
      absl::StrCat("CREATE DATABASE one; USE one;\n", BigTableSql("t", 3, ", KEY (a, b), KEY (c)"),
                   "CREATE TABLE f (id INT PRIMARY KEY, t TEXT, FULLTEXT (t));\n",
                   "INSERT INTO f SELECT seq, CONCAT('word', seq, ' ', REPEAT('filling ', 60)) ",
                   "FROM seq_1_to_3000;\nANALYZE TABLE f;\n")));
  ExpectCopied({"--indexes", "inline"});
  ASSERT_DONE(DropUserDatabases(*target_));
  ExpectCopied({"--indexes", "after"});
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM one.f WHERE MATCH (t) AGAINST ('word77')"), "1");
}

TEST_F(CopyTest, ManySmallTablesAndProgressInJson) {
  ASSERT_DONE(source_->Sql(R"sql(
CREATE DATABASE many; USE many;
DELIMITER //
CREATE PROCEDURE fill() BEGIN
  FOR i IN 1..1500 DO
    EXECUTE IMMEDIATE CONCAT('CREATE TABLE t', i, ' (a INT PRIMARY KEY, b INT, KEY (b))');
    IF i % 2 THEN EXECUTE IMMEDIATE CONCAT('INSERT INTO t', i, ' VALUES (', i, ', 1)'); END IF;
  END FOR;
END//
DELIMITER ;
CALL fill(); DROP PROCEDURE fill;
)sql"));
  unlink((folder_ / "report.json").c_str());
  const ProcessResult result = Copy({"--progress", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;

  const Json report = Report(folder_);
  EXPECT_EQ(report["totals"]["tables"], 1500);
  EXPECT_EQ(report["totals"]["rows"], 750);
  ExpectMemoryWithin(report, 128 * kMiB);
  EXPECT_EQ(Value(*target_,
                  "SELECT COUNT(*) FROM information_schema.statistics WHERE "
                  "table_schema = 'many' AND index_name = 'b'"),
            "1500");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM many.t1499"), "1");
  const Strings lines = absl::StrSplit(result.standard_error, '\n', absl::SkipEmpty());
  ASSERT_FALSE(lines.empty());
  uint64_t done = 0;
  for (const std::string& line : lines) {
    const Json progress = ParseJson(line);
    for (const char* key :
         {"ts", "phase", "tables_done", "tables_total", "rows", "bytes", "bytes_total_estimate",
          "rows_per_s", "bytes_per_s", "eta_s", "loaders", "active"}) {
      EXPECT_TRUE(progress.contains(key)) << key;
    }
    EXPECT_GE(progress.value("tables_done", 0u), done) << "progress went back";
    done = progress.value("tables_done", 0u);
    EXPECT_LE(done, 1500u);
  }
}

// --- Large rows -------------------------------------------------------------------------------

TEST_F(CopyTest, RowOf40MegabytesWithinTheMemoryBound) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB);"
                   "INSERT INTO big.t VALUES (1, 'small'), (2, REPEAT(RANDOM_BYTES(1024), 40960)),"
                   "(3, 'small')"));
  ExpectCopied();
  EXPECT_EQ(Report(folder_)["totals"]["rows"], 3);
}

TEST_F(CopyTest, TablesOf40MegabyteRowsSideBySideWithinTheMemoryBound) {
  std::string sql = "CREATE DATABASE big; USE big;\n";
  for (const std::string table : {"t1", "t2"}) {
    absl::StrAppend(&sql, "CREATE TABLE ", table, " (id INT PRIMARY KEY, b LONGBLOB);\n");
    for (int i = 1; i <= 2; ++i) {
      absl::StrAppend(&sql, "INSERT INTO ", table, " VALUES (", 2 * i, ", 'x'), (", 2 * i + 1,
                      ", REPEAT(RANDOM_BYTES(1024), 40960));\n");
    }
  }
  absl::StrAppend(&sql, BigTableSql("small_rows", 4));
  ASSERT_DONE(source_->Sql(sql));
  ExpectCopied({"--jobs", "4"});
  // What was tried and had to be done again does not count twice.
  EXPECT_EQ(Report(folder_)["totals"]["rows"], 8 + 4 * 1024);
}

TEST_F(CopyTest, RowsInFrontOfAVeryLargeOneCountOnce) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; USE big; CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB);"
                   "INSERT INTO t SELECT seq, REPEAT('x', 1000) FROM seq_1_to_5000;"
                   "INSERT INTO t VALUES (10000, REPEAT('y', 20000000))"));
  ExpectCopied({"--range-bytes", "1MiB", "--keep-control"});
  EXPECT_EQ(Report(folder_)["totals"]["rows"], 5001);
  EXPECT_EQ(Value(*target_, "SELECT SUM(`rows`) FROM zdpipe.`range`"), "5001");
}

// Between distant servers small tables have lanes of their own. Some are not what they were taken
// for: the statistics of `grown` and `wide` are of empty tables.
TEST_F(CopyTest, SmallTablesBetweenDistantServers) {
  std::string sql =
      "CREATE DATABASE small; USE small;"
      "CREATE TABLE grown (id INT PRIMARY KEY, v VARCHAR(300), KEY (v)) STATS_AUTO_RECALC=0;"
      "CREATE TABLE wide (id INT PRIMARY KEY, b LONGBLOB) STATS_AUTO_RECALC=0;"
      "CREATE TABLE empty (id INT PRIMARY KEY) ENGINE=MyISAM;";
  for (int i = 0; i < 120; ++i) {
    absl::StrAppend(&sql, "CREATE TABLE t", i, " (id INT PRIMARY KEY, v VARCHAR(50), KEY (v))",
                    i % 10 == 0 ? " ENGINE=Aria" : "", "; INSERT INTO t", i,
                    " SELECT seq, MD5(seq) FROM seq_1_to_", i, ";");
  }
  absl::StrAppend(&sql, BigTableSql("large", 4),
                  "ANALYZE TABLE grown, wide;"
                  "INSERT INTO grown SELECT seq, REPEAT('g', 290) FROM seq_1_to_20000;"
                  "INSERT INTO wide SELECT seq, REPEAT('w', 3000000) FROM seq_1_to_3;");
  ASSERT_DONE(source_->Sql(sql));
  auto source = FaultProxy::Start(source_->port());
  auto target = FaultProxy::Start(target_->port());
  ASSERT_TRUE(source.ok() && target.ok());
  (*source)->Delay(std::chrono::milliseconds(2));
  (*target)->Delay(std::chrono::milliseconds(2));
  const auto copy = [&] {
    return RunZdpipe(CopyArgs({"--no-defaults", "--from", (*source)->address(), "--from-user",
                               "root", "--to", (*target)->address(), "--to-user", "root"},
                              folder_, {}));
  };
  // They are not for the last connections of a server.
  const std::string most = Value(*target_, "SELECT @@max_connections");
  ASSERT_DONE(target_->Sql("SET GLOBAL max_connections = 24"));
  const ProcessResult modest = copy();
  ASSERT_DONE(target_->Sql(absl::StrCat("SET GLOBAL max_connections = ", most)));
  ASSERT_TRUE(Succeeds(modest));
  EXPECT_EQ(Report(folder_)["plan"]["small_lanes"], 0);
  ASSERT_DONE(DropUserDatabases(*target_));

  ASSERT_TRUE(Succeeds(copy()));
  EXPECT_EQ(Differences(*source_, *target_, UserDatabases(*source_)), "");
  const Json report = Report(folder_);
  EXPECT_GE(report["plan"]["small_lanes"], 6);
  EXPECT_EQ(report["tables"].size(), 124u);
  for (const Json& table : report["tables"]) EXPECT_EQ(table["verify"], "equal") << table;
  ExpectMemoryWithin(report, kMemoryBound);
}

TEST_F(CopyTest, RowsOf3MegabytesWithinTheMemoryBound) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB);"
                   "USE big; INSERT INTO t SELECT seq, REPEAT(RANDOM_BYTES(1024), 3072) FROM "
                   "seq_1_to_30;"
                   "CREATE TABLE big.u LIKE big.t; INSERT INTO big.u SELECT * FROM big.t"));
  ExpectCopied();
}

TEST_F(CopyTest, RowLargerThanTheMemoryAllowsIsRefusedAndNamed) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB);"
                   "INSERT INTO big.t VALUES (1, REPEAT('x', 40000000))"));
  EXPECT_TRUE(FailsWith(Copy({"--memory", "64MiB"}), 2, {"big.t", "--memory"}));
  ExpectCopied();
}

TEST_F(CopyTest, RowLargerThanTheTargetsPacketNamesTableKeyAndVariable) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB);"
                   "INSERT INTO big.t VALUES (1, 'small'), (77, REPEAT('x', 3000000)), (78, 'y')"));
  ASSERT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 1048576"));
  const ProcessResult refused = Copy();
  ASSERT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 134217728"));
  EXPECT_TRUE(FailsWith(refused, 5, {"big.t", "77", "max_allowed_packet"}));
  EXPECT_FALSE(Handoff(folder_)["usable"]);
  ExpectCopied();
}

TEST_F(CopyTest, VeryLargeRowLargerThanTheTargetsPacketNamesTableKeyAndVariable) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE big; CREATE TABLE big.t (id INT PRIMARY KEY, b LONGBLOB);"
                   "INSERT INTO big.t VALUES (77, REPEAT('x', 30000000))"));
  ASSERT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 16777216"));
  const ProcessResult refused = Copy();
  ASSERT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 134217728"));
  EXPECT_TRUE(FailsWith(refused, 5, {"big.t", "77", "max_allowed_packet"}));
  ExpectCopied();
}

// What the source stored with a warning into a generated column, a strict target refuses.
constexpr char kRefusedRowSql[] = R"sql(
CREATE DATABASE refused; USE refused; SET sql_mode = '';
CREATE TABLE t (a INT, b VARCHAR(9) CHARACTER SET latin1, v INT, e ENUM('x'), pad VARCHAR(300),
  g TINYINT AS (v) STORED, PRIMARY KEY (a, b));
INSERT INTO t (a, b, v, e, pad) SELECT seq, 'm', seq % 100, 1, REPEAT('p', 300) FROM seq_1_to_20000;
INSERT INTO t (a, b, v, e) VALUES (5123, 'a', 3, 1), (5123, 'z', 1000, 1), (5124, 'z', 2000, 1);
CREATE TABLE unkeyed (v INT, b VARCHAR(9) CHARACTER SET latin1, g TINYINT AS (v) STORED);
INSERT INTO unkeyed (v, b) VALUES (3, 'a'), (1000, 'z');
)sql";

TEST_F(CopyTest, RowThatTheTargetRefusesIsNamedWithItsColumn) {
  ASSERT_DONE(source_->Sql(kRefusedRowSql));
  ASSERT_DONE(source_->Sql("DROP TABLE refused.unkeyed"));
  EXPECT_TRUE(FailsWith(Copy({"--verify", "counts"}), 8,
                        {"refused.t range 0 ", "row (5123, _latin1 X'7a')", "'g'"}));
  // Nothing of the table stays (decision 0020), and nobody may go on with what is there.
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM refused"), Strings());
  EXPECT_EQ(Handoff(folder_)["usable"], false);
}

// The session that reads tables of wide rows one by one is in the middle of the first one then.
TEST_F(CopyTest, TablesOfWideRowsAfterOneThatIsRefusedAreCopied) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE refused; USE refused; SET sql_mode = ''; CREATE TABLE a (id INT "
      "PRIMARY KEY, v INT, b LONGBLOB, g TINYINT AS (v) STORED); CREATE TABLE b LIKE "
      "a; CREATE TABLE c LIKE a; INSERT INTO a (id, v, b) SELECT seq, 1000, REPEAT('x', "
      "20000000) FROM seq_1_to_4; INSERT INTO b (id, v, b) SELECT id, v, b FROM a; "
      "INSERT INTO c (id, v, b) SELECT id, 3, b FROM a"));
  EXPECT_TRUE(FailsWith(Copy({"--verify", "counts"}), 8, {"2 objects", "'g'"}));
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM refused"), Strings({"c"}));
  EXPECT_EQ(Value(*target_, "SELECT SUM(LENGTH(b)) FROM refused.c"), "80000000");
}

TEST_F(CopyTest, RowThatTheTargetWarnsOfIsNamedWithItsColumn) {
  ASSERT_DONE(source_->Sql(kRefusedRowSql));
  ASSERT_DONE(source_->Sql("DROP TABLE refused.unkeyed"));
  // An ENUM error value makes the load lenient: what was an error is a warning among others.
  ASSERT_DONE(source_->Sql("SET sql_mode = ''; UPDATE refused.t SET e = 'no' WHERE a > 5000"));
  EXPECT_TRUE(FailsWith(Copy({"--verify", "counts"}), 8,
                        {"row (5123, _latin1 X'7a')", "2 warnings where 1", "'g'"}));
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM refused"), Strings());
  EXPECT_EQ(Handoff(folder_)["usable"], false);
}

TEST_F(CopyTest, RowWithoutAKeyIsNamedByItsValues) {
  ASSERT_DONE(source_->Sql(kRefusedRowSql));
  ASSERT_DONE(source_->Sql("DROP TABLE refused.t"));
  EXPECT_TRUE(FailsWith(Copy({"--verify", "counts"}), 8,
                        {"refused.unkeyed range 0: row (1000, _latin1 X'7a')", "'g'"}));
}

// --- Objects ----------------------------------------------------------------------------------

constexpr char kObjectsSql[] = R"sql(
CREATE DATABASE shop CHARACTER SET latin1 COLLATE latin1_german1_ci;
CREATE DATABASE crm CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE crm;
CREATE TABLE people (id INT PRIMARY KEY, boss INT, shop_id INT, name VARCHAR(50),
  KEY (boss), KEY (shop_id));
USE shop;
CREATE TABLE shops (id INT PRIMARY KEY, owner INT, name VARCHAR(50), KEY (owner),
  CONSTRAINT `owned by` FOREIGN KEY (owner) REFERENCES crm.people (id) ON DELETE SET NULL);
ALTER TABLE crm.people
  ADD CONSTRAINT boss FOREIGN KEY (boss) REFERENCES crm.people (id) ON UPDATE CASCADE,
  ADD CONSTRAINT works_in FOREIGN KEY (shop_id) REFERENCES shop.shops (id);
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, shop_id INT NOT NULL, cents BIGINT,
  FOREIGN KEY (shop_id) REFERENCES shops (id));
SET foreign_key_checks = 0;
INSERT INTO shops SELECT seq, 11 - seq, CONCAT('shop ', seq) FROM seq_1_to_10;
INSERT INTO crm.people SELECT seq, NULLIF(11 - seq, seq), seq, CONCAT('p', seq) FROM seq_1_to_10;
SET foreign_key_checks = 1;
INSERT INTO orders (shop_id, cents) SELECT 1 + seq % 10, seq * 100 FROM seq_1_to_1000;
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(100));
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 5 CACHE 10;
SELECT NEXTVAL(numbers), NEXTVAL(numbers);
-- The later one by name is the base of the earlier one.
CREATE VIEW z_base AS SELECT id, cents FROM orders WHERE cents > 500;
CREATE VIEW m_middle AS SELECT id, cents * 2 AS twice FROM z_base;
CREATE DEFINER = 'ghost'@'%' SQL SECURITY DEFINER VIEW a_top AS SELECT COUNT(*) AS n FROM m_middle;
DELIMITER //
CREATE FUNCTION vat(cents BIGINT) RETURNS BIGINT DETERMINISTIC
BEGIN /* 19 % */ RETURN cents * 19 DIV 100; END//
CREATE PROCEDURE total(OUT n BIGINT) READS SQL DATA SELECT SUM(vat(cents)) INTO n FROM orders//
CREATE TRIGGER second BEFORE INSERT ON orders FOR EACH ROW SET NEW.cents = NEW.cents + 1//
CREATE TRIGGER first BEFORE INSERT ON orders FOR EACH ROW PRECEDES second
  INSERT INTO log (what) VALUES (CONCAT('order of ', NEW.cents))//
DELIMITER ;
CREATE VIEW with_function AS SELECT id, vat(cents) AS tax FROM orders;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 02:00:00' DO DELETE FROM log;
)sql";

TEST_F(CopyTest, ObjectsOfEveryKind) {
  ASSERT_DONE(source_->Sql(kObjectsSql));
  ExpectCopied();
  // What the source has cached in memory is not told: the target begins behind it.
  EXPECT_GE(std::stoi(Value(*target_, "SELECT NEXTVAL(shop.numbers)")),
            std::stoi(Value(*source_, "SELECT NEXTVAL(shop.numbers)")));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM shop.m_middle"), "995");
  EXPECT_EQ(Value(*target_, "SELECT status FROM information_schema.events"), "DISABLED");
  // The triggers were not there while the rows came in.
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM shop.log"), "0");
  ASSERT_DONE(target_->Sql("INSERT INTO shop.orders (shop_id, cents) VALUES (1, 7)"));
  EXPECT_EQ(Value(*target_, "SELECT what FROM shop.log"), "order of 7");
  EXPECT_FALSE(target_->Sql("INSERT INTO shop.orders (shop_id) VALUES (99)").ok());
}

// --- Tables that cannot be copied, or whose rows are not theirs ---------------------------------

TEST_F(CopyTest, TablesThatCannotBeReadDoNotStopTheOthers) {
  // In the order of work: largest first, then by name.
  ASSERT_DONE(source_->Sql(R"sql(
CREATE DATABASE d; USE d;
CREATE TABLE a_broken (id INT NOT NULL) ENGINE=CSV; INSERT INTO a_broken VALUES (1), (2);
CREATE TABLE b_discarded (id INT PRIMARY KEY); INSERT INTO b_discarded VALUES (1);
ALTER TABLE b_discarded DISCARD TABLESPACE;
CREATE TABLE child (id INT) ENGINE=MyISAM;
CREATE TABLE c_childless (id INT) ENGINE=MERGE UNION=(child); DROP TABLE child;
CREATE TABLE d_refers (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES b_discarded (id));
CREATE TABLE whole (id INT PRIMARY KEY); INSERT INTO whole SELECT seq FROM seq_1_to_3000;
)sql"));
  // Two good rows, then the error: the session goes on with the next table.
  WriteFile(Value(*source_, "SELECT @@datadir") + "/d/a_broken.CSV", "1\n2\njunk,\"\n");
  ASSERT_DONE(source_->Sql("FLUSH TABLES"));

  EXPECT_TRUE(FailsWith(Copy({"--jobs", "1"}), 8));
  std::map<std::string, std::string> reasons;
  const Json report = Report(folder_);
  for (const Json& failure : report["failures"]) {
    reasons[failure["name"].get<std::string>()] = failure["reason"].get<std::string>();
  }
  EXPECT_EQ(reasons.size(), 2u);
  EXPECT_THAT(reasons["a_broken"], HasSubstr("crashed"));
  EXPECT_THAT(report["notes"].dump(), HasSubstr("d.b_discarded: its tablespace is discarded"));
  EXPECT_THAT(reasons["c_childless"], HasSubstr("underlying table"));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  // Nothing half is left, and nothing of the others is missing.
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM d"), (Strings{"b_discarded", "d_refers", "whole"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.whole"), "3000");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM information_schema.referential_constraints"),
            "1");
}

TEST_F(CopyTest, MergeTablesDoNotDoubleTheRowsOfTheirChildren) {
  ASSERT_DONE(source_->Sql(R"sql(
CREATE DATABASE d; USE d;
CREATE TABLE c1 (id INT) ENGINE=MyISAM; INSERT INTO c1 VALUES (1), (2);
CREATE TABLE c2 (id INT) ENGINE=MyISAM; INSERT INTO c2 VALUES (3);
CREATE TABLE writable (id INT) ENGINE=MERGE UNION=(c1, c2) INSERT_METHOD=LAST;
CREATE TABLE readable (id INT) ENGINE=MERGE UNION=(c1, c2);
)sql"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
  EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("ROWS_ELSEWHERE"));
}

// Strict mode would refuse to compute what the source has stored.
TEST_F(CopyTest, GeneratedColumnsOfAPermissiveTime) {
  ASSERT_DONE(source_->Sql(R"sql(
CREATE DATABASE d; USE d; SET sql_mode = '';
CREATE TABLE cut (id INT PRIMARY KEY, a VARCHAR(50), b VARCHAR(3) AS (a) STORED, t TINYINT AS (id) STORED);
INSERT INTO cut (id, a) VALUES (1, 'ab'), (1000, 'abcdefgh'), (2000, NULL);
CREATE TABLE junk (a VARCHAR(30), b DATE AS (CAST(a AS DATE)) VIRTUAL, KEY (b));
INSERT INTO junk (a) VALUES ('2000-01-01'), ('junk');
CREATE TABLE nothing_else (a INT AS (1) VIRTUAL, b VARCHAR(9) AS (REPEAT('x', 3)) STORED);
INSERT INTO nothing_else () VALUES (), (), ();
SET innodb_strict_mode = OFF;
CREATE TABLE options (id INT PRIMARY KEY) ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=8;
CREATE TABLE plain (id INT PRIMARY KEY, e ENUM('x'), g INT AS (id + 1) STORED);
INSERT INTO plain (id, e) VALUES (1, 'x'), (2, 'wrong');
)sql"));
  ExpectCopied();
  // Without the proof afterwards nothing is stored leniently.
  ASSERT_DONE(DropUserDatabases(*target_));
  EXPECT_TRUE(FailsWith(Copy({"--verify", "none"}), 8, {"2 objects"}));
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM d"), (Strings{"nothing_else", "options", "plain"}));
}

TEST_F(CopyTest, DatabaseInTheCharacterSetOfFileNames) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE d COLLATE filename; CREATE TABLE d.t (id INT)"));
  ExpectCopied();
}

TEST_F(CopyTest, ObjectsOfAFailedRunAreReplacedByTheNext) {
  ASSERT_DONE(source_->Sql(kObjectsSql));
  WriteLock lock(*target_);
  BackgroundZdpipe copy(CopyArgs(Ends(*source_, *target_), folder_));
  ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
  ASSERT_DONE(source_->Sql("CHANGE MASTER TO master_log_file='binlog.000042', master_log_pos=4"));
  lock.Release();
  // Seen at the end only, when everything has been made.
  EXPECT_TRUE(FailsWith(copy.Wait(), 6, {"4711"}));
  EXPECT_EQ(Value(*target_,
                  "SELECT COUNT(*) FROM information_schema.views WHERE table_schema = "
                  "'shop'"),
            "4");
  ASSERT_DONE(
      source_->Sql("CHANGE MASTER TO master_log_file='binlog.000042', master_log_pos=4711"));
  ExpectCopied();
}

TEST_F(CopyTest, ServerIdOfAnUpstreamServerIsWarnedOf) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); SET GLOBAL gtid_slave_pos = "
                   "'0-1-7,1-4321-9'"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(Report(folder_)["findings"].dump(), Not(HasSubstr("SERVER_ID_CLASH")));
  const std::string id = Value(*target_, "SELECT @@GLOBAL.server_id");
  ASSERT_DONE(DropUserDatabases(*target_));
  ASSERT_DONE(target_->Sql("SET GLOBAL server_id = 4321"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("SERVER_ID_CLASH"));
  // It may be that server.
  EXPECT_TRUE(FailsWith(Copy({"--target-not-empty", "drop"}), 3, {"TARGET_NOT_EMPTY"}));
  ASSERT_DONE(source_->Sql("SET GLOBAL gtid_slave_pos = ''"));
  ASSERT_DONE(target_->Sql(absl::StrCat("SET GLOBAL server_id = ", id)));
}

TEST_F(CopyTest, SeveralDomainsAppliedInParallelAreWarnedOf) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE d; SET GLOBAL slave_parallel_threads = 2; SET GLOBAL "
                   "gtid_slave_pos = '0-1-7'"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(Report(folder_)["findings"].dump(), Not(HasSubstr("PARALLEL_DOMAINS")));
  ASSERT_DONE(DropUserDatabases(*target_));
  ASSERT_DONE(source_->Sql("SET GLOBAL gtid_slave_pos = '0-1-7,1-1-7'"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("PARALLEL_DOMAINS"));
  ASSERT_DONE(
      source_->Sql("SET GLOBAL slave_parallel_threads = DEFAULT; SET GLOBAL gtid_slave_pos = ''"));
}

TEST_F(CopyTest, FiltersOfTheReplicaAreWarnedOf) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE d"));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(Report(folder_)["findings"].dump(), Not(HasSubstr("REPLICATION_FILTERED")));
  ASSERT_DONE(DropUserDatabases(*target_));
  ASSERT_DONE(
      source_->Sql("SET GLOBAL replicate_ignore_db = 'logs', GLOBAL replicate_wild_ignore_table = "
                   "'shop.tmp%'"));
  Strings check = {"check"};
  for (const std::string& end : Ends(*source_, *target_)) check.push_back(end);
  const ProcessResult checked = RunZdpipe(check);
  const ProcessResult copied = Copy();
  ASSERT_DONE(
      source_->Sql("SET GLOBAL replicate_ignore_db = '', GLOBAL replicate_wild_ignore_table = ''"));

  EXPECT_TRUE(Succeeds(checked));
  EXPECT_TRUE(Succeeds(copied));
  EXPECT_THAT(checked.standard_output,
              AllOf(HasSubstr("REPLICATION_FILTERED"), HasSubstr("Replicate_Ignore_DB=logs"),
                    HasSubstr("Replicate_Wild_Ignore_Table=shop.tmp%")));
  EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("REPLICATION_FILTERED"));
  EXPECT_THAT(Handoff(folder_)["notes"].dump(), HasSubstr("Replicate_Ignore_DB=logs"));
}

// sql_select_limit is for every SELECT without a LIMIT, also for those of the catalog. The others
// refuse statements of ours, or end the session with its transaction.
TEST_F(CopyTest, SettingsOfTheServersOwnerDoNotMatter) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE d; USE d; CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b INT);"
      "INSERT INTO d.t SELECT seq, seq, seq FROM seq_1_to_100; CREATE TABLE d.m (a INT) "
      "ENGINE=MyISAM; INSERT INTO d.m VALUES (1), (2), (3)"));
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(
        server->Sql("SET GLOBAL sql_select_limit = 2, GLOBAL max_join_size = 1, GLOBAL "
                    "sql_safe_updates = 1, GLOBAL completion_type = 2"));
  }
  const ProcessResult copied = Copy({});
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(
        server->Sql("SET SESSION sql_big_selects = 1, GLOBAL sql_select_limit = DEFAULT, "
                    "GLOBAL max_join_size = DEFAULT, GLOBAL sql_safe_updates = DEFAULT, "
                    "GLOBAL completion_type = DEFAULT"));
  }
  EXPECT_TRUE(Succeeds(copied));
  EXPECT_EQ(Differences(*source_, *target_, UserDatabases(*source_)), "");
}

// Stored in the time zone of whoever wrote the row; what a copy stores is computed in UTC.
TEST_F(CopyTest, StoredValuesThatDependOnTheTimeZoneAreCompared) {
  constexpr char kTable[] =
      "SET time_zone = '%s'; CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, at TIMESTAMP "
      "NOT NULL, day DATE AS (DATE(at)) STORED); INSERT INTO d.t (id, at) VALUES "
      "(1, '2024-05-01 00:30:00')";
  ASSERT_DONE(source_->Sql(absl::StrReplaceAll(kTable, {{"%s", "+00:00"}})));
  ExpectCopied();
  ASSERT_DONE(DropUserDatabases(*source_));
  ASSERT_DONE(DropUserDatabases(*target_));
  ASSERT_DONE(source_->Sql(absl::StrReplaceAll(kTable, {{"%s", "+02:00"}})));
  EXPECT_TRUE(FailsWith(Copy(), 7, {"d.t"}));
  EXPECT_THAT(Report(folder_)["notes"].dump(), HasSubstr("generated columns differ"));
}

TEST_F(CopyTest, StoredValuesAreComparedBesideVirtualOnesThatAlwaysChange) {
  ASSERT_DONE(
      source_->Sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, q VARCHAR(40) AS "
                   "(id / 3) STORED, n DOUBLE AS (-id * 0e0) STORED, r DOUBLE AS (RAND()));"
                   "INSERT INTO d.t (id) VALUES (1)"));
  EXPECT_TRUE(Succeeds(Copy()));
  ASSERT_DONE(DropUserDatabases(*target_));
  ASSERT_DONE(source_->Sql(
      "SET div_precision_increment = 10; CREATE TABLE d.plain (id INT PRIMARY KEY, q "
      "VARCHAR(40) AS (id / 3) STORED); INSERT INTO d.plain (id) VALUES (1);"
      "CREATE TABLE d.volatile (id INT PRIMARY KEY, at DATETIME(6), q VARCHAR(40) AS "
      "(id / 3) STORED, r DOUBLE AS (RAND())); INSERT INTO d.volatile (id) VALUES (1)"));
  EXPECT_TRUE(FailsWith(Copy(), 7, {"d.plain", "d.volatile"}));
}

TEST_F(CopyTest, PreparedTransactionsAreInNoSnapshot) {
  ASSERT_DONE(source_->Sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)"));
  const std::unique_ptr<Session> session = Connect(*source_);
  for (const char* sql :
       {"XA START 'x'", "INSERT INTO d.t VALUES (1)", "XA END 'x'", "XA PREPARE 'x'"}) {
    ASSERT_DONE(session->Execute(sql));
  }
  EXPECT_TRUE(FailsWith(Copy(), 6, {"prepared (XA)"}));
  ASSERT_DONE(session->Execute("XA COMMIT 'x'"));
  ExpectCopied();
}

TEST_F(CopyTest, NamesOfEveryKind) {
  std::string sql;
  const Strings names = {"it's",        "back`tick",  "a.b",          "with space",
                         "line\nbreak", "per%cent_",  "slash/back\\", "quo\"te",
                         "ünï",         "select",     "1234",         "tab\there",
                         "#hash#",      "-- comment", "a;b",          std::string(64, 'x')};
  for (const std::string& database : {std::string("d`b 'x\".y"), std::string("plain")}) {
    absl::StrAppend(&sql, "CREATE DATABASE ", QuoteName(database), ";\n");
    for (const std::string& name : names) {
      const std::string column = QuoteName(name);
      absl::StrAppend(&sql, "CREATE TABLE ", QuoteName(database, name), " (", column,
                      " INT, b INT, PRIMARY KEY (", column, "), KEY ",
                      QuoteName(name.substr(0, 60)), " (b, ", column, "));\nINSERT INTO ",
                      QuoteName(database, name), " VALUES (1, 2), (3, 4);\n");
    }
    absl::StrAppend(&sql, "CREATE VIEW ", QuoteName(database, "v`i'e.w"), " AS SELECT * FROM ",
                    QuoteName(database, "back`tick"), ";\n");
  }
  ASSERT_DONE(source_->Sql(sql));
  ASSERT_TRUE(Succeeds(Copy()));
  EXPECT_EQ(Differences(*source_, *target_, {"d`b 'x\".y", "plain"}), "");
}

// --- Options ----------------------------------------------------------------------------------

class CopyOptionsTest : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    ASSERT_DONE(
        source_->Sql("CREATE DATABASE a; CREATE DATABASE b;"
                     "CREATE TABLE a.one (i INT PRIMARY KEY); INSERT INTO a.one VALUES (1);"
                     "CREATE TABLE a.two (i INT PRIMARY KEY); INSERT INTO a.two VALUES (2);"
                     "CREATE TABLE b.one (i INT PRIMARY KEY); INSERT INTO b.one VALUES (3);"));
  }

  Strings TargetTables() {
    return Rows(*target_,
                "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables WHERE "
                "table_schema IN ('a', 'b', 'zdpipe', 'ledger') ORDER BY 1");
  }
};

TEST_F(CopyOptionsTest, CheckAndDryRunChangeNothing) {
  const Strings databases = UserDatabases(*target_);
  const std::string changes =
      "SELECT SUM(variable_value) FROM information_schema.global_status WHERE variable_name IN "
      "('COM_CREATE_DB', 'COM_CREATE_TABLE', 'COM_INSERT', 'COM_DROP_DB', 'COM_UPDATE', "
      "'COM_ALTER_TABLE', 'HANDLER_WRITE_ROWS', 'COM_CHANGE_MASTER', 'COM_STOP_SLAVE')";
  const std::string source_before = Value(*source_, changes);
  const std::string target_before = Value(*target_, changes);

  const ProcessResult dry_run = Copy({"--dry-run"});
  Strings check = {"check"};
  for (const std::string& end : Ends(*source_, *target_)) check.push_back(end);
  const ProcessResult checked = RunZdpipe(check);
  check.insert(check.end(), {"--output", "json"});
  const Json json = ParseJson(RunZdpipe(check).standard_output);

  EXPECT_TRUE(Succeeds(dry_run));
  EXPECT_TRUE(Succeeds(checked));
  EXPECT_THAT(dry_run.standard_output, HasSubstr("dry run"));
  EXPECT_EQ(Report(folder_)["findings"][0]["id"], "DIRECT_WRITES_UNSEEN");
  EXPECT_THAT(checked.standard_output, HasSubstr("DIRECT_WRITES_UNSEEN"));
  EXPECT_EQ(json["findings"][0]["id"], "DIRECT_WRITES_UNSEEN");
  EXPECT_EQ(UserDatabases(*target_), databases);
  EXPECT_EQ(Value(*source_, changes), source_before);
  EXPECT_EQ(Value(*target_, changes), target_before);
  EXPECT_NE(access((folder_ / "handoff.json").c_str(), F_OK), 0);
}

TEST_F(CopyOptionsTest, SelectionsTakeOnlyWhatTheyName) {
  const struct {
    Strings options;
    Strings expected;
  } cases[] = {
      {{"--databases", "b"}, {"b.one"}},
      {{"--databases", "a,b"}, {"a.one", "a.two", "b.one"}},
      {{"--tables", "*.one"}, {"a.one", "b.one"}},
      {{"--tables", "a.one,a.tw?"}, {"a.one", "a.two"}},
      {{"--exclude-tables", "a.*"}, {"b.one"}},
      {{"--databases", "a", "--exclude-tables", "a.two"}, {"a.one"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrJoin(c.options, " "));
    ASSERT_DONE(DropUserDatabases(*target_));
    EXPECT_TRUE(Succeeds(Copy(c.options)));
    EXPECT_EQ(TargetTables(), c.expected);
  }
}

TEST_F(CopyOptionsTest, SelectionsMayComeOneAfterTheOther) {
  EXPECT_TRUE(Succeeds(Copy({"--databases", "a"})));
  EXPECT_TRUE(Succeeds(Copy({"--databases", "b"})));
  EXPECT_EQ(TargetTables(), (Strings{"a.one", "a.two", "b.one"}));
  EXPECT_TRUE(FailsWith(Copy({"--databases", "b"}), 3, {"TARGET_NOT_EMPTY"}));
}

TEST_F(CopyOptionsTest, UnknownDatabaseIsAUsageError) {
  EXPECT_TRUE(FailsWith(Copy({"--databases", "a,nonesuch"}), 2, {"nonesuch"}));
}

TEST_F(CopyOptionsTest, DropReplacesWhatIsOnTheTarget) {
  ASSERT_DONE(
      target_->Sql("CREATE DATABASE a; CREATE TABLE a.old (i INT); CREATE VIEW a.one AS SELECT 1;"
                   "CREATE DATABASE other; CREATE TABLE other.t (i INT)"));
  EXPECT_TRUE(FailsWith(Copy(), 3, {"TARGET_NOT_EMPTY", "--target-not-empty"}));
  EXPECT_TRUE(Succeeds(Copy({"--target-not-empty", "drop"})));
  EXPECT_EQ(TargetTables(), (Strings{"a.one", "a.two", "b.one"}));
  EXPECT_EQ(Differences(*source_, *target_, {"a", "b"}), "");
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM other.t"), "0");
}

TEST_F(CopyOptionsTest, ControlSchemaGoesUnlessItIsKept) {
  EXPECT_TRUE(Succeeds(Copy()));
  EXPECT_THAT(UserDatabases(*target_), UnorderedElementsAre("a", "b"));
  ASSERT_DONE(DropUserDatabases(*target_));

  EXPECT_TRUE(Succeeds(Copy({"--keep-control", "--control-schema", "ledger"})));
  EXPECT_THAT(UserDatabases(*target_), UnorderedElementsAre("a", "b", "ledger"));
  EXPECT_EQ(Value(*target_, "SELECT state FROM ledger.run"), "done");
  EXPECT_EQ(Value(*target_, "SELECT SUM(`rows`) FROM ledger.`range`"), "3");
  const ProcessResult status = RunZdpipe({"status", "--no-defaults", "--to", target_->address(),
                                          "--to-user", "root", "--control-schema", "ledger"});
  EXPECT_TRUE(Succeeds(status));
  EXPECT_THAT(status.standard_output, HasSubstr("done"));
}

TEST_F(CopyOptionsTest, DefinersAreKeptReplacedOrCurrent) {
  ASSERT_DONE(
      source_->Sql("CREATE DEFINER = 'app'@'%' VIEW a.v AS SELECT 1 AS one;"
                   "CREATE DEFINER = 'app'@'%' PROCEDURE a.p() SELECT 1;"
                   "CREATE DEFINER = 'app'@'%' TRIGGER a.t BEFORE INSERT ON a.one FOR EACH ROW SET "
                   "NEW.i = NEW.i;"
                   "CREATE DEFINER = 'app'@'%' EVENT a.e ON SCHEDULE EVERY 1 DAY DO SELECT 1"));
  const std::string definers =
      "SELECT GROUP_CONCAT(DISTINCT definer) FROM (SELECT definer FROM information_schema.views "
      "WHERE table_schema = 'a' UNION ALL SELECT definer FROM information_schema.routines WHERE "
      "routine_schema = 'a' UNION ALL SELECT definer FROM information_schema.triggers WHERE "
      "trigger_schema = 'a' UNION ALL SELECT definer FROM information_schema.events) x";
  const struct {
    std::string option;
    std::string expected;
  } cases[] = {{"keep", "app@%"}, {"current", "root@localhost"}, {"admin@10.%", "admin@10.%"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.option);
    ASSERT_DONE(DropUserDatabases(*target_));
    EXPECT_TRUE(Succeeds(Copy({"--definer", c.option})));
    std::string definer = Value(*target_, definers);
    // How root is known to a connection over TCP.
    if (c.option == "current" && absl::StartsWith(definer, "root@")) definer = "root@localhost";
    EXPECT_EQ(definer, c.expected);
  }
}

TEST_F(CopyOptionsTest, LessThanFullVerifyIsSaid) {
  const struct {
    std::string option;
    std::string words;
    std::string of_table;
  } cases[] = {{"none", "NOT DONE", "not done"},
               {"counts", "row counts only", "equal"},
               {"rows", "every row read back", "equal"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.option);
    ASSERT_DONE(DropUserDatabases(*target_));
    const ProcessResult result = Copy({"--verify", c.option});
    EXPECT_TRUE(Succeeds(result));
    EXPECT_THAT(result.standard_output, HasSubstr(c.words));
    const Json report = Report(folder_);
    EXPECT_EQ(report["verify"], c.option);
    for (const Json& table : report["tables"]) EXPECT_EQ(table["verify"], c.of_table);
    EXPECT_EQ(Differences(*source_, *target_, {"a", "b"}), "");
  }
}

TEST_F(CopyOptionsTest, JsonOutputIsOneDocumentAndTheReportTheSame) {
  const ProcessResult result = Copy({"--output", "json"});
  ASSERT_TRUE(Succeeds(result));
  const Json json = ParseJson(result.standard_output);
  EXPECT_EQ(json, Report(folder_));
  EXPECT_EQ(json["schema"], "zdpipe.report/1");
  EXPECT_EQ(json["exit_code"], 0);
  EXPECT_EQ(json["totals"]["rows"], 3);
  EXPECT_EQ(json["handoff"]["usable"], true);
  EXPECT_EQ(result.standard_error, "");
}

TEST_F(CopyOptionsTest, JsonOutputOfAFailureIsOneDocumentToo) {
  ASSERT_DONE(target_->Sql("CREATE DATABASE a; CREATE TABLE a.old (i INT)"));
  const ProcessResult result = Copy({"--output", "json"});
  EXPECT_TRUE(FailsWith(result, 3));
  const Json json = ParseJson(result.standard_output);
  EXPECT_EQ(json["error"]["exit_code"], 3);
  EXPECT_EQ(json["exit_code"], 3);
}

TEST_F(CopyOptionsTest, HandoffHasTheAppliedCoordinates) {
  ASSERT_TRUE(Succeeds(Copy()));
  const Json handoff = Handoff(folder_);
  EXPECT_EQ(handoff["usable"], true);
  EXPECT_EQ(handoff["unchanged"], true);
  EXPECT_EQ(handoff["coordinates"]["file"], "binlog.000042");
  EXPECT_EQ(handoff["coordinates"]["position"], 4711);
  EXPECT_EQ(handoff["upstream"]["port"], 1);
  struct stat status = {};
  ASSERT_EQ(stat((folder_ / "handoff.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(CopyOptionsTest, FrozenServerWithoutBinlogEndsWithAnUnusableHandoff) {
  const ProcessResult result = Copy({"--source-state", "frozen"});
  EXPECT_TRUE(FailsWith(result, 12, {"handoff"}));
  EXPECT_EQ(Handoff(folder_)["usable"], false);
  EXPECT_EQ(Differences(*source_, *target_, {"a", "b"}), "");
}

TEST_F(CopyOptionsTest, ZlibCompressionCarriesTheSameRows) {
  ASSERT_TRUE(Succeeds(Copy({"--compress", "zlib"})));
  EXPECT_EQ(Differences(*source_, *target_, {"a", "b"}), "");
}

TEST_F(CopyOptionsTest, RowChangedOnTheTargetMeanwhileIsFound) {
  ASSERT_DONE(source_->Sql("USE b;" + BigTableSql("t", 30)));
  BackgroundZdpipe copy(CopyArgs(Ends(*source_, *target_), folder_,
                                 {"--range-bytes", "1MiB", "--jobs", "1", "--databases", "b"}));
  // The first range is in, the last is not: verify has not begun.
  ASSERT_TRUE(AwaitValue(*target_, "SELECT MAX(id) > 0 FROM b.t", "1"));
  ASSERT_DONE(target_->Sql("UPDATE b.t SET a = a + 1 WHERE id = 1"));
  const ProcessResult result = copy.Wait();

  EXPECT_TRUE(FailsWith(result, 7, {"b.t"}));
  EXPECT_FALSE(Handoff(folder_)["usable"]);
  const Json report = Report(folder_);
  for (const Json& table : report["tables"]) {
    EXPECT_EQ(table["verify"], table["table"] == "t" ? "different" : "equal");
  }
  // What differs is ours, so that the next run may replace it.
  ExpectCopied();
}

// --- The whole migration ----------------------------------------------------------------------

// A master that takes writes, its replica, and the new master.
class MigrationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    master_ = StartServer({.binlog = true}).release();
    replica_ = StartServer().release();
    target_ = StartServer({.binlog = true}).release();
    if (HasFatalFailure() || master_ == nullptr || replica_ == nullptr) return;
    EXPECT_DONE(master_->Sql(kObjectsSql));
    EXPECT_DONE(SetUpReplication(*master_, *replica_));
  }
  static void TearDownTestSuite() {
    delete replica_;
    delete target_;
    delete master_;
    master_ = replica_ = target_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(master_, nullptr);
    ASSERT_NE(replica_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(target_->Sql("STOP SLAVE; RESET SLAVE ALL"));
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_DONE(target_->Sql("RESET MASTER; SET GLOBAL gtid_slave_pos = ''"));
  }

  // Runs the statements of the handoff file on the target and waits until it has caught up.
  void Replicate() {
    const Json handoff = Handoff(folder_);
    for (const Json& statement : handoff["statements"]["mariadb"]) {
      ASSERT_DONE(target_->Sql(absl::StrReplaceAll(
          statement.get<std::string>(),
          {{"{replication_user}", "repl"}, {"{replication_password}", "repl"}})));
    }
    ASSERT_DONE(AwaitReplica(*master_, *target_));
  }

  // The applied and the received position, as the replica tells them.
  std::vector<std::pair<std::string, uint64_t>> ReplicaPositions() {
    const std::unique_ptr<Session> session = Connect(*replica_);
    const auto status = session->Query("SHOW SLAVE STATUS");
    EXPECT_TRUE(status.ok()) << status.status();
    return {
        {status->Text(0, "Relay_Master_Log_File"),
         std::stoull(status->Text(0, "Exec_Master_Log_Pos"))},
        {status->Text(0, "Master_Log_File"), std::stoull(status->Text(0, "Read_Master_Log_Pos"))}};
  }

  // Stops the SQL thread only, and lets the replica receive what it does not apply.
  void FallBehind() {
    ASSERT_DONE(AwaitReplica(*master_, *replica_));
    ASSERT_DONE(replica_->Sql("STOP SLAVE SQL_THREAD"));
    const auto before = ReplicaPositions();
    ASSERT_DONE(
        master_->Sql("FLUSH BINARY LOGS; INSERT INTO shop.orders (shop_id, cents) VALUES (1, 1), "
                     "(2, 2); UPDATE crm.people SET name = CONCAT(name, '!'); DELETE FROM "
                     "shop.orders WHERE id < 10; DO NEXTVAL(shop.numbers)"));
    const Strings written = absl::StrSplit(Rows(*master_, "SHOW MASTER STATUS")[0], '\t');
    // With GTID the replica counts an event that the master makes for it: it may say more.
    ASSERT_TRUE(Await([&] {
      return ReplicaPositions()[1] >=
             std::pair<std::string, uint64_t>(written[0], std::stoull(written[1]));
    })) << absl::StrJoin(Rows(*replica_, "SHOW SLAVE STATUS"), "\n");
    ASSERT_EQ(ReplicaPositions()[0], before[0]);
    ASSERT_NE(ReplicaPositions()[0], ReplicaPositions()[1]);
  }

  static TestServer* master_;
  static TestServer* replica_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* MigrationTest::master_ = nullptr;
TestServer* MigrationTest::replica_ = nullptr;
TestServer* MigrationTest::target_ = nullptr;

TEST_F(MigrationTest, StoppedReplicaIsCopiedAndTheTargetGoesOnFromWhatWasApplied) {
  FallBehind();
  const auto positions = ReplicaPositions();

  ASSERT_TRUE(Succeeds(RunCopy(Ends(*replica_, *target_), folder_)));
  EXPECT_EQ(Differences(*replica_, *target_, UserDatabases(*replica_)), "");
  const Json handoff = Handoff(folder_);
  EXPECT_EQ(handoff["usable"], true) << handoff;
  EXPECT_EQ(handoff["coordinates"]["file"], positions[0].first);
  EXPECT_EQ(handoff["coordinates"]["position"], positions[0].second);
  EXPECT_EQ(handoff["received"]["file"], positions[1].first);
  EXPECT_EQ(handoff["received"]["position"], positions[1].second);
  EXPECT_EQ(handoff["upstream"]["port"], master_->port());
  EXPECT_EQ(handoff["upstream"]["server_id"], std::to_string(master_->port()));
  // Nothing of the copy is in the target's own history (decision 0006).
  EXPECT_EQ(Value(*target_, "SELECT @@gtid_binlog_pos"), "");

  Replicate();
  ASSERT_DONE(replica_->Sql("START SLAVE SQL_THREAD"));
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  EXPECT_EQ(Differences(*master_, *target_, UserDatabases(*master_)), "");
  EXPECT_EQ(Differences(*master_, *replica_, UserDatabases(*master_)), "");
}

TEST_F(MigrationTest, MasterIsNotDroppedWhenItIsTakenForTheTarget) {
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_DONE(replica_->Sql("STOP SLAVE SQL_THREAD"));
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*replica_, *master_), folder_, {"--target-not-empty", "drop"}),
                        3, {"TARGET_NOT_EMPTY", "server_id"}));
  ASSERT_DONE(replica_->Sql("START SLAVE SQL_THREAD"));
  for (const char* rows : {"SELECT COUNT(*) FROM shop.orders", "SELECT COUNT(*) FROM crm.people"}) {
    EXPECT_EQ(Value(*master_, rows), Value(*replica_, rows));
  }
}

// Many servers have the default. That it is another server is known already.
TEST_F(MigrationTest, TargetWithTheIdOfItsSourceIsEmptiedWhenToldSo) {
  const std::string id = Value(*target_, "SELECT @@GLOBAL.server_id");
  ASSERT_DONE(target_->Sql(
      absl::StrCat("SET GLOBAL server_id = ", Value(*master_, "SELECT @@GLOBAL.server_id"))));
  for (int run = 0; run < 2; ++run) {
    EXPECT_TRUE(Succeeds(
        RunCopy(Ends(*master_, *target_), folder_,
                {"--source-state", "master", "--databases", "crm", "--target-not-empty", "drop"})));
    EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("SERVER_ID_CLASH"));
  }
  ASSERT_DONE(target_->Sql(absl::StrCat("SET GLOBAL server_id = ", id)));
}

TEST_F(MigrationTest, TargetThatReplicatesIsWarnedOf) {
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_DONE(replica_->Sql("STOP SLAVE SQL_THREAD"));
  ASSERT_DONE(target_->Sql(
      "CHANGE MASTER 'other' TO master_host = '127.0.0.1', master_port = 1, master_user = "
      "'nobody'; START SLAVE 'other' SQL_THREAD"));
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*replica_, *target_), folder_)));
  ASSERT_DONE(target_->Sql("STOP SLAVE 'other'; RESET SLAVE 'other' ALL"));
  EXPECT_THAT(Report(folder_)["findings"].dump(),
              AllOf(HasSubstr("TARGET_REPLICATES"), HasSubstr("127.0.0.1:1 ")));
  ASSERT_DONE(replica_->Sql("START SLAVE SQL_THREAD"));
}

TEST_F(MigrationTest, ReplicaWithGtidHandsOverItsGtidPosition) {
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_DONE(
      replica_->Sql("STOP SLAVE; CHANGE MASTER TO MASTER_USE_GTID = slave_pos; START SLAVE"));
  FallBehind();

  ASSERT_TRUE(Succeeds(RunCopy(Ends(*replica_, *target_), folder_)));
  const Json handoff = Handoff(folder_);
  EXPECT_EQ(handoff["gtid"]["position"], Value(*replica_, "SELECT @@gtid_slave_pos"));
  EXPECT_THAT(handoff["statements"]["mariadb"].dump(), HasSubstr("slave_pos"));

  Replicate();
  ASSERT_DONE(replica_->Sql("START SLAVE SQL_THREAD"));
  EXPECT_EQ(Differences(*master_, *target_, UserDatabases(*master_)), "");
}

// What a running replica writes without log_slave_updates is in no binlog.
TEST_F(MigrationTest, AReplicaThatRunsIsNeitherFrozenNorAMaster) {
  ASSERT_DONE(replica_->Sql("START SLAVE"));
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*replica_, *target_), folder_, {"--source-state", "frozen"}),
                        3, {"REPLICA_RUNNING"}));
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*replica_, *target_), folder_, {"--source-state", "master"}),
                        3, {"REPLICA_RUNNING"}));
  EXPECT_EQ(UserDatabases(*target_), Strings());
}

TEST_F(MigrationTest, AFrozenReplicaThatSomebodyStartsHasMoved) {
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_DONE(replica_->Sql("STOP SLAVE SQL_THREAD"));
  WriteLock lock(*target_);
  BackgroundZdpipe copy(CopyArgs(Ends(*replica_, *target_), folder_, {"--source-state", "frozen"}));
  ASSERT_TRUE(Await([&] { return access((folder_ / "handoff.json").c_str(), F_OK) == 0; }));
  ASSERT_DONE(master_->Sql("INSERT INTO shop.orders (shop_id, cents) VALUES (1, 1)"));
  ASSERT_DONE(replica_->Sql("START SLAVE SQL_THREAD"));
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  lock.Release();
  EXPECT_TRUE(FailsWith(copy.Wait(), 6, {"the applied GTID position"}));
}

// The check reads what there is to copy before the replica stops: here, while it alters a table.
TEST_F(MigrationTest, WhatIsReplicatedBetweenCheckAndSnapshotIsNotOverlooked) {
  ASSERT_DONE(replica_->Sql("START SLAVE"));
  ASSERT_DONE(
      master_->Sql("USE shop; CREATE TABLE shop.slow (id INT PRIMARY KEY);"
                   "INSERT INTO shop.slow SELECT seq FROM seq_10_to_99"));
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_DONE(
      master_->Sql("ALTER TABLE shop.slow ADD COLUMN c INT DEFAULT (LENGTH(SHA2(REPEAT(id, "
                   "5000000), 512))), ALGORITHM=COPY"));
  ASSERT_TRUE(AwaitValue(*replica_,
                         "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                         "'ALTER TABLE shop.slow%'",
                         "1"));
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*replica_, *target_), folder_, {"--stop-replica"}), 6,
                        {"changed between the check and the snapshot"}));
  EXPECT_EQ(UserDatabases(*target_), Strings());
  ASSERT_DONE(replica_->Sql("START SLAVE"));
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*replica_, *target_), folder_, {"--stop-replica"})));
  EXPECT_EQ(Differences(*replica_, *target_, UserDatabases(*replica_)), "");
}

TEST_F(MigrationTest, OpenTemporaryTablesOfReplicatedSessionsAreNoted) {
  ASSERT_DONE(replica_->Sql("START SLAVE"));
  const std::unique_ptr<Session> session = Connect(*master_);
  for (const char* sql : {"SET binlog_format = 'STATEMENT'", "USE shop",
                          "CREATE TEMPORARY TABLE shop.scratch (id INT)"}) {
    ASSERT_DONE(session->Execute(sql));
  }
  ASSERT_DONE(AwaitReplica(*master_, *replica_));
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*replica_, *target_), folder_, {"--stop-replica"})));
  EXPECT_THAT(Report(folder_)["notes"].dump(), HasSubstr("1 temporary tables"));
}

TEST_F(MigrationTest, TablesThatAreNotInAMastersSnapshotAreListed) {
  ASSERT_DONE(master_->Sql("CREATE DATABASE old; CREATE TABLE old.t (id INT) ENGINE=MyISAM"));
  const ProcessResult result =
      RunCopy(Ends(*master_, *target_), folder_,
              {"--source-state", "master", "--databases", "old", "--jobs", "2"});
  EXPECT_TRUE(FailsWith(result, 8, {"old.t"}));
  EXPECT_EQ(Report(folder_)["failures"][0]["kind"], "snapshot");
  EXPECT_THAT(Report(folder_)["findings"].dump(), HasSubstr("NOT_IN_SNAPSHOT"));
  ASSERT_DONE(master_->Sql("DROP DATABASE old"));
}

// A replica of two masters, by GTID; the target goes on from both.
TEST(SeveralMastersTest, TheFirstChannelsStatementsSetThePositionForAll) {
  const auto target = StartServer();
  const auto replica = StartServer();
  const std::unique_ptr<TestServer> masters[] = {StartServer({.binlog = true}),
                                                 StartServer({.binlog = true})};
  const char* const names[] = {"a", "b"};
  ASSERT_NE(target, nullptr);
  ASSERT_NE(replica, nullptr);
  for (int i : {0, 1}) {
    ASSERT_NE(masters[i], nullptr);
    ASSERT_DONE(masters[i]->Sql(absl::StrCat(
        "SET GLOBAL gtid_domain_id = ", i + 1, "; SET SESSION gtid_domain_id = ", i + 1,
        "; SET sql_log_bin = 0; CREATE USER repl@'%' IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE "
        "ON *.* TO repl@'%'; SET sql_log_bin = 1; CREATE DATABASE of_",
        names[i], "; CREATE TABLE of_", names[i], ".t (id INT PRIMARY KEY)")));
    ASSERT_DONE(replica->Sql(absl::StrCat(
        "CHANGE MASTER '", names[i],
        "' TO master_host='127.0.0.1', master_port=", masters[i]->port(),
        ", master_user='repl', master_password='repl', master_use_gtid=slave_pos; START SLAVE '",
        names[i], "'")));
  }
  const auto insert = [&](int id) {
    for (int i : {0, 1}) {
      ASSERT_DONE(
          masters[i]->Sql(absl::StrCat("INSERT INTO of_", names[i], ".t VALUES (", id, ")")));
    }
  };
  const auto await_rows = [&](TestServer& server, int rows) {
    for (const char* name : names) {
      EXPECT_TRUE(AwaitValue(server, absl::StrCat("SELECT COUNT(*) FROM of_", name, ".t"),
                             absl::StrCat(rows)))
          << absl::StrJoin(Rows(server, "SHOW ALL SLAVES STATUS"), "\n");
    }
  };
  insert(1);
  await_rows(*replica, 1);
  ASSERT_DONE(replica->Sql("STOP ALL SLAVES"));
  const Folder folder;
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*replica, *target), folder)));
  insert(2);

  const auto replicate = [&](const std::string& file) {
    const Json handoff = ParseJson(ReadFile(folder / file));
    for (const Json& statement : handoff["statements"]["mariadb"]) {
      const absl::Status status = target->Sql(absl::StrReplaceAll(
          statement.get<std::string>(),
          {{"{replication_user}", "repl"}, {"{replication_password}", "repl"}}));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  };
  EXPECT_THAT(std::string(replicate("handoff.1-b.json").message()),
              HasSubstr("run the statements of the first channel before"));
  ASSERT_DONE(replicate("handoff.0-a.json"));
  ASSERT_DONE(replicate("handoff.1-b.json"));
  await_rows(*target, 2);
}

TEST(FilteredMasterTest, ADatabaseThatTheBinlogLeavesOutIsRefused) {
  const auto master = StartServer({.args = {"--binlog-ignore-db=sessions"}, .binlog = true});
  const auto target = StartServer();
  ASSERT_NE(master, nullptr);
  ASSERT_NE(target, nullptr);
  ASSERT_DONE(master->Sql("CREATE DATABASE sessions; CREATE DATABASE shop"));
  const Folder folder;
  EXPECT_TRUE(FailsWith(RunCopy(Ends(*master, *target), folder, {"--source-state", "master"}), 3,
                        {"BINLOG_FILTERED"}));
  ASSERT_DONE(
      master->Sql("CREATE USER plain@'127.0.0.1'; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* "
                  "TO plain@'127.0.0.1'"));
  EXPECT_THAT(
      RunZdpipe({"check", "--no-defaults", "--source-state", "master", "--from", master->address(),
                 "--from-user", "plain", "--to", target->address(), "--to-user", "root"})
          .standard_output,
      HasSubstr("BINLOG_FILTERED"));
  EXPECT_TRUE(Succeeds(RunCopy(Ends(*master, *target), folder,
                               {"--source-state", "master", "--databases", "shop"})));
}

// Moves money between accounts in several tables, so that their sum never changes.
class Bank {
 public:
  static constexpr int kTables = 4;
  static constexpr int kAccounts = 2000;

  static std::string Sql() {
    std::string sql = "CREATE DATABASE bank; USE bank;\n";
    for (int i = 0; i < kTables; ++i) {
      absl::StrAppend(&sql, "CREATE TABLE t", i, " (id INT PRIMARY KEY, cents BIGINT NOT NULL, ",
                      "pad VARCHAR(900) CHARACTER SET latin1, KEY (cents));\nINSERT INTO t", i,
                      " SELECT seq, 1000, REPEAT('p', 900) FROM seq_1_to_", kAccounts, ";\n");
    }
    return absl::StrCat(sql, "CREATE TABLE journal (id BIGINT PRIMARY KEY AUTO_INCREMENT, t INT, ",
                        "u INT, cents INT);\n");
  }
  static std::string SumQuery() {
    Strings tables;
    for (int i = 0; i < kTables; ++i) {
      tables.push_back(absl::StrCat("SELECT cents FROM bank.t", i));
    }
    return absl::StrCat("SELECT SUM(cents) FROM (", absl::StrJoin(tables, " UNION ALL "), ") x");
  }

  // Starts the clients. `journal`: every transfer is also written down.
  Bank(TestServer& server, bool journal) {
    for (uint64_t client = 0; client < 3; ++client) {
      clients_.emplace_back([this, &server, client, journal] { Work(server, client, journal); });
    }
  }
  ~Bank() { Close(); }
  void Close() {
    closed_ = true;
    for (std::thread& client : clients_) client.join();
    clients_.clear();
  }
  uint64_t transfers() const { return transfers_; }

 private:
  void Work(TestServer& server, uint64_t seed, bool journal) {
    const std::unique_ptr<Session> session = Connect(server);
    std::mt19937_64 random(seed);
    auto any = [&random](int limit) { return static_cast<int>(random() % limit); };
    while (!closed_) {
      const int from = any(kTables);
      const int to = any(kTables);
      const int cents = any(100);
      std::string record = "DO 0";
      if (journal) {
        record = absl::StrCat("INSERT INTO bank.journal (t, u, cents) VALUES (", from, ", ", to,
                              ", ", cents, ")");
      }
      absl::Status status = session->Execute("BEGIN");
      for (const std::string& statement :
           {absl::StrCat("UPDATE bank.t", from, " SET cents = cents - ", cents,
                         " WHERE id = ", 1 + any(kAccounts)),
            absl::StrCat("UPDATE bank.t", to, " SET cents = cents + ", cents,
                         " WHERE id = ", 1 + any(kAccounts)),
            record, std::string("COMMIT")}) {
        if (status.ok()) status = session->Execute(statement);
      }
      if (status.ok()) {
        ++transfers_;
      } else {
        (void)session->ExecuteWithWarnings("ROLLBACK");  // a deadlock
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> closed_ = false;
  std::atomic<uint64_t> transfers_ = 0;
  std::vector<std::thread> clients_;
};

class BusyMasterTest : public MigrationTest {
 protected:
  void CopyUnderLoad(bool journal) {
    ASSERT_DONE(master_->Sql("DROP DATABASE IF EXISTS bank;" + Bank::Sql()));
    Bank bank(*master_, journal);
    ASSERT_TRUE(Await([&] { return bank.transfers() > 50; }));

    const ProcessResult result = RunCopy(Ends(*master_, *target_), folder_,
                                         {"--source-state", "master", "--databases", "bank",
                                          "--range-bytes", "1MiB", "--jobs", "4"});
    const uint64_t at_end = bank.transfers();
    ASSERT_TRUE(Await([&] { return bank.transfers() > at_end + 50; }));
    bank.Close();

    EXPECT_TRUE(Succeeds(result));
    EXPECT_EQ(Value(*target_, Bank::SumQuery()),
              std::to_string(Bank::kTables * Bank::kAccounts * 1000));
    const Json handoff = Handoff(folder_);
    ASSERT_EQ(handoff["usable"], true) << handoff;
    EXPECT_EQ(handoff["upstream"]["port"], master_->port());
    Replicate();
    EXPECT_EQ(Differences(*master_, *target_, {"bank"}), "");
  }
};

// A session that has met such a row is lost, and a master's snapshot cannot be had again.
TEST_F(BusyMasterTest, VeryLargeRowsOfAMasterAreCopiedByTheSessionThatIsLeft) {
  std::string sql = "DROP DATABASE IF EXISTS w; CREATE DATABASE w; USE w;\n";
  for (const std::string table : {"t1", "t2", "t3", "t4"}) {
    absl::StrAppend(
        &sql, "CREATE TABLE ", table, " (id INT PRIMARY KEY, b LONGBLOB);\nINSERT INTO ", table,
        " VALUES (1, 'small'), (2, REPEAT('", table, "', ", table < "t3" ? 5000000 : 10, "));\n");
  }
  ASSERT_DONE(master_->Sql(sql));
  ASSERT_TRUE(Succeeds(RunCopy(Ends(*master_, *target_), folder_,
                               {"--source-state", "master", "--databases", "w", "--jobs", "2"})));
  EXPECT_EQ(Differences(*master_, *target_, {"w"}), "");
}

TEST_F(BusyMasterTest, SnapshotIsConsistentAndReplicatesOn) { CopyUnderLoad(false); }

TEST_F(BusyMasterTest, GrowingAutoIncrementCountersAreNoDifference) { CopyUnderLoad(true); }

}  // namespace
}  // namespace zdpipe
