#pragma once

#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

/// A group coordinator for classic groups that speaks structs: the rules of Kafka's, without its threads and
/// bytes. Members are told apart by the client they come from, because request ids are only unique per
/// client.
class FakeCoordinator {
 public:
  using TimePoint = core::TimePoint;
  using Duration = core::Duration;

  struct Options {
    protocol::NodeId node = 1;
    bool requires_member_id = true;  ///< KIP-394
  };
  struct Answer {
    int client = 0;
    protocol::Reply reply;
  };
  enum class State : std::uint8_t { kEmpty, kPreparing, kCompleting, kStable };

  FakeCoordinator() = default;
  explicit FakeCoordinator(Options options) : options_(options) {}

  /// Takes a request. What it answers now or later comes out of take_answers().
  void handle(int client, const protocol::Outgoing& request, TimePoint now) {
    const protocol::ApiKey api = protocol::api_key(request.request);
    std::optional<std::int16_t> error = down_;
    std::deque<std::int16_t>& errors = errors_[api];
    if (!errors.empty()) {
      error = errors.front();
      errors.pop_front();
    }
    const From from{client, request.id};
    if (const auto* join = std::get_if<protocol::JoinGroupRequest>(&request.request)) {
      error ? refuse_join(from, *error, join->member_id) : on_join(from, *join, now);
    } else if (const auto* sync = std::get_if<protocol::SyncGroupRequest>(&request.request)) {
      error ? refuse_sync(from, *error) : on_sync(from, *sync, now);
    } else if (const auto* heartbeat = std::get_if<protocol::HeartbeatRequest>(&request.request)) {
      protocol::HeartbeatResponse response;
      response.error_code = error ? *error : on_heartbeat(*heartbeat, now);
      answer(from, std::move(response));
    } else if (const auto* leave = std::get_if<protocol::LeaveGroupRequest>(&request.request)) {
      protocol::LeaveGroupResponse response;
      if (error) {
        response.error_code = *error;
      } else {
        on_leave(*leave, response, now);
      }
      answer(from, std::move(response));
    }
  }

  /// Ends what has waited for too long: sessions, rebalances, leaders that do not hand in an assignment.
  void tick(TimePoint now) {
    std::vector<std::string> silent;
    for (const auto& [id, member] : members_) {
      const bool waits = member.join.has_value();
      if (!waits && now - member.seen_at > member.session_timeout) silent.push_back(id);
    }
    for (const std::string& id : silent) remove(id, now);
    if (state_ == State::kPreparing && now >= deadline_) {
      std::vector<std::string> late;
      for (const auto& [id, member] : members_) {
        if (!member.join) late.push_back(id);
      }
      for (const std::string& id : late) members_.erase(id);
      complete_join(now);
    } else if (state_ == State::kCompleting && now >= deadline_) {
      const std::vector<std::string> ids = member_ids();
      for (const std::string& id : ids) {
        if (!members_.at(id).sync) members_.erase(id);
      }
      start_rebalance(now);
    }
  }

