// Accounts as statements for servers of other vendors and versions. (Between equal ones:
// users_test.cc, with real servers.)
#include "engine/schema/accounts.h"

#include <gmock/gmock.h>

#include "engine/schema/account_copier.h"
#include "engine/server/session.h"

namespace zdpipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Version kMariaDb103 = ParseVersion("10.3.39-MariaDB");
const Version kMariaDb105 = ParseVersion("10.5.23-MariaDB");
const Version kMariaDb1011 = ParseVersion("10.11.6-MariaDB");
const Version kMySql56 = ParseVersion("5.6.24");
const Version kMySql80 = ParseVersion("8.0.36");

constexpr char kHash[] = "'*2B602296A79E0A8784ACC5C88D92E46588CCA3C3'";

Account App() {
  Account account;
  account.user = "app";
  account.host = "10.%";
  account.auth = {{"mysql_native_password", kHash}};
  return account;
}

TEST(PlanAccountTest, MariaDbTakesEveryWayToLogInAndEveryOption) {
  Account account = App();
  account.auth.push_back({"auth_socket", ""});
  account.require = "REQUIRE SSL";
  account.limits = {{"MAX_USER_CONNECTIONS", "4"}, {"MAX_STATEMENT_TIME", "1.500000"}};
  account.locked = true;
  account.expiry = "PASSWORD EXPIRE NEVER";

  const AccountPlan plan = PlanAccount(account, kMySql56, kMariaDb1011);

  EXPECT_EQ(plan.refused, "");
  EXPECT_THAT(plan.lost, IsEmpty());
  EXPECT_THAT(
      plan.statements,
      ElementsAre("CREATE USER `app`@`10.%` IDENTIFIED VIA `mysql_native_password` USING "
                  "'*2B602296A79E0A8784ACC5C88D92E46588CCA3C3' OR `unix_socket` REQUIRE SSL "
                  "WITH MAX_USER_CONNECTIONS 4 MAX_STATEMENT_TIME 1.500000 ACCOUNT LOCK "
                  "PASSWORD EXPIRE NEVER"));
}

TEST(PlanAccountTest, MySql56IsToldTheOptionsAfterwards) {
  Account account = App();
  account.require = "REQUIRE X509";
  account.expiry = "PASSWORD EXPIRE";
  account.limits = {{"MAX_STATEMENT_TIME", "2"}, {"MAX_USER_CONNECTIONS", "4"}};

  const AccountPlan plan = PlanAccount(account, kMariaDb1011, kMySql56);

  EXPECT_THAT(plan.lost, ElementsAre("MAX_STATEMENT_TIME 2"));
  EXPECT_THAT(
      plan.statements,
      ElementsAre("CREATE USER `app`@`10.%` IDENTIFIED BY PASSWORD "
                  "'*2B602296A79E0A8784ACC5C88D92E46588CCA3C3'",
                  "GRANT USAGE ON *.* TO `app`@`10.%` REQUIRE X509 WITH MAX_USER_CONNECTIONS 4",
                  "ALTER USER `app`@`10.%` PASSWORD EXPIRE"));
}

TEST(PlanAccountTest, NothingIsMadeThatWouldLetInMoreThanTheSource) {
  Account locked = App();
  locked.locked = true;
  for (const Version& to : {kMySql56, kMariaDb103}) {
    EXPECT_NE(PlanAccount(locked, kMariaDb1011, to).refused, "") << to.text;
    EXPECT_THAT(PlanAccount(locked, kMariaDb1011, to).statements, IsEmpty());
  }
  Account unknown = App();
  unknown.unreadable = "no idea";
  EXPECT_EQ(PlanAccount(unknown, kMySql80, kMySql80).refused, "no idea");
}

TEST(PlanAccountTest, RolesNeedATargetThatHasThem) {
  Account role;
  role.user = "r`1";
  role.role = true;
  EXPECT_THAT(PlanAccount(role, kMariaDb105, kMariaDb1011).statements,
              ElementsAre("CREATE ROLE `r``1`"));
  EXPECT_NE(PlanAccount(role, kMariaDb105, kMySql56).refused, "");
  role.user = "PUBLIC";
  EXPECT_NE(PlanAccount(role, kMariaDb1011, kMariaDb105).refused, "");
  const AccountPlan everybody = PlanAccount(role, kMariaDb1011, kMariaDb1011);
  EXPECT_EQ(everybody.refused, "");
  EXPECT_THAT(everybody.statements, IsEmpty());  // it is always there
}

