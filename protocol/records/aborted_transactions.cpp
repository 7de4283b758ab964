#include "protocol/records/aborted_transactions.hpp"

#include <algorithm>

namespace sluice::protocol {

AbortedTransactions::AbortedTransactions(std::vector<std::pair<std::int64_t, std::int64_t>> entries)
    : entries_(std::move(entries)) {
  std::sort(entries_.begin(), entries_.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
}

bool AbortedTransactions::is_aborted(const BatchHeader& batch) {
  if (batch.producer_id < 0) {
    return false;
  }
  advance_to(batch.last_offset);
  return batch.transactional && !batch.control && aborted_producers_.contains(batch.producer_id);
}

void AbortedTransactions::on_control(const BatchHeader& batch, ControlType type) {
  advance_to(batch.last_offset);
  if (type == ControlType::kAbort) {
    aborted_producers_.erase(batch.producer_id);
  }
}

void AbortedTransactions::advance_to(std::int64_t last_offset) {
  while (next_ < entries_.size() && entries_[next_].second <= last_offset) {
    aborted_producers_.insert(entries_[next_].first);
    ++next_;
  }
}

}  // namespace sluice::protocol
