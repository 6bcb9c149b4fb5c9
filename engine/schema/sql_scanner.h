// Cuts SQL text that a server printed (SHOW CREATE ...) into tokens, so that a word inside a name,
// a text or a comment is never taken for a keyword. It knows quoting and nothing of the grammar.
//
// Two assumptions hold for what servers print, and not for SQL in general: a backslash escapes in
// '..' (the session's sql_mode lacks NO_BACKSLASH_ESCAPES), and ".." is a name (ANSI_QUOTES), in
// which only a doubled quote escapes.
#ifndef ZDPIPE_ENGINE_SCHEMA_SQL_SCANNER_H_
#define ZDPIPE_ENGINE_SCHEMA_SQL_SCANNER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace zdpipe {

struct SqlToken {
  enum class Kind {
    kEnd,     // no more tokens, or the text ends inside a quote (SqlScanner::broken)
    kWord,    // keyword, number, unquoted name
    kName,    // `..` or ".."
    kText,    // '..'
    kSymbol,  // any other single character
  };

  Kind kind = Kind::kEnd;
  absl::string_view text;  // as written, with the quotes; points into the scanned text
  size_t begin = 0;        // where it stands in the scanned text
  size_t end = 0;

  bool IsWord(absl::string_view word) const;  // ASCII case ignored
  bool IsSymbol(char symbol) const;
  // The name without its quotes; of other tokens the text as it is.
  std::string Name() const;
};

class SqlScanner {
 public:
  // `sql` must outlive the scanner and its tokens.
  explicit SqlScanner(absl::string_view sql) : sql_(sql) {}

  // The next token. The contents of a version comment (/*!50100 .. */) are part of the statement
  // and come as tokens; other comments are skipped.
  SqlToken Next();

  // True when the text ended inside a quote or a comment.
  bool broken() const { return broken_; }

 private:
  SqlToken Take(SqlToken::Kind kind, size_t end);
  SqlToken Quoted(SqlToken::Kind kind);
  void SkipSpaceAndComments();
  bool SkipComment();
  void SkipPast(absl::string_view terminator);

  absl::string_view sql_;
  size_t position_ = 0;
  bool broken_ = false;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_SQL_SCANNER_H_
