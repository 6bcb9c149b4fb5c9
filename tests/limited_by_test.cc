#include "pipeline/limited_by.h"

#include <gtest/gtest.h>

namespace zdpipe {
namespace {

// Ten seconds in which four lanes waited for the target.
PhaseWork Loading() {
  PhaseWork work;
  work.seconds = 10;
  work.cpu_seconds = 2;
  work.cores = 2;
  work.threads = 4;
  work.source = {5, 100, 0.0001};
  work.target = {35, 1000, 0.0001};
  work.commit_seconds = 3;
  return work;
}

TEST(LimitedByTest, TheEndThatWasWaitedForLonger) {
  PhaseWork work = Loading();
  EXPECT_EQ(LimitedBy(work), "target CPU");
  work.source.seconds = 36;
  EXPECT_EQ(LimitedBy(work), "source");
}

TEST(LimitedByTest, ATargetThatCommitsOrSaysSoWaitsForItsDisk) {
  PhaseWork work = Loading();
  work.commit_seconds = 20;
  EXPECT_EQ(LimitedBy(work), "target disk");
  work = Loading();
  work.disk_waits = 201;
  EXPECT_EQ(LimitedBy(work), "target disk");
}

TEST(LimitedByTest, ManyAnswersOverALongLineAreTheNetworks) {
  PhaseWork work = Loading();
  work.target.round_trip_seconds = 0.02;
  EXPECT_EQ(LimitedBy(work), "network");
  work.target.round_trip_seconds = 0.01;
  EXPECT_EQ(LimitedBy(work), "target CPU");
}

TEST(LimitedByTest, OurOwnWork) {
  PhaseWork work = Loading();
  work.cpu_seconds = 17;
  EXPECT_EQ(LimitedBy(work), "client");
  // One thread, that hardly waits.
  work.cpu_seconds = 9;
  work.source.seconds = 0.5;
  work.target.seconds = 0.5;
  EXPECT_EQ(LimitedBy(work), "client");
}

TEST(LimitedByTest, ThePausesThatWereAskedFor) {
  PhaseWork work = Loading();
  work.paused_seconds = 21;
  EXPECT_EQ(LimitedBy(work), "throttle");
}

}  // namespace
}  // namespace zdpipe
