// Random databases for property tests: SQL that makes tables of all types, keys, engines and
// attributes with rows at their extremes, and the other objects around them.
//
// The SQL follows from the seed alone (and the compiler: the order in which arguments are
// evaluated is its own), so a seed that fails can be replayed. No server is asked while it is
// written: a server may refuse some of it, which RunRandomSql counts.
#ifndef ZDPIPE_TESTS_SUPPORT_RANDOM_SCHEMA_H_
#define ZDPIPE_TESTS_SUPPORT_RANDOM_SCHEMA_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace zdpipe {

class TestServer;

struct RandomStatement {
  std::string kind;  // "set", "database", "table", "rows", "history", "view", "trigger", ...
  std::string sql;
};

// For an empty server; about a dozen tables in three databases.
std::vector<RandomStatement> RandomSchemaSql(uint64_t seed);

struct RandomSqlOutcome {
  std::map<std::string, int> made;     // statements by kind
  std::map<std::string, int> refused;  // the same
  uint64_t rows = 0;
  std::vector<std::string> refusals;  // "error 1071: CREATE TABLE ..."

  void Add(const RandomSqlOutcome& other);
};

// Runs the statements in one session. An error only when the session is lost or a SET fails.
absl::Status RunRandomSql(TestServer& server, const std::vector<RandomStatement>& statements,
                          RandomSqlOutcome& outcome);

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_RANDOM_SCHEMA_H_
