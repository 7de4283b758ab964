#include "daemon/core/delivery/partition_ledger.hpp"

#include "daemon/core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace sluice::core {
namespace {

using std::chrono_literals::operator""s;
using State = PartitionLedger::State;

constexpr TimePoint kNow{1000s};

std::function<PartitionLedger::Return(const PartitionLedger::Entry&)> back(TimePoint not_before,
                                                                           bool counted = true) {
  return
      [=](const PartitionLedger::Entry&) { return PartitionLedger::Return{not_before, counted, false, 0}; };
}

std::vector<PartitionLedger::Piece> pieces(const PartitionLedger& ledger, OffsetRange range) {
  std::vector<PartitionLedger::Piece> out;
  ledger.for_each(range, [&](const PartitionLedger::Piece& piece) { out.push_back(piece); });
  return out;
}

TEST(PartitionLedger, BeginsWithEverythingBelowItsPositionSettled) {
  const PartitionLedger ledger(100);
  EXPECT_EQ(ledger.watermark(), 100);
  EXPECT_EQ(ledger.position(), 100);
  EXPECT_FALSE(ledger.first_unsettled(0));
  ledger.check_invariants();
}

TEST(PartitionLedger, MovesThePositionButNotTheWatermarkWhenItLeases) {
  PartitionLedger ledger(100);
  ledger.lease_new({100, 109}, 1);
  EXPECT_EQ(ledger.position(), 110);
  EXPECT_EQ(ledger.watermark(), 100);
  EXPECT_EQ(ledger.leased(), 10);
}

TEST(PartitionLedger, MovesTheWatermarkToTheFirstOffsetThatIsNotSettled) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 9}, 1);
  EXPECT_EQ(ledger.settle({3, 4}, 1), 2);
  EXPECT_EQ(ledger.watermark(), 0);
  EXPECT_EQ(ledger.settle({0, 2}, 1), 3);
  EXPECT_EQ(ledger.watermark(), 5) << "the gap is closed: over what was settled before as well";
  ledger.check_invariants();
}

TEST(PartitionLedger, SettlesNothingForALeaseThatDoesNotHoldIt) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  EXPECT_EQ(ledger.settle({0, 4}, 2), 0);
  EXPECT_EQ(ledger.watermark(), 0);
  EXPECT_EQ(ledger.leased(), 5);
  EXPECT_EQ(pieces(ledger, {0, 4}).size(), 1U);
}

TEST(PartitionLedger, SettlesLateWhatWasGivenBackAndNobodyElseGot) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  ledger.give_back({0, 4}, 1, back(kNow));
  EXPECT_EQ(ledger.settle({0, 4}, 1), 5);
  EXPECT_EQ(ledger.watermark(), 5);
  EXPECT_FALSE(ledger.has_returned());
}

TEST(PartitionLedger, SettlesNothingLateOnceSomebodyElseGotIt) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  ledger.give_back({0, 4}, 1, back(kNow));
  ledger.lease_again({0, 1}, 2);
  EXPECT_EQ(ledger.settle({0, 4}, 1), 3) << "2 to 4 are still nobody's";
  EXPECT_EQ(ledger.watermark(), 0);
  EXPECT_EQ(ledger.leased(), 2);
  ledger.give_back({0, 1}, 2, back(kNow));
  EXPECT_EQ(ledger.settle({0, 1}, 1), 0) << "lease 2 was the last holder";
  ledger.check_invariants();
}

TEST(PartitionLedger, CountsEveryHandingOut) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 0}, 1);
  for (LeaseNumber lease = 2; lease < 5; ++lease) {
    ledger.give_back({0, 0}, lease - 1, back(kNow));
    ledger.lease_again({0, 0}, lease);
  }
  EXPECT_EQ(ledger.first_unsettled(0)->entry.deliveries, 4U);
}

TEST(PartitionLedger, DoesNotCountADeliveryThatReachedNobody) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 0}, 1);
  ledger.give_back({0, 0}, 1, back(kNow, false));
  EXPECT_EQ(ledger.first_unsettled(0)->entry.deliveries, 0U);
  ledger.lease_again({0, 0}, 2);
  EXPECT_EQ(ledger.first_unsettled(0)->entry.deliveries, 1U);
}

TEST(PartitionLedger, KeepsTheTimeBeforeWhichNothingIsHandedOutAgain) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  EXPECT_EQ(ledger.give_back({0, 2}, 1, back(kNow + 5s)), 3);
  EXPECT_EQ(ledger.first_unsettled(0)->entry.not_before, kNow + 5s);
  EXPECT_EQ(ledger.first_unsettled(3)->entry.state, State::kLeased);
}

