// The way of a row without any server: wire form, batch, range, digest, keys, and what is planned
// and scheduled around them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/rows/digest.h"
#include "engine/rows/range.h"
#include "engine/rows/row_batch.h"
#include "engine/rows/wire_row.h"
#include "engine/schema/key_segments.h"
#include "engine/schema/table_ddl.h"
#include "engine/schema/table_plan.h"
#include "pipeline/resources.h"
#include "pipeline/table_queue.h"

namespace zdpipe {
namespace {

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937_64;

// A value of a test row: nothing, or the bytes that a cursor has to give back.
struct Value {
  bool null = false;
  Bytes bytes;
};

// Property tests run under these seeds; a failure names its own (SCOPED_TRACE).
constexpr uint64_t kSeeds = 200;

size_t Below(Random& random, size_t limit) {
  return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
}

void AppendNumber(Bytes& to, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to.push_back(static_cast<uint8_t>(number >> (8 * i)));
}

// "Protocol::LengthEncodedInteger" of the servers' documentation.
void AppendLength(Bytes& to, size_t length) {
  if (length < 251) {
    AppendNumber(to, length, 1);
  } else if (length < (size_t{1} << 16)) {
    AppendNumber(to, 252, 1);
    AppendNumber(to, length, 2);
  } else if (length < (size_t{1} << 24)) {
    AppendNumber(to, 253, 1);
    AppendNumber(to, length, 3);
  } else {
    AppendNumber(to, 254, 1);
    AppendNumber(to, length, 8);
  }
}

bool IsTemporal(WireType type) {
  return type == WireType::kDate || type == WireType::kTime || type == WireType::kDateTime;
}

// A row as a server sends it, written from the protocol's description and not from wire_row.h.
Bytes Encode(const RowLayout& layout, const std::vector<Value>& values) {
  Bytes row((layout.columns.size() + 9) / 8, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    const WireType type = layout.columns[i].type;
    if (values[i].null) {
      row[(i + 2) / 8] |= static_cast<uint8_t>(1 << ((i + 2) % 8));
      continue;
    }
    if (IsTemporal(type)) {
      row.push_back(static_cast<uint8_t>(values[i].bytes.size()));
    } else if (FixedWidth(type) == 0) {
      AppendLength(row, values[i].bytes.size());
    }
    row.insert(row.end(), values[i].bytes.begin(), values[i].bytes.end());
  }
  return row;
}

Bytes RandomBytes(Random& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

RowLayout RandomLayout(Random& random) {
  RowLayout layout;
  const size_t width = 1 + Below(random, 40);
  for (size_t i = 0; i < width; ++i) {
    layout.columns.push_back({static_cast<WireType>(Below(random, 13)), Below(random, 2) == 1});
  }
  return layout;
}

Value RandomValue(Random& random, WireType type) {
  Value value;
  value.null = Below(random, 4) == 0;
  if (value.null) return value;
  size_t size = FixedWidth(type);
  if (type == WireType::kTime) {
    constexpr size_t kSizes[] = {0, 8, 12};
    size = kSizes[Below(random, 3)];
  } else if (IsTemporal(type)) {
    constexpr size_t kSizes[] = {0, 4, 7, 11};
    size = kSizes[Below(random, 4)];
  } else if (size == 0) {
    // Where the length needs another form.
    constexpr size_t kSizes[] = {0, 1, 250, 251, 252, 255, 256, 65535, 65536};
    size = Below(random, 3) == 0 ? kSizes[Below(random, 9)] : Below(random, 300);
  }
  value.bytes = RandomBytes(random, size);
  return value;
}

Bytes BytesOf(const WireValue& value) { return Bytes(value.data, value.data + value.size); }

// A row that says which one it is: 8 bytes of number, then filling.
Bytes NumberedRow(uint64_t number, size_t size) {
  Bytes row(std::max<size_t>(size, 8), static_cast<uint8_t>(number));
  std::memcpy(row.data(), &number, 8);
  return row;
}

TEST(WireRowTest, CursorGivesBackWhatWasEncoded) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const RowLayout layout = RandomLayout(random);
    std::vector<Value> values;
    for (const WireColumn& column : layout.columns) {
      values.push_back(RandomValue(random, column.type));
    }
    const Bytes row = Encode(layout, values);

    ValueCursor cursor(layout, row);
    for (size_t i = 0; i < values.size(); ++i) {
      const WireValue value = cursor.Next();
      ASSERT_EQ(value.is_null(), values[i].null) << "column " << i;
      if (values[i].null) continue;
      ASSERT_EQ(BytesOf(value), values[i].bytes) << "column " << i;
    }
  }
}

TEST(WireRowTest, LengthOfThreeAndEightBytesIsRead) {
  for (const size_t size : {size_t{65536}, (size_t{1} << 24) - 1, size_t{1} << 24}) {
    const RowLayout layout = {{{WireType::kBytes, false}, {WireType::kInt8, false}}};
    const Bytes row = Encode(layout, {{false, Bytes(size, 'x')}, {false, {42}}});
    ValueCursor cursor(layout, row);
    EXPECT_EQ(cursor.Next().size, size);
    EXPECT_EQ(*cursor.Next().data, 42);
  }
}

TEST(WireRowTest, EmptyValueIsNotNull) {
  const RowLayout layout = {{{WireType::kBytes, false}, {WireType::kBytes, false}}};
  const Bytes row = Encode(layout, {{false, {}}, {true, {}}});
  ValueCursor cursor(layout, row);
  EXPECT_FALSE(cursor.Next().is_null());
  EXPECT_TRUE(cursor.Next().is_null());
}

TEST(WireRowTest, EveryCutOffRowIsMalformed) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const auto type = static_cast<WireType>(Below(random, 13));
    Value value = RandomValue(random, type);
    if (value.null) continue;
    const RowLayout layout = {{{type, false}}};
    const Bytes row = Encode(layout, {value});
    const uint8_t* const begin = row.data() + layout.bitmap_bytes();
    for (size_t cut = 0; cut < row.size() - layout.bitmap_bytes(); cut += 1 + cut / 16) {
      const uint8_t* position = begin;
      WireValue taken;
      ASSERT_FALSE(TakeValue(type, position, begin + cut, taken)) << "cut at " << cut;
    }
    const uint8_t* position = begin;
    WireValue taken;
    ASSERT_TRUE(TakeValue(type, position, row.data() + row.size(), taken));
    ASSERT_EQ(position, row.data() + row.size());
  }
}

