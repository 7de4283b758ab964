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

/// By the contract, not by asking the product.
bool is_last(const core::Redelivery& terms, std::uint32_t delivery) {
  return terms.max_deliveries > 0 && delivery >= terms.max_deliveries;
}

}  // namespace

void Books::turned(const core::Partitions& partitions, TimePoint now, const Answers& answers) {
  for (auto it = owned_.begin(); it != owned_.end();) {
    const auto still = partitions.find(it->first);
    const bool same = still != partitions.end() && still->second.incarnation == it->second.incarnation;
    it = same ? std::next(it) : owned_.erase(it);
  }
  for (const auto& [tp, partition] : partitions) {
    Ownership& ownership = owned_[tp];
    ownership.incarnation = partition.incarnation;
    if (!ownership.start || ownership.topic_id.is_zero()) ownership.topic_id = partition.topic_id;
    if (!ownership.start && partition.ledger) begin(tp, ownership, partition.start, answers);
  }
  const std::map<core::BatchId, LeasePtr> open = open_;
  for (const auto& [id, lease] : open) {
    if (lease->expires_at <= now) {
      give_back(lease, std::nullopt, now);
      end(lease);
    } else {
      end_when_done(lease);  // its partitions may be gone
    }
  }
}

void Books::begin(const TopicPartition& tp, Ownership& ownership, Offset start, const Answers& answers) {
  const bool current = is_current_(tp, ownership.topic_id);
  const auto seeked = seeked_.find(tp);
  if (seeked != seeked_.end() && seeked->second == ownership.incarnation) {
    if (current) history_.skipped(tp, start);
  } else if (current && start > history_.first_unsettled(tp)) {
    throw Violation("an ownership begins behind an unsettled record" + at(tp, start));
  }
  ownership.start = start;
  ownership.settled_to = start;
  ownership.first_new = start;
  const auto stored = answers.find(tp);
  if (stored == answers.end() || stored->second.offset < 0) return;
  require(start == stored->second.offset, "an ownership begins elsewhere than at what is committed");
  take_over(tp, ownership, stored->second);
}

/// What earlier owners have settled and tried counts here, too.
void Books::take_over(const TopicPartition& tp, Ownership& ownership, const Stored& stored) {
  const core::ParsedMetadata known = core::parse_metadata(stored.metadata, stored.offset);
  const auto entry = [&](Offset offset) -> Entry& {
    const auto index = static_cast<std::size_t>(offset - *ownership.start);
    if (ownership.entries.size() <= index) ownership.entries.resize(index + 1);
    return ownership.entries[index];
  };
  for (const core::OffsetRange& range : known.data.settled) {
    for (Offset offset = range.first; offset <= range.last; ++offset) entry(offset).state = State::kSettled;
  }
  for (const core::CommitMetadata::Failed& failed : known.data.failed) {
    for (Offset offset = failed.range.first; offset <= failed.range.last; ++offset) {
      Entry& each = entry(offset);
      each.deliveries = failed.deliveries;
      each.failed_in = 1;
    }
  }
  advance(tp, ownership);
}

void Books::dead_lettered(const TopicPartition& tp, core::OffsetRange range) {
  const auto it = owned_.find(tp);
  if (it == owned_.end() || !it->second.start) return;
  Ownership& ownership = it->second;
  const auto index = static_cast<std::size_t>(range.first - *ownership.start);
  require(range.first >= *ownership.start, "a dead letter from before the beginning");
  if (ownership.entries.size() <= index) ownership.entries.resize(index + 1);
  Entry& entry = ownership.entries[index];
  const bool inherited = entry.state == State::kNew && is_last(terms_.redelivery, entry.deliveries);
  // It may have been acked while its letter was under way.
  require(inherited || entry.state == State::kExhausted || entry.state == State::kRejected ||
              entry.state == State::kSettled,
          "a record is dead-lettered that need not be");
  if (is_current(tp) && !history_.in_dead_letters(tp, range.first))
    throw Violation("told dead-lettered, but it is not there" + at(tp, range.first));
  entry.state = State::kSettled;
  entry.lease = 0;
}

void Books::note_settled(const LeasedRecord& record) {
  if (is_current(record.partition)) history_.settled(record.partition, record.offset);
}

Books::Entry* Books::find(const LeasedRecord& record) {
  const auto it = owned_.find(record.partition);
  if (it == owned_.end() || it->second.incarnation != record.incarnation) return nullptr;
  return &it->second.entries.at(static_cast<std::size_t>(record.offset - *it->second.start));
}

