#include "daemon/core/fetch/committed_offsets.hpp"

#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using protocol::KafkaError;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using std::chrono_literals::operator""s;

struct Committed {
  PartitionId partition = 0;
  Offset offset = -1;
  KafkaError error = KafkaError::kNone;
};

struct Asking : FetchWorld {
  explicit Asking(bool with_ids = true) : FetchWorld({{"t", {1, 1}}}, with_ids) {}

  void poll(std::optional<protocol::NodeId> coordinator = 2) {
    machine.poll(now, coordinator, metadata, partitions, outbox);
    collect();
  }
  OffsetFetchRequest ask() {
    poll();
    return take<OffsetFetchRequest>();
  }
  /// In the form of version 8 and later.
  void answer(const std::vector<Committed>& list,
              KafkaError group_error = KafkaError::kNone,
              bool by_id = false) {
    OffsetFetchResponse response;
    response.groups.emplace_back();
    response.groups[0].group_id = "g";
    response.groups[0].error_code = code_of(group_error);
    response.groups[0].topics.emplace_back();
    if (by_id) {
      response.groups[0].topics[0].topic_id = uuid(1);
    } else {
      response.groups[0].topics[0].name = "t";
    }
    for (const Committed& each : list) {
      response.groups[0].topics[0].partitions.push_back(
          {each.partition, each.offset, 3, std::nullopt, code_of(each.error)});
    }
    EXPECT_TRUE(machine.on_reply(reply_to(last, std::move(response)), metadata, partitions, now, outbox));
  }

  CommittedOffsets machine{CommittedOffsets::Options{.group_id = "g"}, 5};
};

TEST(CommittedOffsets, AsksTheCoordinatorForAllNewPartitionsAtOnce) {
  Asking a;
  const OffsetFetchRequest request = a.ask();
  EXPECT_EQ(a.last.node, 2);
  EXPECT_EQ(a.last.lane, protocol::Lane::kGroup);
  EXPECT_TRUE(request.require_stable) << "or the end of a transaction is missed";
  ASSERT_EQ(request.groups.size(), 1U);
  EXPECT_EQ(request.groups[0].group_id, "g");
  EXPECT_EQ(request.groups[0].topics->at(0).partition_indexes, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(request.topics->at(0).name, "t");
  a.poll();
  EXPECT_TRUE(a.sent.empty()) << "one in flight";
}

TEST(CommittedOffsets, AsksNothingWithoutACoordinatorOrWithoutNewPartitions) {
  Asking a;
  a.poll(std::nullopt);
  EXPECT_TRUE(a.sent.empty());
  a.start_all();
  a.poll();
  EXPECT_TRUE(a.sent.empty());
}

TEST(CommittedOffsets, BeginsAtTheCommittedOffset) {
  Asking a;
  a.ask();
  a.answer({{0, 42}, {1, 0}});
  EXPECT_EQ(a.at("t", 0).phase, PartitionPhase::kFetching);
  EXPECT_EQ(a.at("t", 0).ledger->position(), 42);
  EXPECT_EQ(a.at("t", 0).fetch_position, 42);
  EXPECT_EQ(a.at("t", 0).committed, 42);
  EXPECT_EQ(a.at("t", 0).watermark_epoch, 3);
  EXPECT_FALSE(a.at("t", 0).needs_commit());
  EXPECT_EQ(a.at("t", 1).ledger->position(), 0) << "0 is an offset";
}

TEST(CommittedOffsets, ResetsWhatWasNeverCommitted) {
  Asking a;
  a.ask();
  a.answer({{0, -1}, {1, 5}});
  EXPECT_EQ(a.at("t", 0).phase, PartitionPhase::kReset);
  EXPECT_FALSE(a.at("t", 0).committed);
}

TEST(CommittedOffsets, NeverTakesAMissingAnswerForNothingCommitted) {
  Asking a;
  a.ask();
  a.answer({{0, 5}});
  EXPECT_EQ(a.at("t", 1).phase, PartitionPhase::kCommittedOffset);
  EXPECT_TRUE(a.at("t", 1).error);
  a.poll();
  EXPECT_TRUE(a.sent.empty()) << "not at once";
  a.now = a.at("t", 1).retry_at;
  EXPECT_EQ(a.ask().groups[0].topics->at(0).partition_indexes, std::vector<std::int32_t>{1});
}

TEST(CommittedOffsets, RetriesAPartitionErrorWithoutLimit) {
  Asking a;
  for (int i = 0; i < 20; ++i) {
    a.ask();
    a.answer({{0, 5}, {1, -1, KafkaError::kUnstableOffsetCommit}});
    ASSERT_EQ(a.at("t", 1).phase, PartitionPhase::kCommittedOffset) << "an open transaction is no reset";
    a.now = a.at("t", 1).retry_at;
  }
  a.ask();
  a.answer({{1, 9}});
  EXPECT_EQ(a.at("t", 1).ledger->position(), 9);
  EXPECT_FALSE(a.at("t", 1).error);
}

TEST(CommittedOffsets, ReportsAnErrorOfTheGroupAndRetriesLater) {
  Asking a;
  a.ask();
  a.answer({}, KafkaError::kNotCoordinator);
  const auto error = a.machine.take_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, code_of(KafkaError::kNotCoordinator));
  EXPECT_EQ(error->node, 2);
  EXPECT_FALSE(a.machine.take_error());
  EXPECT_EQ(a.at("t", 0).phase, PartitionPhase::kCommittedOffset);
  a.outbox.begin_turn();
  a.poll();
  EXPECT_TRUE(a.sent.empty());
  a.now = a.outbox.wake_time();
  a.poll();
  EXPECT_EQ(a.sent.size(), 1U);
}

