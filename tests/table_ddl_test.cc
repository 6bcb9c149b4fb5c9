// SHOW CREATE taken apart, without a server: TableDdl, ApplyDefiner, DisableEvent.
#include "engine/schema/table_ddl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/schema/objects.h"
#include "engine/schema/shown_texts.h"
#include "engine/schema/sql_scanner.h"

namespace zdpipe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kOptions[] = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci";

TableInfo InnoDbTable() {
  TableInfo table;
  table.name = {"s", "t"};
  table.engine = "InnoDB";
  return table;
}

std::string ShowCreate(absl::string_view elements, absl::string_view options = kOptions) {
  return absl::StrCat("CREATE TABLE `t` (\n  ", elements, "\n)", options);
}

TableDdl Split(absl::string_view elements, absl::string_view options = kOptions,
               const TableInfo& table = InnoDbTable(), const DdlOptions& ddl_options = {}) {
  const absl::StatusOr<TableDdl> ddl =
      SplitTableDdl(table, ShowCreate(elements, options), ddl_options);
  EXPECT_TRUE(ddl.ok()) << ddl.status();
  return ddl.value_or(TableDdl());
}

// The CREATE that has exactly these elements, with statistics paused.
std::string Create(absl::string_view elements, absl::string_view options = kOptions) {
  return absl::StrCat("CREATE TABLE `s`.`t` (\n  ", elements, "\n) STATS_AUTO_RECALC=0", options);
}

constexpr char kStatsBack[] = "ALTER TABLE `s`.`t` STATS_AUTO_RECALC=DEFAULT";

TEST(SplitTableDdlTest, SecondaryIndexesAreSetAsideInTheirOrder) {
  const TableDdl ddl = Split(
      "`id` int(11) NOT NULL,\n  `a` int(11) DEFAULT NULL,\n  `b` int(11) DEFAULT NULL,\n"
      "  PRIMARY KEY (`id`),\n  UNIQUE KEY `z` (`a`),\n  KEY `b` (`b`,`a`),\n  KEY `a` (`a` DESC)");

  EXPECT_EQ(ddl.create, Create("`id` int(11) NOT NULL,\n  `a` int(11) DEFAULT NULL,\n"
                               "  `b` int(11) DEFAULT NULL,\n  PRIMARY KEY (`id`)"));
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD UNIQUE KEY `z` (`a`), ADD KEY `b` (`b`,`a`), "
            "ADD KEY `a` (`a` DESC), STATS_AUTO_RECALC=DEFAULT");
  EXPECT_TRUE(ddl.add_fulltext.empty());
  EXPECT_EQ(ddl.add_foreign_keys, "");
}

TEST(SplitTableDdlTest, NullableAutoIncrementStaysNullable) {
  const TableDdl ddl =
      Split("`a` int(11) AUTO_INCREMENT COMMENT 'AUTO_INCREMENT',\n  KEY `a` (`a`)");

  EXPECT_EQ(ddl.create,
            Create("`a` int(11) AUTO_INCREMENT NULL COMMENT 'AUTO_INCREMENT',\n  KEY `a` (`a`)"));
}

TEST(SplitTableDdlTest, UniqueKeysInAnOrderThatOnlyAnUnsaidNotNullGivesAreMadeAtOnce) {
  const TableDdl ddl = Split(
      "`a` int(11) NOT NULL COMMENT 'NOT NULL',\n  `b` int(11) DEFAULT NULL,\n  PRIMARY KEY "
      "(`a`),\n"
      "  UNIQUE KEY `i1` (`b`),\n  UNIQUE KEY `i2` (`a`)");

  EXPECT_EQ(ddl.create,
            absl::StrCat("CREATE TABLE `s`.`t` (\n  `a` int(11)  COMMENT 'NOT NULL',\n  "
                         "`b` int(11) DEFAULT NULL,\n  UNIQUE KEY `i1` (`b`),\n  "
                         "UNIQUE KEY `i2` (`a`),\n  PRIMARY KEY (`a`)\n)",
                         kOptions));
  EXPECT_EQ(ddl.add_indexes, "");
}

TEST(SplitTableDdlTest, TableWithoutSecondaryIndexesOnlyGetsItsStatisticsBack) {
  const TableDdl ddl = Split("`id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)");

  EXPECT_EQ(ddl.create, Create("`id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)"));
  EXPECT_EQ(ddl.add_indexes, kStatsBack);
}

