#include "daemon/core/delivery/partition_ledger.hpp"

#include "daemon/core/assert.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::core {

namespace {

bool mergeable(const PartitionLedger::Entry& a, const PartitionLedger::Entry& b) {
  if (a.state != b.state) return false;
  if (a.state == PartitionLedger::State::kSettled) return true;
  return a.lease == b.lease && a.deliveries == b.deliveries && a.not_before == b.not_before &&
         a.together == b.together;
}

}  // namespace

PartitionLedger::PartitionLedger(Offset watermark,
                                 const std::vector<OffsetRange>& settled,
                                 const std::vector<Failed>& failed)
    : position_(watermark) {
  auto next_failed = failed.begin();
  const auto open_until = [&](Offset end) {
    for (; next_failed != failed.end() && next_failed->range.first < end; ++next_failed) {
      const OffsetRange range{std::max(next_failed->range.first, position_),
                              std::min(next_failed->range.last, end - 1)};
      if (range.last < range.first) continue;
      if (range.first > position_) pass_over({position_, range.first - 1});
      append(range, Entry{range.last, State::kReturned, 0, next_failed->deliveries, {}, 1});
    }
    if (position_ < end) pass_over({position_, end - 1});
  };
  for (const OffsetRange& range : settled) {
    open_until(range.first);
    skip_to(range.last + 1);
  }
  if (!failed.empty()) open_until(failed.back().range.last + 1);
  version_ = 0;
  settled_total_ = 0;
}

void PartitionLedger::lease_new(OffsetRange range, LeaseNumber lease) {
  SLUICE_ASSERT(range.first >= position_ && range.last >= range.first);
  skip_to(range.first);
  append(range, Entry{range.last, State::kLeased, lease, 1, {}, 0});
}

void PartitionLedger::pass_over(OffsetRange range) {
  SLUICE_ASSERT(range.first >= position_ && range.last >= range.first);
  skip_to(range.first);
  append(range, Entry{range.last, State::kReturned, 0, 0, {}, 0});
}

void PartitionLedger::skip_to(Offset position) {
  if (position <= position_) return;
  ++version_;
  settled_total_ += position - position_;
  if (entries_.empty()) {
    position_ = position;
    return;
  }
  append({position_, position - 1}, Entry{position - 1, State::kSettled, 0, 0, {}, 0});
}

void PartitionLedger::append(OffsetRange range, Entry entry) {
  count(entry, range.first, 1);
  position_ = range.last + 1;
  if (!entries_.empty()) {
    auto& [first, tail] = *std::prev(entries_.end());
    if (mergeable(tail, entry)) {
      tail.last = entry.last;
      return;
    }
  }
  entries_.emplace_hint(entries_.end(), range.first, entry);
}

void PartitionLedger::lease_again(OffsetRange range, LeaseNumber lease) {
  auto it = split(range.first);
  split(range.last + 1);
  for (; it != entries_.end() && it->first <= range.last; ++it) {
    SLUICE_ASSERT(it->second.state == State::kReturned);
    count(it->second, it->first, -1);
    it->second.state = State::kLeased;
    it->second.lease = lease;
    it->second.not_before = {};
    it->second.together = 0;
    ++it->second.deliveries;
    count(it->second, it->first, 1);
  }
  merge_around(range.first, range.last);
}

/// Calls `f` for each entry of `range`, cut to it. `f` returns whether it changed the entry; returns how many
/// offsets were changed.
template <class F>
std::int64_t PartitionLedger::change(OffsetRange range, F&& f) {
  range.first = std::max(range.first, watermark());
  range.last = std::min(range.last, position_ - 1);
  if (range.last < range.first) return 0;
  std::int64_t changed = 0;
  auto it = split(range.first);
  split(range.last + 1);
  for (; it != entries_.end() && it->first <= range.last; ++it) {
    Entry entry = it->second;
    if (!f(entry)) continue;
    count(it->second, it->first, -1);
    count(entry, it->first, 1);
    changed += entry.last - it->first + 1;
    it->second = entry;
  }
  merge_around(range.first, range.last);
  drop_settled_prefix();
  if (changed > 0) ++version_;
  return changed;
}

template <class F>
std::int64_t PartitionLedger::settle_where(OffsetRange range, F&& which) {
  const std::int64_t settled = change(range, [&](Entry& entry) {
    if (entry.state == State::kSettled || !which(entry)) return false;
    entry = Entry{entry.last, State::kSettled, 0, 0, {}, 0};
    return true;
  });
  settled_total_ += settled;
  return settled;
}

std::int64_t PartitionLedger::settle(OffsetRange range, LeaseNumber lease) {
  return settle_where(range, [lease](const Entry& entry) { return entry.lease == lease; });
}

std::int64_t PartitionLedger::settle_condemned(OffsetRange range) {
  return settle_where(range, [](const Entry& entry) { return entry.state == State::kCondemned; });
}

std::int64_t PartitionLedger::settle_missing(OffsetRange range) {
  return settle_where(range, [](const Entry& entry) { return entry.state == State::kReturned; });
}

