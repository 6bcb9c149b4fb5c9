#include "engine/snapshot/handoff.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

using nlohmann::ordered_json;

constexpr char kUser[] = "{replication_user}";
constexpr char kPassword[] = "{replication_password}";
constexpr char kHost[] = "{source_host}";  // of a source that was reached through its socket

bool IsReplica(const Handoff& handoff) {
  return handoff.state == SourceState::kStoppedReplica && !handoff.proof.channels.empty();
}

const ReplicaChannel& Channel(const Handoff& handoff) {
  return handoff.proof.channels[handoff.channel];
}

BinlogPosition Coordinates(const Handoff& handoff) {
  return IsReplica(handoff) ? Channel(handoff).applied : handoff.proof.binlog;
}

std::string Gtid(const Handoff& handoff) {
  return IsReplica(handoff) ? handoff.proof.replica_gtid : handoff.master_gtid;
}

std::string UpstreamHost(const Handoff& handoff) {
  if (IsReplica(handoff)) return Channel(handoff).master_host;
  if (absl::StartsWith(handoff.source.address, "/")) return kHost;  // a socket
  return std::string(handoff.source.address.substr(0, handoff.source.address.rfind(':')));
}

uint64_t UpstreamPort(const Handoff& handoff) {
  if (IsReplica(handoff)) return Channel(handoff).master_port;
  const size_t colon = handoff.source.address.rfind(':');
  if (absl::StartsWith(handoff.source.address, "/")) return 3306;
  return colon == std::string::npos
             ? 3306
             : std::strtoul(handoff.source.address.c_str() + colon + 1, nullptr, 10);
}

// The replica asked for GTID; a target of MariaDB can do so, too.
bool UseGtid(const Handoff& handoff, const ReplicaChannel& channel) {
  return !Gtid(handoff).empty() && handoff.source.vendor == "MariaDB" &&
         !channel.using_gtid.empty() && channel.using_gtid != "No";
}

bool UseGtid(const Handoff& handoff) {
  return IsReplica(handoff) && UseGtid(handoff, Channel(handoff));
}

bool AnyChannelUsesGtid(const Handoff& handoff) {
  const std::vector<ReplicaChannel>& channels = handoff.proof.channels;
  return IsReplica(handoff) &&
         std::any_of(channels.begin(), channels.end(),
                     [&](const ReplicaChannel& channel) { return UseGtid(handoff, channel); });
}

// MySQL has none.
std::set<std::string> GtidDomains(const Handoff& handoff) {
  std::set<std::string> domains;
  if (handoff.source.vendor != "MariaDB") return domains;
  for (absl::string_view gtid : absl::StrSplit(Gtid(handoff), ',', absl::SkipWhitespace())) {
    domains.insert(std::string(gtid.substr(0, gtid.find('-'))));
  }
  return domains;
}

std::string ChannelName(const Handoff& handoff) {
  return IsReplica(handoff) ? Channel(handoff).channel : "";
}

// Behind "CHANGE MASTER"; everything but the position. `role`: "MASTER", or "SOURCE".
std::string MasterOptions(const Handoff& handoff, absl::string_view role) {
  return absl::StrCat(" TO ", role, "_HOST=", QuoteText(UpstreamHost(handoff)), ", ", role,
                      "_PORT=", UpstreamPort(handoff), ", ", role, "_USER='", kUser, "', ", role,
                      "_PASSWORD='", kPassword, "'");
}

std::string FilePosition(const Handoff& handoff, absl::string_view role) {
  const BinlogPosition coordinates = Coordinates(handoff);
  return absl::StrCat(", ", role, "_LOG_FILE=", QuoteText(coordinates.file), ", ", role,
                      "_LOG_POS=", coordinates.position);
}

// The replica asks its master for TLS, and so is the target to.
bool UsesTls(const Handoff& handoff) { return IsReplica(handoff) && Channel(handoff).ssl_allowed; }

