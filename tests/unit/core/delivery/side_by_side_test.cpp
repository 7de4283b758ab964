#include "daemon/core/delivery/selection.hpp"
#include "tests/unit/core/delivery/delivery_world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace sluice::core {
namespace {

using sluice::testing::RecordBatchBuilder;
using std::chrono_literals::operator""s;

/// One partition in order mode `key` or `none`; a letter of `keys` is the key of a record, '-' is no key.
struct Side : World {
  explicit Side(OrderMode mode) { partition.order = mode; }

  void produce(const std::string& keys) {
    RecordBatchBuilder builder(next);
    for (const char key : keys) {
      if (key == '-') {
        builder.add(0, std::nullopt, "v");
      } else {
        builder.add(0, std::string(1, key), "v");
      }
    }
    feed(partition, builder.build());
    next += static_cast<Offset>(keys.size());
  }
  Offset next = 0;
  Partition& partition = add("t", 0);
};

TEST(OrderModeKey, NeverHasTwoRecordsOfAKeyOut) {
  Side s(OrderMode::kKey);
  s.produce("abacab");
  const FetchResult first = s.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(first), (std::vector<Offset>{0, 1, 3})) << "a, b, c";
  EXPECT_FALSE(s.fetch(spec_of(100)).batch);
  s.ack(first.batch->id);
  EXPECT_EQ(s.partition.ledger->watermark(), 2);
  const FetchResult second = s.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(second), (std::vector<Offset>{2, 5}));
  EXPECT_EQ(second.batch->slices[0].segments[0].delivery, 1U) << "passing over is no delivery";
  s.ack(second.batch->id);
  const FetchResult third = s.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(third), (std::vector<Offset>{4}));
  s.ack(third.batch->id);
  EXPECT_EQ(s.partition.ledger->watermark(), 6);
  EXPECT_EQ(s.partition.keys.size(), 0U);
  s.check();
}

TEST(OrderModeKey, HoldsUpOnlyTheKeyThatIsSlow) {
  Side s(OrderMode::kKey);
  s.produce("a");
  const FetchResult slow = s.fetch(spec_of(1));
  EXPECT_EQ(offsets_of(slow), (std::vector<Offset>{0}));
  for (int i = 0; i < 50; ++i) {
    s.produce("abcd");
    const FetchResult others = s.fetch(spec_of(100));
    ASSERT_TRUE(others.batch) << i;
    s.ack(others.batch->id);
  }
  EXPECT_EQ(s.partition.ledger->watermark(), 0);
  EXPECT_EQ(s.partition.ledger->returned(), 50) << "only those of the slow key are left";
  s.ack(slow.batch->id);
  for (int i = 0; i < 50; ++i) s.ack(s.fetch(spec_of(100)).batch->id);
  EXPECT_EQ(s.partition.ledger->watermark(), s.next);
}

TEST(OrderModeKey, KeepsTheOrderOfAKeyOverARelease) {
  Side s(OrderMode::kKey);
  s.produce("aab");
  const FetchResult first = s.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(first), (std::vector<Offset>{0, 2}));
  (void)s.release(first.batch->id, 5s);
  EXPECT_FALSE(s.fetch(spec_of(100)).batch) << "offset 1 comes after offset 0";
  s.now += 5s;
  EXPECT_EQ(offsets_of(s.fetch(spec_of(100))), (std::vector<Offset>{0, 2}));
}

TEST(OrderModeKey, HasNoOrderForRecordsWithoutKey) {
  Side s(OrderMode::kKey);
  s.produce("--a-");
  EXPECT_EQ(offsets_of(s.fetch(spec_of(2))), (std::vector<Offset>{0, 1}));
  EXPECT_EQ(offsets_of(s.fetch(spec_of(2))), (std::vector<Offset>{2, 3}));
}

TEST(OrderModeNone, LeasesAnythingThatNobodyHolds) {
  Side s(OrderMode::kNone);
  s.produce("aaaaaaaa");
  const FetchResult first = s.fetch(spec_of(3));
  const FetchResult second = s.fetch(spec_of(3));
  EXPECT_EQ(offsets_of(first), from_to(0, 2));
  EXPECT_EQ(offsets_of(second), from_to(3, 5));
  (void)s.release(first.batch->id);
  EXPECT_EQ(offsets_of(s.fetch(spec_of(5))), (std::vector<Offset>{0, 1, 2, 6, 7})) << "returned ones first";
  s.ack(second.batch->id);
  EXPECT_EQ(s.partition.ledger->watermark(), 0);
  s.check();
}

TEST(OrderModeNone, PassesOverWhatIsInItsPause) {
  Side s(OrderMode::kNone);
  s.produce("aaaa");
  const FetchResult first = s.fetch(spec_of(2));
  (void)s.release(first.batch->id, 5s);
  EXPECT_EQ(offsets_of(s.fetch(spec_of(9))), from_to(2, 3));
  EXPECT_EQ(s.fetch(spec_of(9)).reason, EmptyReason::kBackOff);
  s.now += 5s;
  EXPECT_EQ(offsets_of(s.fetch(spec_of(9))), from_to(0, 1));
}

