#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/dead_letter/dead_letter.hpp"
#include "daemon/core/dead_letter/letter_queue.hpp"
#include "daemon/core/dead_letter/letter_record.hpp"
#include "daemon/core/dead_letter/producer_identity.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// The sequence number `count` records after `sequence`: from 2^31-1 it goes on with 0. Source: KIP-98.
[[nodiscard]] std::int32_t sequence_after(std::int32_t sequence, std::size_t count);

/// Writes condemned records to the dead letter topic, as an idempotent producer. At least once: a letter is
/// done when the broker has acknowledged it, and after trouble it may be there twice, but never not.
///
/// A source partition goes to the partition of the topic with its number, modulo their count, so letters of
/// one source stay in order. Per target one Produce is in flight. A batch whose fate is unknown is repeated
/// byte for byte until it is known: the broker recognises what it has.
///
/// The Consumer sees to it that Metadata asks for the topic. Requests borrow the encoded batches: this must
/// live until all its requests have been answered or failed, and the MemoryBudget longer than this.
class DeadLetters {
 public:
  struct Options {
    std::string topic;     ///< empty: disabled, poll() does nothing
    std::string group_id;  ///< for the headers
    std::string consumer;  ///< for the headers
    std::chrono::milliseconds request_timeout{30'000};
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::seconds(1);
    std::int64_t batch_bytes_max = 1 << 20;  ///< a single larger record goes alone
    std::size_t batch_records_max = 500;
  };

  /// A letter is safe.
  struct Done {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    OffsetRange offsets;
    TopicPartition written_to;
    Offset written_at = -1;  ///< -1: written by an earlier attempt, the broker no longer knows where
    std::string cause;
  };

  DeadLetters(Options options, std::uint64_t seed);

  /// Nothing happens when the same letter waits already.
  void add(DeadLetter letter);
  /// The partition is no longer ours: its letters are dropped. One under way may still be written.
  void forget(const TopicPartition& partition, std::uint64_t incarnation);
  /// Acked late: drops the letter that begins at `offset`, unless it may have been written already.
  void withdraw(const TopicPartition& partition, std::uint64_t incarnation, Offset offset);

  void poll(TimePoint now, const Metadata& metadata, MemoryBudget& budget, Outbox& outbox);
  /// True when the answer was to one of ours.
  bool on_reply(const protocol::Reply& reply, Metadata& metadata, TimePoint now, Outbox& outbox);
  bool on_failure(const protocol::Failure& failure, Metadata& metadata, TimePoint now);

  [[nodiscard]] std::vector<Done> take_done() { return std::exchange(done_, {}); }

  [[nodiscard]] bool waiting(const TopicPartition& partition) const { return queue_.waiting(partition); }
  [[nodiscard]] std::size_t waiting_count() const { return queue_.size(); }
  /// Why letters of this source partition are stuck, with the remedy; nothing when none waits, or all is
  /// well.
  [[nodiscard]] std::optional<std::string> error(const TopicPartition& partition) const;
  /// The first of these errors.
  [[nodiscard]] std::optional<std::string> error() const;
  /// A batch is under way: its bytes are borrowed.
  [[nodiscard]] bool in_flight() const;

 private:
  /// One encoded batch and the letters in it. Its bytes never change.
  struct Parcel {
    std::vector<LetterKey> letters;
    std::shared_ptr<const std::string> bytes;
    Charge charge;
    std::uint64_t generation = 0;  ///< of the identity in it
    std::int32_t base_sequence = -1;
    bool maybe_written = false;
    std::optional<protocol::RequestId> request;  ///< while it is in flight
  };

  /// The way to one partition of the dead letter topic.
  struct Lane {
    explicit Lane(Backoff retry) : backoff(retry) {}

    std::optional<Parcel> parcel;
    std::uint64_t generation = 0;  ///< of the identity that `next_sequence` belongs to
    std::int32_t next_sequence = 0;
    std::size_t singles =
        0;  ///< so many letters go alone: one of them was refused, and we want to know which
    Backoff backoff;
    TimePoint retry_at = TimePoint::min();
    std::optional<std::string> error;
    std::optional<LetterKey> refused;  ///< the record that the lane is stuck on
    protocol::NodeId leader = -1;      ///< that the last attempt went to
  };

  [[nodiscard]] PartitionId target_of(const TopicPartition& source) const;
  /// False when nothing can be written at all.
  [[nodiscard]] bool look_at_topic(const Metadata& metadata, Outbox& outbox);
  void open_lanes();
  void poll_lane(PartitionId target,
                 Lane& lane,
                 TimePoint now,
                 const Metadata& metadata,
                 MemoryBudget& budget,
                 Outbox& outbox);
  void give_up_orphans(PartitionId target, Lane& lane);
  [[nodiscard]] bool has_free(PartitionId target) const;
  void pack(PartitionId target, Lane& lane, MemoryBudget& budget);
  void send(
      PartitionId target, Lane& lane, protocol::NodeId leader, const Metadata& metadata, Outbox& outbox);

  using Answer = protocol::ProduceResponse::PartitionProduceResponse;
  void take(PartitionId target,
            Lane& lane,
            const Answer& answer,
            Metadata& metadata,
            TimePoint now,
            Outbox& outbox);
  void finish(PartitionId target, Lane& lane, Offset base_offset);
  void refuse(Lane& lane, const Answer& answer, bool of_record, TimePoint now, Outbox& outbox);
  /// Takes the batch apart: its letters wait again, for another batch.
  void unpack(Lane& lane);

  Options options_;
  LetterOrigin origin_;
  Random random_;
  ProducerIdentity identity_;
  LetterQueue queue_;
  std::map<PartitionId, Lane> lanes_;
  std::optional<std::string> topic_error_;
  std::size_t partition_count_ = 0;  ///< of the dead letter topic
  std::vector<Done> done_;
};

}  // namespace sluice::core