// MariaDB >= 11.4 verifies the master's certificate unless it is told not to, and so refuses a
// master without TLS.
bool VerifiesMaster(const Handoff& handoff) {
  return ParseVersion(handoff.target.version).MariaDbAtLeast(11, 4);
}

// The target is to trust the master as far as the replica did, no less.
bool KeepUnverifiedMaster(const Handoff& handoff) {
  return IsReplica(handoff) && Channel(handoff).ssl_verify == "No" && VerifiesMaster(handoff);
}

// gtid_slave_pos is one position for all channels. It cannot be set while one of them runs (error
// 1198), and setting it again would send the others back. So the first channel's statements set it;
// the others' refuse to go on where it is not set, or the channel would begin with the master's
// first binlog. (MariaDB < 10.6 refuses with error 1295: it cannot prepare SIGNAL.)
std::string GtidPositionStatement(const Handoff& handoff) {
  if (handoff.channel == 0) {
    return absl::StrCat("SET GLOBAL gtid_slave_pos=", QuoteText(Gtid(handoff)));
  }
  return "EXECUTE IMMEDIATE IF(@@GLOBAL.gtid_slave_pos='', 'SIGNAL SQLSTATE ''45000'' SET "
         "MESSAGE_TEXT=''gtid_slave_pos is not set: run the statements of the first channel "
         "before''', 'DO 0')";
}

ordered_json MariaDbStatements(const Handoff& handoff) {
  const std::string channel =
      ChannelName(handoff).empty() ? "" : absl::StrCat(" ", QuoteText(ChannelName(handoff)));
  const std::string change =
      absl::StrCat("CHANGE MASTER", channel, MasterOptions(handoff, "MASTER"),
                   UsesTls(handoff) ? ", MASTER_SSL=1" : "",
                   KeepUnverifiedMaster(handoff) ? ", MASTER_SSL_VERIFY_SERVER_CERT=0" : "");
  ordered_json statements = ordered_json::array();
  if (UseGtid(handoff) || (handoff.channel == 0 && AnyChannelUsesGtid(handoff))) {
    statements.push_back(GtidPositionStatement(handoff));
  }
  if (UseGtid(handoff)) {
    statements.push_back(absl::StrCat(change, ", MASTER_USE_GTID=slave_pos"));
  } else {
    // MariaDB >= 10.10: a new replica uses GTID unless it is told otherwise.
    statements.push_back(
        absl::StrCat(change, FilePosition(handoff, "MASTER"), ", MASTER_USE_GTID=no"));
  }
  statements.push_back(absl::StrCat("START SLAVE", channel));
  return statements;
}

// MySQL >= 8.4 knows no other words than these.
bool SaysSource(const Handoff& handoff) {
  return ParseVersion(handoff.target.version).MySqlAtLeast(8, 4);
}

// MySQL >= 8.0 can be given the transactions of another server beside its own.
bool UseMySqlGtid(const Handoff& handoff) {
  return IsReplica(handoff) && !Gtid(handoff).empty() && handoff.source.vendor == "MySQL" &&
         Channel(handoff).using_gtid == "Auto_Position" && handoff.target.gtid_mode != "OFF" &&
         ParseVersion(handoff.target.version).MySqlAtLeast(8, 0);
}

// What the replica's own connection to the master has: an account with MySQL 8's default
// authentication needs one of the two.
std::string MySqlTrust(const Handoff& handoff, absl::string_view role) {
  if (!IsReplica(handoff)) return "";
  const bool knows_key = ParseVersion(handoff.target.version).MySqlAtLeast(8, 0);
  return absl::StrCat(UsesTls(handoff) ? absl::StrCat(", ", role, "_SSL=1") : "",
                      Channel(handoff).get_public_key && knows_key
                          ? absl::StrCat(", GET_", role, "_PUBLIC_KEY=1")
                          : "");
}

