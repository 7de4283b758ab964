#pragma once

#include "daemon/engine/service.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

/// State of consumers as JSON, for the API and for the status page. Never contents of records.
namespace sluice::http {

/// Bytes that are not UTF-8 (a broker may send any) are replaced.
[[nodiscard]] std::string dump(const nlohmann::ordered_json& value);

/// ISO 8601 in UTC, or null for "never".
[[nodiscard]] nlohmann::ordered_json time_json(const engine::Service& service, core::TimePoint when);

[[nodiscard]] nlohmann::ordered_json partition_json(const core::TopicPartition& partition);
[[nodiscard]] nlohmann::ordered_json lease_json(const engine::Service& service, const core::OpenLease& lease);
[[nodiscard]] nlohmann::ordered_json revoking_json(const engine::Service& service,
                                                   const std::vector<core::RevokingPartition>& revoking);

/// One line of the list of consumers: name, group, state, how much is assigned, leased and behind.
[[nodiscard]] nlohmann::ordered_json summary_json(const engine::ConsumerHost& host);
/// Everything: also the partitions with positions, lag and `blocked_by`, and the open leases.
[[nodiscard]] nlohmann::ordered_json consumer_json(const engine::Service& service,
                                                   const engine::ConsumerHost& host);

}  // namespace sluice::http
