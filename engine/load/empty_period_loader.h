// Rows of a system-versioned table that ended in the moment they began.
#ifndef ZDPIPE_ENGINE_LOAD_EMPTY_PERIOD_LOADER_H_
#define ZDPIPE_ENGINE_LOAD_EMPTY_PERIOD_LOADER_H_

#include <functional>

#include "absl/status/status.h"
#include "engine/load/range_loader.h"
#include "engine/server/row_stream.h"
#include "engine/server/session.h"

namespace zdpipe {

// No server takes an empty period from an INSERT (error 1525), but each makes one when a current
// row is deleted in the moment it began. So these rows are inserted as current ones, moment by
// moment, and deleted with the session's clock at that moment. Nothing else may be in the table
// yet: every current row is taken for one of these.
//
// `rows` gives them as EmptyPeriods::as_current does; `target` is a session as RangeLoader sets it
// up. What one moment makes is one transaction. An error names the table; the clock is then the
// server's again, and what was made before stays.
absl::Status LoadEmptyPeriods(RowStream& rows, const LoadTable& table, Session& target,
                              const std::function<bool()>& stopping);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_LOAD_EMPTY_PERIOD_LOADER_H_
