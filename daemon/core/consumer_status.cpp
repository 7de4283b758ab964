#include "daemon/core/consumer.hpp"
#include "daemon/core/group/member_state.hpp"
#include "protocol/records/record_set.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace sluice::core {

namespace {

std::string seconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

/// Timestamp of the record at the watermark, when it is still in memory.
std::optional<std::int64_t> first_unsettled_timestamp(const Partition& partition) {
  const Offset watermark = partition.ledger->watermark();
  const auto& chunks = partition.buffer.chunks();
  for (std::size_t i = partition.buffer.find(watermark); i < chunks.size(); ++i) {
    protocol::RecordCursor cursor(chunks[i]->batch.header, chunks[i]->batch.payload);
    protocol::Record record;
    while (cursor.next(record)) {
      if (record.offset >= watermark)
        return record.timestamp >= 0 ? std::optional(record.timestamp) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// The lease that holds the first leased record; nothing when none is leased.
std::optional<LeaseNumber> first_holder(const PartitionLedger& ledger) {
  if (!ledger.has_leased()) return std::nullopt;
  auto piece = ledger.first_unsettled(ledger.watermark());
  while (piece && piece->entry.state != PartitionLedger::State::kLeased) {
    piece = ledger.first_unsettled(piece->range.last + 1);
  }
  return piece ? std::optional(piece->entry.lease) : std::nullopt;
}

std::optional<BlockedBy> blocked_by(const Partition& partition,
                                    const LeaseTable& leases,
                                    const Metadata& metadata,
                                    bool waits_for_budget,
                                    TimePoint now) {
  if (partition.phase == PartitionPhase::kStopped)
    return BlockedBy{"stopped", partition.error.value_or("stopped")};
  if (partition.broken) return BlockedBy{"corrupt", *partition.broken};
  if (partition.revoking) return BlockedBy{"revoking", "the group is taking this partition away"};
  if (partition.paused) return BlockedBy{"paused", "paused"};
  const auto info = metadata.partition(partition.id);
  if (!info || info->leader < 0) return BlockedBy{"no_leader", "no leader is known for this partition"};
  if (partition.error) return BlockedBy{"error", *partition.error};
  if (!partition.ready()) return BlockedBy{"no_offset", "finding out where to begin"};
  if (const auto holder = first_holder(*partition.ledger)) {
    std::string text = "leased";
    leases.for_each_open([&](const LeaseTable::Lease& lease) {
      if (lease.number != *holder) return;
      text = "leased by batch " + lease.id.to_string() + " for " + seconds(now - lease.granted_at);
    });
    return BlockedBy{"leased", std::move(text)};
  }
  if (const auto head = partition.ledger->first_unsettled(partition.ledger->watermark())) {
    if (head->entry.state == PartitionLedger::State::kReturned && head->entry.not_before > now) {
      return BlockedBy{"back_off",
                       "released with a delay, for another " + seconds(head->entry.not_before - now)};
    }
  }
  const bool behind = partition.end && *partition.end > partition.fetch_position;
  if (behind && waits_for_budget && !partition.has_new_data()) {
    return BlockedBy{"budget", "the memory budget is used up by other records that are not settled yet"};
  }
  return std::nullopt;
}

}  // namespace

ConsumerStatus Consumer::status(TimePoint now) const {
  ConsumerStatus status;
  status.group_id = options_.membership.group_id;
  status.state = std::string(to_string(membership_.state()));
  status.protocol = "classic";
  if (const auto chosen = membership_.chosen_assignor())
    status.assignor = std::string(assignor_name(*chosen));
  status.identity = membership_.identity();
  status.draining = draining_;
  status.waiting_fetches = static_cast<std::uint32_t>(delivery_.waiting());
  status.last_fetch_call = last_fetch_call_;
  status.last_heartbeat_success = membership_.last_heartbeat().value_or(TimePoint{});
  if (membership_.fatal_error()) {
    status.error = membership_.fatal_error();
  } else if (coordinator_.error()) {
    status.error = coordinator_.error();
  } else if (!coordinator_.node() && metadata_.error()) {
    status.error = "no broker answers: " + *metadata_.error();
  } else if (commit_error_) {
    status.error = "commit: " + *commit_error_;
  }
  for (const auto& [tp, partition] : partitions_) {
    PartitionStatus each;
    each.partition = tp;
    each.committed = partition.committed;
    each.end = partition.end;
    each.log_start = partition.log_start;
    each.paused = partition.paused;
    each.buffered_records_bytes = static_cast<std::uint64_t>(partition.buffer.bytes());
    if (const auto info = metadata_.partition(tp)) each.leader = info->leader;
    if (partition.ledger) {
      each.start = partition.start;
      each.position = partition.ledger->position();
      each.fetch_position = partition.fetch_position;
      each.leased_records = static_cast<std::uint64_t>(partition.ledger->leased());
      each.first_unsettled = partition.ledger->watermark();
      each.first_unsettled_timestamp = first_unsettled_timestamp(partition);
    }
    each.blocked_by = blocked_by(partition, leases_, metadata_, fetcher_.waits_for_budget(), now);
    if (partition.revoking && revoke_by_) status.revoking.push_back({tp, *revoke_by_});
    status.partitions.push_back(std::move(each));
  }
  leases_.for_each_open([&](const LeaseTable::Lease& lease) {
    OpenLease open;
    open.id = lease.id;
    open.request_id = lease.request_id;
    open.granted_at = lease.granted_at;
    open.expires_at = lease.expires_at;
    open.records = lease.records;
    open.unsettled = static_cast<std::uint32_t>(LeaseTable::unsettled(lease, partitions_));
    open.bytes = lease.bytes;
    for (const LeaseTable::Part& part : lease.parts) {
      for (const OffsetRange& run : part.runs) open.ranges.emplace_back(part.partition, run);
    }
    status.leases.push_back(std::move(open));
  });
  return status;
}

void Consumer::copy_membership_stats(std::int64_t wall_ms) {
  stats_.heartbeats = membership_.heartbeats();
  stats_.rebalances = membership_.rebalances();
  // Joining counts as a sign of life until the first heartbeat.
  const auto heartbeat = membership_.last_heartbeat();
  if (const auto last = heartbeat ? heartbeat : membership_.joined_since()) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - *last);
    stats_.last_heartbeat_wall_ms = wall_ms - age.count();
  }
}

}  // namespace sluice::core
