#include "daemon/core/dead_letter/dead_letters.hpp"

#include "tests/unit/core/dead_letter/letter_world.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace sluice::core {
namespace {

using Offsets = std::vector<Offset>;
using Values = std::vector<std::string>;
using protocol::KafkaError;
using std::chrono_literals::operator""s;

TEST(DeadLetters, AreWrittenToTheLeaderUnderAProducerId) {
  LetterWorld w({3});
  w.condemn(17);
  w.poll();
  EXPECT_EQ(w.sent.size(), 1U) << "no Produce without a producer id";
  w.give_producer(77, 2);
  const auto produced = w.produced();
  EXPECT_EQ(produced.request.node, 3);
  EXPECT_EQ(produced.request.lane, protocol::Lane::kProduce);
  const auto& request = std::get<protocol::ProduceRequest>(produced.request.request);
  EXPECT_EQ(request.acks, -1) << "all in-sync replicas";
  EXPECT_FALSE(request.transactional_id.has_value());
  EXPECT_GT(request.timeout_ms, 0);
  EXPECT_LT(request.timeout_ms, produced.request.timeout.count()) << "the broker must be able to answer";
  EXPECT_EQ(produced.producer_id, 77);
  EXPECT_EQ(produced.producer_epoch, 2);
  EXPECT_EQ(produced.base_sequence, 0);
  ASSERT_EQ(produced.records.size(), 1U);
  EXPECT_EQ(produced.records[0].value, "v17");
  EXPECT_TRUE(w.machine.in_flight());
  EXPECT_TRUE(w.machine.take_done().empty()) << "not safe yet";
}

TEST(DeadLetters, AreDoneWhenTheBrokerHasAcknowledgedThem) {
  LetterWorld w;
  w.condemn(17);
  w.condemn(18);
  w.start();
  w.answer(w.produced(), KafkaError::kNone, 500);
  const auto done = w.machine.take_done();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].partition, (TopicPartition{"orders", 0}));
  EXPECT_EQ(done[0].incarnation, 1U);
  EXPECT_EQ(done[0].offsets, (OffsetRange{17, 17}));
  EXPECT_EQ(done[0].written_to, (TopicPartition{"dead", 0}));
  EXPECT_EQ(done[0].written_at, 500);
  EXPECT_EQ(done[0].cause, "rejected");
  EXPECT_EQ(done[1].offsets.first, 18);
  EXPECT_EQ(done[1].written_at, 501);
  EXPECT_EQ(w.machine.waiting_count(), 0U);
  EXPECT_FALSE(w.machine.in_flight());
  EXPECT_TRUE(w.machine.take_done().empty()) << "told once";
}

TEST(DeadLetters, DoNothingWithoutATopic) {
  LetterWorld w({1}, {});
  w.condemn(17);
  w.poll();
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.machine.waiting_count(), 1U);
}

TEST(DeadLetters, AskForNoProducerIdWhileNothingIsCondemned) {
  LetterWorld w;
  w.poll();
  EXPECT_TRUE(w.sent.empty());
}

TEST(DeadLetters, GoOnInSequencePerTarget) {
  LetterWorld w({1, 1});
  w.condemn(1, 0);
  w.condemn(2, 0);
  w.condemn(1, 1);
  w.start();
  const auto zero = w.produced();
  const auto one = w.produced();
  w.condemn(3, 0);
  w.condemn(2, 1);
  w.poll();
  EXPECT_TRUE(w.sent.empty()) << "one in flight per target";
  w.answer(zero);
  EXPECT_EQ(w.produced().base_sequence, 2);
  w.answer(one);
  EXPECT_EQ(w.produced().base_sequence, 1);
}

TEST(DeadLetters, CountSequencesInACircle) {
  constexpr std::int32_t kLast = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(sequence_after(0, 500), 500);
  EXPECT_EQ(sequence_after(kLast - 1, 1), kLast);
  EXPECT_EQ(sequence_after(kLast, 1), 0) << "not negative";
  EXPECT_EQ(sequence_after(kLast - 1, 5), 3);
}

TEST(DeadLetters, OfOneSourceGoToOneTarget) {
  LetterWorld w({1, 2, 3});
  w.condemn(1, 0);
  w.condemn(1, 1);
  w.condemn(1, 4);
  w.condemn(1, 5);
  w.start();
  const auto zero = w.produced();
  EXPECT_EQ(zero.target, 0);
  EXPECT_EQ(zero.records.size(), 1U);
  const auto one = w.produced();
  EXPECT_EQ(one.target, 1);
  EXPECT_EQ(one.request.node, 2);
  EXPECT_EQ(one.records.size(), 2U) << "1 and 4 modulo 3";
  EXPECT_EQ(w.produced().target, 2);
  EXPECT_TRUE(w.sent.empty());
}

