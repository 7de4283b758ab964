#include "daemon/core/delivery/settlement.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace sluice::core {

namespace {

using Lease = LeaseTable::Lease;
using Part = LeaseTable::Part;

/// One settlement under way: resolves selectors to offsets of the lease and applies them.
class Settlement {
 public:
  Settlement(const Lease& lease, const AckSpec& spec, Partitions& partitions, TimePoint now)
      : lease_(lease), spec_(spec), partitions_(partitions), now_(now) {}

  AckResult run() {
    for (const Selector& selector : spec_.accept) apply(selector, Verb::kAccept);
    for (const Selector& selector : spec_.release) apply(selector, Verb::kRelease);
    if (spec_.fallback == Default::kAccept) {
      for (const Part& part : lease_.parts) {
        for (const OffsetRange& run : part.runs) apply_fallback(part, run);
      }
    }
    finish();
    return std::move(result_);
  }

 private:
  enum class Verb : std::uint8_t { kAccept = 1, kRelease };

  Partition* live(const Part& part) {
    const auto it = partitions_.find(part.partition);
    if (it == partitions_.end() || it->second.incarnation != part.incarnation || !it->second.ledger)
      return nullptr;
    return &it->second;
  }

  void refuse(const TopicPartition& partition, OffsetRange range, Refusal reason) {
    auto& refused = result_.refused;
    if (!refused.empty() && refused.back().reason == reason && refused.back().partition == partition &&
        refused.back().range.last + 1 == range.first) {
      refused.back().range.last = range.last;
      return;
    }
    refused.push_back({partition, range, reason});
  }

  void apply(const Selector& selector, Verb verb) {
    if (const auto* by_offset = std::get_if<OffsetSelector>(&selector)) {
      apply_offsets(by_offset->partition, by_offset->range, verb, true);
    } else if (const auto* through = std::get_if<ThroughSelector>(&selector)) {
      apply_offsets(through->partition, {0, through->offset}, verb, false);
    } else if (const auto* by_index = std::get_if<IndexSelector>(&selector)) {
      apply_indexes(*by_index, verb);
    }
  }

  /// `exact`: offsets that the batch does not have are reported; `through` may reach over gaps and below the
  /// batch.
  void apply_offsets(const TopicPartition& partition, OffsetRange wanted, Verb verb, bool exact) {
    const auto part = std::find_if(lease_.parts.begin(), lease_.parts.end(),
                                   [&](const Part& p) { return p.partition == partition; });
    if (part == lease_.parts.end()) {
      refuse(partition, wanted, Refusal::kNotInBatch);
      return;
    }
    Offset next = wanted.first;
    for (const OffsetRange& run : part->runs) {
      const OffsetRange both{std::max(run.first, wanted.first), std::min(run.last, wanted.last)};
      if (both.last < both.first) continue;
      if (exact && both.first > next) refuse(partition, {next, both.first - 1}, Refusal::kNotInBatch);
      apply_run(*part, both, verb);
      next = both.last + 1;
    }
    const Offset known_last = part->runs.empty() ? -1 : part->runs.back().last;
    if (exact && next <= wanted.last) refuse(partition, {next, wanted.last}, Refusal::kNotInBatch);
    if (!exact && wanted.last > known_last) {
      refuse(partition, {std::max(next, known_last + 1), wanted.last}, Refusal::kNotInBatch);
    }
  }

  void apply_indexes(const IndexSelector& selector, Verb verb) {
    std::int64_t index = 0;
    for (const Part& part : lease_.parts) {
      for (const OffsetRange& run : part.runs) {
        const std::int64_t first = std::max<std::int64_t>(selector.first, index);
        const std::int64_t last = std::min<std::int64_t>(selector.last, index + run.count() - 1);
        if (first <= last) apply_run(part, {run.first + (first - index), run.first + (last - index)}, verb);
        index += run.count();
      }
    }
    if (selector.last >= index) {
      refuse({}, {std::max<std::int64_t>(selector.first, index), selector.last}, Refusal::kNotInBatch);
    }
  }

  void apply_run(const Part& part, OffsetRange range, Verb verb) {
    Partition* partition = live(part);
    if (partition == nullptr) {
      refuse(part.partition, range, Refusal::kLeaseLost);
      return;
    }
    std::vector<OffsetRange> mine;
    partition->ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      if (piece.entry.state == PartitionLedger::State::kSettled) {
        refuse(part.partition, piece.range, Refusal::kAlreadySettled);
      } else if (piece.entry.lease != lease_.number ||
                 (verb == Verb::kRelease && piece.entry.state == PartitionLedger::State::kReturned)) {
        refuse(part.partition, piece.range, Refusal::kLeaseExpired);
      } else {
        mine.push_back(piece.range);
      }
    });
    for (const OffsetRange& each : mine) change(*partition, each, verb);
  }

  /// What the caller did not name: silent about records that are settled, released in this call, or held by
  /// others, unless the lease as such is gone.
  void apply_fallback(const Part& part, OffsetRange range) {
    if (spec_.accept.empty() && spec_.release.empty()) {
      apply_run(part, range, Verb::kAccept);
      return;
    }
    Partition* partition = live(part);
    if (partition == nullptr) return;
    std::vector<OffsetRange> mine;
    partition->ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      if (piece.entry.state == PartitionLedger::State::kLeased && piece.entry.lease == lease_.number) {
        mine.push_back(piece.range);
      }
    });
    for (const OffsetRange& each : mine) change(*partition, each, Verb::kAccept);
  }

  void change(Partition& partition, OffsetRange range, Verb verb) {
    if (verb == Verb::kAccept) {
      result_.accepted += static_cast<std::uint64_t>(partition.ledger->settle(range, lease_.number));
    } else {
      result_.released += static_cast<std::uint64_t>(
          partition.ledger->give_back(range, lease_.number, now_ + spec_.release_delay));
    }
  }

  void finish() {
    bool gone = !result_.refused.empty();
    for (const RefusedRecords& refused : result_.refused) {
      if (refused.reason == Refusal::kAlreadySettled || refused.reason == Refusal::kNotInBatch) gone = false;
    }
    result_.kept = static_cast<std::uint64_t>(LeaseTable::unsettled(lease_, partitions_));
    result_.lease_gone = gone && result_.accepted == 0 && result_.released == 0 && result_.kept == 0;
    for (const Part& part : lease_.parts) {
      if (Partition* partition = live(part)) {
        result_.offsets.push_back({part.partition, partition->ledger->watermark() - 1, partition->committed});
      }
    }
  }

  const Lease& lease_;
  const AckSpec& spec_;
  Partitions& partitions_;
  TimePoint now_;
  AckResult result_;
};

}  // namespace

AckResult settle_batch(const Lease& lease, const AckSpec& spec, Partitions& partitions, TimePoint now) {
  return Settlement(lease, spec, partitions, now).run();
}

}  // namespace sluice::core
