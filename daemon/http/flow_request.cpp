#include "daemon/http/flow_request.hpp"

#include "daemon/http/iso_duration.hpp"
#include "daemon/http/json_body.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace sluice::http {

namespace {

using nlohmann::json;

constexpr std::int64_t kPartitionMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t kTimestampMax = 253'402'300'799'999;  // the end of the year 9999
constexpr std::size_t kTopicSizeMax = 249;                   // Kafka's own limit
constexpr std::size_t kDurationSizeMax = 64;

// A topic that the consumer does not read would be paused in vain.
void check_topic(MemberReader& members,
                 const std::string& field,
                 const std::string& topic,
                 const std::vector<std::string>& topics) {
  if (members.problem() || std::ranges::find(topics, topic) != topics.end()) return;
  members.refuse(field, "topic `" + topic + "` is not one that this consumer reads");
}

std::string element(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Null when it is absent; an empty one is refused.
const json* full_list(MemberReader& members, std::string_view name) {
  const json* const values = members.array(name);
  if (values == nullptr || !values->empty()) return values;
  members.refuse(name, "must not be empty; leave it out to mean everything that the consumer has");
  return nullptr;
}

template <class T>
void sort_out(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

core::Scope read_scope(MemberReader& members, const std::vector<std::string>& topics) {
  core::Scope scope;
  if (const json* const names = full_list(members, "topics")) {
    for (std::size_t i = 0; i < names->size() && !members.problem(); ++i) {
      const json& name = (*names)[i];
      if (!name.is_string()) {
        members.refuse(element("topics", i), "must be the name of a topic");
        break;
      }
      scope.topics.push_back(name.get<std::string>());
      check_topic(members, element("topics", i), scope.topics.back(), topics);
    }
  }
  if (const json* const partitions = full_list(members, "partitions")) {
    for (std::size_t i = 0; i < partitions->size() && !members.problem(); ++i) {
      const std::string name = element("partitions", i);
      MemberReader entry((*partitions)[i], name, {"topic", "partition"});
      core::TopicPartition partition;
      partition.topic = entry.required_text("topic", kTopicSizeMax);
      partition.partition =
          static_cast<core::PartitionId>(entry.required_integer("partition", 0, kPartitionMax));
      check_topic(entry, "topic", partition.topic, topics);
      members.refuse(entry.problem());
      scope.partitions.push_back(std::move(partition));
    }
  }
  sort_out(scope.topics);
  sort_out(scope.partitions);
  return scope;
}

// {"offset": n}, {"timestamp": ms} or {"duration": "PT1H"}.
core::SeekTarget read_place(MemberReader& members, const json& value, std::int64_t wall_ms) {
  using Kind = core::SeekTarget::Kind;
  core::SeekTarget target;
  MemberReader to(value, "to", {"offset", "timestamp", "duration"});
  if (!to.problem() && value.size() != 1)
    to.refuse("", "must have exactly one of `offset`, `timestamp` and `duration`");
  if (to.has("offset")) {
    target.kind = Kind::kOffset;
    target.offset = to.required_integer("offset", 0, kOffsetMax);
  } else if (to.has("timestamp")) {
    target.kind = Kind::kTimestamp;
    target.timestamp_ms = to.required_integer("timestamp", 0, kTimestampMax);
  } else {
    target.kind = Kind::kTimestamp;
    const std::string text = to.required_text("duration", kDurationSizeMax);
    const auto duration = parse_iso_duration(text);
    if (!duration) to.refuse("duration", duration.error());
    if (duration) target.timestamp_ms = std::max<std::int64_t>(0, wall_ms - duration->count());
  }
  members.refuse(to.problem());
  return target;
}

core::SeekTarget read_target(MemberReader& members, std::int64_t wall_ms) {
  using Kind = core::SeekTarget::Kind;
  constexpr std::string_view kForms =
      "must be `beginning`, `end`, `committed`, {`offset`: n}, {`timestamp`: ms} or {`duration`: `PT1H`}";
  const json* const to = members.find("to");
  if (to == nullptr) {
    members.refuse("to", "is missing; it " + std::string(kForms));
    return {};
  }
  if (to->is_object()) return read_place(members, *to, wall_ms);
  if (*to == "beginning") return {Kind::kBeginning, 0, 0};
  if (*to == "end") return {Kind::kEnd, 0, 0};
  if (*to == "committed") return {Kind::kCommitted, 0, 0};
  members.refuse("to", std::string(kForms));
  return {};
}

}  // namespace

tl::expected<core::Scope, Problem> parse_scope(const json& body, const std::vector<std::string>& topics) {
  MemberReader members(body, {}, {"topics", "partitions"});
  core::Scope scope = read_scope(members, topics);
  if (members.problem()) return tl::unexpected(*members.problem());
  return scope;
}

tl::expected<SeekRequest, Problem> parse_seek(const json& body,
                                              const std::vector<std::string>& topics,
                                              std::int64_t wall_ms) {
  MemberReader members(body, {}, {"to", "topics", "partitions"});
  SeekRequest request;
  request.target = read_target(members, wall_ms);
  request.scope = read_scope(members, topics);
  if (request.target.kind == core::SeekTarget::Kind::kOffset &&
      (!request.scope.topics.empty() || request.scope.partitions.empty())) {
    members.refuse("partitions",
                   "name the partitions that go to this offset: one number means nothing for all of them");
  }
  if (members.problem()) return tl::unexpected(*members.problem());
  return request;
}

}  // namespace sluice::http
