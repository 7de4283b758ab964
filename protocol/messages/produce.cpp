#include "protocol/messages/produce.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template <>
struct Description<ProduceRequest::PartitionProduceData> {
  using T = ProduceRequest::PartitionProduceData;
  static constexpr auto kValue =
      structure(field("Index", &T::index), field("Records", &T::records).nullable());
};

template <>
struct Description<ProduceRequest::TopicProduceData> {
  using T = ProduceRequest::TopicProduceData;
  static constexpr auto kValue = structure(field("Name", &T::name, between(0, 12)).ignorable(),
                                           field("TopicId", &T::topic_id, since(13)).ignorable(),
                                           field("PartitionData", &T::partition_data));
};

template <>
struct Description<ProduceRequest> {
  using T = ProduceRequest;
  static constexpr auto kValue = message("ProduceRequest",
                                         between(3, 13),
                                         since(9),
                                         field("TransactionalId", &T::transactional_id, since(3)).nullable(),
                                         field("Acks", &T::acks),
                                         field("TimeoutMs", &T::timeout_ms),
                                         field("TopicData", &T::topic_data));
};

template <>
struct Description<ProduceResponse::BatchIndexAndErrorMessage> {
  using T = ProduceResponse::BatchIndexAndErrorMessage;
  static constexpr auto kValue =
      structure(field("BatchIndex", &T::batch_index, since(8)),
                field("BatchIndexErrorMessage", &T::batch_index_error_message, since(8)).nullable());
};

template <>
struct Description<ProduceResponse::LeaderIdAndEpoch> {
  using T = ProduceResponse::LeaderIdAndEpoch;
  static constexpr auto kValue = structure(field("LeaderId", &T::leader_id, since(10)),
                                           field("LeaderEpoch", &T::leader_epoch, since(10)));
};

template <>
struct Description<ProduceResponse::PartitionProduceResponse> {
  using T = ProduceResponse::PartitionProduceResponse;
  static constexpr auto kValue =
      structure(field("Index", &T::index),
                field("ErrorCode", &T::error_code),
                field("BaseOffset", &T::base_offset),
                field("LogAppendTimeMs", &T::log_append_time_ms, since(2)).ignorable(),
                field("LogStartOffset", &T::log_start_offset, since(5)).ignorable(),
                field("RecordErrors", &T::record_errors, since(8)).ignorable(),
                field("ErrorMessage", &T::error_message, since(8)).nullable().ignorable(),
                field("CurrentLeader", &T::current_leader, since(10)).tagged(0));
};

template <>
struct Description<ProduceResponse::TopicProduceResponse> {
  using T = ProduceResponse::TopicProduceResponse;
  static constexpr auto kValue = structure(field("Name", &T::name, between(0, 12)).ignorable(),
                                           field("TopicId", &T::topic_id, since(13)).ignorable(),
                                           field("PartitionResponses", &T::partition_responses));
};

template <>
struct Description<ProduceResponse::NodeEndpoint> {
  using T = ProduceResponse::NodeEndpoint;
  static constexpr auto kValue = structure(field("NodeId", &T::node_id, since(10)),
                                           field("Host", &T::host, since(10)),
                                           field("Port", &T::port, since(10)),
                                           field("Rack", &T::rack, since(10)).nullable());
};

template <>
struct Description<ProduceResponse> {
  using T = ProduceResponse;
  static constexpr auto kValue = message("ProduceResponse",
                                         between(3, 13),
                                         since(9),
                                         field("Responses", &T::responses),
                                         field("ThrottleTimeMs", &T::throttle_time_ms, since(1)).ignorable(),
                                         field("NodeEndpoints", &T::node_endpoints, since(10)).tagged(0));
};

template struct MessageCodec<ProduceRequest>;
template struct MessageCodec<ProduceResponse>;

}  // namespace sluice::protocol
