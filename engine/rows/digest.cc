#include "engine/rows/digest.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace zdpipe {

absl::uint128 HashRow(WireRow row) {
  const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size());
  return absl::MakeUint128(hash.high64, hash.low64);
}

uint64_t HashValues(const RowLayout& layout, std::span<const size_t> columns, WireRow row) {
  // A value's hash must not run into the next one's, and NULL is not the empty string.
  constexpr uint64_t kNullSeed = 0x9E3779B97F4A7C15;  // any odd constant: 2^64 / golden ratio
  uint64_t hash = 0;
  const size_t last = columns.empty() ? 0 : *std::max_element(columns.begin(), columns.end());
  ValueCursor values(layout, row);
  for (size_t position = 0; position <= last; ++position) {
    const WireValue value = values.Next();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] != position) continue;
      const uint64_t seed = i + (value.is_null() ? kNullSeed : 0);
      hash += XXH3_64bits_withSeed(value.data, value.size, seed);
    }
  }
  return hash;
}

void Digest::Add(const Digest& other) {
  sum_ += other.sum_;
  rows_ += other.rows_;
}

uint64_t SlicedDigest::rows() const {
  return std::accumulate(slices_.begin(), slices_.end(), uint64_t{0},
                         [](uint64_t sum, const Digest& slice) { return sum + slice.rows(); });
}

std::string Digest::Hex() const {
  return absl::StrCat(absl::Hex(absl::Uint128High64(sum_), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(sum_), absl::kZeroPad16));
}

std::optional<Digest> Digest::FromHex(absl::string_view hex, uint64_t rows) {
  constexpr size_t kHalf = 16;
  uint64_t high = 0;
  uint64_t low = 0;
  if (hex.size() != 2 * kHalf || !absl::SimpleHexAtoi(hex.substr(0, kHalf), &high) ||
      !absl::SimpleHexAtoi(hex.substr(kHalf), &low)) {
    return std::nullopt;
  }
  Digest digest;
  digest.sum_ = absl::MakeUint128(high, low);
  digest.rows_ = rows;
  return digest;
}

}  // namespace zdpipe
