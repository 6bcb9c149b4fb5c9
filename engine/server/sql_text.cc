#include "engine/server/sql_text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

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

std::string Printable(absl::string_view name) {
  std::string printable;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&printable, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      printable += c;
    }
  }
  return printable;
}

std::string PrintableName(absl::string_view schema, absl::string_view object) {
  const bool both = !schema.empty() && !object.empty();
  return absl::StrCat(Printable(schema), both ? "." : "", Printable(object));
}

}  // namespace zdpipe
