#include "pipeline/run_sessions.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace zdpipe {

absl::StatusOr<std::unique_ptr<Session>> RunSessions::OpenSource() {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                          Session::Connect(options_.source, End::kSource, {}));
  ZDPIPE_RETURN_IF_ERROR(RememberSource(*session));
  return session;
}

absl::StatusOr<std::unique_ptr<Session>> RunSessions::OpenTarget(
    const SessionOptions& options) const {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                          Session::Connect(options_.target, End::kTarget, options));
  if (skips_binlog()) session->TrySet("sql_log_bin = 0");
  return session;
}

absl::StatusOr<std::unique_ptr<Session>> RunSessions::ConnectTarget(const SessionOptions& options) {
  ZDPIPE_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, OpenTarget(options));
  std::lock_guard lock(mutex_);
  if (!first_on_target_.has_value()) {
    ZDPIPE_ASSIGN_OR_RETURN(first_on_target_, Identify(*session));
  }
  target_threads_.push_back(session->thread_id());
  return session;
}

absl::Status RunSessions::RememberSource(Session& session) {
  ZDPIPE_ASSIGN_OR_RETURN(ServerSession self, Identify(session));
  std::lock_guard lock(mutex_);
  source_sessions_.push_back(std::move(self));
  return absl::OkStatus();
}

absl::Status RunSessions::EndSourceSessions(Session& source) {
  std::vector<ServerSession> sessions;
  {
    std::lock_guard lock(mutex_);
    sessions.swap(source_sessions_);
  }
  const absl::Status ended = EndSessions(source, sessions, [this] { return cancel_.cancelled(); });
  if (!ended.ok()) {
    std::lock_guard lock(mutex_);
    source_sessions_.insert(source_sessions_.end(), sessions.begin(), sessions.end());
  }
  return ended;
}

void RunSessions::Interrupt(unsigned long ledger_thread) {
  std::vector<unsigned long> threads;
  std::optional<ServerSession> first;
  {
    std::lock_guard lock(mutex_);
    threads = target_threads_;
    first = first_on_target_;
  }
  if (threads.empty()) return;
  const absl::StatusOr<std::unique_ptr<Session>> killer =
      Session::Connect(options_.target, End::kTarget, {});
  if (!killer.ok()) return;
  // A server that was started anew gives the same numbers to others.
  const absl::StatusOr<ServerSession> there = Identify(**killer);
  if (!there.ok() || !OfSameServer(*there, *first)) return;
  (void)(*killer)->ExecuteWithWarnings(absl::StrCat("KILL QUERY ", ledger_thread));
  for (const unsigned long id : threads) {
    (void)(*killer)->ExecuteWithWarnings(absl::StrCat("KILL ", id));
  }
}

}  // namespace zdpipe
