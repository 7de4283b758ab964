#pragma once

#include "tests/simulation/base.hpp"
#include "tests/simulation/partition_log.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::simulation {

/// What applications settled and what the broker was told, over the life of the whole world. Knows nothing of
/// the daemons' own books.
class History {
 public:
  using Logs = std::function<const PartitionLog&(const TopicPartition&)>;

  explicit History(Logs logs) : logs_(std::move(logs)) {}

  /// An application was told that its ack of this record counts.
  void settled(const TopicPartition& tp, Offset offset) {
    std::vector<bool>& settled = partitions_[tp].settled;
    if (settled.size() <= static_cast<std::size_t>(offset))
      settled.resize(static_cast<std::size_t>(offset) + 1);
    settled[static_cast<std::size_t>(offset)] = true;
    ++settled_count_;
  }

  /// First record that nobody settled and that is not gone by retention; the end of the log when there is
  /// none.
  [[nodiscard]] Offset first_unsettled(const TopicPartition& tp) {
    const PartitionLog& log = logs_(tp);
    Entry& entry = partitions_[tp];
    Offset& at = entry.first_unsettled;
    at = std::max(at, log.start());
    while (at < log.end()) {
      const auto index = static_cast<std::size_t>(at);
      const bool done = index < entry.settled.size() && entry.settled[index];
      if (!done && log.may_become_visible(at)) break;
      ++at;
    }
    return at;
  }

  /// A daemon is about to ask for this commit, or a broker has just done it.
  void check_commit(const TopicPartition& tp, Offset offset) {
    if (offset > logs_(tp).end()) throw Violation("commit beyond the end of the log");
    if (offset > first_unsettled(tp)) {
      throw Violation("commit over an unsettled record: " + core::to_string(tp) + " commit " +
                      std::to_string(offset) + ", first unsettled " + std::to_string(first_unsettled(tp)));
    }
  }
  void committed(const TopicPartition& tp, Offset offset) {
    check_commit(tp, offset);
    Entry& entry = partitions_[tp];
    if (entry.committed && offset < *entry.committed) ++regressions_;
    entry.committed = offset;
    entry.committed_max = std::max(entry.committed_max, offset);
  }
  [[nodiscard]] std::optional<Offset> committed(const TopicPartition& tp) const {
    const auto it = partitions_.find(tp);
    return it == partitions_.end() ? std::nullopt : it->second.committed;
  }
  /// The farthest that was ever committed; -1 for nothing.
  [[nodiscard]] Offset committed_max(const TopicPartition& tp) const {
    const auto it = partitions_.find(tp);
    return it == partitions_.end() ? -1 : it->second.committed_max;
  }

  [[nodiscard]] std::uint64_t settled_count() const { return settled_count_; }
  [[nodiscard]] std::uint64_t regressions() const { return regressions_; }

 private:
  struct Entry {
    std::vector<bool> settled;
    Offset first_unsettled = 0;
    std::optional<Offset> committed;
    Offset committed_max = -1;
  };

  Logs logs_;
  std::map<TopicPartition, Entry> partitions_;
  std::uint64_t settled_count_ = 0;
  std::uint64_t regressions_ = 0;
};

}  // namespace sluice::simulation
