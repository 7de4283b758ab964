#include "daemon/core/commit/commit_metadata.hpp"
#include "tests/simulation/cluster.hpp"
#include "tests/simulation/error_codes.hpp"

#include <algorithm>
#include <variant>

// The coordinator of the group: who is a member, and what is committed.
namespace sluice::simulation {

using protocol::ApiKey;
using protocol::KafkaError;

namespace {

constexpr std::int16_t kFindManySince = 4;
constexpr std::int16_t kLeaveManySince = 3;
constexpr std::int16_t kCommitById = 10;
constexpr std::int16_t kOffsetsOfManySince = 8;
constexpr std::int16_t kOffsetsById = 10;

std::int16_t code(KafkaError error) { return static_cast<std::int16_t>(error); }

}  // namespace

void Cluster::move_coordinator(int node) {
  coordinator_node_ = node;
  group_.move(scheduler_.now());
  coordinator_ready_at_ = scheduler_.now() + dice_.duration(Duration{}, milliseconds(300));
  trace_.add(scheduler_.now(), node, "coordinator here");
  flush_group();
}

void Cluster::flush_group() {
  for (test::FakeCoordinator::Answer& each : group_.take_answers()) {
    // One answer for all members did before there were many in one request.
    auto* left = std::get_if<protocol::LeaveGroupResponse>(&each.reply.response);
    if (left != nullptr && version(coordinator_node_, ApiKey::kLeaveGroup) < kLeaveManySince) {
      if (left->error_code == 0 && !left->members.empty())
        left->error_code = left->members.front().error_code;
      left->members.clear();
    }
    on_answer_(each.client, each.reply.id, {std::move(each.reply.response), nullptr});
  }
}

void Cluster::on_find(const Call& call, const protocol::FindCoordinatorRequest& request) {
  protocol::FindCoordinatorResponse response;
  protocol::FindCoordinatorResponse::Coordinator found;
  found.key = call.version >= kFindManySince ? request.coordinator_keys.at(0) : request.key;
  const auto error = injected(ApiKey::kFindCoordinator);
  if (error || !is_up(coordinator_node_)) {
    found.error_code = error.value_or(code(KafkaError::kCoordinatorNotAvailable));
    found.node_id = -1;
    found.port = -1;
  } else {
    found.node_id = coordinator_node_;
    found.host = "broker" + std::to_string(coordinator_node_);
    found.port = 9092;
  }
  if (call.version >= kFindManySince) {
    response.coordinators.push_back(std::move(found));
  } else {
    response.error_code = found.error_code;
    response.node_id = found.node_id;
    response.host = found.host;
    response.port = found.port;
  }
  answer(call, std::move(response));
}

/// JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
void Cluster::on_group(const Call& call) {
  std::optional<std::int16_t> error;
  if (call.node != coordinator_node_) {
    error = code(KafkaError::kNotCoordinator);
  } else if (scheduler_.now() < coordinator_ready_at_) {
    error = code(KafkaError::kCoordinatorLoadInProgress);
  } else {
    error = injected(protocol::api_key(call.request));
  }
  if (error) group_.fail_next(protocol::api_key(call.request), static_cast<KafkaError>(*error));
  protocol::Outgoing request;
  request.id = call.id;
  request.node = call.node;
  request.request = call.request;
  if (auto* leave = std::get_if<protocol::LeaveGroupRequest>(&request.request);
      leave != nullptr && call.version < kLeaveManySince) {
    leave->members = {{leave->member_id, std::nullopt, std::nullopt}};
  }
  group_.handle(call.client, request, scheduler_.now());
  flush_group();
}

/// Whatever the text says is settled had been settled, and no record has failed more often than it was
/// handed out.
void Cluster::check_claims(const TopicPartition& tp, const Committed& what) {
  if (is_foreign(tp)) {
    require(what.metadata == kForeignText || what.metadata.empty(), "another tool's text is replaced");
    // A broker that takes less than it once did leaves nothing of it; then the place is free.
    if (what.metadata.empty()) foreign_.erase(tp);
    return;
  }
  const core::ParsedMetadata parsed = core::parse_metadata(what.metadata, what.offset);
  require(parsed.kind == core::MetadataKind::kOurs || parsed.kind == core::MetadataKind::kNone,
          "a commit with a text that cannot be read");
  for (const core::OffsetRange& range : parsed.data.settled) {
    for (Offset offset = range.first; offset <= range.last; ++offset) {
      if (!history_.is_done(tp, offset))
        throw Violation("the text of a commit calls a record settled that is not: " + core::to_string(tp) +
                        " at " + std::to_string(offset));
    }
  }
  for (const core::CommitMetadata::Failed& failed : parsed.data.failed) {
    for (Offset offset = failed.range.first; offset <= failed.range.last; ++offset) {
      if (!state(tp).log.is_visible(offset)) continue;
      if (history_.deliveries(tp, offset) < static_cast<int>(failed.deliveries))
        throw Violation("the text of a commit counts a delivery that was none: " + core::to_string(tp) +
                        " at " + std::to_string(offset));
    }
  }
}

std::int16_t Cluster::commit_one(const TopicPartition& tp, const Committed& what) {
  if (states_.count(tp) == 0) return code(KafkaError::kUnknownTopicOrPartition);
  if (what.metadata.size() > settings_.metadata_max) return code(KafkaError::kOffsetMetadataTooLarge);
  check_claims(tp, what);
  offsets_[tp] = what;
  history_.committed(tp, what.offset);
  trace_.add(scheduler_.now(), -1, "committed", tp.partition, what.offset, tp.topic.back());
  trace_.add(scheduler_.now(), -1, "with text", static_cast<std::int64_t>(what.metadata.size()));
  return 0;
}

void Cluster::on_commit(const Call& call, const protocol::OffsetCommitRequest& request) {
  std::int16_t group_code = 0;
  if (call.node != coordinator_node_) {
    group_code = code(KafkaError::kNotCoordinator);
  } else if (scheduler_.now() < coordinator_ready_at_) {
    group_code = code(KafkaError::kCoordinatorLoadInProgress);
  } else {
    group_code = group_.check_commit(request.member_id, request.generation_id_or_member_epoch,
                                     request.group_instance_id, scheduler_.now());
  }
  protocol::OffsetCommitResponse response;
  for (const auto& wanted : request.topics) {
    const bool by_id = call.version >= kCommitById;
    const std::string* known = by_id ? name_of(wanted.topic_id) : &wanted.name;
    protocol::OffsetCommitResponse::OffsetCommitResponseTopic topic;
    if (by_id) {
      topic.topic_id = wanted.topic_id;
    } else {
      topic.name = wanted.name;
    }
    for (const auto& each : wanted.partitions) {
      std::int16_t result = group_code;
      const auto error = injected(ApiKey::kOffsetCommit);
      if (result == 0 && error) {
        result = *error;
        // Too slow for the broker's own patience, but done.
        if (result == KafkaError::kRequestTimedOut && known != nullptr && dice_.chance(0.5))
          (void)commit_one(
              {*known, each.partition_index},
              {each.committed_offset, each.committed_leader_epoch, each.committed_metadata.value_or("")});
      } else if (result == 0) {
        result = known == nullptr ? code(KafkaError::kUnknownTopicId)
                                  : commit_one({*known, each.partition_index},
                                               {each.committed_offset, each.committed_leader_epoch,
                                                each.committed_metadata.value_or("")});
      }
      topic.partitions.push_back({each.partition_index, result});
    }
    response.topics.push_back(std::move(topic));
  }
  answer(call, std::move(response));
}

void Cluster::on_offsets(const Call& call, const protocol::OffsetFetchRequest& request) {
  std::int16_t group_code = 0;
  if (call.node != coordinator_node_) {
    group_code = code(KafkaError::kNotCoordinator);
  } else if (scheduler_.now() < coordinator_ready_at_) {
    group_code = code(KafkaError::kCoordinatorLoadInProgress);
  } else if (const auto error = injected(ApiKey::kOffsetFetch)) {
    group_code = *error;
  }
  const auto fill = [&](auto& partition, const TopicPartition& tp) {
    partition.partition_index = tp.partition;
    const auto it = offsets_.find(tp);
    if (it != offsets_.end()) {
      partition.committed_offset = it->second.offset;
      partition.committed_leader_epoch = it->second.epoch;
      partition.metadata = it->second.metadata;
    } else {
      partition.committed_offset = -1;
      partition.committed_leader_epoch = -1;
    }
    if (tp.topic.empty()) {
      partition.error_code = code(KafkaError::kUnknownTopicId);
    } else if (dice_.chance(error_rate_)) {
      ++errors_given_;
      partition.error_code = code(KafkaError::kUnstableOffsetCommit);
      partition.committed_offset = -1;
      partition.metadata = "";
    }
  };
  protocol::OffsetFetchResponse response;
  if (call.version < kOffsetsOfManySince) {
    response.error_code = group_code;
    if (group_code == 0) {
      for (const auto& wanted : *request.topics) {
        response.topics.emplace_back().name = wanted.name;
        for (const std::int32_t number : wanted.partition_indexes)
          fill(response.topics.back().partitions.emplace_back(), {wanted.name, number});
      }
    }
    return answer(call, std::move(response));
  }
  for (const auto& wanted_group : request.groups) {
    auto& group = response.groups.emplace_back();
    group.group_id = wanted_group.group_id;
    group.error_code = group_code;
    if (group_code != 0) continue;
    for (const auto& wanted : *wanted_group.topics) {
      const bool by_id = call.version >= kOffsetsById;
      const std::string* known = by_id ? name_of(wanted.topic_id) : &wanted.name;
      auto& topic = group.topics.emplace_back();
      if (by_id) {
        topic.topic_id = wanted.topic_id;
      } else {
        topic.name = wanted.name;
      }
      for (const std::int32_t number : wanted.partition_indexes)
        fill(topic.partitions.emplace_back(), {known == nullptr ? "" : *known, number});
    }
  }
  answer(call, std::move(response));
}

}  // namespace sluice::simulation
