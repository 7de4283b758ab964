#include "tests/simulation/partition_log.hpp"

#include "protocol/records/record_cursor.hpp"
#include "protocol/records/record_set.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::simulation {

namespace {

using protocol::Codec;
using testing::RecordBatchBuilder;

constexpr std::uint64_t kPrime = 0x100000001B3ULL;

void mix(std::uint64_t& hash, std::optional<std::string_view> bytes) {
  hash = (hash ^ (bytes ? bytes->size() : ~std::size_t{0})) * kPrime;
  std::string_view rest = bytes.value_or("");
  for (std::uint64_t word = 0; rest.size() >= sizeof(word); rest.remove_prefix(sizeof(word))) {
    std::memcpy(&word, rest.data(), sizeof(word));
    hash = (hash ^ word ^ (hash >> 29U)) * kPrime;
  }
  for (const char c : rest) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
}

std::string random_bytes(Dice& dice, std::size_t size) {
  std::string bytes(size, '\0');
  // Half of it repeats, so that compression has something to do.
  for (std::size_t i = 0; i < size; ++i) bytes[i] = i % 2 == 0 ? 'x' : static_cast<char>(dice.next());
  return bytes;
}

}  // namespace

std::uint64_t digest(const protocol::Record& record) {
  return digest_of_parts(record.offset, record, nullptr);
}

std::uint64_t digest_of_parts(Offset offset,
                              const protocol::Record& record,
                              const std::function<bool(const protocol::RecordHeader&)>& which) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  hash = (hash ^ static_cast<std::uint64_t>(offset)) * kPrime;
  hash = (hash ^ static_cast<std::uint64_t>(record.timestamp)) * kPrime;
  mix(hash, record.key);
  mix(hash, record.value);
  record.headers.for_each([&](const protocol::RecordHeader& header) {
    if (which && !which(header)) return;
    mix(hash, header.name);
    mix(hash, header.value);
  });
  return hash;
}

std::uint64_t digest_of_bytes(std::string_view bytes) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  mix(hash, bytes);
  return hash;
}

Offset PartitionLog::before_of_key(Offset offset) const {
  for (;;) {
    offset = slots_[static_cast<std::size_t>(offset)].before_of_key;
    if (offset < 0 || may_become_visible(offset)) return offset;
  }
}

Offset PartitionLog::not_older(std::int64_t timestamp) const {
  for (const Batch& batch : batches_) {
    if (batch.timestamp < timestamp) continue;
    for (Offset offset = batch.first; offset <= batch.last; ++offset) {
      if (slots_[static_cast<std::size_t>(offset)].is_record) return offset;
    }
  }
  return -1;
}

Offset PartitionLog::stable_end() const {
  Offset stable = end();
  for (const Transaction& each : transactions_) {
    if (each.fate == Fate::kOpen) stable = std::min(stable, each.first);
  }
  return stable;
}

bool PartitionLog::is_visible(Offset offset) const {
  const Slot& slot = slots_[static_cast<std::size_t>(offset)];
  if (!slot.is_record) return false;
  if (slot.transaction < 0 || isolation_ == core::IsolationLevel::kReadUncommitted) return true;
  return transactions_[static_cast<std::size_t>(slot.transaction)].fate == Fate::kCommitted;
}

bool PartitionLog::may_become_visible(Offset offset) const {
  const Slot& slot = slots_[static_cast<std::size_t>(offset)];
  if (!slot.is_record) return false;
  if (slot.transaction < 0 || isolation_ == core::IsolationLevel::kReadUncommitted) return true;
  return transactions_[static_cast<std::size_t>(slot.transaction)].fate != Fate::kAborted;
}

int PartitionLog::produce(const Settings& settings,
                          int records_max,
                          std::int32_t leader_epoch,
                          std::int64_t timestamp,
                          Dice& dice) {
  if (dice.chance(settings.undecodable)) {
    produce_undecodable(leader_epoch, timestamp, dice);
    return 1;
  }
  std::int32_t transaction = -1;
  if (dice.chance(settings.transactional)) {
    const auto open = std::find_if(transactions_.begin(), transactions_.end(),
                                   [](const Transaction& each) { return each.fate == Fate::kOpen; });
    if (open != transactions_.end() && dice.chance(0.5)) {
      end_transaction(static_cast<std::size_t>(open - transactions_.begin()), dice.chance(0.6), leader_epoch,
                      timestamp);
      return 0;
    }
    if (open == transactions_.end()) {
      transactions_.push_back({++last_producer_, end(), end(), Fate::kOpen});
      transaction = static_cast<std::int32_t>(transactions_.size() - 1);
    } else {
      transaction = static_cast<std::int32_t>(open - transactions_.begin());
    }
  }
  const Offset first = end();
  RecordBatchBuilder builder(first);
  builder.leader_epoch(leader_epoch);
  if (transaction >= 0) builder.transactional(transactions_[static_cast<std::size_t>(transaction)].producer);
  const bool compacted = dice.chance(settings.compacted);
  const auto count = static_cast<int>(dice.between(compacted ? 0 : 1, std::max(1, records_max)));
  if (count > 0 && dice.chance(settings.compressed)) builder.codec(static_cast<Codec>(dice.between(1, 4)));
  const auto hole = [&] {
    if (!compacted || !dice.chance(0.4)) return;
    const auto size = dice.between(1, 5);
    builder.gap(size);
    slots_.resize(slots_.size() + static_cast<std::size_t>(size));
  };
  for (int i = 0; i < count; ++i) {
    hole();
    const Offset offset = end();
    const bool shared = settings.keys > 0 && dice.chance(0.9);
    const std::string key = shared ? "s" + std::to_string(dice.between(1, settings.keys))
                                   : "k" + std::to_string(number_) + ":" + std::to_string(offset);
    const std::string value =
        random_bytes(dice, static_cast<std::size_t>(dice.between(0, settings.value_bytes_max)));
    std::vector<testing::HeaderSpec> headers;
    if (dice.chance(0.1))
      headers.emplace_back("h", dice.chance(0.5) ? std::optional<std::string>("v") : std::nullopt);
    const bool has_key = !dice.chance(0.2);
    const bool has_value = !dice.chance(0.05);
    builder.add(timestamp, has_key ? std::optional<std::string_view>(key) : std::nullopt,
                has_value ? std::optional<std::string_view>(value) : std::nullopt, headers);
    Slot slot;
    slot.is_record = true;
    slot.transaction = transaction;
    slot.poison = dice.chance(settings.poison);
    if (slot.poison) ++poison_count_;
    if (shared && has_key)
      slot.before_of_key = std::exchange(last_of_key_.try_emplace(key, -1).first->second, offset);
    slots_.push_back(slot);
  }
  hole();
  if (end() == first) slots_.emplace_back();  // emptied by compaction, one offset long
  store(first, end() - 1, timestamp, builder.build());
  return count;
}

