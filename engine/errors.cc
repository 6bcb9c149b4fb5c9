#include "engine/errors.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

constexpr char kFailureUrl[] = "zdpipe/failure";
constexpr char kErrnoUrl[] = "zdpipe/errno";
constexpr char kHintUrl[] = "zdpipe/hint";

absl::StatusCode CanonicalCode(Failure failure) {
  switch (failure) {
    case Failure::kUsage:
      return absl::StatusCode::kInvalidArgument;
    case Failure::kRefused:
    case Failure::kPartial:
    case Failure::kHandoff:
      return absl::StatusCode::kFailedPrecondition;
    case Failure::kSource:
    case Failure::kTarget:
      return absl::StatusCode::kUnavailable;
    case Failure::kConsistency:
      return absl::StatusCode::kAborted;
    case Failure::kDifferent:
      return absl::StatusCode::kDataLoss;
    case Failure::kStopped:
      return absl::StatusCode::kCancelled;
    case Failure::kResume:
      return absl::StatusCode::kFailedPrecondition;
    case Failure::kBusy:
      return absl::StatusCode::kAlreadyExists;
    case Failure::kInternal:
      break;
  }
  return absl::StatusCode::kInternal;
}

std::optional<unsigned> NumberPayload(const absl::Status& status, const char* url) {
  unsigned value = 0;
  const auto payload = status.GetPayload(url);
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &value)) return std::nullopt;
  return value;
}

bool IsOneOf(const std::initializer_list<unsigned>& numbers, unsigned number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

bool IsServerTrouble(unsigned number) {
  return IsOneOf({5 /* out of memory */,
                  20 /* disk full */,
                  1021 /* disk full */,
                  1037 /* out of memory */,
                  1038 /* out of sort memory */,
                  1040 /* too many connections */,
                  1041 /* out of resources */,
                  1053 /* shutting down */,
                  1135 /* cannot create thread */,
                  1152 /* aborted connection */,
                  kErrPacketTooLarge,
                  1158 /* network read */,
                  1159 /* network read timeout */,
                  1160 /* network write */,
                  1161 /* network write timeout */,
                  1184 /* aborted connection */,
                  1203 /* too many connections of the user */,
                  kErrLockWaitTimeout,
                  1206 /* lock table full */,
                  kErrDeadlock,
                  1226 /* resource limit of the user */,
                  1290 /* server runs with read_only */,
                  kErrQueryInterrupted,
                  kErrTableDefinitionChanged,
                  1836 /* read only */,
                  1927 /* connection killed */,
                  1969 /* statement took too long */,
                  3024 /* statement took too long */},
                 number);
}

bool IsTroubleOfATarget(unsigned number) {
  return IsOneOf({1026 /* write error */, 1030 /* storage engine error */,
                  1044 /* database denied */, kErrAccessDenied, 1114 /* table is full */,
                  1142 /* table denied */, 1143 /* column denied */, kErrAccessDeniedSpecific},
                 number);
}

void CopyPayloads(const absl::Status& from, absl::Status& to) {
  from.ForEachPayload(
      [&to](absl::string_view url, const absl::Cord& payload) { to.SetPayload(url, payload); });
}

}  // namespace

absl::Status MakeError(Failure failure, absl::string_view message) {
  absl::Status status(CanonicalCode(failure), message);
  status.SetPayload(kFailureUrl, absl::Cord(absl::StrCat(static_cast<int>(failure))));
  return status;
}

absl::Status MakeServerError(Failure failure, unsigned server_errno, absl::string_view message) {
  absl::Status status = MakeError(failure, message);
  status.SetPayload(kErrnoUrl, absl::Cord(absl::StrCat(server_errno)));
  return status;
}

absl::Status StoppedError() { return MakeError(Failure::kStopped, "stopped"); }

absl::Status WithHint(absl::Status status, absl::string_view hint) {
  if (!status.ok() && !status.GetPayload(kHintUrl).has_value()) {
    status.SetPayload(kHintUrl, absl::Cord(hint));
  }
  return status;
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  CopyPayloads(status, annotated);
  return annotated;
}