/// Moves over everything that needs no more work.
void Books::advance(const TopicPartition& tp, Ownership& ownership) {
  const PartitionLog& log = this->log(tp, ownership);
  Offset& to = ownership.settled_to;
  while (to < log.end()) {
    const auto index = static_cast<std::size_t>(to - *ownership.start);
    const State state = index < ownership.entries.size() ? ownership.entries[index].state : State::kNew;
    const bool handed_out = state != State::kNew;
    if (handed_out && state != State::kSettled) break;
    // Records that retention took before they were handed out are gone.
    if (!handed_out && log.may_become_visible(to) && to >= log.start()) break;
    ++to;
  }
}

/// As far as settled_to, and on over what waited for another delivery and is gone: its data may have been
/// given up for the memory, and retention was faster than the next read.
Offset Books::settled_or_gone_to(const TopicPartition& tp, const Ownership& ownership) const {
  const PartitionLog& log = this->log(tp, ownership);
  Offset to = ownership.settled_to;
  for (; to < log.end(); ++to) {
    const auto index = static_cast<std::size_t>(to - *ownership.start);
    const State state = index < ownership.entries.size() ? ownership.entries[index].state : State::kNew;
    const bool gone = to < log.start() && (state == State::kReturned || state == State::kNew);
    if (state != State::kSettled && !gone && log.may_become_visible(to)) break;
  }
  return to;
}

/// First record that was never handed out. Retention may have taken it, but it may be in memory, too.
Offset Books::first_new(const TopicPartition& tp, Ownership& ownership) const {
  const PartitionLog& log = this->log(tp, ownership);
  Offset& to = ownership.first_new;
  for (; to < log.end(); ++to) {
    const auto index = static_cast<std::size_t>(to - *ownership.start);
    const bool handed_out = index < ownership.entries.size() && ownership.entries[index].state != State::kNew;
    if (!handed_out && log.may_become_visible(to)) break;
  }
  return to;
}

/// Order mode `partition`: nothing before it waits. What retention took will not come any more.
void Books::check_not_passed_over(const TopicPartition& tp, Ownership& ownership, Offset offset) const {
  const PartitionLog& log = this->log(tp, ownership);
  const auto index = static_cast<std::size_t>(offset - *ownership.start);
  if (ownership.entries.size() <= index) ownership.entries.resize(index + 1);
  State& state = ownership.entries[index].state;
  const bool gone = (state == State::kNew || state == State::kReturned) && offset < log.start();
  if (state != State::kSettled && !gone && log.may_become_visible(offset))
    throw Violation("a record is passed over" + at(tp, offset));
  if (gone) state = State::kSettled;
}

/// Order mode `key`: the record before it that has its key is settled.
void Books::check_key(const TopicPartition& tp, const Ownership& ownership, Offset offset) const {
  const PartitionLog& log = this->log(tp, ownership);
  for (;;) {
    offset = log.before_of_key(offset);
    if (offset < *ownership.start) return;
    const auto index = static_cast<std::size_t>(offset - *ownership.start);
    const State state = index < ownership.entries.size() ? ownership.entries[index].state : State::kNew;
    if (state == State::kSettled) return;
    if (state == State::kLeased) throw Violation("two records of one key at once" + at(tp, offset));
    if ((state != State::kNew && state != State::kReturned) || offset >= log.start())
      throw Violation("a record of the same key is passed over" + at(tp, offset));
  }
}

