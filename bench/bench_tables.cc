#include "bench/bench_tables.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/server/endpoint_resolver.h"
#include "engine/server/option_file.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

absl::StatusOr<std::string> ShowCreateTable(Session& source, const ObjectName& name) {
  ZDPIPE_ASSIGN_OR_RETURN(
      const Result shown,
      source.Query(absl::StrCat("SHOW CREATE TABLE ", QuoteName(name.schema, name.name))));
  return shown.Text(0, "Create Table");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> ConnectBench(const std::string& option_file, End end) {
  OptionFileChoice choice;
  choice.defaults_file = option_file;
  ZDPIPE_ASSIGN_OR_RETURN(const OptionFiles files, OptionFiles::Read(choice));
  EndpointRequest request;
  request.text = std::string(EndName(end));
  ZDPIPE_ASSIGN_OR_RETURN(const Endpoint endpoint, ResolveEndpoint(request, end, files));
  return Session::Connect(endpoint, end, SessionOptions());
}

absl::StatusOr<BenchTables> ReadBenchTables(Session& source, const Version& target) {
  ZDPIPE_ASSIGN_OR_RETURN(Catalog catalog, ReadCatalog(source, Selection()));
  BenchTables read;
  read.databases = std::move(catalog.databases);
  for (TableInfo& info : catalog.tables) {
    BenchTable table;
    ZDPIPE_ASSIGN_OR_RETURN(const std::string show_create, ShowCreateTable(source, info.name));
    DdlOptions options;
    options.indexes_after = info.data_bytes_estimate >= kLargeTableBytes;
    options.pause_stats = options.indexes_after;
    ZDPIPE_ASSIGN_OR_RETURN(table.ddl, SplitTableDdl(info, show_create, options));
    table.plan = PlanTable(info, source.version(), target);
    table.info = std::move(info);
    read.tables.push_back(std::move(table));
  }
  std::stable_sort(read.tables.begin(), read.tables.end(),
                   [](const BenchTable& a, const BenchTable& b) {
                     return a.info.data_bytes_estimate > b.info.data_bytes_estimate;
                   });
  return read;
}

}  // namespace zdpipe
