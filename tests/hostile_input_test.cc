// Input that is broken or meant to do harm, from files, names and the ledger: a clear error, or
// what was asked for; nothing executed, nothing given away, nothing of other people's removed.
#include <gmock/gmock.h>

#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using testing::HasSubstr;
using testing::Not;

// Quotes, comments, statements, a newline, and what terminals act on.
constexpr char kNasty[] = "x`'\"; DROP DATABASE victim; -- */ \x1b[31m\x07\n\xc2\x9b%_";

bool HasControls(const std::string& text) {
  return absl::StrContains(text, "\xc2\x9b") || std::any_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\n') || byte == 0x7f;
         });
}

class HostileInputTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    ASSERT_DONE(PretendStoppedReplica(*source_));
    ASSERT_DONE(source_->Sql(
        "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (1);"));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }
  void SetUp() override {
    ASSERT_DONE(DropUserDatabases(*target_));
    ASSERT_DONE(
        target_->Sql("CREATE DATABASE victim; CREATE TABLE victim.t (id INT PRIMARY KEY);"
                     "INSERT INTO victim.t VALUES (42);"));
  }
  void TearDown() override {
    EXPECT_EQ(Value(*target_, "SELECT id FROM victim.t"), "42");
    EXPECT_NE(Value(*target_, "SELECT COUNT(*) FROM mysql.user WHERE user = 'root'"), "0");
  }

  ProcessResult Copy(const Strings& more = {}) {
    Strings options;
    if (std::count(more.begin(), more.end(), "--databases") == 0) options = {"--databases", "d"};
    options.insert(options.end(), more.begin(), more.end());
    return RunCopy(Ends(*source_, *target_), folder_, options);
  }

  void ExpectUntouchedTarget() { EXPECT_EQ(UserDatabases(*target_), Strings({"victim"})); }

  // A ledger as a run leaves it that has failed after its tables.
  void LeaveUnfinishedRun(const Strings& more = {}) {
    Strings options = {"--keep-control"};
    options.insert(options.end(), more.begin(), more.end());
    ASSERT_TRUE(Succeeds(Copy(options)));
    ASSERT_DONE(target_->Sql("UPDATE zdpipe.run SET state = 'failed'"));
  }

  void ListInLedger(const std::string& kind, const std::string& schema, const std::string& name) {
    ASSERT_DONE(Connect(*target_)->Execute(
        absl::StrCat("INSERT INTO zdpipe.object (kind, schema_name, name, stage) VALUES (",
                     QuoteText(kind), ", ", QuoteText(schema), ", ", QuoteText(name), ", 1)")));
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* HostileInputTest::source_ = nullptr;
TestServer* HostileInputTest::target_ = nullptr;

// ---- files

TEST_F(HostileInputTest, PathsThatCannotBeWrittenAreFoundFirst) {
  ASSERT_EQ(symlink("loop", (folder_ / "loop").c_str()), 0);
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  WriteFile(folder_ / "file", "x");
  const std::string paths[] = {folder_ / "",
                               "/dev/full",
                               "/dev/stdout",
                               folder_ / "loop",
                               folder_ / "pipe",
                               folder_ / "no folder/file.json",
                               folder_ / "file/below.json",
                               "/proc/file.json",
                               folder_ / std::string(300, 'x'),
                               std::string("/nonexistent/\x1b[31m\n")};
  for (const char* option : {"--handoff", "--report"}) {
    for (const std::string& path : paths) {
      SCOPED_TRACE(absl::StrCat(option, " ", path));
      const ProcessResult result = Copy({option, path});
      EXPECT_TRUE(FailsWith(result, 2, {option[2] == 'h' ? "handoff" : "report"}));
      EXPECT_FALSE(HasControls(result.standard_error));
      ExpectUntouchedTarget();
    }
  }
  EXPECT_TRUE(FailsWith(Copy({"--handoff", folder_ / "one", "--report", folder_ / "one"}), 2,
                        {"same file"}));
  struct stat info;
  ASSERT_EQ(stat("/dev/full", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode)) << "the device was replaced";
  // Nothing is left beside them.
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_ / "")) {
    ++files;
  }
  EXPECT_EQ(files, 3);
}

