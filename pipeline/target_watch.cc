#include "pipeline/target_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/server/sql_text.h"
#include "engine/snapshot/replication.h"

namespace zdpipe {
namespace {

// A session is asked once a second: an answer that takes longer than this is none.
SessionOptions WatchOptions() {
  SessionOptions options;
  options.connect_timeout = std::chrono::seconds(5);
  options.io_timeout = std::chrono::seconds(10);
  options.patient = false;
  return options;
}

// How far the replica is behind, over all its channels; an error when it does not replicate.
absl::StatusOr<uint64_t> ReadLag(Session& replica) {
  const bool renamed = replica.version().MySqlAtLeast(8, 4);
  ZDPIPE_ASSIGN_OR_RETURN(const Result status,
                          replica.Query(replica.version().mariadb ? "SHOW ALL SLAVES STATUS"
                                        : renamed                 ? "SHOW REPLICA STATUS"
                                                                  : "SHOW SLAVE STATUS"));
  uint64_t most = 0;
  for (size_t row = 0; row < status.rows.size(); ++row) {
    uint64_t seconds = 0;
    if (!absl::SimpleAtoi(
            status.Text(row, renamed ? "Seconds_Behind_Source" : "Seconds_Behind_Master"),
            &seconds)) {
      return MakeError(Failure::kTarget, "its replication does not run");
    }
    most = std::max(most, seconds);
  }
  if (status.rows.empty()) return MakeError(Failure::kTarget, "it is no replica");
  return most;
}

}  // namespace

std::string TargetWatch::ReasonToWait(const ThrottleLimits& limits) {
  if (limits.max_load.empty() && limits.max_lag_seconds == 0) return "";
  if (session_ == nullptr) {
    absl::StatusOr<std::unique_ptr<Session>> session =
        Session::Connect(target_, End::kTarget, WatchOptions());
    if (!session.ok()) return absl::StrCat("cannot measure: ", session.status().message());
    session_ = *std::move(session);
  }
  absl::StatusOr<std::string> reason = LoadReason(limits);
  if (reason.ok() && reason->empty()) reason = LagReason(limits.max_lag_seconds);
  if (reason.ok()) return *reason;
  session_.reset();
  return absl::StrCat("cannot measure: ", reason.status().message());
}

absl::StatusOr<std::string> TargetWatch::LoadReason(const ThrottleLimits& limits) {
  for (const auto& [name, limit] : limits.max_load) {
    ZDPIPE_ASSIGN_OR_RETURN(const Result result, session_->Query(absl::StrCat(
                                                     "SHOW GLOBAL STATUS LIKE ", QuoteText(name))));
    uint64_t value = 0;
    if (result.rows.empty() || !absl::SimpleAtoi(result.rows[0][1].value_or(""), &value)) {
      return absl::StrCat("the target has no status variable ", name, " that is a number");
    }
    if (value > limit) return absl::StrCat(name, " is ", value, ", more than ", limit);
  }
  return std::string();
}

absl::StatusOr<std::string> TargetWatch::LagReason(uint64_t max_lag_seconds) {
  if (max_lag_seconds == 0) return std::string();
  ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Endpoint> replicas, Replicas());
  for (const Endpoint& endpoint : replicas) {
    std::unique_ptr<Session>& session = replicas_[endpoint.Address()];
    absl::StatusOr<uint64_t> lag = uint64_t{0};
    if (session == nullptr) {
      absl::StatusOr<std::unique_ptr<Session>> opened =
          Session::Connect(endpoint, End::kTarget, WatchOptions());
      if (opened.ok()) session = *std::move(opened);
      if (!opened.ok()) lag = opened.status();
    }
    if (session != nullptr) lag = ReadLag(*session);
    if (!lag.ok()) {
      session.reset();
      return absl::StrCat("the lag of replica ", endpoint.Address(),
                          " is unknown: ", lag.status().message());
    }
    if (*lag > max_lag_seconds) {
      return absl::StrCat("replica ", endpoint.Address(), " is ", *lag, " s behind, more than ",
                          max_lag_seconds);
    }
  }
  return std::string();
}

// Those that the target knows the address of (report_host on the replica).
absl::StatusOr<std::vector<Endpoint>> TargetWatch::Replicas() {
  ZDPIPE_ASSIGN_OR_RETURN(const Result hosts, session_->Query(ShowReplicas(session_->version())));
  std::vector<Endpoint> replicas;
  for (size_t row = 0; row < hosts.rows.size(); ++row) {
    Endpoint endpoint = target_;
    endpoint.host = hosts.Text(row, "Host");
    endpoint.socket.clear();
    unsigned port = 0;
    (void)absl::SimpleAtoi(hosts.Text(row, "Port"), &port);
    endpoint.port = static_cast<uint16_t>(port);
    endpoint.name = endpoint.Address();
    if (endpoint.host.empty()) {
      return MakeError(Failure::kTarget,
                       absl::StrCat("replica with server_id ", hosts.Text(row, "Server_id"),
                                    " does not say where it is: set report_host on it"));
    }
    replicas.push_back(std::move(endpoint));
  }
  return replicas;
}

}  // namespace zdpipe
