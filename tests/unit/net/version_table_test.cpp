#include "daemon/net/version_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using protocol::ApiKey;
using testing::HasSubstr;

constexpr std::int16_t kNoCap = 32767;
constexpr std::int16_t kFetch = static_cast<std::int16_t>(ApiKey::kFetch);
constexpr protocol::VersionRange kSpoken = protocol::versions_spoken(ApiKey::kFetch);

VersionTable broker_with_fetch(int min, int max) {
  protocol::ApiVersionsResponse response;
  response.api_keys.push_back({kFetch, static_cast<std::int16_t>(min), static_cast<std::int16_t>(max)});
  return VersionTable(response);
}

TEST(VersionTable, ChoosesOurHighestWhenTheBrokerSpeaksMore) {
  EXPECT_EQ(broker_with_fetch(0, 99).choose(ApiKey::kFetch, kNoCap), kSpoken.max);
}

TEST(VersionTable, ChoosesTheHighestOfTheBrokerWhenWeSpeakMore) {
  EXPECT_EQ(broker_with_fetch(0, 11).choose(ApiKey::kFetch, kNoCap), 11);
}

TEST(VersionTable, StaysAtOrBelowTheCap) {
  EXPECT_EQ(broker_with_fetch(0, 99).choose(ApiKey::kFetch, 12), 12);
}

TEST(VersionTable, RefusesWhenTheBrokerIsTooOld) {
  const auto version = broker_with_fetch(0, 4).choose(ApiKey::kFetch, kNoCap);
  ASSERT_FALSE(version);
  EXPECT_THAT(version.error(), HasSubstr("Fetch: the broker speaks 0 to 4, we speak 10 to 17"));
}

TEST(VersionTable, RefusesWhenTheBrokerIsTooNew) {
  EXPECT_FALSE(broker_with_fetch(98, 99).choose(ApiKey::kFetch, kNoCap));
}

TEST(VersionTable, RefusesWhenTheCapIsBelowWhatTheBrokerKept) {
  const auto version = broker_with_fetch(13, 17).choose(ApiKey::kFetch, 12);
  ASSERT_FALSE(version);
  EXPECT_THAT(version.error(), HasSubstr("wanted is at most 12"));
}

TEST(VersionTable, RefusesAnApiThatTheBrokerDoesNotOffer) {
  const auto version = broker_with_fetch(0, 99).choose(ApiKey::kConsumerGroupHeartbeat, kNoCap);
  ASSERT_FALSE(version);
  EXPECT_THAT(version.error(), HasSubstr("does not offer ConsumerGroupHeartbeat"));
}

TEST(VersionTable, SurvivesNonsense) {
  EXPECT_FALSE(broker_with_fetch(5, -5).choose(ApiKey::kFetch, kNoCap));
  EXPECT_FALSE(broker_with_fetch(0, 99).choose(ApiKey::kFetch, -1));
}

TEST(VersionTable, IsEmptyWhenOnlyForeignApisAreOffered) {
  protocol::ApiVersionsResponse response;
  response.api_keys.push_back({999, 0, 1});
  EXPECT_TRUE(VersionTable(response).empty());
}

}  // namespace
}  // namespace sluice::net
