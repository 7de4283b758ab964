#pragma once

#include "daemon/core/dead_letter/dead_letters.hpp"
#include "protocol/records/record_set.hpp"
#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/core/fetch/fetch_world.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// A chunk as a partition's buffer holds it.
inline std::shared_ptr<const RecordChunk> chunk_of(const testing::RecordBatchBuilder& builder) {
  auto frame = std::make_shared<const std::string>(builder.build());
  auto chunk = std::make_shared<RecordChunk>();
  chunk->frame = frame;
  chunk->batch = protocol::decode_batch(testing::only_batch(*frame), testing::kPlenty).value();
  return chunk;
}

/// The letter about record `index` of a chunk.
inline DeadLetter letter_about(TopicPartition partition,
                               const std::shared_ptr<const RecordChunk>& chunk,
                               std::size_t index = 0) {
  DeadLetter letter;
  protocol::RecordCursor cursor(chunk->batch.header, chunk->batch.payload);
  protocol::Record record;
  for (std::size_t i = 0; i <= index; ++i) {
    letter.begin = cursor.position();
    EXPECT_TRUE(cursor.next(record));
  }
  letter.end = cursor.position();
  letter.partition = std::move(partition);
  letter.incarnation = 1;
  letter.offsets = {record.offset, record.offset};
  letter.deliveries = 3;
  letter.cause = "rejected";
  letter.chunk = chunk;
  return letter;
}

/// The topic "dead" with a leader per partition, a machine, and the broker's side of the talk.
struct LetterWorld : FetchWorld {
  explicit LetterWorld(std::vector<protocol::NodeId> leaders = {1},
                       DeadLetters::Options options = {.topic = "dead", .group_id = "g", .consumer = "c"})
      : machine(std::move(options), 5) {
    learn(cluster_of({{"dead", std::move(leaders)}}));
  }

  void poll() {
    machine.poll(now, metadata, budget, outbox);
    collect();
  }
  void wait(Duration duration) {
    now += duration;
    poll();
  }

  /// A record of `topic`-`partition` with the value "v<offset>", or what is given.
  DeadLetter letter(const std::string& topic,
                    PartitionId partition,
                    Offset offset,
                    std::optional<std::string> value = std::nullopt) {
    const std::string text = value.value_or("v" + std::to_string(offset));
    return letter_about({topic, partition},
                        chunk_of(testing::RecordBatchBuilder(offset).add(1000, "k", text)));
  }
  void condemn(Offset offset, PartitionId partition = 0, std::optional<std::string> value = std::nullopt) {
    machine.add(letter("orders", partition, offset, std::move(value)));
  }

  void give_producer(std::int64_t id = 77, std::int16_t epoch = 2) {
    protocol::InitProducerIdResponse response;
    response.producer_id = id;
    response.producer_epoch = epoch;
    (void)take<protocol::InitProducerIdRequest>();
    reply(std::move(response));
  }
  void refuse_producer(protocol::KafkaError error) {
    protocol::InitProducerIdResponse response;
    response.error_code = code_of(error);
    (void)take<protocol::InitProducerIdRequest>();
    reply(std::move(response));
  }
  template <class Response>
  void reply(Response response) {
    EXPECT_TRUE(machine.on_reply(reply_to(last, std::move(response)), metadata, now, outbox));
    poll();
  }
  /// The machine has its producer id.
  void start() {
    poll();
    give_producer();
  }

  struct Produced {
    PartitionId target = -1;
    std::string bytes;
    std::int64_t producer_id = 0;
    std::int16_t producer_epoch = 0;
    std::int32_t base_sequence = 0;
    std::vector<testing::OwnedRecord> records;
    protocol::Outgoing request;

    [[nodiscard]] std::vector<std::string> values() const {
      std::vector<std::string> out;
      for (const auto& record : records) out.push_back(record.value.value_or("null"));
      return out;
    }
  };
  /// The oldest unread request, which must be a Produce of one batch.
  Produced produced() {
    const auto request = take<protocol::ProduceRequest>();
    Produced out;
    if (request.topic_data.size() != 1 || request.topic_data[0].partition_data.size() != 1) return out;
    EXPECT_EQ(request.topic_data[0].name, "dead");
    out.target = request.topic_data[0].partition_data[0].index;
    out.bytes = request.topic_data[0].partition_data[0].records.value_or("");
    out.producer_id = protocol::batch_layout::load<std::int64_t>(out.bytes, 43);
    out.producer_epoch = protocol::batch_layout::load<std::int16_t>(out.bytes, 51);
    out.base_sequence = protocol::batch_layout::load<std::int32_t>(out.bytes, 53);
    out.records = testing::read_records(out.bytes);
    out.request = last;
    return out;
  }
  void answer(const Produced& what,
              protocol::KafkaError error = protocol::KafkaError::kNone,
              Offset base_offset = 500) {
    protocol::ProduceResponse response;
    response.responses.emplace_back();
    response.responses[0].topic_id = metadata.id_of("dead");
    response.responses[0].partition_responses.emplace_back();
    auto& partition = response.responses[0].partition_responses[0];
    partition.index = what.target;
    partition.error_code = code_of(error);
    partition.base_offset = error == protocol::KafkaError::kNone ? base_offset : -1;
    last = what.request;
    reply(std::move(response));
  }
  void lose(const Produced& what, protocol::FailureKind kind = protocol::FailureKind::kDisconnected) {
    protocol::Failure failure = failure_of(what.request);
    failure.kind = kind;
    EXPECT_TRUE(machine.on_failure(failure, metadata, now));
    poll();
  }
  /// The offsets of the source that are safe since the last call.
  std::vector<Offset> done() {
    std::vector<Offset> out;
    for (const auto& each : machine.take_done()) out.push_back(each.offsets.first);
    return out;
  }
  [[nodiscard]] std::string error() const { return machine.error().value_or(""); }

  DeadLetters machine;
};

}  // namespace sluice::core