ordered_json MySqlStatements(const Handoff& handoff) {
  const bool source = SaysSource(handoff);
  const absl::string_view role = source ? "SOURCE" : "MASTER";
  const std::string channel = ChannelName(handoff).empty()
                                  ? ""
                                  : absl::StrCat(" FOR CHANNEL ", QuoteText(ChannelName(handoff)));
  std::string change = absl::StrCat(source ? "CHANGE REPLICATION SOURCE" : "CHANGE MASTER",
                                    MasterOptions(handoff, role), MySqlTrust(handoff, role));
  ordered_json statements = ordered_json::array();
  if (UseMySqlGtid(handoff)) {
    // What the target has already (of another channel, or when this is run twice) may not be said
    // again.
    statements.push_back(absl::StrCat("SET GLOBAL gtid_purged=CONCAT('+', GTID_SUBTRACT(",
                                      QuoteText(Gtid(handoff)), ", @@GLOBAL.gtid_executed))"));
    absl::StrAppend(&change, ", ", role, "_AUTO_POSITION=1");
  } else {
    absl::StrAppend(&change, FilePosition(handoff, role), source ? ", SOURCE_AUTO_POSITION=0" : "");
  }
  statements.push_back(absl::StrCat(change, channel));
  statements.push_back(absl::StrCat(source ? "START REPLICA" : "START SLAVE", channel));
  return statements;
}

ordered_json RdsStatements(const Handoff& handoff) {
  const BinlogPosition coordinates = Coordinates(handoff);
  const bool aurora_3 =
      handoff.target.aurora && ParseVersion(handoff.target.version).MySqlAtLeast(8, 0);
  const bool source = SaysSource(handoff) || aurora_3;
  const bool gtid = UseGtid(handoff) && handoff.target.vendor == "MariaDB";
  const std::string position =
      gtid ? QuoteText(Gtid(handoff))
           : absl::StrCat(QuoteText(coordinates.file), ", ", coordinates.position);
  return ordered_json::array(
      {absl::StrCat("CALL mysql.rds_set_external_", source ? "source" : "master",
                    gtid ? "_gtid" : "", "(", QuoteText(UpstreamHost(handoff)), ", ",
                    UpstreamPort(handoff), ", '", kUser, "', '", kPassword, "', ", position,
                    UsesTls(handoff) ? ", 1)" : ", 0)"),
       "CALL mysql.rds_start_replication()"});
}

ordered_json Position(const BinlogPosition& position) {
  if (position.empty()) return nullptr;
  return {{"file", position.file}, {"position", position.position}};
}

ordered_json Identity(const ServerIdentity& server) {
  return {{"name", server.name},       {"address", server.address},     {"vendor", server.vendor},
          {"version", server.version}, {"server_id", server.server_id}, {"rds", server.rds},
          {"log_bin", server.log_bin}};
}

}  // namespace

absl::StatusOr<ServerIdentity> ReadIdentity(Session& session) {
  ServerIdentity identity;
  identity.name = session.endpoint().name;
  identity.address = session.endpoint().Address();
  identity.vendor = session.version().mariadb ? "MariaDB" : "MySQL";
  identity.version = session.version().text;
  ZDPIPE_ASSIGN_OR_RETURN(identity.server_id, ReadVariable(session, "server_id"));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string basedir, ReadVariable(session, "basedir"));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string log_bin, ReadVariable(session, "log_bin"));
  identity.rds = absl::StartsWith(basedir, "/rdsdbbin");
  identity.log_bin = log_bin == "ON";
  if (session.version().mariadb) return identity;
  ZDPIPE_ASSIGN_OR_RETURN(identity.gtid_mode, ReadVariable(session, "gtid_mode"));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string aurora, ReadVariable(session, "aurora_version"));
  identity.aurora = !aurora.empty();
  return identity;
}

std::vector<std::string> UnusableReasons(const Handoff& handoff) {
  std::vector<std::string> reasons;
  if (handoff.state == SourceState::kStoppedReplica && handoff.proof.channels.empty()) {
    reasons.push_back("the source is not a replica: there are no applied coordinates");
  } else if (Coordinates(handoff).empty()) {
    reasons.push_back(IsReplica(handoff)
                          ? "the replica does not tell what it has applied"
                          : "the source has no binlog, or does not tell its position to this user");
  }
  return reasons;
}

