#include "engine/server/option_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

using Values = std::map<std::string, std::string>;

Values ClientValues(absl::string_view text) {
  const absl::StatusOr<OptionFiles> files = OptionFiles::Parse(text, "test.cnf");
  EXPECT_TRUE(files.ok()) << files.status();
  return files.ok() ? files->Group("client") : Values();
}

std::string ClientValue(absl::string_view line) {
  const Values values = ClientValues(absl::StrCat("[client]\n", line, "\n"));
  const auto found = values.find("password");
  return found == values.end() ? "(no password)" : found->second;
}

// The message of the error that reading `text` gives; it must be kUsage.
std::string ParseError(absl::string_view text) {
  const absl::Status status = OptionFiles::Parse(text, "test.cnf").status();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  return std::string(status.message());
}

// A folder that is $HOME while the test runs.
class OptionFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "zdpipe-options.XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const char* home = getenv("HOME");
    if (home != nullptr) old_home_ = home;
    setenv("HOME", folder_.c_str(), 1);
  }
  void TearDown() override {
    setenv("HOME", old_home_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    return path;
  }

  absl::StatusOr<OptionFiles> ReadOnly(const std::string& path) {
    OptionFileChoice choice;
    choice.defaults_file = path;
    return OptionFiles::Read(choice);
  }

  std::string folder_;
  std::string old_home_;
};

TEST(OptionFileTest, KeysAndValuesBelongToTheirGroup) {
  const auto files = OptionFiles::Parse(
      "# head\n"
      "[client]\n"
      "user=me\n"
      "  port = 3307  \r\n"
      "; a comment\n"
      "compress\n"
      "\n"
      " [source-slave]   # the replica\n"
      "host = db1\n"
      "[empty]\n"
      "[client]\n"
      "user = you",
      "test.cnf");
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Group("client"), (Values{{"user", "you"}, {"port", "3307"}, {"compress", ""}}));
  EXPECT_EQ(files->Group("source-slave"), (Values{{"host", "db1"}}));
  EXPECT_TRUE(files->HasGroup("empty"));
  EXPECT_FALSE(files->HasGroup("db1"));
  EXPECT_EQ(files->Group("db1"), Values());
  EXPECT_EQ(files->files(), std::vector<std::string>{"test.cnf"});
}

TEST(OptionFileTest, PlaceAndBareKeysAreKnown) {
  const auto files = OptionFiles::Parse("[client]\npassword\nuser=\n", "test.cnf");
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Place("client", "user"), "test.cnf:3");
  EXPECT_EQ(files->Place("client", "host"), "");
  EXPECT_TRUE(files->IsBare("client", "password"));
  EXPECT_FALSE(files->IsBare("client", "user"));
}

TEST(OptionFileTest, QuotesAreTakenOffAndKeepWhatIsInThem) {
  EXPECT_EQ(ClientValue("password = \"a b \" "), "a b ");
  EXPECT_EQ(ClientValue("password='x\"y'"), "x\"y");
  EXPECT_EQ(ClientValue("password=\"abc\"def"), "\"abc\"def");
  EXPECT_EQ(ClientValue("password=\"abc'"), "\"abc'");
  EXPECT_EQ(ClientValue("password=\""), "\"");
  EXPECT_EQ(ClientValue("password=\"\""), "");
  EXPECT_EQ(ClientValue("password==a="), "=a=");
}

TEST(OptionFileTest, CommentStartsAfterASpaceAndOutsideQuotes) {
  EXPECT_EQ(ClientValue("password=ab #cd"), "ab");
  EXPECT_EQ(ClientValue("password=ab\t# cd"), "ab");
  EXPECT_EQ(ClientValue("password=ab#cd"), "ab#cd");
  EXPECT_EQ(ClientValue("password=\"ab # cd\"   # more"), "ab # cd");
  EXPECT_EQ(ClientValue("password= # nothing"), "");
  // As for the clients, an unclosed quote hides the comment.
  EXPECT_EQ(ClientValue("password=it's #no"), "it's #no");
  EXPECT_EQ(ClientValue("password=\"a\\\" #b\" #c"), "a\" #b");
  EXPECT_EQ(ClientValue("password=a;b"), "a;b");
}

