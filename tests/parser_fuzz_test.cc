// What is read from files and servers, damaged in every way that a seed thinks of: parsers say no,
// or something, and never read outside of what they were given (the sanitizers look on).
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "engine/rows/wire_row.h"
#include "engine/schema/objects.h"
#include "engine/schema/rights.h"
#include "engine/schema/table_ddl.h"
#include "engine/server/option_file.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// ZDPIPE_TEST_ROUNDS=1000000 build/asan/tests/parser_fuzz_test, for as long as you like.
int Rounds() {
  int rounds = 0;
  const char* wanted = std::getenv("ZDPIPE_TEST_ROUNDS");
  return wanted != nullptr && absl::SimpleAtoi(wanted, &rounds) ? rounds : 20'000;
}

// Changes, takes out, doubles and puts in bytes; those that mean something come more often.
class Damage {
 public:
  explicit Damage(unsigned seed) : random_(seed) {}

  std::string Of(std::string text) {
    for (size_t changes = 1 + Below(6); changes > 0; --changes) {
      const size_t at = Below(text.size() + 1);
      switch (Below(5)) {
        case 0:
          text.insert(at, 1, Byte());
          break;
        case 1:
          if (at < text.size()) text[at] = Byte();
          break;
        case 2:
          text.erase(at, 1 + Below(8));
          break;
        case 3:
          text.insert(at, text.substr(Below(text.size() + 1), Below(40)));
          break;
        default:
          text.resize(at);
      }
    }
    return text;
  }

  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

 private:
  char Byte() {
    constexpr char kMeaning[] = "`'\"\\()[]!#;,.*/-= \n\t\xff\xfe\xfd\xfc\xfb";  // and its zero
    return Below(2) == 0 ? kMeaning[Below(sizeof(kMeaning))] : static_cast<char>(Below(256));
  }

  std::mt19937 random_;
};

// A copy without room behind it: reading on is an error that AddressSanitizer sees.
class Exact {
 public:
  explicit Exact(const std::string& text) : size_(text.size()), bytes_(new char[text.size()]) {
    text.copy(bytes_.get(), size_);
  }
  absl::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

TEST(ParserFuzzTest, OptionFiles) {
  const std::string file =
      "# c\n[client]\nuser = a\npassword=\"it\\'s #1\"\n[zdpipe_x]\nhost='h' # c\nskip-ssl\n"
      "loose-enable_x=\\n\\t\\\\\n";
  Damage damage(1);
  for (int i = 0; i < Rounds(); ++i) {
    const Exact text(damage.Of(file));
    const auto files = OptionFiles::Parse(text.view(), "fuzz");
    EXPECT_TRUE(files.ok() || FailureOf(files.status()) == Failure::kUsage) << files.status();
  }
}

TEST(ParserFuzzTest, TableDefinitions) {
  const std::string definition =
      "CREATE TABLE `t``x` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'it''s, (a)',\n"
      "  `b` varchar(10) DEFAULT '\\\\',\n  `c` int GENERATED ALWAYS AS (`id` + 1) VIRTUAL,\n"
      "  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`b`(3)) USING HASH,\n  FULLTEXT KEY `f` (`b`),\n"
      "  CONSTRAINT `fk` FOREIGN KEY (`c`) REFERENCES `o`.`p` (`q`) ON DELETE CASCADE,\n"
      "  CONSTRAINT `ck` CHECK (`id` > 0)\n) ENGINE=InnoDB AUTO_INCREMENT=7 /*!50100 PARTITION BY "
      "HASH (`id`) */ COMMENT='x'";
  TableInfo table;
  table.name = {"d", "t`x"};
  table.engine = "InnoDB";
  Damage damage(2);
  for (int i = 0; i < Rounds(); ++i) {
    const Exact text(damage.Of(definition));
    (void)SplitTableDdl(table, text.view(), DdlOptions());
  }
}

TEST(ParserFuzzTest, GrantsDefinersAndEvents) {
  const std::string grant =
      "GRANT SELECT (`a`, b), SHOW VIEW ON `sh\\_op`.* TO `u`@`%` WITH GRANT OPTION";
  const std::string event =
      "CREATE DEFINER=`a`@`%` EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE "
      "COMMENT 'x' DO SELECT 1 /* c */ -- d";
  DefinerPolicy current;
  current.kind = DefinerPolicy::Kind::kCurrent;
  Damage damage(3);
  for (int i = 0; i < Rounds(); ++i) {
    const Exact line(damage.Of(grant));
    (void)Rights::Parse({std::string(line.view())}).OnTable("SELECT", "shop", "t");
    (void)MatchesGrantPattern(line.view(), "sh_op");
    const Exact text(damage.Of(event));
    (void)DisableEvent(text.view());
    (void)ApplyDefiner(text.view(), current);
  }
}

// Every value is inside of the row, or the row is refused.
TEST(ParserFuzzTest, WireValues) {
  RowLayout layout;
  for (const WireType type : {WireType::kInt32, WireType::kBytes, WireType::kDateTime,
                              WireType::kDecimal, WireType::kInt8, WireType::kText}) {
    layout.columns.push_back({type, false});
  }
  constexpr char kRow[] =
      "\0\1\2\3\4\3abc\4\1\2\3\4\4"
      "1.50\7\2xy";
  const std::string row(kRow, sizeof(kRow) - 1);
  Damage damage(4);
  for (int i = 0; i < Rounds(); ++i) {
    const Exact bytes(damage.Of(row));
    const auto* position = reinterpret_cast<const uint8_t*>(bytes.view().data());
    const uint8_t* const end = position + bytes.view().size();
    for (const WireColumn& column : layout.columns) {
      WireValue value;
      if (!TakeValue(column.type, position, end, value)) break;
      ASSERT_LE(value.data + value.size, end);
      ASSERT_LE(position, end);
    }
  }
}

TEST(ParserFuzzTest, PrintableTextHasNoControls) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x1b[31m\xc2\x9b\xe2\x80\xae";
  Damage damage(5);
  for (int i = 0; i < Rounds(); ++i) {
    const Exact bytes(damage.Of(text));
    const std::string printable = Printable(bytes.view());
    for (size_t at = 0; at < printable.size(); ++at) {
      const auto byte = static_cast<unsigned char>(printable[at]);
      ASSERT_TRUE(byte >= 0x20 && byte != 0x7f);
      ASSERT_FALSE(byte == 0xc2 && static_cast<unsigned char>(printable[at + 1]) < 0xa0);
    }
    EXPECT_EQ(Printable(printable), printable);
  }
}

}  // namespace
}  // namespace zdpipe
