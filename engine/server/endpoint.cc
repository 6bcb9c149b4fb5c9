#include "engine/server/endpoint.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace zdpipe {

absl::string_view EndName(End end) { return end == End::kSource ? "source" : "target"; }

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    Wipe();
    value_ = other.value_;
    present_ = other.present_;
  }
  return *this;
}

void Secret::Wipe() {
  // explicit_bzero: a plain memset of a dying string is dropped by the optimiser.
  if (!value_.empty()) explicit_bzero(value_.data(), value_.size());
}

std::string Endpoint::Address() const {
  return host.empty() ? socket : absl::StrCat(host, ":", port);
}

bool Endpoint::IsLocal() const {
  return host.empty() || host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

}  // namespace zdpipe
