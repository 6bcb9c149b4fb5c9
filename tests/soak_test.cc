// Random databases, copied while random faults hit the servers, the connections and zdpipe itself,
// resumed until the copy is done, then compared whole: nothing lost, nothing twice.
//
// Environment: ZDPIPE_TEST_SEED is the seed of the first round, each further round has the next
// number (default: random, printed); ZDPIPE_SOAK_MINUTES how long (default 1). See scripts/soak.sh.
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/copy_harness.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_schema.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Nothing may hang longer: the limits of a run below, an attempt to connect, and the sanitizers.
constexpr std::chrono::seconds kRunEndsWithin{100};
constexpr int kMostRuns = 60;  // of one copy

double NumberFromEnvironment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtod(text, nullptr);
}

class SoakTest : public testing::Test {
 protected:
  void SetUp() override {
    source_ = StartServer({.args = {"--skip-slave-start"}, .binlog = true});
    target_ = StartServer({.args = {"--innodb-flush-log-at-trx-commit=1"}});
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(PretendStoppedReplica(*source_));
  }

  uint64_t Random(uint64_t below) { return random_() % below; }
  void SleepRandomly(int most_milliseconds) {
    std::this_thread::sleep_for(milliseconds(Random(static_cast<uint64_t>(most_milliseconds))));
  }

  // What is wrong after a copy of the random databases of `seed`; "" when nothing is.
  std::string Round(uint64_t seed) {
    random_.seed(seed);
    RandomSqlOutcome outcome;
    const absl::Status made = RunRandomSql(*source_, RandomSchemaSql(seed), outcome);
    if (!made.ok()) return made.ToString();
    const absl::Status more = source_->Sql(absl::StrCat(
        "CREATE DATABASE soak; USE soak;", BigTableSql("big", 8 + Random(8), ", KEY (a), KEY (c)"),
        "CREATE TABLE keyless (a INT, b VARCHAR(300)) ENGINE=InnoDB;"
        "INSERT INTO keyless SELECT seq % 5, REPEAT('k', 200) FROM seq_1_to_",
        10'000 + Random(20'000),
        "; CREATE TABLE my ENGINE=MyISAM AS SELECT * FROM keyless LIMIT 9000;"));
    if (!more.ok()) return more.ToString();
    const absl::Status kept = KeepMemoryTables();
    if (!kept.ok()) return kept.ToString();
    auto source = FaultProxy::Start(source_->port());
    auto target = FaultProxy::Start(target_->port());
    if (!source.ok() || !target.ok()) return "no proxy";
    source_proxy_ = *std::move(source);
    target_proxy_ = *std::move(target);

