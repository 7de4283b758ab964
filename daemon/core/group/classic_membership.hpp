#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/group/assignor.hpp"
#include "daemon/core/group/group_leader.hpp"
#include "daemon/core/group/group_reaction.hpp"
#include "daemon/core/group/membership.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

/// Membership of one consumer in one classic group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. Pure;
/// nothing in it depends on how fast records are processed.
/// Source: KIP-54, KIP-62, KIP-345, KIP-394, KIP-429, KIP-559, KIP-814.
///
/// How the Consumer reads the events, whatever the rebalance protocol:
///
/// PartitionsRevoking{partitions, finish_by}: stop handing out, drain, commit, call released(). Keep
/// positions and open leases until the next event all the same: an eager member gives up everything before it
/// joins and mostly gets it back.
///
/// PartitionsAssigned{added, all}: `added` starts afresh from the committed offset, even where the Consumer
/// still keeps something of an earlier time. `all` without `added` stayed ours without a gap: positions and
/// leases stay valid. Whatever the Consumer keeps beyond `all` belongs to somebody else now: drop it, do not
/// commit it. In a cooperative group `all` still holds the partitions of the PartitionsRevoking that follows
/// at once.
///
/// PartitionsLost: nothing is ours any more. Drop everything, do not commit. It comes before the member joins
/// again, and also before PartitionsAssigned when a generation passed without us: somebody else may have had
/// the partitions in between.
///
/// All calls take a time that never goes back. Everything that is sent is sent by poll(): call it after every
/// other call, and at the Outbox's wake time. A process that may have been stopped for a while calls poll()
/// and reads the events before it hands out, acks or commits anything: the partitions may be lost.
class ClassicMembership {
 public:
  struct Options {
    std::string group_id;
    std::optional<std::string> instance_id;  ///< static membership; empty for a dynamic member
    std::optional<std::string> rack;
    std::vector<std::string> topics;
    std::vector<Assignor> strategies{Assignor::kRange,
                                     Assignor::kCooperativeSticky};  ///< by preference; not empty
    std::chrono::milliseconds session_timeout{45'000};
    std::chrono::milliseconds heartbeat_interval{3'000};
    std::chrono::milliseconds rebalance_timeout{300'000};
    std::chrono::milliseconds request_timeout{30'000};
    Duration rebalance_drain = std::chrono::seconds(30);  ///< how long a revocation may wait for leases
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::milliseconds(1'000);
    Duration metadata_wait =
        std::chrono::seconds(5);  ///< how long a leader waits for missing partition counts
    Duration leave_timeout = std::chrono::seconds(5);  ///< how long leaving may take
  };

  ClassicMembership(Options options, std::uint64_t seed);

  /// Sends what is due. `coordinator`: where it is known to be. `commit_in_flight`: an OffsetCommit of ours
  /// is not answered yet; JoinGroup waits for it, within the rebalance timeout.
  void poll(TimePoint now,
            std::optional<protocol::NodeId> coordinator,
            bool commit_in_flight,
            Outbox& outbox);

  /// True when the answer was to a request of ours, also to one that does not matter any more.
  bool on_reply(const protocol::Reply& reply, TimePoint now);
  bool on_failure(const protocol::Failure& failure, TimePoint now);

  /// Gives the membership up when the session ended while nobody looked, as after a stop of the process. All
  /// other calls do so, too.
  void look_at_clock(TimePoint now) { begin_turn(now); }

  /// The Consumer let go of everything that the last PartitionsRevoking named: drained and committed.
  void released(TimePoint now);

  /// What the metadata says about topics_to_know(). Leave a topic out while nothing is known about it; 0 says
  /// that it does not exist. A change makes the leader of a stable group start a rebalance.
  void set_partition_counts(const PartitionCounts& counts, TimePoint now);

  /// Our topics and, as leader, those of all members. Sorted.
  [[nodiscard]] std::vector<std::string> topics_to_know() const;

  /// Gives up the membership; call it when everything is drained and committed. A dynamic member says
  /// goodbye, as well as that works within leave_timeout; a static one just stops, so that its successor
  /// finds its partitions. Ends in kLeft, without events.
  void leave(TimePoint now);
  /// Joins again after leave(), as somebody new. Ignored until the state is kLeft.
  void rejoin(TimePoint now);

  /// An OffsetCommit or OffsetFetch sent under `generation` failed with `code`. Late news of an earlier
  /// generation is ignored (KAFKA-9823).
  void on_commit_error(std::int16_t code, std::int32_t generation, TimePoint now);

  [[nodiscard]] std::vector<MembershipEvent> take_events();

  /// Set when the coordinator answered that it is none, or its connection ended: to be passed to
  /// Coordinator::lost().
  struct CoordinatorLost {
    protocol::NodeId node = -1;
    std::string reason;
  };
  /// Ask after every reply and failure, before poll().
  [[nodiscard]] std::optional<CoordinatorLost> take_coordinator_lost();

  [[nodiscard]] MemberState state() const { return state_; }
  [[nodiscard]] MemberIdentity identity() const { return {member_id_, generation_, options_.instance_id}; }

  /// False from the wish to join until SyncGroup succeeded: a commit in between would be refused or would
  /// make the broker start over. Commits of a revocation are allowed until released().
  [[nodiscard]] bool may_commit() const {
    return state_ == MemberState::kStable || state_ == MemberState::kRevoking;
  }

  /// Everything of the last PartitionsAssigned that was not lost or given up since. Sorted.
  [[nodiscard]] const std::vector<TopicPartition>& assignment() const { return held_; }

  /// Why the state is kFailed, and what to do about it.
  [[nodiscard]] const std::optional<std::string>& fatal_error() const { return fatal_error_; }
  /// The Kafka code behind it; nothing when it was not a code.
  [[nodiscard]] std::optional<std::int16_t> fatal_code() const { return fatal_code_; }

  // For metrics and status.
  [[nodiscard]] bool is_leader() const { return leader_.has_value(); }
  [[nodiscard]] bool is_cooperative_member() const { return cooperative_; }
  [[nodiscard]] std::optional<Assignor> chosen_assignor() const { return chosen_; }
  /// Since when we have been a member without interruption; nothing while we are not.
  [[nodiscard]] std::optional<TimePoint> joined_since() const { return joined_since_; }
  [[nodiscard]] std::optional<TimePoint> last_heartbeat() const { return last_heartbeat_; }
  [[nodiscard]] const CounterByLabel& heartbeats() const {
    return heartbeats_;
  }  ///< ok, Kafka's error name, failure
  /// joined, revoked, fenced, member_expired, coordinator_moved, lagging (a generation passed without us).
  [[nodiscard]] const CounterByLabel& rebalances() const { return rebalances_; }

 private:
  /// JoinGroup or SyncGroup on its way; there is never more than one of both.
  struct Exchange {
    protocol::RequestId id = 0;
    protocol::NodeId node = -1;
    GroupCall call = GroupCall::kJoin;
    TimePoint sent_at;
  };
  struct Heartbeat {
    protocol::RequestId id = 0;
    protocol::NodeId node = -1;
    TimePoint sent_at;
  };
  struct Leave {
    protocol::RequestId id = 0;
    protocol::NodeId node = -1;
  };

  // classic_membership.cpp: the life of a member.
  void begin_turn(TimePoint now);
  void poll_heartbeat(TimePoint now, protocol::NodeId coordinator, Outbox& outbox);
  void poll_join(TimePoint now, protocol::NodeId coordinator, bool commit_in_flight, Outbox& outbox);
  void poll_sync(TimePoint now, protocol::NodeId coordinator, Outbox& outbox);
  void poll_leave(TimePoint now, std::optional<protocol::NodeId> coordinator, Outbox& outbox);
  void ask_for_wake_up(TimePoint now, Outbox& outbox) const;
  void transition_to(MemberState next, std::string_view why);
  void want_join(std::string reason, TimePoint at);
  void start_rebalance(const std::string& reason, TimePoint now);
  void start_revoking(std::vector<TopicPartition> partitions, const std::string& reason, TimePoint now);
  void finish_revoking(TimePoint now);
  void lose_partitions(const std::string& reason);
  void lose_membership(const std::string& reason, bool keep_member_id, TimePoint now);
  void forget_heartbeat();
  void fail(std::optional<std::int16_t> code, std::string message);
  void stop(std::string_view why);
  [[nodiscard]] bool is_member() const { return generation_ >= 0 && !member_id_.empty(); }
  /// Whether anything depends on the answer to JoinGroup or SyncGroup: not after the membership was lost,
  /// left or failed.
  [[nodiscard]] bool awaits_exchange() const {
    return state_ == MemberState::kJoining || state_ == MemberState::kSyncing;
  }
  [[nodiscard]] Duration revocation_margin() const;
  [[nodiscard]] TimePoint after_failure(Backoff& backoff, TimePoint now);

  // classic_membership_replies.cpp: what answers and failures mean.
  void on_join_answer(const protocol::JoinGroupResponse& answer, protocol::NodeId node, TimePoint now);
  void on_joined(const protocol::JoinGroupResponse& answer, Assignor chosen, TimePoint now);
  void on_sync_answer(const protocol::SyncGroupResponse& answer, const Exchange& exchange, TimePoint now);
  void on_assigned(std::vector<TopicPartition> assigned, TimePoint now);
  void on_heartbeat_answer(std::int16_t code, const Heartbeat& heartbeat, TimePoint now);
  void on_leave_answer(std::int16_t code, const Leave& leave, TimePoint now);
  void on_joined_too_late(const protocol::JoinGroupResponse* answer);
  void on_exchange_error(
      GroupCall call, std::int16_t code, const std::string& offered_id, protocol::NodeId node, TimePoint now);
  void on_exchange_failure(const Exchange& exchange, const protocol::Failure& failure, TimePoint now);
  void on_heartbeat_failure(const Heartbeat& heartbeat, const protocol::Failure& failure, TimePoint now);
  void coordinator_lost(protocol::NodeId node, std::string reason);
  [[nodiscard]] std::string explain_fatal(std::int16_t code) const;

  Options options_;
  bool cooperative_ = false;
  Random random_;
  MemberState state_ = MemberState::kUnjoined;

  std::string member_id_;
  std::int32_t generation_ = -1;
  std::optional<Assignor> chosen_;
  std::optional<GroupLeader> leader_;
  PartitionCounts counts_;

  std::vector<TopicPartition> held_;      ///< what the Consumer still counts as ours; sorted
  std::int32_t held_generation_ = -1;     ///< up to which nobody else can have had it
  std::vector<TopicPartition> revoking_;  ///< named by the PartitionsRevoking in progress; sorted
  TimePoint finish_by_ = kNever;

  std::string join_reason_ = "first join";
  TimePoint join_at_ = TimePoint::min();        ///< not before
  std::optional<TimePoint> commit_wait_until_;  ///< how long JoinGroup waits for a commit
  TimePoint sync_at_latest_ = kNever;           ///< how long a leader waits for partition counts
  std::optional<Exchange> exchange_;
  Backoff join_backoff_;
  Backoff slow_backoff_;

  std::optional<Heartbeat> heartbeat_;
  TimePoint heartbeat_at_ = kNever;
  Backoff heartbeat_backoff_;
  TimePoint
      contact_{};  ///< when the coordinator last counted us as alive, at the latest estimate that is safe
  TimePoint
      last_turn_{};  ///< a parked JoinGroup keeps us alive, but a process that was stopped must not trust it

  std::set<protocol::RequestId> forgotten_;  ///< unanswered, and their answers do not matter any more

  std::optional<Leave> leave_;
  TimePoint leave_by_ = kNever;

  std::vector<MembershipEvent> events_;
  std::vector<LogLine> lines_;
  std::optional<CoordinatorLost> coordinator_lost_;
  std::optional<std::string> fatal_error_;
  std::optional<std::int16_t> fatal_code_;
  std::optional<TimePoint> joined_since_;
  std::optional<TimePoint> last_heartbeat_;
  CounterByLabel heartbeats_;
  CounterByLabel rebalances_;
};

}  // namespace sluice::core
