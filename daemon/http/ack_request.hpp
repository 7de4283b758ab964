#pragma once

#include "daemon/core/api.hpp"
#include "daemon/engine/consumer_host.hpp"
#include "daemon/http/problem.hpp"

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include <string>

namespace sluice::http {

/// What the body of an ack asks for.
struct AckRequest {
  core::AckSpec spec;
  bool sync = true;     ///< wait until the coordinator has the commit
  core::BatchId batch;  ///< of the `ack` member of a fetch, which names its batch
};

/// What depends on the consumer.
struct AckRules {
  bool sync = true;        ///< what `commit` is when it is left out
  bool can_reject = true;  ///< there is a dead letter topic
};
[[nodiscard]] AckRules ack_rules(const engine::ConsumerHost& host);

/// Members: `default` ("accept" | "keep"), `accept`, `release`, `reject` (lists of {topic, partition,
/// offset}, {topic, partition, from, to} - both inclusive -, {index} or just the number: positions in the
/// batch), `through` ({topic, partition, offset}: all up to and including it are accepted), `delay_ms` (of
/// what is released), `commit` ("sync" | "async"). Nothing at all accepts every record; with any list, the
/// records that are not named are kept unless `default` says otherwise. An entry of `release` may have a
/// `delay_ms` of its own, one of `reject` a `reason`.
/// @param path  of the object in the request: empty, or "ack" inside a fetch, where `batch_id` is required
[[nodiscard]] tl::expected<AckRequest, Problem> parse_ack(const nlohmann::json& body,
                                                          const AckRules& rules,
                                                          const std::string& path = {});

}  // namespace sluice::http
