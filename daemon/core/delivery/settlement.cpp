#include "daemon/core/delivery/settlement.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace sluice::core {

namespace {

using Lease = LeaseTable::Lease;
using Part = LeaseTable::Part;

/// One settlement under way: resolves selectors to offsets of the lease and applies them.
class Settlement {
 public:
  Settlement(const Lease& lease,
             const AckSpec& spec,
             Partitions& partitions,
             const Redelivery& redelivery,
             TimePoint now)
      : lease_(lease), spec_(spec), partitions_(partitions), redelivery_(redelivery), now_(now) {}

  AckResult run() {
    for (const Selector& selector : spec_.accept) apply(selector, {Verb::kAccept, std::nullopt, {}});
    for (const Release& each : spec_.release) apply(each.which, {Verb::kRelease, each.delay, {}});
    for (const Reject& each : spec_.reject) apply(each.which, {Verb::kReject, std::nullopt, each.reason});
    if (spec_.fallback == Default::kAccept) {
      for (const Part& part : lease_.parts) {
        for (const OffsetRange& run : part.runs) {
          for (const OffsetRange& rest : unnamed(part, run)) apply_fallback(part, rest);
        }
      }
    }
    finish();
    return std::move(result_);
  }

 private:
  enum class Verb : std::uint8_t { kAccept = 1, kRelease, kReject };
  struct Deed {
    Verb verb = Verb::kAccept;
    std::optional<Duration> delay;  ///< kRelease
    std::string_view reason;        ///< kReject
  };

  Partition* live(const Part& part) {
    const auto it = partitions_.find(part.partition);
    if (it == partitions_.end() || it->second.incarnation != part.incarnation || !it->second.ledger)
      return nullptr;
    return &it->second;
  }

  void refuse(const TopicPartition& partition, OffsetRange range, Refusal reason) {
    result_.refused.push_back({partition, range, reason});
  }

  void merge_refused() {
    auto& refused = result_.refused;
    std::sort(refused.begin(), refused.end(), [](const RefusedRecords& a, const RefusedRecords& b) {
      return std::tie(a.partition, a.reason, a.range) < std::tie(b.partition, b.reason, b.range);
    });
    std::vector<RefusedRecords> merged;
    for (RefusedRecords& each : refused) {
      if (!merged.empty() && merged.back().reason == each.reason &&
          merged.back().partition == each.partition &&
          (each.range.first <= merged.back().range.last ||
           each.range.first - 1 == merged.back().range.last)) {
        merged.back().range.last = std::max(merged.back().range.last, each.range.last);
      } else {
        merged.push_back(std::move(each));
      }
    }
    refused = std::move(merged);
  }

  void apply(const Selector& selector, const Deed& deed) {
    if (const auto* by_offset = std::get_if<OffsetSelector>(&selector)) {
      apply_offsets(by_offset->partition, by_offset->range, deed, true);
    } else if (const auto* through = std::get_if<ThroughSelector>(&selector)) {
      apply_offsets(through->partition, {0, through->offset}, deed, false);
    } else if (const auto* by_index = std::get_if<IndexSelector>(&selector)) {
      apply_indexes(*by_index, deed);
    }
  }

  /// `exact`: offsets that the batch does not have are reported; `through` may reach over gaps and below the
  /// batch.
  void apply_offsets(const TopicPartition& partition, OffsetRange wanted, const Deed& deed, bool exact) {
    const auto part = std::find_if(lease_.parts.begin(), lease_.parts.end(),
                                   [&](const Part& p) { return p.partition == partition; });
    if (part == lease_.parts.end()) {
      refuse(partition, wanted, Refusal::kNotInBatch);
      return;
    }
    Offset next = wanted.first;
    const auto first_run =
        std::partition_point(part->runs.begin(), part->runs.end(),
                             [&](const OffsetRange& run) { return run.last < wanted.first; });
    for (auto it = first_run; it != part->runs.end() && it->first <= wanted.last; ++it) {
      const OffsetRange& run = *it;
      const OffsetRange both{std::max(run.first, wanted.first), std::min(run.last, wanted.last)};
      if (both.last < both.first) break;
      if (exact && both.first > next) refuse(partition, {next, both.first - 1}, Refusal::kNotInBatch);
      apply_run(*part, both, deed);
      next = both.last + 1;
    }
    const Offset known_last = part->runs.empty() ? -1 : part->runs.back().last;
    if (exact && next <= wanted.last) refuse(partition, {next, wanted.last}, Refusal::kNotInBatch);
    if (!exact && wanted.last > known_last) {
      refuse(partition, {std::max(next, known_last + 1), wanted.last}, Refusal::kNotInBatch);
    }
  }

  void apply_indexes(const IndexSelector& selector, const Deed& deed) {
    std::int64_t index = 0;
    for (const Part& part : lease_.parts) {
      for (const OffsetRange& run : part.runs) {
        const std::int64_t first = std::max<std::int64_t>(selector.first, index);
        const std::int64_t last = std::min<std::int64_t>(selector.last, index + run.count() - 1);
        if (first <= last) apply_run(part, {run.first + (first - index), run.first + (last - index)}, deed);
        index += run.count();
      }
    }
    if (selector.last >= index && selector.last >= selector.first) {
      refuse({}, {std::max<std::int64_t>(selector.first, index), selector.last}, Refusal::kNotInBatch);
    }
  }

  void apply_run(const Part& part, OffsetRange range, const Deed& deed) {
    // What was given back could still be rejected; but what two lists name is done by the first.
    const std::vector<OffsetRange> rest =
        deed.verb == Verb::kReject ? unnamed(part, range) : std::vector<OffsetRange>{range};
    named_[part.partition].push_back(range);
    for (const OffsetRange& each : rest) apply_rest(part, each, deed);
  }

