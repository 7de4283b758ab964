#include "daemon/core/dead_letter/dead_letters.hpp"
#include "tests/unit/core/dead_letter/letter_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

/// Batches whose fate is unknown, and brokers that disagree about the sequence.
namespace sluice::core {
namespace {

using Offsets = std::vector<Offset>;
using Values = std::vector<std::string>;
using protocol::FailureKind;
using protocol::KafkaError;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

TEST(DeadLetters, OfUnknownFateAreRepeatedByteForByte) {
  for (const FailureKind kind : {FailureKind::kDisconnected, FailureKind::kTimedOut, FailureKind::kMalformed,
                                 FailureKind::kConnectFailed}) {
    LetterWorld w;
    w.condemn(17);
    w.condemn(18);
    w.start();
    const auto first = w.produced();
    w.condemn(16);
    w.lose(first, kind);
    EXPECT_TRUE(w.sent.empty()) << "with back-off";
    EXPECT_NE(w.error(), "");
    w.wait(2s);
    const auto second = w.produced();
    EXPECT_EQ(second.bytes, first.bytes) << "nothing joined, nothing left, same sequence";
    w.answer(second);
    EXPECT_EQ(w.done(), (Offsets{17, 18}));
    EXPECT_EQ(w.error(), "");
    const auto next = w.produced();
    EXPECT_EQ(next.values(), Values{"v16"});
    EXPECT_EQ(next.base_sequence, 2);
  }
}

TEST(DeadLetters, AreRepeatedAfterEveryRetriableCode) {
  for (const KafkaError error :
       {KafkaError::kNotEnoughReplicas, KafkaError::kNotEnoughReplicasAfterAppend,
        KafkaError::kRequestTimedOut, KafkaError::kNotLeaderOrFollower, KafkaError::kUnknownTopicOrPartition,
        KafkaError::kLeaderNotAvailable, KafkaError::kKafkaStorageError, KafkaError::kCorruptMessage,
        KafkaError::kUnknownTopicId, KafkaError::kUnknownServerError}) {
    SCOPED_TRACE(protocol::name(error));
    LetterWorld w;
    w.condemn(17);
    w.start();
    const auto first = w.produced();
    w.condemn(18);
    w.answer(first, error);
    EXPECT_TRUE(w.sent.empty());
    EXPECT_THAT(w.error(), ::testing::StartsWith("Produce: " + protocol::name(error) + ": partition dead-"));
    EXPECT_EQ(w.metadata_is_wanted(), protocol::refreshes_metadata(error));
    w.wait(2s);
    EXPECT_EQ(w.produced().bytes, first.bytes);
  }
}

TEST(DeadLetters, SayWhatToDoWhenTooFewReplicasAreInSync) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  w.answer(w.produced(), KafkaError::kNotEnoughReplicas);
  EXPECT_THAT(w.error(), ::testing::AllOf(::testing::HasSubstr("min.insync.replicas"),
                                          ::testing::HasSubstr("bring the missing brokers back")));
}

TEST(DeadLetters, AreRepeatedWhenTheAnswerLacksThem) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  const auto first = w.produced();
  w.reply(protocol::ProduceResponse{});
  w.wait(2s);
  EXPECT_EQ(w.produced().bytes, first.bytes);
}

TEST(DeadLetters, StayInTheBatchThatIsRepeatedWhateverBecomesOfThem) {
  LetterWorld w;
  w.condemn(17, 0);
  w.condemn(18, 0);
  w.condemn(17, 1);
  w.start();
  const auto first = w.produced();
  w.lose(first);
  w.machine.withdraw({"orders", 0}, 1, 17);
  w.machine.forget({"orders", 1}, 1);
  w.wait(2s);
  const auto second = w.produced();
  EXPECT_EQ(second.bytes, first.bytes);
  w.answer(second);
  EXPECT_EQ(w.done(), (Offsets{17, 18})) << "withdrawn too late, and forgotten";
}

TEST(DeadLetters, ThatAreAllForgottenAreNotRepeatedAndTheirSequenceIsNotUsedAgain) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  w.lose(w.produced());
  w.machine.forget({"orders", 0}, 1);
  w.condemn(30, 1);
  w.wait(2s);
  w.give_producer(78);
  const auto next = w.produced();
  EXPECT_EQ(next.values(), Values{"v30"});
  EXPECT_EQ(next.producer_id, 78) << "the broker may have seen sequence 0 of the old one";
  EXPECT_EQ(next.base_sequence, 0);
}

TEST(DeadLetters, FollowTheLeader) {
  LetterWorld w({1});
  w.condemn(17);
  w.start();
  const auto first = w.produced();
  w.answer(first, KafkaError::kNotLeaderOrFollower);
  auto moved = cluster_of({{"dead", {2}}});
  moved.topics[0].partitions[0].leader_epoch = 6;
  w.learn(std::move(moved));
  w.poll();
  const auto second = w.produced();
  EXPECT_EQ(second.request.node, 2) << "at once: the back-off was about the old one";
  EXPECT_EQ(second.bytes, first.bytes);
  w.condemn(18);
  w.answer(second);
  EXPECT_EQ(w.produced().values(), Values{"v18"}) << "that back-off is over";
}

TEST(DeadLetters, WaitLongerFromFailureToFailureAndShortAgainAfterASuccess) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  for (int i = 0; i < 6; ++i) {
    w.lose(w.produced());
    w.wait(2s);
  }
  const auto last = w.produced();
  w.condemn(18);
  w.answer(last);
  w.lose(w.produced());
  w.wait(121ms);
  EXPECT_EQ(w.produced().values(), Values{"v18"});
}

