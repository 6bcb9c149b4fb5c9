#include "engine/schema/sql_scanner.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace zdpipe {
namespace {

// Bytes above 0x7f belong to unquoted names in every character set a client may use.
bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || c == '_' || c == '$' || byte >= 0x80;
}

}  // namespace

bool SqlToken::IsWord(absl::string_view word) const {
  return kind == Kind::kWord && absl::EqualsIgnoreCase(text, word);
}

bool SqlToken::IsSymbol(char symbol) const { return kind == Kind::kSymbol && text[0] == symbol; }

std::string SqlToken::Name() const {
  if (kind != Kind::kName) return std::string(text);
  const char quote = text[0];
  std::string name;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    name += text[i];
    if (text[i] == quote) ++i;  // the second of a doubled quote
  }
  return name;
}

SqlToken SqlScanner::Next() {
  SkipSpaceAndComments();
  if (broken_ || position_ == sql_.size()) return SqlToken();
  const char first = sql_[position_];
  if (first == '`' || first == '"') return Quoted(SqlToken::Kind::kName);
  if (first == '\'') return Quoted(SqlToken::Kind::kText);
  size_t end = position_;
  while (end < sql_.size() && IsWordByte(sql_[end])) ++end;
  if (end > position_) return Take(SqlToken::Kind::kWord, end);
  return Take(SqlToken::Kind::kSymbol, position_ + 1);
}

SqlToken SqlScanner::Take(SqlToken::Kind kind, size_t end) {
  SqlToken token{kind, sql_.substr(position_, end - position_), position_, end};
  position_ = end;
  return token;
}

SqlToken SqlScanner::Quoted(SqlToken::Kind kind) {
  const char quote = sql_[position_];
  for (size_t i = position_ + 1; i < sql_.size(); ++i) {
    if (kind == SqlToken::Kind::kText && sql_[i] == '\\') {
      ++i;
    } else if (sql_[i] == quote) {
      if (i + 1 == sql_.size() || sql_[i + 1] != quote) return Take(kind, i + 1);
      ++i;
    }
  }
  broken_ = true;
  return SqlToken();
}

void SqlScanner::SkipSpaceAndComments() {
  do {
    while (position_ < sql_.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(sql_[position_]))) {
      ++position_;
    }
  } while (SkipComment());
}

bool SqlScanner::SkipComment() {
  const absl::string_view rest = sql_.substr(position_);
  if (absl::StartsWith(rest, "/*!") || absl::StartsWith(rest, "/*M!")) {
    position_ += rest[2] == '!' ? 3 : 4;
    while (position_ < sql_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(sql_[position_]))) {
      ++position_;
    }
    return true;
  }
  if (absl::StartsWith(rest, "*/")) {  // of a version comment
    position_ += 2;
    return true;
  }
  if (absl::StartsWith(rest, "/*")) {
    position_ += 2;
    SkipPast("*/");
    return !broken_;
  }
  if (absl::StartsWith(rest, "#") || absl::StartsWith(rest, "-- ")) {
    const size_t line_end = sql_.find('\n', position_);
    position_ = line_end == absl::string_view::npos ? sql_.size() : line_end + 1;
    return true;
  }
  return false;
}

void SqlScanner::SkipPast(absl::string_view terminator) {
  const size_t found = sql_.find(terminator, position_);
  broken_ = found == absl::string_view::npos;
  position_ = broken_ ? sql_.size() : found + terminator.size();
}

}  // namespace zdpipe
