// What the user of a session may do, as SHOW GRANTS tells it.
//
// SHOW GRANTS lists what counts: the account's own grants, those of its active roles (and the
// roles granted to these) and of PUBLIC; of an inactive role only that it was granted. It does not
// list what another account of the same name (user@'%' beside user@'10.%') or the anonymous user
// has on a database, although that counts, too; and a hoster may refuse what is granted. So a right
// that is not listed is to be tried where there is a harmless way (pipeline/privilege_check.h).
#ifndef ZDPIPE_ENGINE_SCHEMA_RIGHTS_H_
#define ZDPIPE_ENGINE_SCHEMA_RIGHTS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/server/session.h"

namespace zdpipe {

class Rights {
 public:
  // From the lines of SHOW GRANTS. Pure.
  static Rights Parse(const std::vector<std::string>& grants);

  // False: the user may have more, or less, than is listed here.
  bool known() const { return known_; }

  // Privileges in upper case, as SHOW GRANTS names them: "SHOW VIEW". A privilege on some columns
  // of a table only is none on the table.
  bool OnAll(absl::string_view privilege) const;
  bool OnDatabase(absl::string_view privilege, absl::string_view database) const;
  bool OnTable(absl::string_view privilege, absl::string_view database,
               absl::string_view table) const;
  // True when the user has any privilege at all on everything, beyond that to connect.
  bool AnyOnAll() const;

 private:
  using Privileges = std::set<std::string>;
  // One account, role or PUBLIC.
  struct Grantee {
    Privileges all;
    std::map<std::string, Privileges> databases;  // by pattern, as it is granted: `shop\_%`
    std::map<std::pair<std::string, std::string>, Privileges> tables;

    const Privileges* ForDatabase(absl::string_view database) const;
  };

  bool Take(absl::string_view line);
  static bool Holds(const Privileges& privileges, absl::string_view privilege);

  bool known_ = true;
  std::map<std::string, Grantee> grantees_;
};

// Without an error: when SHOW GRANTS fails, nothing is known.
Rights ReadRights(Session& session);

// True when `pattern` (of a grant: % and _ are wildcards, \ escapes them) matches the name.
bool MatchesGrantPattern(absl::string_view pattern, absl::string_view name);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_RIGHTS_H_
