// A server that lies: whatever it sends, zdpipe ends with a clear error, gives nothing away, and
// has done nothing.
#include <gmock/gmock.h>

#include "engine/server/row_stream.h"
#include "tests/copy_harness.h"
#include "tests/support/hostile_proxy.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

constexpr char kEscapes[] =
    "\x1b[2J\x1b]0;owned\x07 zdpipe: error: forged\n\x9b\xc2\x9b"
    "31m";

// What may stand in place of an answer. The text protocol's packets begin with sequence 1.
struct Attack {
  const char* name;
  HostileProxy::Answer answer;
};

std::vector<Attack> Attacks() {
  std::string one_definition = ResultHead({"a"});
  const std::string without_end = one_definition.substr(0, one_definition.size() - 9);
  return {
      {"asks for a local file", Bytes(Packet(1, "\xfb/etc/passwd"))},
      {"a packet of 16 MiB that does not come", LastBytes("\xff\xff\xff\x01"
                                                          "abc")},
      {"2^63 columns",
       LastBytes(Packet(1, std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", 9)))},
      {"2^32 columns", LastBytes(Packet(1, std::string("\xfe\0\0\0\0\1\0\0\0", 9)))},
      {"65535 columns, and none defined",
       LastBytes(Packet(1, std::string("\xfc\xff\xff", 3)) + EndOfRows(2))},
      {"a length that is cut off", LastBytes(Packet(1, "\xfe\x01"))},
      {"more columns than definitions",
       LastBytes(Packet(1, "\x03") + without_end.substr(5) + EndOfRows(3))},
      {"more definitions than columns",
       LastBytes(Packet(1, "\x01") + ResultHead({"a", "b", "c"}).substr(5) + EndOfRows(6))},
      {"a definition that is cut off", LastBytes(Packet(1, "\x01") +
                                                 Packet(2,
                                                        "\x03"
                                                        "de") +
                                                 EndOfRows(3))},
      {"a definition whose length lies",
       LastBytes(Packet(1, "\x01") +
                 Packet(2, std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                                       "def",
                                       12)) +
                 EndOfRows(3))},
      {"an empty definition", LastBytes(Packet(1, "\x01") + Packet(2, "") + EndOfRows(3))},
      {"a row whose length lies", LastBytes(ResultHead({"a", "b"}) +
                                            Packet(5,
                                                   "\xfd\xff\xff\xff"
                                                   "abc") +
                                            EndOfRows(6))},
      {"a row whose length is 2^64 - 1",
       LastBytes(ResultHead({"a", "b"}) +
                 Packet(5, std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                                       "abc",
                                       12)) +
                 EndOfRows(6))},
      {"a row with too few values",
       LastBytes(ResultHead({"a", "b"}) + Packet(5, RowOf({"x"})) + EndOfRows(6))},
      {"no packet at all", LastBytes("")},
      {"half a header", LastBytes(std::string("\x05\0", 2))},
      {"an empty packet", LastBytes(Packet(1, ""))},
      {"a wrong sequence", LastBytes(Packet(77, "\x01"))},
      {"garbage", LastBytes("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n")},
      {"an error that writes to the terminal", Bytes(ErrorPacket(1064, kEscapes))},
      {"an error of the client library's numbers", Bytes(ErrorPacket(2026, kEscapes))},
      {"an error that is cut off", LastBytes(Packet(1, "\xff\x01"))},
  };
}

// The control sequences of a terminal, in their 7-bit and 8-bit forms.
bool HasControls(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto before = static_cast<unsigned char>(i == 0 ? 0 : text[i - 1]);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) return true;
    if (byte == 0x9b && (before < 0x80 || before == 0xc2)) return true;
  }
  return false;
}

// Servers, a table to copy, and a proxy that plays one attack.
// What such a server does may look like a connection that was lost: it need not be tried for long.
const Strings kBriefly = {"--retry-for", "1s", "--io-timeout", "5s"};

class HostileServerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = StartServer().release();
    target_ = StartServer().release();
    ASSERT_DONE(PretendStoppedReplica(*source_));
    ASSERT_DONE(source_->Sql(
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(50), b DATETIME);"
        "INSERT INTO t SELECT seq, REPEAT('x', seq % 50), '2020-01-01' FROM seq_1_to_1000;"
        "CREATE VIEW v AS SELECT * FROM t; CREATE PROCEDURE p() SELECT 1;"));
  }
  static void TearDownTestSuite() {
    delete source_;
    delete target_;
  }

  // Answers the commands that hold `words` so; each time, or the first time only.
  static std::unique_ptr<HostileProxy> Play(TestServer& server, const std::string& words,
                                            HostileProxy::Answer answer, bool once = false) {
    auto done = std::make_shared<bool>(false);
    auto proxy = HostileProxy::Start(server.port(), [=](const std::string& command) {
      if (*done || !absl::StrContains(command, words)) return HostileProxy::Answer();
      *done = once;
      return answer;
    });
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    return *std::move(proxy);
  }

  Strings EndsThrough(const HostileProxy* source, const HostileProxy* target) const {
    return {"--no-defaults",
            "--from",
            source == nullptr ? source_->address() : source->address(),
            "--from-user",
            "root",
            "--to",
            target == nullptr ? target_->address() : target->address(),
            "--to-user",
            "root"};
  }

  // Not a crash, not a success, one error, and nothing that the terminal would act on.
  void ExpectCleanFailure(const ProcessResult& result, const std::vector<int>& exit_codes) {
    EXPECT_THAT(exit_codes, testing::Contains(result.exit_code))
        << result.standard_output << result.standard_error;
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(CountErrorLines(result.standard_error), 1) << result.standard_error;
    EXPECT_FALSE(HasControls(result.standard_error)) << Printable(result.standard_error);
    EXPECT_FALSE(HasControls(result.standard_output)) << Printable(result.standard_output);
    EXPECT_FALSE(HasControls(ReadFile(folder_ / "report.json")));
  }

  static absl::StatusOr<std::unique_ptr<Session>> ConnectThrough(
      const HostileProxy& proxy, const SessionOptions& options = {}) {
    Endpoint endpoint = source_->root();
    const std::string address = proxy.address();
    endpoint.port = static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
    return Session::Connect(endpoint, End::kSource, options);
  }

  static TestServer* source_;
  static TestServer* target_;
  Folder folder_;
};

TestServer* HostileServerTest::source_ = nullptr;
TestServer* HostileServerTest::target_ = nullptr;