TEST(WireRowTest, LengthsThatPointOutsideAreMalformed) {
  for (const Bytes& bytes : {Bytes{251}, Bytes{255}, Bytes{252, 1}, Bytes{253, 0, 0},
                             Bytes{254, 255, 255, 255, 255, 255, 255, 255, 255}, Bytes{3, 'a', 'b'},
                             Bytes{252, 255, 255, 'a'}}) {
    const uint8_t* position = bytes.data();
    WireValue value;
    EXPECT_FALSE(TakeValue(WireType::kBytes, position, bytes.data() + bytes.size(), value))
        << testing::PrintToString(bytes);
  }
}

TEST(WireRowTest, OnlyEnumZeroesAreEnumErrors) {
  const Value zero = {false, Bytes(8, 0)};
  const Value one = {false, {1, 0, 0, 0, 0, 0, 0, 0}};
  const Value high = {false, {0, 0, 0, 0, 0, 0, 0, 1}};
  const Value null = {true, {}};
  const RowLayout layout = {{{WireType::kEnum, true},
                             {WireType::kInt64, true},
                             {WireType::kEnum, true},
                             {WireType::kEnum, true}}};
  EXPECT_EQ(CountEnumErrors(layout, Encode(layout, {zero, zero, zero, one})), 2u);
  EXPECT_EQ(CountEnumErrors(layout, Encode(layout, {null, zero, high, one})), 0u);
}

TEST(RowBatchTest, TakesAllThatFitsAndGivesItBack) {
  RowBatch batch(4 * (100 + RowBatch::kRowOverheadBytes));
  for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(batch.Append(NumberedRow(i, 100))) << i;
  EXPECT_FALSE(batch.Append(NumberedRow(4, 8)));
  ASSERT_EQ(batch.rows(), 4u);
  EXPECT_EQ(batch.row_bytes(), 400u);
  EXPECT_EQ(batch.SpanBytes(1, 2), 200u);
  EXPECT_EQ(batch.SpanBytes(1, 0), 0u);
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(std::ranges::equal(batch.row(i), NumberedRow(i, 100))) << i;
  }
}

TEST(RowBatchTest, EmptyRowsCostOnlyTheirEnd) {
  RowBatch batch(40);
  size_t rows = 0;
  while (batch.Append({})) ++rows;
  EXPECT_EQ(rows, 40 / RowBatch::kRowOverheadBytes);
  EXPECT_EQ(batch.row(rows - 1).size(), 0u);
}

TEST(RowBatchTest, GrowsForOneHugeRowAndShrinksAgain) {
  RowBatch batch(1000);
  ASSERT_TRUE(batch.Append(NumberedRow(7, 50000)));
  EXPECT_GE(batch.memory_bytes(), 50000u);
  EXPECT_TRUE(std::ranges::equal(batch.row(0), NumberedRow(7, 50000)));
  EXPECT_FALSE(batch.Append(NumberedRow(8, 8)));
  batch.Clear();
  EXPECT_LE(batch.memory_bytes(), 1000u);
  EXPECT_TRUE(batch.Append(NumberedRow(9, 8)));
  batch.Release();
  EXPECT_EQ(batch.memory_bytes(), 0u);
  EXPECT_TRUE(batch.Append(NumberedRow(10, 8)));
}

