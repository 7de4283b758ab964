#include "daemon/net/broker_pool.hpp"

#include "tests/unit/net/pool_fixture.hpp"

#include <gmock/gmock.h>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using protocol::FailureKind;
using protocol::HeartbeatResponse;
using protocol::Lane;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using BrokerPoolTest = PoolFixture;

// ---- which broker

TEST_F(BrokerPoolTest, FailsRequestsForABrokerThatNobodyKnows) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send_to(7, heartbeat());
    EXPECT_THAT(t.failures_, IsEmpty());
    co_await t.outcomes(1);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kConnectFailed);
    EXPECT_EQ(t.failures_.at(0).node, 7);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("broker 7: its address is not known"));
  });
  EXPECT_EQ(broker_.accepted(), 0);
}

TEST_F(BrokerPoolTest, ReachesBootstrapAddressesByTheirNegativeIds) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send_to(-1, heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), HeartbeatResponse{});
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.at(0).node, -1);
  });
}

TEST_F(BrokerPoolTest, GivesEveryLaneAConnectionOfItsOwn) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(protocol::FetchRequest{}, Lane::kFetch);
    auto fetch = co_await t.broker_.accept_and_greet();
    co_await fetch.expect(ApiKey::kFetch);  // a long poll, never answered
    t.send(heartbeat(), Lane::kGroup);
    auto group = co_await t.broker_.accept_and_greet();
    co_await group.answer(co_await group.expect(ApiKey::kHeartbeat), HeartbeatResponse{});
    co_await t.outcomes(1);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

TEST_F(BrokerPoolTest, KeepsBrokersApartThatShareAnAddress) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.pool_->set_brokers({t.broker_.address(2)});
    t.send_to(1, heartbeat());
    auto one = co_await t.broker_.accept_and_greet();
    t.send_to(2, heartbeat());
    auto two = co_await t.broker_.accept_and_greet();
    co_await two.answer(co_await two.receive(), HeartbeatResponse{});
    co_await t.outcomes(1);
    EXPECT_EQ(t.replies_.at(0).node, 2);
  });
}

TEST_F(BrokerPoolTest, MovesToTheNewAddressOfABroker) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto before = co_await t.broker_.accept_and_greet();
    co_await before.receive();

    test::ScriptedPeer elsewhere(t.loop_.io);
    t.pool_->set_brokers({elsewhere.address(1)});
    t.send(heartbeat());
    co_await before.until_closed();
    auto after = co_await elsewhere.accept_and_greet();
    co_await after.answer(co_await after.receive(), HeartbeatResponse{});
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).id, 1U);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("has moved to 127.0.0.1:"));
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

TEST_F(BrokerPoolTest, KeepsTheConnectionWhenTheAddressIsToldAgain) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    t.pool_->set_brokers({t.broker_.address(1)});
    t.pool_->set_brokers({});
    co_await broker.answer(request, HeartbeatResponse{});
    co_await t.outcomes(1);
    EXPECT_THAT(t.replies_, SizeIs(1));
  });
}

TEST_F(BrokerPoolTest, IgnoresAddressesThatCannotBeDialled) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    const std::uint16_t port = t.broker_.port();
    t.pool_->set_brokers({{1, "", port},
                          {1, "127.0.0.1", 0},
                          {1, "two\nlines", port},
                          {1, std::string(256, 'x'), port},
                          {-1, "elsewhere", port}});
    t.send_to(1, heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), HeartbeatResponse{});
    t.send_to(-1, heartbeat());
    auto bootstrap = co_await t.broker_.accept_and_greet();
    co_await bootstrap.answer(co_await bootstrap.receive(), HeartbeatResponse{});
    co_await t.outcomes(2);
    EXPECT_THAT(t.replies_, SizeIs(2));
  });
}

TEST_F(BrokerPoolTest, ForgetsUnusedBrokersWhenAClusterNamesTooMany) {
  options_.brokers_max = 10;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send_to(1, heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    const auto request = co_await broker.receive();
    for (protocol::NodeId id = 100; id < 200; ++id) t.pool_->set_brokers({t.broker_.address(id)});
    t.send_to(150, heartbeat());
    co_await t.outcomes(1);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("broker 150: its address is not known"));
    co_await broker.answer(request, HeartbeatResponse{});
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(1U));
  });
}