void Books::hand_out(const TopicPartition& tp,
                     Ownership& ownership,
                     const HandedOut& record,
                     const LeasePtr& lease,
                     TimePoint now) {
  const PartitionLog& log = this->log(tp, ownership);
  const Offset offset = record.offset;
  if (offset < *ownership.start || offset >= log.end())
    throw Violation("a record that does not exist" + at(tp, offset));
  if (!log.is_visible(offset)) throw Violation("a record that must not be seen" + at(tp, offset));
  if (log.digest_at(offset) != record.digest)
    throw Violation("a record that was produced otherwise" + at(tp, offset));
  if (terms_.order == core::OrderMode::kKey) check_key(tp, ownership, offset);
  const auto index = static_cast<std::size_t>(offset - *ownership.start);
  if (ownership.entries.size() <= index) ownership.entries.resize(index + 1);
  Entry& entry = ownership.entries[index];
  if (entry.state == State::kLeased) throw Violation("a record is leased twice" + at(tp, offset));
  if (entry.state == State::kSettled)
    throw Violation("a settled record is handed out again" + at(tp, offset));
  if (entry.state == State::kExhausted || entry.state == State::kRejected ||
      is_last(terms_.redelivery, entry.deliveries))
    throw Violation("a condemned record is handed out again" + at(tp, offset));
  if (entry.state == State::kReturned && entry.not_before > now)
    throw Violation("a released record comes back too early" + at(tp, offset));
  ownership.settled_to = std::min(ownership.settled_to, offset);
  ++entry.deliveries;
  if (entry.deliveries != record.delivery) throw Violation("the delivery count is wrong" + at(tp, offset));
  if (record.is_final != is_last(terms_.redelivery, entry.deliveries))
    throw Violation("a last delivery is not told, or one is that is not the last" + at(tp, offset));
  entry.state = State::kLeased;
  entry.lease = lease->number;
  entry.not_before = {};
  lease->records.push_back({tp, ownership.incarnation, offset, log.is_poison(offset)});
  if (is_current(tp)) history_.delivered(tp, offset, 1);
}

void Books::check_slice(const core::BatchSlice& slice,
                        const LeasePtr& lease,
                        std::int64_t& bytes,
                        TimePoint now) {
  const TopicPartition& tp = slice.partition;
  const auto it = owned_.find(tp);
  require(it != owned_.end() && it->second.start.has_value(), "records of a partition that is not ours");
  Ownership& ownership = it->second;
  const bool in_order = terms_.order == core::OrderMode::kPartition;
  // What is handed out is exactly what comes first: every unsettled record in order, none left out.
  // Records that retention took may still come, from memory.
  advance(tp, ownership);
  Offset next = in_order ? std::min(ownership.settled_to, first_new(tp, ownership)) : *ownership.start;
  for (auto i = static_cast<std::size_t>(next - *ownership.start); in_order && i < ownership.entries.size();
       ++i) {
    if (ownership.entries[i].state == State::kLeased)
      throw Violation("a second open lease on a partition" + at(tp, next));
  }
  const auto take = [&](const HandedOut& record) {
    for (; in_order && next < record.offset; ++next) check_not_passed_over(tp, ownership, next);
    if (record.offset < next)
      throw Violation("records out of order" + at(tp, record.offset) + ", next is " + std::to_string(next));
    hand_out(tp, ownership, record, lease, now);
    next = record.offset + 1;
  };
  for (const core::Segment& segment : slice.segments) {
    const protocol::DecodedBatch& batch = segment.chunk->batch;
    if (core::is_opaque(segment.chunk->kind)) {
      require(segment.records == 1, "a batch that cannot be read is more than one record");
      take({segment.first, digest_of_bytes(batch.payload), segment.delivery, segment.is_final});
      bytes += static_cast<std::int64_t>(batch.payload.size());
      continue;
    }
    protocol::RecordCursor cursor(batch.header, batch.payload, segment.begin);
    protocol::Record record;
    std::uint32_t count = 0;
    while (cursor.position() < segment.end) {
      require(cursor.next(record), "a segment that cannot be read");
      take({record.offset, digest(record), segment.delivery, segment.is_final});
      bytes += static_cast<std::int64_t>(record.payload_bytes);
      ++count;
    }
    require(count == segment.records, "a segment counts its records wrong");
  }
}

/// Batches with records that failed do not grow; a record on its last delivery is alone.
void Books::check_together(const Lease& lease) {
  const core::Redelivery& redelivery = terms_.redelivery;
  const std::size_t size = lease.records.size();
  for (const LeasedRecord& record : lease.records) {
    const Entry& entry = *find(record);
    const bool careful = redelivery.max_deliveries == 0 && redelivery.alone_from > 0 && entry.failed_in > 0 &&
                         entry.deliveries >= redelivery.alone_from;
    require(size == 1 || !(careful || is_last(redelivery, entry.deliveries)),
            "a record is not alone on its last delivery");
    if (redelivery.max_deliveries == 0 && redelivery.alone_from == 0) continue;
    if (entry.failed_in > 0 && size > entry.failed_in)
      throw Violation("a batch of " + std::to_string(size) + " with a record that failed in one of " +
                      std::to_string(entry.failed_in) + at(record.partition, record.offset));
  }
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
    require(seen.insert(slice.partition).second, "a partition comes twice in one batch");
    check_slice(slice, lease, bytes, now);
  }
  check_together(*lease);
  lease->bytes = bytes;
  require(lease->records.size() == result.batch->records, "a batch counts its records wrong");
  require(bytes == result.batch->payload_bytes, "a batch counts its bytes wrong");
  const auto records_max = static_cast<std::size_t>(result.used.max_records);
  require(lease->records.size() <= records_max, "more records than asked for");
  require(lease->records.size() == 1 || result.used.max_bytes < 0 || bytes <= result.used.max_bytes,
          "more bytes than asked for");
  if (result.used.settle_at_once) {
    lease->open = false;
    for (const LeasedRecord& record : lease->records) {
      Entry& entry = *find(record);
      entry = {State::kSettled, 0, entry.deliveries, 0, {}};
      note_settled(record);
    }
    return lease;
  }
  require(open_.emplace(lease->id, lease).second, "a batch id is used twice");
  return lease;
}

