// The sessions of one attempt: how they are opened, and how those are ended that may outlive it.
#ifndef ZDPIPE_PIPELINE_RUN_SESSIONS_H_
#define ZDPIPE_PIPELINE_RUN_SESSIONS_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/server/server_session.h"
#include "engine/server/session.h"
#include "pipeline/cancel.h"
#include "pipeline/options.h"

namespace zdpipe {

// Thread-safe.
class RunSessions {
 public:
  // `source_sessions` are those of all attempts, as far as they may live on there. All must outlive
  // this.
  RunSessions(const CopyOptions& options, const CancelToken& cancel,
              std::vector<ServerSession>& source_sessions)
      : options_(options), cancel_(cancel), source_sessions_(source_sessions) {}

  // From now on nothing that sessions of the target write goes into its binlog.
  void SkipBinlog() { skip_binlog_.store(true); }
  bool skips_binlog() const { return skip_binlog_.load(); }

  // Of the source; remembered.
  absl::StatusOr<std::unique_ptr<Session>> OpenSource();
  // Of the target.
  absl::StatusOr<std::unique_ptr<Session>> OpenTarget(const SessionOptions& options = {}) const;
  // The same, and Interrupt() ends it.
  absl::StatusOr<std::unique_ptr<Session>> ConnectTarget(const SessionOptions& options = {});

  // A reader whose connection broke would keep its snapshot, and the definition of the table it was
  // reading, until the source notices: those that are remembered can be ended.
  absl::Status RememberSource(Session& session);
  absl::Status EndSourceSessions(Session& source);

  // Index builds and lock waits do not look at flags: ends their sessions, which nobody needs any
  // more. (KILL QUERY does not reach an array execute that waits for a metadata lock.) Of the
  // ledger's session, which is to say how the run ended, only the statement is stopped, if one
  // runs.
  void Interrupt(unsigned long ledger_thread);

 private:
  const CopyOptions& options_;
  const CancelToken& cancel_;
  std::atomic<bool> skip_binlog_ = false;
  std::mutex mutex_;  // guards what follows
  std::vector<ServerSession>& source_sessions_;
  std::vector<unsigned long> target_threads_;
  std::optional<ServerSession> first_on_target_;  // whose server gave target_threads_
};

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_RUN_SESSIONS_H_