TEST(TranslatePrivilegesTest, SplitAndRenamedPrivilegesKeepTheirMeaning) {
  EXPECT_THAT(
      TranslatePrivileges({"SUPER"}, kMySql56, kMariaDb105),
      ElementsAre("SUPER", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
                  "REPLICATION SLAVE ADMIN", "BINLOG ADMIN", "BINLOG REPLAY"));
  EXPECT_THAT(TranslatePrivileges({"SUPER", "SELECT"}, kMariaDb105, kMariaDb1011),
              ElementsAre("SUPER", "READ_ONLY ADMIN", "SELECT"));
  EXPECT_THAT(
      TranslatePrivileges({"REPLICATION SLAVE", "REPLICATION CLIENT"}, kMariaDb103, kMariaDb1011),
      ElementsAre("REPLICATION SLAVE", "SLAVE MONITOR", "REPLICATION CLIENT"));
  EXPECT_THAT(TranslatePrivileges({"BINLOG MONITOR"}, kMariaDb1011, kMySql56),
              ElementsAre("REPLICATION CLIENT"));
  EXPECT_THAT(TranslatePrivileges({"SUPER", "BINLOG MONITOR"}, kMariaDb1011, kMariaDb1011),
              ElementsAre("SUPER", "BINLOG MONITOR"));
}

TEST(SplitGrantTest, AllPrivilegesAreThoseOfTheLevel) {
  const std::vector<std::string> known = {"SELECT", "EXECUTE", "LOCK TABLES", "SUPER"};
  auto split = [&](const std::string& object) {
    std::vector<std::string> privileges;
    for (const Grant& part : SplitGrant({{"ALL PRIVILEGES"}, object, ""}, known)) {
      privileges.push_back(part.privileges[0]);
    }
    return privileges;
  };
  EXPECT_THAT(split("*.*"), ElementsAre("SELECT", "EXECUTE", "LOCK TABLES", "SUPER"));
  EXPECT_THAT(split("`a`.*"), ElementsAre("SELECT", "EXECUTE", "LOCK TABLES"));
  EXPECT_THAT(split("`a`.`t`"), ElementsAre("SELECT"));
  EXPECT_THAT(split("PROCEDURE `a`.`p`"), ElementsAre("EXECUTE"));
}

TEST(GrantedObjectTest, IsTheTableOrRoutine) {
  EXPECT_EQ(GrantedObject({{"SELECT"}, "`a`.`b``c`", ""}), (ObjectName{"a", "b`c"}));
  EXPECT_EQ(GrantedObject({{"EXECUTE"}, "PACKAGE BODY `a`.`b`", ""}), (ObjectName{"a", "b"}));
  EXPECT_EQ(GrantedObject({{"SELECT"}, "`a`.*", ""}), ObjectName());
  EXPECT_EQ(GrantedObject({{"SELECT"}, "*.*", ""}), ObjectName());
  EXPECT_EQ(GrantedObject({{"`role`"}, "", ""}), ObjectName());
}

TEST(WithoutSecretsTest, AMessageThatQuotesPartOfAHashIsKeptBack) {
  const Account account = App();
  EXPECT_EQ(WithoutSecrets("Plugin 'x' is not loaded", account), "Plugin 'x' is not loaded");
  EXPECT_THAT(WithoutSecrets("near '2B602296A79E0A' at line 1", account),
              Not(HasSubstr("2B602296")));
}

TEST(SystemAccountsTest, AreTheServersAndHostersOwn) {
  EXPECT_TRUE(IsSystemAccount("mariadb.sys", "localhost"));
  EXPECT_TRUE(IsSystemAccount("rdsadmin", "localhost"));
  EXPECT_FALSE(IsSystemAccount("mysql.sys", "%"));
  EXPECT_FALSE(IsSystemAccount("root", "localhost"));
}

}  // namespace
}  // namespace zdpipe
