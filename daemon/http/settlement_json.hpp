#pragma once

#include "daemon/core/api.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace sluice::http {

/// {"accepted", "released", "kept", "refused": [{topic, partition, from, to, reason}], "offsets": [{topic,
/// partition, acked_through, committed}], "committed"}. Ranges are inclusive; `committed` of an offset is
/// Kafka's: the next one.
[[nodiscard]] nlohmann::ordered_json settlement_json(const core::AckResult& result, bool committed);

/// The same as members of a problem (Problem::extension).
[[nodiscard]] std::string settlement_members(const core::AckResult& result, bool committed);

}  // namespace sluice::http
