#include "daemon/core/dead_letter/producer_identity.hpp"

#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using protocol::InitProducerIdRequest;
using protocol::InitProducerIdResponse;
using protocol::KafkaError;
using std::chrono_literals::operator""s;

struct Identifying : FetchWorld {
  Identifying() : FetchWorld({{"dead", {1}}}) {}

  void poll() {
    machine.poll(now, metadata, outbox);
    collect();
  }
  void answer(std::int64_t id, KafkaError error = KafkaError::kNone) {
    InitProducerIdResponse response;
    response.producer_id = id;
    response.producer_epoch = 4;
    response.error_code = code_of(error);
    EXPECT_TRUE(machine.on_reply(reply_to(last, std::move(response)), now, outbox));
  }
  InitProducerIdRequest ask() {
    poll();
    return take<InitProducerIdRequest>();
  }

  ProducerIdentity machine{{}, 5};
};

TEST(ProducerIdentity, AsksAnyBrokerOnceForAnIdWithoutATransaction) {
  Identifying i;
  const auto request = i.ask();
  EXPECT_FALSE(request.transactional_id.has_value());
  EXPECT_EQ(request.producer_id, -1);
  EXPECT_EQ(request.producer_epoch, -1);
  EXPECT_EQ(i.last.lane, protocol::Lane::kControl);
  i.poll();
  EXPECT_TRUE(i.sent.empty()) << "one in flight";
  i.answer(77);
  i.poll();
  EXPECT_TRUE(i.sent.empty()) << "it is known";
  ASSERT_TRUE(i.machine.current().has_value());
  EXPECT_EQ(i.machine.current()->producer_id, 77);
  EXPECT_EQ(i.machine.current()->producer_epoch, 4);
}

TEST(ProducerIdentity, AsksAnotherBrokerAfterABackoff) {
  Identifying i;
  (void)i.ask();
  const auto first = i.last.node;
  EXPECT_TRUE(i.machine.on_failure(i.failure_of(i.last), i.now));
  i.poll();
  EXPECT_TRUE(i.sent.empty()) << "too early";
  EXPECT_EQ(i.machine.error(), "InitProducerId: connection lost");
  i.now += 2s;
  (void)i.ask();
  EXPECT_NE(i.last.node, first);
  i.answer(-1, KafkaError::kCoordinatorLoadInProgress);
  EXPECT_EQ(i.machine.error(), "InitProducerId: COORDINATOR_LOAD_IN_PROGRESS");
  i.now += 2s;
  (void)i.ask();
  i.answer(-1);
  EXPECT_FALSE(i.machine.current().has_value()) << "no error and no id either";
  i.now += 2s;
  (void)i.ask();
  i.answer(77);
  EXPECT_FALSE(i.machine.error().has_value());
}

TEST(ProducerIdentity, ReplacesAnIdentityOnce) {
  Identifying i;
  (void)i.ask();
  i.answer(77);
  const auto old = i.machine.current()->generation;
  i.machine.replace(old);
  EXPECT_FALSE(i.machine.current().has_value());
  (void)i.ask();
  i.answer(78);
  i.machine.replace(old);
  ASSERT_TRUE(i.machine.current().has_value()) << "somebody else noticed it later";
  EXPECT_EQ(i.machine.current()->producer_id, 78);
  EXPECT_NE(i.machine.current()->generation, old);
}

TEST(ProducerIdentity, DoesWithoutWhenItIsNotAllowedAndSaysSoOnce) {
  Identifying i;
  (void)i.ask();
  i.answer(-1, KafkaError::kClusterAuthorizationFailed);
  ASSERT_TRUE(i.machine.current().has_value());
  EXPECT_FALSE(i.machine.current()->idempotent());
  EXPECT_EQ(i.outbox.take_lines().size(), 1U);
  i.machine.replace(i.machine.current()->generation);
  i.machine.do_without("again", i.outbox);
  i.poll();
  EXPECT_TRUE(i.sent.empty());
  EXPECT_TRUE(i.outbox.take_lines().empty());
  EXPECT_FALSE(i.machine.error().has_value());
}

TEST(ProducerIdentity, DoesWithoutOnABrokerThatKnowsNoIds) {
  Identifying i;
  (void)i.ask();
  auto failure = i.failure_of(i.last);
  failure.kind = protocol::FailureKind::kUnsupportedVersion;
  EXPECT_TRUE(i.machine.on_failure(failure, i.now));
  i.poll();
  ASSERT_TRUE(i.machine.current().has_value());
  EXPECT_FALSE(i.machine.current()->idempotent());
}

TEST(ProducerIdentity, IsNotTalkedIntoIdempotenceByALateAnswer) {
  Identifying i;
  (void)i.ask();
  i.machine.do_without("the write was refused", i.outbox);
  i.answer(77);
  EXPECT_FALSE(i.machine.current()->idempotent());
}

TEST(ProducerIdentity, LeavesAnswersOfOthersAlone) {
  Identifying i;
  (void)i.ask();
  protocol::Outgoing other;
  other.id = i.last.id + 1;
  EXPECT_FALSE(i.machine.on_reply(i.reply_to(other, InitProducerIdResponse{}), i.now, i.outbox));
  EXPECT_FALSE(i.machine.on_failure(i.failure_of(other), i.now));
}

}  // namespace
}  // namespace sluice::core
