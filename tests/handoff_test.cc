#include "engine/snapshot/handoff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/atomic_file.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

using nlohmann::json;
using ::testing::_;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

ReplicaChannel MakeChannel() {
  ReplicaChannel channel;
  channel.master_host = "master.example";
  channel.master_port = 3307;
  channel.master_server_id = 11;
  channel.applied = {"bin.000003", 400};
  channel.received = {"bin.000004", 77};
  channel.io_state = "Yes";
  channel.io_running = true;
  channel.sql_state = "No";
  channel.using_gtid = "No";
  return channel;
}

Handoff MakeHandoff() {
  Handoff handoff;
  handoff.run_id = "run-1";
  handoff.proof.channels = {MakeChannel()};
  handoff.proof.replica_taken_from = "SHOW ALL SLAVES STATUS";
  handoff.source.vendor = "MariaDB";
  return handoff;
}

std::vector<std::string> MariaDbStatements(const Handoff& handoff) {
  return json::parse(HandoffJson(handoff))["statements"]["mariadb"].get<std::vector<std::string>>();
}

TEST(HandoffTest, CoordinatesAreWhatWasAppliedNotWhatWasReceived) {
  const json handoff = json::parse(HandoffJson(MakeHandoff()));

  EXPECT_EQ(handoff["schema"], "zdpipe.handoff/1");
  EXPECT_EQ(handoff["coordinates"]["file"], "bin.000003");
  EXPECT_EQ(handoff["coordinates"]["position"], 400);
  EXPECT_EQ(handoff["received"]["file"], "bin.000004");
  EXPECT_EQ(handoff["upstream"]["host"], "master.example");
  EXPECT_EQ(handoff["usable"], false);
  EXPECT_THAT(MariaDbStatements(MakeHandoff())[0],
              HasSubstr("MASTER_LOG_FILE='bin.000003', MASTER_LOG_POS=400"));
}

TEST(HandoffTest, ReplicaThatDoesNotUseGtidGivesStatementsWithoutGtid) {
  Handoff handoff = MakeHandoff();
  handoff.proof.replica_gtid = "0-1-5";

  EXPECT_THAT(MariaDbStatements(handoff)[0], HasSubstr("MASTER_USE_GTID=no"));
}

TEST(HandoffTest, ReplicaThatUsesGtidGivesGtidStatements) {
  Handoff handoff = MakeHandoff();
  handoff.proof.channels[0].using_gtid = "Slave_Pos";
  handoff.proof.replica_gtid = "0-1-5,2-1-9";

  const std::vector<std::string> statements = MariaDbStatements(handoff);

  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[0], "SET GLOBAL gtid_slave_pos='0-1-5,2-1-9'");
  EXPECT_THAT(statements[1], HasSubstr("MASTER_USE_GTID=slave_pos"));
  EXPECT_EQ(statements[2], "START SLAVE");
  EXPECT_EQ(json::parse(HandoffJson(handoff))["gtid"]["domains"], json({"0", "2"}));
}

std::vector<std::string> MySqlStatements(const Handoff& handoff) {
  return json::parse(HandoffJson(handoff))["statements"]["mysql"].get<std::vector<std::string>>();
}

// The first one.
std::string RdsStatement(const Handoff& handoff) {
  return json::parse(HandoffJson(handoff))["statements"]["rds"][0].get<std::string>();
}

Handoff MakeMySqlHandoff(const std::string& target_version) {
  Handoff handoff = MakeHandoff();
  handoff.source.vendor = handoff.target.vendor = "MySQL";
  handoff.target.version = target_version;
  handoff.proof.replica_gtid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\na:1-2";
  return handoff;
}

TEST(HandoffTest, MySqlTargetsGetTheWordsTheyKnow) {
  EXPECT_THAT(
      MySqlStatements(MakeMySqlHandoff("8.0.36")),
      ElementsAre(StartsWith("CHANGE MASTER TO MASTER_HOST='master.example'"), "START SLAVE"));
  const std::vector<std::string> later = MySqlStatements(MakeMySqlHandoff("8.4.0"));
  EXPECT_THAT(
      later, ElementsAre(StartsWith("CHANGE REPLICATION SOURCE TO SOURCE_HOST="), "START REPLICA"));
  EXPECT_THAT(later[0], HasSubstr("SOURCE_LOG_FILE='bin.000003', SOURCE_LOG_POS=400, "
                                  "SOURCE_AUTO_POSITION=0"));
  EXPECT_THAT(later[0], Not(HasSubstr("SSL")));
}

