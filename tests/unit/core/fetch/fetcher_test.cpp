#include "daemon/core/fetch/fetcher.hpp"

#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace sluice::core {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::KafkaError;
using protocol::Lane;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;

struct Answer {
  std::string topic;
  PartitionId partition = 0;
  std::string records;
  KafkaError error = KafkaError::kNone;
  Offset high_watermark = 100;
  Offset last_stable = -1;
};

struct Fetching : FetchWorld {
  explicit Fetching(const std::map<std::string, std::vector<protocol::NodeId>>& leaders = {{"t", {1}}},
                    Fetcher::Options options = {},
                    bool with_ids = true)
      : FetchWorld(leaders, with_ids), fetcher(options, 5) {
    start_all();
  }

  void poll() {
    fetcher.poll(now, metadata, partitions, budget, outbox);
    collect();
  }
  FetchRequest ask() {
    poll();
    return take<FetchRequest>();
  }
  /// Answers the request that take() returned last; the records live in the frame of the reply.
  void answer(const std::vector<Answer>& answers, KafkaError top = KafkaError::kNone) {
    answer_to(last, answers, top);
  }
  void answer_to(const protocol::Outgoing& request,
                 const std::vector<Answer>& answers,
                 KafkaError top = KafkaError::kNone) {
    std::string all;
    for (const Answer& each : answers) all += each.records;
    const auto frame = std::make_shared<const std::string>(all);
    FetchResponse response;
    response.error_code = code_of(top);
    std::size_t position = 0;
    for (const Answer& each : answers) {
      response.responses.emplace_back();
      response.responses.back().topic = each.topic;
      FetchResponse::PartitionData data;
      data.partition_index = each.partition;
      data.error_code = code_of(each.error);
      data.high_watermark = each.error == KafkaError::kNone ? each.high_watermark : -1;
      data.last_stable_offset = each.last_stable;
      data.records = std::string_view(*frame).substr(position, each.records.size());
      position += each.records.size();
      response.responses.back().partitions.push_back(std::move(data));
    }
    protocol::Reply reply = reply_to(request, std::move(response));
    reply.frame = frame;
    EXPECT_TRUE(fetcher.on_reply(reply, metadata, partitions, stats, now, outbox));
  }
  /// Hands out and settles all that is in memory.
  void consume(Partition& partition) {
    while (partition.buffer.decode_next(budget, 1 << 20, true, stats["t"]) ==
           PartitionBuffer::Decoded::kChunk) {
    }
    partition.ledger->skip_to(partition.buffer.end().value_or(0));
    partition.free_settled(budget);
  }

  Fetcher fetcher;
};

TEST(Fetcher, AsksTheLeaderForWhatComesNext) {
  Fetching f({{"t", {1, 2}}});
  f.at("t", 1).start_at(50);
  f.poll();
  ASSERT_EQ(f.sent.size(), 2U) << "one request per leader";
  const auto first = f.take<FetchRequest>();
  EXPECT_EQ(f.last.node, 1);
  EXPECT_EQ(f.last.lane, Lane::kFetch);
  EXPECT_EQ(first.max_wait_ms, 500);
  EXPECT_GT(f.last.timeout, 500ms);
  const auto second = f.take<FetchRequest>();
  EXPECT_EQ(f.last.node, 2);
  ASSERT_EQ(second.topics.size(), 1U);
  EXPECT_EQ(second.topics[0].topic, "t");
  EXPECT_EQ(second.topics[0].topic_id, uuid(1));
  EXPECT_EQ(second.topics[0].partitions[0].fetch_offset, 50);
  EXPECT_EQ(second.topics[0].partitions[0].current_leader_epoch, 5);
}

TEST(Fetcher, AsksOnlyForPartitionsWithNothingLeftToHandOut) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, simple_batch(0, 3)}});
  f.poll();
  EXPECT_TRUE(f.sent.empty());
  EXPECT_EQ(f.at("t", 0).fetch_position, 3);
  f.consume(f.at("t", 0));
  EXPECT_EQ(f.ask().topics[0].partitions[0].fetch_offset, 3);
}

