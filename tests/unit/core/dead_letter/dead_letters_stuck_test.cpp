#include "daemon/core/dead_letter/dead_letters.hpp"
#include "tests/unit/core/dead_letter/letter_world.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// Letters that cannot be written until somebody does something about it.
namespace sluice::core {
namespace {

using Offsets = std::vector<Offset>;
using Values = std::vector<std::string>;
using protocol::KafkaError;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

bool says(const LetterWorld& w, const std::string& text) { return w.error().find(text) != std::string::npos; }

TEST(DeadLetters, GoOneByOneWhenABatchOfThemIsTooLarge) {
  for (const KafkaError error : {KafkaError::kMessageTooLarge, KafkaError::kRecordListTooLarge}) {
    LetterWorld w;
    for (const Offset offset : {1, 2, 3}) w.condemn(offset);
    w.start();
    w.answer(w.produced(), error);
    for (std::int32_t sequence = 0; sequence < 3; ++sequence) {
      const auto single = w.produced();
      EXPECT_EQ(single.records.size(), 1U);
      EXPECT_EQ(single.base_sequence, sequence) << "the refused batch used none";
      w.condemn(10 + sequence);
      w.answer(single);
    }
    EXPECT_EQ(w.done(), (Offsets{1, 2, 3}));
    EXPECT_EQ(w.produced().records.size(), 3U) << "and then together again";
  }
}

TEST(DeadLetters, TooLargeAloneBlockOnlyTheirTargetAndAreTriedSlowly) {
  LetterWorld w({1, 1});
  w.condemn(17, 0, std::string(5000, 'x'));
  w.condemn(18, 0);
  w.condemn(1, 1);
  w.start();
  const auto both = w.produced();
  const auto other = w.produced();
  w.answer(both, KafkaError::kMessageTooLarge);
  const auto single = w.produced();
  w.answer(single, KafkaError::kMessageTooLarge);
  w.answer(other);
  EXPECT_EQ(w.done(), Offsets{1});
  EXPECT_TRUE(says(w, "record orders-0@17 takes " + std::to_string(single.bytes.size()) + " bytes"));
  EXPECT_TRUE(says(w, "raise max.message.bytes of the dead letter topic dead")) << w.error();
  EXPECT_TRUE(w.machine.error({"orders", 0}).has_value());
  w.condemn(2, 1);
  w.poll();
  EXPECT_FALSE(w.machine.error({"orders", 1}).has_value());
  w.answer(w.produced());
  EXPECT_EQ(w.done(), Offsets{2});
  w.wait(9900ms);
  EXPECT_TRUE(w.sent.empty()) << "nothing has changed";
  w.wait(200ms);
  const auto again = w.produced();
  EXPECT_EQ(again.bytes, single.bytes);
  w.answer(again);
  EXPECT_EQ(w.done(), Offsets{17});
  EXPECT_EQ(w.produced().values(), Values{"v18"});
  EXPECT_EQ(w.error(), "");
}

TEST(DeadLetters, GoOnAtOnceWhenTheOneThatBlockedThemIsGone) {
  LetterWorld w;
  w.condemn(17, 0, std::string(5000, 'x'));
  w.start();
  w.answer(w.produced(), KafkaError::kMessageTooLarge);
  w.condemn(18);
  w.machine.withdraw({"orders", 0}, 1, 17);
  w.poll();
  const auto next = w.produced();
  EXPECT_EQ(next.values(), Values{"v18"});
  EXPECT_EQ(next.base_sequence, 0);
  EXPECT_EQ(w.budget.used(), static_cast<std::int64_t>(next.bytes.size()));
}

TEST(DeadLetters, TooLargeTogetherAfterAnUnknownFateGoOutUnderANewProducer) {
  LetterWorld w;
  w.condemn(1);
  w.condemn(2);
  w.start();
  w.lose(w.produced());
  w.wait(2s);
  w.answer(w.produced(), KafkaError::kMessageTooLarge);
  w.give_producer(78);
  const auto single = w.produced();
  EXPECT_EQ(single.values(), Values{"v1"});
  EXPECT_EQ(single.producer_id, 78) << "the first attempt may have used the old sequence";
  EXPECT_EQ(single.base_sequence, 0);
}

TEST(DeadLetters, ThatTheTopicRefusesAreFoundAndNamed) {
  LetterWorld w;
  w.condemn(1);
  w.condemn(2);
  w.start();
  w.answer(w.produced(), KafkaError::kInvalidRecord);
  w.answer(w.produced());
  w.answer(w.produced(), KafkaError::kInvalidRecord);
  EXPECT_EQ(w.done(), Offsets{1});
  EXPECT_TRUE(says(w, "INVALID_RECORD")) << w.error();
  EXPECT_TRUE(says(w, "orders-0@2")) << w.error();
  EXPECT_TRUE(w.sent.empty());
}

TEST(DeadLetters, WithATimeThatTheTopicRefusesSayWhatToSet) {
  LetterWorld w;
  w.condemn(1);
  w.start();
  w.answer(w.produced(), KafkaError::kInvalidTimestamp);
  EXPECT_TRUE(says(w, "message.timestamp.type=LogAppendTime")) << w.error();
}

TEST(DeadLetters, NotAllowedSayWhatToGrantAndTryAgainSlowly) {
  LetterWorld w;
  w.condemn(1);
  w.start();
  w.answer(w.produced(), KafkaError::kTopicAuthorizationFailed);
  EXPECT_EQ(w.error(),
            "Produce: TOPIC_AUTHORIZATION_FAILED: grant this principal WRITE on the dead letter topic dead");
  EXPECT_EQ(w.outbox.take_lines().size(), 1U);
  w.condemn(2);
  w.wait(9s);
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.budget.used(), 0) << "nothing was written, so nothing has to be kept as it was";
  w.wait(2s);
  const auto again = w.produced();
  EXPECT_EQ(again.values(), (Values{"v1", "v2"}));
  EXPECT_EQ(again.base_sequence, 0);
  w.answer(again, KafkaError::kTopicAuthorizationFailed);
  EXPECT_TRUE(w.outbox.take_lines().empty()) << "said once";
}

TEST(DeadLetters, NotAllowedAfterAnUnknownFateAreKeptAsTheyWere) {
  LetterWorld w;
  w.condemn(1);
  w.start();
  const auto first = w.produced();
  w.lose(first);
  w.wait(2s);
  w.answer(w.produced(), KafkaError::kTopicAuthorizationFailed);
  w.condemn(2);
  w.wait(11s);
  EXPECT_EQ(w.produced().bytes, first.bytes) << "the broker recognises it, if it has it";
}

TEST(DeadLetters, RefusedForAnyOtherReasonAreStuckAndSayWhy) {
  for (const KafkaError error :
       {KafkaError::kInvalidTopicException, KafkaError::kPolicyViolation, KafkaError::kInvalidRequiredAcks}) {
    LetterWorld w;
    w.condemn(1);
    w.condemn(2);
    w.start();
    w.answer(w.produced(), error);
    EXPECT_TRUE(says(w, protocol::name(error))) << w.error();
    w.wait(9s);
    EXPECT_TRUE(w.sent.empty());
    w.wait(2s);
    EXPECT_EQ(w.produced().records.size(), 2U);
  }
}

TEST(DeadLetters, RefusedWithACodeThatProvesNothingAreKeptAsTheyWere) {
  for (const std::int16_t code : {code_of(KafkaError::kInvalidTxnState), std::int16_t{200}}) {
    LetterWorld w;
    w.condemn(1);
    w.start();
    const auto first = w.produced();
    w.answer(first, static_cast<KafkaError>(code));
    w.machine.withdraw({"orders", 0}, 1, 1);
    w.condemn(2);
    EXPECT_TRUE(says(w, protocol::name(code))) << w.error();
    w.wait(9s);
    EXPECT_TRUE(w.sent.empty());
    w.wait(2s);
    EXPECT_EQ(w.produced().bytes, first.bytes)
        << "the broker would take another batch of this sequence for one that it has";
  }
}

TEST(DeadLetters, PassOnWhatTheBrokerSays) {
  LetterWorld w;
  w.condemn(1);
  w.start();
  const auto produced = w.produced();
  protocol::ProduceResponse response;
  response.responses.emplace_back();
  response.responses[0].partition_responses.emplace_back();
  response.responses[0].partition_responses[0].error_code = code_of(KafkaError::kPolicyViolation);
  response.responses[0].partition_responses[0].error_message = "not on a Friday";
  w.reply(std::move(response));
  EXPECT_TRUE(says(w, "POLICY_VIOLATION (not on a Friday)")) << w.error();
}

protocol::MetadataResponse topic_error(KafkaError error) {
  auto response = cluster_of({{"dead", {}}});
  response.topics[0].error_code = code_of(error);
  return response;
}

TEST(DeadLetters, WithoutATopicSayWhatToCreate) {
  LetterWorld w({});
  w.learn(topic_error(KafkaError::kUnknownTopicOrPartition));
  w.condemn(1);
  w.poll();
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.error(), "the dead letter topic does not exist: create the topic dead");
  w.poll();
  EXPECT_EQ(w.outbox.take_lines().size(), 1U) << "said once";
  w.learn(cluster_of({{"dead", {2}}}));
  w.start();
  EXPECT_EQ(w.error(), "");
  EXPECT_EQ(w.produced().request.node, 2) << "as soon as metadata knows it";
}