TEST(HandoffTest, MySqlReplicaWithAutoPositionHandsOverItsTransactions) {
  Handoff handoff = MakeMySqlHandoff("9.7.4-2");
  handoff.proof.channels[0].using_gtid = "Auto_Position";
  handoff.proof.channels[0].channel = "c";
  EXPECT_THAT(
      MySqlStatements(handoff),
      ElementsAre("SET GLOBAL gtid_purged=CONCAT('+', GTID_SUBTRACT('"
                  "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,\\na:1-2', @@GLOBAL.gtid_executed))",
                  EndsWith("SOURCE_AUTO_POSITION=1 FOR CHANNEL 'c'"),
                  "START REPLICA FOR CHANNEL 'c'"));

  handoff.target.gtid_mode = "OFF";
  EXPECT_THAT(MySqlStatements(handoff)[0], HasSubstr("SOURCE_LOG_FILE='bin.000003'"));

  handoff.target.gtid_mode = "ON";
  handoff.target.version = "5.7.44";  // takes gtid_purged only before any transaction of its own
  EXPECT_THAT(MySqlStatements(handoff)[0], HasSubstr("MASTER_LOG_FILE='bin.000003'"));
}

TEST(HandoffTest, MySqlTargetTrustsTheMasterAsTheReplicaDid) {
  Handoff handoff = MakeMySqlHandoff("8.4.0");
  handoff.proof.channels[0].ssl_allowed = true;
  handoff.proof.channels[0].get_public_key = true;

  EXPECT_THAT(MySqlStatements(handoff)[0], HasSubstr(", SOURCE_SSL=1, GET_SOURCE_PUBLIC_KEY=1"));
  handoff.target.version = "5.7.44";
  EXPECT_THAT(MySqlStatements(handoff)[0], Not(HasSubstr("PUBLIC_KEY")));
  EXPECT_THAT(MySqlStatements(handoff)[0], HasSubstr(", MASTER_SSL=1"));
}

TEST(HandoffTest, MariaDbTargetTrustsTheMasterAsTheReplicaDid) {
  Handoff handoff = MakeHandoff();
  handoff.target.vendor = "MariaDB";
  handoff.target.version = "10.11.6-MariaDB";
  handoff.proof.channels[0].ssl_verify = "No";
  EXPECT_THAT(MariaDbStatements(handoff)[0], Not(HasSubstr("SSL")));
  EXPECT_THAT(RdsStatement(handoff), EndsWith(", 0)"));

  handoff.proof.channels[0].ssl_allowed = true;
  EXPECT_THAT(MariaDbStatements(handoff)[0], HasSubstr(", MASTER_SSL=1, MASTER_LOG_FILE"));
  EXPECT_THAT(RdsStatement(handoff), EndsWith(", 1)"));

  handoff.target.version = "11.8.2-MariaDB";
  EXPECT_THAT(MariaDbStatements(handoff)[0],
              HasSubstr(", MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=0"));
}

TEST(HandoffTest, TargetThatWouldVerifyLessThanTheReplicaIsNoted) {
  Handoff handoff = MakeHandoff();
  handoff.proof.channels[0].ssl_allowed = true;
  handoff.proof.channels[0].ssl_verify = "Yes";

  handoff.target.version = "10.11.6-MariaDB";
  EXPECT_THAT(HandoffNotes(handoff), Contains(HasSubstr("MASTER_SSL_CA and MASTER_SSL_VERIFY")));
  handoff.target.version = "8.4.0";
  EXPECT_THAT(HandoffNotes(handoff), Contains(HasSubstr("SOURCE_SSL_CA and SOURCE_SSL_VERIFY")));
  handoff.target.version = "11.8.2-MariaDB";
  EXPECT_THAT(HandoffNotes(handoff), Not(Contains(HasSubstr("SSL_CA"))));
}

TEST(HandoffTest, SocketIsNoHostAndGtidsMustBeAlike) {
  Handoff handoff = MakeMySqlHandoff("8.4.0");
  handoff.state = SourceState::kMaster;
  handoff.proof.binlog = {"own.000009", 1234};
  handoff.source.address = "/run/my:sql.sock";
  handoff.source.gtid_mode = "ON";
  handoff.target.gtid_mode = "OFF";

  EXPECT_THAT(MySqlStatements(handoff)[0], HasSubstr("='{source_host}', SOURCE_PORT=3306"));
  EXPECT_THAT(HandoffNotes(handoff),
              ElementsAre(HasSubstr("gtid_mode is ON"), HasSubstr("{source_host}")));
}

