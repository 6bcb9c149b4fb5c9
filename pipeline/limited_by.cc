#include "pipeline/limited_by.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/numbers.h"
#include "pipeline/progress.h"

namespace zdpipe {
namespace {

// A wait takes milliseconds; fewer of them are no limit (3 per second were seen with idle disks).
constexpr double kDiskWaitsPerSecond = 20;

}  // namespace

std::string LimitedBy(const PhaseWork& work) {
  if (work.paused_seconds > work.seconds * work.threads / 2) return "throttle";
  const double waited = work.source.seconds + work.target.seconds;
  const bool all_cores = work.cpu_seconds > 0.8 * work.seconds * work.cores;
  if (all_cores || work.cpu_seconds > waited) return "client";
  const bool on_source = work.source.seconds > work.target.seconds;
  const WaitedFor& end = on_source ? work.source : work.target;
  const double trips = static_cast<double>(end.answers) * end.round_trip_seconds;
  if (trips > end.seconds / 2) return "network";
  if (on_source) return "source";
  const bool disk = static_cast<double>(work.disk_waits) > kDiskWaitsPerSecond * work.seconds ||
                    work.commit_seconds > end.seconds / 2;
  return disk ? "target disk" : "target CPU";
}

double RoundTripSeconds(Session& session) {
  constexpr int kTries = 3;
  double shortest = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!session.Execute("DO 0").ok()) return 0;
    const double seconds = SecondsSince(start);
    shortest = i == 0 ? seconds : std::min(shortest, seconds);
  }
  return shortest;
}

uint64_t DiskWaits(Session& target) {
  const absl::StatusOr<Result> status = target.Query(
      "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_buffer_pool_wait_free', "
      "'Innodb_log_waits')");
  uint64_t waits = 0;
  for (size_t row = 0; status.ok() && row < status->rows.size(); ++row) {
    uint64_t value = 0;
    if (absl::SimpleAtoi(status->Text(row, "Value"), &value)) waits += value;
  }
  return waits;
}

}  // namespace zdpipe
