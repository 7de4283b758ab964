#include "daemon/http/fetch_request.hpp"

#include "daemon/http/json_body.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace sluice::http {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::int64_t kRecordsMax = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kRequestIdSizeMax = 256;
constexpr std::size_t kTopicsMax = 1000;
constexpr std::size_t kTopicSizeMax = 249;  // Kafka's own limit

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kTopicSizeMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

core::Duration capped_ms(MemberReader& members,
                         std::string_view name,
                         core::Duration fallback,
                         std::int64_t min_ms,
                         core::Duration max) {
  if (!members.has(name)) return fallback;
  const auto max_ms = std::chrono::duration_cast<milliseconds>(max).count();
  return milliseconds(members.integer(name, min_ms, min_ms, max_ms));
}

void read_topics(MemberReader& members, core::FetchSpec& spec) {
  const json* const topics = members.array("topics");
  if (topics == nullptr) return;
  if (topics->size() > kTopicsMax) members.refuse("topics", "must not have more than 1000 names");
  for (const json& topic : *topics) {
    if (!topic.is_string() || !is_topic_name(topic.get_ref<const std::string&>())) {
      members.refuse("topics", "must be a list of topic names");
    }
    if (members.problem()) return;
    spec.topics.push_back(topic.get<std::string>());
  }
}

Encoding encoding_of(MemberReader& encodings, std::string_view name) {
  const std::size_t word = encodings.one_of(name, {"auto", "string", "json", "base64"}, 0);
  return static_cast<Encoding>(word + static_cast<std::size_t>(Encoding::kAuto));
}

void read_encoding(MemberReader& members, RecordFormat& format) {
  const json* const object = members.object("encoding");
  if (object == nullptr) return;
  MemberReader encodings(*object, "encoding", {"key", "value", "headers"});
  format.key = encoding_of(encodings, "key");
  format.value = encoding_of(encodings, "value");
  format.headers = encoding_of(encodings, "headers");
  members.refuse(encodings.problem());
}

}  // namespace

tl::expected<FetchRequest, Problem> parse_fetch(const json& body,
                                                const core::FetchSpec& defaults,
                                                const FetchCaps& caps,
                                                const AckRules& rules) {
  MemberReader members(body, {},
                       {"max_records", "max_bytes", "wait_ms", "min_records", "min_bytes", "lease_ms",
                        "request_id", "topics", "encoding", "ack", "mode"});
  FetchRequest request;
  core::FetchSpec& spec = request.spec = defaults;
  spec.max_records =
      static_cast<std::int32_t>(members.integer("max_records", defaults.max_records, 1, kRecordsMax));
  spec.max_bytes = members.integer("max_bytes", defaults.max_bytes, -1);
  if (spec.max_bytes == 0) members.refuse("max_bytes", "must be at least 1, or -1 for no bound");
  spec.wait = capped_ms(members, "wait_ms", defaults.wait, 0, caps.wait_max);
  spec.min_records =
      static_cast<std::int32_t>(members.integer("min_records", defaults.min_records, 0, kRecordsMax));
  spec.min_records = std::clamp(spec.min_records, 1, spec.max_records);
  spec.min_bytes = members.integer("min_bytes", defaults.min_bytes, 0);
  if (spec.max_bytes > 0) spec.min_bytes = std::min(spec.min_bytes, spec.max_bytes);
  spec.lease = capped_ms(members, "lease_ms", defaults.lease, 1, caps.lease_max);
  spec.request_id = members.text("request_id", kRequestIdSizeMax);
  spec.topics.clear();
  read_topics(members, spec);
  read_encoding(members, request.format);
  spec.settle_at_once = members.one_of("mode", {"lease", "auto"}, 0) == 1;
  if (const json* const ack = members.object("ack")) {
    auto parsed = parse_ack(*ack, rules, "ack");
    if (!parsed) members.refuse(std::move(parsed.error()));
    if (parsed) request.ack = std::move(*parsed);
  }
  if (members.problem()) return tl::unexpected(*members.problem());
  return request;
}

}  // namespace sluice::http
