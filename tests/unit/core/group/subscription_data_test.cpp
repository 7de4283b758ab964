#include "daemon/core/group/subscription_data.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::core::test {
namespace {

using namespace std::string_literals;
using Partitions = std::vector<TopicPartition>;

const std::string kTwoOfT =
    "\0\0\0\1"
    "\0\1t"
    "\0\0\0\2"
    "\0\0\0\0"
    "\0\0\0\5"s;
const std::string kGeneration7 = "\0\0\0\7"s;

TEST(SubscriptionUserData, IsNullForRangeAndRoundRobin) {
  EXPECT_EQ(subscription_user_data(Assignor::kRange, {{"t", 0}}, 7), std::nullopt);
  EXPECT_EQ(subscription_user_data(Assignor::kRoundRobin, {{"t", 0}}, 7), std::nullopt);
}

TEST(SubscriptionUserData, OfStickyHoldsTheAssignmentAndTheGeneration) {
  EXPECT_EQ(subscription_user_data(Assignor::kSticky, {{"t", 5}, {"t", 0}}, 7), kTwoOfT + kGeneration7);
}

TEST(SubscriptionUserData, OfStickyIsNullBeforeTheFirstAssignment) {
  EXPECT_EQ(subscription_user_data(Assignor::kSticky, {}, -1), std::nullopt);
}

TEST(SubscriptionUserData, OfStickyHoldsTheGenerationAfterAnEmptyAssignment) {
  EXPECT_EQ(subscription_user_data(Assignor::kSticky, {}, 7), "\0\0\0\0"s + kGeneration7);
}

TEST(SubscriptionUserData, OfStickyLeavesOutATopicNameThatKafkaDoesNotAllow) {
  EXPECT_EQ(subscription_user_data(Assignor::kSticky, {{std::string(250, 'x'), 0}}, 7),
            "\0\0\0\0"s + kGeneration7);
}

TEST(SubscriptionUserData, OfCooperativeStickyIsTheGenerationAlone) {
  EXPECT_EQ(subscription_user_data(Assignor::kCooperativeSticky, {{"t", 0}}, 7), kGeneration7);
  EXPECT_EQ(subscription_user_data(Assignor::kCooperativeSticky, {}, -1), "\xff\xff\xff\xff");
}

TEST(StickyUserData, IsReadAsItWasWritten) {
  const Partitions owned{{"a", 0}, {"a", 2}, {std::string(249, 'x'), 1}, {"z", 2147483647}};
  const auto data = parse_sticky_user_data(*subscription_user_data(Assignor::kSticky, owned, 12));
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->owned, owned);
  EXPECT_EQ(data->generation, 12);
}

TEST(StickyUserData, WithoutAGenerationIsAccepted) {  // v0
  const auto data = parse_sticky_user_data(kTwoOfT);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->owned, (Partitions{{"t", 0}, {"t", 5}}));
  EXPECT_EQ(data->generation, -1);
}

TEST(StickyUserData, MayHaveMoreThanWeKnow) {
  const auto data = parse_sticky_user_data(kTwoOfT + kGeneration7 + "more");
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->generation, 7);
}

TEST(StickyUserData, CutShortAnywhereIsMalformed) {
  const std::string whole = kTwoOfT + kGeneration7;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    if (size == kTwoOfT.size()) continue;  // that is v0
    EXPECT_EQ(parse_sticky_user_data(std::string_view(whole).substr(0, size)).has_value(), false) << size;
  }
}

TEST(StickyUserData, WithACountBeyondItsBytesIsMalformed) {
  EXPECT_FALSE(parse_sticky_user_data("\x7f\xff\xff\xff"s + "\0\1t"
                                                            "\0\0\0\0"s)
                   .has_value());
  EXPECT_FALSE(parse_sticky_user_data("\0\0\0\1"
                                      "\0\1t"
                                      "\x7f\xff\xff\xff"
                                      "\0\0\0\0"s)
                   .has_value());
}

TEST(StickyUserData, WithANegativeLengthIsMalformed) {
  EXPECT_FALSE(parse_sticky_user_data("\xff\xff\xff\xff"s + kGeneration7).has_value());
  EXPECT_FALSE(parse_sticky_user_data("\0\0\0\1"
                                      "\xff\xff"
                                      "\0\0\0\0"s +
                                      kGeneration7)
                   .has_value());
  EXPECT_FALSE(parse_sticky_user_data("\0\0\0\1"
                                      "\0\1t"
                                      "\xff\xff\xff\xff"s +
                                      kGeneration7)
                   .has_value());
}

TEST(StickyUserData, WithATopicNameThatKafkaDoesNotAllowIsMalformed) {
  EXPECT_FALSE(parse_sticky_user_data("\0\0\0\1"
                                      "\0\xfa"s +
                                      std::string(250, 'x') + "\0\0\0\0"s)
                   .has_value());
}

TEST(StickyUserData, WithMorePartitionsThanAnyoneOwnsIsMalformed) {
  const std::string head =
      "\0\0\0\1"
      "\0\1t"
      "\0\x01\x86\xa1"s;  // 100,001
  EXPECT_FALSE(parse_sticky_user_data(head + std::string(100'001 * 4, '\0')).has_value());
}

TEST(StickyUserData, NeverBreaksOnRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = kTwoOfT + kTwoOfT + kGeneration7;
    const std::size_t changes = 1 + random() % 6;
    for (std::size_t change = 0; change < changes; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 2 == 0 ? random() % 4 : random() % 256);
    }
    bytes.resize(random() % (bytes.size() + 1));
    const auto data = parse_sticky_user_data(bytes);
    if (data) EXPECT_LE(data->owned.size() * 4, bytes.size());
    (void)parse_cooperative_generation(bytes);
  }
}

TEST(CooperativeGeneration, IsReadFromFourBytes) { EXPECT_EQ(parse_cooperative_generation(kGeneration7), 7); }

TEST(CooperativeGeneration, IsReadFromTheUserDataThatLibrdkafkaWrites) {
  EXPECT_EQ(parse_cooperative_generation(kTwoOfT + kGeneration7), 7);
}

TEST(CooperativeGeneration, OfMalformedBytesIsUnknown) {
  EXPECT_EQ(parse_cooperative_generation(""), std::nullopt);
  EXPECT_EQ(parse_cooperative_generation("\0\0\7"s), std::nullopt);
  EXPECT_EQ(parse_cooperative_generation("\x7f\xff\xff\xff"
                                         "x"s),
            std::nullopt);
}

}  // namespace
}  // namespace sluice::core::test
