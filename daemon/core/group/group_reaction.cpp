#include "daemon/core/group/group_reaction.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <array>

namespace sluice::core {
namespace {

using enum GroupReaction;
using protocol::KafkaError;

struct Row {
  KafkaError error;
  GroupReaction join;
  GroupReaction sync;
  GroupReaction heartbeat;
  GroupReaction commit;
  GroupReaction leave;
};

// COORDINATOR_* answers to commits concern the committer, which reports the coordinator lost by itself.
// ILLEGAL_GENERATION keeps the member id: a new one would leave a ghost in the group until its session ends
// (KAFKA-13419).
constexpr std::array kRows{
    Row{KafkaError::kCoordinatorLoadInProgress, kRetry, kRetry, kRetry, kIgnore, kRetry},
    Row{KafkaError::kCoordinatorNotAvailable, kFindCoordinator, kFindCoordinator, kFindCoordinator, kIgnore,
        kFindCoordinator},
    Row{KafkaError::kNotCoordinator, kFindCoordinator, kFindCoordinator, kFindCoordinator, kIgnore,
        kFindCoordinator},
    Row{KafkaError::kIllegalGeneration, kResetGeneration, kResetGeneration, kResetGeneration,
        kResetGeneration, kDone},
    Row{KafkaError::kUnknownMemberId, kResetMember, kResetMember, kResetMember, kResetMember, kDone},
    Row{KafkaError::kRebalanceInProgress, kRetry, kRebalance, kRebalance, kRebalance, kDone},
    Row{KafkaError::kMemberIdRequired, kTakeMemberId, kRetry, kRetry, kIgnore, kDone},
    Row{KafkaError::kFencedInstanceId, kFatal, kFatal, kFatal, kFatal, kDone},
    Row{KafkaError::kInconsistentGroupProtocol, kFatal, kFatal, kRetry, kIgnore, kDone},
    Row{KafkaError::kInvalidGroupId, kFatal, kFatal, kFatal, kFatal, kDone},
    Row{KafkaError::kInvalidSessionTimeout, kFatal, kFatal, kRetry, kIgnore, kDone},
    Row{KafkaError::kGroupAuthorizationFailed, kFatal, kFatal, kFatal, kFatal, kDone},
    Row{KafkaError::kGroupMaxSizeReached, kRetrySlowly, kRetrySlowly, kRetry, kIgnore, kDone},
    Row{KafkaError::kUnsupportedVersion, kRetrySlowly, kRetrySlowly, kRetry, kIgnore, kDone},
    Row{KafkaError::kInvalidRequest, kRetrySlowly, kRetrySlowly, kRetry, kIgnore, kDone},
};
constexpr Row kUnknown{KafkaError::kUnknownServerError, kRetry, kRetry, kRetry, kIgnore, kDone};

GroupReaction column(const Row& row, GroupCall call) {
  switch (call) {
    case GroupCall::kJoin:
      return row.join;
    case GroupCall::kSync:
      return row.sync;
    case GroupCall::kHeartbeat:
      return row.heartbeat;
    case GroupCall::kCommit:
      return row.commit;
    case GroupCall::kLeave:
      return row.leave;
  }
  return kIgnore;
}

}  // namespace

GroupReaction reaction_to(GroupCall call, std::int16_t code) {
  for (const Row& row : kRows) {
    if (code == row.error) return column(row, call);
  }
  return column(kUnknown, call);
}

}  // namespace sluice::core