std::vector<std::string> HandoffNotes(const Handoff& handoff) {
  std::vector<std::string> notes;
  if (handoff.source.vendor == "MySQL" && handoff.target.vendor == "MySQL" &&
      (handoff.source.gtid_mode == "ON") != (handoff.target.gtid_mode == "ON")) {
    notes.push_back(absl::StrCat("gtid_mode is ", handoff.source.gtid_mode, " on the source and ",
                                 handoff.target.gtid_mode,
                                 " on the target: make them alike before replication starts"));
  }
  if (UpstreamHost(handoff) == kHost) {
    notes.push_back(
        absl::StrCat("the source was reached through its socket: put its host name and "
                     "port in the place of ",
                     kHost, ":", UpstreamPort(handoff)));
  }
  if (!IsReplica(handoff)) return notes;
  const ReplicaChannel& channel = Channel(handoff);
  if (channel.received != channel.applied) {
    notes.push_back(absl::StrCat("the replica has received more (", channel.received.file, ":",
                                 channel.received.position,
                                 ") than it has applied; the coordinates are what is applied"));
  }
  if (handoff.proof.channels.size() > 1 && AnyChannelUsesGtid(handoff)) {
    const std::string& first = handoff.proof.channels[0].channel;
    notes.push_back(absl::StrCat(
        "several channels: gtid_slave_pos is one position for all of them, and is set by the "
        "statements of the first channel (",
        first.empty() ? "the default one" : first,
        "). Run those first, while no channel runs, and not again later: the other channels would "
        "go back and apply transactions twice"));
  }
  const bool knows_gtid = handoff.target.vendor != "MySQL";
  if (GtidDomains(handoff).size() > 1 && !(UseGtid(handoff) && knows_gtid)) {
    notes.push_back(absl::StrCat(
        "several GTID domains: one file position may not cover them all when they were applied in "
        "parallel; ",
        knows_gtid ? "prefer the GTID position"
                   : "copy from a replica that has applied all that it has received: a target of "
                     "MySQL cannot use the GTID position"));
  }
  if (KeepUnverifiedMaster(handoff)) {
    notes.push_back(
        "the replica does not verify its master's certificate, and neither would the "
        "target (MASTER_SSL_VERIFY_SERVER_CERT=0): leave that out to have it verified");
  }
  if (UsesTls(handoff) && channel.ssl_verify == "Yes" && !VerifiesMaster(handoff)) {
    const absl::string_view role = SaysSource(handoff) ? "SOURCE" : "MASTER";
    notes.push_back(absl::StrCat("the replica verifies its master's certificate: give the target ",
                                 role, "_SSL_CA and ", role, "_SSL_VERIFY_SERVER_CERT, too"));
  }
  if (!channel.filters.empty()) {
    notes.push_back(
        absl::StrCat("the replica filters replication: ", absl::StrJoin(channel.filters, ", "),
                     "; the statements do not: set the same filters on the target before "
                     "replication starts there"));
  }
  return notes;
}

