#pragma once

#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

enum class EventType : std::uint8_t {
  kAssigned = 1,
  kRevoking,
  kRevoked,
  kLost,
  kPaused,
  kResumed,
  kSeeked,
  kDeadLettered,
  kDeadLetterFailed,
  kUndecodable,
  kLeaseExpired,
  kIdle,
  kLeft,
  kRejoined,
  kError,
};

/// "assigned", "dead_letter_failed": the word that applications see.
[[nodiscard]] std::string_view to_string(EventType type);

/// Something that happened to a consumer.
struct Event {
  std::uint64_t id = 0;            ///< set by EventLog; grows from event to event, with holes
  std::int64_t wall_ms = 0;        ///< Unix time; the last time it happened
  std::int64_t first_wall_ms = 0;  ///< set by EventLog; the first time it happened
  EventType type = EventType::kError;
  std::vector<TopicPartition> partitions;
  std::size_t partitions_omitted = 0;  ///< set by EventLog; there were so many more than in `partitions`
  std::optional<TimePoint> deadline;   ///< kRevoking: the partitions are kept until then
  std::optional<OffsetRange> offsets;
  std::string text;         ///< for people; may be empty
  std::uint64_t count = 1;  ///< set by EventLog; so often in a row
};

/// What happened to a consumer lately, for readers that ask again and again for what came after the last
/// event they know. Bounded in number and in bytes: the oldest events go first.
///
/// An event like the last one is not another one: the last one counts up and gets a new id, so that readers
/// see it again. A failure that repeats for hours thus drives nothing else out.
class EventLog {
 public:
  struct Page {
    std::vector<Event> events;  ///< oldest first
    std::uint64_t next = 0;     ///< to be passed the next time
    bool gap = false;           ///< events are missing between the one asked after and the first one here
  };

  static constexpr std::size_t kMax = 1'000;
  static constexpr std::size_t kBytesMax = 256 * 1024;
  static constexpr std::size_t kTextMax = 1'024;  ///< bytes; longer texts are cut

  /// `max` >= 1. Ids begin at `first_id` >= 1: with the Unix time of the start in milliseconds they go on
  /// growing over restarts, so that a reader from before one is told of a gap.
  explicit EventLog(std::size_t max = kMax, std::uint64_t first_id = 1);

  /// Takes it in and gives its id.
  std::uint64_t add(Event event);

  /// At most `max` events after the one with that id; 0: from the oldest that is known. An id that was never
  /// given out, as of a process before this one, is answered as 0, with a gap.
  [[nodiscard]] Page since(std::uint64_t id, std::size_t max = 100) const;
  /// Has since(id) events to tell?
  [[nodiscard]] bool has_since(std::uint64_t id) const { return !events_.empty() && id != last_id_; }
  /// Of the latest event; of none: one less than the first will get.
  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }

 private:
  void drop_oldest();

  std::size_t max_;
  std::uint64_t before_first_;
  std::uint64_t last_id_;
  std::uint64_t dropped_;  ///< the highest id that was forgotten
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::core
