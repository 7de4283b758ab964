#include "daemon/net/broker_connection.hpp"

#include "tests/unit/net/pool_fixture.hpp"

#include <gmock/gmock.h>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using protocol::FailureKind;
using protocol::HeartbeatRequest;
using protocol::HeartbeatResponse;
using protocol::Lane;
using test::PeerConnection;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using BrokerConnectionTest = PoolFixture;

HeartbeatResponse heartbeat_answer(std::int16_t error_code) { return {.error_code = error_code}; }

std::string group_of(const protocol::ReceivedRequest& request) {
  return std::get<HeartbeatRequest>(request.request).group_id;
}

// ---- requests and answers

TEST_F(BrokerConnectionTest, GivesEachAnswerToItsRequest) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    const auto first = t.send(heartbeat());
    const auto second = t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(27));
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(0));
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(first, second));
    EXPECT_EQ(std::get<HeartbeatResponse>(t.replies_[0].response).error_code, 27);
    EXPECT_EQ(std::get<HeartbeatResponse>(t.replies_[1].response).error_code, 0);
    EXPECT_EQ(t.replies_[0].version, 4);
    EXPECT_EQ(t.replies_[0].node, 1);
  });
}

TEST_F(BrokerConnectionTest, WritesTheNextRequestsWithoutWaitingForAnswers) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat("a"));
    t.send(heartbeat("b"));
    t.send(heartbeat("c"));
    auto broker = co_await t.broker_.accept_and_greet();
    const auto a = co_await broker.receive();
    const auto b = co_await broker.receive();
    const auto c = co_await broker.receive();
    EXPECT_EQ(group_of(a) + group_of(b) + group_of(c), "abc");
    co_await broker.send(PeerConnection::encode(a, heartbeat_answer(0)) +
                         PeerConnection::encode(b, heartbeat_answer(0)) +
                         PeerConnection::encode(c, heartbeat_answer(0)));
    co_await t.outcomes(3);
    EXPECT_THAT(t.replied(), ElementsAre(1U, 2U, 3U));
  });
}

TEST_F(BrokerConnectionTest, UsesOneConnectionForTheLaneAsLongAsItLives) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    for (std::size_t i = 1; i <= 3; ++i) {
      co_await broker.answer(co_await broker.expect(ApiKey::kHeartbeat), heartbeat_answer(0));
      co_await t.outcomes(i);
      t.send(heartbeat());
    }
    co_await broker.expect(ApiKey::kHeartbeat);
  });
  EXPECT_EQ(broker_.accepted(), 1);
}

TEST_F(BrokerConnectionTest, KeepsTheFrameOfAnAnswerThatBorrowsFromIt) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(protocol::FetchRequest{}, Lane::kFetch);
    auto broker = co_await t.broker_.accept_and_greet();
    protocol::FetchResponse response;
    const std::string records(3 << 20, 'r');
    response.responses.push_back({.partitions = {{.records = records}}});
    co_await broker.answer(co_await broker.expect(ApiKey::kFetch), response);
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.size(), 1U);
    const auto& reply = t.replies_.at(0);
    const auto& fetched = std::get<protocol::FetchResponse>(reply.response);
    const std::string_view view = fetched.responses.at(0).partitions.at(0).records.value();
    EXPECT_TRUE(view == records);
    EXPECT_GE(view.data(), reply.frame->data());
    EXPECT_LT(view.data(), reply.frame->data() + reply.frame->size());
  });
}

TEST_F(BrokerConnectionTest, PutsAnAnswerTogetherFromSingleBytes) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    for (const char c : PeerConnection::encode(request, heartbeat_answer(0))) {
      co_await broker.send(std::string(1, c));
      co_await t.loop_.sleep(0ms);
    }
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.size(), 1U);
  });
}

// ---- versions

TEST_F(BrokerConnectionTest, SendsTheHighestVersionThatBothSpeak) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet(test::speaks(ApiKey::kHeartbeat, 0, 3));
    const auto request = co_await broker.receive();
    EXPECT_EQ(request.header.request_api_version, 3);
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.at(0).version, 3);
  });
}

