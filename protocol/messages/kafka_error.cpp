#include "protocol/messages/kafka_error.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace sluice::protocol {
namespace {

struct Row {
  KafkaError error;
  std::string_view name;
  bool retriable;
  bool refreshes_metadata;
};

// Flags as in Kafka's exception classes: RetriableException, InvalidMetadataException. Rows are in order of
// the code.
constexpr std::array kRows{
    Row{KafkaError::kUnknownServerError, "UNKNOWN_SERVER_ERROR", false, false},
    Row{KafkaError::kNone, "NONE", false, false},
    Row{KafkaError::kOffsetOutOfRange, "OFFSET_OUT_OF_RANGE", false, false},
    Row{KafkaError::kCorruptMessage, "CORRUPT_MESSAGE", true, false},
    Row{KafkaError::kUnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION", true, true},
    Row{KafkaError::kInvalidFetchSize, "INVALID_FETCH_SIZE", false, false},
    Row{KafkaError::kLeaderNotAvailable, "LEADER_NOT_AVAILABLE", true, true},
    Row{KafkaError::kNotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", true, true},
    Row{KafkaError::kRequestTimedOut, "REQUEST_TIMED_OUT", true, false},
    Row{KafkaError::kBrokerNotAvailable, "BROKER_NOT_AVAILABLE", false, false},
    Row{KafkaError::kReplicaNotAvailable, "REPLICA_NOT_AVAILABLE", true, true},
    Row{KafkaError::kMessageTooLarge, "MESSAGE_TOO_LARGE", false, false},
    Row{KafkaError::kStaleControllerEpoch, "STALE_CONTROLLER_EPOCH", false, false},
    Row{KafkaError::kOffsetMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE", false, false},
    Row{KafkaError::kNetworkException, "NETWORK_EXCEPTION", true, true},
    Row{KafkaError::kCoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS", true, false},
    Row{KafkaError::kCoordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE", true, false},
    Row{KafkaError::kNotCoordinator, "NOT_COORDINATOR", true, false},
    Row{KafkaError::kInvalidTopicException, "INVALID_TOPIC_EXCEPTION", false, false},
    Row{KafkaError::kRecordListTooLarge, "RECORD_LIST_TOO_LARGE", false, false},
    Row{KafkaError::kNotEnoughReplicas, "NOT_ENOUGH_REPLICAS", true, false},
    Row{KafkaError::kNotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, false},
    Row{KafkaError::kInvalidRequiredAcks, "INVALID_REQUIRED_ACKS", false, false},
    Row{KafkaError::kIllegalGeneration, "ILLEGAL_GENERATION", false, false},
    Row{KafkaError::kInconsistentGroupProtocol, "INCONSISTENT_GROUP_PROTOCOL", false, false},
    Row{KafkaError::kInvalidGroupId, "INVALID_GROUP_ID", false, false},
    Row{KafkaError::kUnknownMemberId, "UNKNOWN_MEMBER_ID", false, false},
    Row{KafkaError::kInvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", false, false},
    Row{KafkaError::kRebalanceInProgress, "REBALANCE_IN_PROGRESS", false, false},
    Row{KafkaError::kInvalidCommitOffsetSize, "INVALID_COMMIT_OFFSET_SIZE", false, false},
    Row{KafkaError::kTopicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", false, false},
    Row{KafkaError::kGroupAuthorizationFailed, "GROUP_AUTHORIZATION_FAILED", false, false},
    Row{KafkaError::kClusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", false, false},
    Row{KafkaError::kInvalidTimestamp, "INVALID_TIMESTAMP", false, false},
    Row{KafkaError::kUnsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", false, false},
    Row{KafkaError::kIllegalSaslState, "ILLEGAL_SASL_STATE", false, false},
    Row{KafkaError::kUnsupportedVersion, "UNSUPPORTED_VERSION", false, false},
    Row{KafkaError::kTopicAlreadyExists, "TOPIC_ALREADY_EXISTS", false, false},
    Row{KafkaError::kInvalidPartitions, "INVALID_PARTITIONS", false, false},
    Row{KafkaError::kInvalidReplicationFactor, "INVALID_REPLICATION_FACTOR", false, false},
    Row{KafkaError::kInvalidReplicaAssignment, "INVALID_REPLICA_ASSIGNMENT", false, false},
    Row{KafkaError::kInvalidConfig, "INVALID_CONFIG", false, false},
    Row{KafkaError::kNotController, "NOT_CONTROLLER", true, false},
    Row{KafkaError::kInvalidRequest, "INVALID_REQUEST", false, false},
    Row{KafkaError::kUnsupportedForMessageFormat, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false, false},
    Row{KafkaError::kPolicyViolation, "POLICY_VIOLATION", false, false},
    Row{KafkaError::kOutOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER", false, false},
    Row{KafkaError::kDuplicateSequenceNumber, "DUPLICATE_SEQUENCE_NUMBER", false, false},
    Row{KafkaError::kInvalidProducerEpoch, "INVALID_PRODUCER_EPOCH", false, false},
    Row{KafkaError::kInvalidTxnState, "INVALID_TXN_STATE", false, false},
    Row{KafkaError::kInvalidProducerIdMapping, "INVALID_PRODUCER_ID_MAPPING", false, false},
    Row{KafkaError::kInvalidTransactionTimeout, "INVALID_TRANSACTION_TIMEOUT", false, false},
    Row{KafkaError::kConcurrentTransactions, "CONCURRENT_TRANSACTIONS", true, false},
    Row{KafkaError::kTransactionCoordinatorFenced, "TRANSACTION_COORDINATOR_FENCED", false, false},
    Row{KafkaError::kTransactionalIdAuthorizationFailed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false,
        false},
    Row{KafkaError::kSecurityDisabled, "SECURITY_DISABLED", false, false},
    Row{KafkaError::kOperationNotAttempted, "OPERATION_NOT_ATTEMPTED", false, false},
    Row{KafkaError::kKafkaStorageError, "KAFKA_STORAGE_ERROR", true, true},
    Row{KafkaError::kLogDirNotFound, "LOG_DIR_NOT_FOUND", false, false},
    Row{KafkaError::kSaslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", false, false},
    Row{KafkaError::kUnknownProducerId, "UNKNOWN_PRODUCER_ID", false, false},
    Row{KafkaError::kReassignmentInProgress, "REASSIGNMENT_IN_PROGRESS", false, false},
    Row{KafkaError::kDelegationTokenAuthDisabled, "DELEGATION_TOKEN_AUTH_DISABLED", false, false},
    Row{KafkaError::kDelegationTokenNotFound, "DELEGATION_TOKEN_NOT_FOUND", false, false},
    Row{KafkaError::kDelegationTokenOwnerMismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", false, false},
    Row{KafkaError::kDelegationTokenRequestNotAllowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false, false},
    Row{KafkaError::kDelegationTokenAuthorizationFailed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", false,
        false},
    Row{KafkaError::kDelegationTokenExpired, "DELEGATION_TOKEN_EXPIRED", false, false},
    Row{KafkaError::kInvalidPrincipalType, "INVALID_PRINCIPAL_TYPE", false, false},
    Row{KafkaError::kNonEmptyGroup, "NON_EMPTY_GROUP", false, false},
    Row{KafkaError::kGroupIdNotFound, "GROUP_ID_NOT_FOUND", false, false},
    Row{KafkaError::kFetchSessionIdNotFound, "FETCH_SESSION_ID_NOT_FOUND", true, false},
    Row{KafkaError::kInvalidFetchSessionEpoch, "INVALID_FETCH_SESSION_EPOCH", true, false},
    Row{KafkaError::kListenerNotFound, "LISTENER_NOT_FOUND", true, true},
    Row{KafkaError::kTopicDeletionDisabled, "TOPIC_DELETION_DISABLED", false, false},
    Row{KafkaError::kFencedLeaderEpoch, "FENCED_LEADER_EPOCH", true, true},
    Row{KafkaError::kUnknownLeaderEpoch, "UNKNOWN_LEADER_EPOCH", true, false},
    Row{KafkaError::kUnsupportedCompressionType, "UNSUPPORTED_COMPRESSION_TYPE", false, false},
    Row{KafkaError::kStaleBrokerEpoch, "STALE_BROKER_EPOCH", false, false},
    Row{KafkaError::kOffsetNotAvailable, "OFFSET_NOT_AVAILABLE", true, false},
    Row{KafkaError::kMemberIdRequired, "MEMBER_ID_REQUIRED", false, false},
    Row{KafkaError::kPreferredLeaderNotAvailable, "PREFERRED_LEADER_NOT_AVAILABLE", true, true},
    Row{KafkaError::kGroupMaxSizeReached, "GROUP_MAX_SIZE_REACHED", false, false},
    Row{KafkaError::kFencedInstanceId, "FENCED_INSTANCE_ID", false, false},
    Row{KafkaError::kEligibleLeadersNotAvailable, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true, true},
    Row{KafkaError::kElectionNotNeeded, "ELECTION_NOT_NEEDED", true, true},
    Row{KafkaError::kNoReassignmentInProgress, "NO_REASSIGNMENT_IN_PROGRESS", false, false},
    Row{KafkaError::kGroupSubscribedToTopic, "GROUP_SUBSCRIBED_TO_TOPIC", false, false},
    Row{KafkaError::kInvalidRecord, "INVALID_RECORD", false, false},
    Row{KafkaError::kUnstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT", true, false},
    Row{KafkaError::kThrottlingQuotaExceeded, "THROTTLING_QUOTA_EXCEEDED", true, false},
    Row{KafkaError::kProducerFenced, "PRODUCER_FENCED", false, false},
    Row{KafkaError::kResourceNotFound, "RESOURCE_NOT_FOUND", false, false},
    Row{KafkaError::kDuplicateResource, "DUPLICATE_RESOURCE", false, false},
    Row{KafkaError::kUnacceptableCredential, "UNACCEPTABLE_CREDENTIAL", false, false},
    Row{KafkaError::kInconsistentVoterSet, "INCONSISTENT_VOTER_SET", false, false},
    Row{KafkaError::kInvalidUpdateVersion, "INVALID_UPDATE_VERSION", false, false},
    Row{KafkaError::kFeatureUpdateFailed, "FEATURE_UPDATE_FAILED", false, false},
    Row{KafkaError::kPrincipalDeserializationFailure, "PRINCIPAL_DESERIALIZATION_FAILURE", false, false},
    Row{KafkaError::kSnapshotNotFound, "SNAPSHOT_NOT_FOUND", false, false},
    Row{KafkaError::kPositionOutOfRange, "POSITION_OUT_OF_RANGE", false, false},
    Row{KafkaError::kUnknownTopicId, "UNKNOWN_TOPIC_ID", true, true},
    Row{KafkaError::kDuplicateBrokerRegistration, "DUPLICATE_BROKER_REGISTRATION", false, false},
    Row{KafkaError::kBrokerIdNotRegistered, "BROKER_ID_NOT_REGISTERED", false, false},
    Row{KafkaError::kInconsistentTopicId, "INCONSISTENT_TOPIC_ID", true, true},
    Row{KafkaError::kInconsistentClusterId, "INCONSISTENT_CLUSTER_ID", false, false},
    Row{KafkaError::kTransactionalIdNotFound, "TRANSACTIONAL_ID_NOT_FOUND", false, false},
    Row{KafkaError::kFetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR", true, false},
    Row{KafkaError::kIneligibleReplica, "INELIGIBLE_REPLICA", false, false},
    Row{KafkaError::kNewLeaderElected, "NEW_LEADER_ELECTED", false, false},
    Row{KafkaError::kOffsetMovedToTieredStorage, "OFFSET_MOVED_TO_TIERED_STORAGE", false, false},
    Row{KafkaError::kFencedMemberEpoch, "FENCED_MEMBER_EPOCH", false, false},
    Row{KafkaError::kUnreleasedInstanceId, "UNRELEASED_INSTANCE_ID", false, false},
    Row{KafkaError::kUnsupportedAssignor, "UNSUPPORTED_ASSIGNOR", false, false},
    Row{KafkaError::kStaleMemberEpoch, "STALE_MEMBER_EPOCH", false, false},
    Row{KafkaError::kMismatchedEndpointType, "MISMATCHED_ENDPOINT_TYPE", false, false},
    Row{KafkaError::kUnsupportedEndpointType, "UNSUPPORTED_ENDPOINT_TYPE", false, false},
    Row{KafkaError::kUnknownControllerId, "UNKNOWN_CONTROLLER_ID", false, false},
    Row{KafkaError::kUnknownSubscriptionId, "UNKNOWN_SUBSCRIPTION_ID", false, false},
    Row{KafkaError::kTelemetryTooLarge, "TELEMETRY_TOO_LARGE", false, false},
    Row{KafkaError::kInvalidRegistration, "INVALID_REGISTRATION", false, false},
    Row{KafkaError::kTransactionAbortable, "TRANSACTION_ABORTABLE", false, false},
    Row{KafkaError::kInvalidRecordState, "INVALID_RECORD_STATE", false, false},
    Row{KafkaError::kShareSessionNotFound, "SHARE_SESSION_NOT_FOUND", true, false},
    Row{KafkaError::kInvalidShareSessionEpoch, "INVALID_SHARE_SESSION_EPOCH", true, false},
    Row{KafkaError::kFencedStateEpoch, "FENCED_STATE_EPOCH", false, false},
    Row{KafkaError::kInvalidVoterKey, "INVALID_VOTER_KEY", false, false},
    Row{KafkaError::kDuplicateVoter, "DUPLICATE_VOTER", false, false},
    Row{KafkaError::kVoterNotFound, "VOTER_NOT_FOUND", false, false},
    Row{KafkaError::kInvalidRegularExpression, "INVALID_REGULAR_EXPRESSION", false, false},
    Row{KafkaError::kRebootstrapRequired, "REBOOTSTRAP_REQUIRED", false, false},
    Row{KafkaError::kStreamsInvalidTopology, "STREAMS_INVALID_TOPOLOGY", false, false},
    Row{KafkaError::kStreamsInvalidTopologyEpoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", false, false},
    Row{KafkaError::kStreamsTopologyFenced, "STREAMS_TOPOLOGY_FENCED", false, false},
    Row{KafkaError::kShareSessionLimitReached, "SHARE_SESSION_LIMIT_REACHED", true, false},
};

constexpr std::int16_t kFirstCode = -1;

constexpr bool is_dense() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::int16_t>(kRows[i].error) != kFirstCode + static_cast<std::int16_t>(i)) return false;
  }
  return true;
}
static_assert(is_dense(), "find() takes the code as an index");

const Row* find(std::int16_t code) {
  const int index = code - kFirstCode;
  if (index < 0 || static_cast<std::size_t>(index) >= kRows.size()) return nullptr;
  return &kRows[static_cast<std::size_t>(index)];
}

}  // namespace

std::string name(std::int16_t code) {
  const Row* row = find(code);
  return row != nullptr ? std::string(row->name) : "UNKNOWN_ERROR_CODE_" + std::to_string(code);
}

bool is_retriable(std::int16_t code) {
  const Row* row = find(code);
  return row != nullptr && row->retriable;
}

bool refreshes_metadata(std::int16_t code) {
  const Row* row = find(code);
  return row != nullptr && row->refreshes_metadata;
}

std::string name(KafkaError error) { return name(static_cast<std::int16_t>(error)); }
bool is_retriable(KafkaError error) { return is_retriable(static_cast<std::int16_t>(error)); }
bool refreshes_metadata(KafkaError error) { return refreshes_metadata(static_cast<std::int16_t>(error)); }

}  // namespace sluice::protocol
