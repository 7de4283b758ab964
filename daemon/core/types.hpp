#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace sluice::core {

using Offset = std::int64_t;
using PartitionId = std::int32_t;

struct TopicPartition {
  std::string topic;
  PartitionId partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
};

/// Closed range of offsets: both ends belong to it.
struct OffsetRange {
  Offset first = 0;
  Offset last = 0;

  auto operator<=>(const OffsetRange&) const = default;
  [[nodiscard]] std::int64_t count() const { return last - first + 1; }
};

/// How records of one partition may be out at the same time.
enum class OrderMode : std::uint8_t {
  kPartition = 1,  ///< one lease at a time, strict order
  kKey,            ///< never two records of one key, order kept per key; records without key have no order
  kNone,           ///< any number of leases, any order
};

/// "orders-3", as Kafka prints a partition.
inline std::string to_string(const TopicPartition& tp) {
  return tp.topic + "-" + std::to_string(tp.partition);
}

}  // namespace sluice::core
