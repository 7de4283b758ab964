#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/commit/committer.hpp"
#include "daemon/core/dead_letter/dead_letters.hpp"
#include "daemon/core/delivery/delivery.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/delivery/redelivery.hpp"
#include "daemon/core/delivery/window.hpp"
#include "daemon/core/events.hpp"
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

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// What becomes of the membership when the application has been silent for too long.
enum class IdlePolicy : std::uint8_t {
  kHold = 1,  ///< nothing
  kPause,     ///< keeps the partitions, but reads nothing until the next call
  kLeave,     ///< leaves the group; the next call joins again
};

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
    OrderMode order = OrderMode::kPartition;
    Redelivery redelivery;
    Window::Options window;
    DeadLetters::Options dead_letters;
    IdlePolicy idle_policy = IdlePolicy::kHold;
    Duration idle_timeout = std::chrono::minutes(5);
    std::uint64_t first_event = 1;       ///< id of the first event; differs from start to start
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
  [[nodiscard]] LeaseResult release(BatchId id, std::optional<Duration> delay, TimePoint now);
  void undo(BatchId id, TimePoint now) { leases_.undo(id, partitions_, now); }
  [[nodiscard]] std::shared_ptr<const Batch> open_batch(BatchId id) const;
  void refresh(std::vector<PartitionProgress>& offsets) const;

  /// Stops handing out and fetching what `scope` covers, also of partitions that come later; open leases go
  /// on.
  void pause(const Scope& scope, TimePoint now);
  /// Ends pauses of what `scope` covers. A pause of more than that stays.
  void resume(const Scope& scope, TimePoint now);
  [[nodiscard]] bool paused() const { return pauses_.all; }
  /// Goes on elsewhere. Open leases of these partitions are void: acks of them are refused.
  [[nodiscard]] tl::expected<SeekResult, std::string> seek(const Scope& scope,
                                                           const SeekTarget& target,
                                                           TimePoint now);
  /// Commits what is settled, whatever the policy says. The ticket is 0 when all of it is committed.
  [[nodiscard]] std::uint64_t commit(std::vector<PartitionProgress>& offsets, TimePoint now);
  [[nodiscard]] const EventLog& events() const { return events_; }
  [[nodiscard]] bool has_dead_letter_topic() const { return !options_.dead_letters.topic.empty(); }

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
  [[nodiscard]] std::vector<Delivery::Done> take_fetches() { return std::exchange(fetches_, {}); }
  /// Commits and seeks that somebody waits for.
  [[nodiscard]] std::vector<Committer::Done> take_commits();
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
  /// What applications have paused, whether it is assigned now or not.
  struct Pauses {
    bool all = false;
    std::set<std::string> topics;
    std::set<TopicPartition> partitions;

    [[nodiscard]] bool cover(const TopicPartition& tp) const {
      return topics.contains(tp.topic) || partitions.contains(tp);
    }
  };
  struct SeekWait {
    std::uint64_t ticket = 0;
    TimePoint deadline = kNever;
    std::vector<std::pair<TopicPartition, std::uint64_t>> partitions;  ///< with incarnation
  };

  // consumer.cpp, consumer_answers.cpp: membership, applications; what brokers say.
  void poll_membership(TimePoint now);
  bool handle_membership_events();
  void look_at_clock(TimePoint now);
  void handle(const PartitionsAssigned& event);
  void handle(const PartitionsRevoking& event);
  void handle(const PartitionsLost& event);
  void finish_revoking(TimePoint now);
  Partition& add_partition(const TopicPartition& tp);
  void drop_partition(const TopicPartition& tp, TimePoint now);
  void handle_group_errors(TimePoint now);
  void expire_leases(TimePoint now);
  void look_at_topic_ids(TimePoint now);
  void take_deliveries(TimePoint now);
  void tell_window(TimePoint now);

  // consumer_events.cpp
  void note(EventType type, std::vector<TopicPartition> partitions, std::string text);
  void tell_unreadable(const Batch& batch);
  void tell_errors(TimePoint now);
  [[nodiscard]] std::int64_t wall_ms() const;

  // consumer_flow.cpp: pause, seek, silence.
  void apply_pauses();
  void seek_one(Partition& partition, const SeekTarget& target);
  void finish_seeks(TimePoint now);
  void look_for_silence(TimePoint now);
  void heard_from_application(TimePoint now);
  void read_ahead(TimePoint now);
  [[nodiscard]] bool is_asked_for(TimePoint now) const;
  void drop_prefetched();

  // consumer_dead_letters.cpp
  void poll_dead_letters(TimePoint now);
  bool write_letters(Partition& partition, const Condemned& condemned);
  Offset write_from_chunk(Partition& partition,
                          const Condemned& condemned,
                          std::size_t index,
                          OffsetRange range);
  void forget_withdrawn(Partition& partition);
  void finish_letters(TimePoint now);

  // consumer_status.cpp
  void copy_membership_stats(std::int64_t wall_ms);
  [[nodiscard]] std::optional<std::string> error() const;
  [[nodiscard]] std::vector<RevokingPartition> revoking() const;
  [[nodiscard]] WindowStatus window_status() const;

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
  Window window_;
  Delivery delivery_;
  DeadLetters dead_letters_;
  EventLog events_;

  std::uint64_t last_incarnation_ = 0;
  std::uint64_t metadata_seen_ = 0;
  std::vector<protocol::BrokerAddress> addresses_;
  std::optional<TimePoint> revoke_by_;  ///< a revocation waits for open leases
  std::optional<TimePoint> rebalance_began_;
  std::optional<std::string> commit_error_;
  std::optional<std::string> dead_letter_error_;  ///< as it was told last
  std::map<std::string, TimePoint> errors_told_;  ///< lately
  std::vector<Delivery::Done> fetches_;
  std::vector<Committer::Done> seeks_done_;
  std::vector<SeekWait> seeks_;
  Pauses pauses_;
  TimePoint now_{};
  std::int64_t turn_wall_ms_ = 0;  ///< what the wall clock said ...
  TimePoint turn_at_{};            ///< ... at the last turn
  TimePoint last_fetch_call_{};
  std::optional<TimePoint> last_heard_;  ///< from an application, or since when there could have been one
  bool idle_ = false;
  bool draining_ = false;
  bool leaving_ = false;
};

}  // namespace sluice::core