TEST(Fetcher, AsksForMoreWhileAFetchWaitsForMoreThanIsThere) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, simple_batch(0, 3)}});
  f.at("t", 0).wants_more = true;
  EXPECT_EQ(f.ask().topics[0].partitions[0].fetch_offset, 3);
}

TEST(Fetcher, AsksForMoreWhileAllThatItHasIsLeased) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, simple_batch(0, 3)}});
  Partition& partition = f.at("t", 0);
  EXPECT_EQ(partition.buffer.decode_next(f.budget, 1 << 20, true, f.stats["t"]),
            PartitionBuffer::Decoded::kChunk);
  partition.ledger->lease_new({0, 2}, 1);
  EXPECT_EQ(f.ask().topics[0].partitions[0].fetch_offset, 3);
}

TEST(Fetcher, LeavesOutPartitionsThatCannotBeHandedOut) {
  Fetching f({{"t", {1, 1, 1, 1, -1}}});
  f.at("t", 0).paused = true;
  f.at("t", 1).revoking = true;
  f.at("t", 2).phase = PartitionPhase::kCommittedOffset;
  const FetchRequest request = f.ask();
  ASSERT_EQ(request.topics[0].partitions.size(), 1U);
  EXPECT_EQ(request.topics[0].partitions[0].partition, 3);
}

TEST(Fetcher, UsesTheSecondLaneWhileALongPollIsParked) {
  Fetching f({{"t", {1, 1, 1}}});
  f.at("t", 1).paused = f.at("t", 2).paused = true;
  f.ask();
  f.poll();
  EXPECT_TRUE(f.sent.empty()) << "it is on its way";
  f.at("t", 1).paused = false;
  const FetchRequest second = f.ask();
  EXPECT_EQ(f.last.lane, Lane::kCatchUp);
  EXPECT_EQ(second.max_wait_ms, 50) << "so that it is soon free again";
  f.at("t", 2).paused = false;
  f.poll();
  EXPECT_TRUE(f.sent.empty()) << "both lanes are taken";
  EXPECT_EQ(f.fetcher.in_flight(), 2U);
}

TEST(Fetcher, BeginsWithAnotherPartitionEachTime) {
  Fetching f({{"a", {1, 2}}, {"b", {1, 2}}, {"c", {1, 2}}});
  std::map<protocol::NodeId, std::set<std::string>> first;
  for (int i = 0; i < 60; ++i) {
    f.poll();
    while (!f.sent.empty()) {
      const FetchRequest request = f.take<FetchRequest>();
      first[f.last.node].insert(request.topics[0].topic);
      f.answer({{"a", 0, ""}, {"b", 0, ""}, {"c", 0, ""}, {"a", 1, ""}, {"b", 1, ""}, {"c", 1, ""}});
    }
  }
  EXPECT_EQ(first[1].size(), 3U) << "the broker fills its answer in the order asked";
  EXPECT_EQ(first[2].size(), 3U);
}

TEST(Fetcher, ReservesBeforeItAsksAndCorrectsWhenTheAnswerIsThere) {
  Fetching f;
  const FetchRequest request = f.ask();
  EXPECT_EQ(f.budget.used(), request.max_bytes);
  const std::string records = simple_batch(0, 3);
  f.answer({{"t", 0, records}});
  EXPECT_EQ(f.budget.used(), static_cast<std::int64_t>(records.size()));
  f.consume(f.at("t", 0));
  EXPECT_EQ(f.budget.used(), 0);
}

TEST(Fetcher, GivesTheReservationBackWithAnEmptyAnswerAndWithAFailure) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, ""}});
  EXPECT_EQ(f.budget.used(), 0);
  f.ask();
  EXPECT_GT(f.budget.used(), 0);
  EXPECT_TRUE(f.fetcher.on_failure(f.failure_of(f.last), f.metadata, f.partitions, f.now));
  EXPECT_EQ(f.budget.used(), 0);
}

