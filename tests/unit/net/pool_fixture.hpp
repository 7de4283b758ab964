#pragma once

#include "daemon/net/async_event.hpp"
#include "daemon/net/broker_pool.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/scripted_peer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::net {

/// A pool that knows one scripted broker, as node 1, and everything that the pool has told.
///
/// Every test ends with close(), and with the check that each request had exactly one outcome and no task is
/// left.
class PoolFixture : public testing::Test {
 public:
  using Script = asio::awaitable<void> (*)(PoolFixture&);

  PoolFixture() {
    options_.connect_timeout = std::chrono::milliseconds(1000);
    options_.reconnect_backoff = std::chrono::milliseconds(4);
    options_.reconnect_backoff_max = std::chrono::milliseconds(16);
  }

  /// Makes the pool and plays the script, which acts for the broker and for the user of the pool.
  void play(Script script) {
    pool_.emplace(
        loop_.io.get_executor(), options_, std::vector<protocol::BrokerAddress>{broker_.address(-1)},
        PoolEvents{.on_reply = [this](protocol::Reply reply) { on_reply(std::move(reply)); },
                   .on_failure = [this](protocol::Failure failure) { on_failure(std::move(failure)); },
                   .on_request_done = [this](const RequestDone& done) { done_.push_back(done); },
                   .on_connection =
                       [this](const ConnectionEvent& event) {
                         connections_.push_back(event);
                         changed_.set();
                       }},
        &test::Loop::fail_test);
    pool_->set_brokers({broker_.address(1)});
    loop_.play(script_then_close(script));
    for (const std::string& name : pool_->live_tasks()) ADD_FAILURE() << "task \"" << name << "\" is left";
    for (const auto& [id, count] : outcomes_) EXPECT_EQ(count, 1) << "outcomes of request " << id;
    EXPECT_EQ(pool_->counters().connections_open, 0U);
  }

  /// Sends to node 1.
  protocol::RequestId send(protocol::AnyRequest request,
                           protocol::Lane lane = protocol::Lane::kGroup,
                           std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    return send_to(1, std::move(request), lane, timeout);
  }

  protocol::RequestId send_to(protocol::NodeId node,
                              protocol::AnyRequest request,
                              protocol::Lane lane = protocol::Lane::kGroup,
                              std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
    const protocol::RequestId id = ++last_id_;
    outcomes_[id] = 0;
    is_sending_ = true;
    pool_->send({.id = id, .node = node, .lane = lane, .request = std::move(request), .timeout = timeout});
    is_sending_ = false;
    return id;
  }

  /// Returns when there were so many replies and failures.
  asio::awaitable<void> outcomes(std::size_t count) {
    while (replies_.size() + failures_.size() < count) {
      changed_.reset();
      co_await changed_.wait();
    }
  }

  /// Returns when so many connections were made and ended, each event counted.
  asio::awaitable<void> connection_events(std::size_t count) {
    while (connections_.size() < count) {
      changed_.reset();
      co_await changed_.wait();
    }
  }

  [[nodiscard]] std::vector<protocol::RequestId> replied() const {
    std::vector<protocol::RequestId> ids;
    for (const auto& reply : replies_) ids.push_back(reply.id);
    return ids;
  }

  [[nodiscard]] std::vector<std::optional<ConnectionEnd>> ends() const {
    std::vector<std::optional<ConnectionEnd>> ends;
    for (const auto& event : connections_) ends.push_back(event.end);
    return ends;
  }

  test::Loop loop_;
  test::ScriptedPeer broker_{loop_.io};
  NetOptions options_;
  std::optional<BrokerPool> pool_;
  std::vector<protocol::Reply> replies_;
  std::vector<protocol::Failure> failures_;
  std::vector<RequestDone> done_;
  std::vector<ConnectionEvent> connections_;
  std::function<void()> on_outcome_ = [] {};  ///< called inside each callback

 private:
  asio::awaitable<void> script_then_close(Script script) {
    co_await script(*this);
    co_await pool_->close();
  }

  void on_reply(protocol::Reply reply) {
    note_outcome(reply.id);
    replies_.push_back(std::move(reply));
    on_outcome_();
  }

  void on_failure(protocol::Failure failure) {
    note_outcome(failure.id);
    failures_.push_back(std::move(failure));
    on_outcome_();
  }

  void note_outcome(protocol::RequestId id) {
    EXPECT_FALSE(is_sending_) << "a callback from inside send()";
    ++outcomes_[id];
    changed_.set();
  }

  AsyncEvent changed_{loop_.io.get_executor()};
  std::map<protocol::RequestId, int> outcomes_;
  protocol::RequestId last_id_ = 0;
  bool is_sending_ = false;
};

inline protocol::HeartbeatRequest heartbeat(std::string group = "g") {
  return {.group_id = std::move(group)};
}

}  // namespace sluice::net