TEST(PartitionLedger, GivesBackOnlyWhatTheLeaseStillHolds) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  ledger.settle({2, 2}, 1);
  EXPECT_EQ(ledger.give_back({0, 4}, 1, back(kNow)), 4);
  EXPECT_EQ(ledger.give_back({0, 4}, 1, back(kNow)), 0) << "twice is harmless";
  EXPECT_EQ(ledger.give_back({0, 4}, 9, back(kNow)), 0);
  EXPECT_EQ(ledger.returned(), 4);
}

TEST(PartitionLedger, TakesOffsetsBetweenLeasesForSettled) {
  PartitionLedger ledger(0);
  ledger.lease_new({3, 4}, 1);
  EXPECT_EQ(ledger.watermark(), 3) << "0 to 2 do not exist";
  ledger.lease_new({7, 8}, 1);
  EXPECT_EQ(ledger.leased(), 4);
  ledger.settle({3, 4}, 1);
  EXPECT_EQ(ledger.watermark(), 7) << "5 and 6 do not exist";
  ledger.check_invariants();
}

TEST(PartitionLedger, SkipsBehindAnOpenLeaseWithoutMovingTheWatermark) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 4}, 1);
  ledger.skip_to(10);
  EXPECT_EQ(ledger.watermark(), 0);
  EXPECT_EQ(ledger.position(), 10);
  ledger.settle({0, 4}, 1);
  EXPECT_EQ(ledger.watermark(), 10);
  ledger.skip_to(5);
  EXPECT_EQ(ledger.position(), 10) << "never back";
}

TEST(PartitionLedger, ReportsARangeInPiecesAndNothingBeyondItsPosition) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 9}, 1);
  ledger.settle({0, 2}, 1);
  ledger.settle({5, 5}, 1);
  ledger.give_back({7, 7}, 1, back(kNow));
  const auto all = pieces(ledger, {0, std::int64_t{1} << 62});
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].range, (OffsetRange{0, 2}));
  EXPECT_EQ(all[0].entry.state, State::kSettled);
  EXPECT_EQ(all[1].range, (OffsetRange{3, 4}));
  EXPECT_EQ(all[2].entry.state, State::kSettled);
  EXPECT_EQ(all[4].entry.state, State::kReturned);
  EXPECT_EQ(all[5].range, (OffsetRange{8, 9}));
  EXPECT_TRUE(pieces(ledger, {10, 20}).empty());
}

