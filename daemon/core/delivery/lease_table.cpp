#include "daemon/core/delivery/lease_table.hpp"

#include "daemon/core/assert.hpp"
#include "daemon/core/delivery/settlement.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

Partition* live(const LeaseTable::Part& part, Partitions& partitions) {
  const auto it = partitions.find(part.partition);
  if (it == partitions.end() || it->second.incarnation != part.incarnation || !it->second.ledger)
    return nullptr;
  return &it->second;
}

std::size_t run_count(const LeaseTable::Lease& lease) {
  std::size_t count = 0;
  for (const LeaseTable::Part& part : lease.parts) count += 1 + part.runs.size();
  return count;
}

}  // namespace

LeaseTable::Lease& LeaseTable::open(Lease lease) {
  SLUICE_ASSERT(lease.state == State::kOpen);
  deadlines_.emplace(lease.expires_at, lease.id);
  open_bytes_ += lease.bytes;
  if (!lease.request_id.empty()) requests_[lease.request_id] = lease.id;
  for (const Part& part : lease.parts) by_incarnation_.emplace(part.incarnation, lease.id);
  const BatchId id = lease.id;
  const auto [it, inserted] = leases_.emplace(id, std::move(lease));
  SLUICE_ASSERT(inserted);
  return it->second;
}

LeaseTable::Lease* LeaseTable::find(BatchId id) {
  const auto it = leases_.find(id);
  return it == leases_.end() ? nullptr : &it->second;
}

const LeaseTable::Lease* LeaseTable::find(BatchId id) const {
  const auto it = leases_.find(id);
  return it == leases_.end() ? nullptr : &it->second;
}

LeaseTable::Lease* LeaseTable::find_request(const std::string& request_id) {
  if (request_id.empty()) return nullptr;
  const auto it = requests_.find(request_id);
  return it == requests_.end() ? nullptr : find(it->second);
}

AckResult LeaseTable::ack(BatchId id, const AckSpec& spec, Partitions& partitions, TimePoint now) {
  Lease* lease = find(id);
  if (lease == nullptr) {
    AckResult unknown;
    unknown.found = false;
    return unknown;
  }
  AckResult result = settle_batch(*lease, spec, partitions, redelivery_, now);
  const bool released = result.released > 0 && lease->state == State::kOpen;
  if (lease->state == State::kOpen && unsettled(*lease, partitions) == 0) {
    end(*lease, released ? State::kReleased : State::kDone, now);
    ended_now_.push_back({lease->number, released ? End::kReleased : End::kAcked});
  } else if (lease->state == State::kExpired && result.accepted > 0 && result.refused.empty()) {
    ended_now_.push_back({lease->number, End::kAcked});
  }
  return result;
}

LeaseResult LeaseTable::extend(BatchId id, Duration duration, TimePoint now) {
  LeaseResult result;
  Lease* lease = find(id);
  result.found = lease != nullptr;
  if (lease == nullptr || lease->state != State::kOpen) {
    result.lease_gone = lease != nullptr;
    return result;
  }
  deadlines_.erase({lease->expires_at, id});
  lease->expires_at = now + duration;
  lease->time = duration;
  lease->answer.lease_expires_at = lease->expires_at;
  deadlines_.emplace(lease->expires_at, id);
  result.expires_at = lease->expires_at;
  return result;
}

LeaseResult LeaseTable::release(BatchId id,
                                std::optional<Duration> delay,
                                Partitions& partitions,
                                TimePoint now) {
  LeaseResult result;
  Lease* lease = find(id);
  result.found = lease != nullptr;
  if (lease == nullptr) return result;
  if (lease->state != State::kOpen) {
    // Releasing twice is harmless: what was given back stays given back.
    result.lease_gone = lease->state != State::kReleased;
    return result;
  }
  const std::uint32_t records = lease->records;
  result.released =
      static_cast<std::uint64_t>(give_back_all(*lease, partitions, [&](const PartitionLedger::Entry& entry) {
        return redelivery_.after(entry, records, delay, now);
      }));
  end(*lease, State::kReleased, now);
  ended_now_.push_back({lease->number, End::kReleased});
  return result;
}

