#pragma once

#include "daemon/core/group/classic_membership.hpp"
#include "daemon/core/group/classic_protocol.hpp"
#include "protocol/messages/consumer_protocol.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core::test {

using namespace std::chrono_literals;
using protocol::FailureKind;
using protocol::KafkaError;
using Partitions = std::vector<TopicPartition>;

/// One member and its coordinator, played by the test: what was sent, what is answered, how time goes on.
class ClassicDialogue {
 public:
  static ClassicMembership::Options eager() {
    ClassicMembership::Options options;
    options.group_id = "g";
    options.topics = {"orders"};
    options.strategies = {Assignor::kRange};
    options.session_timeout = 10s;
    options.heartbeat_interval = 3s;
    options.rebalance_timeout = 60s;
    options.request_timeout = 30s;
    options.rebalance_drain = 20s;
    return options;
  }
  static ClassicMembership::Options cooperative() {
    auto options = eager();
    options.strategies = {Assignor::kCooperativeSticky};
    return options;
  }
  static ClassicMembership::Options fixed() {
    auto options = eager();
    options.instance_id = "pod-1";
    return options;
  }

  explicit ClassicDialogue(ClassicMembership::Options options = eager()) : member(std::move(options), 7) {
    poll();
  }

  void poll() {
    outbox.begin_turn();
    member.poll(now, coordinator, commit_in_flight, outbox);
    for (auto& request : outbox.take_requests()) sent.push_back(std::move(request));
    for (auto& event : member.take_events()) events.push_back(std::move(event));
  }
  void advance(Duration by) {
    now += by;
    poll();
  }

  /// The oldest unread request; fails the test when there is none or it is of another kind.
  template <class Request>
  Request take() {
    if (sent.empty() || !std::holds_alternative<Request>(sent.front().request)) {
      ADD_FAILURE() << (sent.empty() ? "nothing was sent" : "another request was sent");
      return {};
    }
    last = sent.front();
    sent.pop_front();
    return std::get<Request>(last.request);
  }
  template <class Event>
  Event take_event() {
    if (events.empty() || !std::holds_alternative<Event>(events.front())) {
      ADD_FAILURE() << (events.empty() ? "no event" : "another event");
      return {};
    }
    Event event = std::get<Event>(events.front());
    events.pop_front();
    return event;
  }

  /// Answers `request`, by default the one that take() returned last.
  template <class Response>
  void reply(Response response, std::optional<protocol::Outgoing> request = std::nullopt) {
    const protocol::Outgoing& asked = request ? *request : last;
    protocol::Reply reply;
    reply.id = asked.id;
    reply.node = asked.node;
    reply.version = 5;
    reply.response = std::move(response);
    EXPECT_TRUE(member.on_reply(reply, now));
    poll();
  }
  void fail(FailureKind kind, std::optional<protocol::Outgoing> request = std::nullopt) {
    const protocol::Outgoing& asked = request ? *request : last;
    EXPECT_TRUE(member.on_failure({asked.id, asked.node, kind, "test"}, now));
    poll();
  }
  void refuse_join(KafkaError code, std::string member_id = "") {
    protocol::JoinGroupResponse response;
    response.error_code = static_cast<std::int16_t>(code);
    response.member_id = std::move(member_id);
    reply(std::move(response));
  }
  void refuse_sync(KafkaError code) {
    protocol::SyncGroupResponse response;
    response.error_code = static_cast<std::int16_t>(code);
    reply(std::move(response));
  }
  void answer_heartbeat(KafkaError code = KafkaError::kNone) {
    protocol::HeartbeatResponse response;
    response.error_code = static_cast<std::int16_t>(code);
    reply(response);
  }
  void admit(std::int32_t generation, std::string member_id = "me", std::string leader = "other") {
    protocol::JoinGroupResponse response;
    response.generation_id = generation;
    response.protocol_type = "consumer";
    response.protocol_name = std::string(assignor_name(assignor));
    response.member_id = std::move(member_id);
    response.leader = std::move(leader);
    reply(std::move(response));
  }
  void assign(const Partitions& partitions) {
    protocol::SyncGroupResponse response;
    response.assignment = protocol::Bytes(make_assignment(partitions).value());
    reply(std::move(response));
  }

  /// From JoinGroup, which must have been sent, to a stable follower.
  void join_as_follower(std::int32_t generation, const Partitions& partitions) {
    take<protocol::JoinGroupRequest>();
    admit(generation);
    take<protocol::SyncGroupRequest>();
    assign(partitions);
    EXPECT_EQ(member.state(), MemberState::kStable);
  }
  /// The same, but the assignment takes partitions away: ends in revoking, its events read.
  void join_as_follower_of_revocation(std::int32_t generation, const Partitions& partitions) {
    take<protocol::JoinGroupRequest>();
    admit(generation);
    take<protocol::SyncGroupRequest>();
    assign(partitions);
    EXPECT_EQ(member.state(), MemberState::kRevoking);
    events.clear();
  }
  /// A stable follower of generation 5; the events of getting there are read.
  void become_stable(const Partitions& partitions) {
    join_as_follower(5, partitions);
    events.clear();
  }
  /// One heartbeat interval later the coordinator says `code`.
  void next_heartbeat(KafkaError code) {
    advance(3s);
    take<protocol::HeartbeatRequest>();
    answer_heartbeat(code);
  }
  static protocol::ConsumerProtocolSubscription subscription(const protocol::JoinGroupRequest& join) {
    return protocol::decode_blob<protocol::ConsumerProtocolSubscription>(join.protocols.at(0).metadata.view())
        .value();
  }

  ClassicMembership member;
  Outbox outbox;
  TimePoint now = TimePoint(1000s);
  std::optional<protocol::NodeId> coordinator = 1;
  bool commit_in_flight = false;
  Assignor assignor = Assignor::kRange;
  std::deque<protocol::Outgoing> sent;
  std::deque<MembershipEvent> events;
  protocol::Outgoing last;
};

}  // namespace sluice::core::test