TEST(PartitionLedger, StaysSmallWhenRecordsAreSettledOneByOne) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 9'999}, 1);
  for (Offset offset = 9'999; offset > 0; --offset) {
    ledger.settle({offset, offset}, 1);
    if (offset % 1000 == 0) {
      EXPECT_EQ(pieces(ledger, {0, 9'999}).size(), 2U) << "one leased, one settled";
    }
  }
  ledger.settle({0, 0}, 1);
  EXPECT_EQ(ledger.watermark(), 10'000);
}

TEST(PartitionLedger, StaysSmallWhenRecordsAreGivenBackOneByOneAndHandedOutAgain) {
  PartitionLedger ledger(0);
  ledger.lease_new({0, 999}, 1);
  for (Offset offset = 0; offset < 1000; offset += 2) ledger.give_back({offset, offset}, 1, back(kNow));
  EXPECT_EQ(pieces(ledger, {0, 999}).size(), 1000U);
  for (Offset offset = 1; offset < 1000; offset += 2) ledger.give_back({offset, offset}, 1, back(kNow));
  EXPECT_EQ(pieces(ledger, {0, 999}).size(), 1U);
  for (Offset offset = 0; offset < 1000; ++offset) ledger.lease_again({offset, offset}, 2);
  EXPECT_EQ(pieces(ledger, {0, 999}).size(), 1U);
}

TEST(PartitionLedger, WorksAtTheEndOfTheOffsetsThereCanBe) {
  constexpr Offset kLast = std::numeric_limits<Offset>::max() - 1;
  PartitionLedger ledger(kLast - 10);
  ledger.lease_new({kLast - 10, kLast}, 1);
  EXPECT_EQ(ledger.settle({0, std::numeric_limits<Offset>::max()}, 1), 11);
  EXPECT_EQ(ledger.watermark(), kLast + 1);
}

/// One state per offset: what the ledger must be equal to, however it stores it.
class Reference {
 public:
  struct Cell {
    State state = State::kSettled;
    LeaseNumber lease = 0;
    std::uint32_t deliveries = 0;
  };

  [[nodiscard]] Offset position() const { return static_cast<Offset>(cells_.size()); }
  [[nodiscard]] Offset watermark() const {
    const auto open = std::find_if(cells_.begin(), cells_.end(),
                                   [](const Cell& cell) { return cell.state != State::kSettled; });
    return open - cells_.begin();
  }
  void skip_to(Offset to) {
    while (position() < to) cells_.push_back({});
  }
  void lease_new(OffsetRange range, LeaseNumber lease) {
    skip_to(range.first);
    while (position() <= range.last) cells_.push_back({State::kLeased, lease, 1});
  }
  [[nodiscard]] bool all_returned(OffsetRange range) const {
    for (Offset offset = range.first; offset <= range.last; ++offset) {
      if (offset >= position() || at(offset).state != State::kReturned) return false;
    }
    return true;
  }
  void lease_again(OffsetRange range, LeaseNumber lease) {
    for (Offset offset = range.first; offset <= range.last; ++offset) {
      Cell& cell = at(offset);
      cell = {State::kLeased, lease, cell.deliveries + 1};
    }
  }
  std::int64_t settle(OffsetRange range, LeaseNumber lease) {
    std::int64_t count = 0;
    for (Offset offset = range.first; offset <= range.last && offset < position(); ++offset) {
      Cell& cell = at(offset);
      if (cell.state == State::kSettled || cell.lease != lease) continue;
      cell = {};
      ++count;
    }
    return count;
  }
  std::int64_t give_back(OffsetRange range, LeaseNumber lease, bool counted) {
    std::int64_t count = 0;
    for (Offset offset = range.first; offset <= range.last && offset < position(); ++offset) {
      Cell& cell = at(offset);
      if (cell.state != State::kLeased || cell.lease != lease) continue;
      cell.state = State::kReturned;
      if (!counted && cell.deliveries > 0) --cell.deliveries;
      ++count;
    }
    return count;
  }
  [[nodiscard]] const Cell& at(Offset offset) const { return cells_[static_cast<std::size_t>(offset)]; }

 private:
  [[nodiscard]] Cell& at(Offset offset) { return cells_[static_cast<std::size_t>(offset)]; }
  std::vector<Cell> cells_;
};

void expect_same(const PartitionLedger& ledger, const Reference& reference) {
  ledger.check_invariants();
  ASSERT_EQ(ledger.position(), reference.position());
  ASSERT_EQ(ledger.watermark(), reference.watermark());
  Offset next = 0;
  ledger.for_each({0, ledger.position() + 3}, [&](const PartitionLedger::Piece& piece) {
    ASSERT_EQ(piece.range.first, next);
    for (; next <= piece.range.last; ++next) {
      const Reference::Cell& cell = reference.at(next);
      ASSERT_EQ(piece.entry.state, cell.state) << next;
      if (cell.state == State::kSettled) continue;
      ASSERT_EQ(piece.entry.lease, cell.lease) << next;
      ASSERT_EQ(piece.entry.deliveries, cell.deliveries) << next;
    }
  });
  ASSERT_EQ(next, ledger.position());
}

TEST(PartitionLedger, IsEqualToOneStatePerOffsetWhateverIsDone) {
  Random random(20'260);
  for (int sequence = 0; sequence < 20'000; ++sequence) {
    PartitionLedger ledger(0);
    Reference reference;
    Offset watermark = 0;
    for (int step = 0; step < 16; ++step) {
      const auto pick = [&](std::uint64_t bound) { return static_cast<Offset>(random.below(bound)); };
      const Offset first = pick(static_cast<std::uint64_t>(reference.position()) + 3);
      const OffsetRange range{first, first + pick(6)};
      const LeaseNumber lease = 1 + random.below(3);
      bool may_move = false;
      switch (random.below(6)) {
        case 0: {
          const Offset begin = reference.position() + pick(3);
          const OffsetRange fresh{begin, begin + pick(6)};
          ledger.lease_new(fresh, lease);
          reference.lease_new(fresh, lease);
          may_move = true;  // over a gap, when all before it is settled
          break;
        }
        case 1:
          ledger.skip_to(range.last);
          reference.skip_to(range.last);
          may_move = true;
          break;
        case 2:
          if (reference.all_returned(range)) {
            ledger.lease_again(range, lease);
            reference.lease_again(range, lease);
          }
          break;
        case 3:
          ASSERT_EQ(ledger.settle(range, lease), reference.settle(range, lease));
          may_move = true;
          break;
        default: {
          const bool counted = random.below(2) == 0;
          ASSERT_EQ(ledger.give_back(range, lease, back(kNow + std::chrono::seconds(pick(2)), counted)),
                    reference.give_back(range, lease, counted));
        }
      }
      expect_same(ledger, reference);
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "sequence " << sequence << ", step " << step;
      if (!may_move) {
        ASSERT_EQ(ledger.watermark(), watermark) << "only settling and skipping move it";
      }
      ASSERT_GE(ledger.watermark(), watermark);
      watermark = ledger.watermark();
    }
  }
}

}  // namespace
}  // namespace sluice::core
