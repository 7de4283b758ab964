#include "daemon/core/commit/committer.hpp"

#include "tests/unit/core/fetch/fetch_world.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using protocol::KafkaError;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Two partitions that begin at 0 and have 100 records leased by lease 1.
struct Committing : FetchWorld {
  explicit Committing(bool with_ids = true) : FetchWorld({{"t", {1, 1}}}, with_ids) {
    start_all();
    for (auto& [tp, partition] : partitions) partition.ledger->lease_new({0, 99}, 1);
  }

  void settle(PartitionId number, Offset through) { at("t", number).ledger->settle({0, through}, 1); }
  void poll() {
    committer.poll(now, coordinator, identity, metadata, partitions, outbox);
    collect();
  }
  OffsetCommitRequest ask() {
    poll();
    return take<OffsetCommitRequest>();
  }
  void answer(std::vector<std::pair<PartitionId, KafkaError>> codes) {
    OffsetCommitResponse response;
    response.topics.emplace_back();
    response.topics[0].name = "t";
    for (const auto& [number, code] : codes) response.topics[0].partitions.push_back({number, code_of(code)});
    EXPECT_TRUE(
        committer.on_reply(reply_to(last, std::move(response)), metadata, partitions, counters, now, 7));
  }
  void answer_ok() { answer({{0, KafkaError::kNone}, {1, KafkaError::kNone}}); }
  void lose_connection() { EXPECT_TRUE(committer.on_failure(failure_of(last), counters, now)); }
  std::uint64_t ticket(PartitionId number) {
    return committer.ticket_for({{{"t", number}, -1, std::nullopt}}, partitions, now);
  }
  /// How the only waiting commit ended.
  std::optional<CommitOutcome> outcome() {
    poll();
    const auto done = committer.take_done();
    EXPECT_LE(done.size(), 1U);
    return done.empty() ? std::nullopt : std::optional(done[0].outcome);
  }

  std::optional<protocol::NodeId> coordinator = 2;
  std::optional<MemberIdentity> identity = MemberIdentity{"me", 4, "pod-1"};
  ConsumerStats counters;
  Committer committer{Committer::Options{.group_id = "g"}, 5};
};

Offset offset_in(const OffsetCommitRequest& request, std::size_t index = 0) {
  return request.topics.at(0).partitions.at(index).committed_offset;
}

TEST(Committer, CommitsNothingBeforeSomethingIsSettled) {
  Committing c;
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  EXPECT_FALSE(Committer::dirty(c.partitions));
}

TEST(Committer, CommitsTheWatermarkUnderTheIdentityOfTheMember) {
  Committing c;
  c.settle(0, 9);
  c.at("t", 0).ledger->settle({50, 60}, 1);
  c.at("t", 0).watermark_epoch = 6;
  const OffsetCommitRequest request = c.ask();
  EXPECT_EQ(c.last.node, 2);
  EXPECT_EQ(c.last.lane, protocol::Lane::kGroup);
  EXPECT_EQ(request.group_id, "g");
  EXPECT_EQ(request.member_id, "me");
  EXPECT_EQ(request.generation_id_or_member_epoch, 4);
  EXPECT_EQ(request.group_instance_id, "pod-1");
  ASSERT_EQ(request.topics.size(), 1U);
  ASSERT_EQ(request.topics[0].partitions.size(), 1U) << "the other partition has nothing new";
  EXPECT_EQ(offset_in(request), 10) << "never beyond the first unsettled record";
  EXPECT_EQ(request.topics[0].partitions[0].committed_leader_epoch, 6);
  EXPECT_EQ(request.topics[0].topic_id, uuid(1));
}

TEST(Committer, HasOneCommitInFlightAndSendsTheRestWithTheNext) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.settle(0, 19);
  c.settle(1, 4);
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  c.answer_ok();
  EXPECT_EQ(c.at("t", 0).committed, 10);
  const OffsetCommitRequest next = c.ask();
  EXPECT_EQ(offset_in(next, 0), 20);
  EXPECT_EQ(offset_in(next, 1), 5);
  c.answer_ok();
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  EXPECT_FALSE(Committer::dirty(c.partitions));
  EXPECT_EQ(c.counters.commits["ok"], 3U);
  EXPECT_EQ(c.counters.last_commit_wall_ms, 7);
}