TEST_F(BrokerConnectionTest, FailsARequestThatTheBrokerDoesNotSpeakAndGoesOn) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    t.send(protocol::LeaveGroupRequest{});
    auto broker = co_await t.broker_.accept_and_greet(test::speaks(ApiKey::kHeartbeat, 0, 1));
    co_await broker.answer(co_await broker.expect(ApiKey::kLeaveGroup), protocol::LeaveGroupResponse{});
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).id, 1U);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kUnsupportedVersion);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

TEST_F(BrokerConnectionTest, FailsARequestThatTheVersionCannotCarryAndGoesOn) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(HeartbeatRequest{.group_id = std::string(40'000, 'g')});  // v3 has a length of 16 bits
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet(test::speaks(ApiKey::kHeartbeat, 0, 3));
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(0));
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kUnencodable);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

// ---- answers that make no sense

TEST_F(BrokerConnectionTest, ClosesWhenAnAnswerCarriesAnotherNumber) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.receive();
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(0));  // the second before the first
    co_await broker.until_closed();
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
    EXPECT_EQ(t.failures_.at(1).kind, FailureKind::kDisconnected);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("was due"));
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kLost));
  });
}

TEST_F(BrokerConnectionTest, ClosesWhenAnAnswerComesTwice) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    co_await broker.answer(request, heartbeat_answer(0));
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.connection_events(2);
    EXPECT_EQ(t.replies_.size(), 1U);
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kLost));
    EXPECT_THAT(t.connections_.at(1).reason, HasSubstr("nothing was asked"));
  });
}

TEST_F(BrokerConnectionTest, ClosesWhenAnAnswerCannotBeDecoded) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    std::string answer = PeerConnection::encode(request, heartbeat_answer(0)).substr(0, 4 + 4 + 1 + 2);
    answer[3] = 7;  // a frame that ends inside the throttle time
    co_await broker.send(answer);
    co_await broker.until_closed();
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).id, 1U);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kMalformed);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("bad answer to Heartbeat v4"));
    EXPECT_EQ(t.failures_.at(1).kind, FailureKind::kDisconnected);
  });
}

TEST_F(BrokerConnectionTest, ClosesWhenAFrameIsLongerThanTheLimit) {
  options_.frame_bytes_max = 1000;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.receive();
    co_await broker.send(std::string("\0\0\x03\xe9", 4));
    co_await broker.until_closed();
    co_await t.outcomes(1);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("an answer of 1001 bytes"));
  });
}

// ---- the broker goes away

TEST_F(BrokerConnectionTest, FailsWhatWasOpenWhenTheBrokerClosesInsideAnAnswer) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    co_await broker.send(PeerConnection::encode(request, heartbeat_answer(0)).substr(0, 9));
    broker.close();
    co_await t.outcomes(1);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("broker 1 (127.0.0.1:"));
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("closed the connection after 5 of"));
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kLost));
  });
}

TEST_F(BrokerConnectionTest, TakesTheEndOfAnIdleConnectionQuietly) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(0));
    co_await t.outcomes(1);
    broker.close();
    co_await t.connection_events(2);
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kIdle));
    EXPECT_THAT(t.failures_, IsEmpty());
    EXPECT_EQ(t.pool_->counters().connections_lost, 0U);
  });
}

TEST_F(BrokerConnectionTest, ClosesAfterItsIdleLimitAndComesBackWhenNeeded) {
  options_.idle_max = 20ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(0));
    co_await t.connection_events(2);
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kIdle));
    EXPECT_THAT(t.failures_, IsEmpty());

    t.send(heartbeat());
    auto again = co_await t.broker_.accept_and_greet();
    co_await again.answer(co_await again.receive(), heartbeat_answer(0));
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(1U, 2U));
  });
}

TEST_F(BrokerConnectionTest, IsNotIdleWhileAnAnswerIsDue) {
  options_.idle_max = 10ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    co_await t.loop_.sleep(40ms);
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.size(), 1U);
  });
}

// ---- deadlines

TEST_F(BrokerConnectionTest, ClosesWhenARequestIsNotAnsweredInTime) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat(), Lane::kGroup, 5s);
    const auto late = t.send(heartbeat(), Lane::kGroup, 20ms);
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.until_closed();
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
    EXPECT_EQ(t.failures_.at(1).id, late);
    EXPECT_EQ(t.failures_.at(1).kind, FailureKind::kTimedOut);
    EXPECT_THAT(t.failures_.at(1).message, HasSubstr("no answer to Heartbeat for"));
    EXPECT_THAT(t.ends(), ElementsAre(std::nullopt, ConnectionEnd::kTimedOut));
  });
}

