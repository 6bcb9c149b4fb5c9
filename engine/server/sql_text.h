// Quoting for SQL text. Every identifier and every literal we put into a statement goes through
// these; sessions run with sql_mode free of ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
#ifndef ZDPIPE_ENGINE_SERVER_SQL_TEXT_H_
#define ZDPIPE_ENGINE_SERVER_SQL_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "engine/rows/wire_row.h"

namespace zdpipe {

std::string QuoteName(absl::string_view name);                              // `a``b`
std::string QuoteName(absl::string_view schema, absl::string_view object);  // `a`.`b`
std::string QuoteText(absl::string_view text);                              // 'it\'s'
std::string QuoteBytes(absl::string_view bytes);                            // X'00ff', '' for none

// A value that is not NULL, of kDate, kTime or kDateTime: 2024-02-29, -838:59:59.000000,
// 2024-02-29 00:00:00.000000. Absent trailing parts are zero.
std::string TemporalText(WireType type, const WireValue& value);

// A name for messages: as it is, with control characters escaped so that a hostile name cannot
// write to the user's terminal or forge a log line.
std::string Printable(absl::string_view name);
std::string PrintableName(absl::string_view schema, absl::string_view object);  // a.b

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_SQL_TEXT_H_