TEST(Committer, NeverCommitsWithoutALiveMembership) {
  Committing c;
  c.settle(0, 9);
  c.identity.reset();
  c.poll();
  c.identity = MemberIdentity{"me", -1, std::nullopt};
  c.poll();
  c.identity = MemberIdentity{"me", 4, std::nullopt};
  c.coordinator.reset();
  c.poll();
  EXPECT_TRUE(c.sent.empty());
}

TEST(Committer, CommitsByNameWhileATopicIdIsUnknown) {
  Committing known;
  known.settle(0, 9);
  known.ask();
  EXPECT_GT(known.last.version_cap, 9);
  Committing unknown(false);
  unknown.settle(0, 9);
  unknown.ask();
  EXPECT_EQ(unknown.last.version_cap, 9);
}

TEST(Committer, ReadsAnAnswerByTopicId) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  OffsetCommitResponse response;
  response.topics.emplace_back();
  response.topics[0].topic_id = uuid(1);
  response.topics[0].partitions.push_back({0, 0});
  EXPECT_TRUE(c.committer.on_reply(c.reply_to(c.last, std::move(response)), c.metadata, c.partitions,
                                   c.counters, c.now, 0));
  EXPECT_EQ(c.at("t", 0).committed, 10);
}

TEST(Committer, SendsAnUnknownOutcomeAgainAndNeverLower) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.settle(0, 19);
  c.lose_connection();
  const auto error = c.committer.take_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 0);
  EXPECT_EQ(error->generation, 4);
  EXPECT_FALSE(c.at("t", 0).committed);
  c.poll();
  EXPECT_TRUE(c.sent.empty()) << "with back-off";
  c.now += 200ms;
  EXPECT_EQ(offset_in(c.ask()), 20);
}

TEST(Committer, ReportsAnErrorOfTheGroupWithTheGenerationItWasSentUnder) {
  for (const KafkaError code :
       {KafkaError::kIllegalGeneration, KafkaError::kUnknownMemberId, KafkaError::kRebalanceInProgress,
        KafkaError::kFencedInstanceId, KafkaError::kNotCoordinator, KafkaError::kCoordinatorLoadInProgress,
        KafkaError::kGroupAuthorizationFailed}) {
    SCOPED_TRACE(protocol::name(code));
    Committing c;
    c.settle(0, 9);
    c.ask();
    c.identity->generation = 5;
    c.answer({{0, code}});
    const auto error = c.committer.take_error();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, code_of(code));
    EXPECT_EQ(error->generation, 4);
    EXPECT_FALSE(c.at("t", 0).committed);
    c.poll();
    EXPECT_TRUE(c.sent.empty()) << "not at once";
  }
}

TEST(Committer, LetsOnePartitionFailWithoutHoldingTheOthersBack) {
  Committing c;
  c.settle(0, 9);
  c.settle(1, 9);
  c.ask();
  c.answer({{0, KafkaError::kTopicAuthorizationFailed}, {1, KafkaError::kNone}});
  EXPECT_FALSE(c.committer.take_error()) << "not the group's fault";
  EXPECT_EQ(c.at("t", 1).committed, 10);
  EXPECT_TRUE(c.at("t", 0).error);
  c.settle(1, 19);
  const OffsetCommitRequest next = c.ask();
  ASSERT_EQ(next.topics[0].partitions.size(), 1U);
  EXPECT_EQ(next.topics[0].partitions[0].partition_index, 1);
  c.answer_ok();
  c.now = c.at("t", 0).commit_retry_at;
  EXPECT_EQ(offset_in(c.ask()), 10) << "the permission may come";
}

TEST(Committer, TriesSlowlyWhatOnlyAnOperatorCanChange) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.answer({{0, KafkaError::kTopicAuthorizationFailed}});
  EXPECT_GE(c.at("t", 0).commit_retry_at - c.now, 5s);
  Committing soon;
  soon.settle(0, 9);
  soon.ask();
  soon.answer({{0, KafkaError::kUnknownTopicOrPartition}});
  EXPECT_LE(soon.at("t", 0).commit_retry_at - soon.now, 1s);
  EXPECT_TRUE(soon.metadata_is_wanted());
}

