// What the programs beside bench.sh share: the two servers, and what to read and make of each
// table.
#ifndef ZDPIPE_BENCH_BENCH_TABLES_H_
#define ZDPIPE_BENCH_BENCH_TABLES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/schema/catalog.h"
#include "engine/schema/table_ddl.h"
#include "engine/schema/table_plan.h"
#include "engine/server/endpoint.h"
#include "engine/server/session.h"

namespace zdpipe {

// A session of the server in group [zdpipe_source] or [zdpipe_target] of the option file.
absl::StatusOr<std::unique_ptr<Session>> ConnectBench(const std::string& option_file, End end);

struct BenchTable {
  TableInfo info;
  TablePlan plan;
  TableDdl ddl;
};

struct BenchTables {
  std::vector<DatabaseInfo> databases;
  std::vector<BenchTable> tables;  // largest first
};

// All tables of all databases of the source, read and split as `zdpipe copy` does it.
absl::StatusOr<BenchTables> ReadBenchTables(Session& source, const Version& target);

}  // namespace zdpipe

#endif  // ZDPIPE_BENCH_BENCH_TABLES_H_