TEST(DeadLetters, WithATopicThatMayNotBeSeenSayWhatToGrant) {
  LetterWorld w({});
  w.learn(topic_error(KafkaError::kTopicAuthorizationFailed));
  w.condemn(1);
  w.poll();
  EXPECT_TRUE(says(w, "grant this principal DESCRIBE and WRITE on the dead letter topic dead")) << w.error();
  w.learn(topic_error(KafkaError::kInvalidTopicException));
  w.poll();
  EXPECT_TRUE(says(w, "configure another dead letter topic")) << w.error();
}

TEST(DeadLetters, WaitQuietlyUntilMetadataHasAnswered) {
  LetterWorld w;
  w.metadata = Metadata(Metadata::Options{.bootstrap = {-1}}, 3);
  w.condemn(1);
  w.poll();
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.error(), "");
}

TEST(DeadLetters, MoveWhenTheTopicIsMadeAnewWithFewerPartitions) {
  LetterWorld w({1, 1});
  w.condemn(1, 1);
  w.start();
  w.lose(w.produced());
  auto anew = cluster_of({{"dead", {1}}});
  anew.topics[0].topic_id = uuid(9);
  w.learn(std::move(anew));
  w.wait(2s);
  w.give_producer(78);
  const auto again = w.produced();
  EXPECT_EQ(again.target, 0);
  EXPECT_EQ(again.values(), Values{"v1"});
}

TEST(DeadLetters, HaveNoErrorOfSourcesThatDoNotWait) {
  LetterWorld w;
  w.condemn(1);
  w.start();
  w.answer(w.produced(), KafkaError::kTopicAuthorizationFailed);
  EXPECT_FALSE(w.machine.error({"orders", 5}).has_value());
  w.machine.forget({"orders", 0}, 1);
  EXPECT_FALSE(w.machine.error({"orders", 0}).has_value());
  EXPECT_FALSE(w.machine.error().has_value());
}

}  // namespace
}  // namespace sluice::core
