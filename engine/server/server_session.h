// Sessions as their server knows them: one whose connection broke lives on there, with its locks
// and its snapshot, until the server notices.
#ifndef ZDPIPE_ENGINE_SERVER_SERVER_SESSION_H_
#define ZDPIPE_ENGINE_SERVER_SERVER_SESSION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/server/session.h"

namespace zdpipe {

// As the process list and the server's start tell it: thread ids are given again after a restart.
struct ServerSession {
  std::string thread_id;
  std::string user;
  std::string host;            // with the client's port
  int64_t server_started = 0;  // seconds of the server's clock, give or take one
};

// Whether both belong to the same life of a server.
bool OfSameServer(const ServerSession& one, const ServerSession& other);

// What `session` is to its server.
absl::StatusOr<ServerSession> Identify(Session& session);

// Ends those of `lost` that are still there, through `session`, and waits until they are gone.
// Errors: a lock wait timeout when one stays; kStopped when `stopping` meanwhile.
absl::Status EndSessions(Session& session, const std::vector<ServerSession>& lost,
                         const std::function<bool()>& stopping);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_SERVER_SESSION_H_
