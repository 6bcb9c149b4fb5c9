// What the tests of `zdpipe copy` share: sources and targets, runs in the background, comparisons.
// Include tests/support/test_server.h beside it: the label of a test follows from that line.
#ifndef ZDPIPE_TESTS_COPY_HARNESS_H_
#define ZDPIPE_TESTS_COPY_HARNESS_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/server/session.h"
#include "engine/server/sql_text.h"
#include "tests/support/fingerprint.h"
#include "tests/support/process.h"
#include "tests/support/test_server.h"

namespace zdpipe {

#define ASSERT_DONE(expression)                    \
  do {                                             \
    const absl::Status done_status = (expression); \
    ASSERT_TRUE(done_status.ok()) << done_status;  \
  } while (false)

#define EXPECT_DONE(expression)                    \
  do {                                             \
    const absl::Status done_status = (expression); \
    EXPECT_TRUE(done_status.ok()) << done_status;  \
  } while (false)

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

constexpr std::chrono::seconds kAwaitLimit{60};

inline std::unique_ptr<TestServer> StartServer(const TestServerOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<TestServer>> server = TestServer::Start(options);
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

inline std::string Value(TestServer& server, const std::string& query) {
  const absl::StatusOr<std::string> value = server.Value(query);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or("(none)");
}

inline Strings Rows(TestServer& server, const std::string& query) {
  const absl::StatusOr<Strings> rows = server.Rows(query);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.value_or(Strings());
}

inline std::unique_ptr<Session> Connect(TestServer& server) {
  SessionOptions options;
  options.program_name = "zdpipe-test";
  absl::StatusOr<std::unique_ptr<Session>> session =
      Session::Connect(server.root(), End::kTarget, options);
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

inline bool Await(const std::function<bool()>& condition,
                  std::chrono::milliseconds limit = kAwaitLimit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Waits until a query's single value is `expected`.
inline bool AwaitValue(TestServer& server, const std::string& query, const std::string& expected,
                       std::chrono::milliseconds limit = kAwaitLimit) {
  const std::unique_ptr<Session> session = Connect(server);
  return session != nullptr &&
         Await([&] { return session->QueryValue(query).value_or("") == expected; }, limit);
}

// A server that says of itself what a replica with stopped threads says, and never was one: what
// a test writes to it is what the replica has.
inline absl::Status PretendStoppedReplica(TestServer& server) {
  return server.Sql(
      "CHANGE MASTER TO master_host='127.0.0.1', master_port=1, master_user='nobody', "
      "master_log_file='binlog.000042', master_log_pos=4711");
}

// Not by Rows, which escapes what is in names.
inline Strings UserDatabases(TestServer& server) {
  Strings databases;
  const std::unique_ptr<Session> session = Connect(server);
  if (session == nullptr) return databases;
  const auto names = session->Query(
      "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN "
      "('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1");
  EXPECT_TRUE(names.ok()) << names.status();
  if (!names.ok()) return databases;
  for (const auto& row : names->rows) databases.push_back(row[0].value_or(""));
  return databases;
}

// With foreign keys of all kinds in between.
inline absl::Status DropUserDatabases(TestServer& server) {
  const std::unique_ptr<Session> session = Connect(server);
  if (session == nullptr) return absl::InternalError("no session");
  ZDPIPE_RETURN_IF_ERROR(session->Execute("SET foreign_key_checks = 0"));
  for (const std::string& database : UserDatabases(server)) {
    ZDPIPE_RETURN_IF_ERROR(session->Execute("DROP DATABASE " + QuoteName(database)));
  }
  return absl::OkStatus();
}

// What differs, shortened; empty when nothing does. Events are disabled on the target by design.
inline std::string Differences(const std::map<std::string, std::string>& source,
                               const std::map<std::string, std::string>& target) {
  constexpr size_t kShown = 10;
  Strings lines;
  auto note = [&lines](const std::string& key, std::string a, std::string b) {
    if (absl::StartsWith(key, "event-status ")) return;
    lines.push_back(absl::StrCat(key, ":\n  source ", Printable(a.substr(0, 2000)), "\n  target ",
                                 Printable(b.substr(0, 2000))));
  };
  for (const auto& [key, value] : source) {
    const auto found = target.find(key);
    if (found == target.end()) {
      note(key, value, "(missing)");
    } else if (found->second != value) {
      note(key, value, found->second);
    }
  }
  for (const auto& [key, value] : target) {
    if (source.count(key) == 0) note(key, "(missing)", value);
  }
  const size_t count = lines.size();
  if (count > kShown) lines.resize(kShown);
  return count == 0 ? "" : absl::StrCat(count, " differences\n", absl::StrJoin(lines, "\n"));
}

// A killed server forgets which AUTO_INCREMENT values it had reserved.
inline std::string WithoutCounters(std::string definition) {
  static const std::regex counter(" AUTO_INCREMENT=[0-9]+");
  return std::regex_replace(definition, counter, "");
}

inline std::string Differences(TestServer& source, TestServer& target, const Strings& databases) {
  const auto expected = Fingerprint(source, databases);
  EXPECT_FALSE(expected.empty());
  return Differences(expected, Fingerprint(target, databases));
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  EXPECT_TRUE(file.good()) << path;
}

// A folder for the files of one test.
class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "/zdpipe-copy.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr) << pattern;
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return absl::StrCat(path_, "/", name); }

 private:
  std::string path_;
};

inline Json ParseJson(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << "no JSON: " << text.substr(0, 2000);
  return json.is_discarded() ? Json::object() : json;
}

// The options that name the two ends.
inline Strings Ends(const TestServer& source, const TestServer& target,
                    const std::string& user = "root") {
  return {"--no-defaults", "--from",         source.address(), "--from-user", user,
          "--to",          target.address(), "--to-user",      user};
}

// `ends`: what names the two servers; see above.
inline Strings CopyArgs(const Strings& ends, const Folder& folder, const Strings& more = {}) {
  Strings args = {"copy"};
  args.insert(args.end(), ends.begin(), ends.end());
  // An option may be given once only: those of the test win.
  auto otherwise = [&](const std::string& option, const std::string& value) {
    if (std::find(more.begin(), more.end(), option) != more.end()) return;
    args.insert(args.end(), {option, value});
  };
  otherwise("--handoff", folder / "handoff.json");
  otherwise("--report", folder / "report.json");
  otherwise("--progress", "none");
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

// Takes away the files of an earlier run: they must not be taken for those of this one.
inline ProcessResult RunCopy(const Strings& ends, const Folder& folder, const Strings& more = {},
                             const ProcessOptions& options = {}) {
  unlink((folder / "report.json").c_str());
  unlink((folder / "handoff.json").c_str());
  return RunZdpipe(CopyArgs(ends, folder, more), options);
}

inline Json Report(const Folder& folder) { return ParseJson(ReadFile(folder / "report.json")); }
inline Json Handoff(const Folder& folder) { return ParseJson(ReadFile(folder / "handoff.json")); }

inline size_t CountErrorLines(const std::string& standard_error) {
  size_t count = 0;
  for (absl::string_view line : absl::StrSplit(standard_error, '\n')) {
    if (absl::StartsWith(line, "zdpipe: error:")) ++count;
  }
  return count;
}

// Matches what every failure has to look like: the code, and one line that says why.
inline testing::AssertionResult FailsWith(const ProcessResult& result, int exit_code,
                                          const Strings& words = {}) {
  testing::AssertionResult failure = testing::AssertionFailure();
  failure << "exit code " << result.exit_code << ", stdout:\n"
          << result.standard_output << "stderr:\n"
          << result.standard_error;
  if (result.exit_code != exit_code) return failure << "expected exit code " << exit_code;
  if (CountErrorLines(result.standard_error) != 1) return failure << "expected one error line";
  const size_t begin = result.standard_error.find("zdpipe: error:");
  for (const std::string& word : words) {
    // The error line and its hint.
    if (!absl::StrContains(result.standard_error.substr(begin), word)) {
      return failure << "expected in the error: " << word;
    }
  }
  return testing::AssertionSuccess();
}

inline testing::AssertionResult Succeeds(const ProcessResult& result) {
  if (result.exit_code == 0 && CountErrorLines(result.standard_error) == 0) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "exit code " << result.exit_code << ", stdout:\n"
                                     << result.standard_output << "stderr:\n"
                                     << result.standard_error;
}

// zdpipe at work while the test does something else.
class BackgroundZdpipe {
 public:
  explicit BackgroundZdpipe(const Strings& args, int signal = 0) {
    ProcessOptions options;
    options.signal = signal;
    options.signal_when_file_appears = folder_ / "signal";
    options.continue_when_file_appears = folder_ / "continue";
    result_ = std::async(std::launch::async, [args, options] { return RunZdpipe(args, options); });
  }

  // Sends the signal that was named.
  void Signal() { WriteFile(folder_ / "signal", "now"); }
  // After SIGSTOP.
  void Continue() { WriteFile(folder_ / "continue", "now"); }
  bool ended() const {
    return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  ProcessResult Wait() { return result_.get(); }

 private:
  Folder folder_;
  std::future<ProcessResult> result_;
};

// Holds up everything that writes to a server, until it is destroyed.
class WriteLock {
 public:
  explicit WriteLock(TestServer& server) : session_(Connect(server)) {
    EXPECT_DONE(session_->Execute("FLUSH TABLES WITH READ LOCK"));
  }
  void Release() {
    if (session_ != nullptr) EXPECT_DONE(session_->Execute("UNLOCK TABLES"));
    session_.reset();
  }
  ~WriteLock() { Release(); }

 private:
  std::unique_ptr<Session> session_;
};

// SQL for a table of about `mebibytes` MiB: rows of 1 KiB, three columns to index.
inline std::string BigTableSql(const std::string& name, size_t mebibytes,
                               const std::string& keys = "") {
  const size_t rows = mebibytes * 1024;
  return absl::StrCat(
      "CREATE TABLE ", name, " (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT, c VARCHAR(64), ",
      "pad VARCHAR(1000) CHARACTER SET latin1", keys, ");\nINSERT INTO ", name,
      " (a, b, c, pad) SELECT seq, CRC32(seq) % 100000, MD5(seq), REPEAT(CHAR(97 + seq % 26), 940) "
      "FROM seq_1_to_",
      rows, ";\nANALYZE TABLE ", name, ";\n");
}

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_COPY_HARNESS_H_
