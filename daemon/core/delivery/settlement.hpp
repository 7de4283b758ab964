#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/time.hpp"

namespace sluice::core {

/// Applies an ack request to the ledgers: accepts first, then releases, then rejects, then the fallback for
/// what was not named. Works for open leases and, as far as it is harmless, for expired ones. Does not end
/// the lease.
[[nodiscard]] AckResult settle_batch(const LeaseTable::Lease& lease,
                                     const AckSpec& spec,
                                     Partitions& partitions,
                                     const Redelivery& redelivery,
                                     TimePoint now);

}  // namespace sluice::core
