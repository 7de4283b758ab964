#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::core {

/// Which broker coordinates the group. Finds it with FindCoordinator, and forgets it as soon as a user of it
/// says that it moved or died. A failed lookup is never remembered as an answer. Source: KIP-699.
class Coordinator {
 public:
  struct Options {
    std::string group_id;
    std::chrono::milliseconds request_timeout{30'000};
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::milliseconds(1'000);
    /// Between lookups that the broker refused for a reason that only an operator can remove.
    Duration refusal_backoff = std::chrono::seconds(10);
  };

  Coordinator(Options options, std::uint64_t seed);

  /// Asks one of `candidates` when the coordinator is unknown and the back-off is over; another one each
  /// time, whatever their order. One lookup is in flight at most. Call it only while somebody needs the
  /// coordinator.
  void poll(TimePoint now, std::span<const protocol::NodeId> candidates, Outbox& outbox);

  /// True when the reply or failure was that of our lookup.
  bool on_reply(const protocol::Reply& reply, TimePoint now);
  bool on_failure(const protocol::Failure& failure, TimePoint now);

  /// A user of `node` saw NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE or the end of its connection. Ignored
  /// when `node` is not the coordinator any more. The first loss is looked up at once, a coordinator that is
  /// lost again and again with back-off.
  void lost(protocol::NodeId node, const std::string& reason, TimePoint now);

  [[nodiscard]] std::optional<protocol::NodeId> node() const { return node_; }

  /// Addresses learned since the last call. A found coordinator may be missing from the metadata.
  [[nodiscard]] std::vector<protocol::BrokerAddress> take_learned();

  /// Why the coordinator cannot be found, when retrying alone will not help (GROUP_AUTHORIZATION_FAILED ...).
  /// Lookups go on slowly.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }
  /// Why the last lookup got no answer; nothing when it got one.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

  /// How often a known coordinator was lost.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }

 private:
  struct Answer;

  void found(const Answer& answer, TimePoint now);
  void refused(const Answer& answer, TimePoint now);
  void retry_later(TimePoint now);

  Options options_;
  Random random_;
  Backoff backoff_;
  std::size_t next_candidate_ = 0;
  std::optional<protocol::RequestId> lookup_;
  TimePoint retry_at_ = TimePoint::min();
  TimePoint found_at_{};
  std::optional<protocol::NodeId> node_;
  std::optional<std::string> error_;
  std::optional<std::string> failure_;
  std::vector<protocol::BrokerAddress> learned_;
  std::vector<LogLine> lines_;
  std::uint64_t losses_ = 0;
};

}  // namespace sluice::core
