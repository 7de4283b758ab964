#include "daemon/core/dead_letter/produce_verdict.hpp"

#include "protocol/messages/kafka_error.hpp"

namespace sluice::core {

using protocol::KafkaError;

ProduceVerdict verdict_of(std::int16_t code) {
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kNone:
    case KafkaError::kDuplicateSequenceNumber:
      return ProduceVerdict::kWritten;
    case KafkaError::kOutOfOrderSequenceNumber:
    case KafkaError::kUnknownProducerId:
    case KafkaError::kInvalidProducerEpoch:
    case KafkaError::kProducerFenced:
      return ProduceVerdict::kNewProducer;
    case KafkaError::kClusterAuthorizationFailed:
      return ProduceVerdict::kNoIdempotence;
    case KafkaError::kMessageTooLarge:
    case KafkaError::kRecordListTooLarge:
    case KafkaError::kInvalidRecord:
    case KafkaError::kInvalidTimestamp:
      return ProduceVerdict::kRecordRefused;
    case KafkaError::kUnknownServerError:  // Redpanda says so where Kafka has a code
      return ProduceVerdict::kRepeat;
    // Brokers check these before they write. A code that is not listed proves nothing: were the batch there
    // after all, another one under its sequence numbers would be taken for a duplicate and be lost.
    case KafkaError::kTopicAuthorizationFailed:
    case KafkaError::kInvalidTopicException:
    case KafkaError::kInvalidRequiredAcks:
    case KafkaError::kPolicyViolation:
    case KafkaError::kInvalidRequest:
    case KafkaError::kUnsupportedForMessageFormat:
      return ProduceVerdict::kRefused;
    default:
      return protocol::is_retriable(code) ? ProduceVerdict::kRepeat : ProduceVerdict::kUnclear;
  }
}

std::string refusal_text(std::int16_t code, const RefusedBatch& batch) {
  const std::string topic = "the dead letter topic " + batch.topic;
  std::string text = "Produce: " + protocol::name(code);
  if (batch.broker_says && !batch.broker_says->empty()) text += " (" + *batch.broker_says + ")";
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kMessageTooLarge:
    case KafkaError::kRecordListTooLarge:
      return text + ": record " + batch.first_letter + " takes " + std::to_string(batch.bytes) +
             " bytes: raise max.message.bytes of " + topic + " to at least that";
    case KafkaError::kInvalidRecord:
      return text + ": " + topic + " does not take record " + batch.first_letter +
             ": it must not be compacted (cleanup.policy=delete) nor check records against a schema";
    case KafkaError::kInvalidTimestamp:
      return text + ": " + topic + " does not take the time of record " + batch.first_letter +
             ": set message.timestamp.type=LogAppendTime on it";
    case KafkaError::kTopicAuthorizationFailed:
      return text + ": grant this principal WRITE on " + topic;
    case KafkaError::kClusterAuthorizationFailed:
      return text + ": grant this principal IDEMPOTENT_WRITE on the cluster and WRITE on " + topic;
    case KafkaError::kInvalidTopicException:
      return text + ": " + batch.topic + " cannot be written to: configure another dead letter topic";
    default:
      return text + ": " + topic + " does not take records";
  }
}

std::string repeat_text(std::int16_t code, const std::string& target) {
  const std::string text = "Produce: " + protocol::name(code) + ": ";
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kNotEnoughReplicas:
    case KafkaError::kNotEnoughReplicasAfterAppend:
      return text + "partition " + target +
             " of the dead letter topic has fewer replicas in sync than its min.insync.replicas: bring the "
             "missing brokers back, or lower it";
    default:
      return text + "partition " + target + " of the dead letter topic; trying again";
  }
}

std::string topic_problem_text(std::int16_t code, const std::string& topic) {
  switch (static_cast<KafkaError>(code)) {
    case KafkaError::kNone:
    case KafkaError::kUnknownTopicOrPartition:
    case KafkaError::kUnknownTopicId:
      return "the dead letter topic does not exist: create the topic " + topic;
    case KafkaError::kTopicAuthorizationFailed:
      return "Metadata: " + protocol::name(code) +
             ": grant this principal DESCRIBE and WRITE on the dead letter topic " + topic;
    case KafkaError::kInvalidTopicException:
      return "Metadata: " + protocol::name(code) + ": " + topic +
             " is no name of a topic: configure another dead letter topic";
    default:
      return "Metadata: " + protocol::name(code) + ": the dead letter topic " + topic +
             " has no partitions yet";
  }
}

}  // namespace sluice::core
