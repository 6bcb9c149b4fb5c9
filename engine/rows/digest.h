// Order-free digest of a set of rows.
#ifndef ZDPIPE_ENGINE_ROWS_DIGEST_H_
#define ZDPIPE_ENGINE_ROWS_DIGEST_H_

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "engine/rows/wire_row.h"

namespace zdpipe {

// The sum, modulo 2^128, of the XXH3-128 hashes of the rows in wire form, and their number. The
// sum does not depend on the order and, unlike XOR, does not lose pairs of equal rows.
// It guards against mistakes, not against somebody who forges rows: XXH3 is not cryptographic.
class Digest {
 public:
  void Add(WireRow row);
  void Add(const Digest& other);

  uint64_t rows() const { return rows_; }
  std::string Hex() const;  // 32 hex digits of the sum

  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  absl::uint128 sum_ = 0;
  uint64_t rows_ = 0;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_ROWS_DIGEST_H_
