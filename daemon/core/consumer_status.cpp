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

/// What a partition's first unsettled record waits for.
std::optional<BlockedBy> head_blocked_by(const Partition& partition,
                                         const LeaseTable& leases,
                                         TimePoint now) {
  if (const auto holder = first_holder(*partition.ledger)) {
    std::string text = "leased";
    leases.for_each_open([&](const LeaseTable::Lease& lease) {
      if (lease.number != *holder) return;
      text = "leased by batch " + lease.id.to_string() + " for " + seconds(now - lease.granted_at);
    });
    return BlockedBy{"leased", std::move(text)};
  }
  const auto head = partition.ledger->first_unsettled(partition.ledger->watermark());
  if (head && head->entry.state == PartitionLedger::State::kReturned && head->entry.not_before > now) {
    return BlockedBy{"back_off", "offset " + std::to_string(head->range.first) + " failed " +
                                     std::to_string(head->entry.deliveries) + " times; it comes again in " +
                                     seconds(head->entry.not_before - now)};
  }
  return std::nullopt;
}

struct Surroundings {
  const LeaseTable& leases;
  const Metadata& metadata;
  const DeadLetters& dead_letters;
  bool waits_for_budget = false;
  bool window_full = false;
  bool all_paused = false;
  bool idle = false;
};

std::optional<BlockedBy> blocked_by(const Partition& partition, const Surroundings& around, TimePoint now) {
  if (partition.phase == PartitionPhase::kStopped)
    return BlockedBy{"stopped", partition.error.value_or("stopped")};
  if (partition.broken) {
    return BlockedBy{"corrupt",
                     *partition.broken + "; it is fetched again and again, a seek behind it goes past it"};
  }
  if (partition.revoking) return BlockedBy{"revoking", "the group is taking this partition away"};
  if (around.all_paused) return BlockedBy{"paused", "the whole consumer is paused"};
  if (partition.paused) return BlockedBy{"paused", "paused"};
  if (around.idle) return BlockedBy{"idle", "the application has been silent; its next call goes on"};
  if (const auto error = around.dead_letters.error(partition.id)) return BlockedBy{"dead_letter", *error};
  const auto info = around.metadata.partition(partition.id);
  if (!info || info->leader < 0) return BlockedBy{"no_leader", "no leader is known for this partition"};
  if (partition.error) return BlockedBy{"error", *partition.error};
  if (!partition.ready()) return BlockedBy{"no_offset", "finding out where to begin"};
  const auto head = head_blocked_by(partition, around.leases, now);
  if (partition.span_full) {
    return BlockedBy{"span_full",
                     std::to_string(partition.ledger->span()) + " offsets are in flight behind offset " +
                         std::to_string(partition.ledger->watermark()) +
                         ", which is not settled: " + (head ? head->text : "it waits for a worker")};
  }
  // Side by side, one that is held does not hold up the others.
  if (head && partition.order == OrderMode::kPartition) return head;
  if (partition.ledger->condemned() > 0 && partition.order == OrderMode::kPartition)
    return BlockedBy{"dead_letter", "a record is on its way to the dead letter topic"};
  if (around.window_full) return BlockedBy{"window_full", "as much is leased as the window allows"};
  if (head && !partition.has_new_data() && partition.end && *partition.end <= partition.fetch_position)
    return head;
  const bool behind = partition.end && *partition.end > partition.fetch_position;
  if (behind && around.waits_for_budget && !partition.has_new_data()) {
    return BlockedBy{"budget", "the memory budget is used up by other records that are not settled yet"};
  }
  return std::nullopt;
}

