#pragma once

#include "protocol/records/batch_header.hpp"
#include "protocol/records/record_set.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace sluice::protocol {

/// Tells which batches of one partition response belong to aborted transactions (read_committed).
///
/// Made new for every response from its AbortedTransactions, then shown every batch in order; data batches
/// may be judged without decompressing them. In read_uncommitted do not use it: some brokers send the list
/// there, too. Source: KIP-98, Fetch response AbortedTransactions.
class AbortedTransactions {
 public:
  AbortedTransactions() = default;
  /// @param entries  (producer id, first offset), in any order: not every broker sorts them
  explicit AbortedTransactions(std::vector<std::pair<std::int64_t, std::int64_t>> entries);

  /// Whether the records of this batch must not be delivered. Always false for control batches: they are
  /// never delivered anyway, and their marker belongs to on_control().
  [[nodiscard]] bool is_aborted(const BatchHeader& batch);

  /// The transaction of the batch's producer ends here. An abort without an entry is normal (an empty
  /// transaction).
  void on_control(const BatchHeader& batch, ControlType type);

 private:
  void advance_to(std::int64_t last_offset);

  std::vector<std::pair<std::int64_t, std::int64_t>> entries_;  // ascending first offset
  std::size_t next_ = 0;                                        // first entry that no batch has reached yet
  std::set<std::int64_t> aborted_producers_;  // inside an aborted transaction; ordered: ids are theirs
};

}  // namespace sluice::protocol