TEST(OptionFileTest, EscapesAreResolved) {
  EXPECT_EQ(ClientValue("password=a\\tb\\nc\\rd\\be\\\\f\\sg"), "a\tb\nc\rd\be\\f g");
  EXPECT_EQ(ClientValue("password='\\s'"), " ");
  EXPECT_EQ(ClientValue("password=\\\\s"), "\\s");
  EXPECT_EQ(ClientValue("password=C:\\dir\\"), "C:\\dir\\");
  EXPECT_EQ(ClientValue("password=\"\\\"\""), "\"");
}

TEST(OptionFileTest, KeysHaveOneSpelling) {
  EXPECT_EQ(ClientValues("[client]\nssl_ca=a\nloose-ssl-cert=b\nloose_ssl_key=c\ndisable-ssl\n"
                         "enable-compress\n"),
            (Values{{"ssl-ca", "a"},
                    {"ssl-cert", "b"},
                    {"ssl-key", "c"},
                    {"skip-ssl", ""},
                    {"compress", ""}}));
}

TEST(OptionFileTest, LastOfKeyAndSkipKeyWins) {
  EXPECT_EQ(ClientValues("[client]\nssl\nskip-ssl\n"), (Values{{"skip-ssl", ""}}));
  EXPECT_EQ(ClientValues("[client]\nskip-ssl\nssl=1\n"), (Values{{"ssl", "1"}}));
}

TEST(OptionFileTest, GarbageIsRefusedWithItsLineAndWithoutItsText) {
  for (const std::string garbage :
       {"sesame open", "sesame open = 1", "=sesame", "[sesame", "[] sesame", "[x] sesame",
        "!sesame", "!includesesame x", "\"sesame\"=1", "se\x01same"}) {
    const std::string message = ParseError(absl::StrCat("[client]\nuser=x\n", garbage, "\n"));
    EXPECT_TRUE(absl::StrContains(message, "test.cnf:3")) << garbage << " -> " << message;
    EXPECT_FALSE(absl::StrContains(message, "sesame")) << message;
  }
  EXPECT_TRUE(absl::StrContains(ParseError("password=sesame\n[client]\n"), "test.cnf:1"));
  EXPECT_TRUE(absl::StrContains(ParseError("[client]\n!include \n"), "names nothing"));
  EXPECT_TRUE(absl::StrContains(ParseError("[client]\n!includedir\n"), "names nothing"));
  EXPECT_TRUE(
      absl::StrContains(ParseError(std::string("[client]\npassword=a\0b\n", 22)), "test.cnf:2"));
}

TEST(OptionFileTest, MessagesCannotWriteToTheTerminal) {
  const absl::Status status = OptionFiles::Parse("x", "\x1b[2J").status();
  EXPECT_FALSE(absl::StrContains(status.message(), "\x1b"));
}

TEST_F(OptionFilesTest, UserFileIsReadLast) {
  Write(".my.cnf", "[zdpipe_test]\nuser=home\nport=1\n");
  OptionFileChoice choice;
  choice.defaults_extra_file = Write("extra.cnf", "[zdpipe_test]\nuser=extra\nhost=extra\n");

  const auto files = OptionFiles::Read(choice);

  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Group("zdpipe_test"),
            (Values{{"user", "home"}, {"port", "1"}, {"host", "extra"}}));
  // The global files of this machine come first.
  ASSERT_GE(files->files().size(), 2u);
  EXPECT_EQ(files->files().end()[-2], choice.defaults_extra_file);
  EXPECT_EQ(files->files().end()[-1], folder_ + "/.my.cnf");
}

TEST_F(OptionFilesTest, DefaultsFileIsTheOnlyOne) {
  Write(".my.cnf", "[zdpipe_test]\nuser=home\n");
  Write("only.cnf", "[zdpipe_test]\nhost=only\n");
  const auto files = ReadOnly("~/only.cnf");
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Group("zdpipe_test"), (Values{{"host", "only"}}));
  EXPECT_EQ(files->files(), std::vector<std::string>{folder_ + "/only.cnf"});
}

