#include "tests/support/random_schema.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "engine/server/session.h"
#include "engine/server/sql_text.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// Rows of a table. Enough for several ranges of the smallest size where a table has padding.
constexpr size_t kMaxRows = 60;
constexpr size_t kRowsPerInsert = 6;
constexpr size_t kPaddingBytes = 60'000;
// Below every engine's limit for a whole key of up to three such parts.
constexpr size_t kKeyPartBytes = 240;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Bits() { return engine_(); }
  // Not by a distribution of the library: those differ between libraries.
  size_t Below(size_t limit) { return static_cast<size_t>(engine_() % limit); }
  size_t Between(size_t low, size_t high) { return low + Below(high - low + 1); }
  bool Chance(size_t percent) { return Below(100) < percent; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  std::string Pick(std::initializer_list<const char*> from) {
    return *(from.begin() + Below(from.size()));
  }
  std::string Bytes(size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(Bits());
    return bytes;
  }

 private:
  std::mt19937_64 engine_;
};

std::string HexLiteral(const std::string& bytes) {
  return absl::StrCat("X'", absl::BytesToHexString(bytes), "'");
}

// --- Characters -------------------------------------------------------------------------------

struct Charset {
  const char* name;
  size_t max_bytes;  // of a character
  std::vector<const char*> collations;
};

const std::vector<Charset>& Charsets() {
  static const auto* const kCharsets = new std::vector<Charset>{
      {"latin1", 1, {"latin1_swedish_ci", "latin1_german2_ci", "latin1_bin", "latin1_nopad_bin"}},
      {"latin2", 1, {"latin2_general_ci", "latin2_czech_cs"}},
      {"latin5", 1, {"latin5_turkish_ci"}},
      {"latin7", 1, {"latin7_general_cs"}},
      {"cp1250", 1, {"cp1250_general_ci", "cp1250_czech_cs"}},
      {"cp1251", 1, {"cp1251_bulgarian_ci", "cp1251_bin"}},
      {"cp1256", 1, {"cp1256_general_ci"}},
      {"cp850", 1, {"cp850_general_ci"}},
      {"cp866", 1, {"cp866_general_ci"}},
      {"koi8r", 1, {"koi8r_general_ci"}},
      {"greek", 1, {"greek_general_ci"}},
      {"hebrew", 1, {"hebrew_bin"}},
      {"macroman", 1, {"macroman_general_ci"}},
      {"tis620", 1, {"tis620_thai_ci"}},
      {"ascii", 1, {"ascii_general_ci", "ascii_bin"}},
      {"gbk", 2, {"gbk_chinese_ci", "gbk_bin"}},
      {"sjis", 2, {"sjis_japanese_ci"}},
      {"cp932", 2, {"cp932_japanese_ci"}},
      {"big5", 2, {"big5_chinese_ci"}},
      {"gb2312", 2, {"gb2312_chinese_ci"}},
      {"euckr", 2, {"euckr_korean_ci"}},
      {"ujis", 3, {"ujis_japanese_ci"}},
      {"eucjpms", 3, {"eucjpms_bin"}},
      {"ucs2", 2, {"ucs2_general_ci", "ucs2_unicode_nopad_ci"}},
      {"utf16", 4, {"utf16_general_ci", "utf16_bin"}},
      {"utf16le", 4, {"utf16le_general_ci"}},
      {"utf32", 4, {"utf32_unicode_ci"}},
      {"utf8mb3", 3, {"utf8mb3_general_ci", "utf8mb3_unicode_ci"}},
      {"utf8mb4",
       4,
       {"utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_520_ci", "utf8mb4_german2_ci",
        "utf8mb4_unicode_nopad_ci"}},
      // Again: what most tables have.
      {"utf8mb4", 4, {"utf8mb4_general_ci", "utf8mb4_unicode_ci"}},
      {"latin1", 1, {"latin1_swedish_ci"}},
  };
  return *kCharsets;
}

