#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/backoff.hpp"
#include "daemon/core/delivery/partition_ledger.hpp"
#include "daemon/core/fetch/partition_buffer.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sluice::core {

/// Where a partition stands between assignment and delivery.
enum class PartitionPhase : std::uint8_t {
  kCommittedOffset = 1,  ///< asking the coordinator where the group stands
  kReset,                ///< no committed offset: asking the leader by auto.offset.reset
  kOutOfRange,           ///< the leader refused our offset: finding out why
  kFetching,             ///< position known
  kStopped,              ///< needs an operator; see `error`
};

/// Where the first never handed out record starts inside the buffer.
struct ReadMark {
  Offset chunk_last = -1;    ///< identifies the chunk
  std::size_t position = 0;  ///< bytes into its payload
};

/// Everything a consumer knows of one partition that is assigned to it.
struct Partition {
  Partition(TopicPartition tp, std::uint64_t number, Backoff retry)
      : id(std::move(tp)), incarnation(number), backoff(retry) {}

  TopicPartition id;
  std::uint64_t incarnation;  ///< of this assignment; a lease from another one is lost
  PartitionPhase phase = PartitionPhase::kCommittedOffset;
  std::optional<std::string> error;  ///< why it stopped or what it keeps failing on

  std::optional<PartitionLedger> ledger;  ///< once the position is known
  PartitionBuffer buffer;
  Offset start = 0;  ///< where delivery began in this assignment
  Offset fetch_position = 0;
  ReadMark read_mark;

  std::optional<Offset> committed;
  std::int32_t committed_epoch = -1;
  std::int32_t watermark_epoch = -1;  ///< leader epoch of the last settled batch, for the commit

  std::optional<Offset> end;  ///< high watermark, or last stable offset for read_committed
  std::optional<Offset> log_start;
  TimePoint end_known_at{};
  std::optional<Offset> range_start;  ///< kOutOfRange: log start found, end still to be asked for

  bool fetch_in_flight = false;
  bool paused = false;
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

  /// Delivery begins at `offset`.
  void start_at(Offset offset) {
    ledger.emplace(offset);
    start = offset;
    fetch_position = offset;
    read_mark = {};
    phase = PartitionPhase::kFetching;
  }

  /// After settling: remembers the epoch that the next commit carries and frees what nobody will ask for
  /// again.
  void free_settled() {
    if (!ledger) return;
    const Offset watermark = ledger->watermark();
    const std::size_t index = buffer.find(watermark - 1);
    if (index < buffer.chunks().size() && buffer.chunks()[index]->batch.header.base_offset < watermark) {
      watermark_epoch = buffer.chunks()[index]->batch.header.leader_epoch;
    }
    buffer.settle_below(watermark);
  }

  /// Settled beyond what the coordinator knows.
  [[nodiscard]] bool needs_commit() const {
    return ledger.has_value() && ledger->watermark() > committed.value_or(start);
  }

  [[nodiscard]] bool ready() const { return phase == PartitionPhase::kFetching && ledger.has_value(); }

  /// Something in memory that was never handed out.
  [[nodiscard]] bool has_new_data() const {
    if (!ledger) return false;
    return buffer.has_undecoded() || buffer.find(ledger->position()) < buffer.chunks().size();
  }
};

using Partitions = std::map<TopicPartition, Partition>;

}  // namespace sluice::core