TEST(HandoffTest, RdsGetsTheProcedureItHas) {
  Handoff handoff = MakeMySqlHandoff("8.0.36");
  EXPECT_THAT(RdsStatement(handoff), StartsWith("CALL mysql.rds_set_external_master("));
  handoff.target.aurora = true;
  EXPECT_THAT(RdsStatement(handoff), StartsWith("CALL mysql.rds_set_external_source("));
  EXPECT_THAT(RdsStatement(handoff), EndsWith(", 0)"));
  handoff.proof.channels[0].ssl_allowed = true;
  EXPECT_THAT(RdsStatement(handoff), EndsWith(", 1)"));
  EXPECT_THAT(RdsStatement(MakeMySqlHandoff("8.4.0")),
              StartsWith("CALL mysql.rds_set_external_source("));
}

TEST(HandoffTest, RdsForMariaDbGetsTheGtidPositionOfAReplicaWithGtid) {
  Handoff handoff = MakeHandoff();
  handoff.target.vendor = "MariaDB";
  handoff.proof.replica_gtid = "0-1-5,2-1-9";
  EXPECT_EQ(RdsStatement(handoff),
            "CALL mysql.rds_set_external_master('master.example', 3307, '{replication_user}', "
            "'{replication_password}', 'bin.000003', 400, 0)");

  handoff.proof.channels[0].using_gtid = "Current_Pos";
  handoff.proof.channels[0].ssl_allowed = true;
  EXPECT_EQ(RdsStatement(handoff),
            "CALL mysql.rds_set_external_master_gtid('master.example', 3307, "
            "'{replication_user}', '{replication_password}', '0-1-5,2-1-9', 1)");

  handoff.target.vendor = "MySQL";
  EXPECT_THAT(RdsStatement(handoff), HasSubstr("rds_set_external_master('master.example'"));
}

TEST(HandoffTest, FilePositionOfSeveralDomainsIsNoted) {
  const auto domains = HasSubstr("several GTID domains");
  Handoff handoff = MakeHandoff();
  handoff.target.vendor = "MariaDB";
  handoff.proof.replica_gtid = "0-1-5,2-1-9";
  EXPECT_THAT(HandoffNotes(handoff), Contains(domains));
  handoff.proof.channels[0].using_gtid = "Slave_Pos";
  EXPECT_THAT(HandoffNotes(handoff), Not(Contains(domains)));
  handoff.target.vendor = "MySQL";
  EXPECT_THAT(HandoffNotes(handoff), Contains(domains));

  EXPECT_THAT(HandoffNotes(MakeMySqlHandoff("8.4.0")), Not(Contains(domains)));
}

TEST(HandoffTest, ChannelIsNamedInItsStatementsAndItsFile) {
  Handoff handoff = MakeHandoff();
  handoff.proof.channels.push_back(MakeChannel());
  handoff.proof.channels[1].channel = "it's/2";
  handoff.channel = 1;

  EXPECT_THAT(MariaDbStatements(handoff)[0], HasSubstr("CHANGE MASTER 'it\\'s/2' TO"));
  EXPECT_EQ(HandoffPath("/x/handoff.json", handoff.proof, 1), "/x/handoff.1-it_s_2.json");
  EXPECT_EQ(HandoffPath("/x.d/handoff", handoff.proof, 1), "/x.d/handoff.1-it_s_2");
}