std::string HandoffJson(const Handoff& handoff) {
  const BinlogPosition coordinates = Coordinates(handoff);
  ordered_json json;
  json["schema"] = "zdpipe.handoff/1";
  json["run_id"] = handoff.run_id;
  json["usable"] = handoff.usable;
  json["reasons"] = handoff.reasons;
  json["notes"] = HandoffNotes(handoff);
  ordered_json& upstream = json["upstream"];
  upstream["host"] = UpstreamHost(handoff);
  upstream["port"] = UpstreamPort(handoff);
  upstream["server_id"] = IsReplica(handoff) ? absl::StrCat(Channel(handoff).master_server_id)
                                             : handoff.source.server_id;
  upstream["channel"] = IsReplica(handoff) ? Channel(handoff).channel : "";
  ordered_json& position = json["coordinates"];
  position["file"] = coordinates.file;
  position["position"] = coordinates.position;
  position["taken_from"] =
      IsReplica(handoff)
          ? ordered_json::array({absl::StrCat(handoff.proof.replica_taken_from,
                                              ": Relay_Master_Log_File, Exec_Master_Log_Pos")})
          : ordered_json::array({handoff.proof.binlog_taken_from});
  json["received"] = IsReplica(handoff) ? Position(Channel(handoff).received) : nullptr;
  if (Gtid(handoff).empty()) {
    json["gtid"] = nullptr;
  } else {
    const bool mariadb = handoff.source.vendor == "MariaDB";
    ordered_json& gtid = json["gtid"];
    gtid["flavor"] = mariadb ? "mariadb" : "mysql";
    gtid["position"] = Gtid(handoff);
    gtid["taken_from"] =
        IsReplica(handoff) ? (mariadb ? "gtid_slave_pos" : "gtid_executed") : "BINLOG_GTID_POS()";
    gtid["domains"] = GtidDomains(handoff);
  }
  if (IsReplica(handoff)) {
    const ReplicaChannel& channel = Channel(handoff);
    json["replica"] = {{"io_running", channel.io_running},
                       {"sql_running", channel.sql_running},
                       {"using_gtid", channel.using_gtid},
                       {"parallel_mode", channel.parallel_mode},
                       {"filters", channel.filters}};
  } else {
    json["replica"] = nullptr;
  }
  json["source"] = Identity(handoff.source);
  json["source"]["binlog"] = Position(handoff.proof.binlog);
  json["target"] = Identity(handoff.target);
  json["accounts"] = nullptr;
  if (handoff.accounts.has_value()) {
    json["accounts"] = {{"users", handoff.accounts->first}, {"roles", handoff.accounts->second}};
  }
  json["captured_at"] = handoff.captured_at;
  json["revalidated_at"] =
      handoff.revalidated_at.empty() ? ordered_json(nullptr) : ordered_json(handoff.revalidated_at);
  json["unchanged"] = handoff.unchanged;
  json["exit_code"] =
      handoff.exit_code.has_value() ? ordered_json(*handoff.exit_code) : ordered_json(nullptr);
  json["proof"] = ordered_json::parse(ProofText(handoff.proof));
  // Nothing connects to the upstream server during a copy: null means "not looked at".
  json["binlog"] = {{"present_upstream", nullptr}, {"retention_hours", nullptr}};
  json["statements"] = {{"mariadb", MariaDbStatements(handoff)},
                        {"mysql", MySqlStatements(handoff)},
                        {"rds", RdsStatements(handoff)}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string HandoffPath(const std::string& path, const SnapshotProof& proof, size_t channel) {
  if (proof.channels.size() <= 1) return path;
  // A channel's name is free text: keep what is safe in a file name.
  std::string name;
  for (const char c : proof.channels[channel].channel) name += absl::ascii_isalnum(c) ? c : '_';
  if (name.empty()) name = "default";
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  if (dot == std::string::npos || (slash != std::string::npos && dot < slash)) {
    return absl::StrCat(path, ".", channel, "-", name);
  }
  return absl::StrCat(path.substr(0, dot), ".", channel, "-", name, path.substr(dot));
}

std::optional<HandoffRun> ReadHandoffRun(const std::string& path) {
  std::ifstream file(path);
  const ordered_json json = ordered_json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  HandoffRun run;
  try {
    run.run_id = json.at("run_id").get<std::string>();
    run.usable = json.at("usable").get<bool>();
    run.target_address = json.at("target").at("address").get<std::string>();
    if (!json.at("exit_code").is_null()) run.exit_code = json.at("exit_code").get<int>();
    absl::StatusOr<SnapshotProof> proof = ParseProof(json.at("proof").dump());
    if (!proof.ok()) return std::nullopt;
    run.proof = *std::move(proof);
  } catch (const ordered_json::exception&) {
    return std::nullopt;
  }
  return run;
}

}  // namespace zdpipe