TEST(CommittedOffsets, ReadsTheOldFormOfTheAnswer) {
  Asking a;
  a.ask();
  OffsetFetchResponse response;
  response.topics.emplace_back();
  response.topics[0].name = "t";
  response.topics[0].partitions.push_back({0, 42, -1, "", 0});
  response.topics[0].partitions.push_back({1, -1, -1, "", 0});
  EXPECT_TRUE(
      a.machine.on_reply(a.reply_to(a.last, std::move(response)), a.metadata, a.partitions, a.now, a.outbox));
  EXPECT_EQ(a.at("t", 0).ledger->position(), 42);
  EXPECT_EQ(a.at("t", 1).phase, PartitionPhase::kReset);
}

TEST(CommittedOffsets, ReadsAnAnswerByTopicId) {
  Asking a;
  a.ask();
  EXPECT_GT(a.last.version_cap, 9);
  a.answer({{0, 42}, {1, 43}}, KafkaError::kNone, true);
  EXPECT_EQ(a.at("t", 1).ledger->position(), 43);
}

TEST(CommittedOffsets, AsksByNameWhileATopicIdIsUnknown) {
  Asking a(false);
  a.ask();
  EXPECT_EQ(a.last.version_cap, 9);
}

TEST(CommittedOffsets, ReportsALostConnectionAndRetriesLater) {
  Asking a;
  a.ask();
  EXPECT_TRUE(a.machine.on_failure(a.failure_of(a.last), a.now));
  const auto error = a.machine.take_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 0);
  a.poll();
  EXPECT_TRUE(a.sent.empty());
  a.now += 2s;
  a.poll();
  EXPECT_EQ(a.sent.size(), 1U);
}

TEST(CommittedOffsets, IgnoresTheAnswerForAnEarlierAssignment) {
  Asking a;
  a.ask();
  a.add({"t", 0});
  a.answer({{0, 42}, {1, 43}});
  EXPECT_EQ(a.at("t", 0).phase, PartitionPhase::kCommittedOffset) << "it may have been committed since";
  EXPECT_EQ(a.at("t", 1).phase, PartitionPhase::kFetching);
  EXPECT_EQ(a.ask().groups[0].topics->at(0).partition_indexes, std::vector<std::int32_t>{0});
}

TEST(CommittedOffsets, IgnoresRepliesThatAreNotItsOwn) {
  Asking a;
  a.ask();
  a.last.id += 100;
  EXPECT_FALSE(a.machine.on_reply(a.reply_to(a.last, OffsetFetchResponse{}), a.metadata, a.partitions, a.now,
                                  a.outbox));
  EXPECT_FALSE(a.machine.on_failure(a.failure_of(a.last), a.now));
}

}  // namespace
}  // namespace sluice::core
