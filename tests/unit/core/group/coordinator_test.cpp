#include "daemon/core/group/coordinator.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

namespace sluice::core::test {
namespace {

using namespace std::chrono_literals;
using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using protocol::KafkaError;

class Lookup {
 public:
  void poll() {
    outbox.begin_turn();
    coordinator.poll(now, candidates, outbox);
    for (auto& request : outbox.take_requests()) sent.push_back(std::move(request));
  }
  void advance(Duration by) {
    now += by;
    poll();
  }
  void reply(FindCoordinatorResponse response, std::int16_t version) {
    EXPECT_FALSE(sent.empty());
    protocol::Reply reply;
    reply.id = sent.back().id;
    reply.node = sent.back().node;
    reply.version = version;
    reply.response = std::move(response);
    EXPECT_TRUE(coordinator.on_reply(reply, now));
    poll();
  }
  void find(protocol::NodeId node) {
    FindCoordinatorResponse response;
    response.coordinators.push_back({"g", node, "kafka-" + std::to_string(node), 9092, 0, ""});
    reply(response, 6);
  }
  void refuse(KafkaError code) {
    FindCoordinatorResponse response;
    response.coordinators.push_back({"g", -1, "", -1, static_cast<std::int16_t>(code), ""});
    reply(response, 6);
  }
  void fail() {
    EXPECT_TRUE(coordinator.on_failure(
        {sent.back().id, sent.back().node, protocol::FailureKind::kTimedOut, "test"}, now));
    poll();
  }

