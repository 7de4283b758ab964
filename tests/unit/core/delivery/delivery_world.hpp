#pragma once

#include "daemon/core/delivery/delivery.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/stats.hpp"
#include "protocol/records/record_cursor.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Comes again at once and as it was: for tests that are about something else.
inline Redelivery whole_batches() {
  Redelivery redelivery;
  redelivery.alone_from = 0;
  redelivery.backoff = {};
  return redelivery;
}

/// What give_back() is told in most tests.
inline std::function<PartitionLedger::Return(const PartitionLedger::Entry&)> back(TimePoint not_before,
                                                                                  bool counted = true) {
  return
      [=](const PartitionLedger::Entry&) { return PartitionLedger::Return{not_before, counted, false, 0}; };
}

/// Everything around the delivery of records, without a broker: a test feeds record sets as a Fetch response
/// would bring them.
struct World {
  explicit World(std::int64_t budget_bytes = 64 << 20, Delivery::Options options = {})
      : budget(budget_bytes), delivery(options, partitions, leases, window, budget, stats) {}

  Partition& add(const std::string& topic, PartitionId number, Offset start = 0) {
    const TopicPartition tp{topic, number};
    const Backoff retry(std::chrono::milliseconds(100), std::chrono::seconds(1));
    Partition& partition = partitions.emplace(tp, Partition(tp, ++incarnations, retry)).first->second;
    partition.start_at(start);
    return partition;
  }

  /// Takes `records` in as one response, charged like one.
  void feed(Partition& partition,
            std::string records,
            std::optional<protocol::AbortedTransactions> aborted = {}) {
    struct Charged {
      std::string bytes;
      Charge charge;
    };
    auto charged = std::make_shared<Charged>();
    charged->bytes = std::move(records);
    charged->charge = budget.take(static_cast<std::int64_t>(charged->bytes.size()));
    const std::shared_ptr<const std::string> frame(charged, &charged->bytes);
    partition.buffer.add({frame, *frame, std::move(aborted)}, partition.fetch_position);
    partition.fetch_position = partition.buffer.end().value_or(partition.fetch_position);
    partition.end = std::max(partition.end.value_or(0), partition.fetch_position);
  }

  std::uint64_t start(FetchSpec spec) { return delivery.start(std::move(spec), now); }

  /// What is answered now: one turn.
  std::vector<Delivery::Done> serve() {
    delivery.serve(now, 0, situation, outbox);
    return delivery.take_done();
  }

  /// One fetch that does not wait.
  FetchResult fetch(FetchSpec spec = {}) {
    spec.wait = Duration::zero();
    const std::uint64_t ticket = start(std::move(spec));
    std::vector<Delivery::Done> done = serve();
    for (Delivery::Done& each : done) {
      if (each.ticket == ticket) return std::move(each.result);
    }
    ADD_FAILURE() << "no answer";
    return {};
  }

  AckResult ack(BatchId id, const AckSpec& spec = {}) {
    AckResult result = leases.ack(id, spec, partitions, now);
    for (const PartitionProgress& each : result.offsets) partitions.at(each.partition).free_settled(budget);
    return result;
  }
  LeaseResult release(BatchId id, std::optional<Duration> delay = Duration{}) {
    return leases.release(id, delay, partitions, now);
  }
  void undo(BatchId id) { leases.undo(id, partitions, now); }
  void expire() {
    leases.expire(now, partitions, [](const LeaseTable::Lease&, const TopicPartition&, std::int64_t) {});
  }
  /// The group took it away.
  void lose(const std::string& topic, PartitionId number) {
    const TopicPartition tp{topic, number};
    const std::uint64_t incarnation = partitions.at(tp).incarnation;
    partitions.erase(tp);
    leases.forget(incarnation, partitions, now);
  }

  void check() const {
    for (const auto& [tp, partition] : partitions) partition.ledger->check_invariants();
  }

  MemoryBudget budget;
  Partitions partitions;
  ConsumerStats stats;
  LeaseTable leases{1, whole_batches()};
  Window window{Window::Options{}};
  Outbox outbox;
  Delivery delivery;
  Delivery::Situation situation{false, true};
  TimePoint now{std::chrono::seconds(1000)};
  std::uint64_t incarnations = 0;
};

inline FetchSpec spec_of(std::int32_t max_records, std::int64_t max_bytes = -1) {
  FetchSpec spec;
  spec.max_records = max_records;
  spec.max_bytes = max_bytes;
  spec.lease = std::chrono::seconds(30);
  return spec;
}

/// Offsets of a segment's records, read as an encoder of responses reads them.
inline void append_offsets(const Segment& segment, std::vector<Offset>& out) {
  protocol::RecordCursor cursor(segment.chunk->batch.header, segment.chunk->batch.payload, segment.begin);
  protocol::Record record;
  std::uint32_t count = 0;
  while (cursor.position() < segment.end && cursor.next(record)) {
    out.push_back(record.offset);
    ++count;
  }
  EXPECT_EQ(count, segment.records);
  EXPECT_EQ(cursor.position(), segment.end);
}

inline std::vector<Offset> offsets_of(const std::vector<Segment>& segments) {
  std::vector<Offset> out;
  for (const Segment& segment : segments) append_offsets(segment, out);
  return out;
}

inline std::vector<Offset> offsets_of(const FetchResult& result) {
  std::vector<Offset> out;
  if (!result.batch) return out;
  for (const BatchSlice& slice : result.batch->slices) {
    for (const Segment& segment : slice.segments) append_offsets(segment, out);
  }
  return out;
}

inline std::vector<Offset> from_to(Offset first, Offset last) {
  std::vector<Offset> out;
  for (Offset offset = first; offset <= last; ++offset) out.push_back(offset);
  return out;
}

/// `count` records of `size` payload bytes each.
inline std::string batch_of(Offset base,
                            int count,
                            std::size_t size,
                            protocol::Codec codec = protocol::Codec::kNone) {
  testing::RecordBatchBuilder builder(base);
  builder.codec(codec);
  const std::string value(size, 'x');
  for (int i = 0; i < count; ++i) builder.add(1000 + base + i, std::nullopt, value);
  return builder.build();
}

}  // namespace sluice::core