TEST(Fetcher, HoldsTheFrameUntilThePartitionThatNeedsItLongestIsSettled) {
  Fetching f({{"t", {1, 1}}});
  f.ask();
  f.answer({{"t", 0, simple_batch(0, 3)}, {"t", 1, simple_batch(0, 3)}});
  const std::int64_t frame = f.budget.used();
  f.consume(f.at("t", 0));
  EXPECT_EQ(f.budget.used(), frame);
  f.partitions.erase({"t", 1});
  EXPECT_EQ(f.budget.used(), 0);
}

TEST(Fetcher, DoesNotAskWhenTheBudgetIsUsedUp) {
  Fetching f;
  Charge others = f.budget.take(f.budget.limit());
  f.outbox.begin_turn();
  f.poll();
  EXPECT_TRUE(f.sent.empty());
  EXPECT_TRUE(f.fetcher.waits_for_budget());
  EXPECT_LT(f.outbox.wake_time(), f.now + 1s) << "somebody else may give it back";
  others.resize(0);
  f.poll();
  EXPECT_EQ(f.sent.size(), 1U);
  EXPECT_FALSE(f.fetcher.waits_for_budget());
}

TEST(Fetcher, LetsNoLeaderWaitForEverWhileIdleOnesPollAgain) {
  Fetching f({{"t", {1, 2, 3}}});
  const Charge others = f.budget.take(f.budget.limit() * 3 / 4 - (2 << 20));  // room for two of three
  std::map<protocol::NodeId, int> asked;
  for (int i = 0; i < 9; ++i) {
    f.poll();
    f.take<FetchRequest>();
    ++asked[f.last.node];
    f.answer({{"t", static_cast<PartitionId>(f.last.node - 1), ""}});
  }
  EXPECT_EQ(asked, (std::map<protocol::NodeId, int>{{1, 3}, {2, 3}, {3, 3}}));
}