absl::Status Reclassify(const absl::Status& status, Failure failure) {
  if (status.ok()) return status;
  absl::Status changed(CanonicalCode(failure), status.message());
  CopyPayloads(status, changed);
  changed.SetPayload(kFailureUrl, absl::Cord(absl::StrCat(static_cast<int>(failure))));
  return changed;
}

Failure FailureOf(const absl::Status& status) {
  const std::optional<unsigned> number = NumberPayload(status, kFailureUrl);
  return number.has_value() ? static_cast<Failure>(*number) : Failure::kInternal;
}

unsigned ServerErrnoOf(const absl::Status& status) {
  return NumberPayload(status, kErrnoUrl).value_or(0);
}

std::string HintOf(const absl::Status& status) {
  auto payload = status.GetPayload(kHintUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

bool IsTransient(const absl::Status& status) {
  const unsigned number = ServerErrnoOf(status);
  return number == kErrDeadlock || number == kErrLockWaitTimeout;
}

absl::string_view PassingTrouble(const absl::Status& status) {
  const Failure failure = FailureOf(status);
  if (failure != Failure::kSource && failure != Failure::kTarget) return "";
  const unsigned number = ServerErrnoOf(status);
  switch (number) {
    case kErrDeadlock:
      return "deadlock";
    case kErrLockWaitTimeout:
      return "lock wait";
    case 1040:  // of the server
    case 1203:  // of the user
    case 1226:  // max_user_connections, among others
      return "too many connections";
    case 1053:
      return "server shutdown";
    case 1290:  // --read-only
    case 1836:
      return kReadOnlyTrouble;
    case 3:  // error writing a temporary file
    case 20:
    case 1021:
    case 1026:
      return "full disk";
    case 1114:  // "The table is full": InnoDB's word for it
      return failure == Failure::kTarget ? "full disk" : "";
    case 1158:  // network errors, as the server saw them
    case 1159:
    case 1160:
    case 1161:
    case kErrQueryInterrupted:
    case 1927:  // connection killed
    case 2001:  // socket
    case 2002:  // connection by socket
    case 2003:  // connection by TCP
    case 2004:  // TCP socket
    case 2006:  // server has gone away
    case 2012:  // handshake
    case 2013:  // lost during a statement
    case 2014:  // commands out of sync: the answer of a lost one
    case 2026:  // TLS: a connection that was cut
    case 2055:  // lost
    case 2056:  // statement closed by a reconnect
    case kErrNetworkRead:
    case kErrNetworkWrite:
      return "lost connection";
    case kErrNoAnswer:
      return "no answer";
    default:
      return "";
  }
}

bool IsClientErrno(unsigned number) {
  return (number >= 2000 && number <= 2999) || number == kErrNetworkRead ||
         number == kErrNetworkWrite;
}

bool ConcernsOneObject(const absl::Status& status) {
  const Failure failure = FailureOf(status);
  if (failure != Failure::kSource && failure != Failure::kTarget) return false;
  const unsigned number = ServerErrnoOf(status);
  if (number == 0 || IsClientErrno(number) || IsServerTrouble(number)) return false;
  // While reading these are damaged files and refused rights of one table; on the target they are
  // the disk and the account.
  return failure == Failure::kSource || !IsTroubleOfATarget(number);
}

bool IsSessionLost(const absl::Status& status) {
  constexpr unsigned kErrServerShutdown = 1053;
  constexpr unsigned kErrConnectionKilled = 1927;
  const unsigned number = ServerErrnoOf(status);
  return IsClientErrno(number) || number == kErrServerShutdown || number == kErrConnectionKilled ||
         number == kErrQueryInterrupted;
}

bool EndsTheWork(const absl::Status& status) {
  const absl::string_view trouble = PassingTrouble(status);
  return IsSessionLost(status) || (!trouble.empty() && trouble != kReadOnlyTrouble);
}

bool IsDenied(const absl::Status& status) {
  constexpr unsigned kErrors[] = {1044 /* database */,
                                  kErrAccessDenied,
                                  1142 /* table */,
                                  1143 /* column */,
                                  kErrAccessDeniedSpecific,
                                  1370 /* routine */,
                                  1698 /* no password */};
  const unsigned number = ServerErrnoOf(status);
  return std::find(std::begin(kErrors), std::end(kErrors), number) != std::end(kErrors);
}

}  // namespace zdpipe
