#include "daemon/core/delivery/window.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using EndedBy = Window::EndedBy;

constexpr Duration kLease = seconds(10);

TimePoint at(Duration since_start) { return TimePoint(since_start); }

Window adaptive(Window::Options options = {}) {
  options.mode = Window::Mode::kAdaptive;
  return Window(options);
}

/// Leases as much as one worker alone may, at `start`.
void lease_all(Window& window, LeaseNumber number, Duration start, std::size_t workers = 1) {
  const Window::Allowance may = window.allowance(0, 0, workers);
  window.on_leased(number, {may.records, may.records, workers, EndedBy::kRecords}, kLease, at(start));
}

TEST(FixedWindow, IsWithoutBoundsByDefault) {
  const Window window{Window::Options{}};

  const Window::Allowance may = window.allowance(1'000'000, 1LL << 40, 7);

  EXPECT_EQ(may.records, Window::kUnlimited);
  EXPECT_EQ(may.bytes, Window::kUnlimited);
  EXPECT_FALSE(may.full());
  EXPECT_EQ(window.records(), -1);
  EXPECT_EQ(window.bytes(), -1);
}

TEST(FixedWindow, GivesWhatIsLeftToWhoeverComesFirst) {
  const Window window({.records_max = 100, .bytes_max = 1'000});

  EXPECT_EQ(window.allowance(0, 0, 16).records, 100);
  EXPECT_EQ(window.allowance(60, 100, 16).records, 40);
  EXPECT_EQ(window.allowance(60, 100, 16).bytes, 900);
}

TEST(FixedWindow, IsFullWhenRecordsOrBytesAre) {
  const Window window({.records_max = 100, .bytes_max = 1'000});

  EXPECT_TRUE(window.allowance(100, 10, 1).full());
  EXPECT_TRUE(window.allowance(120, 10, 1).full());
  EXPECT_TRUE(window.allowance(10, 1'000, 1).full());
  EXPECT_EQ(window.allowance(10, 1'000, 1).bytes, 0);
}

TEST(FixedWindow, LetsARecordThatIsLargerThanTheWindowGoAlone) {
  const Window window({.bytes_max = 1'000});

  EXPECT_TRUE(window.allowance(0, 0, 1).oversize);
  EXPECT_FALSE(window.allowance(1, 10, 1).oversize);
}

TEST(FixedWindow, StaysWhateverBecomesOfLeases) {
  Window window({.records_max = 100});
  lease_all(window, 1, seconds(0));
  window.look(at(seconds(6)));
  window.on_expired(1);

  EXPECT_EQ(window.next_deadline(), kNever);
  EXPECT_EQ(window.records(), 100);
}

TEST(AdaptiveWindow, StartsSmallAndNotAboveItsCeiling) {
  EXPECT_EQ(adaptive().records(), 100);
  EXPECT_EQ(adaptive().bytes(), 1 << 20);
  EXPECT_EQ(adaptive({.records_max = 10, .bytes_max = 20}).records(), 10);
  EXPECT_EQ(adaptive({.records_max = 10, .bytes_max = 20}).bytes(), 20);
}

TEST(AdaptiveWindow, IsSharedByItsWorkers) {
  const Window window = adaptive();

  EXPECT_EQ(window.allowance(0, 0, 4).records, 25);
  EXPECT_EQ(window.allowance(90, 0, 4).records, 10);
  EXPECT_EQ(window.allowance(0, 0, 1'000).records, 1);
  EXPECT_TRUE(window.allowance(100, 0, 4).full());
  EXPECT_TRUE(window.allowance(50, 0, 4).oversize);
}

TEST(AdaptiveWindow, DoublesFromAckToAckWhileTheyAreQuick) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_acked(1, at(milliseconds(100)));

  EXPECT_EQ(window.records(), 200);
  EXPECT_EQ(window.counters().grown, 1U);
}

TEST(AdaptiveWindow, GrowsOnlyAsFarAsThePaceAllows) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_acked(1, at(milliseconds(3'200)));

  EXPECT_EQ(window.records(), 125) << "100 took 3.2 s, so 125 take 4 of 10 s";
}

TEST(AdaptiveWindow, KeepsItsSizeWhileBatchesDoNotFillIt) {
  Window window = adaptive();
  window.on_leased(1, {10, 10, 1, EndedBy::kOther}, kLease, at(seconds(0)));
  window.on_acked(1, at(milliseconds(1)));

  EXPECT_EQ(window.records(), 100);
}

TEST(AdaptiveWindow, GrowsInBytesWhereBytesEndedTheBatch) {
  Window window = adaptive();
  window.on_leased(1, {10, 1'000'000, 1, EndedBy::kBytes}, kLease, at(seconds(0)));
  window.on_acked(1, at(milliseconds(1)));

  EXPECT_EQ(window.records(), 100);
  EXPECT_EQ(window.bytes(), (1 << 20) + 1'000'000);
}

TEST(AdaptiveWindow, GrowsFromTheRecordThatDidNotFitIntoIt) {
  Window window = adaptive({.bytes_start = 1});
  window.on_leased(1, {1, 1'000, 1, EndedBy::kBytes}, kLease, at(seconds(0)));
  window.on_acked(1, at(milliseconds(1)));

  EXPECT_EQ(window.bytes(), 2'000);
}

TEST(AdaptiveWindow, StopsAtItsCeiling) {
  Window window = adaptive({.records_max = 150});
  lease_all(window, 1, seconds(0));
  window.on_acked(1, at(milliseconds(1)));

  EXPECT_EQ(window.records(), 150);
}

TEST(AdaptiveWindow, HalvesWhenHalfOfALeasePassesWithoutItsAck) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));

  EXPECT_EQ(window.next_deadline(), at(seconds(5)));
  window.look(at(seconds(5)));
  EXPECT_EQ(window.records(), 50);
  EXPECT_EQ(window.counters().slow, 1U);
  EXPECT_EQ(window.next_deadline(), kNever);
}

TEST(AdaptiveWindow, CountsOneSlowLeaseOfARound) {
  Window window = adaptive();
  for (LeaseNumber number = 1; number <= 4; ++number) {
    lease_all(window, number, seconds(0), 4);
  }
  window.look(at(seconds(5)));
  EXPECT_EQ(window.records(), 50);

  lease_all(window, 5, seconds(5), 4);
  window.look(at(seconds(10)));
  EXPECT_EQ(window.records(), 25) << "that one is of the next round";
}

TEST(AdaptiveWindow, HalvesOnceMoreWhenASlowLeaseExpires) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0), 2);
  lease_all(window, 2, seconds(0), 2);
  window.look(at(seconds(5)));
  window.on_expired(1);
  window.on_expired(2);

  EXPECT_EQ(window.records(), 25);
  EXPECT_EQ(window.counters().expired, 1U);
}

TEST(AdaptiveWindow, HalvesOnRelease) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0), 2);
  lease_all(window, 2, seconds(0), 2);
  window.on_released(1);
  window.on_released(2);

  EXPECT_EQ(window.records(), 50);
  EXPECT_EQ(window.counters().released, 1U);
  EXPECT_EQ(window.next_deadline(), kNever);
}

TEST(AdaptiveWindow, IsSetToThePaceByALateAck) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.look(at(seconds(5)));
  window.on_acked(1, at(milliseconds(9'500)));

  EXPECT_EQ(window.records(), 42) << "100 took 9.5 s, so 42 take 4 s";
  EXPECT_EQ(window.counters().measured, 1U);
}

TEST(AdaptiveWindow, IsSetToThePaceByAnAckAfterTheExpiry) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.look(at(seconds(5)));
  window.on_expired(1);
  window.on_acked(1, at(seconds(100)));

  EXPECT_EQ(window.records(), 1) << "100 took 100 s, of which the slow part may have been the last one only";
}

TEST(AdaptiveWindow, HalvesByALateAckWithoutAnybodyHavingLooked) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_acked(1, at(milliseconds(5'100)));

  EXPECT_EQ(window.records(), 50);
  EXPECT_EQ(window.counters().slow, 1U);
}

TEST(AdaptiveWindow, NeverFallsBelowOneRecord) {
  Window window = adaptive();
  for (LeaseNumber number = 1; number <= 20; ++number) {
    lease_all(window, number, seconds(0));
    window.on_expired(number);
  }

  EXPECT_EQ(window.records(), 1);
  EXPECT_EQ(window.allowance(0, 0, 5).records, 1);
  EXPECT_TRUE(window.allowance(1, 1, 5).full());
}

TEST(AdaptiveWindow, AddsAnEighthOfABatchAfterTheFirstCut) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_released(1);
  lease_all(window, 2, seconds(1));
  window.on_acked(2, at(milliseconds(1'001)));
  EXPECT_EQ(window.records(), 56);

  lease_all(window, 3, seconds(2), 8);
  window.on_acked(3, at(milliseconds(2'001)));
  EXPECT_EQ(window.records(), 57) << "of a share, so that a round adds as much with many workers as with one";
}

TEST(AdaptiveWindow, CountsTheHalfFromAnExtension) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_extended(1, kLease, at(seconds(4)));

  EXPECT_EQ(window.next_deadline(), at(seconds(9)));
  window.look(at(seconds(5)));
  EXPECT_EQ(window.records(), 100);
  window.on_acked(1, at(seconds(8)));
  EXPECT_EQ(window.records(), 100) << "neither smaller nor larger";
}

TEST(AdaptiveWindow, ComparesALateAckWithAllTheTimeThatWasGiven) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_extended(1, seconds(6), at(seconds(4)));
  window.look(at(seconds(7)));
  window.on_acked(1, at(seconds(9)));

  EXPECT_EQ(window.records(), 44) << "100 took 0.9 of 10 s";
}

TEST(AdaptiveWindow, DoesNotJudgeALeaseThatWasTakenAway) {
  Window window = adaptive();
  lease_all(window, 1, seconds(0));
  window.on_dropped(1);
  window.look(at(seconds(6)));
  window.on_acked(1, at(seconds(7)));
  window.on_expired(2);

  EXPECT_EQ(window.records(), 100);
  EXPECT_EQ(window.next_deadline(), kNever);
}

}  // namespace
}  // namespace sluice::core
