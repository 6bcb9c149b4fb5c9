// How much of the client library's own reading speed is left when rows are read as a copy does it.
//
//   read_rate OPTION-FILE RUNS SESSIONS
//
// Runs the SELECT of every table of [zdpipe_source], through one session, into nothing:
//
//   zdpipe   RowStream into a Range, which copies and digests each row
//   text     mysql_query, mysql_use_result, mysql_fetch_row
//   binary   a prepared statement, mysql_stmt_fetch, nothing bound
//
// Each way RUNS times in turns; the fastest run of each counts. Prints one JSON object; `ratio` is
// the speed of `zdpipe` divided by that of the faster one of the others.
//
// Then, as zdpipe does it, the largest table in segments by 1, 2, 4, ... sessions at a time, up to
// SESSIONS: `largest` has the seconds of each number.
#include <mysql.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/bench_tables.h"
#include "engine/errors.h"
#include "engine/rows/range.h"
#include "engine/schema/key_segments.h"
#include "engine/server/row_stream.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

struct Count {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // only where they are known without looking at the values
};

using ReadTable = absl::Status (*)(Session&, const BenchTable&, Count&);

absl::Status ReadIntoRange(Session& source, const std::string& select, const TablePlan& plan,
                           Range& range, Count& count) {
  ZDPIPE_ASSIGN_OR_RETURN(const std::unique_ptr<RowStream> rows,
                          RowStream::Open(source, select, plan.roles));
  while (true) {
    ZDPIPE_ASSIGN_OR_RETURN(const bool more, rows->Next());
    if (!more) break;
    ++count.rows;
    count.bytes += rows->row().size();
    if (range.Append(rows->row())) continue;
    range.Clear();
    range.Append(rows->row());
  }
  range.Clear();
  return absl::OkStatus();
}

absl::Status ReadAsCopy(Session& source, const BenchTable& table, Count& count) {
  static Range range{RangeSizes()};  // as in a copy, made once
  return ReadIntoRange(source, table.plan.select, table.plan, range, count);
}

absl::Status ReadText(Session& source, const BenchTable& table, Count& count) {
  MYSQL* const mysql = source.handle();
  const std::string& select = table.plan.select;
  if (mysql_real_query(mysql, select.data(), select.size()) != 0) return source.LastError(select);
  MYSQL_RES* const result = mysql_use_result(mysql);
  if (result == nullptr) return source.LastError(select);
  while (mysql_fetch_row(result) != nullptr) ++count.rows;
  const bool complete = mysql_errno(mysql) == 0;
  mysql_free_result(result);
  return complete ? absl::OkStatus() : source.LastError(select);
}

absl::Status ReadBinary(Session& source, const BenchTable& table, Count& count) {
  const std::string& select = table.plan.select;
  const std::unique_ptr<MYSQL_STMT, decltype(&mysql_stmt_close)> statement(
      mysql_stmt_init(source.handle()), &mysql_stmt_close);
  if (mysql_stmt_prepare(statement.get(), select.data(), select.size()) != 0 ||
      mysql_stmt_execute(statement.get()) != 0) {
    return source.LastError(select);
  }
  int outcome = 0;
  while ((outcome = mysql_stmt_fetch(statement.get())) == 0) ++count.rows;
  return outcome == MYSQL_NO_DATA ? absl::OkStatus() : source.LastError(select);
}

struct Way {
  const char* name;
  ReadTable read;
  std::unique_ptr<Session> session;
  Count count = {};
  double seconds = 0;      // of the fastest run
  double cpu_seconds = 0;  // of this process in that run
};

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