  [[nodiscard]] std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }

  /// The next `count` requests of `api` are answered with `code` and do nothing.
  void fail_next(protocol::ApiKey api, protocol::KafkaError code, int count = 1) {
    for (int i = 0; i < count; ++i) errors_[api].push_back(static_cast<std::int16_t>(code));
  }
  /// Everything is answered with `code`, e.g. NOT_COORDINATOR, until called without one.
  void answer_all_with(std::optional<protocol::KafkaError> code) {
    down_.reset();
    if (code) down_ = static_cast<std::int16_t>(*code);
  }
  /// As an administrator or a session timeout would.
  void remove(const std::string& member_id, TimePoint now) {
    if (members_.erase(member_id) > 0) start_rebalance(now);
  }
  void start_rebalance(TimePoint now) {
    for (auto& [id, member] : members_) {
      if (member.sync) refuse_sync(*std::exchange(member.sync, std::nullopt), kRebalance);
    }
    state_ = members_.empty() ? State::kEmpty : State::kPreparing;
    Duration longest{};
    for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
    deadline_ = now + longest;
    if (state_ == State::kPreparing) try_complete_join(now);
  }

  /// What an OffsetCommit of this member is answered, offsets aside.
  [[nodiscard]] std::int16_t check_commit(const std::string& member_id,
                                          std::int32_t generation,
                                          const std::optional<std::string>& instance,
                                          TimePoint now) {
    if (members_.empty() && generation < 0) return 0;  // anybody may commit to an empty group
    const std::int16_t error = check(member_id, instance);
    if (error != 0) return error;
    if (generation != generation_) return kIllegalGeneration;
    if (state_ == State::kCompleting) return kRebalance;
    members_.at(member_id).seen_at = now;
    return 0;
  }

  /// Another broker takes over. It knows what was last written down: the group as it was when it was last
  /// stable or empty. Who waits for an answer is told to look for the new coordinator.
  void move(TimePoint now) {
    for (auto& [id, member] : members_) {
      if (member.join) refuse_join(*std::exchange(member.join, std::nullopt), kNotCoordinator, id);
      if (member.sync) refuse_sync(*std::exchange(member.sync, std::nullopt), kNotCoordinator);
    }
    members_ = stored_.members;
    leader_ = stored_.leader;
    protocol_ = stored_.protocol;
    generation_ = stored_.generation;
    state_ = members_.empty() ? State::kEmpty : State::kStable;
    for (auto& [id, member] : members_) member.seen_at = now;
    offered_.clear();
  }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::string& leader() const { return leader_; }
  [[nodiscard]] std::vector<std::string> member_ids() const {
    std::vector<std::string> ids;
    for (const auto& [id, member] : members_) ids.push_back(id);
    return ids;
  }

 private:
  struct From {
    int client = 0;
    protocol::RequestId id = 0;
  };
  struct Member {
    std::optional<std::string> instance_id;
    std::vector<protocol::JoinGroupRequest::JoinGroupRequestProtocol> protocols;
    Duration session_timeout{};
    Duration rebalance_timeout{};
    TimePoint seen_at;
    std::optional<From> join;  ///< parked
    std::optional<From> sync;  ///< parked
    std::string assignment;
  };

  /// What the coordinator has written down and its successor will read.
  struct Stored {
    std::map<std::string, Member> members;
    std::string leader;
    std::string protocol;
    std::int32_t generation = 0;
  };

  static constexpr std::int16_t kRebalance =
      static_cast<std::int16_t>(protocol::KafkaError::kRebalanceInProgress);
  static constexpr std::int16_t kUnknownMember =
      static_cast<std::int16_t>(protocol::KafkaError::kUnknownMemberId);
  static constexpr std::int16_t kIllegalGeneration =
      static_cast<std::int16_t>(protocol::KafkaError::kIllegalGeneration);
  static constexpr std::int16_t kNotCoordinator =
      static_cast<std::int16_t>(protocol::KafkaError::kNotCoordinator);
  static constexpr std::int16_t kFenced = static_cast<std::int16_t>(protocol::KafkaError::kFencedInstanceId);
  static constexpr std::int16_t kMemberIdRequired =
      static_cast<std::int16_t>(protocol::KafkaError::kMemberIdRequired);
  static constexpr std::int16_t kInconsistent =
      static_cast<std::int16_t>(protocol::KafkaError::kInconsistentGroupProtocol);

  void answer(From to, protocol::AnyResponse response) {
    Answer out;
    out.client = to.client;
    out.reply.id = to.id;
    out.reply.node = options_.node;
    out.reply.version = 9;
    out.reply.response = std::move(response);
    answers_.push_back(std::move(out));
  }
  void refuse_join(From to, std::int16_t code, std::string member_id) {
    protocol::JoinGroupResponse response;
    response.error_code = code;
    response.member_id = std::move(member_id);
    answer(to, std::move(response));
  }
  void refuse_sync(From to, std::int16_t code) {
    protocol::SyncGroupResponse response;
    response.error_code = code;
    answer(to, std::move(response));
  }

  // The error that a member under a wrong name gets, or 0.
  [[nodiscard]] std::int16_t check(const std::string& id, const std::optional<std::string>& instance) const {
    if (instance && statics_.contains(*instance) && statics_.at(*instance) != id) return kFenced;
    return members_.contains(id) ? std::int16_t{0} : kUnknownMember;
  }

  void on_join(From from, const protocol::JoinGroupRequest& request, TimePoint now) {
    std::string id = request.member_id;
    const std::optional<std::string>& instance = request.group_instance_id;
    if (!is_consistent(request)) return refuse_join(from, kInconsistent, id);
    bool replaces = false;
    if (id.empty()) {
      id = "member-" + std::to_string(++last_member_);
      if (instance) {
        replaces = take_over(*instance, id);
        statics_[*instance] = id;
      } else if (options_.requires_member_id) {
        offered_.insert(id);
        return refuse_join(from, kMemberIdRequired, id);
      }
    } else if (offered_.erase(id) == 0) {
      const std::int16_t error = check(id, instance);
      if (error != 0) return refuse_join(from, error, id);
    }
    const bool is_known = members_.contains(id);
    Member& member = members_[id];
    const bool has_changed = member.protocols != request.protocols;
    member.instance_id = instance;
    member.protocols = request.protocols;
    member.session_timeout = std::chrono::milliseconds(request.session_timeout_ms);
    member.rebalance_timeout = std::chrono::milliseconds(request.rebalance_timeout_ms);
    member.seen_at = now;
    member.join = from;
    if (is_known && !has_changed && may_stay(id, replaces)) return tell_joined(id, replaces && id == leader_);
    if (state_ != State::kPreparing) start_rebalance(now);
    try_complete_join(now);
  }

  // Whether a known member that says nothing new gets the current generation instead of a rebalance. While
  // the leader assigns, it knows a replaced static member only under its old id.
  [[nodiscard]] bool may_stay(const std::string& id, bool replaces) const {
    if (state_ == State::kStable) return replaces || id != leader_;
    return state_ == State::kCompleting && !replaces;
  }

  // A static member came back under a new member id: the old one is fenced from now on.
  bool take_over(const std::string& instance, const std::string& id) {
    const auto known = statics_.find(instance);
    if (known == statics_.end() || !members_.contains(known->second)) return false;
    auto node = members_.extract(known->second);
    if (leader_ == known->second) leader_ = id;
    node.key() = id;
    members_.insert(std::move(node));
    return true;
  }

  [[nodiscard]] bool is_consistent(const protocol::JoinGroupRequest& request) const {
    return std::all_of(members_.begin(), members_.end(), [&](const auto& entry) {
      return entry.first == request.member_id ||
             std::any_of(request.protocols.begin(), request.protocols.end(),
                         [&](const auto& protocol) { return supports(entry.second, protocol.name); });
    });
  }
  [[nodiscard]] static bool supports(const Member& member, const std::string& protocol) {
    return std::any_of(member.protocols.begin(), member.protocols.end(),
                       [&](const auto& own) { return own.name == protocol; });
  }

  void try_complete_join(TimePoint now) {
    const bool all = std::all_of(members_.begin(), members_.end(),
                                 [](const auto& entry) { return entry.second.join.has_value(); });
    if (state_ == State::kPreparing && all) complete_join(now);
  }

  void complete_join(TimePoint now) {
    ++generation_;
    if (members_.empty()) {
      state_ = State::kEmpty;
      store();
      return;
    }
    state_ = State::kCompleting;
    if (!members_.contains(leader_)) leader_ = members_.begin()->first;
    protocol_.clear();
    for (const auto& candidate : members_.begin()->second.protocols) {
      const bool all = std::all_of(members_.begin(), members_.end(),
                                   [&](const auto& entry) { return supports(entry.second, candidate.name); });
      if (all && protocol_.empty()) protocol_ = candidate.name;
    }
    Duration longest{};
    for (auto& [id, member] : members_) {
      member.seen_at = now;
      member.assignment.clear();
      longest = std::max(longest, member.rebalance_timeout);
      tell_joined(id, false);
    }
    deadline_ = now + longest;
  }

  void store() {
    stored_ = Stored{members_, leader_, protocol_, generation_};
    for (auto& [id, member] : stored_.members) {
      member.join.reset();
      member.sync.reset();
    }
  }

  void tell_joined(const std::string& id, bool skip_assignment) {
    protocol::JoinGroupResponse response;
    response.generation_id = generation_;
    response.protocol_type = "consumer";
    response.protocol_name = protocol_;
    response.leader = leader_;
    response.member_id = id;
    response.skip_assignment = skip_assignment;
    if (id == leader_) {
      for (const auto& [other, member] : members_) {
        protocol::Bytes metadata;
        for (const auto& protocol : member.protocols) {
          if (protocol.name == protocol_) metadata = protocol.metadata;
        }
        response.members.push_back({other, member.instance_id, std::move(metadata)});
      }
    }
    Member& member = members_.at(id);
    if (member.join) answer(*std::exchange(member.join, std::nullopt), std::move(response));
  }

  void on_sync(From from, const protocol::SyncGroupRequest& request, TimePoint now) {
    const std::int16_t error = check(request.member_id, request.group_instance_id);
    if (error != 0) return refuse_sync(from, error);
    if (request.generation_id != generation_) return refuse_sync(from, kIllegalGeneration);
    if (state_ == State::kPreparing) return refuse_sync(from, kRebalance);
    Member& member = members_.at(request.member_id);
    member.seen_at = now;
    member.sync = from;
    if (state_ == State::kCompleting && request.member_id == leader_) {
      for (const auto& assigned : request.assignments) {
        const auto known = members_.find(assigned.member_id);
        if (known != members_.end()) known->second.assignment = assigned.assignment.data;
      }
      state_ = State::kStable;
      store();
    }
    if (state_ != State::kStable) return;
    for (auto& [id, waiting] : members_) {
      if (!waiting.sync) continue;
      protocol::SyncGroupResponse response;
      response.protocol_type = "consumer";
      response.protocol_name = protocol_;
      response.assignment = protocol::Bytes(waiting.assignment);
      answer(*std::exchange(waiting.sync, std::nullopt), std::move(response));
    }
  }

  std::int16_t on_heartbeat(const protocol::HeartbeatRequest& request, TimePoint now) {
    const std::int16_t error = check(request.member_id, request.group_instance_id);
    if (error != 0) return error;
    if (request.generation_id != generation_) return kIllegalGeneration;
    members_.at(request.member_id).seen_at = now;
    return state_ == State::kPreparing ? kRebalance : std::int16_t{0};
  }

  void on_leave(const protocol::LeaveGroupRequest& request,
                protocol::LeaveGroupResponse& response,
                TimePoint now) {
    for (const auto& leaving : request.members) {
      const bool was_offered = offered_.erase(leaving.member_id) > 0;
      const auto known = members_.find(leaving.member_id);
      const bool is_known = known != members_.end();
      if (is_known && known->second.join) refuse_join(*known->second.join, kUnknownMember, leaving.member_id);
      response.members.push_back({leaving.member_id, leaving.group_instance_id,
                                  is_known || was_offered ? std::int16_t{0} : kUnknownMember});
      remove(leaving.member_id, now);
    }
  }

  Options options_{};
  State state_ = State::kEmpty;
  std::int32_t generation_ = 0;
  std::string leader_;
  std::string protocol_;
  TimePoint deadline_ = core::kNever;
  std::map<std::string, Member> members_;
  Stored stored_;
  std::map<std::string, std::string> statics_;  ///< instance id -> member id
  std::set<std::string> offered_;
  int last_member_ = 0;
  std::map<protocol::ApiKey, std::deque<std::int16_t>> errors_;
  std::optional<std::int16_t> down_;
  std::vector<Answer> answers_;
};

}  // namespace sluice::test
