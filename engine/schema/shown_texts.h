// What SHOW CREATE TABLE does not show.
//
// Texts: servers convert the members of ENUM and SET columns and the defaults of columns with a
// character set to utf8mb3 for it, and "?" stands for what has no place there: the emoji of an
// ordinary utf8mb4 column, bytes in an ENUM of CHARACTER SET binary.
// (Not in comments, which have no such characters; nor in expressions and the defaults of binary
// columns, which are shown as they are.)
#ifndef ZDPIPE_ENGINE_SCHEMA_SHOWN_TEXTS_H_
#define ZDPIPE_ENGINE_SCHEMA_SHOWN_TEXTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"

namespace zdpipe {

// A text of a definition in which "?" may stand for another character.
struct DoubtfulText {
  const ColumnInfo* column = nullptr;
  size_t begin = 0;  // of the text with its quotes, in the definition
  size_t end = 0;
  size_t member = 0;  // its number in an ENUM or SET; 0: it is the column's default
};

std::vector<DoubtfulText> DoubtfulTexts(const TableInfo& table, absl::string_view show_create);

// A definition with its texts in full: X'..' for each that was not.
struct FullDefinition {
  std::string text;
  std::vector<std::string> doubts;  // "the default of column c": what the server does not tell
};

// Asks the server that has shown it. Of MariaDB >= 10.3 only a default stays in doubt, that of a
// NOT NULL column of a table without rows; of other servers every member.
// Errors: a lost connection.
absl::StatusOr<FullDefinition> ReadTextsInFull(Session& server, const TableInfo& table,
                                               const std::string& show_create);

// REF_SYSTEM_ID of geometry columns by column, where it is not 0: MariaDB tells it in
// information_schema only. Empty for other servers (MySQL's SRID is part of SHOW CREATE TABLE).
absl::StatusOr<std::map<std::string, uint64_t>> ReadReferenceSystems(Session& server,
                                                                     const TableInfo& table);
std::string WithReferenceSystems(const std::map<std::string, uint64_t>& systems,
                                 const std::string& show_create);

// The bytes of the defaults of BINARY and VARBINARY columns, by column; not of expressions.
// Releases write them as X'ff00', 0xFF00 or '\xff\0', and information_schema does not tell all of
// them.
std::map<std::string, std::string> BinaryDefaults(const TableInfo& table,
                                                  absl::string_view show_create);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_SHOWN_TEXTS_H_
