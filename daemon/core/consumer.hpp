#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/commit/committer.hpp"
#include "daemon/core/delivery/delivery.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/fetch/committed_offsets.hpp"
#include "daemon/core/fetch/fetcher.hpp"
#include "daemon/core/fetch/list_offsets.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/group/classic_membership.hpp"
#include "daemon/core/group/coordinator.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::core {

/// One named consumer: a membership, its partitions, and the leases on their records.
///
/// Composes the state machines and polls them in a fixed order, the membership first: it depends on nothing
/// below it. Pure: time, answers and calls come in; requests, results and the next wake-up time go out. Same
/// seed and same inputs, same outputs. After any input call turn(), then carry out what outbox() and the take
/// functions hold.
class Consumer {
 public:
  struct Options {
    ClassicMembership::Options membership;
    Metadata::Options metadata;
    Coordinator::Options coordinator;
    CommittedOffsets::Options committed_offsets;
    ListOffsets::Options list_offsets;
    Fetcher::Options fetch;
    Committer::Options commit;
    Delivery::Options delivery;
    std::function<BatchId()> batch_ids;  ///< unguessable; unset: from the seed
  };

  /// `budget` is shared by all consumers and must outlive this.
  Consumer(Options options, MemoryBudget& budget, std::uint64_t seed);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void turn(TimePoint now, std::int64_t wall_ms);
  void on_reply(protocol::Reply reply, TimePoint now, std::int64_t wall_ms);
  void on_failure(const protocol::Failure& failure, TimePoint now);

  // What an application does. Effects that need the broker show after the next turns.
  [[nodiscard]] std::uint64_t start_fetch(FetchSpec spec, TimePoint now, std::int64_t wall_ms);
  [[nodiscard]] bool cancel_fetch(std::uint64_t ticket) { return delivery_.cancel(ticket); }
  [[nodiscard]] std::size_t waiting_fetches() const { return delivery_.waiting(); }
  [[nodiscard]] AckResult ack(BatchId id, const AckSpec& spec, TimePoint now);
  [[nodiscard]] LeaseResult extend(BatchId id, Duration lease, TimePoint now);
  [[nodiscard]] LeaseResult release(BatchId id, Duration delay, TimePoint now);
  void undo(BatchId id, TimePoint now) { leases_.undo(id, partitions_, now); }
  [[nodiscard]] std::shared_ptr<const Batch> open_batch(BatchId id) const;
  void refresh(std::vector<PartitionProgress>& offsets) const;

  /// No new leases from now on; acks, extensions, commits and heartbeats go on.
  void drain() { draining_ = true; }
  [[nodiscard]] bool draining() const { return draining_; }
  /// Nothing leased, everything settled is committed.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] std::size_t open_leases() const { return leases_.open_count(); }
  /// Leaves the group. Done when gone() says so.
  void leave(TimePoint now);
  [[nodiscard]] bool gone() const;

  // What comes out.
  [[nodiscard]] Outbox& outbox() { return outbox_; }
  [[nodiscard]] std::vector<Delivery::Done> take_fetches() { return delivery_.take_done(); }
  [[nodiscard]] std::vector<Committer::Done> take_commits() { return committer_.take_done(); }
  [[nodiscard]] std::vector<protocol::BrokerAddress> take_addresses();

  [[nodiscard]] ConsumerStatus status(TimePoint now) const;
  [[nodiscard]] const ConsumerStats& stats() const { return stats_; }
  [[nodiscard]] MemberState member_state() const { return membership_.state(); }
  /// Everything assigned to this member at the moment. For tests and simulation, which keep books of their
  /// own.
  [[nodiscard]] const Partitions& partitions() const { return partitions_; }
  /// Joined at least once and the metadata is known.
  [[nodiscard]] bool joined() const { return membership_.joined_since().has_value(); }

  /// Aborts the process when an invariant does not hold. For tests and simulation.
  void check_invariants() const;

 private:
  void poll_membership(TimePoint now);
  bool handle_membership_events();
  void look_at_clock(TimePoint now);
  void handle(const PartitionsAssigned& event);
  void handle(const PartitionsRevoking& event);
  void handle(const PartitionsLost& event);
  void finish_revoking(TimePoint now);
  void drop_partition(const TopicPartition& tp, TimePoint now);
  void handle_group_errors(TimePoint now);
  void copy_membership_stats(std::int64_t wall_ms);

  Options options_;
  MemoryBudget& budget_;
  Random random_;
  Outbox outbox_;
  ConsumerStats stats_;
  Metadata metadata_;
  Coordinator coordinator_;
  ClassicMembership membership_;
  Partitions partitions_;
  CommittedOffsets committed_offsets_;
  ListOffsets list_offsets_;
  Fetcher fetcher_;
  Committer committer_;
  LeaseTable leases_;
  Delivery delivery_;

  std::uint64_t last_incarnation_ = 0;
  std::uint64_t metadata_seen_ = 0;
  std::vector<protocol::BrokerAddress> addresses_;
  std::optional<TimePoint> revoke_by_;  ///< a revocation waits for open leases
  std::optional<TimePoint> rebalance_began_;
  std::optional<std::string> commit_error_;
  TimePoint now_{};
  TimePoint last_fetch_call_{};
  bool draining_ = false;
};

}  // namespace sluice::core
