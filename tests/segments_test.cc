// Large tables in segments that several sessions read, on real servers.
#include <gmock/gmock.h>

#include "engine/schema/key_segments.h"
#include "tests/copy_harness.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

struct KeyCase {
  const char* name;
  const char* columns;  // beside `filler`, with the key
  const char* values;   // of row number `seq`
  bool divisible = true;
  const char* options = "";
};

constexpr size_t kRows = 20000;
constexpr size_t kSegments = 8;

// Keys whose values lie close together, far apart, at the ends of their type.
constexpr KeyCase kCases[] = {
    {"dense", "a INT PRIMARY KEY", "seq"},
    {"one_far_away", "a INT PRIMARY KEY", "IF(seq = 1, 2147483647, seq)"},
    {"two_far_away", "a BIGINT PRIMARY KEY",
     "CASE seq WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 9223372036854775807 ELSE seq END"},
    {"negative", "a SMALLINT PRIMARY KEY", "CAST(seq AS SIGNED) - 20000"},
    {"unsigned_top", "a BIGINT UNSIGNED PRIMARY KEY", "18446744073709551615 - seq"},
    {"spread", "a BIGINT PRIMARY KEY", "CAST(CONV(LEFT(MD5(seq), 15), 16, 10) AS SIGNED)"},
    {"lumps", "a BIGINT PRIMARY KEY", "(seq % 3) * 1000000000000 + seq"},
    {"uuid", "a BINARY(16) PRIMARY KEY", "UNHEX(MD5(seq))"},
    {"same_beginning", "a VARBINARY(60) PRIMARY KEY",
     "CONCAT('a common beginning ', LPAD(seq, 8, '0'))"},
    {"bytes_of_all_lengths", "a VARBINARY(60), b INT, PRIMARY KEY (a, b)",
     "LEFT(UNHEX(MD5(seq)), seq % 4), seq"},
    {"short_binary", "a BINARY(2), b INT, PRIMARY KEY (a, b)", "UNHEX(LEFT(MD5(seq), 4)), seq"},
    {"tenants", "a INT, b INT, PRIMARY KEY (a, b)", "seq % 40, seq"},
    {"with_words", "a INT, b VARCHAR(40), PRIMARY KEY (a, b)", "seq DIV 2, MD5(seq)"},
    {"unique_key", "a INT NOT NULL, UNIQUE KEY u (a)", "seq"},
    {"one_tenant", "a INT, b INT, PRIMARY KEY (a, b)", "7, seq", false},
    {"words", "a VARCHAR(40) PRIMARY KEY", "MD5(seq)", false},
    {"decimals", "a DECIMAL(20,3) PRIMARY KEY", "seq / 7", false},
    {"no_key", "a INT", "seq", false},
    // A server reads only those partitions where the rows should be.
    {"partitioned", "a INT PRIMARY KEY", "seq", false, "PARTITION BY HASH (a) PARTITIONS 3"},
};

class SegmentsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer({.binlog = true}).release();
    target_ = StartServer().release();
    if (source_ == nullptr || target_ == nullptr) return;
    EXPECT_DONE(PretendStoppedReplica(*source_));
    std::string sql = "CREATE DATABASE k; USE k;";
    for (const KeyCase& c : kCases) {
      absl::StrAppend(&sql, "CREATE TABLE ", c.name, " (", c.columns, ", filler VARCHAR(300)) ",
                      c.options, "; INSERT INTO ", c.name, " SELECT ", c.values,
                      ", REPEAT('f', 200) FROM seq_1_to_", kRows, "; ANALYZE TABLE ", c.name, ";");
    }
    absl::StrAppend(&sql, "CREATE TABLE empty LIKE dense; CREATE TABLE single LIKE dense;",
                    "INSERT INTO single VALUES (5, 'x');");
    EXPECT_DONE(source_->Sql(sql));
    EXPECT_DONE(source_->Sql(absl::StrCat("CREATE DATABASE big; USE big;",
                                          BigTableSql("one", 24, ", KEY (a, b), KEY (c)"))));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
    source_ = target_ = nullptr;
  }
  void SetUp() override {
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(DropUserDatabases(*target_));
  }

  Strings Args(const Strings& databases, const Strings& more = {}) {
    Strings options = {
        "--databases", absl::StrJoin(databases, ","), "--range-bytes", "1MiB", "--memory", "64MiB"};
    options.insert(options.end(), more.begin(), more.end());
    return CopyArgs(Ends(*source_, *target_), folder_, options);
  }
  void ExpectEqual(const Strings& databases) {
    EXPECT_EQ(Differences(*source_, *target_, databases), "");
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* SegmentsTest::source_ = nullptr;
TestServer* SegmentsTest::target_ = nullptr;

TEST_F(SegmentsTest, EveryRowIsInOneSegmentAndNoneHasMuchMoreThanItsShare) {
  const std::unique_ptr<Session> session = Connect(*source_);
  Selection selection;
  selection.databases = {"k"};
  const auto catalog = ReadCatalog(*session, selection);
  ASSERT_DONE(catalog.status());
  ASSERT_EQ(catalog->tables.size(), std::size(kCases) + 2);
  for (TableInfo table : catalog->tables) {
    SCOPED_TRACE(table.name.name);
    const auto known = std::find_if(std::begin(kCases), std::end(kCases),
                                    [&](const KeyCase& c) { return c.name == table.name.name; });
    const TablePlan plan = PlanTable(table, session->version(), session->version());
    table.data_bytes_estimate = kSegments * 1000;
    const auto segments = PlanSegments(table, plan, 1000, *session);
    ASSERT_DONE(segments.status());
    if (known == std::end(kCases) || !known->divisible) {
      EXPECT_EQ(segments->count(), 1u) << segments->Text();
      continue;
    }
    EXPECT_GE(segments->count(), kSegments / 2) << segments->Text();
    EXPECT_LE(segments->count(), kSegments) << segments->Text();
    uint64_t sum = 0;
    for (size_t i = 0; i < segments->count(); ++i) {
      const std::string where = segments->Condition(i, "`a`");
      const std::string from = absl::StrCat(" FROM k.", table.name.name, " WHERE ", where);
      const uint64_t rows = std::stoull(Value(*source_, "SELECT COUNT(*)" + from));
      EXPECT_LE(rows, 3 * kRows / kSegments) << where << " of " << segments->Text();
      sum += rows;
      const std::string select = *SelectSegment(table, plan, *segments, i, std::nullopt);
      const auto explained = session->Query("EXPLAIN " + select);
      ASSERT_DONE(explained.status());
      EXPECT_EQ(explained->Text(0, "type"), "range") << select;
      EXPECT_THAT(explained->Text(0, "Extra"), testing::Not(testing::HasSubstr("filesort")));
    }
    EXPECT_EQ(sum, kRows) << segments->Text();
  }
}

TEST_F(SegmentsTest, ATableInSegmentsArrivesWhole) {
  const std::pair<std::string, std::string> cases[] = {
      {"1", "rows"}, {"3", "counts"}, {"4", "rows"}};
  for (const auto& [jobs, verify] : cases) {
    SCOPED_TRACE(absl::StrCat(jobs, " jobs, ", verify));
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_TRUE(Succeeds(RunZdpipe(Args({"big", "k"}, {"--jobs", jobs, "--verify", verify}))));
    ExpectEqual({"big", "k"});
    const Json report = Report(folder_);
    for (const Json& table : report["tables"]) {
      if (table["table"] != "one") continue;
      // With a single lane there is nobody to share them with.
      EXPECT_EQ(table["segments"] > 1, jobs != "1") << table;
      EXPECT_EQ(table["rows"], 24 * 1024);
      EXPECT_EQ(table["verify"], "equal");
    }
  }
}

// Between distant servers two sessions bring twice as much as one, on any number of processors.
class SharedTableTest : public SegmentsTest {
 protected:
  static void SetUpTestSuite() {
    SegmentsTest::SetUpTestSuite();
    if (source_ == nullptr) return;
    EXPECT_DONE(source_->Sql(
        absl::StrCat("CREATE DATABASE far; USE far;", BigTableSql("one", kMebibytes),
                     "CREATE TABLE other (id INT PRIMARY KEY); INSERT INTO other SELECT seq FROM "
                     "seq_1_to_100;")));
  }
  void SetUp() override {
    SegmentsTest::SetUp();
    auto source = FaultProxy::Start(source_->port());
    auto target = FaultProxy::Start(target_->port());
    ASSERT_TRUE(source.ok() && target.ok());
    from_ = *std::move(source);
    to_ = *std::move(target);
    to_->Delay(std::chrono::milliseconds(10));
  }
  Strings FarArgs(const Strings& more = {}) {
    Strings options = {"--databases", "far",   "--range-bytes", "1MiB",
                       "--memory",    "64MiB", "--jobs",        "4"};
    options.insert(options.end(), more.begin(), more.end());
    return CopyArgs({"--no-defaults", "--from", from_->address(), "--from-user", "root", "--to",
                     to_->address(), "--to-user", "root"},
                    folder_, options);
  }
  // Until several lanes have brought parts of the table that do not follow each other.
  bool AwaitLanesInSeveralSegments() {
    return AwaitValue(*target_,
                      absl::StrCat("SELECT COUNT(DISTINCT segment) >= 4 AND COUNT(*) < ",
                                   kMebibytes, " FROM zdpipe.`range`"),
                      "1");
  }
  void ExpectWhole(const ProcessResult& result) {
    EXPECT_TRUE(Succeeds(result));
    ExpectEqual({"far"});
    const Json report = Report(folder_);
    for (const Json& table : report["tables"]) {
      EXPECT_EQ(table["verify"], "equal");
      EXPECT_EQ(table["rows"], table["table"] == "one" ? kMebibytes * 1024 : 100);
    }
  }

  static constexpr size_t kMebibytes = 72;
  std::unique_ptr<FaultProxy> from_;
  std::unique_ptr<FaultProxy> to_;
};

TEST_F(SharedTableTest, LanesWithoutATableTakeSegmentsOfTheOneThatIsLeft) {
  ExpectWhole(RunZdpipe(FarArgs()));
  const Json report = Report(folder_);
  for (const Json& table : report["tables"]) {
    if (table["table"] != "one") continue;
    EXPECT_GE(table["loaders"], 2) << table;
  }
}

TEST_F(SharedTableTest, AKilledProcessGoesOnInEverySegment) {
  for (int kills = 0; kills < 2; ++kills) {
    BackgroundZdpipe copy(FarArgs({"--resume"}), SIGKILL);
    const int wanted = 4 * (kills + 1);
    ASSERT_TRUE(AwaitValue(
        *target_,
        absl::StrCat("SELECT COUNT(DISTINCT segment) >= ", wanted, " FROM zdpipe.`range`"), "1"));
    copy.Signal();
    ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  }
  const int there = std::stoi(Value(*target_, "SELECT COUNT(*) FROM zdpipe.`range`"));
  ExpectWhole(RunZdpipe(FarArgs({"--resume"})));
  EXPECT_GE(Report(folder_)["resume"]["ranges_kept"], there);
}

TEST_F(SharedTableTest, LostSessionsOfEitherEndAreReplaced) {
  BackgroundZdpipe copy(FarArgs());
  ASSERT_TRUE(AwaitLanesInSeveralSegments());
  to_->CutAll();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  from_->CutAll();
  ExpectWhole(copy.Wait());
}

TEST_F(SharedTableTest, AnInterruptEndsAllLanesAndTheRestIsBroughtLater) {
  BackgroundZdpipe copy(FarArgs(), SIGINT);
  ASSERT_TRUE(AwaitLanesInSeveralSegments());
  copy.Signal();
  EXPECT_TRUE(FailsWith(copy.Wait(), 10, {"stopped", "--resume"}));
  ExpectWhole(RunZdpipe(FarArgs({"--resume"})));
}

// Boundaries that somebody has changed are not believed when they could lose rows or be other SQL.
TEST_F(SharedTableTest, DamagedBoundariesAreRefused) {
  BackgroundZdpipe copy(FarArgs(), SIGKILL);
  ASSERT_TRUE(AwaitLanesInSeveralSegments());
  copy.Signal();
  ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  const std::string good =
      Value(*target_, "SELECT boundaries FROM zdpipe.object WHERE name = 'one'");
  for (const char* damaged : {"7 OR 1", "9000, 800", "X'61', 5"}) {
    ASSERT_DONE(target_->Sql(absl::StrCat(
        "UPDATE zdpipe.object SET boundaries = ", QuoteText(damaged), " WHERE name = 'one'")));
    EXPECT_TRUE(FailsWith(RunZdpipe(FarArgs({"--resume"})), 9, {"damaged", "far.one"}));
  }
  // Of fewer segments than ranges speak of.
  ASSERT_DONE(target_->Sql("UPDATE zdpipe.object SET boundaries = '800' WHERE name = 'one'"));
  EXPECT_TRUE(FailsWith(RunZdpipe(FarArgs({"--resume"})), 9, {"damaged", "far.one", "segment"}));
  ASSERT_DONE(target_->Sql(absl::StrCat("UPDATE zdpipe.object SET boundaries = ", QuoteText(good),
                                        " WHERE name = 'one'")));
  ExpectWhole(RunZdpipe(FarArgs({"--resume"})));
}

// Several lanes are in the middle of a table's segments when one of them meets a row that the
// target cannot take. The others stop, and go on with other tables; with blobs they join from the
// start.
TEST_F(SegmentsTest, ARefusedRowEndsAllSegmentsOfItsTableOnly) {
  std::string sql =
      "CREATE DATABASE lost; USE lost; SET sql_mode = '';"
      "CREATE TABLE cut (id INT PRIMARY KEY, v LONGBLOB, a VARCHAR(50), b VARCHAR(3) AS (a) "
      "STORED);"
      "INSERT INTO cut (id, v, a) SELECT seq, REPEAT('v', 20000), IF(seq = 1500, 'abcdefgh', 'ab') "
      "FROM seq_1_to_2000;";
  for (const char* name : {"whole", "as_well"}) {
    absl::StrAppend(&sql, "CREATE TABLE ", name, " (id INT PRIMARY KEY, v LONGBLOB);",
                    "INSERT INTO ", name, " SELECT seq, REPEAT('w', 20000) FROM seq_1_to_1000;");
  }
  ASSERT_DONE(source_->Sql(absl::StrCat(sql, "ANALYZE TABLE cut, whole, as_well;")));
  // Only what is not read back is stored strictly.
  EXPECT_TRUE(FailsWith(RunZdpipe(Args({"lost"}, {"--jobs", "4", "--verify", "none"})), 8,
                        {"lost.cut", "1500"}));
  EXPECT_EQ(Rows(*target_, "SHOW TABLES FROM lost"), (Strings{"as_well", "whole"}));
  const Json report = Report(folder_);
  for (const Json& table : report["tables"]) EXPECT_EQ(table["segments"] > 1, true) << table;
  for (const char* table : {"whole", "as_well"}) {
    const std::string sum = absl::StrCat("SELECT SUM(CRC32(CONCAT(id, v))) FROM lost.", table);
    EXPECT_EQ(Value(*source_, sum), Value(*target_, sum));
  }
  EXPECT_DONE(source_->Sql("DROP DATABASE lost"));
}

// Taking a table off the target again is more than one statement: a process that is killed in
// between leaves something to go on with.
TEST_F(SegmentsTest, ATableThatIsBeingTakenOffTheTargetIsBegunAgain) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE lost; USE lost; SET sql_mode = '';"
      "CREATE TABLE cut (id INT PRIMARY KEY, v LONGBLOB, a VARCHAR(50), b VARCHAR(3) AS (a) "
      "STORED);"
      "INSERT INTO cut (id, v, a) SELECT seq, REPEAT('v', 20000), IF(seq = 1500, 'abcdefgh', 'ab') "
      "FROM seq_1_to_2000; ANALYZE TABLE cut"));
  BackgroundZdpipe copy(Args({"lost"}, {"--jobs", "4", "--verify", "none", "--rate", "20MiB"}),
                        SIGKILL);
  const std::unique_ptr<Session> reader = Connect(*target_);
  ASSERT_TRUE(Await([&] {
    return reader->Query("SET autocommit = 0").ok() &&
           reader->Query("SELECT 1 FROM lost.cut LIMIT 1").ok();
  }));
  const std::string dropping =
      "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'DROP TABLE%`cut`%'";
  ASSERT_TRUE(AwaitValue(*target_, dropping, "1"));
  copy.Signal();
  ASSERT_EQ(copy.Wait().exit_code, 128 + SIGKILL);
  BackgroundZdpipe again(Args({"lost"}, {"--jobs", "4", "--verify", "none", "--resume"}));
  // The orphan is ended before it has dropped anything.
  ASSERT_TRUE(AwaitValue(*target_, dropping, "0"));
  ASSERT_DONE(reader->Execute("ROLLBACK"));
  EXPECT_TRUE(FailsWith(again.Wait(), 8, {"lost.cut", "1500"}));
  EXPECT_GT(Report(folder_)["resume"]["ranges_kept"], 0);
  EXPECT_DONE(source_->Sql("DROP DATABASE lost"));
}