TEST_F(OptionFilesTest, NoDefaultsReadsNothing) {
  Write(".my.cnf", "[zdpipe_test]\nuser=home\n");
  OptionFileChoice choice;
  choice.no_defaults = true;
  choice.defaults_extra_file = Write("extra.cnf", "[zdpipe_test]\nuser=extra\n");
  const auto files = OptionFiles::Read(choice);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_TRUE(files->files().empty());
  EXPECT_FALSE(files->HasGroup("zdpipe_test"));
}

TEST_F(OptionFilesTest, NamedFileThatIsNotThereIsAnError) {
  const absl::Status only = ReadOnly(folder_ + "/none.cnf").status();
  EXPECT_EQ(FailureOf(only), Failure::kUsage);
  EXPECT_TRUE(absl::StrContains(only.message(), "/none.cnf")) << only;

  OptionFileChoice choice;
  choice.defaults_extra_file = folder_ + "/none.cnf";
  EXPECT_EQ(FailureOf(OptionFiles::Read(choice).status()), Failure::kUsage);
}

TEST_F(OptionFilesTest, UserFileThatCannotBeReadIsAnError) {
  std::filesystem::create_directory(folder_ + "/.my.cnf");  // works for root too
  const absl::Status status = OptionFiles::Read({}).status();
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  EXPECT_TRUE(absl::StrContains(status.message(), "/.my.cnf")) << status;
}

TEST_F(OptionFilesTest, WorldWritableFileIsRefused) {
  const std::string path = Write("open.cnf", "[client]\n");
  chmod(path.c_str(), 0666);
  const absl::Status status = ReadOnly(path).status();
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  EXPECT_EQ(HintOf(status), "chmod o-w " + path);
}

TEST_F(OptionFilesTest, IncludedFilesTakeTheirPlace) {
  const std::string inner = Write("inner.cnf", "[other]\nhost=inner\n[client]\nuser=inner\n");
  const std::string path =
      Write("outer.cnf", "[client]\nuser=outer\n!include " + inner + "\nport=1\n");
  const auto files = ReadOnly(path);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Group("client"), (Values{{"user", "inner"}, {"port", "1"}}));
  EXPECT_EQ(files->Group("other"), (Values{{"host", "inner"}}));
  EXPECT_EQ(files->files(), (std::vector<std::string>{path, inner}));
  EXPECT_EQ(files->Place("client", "user"), inner + ":4");
}

TEST_F(OptionFilesTest, FolderIsIncludedInOrderOfNames) {
  Write("conf.d/20.cnf", "[client]\nuser=twenty\n");
  Write("conf.d/10.cnf", "[client]\nuser=ten\nport=10\n");
  Write("conf.d/30.cnf.bak", "garbage that is not read\n");
  const auto files = ReadOnly(Write("outer.cnf", "!includedir " + folder_ + "/conf.d/\n"));
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->Group("client"), (Values{{"user", "twenty"}, {"port", "10"}}));
  EXPECT_EQ(files->files().size(), 3u);
}

TEST_F(OptionFilesTest, IncludedFileThatIsNotThereIsAnError) {
  const std::string path = Write("outer.cnf", "[client]\n!include " + folder_ + "/none.cnf\n");
  const absl::Status status = ReadOnly(path).status();
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  EXPECT_TRUE(absl::StrContains(status.message(), "outer.cnf:2")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "none.cnf")) << status;

  const std::string other = Write("other.cnf", "!includedir " + folder_ + "/none\n");
  EXPECT_EQ(FailureOf(ReadOnly(other).status()), Failure::kUsage);
}

TEST_F(OptionFilesTest, FilesThatIncludeEachOtherAreRefused) {
  const std::string path = folder_ + "/loop.cnf";
  Write("loop.cnf", "!include " + path + "\n!include " + path + "\n");
  const absl::Status status = ReadOnly(path).status();
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  EXPECT_TRUE(absl::StrContains(status.message(), "include each other")) << status.message();
}

TEST_F(OptionFilesTest, HugeFileIsRefused) {
  const absl::Status status = ReadOnly(Write("huge.cnf", std::string(2 << 20, '#'))).status();
  EXPECT_EQ(FailureOf(status), Failure::kUsage);
}

}  // namespace
}  // namespace zdpipe