TEST(RangeTest, AllRowsComeBackInOrderWithinTheBounds) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    RangeSizes sizes;
    sizes.batch_bytes = 64 + Below(random, 2000);
    sizes.range_bytes = sizes.batch_bytes * (1 + Below(random, 6)) + Below(random, 100);
    Range range(sizes);
    uint64_t next = 0;  // the row that has to come back next
    Digest all;

    auto take = [&] {
      size_t memory = 0;
      uint64_t rows = 0;
      for (const RowBatch& batch : range.batches()) {
        memory += batch.memory_bytes();
        for (size_t i = 0; i < batch.rows(); ++i, ++next, ++rows) {
          uint64_t number = 0;
          std::memcpy(&number, batch.row(i).data(), 8);
          ASSERT_EQ(number, next);
        }
      }
      ASSERT_EQ(rows, range.rows());
      // A row that does not fit a batch is alone in its range; nothing else exceeds the sizes.
      ASSERT_TRUE(memory <= sizes.range_bytes || range.rows() == 1) << memory;
      ASSERT_TRUE(std::ranges::equal(
          range.last_row(), range.batches().back().row(range.batches().back().rows() - 1)));
      all.Add(range.digest());
      range.Clear();
    };

    Digest expected;
    const uint64_t rows = 1 + Below(random, 400);
    for (uint64_t number = 0; number < rows; ++number) {
      const size_t limit = Below(random, 20) == 0 ? 3 * sizes.batch_bytes : sizes.batch_bytes / 4;
      const Bytes row = NumberedRow(number, Below(random, limit + 1));
      expected.Add(row);
      if (!range.Append(row)) {
        ASSERT_GT(range.rows(), 0u) << "an empty range takes any row";
        take();
        ASSERT_TRUE(range.Append(row)) << "row " << number;
      }
    }
    take();
    EXPECT_EQ(next, rows);
    EXPECT_EQ(all, expected);
  }
}

TEST(RangeTest, RowOfExactlyTheBatchFits) {
  Range range({.range_bytes = 2000, .batch_bytes = 1000});
  const size_t largest = 1000 - RowBatch::kRowOverheadBytes;
  EXPECT_TRUE(range.Append(NumberedRow(0, largest)));
  EXPECT_TRUE(range.Append(NumberedRow(1, largest)));
  EXPECT_FALSE(range.Append(NumberedRow(2, 8)));
  EXPECT_EQ(range.row_bytes(), 2 * largest);
}

TEST(RangeTest, RowLargerThanABatchStaysAlone) {
  Range range({.range_bytes = 4000, .batch_bytes = 1000});
  ASSERT_TRUE(range.Append(NumberedRow(0, 8)));
  EXPECT_FALSE(range.Append(NumberedRow(1, 1000)));
  range.Clear();
  ASSERT_TRUE(range.Append(NumberedRow(1, 1000)));
  EXPECT_FALSE(range.Append(NumberedRow(2, 8)));
  EXPECT_EQ(range.rows(), 1u);
}

TEST(RangeTest, ClearForgetsWhatTheReaderSet) {
  Range range({.range_bytes = 4000, .batch_bytes = 1000});
  ASSERT_TRUE(range.Append(NumberedRow(0, 8)));
  range.number = 7;
  range.enum_error_values = 3;
  range.Release();
  EXPECT_EQ(range.rows(), 0u);
  EXPECT_EQ(range.number, 0u);
  EXPECT_EQ(range.enum_error_values, 0u);
  EXPECT_EQ(range.digest(), Digest());
  EXPECT_TRUE(range.batches().empty());
}

Digest DigestOf(const std::vector<std::string>& rows) {
  Digest digest;
  for (const std::string& row : rows) {
    digest.Add(WireRow(reinterpret_cast<const uint8_t*>(row.data()), row.size()));
  }
  return digest;
}

TEST(DigestTest, DoesNotDependOnTheOrder) {
  EXPECT_EQ(DigestOf({"a", "b", "c"}), DigestOf({"c", "a", "b"}));
}

TEST(DigestTest, SeesWhatIsDifferent) {
  const std::vector<std::vector<std::string>> sets = {
      {},          {""},        {"a"},      {"a", "a"},      {"a", "a", "a"},
      {"b", "b"},  {"ab"},      {"a", "b"}, {"a", "a", "b"}, {"a", "b\0"},
      {"aa", "b"}, {"a", "ab"}, {"", "ab"}, {"ba"},          {"a", "b", ""}};
  for (size_t i = 0; i < sets.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (sets[i] == sets[j]) continue;
      EXPECT_NE(DigestOf(sets[i]), DigestOf(sets[j])) << i << " and " << j;
    }
  }
}

TEST(DigestTest, SumOfPartsIsTheWhole) {
  Digest sum = DigestOf({"a", "b"});
  sum.Add(DigestOf({"c"}));
  EXPECT_EQ(sum, DigestOf({"a", "b", "c"}));
  EXPECT_EQ(sum.rows(), 3u);
  EXPECT_EQ(sum.Hex().size(), 32u);
  EXPECT_EQ(Digest().Hex(), std::string(32, '0'));
}

