#include "daemon/net/reply_facts.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

TEST(ReplyFacts, ObeysTheThrottleOfVersionsThatAskTheClient) {
  protocol::FetchResponse fetch;
  fetch.throttle_time_ms = 250;
  EXPECT_EQ(silence_asked_for(fetch, 8), 250ms);
  EXPECT_EQ(silence_asked_for(fetch, 17), 250ms);
}

TEST(ReplyFacts, IgnoresTheThrottleThatTheBrokerHasSatOutItself) {
  protocol::ApiVersionsResponse hello;
  hello.throttle_time_ms = 250;
  EXPECT_EQ(silence_asked_for(hello, 1), 0ms);
  EXPECT_EQ(silence_asked_for(hello, 2), 250ms);
}

TEST(ReplyFacts, IgnoresANegativeThrottle) {
  protocol::HeartbeatResponse heartbeat;
  heartbeat.throttle_time_ms = -1;
  EXPECT_EQ(silence_asked_for(heartbeat, 4), 0ms);
}

TEST(ReplyFacts, KnowsNoThrottleWhereTheMessageHasNone) {
  EXPECT_EQ(silence_asked_for(protocol::SaslHandshakeResponse{}, 1), 0ms);
}

TEST(ReplyFacts, ReadsTheErrorOfTheWholeAnswer) {
  protocol::HeartbeatResponse heartbeat;
  heartbeat.error_code = 27;
  EXPECT_EQ(top_level_error(heartbeat), 27);
  EXPECT_EQ(top_level_error(protocol::ListOffsetsResponse{}), 0);
}

}  // namespace
}  // namespace sluice::net