TEST_F(HostileServerTest, GarbageInsteadOfAGreeting) {
  const std::string version(1000, '9');
  const std::pair<const char*, std::string> greetings[] = {
      {"nothing", ""},
      {"text", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
      {"length of 16 MiB", "\xff\xff\xff" + std::string(1, '\0') + "\x0a"},
      {"empty packet", Packet(0, "")},
      {"version 9", Packet(0,
                           "\x09"
                           "5.6" +
                               std::string(20, '\0'))},
      {"version only", Packet(0, "\x0a")},
      {"version that does not end", Packet(0, "\x0a" + version)},
      {"no scramble", Packet(0,
                             "\x0a"
                             "10.11.1-MariaDB" +
                                 std::string(3, '\0'))},
      {"error", ErrorPacket(1129, kEscapes).replace(3, 1, 1, '\0')},
      {"error with a client number", ErrorPacket(2059, kEscapes).replace(3, 1, 1, '\0')},
      {"zeros", Packet(0, std::string(100, '\0'))}};
  for (const auto& [name, bytes] : greetings) {
    SCOPED_TRACE(name);
    const auto proxy = Play(*source_, "CONNECT", LastBytes(bytes));
    ExpectCleanFailure(RunCopy(EndsThrough(proxy.get(), nullptr), folder_, kBriefly), {2, 4});
    const auto at_target = Play(*target_, "CONNECT", LastBytes(bytes));
    ExpectCleanFailure(RunCopy(EndsThrough(nullptr, at_target.get()), folder_, kBriefly), {2, 5});
  }
  EXPECT_EQ(UserDatabases(*target_), Strings());
}

// Each attack by itself, against what all statements go through.
TEST_F(HostileServerTest, AnswersToAQuery) {
  for (const Attack& attack : Attacks()) {
    SCOPED_TRACE(attack.name);
    const auto proxy = Play(*source_, "QUERY SELECT 'x'", attack.answer);
    const auto session = ConnectThrough(*proxy);
    ASSERT_TRUE(session.ok()) << session.status();
    const absl::Status status = (*session)->Query("SELECT 'x'").status();
    EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
    EXPECT_FALSE(HasControls(std::string(status.message()))) << status;
    EXPECT_EQ(proxy->answers(), 1);
    EXPECT_EQ(proxy->volunteered(), "");
  }
}

// Whole runs: the attacks of each kind in place of the answers that matter most.
class HostileRunTest : public HostileServerTest {
 protected:
  static std::vector<Attack> Chosen() {
    std::vector<Attack> chosen;
    for (Attack& attack : Attacks()) {
      for (const char* name : {"asks for a local file", "2^63 columns", "garbage",
                               "a row with too few values", "an error that writes"}) {
        if (absl::StartsWith(attack.name, name)) chosen.push_back(std::move(attack));
      }
    }
    return chosen;
  }

  void Run(bool at_source, const char* place, const std::vector<int>& exit_codes) {
    for (const Attack& attack : Chosen()) {
      // In answer to a prepare this is the start of something that the client would wait for.
      const bool prepare = absl::StartsWith(place, "PREPARE");
      if (prepare && absl::StartsWith(attack.name, "asks")) continue;
      SCOPED_TRACE(absl::StrCat(attack.name, " in answer to ", place));
      ASSERT_DONE(DropUserDatabases(*target_));
      const auto proxy = Play(at_source ? *source_ : *target_, place, attack.answer);
      ExpectCleanFailure(
          RunCopy(EndsThrough(at_source ? proxy.get() : nullptr, at_source ? nullptr : proxy.get()),
                  folder_, kBriefly),
          exit_codes);
      EXPECT_GT(proxy->answers(), 0);
      EXPECT_EQ(proxy->volunteered(), "");
    }
  }
};

TEST_F(HostileRunTest, AnswersOfTheSourceBeforeAnythingIsMade) {
  for (const char* place : {"QUERY SET time_zone", "QUERY SELECT @@basedir",
                            "information_schema.TABLES", "information_schema.COLUMNS"}) {
    Run(true, place, {4});
    EXPECT_EQ(UserDatabases(*target_), Strings()) << place;
  }
}

TEST_F(HostileRunTest, AnswersOfTheSourceWhileItIsCopied) {
  // 8: what cannot be read of one object is listed.
  for (const char* place :
       {"QUERY SHOW CREATE TABLE", "QUERY SHOW CREATE VIEW", "PREPARE SELECT", "EXECUTE SELECT"}) {
    Run(true, place, {4, 8});
  }
  ASSERT_DONE(DropUserDatabases(*target_));
}

TEST_F(HostileRunTest, AnswersOfTheTarget) {
  for (const char* place : {"QUERY SELECT GET_LOCK", "QUERY CREATE TABLE `d`",
                            "PREPARE INSERT INTO `d`", "QUERY COMMIT"}) {
    Run(false, place, {5, 8});
  }
  ASSERT_DONE(DropUserDatabases(*target_));
}

// An answer that never ends is cut off, and the session with it.
TEST_F(HostileServerTest, EndlessAnswersAreCutOff) {
  SessionOptions small;
  small.max_result_bytes = 1 << 20;
  const std::pair<const char*, HostileProxy::Answer> answers[] = {
      {"rows",
       [](HostileProxy::Client& client) {
         std::string rows;
         uint8_t sequence = 4;
         for (int i = 0; i < 256; ++i) rows += Packet(sequence++, RowOf({std::string(200, 'x')}));
         if (!client.Send(ResultHead({"a"}))) return;
         while (client.Send(rows)) {
         }
       }},
      {"empty rows",
       [](HostileProxy::Client& client) {
         std::string rows;
         uint8_t sequence = 4;
         for (int i = 0; i < 4096; ++i) rows += Packet(sequence++, RowOf({""}));
         if (!client.Send(ResultHead({"a"}))) return;
         while (client.Send(rows)) {
         }
       }},
      {"results", [](HostileProxy::Client& client) {
         // OK, and more is to come.
         for (uint8_t sequence = 1;; ++sequence) {
           if (!client.Send(Packet(sequence, std::string("\0\0\0\x0a\0\0\0", 7)))) return;
         }
       }}};
  for (const auto& [name, answer] : answers) {
    SCOPED_TRACE(name);
    const auto proxy = Play(*source_, "SELECT 'endless'", answer);
    const auto session = ConnectThrough(*proxy, small);
    ASSERT_TRUE(session.ok()) << session.status();
    const absl::Status status = (*session)->Query("SELECT 'endless'").status();
    EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("SELECT 'endless'"));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("cut off"));
    EXPECT_FALSE((*session)->Execute("DO 1").ok());
  }
}

