#include "pipeline/resume_plan.h"

#include <gmock/gmock.h>

namespace zdpipe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Catalog SmallCatalog() {
  Catalog catalog;
  catalog.databases.push_back({"d", "utf8mb4", "utf8mb4_general_ci", ""});
  for (const char* name : {"a", "b"}) {
    TableInfo& table = catalog.tables.emplace_back();
    table.name = {"d", name};
    table.engine = "InnoDB";
    table.columns.emplace_back().name = "id";
    table.columns.back().full_type = "int(11)";
  }
  catalog.views.push_back({"d", "v"});
  return catalog;
}

TEST(ResumePlanTest, EqualPlansAreEqual) {
  const Ledger::Plan plan = {{"--databases", "a,b"}, {"--users", "no"}};
  EXPECT_TRUE(CompareResumePlans(plan, plan).ok());
}

TEST(ResumePlanTest, NamesEveryDifferenceAndNothingElse) {
  const Ledger::Plan was = {{"--databases", "a,b"}, {"--users", "no"}, {"--verify", "rows"}};
  const Ledger::Plan is = {{"--databases", ""}, {"--users", "no"}, {"--verify", "none"}};
  const absl::Status status = CompareResumePlans(was, is);
  EXPECT_EQ(FailureOf(status), Failure::kResume);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("--databases was a,b, is (none)"),
                    HasSubstr("--verify was rows, is none"), Not(HasSubstr("--users"))));
}

TEST(ResumePlanTest, PlanWithOtherEntriesIsAnother) {
  const Ledger::Plan was = {{"--databases", "a"}};
  EXPECT_EQ(FailureOf(CompareResumePlans(was, {{"--databases", "a"}, {"--new", "x"}})),
            Failure::kResume);
  EXPECT_EQ(FailureOf(CompareResumePlans(was, {})), Failure::kResume);
}

TEST(ResumePlanTest, CatalogDigestTellsObjectsAndColumnsButNotEstimates) {
  const std::string digest = CatalogDigest(SmallCatalog());
  EXPECT_EQ(CatalogDigest(SmallCatalog()), digest);
  Catalog changed = SmallCatalog();
  changed.tables[0].rows_estimate = 77;
  std::swap(changed.tables[0], changed.tables[1]);  // as the order of work may be
  EXPECT_EQ(CatalogDigest(changed), digest);
  changed.tables[0].columns[0].full_type = "bigint(20)";
  EXPECT_NE(CatalogDigest(changed), digest);
  changed = SmallCatalog();
  changed.views[0].name = "w";
  EXPECT_NE(CatalogDigest(changed), digest);
}

}  // namespace
}  // namespace zdpipe