TEST(Committer, TakesAMissingAnswerForAFailure) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.answer({});
  EXPECT_FALSE(c.at("t", 0).committed);
  EXPECT_TRUE(Committer::dirty(c.partitions));
  EXPECT_EQ(c.counters.commits["failed"], 1U);
}

TEST(Committer, IgnoresTheAnswerForAPartitionThatCameBack) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.add({"t", 0}).start_at(3);
  c.answer({{0, KafkaError::kNone}});
  EXPECT_FALSE(c.at("t", 0).committed);
}

TEST(Committer, GivesNoTicketWhenAllIsCommitted) {
  Committing c;
  EXPECT_EQ(c.ticket(0), 0U);
  EXPECT_EQ(c.ticket(9), 0U) << "nor for a partition that is not ours";
}

TEST(Committer, FinishesATicketWhenItsOffsetsAreCommitted) {
  Committing c;
  c.settle(0, 9);
  const std::uint64_t first = c.ticket(0);
  c.ask();
  c.settle(0, 19);
  const std::uint64_t second = c.ticket(0);
  c.answer({{0, KafkaError::kNone}});
  auto done = c.committer.take_done();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, first);
  EXPECT_EQ(done[0].outcome, CommitOutcome::kCommitted);
  c.ask();
  c.answer({{0, KafkaError::kNone}});
  done = c.committer.take_done();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].ticket, second);
}

TEST(Committer, KeepsATicketWaitingOverALostConnection) {
  Committing c;
  c.settle(0, 9);
  (void)c.ticket(0);
  c.ask();
  c.lose_connection();
  EXPECT_FALSE(c.outcome());
  c.now += 200ms;
  c.ask();
  c.answer({{0, KafkaError::kNone}});
  EXPECT_EQ(c.outcome(), CommitOutcome::kCommitted);
}

TEST(Committer, FencesATicketWhosePartitionIsLost) {
  Committing c;
  c.settle(0, 9);
  (void)c.ticket(0);
  c.partitions.erase({"t", 0});
  EXPECT_EQ(c.outcome(), CommitOutcome::kFenced);
}

TEST(Committer, FencesATicketWhosePartitionCameBack) {
  Committing c;
  c.settle(0, 9);
  (void)c.ticket(0);
  c.add({"t", 0}).start_at(0);
  EXPECT_EQ(c.outcome(), CommitOutcome::kFenced);
}

TEST(Committer, FailsATicketWhosePartitionIsRefused) {
  Committing c;
  c.settle(0, 9);
  (void)c.ticket(0);
  c.ask();
  c.answer({{0, KafkaError::kTopicAuthorizationFailed}});
  EXPECT_EQ(c.outcome(), CommitOutcome::kFailed);
}

TEST(Committer, FailsATicketThatNobodyCanFinishInTime) {
  Committing c;
  c.coordinator.reset();
  c.settle(0, 9);
  (void)c.ticket(0);
  c.now += 29s;
  EXPECT_FALSE(c.outcome());
  c.now += 1s;
  EXPECT_EQ(c.outcome(), CommitOutcome::kFailed);
}

TEST(Committer, IgnoresRepliesThatAreNotItsOwn) {
  Committing c;
  c.settle(0, 9);
  c.ask();
  c.last.id += 100;
  EXPECT_FALSE(c.committer.on_reply(c.reply_to(c.last, OffsetCommitResponse{}), c.metadata, c.partitions,
                                    c.counters, c.now, 0));
  EXPECT_FALSE(c.committer.on_failure(c.failure_of(c.last), c.counters, c.now));
  EXPECT_TRUE(c.committer.in_flight());
}

const std::string& metadata_in(const OffsetCommitRequest& request, std::size_t index = 0) {
  return *request.topics.at(0).partitions.at(index).committed_metadata;
}

TEST(Committer, TellsWhatIsSettledAboveAGap) {
  Committing c;
  c.at("t", 0).ledger->settle({10, 19}, 1);
  const OffsetCommitRequest request = c.ask();
  EXPECT_EQ(offset_in(request), 0) << "the watermark stays";
  const ParsedMetadata parsed = parse_metadata(metadata_in(request), 0);
  ASSERT_EQ(parsed.kind, MetadataKind::kOurs) << parsed.problem;
  EXPECT_EQ(parsed.data.settled, (std::vector<OffsetRange>{{10, 19}}));
  c.answer({{0, KafkaError::kNone}});
  EXPECT_FALSE(Committer::dirty(c.partitions));
  c.settle(0, 9);
  const OffsetCommitRequest closed = c.ask();
  EXPECT_EQ(offset_in(closed), 20);
  EXPECT_EQ(metadata_in(closed), "");
}

