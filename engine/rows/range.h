// About 16 MiB of consecutive rows: one transaction on the target, one ledger row, one retry.
#ifndef ZDPIPE_ENGINE_ROWS_RANGE_H_
#define ZDPIPE_ENGINE_ROWS_RANGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/rows/digest.h"
#include "engine/rows/row_batch.h"

namespace zdpipe {

// The sizes of the row path, all in bytes.
struct RangeSizes {
  size_t range_bytes = size_t{16} << 20;
  size_t batch_bytes = size_t{1} << 20;

  size_t batches() const { return range_bytes / batch_bytes < 1 ? 1 : range_bytes / batch_bytes; }
};

// A container that is filled by a reader, loaded by a loader, cleared and filled again. It holds
// all rows until they are committed, so a failed transaction is replayed from memory.
class Range {
 public:
  explicit Range(const RangeSizes& sizes);

  // Adds a row, hashing it; false when the range is full: the row starts the next one. An empty
  // range takes any row, and a row larger than a batch stays alone in its range.
  bool Append(WireRow row);
  void Clear();
  void Release();  // as Clear(), and gives back the memory

  uint64_t rows() const { return digest_.rows(); }
  uint64_t row_bytes() const { return row_bytes_; }
  const Digest& digest() const { return digest_; }
  std::span<const RowBatch> batches() const { return {batches_.data(), used_batches_}; }
  WireRow first_row() const { return batches_.front().row(0); }
  WireRow last_row() const {
    const RowBatch& last = batches_[used_batches_ - 1];
    return last.row(last.rows() - 1);
  }

  // Set by the reader.
  uint32_t segment = 0;            // of the table, from 0
  uint64_t number = 0;             // of the range in its segment, from 0
  uint64_t enum_error_values = 0;  // ENUM values 0 in these rows: stored with a warning each

 private:
  const RangeSizes sizes_;
  std::vector<RowBatch> batches_;
  bool oversized_ = false;
  size_t used_batches_ = 0;
  uint64_t row_bytes_ = 0;
  Digest digest_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ROWS_RANGE_H_
