#include "daemon/core/group/classic_membership.hpp"
#include "daemon/core/group/coordinator.hpp"
#include "tests/support/fake_coordinator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

// A whole dialogue - join, a second member, its leaving, a new partition - is run again and again, each time
// with another request failing in another way. Whatever fails: as soon as the peer behaves, the group is
// whole again.
namespace sluice::core::test {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using protocol::KafkaError;
using sluice::test::FakeCoordinator;
using Partitions = std::set<TopicPartition>;

/// What happens to one request.
enum class Fault : std::uint8_t {
  kNone,
  kNeverSent,   ///< the connection was gone
  kAnswerLost,  ///< the coordinator acted on it, then the connection ended
  kTimedOut,    ///< as kAnswerLost, but noticed only by the timeout
  kLoading,
  kMoved,
  kIllegalGeneration,
  kUnknownMember,
  kRebalancing,
  kNewError,
};
constexpr std::array kFaults{Fault::kNeverSent,     Fault::kAnswerLost,  Fault::kTimedOut,
                             Fault::kLoading,       Fault::kMoved,       Fault::kIllegalGeneration,
                             Fault::kUnknownMember, Fault::kRebalancing, Fault::kNewError};

std::optional<KafkaError> code_of(Fault fault) {
  switch (fault) {
    case Fault::kNone:
    case Fault::kNeverSent:
    case Fault::kAnswerLost:
    case Fault::kTimedOut:
      return std::nullopt;
    case Fault::kLoading:
      return KafkaError::kCoordinatorLoadInProgress;
    case Fault::kMoved:
      return KafkaError::kNotCoordinator;
    case Fault::kIllegalGeneration:
      return KafkaError::kIllegalGeneration;
    case Fault::kUnknownMember:
      return KafkaError::kUnknownMemberId;
    case Fault::kRebalancing:
      return KafkaError::kRebalanceInProgress;
    case Fault::kNewError:
      return static_cast<KafkaError>(999);
  }
  return std::nullopt;
}

/// A daemon as far as the group can see it: a membership, a Coordinator, and a Consumer that drains for a
/// while.
struct Client {
  Client(int number, ClassicMembership::Options options)
      : id(number),
        membership(std::move(options), static_cast<std::uint64_t>(number)),
        coordinator({.group_id = "g"}, static_cast<std::uint64_t>(number)) {}

  void read_events(TimePoint now) {
    for (const MembershipEvent& event : membership.take_events()) {
      if (const auto* assigned = std::get_if<PartitionsAssigned>(&event)) {
        for (const auto& tp : assigned->all) {
          const bool is_added = std::count(assigned->added.begin(), assigned->added.end(), tp) > 0;
          EXPECT_TRUE(is_added || kept.contains(tp)) << to_string(tp) << " cannot have stayed";
        }
        kept = Partitions(assigned->all.begin(), assigned->all.end());
        revoking.clear();
      } else if (const auto* going = std::get_if<PartitionsRevoking>(&event)) {
        for (const auto& tp : going->partitions) EXPECT_TRUE(kept.contains(tp)) << to_string(tp);
        revoking = Partitions(going->partitions.begin(), going->partitions.end());
        EXPECT_GT(going->finish_by, now);
        drained_at = now + 200ms;
      } else if (const auto* lost = std::get_if<PartitionsLost>(&event)) {
        for (const auto& tp : lost->partitions) EXPECT_EQ(kept.erase(tp), 1U) << to_string(tp);
        kept.clear();  // also what was given up and waited for the next assignment
        revoking.clear();
      }
    }
    if (now >= drained_at) {
      drained_at = kNever;
      membership.released(now);
    }
  }

  int id;
  ClassicMembership membership;
  Coordinator coordinator;
  Outbox outbox;
  Partitions kept;      ///< positions and leases exist
  Partitions revoking;  ///< ... but nothing is handed out
  TimePoint drained_at = kNever;
};

class Group {
 public:
  explicit Group(std::vector<Assignor> strategies, bool fixed = false)
      : strategies_(std::move(strategies)), fixed_(fixed) {}

  Client& add_client() {
    const int number = static_cast<int>(clients.size()) + 1;
    ClassicMembership::Options options;
    options.group_id = "g";
    options.topics = {"t"};
    options.strategies = strategies_;
    if (fixed_) options.instance_id = "pod-" + std::to_string(number);
    options.session_timeout = 10s;
    options.rebalance_timeout = 20s;
    options.rebalance_drain = 5s;
    clients.push_back(std::make_unique<Client>(number, options));
    return *clients.back();
  }

  void run_for(Duration duration) {
    const TimePoint end = now + duration;
    while (now < end) {
      turn();
      now = std::min(end, next_turn());
    }
  }

