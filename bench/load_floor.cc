// The floor under every copy by SQL: what the target has to do when the rows cost nothing to get.
//
//   load_floor OPTION-FILE SESSIONS
//
// Reads all rows of [zdpipe_source] into memory. Then, on the clock, makes the tables of the empty
// server [zdpipe_target], the largest first, one at a time in each session: CREATE, the rows from
// memory through array executes in transactions of 16 MiB, and the same ADD INDEX statements as
// `zdpipe copy`. No ledger, no digests, no ANALYZE, no foreign keys. Prints
// "WALL USER-CPU SYSTEM-CPU PEAK-RSS-KIB" of the part on the clock, as GNU time would, though the
// peak is of the whole process, which holds the data set.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/bench_tables.h"
#include "engine/errors.h"
#include "engine/rows/range.h"
#include "engine/server/row_insert.h"
#include "engine/server/row_stream.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

struct HeldTable {
  BenchTable table;
  RowLayout layout;
  std::vector<Range> ranges;
};

absl::Status ReadRows(Session& source, HeldTable& held) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<RowStream> rows,
                          RowStream::Open(source, held.table.plan.select, held.table.plan.roles));
  held.layout = rows->layout();
  while (true) {
    ZDPIPE_ASSIGN_OR_RETURN(const bool more, rows->Next());
    if (!more) return absl::OkStatus();
    if (held.ranges.empty() || !held.ranges.back().Append(rows->row())) {
      held.ranges.emplace_back(RangeSizes());
      held.ranges.back().Append(rows->row());
    }
  }
}

// The tables, and who takes the next one.
class Loading {
 public:
  explicit Loading(std::vector<HeldTable> tables) : tables_(std::move(tables)) {}

  // Loads tables until none is left or somebody has failed.
  void Run(Session& target) {
    while (true) {
      const size_t next = next_.fetch_add(1);
      if (next >= tables_.size()) return;
      const HeldTable& held = tables_[next];
      const absl::Status status = Load(target, held);
      if (status.ok()) continue;
      next_.store(tables_.size());
      const ObjectName& name = held.table.info.name;
      std::lock_guard lock(mutex_);
      if (status_.ok()) status_ = Annotate(status, PrintableName(name.schema, name.name));
    }
  }

  absl::Status status() const { return status_; }

 private:
  static absl::Status Load(Session& target, const HeldTable& held) {
    const TableDdl& ddl = held.table.ddl;
    ZDPIPE_RETURN_IF_ERROR(
        target.Execute(absl::StrCat("USE ", QuoteName(held.table.info.name.schema))));
    ZDPIPE_RETURN_IF_ERROR(target.Execute(ddl.create));
    ZDPIPE_RETURN_IF_ERROR(InsertRows(target, held));
    for (const std::string& statement : ddl.add_fulltext) {
      ZDPIPE_RETURN_IF_ERROR(target.Execute(statement));
    }
    return ddl.add_indexes.empty() ? absl::OkStatus() : target.Execute(ddl.add_indexes);
  }

  static absl::Status InsertRows(Session& target, const HeldTable& held) {
    if (held.ranges.empty()) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<RowInsert> insert,
                            RowInsert::Prepare(target, BestInsertMethod(target),
                                               held.table.plan.insert_head, held.layout));
    for (const Range& range : held.ranges) {
      for (const RowBatch& batch : range.batches()) {
        ZDPIPE_RETURN_IF_ERROR(insert->Execute(batch, 0, batch.rows(), 0));
      }
      ZDPIPE_RETURN_IF_ERROR(target.Execute("COMMIT"));
    }
    return absl::OkStatus();
  }

  std::vector<HeldTable> tables_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  absl::Status status_;  // guarded by mutex_ while anybody runs
};

absl::StatusOr<std::unique_ptr<Session>> ConnectTarget(const std::string& option_file) {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> target, ConnectBench(option_file, End::kTarget));
  // As engine/load/range_loader.cc sets a session up.
  ZDPIPE_RETURN_IF_ERROR(
      target->Execute("SET autocommit = 0, foreign_key_checks = 0, unique_checks = 1, "
                      "sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"));
  target->TrySet("check_constraint_checks = 0");
  return target;
}

absl::Status CreateDatabases(Session& target, const std::vector<DatabaseInfo>& databases) {
  for (const DatabaseInfo& database : databases) {
    ZDPIPE_RETURN_IF_ERROR(
        target.Execute(absl::StrCat("CREATE DATABASE ", QuoteName(database.name), " CHARACTER SET ",
                                    database.charset, " COLLATE ", database.collation)));
  }
  return absl::OkStatus();
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

absl::Status MeasureFloor(const std::string& option_file, size_t session_count) {
  std::vector<std::unique_ptr<Session>> sessions;
  for (size_t i = 0; i < session_count; ++i) {
    ZDPIPE_ASSIGN_OR_RETURN(sessions.emplace_back(), ConnectTarget(option_file));
  }
  ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<Session> source,
                          ConnectBench(option_file, End::kSource));
  ZDPIPE_ASSIGN_OR_RETURN(BenchTables read, ReadBenchTables(*source, sessions[0]->version()));
  std::vector<HeldTable> held;
  for (BenchTable& table : read.tables) {
    held.push_back({std::move(table), RowLayout(), {}});
    ZDPIPE_RETURN_IF_ERROR(ReadRows(*source, held.back()));
  }

  rusage before = {};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  ZDPIPE_RETURN_IF_ERROR(CreateDatabases(*sessions[0], read.databases));
  Loading loading(std::move(held));
  std::vector<std::thread> threads;
  for (const auto& session : sessions) {
    threads.emplace_back([&loading, &session] { loading.Run(*session); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  rusage after = {};
  getrusage(RUSAGE_SELF, &after);
  ZDPIPE_RETURN_IF_ERROR(loading.status());
  std::printf("%.3f %.3f %.3f %ld\n", wall.count(),
              Seconds(after.ru_utime) - Seconds(before.ru_utime),
              Seconds(after.ru_stime) - Seconds(before.ru_stime), after.ru_maxrss);
  return absl::OkStatus();
}

}  // namespace
}  // namespace zdpipe

int main(int argc, char** argv) {
  size_t sessions = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[2], &sessions) || sessions == 0) {
    std::fputs("usage: load_floor OPTION-FILE SESSIONS\n", stderr);
    return 2;
  }
  const absl::Status status = zdpipe::MeasureFloor(argv[1], sessions);
  if (status.ok()) return 0;
  std::fprintf(stderr, "load_floor: error: %s\n", std::string(status.message()).c_str());
  return 1;
}
