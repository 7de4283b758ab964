#include "tests/simulation/books.hpp"

#include "protocol/records/record_cursor.hpp"

#include <algorithm>
#include <set>
#include <variant>

namespace sluice::simulation {

namespace {

std::string at(const TopicPartition& tp, Offset offset) {
  return " (" + core::to_string(tp) + " at " + std::to_string(offset) + ")";
}

void same(std::uint64_t told, std::uint64_t expected, const char* what) {
  if (told != expected)
    throw Violation(std::string(what) + ": " + std::to_string(told) + ", should be " +
                    std::to_string(expected));
}

}  // namespace

void Books::turned(const core::Partitions& partitions, TimePoint now) {
  for (auto it = owned_.begin(); it != owned_.end();) {
    const auto still = partitions.find(it->first);
    const bool same = still != partitions.end() && still->second.incarnation == it->second.incarnation;
    it = same ? std::next(it) : owned_.erase(it);
  }
  for (const auto& [tp, partition] : partitions) {
    Ownership& ownership = owned_[tp];
    ownership.incarnation = partition.incarnation;
    if (!ownership.start && partition.ledger) begin(tp, ownership, partition.start);
  }
  const std::map<core::BatchId, LeasePtr> open = open_;
  for (const auto& [id, lease] : open) {
    if (lease->expires_at <= now) {
      give_back(lease, now, true, nullptr);
      end(lease);
    } else {
      end_when_done(lease);  // its partitions may be gone
    }
  }
}

void Books::begin(const TopicPartition& tp, Ownership& ownership, Offset start) {
  if (start > history_.first_unsettled(tp))
    throw Violation("an ownership begins behind an unsettled record" + at(tp, start));
  ownership.start = start;
  ownership.settled_to = start;
}

Books::Entry* Books::find(const LeasedRecord& record) {
  const auto it = owned_.find(record.partition);
  if (it == owned_.end() || it->second.incarnation != record.incarnation) return nullptr;
  return &it->second.entries.at(static_cast<std::size_t>(record.offset - *it->second.start));
}

/// Moves over everything that needs no more work.
void Books::advance(const TopicPartition& tp, Ownership& ownership) {
  const PartitionLog& log = logs_(tp);
  Offset& to = ownership.settled_to;
  while (to < log.end()) {
    const auto index = static_cast<std::size_t>(to - *ownership.start);
    const bool handed_out = index < ownership.entries.size() && ownership.entries[index].state != State::kNew;
    if (handed_out && ownership.entries[index].state != State::kSettled) break;
    // Records that retention took before they were handed out are gone.
    if (!handed_out && log.may_become_visible(to) && to >= log.start()) break;
    ++to;
  }
}

void Books::hand_out(const TopicPartition& tp,
                     Ownership& ownership,
                     const protocol::Record& record,
                     std::uint32_t delivery,
                     const LeasePtr& lease,
                     TimePoint now) {
  const PartitionLog& log = logs_(tp);
  const Offset offset = record.offset;
  if (offset < *ownership.start || offset >= log.end())
    throw Violation("a record that does not exist" + at(tp, offset));
  if (!log.is_visible(offset)) throw Violation("a record that must not be seen" + at(tp, offset));
  if (log.digest_at(offset) != digest(record))
    throw Violation("a record that was produced otherwise" + at(tp, offset));
  const auto index = static_cast<std::size_t>(offset - *ownership.start);
  if (ownership.entries.size() <= index) ownership.entries.resize(index + 1);
  Entry& entry = ownership.entries[index];
  if (entry.state == State::kLeased) throw Violation("a record is leased twice" + at(tp, offset));
  if (entry.state == State::kSettled)
    throw Violation("a settled record is handed out again" + at(tp, offset));
  if (entry.state == State::kReturned && entry.not_before > now)
    throw Violation("a released record comes back too early" + at(tp, offset));
  ownership.settled_to = std::min(ownership.settled_to, offset);
  ++entry.deliveries;
  if (entry.deliveries != delivery) throw Violation("the delivery count is wrong" + at(tp, offset));
  entry.state = State::kLeased;
  entry.lease = lease->number;
  entry.not_before = {};
  lease->records.push_back({tp, ownership.incarnation, offset});
}

Books::LeasePtr Books::delivered(const core::FetchResult& result,
                                 const std::string& request_id,
                                 TimePoint now) {
  ++deliveries_;
  auto lease = std::make_shared<Lease>();
  lease->number = ++last_lease_;
  lease->id = result.batch->id;
  lease->request_id = request_id;
  lease->expires_at = result.lease_expires_at;
  std::set<TopicPartition> seen;
  std::int64_t bytes = 0;
  for (const core::BatchSlice& slice : result.batch->slices) {
    const TopicPartition& tp = slice.partition;
    require(seen.insert(tp).second, "a partition comes twice in one batch");
    const auto it = owned_.find(tp);
    require(it != owned_.end() && it->second.start.has_value(), "records of a partition that is not ours");
    Ownership& ownership = it->second;
    // What is handed out is exactly what comes first: every unsettled record in order, none left out.
    // Records that retention took may still come, from memory.
    advance(tp, ownership);
    const Offset handed_to = *ownership.start + static_cast<Offset>(ownership.entries.size());
    Offset next = std::min(ownership.settled_to, handed_to);
    for (auto i = static_cast<std::size_t>(next - *ownership.start); i < ownership.entries.size(); ++i) {
      if (ownership.entries[i].state == State::kLeased)
        throw Violation("a second open lease on a partition" + at(tp, next));
    }
    const PartitionLog& log = logs_(tp);
    for (const core::Segment& segment : slice.segments) {
      protocol::RecordCursor cursor(segment.chunk->batch.header, segment.chunk->batch.payload, segment.begin);
      protocol::Record record;
      std::uint32_t count = 0;
      while (cursor.position() < segment.end) {
        require(cursor.next(record), "a segment that cannot be read");
        for (; next < record.offset; ++next) {
          const auto index = static_cast<std::size_t>(next - *ownership.start);
          const bool handed_out =
              index < ownership.entries.size() && ownership.entries[index].state != State::kNew;
          const bool settled = handed_out && ownership.entries[index].state == State::kSettled;
          const bool gone = !handed_out && next < log.start();
          if (!settled && !gone && log.may_become_visible(next))
            throw Violation("a record is passed over" + at(tp, next));
        }
        if (record.offset < next)
          throw Violation("records out of order" + at(tp, record.offset) + ", next is " +
                          std::to_string(next));
        hand_out(tp, ownership, record, segment.delivery, lease, now);
        bytes += static_cast<std::int64_t>(record.payload_bytes);
        next = record.offset + 1;
        ++count;
      }
      require(count == segment.records, "a segment counts its records wrong");
    }
  }
  require(lease->records.size() == result.batch->records, "a batch counts its records wrong");
  require(bytes == result.batch->payload_bytes, "a batch counts its bytes wrong");
  const auto records_max = static_cast<std::size_t>(result.used.max_records);
  require(lease->records.size() <= records_max, "more records than asked for");
  require(lease->records.size() == 1 || result.used.max_bytes < 0 || bytes <= result.used.max_bytes,
          "more bytes than asked for");
  if (result.used.settle_at_once) {
    lease->open = false;
    for (const LeasedRecord& record : lease->records) {
      *find(record) = {State::kSettled, 0, 1, {}};
      history_.settled(record.partition, record.offset);
    }
    return lease;
  }
  require(open_.emplace(lease->id, lease).second, "a batch id is used twice");
  return lease;
}

Books::LeasePtr Books::repeated(const core::FetchResult& result, const std::string& request_id) const {
  const auto it = open_.find(result.batch->id);
  require(it != open_.end(), "a batch is repeated although its lease is gone");
  require(it->second->request_id == request_id, "a batch is repeated for another request id");
  require(it->second->expires_at == result.lease_expires_at, "a repeated batch has another deadline");
  ++it->second->answers;
  return it->second;
}

std::vector<std::size_t> Books::resolve(const Lease& lease,
                                        const std::vector<core::Selector>& selectors) const {
  std::vector<std::size_t> chosen;
  for (const core::Selector& selector : selectors) {
    for (std::size_t i = 0; i < lease.records.size(); ++i) {
      const LeasedRecord& record = lease.records[i];
      bool hit = false;
      if (const auto* by_offset = std::get_if<core::OffsetSelector>(&selector)) {
        hit = record.partition == by_offset->partition && record.offset >= by_offset->range.first &&
              record.offset <= by_offset->range.last;
      } else if (const auto* through = std::get_if<core::ThroughSelector>(&selector)) {
        hit = record.partition == through->partition && record.offset <= through->offset;
      } else if (const auto* by_index = std::get_if<core::IndexSelector>(&selector)) {
        hit = i >= by_index->first && i <= by_index->last;
      }
      if (hit) chosen.push_back(i);
    }
  }
  return chosen;
}

void Books::acked(const LeasePtr& lease,
                  const core::AckSpec& spec,
                  const core::AckResult& result,
                  TimePoint now) {
  require(result.found, "an ack of a known batch finds no batch");
  std::uint64_t accepted = 0;
  std::uint64_t released = 0;
  const auto settle = [&](const LeasedRecord& record, bool only_leased) {
    Entry* entry = find(record);
    if (entry == nullptr || entry->lease != lease->number) return;
    if (entry->state != State::kLeased && (only_leased || entry->state != State::kReturned)) return;
    *entry = {State::kSettled, 0, entry->deliveries, {}};
    history_.settled(record.partition, record.offset);
    ++accepted;
  };
  std::set<std::size_t> named;
  for (const std::size_t i : resolve(*lease, spec.accept)) {
    named.insert(i);
    settle(lease->records[i], false);
  }
  for (const core::Release& release : spec.release) {
    for (const std::size_t i : resolve(*lease, {release.which})) {
      named.insert(i);
      Entry* entry = find(lease->records[i]);
      if (entry == nullptr || entry->state != State::kLeased || entry->lease != lease->number) continue;
      entry->state = State::kReturned;
      entry->not_before = now + release.delay.value_or(Duration{});
      ++released;
    }
  }
  if (spec.fallback == core::Default::kAccept) {
    // Of an open lease, what it gave back before is not meant, unless the request is empty and so means all.
    const bool only_leased = lease->open && !spec.names_nothing();
    for (std::size_t i = 0; i < lease->records.size(); ++i) {
      if (named.count(i) == 0) settle(lease->records[i], only_leased);
    }
  }
  std::uint64_t kept = 0;
  bool lost = false;
  for (const LeasedRecord& record : lease->records) {
    const Entry* entry = find(record);
    lost = lost || entry == nullptr;
    if (entry != nullptr && entry->state == State::kLeased && entry->lease == lease->number) ++kept;
  }
  same(result.accepted, accepted, "records accepted by an ack");
  same(result.released, released, "records released by an ack");
  same(result.kept, kept, "records kept after an ack");
  for (const core::RefusedRecords& refused : result.refused) check_refusal(*lease, refused);
  require(!result.lease_gone || (accepted == 0 && released == 0 && kept == 0),
          "a lease is called gone but is not");
  for (auto& [tp, ownership] : owned_) {
    if (ownership.start) advance(tp, ownership);
  }
  for (const core::PartitionProgress& progress : result.offsets) {
    const auto it = owned_.find(progress.partition);
    require(it != owned_.end(), "progress of a partition that is not ours");
    require(progress.acked_through < it->second.settled_to, "progress beyond an unsettled record");
  }
  end_when_done(lease);
}

/// A refusal says the truth about every record that it names.
void Books::check_refusal(const Lease& lease, const core::RefusedRecords& refused) {
  for (const LeasedRecord& record : lease.records) {
    const bool named = record.partition == refused.partition && record.offset >= refused.range.first &&
                       record.offset <= refused.range.last;
    if (!named) continue;
    const Entry* entry = find(record);
    switch (refused.reason) {
      case core::Refusal::kLeaseLost:
        require(entry == nullptr, "a record is called lost but is ours");
        break;
      case core::Refusal::kAlreadySettled:
        require(entry != nullptr && entry->state == State::kSettled, "a record is called settled but is not");
        break;
      case core::Refusal::kLeaseExpired:
        require(entry != nullptr && entry->state != State::kSettled, "a record is called expired but is not");
        break;
      case core::Refusal::kNotInBatch:
        throw Violation("a record is called foreign but is in the batch");
    }
  }
}

void Books::extended(const LeasePtr& lease,
                     Duration duration,
                     const core::LeaseResult& result,
                     TimePoint now) {
  require(result.found, "extending a known batch finds no batch");
  require(result.lease_gone == !lease->open, "extending misjudges whether the lease is open");
  if (!lease->open) return;
  lease->expires_at = now + duration;
  require(result.expires_at == lease->expires_at, "an extended lease has another deadline");
}

void Books::give_back(const LeasePtr& lease, TimePoint not_before, bool counted, std::uint64_t* count) {
  for (const LeasedRecord& record : lease->records) {
    Entry* entry = find(record);
    if (entry == nullptr || entry->state != State::kLeased || entry->lease != lease->number) continue;
    entry->state = State::kReturned;
    entry->not_before = not_before;
    if (!counted) --entry->deliveries;
    if (count != nullptr) ++*count;
  }
}

void Books::released(const LeasePtr& lease, Duration delay, const core::LeaseResult& result, TimePoint now) {
  require(result.found, "releasing a known batch finds no batch");
  std::uint64_t count = 0;
  if (lease->open) {
    give_back(lease, now + delay, true, &count);
    end(lease);
    require(!result.lease_gone, "releasing an open lease calls it gone");
  }
  same(result.released, count, "records given back by a release");
}

void Books::undone(const LeasePtr& lease, TimePoint now) {
  if (!lease->open || --lease->answers > 0) return;
  give_back(lease, now, false, nullptr);
  end(lease);
}

void Books::end(const LeasePtr& lease) {
  lease->open = false;
  open_.erase(lease->id);
}

void Books::end_when_done(const LeasePtr& lease) {
  if (!lease->open) return;
  const bool holds =
      std::any_of(lease->records.begin(), lease->records.end(), [&](const LeasedRecord& record) {
        const Entry* entry = find(record);
        return entry != nullptr && entry->state == State::kLeased && entry->lease == lease->number;
      });
  if (!holds) end(lease);
}

void Books::check_commit(const TopicPartition& tp, Offset offset) {
  const auto it = owned_.find(tp);
  require(it != owned_.end() && it->second.start.has_value(), "a commit of a partition that is not ours");
  Ownership& ownership = it->second;
  advance(tp, ownership);
  if (offset > ownership.settled_to)
    throw Violation("a commit over a record that is unsettled here" + at(tp, offset));
  if (offset < ownership.commit_sent) throw Violation("a commit goes back" + at(tp, offset));
  if (offset < *ownership.start) throw Violation("a commit before the beginning" + at(tp, offset));
  ownership.commit_sent = offset;
}

void Books::check_let_go(const TopicPartition& tp, Offset committed) const {
  const auto it = owned_.find(tp);
  if (it == owned_.end() || !it->second.start) return;
  Offset offset = *it->second.start;
  for (const Entry& entry : it->second.entries) {
    if (entry.state == State::kLeased) throw Violation("let go while a record is leased" + at(tp, offset));
    if (entry.state == State::kReturned) return;
    if (entry.state == State::kSettled && offset >= committed)
      throw Violation("let go while a settled record is not committed" + at(tp, offset));
    ++offset;
  }
}

}  // namespace sluice::simulation