  void apply_rest(const Part& part, OffsetRange range, const Deed& deed) {
    Partition* partition = live(part);
    if (partition == nullptr) {
      refuse(part.partition, range, Refusal::kLeaseLost);
      return;
    }
    std::vector<OffsetRange> mine;
    partition->ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      const bool leased = piece.entry.state == PartitionLedger::State::kLeased;
      if (is_decided(piece.entry)) {
        refuse(part.partition, piece.range, Refusal::kAlreadySettled);
      } else if (piece.entry.lease != lease_.number || (deed.verb == Verb::kRelease && !leased)) {
        refuse(part.partition, piece.range, Refusal::kLeaseExpired);
      } else {
        mine.push_back(piece.range);
      }
    });
    for (const OffsetRange& each : mine) change(*partition, each, deed);
  }

  /// Settled, or rejected by its application: nothing changes that any more.
  static bool is_decided(const PartitionLedger::Entry& entry) {
    return entry.state == PartitionLedger::State::kSettled ||
           (entry.state == PartitionLedger::State::kCondemned && entry.lease == 0);
  }

  /// The pieces of `run` that no list has named.
  std::vector<OffsetRange> unnamed(const Part& part, OffsetRange run) {
    const auto named = named_.find(part.partition);
    if (named == named_.end()) return {run};
    std::vector<OffsetRange>& ranges = named->second;
    if (!std::is_sorted(ranges.begin(), ranges.end())) std::sort(ranges.begin(), ranges.end());
    std::vector<OffsetRange> rest;
    for (const OffsetRange& each : ranges) {
      if (each.last < run.first) continue;
      if (each.first > run.last) break;
      if (each.first > run.first) rest.push_back({run.first, each.first - 1});
      run.first = each.last + 1;
    }
    if (run.first <= run.last) rest.push_back(run);
    return rest;
  }

  /// What the caller did not name. With an empty request, all is meant. Otherwise it is silent about records
  /// that are settled, or that this lease gave back before; but what is lost with the lease is told.
  void apply_fallback(const Part& part, OffsetRange range) {
    Partition* partition = live(part);
    if (partition == nullptr) {
      refuse(part.partition, range, Refusal::kLeaseLost);
      return;
    }
    const bool all = spec_.names_nothing();
    const bool open = lease_.state == LeaseTable::State::kOpen;
    std::vector<OffsetRange> mine;
    partition->ledger->for_each(range, [&](const PartitionLedger::Piece& piece) {
      const bool leased = piece.entry.state == PartitionLedger::State::kLeased;
      if (is_decided(piece.entry)) {
        if (all) refuse(part.partition, piece.range, Refusal::kAlreadySettled);
      } else if (piece.entry.lease == lease_.number && (leased || all || !open)) {
        mine.push_back(piece.range);
      } else if (all || !open) {
        refuse(part.partition, piece.range, Refusal::kLeaseExpired);
      }
    });
    for (const OffsetRange& each : mine) change(*partition, each, {});
  }

  void change(Partition& partition, OffsetRange range, const Deed& deed) {
    Counts& counts = counts_[partition.id];
    std::int64_t changed = 0;
    switch (deed.verb) {
      case Verb::kAccept:
        changed = partition.settle(range, lease_.number);
        counts.accepted += static_cast<std::uint64_t>(changed);
        break;
      case Verb::kRelease:
        changed = partition.give_back(range, lease_.number, [&](const PartitionLedger::Entry& entry) {
          return redelivery_.after_named(entry, deed.delay, now_);
        });
        counts.released += static_cast<std::uint64_t>(changed);
        break;
      case Verb::kReject:
        changed = partition.reject(range, lease_.number, std::string(deed.reason));
        counts.rejected += static_cast<std::uint64_t>(changed);
        break;
    }
  }

  void finish() {
    merge_refused();
    for (const auto& [partition, counts] : counts_) {
      result_.accepted += counts.accepted;
      result_.released += counts.released;
      result_.rejected += counts.rejected;
    }
    bool gone = !result_.refused.empty();
    for (const RefusedRecords& refused : result_.refused) {
      if (refused.reason == Refusal::kAlreadySettled || refused.reason == Refusal::kNotInBatch) gone = false;
    }
    result_.kept = static_cast<std::uint64_t>(LeaseTable::unsettled(lease_, partitions_));
    result_.lease_gone =
        gone && result_.accepted == 0 && result_.released == 0 && result_.rejected == 0 && result_.kept == 0;
    for (const Part& part : lease_.parts) {
      if (Partition* partition = live(part)) {
        const Counts counts = counts_[part.partition];
        result_.offsets.push_back({part.partition, partition->ledger->watermark() - 1, partition->committed,
                                   counts.accepted, counts.released, counts.rejected});
      }
    }
  }

  struct Counts {
    std::uint64_t accepted = 0;
    std::uint64_t released = 0;
    std::uint64_t rejected = 0;
  };

  const Lease& lease_;
  const AckSpec& spec_;
  Partitions& partitions_;
  const Redelivery& redelivery_;
  TimePoint now_;
  std::map<TopicPartition, std::vector<OffsetRange>> named_;  ///< by the lists of the request
  std::map<TopicPartition, Counts> counts_;
  AckResult result_;
};

}  // namespace

AckResult settle_batch(const Lease& lease,
                       const AckSpec& spec,
                       Partitions& partitions,
                       const Redelivery& redelivery,
                       TimePoint now) {
  return Settlement(lease, spec, partitions, redelivery, now).run();
}

}  // namespace sluice::core