Books::Load Books::load() const {
  Load load;
  for (const auto& [id, lease] : open_) {
    load.bytes += lease->bytes;
    for (const LeasedRecord& record : lease->records) {
      const auto it = owned_.find(record.partition);
      if (it == owned_.end() || it->second.incarnation != record.incarnation) continue;
      const Entry& entry = it->second.entries.at(static_cast<std::size_t>(record.offset - *it->second.start));
      if (entry.state == State::kLeased && entry.lease == lease->number) ++load.records;
    }
  }
  return load;
}

std::uint64_t Books::leased(const TopicPartition& tp) const {
  const auto it = owned_.find(tp);
  if (it == owned_.end()) return 0;
  return static_cast<std::uint64_t>(
      std::count_if(it->second.entries.begin(), it->second.entries.end(),
                    [](const Entry& entry) { return entry.state == State::kLeased; }));
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
  std::uint64_t rejected = 0;
  const auto settle = [&](const LeasedRecord& record, bool only_leased) {
    Entry* entry = find(record);
    if (entry == nullptr || entry->lease != lease->number || entry->is_decided()) return;
    if (entry->state != State::kLeased && only_leased) return;
    *entry = {State::kSettled, 0, entry->deliveries, 0, {}};
    note_settled(record);
    ++accepted;
  };
  // What several lists name is done by the first of them.
  std::set<std::size_t> named;
  const auto claim = [&](std::size_t i) { return named.insert(i).second; };
  for (const std::size_t i : resolve(*lease, spec.accept)) {
    if (claim(i)) settle(lease->records[i], false);
  }
  for (const core::Release& release : spec.release) {
    for (const std::size_t i : resolve(*lease, {release.which})) {
      if (!claim(i)) continue;
      Entry* entry = find(lease->records[i]);
      if (entry == nullptr || entry->state != State::kLeased || entry->lease != lease->number) continue;
      fail(*entry, 0, release.delay, now);  // which one failed is known: no need for small batches
      ++released;
    }
  }
  for (const core::Reject& reject : spec.reject) {
    for (const std::size_t i : resolve(*lease, {reject.which})) {
      if (!claim(i)) continue;
      Entry* entry = find(lease->records[i]);
      if (entry == nullptr || entry->lease != lease->number || entry->is_decided()) continue;
      *entry = {State::kRejected, 0, entry->deliveries, 0, {}};
      ++rejected;
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
  same(result.rejected, rejected, "records rejected by an ack");
  same(result.kept, kept, "records kept after an ack");
  for (const core::RefusedRecords& refused : result.refused) check_refusal(*lease, refused);
  require(!result.lease_gone || (accepted == 0 && released == 0 && rejected == 0 && kept == 0),
          "a lease is called gone but is not");
  for (auto& [tp, ownership] : owned_) {
    if (ownership.start) advance(tp, ownership);
  }
  for (const core::PartitionProgress& progress : result.offsets) {
    const auto it = owned_.find(progress.partition);
    require(it != owned_.end(), "progress of a partition that is not ours");
    require(progress.acked_through < settled_or_gone_to(progress.partition, it->second),
            "progress beyond an unsettled record");
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
        require(entry != nullptr && entry->is_decided(), "a record is called settled but is not");
        break;
      case core::Refusal::kLeaseExpired:
        require(entry != nullptr && !entry->is_decided(), "a record is called expired but is not");
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

void Books::fail(Entry& entry, std::size_t batch, std::optional<Duration> delay, TimePoint now) const {
  const core::Redelivery& redelivery = terms_.redelivery;
  entry.state = is_last(redelivery, entry.deliveries) ? State::kExhausted : State::kReturned;
  entry.failed_in = batch;
  // The first redelivery comes at once; each further pause is twice as long.
  Duration pause{};
  if (entry.deliveries > 1) {
    pause = redelivery.backoff;
    for (std::uint32_t i = 2; i < entry.deliveries && pause < redelivery.backoff_max; ++i) pause *= 2;
    pause = std::min(pause, redelivery.backoff_max);
  }
  entry.not_before = now + delay.value_or(pause);
}

std::uint64_t Books::give_back(const LeasePtr& lease, std::optional<Duration> delay, TimePoint now) {
  std::uint64_t count = 0;
  for (const LeasedRecord& record : lease->records) {
    Entry* entry = find(record);
    if (entry == nullptr || entry->state != State::kLeased || entry->lease != lease->number) continue;
    fail(*entry, lease->records.size(), delay, now);
    ++count;
  }
  return count;
}

void Books::released(const LeasePtr& lease,
                     std::optional<Duration> delay,
                     const core::LeaseResult& result,
                     TimePoint now) {
  require(result.found, "releasing a known batch finds no batch");
  std::uint64_t count = 0;
  if (lease->open) {
    count = give_back(lease, delay, now);
    end(lease);
    require(!result.lease_gone, "releasing an open lease calls it gone");
  }
  same(result.released, count, "records given back by a release");
}

void Books::undone(const LeasePtr& lease, TimePoint now) {
  // As long as one answer with it may have arrived, it stays.
  if (!lease->open || --lease->answers > 0) return;
  for (const LeasedRecord& record : lease->records) {
    Entry* entry = find(record);
    if (entry == nullptr || entry->state != State::kLeased || entry->lease != lease->number) continue;
    *entry = {State::kReturned, entry->lease, entry->deliveries - 1, entry->failed_in, now};
    if (is_current(record.partition)) history_.delivered(record.partition, record.offset, -1);
  }
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

void Books::check_commit(const TopicPartition& tp, Offset offset, const protocol::Uuid& topic_id) {
  const auto it = owned_.find(tp);
  require(it != owned_.end() && it->second.start.has_value(), "a commit of a partition that is not ours");
  Ownership& ownership = it->second;
  // While brokers disagree on the id, the older one may be named: then nothing is committed.
  require(topic_id.is_zero() || ownership.topic_id.is_zero() || topic_id == ownership.topic_id ||
              !is_current_(tp, topic_id),
          "what was done of a deleted topic is committed to another of its name");
  advance(tp, ownership);
  if (offset > settled_or_gone_to(tp, ownership))
    throw Violation("a commit over a record that is unsettled here" + at(tp, offset));
  if (offset < ownership.commit_sent) throw Violation("a commit goes back" + at(tp, offset));
  if (offset < *ownership.start) throw Violation("a commit before the beginning" + at(tp, offset));
  ownership.commit_sent = offset;
}

void Books::check_let_go(const TopicPartition& tp, Offset committed_max, const Stored* text) const {
  const auto it = owned_.find(tp);
  if (it == owned_.end() || !it->second.start || !is_current(tp)) return;
  core::ParsedMetadata known;
  if (text != nullptr) known = core::parse_metadata(text->metadata, text->offset);
  const auto in_text = [&](Offset offset) {
    return std::any_of(
        known.data.settled.begin(), known.data.settled.end(),
        [&](const core::OffsetRange& range) { return range.first <= offset && offset <= range.last; });
  };
  const PartitionLog& log = this->log(tp, it->second);
  Offset offset = *it->second.start;
  bool gap = false;
  for (const Entry& entry : it->second.entries) {
    if (entry.state == State::kLeased) throw Violation("let go while a record is leased" + at(tp, offset));
    if (entry.state == State::kExhausted || entry.state == State::kRejected)
      throw Violation("let go while a record is on its way to the dead letter topic" + at(tp, offset));
    const bool waits =
        entry.state == State::kReturned || (entry.state == State::kNew && log.may_become_visible(offset));
    gap = gap || waits;
    if (entry.state == State::kSettled && offset >= committed_max && (!gap || text != nullptr) &&
        !in_text(offset))
      throw Violation("let go while a settled record is not committed" + at(tp, offset));
    ++offset;
  }
}

}  // namespace sluice::simulation
