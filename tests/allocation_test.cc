// The way of a row allocates nothing per row and nothing per batch once it has warmed up.
#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/ledger/ledger.h"
#include "engine/load/range_loader.h"
#include "engine/rows/range.h"
#include "engine/server/row_stream.h"
#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace {
std::atomic<uint64_t> allocations = 0;
}

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace zdpipe {
namespace {

constexpr size_t kRows = 60'000;
const RangeSizes kSizes{size_t{4} << 20, size_t{1} << 18};

class AllocationTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = StartServer();
    ASSERT_NE(server_, nullptr);
    ASSERT_DONE(server_->Sql(absl::StrCat(
        "CREATE DATABASE a; USE a; CREATE TABLE t (id INT PRIMARY KEY, n INT, d DATETIME, m "
        "DECIMAL(20,4), v VARCHAR(300)); INSERT INTO t SELECT seq, IF(seq % 3, seq, NULL), "
        "'2020-01-01' + INTERVAL seq SECOND, seq / 7, REPEAT('v', seq % 300) FROM seq_1_to_",
        kRows, "; CREATE TABLE target LIKE t;")));
    session_ = Connect(*server_);
    ASSERT_NE(session_, nullptr);
    absl::StatusOr<std::unique_ptr<RowStream>> stream =
        RowStream::Open(*session_, "SELECT id, n, d, m, v FROM a.t ORDER BY id",
                        std::vector<ColumnRole>(5, ColumnRole::kPlain));
    ASSERT_TRUE(stream.ok()) << stream.status();
    stream_ = *std::move(stream);
  }

  // Fills the range; false when there are no more rows.
  bool Fill(Range& range) {
    range.Clear();
    while (true) {
      if (!pending_) {
        const absl::StatusOr<bool> more = stream_->Next();
        EXPECT_TRUE(more.ok()) << more.status();
        if (!more.ok() || !*more) return range.rows() > 0;
      }
      pending_ = !range.Append(stream_->row());
      if (pending_) return true;
    }
  }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<RowStream> stream_;
  bool pending_ = false;
};

TEST_F(AllocationTest, ReadingAllocatesNothing) {
  Range range(kSizes);
  ASSERT_TRUE(Fill(range));  // warms up
  uint64_t rows = range.rows();
  const uint64_t before = allocations;
  while (Fill(range)) rows += range.rows();
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(rows, kRows);
}

TEST_F(AllocationTest, LoadingAllocatesPerRangeNotPerRowOrBatch) {
  const std::unique_ptr<Session> control = Connect(*server_);
  absl::StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Lock(*control, "zdpipe", {});
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  ASSERT_DONE((*ledger)->Start(LedgerRun(), {{"a", "b"}}, "token"));
  RetryLog retries;
  LoaderOptions options;
  options.claim = {"zdpipe", "token"};
  options.connect = [&] {
    return Session::Connect(server_->root(), End::kTarget, SessionOptions());
  };
  options.on_wait = [](absl::string_view) {};
  options.retries = &retries;
  std::atomic<uint64_t> commit_nanoseconds = 0;
  options.commit_nanoseconds = &commit_nanoseconds;
  absl::StatusOr<std::unique_ptr<RangeLoader>> loader = RangeLoader::Make(std::move(options));
  ASSERT_TRUE(loader.ok()) << loader.status();
  LoadTable table;
  table.name = {"a", "target"};
  table.plan.insert_head = "INSERT INTO a.target (id, n, d, m, v) VALUES ";
  table.layout = stream_->layout();
  table.table_id = 1;
  table.transactional = true;

  // One batch, then ranges of many: what a range allocates does not grow with it.
  Range range(kSizes);
  std::vector<std::pair<size_t, uint64_t>> batches_and_allocations;
  for (uint64_t number = 0; Fill(range); ++number) {
    range.number = number;
    const uint64_t before = allocations;
    ASSERT_DONE((*loader)->Load(table, range, [] { return false; }));
    batches_and_allocations.emplace_back(range.batches().size(), allocations - before);
  }
  ASSERT_GE(batches_and_allocations.size(), 3u);
  const auto [whole, of_whole] = batches_and_allocations[1];
  const auto [last, of_last] = batches_and_allocations.back();
  ASSERT_GE(whole, 10u);
  ASSERT_LT(last, whole);
  EXPECT_EQ(of_whole, of_last) << whole << " and " << last << " batches";
  EXPECT_EQ(Value(*server_, "SELECT COUNT(*) FROM a.target"), std::to_string(kRows));
}

}  // namespace
}  // namespace zdpipe
