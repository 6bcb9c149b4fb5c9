// The work done per row on our side, without servers: filling a range from wire rows, digesting,
// walking the values as the loader does when it binds them, and encoding keys for the ledger.
//
//   build/release/bench/kernels_bench
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/rows/digest.h"
#include "engine/rows/range.h"
#include "engine/rows/wire_row.h"
#include "engine/schema/table_plan.h"

namespace zdpipe {
namespace {

// A row of `text_columns` texts of `text_bytes` between an id and a time: about what tables hold.
struct Sample {
  RowLayout layout;
  std::vector<uint8_t> row;
};

Sample MakeSample(size_t text_columns, size_t text_bytes) {
  Sample sample;
  sample.layout.columns.push_back({WireType::kInt64, false});
  for (size_t i = 0; i < text_columns; ++i) {
    sample.layout.columns.push_back({WireType::kBytes, false});
  }
  sample.layout.columns.push_back({WireType::kDateTime, false});

  sample.row.assign(sample.layout.bitmap_bytes(), 0);
  const uint64_t id = 4711;
  const auto* id_bytes = reinterpret_cast<const uint8_t*>(&id);
  sample.row.insert(sample.row.end(), id_bytes, id_bytes + sizeof(id));
  for (size_t i = 0; i < text_columns; ++i) {
    sample.row.push_back(static_cast<uint8_t>(text_bytes));  // up to 250: one length byte
    sample.row.insert(sample.row.end(), text_bytes, 'x');
  }
  const uint8_t time[] = {7, 0xe8, 0x07, 2, 29, 23, 59, 58};
  sample.row.insert(sample.row.end(), std::begin(time), std::end(time));
  return sample;
}

void ReportRows(benchmark::State& state, const Sample& sample) {
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sample.row.size()));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"texts", "bytes"})->Args({0, 0})->Args({4, 40})->Args({20, 100});
}

void BM_FillRange(benchmark::State& state) {
  const Sample sample = MakeSample(state.range(0), state.range(1));
  Range range{RangeSizes{}};
  for (auto _ : state) {
    if (!range.Append(sample.row)) range.Clear();
  }
  ReportRows(state, sample);
}
BENCHMARK(BM_FillRange)->Apply(Shapes);

void BM_Digest(benchmark::State& state) {
  const Sample sample = MakeSample(state.range(0), state.range(1));
  Digest digest;
  for (auto _ : state) digest.Add(WireRow(sample.row));
  benchmark::DoNotOptimize(digest);
  ReportRows(state, sample);
}
BENCHMARK(BM_Digest)->Apply(Shapes);

void BM_WalkValues(benchmark::State& state) {
  const Sample sample = MakeSample(state.range(0), state.range(1));
  for (auto _ : state) {
    ValueCursor values(sample.layout, sample.row);
    for (size_t i = 0; i < sample.layout.columns.size(); ++i) {
      benchmark::DoNotOptimize(values.Next());
    }
  }
  ReportRows(state, sample);
}
BENCHMARK(BM_WalkValues)->Apply(Shapes);

void BM_EncodeKey(benchmark::State& state) {
  const Sample sample = MakeSample(4, 40);
  TablePlan plan;
  plan.key = {{0, ""}, {1, "latin1"}};
  for (auto _ : state) benchmark::DoNotOptimize(KeyLiteral(plan, sample.layout, sample.row));
  ReportRows(state, sample);
}
BENCHMARK(BM_EncodeKey);

}  // namespace
}  // namespace zdpipe

BENCHMARK_MAIN();
