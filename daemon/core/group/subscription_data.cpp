#include "daemon/core/group/subscription_data.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <type_traits>

namespace sluice::core {
namespace {

// A topic name is copied for each of its partitions: without a limit, a few bytes per partition would become
// kilobytes.
constexpr std::size_t kTopicNameBytesMax = 249;  // Kafka's own limit

// Far above what one member can own in earnest.
constexpr std::size_t kOwnedMax = 100'000;

constexpr std::size_t kGenerationBytes = sizeof(std::int32_t);

template <class Integer>
void append(std::string& bytes, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t shift = sizeof(Integer) * 8; shift > 0; shift -= 8) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(bits >> (shift - 8))));
  }
}

// Takes big-endian integers and strings off the front of `bytes`.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  template <class Integer>
  std::optional<Integer> integer() {
    if (bytes_.size() < sizeof(Integer)) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t index = 0; index < sizeof(Integer); ++index) {
      value = value << 8 | static_cast<unsigned char>(bytes_[index]);
    }
    bytes_.remove_prefix(sizeof(Integer));
    return static_cast<Integer>(value);
  }

  // The number of elements of an array, each of which takes at least `element_bytes_min`.
  std::optional<std::size_t> count(std::size_t element_bytes_min) {
    const std::optional<std::int32_t> value = integer<std::int32_t>();
    if (!value || *value < 0) return std::nullopt;
    const auto elements = static_cast<std::size_t>(*value);
    if (elements > bytes_.size() / element_bytes_min) return std::nullopt;
    return elements;
  }

  std::optional<std::string_view> topic_name() {
    const std::optional<std::int16_t> value = integer<std::int16_t>();
    if (!value || *value < 0) return std::nullopt;
    const auto size = static_cast<std::size_t>(*value);
    if (size > kTopicNameBytesMax || size > bytes_.size()) return std::nullopt;
    const std::string_view name = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return name;
  }

  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

bool read_topic(Cursor& cursor, std::vector<TopicPartition>& owned) {
  const std::optional<std::string_view> topic = cursor.topic_name();
  if (!topic) return false;
  const std::optional<std::size_t> count = cursor.count(sizeof(std::int32_t));
  if (!count || *count > kOwnedMax - owned.size()) return false;
  for (std::size_t index = 0; index < *count; ++index) {
    const std::optional<std::int32_t> partition = cursor.integer<std::int32_t>();
    if (!partition) return false;
    owned.push_back({std::string(*topic), *partition});
  }
  return true;
}

std::string write_sticky(const std::vector<TopicPartition>& owned, std::int32_t generation) {
  std::map<std::string_view, std::set<std::int32_t>> topics;
  for (const TopicPartition& partition : owned) {
    if (partition.topic.size() <= kTopicNameBytesMax) topics[partition.topic].insert(partition.partition);
  }
  std::string bytes;
  append(bytes, static_cast<std::int32_t>(topics.size()));
  for (const auto& [topic, partitions] : topics) {
    append(bytes, static_cast<std::int16_t>(topic.size()));
    bytes += topic;
    append(bytes, static_cast<std::int32_t>(partitions.size()));
    for (const std::int32_t partition : partitions) append(bytes, partition);
  }
  append(bytes, generation);
  return bytes;
}

}  // namespace

std::optional<std::string> subscription_user_data(Assignor assignor,
                                                  const std::vector<TopicPartition>& owned,
                                                  std::int32_t generation) {
  switch (assignor) {
    case Assignor::kRange:
    case Assignor::kRoundRobin:
      return std::nullopt;
    case Assignor::kSticky:
      if (owned.empty() && generation < 0) return std::nullopt;
      return write_sticky(owned, generation);
    case Assignor::kCooperativeSticky: {
      std::string bytes;
      append(bytes, generation);
      return bytes;
    }
  }
  return std::nullopt;
}

std::optional<StickyUserData> parse_sticky_user_data(std::string_view bytes) {
  constexpr std::size_t kTopicBytesMin = sizeof(std::int16_t) + sizeof(std::int32_t);
  Cursor cursor(bytes);
  StickyUserData data;
  const std::optional<std::size_t> topics = cursor.count(kTopicBytesMin);
  if (!topics) return std::nullopt;
  for (std::size_t index = 0; index < *topics; ++index) {
    const bool is_read = read_topic(cursor, data.owned);
    if (!is_read) return std::nullopt;
  }
  if (cursor.at_end()) return data;  // v0
  const std::optional<std::int32_t> generation = cursor.integer<std::int32_t>();
  if (!generation) return std::nullopt;
  data.generation = *generation;
  return data;  // a newer version may have more
}

std::optional<std::int32_t> parse_cooperative_generation(std::string_view bytes) {
  if (bytes.size() == kGenerationBytes) return Cursor(bytes).integer<std::int32_t>();
  const std::optional<StickyUserData> data = parse_sticky_user_data(bytes);
  if (!data) return std::nullopt;
  return data->generation;
}

}  // namespace sluice::core