TEST(OrderModes, SettleEverythingOnceUnderAnyMixOfAcksReleasesAndExpiries) {
  for (const OrderMode mode : {OrderMode::kKey, OrderMode::kNone}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      Random random(seed);
      Side s(mode);
      std::vector<std::pair<BatchId, std::vector<Offset>>> open;
      std::set<Offset> settled;
      std::map<char, std::set<Offset>> out;  // of a key
      std::string all;
      const auto key_of = [&](Offset offset) { return all[static_cast<std::size_t>(offset)]; };
      for (int step = 0; step < 400; ++step) {
        if (step < 200 && random.below(3) == 0) {
          std::string keys;
          for (std::uint64_t i = random.below(20) + 1; i > 0; --i)
            keys += "-abcdef"[random.below(random.below(2) == 0 ? 3 : 7)];
          all += keys;
          s.produce(keys);
        }
        const FetchResult result = s.fetch(spec_of(static_cast<std::int32_t>(1 + random.below(8))));
        if (result.batch) {
          const std::vector<Offset> offsets = offsets_of(result);
          for (const Offset offset : offsets) {
            ASSERT_FALSE(settled.contains(offset));
            if (mode != OrderMode::kKey || key_of(offset) == '-') continue;
            ASSERT_TRUE(out[key_of(offset)].empty()) << "two records of a key at once, seed " << seed;
            out[key_of(offset)].insert(offset);
            for (Offset before = 0; before < offset; ++before)
              ASSERT_TRUE(key_of(before) != key_of(offset) || settled.contains(before)) << "seed " << seed;
          }
          open.emplace_back(result.batch->id, offsets);
        }
        if (open.empty() || (step < 350 && random.below(3) == 0)) continue;
        const std::size_t which = random.below(open.size());
        const auto [id, offsets] = open[which];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
        for (const Offset offset : offsets) out[key_of(offset)].erase(offset);
        if (random.below(4) == 0) {
          (void)s.release(id, random.below(2) == 0 ? Duration{} : Duration(1s));
        } else {
          ASSERT_EQ(s.ack(id).accepted, offsets.size());
          settled.insert(offsets.begin(), offsets.end());
        }
        if (random.below(4) == 0) s.now += 1s;
        s.check();
      }
      s.now += 10s;
      for (const auto& [id, offsets] : open) {
        s.ack(id);
        settled.insert(offsets.begin(), offsets.end());
      }
      for (int i = 0; i < 10'000 && settled.size() < all.size(); ++i) {
        const FetchResult rest = s.fetch(spec_of(100));
        if (!rest.batch) break;
        const std::vector<Offset> offsets = offsets_of(rest);
        settled.insert(offsets.begin(), offsets.end());
        s.ack(rest.batch->id);
      }
      ASSERT_EQ(settled.size(), all.size()) << "seed " << seed;
      ASSERT_EQ(s.partition.ledger->watermark(), s.next) << "seed " << seed;
      ASSERT_EQ(s.partition.keys.size(), 0U);
      ASSERT_EQ(s.budget.used(), 0) << "seed " << seed;
    }
  }
}

TEST(OrderModes, TakeOnlyAsMuchAheadOfAGapAsACommitCanTell) {
  Side s(OrderMode::kNone);
  s.partition.metadata.limit = 200;
  for (int i = 0; i < 100; ++i) s.produce(std::string(50, 'a'));
  const FetchResult stuck = s.fetch(spec_of(1));
  std::size_t rounds = 0;
  std::vector<BatchId> open;
  for (; rounds < 10'000; ++rounds) {
    const FetchResult next = s.fetch(spec_of(2));
    if (!next.batch) break;
    // Every second record: the worst there is for a list of what is settled.
    AckSpec one;
    one.fallback = Default::kKeep;
    one.accept = {IndexSelector{0, 0}};
    s.ack(next.batch->id, one);
    open.push_back(next.batch->id);
  }
  EXPECT_GT(rounds, 50U);
  EXPECT_LT(s.partition.ledger->position(), s.next) << "it slows down";
  EXPECT_TRUE(s.partition.span_full);
  const EncodedMetadata told = encode_metadata(s.partition.commit_metadata(), 0, s.partition.metadata.limit);
  EXPECT_TRUE(told.complete) << "and never has more to tell than fits";
  EXPECT_EQ(s.fetch(spec_of(2)).reason, EmptyReason::kWindowFull);
  s.ack(stuck.batch->id);
  for (const BatchId id : open) s.ack(id);
  EXPECT_TRUE(s.fetch(spec_of(2)).batch) << "until the gaps are closed";
}

TEST(OrderModes, GiveTheMemoryBackOfWhatIsSettledAboveAGap) {
  Side s(OrderMode::kNone);
  const FetchResult none = s.fetch(spec_of(1));
  EXPECT_FALSE(none.batch);
  s.produce("a");
  const FetchResult stuck = s.fetch(spec_of(1));
  for (int i = 0; i < 400; ++i) {
    s.produce(std::string(20, 'b'));
    s.ack(s.fetch(spec_of(100)).batch->id);
  }
  EXPECT_LT(s.partition.buffer.chunks().size(), 100U) << "of 401";
  EXPECT_EQ(s.partition.ledger->watermark(), 0);
  (void)s.release(stuck.batch->id);
  const FetchResult again = s.fetch(spec_of(100));
  EXPECT_EQ(offsets_of(again), (std::vector<Offset>{0})) << "what is not settled stays";
}

}  // namespace
}  // namespace sluice::core