// What is prepared and what is executed are described by the server twice; rows are its own words.
class HostileRowsTest : public HostileServerTest {
 protected:
  // Makes a number of the column whose definition begins at `at`; returns where the next one does.
  static size_t MakeNumber(std::string& bytes, size_t at, char type) {
    const size_t next = at + 4 + static_cast<uint8_t>(bytes[at]);
    bytes.replace(next - 10, 4, std::string("\x0b\0\0\0", 4));  // its width
    bytes[next - 6] = type;
    return next;
  }

  // The answer to an execute: `columns` of INT or another type, then rows.
  static std::string Executed(size_t columns, const Strings& rows, char type = 3) {
    std::string bytes = ResultHead(Strings(columns, "c"));
    size_t at = Packet(1, LengthEncoded(columns)).size();
    for (size_t i = 0; i < columns; ++i) at = MakeNumber(bytes, at, type);
    auto sequence = static_cast<uint8_t>(columns + 3);
    for (const std::string& row : rows) bytes += Packet(sequence++, row);
    return bytes + EndOfRows(sequence);
  }

  static absl::Status ReadAll(const HostileProxy& proxy, const std::string& select,
                              size_t columns) {
    auto session = ConnectThrough(proxy);
    if (!session.ok()) return session.status();
    auto stream =
        RowStream::Open(**session, select, std::vector<ColumnRole>(columns, ColumnRole::kPlain));
    if (!stream.ok()) return stream.status();
    while (true) {
      const absl::StatusOr<bool> more = (*stream)->Next();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
    }
  }
};

TEST_F(HostileRowsTest, WhatIsExecutedIsNotWhatWasPrepared) {
  const std::pair<const char*, std::string> answers[] = {
      {"more columns", Executed(200, {std::string(1, '\0') + std::string(26 + 800, '\0')})},
      {"fewer columns", Executed(1, {std::string("\0\0\1\0\0\0", 6)})},
      {"no result", Packet(1, std::string("\0\0\0\2\0\0\0", 7))}};
  for (const auto& [name, bytes] : answers) {
    SCOPED_TRACE(name);
    const auto proxy = Play(*source_, "EXECUTE SELECT id, id + 0", LastBytes(bytes));
    const absl::Status status = ReadAll(*proxy, "SELECT id, id + 0 AS x FROM d.t", 2);
    EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
    EXPECT_EQ(proxy->answers(), 1);
  }
}

