#include "daemon/core/events.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::core {
namespace {

/// One event with very many partitions may take half of the log and no more.
constexpr std::size_t kPartitionBytesMax = EventLog::kBytesMax / 2;

std::size_t bytes_of(const TopicPartition& partition) {
  return sizeof(TopicPartition) + partition.topic.size();
}

std::size_t bytes_of(const Event& event) {
  std::size_t sum = sizeof(Event) + event.text.size();
  for (const TopicPartition& each : event.partitions) {
    sum += bytes_of(each);
  }
  return sum;
}

/// Cuts between two characters of UTF-8.
void cut_text(std::string& text) {
  if (text.size() <= EventLog::kTextMax) return;
  std::size_t end = EventLog::kTextMax - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text.resize(end);
  text += "...";
}

void cut_partitions(Event& event) {
  std::size_t bytes = 0;
  const auto end = std::find_if(event.partitions.begin(), event.partitions.end(), [&](const auto& each) {
    bytes += bytes_of(each);
    return bytes > kPartitionBytesMax;
  });
  event.partitions_omitted = static_cast<std::size_t>(std::distance(end, event.partitions.end()));
  event.partitions.erase(end, event.partitions.end());
  event.partitions.shrink_to_fit();
}

bool same(const Event& a, const Event& b) {
  return a.type == b.type && a.partitions == b.partitions && a.partitions_omitted == b.partitions_omitted &&
         a.deadline == b.deadline && a.offsets == b.offsets && a.text == b.text;
}

}  // namespace

std::string_view to_string(EventType type) {
  switch (type) {
    case EventType::kAssigned:
      return "assigned";
    case EventType::kRevoking:
      return "revoking";
    case EventType::kRevoked:
      return "revoked";
    case EventType::kLost:
      return "lost";
    case EventType::kPaused:
      return "paused";
    case EventType::kResumed:
      return "resumed";
    case EventType::kSeeked:
      return "seeked";
    case EventType::kDeadLettered:
      return "dead_lettered";
    case EventType::kDeadLetterFailed:
      return "dead_letter_failed";
    case EventType::kUndecodable:
      return "undecodable";
    case EventType::kLeaseExpired:
      return "lease_expired";
    case EventType::kIdle:
      return "idle";
    case EventType::kLeft:
      return "left";
    case EventType::kRejoined:
      return "rejoined";
    case EventType::kError:
      return "error";
  }
  return "unknown";
}

EventLog::EventLog(std::size_t max, std::uint64_t first_id)
    : max_(std::max<std::size_t>(1, max)),
      before_first_(first_id - 1),
      last_id_(before_first_),
      dropped_(before_first_) {}

std::uint64_t EventLog::add(Event event) {
  cut_text(event.text);
  cut_partitions(event);
  event.id = ++last_id_;
  event.count = 1;
  event.first_wall_ms = event.wall_ms;
  if (!events_.empty() && same(events_.back(), event)) {
    Event& last = events_.back();
    last.id = event.id;
    last.wall_ms = event.wall_ms;
    ++last.count;
    return last_id_;
  }
  bytes_ += bytes_of(event);
  events_.push_back(std::move(event));
  while (events_.size() > max_ || bytes_ > kBytesMax) {
    drop_oldest();
  }
  return last_id_;
}

void EventLog::drop_oldest() {
  dropped_ = events_.front().id;
  bytes_ -= bytes_of(events_.front());
  events_.pop_front();
}

EventLog::Page EventLog::since(std::uint64_t id, std::size_t max) const {
  const bool foreign = id > last_id_ || (id != 0 && id < before_first_);
  const std::uint64_t after = foreign ? 0 : id;
  Page page;
  page.gap = foreign || std::max(after, before_first_) < dropped_;
  auto next = std::upper_bound(events_.begin(), events_.end(), after,
                               [](std::uint64_t wanted, const Event& each) { return wanted < each.id; });
  page.next = max == 0 ? after : last_id_;
  for (; next != events_.end() && page.events.size() < max; ++next) {
    page.events.push_back(*next);
    page.next = next->id;
  }
  return page;
}

}  // namespace sluice::core
