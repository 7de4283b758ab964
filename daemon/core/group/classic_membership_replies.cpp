#include "daemon/core/group/classic_membership.hpp"
#include "daemon/core/group/classic_protocol.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

// What answers, errors and failures mean to a member. Which error means what is data: group_reaction.cpp.
namespace sluice::core {
namespace {

using protocol::FailureKind;
using protocol::KafkaError;

std::vector<TopicPartition> without(const std::vector<TopicPartition>& all,
                                    const std::vector<TopicPartition>& excluded) {
  std::vector<TopicPartition> rest;
  std::set_difference(all.begin(), all.end(), excluded.begin(), excluded.end(), std::back_inserter(rest));
  return rest;
}

std::string_view label(FailureKind kind) {
  switch (kind) {
    case FailureKind::kConnectFailed:
    case FailureKind::kDisconnected:
      return "disconnected";
    case FailureKind::kTimedOut:
      return "timed_out";
    case FailureKind::kUnsupportedVersion:
    case FailureKind::kMalformed:
    case FailureKind::kUnencodable:
      return "protocol";
  }
  return "protocol";
}

// A metric label must not be able to grow without bound at a broker's will.
std::string label(std::int16_t code) {
  if (code == KafkaError::kNone) return "ok";
  std::string name = protocol::name(code);
  return name.starts_with("UNKNOWN_ERROR_CODE") ? "unknown" : name;
}

// A broker that knows nothing of LeaveGroup v3 answers on top, all others per member.
std::int16_t leave_code(const protocol::LeaveGroupResponse& answer) {
  if (answer.error_code != KafkaError::kNone || answer.members.empty()) return answer.error_code;
  return answer.members.front().error_code;
}

}  // namespace

bool ClassicMembership::on_reply(const protocol::Reply& reply, TimePoint now) {
  if (forgotten_.erase(reply.id) > 0) {
    begin_turn(now);
    return true;
  }
  if (heartbeat_ && heartbeat_->id == reply.id) {
    const auto* answer = std::get_if<protocol::HeartbeatResponse>(&reply.response);
    const std::int16_t code =
        answer != nullptr ? answer->error_code : static_cast<std::int16_t>(KafkaError::kUnknownServerError);
    on_heartbeat_answer(code, *std::exchange(heartbeat_, std::nullopt), now);
    return true;
  }
  if (leave_ && leave_->id == reply.id) {
    const auto* answer = std::get_if<protocol::LeaveGroupResponse>(&reply.response);
    const Leave leave = *std::exchange(leave_, std::nullopt);
    on_leave_answer(answer != nullptr ? leave_code(*answer) : std::int16_t{0}, leave, now);
    return true;
  }
  if (!exchange_ || exchange_->id != reply.id) return false;
  begin_turn(now);
  const Exchange exchange = *std::exchange(exchange_, std::nullopt);
  const auto* joined = std::get_if<protocol::JoinGroupResponse>(&reply.response);
  const auto* synced = std::get_if<protocol::SyncGroupResponse>(&reply.response);
  if (state_ == MemberState::kLeaving) {
    on_joined_too_late(joined);
  } else if (!awaits_exchange()) {
    return true;
  } else if (joined != nullptr) {
    on_join_answer(*joined, exchange.node, now);
  } else if (synced != nullptr) {
    on_sync_answer(*synced, exchange, now);
  }
  return true;
}

bool ClassicMembership::on_failure(const protocol::Failure& failure, TimePoint now) {
  begin_turn(now);
  if (forgotten_.erase(failure.id) > 0) return true;
  if (heartbeat_ && heartbeat_->id == failure.id) {
    on_heartbeat_failure(*std::exchange(heartbeat_, std::nullopt), failure, now);
    return true;
  }
  if (leave_ && leave_->id == failure.id) {
    coordinator_lost(std::exchange(leave_, std::nullopt)->node, failure.message);
    join_at_ = after_failure(join_backoff_, now);
    return true;
  }
  if (!exchange_ || exchange_->id != failure.id) return false;
  const Exchange exchange = *std::exchange(exchange_, std::nullopt);
  if (awaits_exchange()) {
    on_exchange_failure(exchange, failure, now);
    return true;
  }
  // We may come back, and should not ask there again.
  coordinator_lost(exchange.node, failure.message);
  if (state_ == MemberState::kLeaving) on_joined_too_late(nullptr);
  return true;
}

// JoinGroup was on its way when we were asked to leave: what it made of us must be undone.
void ClassicMembership::on_joined_too_late(const protocol::JoinGroupResponse* answer) {
  if (!member_id_.empty()) return;
  if (answer == nullptr || answer->member_id.empty()) return stop("left before the group knew us");
  member_id_ = answer->member_id;
}

void ClassicMembership::on_join_answer(const protocol::JoinGroupResponse& answer,
                                       protocol::NodeId node,
                                       TimePoint now) {
  if (answer.error_code != KafkaError::kNone) {
    return on_exchange_error(GroupCall::kJoin, answer.error_code, answer.member_id, node, now);
  }
  const auto chosen = assignor_from_name(answer.protocol_name.value_or(""));
  const auto& ours = options_.strategies;
  const bool is_ours = chosen && std::find(ours.begin(), ours.end(), *chosen) != ours.end();
  if (!is_ours || answer.member_id.empty() || answer.generation_id < 0) {
    return want_join("the answer to JoinGroup makes no sense: assignor '" +
                         answer.protocol_name.value_or("").substr(0, 64) + "', generation " +
                         std::to_string(answer.generation_id),
                     now + slow_backoff_.next(random_));
  }
  on_joined(answer, *chosen, now);
}

void ClassicMembership::on_joined(const protocol::JoinGroupResponse& answer, Assignor chosen, TimePoint now) {
  const std::int64_t step = std::int64_t{answer.generation_id} - held_generation_;
  if (!held_.empty() && step != 0 && step != 1) {
    ++rebalances_["lagging"];
    lose_partitions("generation " + std::to_string(held_generation_) + " was followed by " +
                    std::to_string(answer.generation_id) + ": others may have had them in between");
  }
  // Nobody gets what a cooperative member claims, so taking part in the join is enough to keep it. An eager
  // member claims nothing and knows only after SyncGroup.
  if (cooperative_) held_generation_ = answer.generation_id;
  member_id_ = answer.member_id;
  generation_ = answer.generation_id;
  chosen_ = chosen;
  contact_ = now;
  heartbeat_at_ = now + options_.heartbeat_interval;
  sync_at_latest_ = now + options_.metadata_wait;
  leader_.reset();
  // In a group that also has KIP-848 members the leader is "": the broker assigns.
  if (answer.leader == answer.member_id) {
    leader_.emplace(chosen, answer.members, lines_);
    if (answer.skip_assignment) leader_->adopt(counts_);
  }
  transition_to(MemberState::kSyncing, std::string(leader_ ? "leader" : "follower") + " with assignor " +
                                           std::string(assignor_name(chosen)));
}

void ClassicMembership::on_sync_answer(const protocol::SyncGroupResponse& answer,
                                       const Exchange& exchange,
                                       TimePoint now) {
  if (answer.error_code != KafkaError::kNone) {
    return on_exchange_error(GroupCall::kSync, answer.error_code, {}, exchange.node, now);
  }
  auto assigned = parse_assignment(answer.assignment.view(), options_.topics);
  if (!assigned) {
    return want_join("the assignment cannot be used: " + assigned.error().message,
                     now + slow_backoff_.next(random_));
  }
  contact_ = std::max(contact_, exchange.sent_at);
  on_assigned(std::move(*assigned), now);
}

void ClassicMembership::on_assigned(std::vector<TopicPartition> assigned, TimePoint now) {
  join_backoff_.reset();
  slow_backoff_.reset();
  ++rebalances_["joined"];
  if (!joined_since_) joined_since_ = now;
  held_generation_ = generation_;
  transition_to(MemberState::kStable, "assigned " + std::to_string(assigned.size()) + " partitions");

  std::vector<TopicPartition> added = without(assigned, held_);
  std::vector<TopicPartition> going;
  if (cooperative_) going = without(held_, assigned);
  held_ = std::move(assigned);
  held_.insert(held_.end(), going.begin(), going.end());
  std::sort(held_.begin(), held_.end());
  events_.emplace_back(PartitionsAssigned{std::move(added), held_});

  if (!going.empty()) {
    start_revoking(std::move(going), "partitions move to other members", now);
  } else if (leader_ && leader_->is_outdated(counts_)) {
    start_rebalance("the number of partitions of a topic changed", now);
  }
}

void ClassicMembership::on_exchange_error(
    GroupCall call, std::int16_t code, const std::string& offered_id, protocol::NodeId node, TimePoint now) {
  const std::string reason =
      std::string(call == GroupCall::kJoin ? "JoinGroup" : "SyncGroup") + ": " + protocol::name(code);
  switch (reaction_to(call, code)) {
    case GroupReaction::kTakeMemberId: {
      const bool is_new = !offered_id.empty() && offered_id != member_id_;
      if (is_new) member_id_ = offered_id;
      return want_join("the coordinator gave us a member id",
                       is_new ? now : now + slow_backoff_.next(random_));
    }
    case GroupReaction::kFindCoordinator:
      coordinator_lost(node, reason);
      return want_join(reason, after_failure(join_backoff_, now));
    case GroupReaction::kRebalance:
      return want_join(reason, after_failure(join_backoff_, now));
    case GroupReaction::kResetGeneration:
    case GroupReaction::kResetMember:
      ++rebalances_["fenced"];
      return lose_membership(reason, code == KafkaError::kIllegalGeneration, now);
    case GroupReaction::kFatal:
      return fail(code, explain_fatal(code));
    case GroupReaction::kRetrySlowly:
      lines_.push_back({LogLevel::kWarn, reason + "; trying again slowly"});
      return want_join(reason, now + slow_backoff_.next(random_));
    case GroupReaction::kRetry:
    case GroupReaction::kIgnore:
    case GroupReaction::kDone:
      return want_join(reason, now + join_backoff_.next(random_));
  }
}

void ClassicMembership::on_exchange_failure(const Exchange& exchange,
                                            const protocol::Failure& failure,
                                            TimePoint now) {
  const std::string reason = std::string(exchange.call == GroupCall::kJoin ? "JoinGroup" : "SyncGroup") +
                             " failed: " + failure.message;
  switch (failure.kind) {
    case FailureKind::kConnectFailed:
    case FailureKind::kDisconnected:
    case FailureKind::kTimedOut:
      coordinator_lost(exchange.node, reason);
      return want_join(reason, after_failure(join_backoff_, now));
    case FailureKind::kMalformed:
      coordinator_lost(exchange.node, reason);
      return want_join(reason, now + slow_backoff_.next(random_));
    case FailureKind::kUnsupportedVersion:
      return fail(std::nullopt, reason + "; the coordinator is too old, Kafka 2.1 or later is needed");
    case FailureKind::kUnencodable:
      return fail(std::nullopt, reason +
                                    "; the coordinator is too old for a setting: group.instance.id needs "
                                    "Kafka 2.3 or later");
  }
}

void ClassicMembership::on_heartbeat_answer(std::int16_t code, const Heartbeat& heartbeat, TimePoint now) {
  // An answer that still counts us in proves that we were in when we asked; not that we are now.
  const bool is_counted_in = code == KafkaError::kNone || code == KafkaError::kRebalanceInProgress;
  if (is_counted_in) contact_ = std::max(contact_, heartbeat.sent_at);
  begin_turn(now);
  ++heartbeats_[label(code)];
  if (is_counted_in) {
    last_heartbeat_ = now;
    heartbeat_backoff_.reset();
  }
  if (!is_member() || code == KafkaError::kNone) return;
  const std::string reason = "Heartbeat: " + protocol::name(code);
  switch (reaction_to(GroupCall::kHeartbeat, code)) {
    case GroupReaction::kRebalance:
      return start_rebalance(reason, now);
    case GroupReaction::kFindCoordinator:
      coordinator_lost(heartbeat.node, reason);
      heartbeat_at_ = after_failure(heartbeat_backoff_, now);
      return;
    case GroupReaction::kResetGeneration:
    case GroupReaction::kResetMember:
      ++rebalances_["fenced"];
      return lose_membership(reason, code == KafkaError::kIllegalGeneration, now);
    case GroupReaction::kFatal:
      return fail(code, explain_fatal(code));
    case GroupReaction::kRetry:
    case GroupReaction::kRetrySlowly:
    case GroupReaction::kTakeMemberId:
    case GroupReaction::kIgnore:
    case GroupReaction::kDone:
      heartbeat_at_ = now + heartbeat_backoff_.next(random_);
      return;
  }
}

void ClassicMembership::on_heartbeat_failure(const Heartbeat& heartbeat,
                                             const protocol::Failure& failure,
                                             TimePoint now) {
  ++heartbeats_[std::string(label(failure.kind))];
  coordinator_lost(heartbeat.node, "Heartbeat failed: " + failure.message);
  heartbeat_at_ = after_failure(heartbeat_backoff_, now);
}

void ClassicMembership::on_leave_answer(std::int16_t code, const Leave& leave, TimePoint now) {
  switch (reaction_to(GroupCall::kLeave, code)) {
    case GroupReaction::kFindCoordinator:
      coordinator_lost(leave.node, "LeaveGroup: " + protocol::name(code));
      join_at_ = after_failure(join_backoff_, now);
      return;
    case GroupReaction::kRetry:
      if (code == KafkaError::kCoordinatorLoadInProgress) {
        join_at_ = now + join_backoff_.next(random_);
        return;
      }
      break;
    case GroupReaction::kIgnore:
    case GroupReaction::kRetrySlowly:
    case GroupReaction::kTakeMemberId:
    case GroupReaction::kRebalance:
    case GroupReaction::kResetGeneration:
    case GroupReaction::kResetMember:
    case GroupReaction::kFatal:
    case GroupReaction::kDone:
      break;
  }
  if (state_ == MemberState::kLeaving) stop("LeaveGroup: " + protocol::name(code));
}

void ClassicMembership::on_commit_error(std::int16_t code, std::int32_t generation, TimePoint now) {
  begin_turn(now);
  // While joining, the generation changes at the coordinator before we hear of it: the answer to JoinGroup
  // decides.
  if (generation != generation_ || !may_commit()) return;
  const std::string reason = "commit: " + protocol::name(code);
  switch (reaction_to(GroupCall::kCommit, code)) {
    case GroupReaction::kRebalance:
      return start_rebalance(reason, now);
    case GroupReaction::kResetGeneration:
    case GroupReaction::kResetMember:
      ++rebalances_["fenced"];
      return lose_membership(reason, code == KafkaError::kIllegalGeneration, now);
    case GroupReaction::kFatal:
      return fail(code, explain_fatal(code));
    case GroupReaction::kIgnore:
    case GroupReaction::kRetry:
    case GroupReaction::kRetrySlowly:
    case GroupReaction::kFindCoordinator:
    case GroupReaction::kTakeMemberId:
    case GroupReaction::kDone:
      return;
  }
}

void ClassicMembership::coordinator_lost(protocol::NodeId node, std::string reason) {
  if (is_member()) ++rebalances_["coordinator_moved"];
  lines_.push_back({LogLevel::kDebug, "coordinator " + std::to_string(node) + " is lost: " + reason});
  coordinator_lost_ = CoordinatorLost{node, std::move(reason)};
}

std::string ClassicMembership::explain_fatal(std::int16_t code) const {
  const std::string group = "group '" + options_.group_id + "'";
  const std::string what = protocol::name(code) + ": ";
  if (code == KafkaError::kFencedInstanceId) {
    return what + "another process joined " + group + " with group.instance.id '" +
           options_.instance_id.value_or("") + "'; give each process an id of its own";
  }
  if (code == KafkaError::kInconsistentGroupProtocol) {
    std::string names;
    for (const Assignor strategy : options_.strategies) {
      names += (names.empty() ? "" : ", ") + std::string(assignor_name(strategy));
    }
    return what + "the members of " + group + " share no assignor with us (" + names +
           "); set partition.assignment.strategy to one that they use, or use another group.id";
  }
  if (code == KafkaError::kInvalidGroupId) {
    return what + "the broker does not accept " + group + "; set another group.id";
  }
  if (code == KafkaError::kInvalidSessionTimeout) {
    return what + "session.timeout.ms = " + std::to_string(options_.session_timeout.count()) +
           " is outside the broker's group.min.session.timeout.ms .. group.max.session.timeout.ms; change "
           "either";
  }
  if (code == KafkaError::kGroupAuthorizationFailed) {
    return what + "not allowed to use " + group + "; grant READ on it to the principal of this daemon";
  }
  return what + "the broker refuses us in " + group;
}

}  // namespace sluice::core
