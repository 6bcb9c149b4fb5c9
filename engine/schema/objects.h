// Copies every object that is not a table: databases, sequences, routines, views, triggers, events.
//
// Each is read with SHOW CREATE from the source and created on the target under the sql_mode,
// character set and collation it was created with; its text goes from server to server as bytes.
// An object that cannot be made is a reported ObjectFailure, never the end of the run: the rest
// goes on. Only a lost or killed connection (and an error of the ledger) is returned.
//
// Both sessions are found and left with utf8mb4, time_zone '+00:00' and an empty sql_mode; the
// target's default database changes. The source's transaction and default database do not.
#ifndef ZDPIPE_ENGINE_SCHEMA_OBJECTS_H_
#define ZDPIPE_ENGINE_SCHEMA_OBJECTS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"

namespace zdpipe {

struct ObjectFailure {
  std::string kind;  // "view", "trigger", ...
  ObjectName name;
  std::string reason;  // what the server said
};

// What becomes of DEFINER clauses. `user` is used by kReplace only, as user@host.
struct DefinerPolicy {
  enum class Kind { kKeep, kCurrent, kReplace };
  Kind kind = Kind::kKeep;
  std::string user;
  std::string host;
};

// The ledger, for copiers: an object is recorded before it is made, and forgotten when it could not
// be made. Of an account the host stands for the schema.
struct ObjectLedger {
  using Write = std::function<absl::Status(absl::string_view kind, absl::string_view schema,
                                           absl::string_view name)>;
  Write record;
  Write forget;
};

class ObjectCopier {
 public:
  // Both sessions must outlive the copier; they are used from the calling thread only.
  ObjectCopier(Session& source, Session& target, DefinerPolicy definer, ObjectLedger ledger);

  // CREATE DATABASE with its character set and collation; an existing (empty) database is altered
  // to them, and is not recorded. Any failure is returned: nothing can follow.
  absl::Status CopyDatabase(const DatabaseInfo& database);
  // The definition and the state: the next value on the target is the next one of the source.
  absl::Status CopySequence(const ObjectName& name);

  // After the rows, in this order. Views are made in the order of their dependencies, then
  // retried until none can be made any more. Events are created DISABLED.
  absl::Status CopyRoutines(const std::vector<RoutineInfo>& routines);
  absl::Status CopyViews(const std::vector<ObjectName>& views);
  absl::Status CopyTriggers(const std::vector<TriggerInfo>& triggers);
  absl::Status CopyEvents(const std::vector<EventInfo>& events);

  const std::vector<ObjectFailure>& failures() const { return failures_; }
  // Notes the target gave while creating, e.g. a definer that does not exist there.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  // What SHOW CREATE names an object by, and where it puts the statement.
  struct Kind {
    const char* label;   // for messages and the ledger
    const char* show;    // SHOW CREATE <show>
    const char* column;  // of its answer
  };

  // A statement and the circumstances it was first given in. The text is in `client_charset`.
  struct Definition {
    std::string text;
    std::string sql_mode;
    std::string time_zone;  // of an event; "" otherwise
    std::string client_charset;
    std::string connection_collation;
    std::string database_collation;  // what a routine's untyped strings have; "" for a view
  };

  // How one CREATE ended. `reason` is empty when the object was made.
  struct Outcome {
    std::string reason;
    unsigned server_errno = 0;
    bool warned = false;  // the server gave a warning, which is in notes_

    bool made() const { return reason.empty(); }
  };

  static Kind KindOf(RoutineKind routine);
  absl::Status WithRawSource(const std::function<absl::Status()>& work);
  absl::Status CopyOne(const Kind& kind, const ObjectName& name);
  absl::StatusOr<std::optional<Definition>> Read(const Kind& kind, const ObjectName& name);
  absl::Status RepairMySqlView(const ObjectName& name, Definition& definition);
  absl::Status Prepare(const Kind& kind, const ObjectName& name, Definition& definition);
  absl::StatusOr<Outcome> Create(const Kind& kind, const ObjectName& name,
                                 const Definition& definition);
  absl::StatusOr<Outcome> CreateUnrecorded(const Kind& kind, const ObjectName& name,
                                           const Definition& definition);
  absl::StatusOr<Outcome> CreateInDatabaseCollation(const Kind& kind, const ObjectName& name,
                                                    const Definition& definition);
  absl::StatusOr<Outcome> CreateInContext(const Kind& kind, const ObjectName& name,
                                          const Definition& definition);
  absl::StatusOr<Outcome> CreateEventOfThePast(const ObjectName& name,
                                               const Definition& definition);
  absl::StatusOr<bool> EventExists(const ObjectName& name);
  absl::Status RepairComment(const Kind& kind, const ObjectName& name,
                             const Definition& definition);
  static std::string ShowCreateTable(Session& session, const ObjectName& name);  // "": unreadable
  bool IsSameTable(const ObjectName& name);
  absl::StatusOr<Outcome> CreateSequenceAsTable(const Kind& kind, const ObjectName& name,
                                                const Definition& definition);
  absl::StatusOr<Outcome> CopySequenceState(const ObjectName& name);
  absl::StatusOr<std::vector<std::string>> ReadSequenceRow(Session& session,
                                                           const ObjectName& name);
  absl::StatusOr<Outcome> Try(absl::string_view what, absl::string_view sql);
  void Report(const Kind& kind, const ObjectName& name, const Outcome& outcome);
  void Fail(const Kind& kind, const ObjectName& name, std::string reason);

  Session& source_;
  Session& target_;
  DefinerPolicy definer_;
  const ObjectLedger ledger_;
  std::vector<ObjectFailure> failures_;
  std::vector<std::string> notes_;
};

// The statement with its DEFINER clause kept, dropped (kCurrent: whoever creates it) or replaced.
// A statement without one stays as it is. Pure.
std::string ApplyDefiner(absl::string_view create, const DefinerPolicy& policy);
// CREATE EVENT with its state clause (ENABLE, DISABLE, DISABLE ON SLAVE / ON REPLICA, or none) set
// to DISABLE; kInternal when it is no CREATE EVENT. Pure.
absl::StatusOr<std::string> DisableEvent(absl::string_view create);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_OBJECTS_H_