TableInfo Table(const std::vector<ColumnInfo>& columns, const std::vector<std::string>& key) {
  TableInfo table;
  table.name = {"d", "t`x"};
  table.engine = "InnoDB";
  table.columns = columns;
  if (!key.empty()) table.key = {"PRIMARY", key};
  return table;
}

ColumnInfo Column(const std::string& name, const std::string& type) {
  ColumnInfo column;
  column.name = name;
  column.data_type = type;
  column.full_type = type;
  return column;
}

TablePlan Plan(const TableInfo& table) {
  const Version version = ParseVersion("10.11.6-MariaDB");
  return PlanTable(table, version, version);
}

TEST(TablePlanTest, GeneratedColumnsAreComparedWithoutThoseOfAPeriod) {
  ColumnInfo generated = Column("g", "int");
  ColumnInfo start = Column("s", "timestamp");
  ColumnInfo end = Column("e", "timestamp");
  generated.generated = start.generated = end.generated = true;
  TableInfo table = Table({Column("a", "int"), generated, start, end}, {"a"});
  table.system_versioned = true;
  table.row_start = "s";
  table.row_end = "e";
  ColumnInfo of_rows = Column("d", "double");
  of_rows.generated = of_rows.stored = true;
  table.columns.push_back(of_rows);
  EXPECT_EQ(PlanGenerated(table, false).select, "SELECT `g` FROM `d`.`t``x` FOR SYSTEM_TIME ALL");
  EXPECT_EQ(PlanGenerated(table, true).select,
            "SELECT `d` + 0 FROM `d`.`t``x` FOR SYSTEM_TIME ALL");
}

TEST(TablePlanTest, NamesEveryColumnButGeneratedOnes) {
  ColumnInfo generated = Column("g", "int");
  generated.generated = true;
  const TablePlan plan = Plan(
      Table({Column("a`b", "int"), generated, Column("e", "enum"), Column("s", "set")}, {"a`b"}));
  EXPECT_EQ(plan.insert_head, "INSERT INTO `d`.`t``x` (`a``b`, `e`, `s`) VALUES ");
  EXPECT_EQ(
      plan.select,
      "SELECT `a``b`, CAST(`e` AS UNSIGNED) | 0, CAST(`s` AS UNSIGNED) | 0 FROM `d`.`t``x` FORCE "
      "INDEX (`PRIMARY`) ORDER BY `a``b`");
  EXPECT_THAT(plan.roles,
              testing::ElementsAre(ColumnRole::kPlain, ColumnRole::kEnum, ColumnRole::kSet));
}

TEST(TablePlanTest, CurrentRowsEndAsTheTargetEndsThem) {
  TableInfo table = Table({Column("a", "int")}, {"a"});
  table.system_versioned = true;
  table.row_start = "row_start";
  table.row_end = "row_end";
  const Version before = ParseVersion("11.4.2-MariaDB");
  const Version since = ParseVersion("11.5.2-MariaDB");
  const auto expressions = [&](const Version& from, const Version& to) {
    const std::string select = PlanTable(table, from, to).scan;
    return select.substr(0, select.find(" FROM "));
  };
  EXPECT_EQ(expressions(before, before), "SELECT `a`, `row_start`, `row_end`");
  EXPECT_EQ(expressions(since, since), "SELECT `a`, `row_start`, `row_end`");
  EXPECT_EQ(expressions(before, since),
            "SELECT `a`, `row_start`, IF(`row_end` = TIMESTAMP'2038-01-19 03:14:07.999999', "
            "TIMESTAMP'2106-02-07 06:28:15.999999', `row_end`)");
  EXPECT_EQ(expressions(since, before),
            "SELECT `a`, `row_start`, IF(`row_end` = TIMESTAMP'2106-02-07 06:28:15.999999', "
            "TIMESTAMP'2038-01-19 03:14:07.999999', `row_end`)");
}

TEST(SelectSegmentTest, GoesOnBehindAKeyWithARangeOfTheIndex) {
  const TableInfo one = Table({Column("a", "bigint")}, {"a"});
  EXPECT_EQ(SelectSegment(one, Plan(one), {}, 0, "(18446744073709551615)"),
            "SELECT `a` FROM `d`.`t``x` FORCE INDEX (`PRIMARY`) WHERE `a` >= "
            "18446744073709551615 AND `a` > 18446744073709551615 ORDER BY `a`");
  const TableInfo three = Table(
      {Column("a", "int"), Column("b", "decimal"), Column("c", "varbinary")}, {"c", "a", "b"});
  EXPECT_EQ(SelectSegment(three, Plan(three), {}, 0, "(X'2C20', -5, 1.50)"),
            "SELECT `a`, `b`, `c` FROM `d`.`t``x` FORCE INDEX (`PRIMARY`) WHERE `c` >= X'2C20' AND "
            "(`c` > X'2C20' OR (`c` = X'2C20' AND (`a` > -5 OR (`a` = -5 AND `b` > 1.50)))) ORDER "
            "BY `c`, `a`, `b`");
}

