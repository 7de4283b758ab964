#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::core {

/// Gets a producer id for idempotent writes (InitProducerId, KIP-98, without a transactional id).
class ProducerIdentity {
 public:
  struct Options {
    std::chrono::milliseconds request_timeout{30'000};
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::seconds(1);
  };

  struct Identity {
    std::int64_t producer_id = -1;  ///< -1: not allowed to write idempotently
    std::int16_t producer_epoch = -1;
    std::uint64_t generation = 0;  ///< another one for every identity; sequences of one begin at 0
    [[nodiscard]] bool idempotent() const { return producer_id >= 0; }
  };

  ProducerIdentity(Options options, std::uint64_t seed);

  /// Asks for an identity when there is none.
  void poll(TimePoint now, const Metadata& metadata, Outbox& outbox);
  bool on_reply(const protocol::Reply& reply, TimePoint now, Outbox& outbox);
  bool on_failure(const protocol::Failure& failure, TimePoint now);

  [[nodiscard]] const std::optional<Identity>& current() const { return current_; }
  /// A broker no longer takes the identity of this generation. Nothing when another has replaced it already.
  void replace(std::uint64_t generation);
  /// Idempotent writes are not allowed: goes on with producer id -1, for the rest of its life.
  void do_without(const std::string& why, Outbox& outbox);

  /// Why there is no identity yet.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  void retry_later(std::string error, TimePoint now);

  Options options_;
  Random random_;
  Backoff backoff_;
  TimePoint retry_at_ = TimePoint::min();
  std::optional<protocol::RequestId> in_flight_;
  std::size_t next_candidate_ = 0;
  std::optional<Identity> current_;
  std::uint64_t generations_ = 0;
  std::optional<std::string> error_;
  std::optional<std::string> refused_;  ///< why we do without, until it has been logged
  bool without_ = false;
};

}  // namespace sluice::core
