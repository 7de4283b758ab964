#pragma once

#include "tests/simulation/base.hpp"
#include "tests/simulation/partition_log.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
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

  /// It is safe in the dead letter topic.
  void dead_lettered(const TopicPartition& tp, Offset offset) {
    settled(tp, offset);
    partitions_[tp].dead.insert(offset);
  }
  [[nodiscard]] bool in_dead_letters(const TopicPartition& tp, Offset offset) const {
    const auto it = partitions_.find(tp);
    return it != partitions_.end() && it->second.dead.contains(offset);
  }
  /// By a seek: nobody has to see what is below.
  void skipped(const TopicPartition& tp, Offset below) {
    std::vector<bool>& settled = partitions_[tp].settled;
    const auto size = static_cast<std::size_t>(below);
    if (settled.size() < size) settled.resize(size);
    std::fill(settled.begin(), settled.begin() + static_cast<std::ptrdiff_t>(size), true);
  }
  /// An application got it, or, with -1, did not get it after all.
  void delivered(const TopicPartition& tp, Offset offset, int times) {
    std::vector<int>& deliveries = partitions_[tp].deliveries;
    const auto index = static_cast<std::size_t>(offset);
    if (deliveries.size() <= index) deliveries.resize(index + 1);
    deliveries[index] += times;
  }
  [[nodiscard]] int deliveries(const TopicPartition& tp, Offset offset) const {
    const auto it = partitions_.find(tp);
    if (it == partitions_.end()) return 0;
    const auto index = static_cast<std::size_t>(offset);
    return index < it->second.deliveries.size() ? it->second.deliveries[index] : 0;
  }
  /// The topic was deleted; there is another one of this name.
  void recreated(const TopicPartition& tp) { partitions_.erase(tp); }

  /// Behind the last record of the log that somebody settled. What may follow are markers of transactions,
  /// which pass only when somebody reads on.
  [[nodiscard]] Offset behind_last_settled(const TopicPartition& tp) {
    const PartitionLog& log = logs_(tp);
    const std::vector<bool>& settled = partitions_[tp].settled;
    Offset behind = log.start();
    for (Offset offset = log.start(); offset < log.end(); ++offset) {
      const auto index = static_cast<std::size_t>(offset);
      if (index < settled.size() && settled[index] && log.may_become_visible(offset)) behind = offset + 1;
    }
    return behind;
  }

  /// Nobody has to do anything about this record any more.
  [[nodiscard]] bool is_done(const TopicPartition& tp, Offset offset) {
    const PartitionLog& log = logs_(tp);
    if (offset >= log.end()) return false;
    if (offset < log.start() || !log.may_become_visible(offset)) return true;
    const std::vector<bool>& settled = partitions_[tp].settled;
    const auto index = static_cast<std::size_t>(offset);
    return index < settled.size() && settled[index];
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
    std::set<Offset> dead;
    std::vector<int> deliveries;
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
