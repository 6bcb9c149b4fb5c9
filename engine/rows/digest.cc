#include "engine/rows/digest.h"

#include <xxhash.h>

#include "absl/strings/str_cat.h"

namespace zdpipe {

void Digest::Add(WireRow row) {
  const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size());
  sum_ += absl::MakeUint128(hash.high64, hash.low64);
  ++rows_;
}

void Digest::Add(const Digest& other) {
  sum_ += other.sum_;
  rows_ += other.rows_;
}

std::string Digest::Hex() const {
  return absl::StrCat(absl::Hex(absl::Uint128High64(sum_), absl::kZeroPad16),
                      absl::Hex(absl::Uint128Low64(sum_), absl::kZeroPad16));
}

}  // namespace zdpipe
