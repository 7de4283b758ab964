#include "protocol/messages/consumer_protocol.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

const std::string kTopics = "\x00\x00\x00\x01\x00\x01t"s;
const std::string kNoUserData = "\xff\xff\xff\xff"s;
const std::string kOwned = "\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"s;

ConsumerProtocolSubscription subscription() {
  return {.topics = {"t"},
          .owned_partitions = {{.topic = "t", .partitions = {0, 1}}},
          .generation_id = 7,
          .rack_id = "r1"};
}

TEST(SubscriptionBlob, HasItsVersionInFront) {
  const auto blob = encode_blob(subscription());
  ASSERT_TRUE(blob.has_value());
  EXPECT_EQ(*blob, "\x00\x03"s + kTopics + kNoUserData + kOwned + "\x00\x00\x00\x07\x00\x02r1"s);
  EXPECT_EQ(decode_blob<ConsumerProtocolSubscription>(*blob), subscription());
}

TEST(SubscriptionBlob, LosesWhatAnOlderVersionHasNot) {
  const auto blob = encode_blob(subscription(), 0);
  ASSERT_TRUE(blob.has_value()) << blob.error().message;
  EXPECT_EQ(*blob, "\x00\x00"s + kTopics + kNoUserData);
}

TEST(SubscriptionBlob, OfANewerVersionIsReadAsOursWithoutItsTail) {
  const auto read =
      decode_blob<ConsumerProtocolSubscription>("\x00\x09"s + encode_blob(subscription())->substr(2) + "new");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, subscription());
}

TEST(SubscriptionBlob, ThatClaimsVersion1AndStopsAtVersion0IsRead) {
  const auto read = decode_blob<ConsumerProtocolSubscription>("\x00\x01"s + kTopics + kNoUserData);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->topics, std::vector<std::string>{"t"});
  EXPECT_TRUE(read->owned_partitions.empty());
}

TEST(SubscriptionBlob, ThatStopsInsideAFieldIsRefused) {
  const std::string blob = "\x00\x01"s + kTopics + kNoUserData + kOwned;
  for (std::size_t size = 1; size < blob.size(); ++size) {
    if (size == 2 + kTopics.size() + kNoUserData.size()) continue;  // the case above
    EXPECT_FALSE(decode_blob<ConsumerProtocolSubscription>(blob.substr(0, size)).has_value()) << size;
  }
}

TEST(SubscriptionBlob, OfANegativeVersionIsRefused) {
  EXPECT_FALSE(decode_blob<ConsumerProtocolSubscription>("\xff\xff"s + kTopics + kNoUserData).has_value());
}

TEST(SubscriptionBlob, CannotClaimMorePartitionsThanItHasBytes) {
  const auto read = decode_blob<ConsumerProtocolSubscription>("\x00\x00\x7f\xff\xff\xff"s);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "ConsumerProtocolSubscription.Topics: more elements than bytes");
}

TEST(AssignmentBlob, ComesBack) {
  const ConsumerProtocolAssignment assignment{.assigned_partitions = {{.topic = "t", .partitions = {2}}},
                                              .user_data = Bytes("u")};
  const auto blob = encode_blob(assignment);
  ASSERT_TRUE(blob.has_value());
  EXPECT_EQ(decode_blob<ConsumerProtocolAssignment>(*blob), assignment);
}

TEST(AssignmentBlob, OfNoBytesAtAllIsEmpty) {
  EXPECT_EQ(decode_blob<ConsumerProtocolAssignment>(""), ConsumerProtocolAssignment{});
}

}  // namespace
}  // namespace sluice::protocol
