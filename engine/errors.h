// Errors of the engine: an absl::Status plus three things a caller acts on.
//
// - Failure: what went wrong in terms of the user's contract; its number is the process exit code.
// - the server's error number, when a server reported one (0 otherwise);
// - a hint: one sentence that says what to do next.
//
// They travel as payloads of the status, so they survive being annotated and passed up.
#ifndef ZDPIPE_ENGINE_ERRORS_H_
#define ZDPIPE_ENGINE_ERRORS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace zdpipe {

// The classes of failure; the values are the exit codes of the command line and never change.
enum class Failure : int {
  kInternal = 1,     // a bug in zdpipe
  kUsage = 2,        // wrong option, option file, endpoint or environment
  kRefused = 3,      // check found a reason not to start
  kSource = 4,       // the source failed, after retries
  kTarget = 5,       // the target failed, after retries
  kConsistency = 6,  // the source moved; the target's data must not be used
  kDifferent = 7,    // verify found differences
  kPartial = 8,      // done, but some objects were skipped or failed
  kResume = 9,       // resume refused: another plan, source, target or version
  kStopped = 10,     // stopped by a signal
  kBusy = 11,        // another run holds the target
  kHandoff = 12,     // the data is there, the handoff is not usable
};

// An error of class `failure`. `message` says what was tried, on what, and what came back.
absl::Status MakeError(Failure failure, absl::string_view message);

// As MakeError, for an error reported by a server or by the client library (errno 2000-2999).
absl::Status MakeServerError(Failure failure, unsigned server_errno, absl::string_view message);

// kStopped: somebody wished so, or another thread has failed.
absl::Status StoppedError();

// `status` with a hint; an existing hint is kept, because it was set nearer to the cause.
absl::Status WithHint(absl::Status status, absl::string_view hint);

// `status` with "context: " in front of its message; payloads are kept. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// The same error under another class, e.g. a lost source row that makes the run inconsistent.
absl::Status Reclassify(const absl::Status& status, Failure failure);

// kInternal for an error that carries no class: only a bug leaves one unclassified.
Failure FailureOf(const absl::Status& status);
unsigned ServerErrnoOf(const absl::Status& status);  // 0: not from a server
std::string HintOf(const absl::Status& status);      // "" when there is none

// Error numbers that the code decides on; source: MariaDB's "Error Codes" reference.
inline constexpr unsigned kErrAccessDenied = 1045;
inline constexpr unsigned kErrKeyTooLong = 1071;
inline constexpr unsigned kErrUnknownTable = 1146;
inline constexpr unsigned kErrPacketTooLarge = 1153;
inline constexpr unsigned kErrUnknownVariable = 1193;
inline constexpr unsigned kErrLockWaitTimeout = 1205;
inline constexpr unsigned kErrDeadlock = 1213;
inline constexpr unsigned kErrAccessDeniedSpecific = 1227;
inline constexpr unsigned kErrQueryInterrupted = 1317;
inline constexpr unsigned kErrTableDefinitionChanged = 1412;
inline constexpr unsigned kErrDuplicate = 1062;
inline constexpr unsigned kErrClientPacketTooLarge = 2020;  // CR_NET_PACKET_TOO_LARGE
inline constexpr unsigned kErrNetworkRead = 5013;           // CR_ERR_NET_READ
inline constexpr unsigned kErrNetworkWrite = 5014;          // CR_ERR_NET_WRITE
inline constexpr unsigned kErrNoAnswer = 2999;  // zdpipe's own: no answer within the time limit

// A deadlock or lock wait timeout: the transaction may be replayed as a whole, at once.
bool IsTransient(const absl::Status& status);

// Why it is worth trying the same again after a while, in a word or two for the report: a lost
// connection, a server that starts, stops, is full or read-only, a lock. "" for everything else.
absl::string_view PassingTrouble(const absl::Status& status);
inline constexpr absl::string_view kReadOnlyTrouble = "read-only server";

// True for an error number of the client library: among them are all kinds of lost connections.
bool IsClientErrno(unsigned number);

// True when a server refused something for what one object is or holds, so that other objects may
// still go through. False for what every other object would meet too: a lost connection, a full
// disk, a read-only server, missing rights on the target, an interrupted statement.
bool ConcernsOneObject(const absl::Status& status);

// The session is gone, or someone stops us: no further statement can succeed on it.
bool IsSessionLost(const absl::Status& status);

// No work on single objects can go on: the session is lost, or there is trouble that passes and
// would meet all of them. (Not for "read-only": servers say the same of options that one kind of
// statement needs.)
bool EndsTheWork(const absl::Status& status);

// The server says that the user may not do that.
bool IsDenied(const absl::Status& status);

}  // namespace zdpipe

// Returns from the enclosing function when `expression` (an absl::Status) is an error.
#define ZDPIPE_RETURN_IF_ERROR(expression)                                                    \
  do {                                                                                        \
    if (absl::Status zdpipe_status = (expression); !zdpipe_status.ok()) return zdpipe_status; \
  } while (false)

#define ZDPIPE_CONCAT_INNER(a, b) a##b
#define ZDPIPE_CONCAT(a, b) ZDPIPE_CONCAT_INNER(a, b)

// Assigns the value of `expression` (an absl::StatusOr) to `lhs`, or returns its error.
#define ZDPIPE_ASSIGN_OR_RETURN(lhs, expression) \
  ZDPIPE_ASSIGN_OR_RETURN_INNER(ZDPIPE_CONCAT(zdpipe_statusor, __LINE__), lhs, expression)
#define ZDPIPE_ASSIGN_OR_RETURN_INNER(statusor, lhs, expression) \
  auto statusor = (expression);                                  \
  if (!statusor.ok()) return statusor.status();                  \
  lhs = std::move(statusor).value()

#endif  // ZDPIPE_ENGINE_ERRORS_H_
