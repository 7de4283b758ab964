#include "daemon/http/ack_request.hpp"

#include "daemon/http/json_body.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

namespace {

using nlohmann::json;

constexpr std::int64_t kPartitionMax = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t kIndexMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kDelayMaxMs = 24LL * 3600 * 1000;
constexpr std::size_t kTopicSizeMax = 249;
constexpr std::size_t kReasonSizeMax = 1024;

std::optional<core::Duration> delay_of(MemberReader& members) {
  if (!members.has("delay_ms")) return std::nullopt;
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

/// One entry of a list: which records, and what else it says.
struct Entry {
  core::Selector which;
  std::optional<core::Duration> delay;
  std::string reason;
};

/// Which members an entry of a list may have besides those that name records.
enum class Extra : std::uint8_t { kNone, kDelay, kReason };

std::optional<Entry> read_entry(MemberReader& members,
                                const json& value,
                                const std::string& name,
                                Extra extra) {
  if (value.is_number_integer()) {
    const bool fits =
        value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kIndexMax);
    if (!fits) {
      members.refuse(name, "must be a position in the batch, counted from 0");
      return std::nullopt;
    }
    const auto index = value.get<std::uint32_t>();
    return Entry{core::IndexSelector{index, index}, std::nullopt, {}};
  }
  if (!value.is_object()) {
    members.refuse(
        name, "must be {topic, partition, offset}, {topic, partition, from, to} or a position in the batch");
    return std::nullopt;
  }
  const std::string path = members.path_of(name);
  MemberReader entry =
      extra == Extra::kDelay
          ? MemberReader(value, path, {"topic", "partition", "offset", "from", "to", "index", "delay_ms"})
      : extra == Extra::kReason
          ? MemberReader(value, path, {"topic", "partition", "offset", "from", "to", "index", "reason"})
          : MemberReader(value, path, {"topic", "partition", "offset", "from", "to", "index"});
  Entry read;
  if (entry.has("index")) {
    for (const char* other : {"topic", "partition", "offset", "from", "to"}) {
      if (entry.has(other)) entry.refuse("index", "names a record by itself: leave the other members out");
    }
    const auto index = static_cast<std::uint32_t>(entry.required_integer("index", 0, kIndexMax));
    read.which = core::IndexSelector{index, index};
  } else {
    core::TopicPartition partition = partition_of(entry);
    read.which = core::OffsetSelector{std::move(partition), range_of(entry)};
  }
  if (extra == Extra::kDelay) read.delay = delay_of(entry);
  if (extra == Extra::kReason) read.reason = entry.text("reason", kReasonSizeMax);
  members.refuse(entry.problem());
  if (members.problem()) return std::nullopt;
  return read;
}

// Calls `f` for each entry of the list. True when the list is there.
template <class F>
bool read_list(MemberReader& members, std::string_view name, Extra extra, F&& f) {
  const json* const values = members.array(name);
  if (values == nullptr) return false;
  std::size_t index = 0;
  for (const json& value : *values) {
    auto entry = read_entry(members, value, std::string(name) + "[" + std::to_string(index++) + "]", extra);
    if (!entry) break;
    f(std::move(*entry));
  }
  return true;
}

// Positions mostly come in runs; one selector for a run keeps long lists short. True when `which` went into
// `before`.
bool joins(core::Selector& before, const core::Selector& which) {
  auto* const run = std::get_if<core::IndexSelector>(&before);
  const auto* const next = std::get_if<core::IndexSelector>(&which);
  if (run == nullptr || next == nullptr || run->last + 1 != next->first) return false;
  run->last = next->last;
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

AckRules ack_rules(const engine::ConsumerHost& host) {
  return {host.commits_every_ack(), host.has_dead_letter_topic()};
}

tl::expected<AckRequest, Problem> parse_ack(const json& body,
                                            const AckRules& rules,
                                            const std::string& path) {
  const bool inside_fetch = !path.empty();
  MemberReader members =
      inside_fetch
          ? MemberReader(
                body, path,
                {"batch_id", "default", "accept", "release", "reject", "through", "delay_ms", "commit"})
          : MemberReader(body, path,
                         {"default", "accept", "release", "reject", "through", "delay_ms", "commit"});
  AckRequest request;
  core::AckSpec& spec = request.spec;
  if (inside_fetch) {
    const auto id = core::BatchId::parse(members.required_text("batch_id", 64));
    if (!id) members.refuse("batch_id", "must be the batch_id of an earlier answer");
    request.batch = id.value_or(core::BatchId());
  }
  const std::optional<core::Duration> delay = delay_of(members);
  const bool accepts = read_list(members, "accept", Extra::kNone, [&](Entry entry) {
    if (spec.accept.empty() || !joins(spec.accept.back(), entry.which)) spec.accept.push_back(entry.which);
  });
  const bool releases = read_list(members, "release", Extra::kDelay, [&](Entry entry) {
    core::Release one{std::move(entry.which), entry.delay ? entry.delay : delay};
    const bool same = !spec.release.empty() && spec.release.back().delay == one.delay;
    if (!same || !joins(spec.release.back().which, one.which)) spec.release.push_back(std::move(one));
  });
  const bool rejects = read_list(members, "reject", Extra::kReason, [&](Entry entry) {
    core::Reject one{std::move(entry.which), std::move(entry.reason)};
    const bool same = !spec.reject.empty() && spec.reject.back().reason == one.reason;
    if (!same || !joins(spec.reject.back().which, one.which)) spec.reject.push_back(std::move(one));
  });
  if (!spec.reject.empty() && !rules.can_reject) {
    members.refuse("reject",
                   "this consumer has nowhere to put rejected records: set dead.letter.topic in its "
                   "configuration, or release the records");
  }
  const bool through = read_through(members, spec.accept);
  const bool any_list = accepts || releases || rejects || through;
  spec.fallback = members.one_of("default", {"accept", "keep"}, any_list ? 1 : 0) == 1
                      ? core::Default::kKeep
                      : core::Default::kAccept;
  request.sync = members.one_of("commit", {"sync", "async"}, rules.sync ? 0 : 1) == 0;
  spec.await_commit = request.sync;
  if (members.problem()) return tl::unexpected(*members.problem());
  return request;
}

}  // namespace sluice::http