TEST(HandoffTest, GtidPositionIsSetByTheFirstOfSeveralChannelsOnly) {
  Handoff handoff = MakeHandoff();
  handoff.proof.replica_gtid = "1-1-5,2-2-9";
  handoff.proof.channels = {MakeChannel(), MakeChannel()};
  handoff.proof.channels[0].channel = "a";
  handoff.proof.channels[1].channel = "b";
  handoff.proof.channels[1].using_gtid = "Slave_Pos";
  const auto note = HasSubstr("set by the statements of the first channel (a)");

  // Also when that one does not need it: it could not be set later.
  EXPECT_THAT(MariaDbStatements(handoff),
              ElementsAre("SET GLOBAL gtid_slave_pos='1-1-5,2-2-9'", EndsWith("MASTER_USE_GTID=no"),
                          "START SLAVE 'a'"));
  EXPECT_THAT(HandoffNotes(handoff), Contains(note));
  handoff.channel = 1;
  EXPECT_THAT(MariaDbStatements(handoff),
              ElementsAre(StartsWith("EXECUTE IMMEDIATE IF(@@GLOBAL.gtid_slave_pos=''"),
                          EndsWith("MASTER_USE_GTID=slave_pos"), "START SLAVE 'b'"));
  EXPECT_THAT(HandoffNotes(handoff), Contains(note));

  handoff.proof.channels[1].using_gtid = "No";
  EXPECT_THAT(MariaDbStatements(handoff), ElementsAre(HasSubstr("CHANGE MASTER"), _));
  EXPECT_THAT(HandoffNotes(handoff), Not(Contains(note)));
}

TEST(HandoffTest, HostilePositionCannotLeaveItsLiteral) {
  Handoff handoff = MakeHandoff();
  handoff.proof.channels[0].applied.file = "x'; DROP DATABASE a; --";

  EXPECT_THAT(MariaDbStatements(handoff)[0],
              HasSubstr("MASTER_LOG_FILE='x\\'; DROP DATABASE a; --'"));
}

TEST(HandoffTest, MasterSourceHandsOverItsOwnBinlogPosition) {
  Handoff handoff;
  handoff.state = SourceState::kMaster;
  handoff.proof.binlog = {"own.000009", 1234};
  handoff.source.address = "db1.example:3310";
  handoff.source.server_id = "5";

  const json written = json::parse(HandoffJson(handoff));

  EXPECT_EQ(written["coordinates"]["file"], "own.000009");
  EXPECT_EQ(written["upstream"]["host"], "db1.example");
  EXPECT_EQ(written["upstream"]["port"], 3310);
  EXPECT_TRUE(written["received"].is_null());
  EXPECT_THAT(UnusableReasons(handoff), IsEmpty());
}

TEST(HandoffTest, SourceWithoutCoordinatesIsNeverUsable) {
  Handoff no_replica = MakeHandoff();
  no_replica.proof.channels.clear();
  Handoff no_binlog;
  no_binlog.state = SourceState::kFrozen;

  EXPECT_THAT(UnusableReasons(no_replica), Not(IsEmpty()));
  EXPECT_THAT(UnusableReasons(no_binlog), Not(IsEmpty()));
}

TEST(SnapshotProofTest, ReceivedPositionMayMove) {
  SnapshotProof before;
  before.channels = {MakeChannel()};
  SnapshotProof after = before;
  after.channels[0].received = {"bin.000005", 4};

  EXPECT_EQ(before.Difference(after), "");
}

TEST(SnapshotProofTest, EveryThingThatMovesWithTheDataIsADifference) {
  SnapshotProof before;
  before.channels = {MakeChannel()};
  before.binlog = {"own.000001", 10};
  before.replica_gtid = "0-1-5";

  SnapshotProof applied = before;
  applied.channels[0].applied.position = 401;
  SnapshotProof thread = before;
  thread.channels[0].sql_state = "Yes";
  SnapshotProof gtid = before;
  gtid.replica_gtid = "0-1-6";
  SnapshotProof binlog = before;
  binlog.binlog.position = 11;
  SnapshotProof channels = before;
  channels.channels.clear();

  for (const SnapshotProof& after : {applied, thread, gtid, binlog, channels}) {
    EXPECT_NE(before.Difference(after), "");
    EXPECT_EQ(FailureOf(CheckUnchanged(SourceState::kStoppedReplica, before, after)),
              Failure::kConsistency);
  }
}

TEST(WriteFileAtomicallyTest, ReplacesTheFileAndKeepsItPrivate) {
  char folder[] = "/tmp/zdpipe-handoff-test.XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/out.json";

  ASSERT_TRUE(WriteFileAtomically(path, "first").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "second").ok());

  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(content.str(), "second");
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  remove(path.c_str());
  remove(folder);
}

TEST(WriteFileAtomicallyTest, FolderThatIsNotThereIsAUsageError) {
  const absl::Status status = WriteFileAtomically("/nonexistent/out.json", "x");

  EXPECT_EQ(FailureOf(status), Failure::kUsage);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/out.json"));
}

}  // namespace
}  // namespace zdpipe
