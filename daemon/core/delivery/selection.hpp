#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/core/delivery/key_order.hpp"
#include "daemon/core/delivery/redelivery.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/stats.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::core {

/// How much a batch can still take.
struct Room {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  std::int64_t taken = 0;  ///< records it has already
  /// Once so many bytes were taken, the turn of the partition is over. The last record may go beyond.
  std::int64_t quota = std::numeric_limits<std::int64_t>::max();
  /// While nothing is taken, one record of up to so many bytes fits, whatever `bytes`.
  std::int64_t alone = std::numeric_limits<std::int64_t>::max();
};

/// Consecutive existing offsets that are handed out together.
struct Run {
  OffsetRange range;
  bool again = false;  ///< returned before, as opposed to handed out for the first time
};

/// A record behind the position that order mode `key` has looked at.
struct Looked {
  Offset offset = 0;
  std::optional<KeyHash> key;
  bool taken = false;  ///< false: passed over, an earlier record of its key is not settled
};

/// Records of one partition chosen for a batch, before anything is leased.
struct Selection {
  std::vector<Segment> segments;
  std::vector<Run> runs;  ///< ascending
  std::uint32_t records = 0;
  std::int64_t bytes = 0;      ///< payload bytes
  std::uint32_t together = 0;  ///< most records of the whole batch, because of what is in it; 0: no bound
  std::vector<Looked> looked;  ///< ascending
  std::set<KeyHash> keys;      ///< of records taken for the first time
  Offset again_to = -1;        ///< returned records up to here were considered
  Offset position_after = 0;   ///< of the partition, once this is leased
  ReadMark mark_after;
  /// Offsets without a record between position and position_after, by reason.
  std::uint64_t compacted = 0;
  std::uint64_t control = 0;
  std::uint64_t aborted = 0;
  std::uint64_t undecodable = 0;
  std::uint64_t oversized = 0;

  // What ended it, or stands in the way of more.
  bool full = false;                    ///< a limit of the room
  bool bytes_full = false;              ///< ... and the limit was bytes
  bool suspect_full = false;            ///< ... and the limit was that of a record that failed before
  bool turn_over = false;               ///< the quota; more may be there
  bool span_full = false;               ///< too much lies between the watermark and the next new record
  TimePoint blocked_until = kNever;     ///< a returned record may not be handed out before this
  bool blocked_by_lease = false;        ///< the next record is held by somebody
  bool blocked_by_dead_letter = false;  ///< the next record is on its way to the dead letter topic
  bool needs_budget = false;            ///< a compressed batch could not be decoded for lack of memory
  std::int64_t oldest_timestamp = -1;

  /// Something of the partition has been passed, whether or not records were taken.
  [[nodiscard]] bool moves(const PartitionLedger& ledger) const { return position_after > ledger.position(); }
};

/// What choosing may use besides the partition.
struct SelectContext {
  MemoryBudget& budget;
  std::size_t max_decompressed;
  bool must_progress;  ///< one decoded batch may overdraw the budget
  TopicStats& stats;
  TimePoint now;
  const Redelivery& redelivery;
};

/// Chooses records, returned ones first, as the order mode of the partition allows:
/// `partition`: in strict offset order, up to the first record that somebody holds or whose pause is not
/// over. `key`: any record that is the first unsettled one of its key. `none`: any record that nobody holds.
/// On broken data the selection ends before it; partition.buffer.error() tells.
/// @param so_far  an earlier selection from the same partition to go on with; `room` is what is left now
[[nodiscard]] Selection select(Partition& partition,
                               const Room& room,
                               const SelectContext& context,
                               std::optional<Selection> so_far = std::nullopt);

/// Leases what was chosen, remembers what was passed over, and passes over what holds no data (control,
/// aborted, compacted), so that lag can reach 0. Without records, `lease` does not matter.
void apply(const Selection& selection, Partition& partition, LeaseNumber lease, TopicStats& stats);

}  // namespace sluice::core