// INT was prepared, BIGINT is executed: the rows are what the execute says.
TEST_F(HostileRowsTest, RowsAreReadAsTheExecuteDescribesThem) {
  const std::string values("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
  const auto proxy = Play(*source_, "EXECUTE SELECT id, id + 0",
                          LastBytes(Executed(2, {std::string(2, '\0') + values}, 8)));
  auto session = ConnectThrough(*proxy);
  ASSERT_TRUE(session.ok()) << session.status();
  auto stream = RowStream::Open(**session, "SELECT id, id + 0 AS x FROM d.t",
                                std::vector<ColumnRole>(2, ColumnRole::kPlain));
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_EQ((*stream)->layout().columns.size(), 2u);
  for (const WireColumn& column : (*stream)->layout().columns) {
    EXPECT_EQ(column.type, WireType::kInt64);
  }
  ASSERT_EQ((*stream)->Next().value_or(false), true);
  const WireRow row = (*stream)->row();
  EXPECT_EQ(std::string(row.end() - static_cast<std::ptrdiff_t>(values.size()), row.end()), values);
  EXPECT_EQ((*stream)->Next().value_or(true), false);
  EXPECT_EQ(proxy->answers(), 1);
}

TEST_F(HostileRowsTest, RowsThatAreNotWhatTheyShouldBe) {
  const std::string select = "SELECT id, a FROM d.t";
  const std::string id("\1\0\0\0", 4);
  const std::string head("\0\0", 2);  // status, no NULL
  const std::pair<const char*, std::string> rows[] = {
      {"text that is cut off", head + id +
                                   "\x05"
                                   "ab"},
      {"a length of 2^64 - 1", head + id + std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 9)},
      {"a length of 16 MiB", head + id +
                                 "\xfd\xff\xff\xff"
                                 "ab"},
      {"the text protocol's NULL", head + id + "\xfb"},
      {"the reserved length", head + id + "\xff"},
      {"a number that is cut off", head + id.substr(0, 2)},
      {"only the bitmap", head},
      {"only the status", std::string(1, '\0')},
      {"more than the columns", head + id +
                                    "\x02"
                                    "ab"
                                    "and more"}};
  for (const auto& [name, row] : rows) {
    SCOPED_TRACE(name);
    // Before it, a row as it should be: the library's buffer then holds what looks like values.
    std::string result = ResultHead({"id", "a"});
    MakeNumber(result, 5, 3);
    result += Packet(5, head + id +
                            "\x0c"
                            "abcdefghijkl");
    result += Packet(6, row) + EndOfRows(7);
    const auto proxy = Play(*source_, "EXECUTE " + select, LastBytes(result));
    const absl::Status status = ReadAll(*proxy, select, 2);
    EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
    EXPECT_EQ(proxy->answers(), 1);
  }
}

TEST_F(HostileRowsTest, AnswersToAPrepareAndAnExecute) {
  for (const char* step : {"PREPARE SELECT id", "EXECUTE SELECT id"}) {
    for (const Attack& attack : Attacks()) {
      if (absl::StartsWith(step, "P") && absl::StartsWith(attack.name, "asks")) continue;
      SCOPED_TRACE(absl::StrCat(attack.name, " in answer to ", step));
      const auto proxy = Play(*source_, step, attack.answer);
      const absl::Status status = ReadAll(*proxy, "SELECT id FROM d.t", 1);
      EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
      EXPECT_FALSE(HasControls(std::string(status.message()))) << status;
      EXPECT_EQ(proxy->answers(), 1);
      EXPECT_EQ(proxy->volunteered(), "");
    }
  }
}

