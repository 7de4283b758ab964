#include "protocol/messages/consumer_protocol.hpp"

#include "protocol/schema/codec_definition.hpp"
#include "protocol/wire/byte_reader.hpp"
#include "protocol/wire/byte_writer.hpp"

#include <algorithm>

namespace sluice::protocol {

template <>
struct Description<ConsumerProtocolSubscription::TopicPartition> {
  using T = ConsumerProtocolSubscription::TopicPartition;
  static constexpr auto kValue =
      structure(field("Topic", &T::topic, since(1)), field("Partitions", &T::partitions, since(1)));
};

template <>
struct Description<ConsumerProtocolSubscription> {
  using T = ConsumerProtocolSubscription;
  static constexpr auto kValue = message("ConsumerProtocolSubscription",
                                         between(0, 3),
                                         kNever,
                                         field("Topics", &T::topics),
                                         field("UserData", &T::user_data).nullable(),
                                         field("OwnedPartitions", &T::owned_partitions, since(1)).ignorable(),
                                         field("GenerationId", &T::generation_id, since(2)).ignorable(),
                                         field("RackId", &T::rack_id, since(3)).nullable().ignorable());
};

template <>
struct Description<ConsumerProtocolAssignment::TopicPartition> {
  using T = ConsumerProtocolAssignment::TopicPartition;
  static constexpr auto kValue = structure(field("Topic", &T::topic), field("Partitions", &T::partitions));
};

template <>
struct Description<ConsumerProtocolAssignment> {
  using T = ConsumerProtocolAssignment;
  static constexpr auto kValue = message("ConsumerProtocolAssignment",
                                         between(0, 3),
                                         kNever,
                                         field("AssignedPartitions", &T::assigned_partitions),
                                         field("UserData", &T::user_data).nullable());
};

namespace {

template <class M>
Result<std::string> encode_versioned(const M& message, std::int16_t version) {
  std::string blob;
  ByteWriter(blob).write_int16(version);
  if (auto done = encode_to(blob, message, version); !done) return tl::unexpected(done.error());
  return blob;
}

template <class M>
Result<M> decode_versioned(std::string_view blob) {
  if (blob.empty()) return M{};
  ByteReader reader(blob);
  const std::int16_t claimed = reader.read_int16();
  const std::string_view body = blob.substr(reader.position());
  if (reader.failed() || claimed < 0) {
    return fail(ErrorKind::kMalformed, std::string(Description<M>::kValue.name) + ": no version in front");
  }
  const std::int16_t version = std::min(claimed, M::kVersions.max);
  auto message = decode<M>(body, version, Trailing::kAllow);
  if (message || message.error().kind != ErrorKind::kTruncated) return message;
  for (auto older = static_cast<std::int16_t>(version - 1); older >= 0; --older) {
    if (auto complete = decode<M>(body, older, Trailing::kRefuse)) return complete;
  }
  return message;
}

}  // namespace

Result<std::string> encode_blob(const ConsumerProtocolSubscription& subscription, std::int16_t version) {
  return encode_versioned(subscription, version);
}

Result<std::string> encode_blob(const ConsumerProtocolAssignment& assignment, std::int16_t version) {
  return encode_versioned(assignment, version);
}

template <>
Result<ConsumerProtocolSubscription> decode_blob(std::string_view blob) {
  return decode_versioned<ConsumerProtocolSubscription>(blob);
}

template <>
Result<ConsumerProtocolAssignment> decode_blob(std::string_view blob) {
  return decode_versioned<ConsumerProtocolAssignment>(blob);
}

template struct MessageCodec<ConsumerProtocolSubscription>;
template struct MessageCodec<ConsumerProtocolAssignment>;

}  // namespace sluice::protocol
