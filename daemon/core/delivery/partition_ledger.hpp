#pragma once

#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace sluice::core {

/// Serial number of a lease inside one consumer; never reused.
using LeaseNumber = std::uint64_t;

/// Knows of every offset of one partition what became of it: settled, leased or returned for another
/// delivery.
///
/// Offsets below watermark() are settled. From watermark() up to position() each offset is in exactly one of
/// the three states; the map of ranges cannot express anything else. Offsets at or above position() were
/// never handed out. Only settle() and skip_to() move the watermark, so only they can move a commit.
class PartitionLedger {
 public:
  enum class State : std::uint8_t { kSettled = 1, kLeased, kReturned };

  struct Entry {
    Offset last = 0;
    State state = State::kSettled;
    LeaseNumber lease = 0;         ///< holder when leased, last holder when returned
    std::uint32_t deliveries = 0;  ///< how often handed out so far
    TimePoint not_before{};        ///< when returned: not again before this

    bool operator==(const Entry&) const = default;
  };

  /// One piece of a queried range, cut to it.
  struct Piece {
    OffsetRange range;
    Entry entry;
  };

  /// Everything below `position` counts as settled.
  explicit PartitionLedger(Offset position) : position_(position) {}

  /// First offset that is not settled: what may be committed.
  [[nodiscard]] Offset watermark() const { return entries_.empty() ? position_ : entries_.begin()->first; }
  /// Next offset to hand out for the first time.
  [[nodiscard]] Offset position() const { return position_; }

  /// Hands out offsets for the first time. Offsets between position() and `range.first` do not exist:
  /// settled.
  void lease_new(OffsetRange range, LeaseNumber lease);
  /// Offsets from position() up to `position` pass without delivery (compaction, control, aborted).
  void skip_to(Offset position);
  /// Hands returned offsets out again. The whole range must be returned.
  void lease_again(OffsetRange range, LeaseNumber lease);

  /// Settles what `lease` holds, or held last and nobody else got since. Returns how many offsets were
  /// settled.
  std::int64_t settle(OffsetRange range, LeaseNumber lease);
  /// Puts what `lease` holds back. `counted` false: the delivery never reached an application.
  std::int64_t give_back(OffsetRange range, LeaseNumber lease, TimePoint not_before, bool counted = true);

  /// The pieces of `range`, in order; offsets below the watermark come as one settled piece, offsets at or
  /// above position() not at all.
  void for_each(OffsetRange range, const std::function<void(const Piece&)>& f) const;

  /// First entry at or after `from` that is not settled; nothing when all up to position() is settled.
  [[nodiscard]] std::optional<Piece> first_unsettled(Offset from) const;

  [[nodiscard]] bool has_leased() const { return leased_ > 0; }
  [[nodiscard]] bool has_returned() const { return returned_ > 0; }
  [[nodiscard]] std::int64_t leased() const { return leased_; }
  [[nodiscard]] std::int64_t returned() const { return returned_; }

  /// Aborts the process when the map is not what the class promises. For tests and simulation.
  void check_invariants() const;

 private:
  using Entries = std::map<Offset, Entry>;

  Entries::iterator split(Offset offset);
  void append(OffsetRange range, Entry entry);
  void merge_around(Offset first, Offset last);
  void drop_settled_prefix();
  void count(const Entry& entry, Offset first, std::int64_t sign);

  Entries entries_;  ///< key: first offset; contiguous from watermark() to position()
  Offset position_;
  std::int64_t leased_ = 0;
  std::int64_t returned_ = 0;
};

}  // namespace sluice::core
