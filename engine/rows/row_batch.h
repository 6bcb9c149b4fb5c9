// About 1 MiB of consecutive rows: what one execute on the target carries.
#ifndef ZDPIPE_ENGINE_ROWS_ROW_BATCH_H_
#define ZDPIPE_ENGINE_ROWS_ROW_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/rows/wire_row.h"

namespace zdpipe {

// One slab of memory, laid out like a slotted page: rows grow from the front, the 4-byte offsets
// of their ends from the back. The slab is allocated once and reused, so filling a batch
// allocates nothing; only a row larger than the slab makes it grow, until the next Clear().
//
// Owned by one range, used by one stage at a time.
class RowBatch {
 public:
  static constexpr size_t kRowOverheadBytes = sizeof(uint32_t);  // beside the row itself

  explicit RowBatch(size_t capacity_bytes);

  // Copies `row` to the end. False when it does not fit: the row starts the next batch. An empty
  // batch takes any row, and grows for it.
  bool Append(WireRow row);

  // Forgets the rows; gives back memory that one huge row made it take.
  void Clear();
  // Forgets the rows and gives back all memory; the next Append() allocates anew.
  void Release();

  size_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  size_t row_bytes() const { return used_; }          // of all rows together
  size_t memory_bytes() const { return allocated_; }  // of the slab
  WireRow row(size_t index) const {
    const size_t begin = index == 0 ? 0 : End(index - 1);
    return {slab_.get() + begin, End(index) - begin};
  }
  // The bytes of rows [first, first + count).
  size_t SpanBytes(size_t first, size_t count) const {
    return count == 0 ? 0 : End(first + count - 1) - (first == 0 ? 0 : End(first - 1));
  }

 private:
  static constexpr size_t kEndBytes = kRowOverheadBytes;

  uint32_t End(size_t index) const {
    uint32_t end;
    std::memcpy(&end, slab_.get() + allocated_ - (index + 1) * kEndBytes, kEndBytes);
    return end;
  }
  void Reallocate(size_t bytes);

  const size_t capacity_;
  size_t allocated_ = 0;
  size_t used_ = 0;
  size_t rows_ = 0;
  std::unique_ptr<uint8_t[]> slab_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ROWS_ROW_BATCH_H_
