#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Asks the coordinator where the group stands (OffsetFetch) for partitions in phase kCommittedOffset, and
/// moves them on: to kFetching at the committed offset, or to kReset when there is none.
class CommittedOffsets {
 public:
  struct Options {
    std::string group_id;
    std::chrono::milliseconds request_timeout{30'000};
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::seconds(1);
  };

  /// What the coordinator said about us as a whole, for the membership and the coordinator lookup.
  struct GroupError {
    std::int16_t code = 0;  ///< 0: the connection failed
    protocol::NodeId node = -1;
    std::string message;
  };

  CommittedOffsets(Options options, std::uint64_t seed);

  void poll(TimePoint now,
            std::optional<protocol::NodeId> coordinator,
            const Metadata& metadata,
            Partitions& partitions,
            Outbox& outbox);
  bool on_reply(const protocol::Reply& reply,
                Metadata& metadata,
                Partitions& partitions,
                TimePoint now,
                Outbox& outbox);
  bool on_failure(const protocol::Failure& failure, TimePoint now);

  [[nodiscard]] std::optional<GroupError> take_error() { return std::exchange(group_error_, std::nullopt); }

 private:
  struct Answer {
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::int16_t error_code = 0;
    std::string metadata;
  };

  void take(Partition& partition, const Answer& answer, TimePoint now, Outbox& outbox);
  void retry_later(TimePoint now) { retry_at_ = now + backoff_.next(random_); }

  Options options_;
  Random random_;
  Backoff backoff_;
  TimePoint retry_at_ = TimePoint::min();
  std::optional<protocol::RequestId> in_flight_;
  std::vector<std::pair<TopicPartition, std::uint64_t>> asked_;  ///< with incarnation
  std::optional<GroupError> group_error_;
};

}  // namespace sluice::core