PartitionStatus status_of(const Partition& partition) {
  PartitionStatus each;
  each.partition = partition.id;
  each.committed = partition.committed;
  each.end = partition.end;
  each.log_start = partition.log_start;
  each.paused = partition.paused;
  each.buffered_records_bytes = static_cast<std::uint64_t>(partition.buffer.bytes());
  if (partition.ledger) {
    each.start = partition.start;
    each.position = partition.ledger->position();
    each.fetch_position = partition.fetch_position;
    const PartitionLedger& ledger = *partition.ledger;
    each.leased_records = static_cast<std::uint64_t>(ledger.leased());
    each.returned_records = static_cast<std::uint64_t>(ledger.returned());
    each.condemned_records = static_cast<std::uint64_t>(ledger.condemned());
    each.settled_ahead =
        static_cast<std::uint64_t>(ledger.span() - ledger.leased() - ledger.returned() - ledger.condemned());
    each.foreign_metadata = partition.metadata.foreign;
    each.first_unsettled = partition.ledger->watermark();
    each.first_unsettled_timestamp = first_unsettled_timestamp(partition);
  }
  return each;
}

}  // namespace

ConsumerStatus Consumer::status(TimePoint now) const {
  ConsumerStatus status;
  status.group_id = options_.membership.group_id;
  status.order = options_.order;
  status.window = window_status();
  status.dead_letters = {options_.dead_letters.topic, dead_letters_.waiting_count(), dead_letters_.error()};
  for (const auto& [tp, partition] : partitions_) {
    for (const Condemned& each : partition.condemned)
      status.dead_letters.waiting += static_cast<std::uint64_t>(each.range.count());
  }
  status.paused = pauses_.all;
  status.idle = idle_;
  status.state = std::string(to_string(membership_.state()));
  status.protocol = "classic";
  if (const auto chosen = membership_.chosen_assignor())
    status.assignor = std::string(assignor_name(*chosen));
  status.identity = membership_.identity();
  status.draining = draining_;
  status.waiting_fetches = static_cast<std::uint32_t>(delivery_.waiting());
  status.last_fetch_call = last_fetch_call_;
  status.last_heartbeat_success = membership_.last_heartbeat().value_or(TimePoint{});
  status.error = error();
  const bool window_full =
      window_.allowance(status.window.leased_records, status.window.leased_bytes, leases_.open_count() + 1)
          .full();
  const Surroundings around{leases_,     metadata_,   dead_letters_, fetcher_.waits_for_budget(),
                            window_full, pauses_.all, idle_};
  for (const auto& [tp, partition] : partitions_) {
    PartitionStatus each = status_of(partition);
    if (const auto info = metadata_.partition(tp)) each.leader = info->leader;
    each.blocked_by = blocked_by(partition, around, now);
    status.partitions.push_back(std::move(each));
  }
  status.revoking = revoking();
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

std::optional<std::string> Consumer::error() const {
  if (membership_.fatal_error()) return membership_.fatal_error();
  if (coordinator_.error()) return coordinator_.error();
  if (!coordinator_.node() && metadata_.error()) return "no broker answers: " + *metadata_.error();
  if (!coordinator_.node() && coordinator_.failure()) return "no broker answers: " + *coordinator_.failure();
  if (commit_error_) return "commit: " + *commit_error_;
  return std::nullopt;
}

std::vector<RevokingPartition> Consumer::revoking() const {
  std::vector<RevokingPartition> list;
  if (!revoke_by_) return list;
  for (const auto& [tp, partition] : partitions_) {
    if (partition.revoking) list.push_back({tp, *revoke_by_});
  }
  return list;
}

WindowStatus Consumer::window_status() const {
  WindowStatus status;
  status.adaptive = window_.mode() == Window::Mode::kAdaptive;
  status.records = window_.records();
  status.bytes = window_.bytes();
  for (const auto& [tp, partition] : partitions_) {
    if (partition.ledger) status.leased_records += partition.ledger->leased();
  }
  status.leased_bytes = leases_.open_bytes();
  const Window::Counters& counters = window_.counters();
  status.changes = {counters.grown, counters.slow, counters.expired, counters.released, counters.measured};
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
