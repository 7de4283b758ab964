#include "daemon/core/group/classic_membership.hpp"

#include "daemon/core/group/classic_protocol.hpp"
#include "daemon/core/group/member_state.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <utility>

// The life of a member: what it sends when, and how it moves from state to state.
// What answers mean is in classic_membership_replies.cpp.
namespace sluice::core {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kProtocolType = "consumer";
constexpr std::size_t kReasonBytesMax = 255;  // KIP-800
constexpr Duration kMarginMin = std::chrono::seconds(3);
constexpr milliseconds kJoinSlack{5'000};
constexpr Duration kSlowBackoff = std::chrono::seconds(1);
constexpr Duration kSlowBackoffMax = std::chrono::seconds(60);

std::int32_t to_wire(milliseconds duration) { return static_cast<std::int32_t>(duration.count()); }

bool is_cooperative_list(const std::vector<Assignor>& strategies) {
  return !strategies.empty() && std::all_of(strategies.begin(), strategies.end(), is_cooperative);
}

std::string partitions_text(const std::vector<TopicPartition>& partitions) {
  return std::to_string(partitions.size()) + (partitions.size() == 1 ? " partition" : " partitions");
}

}  // namespace

ClassicMembership::ClassicMembership(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      cooperative_(is_cooperative_list(options_.strategies)),
      random_(seed),
      join_backoff_(options_.retry_backoff, options_.retry_backoff_max),
      slow_backoff_(kSlowBackoff, kSlowBackoffMax),
      heartbeat_backoff_(options_.retry_backoff, options_.retry_backoff_max) {
  std::sort(options_.topics.begin(), options_.topics.end());
}

void ClassicMembership::poll(TimePoint now,
                             std::optional<protocol::NodeId> coordinator,
                             bool commit_in_flight,
                             Outbox& outbox) {
  begin_turn(now);
  if (state_ == MemberState::kRevoking && now >= finish_by_) finish_revoking(now);
  // The group moved: what we asked its old coordinator is answered by nobody, or too late.
  if (exchange_ && coordinator && exchange_->node != *coordinator && state_ != MemberState::kLeaving) {
    forgotten_.insert(std::exchange(exchange_, std::nullopt)->id);
    if (state_ == MemberState::kJoining || state_ == MemberState::kSyncing) {
      want_join("the coordinator moved", now);
    }
  }
  if (state_ == MemberState::kLeaving) {
    poll_leave(now, coordinator, outbox);
  } else if (coordinator) {
    if (state_ == MemberState::kUnjoined) poll_join(now, *coordinator, commit_in_flight, outbox);
    if (state_ == MemberState::kSyncing) poll_sync(now, *coordinator, outbox);
    poll_heartbeat(now, *coordinator, outbox);
  }
  ask_for_wake_up(now, outbox);
  for (LogLine& line : lines_) outbox.log(line.level, "group " + options_.group_id + ": " + line.text);
  lines_.clear();
}

// Before anything else is done with what happened: was the process away for so long that the group gave us
// up? Then our partitions are somebody else's, whatever the answers in the socket say.
void ClassicMembership::begin_turn(TimePoint now) {
  const bool is_parked = state_ == MemberState::kJoining && exchange_;
  const bool is_alive = state_ != MemberState::kLeaving && (is_member() || !held_.empty());
  if (is_alive && now - (is_parked ? std::max(last_turn_, contact_) : contact_) > options_.session_timeout) {
    ++rebalances_["member_expired"];
    const std::string reason = "no contact with the coordinator for a whole session timeout";
    if (is_parked) {
      // The answer may still come, and then makes us a member again.
      lose_partitions(reason);
      generation_ = -1;
      joined_since_.reset();
    } else {
      lose_membership(reason, true, now);
    }
  }
  if (is_parked) contact_ = std::max(contact_, now);
  last_turn_ = now;
}

void ClassicMembership::poll_heartbeat(TimePoint now, protocol::NodeId coordinator, Outbox& outbox) {
  // While JoinGroup is parked the coordinator keeps us; its answer changes the generation at any moment.
  if (!is_member() || state_ == MemberState::kJoining || state_ == MemberState::kFailed) return;
  if (heartbeat_ || now < heartbeat_at_) return;
  protocol::HeartbeatRequest request;
  request.group_id = options_.group_id;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  // Two attempts must fit into a session.
  const milliseconds timeout = std::min(options_.request_timeout, options_.session_timeout / 2);
  const auto id = outbox.send(coordinator, protocol::Lane::kGroup, std::move(request), timeout);
  heartbeat_ = Heartbeat{id, coordinator, now};
  heartbeat_at_ = now + options_.heartbeat_interval;
}

void ClassicMembership::poll_join(TimePoint now,
                                  protocol::NodeId coordinator,
                                  bool commit_in_flight,
                                  Outbox& outbox) {
  if (exchange_ || now < join_at_) return;
  if (commit_in_flight && is_member()) {
    // Whoever joins too late is thrown out; better then that the commit is refused.
    if (!commit_wait_until_) commit_wait_until_ = now + options_.rebalance_timeout - revocation_margin() / 2;
    if (now < *commit_wait_until_) return outbox.wake_at(*commit_wait_until_);
  }
  commit_wait_until_.reset();
  auto protocols = make_protocols(options_.strategies, {.topics = options_.topics,
                                                        .held = held_,
                                                        .generation = held_generation_,
                                                        .rack = options_.rack,
                                                        .cooperative = cooperative_});
  if (!protocols) return fail(std::nullopt, "cannot describe the subscription: " + protocols.error().message);
  protocol::JoinGroupRequest request;
  request.group_id = options_.group_id;
  request.session_timeout_ms = to_wire(options_.session_timeout);
  request.rebalance_timeout_ms = to_wire(options_.rebalance_timeout);
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = kProtocolType;
  request.protocols = std::move(*protocols);
  request.reason = join_reason_.substr(0, kReasonBytesMax);
  // The answer is parked until all others have joined; giving up earlier starts a rebalance for ever.
  const milliseconds timeout = std::max(options_.request_timeout, options_.rebalance_timeout + kJoinSlack);
  const auto id = outbox.send(coordinator, protocol::Lane::kJoin, std::move(request), timeout);
  exchange_ = Exchange{id, coordinator, GroupCall::kJoin, now};
  forget_heartbeat();  // whatever it says, the answer to JoinGroup knows better
  leader_.reset();
  transition_to(MemberState::kJoining, join_reason_);
}

void ClassicMembership::poll_sync(TimePoint now, protocol::NodeId coordinator, Outbox& outbox) {
  if (exchange_ || !chosen_) return;
  const bool has_to_assign = leader_ && !leader_->has_adopted();
  if (has_to_assign && now < sync_at_latest_ && !leader_->has_all(counts_))
    return outbox.wake_at(sync_at_latest_);
  protocol::SyncGroupRequest request;
  request.group_id = options_.group_id;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = kProtocolType;
  request.protocol_name = assignor_name(*chosen_);
  if (has_to_assign) request.assignments = leader_->assign(counts_, lines_);
  const milliseconds timeout = std::max(options_.request_timeout, options_.session_timeout);
  const auto id = outbox.send(coordinator, protocol::Lane::kJoin, std::move(request), timeout);
  exchange_ = Exchange{id, coordinator, GroupCall::kSync, now};
}

void ClassicMembership::poll_leave(TimePoint now,
                                   std::optional<protocol::NodeId> coordinator,
                                   Outbox& outbox) {
  if (now >= leave_by_) return stop("the coordinator did not answer in time");
  if (leave_ || member_id_.empty() || !coordinator || now < join_at_) return;
  protocol::LeaveGroupRequest request;
  request.group_id = options_.group_id;
  request.member_id = member_id_;
  request.members.push_back({member_id_, std::nullopt, "the consumer is stopped"});
  const auto left = std::chrono::ceil<milliseconds>(leave_by_ - now);
  const milliseconds timeout = std::min(options_.request_timeout, left);
  const auto id = outbox.send(*coordinator, protocol::Lane::kGroup, std::move(request), timeout);
  leave_ = Leave{id, *coordinator};
}

void ClassicMembership::ask_for_wake_up(TimePoint now, Outbox& outbox) const {
  switch (state_) {
    case MemberState::kLeft:
    case MemberState::kFailed:
      return;
    case MemberState::kLeaving:
      outbox.wake_at(leave_by_);
      if (!leave_ && now < join_at_) outbox.wake_at(join_at_);
      return;
    case MemberState::kRevoking:
      outbox.wake_at(finish_by_);
      break;
    case MemberState::kUnjoined:
      if (!exchange_ && now < join_at_) outbox.wake_at(join_at_);
      break;
    case MemberState::kJoining:
      outbox.wake_at(now + options_.heartbeat_interval);  // see begin_turn()
      return;
    case MemberState::kSyncing:
    case MemberState::kStable:
      break;
  }
  if (!is_member()) return;
  if (!heartbeat_ && now < heartbeat_at_) outbox.wake_at(heartbeat_at_);
  outbox.wake_at(contact_ + options_.session_timeout + Duration(1));
}

void ClassicMembership::transition_to(MemberState next, std::string_view why) {
  if (!may_follow(kClassicStateRules, state_, next)) {
    throw std::logic_error("classic membership cannot go from " + std::string(to_string(state_)) + " to " +
                           std::string(to_string(next)));
  }
  lines_.push_back({next == MemberState::kFailed ? LogLevel::kError : LogLevel::kInfo,
                    std::string(to_string(state_)) + " -> " + std::string(to_string(next)) + ", generation " +
                        std::to_string(generation_) + ": " + std::string(why)});
  state_ = next;
}

void ClassicMembership::want_join(std::string reason, TimePoint at) {
  join_reason_ = std::move(reason);
  join_at_ = at;
  if (state_ != MemberState::kUnjoined) transition_to(MemberState::kUnjoined, join_reason_);
}

void ClassicMembership::start_rebalance(const std::string& reason, TimePoint now) {
  if (state_ != MemberState::kStable) return;  // already on the way
  commit_wait_until_ = now + options_.rebalance_timeout - revocation_margin() / 2;
  if (cooperative_ || held_.empty()) return want_join(reason, now);
  start_revoking(held_, reason, now);
}

void ClassicMembership::start_revoking(std::vector<TopicPartition> partitions,
                                       const std::string& reason,
                                       TimePoint now) {
  transition_to(MemberState::kRevoking, reason + "; giving up " + partitions_text(partitions));
  ++rebalances_["revoked"];
  join_reason_ = reason;
  revoking_ = std::move(partitions);
  const Duration allowed = options_.rebalance_timeout - revocation_margin();
  finish_by_ = now + std::min(options_.rebalance_drain, allowed);
  events_.emplace_back(PartitionsRevoking{revoking_, finish_by_});
}

void ClassicMembership::finish_revoking(TimePoint now) {
  // Eager: the partitions stay held until the next assignment shows which of them came back.
  if (cooperative_) {
    std::vector<TopicPartition> kept;
    std::set_difference(held_.begin(), held_.end(), revoking_.begin(), revoking_.end(),
                        std::back_inserter(kept));
    held_ = std::move(kept);
  }
  revoking_.clear();
  finish_by_ = kNever;
  want_join(join_reason_, now);
}

void ClassicMembership::lose_partitions(const std::string& reason) {
  revoking_.clear();
  finish_by_ = kNever;
  held_generation_ = -1;
  if (held_.empty()) return;
  lines_.push_back({LogLevel::kWarn, partitions_text(held_) + " lost: " + reason});
  events_.emplace_back(PartitionsLost{std::exchange(held_, {}), reason});
}

void ClassicMembership::lose_membership(const std::string& reason, bool keep_member_id, TimePoint now) {
  lose_partitions(reason);
  generation_ = -1;
  if (!keep_member_id) member_id_.clear();
  forget_heartbeat();
  heartbeat_at_ = kNever;
  leader_.reset();
  joined_since_.reset();
  want_join(reason, after_failure(join_backoff_, now));
}

void ClassicMembership::forget_heartbeat() {
  if (heartbeat_) forgotten_.insert(heartbeat_->id);
  heartbeat_.reset();
}

void ClassicMembership::fail(std::optional<std::int16_t> code, std::string message) {
  lose_partitions(message);
  generation_ = -1;
  forget_heartbeat();
  leader_.reset();
  joined_since_.reset();
  fatal_code_ = code;
  fatal_error_ = std::move(message);
  transition_to(MemberState::kFailed, *fatal_error_);
}

void ClassicMembership::stop(std::string_view why) {
  transition_to(MemberState::kLeft, why);
  member_id_.clear();
  generation_ = -1;
}

void ClassicMembership::released(TimePoint now) {
  begin_turn(now);
  if (state_ == MemberState::kRevoking) finish_revoking(now);
}

void ClassicMembership::set_partition_counts(const PartitionCounts& counts, TimePoint now) {
  begin_turn(now);
  counts_ = counts;
  if (state_ == MemberState::kStable && leader_ && leader_->is_outdated(counts_)) {
    start_rebalance("the number of partitions of a topic changed", now);
  }
}

std::vector<std::string> ClassicMembership::topics_to_know() const {
  std::set<std::string> topics(options_.topics.begin(), options_.topics.end());
  if (leader_) topics.insert(leader_->topics().begin(), leader_->topics().end());
  return {topics.begin(), topics.end()};
}

void ClassicMembership::leave(TimePoint now) {
  if (state_ == MemberState::kLeft || state_ == MemberState::kLeaving) return;
  held_.clear();
  held_generation_ = -1;
  revoking_.clear();
  forget_heartbeat();
  leader_.reset();
  joined_since_.reset();
  if (state_ == MemberState::kFailed) return stop("asked to leave");
  if (options_.instance_id) return stop("asked to leave; a static member keeps its place for a session");
  const bool may_have_id_soon = exchange_ && exchange_->call == GroupCall::kJoin;
  if (member_id_.empty() && !may_have_id_soon) return stop("asked to leave before joining");
  leave_by_ = now + options_.leave_timeout;
  join_at_ = now;
  transition_to(MemberState::kLeaving, "asked to leave");
}

void ClassicMembership::rejoin(TimePoint now) {
  if (state_ != MemberState::kLeft || fatal_error_) return;
  if (exchange_) forgotten_.insert(std::exchange(exchange_, std::nullopt)->id);
  leave_.reset();
  leave_by_ = kNever;
  join_reason_ = "joins again";
  join_at_ = now;
  transition_to(MemberState::kUnjoined, "asked to join again");
}

std::vector<MembershipEvent> ClassicMembership::take_events() { return std::exchange(events_, {}); }

std::optional<ClassicMembership::CoordinatorLost> ClassicMembership::take_coordinator_lost() {
  return std::exchange(coordinator_lost_, std::nullopt);
}

// Time to commit, one round trip and one heartbeat: a fifth of the rebalance timeout, and 3 s where it has
// them.
Duration ClassicMembership::revocation_margin() const {
  const Duration whole = options_.rebalance_timeout;
  return std::max(whole / 5, std::min(kMarginMin, whole / 2));
}

// The first attempt after a success comes at once: most failures are gone by then.
TimePoint ClassicMembership::after_failure(Backoff& backoff, TimePoint now) {
  const bool is_first = backoff.attempts() == 0;
  const Duration delay = backoff.next(random_);
  return is_first ? now : now + delay;
}

}  // namespace sluice::core