std::int64_t PartitionLedger::give_back(OffsetRange range,
                                        LeaseNumber lease,
                                        const std::function<Return(const Entry&)>& terms) {
  return change(range, [&](Entry& entry) {
    if (entry.state != State::kLeased || entry.lease != lease) return false;
    const Return how = terms(entry);
    entry.state = how.condemned ? State::kCondemned : State::kReturned;
    entry.not_before = how.condemned ? TimePoint{} : how.not_before;
    entry.together = how.condemned ? 0 : how.together;
    if (!how.counted && entry.deliveries > 0) --entry.deliveries;
    return true;
  });
}

std::int64_t PartitionLedger::reject(OffsetRange range, LeaseNumber lease) {
  return change(range, [&](Entry& entry) {
    if (entry.state == State::kSettled || entry.lease != lease) return false;
    entry = Entry{entry.last, State::kCondemned, 0, entry.deliveries, {}, 0};
    return true;
  });
}

std::int64_t PartitionLedger::condemn_returned(OffsetRange range) {
  return change(range, [](Entry& entry) {
    if (entry.state != State::kReturned) return false;
    entry = Entry{entry.last, State::kCondemned, 0, entry.deliveries, {}, 0};
    return true;
  });
}

void PartitionLedger::for_each(OffsetRange range, const std::function<void(const Piece&)>& f) const {
  range.last = std::min(range.last, position_ - 1);
  if (range.last < range.first) return;
  if (range.first < watermark()) {
    const OffsetRange below{range.first, std::min(range.last, watermark() - 1)};
    f({below, Entry{below.last, State::kSettled, 0, 0, {}, 0}});
    range.first = below.last + 1;
  }
  if (range.last < range.first || entries_.empty()) return;
  auto it = std::prev(entries_.upper_bound(range.first));
  for (; it != entries_.end() && it->first <= range.last; ++it) {
    f({{std::max(range.first, it->first), std::min(range.last, it->second.last)}, it->second});
  }
}

std::optional<PartitionLedger::Piece> PartitionLedger::first_unsettled(Offset from) const {
  if (entries_.empty() || from >= position_) return std::nullopt;
  auto it = entries_.upper_bound(from);
  if (it != entries_.begin()) --it;
  while (it != entries_.end() && (it->second.state == State::kSettled || it->second.last < from)) ++it;
  if (it == entries_.end()) return std::nullopt;
  return Piece{{std::max(from, it->first), it->second.last}, it->second};
}

/// Makes an entry begin at `offset` and returns it; end() at or beyond position().
PartitionLedger::Entries::iterator PartitionLedger::split(Offset offset) {
  if (offset >= position_ || entries_.empty()) return entries_.end();
  auto it = entries_.upper_bound(offset);
  if (it == entries_.begin()) return it;
  --it;
  if (it->first == offset) return it;
  Entry right = it->second;
  it->second.last = offset - 1;
  return entries_.emplace_hint(std::next(it), offset, right);
}

/// Joins equal neighbours between the entry before `first` and the entry after `last`.
void PartitionLedger::merge_around(Offset first, Offset last) {
  auto it = entries_.upper_bound(first);
  if (it == entries_.begin()) return;
  --it;
  if (it != entries_.begin()) --it;
  while (it != entries_.end() && it->first <= last) {
    auto right = std::next(it);
    if (right == entries_.end()) return;
    if (mergeable(it->second, right->second)) {
      it->second.last = right->second.last;
      entries_.erase(right);
    } else {
      it = right;
    }
  }
}

void PartitionLedger::drop_settled_prefix() {
  if (!entries_.empty() && entries_.begin()->second.state == State::kSettled)
    entries_.erase(entries_.begin());
}

void PartitionLedger::count(const Entry& entry, Offset first, std::int64_t sign) {
  const std::int64_t n = sign * (entry.last - first + 1);
  if (entry.state == State::kLeased) leased_ += n;
  if (entry.state == State::kReturned) returned_ += n;
  if (entry.state == State::kCondemned) condemned_ += n;
}

void PartitionLedger::check_invariants() const {
  Offset expected = watermark();
  std::int64_t leased = 0;
  std::int64_t returned = 0;
  std::int64_t condemned = 0;
  const Entry* before = nullptr;
  for (const auto& [first, entry] : entries_) {
    SLUICE_ASSERT(first == expected && entry.last >= first);
    SLUICE_ASSERT(before == nullptr || !mergeable(*before, entry));
    if (entry.state == State::kLeased) leased += entry.last - first + 1;
    if (entry.state == State::kReturned) returned += entry.last - first + 1;
    if (entry.state == State::kCondemned) condemned += entry.last - first + 1;
    expected = entry.last + 1;
    before = &entry;
  }
  SLUICE_ASSERT(expected == position_);
  SLUICE_ASSERT(entries_.empty() || entries_.begin()->second.state != State::kSettled);
  SLUICE_ASSERT(leased == leased_ && returned == returned_ && condemned == condemned_);
}

}  // namespace sluice::core
