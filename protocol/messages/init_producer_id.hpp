#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::protocol {

/// API 22: a producer id for idempotent writes to the dead letter topic. Source: InitProducerIdRequest.json.
struct InitProducerIdRequest {
  static constexpr ApiKey kApiKey = ApiKey::kInitProducerId;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::optional<std::string> transactional_id = std::string{};  ///< nullopt: idempotent only
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  bool enable_2pc = false;
  bool keep_prepared_txn = false;

  bool operator==(const InitProducerIdRequest&) const = default;
};

/// Source: InitProducerIdResponse.json.
struct InitProducerIdResponse {
  static constexpr ApiKey kApiKey = ApiKey::kInitProducerId;
  static constexpr VersionRange kVersions = versions_spoken(kApiKey);

  std::int32_t throttle_time_ms = 0;  ///< send nothing on this connection for so long (KIP-219)
  std::int16_t error_code = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;
  std::int64_t ongoing_txn_producer_id = -1;
  std::int16_t ongoing_txn_producer_epoch = -1;

  bool operator==(const InitProducerIdResponse&) const = default;
};

}  // namespace sluice::protocol