TEST(SelectSegmentTest, GoesOnBehindAKeyOnlyWhereTheOrderIsBeyondDoubt) {
  for (const char* type : {"varchar", "char", "float", "double", "enum", "set", "bit", "year",
                           "datetime", "timestamp", "uuid", "inet6"}) {
    const TableInfo table = Table({Column("a", "int"), Column("b", type)}, {"a", "b"});
    EXPECT_EQ(SelectSegment(table, Plan(table), {}, 0, "(1, 2)"), std::nullopt) << type;
    EXPECT_TRUE(HasCertainOrder(table, Plan(table), 1)) << type;
    EXPECT_FALSE(HasCertainOrder(table, Plan(table), 2)) << type;
  }
  TableInfo table = Table({Column("a", "int")}, {"a"});
  for (const char* damaged : {"", "(", "(1", "(1, 2)", "1)"}) {
    EXPECT_EQ(SelectSegment(table, Plan(table), {}, 0, damaged), std::nullopt) << damaged;
  }
  table.system_versioned = true;
  table.row_start = "row_start";
  table.row_end = "row_end";
  EXPECT_EQ(SelectSegment(table, Plan(table), {}, 0, "(1, '2038-01-19 03:14:07.999999')"),
            std::nullopt);
  const TableInfo keyless = Table({Column("a", "int")}, {});
  EXPECT_EQ(SelectSegment(keyless, Plan(keyless), {}, 0, ""), std::nullopt);
}

TEST(SelectSegmentTest, EachSegmentBeginsWhereTheOneBeforeEnds) {
  const TableInfo table = Table({Column("a", "int"), Column("b", "varchar")}, {"a", "b"});
  const TablePlan plan = Plan(table);
  EXPECT_EQ(SelectSegment(table, plan, {}, 0, std::nullopt), plan.select);
  const std::optional<KeySegments> cuts = KeySegments::FromText("-5, 10");
  ASSERT_TRUE(cuts.has_value());
  ASSERT_EQ(cuts->count(), 3u);
  const auto where = [&](size_t segment) {
    const std::string select = *SelectSegment(table, plan, *cuts, segment, std::nullopt);
    const size_t begin = select.find(" WHERE ") + 7;
    return select.substr(begin, select.find(" ORDER BY ") - begin);
  };
  EXPECT_EQ(where(0), "`a` < -5");
  EXPECT_EQ(where(1), "`a` >= -5 AND `a` < 10");
  EXPECT_EQ(where(2), "`a` >= 10");
  // Goes on inside a segment, and not beyond it.
  const TableInfo one = Table({Column("a", "int")}, {"a"});
  EXPECT_EQ(SelectSegment(one, Plan(one), *cuts, 1, "(7)"),
            "SELECT `a` FROM `d`.`t``x` FORCE INDEX (`PRIMARY`) WHERE `a` >= -5 AND `a` < 10 AND "
            "`a` >= 7 AND `a` > 7 ORDER BY `a`");
}

TEST(KeySegmentsTest, ComeBackFromTheirTextAndFromNoOther) {
  EXPECT_EQ(KeySegments().Text(), "");
  for (const char* text :
       {"", "0", "-9223372036854775808, -1, 0, 18446744073709551615", "X'00', X'0001', X'80ff'"}) {
    const std::optional<KeySegments> segments = KeySegments::FromText(text);
    ASSERT_TRUE(segments.has_value()) << text;
    EXPECT_EQ(segments->Text(), text);
  }
  for (const char* text : {",",
                           " ",
                           "1,2",
                           "1, ",
                           "2, 1",
                           "1, 1",
                           "1 OR 1",
                           "01",
                           "+1",
                           "1.5",
                           "NULL",
                           "X''",
                           "X'0'",
                           "X'0g'",
                           "X'01",
                           "X'02', X'01'",
                           "X'01', 5",
                           "5, X'06'",
                           "'1'",
                           "18446744073709551616",
                           "-9223372036854775809"}) {
    EXPECT_EQ(KeySegments::FromText(text), std::nullopt) << text;
  }
}

TEST(DigestTest, ComesBackFromItsText) {
  Digest digest;
  digest.AddHash(absl::MakeUint128(0x0123456789abcdef, 0xfedcba9876543210));
  EXPECT_EQ(Digest::FromHex(digest.Hex(), 1), digest);
  EXPECT_NE(Digest::FromHex(digest.Hex(), 2), digest);
  for (const char* damaged : {"", "0", "zz23456789abcdeffedcba9876543210"}) {
    EXPECT_EQ(Digest::FromHex(damaged, 1), std::nullopt) << damaged;
  }
}