// ---- connecting fails

TEST_F(BrokerPoolTest, FailsEverythingThatWaitsForAConnectionThatCannotBeMade) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.broker_.stop_listening();
    t.send(heartbeat());
    t.send(heartbeat());
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kConnectFailed);
    EXPECT_EQ(t.failures_.at(1).kind, FailureKind::kConnectFailed);
    EXPECT_THAT(t.failures_.at(0).message, HasSubstr("Connection refused"));
    EXPECT_THAT(t.ends(), ElementsAre(ConnectionEnd::kConnectFailed));
    EXPECT_EQ(t.pool_->counters().dials_failed, 1U);
  });
}

TEST_F(BrokerPoolTest, SlowsDownWhileABrokerRefusesConnections) {
  options_.reconnect_backoff = 5ms;
  options_.reconnect_backoff_max = 20ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.broker_.stop_listening();
    const SteadyTime start = std::chrono::steady_clock::now();
    for (std::size_t i = 1; i <= 6; ++i) {  // the most impatient user: again at once after each failure
      t.send(heartbeat());
      co_await t.outcomes(i);
    }
    // 5 + 10 + 20 + 20 + 20, each times 0.8 at the least
    EXPECT_GE(std::chrono::steady_clock::now() - start, 60ms);
    EXPECT_EQ(t.pool_->counters().dials_failed, 6U);
  });
}

TEST_F(BrokerPoolTest, SlowsDownWhileABrokerHangsUpWithoutAnAnswer) {
  options_.reconnect_backoff = 5ms;
  options_.reconnect_backoff_max = 20ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    const SteadyTime start = std::chrono::steady_clock::now();
    for (std::size_t i = 1; i <= 5; ++i) {
      t.send(heartbeat());
      auto broker = co_await t.broker_.accept_and_greet();
      broker.close();
      co_await t.outcomes(i);
    }
    EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
  });
}

TEST_F(BrokerPoolTest, CountsTheFailureOfAllLanesAsOne) {
  options_.reconnect_backoff = 10ms;
  options_.reconnect_backoff_max = 1000ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    const Lane lanes[] = {Lane::kFetch, Lane::kCatchUp, Lane::kGroup, Lane::kJoin, Lane::kControl};
    t.broker_.stop_listening();
    for (const Lane lane : lanes) t.send(heartbeat(), lane);
    co_await t.outcomes(5);
    // Five failures would make it 160 ms.
    EXPECT_LE(t.pool_->reconnect_at(1), std::chrono::steady_clock::now() + 12ms);
  });
}

TEST_F(BrokerPoolTest, ForgetsTheBackOffOnceABrokerHasAnswered) {
  options_.reconnect_backoff = 5ms;
  options_.reconnect_backoff_max = 10'000ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    for (std::size_t i = 1; i <= 4; ++i) {
      t.send(heartbeat());
      auto broker = co_await t.broker_.accept_and_greet();
      broker.close();
      co_await t.outcomes(i);
    }
    t.send(heartbeat());
    auto good = co_await t.broker_.accept_and_greet();
    co_await good.answer(co_await good.receive(), HeartbeatResponse{});
    co_await t.outcomes(5);
    t.send(heartbeat());
    co_await good.receive();
    good.close();
    co_await t.outcomes(6);
    // The fifth failure in a row would make it 80 ms.
    EXPECT_LE(t.pool_->reconnect_at(1), std::chrono::steady_clock::now() + 6ms);
  });
}

