#include "daemon/core/consumer.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

namespace {

// What keeps failing is told again so often, and not with every try. So many different errors meanwhile.
constexpr std::chrono::minutes kErrorAgain{1};
constexpr std::size_t kErrorsMax = 64;

}  // namespace

/// Calls come between turns, and a consumer with nothing to do may have had its last one long ago.
std::int64_t Consumer::wall_ms() const {
  return turn_wall_ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - turn_at_).count();
}

void Consumer::note(EventType type, std::vector<TopicPartition> partitions, std::string text) {
  Event event;
  event.wall_ms = wall_ms();
  event.type = type;
  event.partitions = std::move(partitions);
  event.text = std::move(text);
  events_.add(std::move(event));
}

/// The first time that something goes out in place of records that nobody can read.
void Consumer::tell_unreadable(const Batch& batch) {
  for (const BatchSlice& slice : batch.slices) {
    for (const Segment& segment : slice.segments) {
      if (!is_opaque(segment.chunk->kind) || segment.delivery > 1) continue;
      Event event;
      event.wall_ms = wall_ms();
      event.type = EventType::kUndecodable;
      event.partitions = {slice.partition};
      event.offsets = OffsetRange{segment.first, segment.chunk->batch.header.last_offset};
      event.text = std::string(to_string(segment.chunk->kind)) + ": " + segment.chunk->error;
      events_.add(std::move(event));
    }
  }
}

/// What somebody should look at: the consumer as a whole, and partitions that stopped or cannot be read.
void Consumer::tell_errors(TimePoint now) {
  const auto tell = [&](std::vector<TopicPartition> partitions, const std::string& text) {
    const std::string key = (partitions.empty() ? "" : to_string(partitions.front())) + ": " + text;
    std::erase_if(errors_told_, [&](const auto& each) { return each.second + kErrorAgain <= now; });
    if (errors_told_.size() >= kErrorsMax || !errors_told_.emplace(key, now).second) return;
    note(EventType::kError, std::move(partitions), text);
  };
  if (const auto error = this->error()) tell({}, *error);
  for (const auto& [tp, partition] : partitions_) {
    if (partition.broken) {
      tell({tp}, *partition.broken);
    } else if (partition.phase == PartitionPhase::kStopped) {
      tell({tp}, partition.error.value_or("stopped"));
    }
  }
}

}  // namespace sluice::core
