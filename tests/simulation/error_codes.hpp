#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <cstdint>
#include <vector>

namespace sluice::simulation {

/// Codes with which a broker may refuse a request for a while, and which a consumer must live through.
[[nodiscard]] inline const std::vector<protocol::KafkaError>& passing_errors(protocol::ApiKey api) {
  using enum protocol::KafkaError;
  static const std::vector<protocol::KafkaError> kMetadata{kUnknownTopicOrPartition, kLeaderNotAvailable};
  static const std::vector<protocol::KafkaError> kFind{kCoordinatorNotAvailable, kCoordinatorLoadInProgress,
                                                       kUnknownServerError};
  static const std::vector<protocol::KafkaError> kJoin{
      kCoordinatorLoadInProgress, kCoordinatorNotAvailable, kNotCoordinator,     kUnknownMemberId,
      kIllegalGeneration,         kRebalanceInProgress,     kUnknownServerError, kGroupMaxSizeReached};
  static const std::vector<protocol::KafkaError> kGroup{
      kCoordinatorLoadInProgress, kCoordinatorNotAvailable, kNotCoordinator,    kUnknownMemberId,
      kIllegalGeneration,         kRebalanceInProgress,     kUnknownServerError};
  static const std::vector<protocol::KafkaError> kCommit{
      kCoordinatorLoadInProgress, kCoordinatorNotAvailable, kNotCoordinator,      kRequestTimedOut,
      kIllegalGeneration,         kUnknownMemberId,         kRebalanceInProgress, kUnknownServerError,
      kUnknownTopicOrPartition,   kTopicAuthorizationFailed};
  static const std::vector<protocol::KafkaError> kOffsets{
      kCoordinatorLoadInProgress, kCoordinatorNotAvailable, kNotCoordinator, kUnknownServerError};
  static const std::vector<protocol::KafkaError> kOffsetOfOne{kUnstableOffsetCommit,
                                                              kUnknownTopicOrPartition};
  static const std::vector<protocol::KafkaError> kLog{
      kNotLeaderOrFollower, kFencedLeaderEpoch,  kUnknownLeaderEpoch,  kUnknownTopicOrPartition,
      kKafkaStorageError,   kLeaderNotAvailable, kReplicaNotAvailable, kOffsetNotAvailable,
      kUnknownServerError,  kUnknownTopicId,     kInconsistentTopicId, kOffsetOutOfRange};
  static const std::vector<protocol::KafkaError> kList{kNotLeaderOrFollower,     kFencedLeaderEpoch,
                                                       kUnknownTopicOrPartition, kOffsetNotAvailable,
                                                       kUnknownServerError,      kLeaderNotAvailable};
  static const std::vector<protocol::KafkaError> kProducerId{
      kCoordinatorLoadInProgress, kCoordinatorNotAvailable, kUnknownServerError, kConcurrentTransactions};
  static const std::vector<protocol::KafkaError> kWrite{
      kNotLeaderOrFollower, kNotEnoughReplicas,  kNotEnoughReplicasAfterAppend, kRequestTimedOut,
      kKafkaStorageError,   kUnknownServerError, kUnknownTopicOrPartition,      kOutOfOrderSequenceNumber,
      kUnknownProducerId,   kMessageTooLarge,    kTopicAuthorizationFailed};
  switch (api) {
    case protocol::ApiKey::kMetadata:
      return kMetadata;
    case protocol::ApiKey::kFindCoordinator:
      return kFind;
    case protocol::ApiKey::kJoinGroup:
      return kJoin;
    case protocol::ApiKey::kOffsetCommit:
      return kCommit;
    case protocol::ApiKey::kOffsetFetch:
      return kOffsets;
    case protocol::ApiKey::kFetch:
      return kLog;
    case protocol::ApiKey::kListOffsets:
      return kList;
    case protocol::ApiKey::kInitProducerId:
      return kProducerId;
    case protocol::ApiKey::kProduce:
      return kWrite;
    case protocol::ApiKey::kOffsetForLeaderEpoch:
      return kOffsetOfOne;
    default:
      return kGroup;
  }
}

}  // namespace sluice::simulation