TEST(TablePlanTest, NoOrderWithoutAClusteredKey) {
  TableInfo table = Table({Column("a", "int")}, {"a"});
  table.engine = "MyISAM";
  EXPECT_FALSE(absl::StrContains(Plan(table).select, "ORDER BY"));
  EXPECT_FALSE(absl::StrContains(Plan(Table({Column("a", "int")}, {})).select, "ORDER BY"));
}

TEST(KeyLiteralTest, IsWhatSqlUnderstands) {
  struct Case {
    WireColumn column;
    Bytes bytes;
    std::string charset;
    std::string literal;
  };
  const Bytes ones(8, 0xff);
  const std::vector<Case> cases = {
      {{WireType::kInt8, false}, {0x80}, "", "(-128)"},
      {{WireType::kInt8, true}, {0xff}, "", "(255)"},
      {{WireType::kInt16, false}, {0, 0x80}, "", "(-32768)"},
      {{WireType::kInt32, true}, Bytes(4, 0xff), "", "(4294967295)"},
      {{WireType::kInt64, false}, ones, "", "(-1)"},
      {{WireType::kInt64, true}, ones, "", "(18446744073709551615)"},
      {{WireType::kEnum, true}, {2, 0, 0, 0, 0, 0, 0, 0}, "", "(2)"},
      {{WireType::kDecimal, false}, {'-', '1', '.', '5'}, "", "(-1.5)"},
      {{WireType::kBytes, false}, {0, '\'', '\\'}, "", "(X'00275c')"},
      {{WireType::kBytes, false}, {0xe4}, "latin1", "(_latin1 X'e4')"},
      {{WireType::kBytes, false}, {}, "utf8mb4", "(_utf8mb4 '')"},
      {{WireType::kDate, false}, {}, "", "('0000-00-00')"},
      {{WireType::kDate, false}, {0x0f, 0x27, 12, 31}, "", "('9999-12-31')"},
      {{WireType::kDateTime, false}, {0xe8, 7, 2, 29}, "", "('2024-02-29 00:00:00.000000')"},
      {{WireType::kDateTime, false},
       {0xe8, 7, 2, 29, 23, 59, 58, 1, 0, 0, 0},
       "",
       "('2024-02-29 23:59:58.000001')"},
      {{WireType::kTime, false}, {1, 34, 0, 0, 0, 22, 59, 59}, "", "('-838:59:59.000000')"},
      {{WireType::kText, false}, {':', ':', '1'}, "", "('::1')"},
  };
  for (const Case& c : cases) {
    const RowLayout layout = {{{WireType::kInt8, false}, c.column}};
    TablePlan plan;
    plan.key = {{1, c.charset}};
    const std::string literal =
        KeyLiteral(plan, layout, Encode(layout, {{true, {}}, {false, c.bytes}}));
    EXPECT_TRUE(absl::EqualsIgnoreCase(literal, c.literal)) << literal << " is not " << c.literal;
  }
}

TEST(KeyLiteralTest, CompositeKeyIsInKeyOrder) {
  const RowLayout layout = {{{WireType::kInt8, false}, {WireType::kInt8, false}}};
  TablePlan plan;
  plan.key = {{1, ""}, {0, ""}};
  EXPECT_EQ(KeyLiteral(plan, layout, Encode(layout, {{false, {1}}, {false, {2}}})), "(2, 1)");
  plan.key.clear();
  EXPECT_EQ(KeyLiteral(plan, layout, Encode(layout, {{false, {1}}, {false, {2}}})), "");
}

std::vector<TableInfo> TablesOfSizes(const std::vector<uint64_t>& sizes) {
  std::vector<TableInfo> tables;
  for (const uint64_t size : sizes) {
    TableInfo table;
    table.name = {"d", absl::StrCat("t", tables.size())};
    table.data_bytes_estimate = size;
    tables.push_back(table);
  }
  return tables;
}

TEST(TableQueueTest, LargestTableComesFirstEachOnce) {
  const std::vector<TableInfo> tables = TablesOfSizes({5, 100, 7, 100});
  TableQueue queue(tables, 2, 4);
  std::vector<std::string> order;
  while (const TableInfo* table = queue.Take()) order.push_back(table->name.name);
  EXPECT_THAT(order, testing::ElementsAre("t1", "t3", "t2", "t0"));
  EXPECT_EQ(queue.Take(), nullptr);
}

TEST(TableQueueTest, IndexesMakeATableLarger) {
  std::vector<TableInfo> tables = TablesOfSizes({100, 60, 90, 10});
  tables[1].index_bytes_estimate = 80;
  tables[3].index_bytes_estimate = 85;
  TableQueue queue(tables, 2, 4);
  std::vector<std::string> order;
  while (const TableInfo* table = queue.Take()) order.push_back(table->name.name);
  EXPECT_THAT(order, testing::ElementsAre("t1", "t0", "t3", "t2"));
}

