#pragma once

#include "daemon/core/api.hpp"
#include "daemon/http/ack_request.hpp"
#include "daemon/http/batch_writer.hpp"
#include "daemon/http/problem.hpp"

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include <optional>

namespace sluice::http {

/// What a fetch asks for.
struct FetchRequest {
  core::FetchSpec spec;
  RecordFormat format;
  std::optional<AckRequest> ack;  ///< to be settled first
};

/// The caps that HTTP itself puts on a fetch; the consumer has its own.
struct FetchCaps {
  core::Duration wait_max;
  core::Duration lease_max;
};

/// Members: `max_records`, `max_bytes` (-1: no bound), `wait_ms`, `min_records`, `min_bytes`, `lease_ms`,
/// `request_id`, `topics`, `encoding` {`key`, `value`, `headers`}, `ack`, `mode` ("lease" | "auto").
/// @param defaults  for whatever is left out
[[nodiscard]] tl::expected<FetchRequest, Problem> parse_fetch(const nlohmann::json& body,
                                                              const core::FetchSpec& defaults,
                                                              const FetchCaps& caps,
                                                              const AckRules& rules);

}  // namespace sluice::http
