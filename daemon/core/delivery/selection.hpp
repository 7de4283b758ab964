#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/stats.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace sluice::core {

/// How much a batch can still take.
struct Room {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  bool one_allowed = true;  ///< nothing taken yet: one record fits however large it is
  /// Once so many bytes were taken, the turn of the partition is over. The last record may go beyond.
  std::int64_t quota = std::numeric_limits<std::int64_t>::max();
};

/// Consecutive existing offsets that are handed out together.
struct Run {
  OffsetRange range;
  bool again = false;  ///< returned before, as opposed to handed out for the first time
};

/// Records of one partition chosen for a batch, before anything is leased.
struct Selection {
  std::vector<Segment> segments;
  std::vector<Run> runs;
  std::uint32_t records = 0;
  std::int64_t bytes = 0;     ///< payload bytes
  Offset position_after = 0;  ///< of the partition, once this is leased
  ReadMark mark_after;
  std::uint64_t compacted = 0;  ///< offsets without a record between position and position_after, by reason
  std::uint64_t control = 0;
  std::uint64_t aborted = 0;
  bool full = false;                 ///< a limit of the room ended it; more is there
  bool bytes_full = false;           ///< ... and the limit was bytes
  bool turn_over = false;            ///< the quota ended it; more may be there
  TimePoint blocked_until = kNever;  ///< the next record is returned and may not be handed out before this
  bool blocked_by_lease = false;     ///< the next record is held by somebody
  bool needs_budget = false;         ///< a compressed batch could not be decoded for lack of memory
  std::int64_t oldest_timestamp = -1;
};

/// What choosing may use besides the partition.
struct SelectContext {
  MemoryBudget& budget;
  std::size_t max_decompressed;
  bool must_progress;  ///< one decoded batch may overdraw the budget
  TopicStats& stats;
  TimePoint now;
};

/// Chooses records in strict offset order, from the first unsettled one on: returned ones first, then new
/// ones. Stops at records that others hold and at returned ones whose delay has not passed. On broken data
/// the selection ends before it; partition.buffer.error() tells.
/// @param so_far  an earlier selection from the same partition to go on with; `room` is what is left now
[[nodiscard]] Selection select_in_order(Partition& partition,
                                        const Room& room,
                                        const SelectContext& context,
                                        std::optional<Selection> so_far = std::nullopt);

/// Passes over what holds no data at the head of the partition (control, aborted, compacted), so that lag can
/// reach 0.
void skip_empty(Partition& partition, const Selection& selection, TopicStats& stats);

}  // namespace sluice::core
