#include "engine/server/server_session.h"

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

constexpr int64_t kStartedWithin = 3;  // seconds: two readings of the server's start
constexpr std::chrono::seconds kEndWithin{30};
constexpr std::chrono::milliseconds kPoll{50};

using Identity = std::tuple<std::string, std::string, std::string>;

Identity IdentityOf(const ServerSession& session) {
  return {session.thread_id, session.user, session.host};
}

}  // namespace

bool OfSameServer(const ServerSession& one, const ServerSession& other) {
  return std::abs(one.server_started - other.server_started) <= kStartedWithin;
}

absl::StatusOr<ServerSession> Identify(Session& session) {
  const std::vector<absl::StatusOr<Result>> results =
      session.QueryAll({"SHOW GLOBAL STATUS LIKE 'Uptime'",
                        "SELECT ID AS id, USER AS user, HOST AS host, UNIX_TIMESTAMP() AS now FROM "
                        "information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()"});
  for (const absl::StatusOr<Result>& result : results) ZDPIPE_RETURN_IF_ERROR(result.status());
  const Result& uptime = *results[0];
  const Result& self = *results[1];
  int64_t seconds = 0;
  int64_t now = 0;
  if (uptime.rows.size() != 1 || self.rows.size() != 1 ||
      !absl::SimpleAtoi(uptime.rows[0][1].value_or(""), &seconds) ||
      !absl::SimpleAtoi(self.Text(0, "now"), &now)) {
    return MakeError(session.failure(),
                     absl::StrCat(EndName(session.end()),
                                  ": the server does not tell its uptime and this session"));
  }
  return ServerSession{self.Text(0, "id"), self.Text(0, "user"), self.Text(0, "host"),
                       now - seconds};
}

absl::Status EndSessions(Session& session, const std::vector<ServerSession>& lost,
                         const std::function<bool()>& stopping) {
  if (lost.empty()) return absl::OkStatus();
  ZDPIPE_ASSIGN_OR_RETURN(const ServerSession self, Identify(session));
  std::set<Identity> ours;
  for (const ServerSession& one : lost) {
    if (OfSameServer(one, self)) ours.insert(IdentityOf(one));
  }
  for (const auto give_up = std::chrono::steady_clock::now() + kEndWithin; !ours.empty();) {
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result running,
        session.Query("SELECT ID AS id, USER AS user, HOST AS host FROM "
                      "information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"));
    std::string left;
    for (size_t row = 0; row < running.rows.size(); ++row) {
      const ServerSession found{running.Text(row, "id"), running.Text(row, "user"),
                                running.Text(row, "host")};
      if (ours.count(IdentityOf(found)) == 0) continue;
      left = found.thread_id;
      (void)session.ExecuteWithWarnings(absl::StrCat("KILL ", left));  // it may have ended by now
    }
    if (left.empty()) break;
    if (stopping()) return StoppedError();
    if (std::chrono::steady_clock::now() > give_up) {
      return MakeServerError(session.failure(), kErrLockWaitTimeout,
                             absl::StrCat(EndName(session.end()), ": session ", left,
                                          ", whose connection broke, was killed and does not end"));
    }
    std::this_thread::sleep_for(kPoll);
  }
  return absl::OkStatus();
}

}  // namespace zdpipe
