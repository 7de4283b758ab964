#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/backoff.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/fetch/committed_offsets.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/group/membership.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Brings what is settled to the coordinator. One OffsetCommit in flight per group, so commits can never
/// overtake each other; whatever is settled meanwhile goes with the next one. Only watermarks are ever
/// committed, and only under the identity of a live membership: never with generation -1. What is settled
/// above a gap goes with the watermark as metadata, unless somebody else's text is there.
class Committer {
 public:
  struct Options {
    std::string group_id;
    std::chrono::milliseconds request_timeout{30'000};
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::seconds(1);
    std::int64_t every_records = 1;  ///< commit once so many were settled; 1: after every ack
    Duration interval{};             ///< ... and at the latest after so long; 0: not by time
  };

  /// A commit that somebody waits for has ended.
  struct Done {
    std::uint64_t ticket = 0;
    CommitOutcome outcome = CommitOutcome::kCommitted;
  };

  Committer(Options options, std::uint64_t seed);

  /// `identity` empty: commits are not allowed now.
  void poll(TimePoint now,
            std::optional<protocol::NodeId> coordinator,
            const std::optional<MemberIdentity>& identity,
            const Metadata& metadata,
            Partitions& partitions,
            Outbox& outbox);
  bool on_reply(const protocol::Reply& reply,
                Metadata& metadata,
                Partitions& partitions,
                ConsumerStats& stats,
                TimePoint now,
                std::int64_t wall_ms);
  bool on_failure(const protocol::Failure& failure, ConsumerStats& stats, TimePoint now);

  /// Wait until what is settled now in these partitions is committed, at most a request timeout. 0 when it is
  /// already.
  [[nodiscard]] std::uint64_t ticket_for(const std::vector<PartitionProgress>& offsets,
                                         const Partitions& partitions,
                                         TimePoint now);
  /// A ticket that nothing else will get.
  [[nodiscard]] std::uint64_t new_ticket() { return ++last_ticket_; }
  [[nodiscard]] std::vector<Done> take_done() { return std::exchange(done_, {}); }

  [[nodiscard]] bool in_flight() const { return in_flight_.has_value(); }
  /// Something settled is not committed yet.
  [[nodiscard]] static bool dirty(const Partitions& partitions);
  /// What is settled now is committed at once, whatever the policy says.
  void flush() { flush_ = true; }

  /// Group-level error of the last commit, with the generation it was sent under.
  struct GroupError {
    std::int16_t code = 0;  ///< 0: the connection failed
    std::int32_t generation = -1;
    protocol::NodeId node = -1;
    std::string message;
  };
  [[nodiscard]] std::optional<GroupError> take_error() { return std::exchange(group_error_, std::nullopt); }

 private:
  struct Target {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    std::uint64_t version = 0;  ///< of the ledger
  };
  struct Sent {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    Offset offset = 0;
    std::uint64_t version = 0;
    std::string metadata;
  };
  struct InFlight {
    protocol::RequestId id = 0;
    std::int32_t generation = -1;
    TimePoint sent_at{};
    std::vector<Sent> targets;
  };
  struct Waiting {
    std::uint64_t ticket = 0;
    TimePoint deadline = kNever;
    std::vector<Target> targets;
  };

  [[nodiscard]] bool due(const Partitions& partitions, TimePoint now, Outbox& outbox);
  void plan(Partition& partition,
            const Metadata& metadata,
            InFlight& plan,
            protocol::OffsetCommitRequest& request);
  void take_error(
      const Sent& target, Partition* partition, std::int16_t code, Metadata& metadata, TimePoint now);
  void retry_later(TimePoint now) { retry_at_ = now + backoff_.next(random_); }
  void finish_waiting(const Partitions& partitions, TimePoint now);
  void fail_waiting(const TopicPartition& partition);

  Options options_;
  Random random_;
  Backoff backoff_;
  TimePoint retry_at_ = TimePoint::min();
  std::optional<InFlight> in_flight_;
  std::optional<GroupError> group_error_;
  std::vector<Waiting> waiting_;
  std::vector<Done> done_;
  std::uint64_t last_ticket_ = 0;
  bool flush_ = false;
  std::optional<TimePoint> dirty_since_;
};

}  // namespace sluice::core
