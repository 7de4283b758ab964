#pragma once

#include "daemon/core/dead_letter/dead_letter.hpp"
#include "daemon/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::core {

/// Letters that are not known to be written, by the partition they came from. A letter that is part of an
/// encoded batch is bound; it stays here until the batch is acknowledged.
class LetterQueue {
 public:
  struct Entry {
    DeadLetter letter;
    std::uint64_t arrival = 0;  ///< grows from letter to letter
    bool bound = false;
  };

  /// Nothing happens when the same one waits already.
  void add(DeadLetter letter);
  void forget(const TopicPartition& partition, std::uint64_t incarnation);
  /// Drops it unless it is bound.
  void withdraw(const LetterKey& key);

  /// Null when it is not here (any more). Valid until the queue changes.
  [[nodiscard]] const Entry* find(const LetterKey& key) const;
  void bind(const LetterKey& key, bool bound);
  std::optional<DeadLetter> remove(const LetterKey& key);

  /// Letters of these partitions that are not bound: partition by partition, the one that waits longest
  /// first; in offset order inside a partition, so that none is overtaken by a later one. `concerns` says
  /// whether a partition belongs, `take` gets a letter and says whether to go on.
  template <class Concerns, class Take>
  void each_free(Concerns concerns, Take take) const {
    for (const auto& letters : by_age(std::move(concerns))) {
      for (const auto& [offset, entry] : *letters) {
        if (!entry.bound && !take(entry.letter)) return;
      }
    }
  }

  /// Calls `f(TopicPartition)` for every partition that has letters; more than once when several assignments
  /// of it have.
  template <class F>
  void each_partition(F f) const {
    for (const auto& [source, letters] : sources_) f(source.first);
  }

  [[nodiscard]] bool waiting(const TopicPartition& partition) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  using Source = std::pair<TopicPartition, std::uint64_t>;
  using Letters = std::map<Offset, Entry>;

  template <class Concerns>
  [[nodiscard]] std::vector<const Letters*> by_age(Concerns concerns) const {
    std::map<std::uint64_t, const Letters*> ages;
    for (const auto& [source, letters] : sources_) {
      if (!concerns(source.first)) continue;
      for (const auto& [offset, entry] : letters) {
        if (entry.bound) continue;
        ages.emplace(entry.arrival, &letters);
        break;
      }
    }
    std::vector<const Letters*> result;
    for (const auto& [age, letters] : ages) result.push_back(letters);
    return result;
  }

  std::map<Source, Letters> sources_;  ///< none of them empty
  std::uint64_t arrivals_ = 0;
  std::size_t size_ = 0;
};

}  // namespace sluice::core
