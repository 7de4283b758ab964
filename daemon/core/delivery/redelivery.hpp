#pragma once

#include "daemon/core/delivery/partition_ledger.hpp"
#include "daemon/core/time.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace sluice::core {

/// What happens to a record whose delivery did not end in an ack.
///
/// The first redelivery comes at once; before each further one is a pause that doubles. Batches with such
/// records shrink from one delivery to the next, until on the last one each record is alone: then it is the
/// record that fails, and not its neighbour.
struct Redelivery {
  std::uint32_t max_deliveries = 0;  ///< 0: tried again for ever
  Duration backoff = std::chrono::seconds(1);
  Duration backoff_max = std::chrono::minutes(1);
  std::uint32_t alone_from = 4;  ///< where no delivery is the last one, this one is alone; 0: none

  /// No delivery is left after so many.
  [[nodiscard]] bool exhausted(std::uint32_t deliveries) const {
    return max_deliveries > 0 && deliveries >= max_deliveries;
  }
  /// This delivery is the last one.
  [[nodiscard]] bool is_final(std::uint32_t delivery) const { return exhausted(delivery); }

  /// Pause after a record failed for the `deliveries`th time.
  [[nodiscard]] Duration pause(std::uint32_t deliveries) const {
    if (deliveries < 2) return {};
    const std::uint32_t doublings = std::min<std::uint32_t>(deliveries - 2, 30);
    return std::min<Duration>(backoff_max, backoff * (std::int64_t{1} << doublings));
  }

  /// Most records of the batch in which a record is delivered for the `delivery`th time, after one of
  /// `batch_records` failed; 0: no bound.
  [[nodiscard]] std::uint32_t together(std::uint32_t delivery, std::uint32_t batch_records) const {
    const std::uint32_t last = max_deliveries > 0 ? max_deliveries : alone_from;
    if (last == 0) return 0;
    if (delivery >= last) return 1;
    // An even fall from delivery to delivery, down to 1 on the last one.
    const double left = last - delivery;
    return std::max(1U, static_cast<std::uint32_t>(std::lround(std::pow(batch_records, left / (left + 1)))));
  }

  /// For PartitionLedger::give_back(), when a lease of `batch_records` records ends without an ack.
  /// @param delay  nothing: the pause from above
  [[nodiscard]] PartitionLedger::Return after(const PartitionLedger::Entry& entry,
                                              std::uint32_t batch_records,
                                              std::optional<Duration> delay,
                                              TimePoint now) const {
    PartitionLedger::Return how;
    how.condemned = exhausted(entry.deliveries);
    how.not_before = now + delay.value_or(pause(entry.deliveries));
    how.together = together(entry.deliveries + 1, batch_records);
    return how;
  }

  /// The same for a record that its application named: which one failed is known, so its next batch need not
  /// be small. Only on its last delivery it is alone, for nobody else to share its fate.
  [[nodiscard]] PartitionLedger::Return after_named(const PartitionLedger::Entry& entry,
                                                    std::optional<Duration> delay,
                                                    TimePoint now) const {
    PartitionLedger::Return how = after(entry, 1, delay, now);
    how.together = is_final(entry.deliveries + 1) ? 1 : 0;
    return how;
  }
};

}  // namespace sluice::core