  [[nodiscard]] Partitions expected_partitions() const {
    Partitions all;
    for (std::int32_t p = 0; p < partitions; ++p) all.insert({"t", p});
    return all;
  }

  std::vector<std::unique_ptr<Client>> clients;
  FakeCoordinator broker;
  TimePoint now = TimePoint(100s);
  std::int32_t partitions = 4;
  Fault fault = Fault::kNone;
  int fault_at = -1;     ///< which request to the group, counted from 0
  int fault_client = 1;  ///< of which client
  int requests = 0;      ///< of that client so far

 private:
  struct PendingFailure {
    int client = 0;
    TimePoint at;
    protocol::Failure failure;
  };

  void turn() {
    broker.tick(now);
    is_busy_ = false;
    deliver();
    for (auto& client : clients) {
      client->read_events(now);
      if (const auto lost = client->membership.take_coordinator_lost()) {
        client->coordinator.lost(lost->node, lost->reason, now);
      }
      client->membership.set_partition_counts({{"t", partitions}}, now);
      client->outbox.begin_turn();
      const std::array<protocol::NodeId, 1> brokers{1};
      client->coordinator.poll(now, brokers, client->outbox);
      client->membership.poll(now, client->coordinator.node(), false, client->outbox);
      for (auto& request : client->outbox.take_requests()) {
        is_busy_ = true;
        carry(*client, request);
      }
      client->read_events(now);
    }
    expect_exclusive();
  }

  // Answers travel for a moment. Otherwise only time makes anything happen.
  [[nodiscard]] TimePoint next_turn() const {
    if (is_busy_) return now + 50ms;
    TimePoint next = now + 1s;
    for (const auto& client : clients)
      next = std::min({next, client->outbox.wake_time(), client->drained_at});
    for (const auto& pending : failures_) next = std::min(next, pending.at);
    return std::max(next, now + 1ms);
  }

  void carry(Client& client, const protocol::Outgoing& request) {
    if (std::holds_alternative<protocol::FindCoordinatorRequest>(request.request)) {
      protocol::FindCoordinatorResponse response;
      response.coordinators.push_back({"g", 1, "kafka", 9092, 0, ""});
      protocol::Reply reply;
      reply.id = request.id;
      reply.version = 6;
      reply.response = response;
      client.coordinator.on_reply(reply, now);
      return;
    }
    const bool is_hit = client.id == fault_client && requests++ == fault_at;
    const Fault what = is_hit ? fault : Fault::kNone;
    if (const auto code = code_of(what)) broker.fail_next(protocol::api_key(request.request), *code);
    if (what != Fault::kNeverSent) broker.handle(client.id, request, now);
    if (what == Fault::kNeverSent || what == Fault::kAnswerLost) {
      fail(client.id, request, protocol::FailureKind::kDisconnected, now);
    } else if (what == Fault::kTimedOut) {
      fail(client.id, request, protocol::FailureKind::kTimedOut, now + request.timeout);
    }
  }

  void fail(int client, const protocol::Outgoing& request, protocol::FailureKind kind, TimePoint at) {
    unanswered_.insert({client, request.id});
    failures_.push_back({client, at, {request.id, request.node, kind, "injected"}});
  }

  void deliver() {
    for (const auto& answer : broker.take_answers()) {
      is_busy_ = true;
      if (unanswered_.contains({answer.client, answer.reply.id})) continue;
      client(answer.client).membership.on_reply(answer.reply, now);
    }
    std::vector<PendingFailure> later;
    for (const auto& pending : std::exchange(failures_, {})) {
      if (pending.at > now) {
        later.push_back(pending);
      } else {
        client(pending.client).membership.on_failure(pending.failure, now);
      }
    }
    failures_.insert(failures_.end(), later.begin(), later.end());
  }

  // Nobody hands out what somebody else hands out, unless it was thrown out and cannot know yet.
  void expect_exclusive() const {
    const auto ids = broker.member_ids();
    std::map<TopicPartition, int> owner;
    for (const auto& client : clients) {
      const bool is_known = std::count(ids.begin(), ids.end(), client->membership.identity().member_id) > 0;
      if (!is_known || client->membership.state() != MemberState::kStable) continue;
      if (client->membership.identity().generation != broker.generation()) continue;
      for (const auto& tp : client->kept) {
        const auto [known, is_first] = owner.emplace(tp, client->id);
        EXPECT_TRUE(is_first) << to_string(tp) << " belongs to " << known->second << " and " << client->id;
      }
    }
  }

  Client& client(int id) { return *clients.at(static_cast<std::size_t>(id) - 1); }

