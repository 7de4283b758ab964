#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/core/types.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice::core {

/// A condemned record on its way to the dead letter topic.
struct DeadLetter {
  TopicPartition partition;       ///< where it came from
  std::uint64_t incarnation = 0;  ///< of the partition's assignment
  OffsetRange offsets;            ///< one record: first == last; an undecodable batch: what it covers
  std::uint32_t deliveries = 0;   ///< how often an application had it
  std::string cause;              ///< "rejected", "max_deliveries", "undecodable", "oversized"
  std::string reason;             ///< text of the application, may be empty
  std::shared_ptr<const RecordChunk> chunk;  ///< keeps the bytes alive; null: there are none
  std::size_t begin = 0;                     ///< the bytes of the record in the chunk's payload
  std::size_t end = 0;
  bool raw = false;  ///< no record: the bytes become the value as they are
};

/// Which letter. One offset is condemned once per assignment.
struct LetterKey {
  TopicPartition partition;
  std::uint64_t incarnation = 0;
  Offset first = 0;

  auto operator<=>(const LetterKey&) const = default;
};

[[nodiscard]] inline LetterKey key_of(const DeadLetter& letter) {
  return {letter.partition, letter.incarnation, letter.offsets.first};
}

/// "orders-3@17".
[[nodiscard]] inline std::string to_string(const LetterKey& key) {
  return to_string(key.partition) + "@" + std::to_string(key.first);
}

}  // namespace sluice::core