TEST(Fetcher, AsksForNoMoreThanTheBudgetCanTake) {
  Fetching f({{"t", std::vector<protocol::NodeId>(40, 1)}});
  const Charge others = f.budget.take(f.budget.limit() * 3 / 4 - 100'000);
  EXPECT_EQ(f.ask().max_bytes, 100'000);
  EXPECT_LE(f.budget.used(), f.budget.limit());
}

TEST(Fetcher, MakesProgressWithABudgetThatIsSmallerThanAnyFetch) {
  MemoryBudget tiny(100);
  Fetching f;
  f.fetcher.poll(f.now, f.metadata, f.partitions, tiny, f.outbox);
  f.collect();
  EXPECT_EQ(f.sent.size(), 1U);
}

TEST(Fetcher, AsksByNameWhileATopicIdIsUnknown) {
  Fetching known;
  known.ask();
  EXPECT_GT(known.last.version_cap, 12);
  Fetching unknown({{"t", {1}}}, {}, false);
  unknown.ask();
  EXPECT_EQ(unknown.last.version_cap, 12);
}

TEST(Fetcher, ReadsAnAnswerByTopicId) {
  Fetching f;
  f.ask();
  FetchResponse response;
  response.responses.emplace_back();
  response.responses[0].topic_id = uuid(1);
  response.responses[0].partitions.emplace_back();
  response.responses[0].partitions[0].high_watermark = 77;
  protocol::Reply reply = f.reply_to(f.last, std::move(response));
  EXPECT_TRUE(f.fetcher.on_reply(reply, f.metadata, f.partitions, f.stats, f.now, f.outbox));
  EXPECT_EQ(f.at("t", 0).end, 77);
}

TEST(Fetcher, TakesTheLastStableOffsetForTheEndWhenItReadsCommitted) {
  Fetcher::Options options;
  options.isolation = IsolationLevel::kReadCommitted;
  Fetching committed({{"t", {1}}}, options);
  EXPECT_EQ(committed.ask().isolation_level, 1);
  committed.answer({{"t", 0, "", KafkaError::kNone, 100, 60}});
  EXPECT_EQ(committed.at("t", 0).end, 60);
  Fetching uncommitted;
  uncommitted.ask();
  uncommitted.answer({{"t", 0, "", KafkaError::kNone, 100, 60}});
  EXPECT_EQ(uncommitted.at("t", 0).end, 100);
}

struct Reaction {
  KafkaError error;
  PartitionPhase phase;
  bool refresh;
  Duration at_least;
};

TEST(Fetcher, ReactsToEveryErrorWithoutAskingAgainAtOnce) {
  const std::vector<Reaction> table{
      {KafkaError::kOffsetOutOfRange, PartitionPhase::kOutOfRange, false, 0ms},
      {KafkaError::kNotLeaderOrFollower, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kUnknownTopicOrPartition, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kUnknownTopicId, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kInconsistentTopicId, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kFencedLeaderEpoch, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kUnknownLeaderEpoch, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kOffsetNotAvailable, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kKafkaStorageError, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kCorruptMessage, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kUnknownServerError, PartitionPhase::kFetching, true, 80ms},
      {KafkaError::kTopicAuthorizationFailed, PartitionPhase::kFetching, false, 5s},
      {static_cast<KafkaError>(9999), PartitionPhase::kFetching, true, 80ms},
  };
  for (const Reaction& expected : table) {
    SCOPED_TRACE(protocol::name(expected.error));
    Fetching f;
    f.ask();
    f.answer({{"t", 0, "", expected.error}});
    const Partition& partition = f.at("t", 0);
    EXPECT_EQ(partition.phase, expected.phase);
    EXPECT_EQ(partition.ledger->position(), 0);
    EXPECT_EQ(f.metadata_is_wanted(), expected.refresh);
    f.outbox.begin_turn();
    f.poll();
    EXPECT_TRUE(f.sent.empty()) << "that would spin";
    if (expected.phase != PartitionPhase::kFetching) continue;
    EXPECT_TRUE(partition.error);
    EXPECT_GE(partition.retry_at - f.now, expected.at_least);
    EXPECT_EQ(f.outbox.wake_time(), partition.retry_at);
    f.now = partition.retry_at;
    f.poll();
    EXPECT_EQ(f.sent.size(), 1U) << "but it goes on";
  }
}

TEST(Fetcher, BacksOffFurtherEachTimeAndForgetsItWithTheFirstSuccess) {
  Fetching f;
  Partition& partition = f.at("t", 0);
  Duration longest{};
  for (int i = 0; i < 5; ++i) {
    f.ask();
    f.answer({{"t", 0, "", KafkaError::kNotLeaderOrFollower}});
    longest = partition.retry_at - f.now;
    f.now = partition.retry_at;
  }
  EXPECT_GT(longest, 500ms);
  f.ask();
  f.answer({{"t", 0, ""}});
  EXPECT_FALSE(partition.error);
  EXPECT_EQ(partition.backoff.attempts(), 0U);
}

TEST(Fetcher, TreatsAPartitionThatIsMissingFromTheAnswerAsFailed) {
  Fetching f({{"t", {1, 1}}});
  f.ask();
  f.answer({{"t", 0, ""}});
  EXPECT_FALSE(f.at("t", 0).error);
  EXPECT_TRUE(f.at("t", 1).error);
  EXPECT_GT(f.at("t", 1).retry_at, f.now);
  EXPECT_FALSE(f.at("t", 1).fetch_in_flight);
}

TEST(Fetcher, TreatsAnErrorOfTheWholeAnswerAsOneOfEveryPartition) {
  Fetching f({{"t", {1, 1}}});
  f.ask();
  f.answer({}, KafkaError::kFetchSessionIdNotFound);
  for (const auto& [tp, partition] : f.partitions) EXPECT_GT(partition.retry_at, f.now);
  f.poll();
  EXPECT_TRUE(f.sent.empty());
}

TEST(Fetcher, RetriesWithBackOffWhenTheConnectionIsLost) {
  Fetching f;
  f.ask();
  EXPECT_TRUE(f.fetcher.on_failure(f.failure_of(f.last), f.metadata, f.partitions, f.now));
  EXPECT_EQ(f.at("t", 0).error, "connection lost");
  EXPECT_TRUE(f.metadata_is_wanted());
  f.poll();
  EXPECT_TRUE(f.sent.empty());
  f.now = f.at("t", 0).retry_at;
  f.poll();
  EXPECT_EQ(f.sent.size(), 1U);
}

TEST(Fetcher, IgnoresAnAnswerToAPositionThatHasMovedSince) {
  Fetching f;
  f.ask();
  f.at("t", 0).start_at(70);
  f.answer({{"t", 0, simple_batch(0, 3)}});
  EXPECT_TRUE(f.at("t", 0).buffer.empty());
  EXPECT_EQ(f.at("t", 0).fetch_position, 70);
  EXPECT_EQ(f.ask().topics[0].partitions[0].fetch_offset, 70);
}

TEST(Fetcher, IgnoresTheErrorOfAPositionThatHasMovedSince) {
  Fetching f;
  f.ask();
  f.at("t", 0).start_at(70);
  f.answer({{"t", 0, "", KafkaError::kOffsetOutOfRange}});
  EXPECT_EQ(f.at("t", 0).phase, PartitionPhase::kFetching);
}

TEST(Fetcher, IgnoresAnAnswerFromAnEarlierAssignment) {
  Fetching f;
  f.ask();
  const protocol::Outgoing old = f.last;
  f.add({"t", 0}).start_at(0);
  f.poll();
  f.answer_to(old, {{"t", 0, simple_batch(0, 3)}});
  EXPECT_TRUE(f.at("t", 0).buffer.empty());
}

TEST(Fetcher, IgnoresRepliesThatAreNotItsOwn) {
  Fetching f;
  f.ask();
  f.last.id += 100;
  protocol::Reply reply = f.reply_to(f.last, FetchResponse{});
  EXPECT_FALSE(f.fetcher.on_reply(reply, f.metadata, f.partitions, f.stats, f.now, f.outbox));
  EXPECT_FALSE(
      f.fetcher.on_failure({999, 1, protocol::FailureKind::kTimedOut, ""}, f.metadata, f.partitions, f.now));
}

TEST(Fetcher, IgnoresPartitionsThatItNeverAskedFor) {
  Fetching f({{"t", {1, 2}}});
  f.poll();
  (void)f.take<FetchRequest>();
  f.answer({{"t", 0, ""},
            {"t", 1, simple_batch(0, 3)},
            {"t", 9, simple_batch(0, 3)},
            {"x", 0, simple_batch(0, 3)}});
  EXPECT_TRUE(f.at("t", 1).buffer.empty());
  EXPECT_EQ(f.budget.used(), std::get<FetchRequest>(f.sent[0].request).max_bytes) << "only the other request";
}

TEST(Fetcher, DropsOffsetsThatGoBackwards) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, simple_batch(5, 3) + simple_batch(0, 3)}});
  EXPECT_EQ(f.at("t", 0).fetch_position, 8);
  EXPECT_FALSE(f.at("t", 0).error);
}

