// `zdpipe copy` of random databases: whatever a server holds, the target has the same afterwards.
//
// Environment: ZDPIPE_TEST_SEED is the seed of the first round, each further round has the next
// number (default: random, printed); ZDPIPE_TEST_ROUNDS how many. A round that fails names its
// seed and leaves its SQL in a file.
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/copy_harness.h"
#include "tests/support/random_schema.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// About 25 s on two cores.
constexpr uint64_t kDefaultRounds = 7;

uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

class PropertyTest : public testing::Test {
 protected:
  void SetUp() override {
    source_ = StartServer();
    target_ = StartServer();
    ASSERT_NE(source_, nullptr);
    ASSERT_NE(target_, nullptr);
    ASSERT_DONE(PretendStoppedReplica(*source_));
  }

  // What differs after a copy of the random databases of `seed`; "" when nothing does.
  std::string Round(uint64_t seed) {
    const std::vector<RandomStatement> statements = RandomSchemaSql(seed);
    RandomSqlOutcome outcome;
    const absl::Status status = RunRandomSql(*source_, statements, outcome);
    total_.Add(outcome);
    if (!status.ok()) return status.ToString();

    // More than one range of the padded tables, more than one loader for them.
    const Folder folder;
    const ProcessResult copied =
        RunCopy(Ends(*source_, *target_), folder,
                {"--range-bytes", "1MiB", "--jobs", std::to_string(1 + seed % 4), "--indexes",
                 seed % 5 == 0 ? "inline" : "after"});
    if (copied.exit_code != 0) {
      return absl::StrCat("exit code ", copied.exit_code, "\n", copied.standard_error);
    }
    const Json report = Report(folder);
    for (const Json& table : report["tables"]) {
      if (table["verify"] != "equal") return absl::StrCat("not verified: ", table.dump());
      if (table["ranges"] > 1) ++tables_of_several_ranges_;
      rows_ += table["rows"].get<uint64_t>();
    }
    const auto expected = Facts(*source_);
    for (const auto& [key, value] : expected) {
      // A comparison of nothing. Periods that have names of their own are in `content`.
      if (absl::StartsWith(key, "table ") && !absl::EndsWith(key, " history") &&
          absl::StartsWith(value, "error ")) {
        return absl::StrCat("not compared: ", key, ": ", value);
      }
    }
    return Differences(expected, Facts(*target_));
  }

  // Without CHECKSUM TABLE: MariaDB 10.11 takes bits into it that hold nothing, where a TIMESTAMP
  // NULL has become NOT NULL through its key.
  static std::map<std::string, std::string> Facts(TestServer& server) {
    std::map<std::string, std::string> facts = Fingerprint(server, UserDatabases(server));
    for (auto fact = facts.begin(); fact != facts.end();) {
      fact = absl::EndsWith(fact->first, " checksum") ? facts.erase(fact) : std::next(fact);
    }
    return facts;
  }

  static void Keep(uint64_t seed) {
    const std::string path = absl::StrCat(testing::TempDir(), "/zdpipe-property-", seed, ".sql");
    std::string sql;
    for (const RandomStatement& statement : RandomSchemaSql(seed)) {
      absl::StrAppend(&sql, statement.sql, "//\n");
    }
    WriteFile(path, "DELIMITER //\n" + sql);
    std::cerr << "The SQL of this round is in " << path << "; to run it again:\n"
              << "  ZDPIPE_TEST_SEED=" << seed << " ZDPIPE_TEST_ROUNDS=1 property_test\n";
  }

  void ExpectEnoughWasMade(uint64_t rounds) {
    for (const auto& [kind, count] : total_.made) {
      std::cout << kind << ": " << count << " made, " << total_.refused[kind] << " refused\n";
    }
    std::cout << "rows: " << rows_ << ", tables of several ranges: " << tables_of_several_ranges_
              << "\n";
    const bool all = std::getenv("ZDPIPE_TEST_REFUSALS") != nullptr;
    for (const std::string& refusal : total_.refusals) {
      if (all) std::cout << refusal << "\n";
    }
    for (const char* kind : {"database", "table", "rows", "view", "procedure", "function",
                             "trigger", "sequence", "event", "package"}) {
      EXPECT_GE(total_.made[kind], total_.refused[kind]) << kind;
    }
    EXPECT_GE(total_.made["table"], 8 * rounds);
    EXPECT_GE(rows_, 150 * rounds);
  }

  std::unique_ptr<TestServer> source_;
  std::unique_ptr<TestServer> target_;
  RandomSqlOutcome total_;
  uint64_t rows_ = 0;
  uint64_t tables_of_several_ranges_ = 0;
};

TEST_F(PropertyTest, RandomDatabasesAreCopiedAsTheyAre) {
  const uint64_t first =
      NumberFromEnvironment("ZDPIPE_TEST_SEED", std::random_device()() % 1'000'000'000);
  const uint64_t rounds = NumberFromEnvironment("ZDPIPE_TEST_ROUNDS", kDefaultRounds);
  std::cout << "ZDPIPE_TEST_SEED=" << first << " ZDPIPE_TEST_ROUNDS=" << rounds << std::endl;
  for (uint64_t seed = first; seed < first + rounds; ++seed) {
    ASSERT_DONE(DropUserDatabases(*source_));
    ASSERT_DONE(DropUserDatabases(*target_));
    const std::string problem = Round(seed);
    if (problem.empty()) continue;
    ADD_FAILURE() << "seed " << seed << ": " << problem;
    Keep(seed);
  }
  ExpectEnoughWasMade(rounds);
}

}  // namespace
}  // namespace zdpipe
