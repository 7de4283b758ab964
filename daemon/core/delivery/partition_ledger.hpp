#pragma once

#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace sluice::core {

/// Serial number of a lease inside one consumer; never reused.
using LeaseNumber = std::uint64_t;

/// Knows of every offset of one partition what became of it: settled, leased, waiting for another delivery,
/// or condemned: on its way to the dead letter topic.
///
/// Offsets below watermark() are settled. From watermark() up to position() each offset is in exactly one of
/// the four states; the map of ranges cannot express anything else. Offsets at or above position() were never
/// looked at. Only settle(), settle_condemned() and skip_to() move the watermark, so only they can move a
/// commit.
class PartitionLedger {
 public:
  enum class State : std::uint8_t { kSettled = 1, kLeased, kReturned, kCondemned };

  struct Entry {
    Offset last = 0;
    State state = State::kSettled;
    LeaseNumber lease = 0;         ///< holder when leased; last holder, while it may still ack, otherwise
    std::uint32_t deliveries = 0;  ///< how often handed out so far; 0 when returned: passed over until now
    TimePoint not_before{};        ///< when returned: not again before this
    std::uint32_t together = 0;    ///< when returned: most records of its next batch; 0: as many as fit

    bool operator==(const Entry&) const = default;
  };

  /// What give_back() makes of records that were leased.
  struct Return {
    TimePoint not_before{};
    bool counted = true;         ///< false: the delivery never reached an application
    bool condemned = false;      ///< no further delivery: to the dead letter topic
    std::uint32_t together = 0;  ///< as in Entry
  };

  /// One piece of a queried range, cut to it.
  struct Piece {
    OffsetRange range;
    Entry entry;
  };

  /// A record that was handed out before this assignment began, and did not succeed.
  struct Failed {
    OffsetRange range;
    std::uint32_t deliveries = 0;
  };

  /// Everything below `position` counts as settled.
  explicit PartitionLedger(Offset position) : position_(position) {}
  /// Takes over from an earlier owner: `settled` are ranges above `watermark`, ascending; what lies between
  /// them waits for delivery. `failed` is ascending, too, and apart from `settled`.
  PartitionLedger(Offset watermark,
                  const std::vector<OffsetRange>& settled,
                  const std::vector<Failed>& failed);

  /// First offset that is not settled: what may be committed.
  [[nodiscard]] Offset watermark() const { return entries_.empty() ? position_ : entries_.begin()->first; }
  /// Next offset to hand out for the first time.
  [[nodiscard]] Offset position() const { return position_; }

  /// Hands out offsets for the first time. Offsets between position() and `range.first` do not exist:
  /// settled.
  void lease_new(OffsetRange range, LeaseNumber lease);
  /// Offsets from position() up to `position` pass without delivery (compaction, control, aborted).
  void skip_to(Offset position);
  /// Leaves records at or behind position() for later, without a delivery. What lies between is settled.
  void pass_over(OffsetRange range);
  /// Hands returned offsets out again. The whole range must be returned.
  void lease_again(OffsetRange range, LeaseNumber lease);

  /// Settles what `lease` holds, or held last and nobody else got since. Returns how many offsets were
  /// settled.
  std::int64_t settle(OffsetRange range, LeaseNumber lease);
  /// Puts what `lease` holds back, each piece as `terms` say. Returns how many offsets were put back.
  std::int64_t give_back(OffsetRange range,
                         LeaseNumber lease,
                         const std::function<Return(const Entry&)>& terms);
  /// Condemns what `lease` holds, or held last and nobody else got since: its application rejects it, so no
  /// ack of it counts any more.
  std::int64_t reject(OffsetRange range, LeaseNumber lease);
  /// Condemns what waits for another delivery.
  std::int64_t condemn_returned(OffsetRange range);
  /// The dead letter topic has these.
  std::int64_t settle_condemned(OffsetRange range);
  /// Offsets that wait for delivery but have no record (any more). Returns how many were settled.
  std::int64_t settle_missing(OffsetRange range);

  /// The pieces of `range`, in order; offsets below the watermark come as one settled piece, offsets at or
  /// above position() not at all.
  void for_each(OffsetRange range, const std::function<void(const Piece&)>& f) const;

  /// First entry at or after `from` that is not settled; nothing when all up to position() is settled.
  [[nodiscard]] std::optional<Piece> first_unsettled(Offset from) const;

  [[nodiscard]] bool has_leased() const { return leased_ > 0; }
  [[nodiscard]] bool has_returned() const { return returned_ > 0; }
  [[nodiscard]] std::int64_t leased() const { return leased_; }
  [[nodiscard]] std::int64_t returned() const { return returned_; }
  [[nodiscard]] std::int64_t condemned() const { return condemned_; }
  /// Offsets from the watermark to the position.
  [[nodiscard]] std::int64_t span() const { return position_ - watermark(); }
  /// Something between the watermark and the position is settled.
  [[nodiscard]] bool has_gaps() const { return span() > leased_ + returned_ + condemned_; }
  /// Ranges between the watermark and the position.
  [[nodiscard]] std::size_t ranges() const { return entries_.size(); }

  /// Grows with everything that a commit has to tell: what is settled, and what has failed how often.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// Offsets settled so far in this assignment.
  [[nodiscard]] std::int64_t settled_total() const { return settled_total_; }

  /// Aborts the process when the map is not what the class promises. For tests and simulation.
  void check_invariants() const;

 private:
  using Entries = std::map<Offset, Entry>;

  Entries::iterator split(Offset offset);
  void append(OffsetRange range, Entry entry);
  template <class F>
  std::int64_t change(OffsetRange range, F&& f);
  template <class F>
  std::int64_t settle_where(OffsetRange range, F&& which);
  void merge_around(Offset first, Offset last);
  void drop_settled_prefix();
  void count(const Entry& entry, Offset first, std::int64_t sign);

  Entries entries_;  ///< key: first offset; contiguous from watermark() to position()
  Offset position_;
  std::int64_t leased_ = 0;
  std::int64_t returned_ = 0;
  std::int64_t condemned_ = 0;
  std::int64_t settled_total_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace sluice::core