/// Of a codec that nobody knows; its checksum is right.
void PartitionLog::produce_undecodable(std::int32_t leader_epoch, std::int64_t timestamp, Dice& dice) {
  const Offset first = end();
  RecordBatchBuilder builder(first);
  builder.leader_epoch(leader_epoch).attribute_bits(5);
  builder.payload(random_bytes(dice, static_cast<std::size_t>(dice.between(1, 100))));
  const auto count = dice.between(1, 5);
  for (std::int64_t i = 0; i < count; ++i) builder.add(timestamp, std::nullopt, "v");
  slots_.resize(slots_.size() + static_cast<std::size_t>(count));
  std::string bytes = builder.build();
  slots_[static_cast<std::size_t>(first)].is_record = true;
  slots_[static_cast<std::size_t>(first)].digest = digest_of_bytes(bytes);
  largest_batch_ = std::max(largest_batch_, bytes.size());
  batches_.push_back({first, end() - 1, timestamp, std::move(bytes)});
}

void PartitionLog::store(Offset first, Offset last, std::int64_t timestamp, std::string bytes) {
  protocol::RecordSetReader reader(bytes);
  const auto raw = reader.next();
  const auto decoded = protocol::decode_batch(**raw, std::size_t{64} << 20);
  protocol::RecordCursor cursor(decoded->header, decoded->payload);
  protocol::Record record;
  while (!decoded->header.control && cursor.next(record)) {
    slots_[static_cast<std::size_t>(record.offset)].digest = digest(record);
  }
  largest_batch_ = std::max({largest_batch_, bytes.size(), decoded->owned.size()});
  batches_.push_back({first, last, timestamp, std::move(bytes)});
}

void PartitionLog::end_transaction(std::size_t index,
                                   bool commit,
                                   std::int32_t epoch,
                                   std::int64_t timestamp) {
  Transaction& transaction = transactions_[index];
  const Offset offset = end();
  transaction.fate = commit ? Fate::kCommitted : Fate::kAborted;
  transaction.last = offset;
  slots_.emplace_back();
  store(
      offset, offset, timestamp,
      testing::control_batch(offset, commit ? protocol::ControlType::kCommit : protocol::ControlType::kAbort,
                             transaction.producer, epoch, timestamp));
}

void PartitionLog::end_transactions(std::int32_t leader_epoch, std::int64_t timestamp, Dice& dice) {
  for (std::size_t i = 0; i < transactions_.size(); ++i) {
    if (transactions_[i].fate == Fate::kOpen) end_transaction(i, dice.chance(0.5), leader_epoch, timestamp);
  }
}

PartitionLog::Slice PartitionLog::read(Offset offset, std::size_t bytes_max, bool whole_first) const {
  Slice slice;
  const Offset limit = visible_end();
  const auto from = std::lower_bound(batches_.begin(), batches_.end(), offset,
                                     [](const Batch& batch, Offset wanted) { return batch.last < wanted; });
  Offset last = -1;
  for (auto it = from; it != batches_.end() && it->first < limit; ++it) {
    const bool whole = it == from && whole_first;
    const std::size_t room = bytes_max > slice.records.size() ? bytes_max - slice.records.size() : 0;
    if (!whole && (room == 0 || (it == from && room < it->bytes.size()))) break;
    slice.records.append(it->bytes, 0, whole ? it->bytes.size() : std::min(room, it->bytes.size()));
    if (it == from) slice.first_size = slice.records.size();
    last = it->last;
  }
  if (isolation_ != core::IsolationLevel::kReadCommitted || last < 0) return slice;
  for (const Transaction& each : transactions_) {
    if (each.fate == Fate::kAborted && each.last >= offset && each.first <= last)
      slice.aborted.emplace_back(each.producer, each.first);
  }
  return slice;
}

void PartitionLog::delete_below(Offset offset) {
  while (!batches_.empty() && batches_.front().last < offset) {
    start_ = batches_.front().last + 1;
    batches_.pop_front();
  }
}

}  // namespace sluice::simulation