TEST(TableQueueTest, SmallTablesAreTakenFromTheEndAndOnlyThose) {
  const std::vector<TableInfo> tables =
      TablesOfSizes({kLargeTableBytes, 10, kLargeTableBytes - 1, 2 * kLargeTableBytes});
  TableQueue queue(tables, 2, 4);
  std::vector<std::string> order;
  while (const TableInfo* table = queue.TakeSmall()) order.push_back(table->name.name);
  EXPECT_THAT(order, testing::ElementsAre("t1", "t2"));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.LoadersPerLane(), 1u);  // the lanes that take any table are not idle
  EXPECT_EQ(queue.Take()->name.name, "t3");
  EXPECT_EQ(queue.Take()->name.name, "t0");
  // One that is not small after all is for the others only.
  queue.PutBack(tables[1]);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.TakeSmall(), nullptr);
  EXPECT_EQ(queue.Take()->name.name, "t1");
  EXPECT_TRUE(queue.empty());
}

TEST(TableQueueTest, IdleLanesGiveTheirLoadersAway) {
  const std::vector<TableInfo> tables = TablesOfSizes({3, 2});
  TableQueue queue(tables, 4, 4);
  ASSERT_NE(queue.Take(), nullptr);
  ASSERT_NE(queue.Take(), nullptr);
  queue.BeginRows();
  queue.BeginRows();
  EXPECT_EQ(queue.LoadersPerLane(), 1u);
  EXPECT_EQ(queue.Take(), nullptr);
  EXPECT_EQ(queue.Take(), nullptr);
  EXPECT_EQ(queue.LoadersPerLane(), 2u);
  queue.EndRows();
  EXPECT_EQ(queue.Take(), nullptr);  // its lane ends
  EXPECT_EQ(queue.LoadersPerLane(), 4u);
  EXPECT_TRUE(queue.rows_left());
  queue.EndRows();
  EXPECT_FALSE(queue.rows_left());
}

TEST(TableQueueTest, LanesNeverHaveMoreLoadersThanThereAre) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const size_t lanes = 1 + Below(random, 8);
    const size_t loaders = lanes + Below(random, 8);
    const std::vector<TableInfo> tables =
        TablesOfSizes(std::vector<uint64_t>(1 + Below(random, 20), 1));
    TableQueue queue(tables, lanes, loaders);
    size_t with_rows = 0;
    size_t ended = 0;
    for (int step = 0; step < 200 && ended < lanes; ++step) {
      if (with_rows > 0 && Below(random, 2) == 0) {
        queue.EndRows();
        --with_rows;
      } else if (with_rows + ended < lanes) {
        if (queue.Take() == nullptr) {
          ++ended;
        } else {
          queue.BeginRows();
          ++with_rows;
        }
      }
      ASSERT_GE(queue.LoadersPerLane(), 1u);
      ASSERT_LE(with_rows * queue.LoadersPerLane(), loaders);
    }
  }
}

TEST(TableQueueTest, LanesInParallelTakeEveryTableOnce) {
  const std::vector<TableInfo> tables = TablesOfSizes(std::vector<uint64_t>(5000, 1));
  TableQueue queue(tables, 4, 4);
  std::vector<std::vector<const TableInfo*>> taken(4);
  std::vector<std::thread> lanes;
  for (auto& mine : taken) {
    lanes.emplace_back([&queue, &mine] {
      while (const TableInfo* table = queue.Take()) {
        queue.BeginRows();
        mine.push_back(table);
        (void)queue.LoadersPerLane();
        queue.EndRows();
      }
    });
  }
  for (std::thread& lane : lanes) lane.join();
  std::vector<const TableInfo*> all;
  for (const auto& mine : taken) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), tables.size());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  EXPECT_FALSE(queue.rows_left());
}

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(PlanResourcesTest, StaysWithinTheMemory) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const uint64_t memory = kMiB * (1 + Below(random, 2000));
    const uint64_t range = kMiB + Below(random, 64 * kMiB);
    const size_t jobs = Below(random, 70);
    const size_t cores = Below(random, 70);
    const absl::StatusOr<Resources> plan = PlanResources(memory, range, jobs, cores);
    if (!plan.ok()) {
      EXPECT_EQ(FailureOf(plan.status()), Failure::kUsage);
      continue;
    }
    EXPECT_GE(plan->jobs, 1u);
    EXPECT_GE(plan->ranges, jobs == 0 ? plan->jobs : 2 * plan->jobs);
    EXPECT_EQ(plan->first_lanes, jobs == 0 ? std::min<size_t>(plan->target_lanes, 4) : plan->jobs);
    EXPECT_GE(plan->target_lanes, plan->first_lanes);
    EXPECT_LE(plan->target_lanes, plan->jobs);
    // Another target must be able to go on with the copy.
    const absl::StatusOr<Resources> elsewhere = PlanResources(memory, range, jobs, 1);
    ASSERT_TRUE(elsewhere.ok());
    EXPECT_EQ(plan->sizes.range_bytes, elsewhere->sizes.range_bytes);
    EXPECT_LE(plan->sizes.range_bytes, range);
    EXPECT_GE(plan->sizes.range_bytes, kMiB);
    EXPECT_LE(plan->ranges * plan->sizes.range_bytes, memory / 2);
    EXPECT_LE(plan->sizes.batches() * plan->sizes.batch_bytes, plan->sizes.range_bytes);
    EXPECT_GE(plan->max_wide_row_bytes, plan->max_row_bytes);
    EXPECT_GE(plan->max_row_bytes, plan->sizes.batch_bytes);
  }
}