TEST(Fetcher, BacksOffWhenTheBrokerSendsNothingThatIsNew) {
  Fetching f;
  f.at("t", 0).start_at(10);
  f.ask();
  f.answer({{"t", 0, simple_batch(0, 3)}});
  EXPECT_EQ(f.at("t", 0).fetch_position, 10);
  EXPECT_TRUE(f.at("t", 0).error);
  f.poll();
  EXPECT_TRUE(f.sent.empty()) << "that would spin";
  EXPECT_EQ(f.budget.used(), 0);
}

TEST(Fetcher, BacksOffWhenTheBrokerSendsOnlyAPartOfABatch) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, sluice::testing::cut(simple_batch(0, 3), 50)}});
  EXPECT_TRUE(f.at("t", 0).error);
  EXPECT_GT(f.at("t", 0).retry_at, f.now);
}

TEST(Fetcher, KeepsGarbageForTheReaderToReport) {
  Fetching f;
  f.ask();
  f.answer({{"t", 0, std::string(200, '\x55')}});
  EXPECT_TRUE(f.at("t", 0).buffer.has_undecoded());
  f.poll();
  EXPECT_TRUE(f.sent.empty());
  EXPECT_EQ(f.at("t", 0).fetch_position, 0);
}

}  // namespace
}  // namespace sluice::core