TEST(DeadLetters, AreBatchedWithinTheLimits) {
  LetterWorld w(
      {1},
      {.topic = "dead", .group_id = "g", .consumer = "c", .batch_bytes_max = 2000, .batch_records_max = 3});
  for (const Offset offset : {1, 2, 3, 4}) w.condemn(offset);
  w.start();
  auto produced = w.produced();
  EXPECT_EQ(produced.values(), (Values{"v1", "v2", "v3"})) << "three records at most";
  w.condemn(5, 0, std::string(1000, 'x'));
  w.condemn(6, 0, std::string(1000, 'x'));
  w.condemn(7, 0, std::string(5000, 'x'));
  w.answer(produced);
  produced = w.produced();
  EXPECT_EQ(produced.records.size(), 2U) << "4 and 5";
  EXPECT_LE(produced.bytes.size(), 2000U);
  w.answer(produced);
  produced = w.produced();
  EXPECT_EQ(produced.records.size(), 1U) << "6";
  w.answer(produced);
  produced = w.produced();
  EXPECT_EQ(produced.records.size(), 1U) << "7 is larger than a batch and goes alone";
  EXPECT_GT(produced.bytes.size(), 5000U);
  w.answer(produced);
  EXPECT_EQ(w.done(), (Offsets{1, 2, 3, 4, 5, 6, 7}));
}

TEST(DeadLetters, AreKeptOnceWhileTheyWait) {
  LetterWorld w;
  w.condemn(17);
  w.condemn(17);
  EXPECT_EQ(w.machine.waiting_count(), 1U);
  w.start();
  const auto produced = w.produced();
  w.condemn(17);
  EXPECT_EQ(w.machine.waiting_count(), 1U) << "in flight counts as waiting";
  w.answer(produced);
  EXPECT_TRUE(w.sent.empty());
  EXPECT_EQ(w.done(), Offsets{17});
}

TEST(DeadLetters, ChargeTheBudgetUntilTheyAreWritten) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  const auto produced = w.produced();
  EXPECT_EQ(w.budget.used(), static_cast<std::int64_t>(produced.bytes.size()));
  w.lose(produced);
  EXPECT_GT(w.budget.used(), 0) << "it will be repeated";
  w.wait(2s);
  w.answer(w.produced());
  EXPECT_EQ(w.budget.used(), 0);
}

TEST(DeadLetters, AreWrittenWhenTheBudgetIsFull) {
  LetterWorld w;
  const auto all = w.budget.take(w.budget.limit());
  w.condemn(17);
  w.start();
  EXPECT_EQ(w.produced().values(), Values{"v17"}) << "only writing them gives memory back";
}

TEST(DeadLetters, AreNamedByNameWhereTheTopicHasNoId) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  auto produced = w.produced();
  const auto topic_of = [](const LetterWorld::Produced& each) {
    return std::get<protocol::ProduceRequest>(each.request.request).topic_data[0];
  };
  EXPECT_EQ(topic_of(produced).topic_id, uuid(1));
  EXPECT_EQ(produced.request.version_cap, 32767);
  LetterWorld old;
  old.learn(cluster_of({{"dead", {1}}}, false));
  old.condemn(17);
  old.start();
  EXPECT_EQ(old.produced().request.version_cap, 12) << "the last version that names topics by name";
}

TEST(DeadLetters, OfALostPartitionAreDropped) {
  LetterWorld w;
  w.condemn(17, 0);
  w.condemn(17, 1);
  w.machine.forget({"orders", 0}, 1);
  EXPECT_FALSE(w.machine.waiting({"orders", 0}));
  EXPECT_TRUE(w.machine.waiting({"orders", 1}));
  w.start();
  EXPECT_EQ(w.produced().records.size(), 1U);
}

TEST(DeadLetters, UnderWayAreIgnoredWhenTheirPartitionIsLostMeanwhile) {
  LetterWorld w;
  w.condemn(17, 0);
  w.condemn(18, 1);
  w.start();
  const auto produced = w.produced();
  w.machine.forget({"orders", 0}, 1);
  EXPECT_TRUE(w.machine.in_flight()) << "its bytes are borrowed";
  w.answer(produced);
  EXPECT_EQ(w.done(), Offsets{18});
}

TEST(DeadLetters, AckedLateAreWithdrawnUnlessTheyAreUnderWay) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  const auto produced = w.produced();
  w.condemn(18);
  w.machine.withdraw({"orders", 0}, 1, 18);
  w.machine.withdraw({"orders", 0}, 1, 17);
  EXPECT_EQ(w.machine.waiting_count(), 1U);
  w.answer(produced);
  EXPECT_EQ(w.done(), Offsets{17});
  EXPECT_TRUE(w.sent.empty());
}

TEST(DeadLetters, LeaveAnswersOfOthersAlone) {
  LetterWorld w;
  w.condemn(17);
  w.start();
  const auto produced = w.produced();
  auto other = produced.request;
  ++other.id;
  EXPECT_FALSE(
      w.machine.on_reply(w.reply_to(other, protocol::ProduceResponse{}), w.metadata, w.now, w.outbox));
  EXPECT_FALSE(w.machine.on_failure(w.failure_of(other), w.metadata, w.now));
  EXPECT_TRUE(w.machine.in_flight());
}

TEST(DeadLetters, AreTheSameForTheSameInput) {
  const auto run = [] {
    LetterWorld w({1, 2});
    for (const Offset offset : {5, 3, 9}) {
      w.condemn(offset, 1);
      w.condemn(offset, 0);
    }
    w.start();
    const auto first = w.produced();
    w.lose(first);
    w.wait(2s);
    std::string all = first.bytes;
    while (!w.sent.empty()) all += w.produced().bytes;
    return all;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace sluice::core