TEST_F(BrokerConnectionTest, CountsABrokerThatSendsByteAfterByteAsTooLate) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat(), Lane::kGroup, 30ms);
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    for (const char c : PeerConnection::encode(request, heartbeat_answer(0))) {
      if (!t.failures_.empty()) break;
      co_await broker.send(std::string(1, c));
      co_await t.loop_.sleep(10ms);
    }
    co_await t.outcomes(1);
    EXPECT_EQ(t.failures_.size(), 1U);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kTimedOut);
  });
}

TEST_F(BrokerConnectionTest, ATimeoutLeavesTheOtherLanesAlone) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat(), Lane::kGroup, 20ms);
    auto group = co_await t.broker_.accept_and_greet();
    const auto metadata = t.send(protocol::MetadataRequest{}, Lane::kControl);
    auto control = co_await t.broker_.accept_and_greet();
    const auto request = co_await control.expect(ApiKey::kMetadata);
    co_await group.until_closed();
    co_await t.outcomes(1);
    co_await control.answer(request, protocol::MetadataResponse{});
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kTimedOut);
    EXPECT_THAT(t.replied(), ElementsAre(metadata));
  });
}

TEST_F(BrokerConnectionTest, ARequestThatExpiresBeforeTheConnectionIsThereWasNotSent) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat("late"), Lane::kGroup, 10ms);
    t.send(heartbeat("patient"));
    auto broker = co_await t.broker_.accept();
    const auto hello = co_await broker.receive();
    co_await t.outcomes(1);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kConnectFailed);
    EXPECT_THAT(t.failures_.at(0).message,
                HasSubstr("not connected within the 10 ms of the request: waiting for 127."));
    co_await broker.answer(hello, test::speaks_everything());
    const auto request = co_await broker.receive();
    EXPECT_EQ(group_of(request), "patient");
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

// ---- throttling

TEST_F(BrokerConnectionTest, WritesNothingWhileTheBrokerAsksForSilence) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), HeartbeatResponse{.throttle_time_ms = 40});
    co_await t.outcomes(1);
    const SteadyTime start = std::chrono::steady_clock::now();
    EXPECT_GT(t.pool_->muted_until(1, Lane::kGroup), start);
    EXPECT_EQ(t.pool_->muted_until(1, Lane::kFetch), SteadyTime::min());
    t.send(heartbeat());
    co_await t.loop_.sleep(10ms);
    EXPECT_TRUE(broker.is_silent());
    const auto request = co_await broker.receive();
    EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.outcomes(2);
    EXPECT_EQ(t.pool_->counters().throttled, 40ms);
  });
}

TEST_F(BrokerConnectionTest, ARequestThatExpiresDuringTheSilenceDoesNotEndTheConnection) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), HeartbeatResponse{.throttle_time_ms = 50});
    co_await t.outcomes(1);
    t.send(heartbeat("late"), Lane::kGroup, 10ms);
    t.send(heartbeat("patient"));
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kTimedOut);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("throttles"));
    const auto request = co_await broker.receive();
    EXPECT_EQ(group_of(request), "patient");
    co_await broker.answer(request, heartbeat_answer(0));
    co_await t.outcomes(3);
  });
  EXPECT_EQ(broker_.accepted(), 1);
}

// ---- what metrics are told

TEST_F(BrokerConnectionTest, ReportsEveryRequestWithItsOutcome) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), heartbeat_answer(27));
    co_await t.outcomes(1);
    broker.close();
    co_await t.outcomes(2);
  });
  ASSERT_EQ(done_.size(), 2U);
  EXPECT_EQ(done_[0].api, ApiKey::kHeartbeat);
  EXPECT_EQ(done_[0].failure, std::nullopt);
  EXPECT_EQ(done_[0].error_code, 27);
  EXPECT_GT(done_[0].duration.count(), 0);
  EXPECT_EQ(done_[1].failure, FailureKind::kDisconnected);
  EXPECT_EQ(pool_->counters().dials_succeeded, 1U);
  EXPECT_EQ(pool_->counters().connections_lost, 1U);
  EXPECT_GT(pool_->counters().bytes_in, 0U);
  EXPECT_GT(pool_->counters().bytes_out, 0U);
}

}  // namespace
}  // namespace sluice::net