TEST(PlanResourcesTest, DefaultsAreTheDocumentedOnes) {
  const absl::StatusOr<Resources> plan = PlanResources(256 * kMiB, 16 * kMiB, 0);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->jobs, 4u);
  EXPECT_EQ(plan->sizes.range_bytes, 16 * kMiB);
  EXPECT_EQ(plan->sizes.batch_bytes, kMiB);
}

TEST(PlanResourcesTest, ATargetOfManyProcessorsGetsMoreLanes) {
  const auto lanes = [](uint64_t memory, size_t cores) {
    return PlanResources(memory, 16 * kMiB, 0, cores).value_or(Resources()).target_lanes;
  };
  EXPECT_EQ(lanes(256 * kMiB, 0), 4u);
  EXPECT_EQ(lanes(256 * kMiB, 1), 3u);
  EXPECT_EQ(lanes(256 * kMiB, 2), 3u);
  EXPECT_EQ(lanes(256 * kMiB, 4), 6u);
  EXPECT_EQ(PlanResources(256 * kMiB, 16 * kMiB, 0, 2).value_or(Resources()).jobs, 6u);
  EXPECT_EQ(lanes(256 * kMiB, 64), 8u);  // a range each
  EXPECT_EQ(lanes(1024 * kMiB, 64), 16u);
  EXPECT_EQ(PlanResources(256 * kMiB, 16 * kMiB, 0, 64).value_or(Resources()).jobs, 8u);
  EXPECT_EQ(PlanResources(1024 * kMiB, 16 * kMiB, 0, 64).value_or(Resources()).jobs, 16u);
  EXPECT_EQ(PlanResources(1024 * kMiB, 16 * kMiB, 3, 64).value_or(Resources()).jobs, 3u);
}

TEST(PlanResourcesTest, RoundTripsAreMadeUpForWithLanesForSmallTables) {
  const auto planned = [](uint64_t memory, size_t cores, double source, double target) {
    Resources plan = *PlanResources(memory, 16 * kMiB, 0, cores);
    AddSmallLanes(memory, source, target, plan);
    return plan.small_lanes;
  };
  EXPECT_EQ(planned(256 * kMiB, 2, 0.0001, 0.0001), 0u);
  EXPECT_EQ(planned(256 * kMiB, 2, 0.0005, 0.0005), 5u);
  EXPECT_EQ(planned(256 * kMiB, 2, 0.001, 0.0002), 4u);
  EXPECT_EQ(planned(256 * kMiB, 2, 0.002, 0.002), 6u);
  EXPECT_EQ(planned(256 * kMiB, 64, 1000, 1000), 8u);  // the memory
  EXPECT_EQ(planned(1024 * kMiB, 64, 1000, 1000), 16u);
  EXPECT_EQ(planned(16 * kMiB, 2, 1000, 1000), 0u);
}

TEST(PlanResourcesTest, TooLittleMemoryIsRefusedWithAHintThatHelps) {
  for (const size_t jobs : {size_t{1}, size_t{4}, size_t{64}}) {
    const absl::StatusOr<Resources> plan = PlanResources(kMiB, kMiB, jobs);
    ASSERT_EQ(FailureOf(plan.status()), Failure::kUsage);
    unsigned mebibytes = 0;
    ASSERT_EQ(std::sscanf(HintOf(plan.status()).c_str(), "give --memory %uMiB", &mebibytes), 1)
        << HintOf(plan.status());
    EXPECT_TRUE(PlanResources(mebibytes * kMiB, kMiB, jobs).ok()) << jobs;
    EXPECT_FALSE(PlanResources((mebibytes - 1) * kMiB, kMiB, jobs).ok()) << jobs;
  }
}

TEST(PlanResourcesTest, RangeOutsideItsLimitsIsRefused) {
  for (const uint64_t range : {uint64_t{0}, uint64_t{10}, kMiB - 1, 1024 * kMiB + 1}) {
    const absl::StatusOr<Resources> plan = PlanResources(8192 * kMiB, range, 1);
    ASSERT_EQ(FailureOf(plan.status()), Failure::kUsage) << range;
    // More memory would not help.
    EXPECT_FALSE(absl::StrContains(HintOf(plan.status()), "--memory")) << HintOf(plan.status());
  }
}

}  // namespace
}  // namespace zdpipe
