#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/backoff.hpp"
#include "daemon/core/commit/commit_metadata.hpp"
#include "daemon/core/delivery/key_order.hpp"
#include "daemon/core/delivery/partition_ledger.hpp"
#include "daemon/core/delivery/redelivery.hpp"
#include "daemon/core/fetch/partition_buffer.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/wire/uuid.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

/// Where a partition stands between assignment and delivery.
enum class PartitionPhase : std::uint8_t {
  kCommittedOffset = 1,  ///< asking the coordinator where the group stands
  kReset,                ///< no committed offset: asking the leader by auto.offset.reset
  kSeek,                 ///< an application wants to go on elsewhere: asking the leader where that is
  kOutOfRange,           ///< the leader refused our offset: finding out why
  kFetching,             ///< position known
  kStopped,              ///< needs an operator; see `error`
};

/// Where the first never handed out record starts inside the buffer.
struct ReadMark {
  Offset chunk_last = -1;    ///< identifies the chunk
  std::size_t position = 0;  ///< bytes into its payload
};

/// Records that get no further delivery and have not been passed to the dead letter topic yet.
struct Condemned {
  OffsetRange range;
  std::uint32_t deliveries = 0;
  std::string cause;   ///< rejected, max_deliveries
  std::string reason;  ///< of the application; may be empty
  bool told = false;   ///< counted
};

/// What the coordinator keeps beside the committed offset.
struct StoredMetadata {
  std::string text;
  bool foreign = false;      ///< written by somebody else: kept as it is
  std::size_t limit = 4096;  ///< most bytes that the broker takes; its own default until it says otherwise
};

/// Everything a consumer knows of one partition that is assigned to it.
struct Partition {
  Partition(TopicPartition tp, std::uint64_t number, Backoff retry, OrderMode mode = OrderMode::kPartition)
      : id(std::move(tp)), order(mode), incarnation(number), backoff(retry) {}

  TopicPartition id;
  OrderMode order;
  protocol::Uuid topic_id;         ///< zero: the broker has none
  protocol::Uuid former_topic_id;  ///< of a topic of this name that was deleted
  std::uint64_t incarnation;       ///< of this assignment; a lease from another one is lost
  PartitionPhase phase = PartitionPhase::kCommittedOffset;
  std::optional<std::string> error;  ///< why it stopped or what it keeps failing on

  std::optional<PartitionLedger> ledger;  ///< once the position is known
  PartitionBuffer buffer;
  Offset start = 0;  ///< where delivery began in this assignment
  Offset fetch_position = 0;
  ReadMark read_mark;

  KeyOrder keys;                       ///< order mode `key` only
  std::vector<Condemned> condemned;    ///< taken by the Consumer in its next turn
  std::vector<OffsetRange> withdrawn;  ///< condemned, but acked after all: the same
  bool span_full = false;              ///< the last look at it ended because too much is in flight

  std::optional<Offset> committed;
  std::uint64_t committed_version = 0;  ///< of the ledger, as of that commit
  std::int64_t settled_at_commit = 0;   ///< settled_total() of the ledger, as of the last commit sent
  StoredMetadata metadata;
  bool moved = false;  ///< by a seek: the next commit may go back
  std::int32_t committed_epoch = -1;
  std::int32_t watermark_epoch = -1;  ///< leader epoch of the last settled batch, for the commit

  std::optional<Offset> end;  ///< high watermark, or last stable offset for read_committed
  std::optional<Offset> log_start;
  TimePoint end_known_at{};
  std::optional<Offset> range_start;  ///< kOutOfRange: log start found, end still to be asked for

  bool fetch_in_flight = false;
  bool paused = false;
  std::int64_t seek_timestamp = -1;  ///< kSeek: as ListOffsets takes it
  bool wants_more = false;  ///< a fetch waits for more records than are here (min_records, min_bytes)
  bool revoking = false;
  TimePoint retry_at{};         ///< no request for this partition before
  TimePoint commit_retry_at{};  ///< no commit of this partition before
  Backoff backoff;

  std::optional<std::string> broken;  ///< data that could not be decoded, while it is being fetched again
  Backoff broken_backoff{std::chrono::seconds(1), std::chrono::seconds(60)};

  /// Deficit round-robin, in payload bytes: above 0 what it may still take in its turn, below 0 what it took
  /// too much.
  std::int64_t deficit = 0;
  std::uint64_t data_version = 0;  ///< grows with every response that brought data

  /// Delivery begins at `offset`. `known`: what earlier owners settled and tried above it.
  void start_at(Offset offset, const CommitMetadata& known = {});

  /// Decodes the next raw batch; see PartitionBuffer::decode_next().
  PartitionBuffer::Decoded decode_next(MemoryBudget& budget,
                                       std::size_t max_decompressed,
                                       bool must_progress,
                                       TopicStats& stats);

  // Changes of the ledger, with what else has to know of them. As the functions of the ledger.
  std::int64_t settle(OffsetRange range, LeaseNumber lease);
  std::int64_t give_back(OffsetRange range,
                         LeaseNumber lease,
                         const std::function<PartitionLedger::Return(const PartitionLedger::Entry&)>& terms);
  std::int64_t reject(OffsetRange range, LeaseNumber lease, const std::string& reason);
  std::int64_t settle_condemned(OffsetRange range);
  /// What an earlier owner tried as often as is allowed gets no further delivery.
  std::int64_t condemn_exhausted(const Redelivery& redelivery);
  /// Retention took everything below `offset`; returns how many offsets nobody will ever see.
  std::int64_t lose_below(Offset offset);

  /// The log ends at `log_end`: what an earlier owner says of offsets behind it is about records that are no
  /// more. Only before anything of the partition was read. True when something was forgotten.
  bool forget_beyond(Offset log_end);
  /// Drops all data in memory; nothing may be leased. What waits for delivery is read once more, if it is
  /// still there by then.
  void forget_data();
  /// Not all records that an earlier owner left have been seen yet.
  [[nodiscard]] bool inherits() const { return known_to_ < inherited_to_; }

  /// Behind everything that was decoded.
  [[nodiscard]] Offset next_unread() const {
    return std::max(inherits() ? known_to_ : ledger->position(), buffer.end().value_or(0));
  }

  /// After settling: remembers the epoch that the next commit carries and frees what nobody will ask for
  /// again.
  void free_settled(MemoryBudget& budget);

  /// The ledger has something to tell that the coordinator does not know.
  [[nodiscard]] bool needs_commit() const {
    return ledger.has_value() && (moved || ledger->watermark() != committed.value_or(start) ||
                                  ledger->version() != committed_version);
  }
  /// What a commit has to say beyond the watermark.
  [[nodiscard]] CommitMetadata commit_metadata() const;

  [[nodiscard]] bool ready() const { return phase == PartitionPhase::kFetching && ledger.has_value(); }

  /// Something in memory that was never handed out.
  [[nodiscard]] bool has_new_data() const {
    if (!ledger) return false;
    return buffer.has_undecoded() || buffer.find(ledger->position()) < buffer.chunks().size();
  }

 private:
  void take_over(const RecordChunk& chunk);
  void note_condemned(OffsetRange range, std::string_view cause);

  Offset known_to_ = 0;      ///< up to here, what is left of an earlier owner has been seen
  Offset inherited_to_ = 0;  ///< position when the assignment began
  std::int64_t compacted_at_ = 0;
};

using Partitions = std::map<TopicPartition, Partition>;

}  // namespace sluice::core
