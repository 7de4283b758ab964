#pragma once

#include "protocol/messages/any.hpp"

#include <chrono>
#include <cstdint>

namespace sluice::net {

/// How long the connection must stay silent after this answer. 0 for versions in which the broker holds back
/// the answer itself instead of asking for silence. Source: KIP-219.
[[nodiscard]] std::chrono::milliseconds silence_asked_for(const protocol::AnyResponse& response,
                                                          std::int16_t version);

/// The error of the answer as a whole; 0 when it has none, or only errors per topic.
[[nodiscard]] std::int16_t top_level_error(const protocol::AnyResponse& response);

}  // namespace sluice::net
