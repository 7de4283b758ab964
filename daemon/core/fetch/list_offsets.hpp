#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::core {

enum class OffsetReset : std::uint8_t { kEarliest = 1, kLatest, kNone };
enum class IsolationLevel : std::uint8_t { kReadUncommitted = 0, kReadCommitted = 1 };

/// Asks leaders for log start and end (ListOffsets): where to begin without a committed offset, why an offset
/// is out of range, and how far a log has grown that is not being fetched.
class ListOffsets {
 public:
  struct Options {
    OffsetReset reset = OffsetReset::kEarliest;
    IsolationLevel isolation = IsolationLevel::kReadUncommitted;
    std::chrono::milliseconds request_timeout{30'000};
    Duration end_refresh = std::chrono::seconds(5);  ///< age of an end offset at which it is asked for again
  };

  // What Partition::seek_timestamp can be besides a time.
  static constexpr std::int64_t kLatest = -1;
  static constexpr std::int64_t kEarliest = -2;

  ListOffsets(Options options, std::uint64_t seed) : options_(options), random_(seed) {}

  void poll(TimePoint now, const Metadata& metadata, Partitions& partitions, Outbox& outbox);
  /// True when the answer was to one of ours.
  bool on_reply(const protocol::Reply& reply,
                Metadata& metadata,
                Partitions& partitions,
                std::map<std::string, TopicStats>& stats,
                TimePoint now,
                Outbox& outbox);
  bool on_failure(const protocol::Failure& failure,
                  Metadata& metadata,
                  Partitions& partitions,
                  TimePoint now);

 private:
  enum class Purpose : std::uint8_t { kReset = 1, kSeek, kRangeStart, kRangeEnd, kEnd };
  struct Asked {
    std::uint64_t incarnation = 0;
    Purpose purpose = Purpose::kEnd;
  };
  [[nodiscard]] std::int64_t timestamp_for(const Partition& partition, Purpose purpose) const;
  struct InFlight {
    protocol::NodeId node = -1;
    std::map<TopicPartition, Asked> asked;
  };

  [[nodiscard]] std::optional<Purpose> purpose_of(Partition& partition, TimePoint now, Outbox& outbox) const;
  void take(
      Partition& partition, Purpose purpose, Offset offset, TopicStats& stats, TimePoint now, Outbox& outbox);
  void resolve_range(Partition& partition, Offset end, TopicStats& stats, TimePoint now, Outbox& outbox);
  [[nodiscard]] bool busy(protocol::NodeId node) const;

  Options options_;
  Random random_;
  std::map<protocol::RequestId, InFlight> in_flight_;
};

}  // namespace sluice::core
