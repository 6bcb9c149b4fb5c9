#include "engine/server/sql_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace zdpipe {

std::string QuoteName(absl::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  quoted += '`';
  return quoted;
}

std::string QuoteName(absl::string_view schema, absl::string_view object) {
  return absl::StrCat(QuoteName(schema), ".", QuoteName(object));
}

std::string QuoteText(absl::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    switch (c) {
      case '\0':
        quoted += "\\0";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\x1a':
        quoted += "\\Z";
        break;
      case '\'':
      case '\\':
        quoted += '\\';
        quoted += c;
        break;
      default:
        quoted += c;
    }
  }
  quoted += '\'';
  return quoted;
}

std::string QuoteBytes(absl::string_view bytes) {
  if (bytes.empty()) return "''";
  return absl::StrCat("X'", absl::BytesToHexString(bytes), "'");
}

// Layout of temporal values: engine/server/row_insert.cc, UnpackTime.
std::string TemporalText(WireType type, const WireValue& value) {
  std::array<uint8_t, 12> bytes{};
  std::memcpy(bytes.data(), value.data, std::min(value.size, bytes.size()));
  const uint8_t* p = bytes.data();
  if (type == WireType::kTime) {
    return absl::StrFormat("%s%d:%02d:%02d.%06d", p[0] != 0 ? "-" : "",
                           Load<uint32_t>(p + 1) * 24 + p[5], p[6], p[7], Load<uint32_t>(p + 8));
  }
  const std::string date = absl::StrFormat("%04d-%02d-%02d", Load<uint16_t>(p), p[2], p[3]);
  if (type == WireType::kDate) return date;
  return absl::StrFormat("%s %02d:%02d:%02d.%06d", date, p[4], p[5], p[6], Load<uint32_t>(p + 7));
}

namespace {

// The bytes of the character at the start of `text` that a terminal shows as one; 0 when they are
// no UTF-8, or a character that does something to the terminal or to the order of what is read.
size_t ShownBytes(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  uint32_t code = first & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool control = code < 0xa0;  // C1: U+009B begins what ESC [ does
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool no_character = (code >= 0xd800 && code < 0xe000) || code > 0x10ffff;
  const bool direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool line = code == 0x2028 || code == 0x2029;
  return control || overlong || no_character || direction || line ? 0 : size;
}

}  // namespace

std::string Printable(absl::string_view name) {
  std::string printable;
  while (!name.empty()) {
    const size_t shown = ShownBytes(name);
    if (shown > 0) {
      printable.append(name.data(), shown);
    } else {
      absl::StrAppend(&printable, "\\x",
                      absl::Hex(static_cast<unsigned char>(name[0]), absl::kZeroPad2));
    }
    name.remove_prefix(shown > 0 ? shown : 1);
  }
  return printable;
}

std::string PrintableName(absl::string_view schema, absl::string_view object) {
  const bool both = !schema.empty() && !object.empty();
  return absl::StrCat(Printable(schema), both ? "." : "", Printable(object));
}

}  // namespace zdpipe
