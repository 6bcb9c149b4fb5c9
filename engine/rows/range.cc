#include "engine/rows/range.h"

namespace zdpipe {

Range::Range(const RangeSizes& sizes) : sizes_(sizes) {
  batches_.reserve(sizes.batches());
  for (size_t i = 0; i < sizes.batches(); ++i) batches_.emplace_back(sizes.batch_bytes);
}

bool Range::Append(WireRow row) {
  // A row larger than a batch is a range of its own: its memory comes on top of the range's share,
  // and one such row at a time is what the memory bound counts with.
  const bool oversized = row.size() + RowBatch::kRowOverheadBytes > sizes_.batch_bytes;
  if (row_bytes_ > 0 && (oversized || oversized_)) return false;
  if (used_batches_ == 0) used_batches_ = 1;
  if (!batches_[used_batches_ - 1].Append(row)) {
    if (used_batches_ == batches_.size()) return false;
    ++used_batches_;
    batches_[used_batches_ - 1].Append(row);
  }
  oversized_ = oversized;
  digest_.Add(row);
  row_bytes_ += row.size();
  return true;
}

void Range::Release() {
  Clear();
  for (RowBatch& batch : batches_) batch.Release();
}

void Range::Clear() {
  for (RowBatch& batch : batches_) batch.Clear();
  used_batches_ = 0;
  row_bytes_ = 0;
  oversized_ = false;
  digest_ = Digest();
  number = 0;
  enum_error_values = 0;
}

}  // namespace zdpipe
