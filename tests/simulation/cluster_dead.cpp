#include "protocol/records/record_cursor.hpp"
#include "protocol/records/record_set.hpp"
#include "tests/simulation/cluster.hpp"
#include "tests/simulation/error_codes.hpp"

#include <algorithm>
#include <charconv>
#include <variant>

// The dead letter topic, and what a broker does for idempotent producers (KIP-98).
namespace sluice::simulation {

using protocol::ApiKey;
using protocol::KafkaError;

namespace {

constexpr std::int16_t kProduceById = 13;
constexpr std::size_t kBatchesKept = 5;

std::int16_t code(KafkaError error) { return static_cast<std::int16_t>(error); }

template <class T>
T big_endian(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = value << 8U | static_cast<unsigned char>(bytes.at(at + i));
  return static_cast<T>(value);
}

std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size(), "a header of a dead letter is no number");
  return value;
}

/// A broker may say these after it has written.
bool may_be_written(KafkaError error) {
  return error == KafkaError::kNotEnoughReplicasAfterAppend || error == KafkaError::kRequestTimedOut ||
         error == KafkaError::kUnknownServerError;
}

}  // namespace

void Cluster::on_init_producer(const Call& call) {
  protocol::InitProducerIdResponse response;
  if (const auto error = injected(ApiKey::kInitProducerId)) {
    response.error_code = *error;
  } else {
    response.producer_id = ++last_producer_;
  }
  answer(call, std::move(response));
}

void Cluster::on_produce(const Call& call, const protocol::ProduceRequest& request) {
  require(request.acks == -1, "a dead letter is written without waiting for the replicas");
  protocol::ProduceResponse response;
  for (const auto& wanted : request.topic_data) {
    const bool by_id = call.version >= kProduceById;
    const std::string* known = by_id ? name_of(wanted.topic_id) : &wanted.name;
    auto& topic = response.responses.emplace_back();
    if (by_id) {
      topic.topic_id = wanted.topic_id;
    } else {
      topic.name = wanted.name;
    }
    for (const auto& each : wanted.partition_data) {
      auto& partition = topic.partition_responses.emplace_back();
      partition.index = each.index;
      partition.base_offset = -1;
      require(known != nullptr && *known == kDeadTopic, "a record is written to a topic of somebody else");
      const TopicPartition tp{*known, each.index};
      partition.error_code = check_leader(tp, call.node, -1);
      if (partition.error_code != 0) continue;
      const auto error = injected(ApiKey::kProduce);
      const bool write = !error || (may_be_written(static_cast<KafkaError>(*error)) && dice_.chance(0.5));
      if (write) append(tp, each.records.value(), partition);
      if (!error || partition.error_code != 0) continue;
      partition.error_code = *error;
      partition.base_offset = -1;
    }
  }
  answer(call, std::move(response));
}

void Cluster::append(const TopicPartition& tp,
                     std::string_view records,
                     protocol::ProduceResponse::PartitionProduceResponse& answer) {
  constexpr std::size_t kProducerId = 43;
  constexpr std::size_t kEpoch = 51;
  constexpr std::size_t kSequence = 53;
  protocol::RecordSetReader reader(records);
  const auto raw = reader.next();
  require(raw && *raw, "what is written to the dead letter topic is no batch");
  require((*raw)->bytes.size() == records.size(), "more than one batch in a Produce");
  const auto decoded = protocol::decode_batch(**raw, std::size_t{64} << 20);
  require(decoded.has_value(), "a batch for the dead letter topic cannot be read");
  const auto id = big_endian<std::int64_t>(records, kProducerId);
  const auto epoch = big_endian<std::int16_t>(records, kEpoch);
  const auto sequence = big_endian<std::int32_t>(records, kSequence);
  const std::int32_t count = decoded->header.record_count;
  DeadPartition& partition = dead_.at(tp);
  const std::uint64_t digest = digest_of_bytes(records);
  if (id >= 0) {
    require(id <= last_producer_, "a producer id that nobody gave out");
    Producer& producer = partition.producers[id];
    require(epoch == producer.epoch, "an epoch of a producer that nobody gave out");
    for (const Producer::Known& known : producer.last) {
      if (known.sequence != sequence) continue;
      require(known.count == count && known.digest == digest,
              "other records under the sequence numbers of a batch that is there");
      const bool plainly = dice_.chance(0.5);
      answer.error_code = plainly ? std::int16_t{0} : code(KafkaError::kDuplicateSequenceNumber);
      answer.base_offset = plainly ? known.offset : -1;
      return;
    }
    if (sequence != producer.next) {
      require(sequence < producer.next, "a gap in the sequence numbers of a producer");
      answer.error_code = code(KafkaError::kOutOfOrderSequenceNumber);
      return;
    }
    producer.next += count;
    producer.last.push_back({sequence, count, partition.end, digest});
    if (producer.last.size() > kBatchesKept) producer.last.pop_front();
  }
  answer.base_offset = partition.end;
  protocol::RecordCursor cursor(decoded->header, decoded->payload);
  protocol::Record record;
  std::int32_t seen = 0;
  for (; cursor.next(record); ++seen) check_letter(record);
  require(!cursor.failed() && seen == count && count > 0, "a batch of dead letters counts its records wrong");
  partition.end += count;
  trace_.add(scheduler_.now(), -1, "dead letters", tp.partition, answer.base_offset, count);
}

/// A dead letter is the record that it says it is, and had its chances.
void Cluster::check_letter(const protocol::Record& record) {
  constexpr std::string_view kPrefix = "sluice.dead-letter.";
  std::map<std::string, std::string, std::less<>> told;
  record.headers.for_each([&](const protocol::RecordHeader& header) {
    if (header.name.starts_with(kPrefix))
      told[std::string(header.name.substr(kPrefix.size()))] = header.value.value_or("");
  });
  for (const char* name : {"topic", "partition", "offset", "group", "consumer", "deliveries", "cause"})
    require(told.contains(name), "a dead letter does not say where it comes from");
  const TopicPartition tp{told["topic"], static_cast<core::PartitionId>(number(told["partition"]))};
  const Offset offset = number(told["offset"]);
  require(states_.contains(tp) && told["group"] == "group" && told["consumer"] == "simulated",
          "a dead letter comes from nowhere");
  const std::uint64_t digest =
      told.contains("last-offset")
          ? digest_of_bytes(record.value.value_or(""))
          : digest_of_parts(offset, record, [&](const protocol::RecordHeader& header) {
              return !header.name.starts_with(kPrefix);
            });
  const PartitionState& source = state(tp);
  const auto is_it = [&](const PartitionLog& log) {
    return offset < log.end() && log.is_visible(offset) && log.digest_at(offset) == digest;
  };
  const bool current = is_it(source.log);
  const bool former = std::any_of(source.former.begin(), source.former.end(),
                                  [&](const auto& each) { return is_it(each.second); });
  if (!current && !former)
    throw Violation("a dead letter differs from its record: " + core::to_string(tp) + " at " +
                    std::to_string(offset));
  ++dead_lettered_;
  if (!current) return;
  const auto deliveries = static_cast<int>(number(told["deliveries"]));
  const std::string& cause = told["cause"];
  if (cause == "max_deliveries") {
    require(deliveries >= static_cast<int>(settings_.redelivery.max_deliveries),
            "a record is given up before its last delivery");
  }
  require(deliveries <= history_.deliveries(tp, offset), "a dead letter counts deliveries that never were");
  require(cause != "rejected" || deliveries > 0, "a record is rejected that nobody had");
  history_.dead_lettered(tp, offset);
}

}  // namespace sluice::simulation