TEST(DeadLetters, WaitForALeader) {
  LetterWorld w({-1});
  w.condemn(17);
  w.start();
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.error(), "dead-0 has no leader");
  auto elected = cluster_of({{"dead", {2}}});
  elected.topics[0].partitions[0].leader_epoch = 6;
  w.learn(std::move(elected));
  w.poll();
  EXPECT_EQ(w.produced().request.node, 2);
}

TEST(DeadLetters, ThatTheBrokerHasAlreadyAreDone) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  w.lose(w.produced());
  w.wait(2s);
  w.answer(w.produced(), KafkaError::kDuplicateSequenceNumber);
  const auto done = w.machine.take_done();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].written_at, -1) << "nobody knows where";
  w.condemn(18);
  w.poll();
  EXPECT_EQ(w.produced().base_sequence, 1);
}

TEST(DeadLetters, GoOutUnderANewProducerWhenTheSequenceIsDisputed) {
  for (const KafkaError error : {KafkaError::kOutOfOrderSequenceNumber, KafkaError::kUnknownProducerId,
                                 KafkaError::kInvalidProducerEpoch, KafkaError::kProducerFenced}) {
    SCOPED_TRACE(protocol::name(error));
    LetterWorld w;
    w.condemn(16);
    w.start();
    w.answer(w.produced());
    w.condemn(17);
    w.condemn(18);
    w.poll();
    const auto first = w.produced();
    EXPECT_EQ(first.base_sequence, 1);
    w.answer(first, error);
    w.give_producer(78, 0);
    w.wait(2s);
    const auto second = w.produced();
    EXPECT_EQ(second.producer_id, 78);
    EXPECT_EQ(second.producer_epoch, 0);
    EXPECT_EQ(second.base_sequence, 0);
    EXPECT_EQ(second.records, first.records) << "no hole";
    w.answer(second);
    EXPECT_EQ(w.done(), (Offsets{16, 17, 18}));
  }
}

TEST(DeadLetters, LetOtherTargetsFinishUnderTheOldProducer) {
  LetterWorld w({1, 1});
  w.condemn(1, 0);
  w.condemn(1, 1);
  w.start();
  const auto zero = w.produced();
  const auto one = w.produced();
  w.lose(one);
  w.answer(zero, KafkaError::kUnknownProducerId);
  w.give_producer(78);
  w.wait(2s);
  const auto zero_again = w.produced();
  const auto one_again = w.produced();
  EXPECT_EQ(zero_again.producer_id, 78);
  EXPECT_EQ(one_again.bytes, one.bytes) << "its fate is unknown: the old id tells";
  w.answer(one_again);
  w.answer(zero_again);
  w.condemn(2, 0);
  w.condemn(2, 1);
  w.poll();
  const auto zero_next = w.produced();
  const auto one_next = w.produced();
  EXPECT_EQ(zero_next.base_sequence, 1);
  EXPECT_EQ(one_next.producer_id, 78);
  EXPECT_EQ(one_next.base_sequence, 0) << "its first under the new one";
}

TEST(DeadLetters, AskForOneNewProducerWhenSeveralTargetsNeedIt) {
  LetterWorld w({1, 1});
  w.condemn(1, 0);
  w.condemn(1, 1);
  w.start();
  const auto zero = w.produced();
  const auto one = w.produced();
  w.answer(zero, KafkaError::kUnknownProducerId);
  w.give_producer(78);
  w.answer(one, KafkaError::kUnknownProducerId);
  w.wait(2s);
  EXPECT_EQ(w.produced().producer_id, 78);
  EXPECT_EQ(w.produced().producer_id, 78);
  EXPECT_TRUE(w.sent.empty());
}

TEST(DeadLetters, AreWrittenWithoutIdempotenceWhereThatIsAllThatIsAllowed) {
  LetterWorld w;
  w.condemn(17);
  w.poll();
  w.refuse_producer(KafkaError::kClusterAuthorizationFailed);
  const auto produced = w.produced();
  EXPECT_EQ(produced.producer_id, -1);
  EXPECT_EQ(produced.producer_epoch, -1);
  EXPECT_EQ(produced.base_sequence, -1);
  EXPECT_EQ(w.outbox.take_lines().size(), 1U);
  w.lose(produced);
  w.wait(2s);
  const auto again = w.produced();
  EXPECT_EQ(again.bytes, produced.bytes);
  w.answer(again);
  w.condemn(18);
  w.poll();
  EXPECT_EQ(w.produced().base_sequence, -1);
  EXPECT_TRUE(w.outbox.take_lines().empty()) << "said once";
}

TEST(DeadLetters, GoOnWithoutIdempotenceWhenAWriteWithAnIdIsRefused) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  w.answer(w.produced(), KafkaError::kClusterAuthorizationFailed);
  const auto again = w.produced();
  EXPECT_EQ(again.producer_id, -1);
  w.answer(again, KafkaError::kClusterAuthorizationFailed);
  EXPECT_TRUE(w.sent.empty());
  EXPECT_NE(w.error().find("grant this principal"), std::string::npos);
}

TEST(DeadLetters, SayWhenThereIsNoProducerIdToBeHad) {
  LetterWorld w;
  w.condemn(17);
  w.poll();
  w.refuse_producer(KafkaError::kCoordinatorNotAvailable);
  EXPECT_EQ(w.error(), "InitProducerId: COORDINATOR_NOT_AVAILABLE");
  w.wait(2s);
  w.give_producer();
  EXPECT_EQ(w.error(), "");
  EXPECT_EQ(w.produced().values(), Values{"v17"});
}

}  // namespace
}  // namespace sluice::core