absl::Status RunOnce(const std::vector<BenchTable>& tables, Way& way) {
  way.count = Count();
  const double cpu_before = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  for (const BenchTable& table : tables) {
    ZDPIPE_RETURN_IF_ERROR(way.read(*way.session, table, way.count));
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  if (way.seconds == 0 || wall.count() < way.seconds) {
    way.seconds = wall.count();
    way.cpu_seconds = CpuSeconds() - cpu_before;
  }
  return absl::OkStatus();
}

// The fastest of the runs of each number of sessions.
using Scaling = std::map<size_t, double>;

absl::Status ReadSegments(const std::vector<std::unique_ptr<Session>>& sessions, size_t used,
                          const BenchTable& table, const KeySegments& segments, double& seconds) {
  std::atomic<size_t> next = 0;
  std::atomic<uint64_t> rows = 0;
  std::vector<absl::Status> ends(used);
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < used; ++i) {
    threads.emplace_back([&, i] {
      Range range{RangeSizes()};
      Count count;
      for (size_t segment = next++; segment < segments.count() && ends[i].ok(); segment = next++) {
        ends[i] = ReadIntoRange(
            *sessions[i], *SelectSegment(table.info, table.plan, segments, segment, std::nullopt),
            table.plan, range, count);
      }
      rows += count.rows;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  for (const absl::Status& end : ends) ZDPIPE_RETURN_IF_ERROR(end);
  ZDPIPE_ASSIGN_OR_RETURN(
      const std::string all,
      sessions[0]->QueryValue(absl::StrCat(
          "SELECT COUNT(*) FROM ", QuoteName(table.info.name.schema, table.info.name.name))));
  if (all != absl::StrCat(rows.load())) {
    return MakeError(Failure::kInternal, "the segments do not have the rows of the table");
  }
  if (seconds == 0 || wall.count() < seconds) seconds = wall.count();
  return absl::OkStatus();
}

absl::StatusOr<Scaling> MeasureSessions(const std::string& option_file, const BenchTable& table,
                                        int runs, size_t most) {
  constexpr size_t kSegmentsPerSession = 4;
  std::vector<std::unique_ptr<Session>> sessions;
  for (size_t i = 0; i < most; ++i) {
    ZDPIPE_ASSIGN_OR_RETURN(sessions.emplace_back(), ConnectBench(option_file, End::kSource));
  }
  // A copy's segments are no shorter than four ranges; here there are enough for each session.
  const uint64_t segment_bytes =
      std::max<uint64_t>(1, table.info.data_bytes_estimate / (kSegmentsPerSession * most));
  ZDPIPE_ASSIGN_OR_RETURN(const KeySegments segments,
                          PlanSegments(table.info, table.plan, segment_bytes, *sessions[0]));
  Scaling seconds;
  if (segments.count() == 1) return seconds;
  for (int run = 0; run < runs; ++run) {
    for (size_t used = 1; used <= most; used *= 2) {
      ZDPIPE_RETURN_IF_ERROR(ReadSegments(sessions, used, table, segments, seconds[used]));
    }
  }
  return seconds;
}

absl::Status MeasureReading(const std::string& option_file, int runs, size_t sessions) {
  std::array<Way, 3> ways = {{{"zdpipe", ReadAsCopy, nullptr},
                              {"text", ReadText, nullptr},
                              {"binary", ReadBinary, nullptr}}};
  for (Way& way : ways) {
    ZDPIPE_ASSIGN_OR_RETURN(way.session, ConnectBench(option_file, End::kSource));
  }
  ZDPIPE_ASSIGN_OR_RETURN(const BenchTables read,
                          ReadBenchTables(*ways[0].session, ways[0].session->version()));
  for (int run = 0; run < runs; ++run) {
    for (Way& way : ways) {
      ZDPIPE_RETURN_IF_ERROR(RunOnce(read.tables, way));
      if (way.count.rows != ways[0].count.rows) {
        return MakeError(Failure::kInternal, "the ways of reading gave different numbers of rows");
      }
    }
  }

  const Count& count = ways[0].count;
  std::printf("{\"rows\": %llu, \"mib\": %.1f", static_cast<unsigned long long>(count.rows),
              static_cast<double>(count.bytes) / (1 << 20));
  for (const Way& way : ways) {
    std::printf(", \"%s\": {\"wall_s\": %.3f, \"client_cpu_s\": %.3f}", way.name, way.seconds,
                way.cpu_seconds);
  }
  std::printf(", \"ratio\": %.3f", std::min(ways[1].seconds, ways[2].seconds) / ways[0].seconds);
  if (!read.tables.empty()) {
    const BenchTable& largest = read.tables.front();
    ZDPIPE_ASSIGN_OR_RETURN(const Scaling scaling,
                            MeasureSessions(option_file, largest, runs, sessions));
    // Empty: a table that cannot be cut into segments.
    std::printf(", \"largest\": {");
    const char* comma = "";
    for (const auto& [used, seconds] : scaling) {
      std::printf("%s\"%zu\": %.3f", comma, used, seconds);
      comma = ", ";
    }
    std::printf("}");
  }
  std::printf("}\n");
  return absl::OkStatus();
}

}  // namespace
}  // namespace zdpipe

int main(int argc, char** argv) {
  int runs = 0;
  uint32_t sessions = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[2], &runs) || runs < 1 ||
      !absl::SimpleAtoi(argv[3], &sessions) || sessions < 1) {
    std::fputs("usage: read_rate OPTION-FILE RUNS SESSIONS\n", stderr);
    return 2;
  }
  const absl::Status status = zdpipe::MeasureReading(argv[1], runs, sessions);
  if (status.ok()) return 0;
  std::fprintf(stderr, "read_rate: error: %s\n", std::string(status.message()).c_str());
  return 1;
}