TEST_F(BrokerPoolTest, ARequestDuringTheBackOffWaitsInsteadOfFailing) {
  options_.reconnect_backoff = 30ms;
  options_.reconnect_backoff_max = 30ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.send(heartbeat());
    auto first = co_await t.broker_.accept_and_greet();
    first.close();
    co_await t.outcomes(1);
    t.send(heartbeat());
    t.send(heartbeat(), Lane::kGroup, 5ms);  // unless its own time is over
    co_await t.outcomes(2);
    EXPECT_EQ(t.failures_.at(1).id, 3U);
    EXPECT_EQ(t.failures_.at(1).kind, FailureKind::kConnectFailed);
    auto second = co_await t.broker_.accept_and_greet();
    co_await second.answer(co_await second.receive(), HeartbeatResponse{});
    co_await t.outcomes(3);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

// ---- callbacks and the end

TEST_F(BrokerPoolTest, CallbacksMaySendAgain) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.on_outcome_ = [&t] {
      if (t.replies_.size() + t.failures_.size() == 1) t.send(heartbeat());
    };
    t.send(heartbeat());
    auto first = co_await t.broker_.accept_and_greet();
    co_await first.receive();
    first.close();
    auto second = co_await t.broker_.accept_and_greet();
    co_await second.answer(co_await second.receive(), HeartbeatResponse{});
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(2U));
  });
}

TEST_F(BrokerPoolTest, CallbacksMayMoveTheBrokerThatTheyHearFrom) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.on_outcome_ = [&t] { t.pool_->set_brokers({{1, "127.0.0.2", t.broker_.port()}}); };
    t.send(heartbeat());
    t.send(heartbeat());
    auto broker = co_await t.broker_.accept_and_greet();
    co_await broker.answer(co_await broker.receive(), HeartbeatResponse{});
    co_await broker.until_closed();
    co_await t.outcomes(2);
    EXPECT_THAT(t.replied(), ElementsAre(1U));
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kDisconnected);
  });
}

TEST_F(BrokerPoolTest, CallbacksMayEndTheConnectionWhileABatchIsBeingWritten) {
  play([](PoolFixture& t) -> asio::awaitable<void> {
    t.on_outcome_ = [&t] { t.pool_->set_brokers({{1, "127.0.0.2", t.broker_.port()}}); };
    t.send(protocol::LeaveGroupRequest{});
    t.send(heartbeat());  // fails: the broker does not speak it, and the callback moves the broker
    t.send(heartbeat());
    t.send(protocol::LeaveGroupRequest{});
    auto broker = co_await t.broker_.accept_and_greet(test::speaks(ApiKey::kHeartbeat, 0, 1));
    co_await broker.until_closed();
    co_await t.outcomes(4);
    EXPECT_THAT(t.failures_, SizeIs(4));
    EXPECT_EQ(t.failures_.at(0).id, 2U);
    EXPECT_EQ(t.failures_.at(0).kind, FailureKind::kUnsupportedVersion);
    for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(t.failures_.at(i).kind, FailureKind::kDisconnected);
    EXPECT_EQ(t.failures_.at(3).id, 4U);
  });
}

TEST_F(BrokerPoolTest, CloseFailsWhatIsOpenInEveryStage) {
  options_.reconnect_backoff = 10'000ms;
  options_.reconnect_backoff_max = 10'000ms;
  play([](PoolFixture& t) -> asio::awaitable<void> {
    test::ScriptedPeer refusing(t.loop_.io);
    t.pool_->set_brokers({refusing.address(2), {3, "localhost", t.broker_.port()}});
    refusing.stop_listening();
    t.send_to(2, heartbeat());
    co_await t.outcomes(1);

    t.send(heartbeat(), Lane::kGroup);
    auto ready = co_await t.broker_.accept_and_greet();
    co_await ready.receive();             // in flight
    t.send_to(2, heartbeat());            // in back-off
    t.send(heartbeat(), Lane::kControl);  // waits for the greeting
    auto greeting = co_await t.broker_.accept();
    co_await greeting.receive();
    t.send_to(3, heartbeat());  // has not begun
    t.send_to(9, heartbeat());  // unknown
    co_await t.pool_->close();
    EXPECT_THAT(t.failures_, SizeIs(6));
    t.send(heartbeat());  // too late
    co_await t.outcomes(7);
    EXPECT_EQ(t.failures_.back().kind, FailureKind::kConnectFailed);
  });
}

TEST_F(BrokerPoolTest, CloseOfAnUnusedPoolReturns) {
  play([](PoolFixture&) -> asio::awaitable<void> { co_return; });
  EXPECT_EQ(broker_.accepted(), 0);
}

}  // namespace
}  // namespace sluice::net
