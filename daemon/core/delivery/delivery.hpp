#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/delivery/selection.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Hands records out: keeps the fetches that wait, chooses what each gets, and leases it.
///
/// Partitions take turns by deficit round-robin over payload bytes, so a busy one cannot starve another. A
/// partition with an open lease is passed over: at most one open lease per partition, strict order (order
/// mode `partition`).
class Delivery {
 public:
  struct Options {
    std::size_t max_decompressed = std::size_t{128} << 20;  ///< of one record batch
    std::int64_t quantum = 1 << 20;  ///< payload bytes a partition may take in its turn
  };

  /// Why nothing can be handed out at all, from outside of the partitions.
  struct Situation {
    bool draining = false;
    bool joined = false;  ///< stable in the group
  };

  /// A fetch that has its answer.
  struct Done {
    std::uint64_t ticket = 0;
    FetchResult result;
  };

  Delivery(
      Options options, Partitions& partitions, LeaseTable& leases, MemoryBudget& budget, ConsumerStats& stats)
      : options_(options), partitions_(partitions), leases_(leases), budget_(budget), stats_(stats) {}

  /// Files a fetch; its answer comes out of take_done(), at the latest when `spec.wait` has passed.
  std::uint64_t start(FetchSpec spec, TimePoint now);
  /// True when it was still waiting.
  bool cancel(std::uint64_t ticket);

  /// Answers what can be answered now.
  void serve(TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox);

  [[nodiscard]] std::vector<Done> take_done() { return std::exchange(done_, {}); }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

  /// Partitions came or went; the turn order follows.
  void partitions_changed();

 private:
  struct Waiter {
    std::uint64_t ticket = 0;
    FetchSpec spec;
    TimePoint deadline;
  };
  struct Staged {
    Partition* partition = nullptr;
    Selection selection;
  };
  struct Draft {
    std::vector<Staged> parts;
    std::uint32_t records = 0;
    std::int64_t bytes = 0;
    TruncatedBy truncated = TruncatedBy::kNothing;
    bool saw_lease = false;
    bool saw_back_off = false;
  };

  bool serve_one(
      const Waiter& waiter, TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox);
  Draft draft(const FetchSpec& spec, TimePoint now, Outbox& outbox);
  bool draft_partition(
      Partition& partition, const FetchSpec& spec, Draft& draft, TimePoint now, Outbox& outbox);
  FetchResult lease(const FetchSpec& spec, Draft draft, TimePoint now, std::int64_t wall_ms);
  void answer(std::uint64_t ticket, FetchResult result, const FetchSpec& spec);
  void on_broken(Partition& partition, TimePoint now, Outbox& outbox);
  [[nodiscard]] EmptyReason empty_reason(const Situation& situation, const Draft& draft) const;
  [[nodiscard]] std::int64_t backlog() const;
  [[nodiscard]] std::int64_t bytes_allowed(const FetchSpec& spec) const;

  Options options_;
  Partitions& partitions_;
  LeaseTable& leases_;
  MemoryBudget& budget_;
  ConsumerStats& stats_;
  std::list<Waiter> waiters_;
  std::deque<TopicPartition> turns_;
  std::vector<Done> done_;
  std::uint64_t last_ticket_ = 0;
  Random random_{0};  ///< jitter of back-offs
};

}  // namespace sluice::core
