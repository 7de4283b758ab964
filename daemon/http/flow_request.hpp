#pragma once

#include "daemon/core/api.hpp"
#include "daemon/http/problem.hpp"

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::http {

/// What the body of a seek asks for.
struct SeekRequest {
  core::Scope scope;
  core::SeekTarget target;
};

/// The body of a pause or a resume. Members: `topics` (names), `partitions` ({topic, partition}); without
/// both it is the whole consumer. An empty list is refused: it would mean everything.
/// @param topics  those that the consumer reads
[[nodiscard]] tl::expected<core::Scope, Problem> parse_scope(const nlohmann::json& body,
                                                             const std::vector<std::string>& topics);

/// Members: `to` ("beginning" | "end" | "committed" | {`offset`} | {`timestamp`}, ms since the epoch |
/// {`duration`}, ISO 8601: back from now), and those of parse_scope(). An offset needs its partitions named.
/// @param wall_ms  now, which a duration counts back from
[[nodiscard]] tl::expected<SeekRequest, Problem> parse_seek(const nlohmann::json& body,
                                                            const std::vector<std::string>& topics,
                                                            std::int64_t wall_ms);

}  // namespace sluice::http