void LeaseTable::undo(BatchId id, Partitions& partitions, TimePoint now) {
  Lease* lease = find(id);
  if (lease == nullptr || lease->state != State::kOpen) return;
  if (--lease->answers > 0) return;
  // Back as it was: not counted, and no reason to be careful.
  give_back_all(*lease, partitions, [&](const PartitionLedger::Entry& entry) {
    PartitionLedger::Return how;
    how.not_before = now;
    how.counted = false;
    if (entry.deliveries > 1) how.together = redelivery_.together(entry.deliveries, lease->records);
    return how;
  });
  end(*lease, State::kReleased, now);
  ended_now_.push_back({lease->number, End::kDropped});
}

void LeaseTable::expire(TimePoint now,
                        Partitions& partitions,
                        const std::function<void(const Lease&, const TopicPartition&, std::int64_t)>& f) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Lease* lease = find(deadlines_.begin()->second);
    SLUICE_ASSERT(lease != nullptr && lease->state == State::kOpen);
    for (const Part& part : lease->parts) {
      Partition* partition = live(part, partitions);
      if (partition == nullptr) continue;
      std::int64_t returned = 0;
      for (const OffsetRange& run : part.runs)
        returned += partition->give_back(run, lease->number, [&](const PartitionLedger::Entry& entry) {
          return redelivery_.after(entry, lease->records, std::nullopt, now);
        });
      if (returned > 0) f(*lease, part.partition, returned);
    }
    end(*lease, State::kExpired, now);
    ended_now_.push_back({lease->number, End::kExpired});
  }
  forget_ended(now);
}

void LeaseTable::forget_ended(TimePoint now) {
  while (!ended_.empty()) {
    const Lease& oldest = leases_.at(ended_.front());
    const bool keep = ended_.size() <= options_.ended_max && ended_runs_ <= options_.ended_runs_max &&
                      oldest.ended_at + options_.ended_for > now;
    if (keep) break;
    ended_runs_ -= run_count(oldest);
    leases_.erase(ended_.front());
    ended_.pop_front();
  }
}

void LeaseTable::forget(std::uint64_t incarnation, Partitions& partitions, TimePoint now) {
  std::vector<BatchId> touched;
  for (auto it = by_incarnation_.lower_bound({incarnation, BatchId{}});
       it != by_incarnation_.end() && it->first == incarnation; ++it) {
    touched.push_back(it->second);
  }
  for (const BatchId id : touched) end_when_done(leases_.at(id), partitions, now);
}

std::int64_t LeaseTable::unsettled(const Lease& lease, const Partitions& partitions) {
  std::int64_t count = 0;
  for (const Part& part : lease.parts) {
    const auto it = partitions.find(part.partition);
    if (it == partitions.end() || it->second.incarnation != part.incarnation || !it->second.ledger) continue;
    for (const OffsetRange& run : part.runs) {
      it->second.ledger->for_each(run, [&](const PartitionLedger::Piece& piece) {
        if (piece.entry.state == PartitionLedger::State::kLeased && piece.entry.lease == lease.number) {
          count += piece.range.count();
        }
      });
    }
  }
  return count;
}

void LeaseTable::for_each_open(const std::function<void(const Lease&)>& f) const {
  for (const auto& [deadline, id] : deadlines_) f(leases_.at(id));
}

void LeaseTable::end(Lease& lease, State state, TimePoint now) {
  deadlines_.erase({lease.expires_at, lease.id});
  if (!lease.request_id.empty()) {
    const auto it = requests_.find(lease.request_id);
    if (it != requests_.end() && it->second == lease.id) requests_.erase(it);
  }
  for (const Part& part : lease.parts) by_incarnation_.erase({part.incarnation, lease.id});
  open_bytes_ -= lease.bytes;
  lease.state = state;
  lease.ended_at = now;
  lease.answer = {};  // frees the records
  ended_.push_back(lease.id);
  ended_runs_ += run_count(lease);
}

void LeaseTable::end_when_done(Lease& lease, const Partitions& partitions, TimePoint now) {
  if (lease.state != State::kOpen || unsettled(lease, partitions) > 0) return;
  end(lease, State::kDone, now);
  ended_now_.push_back({lease.number, End::kDropped});
}

std::int64_t LeaseTable::give_back_all(Lease& lease, Partitions& partitions, const Terms& terms) {
  std::int64_t returned = 0;
  for (const Part& part : lease.parts) {
    Partition* partition = live(part, partitions);
    if (partition == nullptr) continue;
    for (const OffsetRange& run : part.runs) returned += partition->give_back(run, lease.number, terms);
  }
  return returned;
}

}  // namespace sluice::core