// The statement's answer names a type that rows cannot have.
TEST_F(HostileRowsTest, UnknownTypesAreAnErrorOfTheSource) {
  const auto proxy = Play(*source_, "PREPARE SELECT", [](HostileProxy::Client& client) {
    std::string ok("\0\1\0\0\0\1\0\0\0\0\0\0", 12);  // statement 1, one column, no parameter
    std::string definition = ResultHead({"a"}).substr(5);
    definition[4 + static_cast<uint8_t>(definition[0]) - 6] = '\x99';
    client.Send(Packet(1, ok) + definition);
  });
  const absl::Status status = ReadAll(*proxy, "SELECT id FROM d.t", 1);
  EXPECT_EQ(FailureOf(status), Failure::kSource) << status;
}

// Results that are whole, and not of the shape that was asked for. Whether the run succeeds depends
// on what was asked (a server without views has no views); it does not crash, and lets no bug show.
TEST_F(HostileRunTest, ResultsOfAnotherShape) {
  const std::pair<const char*, std::string> shapes[] = {
      {"one column", TextResult({"x"}, {{"1"}})},
      {"OK", Packet(1, std::string("\0\0\0\2\0\0\0", 7))}};
  const std::pair<bool, const char*> places[] = {{true, "QUERY SHOW ALL SLAVES STATUS"},
                                                 {true, "information_schema.TABLES"},
                                                 {true, "information_schema.COLUMNS"},
                                                 {true, "information_schema.STATISTICS"},
                                                 {true, "information_schema.TRIGGERS"},
                                                 {true, "information_schema.ROUTINES"},
                                                 {true, "QUERY SHOW CREATE"},
                                                 {true, "QUERY SHOW GLOBAL VARIABLES"},
                                                 {true, "QUERY SHOW GRANTS"},
                                                 {true, "QUERY SHOW STATUS"},
                                                 {false, "QUERY SHOW GLOBAL VARIABLES"},
                                                 {false, "QUERY SHOW GRANTS"},
                                                 {false, "QUERY SHOW WARNINGS"},
                                                 {false, "QUERY SHOW CREATE"},
                                                 {false, "information_schema.TABLES"}};
  for (const auto& [at_source, place] : places) {
    for (const auto& [name, bytes] : shapes) {
      SCOPED_TRACE(absl::StrCat(name, " in answer to ", place));
      ASSERT_DONE(DropUserDatabases(*target_));
      const auto proxy = Play(at_source ? *source_ : *target_, place, Bytes(bytes));
      const ProcessResult result =
          RunCopy(EndsThrough(at_source ? proxy.get() : nullptr, at_source ? nullptr : proxy.get()),
                  folder_, kBriefly);
      EXPECT_LE(result.exit_code, 12) << result.standard_error;
      EXPECT_NE(result.exit_code, 1) << result.standard_error;
      EXPECT_FALSE(HasControls(result.standard_error));
      EXPECT_FALSE(HasControls(result.standard_output));
    }
  }
  ASSERT_DONE(DropUserDatabases(*target_));
}

// Servers that say that they are members of a cluster.
TEST_F(HostileRunTest, MembersOfOneClusterAreOneServer) {
  const auto member = [](const char* id) {
    return Bytes(TextResult({"Variable_name", "Value"}, {{"id", id}}));
  };
  for (const char* question : {"group_replication_group_name", "wsrep_cluster_state_uuid"}) {
    for (const char* of_target : {"one", "another"}) {
      SCOPED_TRACE(absl::StrCat(question, " ", of_target));
      const auto source = Play(*source_, question, member("one"));
      const auto target = Play(*target_, question, member(of_target));
      const ProcessResult result =
          RunCopy(EndsThrough(source.get(), target.get()), folder_, {"--target-not-empty", "drop"});
      EXPECT_GT(source->answers(), 0);
      if (of_target == std::string("one")) {
        EXPECT_TRUE(FailsWith(result, 3, {"SAME_SERVER", "one cluster"}));
      } else {
        EXPECT_TRUE(Succeeds(result));
      }
    }
  }
  ASSERT_DONE(DropUserDatabases(*target_));
}

}  // namespace
}  // namespace zdpipe
