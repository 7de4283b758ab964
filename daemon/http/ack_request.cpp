#include "daemon/http/ack_request.hpp"

#include "daemon/http/json_body.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace sluice::http {

namespace {

using nlohmann::json;

constexpr std::int64_t kPartitionMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t kIndexMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kDelayMaxMs = 24LL * 3600 * 1000;
constexpr std::size_t kTopicSizeMax = 249;

core::Duration delay_of(MemberReader& members) {
  return std::chrono::milliseconds(members.integer("delay_ms", 0, 0, kDelayMaxMs));
}

core::TopicPartition partition_of(MemberReader& entry) {
  core::TopicPartition partition;
  partition.topic = entry.required_text("topic", kTopicSizeMax);
  partition.partition = static_cast<core::PartitionId>(entry.required_integer("partition", 0, kPartitionMax));
  return partition;
}

core::OffsetRange range_of(MemberReader& entry) {
  if (entry.has("offset")) {
    if (entry.has("from") || entry.has("to"))
      entry.refuse("offset", "give either `offset` or `from` and `to`");
    const core::Offset offset = entry.required_integer("offset", 0, kOffsetMax);
    return {offset, offset};
  }
  const core::Offset first = entry.required_integer("from", 0, kOffsetMax);
  const core::Offset last = entry.required_integer("to", 0, kOffsetMax);
  if (last < first) entry.refuse("to", "must not be below `from`");
  return {first, last};
}

// Positions mostly come in runs; one selector for a run keeps long lists short.
void add_index(std::vector<core::Selector>& selectors, std::uint32_t index) {
  if (!selectors.empty()) {
    auto* const before = std::get_if<core::IndexSelector>(&selectors.back());
    if (before != nullptr && before->last + 1 == index) {
      before->last = index;
      return;
    }
  }
  selectors.emplace_back(core::IndexSelector{index, index});
}

struct List {
  std::string_view name;
  std::vector<core::Selector>& selectors;
  core::Duration* delay = nullptr;  // where entries may have one
};

void read_entry(MemberReader& members, const json& value, const std::string& name, List& list) {
  if (value.is_number_integer()) {
    const bool fits =
        value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kIndexMax);
    if (!fits) members.refuse(name, "must be a position in the batch, counted from 0");
    if (fits) add_index(list.selectors, value.get<std::uint32_t>());
    return;
  }
  if (!value.is_object()) {
    members.refuse(
        name, "must be {topic, partition, offset}, {topic, partition, from, to} or a position in the batch");
    return;
  }
  MemberReader entry =
      list.delay == nullptr
          ? MemberReader(value, members.path_of(name), {"topic", "partition", "offset", "from", "to"})
          : MemberReader(value, members.path_of(name),
                         {"topic", "partition", "offset", "from", "to", "delay_ms"});
  core::OffsetSelector selector{partition_of(entry), range_of(entry)};
  if (list.delay != nullptr) *list.delay = std::max(*list.delay, delay_of(entry));
  if (!entry.problem()) list.selectors.emplace_back(std::move(selector));
  members.refuse(entry.problem());
}

// True when the list is there.
bool read_list(MemberReader& members, List list) {
  const json* const values = members.array(list.name);
  if (values == nullptr) return false;
  std::size_t index = 0;
  for (const json& value : *values) {
    read_entry(members, value, std::string(list.name) + "[" + std::to_string(index++) + "]", list);
    if (members.problem()) break;
  }
  return true;
}

bool read_through(MemberReader& members, std::vector<core::Selector>& accept) {
  const json* const values = members.array("through");
  if (values == nullptr) return false;
  std::size_t index = 0;
  for (const json& value : *values) {
    MemberReader entry(value, members.path_of("through[" + std::to_string(index++) + "]"),
                       {"topic", "partition", "offset"});
    core::ThroughSelector selector{partition_of(entry), entry.required_integer("offset", 0, kOffsetMax)};
    members.refuse(entry.problem());
    if (members.problem()) break;
    accept.emplace_back(std::move(selector));
  }
  return true;
}

}  // namespace

tl::expected<AckRequest, Problem> parse_ack(const json& body, const std::string& path) {
  const bool inside_fetch = !path.empty();
  MemberReader members =
      inside_fetch
          ? MemberReader(body, path,
                         {"batch_id", "default", "accept", "release", "through", "delay_ms", "commit"})
          : MemberReader(body, path, {"default", "accept", "release", "through", "delay_ms", "commit"});
  AckRequest request;
  core::AckSpec& spec = request.spec;
  if (inside_fetch) {
    const auto id = core::BatchId::parse(members.required_text("batch_id", 64));
    if (!id) members.refuse("batch_id", "must be the batch_id of an earlier answer");
    request.batch = id.value_or(core::BatchId());
  }
  spec.release_delay = delay_of(members);
  const bool accepts = read_list(members, {"accept", spec.accept});
  const bool releases = read_list(members, {"release", spec.release, &spec.release_delay});
  const bool through = read_through(members, spec.accept);
  const bool any_list = accepts || releases || through;
  spec.fallback = members.one_of("default", {"accept", "keep"}, any_list ? 1 : 0) == 1
                      ? core::Default::kKeep
                      : core::Default::kAccept;
  request.sync = members.one_of("commit", {"sync", "async"}, 0) == 0;
  if (members.problem()) return tl::unexpected(*members.problem());
  return request;
}

}  // namespace sluice::http