  std::vector<protocol::NodeId> candidates{10, 11, 12};
  Outbox outbox;
  TimePoint now = TimePoint(1000s);
  Coordinator coordinator{{.group_id = "g"}, 3};
  std::vector<protocol::Outgoing> sent;
};

TEST(Coordinator, FindsItAndPassesItsAddressOn) {
  Lookup l;
  l.poll();
  ASSERT_EQ(l.sent.size(), 1U);
  const auto& request = std::get<FindCoordinatorRequest>(l.sent[0].request);
  EXPECT_EQ(request.key, "g");
  EXPECT_EQ(request.key_type, 0);
  EXPECT_THAT(request.coordinator_keys, testing::ElementsAre("g"));
  EXPECT_EQ(l.sent[0].lane, protocol::Lane::kControl);
  l.find(2);
  EXPECT_EQ(l.coordinator.node(), 2);
  EXPECT_THAT(l.coordinator.take_learned(),
              testing::ElementsAre(protocol::BrokerAddress{2, "kafka-2", 9092}));
  EXPECT_TRUE(l.coordinator.take_learned().empty());
  l.advance(1h);
  EXPECT_EQ(l.sent.size(), 1U);
}

TEST(Coordinator, SaysWhyNobodyAnswersUntilSomebodyDoes) {
  Lookup l;
  l.poll();
  EXPECT_FALSE(l.coordinator.failure());
  l.fail();
  EXPECT_EQ(l.coordinator.failure(), "test");
  l.advance(10s);
  l.find(2);
  EXPECT_FALSE(l.coordinator.failure());
}

TEST(Coordinator, ReadsTheOldFormOfTheAnswer) {
  Lookup l;
  l.poll();
  FindCoordinatorResponse response;
  response.node_id = 4;
  response.host = "old";
  response.port = 9092;
  l.reply(response, 3);
  EXPECT_EQ(l.coordinator.node(), 4);
}

TEST(Coordinator, HasOneLookupInFlight) {
  Lookup l;
  l.poll();
  l.advance(10s);
  EXPECT_EQ(l.sent.size(), 1U);
}

TEST(Coordinator, AsksAnotherBrokerEachTime) {
  Lookup l;
  std::set<protocol::NodeId> asked;
  for (int i = 0; i < 3; ++i) {
    l.advance(2s);
    ASSERT_EQ(l.sent.size(), static_cast<std::size_t>(i) + 1);
    asked.insert(l.sent.back().node);
    l.fail();
  }
  EXPECT_EQ(asked.size(), 3U);
}

TEST(Coordinator, WaitsWithoutBrokersToAsk) {
  Lookup l;
  l.candidates.clear();
  l.poll();
  EXPECT_TRUE(l.sent.empty());
}

TEST(Coordinator, AFreshClusterIsAskedAgainWithoutAFuss) {
  Lookup l;
  l.poll();
  l.refuse(KafkaError::kCoordinatorNotAvailable);
  EXPECT_FALSE(l.coordinator.node());
  EXPECT_FALSE(l.coordinator.error());
  EXPECT_EQ(l.sent.size(), 1U);
  EXPECT_LE(l.outbox.wake_time(), l.now + 120ms);
  EXPECT_GE(l.outbox.wake_time(), l.now + 80ms);
  l.advance(120ms);
  EXPECT_EQ(l.sent.size(), 2U);
}

TEST(Coordinator, ARefusalIsVisibleAndAskedAgainSlowly) {
  Lookup l;
  l.poll();
  l.refuse(KafkaError::kGroupAuthorizationFailed);
  EXPECT_THAT(l.coordinator.error().value_or(""), testing::HasSubstr("GROUP_AUTHORIZATION_FAILED"));
  EXPECT_THAT(l.coordinator.error().value_or(""), testing::HasSubstr("READ"));
  l.advance(9s);
  EXPECT_EQ(l.sent.size(), 1U);
  l.advance(1s);
  EXPECT_EQ(l.sent.size(), 2U);
  l.find(2);
  EXPECT_FALSE(l.coordinator.error());
}

TEST(Coordinator, NeverRemembersAnAnswerWithoutAnAddress) {
  const std::array<FindCoordinatorResponse::Coordinator, 6> answers{{{"g", -1, "h", 9092, 0, ""},
                                                                     {"g", 2, "", 9092, 0, ""},
                                                                     {"g", 2, "h", 0, 0, ""},
                                                                     {"g", 2, "h", -1, 0, ""},
                                                                     {"g", 2, "h", 65536, 0, ""},
                                                                     {"other", 2, "h", 9092, 0, ""}}};
  for (const auto& answer : answers) {
    Lookup l;
    l.poll();
    FindCoordinatorResponse response;
    response.coordinators.push_back(answer);
    l.reply(response, 6);
    EXPECT_FALSE(l.coordinator.node());
    EXPECT_TRUE(l.coordinator.take_learned().empty());
    l.advance(120ms);
    EXPECT_EQ(l.sent.size(), 2U);
  }
}

TEST(Coordinator, LooksAgainAtOnceWhenItIsLost) {
  Lookup l;
  l.poll();
  l.find(2);
  l.advance(5s);
  l.coordinator.lost(2, "NOT_COORDINATOR", l.now);
  EXPECT_FALSE(l.coordinator.node());
  EXPECT_EQ(l.coordinator.losses(), 1U);
  l.poll();
  EXPECT_EQ(l.sent.size(), 2U);
}

TEST(Coordinator, IgnoresTheLossOfAnotherBroker) {
  Lookup l;
  l.poll();
  l.find(2);
  l.coordinator.lost(1, "late", l.now);
  EXPECT_EQ(l.coordinator.node(), 2);
}

TEST(Coordinator, FindingAndLosingItInCirclesSlowsDown) {
  Lookup l;
  l.poll();
  std::size_t answered = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    if (l.sent.size() > answered) {
      l.find(2);
      ++answered;
      l.coordinator.lost(2, "disconnected", l.now);
    }
    l.advance(10ms);
  }
  EXPECT_GE(answered, 8U);
  EXPECT_LE(answered, 20U) << "in 10 s";
}

TEST(Coordinator, DoesNotTakeForeignAnswers) {
  Lookup l;
  l.poll();
  protocol::Reply foreign;
  foreign.id = 999;
  foreign.response = FindCoordinatorResponse{};
  EXPECT_FALSE(l.coordinator.on_reply(foreign, l.now));
  EXPECT_FALSE(l.coordinator.on_failure({999, 1, protocol::FailureKind::kTimedOut, ""}, l.now));
}

}  // namespace
}  // namespace sluice::core::test
