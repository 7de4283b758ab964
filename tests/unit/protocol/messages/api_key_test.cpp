#include "protocol/messages/api_key.hpp"

#include "protocol/messages/any.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

TEST(ApiTable, KnowsOnlyApisThatWeHaveMessagesFor) {
  ASSERT_NE(find_api(12), nullptr);
  EXPECT_EQ(find_api(12)->name, "Heartbeat");
  EXPECT_EQ(find_api(4), nullptr) << "LeaderAndIsr";
  EXPECT_EQ(find_api(-1), nullptr);
}

TEST(ApiTable, SaysFromWhichVersionOnAnApiIsFlexible) {
  EXPECT_FALSE(api_info(ApiKey::kHeartbeat).is_flexible(3));
  EXPECT_TRUE(api_info(ApiKey::kHeartbeat).is_flexible(4));
  EXPECT_FALSE(api_info(ApiKey::kSaslHandshake).is_flexible(1)) << "never";
}

TEST(AnyRequest, KnowsItsApi) {
  EXPECT_EQ(api_key(AnyRequest{FetchRequest{}}), ApiKey::kFetch);
  EXPECT_EQ(api_key(AnyResponse{SyncGroupResponse{}}), ApiKey::kSyncGroup);
}

}  // namespace
}  // namespace sluice::protocol
