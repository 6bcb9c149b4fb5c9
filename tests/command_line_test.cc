#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/json_output.h"
#include "cli/progress_view.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<std::variant<CommandLine, HelpText>> Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "zdpipe");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
}

std::vector<std::string> Copy(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"copy", "--no-defaults", "--from", "h1:1", "--to", "h2:2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

CopyOptions ParsedCopy(std::vector<std::string> more) {
  auto parsed = Parse(Copy(std::move(more)));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? std::get<CommandLine>(*parsed).copy : CopyOptions();
}

TEST(CommandLineTest, DefaultsAreThoseOfTheStoppedReplica) {
  const CopyOptions copy = ParsedCopy({});

  EXPECT_EQ(copy.source_state, SourceState::kStoppedReplica);
  EXPECT_EQ(copy.verify, VerifyMode::kRows);
  EXPECT_EQ(copy.memory_bytes, uint64_t{256} << 20);
  EXPECT_EQ(copy.range_bytes, uint64_t{16} << 20);
  EXPECT_EQ(copy.handoff_path, "handoff.json");
  EXPECT_FALSE(copy.drop_target);
  EXPECT_TRUE(copy.indexes_after);
}

TEST(CommandLineTest, SizesHaveUnits) {
  EXPECT_EQ(ParsedCopy({"--memory", "1GiB"}).memory_bytes, uint64_t{1} << 30);
  EXPECT_EQ(ParsedCopy({"--range-bytes", "4MiB"}).range_bytes, uint64_t{4} << 20);
}

TEST(CommandLineTest, EnvironmentIsUsedAndOptionsWinOverIt) {
  setenv("ZDPIPE_VERIFY", "none", 1);
  const VerifyMode from_environment = ParsedCopy({}).verify;
  const VerifyMode from_option = ParsedCopy({"--verify", "counts"}).verify;
  unsetenv("ZDPIPE_VERIFY");

  EXPECT_EQ(from_environment, VerifyMode::kNone);
  EXPECT_EQ(from_option, VerifyMode::kCounts);
}

TEST(CommandLineTest, DatabasesAreCommaSeparated) {
  EXPECT_THAT(ParsedCopy({"--databases", "a,b c"}).selection.databases,
              testing::ElementsAre("a", "b c"));
}

TEST(CommandLineTest, DefinerTakesAUserAtAHost) {
  const DefinerPolicy policy = ParsedCopy({"--definer", "admin@10.%"}).definer;

  EXPECT_EQ(policy.kind, DefinerPolicy::Kind::kReplace);
  EXPECT_EQ(policy.user, "admin");
  EXPECT_EQ(policy.host, "10.%");
}

TEST(CommandLineTest, PasswordsAreRefusedAndNotRepeated) {
  for (const std::string argument :
       {"--password=hunter2", "--from-password=hunter2", "-phunter2"}) {
    const auto parsed = Parse(Copy({argument}));

    ASSERT_FALSE(parsed.ok()) << argument;
    EXPECT_EQ(FailureOf(parsed.status()), Failure::kUsage);
    EXPECT_THAT(parsed.status().ToString(), Not(HasSubstr("hunter2")));
  }
}

TEST(CommandLineTest, BadInputIsAUsageError) {
  const std::vector<std::vector<std::string>> bad = {
      {},
      {"frob"},
      {"copy", "--from", "a"},
      Copy({"--jobs", "0"}),
      Copy({"--jobs", "many"}),
      Copy({"--memory", "lots"}),
      Copy({"--verify", "perhaps"}),
      Copy({"--definer", "nobody"}),
      Copy({"--no-such-option"}),
  };
  for (const auto& arguments : bad) {
    const auto parsed = Parse(arguments);
    ASSERT_FALSE(parsed.ok()) << testing::PrintToString(arguments);
    EXPECT_EQ(FailureOf(parsed.status()), Failure::kUsage);
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("\n")));
  }
}

TEST(CommandLineTest, HelpIsText) {
  auto parsed = Parse({"copy", "--help"});

  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(std::get<HelpText>(*parsed).text, HasSubstr("--target-not-empty"));
}

TEST(ProgressViewTest, FormatsForPeople) {
  EXPECT_EQ(FormatBytes(512), "512 B");
  EXPECT_EQ(FormatBytes(1.5 * 1024 * 1024), "1.5 MiB");
  EXPECT_EQ(FormatCount(12345), "12.3 k");
  EXPECT_EQ(FormatSeconds(3.14), "3.1s");
  EXPECT_EQ(FormatSeconds(62), "1m02s");
  EXPECT_EQ(FormatSeconds(3723), "1h02m03s");
}

TEST(ProgressViewTest, EtaFollowsFromTheAverageRate) {
  ProgressView view;
  EXPECT_EQ(EtaSeconds(view), std::nullopt);

  view.seconds = 10;
  view.bytes = 100;
  view.bytes_total_estimate = 300;

  EXPECT_DOUBLE_EQ(EtaSeconds(view).value_or(0), 20);
}

TEST(JsonOutputTest, BytesThatAreNotUtf8DoNotBreakTheDocument) {
  CopyReport report;
  report.status = MakeError(Failure::kTarget, "name \xff\xfe");
  report.notes = {"\xc3\x28"};

  EXPECT_THAT(ReportJson(report), HasSubstr("\"exit_code\": 5"));
}

}  // namespace
}  // namespace zdpipe
