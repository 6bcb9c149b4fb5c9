// Order-free digest of a set of rows.
#ifndef ZDPIPE_ENGINE_ROWS_DIGEST_H_
#define ZDPIPE_ENGINE_ROWS_DIGEST_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "engine/rows/wire_row.h"

namespace zdpipe {

// XXH3-128 of the row in wire form.
absl::uint128 HashRow(WireRow row);

// XXH3-64 of the values in `columns` (positions in the row, in any order). Equal values in equal
// order have equal hashes, whatever else is in the row.
uint64_t HashValues(const RowLayout& layout, std::span<const size_t> columns, WireRow row);

// The sum, modulo 2^128, of the XXH3-128 hashes of the rows in wire form, and their number. The
// sum does not depend on the order and, unlike XOR, does not lose pairs of equal rows.
// It guards against mistakes, not against somebody who forges rows: XXH3 is not cryptographic.
class Digest {
 public:
  void Add(WireRow row) { AddHash(HashRow(row)); }
  void AddHash(absl::uint128 row_hash) {
    sum_ += row_hash;
    ++rows_;
  }
  void Add(const Digest& other);

  uint64_t rows() const { return rows_; }
  std::string Hex() const;  // 32 hex digits of the sum
  // What Hex() and rows() have told; nullopt when it is no such text.
  static std::optional<Digest> FromHex(absl::string_view hex, uint64_t rows);

  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  absl::uint128 sum_ = 0;
  uint64_t rows_ = 0;
};

// The digests of a set of rows, sorted into slices by what tells rows apart. Two sets differ where
// their slices do: only the rows of those slices need a second look.
class SlicedDigest {
 public:
  static constexpr size_t kSlices = 4096;

  SlicedDigest() : slices_(kSlices) {}

  static size_t SliceOf(uint64_t identity_hash) { return identity_hash % kSlices; }
  void Add(uint64_t identity_hash, absl::uint128 row_hash) {
    slices_[SliceOf(identity_hash)].AddHash(row_hash);
  }
  const Digest& slice(size_t index) const { return slices_[index]; }
  uint64_t rows() const;

 private:
  std::vector<Digest> slices_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ROWS_DIGEST_H_
