#include "daemon/core/group/classic_membership.hpp"
#include "tests/unit/core/group/classic_dialogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

// Every error of every request of a classic member, and what the member does about it.
namespace sluice::core::test {
namespace {

using enum KafkaError;
using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::LeaveGroupRequest;
using protocol::SyncGroupRequest;

const TopicPartition kOrders0{"orders", 0};
constexpr auto kNewerThanUs = static_cast<KafkaError>(999);

enum class Again { kAtOnce, kSoon, kSlowly, kNever };
enum class MemberId { kKept, kCleared, kAsOffered };

/// What is expected of a member after an error.
struct Outcome {
  KafkaError code;
  Again again = Again::kSoon;
  MemberId id = MemberId::kKept;
  bool lost = false;  ///< PartitionsLost was told
  bool finds_coordinator = false;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << protocol::name(outcome.code);
}

std::string test_name(const testing::TestParamInfo<Outcome>& info) { return protocol::name(info.param.code); }

// The next JoinGroup comes when it should, under the right id and, after a loss, with nothing claimed.
void expect_join(ClassicDialogue& d, const Outcome& expected) {
  if (expected.again != Again::kAtOnce) {
    EXPECT_TRUE(d.sent.empty()) << "not before the back-off";
    d.advance(79ms);
    EXPECT_TRUE(d.sent.empty());
    d.advance(42ms);
  }
  if (expected.again == Again::kSlowly) {
    EXPECT_TRUE(d.sent.empty());
    d.advance(1100ms);
  }
  if (expected.again == Again::kNever) {
    d.advance(10min);
    EXPECT_TRUE(d.sent.empty());
    EXPECT_EQ(d.member.state(), MemberState::kFailed);
    EXPECT_EQ(d.member.fatal_code(), static_cast<std::int16_t>(expected.code));
    return;
  }
  const auto join = d.take<JoinGroupRequest>();
  const char* id = expected.id == MemberId::kKept ? "me" : expected.id == MemberId::kCleared ? "" : "offered";
  EXPECT_EQ(join.member_id, id);
  EXPECT_EQ(ClassicDialogue::subscription(join).owned_partitions.empty(), expected.lost);
}

void expect_events(ClassicDialogue& d, const Outcome& expected) {
  if (expected.lost) {
    EXPECT_EQ(d.take_event<PartitionsLost>().partitions, Partitions{kOrders0});
    EXPECT_TRUE(d.member.assignment().empty());
    EXPECT_EQ(d.member.identity().generation, -1);
  }
  EXPECT_TRUE(d.events.empty());
  EXPECT_EQ(d.member.take_coordinator_lost().has_value(), expected.finds_coordinator);
}

// A cooperative member, because it has something to lose in every state.
ClassicDialogue stable_member() {
  ClassicDialogue d(ClassicDialogue::cooperative());
  d.assignor = Assignor::kCooperativeSticky;
  d.become_stable({kOrders0});
  return d;
}
ClassicDialogue joining_member() {
  ClassicDialogue d = stable_member();
  d.next_heartbeat(kRebalanceInProgress);
  d.take<JoinGroupRequest>();
  return d;
}
ClassicDialogue syncing_member() {
  ClassicDialogue d = joining_member();
  d.admit(6);
  d.take<SyncGroupRequest>();
  return d;
}

class ClassicJoinError : public testing::TestWithParam<Outcome> {};
TEST_P(ClassicJoinError, IsAnsweredAsTheTableSays) {
  ClassicDialogue d = joining_member();
  d.refuse_join(GetParam().code, GetParam().id == MemberId::kAsOffered ? "offered" : "");
  expect_events(d, GetParam());
  expect_join(d, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    ,
    ClassicJoinError,
    testing::Values(
        Outcome{.code = kCoordinatorLoadInProgress},
        Outcome{.code = kCoordinatorNotAvailable, .again = Again::kAtOnce, .finds_coordinator = true},
        Outcome{.code = kNotCoordinator, .again = Again::kAtOnce, .finds_coordinator = true},
        Outcome{.code = kIllegalGeneration, .again = Again::kAtOnce, .lost = true},
        Outcome{.code = kUnknownMemberId, .again = Again::kAtOnce, .id = MemberId::kCleared, .lost = true},
        Outcome{.code = kRebalanceInProgress},
        Outcome{.code = kMemberIdRequired, .again = Again::kAtOnce, .id = MemberId::kAsOffered},
        Outcome{.code = kFencedInstanceId, .again = Again::kNever, .lost = true},
        Outcome{.code = kInconsistentGroupProtocol, .again = Again::kNever, .lost = true},
        Outcome{.code = kInvalidGroupId, .again = Again::kNever, .lost = true},
        Outcome{.code = kInvalidSessionTimeout, .again = Again::kNever, .lost = true},
        Outcome{.code = kGroupAuthorizationFailed, .again = Again::kNever, .lost = true},
        Outcome{.code = kGroupMaxSizeReached, .again = Again::kSlowly},
        Outcome{.code = kInvalidRequest, .again = Again::kSlowly},
        Outcome{.code = kUnknownServerError},
        Outcome{.code = kNewerThanUs}),
    test_name);

class ClassicSyncError : public testing::TestWithParam<Outcome> {};
TEST_P(ClassicSyncError, IsAnsweredAsTheTableSays) {
  ClassicDialogue d = syncing_member();
  d.refuse_sync(GetParam().code);
  expect_events(d, GetParam());
  expect_join(d, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    ,
    ClassicSyncError,
    testing::Values(
        Outcome{.code = kCoordinatorLoadInProgress},
        Outcome{.code = kCoordinatorNotAvailable, .again = Again::kAtOnce, .finds_coordinator = true},
        Outcome{.code = kNotCoordinator, .again = Again::kAtOnce, .finds_coordinator = true},
        Outcome{.code = kIllegalGeneration, .again = Again::kAtOnce, .lost = true},
        Outcome{.code = kUnknownMemberId, .again = Again::kAtOnce, .id = MemberId::kCleared, .lost = true},
        Outcome{.code = kRebalanceInProgress, .again = Again::kAtOnce},
        Outcome{.code = kFencedInstanceId, .again = Again::kNever, .lost = true},
        Outcome{.code = kInconsistentGroupProtocol, .again = Again::kNever, .lost = true},
        Outcome{.code = kGroupAuthorizationFailed, .again = Again::kNever, .lost = true},
        Outcome{.code = kUnknownServerError},
        Outcome{.code = kNewerThanUs}),
    test_name);

class ClassicHeartbeatError : public testing::TestWithParam<Outcome> {};
TEST_P(ClassicHeartbeatError, IsAnsweredAsTheTableSays) {
  ClassicDialogue d = stable_member();
  d.next_heartbeat(GetParam().code);
  expect_events(d, GetParam());
  expect_join(d, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    ,
    ClassicHeartbeatError,
    testing::Values(
        Outcome{.code = kIllegalGeneration, .again = Again::kAtOnce, .lost = true},
        Outcome{.code = kUnknownMemberId, .again = Again::kAtOnce, .id = MemberId::kCleared, .lost = true},
        Outcome{.code = kRebalanceInProgress, .again = Again::kAtOnce},
        Outcome{.code = kFencedInstanceId, .again = Again::kNever, .lost = true},
        Outcome{.code = kInvalidGroupId, .again = Again::kNever, .lost = true},
        Outcome{.code = kGroupAuthorizationFailed, .again = Again::kNever, .lost = true}),
    test_name);

class ClassicPassingHeartbeatError : public testing::TestWithParam<Outcome> {};
TEST_P(ClassicPassingHeartbeatError, KeepsTheGenerationAndTriesAgain) {
  ClassicDialogue d = stable_member();
  d.next_heartbeat(GetParam().code);
  expect_events(d, GetParam());
  if (GetParam().again != Again::kAtOnce) {
    EXPECT_TRUE(d.sent.empty());
    d.advance(121ms);
  }
  EXPECT_EQ(d.take<HeartbeatRequest>().generation_id, 5);
  EXPECT_EQ(d.member.state(), MemberState::kStable);
}
INSTANTIATE_TEST_SUITE_P(
    ,
    ClassicPassingHeartbeatError,
    testing::Values(Outcome{.code = kCoordinatorLoadInProgress},
                    Outcome{
                        .code = kCoordinatorNotAvailable, .again = Again::kAtOnce, .finds_coordinator = true},
                    Outcome{.code = kNotCoordinator, .again = Again::kAtOnce, .finds_coordinator = true},
                    Outcome{.code = kInconsistentGroupProtocol},
                    Outcome{.code = kUnknownServerError},
                    Outcome{.code = kNewerThanUs}),
    test_name);

class ClassicCommitError : public testing::TestWithParam<Outcome> {};
TEST_P(ClassicCommitError, OfTheCurrentGenerationIsAnsweredAsTheTableSays) {
  ClassicDialogue d = stable_member();
  d.member.on_commit_error(static_cast<std::int16_t>(GetParam().code), 5, d.now);
  d.poll();
  expect_events(d, GetParam());
  expect_join(d, GetParam());
}
TEST_P(ClassicCommitError, OfAnEarlierGenerationIsIgnored) {
  ClassicDialogue d = stable_member();
  d.member.on_commit_error(static_cast<std::int16_t>(GetParam().code), 4, d.now);
  d.poll();
  EXPECT_EQ(d.member.state(), MemberState::kStable);
  EXPECT_TRUE(d.events.empty());
}
TEST_P(ClassicCommitError, WhileJoiningIsLeftToTheAnswerOfJoinGroup) {
  ClassicDialogue d = joining_member();
  d.member.on_commit_error(static_cast<std::int16_t>(GetParam().code), 5, d.now);
  EXPECT_EQ(d.member.state(), MemberState::kJoining);
}
INSTANTIATE_TEST_SUITE_P(
    ,
    ClassicCommitError,
    testing::Values(
        Outcome{.code = kIllegalGeneration, .again = Again::kAtOnce, .lost = true},
        Outcome{.code = kUnknownMemberId, .again = Again::kAtOnce, .id = MemberId::kCleared, .lost = true},
        Outcome{.code = kRebalanceInProgress, .again = Again::kAtOnce},
        Outcome{.code = kFencedInstanceId, .again = Again::kNever, .lost = true},
        Outcome{.code = kGroupAuthorizationFailed, .again = Again::kNever, .lost = true}),
    test_name);

TEST(ClassicErrors, OtherCommitErrorsConcernTheCommitter) {
  ClassicDialogue d = stable_member();
  for (const KafkaError code : {kOffsetMetadataTooLarge, kNotCoordinator, kRequestTimedOut, kNewerThanUs}) {
    d.member.on_commit_error(static_cast<std::int16_t>(code), 5, d.now);
  }
  EXPECT_EQ(d.member.state(), MemberState::kStable);
}

TEST(ClassicErrors, ALateHeartbeatAnswerOfAnEarlierGenerationIsIgnored) {
  ClassicDialogue d = stable_member();
  d.advance(3s);
  d.take<HeartbeatRequest>();
  const auto old = d.last;
  d.member.on_commit_error(static_cast<std::int16_t>(kRebalanceInProgress), 5, d.now);
  d.poll();
  d.join_as_follower(6, {kOrders0});
  protocol::HeartbeatResponse late;
  late.error_code = static_cast<std::int16_t>(kIllegalGeneration);
  d.reply(late, old);
  EXPECT_EQ(d.member.state(), MemberState::kStable);
}

TEST(ClassicErrors, AFatalErrorWhileSyncingOutlivesTheAnswerOfSyncGroup) {
  ClassicDialogue d = syncing_member();
  const auto sync = d.last;
  d.next_heartbeat(kFencedInstanceId);
  EXPECT_EQ(d.member.state(), MemberState::kFailed);
  d.reply(protocol::SyncGroupResponse{}, sync);
  EXPECT_EQ(d.member.state(), MemberState::kFailed);
  d.member.leave(d.now);
  d.poll();
  EXPECT_EQ(d.member.state(), MemberState::kLeft);
  EXPECT_TRUE(d.sent.empty()) << "the place belongs to the other process";
}

TEST(ClassicErrors, AFatalErrorSaysTheRemedy) {
  const auto error_of = [](KafkaError code) {
    ClassicDialogue d;
    d.take<JoinGroupRequest>();
    d.refuse_join(code);
    return d.member.fatal_error().value_or("");
  };
  EXPECT_THAT(error_of(kInvalidSessionTimeout), testing::HasSubstr("session.timeout.ms = 10000"));
  EXPECT_THAT(error_of(kInconsistentGroupProtocol), testing::HasSubstr("partition.assignment.strategy"));
  EXPECT_THAT(error_of(kGroupAuthorizationFailed), testing::HasSubstr("grant READ"));
  EXPECT_THAT(error_of(kFencedInstanceId), testing::HasSubstr("group.instance.id"));
  EXPECT_THAT(error_of(kInvalidGroupId), testing::HasSubstr("group.id"));
}

TEST(ClassicErrors, ABrokerTooOldIsFatal) {
  for (const FailureKind kind : {FailureKind::kUnsupportedVersion, FailureKind::kUnencodable}) {
    ClassicDialogue d;
    d.take<JoinGroupRequest>();
    d.fail(kind);
    EXPECT_EQ(d.member.state(), MemberState::kFailed);
    EXPECT_THAT(d.member.fatal_error().value_or(""), testing::HasSubstr("too old"));
  }
}

TEST(ClassicErrors, NoErrorMakesItSpin) {
  for (int code = -1; code <= 140; ++code) {
    ClassicDialogue d;
    std::size_t joins = 0;
    for (int turn = 0; turn < 1000 && !d.sent.empty(); ++turn) {
      d.take<JoinGroupRequest>();
      ++joins;
      // Always the same offered id: MEMBER_ID_REQUIRED again and again must not spin either.
      if (code != 0) d.refuse_join(static_cast<KafkaError>(code), "offered");
    }
    EXPECT_LE(joins, 2U) << code;
  }
}

TEST(ClassicErrors, NonsenseInJoinGroupIsAskedForAgainSlowly) {
  const auto answer = [](std::int32_t generation, const std::string& id, const char* assignor) {
    ClassicDialogue d;
    d.take<JoinGroupRequest>();
    protocol::JoinGroupResponse response;
    response.generation_id = generation;
    response.member_id = id;
    response.protocol_name = assignor;
    d.reply(response);
    EXPECT_EQ(d.member.state(), MemberState::kUnjoined);
    d.advance(700ms);
    EXPECT_TRUE(d.sent.empty());
    d.advance(600ms);
    d.take<JoinGroupRequest>();
  };
  answer(-1, "me", "range");
  answer(1, "", "range");
  answer(1, "me", "roundrobin");
  answer(1, "me", "no-such-assignor");
}

}  // namespace
}  // namespace sluice::core::test