TEST_F(HostileInputTest, FilesWithDataAreForTheirOwnerOnly) {
  const mode_t before = umask(0);
  // An older file that everybody could read is replaced.
  WriteFile(folder_ / "old.json", "{}");
  chmod((folder_ / "old.json").c_str(), 0666);
  const ProcessResult result = Copy({"--report", folder_ / "old.json"});
  umask(before);
  EXPECT_TRUE(Succeeds(result));
  for (const char* name : {"old.json", "handoff.json"}) {
    struct stat info;
    ASSERT_EQ(stat((folder_ / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600) << name;
  }
}

TEST_F(HostileInputTest, OptionFilesThatAreNone) {
  const std::pair<std::string, std::string> files[] = {
      {"zero.cnf", std::string("[client]\nuser=a\0b\n", 18)},
      {"bracket.cnf", "[client\nuser=root\n"},
      {"no-group.cnf", "user=root\n"},
      {"line.cnf", "[client]\nuser=" + std::string(2 << 20, 'x') + "\n"},
      {"escape.cnf", "[client]\n\x1b]0;owned\x07\n"},
      {"include.cnf", "!include " + (folder_ / "include.cnf") + "\n"},
      {"folder.cnf", "!includedir " + (folder_ / "nowhere") + "\n"},
      {"directive.cnf", "!execute rm -rf /\n"}};
  Strings paths = {"/bin/ls", "/dev/zero", folder_ / ""};
  for (const auto& [name, text] : files) {
    WriteFile(folder_ / name, text);
    paths.push_back(folder_ / name);
  }
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const ProcessResult result =
        RunCopy({"--defaults-file", path, "--from", "old", "--to", "new"}, folder_);
    EXPECT_TRUE(FailsWith(result, 2, {"option file"}));
    EXPECT_FALSE(HasControls(result.standard_error)) << Printable(result.standard_error);
  }
  ExpectUntouchedTarget();
}

// ---- names

TEST_F(HostileInputTest, NamesAreNamesAndNothingElse) {
  const std::string name = QuoteName(kNasty);
  const std::unique_ptr<Session> source = Connect(*source_);
  for (const std::string& sql :
       {absl::StrCat("CREATE DATABASE ", name), absl::StrCat("USE ", name),
        absl::StrCat("CREATE TABLE ", name, " (", name, " INT PRIMARY KEY, b INT COMMENT ",
                     QuoteText(kNasty), ", c ENUM(", QuoteText(kNasty), "), KEY ", name,
                     " (b), CONSTRAINT ", name, " CHECK (b < 100), FOREIGN KEY (b) REFERENCES ",
                     name, " (", name, ")) COMMENT ", QuoteText(kNasty)),
        absl::StrCat("INSERT INTO ", name, " VALUES (1, NULL, 1), (2, 1, 1)"),
        absl::StrCat("CREATE VIEW v AS SELECT ", name, " AS b FROM ", name),
        absl::StrCat("CREATE PROCEDURE ", name, "() COMMENT ", QuoteText(kNasty), " SELECT ",
                     QuoteText(kNasty)),
        absl::StrCat("CREATE TRIGGER ", name, " BEFORE INSERT ON ", name,
                     " FOR EACH ROW SET @a = ", QuoteText(kNasty)),
        absl::StrCat("CREATE EVENT ", name, " ON SCHEDULE EVERY 1 DAY COMMENT ", QuoteText(kNasty),
                     " DO SELECT 1"),
        absl::StrCat("CREATE SEQUENCE `s", std::string(name).substr(1)),
        absl::StrCat("CREATE USER ", QuoteText(kNasty), "@'%' IDENTIFIED BY 'x'"),
        absl::StrCat("GRANT SELECT ON ", name, ".* TO ", QuoteText(kNasty), "@'%'")}) {
    ASSERT_DONE(source->ExecuteWithWarnings(sql).status());
  }
  auto expect_clean = [&](const ProcessResult& result) {
    EXPECT_FALSE(HasControls(result.standard_error)) << Printable(result.standard_error);
    EXPECT_FALSE(HasControls(result.standard_output)) << Printable(result.standard_output);
  };
  const Strings ends = Ends(*source_, *target_);
  const ProcessResult copied =
      RunCopy(ends, folder_, {"--users", "--progress", "json", "--exclude-tables", "victim.*"});
  EXPECT_TRUE(Succeeds(copied));
  expect_clean(copied);
  EXPECT_EQ(Differences(*source_, *target_, {"d", kNasty}), "");
  EXPECT_EQ(Report(folder_)["accounts"]["users"], 1);

  // Findings, differences and errors speak of them.
  expect_clean(RunCopy(ends, folder_));  // TARGET_NOT_EMPTY
  const std::unique_ptr<Session> target = Connect(*target_);
  ASSERT_DONE(target->Execute(absl::StrCat("DELETE FROM ", QuoteName(kNasty, kNasty), " WHERE b")));
  Strings verify = {"verify", "--databases", kNasty};
  verify.insert(verify.end(), ends.begin(), ends.end());
  const ProcessResult verified = RunZdpipe(verify);
  EXPECT_TRUE(FailsWith(verified, 7));
  expect_clean(verified);
  Strings unknown = verify;
  unknown[2] = absl::StrCat(kNasty, "?");
  expect_clean(RunZdpipe(unknown));

  ASSERT_DONE(source->Execute(absl::StrCat("DROP DATABASE ", name)));
  for (const auto& session : {source.get(), target.get()}) {
    ASSERT_DONE(session->Execute(absl::StrCat("DROP USER ", QuoteText(kNasty), "@'%'")));
  }
}

// ---- the ledger

TEST_F(HostileInputTest, LedgerThatListsOtherPeoplesThings) {
  const Strings lies[] = {{"table", "mysql", "user"},
                          {"database", "mysql", ""},
                          {"database mysql -- ", "d", ""},
                          {"table mysql.user, ", "d", "t"},
                          {"table", "victim", "t"},
                          {"database", "victim", ""},
                          {"view", "information_schema", "TABLES"},
                          {"table", "zdpipe", "run"},
                          {"table", "", "t"},
                          {"user", "localhost", "root"},
                          {"server", "d", "x"}};
  for (const Strings& lie : lies) {
    SCOPED_TRACE(absl::StrJoin(lie, " / "));
    LeaveUnfinishedRun();
    ListInLedger(lie[0], lie[1], lie[2]);
    const ProcessResult result = Copy();
    EXPECT_TRUE(FailsWith(result, 3, {"LEDGER_NOT_TRUSTED", "zdpipe"}));
    EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.t"), "1");  // nothing was removed yet
    ASSERT_DONE(target_->Sql("DROP DATABASE d; DROP DATABASE zdpipe"));
  }
  // Accounts are removed by a run with --users only, and never the one it runs with.
  LeaveUnfinishedRun();
  ListInLedger("user", "127.0.0.1", "root");
  EXPECT_TRUE(FailsWith(Copy({"--users"}), 3, {"LEDGER_NOT_TRUSTED"}));
}

TEST_F(HostileInputTest, LedgerThatListsWhatWasThereBefore) {
  ASSERT_DONE(target_->Sql("CREATE DATABASE d; CREATE TABLE d.mine (id INT);"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // times are in seconds
  LeaveUnfinishedRun({"--tables", "d.t"});
  ListInLedger("table", "d", "mine");
  EXPECT_TRUE(FailsWith(Copy({"--tables", "d.t"}), 3, {"d.mine", "older than the ledger"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.mine"), "0");
}

TEST_F(HostileInputTest, NamesInTheLedgerAreNames) {
  LeaveUnfinishedRun();
  for (const char* kind : {"table", "view", "procedure", "event", "sequence", "package body"}) {
    ListInLedger(kind, "d", kNasty);
  }
  const ProcessResult result = Copy();
  EXPECT_TRUE(Succeeds(result));
  EXPECT_FALSE(HasControls(result.standard_error));
  EXPECT_EQ(Differences(*source_, *target_, {"d"}), "");
}

// Where an unfinished run has left packages, and somebody has made a routine in its database since.
TEST_F(HostileInputTest, PackagesAreRemovedAndOtherPeoplesRoutinesAreNot) {
  ASSERT_DONE(source_->Sql(
      "CREATE DATABASE p; SET sql_mode = ORACLE;\nDELIMITER $$\n"
      "CREATE PACKAGE p.pack AS FUNCTION f RETURN INT; END$$\n"
      "CREATE PACKAGE BODY p.pack AS FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END$$\n"));
  LeaveUnfinishedRun({"--databases", "p"});
  const ProcessResult again = Copy({"--databases", "p"});
  EXPECT_TRUE(Succeeds(again));
  EXPECT_EQ(Differences(*source_, *target_, {"p"}), "");
  ASSERT_DONE(target_->Sql("DROP DATABASE p"));

  LeaveUnfinishedRun({"--databases", "p"});
  ASSERT_DONE(target_->Sql("CREATE PROCEDURE p.mine() SELECT 1"));
  EXPECT_TRUE(FailsWith(Copy({"--databases", "p"}), 3, {"TARGET_NOT_EMPTY", "mine"}));
  // It is not looked for with --tables; it stays.
  RunCopy(Ends(*source_, *target_), folder_, {"--databases", "p", "--tables", "p.*"});
  EXPECT_EQ(Value(*target_,
                  "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE "
                  "ROUTINE_NAME = 'mine'"),
            "1");
  ASSERT_DONE(source_->Sql("DROP DATABASE p"));
}

TEST_F(HostileInputTest, LedgerThatIsDamaged) {
  const char* const damages[] = {
      "ALTER TABLE zdpipe.object DROP COLUMN kind", "ALTER TABLE zdpipe.`range` DROP COLUMN bytes",
      "ALTER TABLE zdpipe.run DROP COLUMN run_id",
      "DROP TABLE zdpipe.object; CREATE VIEW zdpipe.object AS SELECT 1 AS kind"};
  for (const char* damage : damages) {
    SCOPED_TRACE(damage);
    LeaveUnfinishedRun();
    ASSERT_DONE(target_->Sql(damage));
    EXPECT_TRUE(FailsWith(Copy(), 3, {"zdpipe"}));
    EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM d.t"), "1");
    ASSERT_DONE(target_->Sql("DROP DATABASE d; DROP DATABASE zdpipe"));
  }
}

TEST_F(HostileInputTest, LedgerWithGarbageInIt) {
  LeaveUnfinishedRun();
  ASSERT_DONE(target_->Sql(
      "ALTER TABLE zdpipe.run MODIFY state TEXT, MODIFY tables_total TEXT, MODIFY started_at TEXT;"
      "UPDATE zdpipe.run SET state = '\x1b[31mdone?', phase = '\x1b]0;x\x07', tables_total = '-x',"
      " error = 'a\nzdpipe: error: forged', started_at = 'never';"
      "INSERT INTO zdpipe.run SELECT 'second', 'done', phase, tool_version, source, error, "
      "exit_code, started_at, heartbeat_at, 0, 0 FROM zdpipe.run;"
      "INSERT INTO zdpipe.setting VALUES ('\x1b[31m', '\x1b[31m')"));
  const ProcessResult status =
      RunZdpipe({"status", "--no-defaults", "--to", target_->address(), "--to-user", "root"});
  EXPECT_EQ(status.exit_code, 0) << status.standard_error;
  EXPECT_FALSE(HasControls(status.standard_output)) << Printable(status.standard_output);
  EXPECT_THAT(status.standard_output, Not(HasSubstr("\nzdpipe: error: forged")));
  const ProcessResult again = Copy();
  EXPECT_FALSE(HasControls(again.standard_error));
  EXPECT_TRUE(Succeeds(again));
}

TEST_F(HostileInputTest, ControlSchemaIsNotTakenFromOthers) {
  for (const char* schema : {"mysql", "information_schema", "sys", ""}) {
    EXPECT_TRUE(FailsWith(Copy({"--control-schema", schema}), 2, {"--control-schema"})) << schema;
  }
  EXPECT_TRUE(FailsWith(Copy({"--control-schema", "victim"}), 3, {"CONTROL_SCHEMA_FOREIGN", "t"}));
  // Tables by the names of ours, that are not.
  ASSERT_DONE(target_->Sql("CREATE DATABASE zdpipe; CREATE TABLE zdpipe.run (kilometres INT)"));
  EXPECT_TRUE(FailsWith(Copy(), 3, {"CONTROL_SCHEMA_FOREIGN"}));
  EXPECT_EQ(Value(*target_, "SELECT COUNT(*) FROM zdpipe.run"), "0");
}

// ---- secrets

TEST_F(HostileInputTest, PasswordsAndTheirHashesAreNowhere) {
  constexpr char kSecret[] = "s3cr3t-of-the-test";
  constexpr char kOther[] = "an0ther-s3cr3t";
  for (TestServer* server : {source_, target_}) {
    ASSERT_DONE(server->Sql(absl::StrCat("CREATE USER admin IDENTIFIED BY '", kSecret,
                                         "'; GRANT ALL ON *.* TO admin WITH GRANT OPTION")));
  }
  ASSERT_DONE(source_->Sql(absl::StrCat("CREATE USER app IDENTIFIED BY '", kOther, "'")));
  const std::string hash =
      Value(*source_, absl::StrCat("SELECT SUBSTR(PASSWORD('", kOther, "'), 2)"));
  const std::string own =
      Value(*source_, absl::StrCat("SELECT SUBSTR(PASSWORD('", kSecret, "'), 2)"));
  WriteFile(folder_ / "my.cnf",
            absl::StrCat("[client]\nuser=admin\npassword=", kSecret,
                         "\n[zdpipe_old]\nhost=127.0.0.1", "\nport=", source_->port(),
                         "\n[zdpipe_new]\nhost=127.0.0.1\nport=", target_->port(), "\n"));
  chmod((folder_ / "my.cnf").c_str(), 0600);
  // Slow enough to be looked at.
  ASSERT_DONE(source_->Sql("CREATE DATABASE big; USE big; " + BigTableSql("t", 3)));
  BackgroundZdpipe copy(CopyArgs(
      {"--defaults-file", folder_ / "my.cnf", "--from", "old", "--to", "new"}, folder_,
      {"--users", "--exclude-tables", "victim.*", "--rate", "1MiB", "--progress", "json"}));
  ASSERT_TRUE(AwaitValue(*target_, "SELECT COUNT(*) > 0 FROM zdpipe.object", "1"));
  size_t looked_at = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string line = ReadFile(entry.path().string() + "/cmdline");
    if (!absl::StrContains(line, folder_ / "my.cnf")) continue;
    ++looked_at;
    EXPECT_THAT(line, Not(HasSubstr(kSecret)));
  }
  EXPECT_EQ(looked_at, 1);
  const ProcessResult result = copy.Wait();
  EXPECT_TRUE(Succeeds(result));
  EXPECT_EQ(Report(folder_)["accounts"]["users"], 1);  // app; admin is on the target

  const std::string all =
      absl::StrCat(result.standard_output, result.standard_error, ReadFile(folder_ / "report.json"),
                   ReadFile(folder_ / "handoff.json"));
  for (const std::string& secret : {std::string(kSecret), std::string(kOther), hash, own}) {
    EXPECT_THAT(all, Not(HasSubstr(secret)));
  }
  ASSERT_DONE(source_->Sql("DROP DATABASE big; DROP USER app, admin"));
  ASSERT_DONE(target_->Sql("DROP USER app, admin"));
}

}  // namespace
}  // namespace zdpipe
