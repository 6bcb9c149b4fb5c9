#include "pipeline/privilege_check.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/schema/rights.h"
#include "engine/server/sql_text.h"
#include "pipeline/probe.h"

namespace zdpipe {
namespace {

// Objects in one finding; the count is always said.
constexpr size_t kShownObjects = 5;

// The name of a table, event or routine that is not there, so that a statement about it fails.
constexpr char kNothing[] = "zdpipe check: there is no such thing";

// A grant pattern that means this database only.
std::string DatabaseScope(absl::string_view database) {
  std::string pattern;
  for (const char c : database) {
    if (c == '_' || c == '%' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return absl::StrCat(QuoteName(pattern), ".*");
}

// Looks for what the user of a session cannot read or see.
class BlindnessFinder {
 public:
  BlindnessFinder(Session& session, const Catalog& catalog, const Selection& selection)
      : session_(session), catalog_(catalog), selection_(selection), rights_(ReadRights(session)) {}

  absl::StatusOr<std::vector<Blindness>> Find() {
    for (const DatabaseInfo& database : catalog_.databases) {
      ZDPIPE_RETURN_IF_ERROR(LookAtTables(database.name));
      ZDPIPE_RETURN_IF_ERROR(LookAtViews(database.name));
      ZDPIPE_RETURN_IF_ERROR(LookAtTriggers(database.name));
      // --tables means tables, views and their triggers.
      if (selection_.tables.empty()) ZDPIPE_RETURN_IF_ERROR(LookAtEvents(database.name));
    }
    if (selection_.tables.empty()) ZDPIPE_RETURN_IF_ERROR(LookAtRoutines());
    return std::move(found_);
  }

 private:
  void Add(absl::string_view privilege, std::string object, absl::string_view reason,
           bool certain = true) {
    found_.push_back({std::string(privilege), std::move(object), std::string(reason), certain});
  }

  // True, false, or the error of a session that is gone.
  absl::StatusOr<bool> IsDeniedTo(absl::string_view sql) {
    const absl::Status tried = Probe(session_, sql);
    if (IsSessionLost(tried)) return tried;
    return IsDenied(tried);
  }

  // False: the user may do more in the database than SHOW GRANTS says.
  bool IsListed(const std::string& database) const {
    return rights_.known() && beyond_list_.count(database) == 0;
  }

  std::vector<ObjectName> TablesOf(const std::string& database, bool with_views) const {
    std::vector<ObjectName> names;
    auto take = [&](const ObjectName& name) {
      if (name.schema == database) names.push_back(name);
    };
    for (const TableInfo& table : catalog_.tables) take(table.name);
    if (!with_views) return names;
    for (const ObjectName& sequence : catalog_.sequences) take(sequence);
    for (const ObjectName& view : catalog_.views) take(view);
    return names;
  }

  absl::Status LookAtTables(const std::string& database) {
    if (rights_.OnDatabase("SELECT", database)) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(
        const bool denied,
        IsDeniedTo(absl::StrCat("SELECT 1 FROM ", QuoteName(database, kNothing))));
    if (!denied) {
      beyond_list_.insert(database);
      return absl::OkStatus();
    }
    // Rights on single tables suffice for tables that are named one by one; what else is in the
    // database cannot be seen then.
    if (selection_.tables.empty()) {
      Add("SELECT", DatabaseScope(database),
          "tables on which the user has no right are not seen, and rows cannot be read; or name "
          "tables with --tables");
      return absl::OkStatus();
    }
    for (const ObjectName& table : TablesOf(database, true)) {
      if (rights_.OnTable("SELECT", table.schema, table.name)) continue;
      const std::string name = QuoteName(table.schema, table.name);
      // A right on some columns is none: the others would not even be seen.
      bool missing = rights_.known();
      if (!missing) {
        ZDPIPE_ASSIGN_OR_RETURN(missing,
                                IsDeniedTo(absl::StrCat("SELECT * FROM ", name, " LIMIT 0")));
      }
      if (missing) Add("SELECT", name, "its rows cannot be read");
    }
    return absl::OkStatus();
  }

  absl::Status LookAtViews(const std::string& database) {
    if (rights_.OnDatabase("SHOW VIEW", database)) return absl::OkStatus();
    for (const ObjectName& view : catalog_.views) {
      if (view.schema != database) continue;
      const std::string name = QuoteName(view.schema, view.name);
      ZDPIPE_ASSIGN_OR_RETURN(const bool denied,
                              IsDeniedTo(absl::StrCat("SHOW CREATE VIEW ", name)));
      if (!denied) continue;
      Add("SHOW VIEW", selection_.tables.empty() ? DatabaseScope(database) : name,
          "the definition of a view cannot be read");
      if (selection_.tables.empty()) break;
    }
    return absl::OkStatus();
  }

  absl::Status LookAtTriggers(const std::string& database) {
    constexpr char kReason[] = "triggers are not seen without it";
    if (rights_.OnDatabase("TRIGGER", database)) return absl::OkStatus();
    const std::vector<ObjectName> tables = TablesOf(database, false);
    if (std::all_of(tables.begin(), tables.end(), [this](const ObjectName& table) {
          return rights_.OnTable("TRIGGER", table.schema, table.name);
        })) {
      return absl::OkStatus();
    }
    // There is no statement that only reads and is refused without this right. This one fails for
    // want of its table; but before anything else where the server is read_only.
    const absl::Status tried =
        Probe(session_,
              absl::StrCat("CREATE TRIGGER ", QuoteName(database, kNothing), " BEFORE INSERT ON ",
                           QuoteName(database, kNothing), " FOR EACH ROW SET @zdpipe_check = 1"));
    if (IsSessionLost(tried)) return tried;
    if (ServerErrnoOf(tried) == kErrUnknownTable) return absl::OkStatus();
    Add("TRIGGER", DatabaseScope(database), kReason, IsDenied(tried) || IsListed(database));
    return absl::OkStatus();
  }

  absl::Status LookAtEvents(const std::string& database) {
    if (rights_.OnDatabase("EVENT", database)) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(
        const bool denied,
        IsDeniedTo(absl::StrCat("SHOW EVENTS FROM ", QuoteName(database), " LIKE ''")));
    if (denied) Add("EVENT", DatabaseScope(database), "events are not seen without it");
    return absl::OkStatus();
  }

  // Who may read the table in which routines are kept sees them all. Servers that have no such
  // table, or a privilege of its own for it, are believed what they list.
  absl::Status LookAtRoutines() {
    constexpr char kReason[] = "routines, or their texts, are not seen without it";
    const Version& version = session_.version();
    const bool in_a_table = version.mariadb || !version.MySqlAtLeast(8, 0);
    if (in_a_table) {
      if (rights_.OnTable("SELECT", "mysql", "proc")) return absl::OkStatus();
      ZDPIPE_ASSIGN_OR_RETURN(const bool denied, IsDeniedTo("SELECT 1 FROM mysql.proc LIMIT 0"));
      if (!denied) return absl::OkStatus();
    } else if (rights_.OnAll("SELECT") || rights_.OnAll("SHOW_ROUTINE")) {
      return absl::OkStatus();
    }
    if (version.MariaDbAtLeast(11, 3)) {
      for (const DatabaseInfo& database : catalog_.databases) {
        if (rights_.OnDatabase("SHOW CREATE ROUTINE", database.name)) continue;
        Add("SHOW CREATE ROUTINE", DatabaseScope(database.name), kReason, IsListed(database.name));
      }
    } else if (in_a_table) {
      Add("SELECT", "`mysql`.`proc`", kReason);
    } else {
      Add("SHOW_ROUTINE", "*.*", kReason, rights_.known());
    }
    return absl::OkStatus();
  }

  Session& session_;
  const Catalog& catalog_;
  const Selection& selection_;
  const Rights rights_;
  std::set<std::string> beyond_list_;  // databases where a right was found that is not listed
  std::vector<Blindness> found_;
};

// Both ends; each method notes what is missing, and Report() makes the findings.
class PrivilegeChecker {
 public:
  PrivilegeChecker(Session& source, Session& target, const CopyOptions& options,
                   CheckResult& result)
      : source_(source), target_(target), options_(options), result_(result) {}

  absl::Status Run() {
    ZDPIPE_RETURN_IF_ERROR(CheckSource());
    ZDPIPE_RETURN_IF_ERROR(Report(source_, "SOURCE_PRIVILEGE_MISSING"));
    ZDPIPE_RETURN_IF_ERROR(CheckTarget());
    return Report(target_, "TARGET_PRIVILEGE_MISSING");
  }

 private:
  // What is missing, by privilege and reason.
  struct Missing {
    std::vector<std::string> objects;
    bool certain = true;
  };

  void Miss(absl::string_view privilege, absl::string_view object, absl::string_view reason,
            bool certain = true) {
    Missing& missing = missing_[{std::string(privilege), std::string(reason)}];
    missing.objects.emplace_back(object);
    missing.certain = missing.certain && certain;
  }

  absl::Status Report(Session& session, absl::string_view id) {
    if (missing_.empty()) return absl::OkStatus();
    ZDPIPE_ASSIGN_OR_RETURN(const std::string user, session.QueryValue("SELECT CURRENT_USER()"));
    const size_t at = user.rfind('@');
    const std::string quoted =
        absl::StrCat(QuoteText(user.substr(0, at)), "@", QuoteText(user.substr(at + 1)));
    for (auto& [key, missing] : missing_) {
      const auto& [privilege, reason] = key;
      const std::string grant =
          absl::StrCat("GRANT ", privilege, " ON ", Printable(missing.objects.front()), " TO ",
                       Printable(quoted));
      const size_t count = missing.objects.size();
      if (count > kShownObjects) missing.objects.resize(kShownObjects);
      result_.findings.push_back(
          {std::string(id), missing.certain ? Severity::kError : Severity::kWarning,
           session.endpoint().name,
           absl::StrCat(missing.certain ? "" : "it could not be found out whether there is: ",
                        privilege, " on ", Printable(absl::StrJoin(missing.objects, ", ")),
                        count > kShownObjects ? absl::StrCat(", ... (", count, " in all)") : "",
                        ": ", reason),
           absl::StrCat("on the ", EndName(session.end()), ": ", grant,
                        count > 1 ? "; and so on" : "", " (docs/privileges.md)")});
    }
    missing_.clear();
    return absl::OkStatus();
  }

  absl::Status CheckSource() {
    const Rights rights = ReadRights(source_);
    ZDPIPE_ASSIGN_OR_RETURN(const std::vector<Blindness> found,
                            FindBlindness(source_, result_.catalog, options_.selection));
    for (const Blindness& one : found) {
      Miss(one.privilege, one.object, one.reason, one.certain);
    }
    // A right on everything makes every database visible.
    if (options_.selection.databases.empty() && rights.known() && !rights.AnyOnAll()) {
      result_.findings.push_back(
          {"DATABASES_UNSEEN", Severity::kWarning, source_.endpoint().name,
           "the user has no right on everything: databases on which it has no right at all are not "
           "seen, and not copied",
           "GRANT SHOW DATABASES ON *.* on the source, or name the databases with --databases"});
    }
    ZDPIPE_RETURN_IF_ERROR(CheckStopReplica(rights));
    return CheckOwnPosition(rights);
  }

  absl::Status CheckStopReplica(const Rights& rights) {
    const std::vector<ReplicaChannel>& channels = result_.replica.channels;
    const bool running = std::any_of(channels.begin(), channels.end(),
                                     [](const ReplicaChannel& c) { return c.sql_running; });
    if (!options_.stop_replica || !running ||
        absl::StartsWith(result_.replica.taken_from, "CALL ")) {
      return absl::OkStatus();
    }
    // No statement of that kind fails in any case and looks at the right first.
    const Version& version = source_.version();
    const std::string privilege = version.MariaDbAtLeast(10, 5) ? "REPLICATION SLAVE ADMIN"
                                  : version.MySqlAtLeast(8, 0)  ? "REPLICATION_SLAVE_ADMIN"
                                                                : "SUPER";
    if (rights.known() && !rights.OnAll(privilege) && !rights.OnAll("SUPER")) {
      Miss(privilege, "*.*", "--stop-replica cannot stop the replication threads");
    }
    return absl::OkStatus();
  }

  // MySQL tells no position inside a snapshot.
  absl::Status CheckOwnPosition(const Rights& rights) {
    if (source_.version().mariadb || !result_.source.log_bin ||
        options_.source_state == SourceState::kStoppedReplica) {
      return absl::OkStatus();
    }
    const char* const statement =
        source_.version().MySqlAtLeast(8, 4) ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
    const absl::Status tried = Probe(source_, statement);
    if (IsSessionLost(tried)) return tried;
    if (IsDenied(tried)) {
      Miss("REPLICATION CLIENT", "*.*", "the binlog position of the source cannot be read");
    }
    if (options_.source_state == SourceState::kMaster && rights.known() &&
        !rights.OnAll("RELOAD")) {
      Miss("RELOAD", "*.*", "FLUSH TABLES WITH READ LOCK, for the moment of the snapshot");
    }
    return absl::OkStatus();
  }

  // A privilege on a database of the target, and a statement that needs just this one and fails.
  struct Need {
    const char* privilege;
    const char* statement;  // $ stands for the name of something that is not there
    const char* reason;
  };

  absl::Status CheckTarget() {
    static constexpr Need kOfEveryDatabase[] = {
        {"CREATE", "CREATE TABLE $ (a INT, a INT)", "databases and tables cannot be made"},
        {"DROP", "DROP TABLE $", "what a failed run leaves could not be removed"},
        {"ALTER", "ALTER TABLE $ ADD a INT",
         "databases get their properties, tables their indexes"},
        {"INSERT", "INSERT INTO $ VALUES (1)", "rows cannot be written"},
        {"SELECT", "SELECT 1 FROM $", "rows cannot be read back"}};
    static constexpr Need kOfTheLedger[] = {
        {"CREATE", "CREATE TABLE $ (a INT, a INT)", "the ledger of the run cannot be made"},
        {"DROP", "DROP TABLE $", "the ledger of the run could not be removed"},
        {"INSERT", "INSERT INTO $ VALUES (1)", "the ledger of the run cannot be written"},
        {"UPDATE", "UPDATE $ SET a = 1", "the ledger of the run cannot be written"},
        {"DELETE", "DELETE FROM $", "the ledger of the run cannot be written"},
        {"SELECT", "SELECT 1 FROM $", "the ledger of the run cannot be read"}};
    const Rights rights = ReadRights(target_);
    for (const DatabaseInfo& database : result_.catalog.databases) {
      for (const Need& need : kOfEveryDatabase) {
        ZDPIPE_RETURN_IF_ERROR(Try(rights, database.name, need));
      }
      ZDPIPE_RETURN_IF_ERROR(CheckObjects(rights, database.name));
    }
    for (const Need& need : kOfTheLedger) {
      ZDPIPE_RETURN_IF_ERROR(Try(rights, options_.selection.control_schema, need));
    }
    ZDPIPE_RETURN_IF_ERROR(CheckRoutineTexts(rights));
    ZDPIPE_RETURN_IF_ERROR(CheckTriggersWithBinlog());
    return CheckReplicasSeen();
  }

  absl::Status Try(const Rights& rights, const std::string& database, const Need& need) {
    if (rights.OnDatabase(need.privilege, database)) return absl::OkStatus();
    std::string sql = need.statement;
    sql.replace(sql.find('$'), 1, QuoteName(database, kNothing));
    const absl::Status tried = Probe(target_, sql);
    if (IsSessionLost(tried)) return tried;
    if (IsDenied(tried)) {
      Miss(need.privilege, DatabaseScope(database), need.reason);
    } else {
      beyond_list_.insert(database);
    }
    return absl::OkStatus();
  }

  // False: the user may do more in the database than SHOW GRANTS says.
  bool IsListed(const Rights& rights, const std::string& database) const {
    return rights.known() && beyond_list_.count(database) == 0;
  }

  template <typename Object>
  static bool AnyIn(const std::vector<Object>& objects, const std::string& database) {
    return std::any_of(objects.begin(), objects.end(), [&](const Object& object) {
      if constexpr (std::is_same_v<Object, ObjectName>) {
        return object.schema == database;
      } else {
        return object.name.schema == database;
      }
    });
  }

  // What only databases with such objects need.
  absl::Status CheckObjects(const Rights& rights, const std::string& database) {
    const Catalog& catalog = result_.catalog;
    if (AnyIn(catalog.views, database)) {
      ZDPIPE_RETURN_IF_ERROR(
          Try(rights, database,
              {"CREATE VIEW", "CREATE VIEW $ AS SELECT 1 AS a, 2 AS a", "views cannot be made"}));
      // No statement tells: there is no view yet.
      if (!rights.OnDatabase("SHOW VIEW", database)) {
        Miss("SHOW VIEW", DatabaseScope(database), "views cannot be compared with the source's",
             IsListed(rights, database));
      }
    }
    if (AnyIn(catalog.triggers, database)) {
      ZDPIPE_RETURN_IF_ERROR(CheckTriggerRight(rights, database));
    }
    if (AnyIn(catalog.events, database)) {
      ZDPIPE_RETURN_IF_ERROR(
          Try(rights, database, {"EVENT", "ALTER EVENT $ DISABLE", "events cannot be made"}));
    }
    if (AnyIn(catalog.routines, database)) {
      ZDPIPE_RETURN_IF_ERROR(CheckRoutineRights(rights, database));
    }
    const bool merges =
        std::any_of(catalog.tables.begin(), catalog.tables.end(), [&](const TableInfo& table) {
          return table.name.schema == database && absl::StartsWith(table.engine, "MRG_");
        });
    if (!merges) return absl::OkStatus();
    for (const Need& need : {Need{"UPDATE", "UPDATE $ SET a = 1", "MERGE tables cannot be made"},
                             Need{"DELETE", "DELETE FROM $", "MERGE tables cannot be made"}}) {
      ZDPIPE_RETURN_IF_ERROR(Try(rights, database, need));
    }
    return absl::OkStatus();
  }

  static std::string TriggerOnNothing(const std::string& database) {
    const std::string name = QuoteName(database, kNothing);
    return absl::StrCat("CREATE TRIGGER ", name, " BEFORE INSERT ON ", name,
                        " FOR EACH ROW SET @zdpipe_check = 1");
  }

  absl::Status CheckTriggerRight(const Rights& rights, const std::string& database) {
    if (rights.OnDatabase("TRIGGER", database)) return absl::OkStatus();
    const absl::Status tried = Probe(target_, TriggerOnNothing(database));
    if (IsSessionLost(tried)) return tried;
    if (IsDenied(tried)) Miss("TRIGGER", DatabaseScope(database), "triggers cannot be made");
    return absl::OkStatus();
  }

  absl::Status CheckRoutineRights(const Rights& rights, const std::string& database) {
    if (!rights.OnDatabase("CREATE ROUTINE", database)) {
      // No statement fails in any case in a database that is there. Where it is not yet, this one
      // does, unless somebody makes the database in the same moment.
      const absl::StatusOr<std::string> present = target_.QueryValue(
          absl::StrCat("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ",
                       QuoteText(database)));
      if (!present.ok()) return present.status();
      bool missing = IsListed(rights, database);
      bool certain = missing;
      if (*present == "0") {
        const absl::Status tried =
            Probe(target_,
                  absl::StrCat("CREATE PROCEDURE ", QuoteName(database, kNothing), "() BEGIN END"));
        if (IsSessionLost(tried)) return tried;
        missing = certain = IsDenied(tried);
        if (!missing) beyond_list_.insert(database);
      }
      if (missing || *present != "0") {
        Miss("CREATE ROUTINE", DatabaseScope(database), "routines cannot be made", certain);
      }
    }
    return CheckRightsOnOwnRoutines(rights, database);
  }

  // The maker of a routine is given the rights on it. MySQL (seen: 5.6) gives them to the user at
  // the address it connects from, and makes that account when there is none: the user, let in by
  // 'zdpipe'@'%', has lost all other rights from then on, and views on its functions fail.
  absl::Status CheckRightsOnOwnRoutines(const Rights& rights, const std::string& database) {
    ZDPIPE_ASSIGN_OR_RETURN(const std::string rights_of_makers,
                            ReadVariable(target_, "automatic_sp_privileges"));
    const bool automatic = rights_of_makers != "OFF";
    std::string reason =
        "automatic_sp_privileges is OFF: the maker of a routine gets no right on it";
    if (automatic) {
      if (target_.version().mariadb) return absl::OkStatus();
      ZDPIPE_ASSIGN_OR_RETURN(const std::string same,
                              target_.QueryValue("SELECT USER() = CURRENT_USER()"));
      if (same == "1") return absl::OkStatus();
      reason = "without it MySQL makes an account for the user's address when a routine is made";
    }
    ZDPIPE_RETURN_IF_ERROR(
        Try(rights, database, {"ALTER ROUTINE", "ALTER PROCEDURE $ COMMENT ''", reason.c_str()}));
    return Try(rights, database, {"EXECUTE", "CALL $()", reason.c_str()});
  }

  // The text of a routine in the name of somebody else is kept from the user who made it.
  absl::Status CheckRoutineTexts(const Rights& rights) {
    if (result_.catalog.routines.empty() ||
        options_.definer.kind == DefinerPolicy::Kind::kCurrent) {
      return absl::OkStatus();
    }
    ZDPIPE_ASSIGN_OR_RETURN(const bool others, RoutinesOfOthers());
    if (!others) return absl::OkStatus();
    constexpr char kReason[] = "routines of other definers cannot be compared with the source's";
    const Version& version = target_.version();
    if (version.mariadb || !version.MySqlAtLeast(8, 0)) {
      const absl::Status tried = Probe(target_, "SELECT 1 FROM mysql.proc LIMIT 0");
      if (IsSessionLost(tried)) return tried;
      if (!IsDenied(tried)) return absl::OkStatus();
    } else if (rights.OnAll("SELECT") || rights.OnAll("SHOW_ROUTINE")) {
      return absl::OkStatus();
    }
    if (version.MariaDbAtLeast(11, 3)) {
      for (const DatabaseInfo& database : result_.catalog.databases) {
        if (!AnyIn(result_.catalog.routines, database.name) ||
            rights.OnDatabase("SHOW CREATE ROUTINE", database.name)) {
          continue;
        }
        Miss("SHOW CREATE ROUTINE", DatabaseScope(database.name), kReason,
             IsListed(rights, database.name));
      }
    } else if (version.mariadb || !version.MySqlAtLeast(8, 0)) {
      Miss("SELECT", "`mysql`.`proc`", kReason);
    } else {
      Miss("SHOW_ROUTINE", "*.*", kReason, rights.known());
    }
    return absl::OkStatus();
  }

  // Objects in the name of others are left out where the target user may not name them: those
  // need no right to be compared.
  absl::StatusOr<bool> RoutinesOfOthers() {
    const bool left_out =
        std::any_of(result_.findings.begin(), result_.findings.end(),
                    [](const Finding& finding) { return finding.id == "DEFINER_FOREIGN"; });
    if (left_out) return false;
    ZDPIPE_ASSIGN_OR_RETURN(const std::string user, target_.QueryValue("SELECT CURRENT_USER()"));
    if (options_.definer.kind == DefinerPolicy::Kind::kReplace) {
      return absl::StrCat(options_.definer.user, "@", options_.definer.host) != user;
    }
    std::set<std::string> selected;
    for (const DatabaseInfo& database : result_.catalog.databases) selected.insert(database.name);
    ZDPIPE_ASSIGN_OR_RETURN(
        const Result definers,
        source_.Query(absl::StrCat("SELECT DISTINCT ROUTINE_SCHEMA FROM "
                                   "information_schema.ROUTINES WHERE DEFINER <> ",
                                   QuoteText(user))));
    return std::any_of(definers.rows.begin(), definers.rows.end(),
                       [&](const auto& row) { return selected.count(row[0].value_or("")) > 0; });
  }

  // With a binlog (on RDS: with backups) a server lets only its administrators make triggers, and
  // functions that are not said to be deterministic.
  absl::Status CheckTriggersWithBinlog() {
    constexpr unsigned kErrNeedsSuper = 1419;
    const bool functions = std::any_of(
        result_.catalog.routines.begin(), result_.catalog.routines.end(),
        [](const RoutineInfo& routine) {
          return routine.kind != RoutineKind::kProcedure && routine.kind != RoutineKind::kLibrary;
        });
    if (result_.catalog.triggers.empty() && !functions) return absl::OkStatus();
    const std::string database = result_.catalog.triggers.empty()
                                     ? result_.catalog.routines.front().name.schema
                                     : result_.catalog.triggers.front().name.schema;
    ZDPIPE_ASSIGN_OR_RETURN(const std::string trust,
                            ReadVariable(target_, "log_bin_trust_function_creators"));
    if (!result_.target.log_bin || trust != "OFF") return absl::OkStatus();
    const absl::Status tried = Probe(target_, TriggerOnNothing(database));
    if (IsSessionLost(tried)) return tried;
    if (ServerErrnoOf(tried) != kErrNeedsSuper) return absl::OkStatus();
    result_.findings.push_back(
        {"TRUST_FUNCTION_CREATORS", Severity::kError, target_.endpoint().name,
         absl::StrCat("the target has its binlog on and log_bin_trust_function_creators off: the "
                      "user may not make triggers and functions (",
                      tried.message(), ")"),
         "on the target: SET GLOBAL log_bin_trust_function_creators = ON (on RDS in the parameter "
         "group, or switch backups off until the copy is done)"});
    return absl::OkStatus();
  }

  // --max-lag asks the target who its replicas are; without an answer the copy would wait for ever.
  absl::Status CheckReplicasSeen() {
    if (options_.throttle.max_lag_seconds == 0) return absl::OkStatus();
    const absl::Status tried = Probe(target_, ShowReplicas(target_.version()));
    if (IsSessionLost(tried)) return tried;
    if (!IsDenied(tried)) return absl::OkStatus();
    Miss(target_.version().MariaDbAtLeast(10, 5) ? "REPLICATION MASTER ADMIN" : "REPLICATION SLAVE",
         "*.*", "--max-lag cannot see which replicas the target has");
    return absl::OkStatus();
  }

  Session& source_;
  Session& target_;
  const CopyOptions& options_;
  CheckResult& result_;
  std::set<std::string> beyond_list_;  // databases of the target where more is allowed than listed
  std::map<std::pair<std::string, std::string>, Missing> missing_;  // privilege, reason
};

}  // namespace

absl::Status CheckPrivileges(Session& source, Session& target, const CopyOptions& options,
                             CheckResult& result) {
  return PrivilegeChecker(source, target, options, result).Run();
}

absl::StatusOr<std::vector<Blindness>> FindBlindness(Session& session, const Catalog& catalog,
                                                     const Selection& selection) {
  return BlindnessFinder(session, catalog, selection).Find();
}

}  // namespace zdpipe
