#include "pipeline/throttle.h"

#include <algorithm>
#include <cctype>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/errors.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
// How much of an unused rate may be made up for: a second's worth.
constexpr std::chrono::seconds kBurst{1};

absl::Status BadValue(absl::string_view name, absl::string_view value, absl::string_view wanted) {
  return MakeError(Failure::kUsage,
                   absl::StrCat(Printable(name), " ", Printable(value), ": expected ", wanted));
}

absl::StatusOr<std::vector<std::pair<std::string, uint64_t>>> ParseLoad(absl::string_view value) {
  std::vector<std::pair<std::string, uint64_t>> limits;
  for (const absl::string_view part : absl::StrSplit(value, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    uint64_t limit = 0;
    // It becomes part of a statement: only what names of status variables are made of.
    const bool is_name = !pair.first.empty() &&
                         std::all_of(pair.first.begin(), pair.first.end(), [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '_';
                         });
    if (!is_name || !absl::SimpleAtoi(pair.second, &limit)) {
      return BadValue("max-load", value, "VARIABLE=NUMBER, comma separated");
    }
    limits.emplace_back(pair.first, limit);
  }
  return limits;
}

}  // namespace

absl::Status SetThrottleLimit(absl::string_view name, absl::string_view value,
                              ThrottleLimits& limits) {
  if (name == "max-load") {
    ZDPIPE_ASSIGN_OR_RETURN(limits.max_load, ParseLoad(value));
    return absl::OkStatus();
  }
  if (name != "rate" && name != "max-lag") {
    return BadValue(name, value, "rate, max-load or max-lag");
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(value, &number)) return BadValue(name, value, "a number");
  (name == "rate" ? limits.rate_bytes : limits.max_lag_seconds) = number;
  return absl::OkStatus();
}

ThrottleLimits Throttle::limits() const {
  std::lock_guard lock(mutex_);
  return limits_;
}

void Throttle::SetLimits(ThrottleLimits limits) {
  std::lock_guard lock(mutex_);
  if (limits.rate_bytes != limits_.rate_bytes) free_at_ = Clock::now();
  limits_ = std::move(limits);
}

void Throttle::Hold(std::string reason) {
  std::lock_guard lock(mutex_);
  held_ = std::move(reason);
}

std::string Throttle::reason() const {
  std::lock_guard lock(mutex_);
  if (!held_.empty()) return held_;
  return rate_is_full_ ? absl::StrCat("rate ", limits_.rate_bytes, " bytes/s") : "";
}

void Throttle::Await(uint64_t bytes, const std::function<bool()>& stopping) {
  const auto start = Clock::now();
  while (!MayGo(bytes) && !stopping()) std::this_thread::sleep_for(kPoll);
  std::lock_guard lock(mutex_);
  waited_seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
}

// The rate is a schedule: each caller gets the time its bytes take, one after the other.
bool Throttle::MayGo(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (!held_.empty()) return false;
  if (limits_.rate_bytes == 0) {
    rate_is_full_ = false;
    return true;
  }
  const auto now = Clock::now();
  rate_is_full_ = now < free_at_;
  if (rate_is_full_) return false;
  const auto takes = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
      static_cast<double>(bytes) / static_cast<double>(limits_.rate_bytes)));
  free_at_ = std::max(free_at_, now - kBurst) + takes;
  return true;
}

double Throttle::waited_seconds() const {
  std::lock_guard lock(mutex_);
  return waited_seconds_;
}

}  // namespace zdpipe
