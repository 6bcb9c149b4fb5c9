// One row in the form the server sends it: the binary protocol's row, unchanged.
//
// A row is `null bitmap` + the non-null values in column order, little endian:
//   integers, FLOAT, DOUBLE      1, 2, 4 or 8 bytes
//   temporal values              one length byte, then 0 to 12 bytes
//   everything else              length-encoded integer, then the column's own bytes
// The bitmap has a bit per column, starting at bit 2. Source: MariaDB "Resultset row", binary form.
//
// COM_STMT_BULK_EXECUTE takes the same encodings, so a value is never parsed or formatted between
// the servers; and equal values have equal bytes, so the digest is taken over this form.
// Why not per-column arrays: docs/decisions/0001-row-batch-holds-wire-rows.md.
#ifndef ZDPIPE_ENGINE_ROWS_WIRE_ROW_H_
#define ZDPIPE_ENGINE_ROWS_WIRE_ROW_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace zdpipe {

enum class WireType : uint8_t {
  kInt8,
  kInt16,  // also YEAR
  kInt32,  // also MEDIUMINT
  kInt64,
  kEnum,  // an ENUM's number, 8 bytes unsigned; 0 is its error value ''
  kFloat,
  kDouble,
  kDate,
  kTime,
  kDateTime,  // also TIMESTAMP
  kDecimal,   // decimal text
  kBytes,     // character and binary data: the column's own bytes, never converted
  kText,      // a text form the server converts: UUID, INET6, INET4, MySQL's JSON
};

// A number of the row, which need not be aligned.
template <typename T>
T Load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

struct WireColumn {
  WireType type;
  bool is_unsigned;

  friend bool operator==(const WireColumn&, const WireColumn&) = default;
};

// The columns of a row, in order.
struct RowLayout {
  std::vector<WireColumn> columns;

  size_t bitmap_bytes() const { return (columns.size() + 2 + 7) / 8; }
  friend bool operator==(const RowLayout&, const RowLayout&) = default;
};

using WireRow = std::span<const uint8_t>;

// A value inside a row: for kBytes, kText and kDecimal the bytes behind the length, for temporal
// types the bytes behind the length byte. `data` is null for SQL NULL.
struct WireValue {
  const uint8_t* data = nullptr;
  size_t size = 0;

  bool is_null() const { return data == nullptr; }
};

// Fixed size of a type's value; 0 for the types that carry their length.
constexpr size_t FixedWidth(WireType type) {
  switch (type) {
    case WireType::kInt8:
      return 1;
    case WireType::kInt16:
      return 2;
    case WireType::kInt32:
    case WireType::kFloat:
      return 4;
    case WireType::kInt64:
    case WireType::kEnum:
    case WireType::kDouble:
      return 8;
    default:
      return 0;
  }
}

// Reads the value at `position` and moves it behind the value. False when it does not end before
// `end`: a malformed row.
inline bool TakeValue(WireType type, const uint8_t*& position, const uint8_t* end,
                      WireValue& value) {
  size_t size = FixedWidth(type);
  if (size == 0) {
    if (position >= end) return false;
    const uint8_t first = *position++;
    size_t length_bytes = 0;
    switch (first) {
      case 251:  // the text protocol's NULL
      case 255:
        return false;
      case 252:
        length_bytes = 2;
        break;
      case 253:
        length_bytes = 3;
        break;
      case 254:
        length_bytes = 8;
        break;
      default:
        size = first;
    }
    if (length_bytes > 0) {
      if (static_cast<size_t>(end - position) < length_bytes) return false;
      uint64_t length = 0;
      std::memcpy(&length, position, length_bytes);  // little endian, like the protocol
      position += length_bytes;
      size = length;
    }
  }
  if (static_cast<size_t>(end - position) < size) return false;
  value = {position, size};
  position += size;
  return true;
}

// Walks the values of a row in column order.
class ValueCursor {
 public:
  // `layout` and the row's bytes must outlive the cursor.
  ValueCursor(const RowLayout& layout, WireRow row)
      : layout_(layout),
        bitmap_(row.data()),
        position_(row.data() + layout.bitmap_bytes()),
        end_(row.data() + row.size()) {}

  // The next column's value. The row was checked when it was received: it cannot be malformed.
  WireValue Next() {
    const size_t bit = column_ + 2;
    WireValue value;
    if ((bitmap_[bit / 8] >> (bit % 8) & 1) == 0) {
      (void)TakeValue(layout_.columns[column_].type, position_, end_, value);
    }
    ++column_;
    return value;
  }

 private:
  const RowLayout& layout_;
  const uint8_t* bitmap_;
  const uint8_t* position_;
  const uint8_t* end_;
  size_t column_ = 0;
};

// Number of ENUM values in the row that are the error value 0.
inline uint64_t CountEnumErrors(const RowLayout& layout, WireRow row) {
  uint64_t errors = 0;
  ValueCursor values(layout, row);
  for (const WireColumn& column : layout.columns) {
    const WireValue value = values.Next();
    if (column.type != WireType::kEnum || value.is_null()) continue;
    uint64_t number;
    std::memcpy(&number, value.data, sizeof(number));
    if (number == 0) ++errors;
  }
  return errors;
}

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ROWS_WIRE_ROW_H_
