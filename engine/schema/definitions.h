// What is defined on two servers, compared object by object.
//
// Between servers of one release the servers' own words are compared: SHOW CREATE, with the
// sql_mode, character sets and order that belong to it, and a sequence's state. Between releases
// the words differ for the same object; then facts from information_schema are compared, with the
// known differences between the servers' vocabularies taken out.
#ifndef ZDPIPE_ENGINE_SCHEMA_DEFINITIONS_H_
#define ZDPIPE_ENGINE_SCHEMA_DEFINITIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/for_each.h"
#include "engine/schema/catalog.h"
#include "engine/schema/objects.h"
#include "engine/server/session.h"

namespace zdpipe {

struct DefinitionDifference {
  enum class Kind {
    kMissing,     // on the source only
    kExtra,       // on the target only
    kChanged,     // on both
    kUnreadable,  // one of the ends does not show it to this user
  };

  Kind kind = Kind::kChanged;
  std::string object_kind;  // "table", "view", "procedure", ...
  ObjectName name;          // of a database: the schema only
  std::string source;       // the first line that differs, or why it cannot be read
  std::string target;
};

absl::string_view DefinitionDifferenceName(DefinitionDifference::Kind kind);

struct DefinitionRules {
  // What is expected of DEFINER clauses on the target: as on the source, whatever, or this account.
  DefinerPolicy definer;
  // The source takes writes: its AUTO_INCREMENT counters and sequences move while we look.
  bool ignore_counters = false;
  ForEach for_each;                // of the two ends
  std::function<bool()> stopping;  // asked before each object
  // Told what differs between the releases and not in the object: the types that each server gives
  // to a view's columns.
  std::function<void(const std::string&)> note;
};

// Compares every object of `source_catalog` with the object of the same name on the target. Objects
// that only the target has are not looked for. Whether an event is enabled does not count.
// Errors: a lost connection, or kStopped; what concerns one object is a difference.
absl::StatusOr<std::vector<DefinitionDifference>> CompareDefinitions(Session& source,
                                                                     Session& target,
                                                                     const Catalog& source_catalog,
                                                                     const DefinitionRules& rules);

// The objects of the target's catalog that the source's has not.
std::vector<DefinitionDifference> ExtraObjects(const Catalog& source, const Catalog& target);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_DEFINITIONS_H_