TEST(SplitTableDdlTest, TableNameIsReplacedByTheQualifiedOne) {
  TableInfo table = InnoDbTable();
  table.name = {"a`b.c", "we\"ird` (\n'.\xF0\x9F\x98\x80"};

  const absl::StatusOr<TableDdl> ddl = SplitTableDdl(
      table, "CREATE TABLE `we\"ird`` (\n'.\xF0\x9F\x98\x80` (\n  `x` int(11)\n) ENGINE=InnoDB",
      {});

  ASSERT_TRUE(ddl.ok()) << ddl.status();
  EXPECT_EQ(ddl->create,
            "CREATE TABLE `a``b.c`.`we\"ird`` (\n'.\xF0\x9F\x98\x80` (\n  `x` int(11)\n) "
            "STATS_AUTO_RECALC=0 ENGINE=InnoDB");
  EXPECT_EQ(ddl->add_indexes,
            "ALTER TABLE `a``b.c`.`we\"ird`` (\n'.\xF0\x9F\x98\x80` STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, NamesMayHoldAnything) {
  const std::string columns =
      "`a``,b` int(11),\n  `c)\n'\"` int(11),\n  `KEY ``x`` (` int(11),\n  `\\` int(11),\n"
      "  `/*` int(11),\n  `-- ` int(11),\n  `\xC3\xA9.\xF0\x9F\x98\x80` int(11)";
  const std::string key =
      "KEY `i``,(\n)'` (`a``,b`,`c)\n'\"`,`KEY ``x`` (`,`\\`,`/*`,`-- "
      "`,`\xC3\xA9.\xF0\x9F\x98\x80`)";

  const TableDdl ddl = Split(absl::StrCat(columns, ",\n  ", key));

  EXPECT_EQ(ddl.create, Create(columns));
  EXPECT_EQ(ddl.add_indexes,
            absl::StrCat("ALTER TABLE `s`.`t` ADD ", key, ", STATS_AUTO_RECALC=DEFAULT"));
}

TEST(SplitTableDdlTest, CommentsAndDefaultsMayLookLikeDefinitions) {
  const std::string columns =
      "`a` varchar(9) NOT NULL DEFAULT 'x,\\'' COMMENT 'it''s (a), KEY `k` (`a`)',\n"
      "  `b` varchar(9) DEFAULT '\\\\' COMMENT ',\\n  KEY `b` (`b`)\\n) ENGINE=',\n"
      "  `c` enum('(','),KEY','''','\\\\') DEFAULT '''',\n"
      "  `d` int(11) NOT NULL COMMENT 'AUTO_INCREMENT',\n"
      "  `e` varchar(9) DEFAULT '\"' COMMENT '/* -- # `'";

  const TableDdl ddl = Split(absl::StrCat(
      columns, ",\n  KEY `k` (`d`) COMMENT '), KEY `j` (`a`) USING HASH',\n  KEY `l` (`b`)"));

  EXPECT_EQ(ddl.create, Create(columns));
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `k` (`d`) COMMENT '), KEY `j` (`a`) USING HASH', "
            "ADD KEY `l` (`b`), STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, ChecksPeriodsAndGeneratedColumnsStay) {
  const std::string before =
      "`id` int(11) NOT NULL,\n  `d` int(11) DEFAULT NULL CHECK (`d` > 0 and `d` in (1,2)),\n"
      "  `g` varchar(30) GENERATED ALWAYS AS (concat(`id`,'),(',(`d` + 1))) VIRTUAL,\n"
      "  `j` longtext DEFAULT json_array(1,2) CHECK (json_valid(`j`)),\n"
      "  `rs` timestamp(6) GENERATED ALWAYS AS ROW START INVISIBLE,\n"
      "  `re` timestamp(6) GENERATED ALWAYS AS ROW END,\n  PRIMARY KEY (`id`)";
  const std::string after =
      "PERIOD FOR SYSTEM_TIME (`rs`, `re`),\n"
      "  CONSTRAINT `FOREIGN` CHECK (`d` <> 'FOREIGN KEY' and (`id` > 0 or `id` < 5))";

  const TableDdl ddl = Split(absl::StrCat(before, ",\n  KEY `g` (`g`),\n  ", after),
                             " ENGINE=InnoDB WITH SYSTEM VERSIONING");

  EXPECT_EQ(ddl.create,
            Create(absl::StrCat(before, ",\n  ", after), " ENGINE=InnoDB WITH SYSTEM VERSIONING"));
  EXPECT_EQ(ddl.add_indexes, "ALTER TABLE `s`.`t` ADD KEY `g` (`g`), STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, ForeignKeysAreAddedTogether) {
  const TableDdl ddl = Split(
      "`a` int(11),\n  `b` int(11),\n  KEY `a` (`a`),\n"
      "  CONSTRAINT `t_ibfk_1` FOREIGN KEY (`a`) REFERENCES `p` (`a`) ON DELETE SET NULL,\n"
      "  CONSTRAINT `x``,(` FOREIGN KEY (`b`,`a`) REFERENCES `q.q`.`we,ird` (`b`,`a`) ON UPDATE "
      "CASCADE,\n  CONSTRAINT `c` CHECK (`a` > 0)");

  EXPECT_EQ(ddl.create, Create("`a` int(11),\n  `b` int(11),\n  CONSTRAINT `c` CHECK (`a` > 0)"));
  EXPECT_EQ(ddl.add_foreign_keys,
            "ALTER TABLE `s`.`t` ADD CONSTRAINT `t_ibfk_1` FOREIGN KEY (`a`) REFERENCES `p` (`a`) "
            "ON DELETE SET NULL, ADD CONSTRAINT `x``,(` FOREIGN KEY (`b`,`a`) REFERENCES "
            "`q.q`.`we,ird` (`b`,`a`) ON UPDATE CASCADE");
}

TEST(SplitTableDdlTest, ForeignKeyNameThatTheServerMadeTooLongIsLeftToTheServer) {
  const std::string made = std::string(60, 'x') + "_ibfk_1";
  const std::string longest(64, 'y');
  const TableDdl ddl =
      Split("`a` int(11),\n  CONSTRAINT `" + made + "` FOREIGN KEY (`a`) REFERENCES `p` (`b`),\n" +
            "  CONSTRAINT `" + longest + "` FOREIGN KEY (`a`) REFERENCES `p` (`c`)");
  EXPECT_EQ(ddl.add_foreign_keys,
            "ALTER TABLE `s`.`t` ADD FOREIGN KEY (`a`) REFERENCES `p` (`b`), ADD CONSTRAINT `" +
                longest + "` FOREIGN KEY (`a`) REFERENCES `p` (`c`), ALGORITHM=COPY");
}

TEST(SplitTableDdlTest, EachFulltextIndexHasItsOwnAlter) {
  const TableDdl ddl = Split(
      "`id` int(11) NOT NULL,\n  `a` text,\n  PRIMARY KEY (`id`),\n  KEY `k` (`a`(10)),\n"
      "  FULLTEXT KEY `f` (`a`),\n"
      "  FULLTEXT KEY `g` (`a`) /*!50100 WITH PARSER `ngram` */ ");

  ASSERT_EQ(ddl.add_fulltext.size(), 2u);
  EXPECT_EQ(ddl.add_fulltext[0], "ALTER TABLE `s`.`t` ADD FULLTEXT KEY `f` (`a`)");
  EXPECT_EQ(ddl.add_fulltext[1],
            "ALTER TABLE `s`.`t` ADD FULLTEXT KEY `g` (`a`) /*!50100 WITH PARSER `ngram` */");
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `k` (`a`(10)), STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, SpatialAndIgnoredIndexesAreSetAside) {
  const TableDdl ddl = Split(
      "`p` point NOT NULL,\n  `a` int(11),\n  SPATIAL KEY `sp` (`p`),\n  KEY `a` (`a`) IGNORED");

  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD SPATIAL KEY `sp` (`p`), ADD KEY `a` (`a`) IGNORED, "
            "STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, IndexOfTheAutoIncrementColumnStaysWithAllBeforeIt) {
  const std::string head =
      "`id` int(11) NOT NULL AUTO_INCREMENT,\n  `a` int(11) NOT NULL,\n"
      "  PRIMARY KEY (`a`,`id`),\n  KEY `ai` (`a`),\n  KEY `id` (`id`,`a`)";

  const TableDdl ddl = Split(absl::StrCat(head, ",\n  KEY `id2` (`id`),\n  KEY `z` (`a`)"));

  EXPECT_EQ(ddl.create, Create(head));
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `id2` (`id`), ADD KEY `z` (`a`), "
            "STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, PrimaryKeyThatLeadsWithTheCounterIsEnough) {
  const TableDdl ddl =
      Split("`id` int(11) NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`),\n  KEY `again` (`id`)",
            " ENGINE=InnoDB AUTO_INCREMENT=7");

  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `again` (`id`), STATS_AUTO_RECALC=DEFAULT");
  EXPECT_TRUE(absl::EndsWith(ddl.create, " ENGINE=InnoDB AUTO_INCREMENT=7"));
}

TEST(SplitTableDdlTest, WithoutPrimaryKeyTheFirstClusterableUniqueKeyStays) {
  const std::string columns =
      "`n` int(11) DEFAULT NULL,\n  `a` varchar(9) NOT NULL,\n  `b` int(11) NOT NULL";

  const TableDdl ddl = Split(absl::StrCat(
      columns, ",\n  UNIQUE KEY `b` (`b`),\n  UNIQUE KEY `ba` (`b`,`a`),\n  UNIQUE KEY `n` (`n`)"));

  EXPECT_EQ(ddl.create, Create(absl::StrCat(columns, ",\n  UNIQUE KEY `b` (`b`)")));
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD UNIQUE KEY `ba` (`b`,`a`), ADD UNIQUE KEY `n` (`n`), "
            "STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, NullableAndPrefixedUniqueKeysDoNotCluster) {
  const TableDdl ddl = Split(
      "`n` int(11) DEFAULT NULL,\n  `a` varchar(9) NOT NULL,\n  UNIQUE KEY `a` (`a`(3)),\n"
      "  UNIQUE KEY `n` (`n`)");

  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD UNIQUE KEY `a` (`a`(3)), ADD UNIQUE KEY `n` (`n`), "
            "STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, UniqueKeyOfAGeneratedColumnMayOrMayNotClusterSoTheNextStaysToo) {
  const std::string head =
      "`a` int(11) NOT NULL,\n  `g` int(11) GENERATED ALWAYS AS (`a` + 1) STORED NOT NULL,\n"
      "  UNIQUE KEY `g` (`g`),\n  UNIQUE KEY `a` (`a`)";

  const TableDdl ddl = Split(absl::StrCat(head, ",\n  UNIQUE KEY `ag` (`a`,`g`)"));

  EXPECT_EQ(ddl.create, Create(head));
}

TEST(SplitTableDdlTest, WithoutOverlapsStaysWithAllBeforeIt) {
  const std::string head =
      "`id` int(11) NOT NULL,\n  `x` date NOT NULL,\n  `y` date NOT NULL,\n"
      "  PERIOD FOR `p` (`x`, `y`),\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`x`),\n"
      "  UNIQUE KEY `o` (`id`,`p` WITHOUT OVERLAPS)";

  const TableDdl ddl = Split(absl::StrCat(head, ",\n  KEY `h` (`x`) USING HASH"));

  EXPECT_EQ(ddl.create, Create(head));
  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `h` (`x`) USING HASH, STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, TableWithALongUniqueKeyIsMadeAtOnce) {
  const std::string elements =
      "`id` int(11) NOT NULL,\n  `t` text DEFAULT NULL,\n  PRIMARY KEY (`id`),\n"
      "  UNIQUE KEY `t` (`t`) USING HASH,\n  KEY `a` (`id`),\n  FULLTEXT KEY `f` (`t`)";

  const TableDdl ddl = Split(elements);

  EXPECT_EQ(ddl.create, absl::StrCat("CREATE TABLE `s`.`t` (\n  ", elements, "\n)", kOptions));
  EXPECT_EQ(ddl.add_indexes, "");
  EXPECT_TRUE(ddl.add_fulltext.empty());
}

TEST(SplitTableDdlTest, SystemVersionedTableIsAlteredWithItsHistoryKept) {
  TableInfo table = InnoDbTable();
  table.system_versioned = true;

  const TableDdl ddl = Split(
      "`a` int(11),\n  UNIQUE KEY `a` (`a`),\n  FULLTEXT KEY `f` (`a`),\n"
      "  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`)",
      kOptions, table);

  const std::string alter =
      "SET STATEMENT system_versioning_alter_history = 'KEEP' FOR ALTER TABLE `s`.`t` ";
  EXPECT_EQ(ddl.add_indexes,
            absl::StrCat(alter, "ADD UNIQUE KEY `a` (`a`), STATS_AUTO_RECALC=DEFAULT"));
  ASSERT_EQ(ddl.add_fulltext.size(), 1u);
  EXPECT_EQ(ddl.add_fulltext[0], absl::StrCat(alter, "ADD FULLTEXT KEY `f` (`a`)"));
  EXPECT_EQ(ddl.add_foreign_keys,
            absl::StrCat(alter, "ADD CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`)"));
}

TEST(SplitTableDdlTest, UnknownKindsOfIndexStay) {
  const std::string columns = "`v` vector(2) NOT NULL,\n  VECTOR KEY `v` (`v`) `distance`='cosine'";

  const TableDdl ddl = Split(columns);

  EXPECT_EQ(ddl.create, Create(columns));
}

TEST(SplitTableDdlTest, IndexesOfOtherEnginesStayAndStatisticsAreNotTouched) {
  TableInfo table = InnoDbTable();
  table.engine = "MyISAM";
  const std::string elements = "`a` int(11),\n  KEY `a` (`a`),\n  FULLTEXT KEY `f` (`a`)";

  const TableDdl ddl = Split(elements, " ENGINE=MyISAM", table);

  EXPECT_EQ(ddl.create, absl::StrCat("CREATE TABLE `s`.`t` (\n  ", elements, "\n) ENGINE=MyISAM"));
  EXPECT_EQ(ddl.add_indexes, "");
  EXPECT_TRUE(ddl.add_fulltext.empty());
}

TEST(SplitTableDdlTest, IndexesStayWhenTheyAreNotWantedAfterwardsButForeignKeysGo) {
  const std::string elements = "`a` int(11),\n  KEY `a` (`a`),\n  FULLTEXT KEY `f` (`a`)";

  const TableDdl ddl =
      Split(absl::StrCat(elements, ",\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`)"),
            kOptions, InnoDbTable(), {.indexes_after = false});

  EXPECT_EQ(ddl.create, Create(elements));
  EXPECT_EQ(ddl.add_indexes, kStatsBack);
  EXPECT_TRUE(ddl.add_fulltext.empty());
  EXPECT_EQ(ddl.add_foreign_keys,
            "ALTER TABLE `s`.`t` ADD CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`)");
}

TEST(SplitTableDdlTest, PartitionsFollowTheOptions) {
  for (const char* partitions :
       {"\n PARTITION BY RANGE (`a`)\n(PARTITION `p0` VALUES LESS THAN (10) COMMENT = 'x),(' "
        "ENGINE = InnoDB,\n PARTITION `p1` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)",
        "\n/*!50100 PARTITION BY LIST (`a`)\n(PARTITION p0 VALUES IN (1,2) ENGINE = InnoDB,\n"
        " PARTITION p1 VALUES IN (3) ENGINE = InnoDB) */"}) {
    const std::string options = absl::StrCat(" ENGINE=InnoDB COMMENT='PARTITION BY'", partitions);

    const TableDdl ddl = Split("`a` int(11),\n  KEY `a` (`a`)", options);

    EXPECT_EQ(ddl.create, Create("`a` int(11)", options));
    EXPECT_EQ(ddl.add_indexes, "ALTER TABLE `s`.`t` ADD KEY `a` (`a`), STATS_AUTO_RECALC=DEFAULT");
  }
}

TEST(SplitTableDdlTest, ArchiveTablesCountForThemselves) {
  TableInfo table;
  table.name = {"d", "t"};
  table.engine = "ARCHIVE";
  const absl::StatusOr<TableDdl> ddl = SplitTableDdl(
      table,
      "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`)\n"
      ") ENGINE=ARCHIVE AUTO_INCREMENT=102 DEFAULT CHARSET=latin1 COMMENT='AUTO_INCREMENT=7'",
      {});
  ASSERT_TRUE(ddl.ok()) << ddl.status();
  EXPECT_EQ(
      ddl->create,
      "CREATE TABLE `d`.`t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`)\n"
      ") ENGINE=ARCHIVE  DEFAULT CHARSET=latin1 COMMENT='AUTO_INCREMENT=7'");
}

TEST(SplitTableDdlTest, OwnStatisticsSettingIsKept) {
  const std::string options = " ENGINE=InnoDB STATS_PERSISTENT=1 STATS_AUTO_RECALC=1";

  const TableDdl ddl = Split("`a` int(11),\n  KEY `a` (`a`)", options);

  EXPECT_EQ(ddl.create, absl::StrCat("CREATE TABLE `s`.`t` (\n  `a` int(11)\n)", options));
  EXPECT_EQ(ddl.add_indexes, "ALTER TABLE `s`.`t` ADD KEY `a` (`a`)");
}

TEST(SplitTableDdlTest, StatisticsSettingInACommentIsNoSetting) {
  const TableDdl ddl = Split("`a` int(11)", " ENGINE=InnoDB COMMENT='STATS_AUTO_RECALC=1'");

  EXPECT_EQ(ddl.create, Create("`a` int(11)", " ENGINE=InnoDB COMMENT='STATS_AUTO_RECALC=1'"));
}

TEST(SplitTableDdlTest, DirectoriesAndVersionCommentsInOptionsStay) {
  const std::string options =
      " /*!50100 TABLESPACE `x` */ ENGINE=InnoDB DATA DIRECTORY='/a (b)/' "
      "INDEX DIRECTORY='/c,d/' `encrypted`=yes";

  EXPECT_EQ(Split("`a` int(11)", options).create, Create("`a` int(11)", options));
}

TEST(SplitTableDdlTest, VersionCommentsInElementsBelongToThem) {
  const TableDdl ddl = Split(
      "`a` int(11) /*!50606 STORAGE DISK */ /*!50606 COLUMN_FORMAT DYNAMIC */ NOT NULL,\n"
      "  `b` int(11) /*M!100301 INVISIBLE */,\n  KEY `a` (`a`) /*!80000 INVISIBLE */");

  EXPECT_EQ(ddl.add_indexes,
            "ALTER TABLE `s`.`t` ADD KEY `a` (`a`) /*!80000 INVISIBLE */, "
            "STATS_AUTO_RECALC=DEFAULT");
}

TEST(SplitTableDdlTest, TextThatIsNoTableIsRefused) {
  for (const char* text :
       {"", "CREATE ALGORITHM=UNDEFINED VIEW `t` AS select 1", "CREATE TABLE `t`",
        "CREATE TABLE `t` (\n  `a` int(11)", "CREATE TABLE `t` (\n  `a` int(11) COMMENT 'x\\')",
        "CREATE TABLE `t` (\n  `a` int(11)\n) COMMENT='x", "CREATE TABLE `t"}) {
    const absl::StatusOr<TableDdl> ddl = SplitTableDdl(InnoDbTable(), text, {});
    ASSERT_FALSE(ddl.ok()) << text;
    EXPECT_EQ(FailureOf(ddl.status()), Failure::kInternal) << text;
  }
}

constexpr DefinerPolicy::Kind kKeep = DefinerPolicy::Kind::kKeep;
constexpr DefinerPolicy::Kind kCurrent = DefinerPolicy::Kind::kCurrent;
constexpr DefinerPolicy::Kind kReplace = DefinerPolicy::Kind::kReplace;

TEST(ApplyDefinerTest, KeepChangesNothing) {
  const std::string create = "CREATE DEFINER=`u`@`h` PROCEDURE `p`()\nbegin end";
  EXPECT_EQ(ApplyDefiner(create, {kKeep, "", ""}), create);
}

TEST(ApplyDefinerTest, CurrentDropsTheClause) {
  EXPECT_EQ(ApplyDefiner("CREATE DEFINER=`u`@`h` PROCEDURE `p`()\nbegin end", {kCurrent, "", ""}),
            "CREATE PROCEDURE `p`()\nbegin end");
}

TEST(ApplyDefinerTest, ReplaceQuotesTheNewAccount) {
  EXPECT_EQ(
      ApplyDefiner("CREATE DEFINER=`u`@`h` trigger t before insert on x for each row set @a=1",
                   {kReplace, "a`b", "%"}),
      "CREATE DEFINER=`a``b`@`%` trigger t before insert on x for each row set @a=1");
}

TEST(ApplyDefinerTest, ViewsNameTheirAlgorithmFirst) {
  EXPECT_EQ(ApplyDefiner("CREATE ALGORITHM=TEMPTABLE DEFINER=`u`@`h` SQL SECURITY DEFINER VIEW "
                         "`s`.`v` AS select 'DEFINER=`u`@`h`' AS `x`",
                         {kReplace, "n", "m"}),
            "CREATE ALGORITHM=TEMPTABLE DEFINER=`n`@`m` SQL SECURITY DEFINER VIEW "
            "`s`.`v` AS select 'DEFINER=`u`@`h`' AS `x`");
}

TEST(ApplyDefinerTest, AccountNamesMayHoldAnything) {
  for (const char* account : {"`a``b`@`%`", "`a@b`@`h`", "`it's \"DEFINER=`@`::1`", "\"a\\\"@\"h\"",
                              "\"a\"\"b\"@\"h\"", "`role`", "`\\`@`10.0.0.0/255.0.0.0`", "``@`h`",
                              "root@localhost", "`\xC3\xBC`@`h`", "`\xFC`@`h`"}) {
    EXPECT_EQ(ApplyDefiner(absl::StrCat("CREATE DEFINER=", account, " FUNCTION `f`() RETURNS int"),
                           {kCurrent, "", ""}),
              "CREATE FUNCTION `f`() RETURNS int")
        << account;
  }
}

TEST(ApplyDefinerTest, DefinersInBodiesAndNamesAreNotTouched) {
  for (const char* create :
       {"CREATE PROCEDURE `p`()\nbegin -- DEFINER=`u`@`h`\n select 'DEFINER=`u`@`h`'; end",
        "CREATE trigger `DEFINER=``u``@h` before insert on t for each row set @a='DEFINER=x@y'",
        "CREATE FUNCTION `f`() RETURNS int\nreturn DEFINER=1", "select DEFINER=`u`@`h`", ""}) {
    EXPECT_EQ(ApplyDefiner(create, {kReplace, "n", "m"}), create);
  }
}

TEST(ApplyDefinerTest, OnlyTheFirstClauseIsReplaced) {
  EXPECT_EQ(ApplyDefiner("CREATE OR REPLACE DEFINER = `u` @ `h` PROCEDURE `p`()\nEXECUTE IMMEDIATE "
                         "'CREATE DEFINER=`u`@`h` VIEW v AS SELECT 1'",
                         {kReplace, "n", "m"}),
            "CREATE OR REPLACE DEFINER=`n`@`m` PROCEDURE `p`()\nEXECUTE IMMEDIATE "
            "'CREATE DEFINER=`u`@`h` VIEW v AS SELECT 1'");
}

TEST(ApplyDefinerTest, BodyInAnotherCharacterSetIsKeptByteByByte) {
  const std::string body = " PROCEDURE `p`()\nselect '\x83\x5c', '\xE9`'";
  EXPECT_EQ(ApplyDefiner(absl::StrCat("CREATE DEFINER=`u`@`h`", body), {kCurrent, "", ""}),
            absl::StrCat("CREATE", body));
}

std::string Disabled(absl::string_view create) {
  const absl::StatusOr<std::string> disabled = DisableEvent(create);
  EXPECT_TRUE(disabled.ok()) << disabled.status() << "\n" << create;
  return disabled.value_or("");
}

TEST(DisableEventTest, EveryStateBecomesDisable) {
  for (const char* state : {"ENABLE", "DISABLE", "DISABLE ON SLAVE", "DISABLE ON REPLICA"}) {
    EXPECT_EQ(Disabled(absl::StrCat("CREATE DEFINER=`u`@`h` EVENT `e` ON SCHEDULE EVERY 1 DAY "
                                    "STARTS '2020-01-01 00:00:00' ON COMPLETION NOT PRESERVE ",
                                    state, " COMMENT 'x' DO begin select 1; end")),
              "CREATE DEFINER=`u`@`h` EVENT `e` ON SCHEDULE EVERY 1 DAY "
              "STARTS '2020-01-01 00:00:00' ON COMPLETION NOT PRESERVE DISABLE COMMENT 'x' DO "
              "begin select 1; end");
  }
}

TEST(DisableEventTest, MissingStateMeansEnabledAndIsAdded) {
  EXPECT_EQ(Disabled("CREATE EVENT `e` ON SCHEDULE AT '2030-01-01' DO set @a = 1"),
            "CREATE EVENT `e` ON SCHEDULE AT '2030-01-01' DISABLE DO set @a = 1");
  EXPECT_EQ(Disabled("CREATE EVENT `e` ON SCHEDULE AT '2030-01-01' ON COMPLETION PRESERVE "
                     "COMMENT 'ENABLE' DO set @a = 1"),
            "CREATE EVENT `e` ON SCHEDULE AT '2030-01-01' ON COMPLETION PRESERVE "
            "DISABLE COMMENT 'ENABLE' DO set @a = 1");
}

TEST(DisableEventTest, NamesCommentsAndBodiesAreNotTouched) {
  EXPECT_EQ(
      Disabled("CREATE DEFINER=`ENABLE`@`DO` EVENT `ON COMPLETION NOT PRESERVE ENABLE DO ``x` ON "
               "SCHEDULE EVERY 1 HOUR ON COMPLETION PRESERVE ENABLE COMMENT 'ON COMPLETION "
               "PRESERVE ENABLE, it''s \\' ENABLE' DO alter event x ON COMPLETION PRESERVE ENABLE"),
      "CREATE DEFINER=`ENABLE`@`DO` EVENT `ON COMPLETION NOT PRESERVE ENABLE DO ``x` ON "
      "SCHEDULE EVERY 1 HOUR ON COMPLETION PRESERVE DISABLE COMMENT 'ON COMPLETION "
      "PRESERVE ENABLE, it''s \\' ENABLE' DO alter event x ON COMPLETION PRESERVE ENABLE");
}

TEST(DisableEventTest, NamesInDoubleQuotesHaveNoBackslashEscapes) {
  EXPECT_EQ(Disabled("CREATE DEFINER=\"u\\\"@\"h\" EVENT \"e\\\" ON SCHEDULE EVERY 1 DAY ON "
                     "COMPLETION NOT PRESERVE ENABLE DO select \"ENABLE\""),
            "CREATE DEFINER=\"u\\\"@\"h\" EVENT \"e\\\" ON SCHEDULE EVERY 1 DAY ON "
            "COMPLETION NOT PRESERVE DISABLE DO select \"ENABLE\"");
}

TEST(DisableEventTest, TextThatIsNoEventIsRefused) {
  for (const char* text : {"", "CREATE PROCEDURE `EVENT`() DO sleep(1)",
                           "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY", "DROP EVENT `e`"}) {
    EXPECT_EQ(FailureOf(DisableEvent(text).status()), Failure::kInternal) << text;
  }
}

constexpr char kPlaces[] =
    "CREATE TABLE `t` (\n  `geomcollection` geomcollection DEFAULT NULL COMMENT 'geomcollection',\n"
    "  `p` point NOT NULL /*!80003 SRID 4326 */ COMMENT '/*!80003 none */',\n"
    "  KEY `k` (`p`) /*!80000 INVISIBLE */\n) ENGINE=InnoDB /*!50100 PARTITION BY KEY (`p`) */";

TEST(InWordsOfTest, OnlyTheTypeHasAnotherName) {
  const Version source = ParseVersion("8.4.0");
  EXPECT_EQ(InWordsOf(source, ParseVersion("9.7.4-2"), kPlaces), kPlaces);
  const std::string words = InWordsOf(source, ParseVersion("10.11.6-MariaDB"), kPlaces);
  EXPECT_THAT(words, HasSubstr("`geomcollection` geometrycollection DEFAULT NULL COMMENT "
                               "'geomcollection'"));
  EXPECT_EQ(words.size(), std::string(kPlaces).size() + 4);
}

TEST(InWordsOfTest, TheDefaultCollationOfUtf8mb4IsSaidToMySql8) {
  constexpr char kText[] =
      "CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT 'CHARACTER SET utf8mb4',\n"
      "  `b` char(9) CHARACTER SET utf8mb4 DEFAULT NULL,\n"
      "  `c` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,\n"
      "  `d` text GENERATED ALWAYS AS (concat(`a`, cast(`b` as char character set utf8mb4)))\n"
      ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
  const Version source = ParseVersion("5.7.44-log");
  EXPECT_EQ(InWordsOf(source, ParseVersion("10.11.6-MariaDB"), kText), kText);
  EXPECT_EQ(
      InWordsOf(source, ParseVersion("8.0.36"), kText),
      "CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT 'CHARACTER SET utf8mb4',\n"
      "  `b` char(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL,\n"
      "  `c` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,\n"
      "  `d` text GENERATED ALWAYS AS (concat(`a`, cast(`b` as char character set utf8mb4)))\n"
      ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci");
  EXPECT_EQ(InWordsOf(source, ParseVersion("8.0.36"),
                      "CREATE TABLE t (a INT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"),
            "CREATE TABLE t (a INT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin");
}

TEST(SkippedCommentsTest, OlderServersAndMariaDbPassOverWhatIsTooNew) {
  const auto skipped = ElementsAre("/*!80003 SRID 4326 */", "/*!80000 INVISIBLE */");
  EXPECT_THAT(SkippedComments(ParseVersion("11.8.2-MariaDB"), kPlaces), skipped);
  EXPECT_THAT(SkippedComments(ParseVersion("5.7.44"), kPlaces), skipped);
  EXPECT_THAT(SkippedComments(ParseVersion("8.0.2"), kPlaces),
              ElementsAre("/*!80003 SRID 4326 */"));
  EXPECT_THAT(SkippedComments(ParseVersion("8.4.0"), kPlaces), IsEmpty());
  EXPECT_THAT(SkippedComments(ParseVersion("5.0.2"), "CREATE TABLE t (a INT) /*!50100 X */"),
              ElementsAre("/*!50100 X */"));
}

TEST(OptionsOfMySqlOnlyTest, AreThoseThatAskForSomething) {
  EXPECT_THAT(OptionsOfMySqlOnly(ShowCreate("`a` int COMMENT 'COMPRESSION=\\'x\\''",
                                            " ENGINE=InnoDB COMPRESSION='zlib' ENCRYPTION='Y' "
                                            "COMMENT='COMPRESSION=' PARTITION BY HASH (a)")),
              ElementsAre("COMPRESSION='zlib'", "ENCRYPTION='Y'"));
  EXPECT_THAT(OptionsOfMySqlOnly(ShowCreate("`COMPRESSION` int",
                                            " ENGINE=InnoDB COMPRESSION='NONE' ENCRYPTION='N'")),
              IsEmpty());
}

TableInfo TableWithTexts() {
  TableInfo table = InnoDbTable();
  for (const auto& [name, type, charset] :
       {std::tuple("e", "enum", "utf8mb4"), std::tuple("s", "set", ""),
        std::tuple("v", "varchar", "utf16"), std::tuple("l", "varchar", "latin1"),
        std::tuple("b", "varbinary", ""), std::tuple("c", "binary", "")}) {
    ColumnInfo& column = table.columns.emplace_back();
    column.name = name;
    column.data_type = type;
    column.charset = charset;
  }
  return table;
}

TEST(DoubtfulTextsTest, AreMembersAndDefaultsWithAQuestionMark) {
  const TableInfo table = TableWithTexts();
  const std::string shown = ShowCreate(
      "`e` enum('a','?','?,''') NOT NULL DEFAULT '?1' COMMENT '?',\n  `s` set('?2') CHARACTER SET "
      "binary GENERATED ALWAYS AS (if(1,'?','x')) VIRTUAL,\n  `v` varchar(9) DEFAULT '?3',\n  `l` "
      "varchar(9) DEFAULT '?',\n  `b` varbinary(9) DEFAULT '?',\n  CONSTRAINT `v` CHECK (`v` in "
      "('?'))",
      " COMMENT='?'");
  std::vector<std::string> found;
  for (const DoubtfulText& text : DoubtfulTexts(table, shown)) {
    found.push_back(absl::StrCat(text.column->name, " ", text.member, " ",
                                 shown.substr(text.begin, text.end - text.begin)));
  }
  EXPECT_THAT(found, ElementsAre("e 2 '?'", "e 3 '?,'''", "e 0 '?1'", "s 1 '?2'", "v 0 '?3'"));
}

TEST(BinaryDefaultsTest, AreTheSameBytesInAllNotations) {
  using Defaults = std::map<std::string, std::string>;
  const auto defaults = [](absl::string_view elements) {
    return BinaryDefaults(TableWithTexts(), ShowCreate(elements));
  };
  const Defaults expected = {{"b", std::string("\xff\0'\\", 4)}, {"c", "A"}};
  EXPECT_EQ(
      defaults("`b` varbinary(4) NOT NULL DEFAULT '\xff\\0''\\\\',\n `c` binary(1) DEFAULT 'A'"),
      expected);
  EXPECT_EQ(defaults("`b` varbinary(4) DEFAULT X'ff00275c',\n `c` binary(1) DEFAULT x'41'"),
            expected);
  EXPECT_EQ(
      defaults("`b` varbinary(4) DEFAULT 0xFF00275C COMMENT 'x',\n `c` binary(1) DEFAULT 'A'"),
      expected);
  EXPECT_THAT(defaults("`b` varbinary(4) DEFAULT concat(X'ff','a'),\n `c` binary(1) DEFAULT NULL"),
              IsEmpty());
}

TEST(SqlScannerTest, TokensCarryTheirPlaces) {
  SqlScanner scanner("a1 /* x */ `b``c`.'d''e\\'' # f\n -- g\n/*!50100 h*/ \"i\"");
  EXPECT_TRUE(scanner.Next().IsWord("A1"));
  const SqlToken name = scanner.Next();
  EXPECT_EQ(name.Name(), "b`c");
  EXPECT_EQ(name.begin, 11u);
  EXPECT_EQ(name.end, 17u);
  EXPECT_TRUE(scanner.Next().IsSymbol('.'));
  EXPECT_EQ(scanner.Next().text, "'d''e\\''");
  EXPECT_TRUE(scanner.Next().IsWord("h"));
  EXPECT_EQ(scanner.Next().Name(), "i");
  EXPECT_EQ(scanner.Next().kind, SqlToken::Kind::kEnd);
  EXPECT_FALSE(scanner.broken());
}

TEST(SqlScannerTest, UnterminatedQuoteOrCommentIsBroken) {
  for (const char* text : {"'a", "`a", "\"a", "'a\\'", "/* a"}) {
    SqlScanner scanner(text);
    EXPECT_EQ(scanner.Next().kind, SqlToken::Kind::kEnd) << text;
    EXPECT_TRUE(scanner.broken()) << text;
  }
}

}  // namespace
}  // namespace zdpipe
