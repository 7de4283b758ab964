#pragma once

#include "daemon/core/api.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace sluice::http {

/// [{topic, partition, acked_through, committed}]; `acked_through` is inclusive, `committed` is Kafka's: the
/// next offset. Null where there is none.
[[nodiscard]] nlohmann::ordered_json offsets_json(const std::vector<core::PartitionProgress>& offsets);

/// {"accepted", "released", "rejected", "kept", "refused": [{topic, partition, from, to, reason}], "offsets":
/// as offsets_json(), "committed"}. Ranges are inclusive.
[[nodiscard]] nlohmann::ordered_json settlement_json(const core::AckResult& result, bool committed);

/// The same as members of a problem (Problem::extension).
[[nodiscard]] std::string settlement_members(const core::AckResult& result, bool committed);

}  // namespace sluice::http
