// SHOW GRANTS as rights.
#include "engine/schema/rights.h"

#include <gtest/gtest.h>

namespace zdpipe {
namespace {

TEST(RightsTest, GrantsOnEverythingDatabasesAndTables) {
  const Rights rights = Rights::Parse(
      {"GRANT SELECT, REPLICATION CLIENT ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*0123'",
       "GRANT SHOW VIEW ON `shop`.* TO `u`@`%` WITH GRANT OPTION",
       "GRANT TRIGGER, UPDATE (`a`, b) ON `other`.`t``x` TO `u`@`%`",
       "GRANT EXECUTE ON PROCEDURE `other`.`p` TO `u`@`%`", "GRANT PROXY ON ''@'%' TO 'u'@'%'"});
  EXPECT_TRUE(rights.known());
  EXPECT_TRUE(rights.AnyOnAll());
  EXPECT_TRUE(rights.OnAll("select"));
  EXPECT_TRUE(rights.OnAll("BINLOG MONITOR"));  // the newer name
  EXPECT_TRUE(rights.OnTable("SELECT", "any", "t"));
  EXPECT_FALSE(rights.OnAll("SHOW VIEW"));
  EXPECT_TRUE(rights.OnDatabase("SHOW VIEW", "shop"));
  EXPECT_TRUE(rights.OnTable("SHOW VIEW", "shop", "v"));
  EXPECT_FALSE(rights.OnDatabase("SHOW VIEW", "shop2"));
  EXPECT_TRUE(rights.OnTable("TRIGGER", "other", "t`x"));
  EXPECT_FALSE(rights.OnDatabase("TRIGGER", "other"));
  EXPECT_FALSE(rights.OnTable("UPDATE", "other", "t`x")) << "two columns are not the table";
  EXPECT_FALSE(rights.OnDatabase("EXECUTE", "other"));
}

TEST(RightsTest, UsageIsNothingAndAllIsEverything) {
  EXPECT_FALSE(Rights::Parse({"GRANT USAGE ON *.* TO 'u'@'%'"}).AnyOnAll());
  EXPECT_FALSE(Rights::Parse({"GRANT USAGE ON *.* TO 'u'@'%'"}).OnAll("SELECT"));
  const Rights all = Rights::Parse({"GRANT ALL PRIVILEGES ON `a`.* TO 'u'@'%'"});
  EXPECT_TRUE(all.OnDatabase("EVENT", "a"));
  EXPECT_FALSE(all.OnAll("EVENT"));
}

TEST(RightsTest, RolesAndPublicAddTheirOwn) {
  const Rights rights =
      Rights::Parse({"GRANT `r1` TO `u`@`%`", "GRANT USAGE ON *.* TO `u`@`%`", "GRANT `r2` TO `r1`",
                     "GRANT EVENT ON `shop`.* TO `r1`", "GRANT TRIGGER ON `shop`.* TO `r2`",
                     "GRANT SHOW VIEW ON `shop`.* TO PUBLIC", "SET DEFAULT ROLE `r1` FOR `u`@`%`"});
  EXPECT_TRUE(rights.known());
  for (const char* privilege : {"EVENT", "TRIGGER", "SHOW VIEW"}) {
    EXPECT_TRUE(rights.OnDatabase(privilege, "shop")) << privilege;
  }
  EXPECT_FALSE(rights.OnDatabase("SELECT", "shop"));
}

// The server takes the most specific grant of an account on a database, not all of them together.
TEST(RightsTest, MostSpecificPatternCounts) {
  const Rights rights =
      Rights::Parse({"GRANT SELECT ON `sh%`.* TO `u`@`%`", "GRANT EVENT ON `shop`.* TO `u`@`%`",
                     "GRANT TRIGGER ON `shop\\_%`.* TO `u`@`%`"});
  EXPECT_TRUE(rights.OnDatabase("EVENT", "shop"));
  EXPECT_FALSE(rights.OnDatabase("SELECT", "shop"));
  EXPECT_TRUE(rights.OnDatabase("SELECT", "shops"));
  EXPECT_TRUE(rights.OnDatabase("TRIGGER", "shop_1"));
  EXPECT_FALSE(rights.OnDatabase("SELECT", "shop_1"));
}

TEST(RightsTest, WhatIsNotUnderstoodIsNotKnown) {
  for (const char* line : {"", "REVOKE SELECT ON `a`.* FROM `u`@`%`", "GRANT", "GRANT SELECT",
                           "GRANT SELECT ON `a", "GRANT `r`@`%` TO `u`@`%`"}) {
    EXPECT_FALSE(Rights::Parse({line}).known()) << line;
  }
  EXPECT_TRUE(Rights::Parse({}).known());
}

TEST(RightsTest, PatternsOfGrants) {
  const struct {
    const char* pattern;
    const char* name;
    bool matches;
  } cases[] = {{"shop", "shop", true},    {"shop", "Shop", false},    {"sho_", "shop", true},
               {"sho\\_", "shop", false}, {"sho\\_", "sho_", true},   {"%", "", true},
               {"%", "anything", true},   {"a%b%c", "aXbYbZc", true}, {"a%b%c", "aXbYbZ", false},
               {"\\%", "%", true},        {"\\%", "x", false},        {"", "", true},
               {"", "a", false},          {"a\\\\b", "a\\b", true},   {"%_", "", false}};
  for (const auto& one : cases) {
    EXPECT_EQ(MatchesGrantPattern(one.pattern, one.name), one.matches)
        << one.pattern << " " << one.name;
  }
}

}  // namespace
}  // namespace zdpipe