// The target has connections for the table's own lane, and for none that wants to help.
TEST_F(SegmentsTest, ALaneThatCannotHelpIsNotMissed) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE blobs; USE blobs; CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB);"
      "INSERT INTO blobs.t SELECT seq, REPEAT('v', 20000) FROM seq_1_to_2000; ANALYZE "
      "TABLE blobs.t"));
  ASSERT_DONE(
      target_->Sql("CREATE USER few@'%' WITH MAX_USER_CONNECTIONS 8; GRANT ALL ON *.* TO few@'%'"));
  Strings args = Args({"blobs"}, {"--jobs", "4"});
  *std::find(args.rbegin(), args.rend(), "root") = "few";  // --to-user
  EXPECT_TRUE(Succeeds(RunZdpipe(args)));
  EXPECT_THAT(Report(folder_)["notes"].dump(), testing::HasSubstr("one session less"));
  ExpectEqual({"blobs"});
  EXPECT_DONE(target_->Sql("DROP USER few@'%'"));
  EXPECT_DONE(source_->Sql("DROP DATABASE blobs"));
}

TEST_F(SegmentsTest, ARowThatTheTargetHasNoRoomForIsNamed) {
  ASSERT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 1048576"));
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE refused; USE refused; CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB);"
      "INSERT INTO t SELECT seq, REPEAT('v', 1000) FROM seq_1_to_24000;"
      "UPDATE t SET v = REPEAT('w', 1200000) WHERE id = 20000; ANALYZE TABLE t;"
      "CREATE TABLE other (id INT PRIMARY KEY); INSERT INTO other SELECT seq FROM seq_1_to_100;"));
  const ProcessResult result = RunZdpipe(Args({"refused"}, {"--jobs", "3"}));
  EXPECT_DONE(target_->Sql("SET GLOBAL max_allowed_packet = 1073741824"));
  EXPECT_DONE(source_->Sql("DROP DATABASE refused"));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.standard_error, testing::HasSubstr("max_allowed_packet"));
  EXPECT_THAT(result.standard_error, testing::HasSubstr("20000"));
}

// The lanes of a table with a row that is too large for them stop; one session goes on with what
// they have brought.
TEST_F(SegmentsTest, AWideRowIsBroughtByTheSessionForIt) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE wide; USE wide; CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB);"
      "INSERT INTO t SELECT seq, REPEAT('v', 1000) FROM seq_1_to_24000;"
      "UPDATE t SET v = REPEAT('w', 9000000) WHERE id IN (3, 20000); ANALYZE TABLE t"));
  EXPECT_TRUE(Succeeds(RunZdpipe(Args({"wide"}, {"--jobs", "4"}))));
  ExpectEqual({"wide"});
  EXPECT_DONE(source_->Sql("DROP DATABASE wide"));
}

}  // namespace
}  // namespace zdpipe