    const Folder folder;
    bool resume = false;
    for (int run = 0; run < kMostRuns; ++run) {
      // The last runs are left alone.
      const bool faults = run < kMostRuns / 2;
      ProcessResult result;
      const std::string hung = RunOnce(folder, resume, faults, result);
      if (!hung.empty()) return hung;
      ++exits_[result.exit_code];
      last_words_ = absl::StrCat("exit code ", result.exit_code, "\n", result.standard_error);
      switch (result.exit_code) {
        case 0:
          return Compare(folder);
        case 4:
        case 5:
        case 10:
        case 128 + SIGKILL:
          break;
        case 11:  // a server that has not noticed the end of its client
          std::this_thread::sleep_for(milliseconds(500));
          break;
        default:
          return absl::StrCat("exit code ", result.exit_code, "\n", result.standard_error);
      }
      resume = true;
      // Whatever a fault has left stopped.
      for (TestServer* server : {source_.get(), target_.get()}) {
        const absl::Status up = server->Value("SELECT 1").status();
        if (!up.ok()) {
          return absl::StrCat("a server is down: ", up.ToString(), "\n", server->error_log());
        }
      }
    }
    return absl::StrCat("not done after ", kMostRuns, " runs; the last one:\n", last_words_);
  }

  // MEMORY tables lose their rows when a server is killed, on the source and later on the target.
  absl::Status KeepMemoryTables() {
    const std::unique_ptr<Session> session = Connect(*source_);
    if (session == nullptr) return absl::InternalError("no session");
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result tables,
        session->Query("SELECT table_schema, table_name FROM information_schema.tables WHERE "
                       "engine = 'MEMORY' AND table_schema <> 'information_schema'"));
    session->TrySet("check_constraint_checks = 0");
    for (const auto& row : tables.rows) {
      const std::string name = QuoteName(row[0].value_or(""), row[1].value_or(""));
      const std::string alter = absl::StrCat("ALTER TABLE ", name, " ENGINE=");
      absl::Status kept = session->ExecuteWithWarnings(alter + "Aria").status();
      if (ServerErrnoOf(kept) == kErrKeyTooLong) {  // more than Aria's 2,300 bytes
        kept = session->ExecuteWithWarnings(alter + "InnoDB").status();
      }
      ZDPIPE_RETURN_IF_ERROR(kept);
    }
    return absl::OkStatus();
  }

  // One zdpipe with its faults; text when it hangs.
  std::string RunOnce(const Folder& folder, bool resume, bool faults, ProcessResult& result) {
    Strings more = {"--range-bytes", "1MiB",  "--jobs",      std::to_string(1 + Random(3)),
                    "--memory",      "64MiB", "--rate",      absl::StrCat(4 + Random(12), "MiB"),
                    "--io-timeout",  "2s",    "--retry-for", absl::StrCat(2 + Random(8), "s")};
    if (resume) more.push_back("--resume");
    const int signal = Random(2) == 0 ? SIGKILL : SIGINT;
    BackgroundZdpipe copy(
        CopyArgs({"--no-defaults", "--from", source_proxy_->address(), "--from-user", "root",
                  "--to", target_proxy_->address(), "--to-user", "root"},
                 folder, more),
        signal);
    const auto start = Clock::now();
    for (int faults_left = faults ? static_cast<int>(1 + Random(5)) : 0;
         faults_left > 0 && !copy.ended(); --faults_left) {
      SleepRandomly(1000);
      if (copy.ended()) break;
      const bool of_source = Random(3) == 0;
      if (Random(11) == 0) {
        last_fault_ = "zdpipe signalled";
        ++faults_[last_fault_];
        copy.Signal();
        break;  // a second one is not sent
      }
      Strike(of_source ? *source_proxy_ : *target_proxy_, of_source ? *source_ : *target_);
    }
    if (!Await([&] { return copy.ended(); }, kRunEndsWithin)) {
      return absl::StrCat(
          "a run hangs for ",
          std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start).count(),
          " s after: ", last_fault_);
    }
    result = copy.Wait();
    return "";
  }

  void Strike(FaultProxy& proxy, TestServer& server) {
    const std::string end = &server == source_.get() ? "source" : "target";
    auto struck = [&](const std::string& what) {
      last_fault_ = absl::StrCat(what, " (", end, ")");
      ++faults_[last_fault_];
    };
    uint64_t fault = Random(9);
    // Nobody sends the source a COMMIT that could be cut.
    if (&server == source_.get() && fault >= 1 && fault <= 3) fault = 0;
    switch (fault) {
      case 0:
        struck("connections cut");
        return proxy.CutAll();
      case 1:
        struck("cut before COMMIT");
        return proxy.CutBeforeNextCommit();
      case 2:
      case 3:
        struck("cut after COMMIT");
        return proxy.CutAfterNextCommit();
      case 4: {
        struck("half-open connection");
        const size_t connections = proxy.connections();
        if (connections > 0) proxy.Stall(Random(connections));
        return;
      }
      case 5:
        struck("stall");
        proxy.StallAll();
        SleepRandomly(5000);
        return proxy.Resume();
      case 6:
        struck("refused connections");
        proxy.RefuseNew(true);
        proxy.CutAll();
        SleepRandomly(4000);
        return proxy.RefuseNew(false);
      case 7:
        struck("server killed");
        server.Kill9();
        SleepRandomly(1000);
        EXPECT_DONE(server.Restart());
        return;
      default:
        struck("server stopped (SIGSTOP)");
        server.Pause();
        SleepRandomly(5000);
        return server.Resume();
    }
  }

  std::string Compare(const Folder& folder) {
    if (Handoff(folder)["usable"] != true) return "the handoff is not usable";
    // What a fault at the very end may leave behind must say that the run has ended.
    if (target_->Value("SELECT state FROM zdpipe.run").value_or("") == "done") {
      const absl::Status dropped = target_->Sql("DROP DATABASE zdpipe");
      if (!dropped.ok()) return dropped.ToString();
    }
    const auto expected = Facts(*source_);
    for (const auto& [key, value] : expected) {
      if (absl::StartsWith(key, "table ") && absl::EndsWith(key, " content")) {
        rows_ += std::strtoull(value.c_str(), nullptr, 10);
        ++tables_;
      }
    }
    return Differences(expected, Facts(*target_));
  }

  // Without CHECKSUM TABLE, see property_test; without counters, of which a killed source forgets
  // what was reserved only.
  static std::map<std::string, std::string> Facts(TestServer& server) {
    std::map<std::string, std::string> facts = Fingerprint(server, UserDatabases(server));
    for (auto fact = facts.begin(); fact != facts.end();) {
      const bool checksum = absl::EndsWith(fact->first, " checksum");
      if (!checksum) fact->second = WithoutCounters(std::move(fact->second));
      fact = checksum ? facts.erase(fact) : std::next(fact);
    }
    return facts;
  }

  std::unique_ptr<TestServer> source_;
  std::unique_ptr<TestServer> target_;
  std::unique_ptr<FaultProxy> source_proxy_;  // of the round
  std::unique_ptr<FaultProxy> target_proxy_;
  std::mt19937_64 random_;
  std::string last_fault_ = "nothing";
  std::string last_words_;  // of the last run
  std::map<std::string, int> faults_;
  std::map<int, int> exits_;
  uint64_t rows_ = 0;
  uint64_t tables_ = 0;
};

