#include "pipeline/limited_by.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/numbers.h"
#include "pipeline/progress.h"

namespace zdpipe {
namespace {

// A wait takes milliseconds; fewer of them are no limit (3 per second were seen with idle disks).
constexpr double kDiskWaitsPerSecond = 20;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Since the server was started; 0 when it does not say.
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

absl::StatusOr<double> RoundTripSeconds(Session& session) {
  constexpr int kTries = 3;
  double shortest = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ZDPIPE_RETURN_IF_ERROR(session.Execute("DO 0"));
    const double seconds = SecondsSince(start);
    shortest = i == 0 ? seconds : std::min(shortest, seconds);
  }
  return shortest;
}

void PhaseMeter::SetRoundTrips(double source_seconds, double target_seconds) {
  source_round_trip_ = source_seconds;
  target_round_trip_ = target_seconds;
}

void PhaseMeter::Begin() {
  before_ = SoFar();
  disk_waits_before_.reset();
  disk_waits_ = 0;
}

void PhaseMeter::CountDiskWaits(Session& target) {
  const uint64_t now = DiskWaits(target);
  // A server that was restarted counts from 0 again.
  disk_waits_ = now - std::min(now, disk_waits_before_.value_or(now));
  disk_waits_before_ = now;
}

PhaseWork PhaseMeter::End(double seconds, size_t lanes) {
  PhaseWork work = SoFar();
  work.seconds = seconds;
  work.cores = std::max(1u, std::thread::hardware_concurrency());
  work.threads = static_cast<unsigned>(std::max<size_t>(1, lanes));
  work.cpu_seconds -= before_.cpu_seconds;
  work.paused_seconds -= before_.paused_seconds;
  work.commit_seconds -= before_.commit_seconds;
  work.source.seconds -= before_.source.seconds;
  work.source.answers -= before_.source.answers;
  work.source.round_trip_seconds = source_round_trip_;
  work.target.seconds -= before_.target.seconds;
  work.target.answers -= before_.target.answers;
  work.target.round_trip_seconds = target_round_trip_;
  work.disk_waits = disk_waits_;
  return work;
}

PhaseWork PhaseMeter::SoFar() const {
  constexpr double kNanosecond = 1e-9;
  const Waits& source = WaitsFor(End::kSource);
  const Waits& target = WaitsFor(End::kTarget);
  PhaseWork work;
  work.cpu_seconds = CpuSeconds();
  work.paused_seconds = throttle_.waited_seconds();
  // Of a stream's rows only the first answer counts as a wait; who reads them knows the rest.
  const uint64_t source_nanoseconds = source.nanoseconds.load() + busy_.read_nanoseconds.load();
  work.source.seconds = kNanosecond * static_cast<double>(source_nanoseconds);
  work.source.answers = source.answers.load();
  work.target.seconds = kNanosecond * static_cast<double>(target.nanoseconds.load());
  work.target.answers = target.answers.load();
  work.commit_seconds = kNanosecond * static_cast<double>(busy_.commit_nanoseconds.load());
  return work;
}

}  // namespace zdpipe
