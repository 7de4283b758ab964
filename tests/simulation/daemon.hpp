#pragma once

#include "daemon/core/consumer.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/books.hpp"
#include "tests/simulation/cluster.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/settings.hpp"
#include "tests/simulation/trace.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::simulation {

/// Where all parts of one world find each other.
struct Context {
  Settings settings;
  Scheduler scheduler;
  Trace trace;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Network> network;

  [[nodiscard]] TimePoint now() const { return scheduler.now(); }
};

/// One sluiced process: a Consumer, and an engine around it that turns it as the real one does. Dies and
/// comes back.
class Daemon {
 public:
  using OnFetch = std::function<void(core::FetchResult result, Books::LeasePtr lease)>;

  Daemon(Context& context, int index, Dice dice);

  void start();
  /// kill -9: nothing is said to anybody.
  void kill();
  /// SIGSTOP until `resume()`: what arrives waits.
  void pause();
  void resume();
  /// As SIGTERM does: no new leases, wait for acks up to `patience`, commit, leave, end.
  void drain(Duration patience);
  void jump_wall_clock(std::int64_t ms) { wall_offset_ms_ += ms; }

  [[nodiscard]] bool is_up() const { return consumer_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return paused_; }
  [[nodiscard]] bool is_draining() const { return draining_; }
  /// Somebody will start it again.
  [[nodiscard]] bool is_restarting() const { return restarting_; }
  void will_restart() { restarting_ = true; }
  /// Reachable for applications.
  [[nodiscard]] bool serves() const { return is_up() && !paused_; }
  /// Counts the processes: what belongs to an earlier one is gone.
  [[nodiscard]] int life() const { return life_; }

  // Calls of applications; only while serves().
  std::uint64_t start_fetch(core::FetchSpec spec, OnFetch on_fetch);
  bool cancel_fetch(std::uint64_t ticket);
  core::AckResult ack(const Books::LeasePtr& lease, const core::AckSpec& spec);
  void extend(const Books::LeasePtr& lease, Duration duration);
  void release(const Books::LeasePtr& lease, std::optional<Duration> delay);
  void undo(const Books::LeasePtr& lease);
  void pause_some(const core::Scope& scope);
  void resume_some(const core::Scope& scope);
  void seek(const core::Scope& scope, const core::SeekTarget& target);
  void commit();

  [[nodiscard]] const core::Consumer& consumer() const { return *consumer_; }
  [[nodiscard]] const core::MemoryBudget& budget() const { return *budget_; }
  [[nodiscard]] int index() const { return index_; }
  /// Generation of the last JoinGroup that succeeded.
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] bool is_stable() const {
    return is_up() && consumer_->member_state() == core::MemberState::kStable;
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  struct Fetch {
    std::string request_id;
    TimePoint answer_by;
    OnFetch on_fetch;
  };
  struct Ticket {
    struct Target {
      TopicPartition partition;
      protocol::Uuid topic_id;
      Offset offset = 0;
    };
    std::vector<Target> targets;
  };

  void catch_up();
  void input(std::function<void()> what);
  void on_reply(protocol::Reply reply);
  void on_failure(const protocol::Failure& failure);
  void pump();
  void turn();
  void arm_timer();
  void on_timer();
  void send(protocol::Outgoing request);
  void turned(TimePoint now);
  void check_commit(const protocol::OffsetCommitRequest& request);
  void take_fetches();
  void check_window(const Books::LeasePtr& lease, const Books::Load& before);
  void look_at_window();
  void check_pauses(const Books::LeasePtr& lease) const;
  void take_events();
  void check_let_go(const TopicPartition& tp) const;
  [[nodiscard]] Books::Answers answers_in(const protocol::Reply& reply) const;
  void expect_commit(std::uint64_t number, const std::vector<core::PartitionProgress>& offsets);
  void take_commits();
  void check_state();
  void check_heartbeats();
  void check_revocation();
  void poll_drain();
  void note_contact(const protocol::Reply& reply);
  [[nodiscard]] std::int64_t wall_ms() const {
    return 1'700'000'000'000 + context_.now().time_since_epoch() / milliseconds(1) + wall_offset_ms_;
  }
  [[nodiscard]] core::Consumer::Options options() const;

  Context& context_;
  int index_;
  Dice dice_;
  std::unique_ptr<core::MemoryBudget> budget_;
  std::unique_ptr<core::Consumer> consumer_;
  std::unique_ptr<Books> books_;
  int life_ = 0;
  bool restarting_ = true;
  int client_ = 0;
  std::int64_t wall_offset_ms_ = 0;

  bool paused_ = false;
  bool catching_up_ = false;  ///< runs again, but has not looked at its sockets yet
  TimePoint resumed_at_{};
  std::vector<std::function<void()>> waiting_;  ///< what came while paused
  bool draining_ = false;
  bool leaving_ = false;
  TimePoint drain_until_{};

  TimePoint timer_at_ = kNever;
  std::uint64_t timer_serial_ = 0;
  int turns_at_once_ = 0;
  TimePoint second_began_{};
  int turns_in_second_ = 0;

  std::map<std::uint64_t, Fetch> fetches_;
  std::map<std::uint64_t, Ticket> tickets_;
  protocol::RequestId last_request_ = 0;
  std::map<protocol::RequestId, TimePoint> heartbeats_;  ///< sent and not answered
  std::map<protocol::RequestId, TimePoint> syncs_;
  TimePoint heartbeat_due_ = kNever;
  bool heartbeat_excused_ = false;
  bool looks_for_coordinator_ = false;
  protocol::RequestId last_join_ = 0;
  std::optional<protocol::NodeId> join_failed_at_;
  TimePoint contact_{};
  std::int32_t generation_ = -1;
  std::optional<TimePoint> revoking_since_;
  std::uint64_t events_seen_ = 0;
  Books::Answers answers_;  ///< of the OffsetFetch that came in just now
  core::WindowStatus window_before_;
  bool paused_all_ = false;
  std::set<std::string> paused_topics_;
  std::set<TopicPartition> paused_partitions_;
  std::uint64_t steps_ = 0;
};

}  // namespace sluice::simulation
