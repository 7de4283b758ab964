#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/delivery/lease_table.hpp"
#include "daemon/core/delivery/selection.hpp"
#include "daemon/core/delivery/window.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Hands records out: keeps the fetches that wait, chooses what each gets, and leases it.
///
/// Partitions take turns by deficit round-robin over payload bytes, so a busy one cannot starve another. In
/// its turn a partition gives records until its quantum is used up; what the last one takes beyond is owed in
/// later turns. A turn that a full batch interrupts goes on in the next batch. In order mode `partition`, one
/// with an open lease is passed over.
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
    bool paused = false;  ///< the consumer as a whole
  };

  /// A fetch that has its answer.
  struct Done {
    std::uint64_t ticket = 0;
    FetchResult result;
    std::vector<PartitionProgress> settled;  ///< at once: to be committed before the records go out
  };

  Delivery(Options options,
           Partitions& partitions,
           LeaseTable& leases,
           Window& window,
           MemoryBudget& budget,
           ConsumerStats& stats)
      : options_(options),
        partitions_(partitions),
        leases_(leases),
        window_(window),
        budget_(budget),
        stats_(stats) {}

  /// Files a fetch; its answer comes out of take_done(), at the latest when `spec.wait` has passed.
  std::uint64_t start(FetchSpec spec, TimePoint now);
  /// True when it was still waiting.
  bool cancel(std::uint64_t ticket);

  /// Answers what can be answered now.
  void serve(TimePoint now, std::int64_t wall_ms, const Situation& situation, Outbox& outbox);

  [[nodiscard]] std::vector<Done> take_done() { return std::exchange(done_, {}); }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

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
  /// A partition in its turn. What it owes becomes real when the batch is leased.
  struct Turn {
    Partition* partition = nullptr;
    std::int64_t deficit = 0;
    std::optional<std::size_t> staged;  ///< index into the parts of the draft
  };
  enum class Visit : std::uint8_t { kNothingLeft = 1, kTurnOver, kBatchFull };
  /// What stood in the way of records.
  struct Obstacles {
    bool lease = false;
    bool back_off = false;
    bool budget = false;
    bool window = false;
    bool dead_letter = false;
    bool span = false;

    void add(const Obstacles& other);
  };
  struct Draft {
    std::vector<Staged> parts;
    std::vector<Turn> turns;               ///< of partitions with data, in the order of their turns
    std::optional<std::size_t> filled_by;  ///< whose turn it was when the batch was full
    Window::Allowance window;
    std::uint32_t records = 0;
    std::int64_t bytes = 0;
    std::int64_t records_max = 0;
    std::int64_t bytes_max = 0;
    std::uint32_t together = 0;                            ///< as in Selection, of all parts
    TruncatedBy records_bound = TruncatedBy::kMaxRecords;  ///< what set records_max
    TruncatedBy bytes_bound = TruncatedBy::kMaxBytes;      ///< what set bytes_max
    bool holds_decompressed = false;
    TruncatedBy truncated = TruncatedBy::kNothing;
    Obstacles obstacles;
  };
  /// What one call of serve() has found to be empty: later fetches need not look there again.
  struct Dry {
    bool all = false;
    std::set<std::string> topics;
    Obstacles obstacles;
    [[nodiscard]] bool covers(const FetchSpec& spec) const;
    void add(const FetchSpec& spec, const Obstacles& seen);
  };

  bool serve_one(const Waiter& waiter,
                 TimePoint now,
                 std::int64_t wall_ms,
                 const Situation& situation,
                 Dry& dry,
                 Outbox& outbox);
  Draft draft(const FetchSpec& spec, TimePoint now, Outbox& outbox);
  void set_bounds(Draft& draft, const FetchSpec& spec) const;
  void note_obstacles(Draft& draft, const Selection& selection, Outbox& outbox) const;
  void line_up(Draft& draft, const FetchSpec& spec);
  Visit visit(Turn& turn, Draft& draft, TimePoint now, Outbox& outbox);
  Selection select_more(Turn& turn, Draft& draft, TimePoint now);
  void end_turns(const Draft& draft);
  FetchResult lease(const FetchSpec& spec, Draft draft, TimePoint now, std::int64_t wall_ms);
  std::vector<PartitionProgress> settle_at_once(BatchId id, TimePoint now);
  void answer(std::uint64_t ticket, FetchResult result, const FetchSpec& spec);
  [[nodiscard]] std::int64_t leased_records() const;
  void on_broken(Partition& partition, TimePoint now, Outbox& outbox);
  void answer_empty(const Waiter& waiter, const Situation& situation, const Obstacles& obstacles);
  [[nodiscard]] EmptyReason empty_reason(const Situation& situation, const Obstacles& obstacles) const;
  [[nodiscard]] std::int64_t backlog() const;

  Options options_;
  Partitions& partitions_;
  LeaseTable& leases_;
  Window& window_;
  MemoryBudget& budget_;
  ConsumerStats& stats_;
  std::list<Waiter> waiters_;
  TopicPartition next_turn_;  ///< the first partition from here on has the next turn
  std::vector<Done> done_;
  std::uint64_t last_ticket_ = 0;
  Random random_{0};  ///< jitter of back-offs
};

}  // namespace sluice::core