  std::vector<Assignor> strategies_;
  bool fixed_ = false;
  bool is_busy_ = false;
  std::set<std::pair<int, protocol::RequestId>> unanswered_;
  std::vector<PendingFailure> failures_;
};

// A timeout is noticed late: JoinGroup's after 25 s, others' after up to 30 s. Then come two rebalances.
constexpr Duration kHealing = 90s;

void expect_whole(Group& group) {
  Partitions seen;
  for (const auto& client : group.clients) {
    if (client->membership.state() == MemberState::kLeft) continue;
    EXPECT_EQ(client->membership.state(), MemberState::kStable) << "client " << client->id;
    EXPECT_EQ(client->membership.identity().generation, group.broker.generation());
    for (const auto& tp : client->kept) EXPECT_TRUE(seen.insert(tp).second) << to_string(tp) << " twice";
    EXPECT_EQ(client->kept,
              Partitions(client->membership.assignment().begin(), client->membership.assignment().end()));
  }
  EXPECT_EQ(seen, group.expected_partitions());
}

// Returns how many requests the watched client sent.
int play(Group& group) {
  const bool is_faulty = group.fault_at >= 0;
  const Duration pause = is_faulty ? kHealing : Duration(10s);
  group.add_client();
  group.run_for(is_faulty && group.fault_at < 6 ? pause : Duration(10s));
  expect_whole(group);
  Client& second = group.add_client();
  group.run_for(pause);
  expect_whole(group);
  second.membership.leave(group.now);
  group.run_for(pause);
  group.partitions = 6;
  group.run_for(pause);
  expect_whole(group);
  return group.requests;
}

struct Script {
  const char* name;
  std::vector<Assignor> strategies;
  bool fixed = false;
};
std::ostream& operator<<(std::ostream& out, const Script& script) { return out << script.name; }

class ClassicFaults : public testing::TestWithParam<Script> {};

TEST_P(ClassicFaults, WithoutAnyTheGroupIsWhole) {
  Group group(GetParam().strategies, GetParam().fixed);
  EXPECT_GT(play(group), 15);
}

TEST_P(ClassicFaults, WhicheverRequestFailsTheGroupIsWholeAgain) {
  for (const Fault fault : kFaults) {
    for (const int client : {1, 2}) {
      for (int at = 0; at < 24; ++at) {
        SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " at request " +
                     std::to_string(at) + " of client " + std::to_string(client));
        Group group(GetParam().strategies, GetParam().fixed);
        group.fault = fault;
        group.fault_at = at;
        group.fault_client = client;
        play(group);
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(,
                         ClassicFaults,
                         testing::Values(Script{"eager", {Assignor::kRange}},
                                         Script{"sticky", {Assignor::kSticky}},
                                         Script{"cooperative", {Assignor::kCooperativeSticky}},
                                         Script{"mixed", {Assignor::kRange, Assignor::kCooperativeSticky}},
                                         Script{"fixed", {Assignor::kRange}, true}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ClassicGroup, AStaticMemberThatComesBackCausesNoRebalance) {
  Group group({Assignor::kRange}, true);
  group.add_client();
  group.add_client();
  group.run_for(20s);
  const std::int32_t generation = group.broker.generation();
  Client& second = *group.clients[1];
  const Partitions before = second.kept;
  const std::uint64_t joined = group.clients[0]->membership.rebalances().at("joined");
  second.membership.leave(group.now);
  group.run_for(3s);

  ClassicMembership::Options options;
  options.group_id = "g";
  options.topics = {"t"};
  options.strategies = {Assignor::kRange};
  options.instance_id = "pod-2";
  options.session_timeout = 10s;
  options.rebalance_timeout = 20s;
  group.clients[1] = std::make_unique<Client>(2, options);
  group.run_for(10s);
  EXPECT_EQ(group.broker.generation(), generation);
  EXPECT_EQ(group.clients[1]->kept, before);
  EXPECT_EQ(group.clients[0]->membership.rebalances().at("joined"), joined);
}

TEST(ClassicGroup, ACoordinatorThatMovesKeepsTheGeneration) {
  Group group({Assignor::kRange});
  group.add_client();
  group.run_for(10s);
  const std::int32_t generation = group.broker.generation();
  group.broker.answer_all_with(KafkaError::kNotCoordinator);
  group.run_for(6s);
  group.broker.answer_all_with(std::nullopt);
  group.run_for(6s);
  EXPECT_EQ(group.broker.generation(), generation);
  expect_whole(group);
}

TEST(ClassicGroup, AStormOfJoiningAndLeavingSettles) {
  for (const auto& strategies : {std::vector{Assignor::kRange}, std::vector{Assignor::kCooperativeSticky}}) {
    Group group(strategies);
    group.partitions = 12;
    for (int i = 0; i < 12; ++i) {
      group.add_client();
      group.run_for(700ms);
      if (i % 3 == 2) group.clients[static_cast<std::size_t>(i) - 1]->membership.leave(group.now);
    }
    group.run_for(60s);
    expect_whole(group);
  }
}

}  // namespace
}  // namespace sluice::core::test
