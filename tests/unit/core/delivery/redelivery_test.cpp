#include "daemon/core/delivery/redelivery.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice::core {
namespace {

using std::chrono_literals::operator""s;

Redelivery at_most(std::uint32_t deliveries) {
  Redelivery redelivery;
  redelivery.max_deliveries = deliveries;
  return redelivery;
}

TEST(Redelivery, ComesAtOnceTheFirstTimeAndThenWaitsTwiceAsLongEachTime) {
  Redelivery redelivery;
  redelivery.backoff = 2s;
  redelivery.backoff_max = 10s;
  EXPECT_EQ(redelivery.pause(1), 0s);
  EXPECT_EQ(redelivery.pause(2), 2s);
  EXPECT_EQ(redelivery.pause(3), 4s);
  EXPECT_EQ(redelivery.pause(4), 8s);
  EXPECT_EQ(redelivery.pause(5), 10s);
  EXPECT_EQ(redelivery.pause(4'000'000'000), 10s);
}

TEST(Redelivery, HasNoLastDeliveryByItself) {
  const Redelivery redelivery;
  EXPECT_FALSE(redelivery.is_final(1'000'000));
  EXPECT_FALSE(redelivery.exhausted(1'000'000));
}

TEST(Redelivery, DeliversEachRecordAloneTheLastTime) {
  for (const std::uint32_t max : {1U, 2U, 3U, 5U, 20U}) {
    const Redelivery redelivery = at_most(max);
    std::uint32_t batch = 10'000;
    for (std::uint32_t delivery = 2; delivery <= max; ++delivery) {
      const std::uint32_t next = redelivery.together(delivery, batch);
      EXPECT_LE(next, batch) << "it never grows";
      EXPECT_GE(next, 1U);
      batch = next;
    }
    if (max > 1) EXPECT_EQ(batch, 1U) << max;
    EXPECT_TRUE(redelivery.is_final(max));
    EXPECT_FALSE(redelivery.is_final(max - 1));
  }
}

TEST(Redelivery, HuntsForTheFailingRecordAlsoWhereNothingIsEverGivenUp) {
  const Redelivery redelivery;
  std::uint32_t batch = 500;
  for (std::uint32_t delivery = 2; delivery <= 4; ++delivery) batch = redelivery.together(delivery, batch);
  EXPECT_EQ(batch, 1U);
  EXPECT_EQ(redelivery.together(1'000, 1), 1U);
}

TEST(Redelivery, CondemnsAfterTheLastDelivery) {
  const Redelivery redelivery = at_most(3);
  PartitionLedger::Entry entry;
  entry.deliveries = 2;
  EXPECT_FALSE(redelivery.after(entry, 10, std::nullopt, TimePoint(1s)).condemned);
  entry.deliveries = 3;
  EXPECT_TRUE(redelivery.after(entry, 10, std::nullopt, TimePoint(1s)).condemned);
}

TEST(Redelivery, MakesNoBatchSmallerForARecordThatIsKnownToFail) {
  const Redelivery redelivery = at_most(4);
  PartitionLedger::Entry entry;
  entry.deliveries = 1;
  EXPECT_EQ(redelivery.after_named(entry, std::nullopt, TimePoint(1s)).together, 0U);
  EXPECT_GT(redelivery.after(entry, 100, std::nullopt, TimePoint(1s)).together, 1U);
  entry.deliveries = 3;
  EXPECT_EQ(redelivery.after_named(entry, std::nullopt, TimePoint(1s)).together, 1U) << "alone the last time";
}

TEST(Redelivery, LetsTheApplicationDecideAboutThePause) {
  PartitionLedger::Entry entry;
  entry.deliveries = 5;
  EXPECT_EQ(Redelivery().after(entry, 10, 0s, TimePoint(1s)).not_before, TimePoint(1s));
  EXPECT_EQ(Redelivery().after(entry, 10, 7s, TimePoint(1s)).not_before, TimePoint(8s));
  EXPECT_EQ(Redelivery().after(entry, 10, std::nullopt, TimePoint(1s)).not_before, TimePoint(9s));
}

}  // namespace
}  // namespace sluice::core
