#include "engine/rows/row_batch.h"

#include <cstring>

namespace zdpipe {

RowBatch::RowBatch(size_t capacity_bytes) : capacity_(capacity_bytes) {}

bool RowBatch::Append(WireRow row) {
  const size_t needed = used_ + row.size() + (rows_ + 1) * kEndBytes;
  if (needed > allocated_) {
    if (rows_ > 0) return false;
    Reallocate(needed > capacity_ ? needed : capacity_);
  }
  if (!row.empty()) std::memcpy(slab_.get() + used_, row.data(), row.size());
  used_ += row.size();
  ++rows_;
  // Ends fit 32 bits: the protocol's largest packet is 1 GiB, and a batch holds either one such
  // row or less than its capacity.
  const auto end = static_cast<uint32_t>(used_);
  std::memcpy(slab_.get() + allocated_ - rows_ * kEndBytes, &end, kEndBytes);
  return true;
}

void RowBatch::Clear() {
  used_ = 0;
  rows_ = 0;
  if (allocated_ > capacity_) Release();
}

void RowBatch::Release() {
  used_ = 0;
  rows_ = 0;
  slab_.reset();
  allocated_ = 0;
}

void RowBatch::Reallocate(size_t bytes) {
  slab_.reset();  // first, so that both are never held at once
  slab_ = std::make_unique_for_overwrite<uint8_t[]>(bytes);
  allocated_ = bytes;
}

}  // namespace zdpipe