TEST(Committer, WaitsForTheCommitOfWhatIsSettledAboveAGap) {
  Committing c;
  c.at("t", 0).ledger->settle({10, 19}, 1);
  EXPECT_NE(c.ticket(0), 0U);
  (void)c.ask();
  EXPECT_FALSE(c.outcome());
  c.answer({{0, KafkaError::kNone}});
  EXPECT_EQ(c.outcome(), CommitOutcome::kCommitted);
}

TEST(Committer, CommitsNothingWhenNothingNewIsToTell) {
  Committing c;
  c.settle(0, 9);
  (void)c.ask();
  c.answer({{0, KafkaError::kNone}});
  c.at("t", 0).ledger->give_back({50, 59}, 1, [&](const PartitionLedger::Entry&) {
    return PartitionLedger::Return{c.now, false, false, 0};  // never delivered: nothing has failed
  });
  EXPECT_TRUE(Committer::dirty(c.partitions));
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  EXPECT_FALSE(Committer::dirty(c.partitions));
}

TEST(Committer, LeavesATextOfSomebodyElseAlone) {
  Committing c;
  c.at("t", 0).metadata = {"mine", true, 4096};
  c.settle(0, 9);
  c.at("t", 0).ledger->settle({20, 29}, 1);
  EXPECT_EQ(metadata_in(c.ask()), "mine");
}

TEST(Committer, SaysLessWhenTheBrokerTakesLess) {
  Committing c;
  for (Offset offset = 1; offset < 99; offset += 2) c.at("t", 0).ledger->settle({offset, offset}, 1);
  std::size_t before = 10'000;
  for (int i = 0; i < 20; ++i) {
    c.poll();
    if (c.sent.empty()) break;
    const auto request = c.take<OffsetCommitRequest>();
    EXPECT_LT(metadata_in(request).size(), before);
    before = metadata_in(request).size();
    c.answer({{0, before > 12 ? KafkaError::kOffsetMetadataTooLarge : KafkaError::kNone}});
  }
  EXPECT_FALSE(Committer::dirty(c.partitions));
}

TEST(Committer, CommitsAfterSoManyRecordsOrSoMuchTime) {
  Committing c;
  c.committer = Committer(Committer::Options{.group_id = "g", .every_records = 10, .interval = 5s}, 5);
  c.settle(0, 8);
  c.poll();
  EXPECT_TRUE(c.sent.empty()) << "nine are not ten";
  c.settle(0, 9);
  EXPECT_EQ(offset_in(c.ask()), 10);
  c.answer({{0, KafkaError::kNone}});
  c.settle(1, 3);
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  c.now += 5s;
  EXPECT_EQ(offset_in(c.ask()), 4) << "but no record waits for longer than the interval";
}

TEST(Committer, DoesNotLetSomebodyWaitForThePolicy) {
  Committing c;
  c.committer = Committer(Committer::Options{.group_id = "g", .every_records = 1'000}, 5);
  c.settle(0, 0);
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  (void)c.ticket(0);
  EXPECT_EQ(offset_in(c.ask()), 1);
  c.answer({{0, KafkaError::kNone}});
  c.settle(0, 1);
  c.poll();
  EXPECT_TRUE(c.sent.empty());
  c.committer.flush();
  EXPECT_EQ(offset_in(c.ask()), 2) << "neither an explicit commit";
  c.answer({{0, KafkaError::kNone}});
  c.settle(0, 2);
  c.at("t", 0).revoking = true;
  EXPECT_EQ(offset_in(c.ask()), 3) << "nor a revocation";
}

TEST(Committer, GoesBackOnlyAfterASeek) {
  Committing c;
  Partition& partition = c.at("t", 0);
  partition.committed = 50;
  partition.start_at(10);
  partition.moved = true;
  EXPECT_EQ(offset_in(c.ask()), 10);
  c.answer({{0, KafkaError::kNone}});
  EXPECT_FALSE(partition.moved);
  EXPECT_EQ(partition.committed, 10);
}

}  // namespace
}  // namespace sluice::core