std::string BigEndian(uint32_t number, size_t bytes) {
  std::string text;
  for (size_t i = bytes; i-- > 0;) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

// Any code point up to `last` that is no surrogate; often one that needs care.
uint32_t CodePoint(Random& random, uint32_t last) {
  if (random.Chance(30)) return static_cast<uint32_t>(random.Below(0x80));
  if (random.Chance(20))
    return static_cast<uint32_t>(random.Pick(std::vector<int>{
        0x27, 0x5c, 0x22, 0x60, 0x00, 0x1a, 0x0a, 0xe4, 0x17f, 0x212a, 0xfffd, 0x5c5c, 0x2727}));
  const auto point = static_cast<uint32_t>(random.Below(last + 1));
  return point >= 0xd800 && point < 0xe000 ? 0x20ac : point;
}

std::string Utf8(uint32_t point) {
  std::string text;
  auto tail = [&text, point](int shift) {
    text.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f)));
  };
  if (point < 0x80) {
    text.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    text.push_back(static_cast<char>(0xc0 | (point >> 6)));
    tail(0);
  } else if (point < 0x10000) {
    text.push_back(static_cast<char>(0xe0 | (point >> 12)));
    tail(6);
    tail(0);
  } else {
    text.push_back(static_cast<char>(0xf0 | (point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
  return text;
}

std::string Utf16(uint32_t point) {
  if (point < 0x10000) return BigEndian(point, 2);
  const uint32_t rest = point - 0x10000;
  return BigEndian(0xd800 | (rest >> 10), 2) + BigEndian(0xdc00 | (rest & 0x3ff), 2);
}

// A byte out of [low, high], none of 0x7f: no East Asian set has it as a second byte.
char Trail(Random& random, size_t low, size_t high) {
  const size_t byte = random.Between(low, high);
  return static_cast<char>(byte == 0x7f ? low : byte);
}

// One character of an East Asian set of two or three bytes. Backslash (5C) as the second byte,
// where the set has it, is what tools stumble over.
std::string EastAsian(Random& random, const std::string& charset) {
  if (random.Chance(25)) return std::string(1, static_cast<char>(random.Below(0x80)));
  const bool backslash = random.Chance(20);
  std::string text;
  auto pair = [&](size_t lead_low, size_t lead_high, size_t low, size_t high) {
    text.push_back(static_cast<char>(random.Between(lead_low, lead_high)));
    text.push_back(backslash && low < 0x5c ? '\x5c' : Trail(random, low, high));
  };
  if (charset == "gbk") {
    pair(0x81, 0xfe, 0x40, 0xfe);
  } else if (charset == "sjis" || charset == "cp932") {
    if (random.Chance(20)) return std::string(1, static_cast<char>(random.Between(0xa1, 0xdf)));
    pair(0x81, 0x9f, 0x40, 0xfc);
  } else if (charset == "big5") {
    pair(0xa1, 0xf9, 0x40, 0x7e);
  } else if (charset == "euckr") {
    pair(0x81, 0xfe, 0xa1, 0xfe);
  } else if (charset == "gb2312") {
    pair(0xa1, 0xf7, 0xa1, 0xfe);
  } else {  // ujis, eucjpms
    if (random.Chance(20)) text = "\x8f";
    pair(0xa1, 0xfe, 0xa1, 0xfe);
  }
  return text;
}

std::string Character(Random& random, const std::string& charset) {
  if (charset == "utf8mb4") return Utf8(CodePoint(random, 0x10ffff));
  if (charset == "utf8mb3") return Utf8(CodePoint(random, 0xffff));
  if (charset == "ucs2") return BigEndian(CodePoint(random, 0xffff), 2);
  if (charset == "utf16") return Utf16(CodePoint(random, 0x10ffff));
  if (charset == "utf32") return BigEndian(CodePoint(random, 0x10ffff), 4);
  if (charset == "utf16le") {
    std::string text = Utf16(CodePoint(random, 0x10ffff));
    for (size_t i = 0; i + 1 < text.size(); i += 2) std::swap(text[i], text[i + 1]);
    return text;
  }
  if (charset == "ascii") return std::string(1, static_cast<char>(random.Below(0x80)));
  return EastAsian(random, charset);
}

// `length` characters of the set, as its bytes.
std::string Text(Random& random, const Charset& charset, size_t length) {
  if (charset.max_bytes == 1 && std::strcmp(charset.name, "ascii") != 0) {
    return random.Bytes(length);
  }
  std::string text;
  for (size_t i = 0; i < length; ++i) text += Character(random, charset.name);
  return text;
}

// --- Names ------------------------------------------------------------------------------------

// Names of one database or table are different by their number.
std::string UglyName(Random& random, const std::string& prefix, size_t number) {
  static const auto* const kParts = new std::vector<std::string>{
      "it's",     "back`tick", "a.b",    "with space", "line\nbreak", "per%cent_", "slash/back\\",
      "quo\"te",  "ünï",       "select", "tab\there",  "#hash#",      "-- dash",   "a;b",
      "--option", "$dollar",   "日本",   "/*c*/",      "{brace}",     "%s%n",      "\x7f",
      "..",       "\\'",       "@@x",    "Ωmega"};
  if (random.Chance(55)) return absl::StrCat(prefix, number);
  if (random.Chance(5)) return absl::StrCat(std::string(60, 'x'), prefix, number).substr(0, 64);
  return absl::StrCat(random.Pick(*kParts), prefix, number);
}

std::string SqlComment(Random& random) {
  return absl::StrCat(
      " COMMENT ", QuoteText(random.Pick({"it''s", "b\\n", "line\nbreak", "ä€", "`tick`", "/* ) */",
                                          "a,b)", "-- x", ""})));
}

// --- Columns ----------------------------------------------------------------------------------

struct Column {
  std::string name;
  std::string type;                           // with character set and attributes that belong to it
  std::function<std::string(Random&)> value;  // a literal; never NULL
  size_t key_bytes = 8;                       // 0: needs a prefix in a key
  size_t char_bytes = 1;
  bool is_text = false;    // has a character set
  bool is_string = false;  // text or bytes: prefixes are possible
  bool is_large = false;   // TEXT, BLOB, geometry: not in MEMORY
  bool is_geometry = false;
  bool compressible = false;
  bool is_integer = false;
  bool may_have_default = true;
  bool is_plain = false;  // numbers and times: the CSV engine cannot read back all that it writes
  bool generated = false;
  bool not_null = false;
};

std::string Signed(Random& random, int bits) {
  const int64_t high = bits == 64 ? INT64_MAX : (int64_t{1} << (bits - 1)) - 1;
  const int64_t low = -high - 1;
  switch (random.Below(6)) {
    case 0:
      return absl::StrCat(low);
    case 1:
      return absl::StrCat(high);
    case 2:
      return random.Pick({"0", "1", "-1"});
    default:
      return absl::StrCat(static_cast<int64_t>(random.Bits()) >> (64 - bits));
  }
}

std::string Unsigned(Random& random, int bits) {
  const uint64_t high = UINT64_MAX >> (64 - bits);
  switch (random.Below(6)) {
    case 0:
      return "0";
    case 1:
      return absl::StrCat(high);
    case 2:
      return absl::StrCat((high >> 1) + 1);
    default:
      return absl::StrCat(random.Bits() >> (64 - bits));
  }
}

void MakeInteger(Random& random, Column& column) {
  const std::vector<std::pair<const char*, int>> kTypes = {
      {"TINYINT", 8}, {"SMALLINT", 16}, {"MEDIUMINT", 24}, {"INT", 32},
      {"INT", 32},    {"BIGINT", 64},   {"BIGINT", 64}};
  const auto& [type, bits] = random.Pick(kTypes);
  const bool is_unsigned = random.Chance(40);
  column.type = type;
  if (random.Chance(20)) absl::StrAppend(&column.type, "(", random.Between(1, 20), ")");
  if (is_unsigned) column.type += random.Chance(25) ? " UNSIGNED ZEROFILL" : " UNSIGNED";
  column.is_integer = column.is_plain = true;
  column.value = [is_unsigned, bits = bits](Random& r) {
    return is_unsigned ? Unsigned(r, bits) : Signed(r, bits);
  };
}

void MakeBit(Random& random, Column& column) {
  const int bits = static_cast<int>(random.Between(1, 64));
  column.type = absl::StrCat("BIT(", bits, ")");
  column.value = [bits](Random& r) { return Unsigned(r, bits); };
}

void MakeDecimal(Random& random, Column& column) {
  const bool widest = random.Chance(25);
  const size_t digits = widest ? 65 : random.Between(1, 65);
  const size_t scale = widest ? 30 : random.Below(std::min<size_t>(digits, 30) + 1);
  column.type =
      absl::StrCat("DECIMAL(", digits, ",", scale, ")", random.Chance(15) ? " UNSIGNED" : "",
                   random.Chance(8) ? " ZEROFILL" : "");
  column.key_bytes = 32;
  column.is_plain = true;
  column.value = [digits, scale](Random& r) {
    if (r.Chance(10)) return std::string("0");
    const bool nines = r.Chance(20);
    std::string number;
    for (size_t i = 0; i < digits; ++i) {
      if (i == digits - scale) number += i == 0 ? "0." : ".";
      number.push_back(nines ? '9' : static_cast<char>('0' + r.Below(10)));
    }
    return (r.Chance(40) ? "-" : "") + number;
  };
}

// Any bits that are a number.
std::string FloatBits(Random& random) {
  float number = 0;
  do {
    const auto bits = static_cast<uint32_t>(random.Bits());
    std::memcpy(&number, &bits, sizeof(number));
  } while (!std::isfinite(number));
  return absl::StrFormat("%.17e", static_cast<double>(number));
}

std::string DoubleBits(Random& random) {
  double number = 0;
  do {
    const uint64_t bits = random.Bits();
    std::memcpy(&number, &bits, sizeof(number));
  } while (!std::isfinite(number));
  return absl::StrFormat("%.17e", number);
}

void MakeFloat(Random& random, Column& column) {
  const bool is_float = random.Chance(50);
  column.type = is_float ? "FLOAT" : "DOUBLE";
  if (random.Chance(15)) column.type += is_float ? "(7,3)" : "(20,5)";
  if (random.Chance(10)) column.type += " UNSIGNED";
  column.value = [is_float](Random& r) {
    if (r.Chance(30)) {
      return r.Pick({"0", "-0e0", "0.1", "1e-45", "5e-324", "3.40282347e38", "16777217",
                     "0.1e0+0.2e0", "1.17549435e-38", "2.2250738585072014e-308", "-1.5"});
    }
    return is_float ? FloatBits(r) : DoubleBits(r);
  };
}

// How long a value is: mostly short.
size_t ValueLength(Random& random, size_t limit) {
  const size_t wanted = random.Chance(15)   ? 0
                        : random.Chance(70) ? random.Between(1, 12)
                        : random.Chance(80) ? random.Between(13, 300)
                                            : random.Between(300, 4000);
  return std::min(wanted, limit);
}

void MakeText(Random& random, Column& column) {
  const Charset& charset = random.Pick(Charsets());
  size_t limit = 0;
  if (random.Chance(60)) {
    const bool fixed = random.Chance(30);
    limit = fixed ? random.Between(0, 255)
                  : random.Pick(std::vector<size_t>{0, 1, 10, 50, 255, 256, 700, 5000});
    column.type = absl::StrCat(fixed ? "CHAR(" : "VARCHAR(", limit, ")");
    column.key_bytes = limit * charset.max_bytes;
    column.compressible = !fixed && limit > 1;
  } else {
    column.type = random.Pick({"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"});
    limit = column.type == "TINYTEXT" ? 255 / charset.max_bytes : 60000;
    column.key_bytes = 0;
    column.is_large = true;
    column.compressible = true;
  }
  absl::StrAppend(&column.type, " CHARACTER SET ", charset.name, " COLLATE ",
                  random.Pick(charset.collations));
  column.is_text = column.is_string = true;
  column.char_bytes = charset.max_bytes;
  column.value = [&charset, limit](Random& r) {
    if (r.Chance(8)) return r.Pick({"''", "'\\\\N'", "'NULL'", "' a '", "'0'"});
    const std::string text = Text(r, charset, ValueLength(r, limit));
    if (limit >= 60000 && r.Chance(5)) {
      return absl::StrCat("REPEAT(", HexLiteral(Text(r, charset, 11)), ",", r.Between(100, 2500),
                          ")");
    }
    return HexLiteral(text);
  };
}

void MakeBytes(Random& random, Column& column) {
  size_t limit = 0;
  if (random.Chance(55)) {
    const bool fixed = random.Chance(40);
    limit =
        fixed ? random.Between(0, 255) : random.Pick(std::vector<size_t>{1, 16, 255, 256, 3000});
    column.type = absl::StrCat(fixed ? "BINARY(" : "VARBINARY(", limit, ")");
    column.key_bytes = limit;
    column.compressible = !fixed && limit > 1;
  } else {
    column.type = random.Pick({"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"});
    limit = column.type == "TINYBLOB" ? 255 : 65535;
    column.key_bytes = 0;
    column.is_large = true;
    column.compressible = true;
  }
  column.is_string = true;
  column.value = [limit](Random& r) {
    const std::string bytes = r.Bytes(ValueLength(r, limit));
    if (limit == 65535 && r.Chance(5)) {
      return absl::StrCat("REPEAT(", HexLiteral(r.Bytes(13)), ",", r.Between(100, 5000), ")");
    }
    return HexLiteral(bytes);
  };
}

void MakeEnum(Random& random, Column& column) {
  static const auto* const kMembers = new std::vector<std::string>{
      "a",  "b",     "",  "c,d", "it's", "ä",  "\\N", "NULL", "0", "1",  "x y", "\\", "\"q", "`t`",
      "%_", "zebra", "ß", "(1)", "Ö",    "--", "é;",  "\n",   "ж", "日", "A b", "2",  "10",  "/*"};
  std::vector<std::string> members;
  const bool is_set = random.Chance(40);
  const bool many = random.Chance(20);
  const size_t count = many ? (is_set ? 64 : 300) : random.Between(1, 12);
  const size_t first = random.Below(kMembers->size());
  for (size_t i = 0; i < count; ++i) {
    std::string member = many ? absl::StrCat("m", i) : (*kMembers)[(first + i) % kMembers->size()];
    if (is_set) member.erase(std::remove(member.begin(), member.end(), ','), member.end());
    members.push_back(QuoteText(member));
  }
  column.type = absl::StrCat(
      is_set ? "SET(" : "ENUM(", absl::StrJoin(members, ","), ")",
      random.Pick({"", " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", " CHARACTER SET latin1",
                   " CHARACTER SET ucs2", " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"}));
  column.may_have_default = false;  // a number is none
  // Numbers; too large ones and text that is no member become the error value.
  column.value = [is_set, count](Random& r) {
    if (r.Chance(10)) return std::string("'no such member'");
    return is_set ? absl::StrCat(r.Bits() >> (64 - count)) : absl::StrCat(r.Below(count + 2));
  };
}

std::string Fraction(Random& random, size_t digits) {
  return digits == 0 ? "" : absl::StrFormat(".%06d", random.Below(1000000)).substr(0, digits + 1);
}

void MakeTemporal(Random& random, Column& column) {
  const size_t digits = random.Chance(50) ? 0 : random.Between(1, 6);
  const std::string precision = digits == 0 ? "" : absl::StrCat("(", digits, ")");
  const std::string kind = random.Pick({"DATE", "TIME", "DATETIME", "TIMESTAMP", "YEAR"});
  column.type = kind == "DATE" || kind == "YEAR" ? kind : kind + precision;
  column.is_plain = true;
  auto any_date = [](Random& r) {
    if (r.Chance(25)) {
      return r.Pick({"0000-00-00", "9999-12-31", "2024-02-31", "2024-00-00", "2023-11-00",
                     "0001-01-01", "1000-01-01"});
    }
    return absl::StrFormat("%04d-%02d-%02d", r.Below(10000), r.Between(1, 12), r.Between(1, 31));
  };
  auto clock = [digits](Random& r) {
    return absl::StrFormat(" %02d:%02d:%02d%s", r.Below(24), r.Below(60), r.Below(60),
                           Fraction(r, digits));
  };
  if (kind == "DATE") {
    column.value = [any_date](Random& r) { return QuoteText(any_date(r)); };
  } else if (kind == "DATETIME") {
    column.value = [any_date, clock](Random& r) { return QuoteText(any_date(r) + clock(r)); };
  } else if (kind == "YEAR") {
    column.value = [](Random& r) {
      return r.Chance(20) ? "0" : absl::StrCat(r.Between(1901, 2155));
    };
  } else if (kind == "TIME") {
    column.value = [digits](Random& r) {
      if (r.Chance(20))
        return r.Pick({"'-838:59:59.999999'", "'838:59:59.999999'", "'0'", "'24:00'"});
      return absl::StrFormat("'%s%d:%02d:%02d%s'", r.Chance(50) ? "-" : "", r.Below(839),
                             r.Below(60), r.Below(60), Fraction(r, digits));
    };
  } else {
    column.type += " NULL";
    column.value = [digits](Random& r) {
      if (r.Chance(20)) {
        return r.Pick({"'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'",
                       "'2024-10-27 00:30:00'", "'2024-10-27 01:30:00'"});
      }
      return absl::StrCat("'", 1971 + r.Below(66), "-", 1 + r.Below(12), "-", 1 + r.Below(28), " ",
                          r.Below(24), ":", r.Below(60), ":", r.Below(60), Fraction(r, digits),
                          "'");
    };
  }
}

void MakeJson(Random&, Column& column) {
  column.type = "JSON";
  column.key_bytes = 0;
  column.is_string = column.is_large = true;
  column.may_have_default = false;
  column.value = [](Random& r) {
    return r.Pick({"'{\"a\": [1, 2.50, null, \"\\\\u00e4\"]}'", "'[]'", "'null'",
                   "'\"\\U0001F600\"'", "'{\"b\":{\"c\":[[],{}]}, \"b\":1e400}'", "'{broken'", "''",
                   "'0.10'", "'\"日\"'"});
  };
}

void MakeGeometry(Random& random, Column& column) {
  const std::string kind = random.Pick(
      {"GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "GEOMETRYCOLLECTION"});
  column.type = kind;
  column.key_bytes = 0;
  column.is_geometry = column.is_large = true;
  column.may_have_default = false;
  column.value = [kind](Random& r) {
    auto xy = [&r] {
      return absl::StrFormat("%d %.15g", r.Below(1000), std::ldexp(1.0 + r.Below(9), -20));
    };
    const std::string srid = r.Chance(50) ? "" : ", 4326";
    std::string text;
    if (kind == "LINESTRING") {
      text = absl::StrCat("LINESTRING(", xy(), ",", xy(), ",", xy(), ")");
    } else if (kind == "POLYGON") {
      text = r.Chance(50) ? "POLYGON((0 0,9 0,9 9,0 0))"
                          : "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))";
    } else if (kind == "MULTIPOINT") {
      text = absl::StrCat("MULTIPOINT(", xy(), ",", xy(), ")");
    } else if (kind == "GEOMETRYCOLLECTION") {
      text = absl::StrCat("GEOMETRYCOLLECTION(POINT(", xy(), "),LINESTRING(0 0,", xy(), "))");
    } else {
      text = absl::StrCat("POINT(", xy(), ")");
    }
    return absl::StrCat("ST_GeomFromText('", text, "'", srid, ")");
  };
}

void MakeAddress(Random& random, Column& column) {
  column.type = random.Pick({"INET4", "INET6", "UUID"});
  column.may_have_default = false;
  if (column.type == "INET4") {
    column.value = [](Random& r) {
      return absl::StrFormat("'%d.%d.%d.%d'", r.Below(256), r.Below(256), r.Below(256),
                             r.Below(256));
    };
  } else if (column.type == "INET6") {
    column.value = [](Random& r) {
      if (r.Chance(20)) return r.Pick({"'::'", "'::ffff:1.2.3.4'", "'::1'"});
      return absl::StrFormat("'%x:%x::%x'", r.Below(65536), r.Below(65536), r.Below(65536));
    };
  } else {
    column.value = [](Random& r) {
      return r.Chance(10) ? "'00000000-0000-0000-0000-000000000000'"
                          : absl::StrCat("'", absl::BytesToHexString(r.Bytes(16)), "'");
    };
  }
}

Column RandomColumn(Random& random, size_t number, const std::function<bool(const Column&)>& fits) {
  using Maker = void (*)(Random&, Column&);
  static const auto* const kMakers = new std::vector<Maker>{
      MakeInteger, MakeInteger, MakeInteger,  MakeText,     MakeText,  MakeText,    MakeText,
      MakeBytes,   MakeBytes,   MakeTemporal, MakeTemporal, MakeFloat, MakeFloat,   MakeDecimal,
      MakeBit,     MakeEnum,    MakeEnum,     MakeAddress,  MakeJson,  MakeGeometry};
  Column column;
  do {
    column = Column();
    random.Pick (*kMakers)(random, column);
  } while (!fits(column));
  column.name = UglyName(random, "c", number);
  return column;
}

// --- Tables -----------------------------------------------------------------------------------

struct Table {
  std::string database;
  std::string name;
  std::string engine;
  std::vector<Column> columns;
  bool versioned = false;
  bool partitioned = false;
  bool has_foreign_keys = false;  // columns fk_a and fk_b, with indexes
  std::string Path() const { return QuoteName(database, name); }
};

class TableMaker {
 public:
  TableMaker(Random& random, std::vector<RandomStatement>& statements)
      : random_(random), statements_(statements) {}

  Table Make(const std::string& database, const std::string& name) {
    table_.database = database;
    table_.name = name;
    ChooseKind();
    MakeColumns();
    MakeKeys();
    const std::string partitions = Partitions();
    std::string create =
        absl::StrCat("CREATE TABLE ", table_.Path(), " (\n  ", absl::StrJoin(elements_, ",\n  "),
                     "\n)", Options(), partitions);
    statements_.push_back({"table", create});
    if (table_.versioned) SetTime();
    MakeRows();
    if (table_.versioned) MakeHistory();
    return table_;
  }

 private:
  bool IsInnoDb() const { return table_.engine == "InnoDB"; }
  bool IsBare() const { return table_.engine == "CSV" || table_.engine == "ARCHIVE"; }

  void ChooseKind() {
    table_.engine = random_.Chance(62) ? "InnoDB"
                                       : random_.Pick({"MyISAM", "Aria", "Aria", "MEMORY", "CSV",
                                                       "ARCHIVE", "MyISAM", "InnoDB"});
    table_.versioned = IsInnoDb() && random_.Chance(18);
    table_.partitioned =
        !IsBare() && table_.engine != "MEMORY" && !table_.versioned && random_.Chance(18);
    table_.has_foreign_keys = IsInnoDb() && !table_.partitioned && random_.Chance(45);
    has_counter_ = !IsBare() && (table_.partitioned || random_.Chance(40));
    has_padding_ = IsInnoDb() && random_.Chance(35);
  }

  void MakeColumns() {
    const size_t count = random_.Chance(5) ? random_.Between(20, 40) : random_.Between(1, 8);
    auto fits = [this](const Column& column) {
      if (table_.engine == "CSV") return column.is_plain;
      if (table_.engine == "MEMORY") return !column.is_large;
      return !table_.partitioned || !column.is_geometry;
    };
    for (size_t i = 0; i < count; ++i) {
      if (has_counter_ && i == count / 2) AddCounter();
      Column column = RandomColumn(random_, i, fits);
      AddColumn(std::move(column));
    }
    if (!IsBare() && random_.Chance(35)) AddGenerated();
    if (!IsBare() && random_.Chance(20)) AddGenerated();
    if (table_.has_foreign_keys) AddForeignKeyColumns();
    if (has_padding_) {
      Column padding;
      padding.name = "padding";
      padding.type = "LONGTEXT CHARACTER SET latin1";
      padding.value = [](Random& r) {
        return absl::StrCat("REPEAT(", HexLiteral(r.Bytes(4)), ",", kPaddingBytes / 4, ")");
      };
      padding.is_large = true;
      elements_.push_back(absl::StrCat("padding ", padding.type));
      table_.columns.push_back(padding);
    }
    if (table_.versioned && random_.Chance(40)) {
      elements_.push_back("`from` TIMESTAMP(6) GENERATED ALWAYS AS ROW START");
      elements_.push_back("`to` TIMESTAMP(6) GENERATED ALWAYS AS ROW END");
      elements_.push_back("PERIOD FOR SYSTEM_TIME (`from`, `to`)");
    }
    if (!IsBare() && random_.Chance(25)) AddCheck();
  }

  void AddCounter() {
    Column counter;
    counter.name = "id";
    counter.type = random_.Pick({"INT", "BIGINT", "BIGINT UNSIGNED", "SMALLINT UNSIGNED"});
    counter.not_null = true;
    counter.is_integer = true;
    counter.value = [n = size_t{0}](Random& r) mutable {
      ++n;
      return n == 1 ? "0" : absl::StrCat(n * 3 + r.Below(3));
    };
    // A partitioned one needs no counter, only the column.
    counts_ = !table_.partitioned || random_.Chance(50);
    elements_.push_back(
        absl::StrCat("id ", counter.type, " NOT NULL", counts_ ? " AUTO_INCREMENT" : ""));
    table_.columns.push_back(std::move(counter));
  }

  void AddColumn(Column column) {
    std::string text = absl::StrCat(QuoteName(column.name), " ", column.type);
    if (column.compressible && !IsBare() && table_.engine != "MEMORY" && random_.Chance(12)) {
      const size_t charset = text.find(" CHARACTER SET");
      text.insert(charset == std::string::npos ? text.size() : charset, " COMPRESSED");
      column.key_bytes = 1'000'000;  // no key at all
      column.is_string = false;
    }
    const bool is_timestamp = absl::StartsWith(column.type, "TIMESTAMP");
    column.not_null = !is_timestamp && (table_.engine == "CSV" || random_.Chance(30));
    if (column.not_null) text += " NOT NULL";
    if (column.not_null && column.is_geometry && !IsBare() && random_.Chance(60)) {
      spatial_.push_back(column.name);
    }
    if (!column.not_null && table_.columns.size() > 1 && random_.Chance(8)) text += " INVISIBLE";
    if (random_.Chance(30)) text += Default(column);
    if (table_.versioned && random_.Chance(10)) text += " WITHOUT SYSTEM VERSIONING";
    if (random_.Chance(10)) text += SqlComment(random_);
    elements_.push_back(text);
    table_.columns.push_back(std::move(column));
  }

  std::string Default(const Column& column) {
    if (absl::StartsWith(column.type, "TIMESTAMP") || absl::StartsWith(column.type, "DATETIME")) {
      const size_t open = column.type.find('(');
      const std::string precision = open == std::string::npos ? "" : column.type.substr(open, 3);
      return absl::StrCat(" DEFAULT CURRENT_TIMESTAMP", precision,
                          random_.Chance(50) ? " ON UPDATE CURRENT_TIMESTAMP" + precision : "");
    }
    if (column.is_text && random_.Chance(30)) return " DEFAULT (CONCAT('x', UUID(), '''\\\\'))";
    if (column.is_integer && random_.Chance(30)) return " DEFAULT (1 + 2 * LENGTH('a)''b'))";
    if (column.type == "UUID" && random_.Chance(50)) return " DEFAULT UUID()";
    if (column.may_have_default && (!column.is_string || random_.Chance(50))) {
      // Bytes that are no text are the servers' own trouble in SHOW CREATE.
      if (!column.is_string) return absl::StrCat(" DEFAULT (", column.value(random_), ")");
      return random_.Pick({" DEFAULT ''", " DEFAULT 'it''s'", " DEFAULT 'a\\\\b'", " DEFAULT '0'"});
    }
    return "";
  }

  void AddGenerated() {
    const Column& base = table_.columns[random_.Below(table_.columns.size())];
    if (base.name == "id" || base.generated) return;
    const std::string name = QuoteName(base.name);
    struct Kind {
      std::string type;
      std::string expression;
      bool is_text;
    };
    const std::vector<Kind> kinds = {
        {"INT", absl::StrCat("(", name, " IS NULL)"), false},
        {"BIGINT", absl::StrCat("LENGTH(", name, ") * 3"), false},
        {"VARCHAR(200) CHARACTER SET latin1", absl::StrCat("LEFT(HEX(", name, "), 150)"), true},
        {"VARCHAR(40)", absl::StrCat("CONCAT('<''', MD5(", name, "), '\\\\>')"), true}};
    const Kind& kind = random_.Pick(kinds);
    Column column;
    column.name = UglyName(random_, "g", table_.columns.size());
    column.generated = true;
    column.is_text = column.is_string = kind.is_text;
    column.key_bytes = kind.is_text ? 200 : 8;
    const bool is_stored = random_.Chance(50);
    elements_.push_back(absl::StrCat(QuoteName(column.name), " ", kind.type, " AS (",
                                     kind.expression, is_stored ? ") PERSISTENT" : ") VIRTUAL",
                                     random_.Chance(10) ? SqlComment(random_) : ""));
    table_.columns.push_back(std::move(column));
  }

  void AddForeignKeyColumns() {
    for (const std::string name : {"fk_a", "fk_b"}) {
      Column column;
      column.name = name;
      column.type = "INT";
      column.is_integer = true;
      column.value = [](Random& r) { return absl::StrCat(r.Below(20)); };
      elements_.push_back(name + " INT");
      table_.columns.push_back(column);
    }
  }

  // Checks are off while rows are written: some will violate it.
  void AddCheck() {
    const Column& column = table_.columns[random_.Below(table_.columns.size())];
    const std::string name = QuoteName(column.name);
    if (column.name == "id") return;  // the server allows no expression on a counter
    const std::string condition =
        column.is_integer ? absl::StrCat(name, " BETWEEN 0 AND 100")
                          : absl::StrCat("LENGTH(", name, ") < 5 OR ", name, " IS NULL");
    if (random_.Chance(50)) {
      elements_.push_back(absl::StrCat("CHECK (", condition, ")"));
    } else {
      elements_.push_back(absl::StrCat("CONSTRAINT ", QuoteName(UglyName(random_, "k", 1)),
                                       " CHECK (", condition, ")"));
    }
  }

  // "`c`(5) DESC"; "" when the column cannot be part of a key.
  std::string KeyPart(const Column& column) {
    if (column.is_geometry || column.key_bytes > 100'000) return "";
    std::string part = QuoteName(column.name);
    if (column.key_bytes == 0 || column.key_bytes > kKeyPartBytes ||
        (column.is_string && column.key_bytes > 20 && random_.Chance(15))) {
      if (!column.is_string) return "";
      const size_t longest = column.key_bytes == 0 || column.key_bytes > kKeyPartBytes
                                 ? kKeyPartBytes / column.char_bytes
                                 : column.key_bytes / column.char_bytes;
      absl::StrAppend(&part, "(", random_.Between(1, std::max<size_t>(longest, 1)), ")");
    }
    if (random_.Chance(15)) part += " DESC";
    return part;
  }

  std::string KeyParts(size_t most, bool with_generated) {
    std::vector<std::string> parts;
    std::vector<size_t> used;
    for (size_t i = 0; i < most; ++i) {
      const size_t position = random_.Below(table_.columns.size());
      const Column& column = table_.columns[position];
      if (column.generated && !with_generated) continue;
      if (std::count(used.begin(), used.end(), position) != 0 || column.name == "padding") continue;
      const std::string part = KeyPart(column);
      if (part.empty()) continue;
      used.push_back(position);
      parts.push_back(part);
    }
    return parts.empty() ? "" : absl::StrCat("(", absl::StrJoin(parts, ", "), ")");
  }

  void MakeKeys() {
    if (IsBare()) return;
    if (table_.partitioned) {
      // Every unique key must have the column of the partitions.
      if (counts_ || random_.Chance(70)) elements_.push_back("PRIMARY KEY (id)");
    } else if (has_counter_) {
      elements_.push_back(random_.Pick({"PRIMARY KEY (id)", "PRIMARY KEY (id)", "UNIQUE KEY (id)",
                                        "KEY (id)", "UNIQUE KEY `it's` (id DESC)"}));
      if (table_.engine == "InnoDB" && absl::StartsWith(elements_.back(), "KEY") &&
          random_.Chance(50)) {
        AddKey("PRIMARY KEY ", 2, false);
      }
    } else if (random_.Chance(65)) {
      AddKey("PRIMARY KEY ", 3, false);
    }
    const size_t count = random_.Chance(30) ? 0 : random_.Between(1, 4);
    for (size_t i = 0; i < count; ++i) AddSecondaryKey(i);
    if (table_.has_foreign_keys) {
      elements_.push_back("KEY (fk_a, fk_b)");
      elements_.push_back("KEY (fk_b)");
    }
    if (!table_.partitioned) {
      for (const std::string& name : spatial_) {
        elements_.push_back(absl::StrCat("SPATIAL KEY (", QuoteName(name), ")"));
      }
    }
  }

  void AddKey(const std::string& head, size_t parts, bool with_generated,
              const std::string& options = "") {
    const std::string list = KeyParts(parts, with_generated);
    if (!list.empty()) elements_.push_back(absl::StrCat(head, list, options));
  }

  void AddSecondaryKey(size_t number) {
    const std::string name = QuoteName(UglyName(random_, "i", number)) + " ";
    if (!table_.partitioned && table_.engine != "MEMORY" && random_.Chance(15)) {
      for (const Column& column : table_.columns) {
        // Full-text parsers know no character set of two-byte units.
        if (column.is_text && !column.generated && column.name != "padding" &&
            !absl::StrContains(column.type, "ucs2") && !absl::StrContains(column.type, "utf16") &&
            !absl::StrContains(column.type, "utf32") && random_.Chance(60)) {
          elements_.push_back(
              absl::StrCat("FULLTEXT KEY ", name, "(", QuoteName(column.name), ")"));
          return;
        }
      }
    }
    if (!table_.partitioned && random_.Chance(10)) {
      for (const Column& column : table_.columns) {
        if (column.is_string && column.is_large && column.name != "padding") {
          // "Long unique": a hash of the whole value.
          elements_.push_back(absl::StrCat("UNIQUE KEY ", name, "(", QuoteName(column.name), ")"));
          return;
        }
      }
    }
    std::string options;
    if (random_.Chance(10)) options += random_.Pick({" USING BTREE", " USING HASH"});
    if (random_.Chance(10)) options += SqlComment(random_);
    if (random_.Chance(8)) options += " IGNORED";
    const bool unique = !table_.partitioned && random_.Chance(25);
    AddKey(absl::StrCat(unique ? "UNIQUE KEY " : "KEY ", name), 3, true, options);
  }

  std::string Partitions() {
    if (table_.versioned && random_.Chance(15)) {
      return " PARTITION BY SYSTEM_TIME (PARTITION old HISTORY, PARTITION now CURRENT)";
    }
    if (!table_.partitioned) return "";
    return random_.Pick(
        {" PARTITION BY HASH (id) PARTITIONS 5", " PARTITION BY LINEAR HASH (id) PARTITIONS 3",
         " PARTITION BY KEY (id) PARTITIONS 4",
         " PARTITION BY RANGE (id) (PARTITION `p 0` VALUES LESS THAN (20), PARTITION p1 VALUES "
         "LESS "
         "THAN MAXVALUE COMMENT = 'rest')",
         " PARTITION BY RANGE COLUMNS (id) (PARTITION p0 VALUES LESS THAN (50), PARTITION p1 "
         "VALUES "
         "LESS THAN (MAXVALUE))",
         " PARTITION BY LIST (id MOD 3) (PARTITION p0 VALUES IN (0), PARTITION p1 VALUES IN (1, "
         "2))",
         " PARTITION BY LIST COLUMNS (id) (PARTITION p0 VALUES IN (0, 3, 4), PARTITION p1 DEFAULT)",
         " PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES "
         "LESS THAN (30), PARTITION p1 VALUES LESS THAN (60), PARTITION p2 VALUES LESS THAN "
         "MAXVALUE)"});
  }

  std::string Options() {
    std::string options = " ENGINE=" + table_.engine;
    if (IsInnoDb()) {
      options +=
          random_.Pick({"", "", "", " ROW_FORMAT=DYNAMIC", " ROW_FORMAT=COMPACT",
                        " ROW_FORMAT=REDUNDANT", " ROW_FORMAT=COMPRESSED", " PAGE_COMPRESSED=1",
                        " STATS_PERSISTENT=0", " STATS_AUTO_RECALC=1"});
    } else if (table_.engine == "MyISAM") {
      options += random_.Pick({"", " PACK_KEYS=1", " DELAY_KEY_WRITE=1", " ROW_FORMAT=FIXED"});
    } else if (table_.engine == "Aria") {
      options += random_.Pick({"", " TRANSACTIONAL=1", " TRANSACTIONAL=0", " PAGE_CHECKSUM=1"});
    }
    if (random_.Chance(15)) options += " CHECKSUM=1";
    if (random_.Chance(10)) options += " AVG_ROW_LENGTH=77 MIN_ROWS=3 MAX_ROWS=100000";
    if (counts_ && random_.Chance(30)) options += " AUTO_INCREMENT=5000";
    if (random_.Chance(25)) {
      const Charset& charset = random_.Pick(Charsets());
      absl::StrAppend(&options, " DEFAULT CHARSET=", charset.name,
                      " COLLATE=", random_.Pick(charset.collations));
    }
    if (random_.Chance(20)) options += SqlComment(random_);
    if (table_.versioned) options += " WITH SYSTEM VERSIONING";
    return options;
  }

  void MakeRows() {
    std::vector<const Column*> columns;
    std::vector<std::string> names;
    for (const Column& column : table_.columns) {
      if (column.generated) continue;
      columns.push_back(&column);
      names.push_back(QuoteName(column.name));
    }
    size_t left = random_.Chance(8) ? 0 : random_.Between(1, kMaxRows);
    if (has_padding_) left = kMaxRows;
    std::string previous;
    while (left > 0) {
      std::vector<std::string> rows;
      for (size_t i = 0; i < kRowsPerInsert && left > 0; ++i, --left) {
        // Equal rows, where no key is against it.
        if (previous.empty() || !random_.Chance(10)) previous = Row(columns);
        rows.push_back(previous);
      }
      // IGNORE: a row that a key is against is left out, not its neighbours too.
      statements_.push_back({"rows", absl::StrCat("INSERT IGNORE INTO ", table_.Path(), " (",
                                                  absl::StrJoin(names, ", "), ") VALUES\n  ",
                                                  absl::StrJoin(rows, ",\n  "))});
    }
  }

  std::string Row(const std::vector<const Column*>& columns) {
    std::vector<std::string> values;
    for (const Column* column : columns) {
      if (!column->not_null && random_.Chance(12)) {
        values.push_back("NULL");
      } else if (column->name != "id" && !column->is_geometry && random_.Chance(4)) {
        values.push_back("DEFAULT");
      } else {
        values.push_back(column->value(random_));
      }
    }
    return absl::StrCat("(", absl::StrJoin(values, ", "), ")");
  }

  // Ever later: no server takes rows back whose period ends before it begins.
  void SetTime() {
    now_ += 2 + random_.Below(100'000);
    statements_.push_back(
        {"set", absl::StrFormat("SET timestamp = %d.%06d", now_, random_.Below(1'000'000))});
  }

  void MakeHistory() {
    for (int round = 0; round < 3; ++round) {
      SetTime();
      const Column& column = table_.columns[random_.Below(table_.columns.size())];
      if (!column.generated && column.name != "id") {
        statements_.push_back(
            {"history",
             absl::StrCat("UPDATE IGNORE ", table_.Path(), " SET ", QuoteName(column.name), " = ",
                          column.value(random_), " LIMIT ", random_.Between(1, 20))});
      }
      // Not in the same microsecond: a row whose period is empty cannot be inserted.
      SetTime();
      statements_.push_back({"history", absl::StrCat("DELETE FROM ", table_.Path(), " LIMIT ",
                                                     random_.Between(1, 3))});
    }
    statements_.push_back({"set", "SET timestamp = DEFAULT"});
  }

  Random& random_;
  std::vector<RandomStatement>& statements_;
  Table table_;
  std::vector<std::string> elements_;
  std::vector<std::string> spatial_;
  bool has_counter_ = false;
  bool counts_ = false;
  bool has_padding_ = false;
  uint64_t now_ = 1'600'000'000;
};

// --- Databases --------------------------------------------------------------------------------

class SchemaMaker {
 public:
  explicit SchemaMaker(uint64_t seed) : random_(seed) {}

  std::vector<RandomStatement> Make() {
    Set("SET NAMES utf8mb4");
    Set("SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_UNSIGNED_SUBTRACTION'");
    Set("SET check_constraint_checks = 0, foreign_key_checks = 0");
    for (size_t i = 0; i < 3; ++i) MakeDatabase(i);
    MakeTables();
    MakeForeignKeys();
    MakeSequences();
    MakeViews();
    MakeRoutines();
    MakeTriggers();
    MakeEvents();
    return std::move(statements_);
  }

 private:
  void Set(const std::string& sql) { statements_.push_back({"set", sql}); }
  const std::string& AnyDatabase() { return random_.Pick(databases_); }

  void MakeDatabase(size_t number) {
    const std::string name = UglyName(random_, "d", number);
    const Charset& charset = random_.Pick(Charsets());
    std::string sql = absl::StrCat("CREATE DATABASE ", QuoteName(name), " CHARACTER SET ",
                                   charset.name, " COLLATE ", random_.Pick(charset.collations));
    if (random_.Chance(30)) sql += SqlComment(random_);
    databases_.push_back(name);
    statements_.push_back({"database", sql});
  }

  void MakeTables() {
    const size_t count = random_.Between(9, 14);
    for (size_t i = 0; i < count; ++i) {
      tables_.push_back(
          TableMaker(random_, statements_).Make(AnyDatabase(), UglyName(random_, "t", i)));
    }
    // Names that differ in case only.
    const std::string& database = AnyDatabase();
    for (const std::string name : {"Twin", "tWIN"}) {
      tables_.push_back(TableMaker(random_, statements_).Make(database, name));
    }
  }

  // Also onto themselves, in circles, across databases, and with rows that have no parent.
  void MakeForeignKeys() {
    std::vector<const Table*> able;
    for (const Table& table : tables_) {
      if (table.has_foreign_keys) able.push_back(&table);
    }
    if (able.empty()) return;
    for (size_t i = 0; i < 5; ++i) {
      const Table& child = *random_.Pick(able);
      const Table& parent = *random_.Pick(able);
      statements_.push_back(
          {"foreign key",
           absl::StrCat(
               "ALTER TABLE ", child.Path(), " ADD ",
               random_.Chance(50)
                   ? ""
                   : absl::StrCat("CONSTRAINT ", QuoteName(UglyName(random_, "f", i)), " "),
               "FOREIGN KEY (", random_.Pick({"fk_a", "fk_b"}), ") REFERENCES ", parent.Path(),
               " (", random_.Pick({"fk_a", "fk_b"}), ")",
               random_.Pick({"", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE",
                             " ON DELETE NO ACTION ON UPDATE SET NULL"}))});
    }
  }

  void MakeSequences() {
    for (size_t i = 0; i < 2; ++i) {
      const std::string path = QuoteName(AnyDatabase(), UglyName(random_, "s", i));
      statements_.push_back(
          {"sequence",
           absl::StrCat(
               "CREATE SEQUENCE ", path,
               random_.Pick({"", " INCREMENT BY -3", " START WITH 9223372036854775800 CYCLE",
                             " MINVALUE -100 START WITH -50 MAXVALUE 5 CYCLE CACHE 2",
                             " NOCACHE INCREMENT BY 7", " ENGINE=Aria"}))});
      for (size_t n = random_.Below(12); n > 0; --n) {
        statements_.push_back({"sequence use", absl::StrCat("SELECT NEXTVAL(", path, ")")});
      }
    }
  }

  void MakeViews() {
    std::vector<std::string> sources;
    for (const Table& table : tables_) sources.push_back(table.Path());
    for (size_t i = 0; i < 4; ++i) {
      // Names in falling order, so that the order of names is not that of their needs.
      const std::string path = QuoteName(AnyDatabase(), UglyName(random_, "v", 9 - i));
      const bool latin1 = random_.Chance(25);
      if (latin1) Set("SET NAMES latin1");
      // A view of a latin1 client that names other characters is broken on its own server.
      const std::string columns = latin1 ? "1 AS one, '\xe4\xf6'" : "x.*, 'ä€\\\\'";
      statements_.push_back(
          {"view",
           absl::StrCat("CREATE ", random_.Pick({"", "ALGORITHM=MERGE ", "ALGORITHM=TEMPTABLE "}),
                        random_.Pick({"", "DEFINER='gh`o''st'@'%' ", "SQL SECURITY INVOKER "}),
                        "VIEW ", path, " AS SELECT ", columns, " AS `lit eral", i, "` FROM ",
                        random_.Pick(sources), " AS x",
                        random_.Pick({"", " WHERE 1 = 1", " LIMIT 3"}))});
      if (latin1) Set("SET NAMES utf8mb4");
      sources.push_back(path);
    }
  }

  // Runs `make` under a random sql_mode and client character set.
  void InContext(const std::function<void(const std::string& literal)>& make) {
    const std::string mode =
        random_.Pick({"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "STRICT_ALL_TABLES,NO_ZERO_DATE",
                      "PIPES_AS_CONCAT", "ANSI", "HIGH_NOT_PRECEDENCE,IGNORE_SPACE"});
    Set(absl::StrCat("SET @old_mode = @@sql_mode, sql_mode = '", mode, "'"));
    const size_t charset = random_.Below(4);
    const char* const names[] = {"utf8mb4", "latin1", "sjis", "cp1251"};
    const char* const literals[] = {"'ä€\xf0\x9f\x98\x80'", "'\xe4\\\\'", "'\x83\x5c\x83\x5c'",
                                    "'\xc6\xe8'"};
    Set(absl::StrCat("SET NAMES ", names[charset]));
    make(literals[charset]);
    Set("SET NAMES utf8mb4");
    Set("SET sql_mode = @old_mode");
  }

  void MakeRoutines() {
    for (size_t i = 0; i < 4; ++i) {
      InContext([&](const std::string& literal) {
        const std::string path = QuoteName(AnyDatabase(), absl::StrCat("r", i));
        const std::string body =
            absl::StrCat("BEGIN /* ", literal, " */ DECLARE x VARCHAR(50) DEFAULT ", literal, ";");
        if (random_.Chance(50)) {
          statements_.push_back(
              {"procedure",
               absl::StrCat("CREATE PROCEDURE ", path, " (IN a INT, INOUT `b c` TEXT)",
                            random_.Pick({"", " SQL SECURITY INVOKER", " NO SQL"}),
                            SqlComment(random_), " ", body, " SET `b c` = CONCAT(x, a); END")});
        } else {
          statements_.push_back(
              {"function",
               absl::StrCat("CREATE FUNCTION ", path, " (a DECIMAL(10,3)) RETURNS VARCHAR(60)",
                            random_.Pick({"", " CHARSET latin1", " CHARSET utf8mb4"}),
                            " DETERMINISTIC ", body, " RETURN CONCAT(x, a); END")});
        }
      });
    }
    Set("SET @old_mode = @@sql_mode, sql_mode = 'ORACLE'");
    const std::string path = QuoteName(AnyDatabase(), "pack");
    statements_.push_back(
        {"package", absl::StrCat("CREATE PACKAGE ", path,
                                 " AS FUNCTION f(a INT) RETURN INT; PROCEDURE p; END")});
    statements_.push_back(
        {"package", absl::StrCat("CREATE PACKAGE BODY ", path,
                                 " AS FUNCTION f(a INT) RETURN INT AS BEGIN RETURN a || 1; END; ",
                                 "PROCEDURE p AS BEGIN NULL; END; END")});
    Set("SET sql_mode = @old_mode");
  }

  void MakeTriggers() {
    for (size_t i = 0; i < 6; ++i) {
      const Table& table = random_.Pick(tables_);
      InContext([&](const std::string& literal) {
        statements_.push_back(
            {"trigger",
             absl::StrCat("CREATE ", random_.Pick({"", "DEFINER='nobody'@'10.%' "}), "TRIGGER ",
                          QuoteName(table.database, absl::StrCat("tr", 9 - i)), " ",
                          random_.Pick({"BEFORE ", "AFTER "}),
                          random_.Pick({"INSERT", "UPDATE", "DELETE"}), " ON ", table.Path(),
                          " FOR EACH ROW BEGIN SET @z = ", literal, "; SET @w = 1 /* ; */; END")});
      });
    }
  }

  void MakeEvents() {
    for (size_t i = 0; i < 2; ++i) {
      InContext([&](const std::string& literal) {
        statements_.push_back(
            {"event",
             absl::StrCat(
                 "CREATE EVENT ", QuoteName(AnyDatabase(), absl::StrCat("e", i)), " ON SCHEDULE ",
                 random_.Pick({"EVERY 1 DAY STARTS '2030-01-01 02:00:00'",
                               "AT '2035-05-05 05:05:05'",
                               "EVERY '3:30' HOUR_MINUTE STARTS '2031-01-01' ENDS '2032-01-01'"}),
                 random_.Pick({"", " ON COMPLETION PRESERVE"}),
                 random_.Pick({"", " DISABLE", " ENABLE"}), SqlComment(random_),
                 " DO SET @e = ", literal)});
      });
    }
  }

  Random random_;
  std::vector<RandomStatement> statements_;
  std::vector<std::string> databases_;
  std::vector<Table> tables_;
};

}  // namespace

std::vector<RandomStatement> RandomSchemaSql(uint64_t seed) { return SchemaMaker(seed).Make(); }

void RandomSqlOutcome::Add(const RandomSqlOutcome& other) {
  for (const auto& [kind, count] : other.made) made[kind] += count;
  for (const auto& [kind, count] : other.refused) refused[kind] += count;
  rows += other.rows;
  refusals.insert(refusals.end(), other.refusals.begin(), other.refusals.end());
}

absl::Status RunRandomSql(TestServer& server, const std::vector<RandomStatement>& statements,
                          RandomSqlOutcome& outcome) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Connect(server.root(), End::kSource, SessionOptions()));
  for (const RandomStatement& statement : statements) {
    const auto warnings = session->ExecuteWithWarnings(statement.sql);
    if (warnings.ok()) {
      ++outcome.made[statement.kind];
      continue;
    }
    const unsigned number = ServerErrnoOf(warnings.status());
    const bool is_lost = number == 0 || (number >= 2000 && number < 3000);  // the client's errors
    if (statement.kind == "set" || is_lost) return warnings.status();
    ++outcome.refused[statement.kind];
    outcome.refusals.push_back(absl::StrCat(warnings.status().message(), "\n  ",
                                            Printable(statement.sql.substr(0, 1500))));
  }
  return absl::OkStatus();
}

}  // namespace zdpipe