TEST_F(SoakTest, NothingIsLostAndNothingIsThereTwice) {
  const auto first = static_cast<uint64_t>(NumberFromEnvironment(
      "ZDPIPE_TEST_SEED", static_cast<double>(std::random_device()() % 1'000'000'000)));
  const double minutes = NumberFromEnvironment("ZDPIPE_SOAK_MINUTES", 1);
  std::cout << "ZDPIPE_TEST_SEED=" << first << " ZDPIPE_SOAK_MINUTES=" << minutes << std::endl;
  const auto end = Clock::now() + std::chrono::duration<double, std::ratio<60>>(minutes);
  uint64_t rounds = 0;
  for (; rounds == 0 || Clock::now() < end; ++rounds) {
    ASSERT_DONE(DropUserDatabases(*source_));
    ASSERT_DONE(DropUserDatabases(*target_));
    const std::string problem = Round(first + rounds);
    // Half-open connections of processes that did not come to the end of the copy.
    source_proxy_.reset();
    target_proxy_.reset();
    std::cout << "round " << rounds << ", seed " << first + rounds << ": "
              << (problem.empty() ? "equal" : "FAILED") << std::endl;
    // What a fault has stopped must not keep the next round from starting.
    ASSERT_EQ(problem, "") << "seed " << first + rounds << ", last fault: " << last_fault_
                           << "; to run it again: ZDPIPE_TEST_SEED=" << first + rounds
                           << " ZDPIPE_SOAK_MINUTES=0";
  }
  int faults = 0;
  for (const auto& [fault, count] : faults_) {
    std::cout << count << " x " << fault << "\n";
    faults += count;
  }
  std::cout << "exit codes:";
  for (const auto& [code, count] : exits_) std::cout << " " << code << " (" << count << ")";
  std::cout << "\nrounds " << rounds << ", faults survived " << faults << ", tables compared "
            << tables_ << ", rows compared " << rows_ << std::endl;
}

}  // namespace
}  // namespace zdpipe
