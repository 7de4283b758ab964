#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/history.hpp"
#include "tests/simulation/partition_log.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::simulation {

/// A second set of books about one daemon: what it must have leased to whom, written from the contract and
/// record by record, without any of the product's own structures. Says beforehand what every answer has to
/// be.
class Books {
 public:
  struct LeasedRecord {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    Offset offset = 0;
  };
  struct Lease {
    int number = 0;
    core::BatchId id;
    std::string request_id;
    TimePoint expires_at;
    bool open = true;
    int answers = 1;                    ///< with this batch, that may have arrived
    std::vector<LeasedRecord> records;  ///< in the order of the batch
  };
  using LeasePtr = std::shared_ptr<Lease>;

  using Logs = History::Logs;

  Books(Logs logs, History& history) : logs_(std::move(logs)), history_(history) {}

  /// After every turn: which partitions came and went, and which leases ran out in it.
  void turned(const core::Partitions& partitions, TimePoint now);

  /// A batch was handed out. Checks order, holes, counts, contents, and that nobody else holds any of it.
  LeasePtr delivered(const core::FetchResult& result, const std::string& request_id, TimePoint now);
  /// The same batch again for the same request id.
  LeasePtr repeated(const core::FetchResult& result, const std::string& request_id) const;

  void acked(const LeasePtr& lease, const core::AckSpec& spec, const core::AckResult& result, TimePoint now);
  void extended(const LeasePtr& lease, Duration duration, const core::LeaseResult& result, TimePoint now);
  void released(const LeasePtr& lease, Duration delay, const core::LeaseResult& result, TimePoint now);
  void undone(const LeasePtr& lease, TimePoint now);

  /// A commit is about to be sent: every record below `offset` was settled in this ownership or before it.
  void check_commit(const TopicPartition& tp, Offset offset);

  /// A partition is let go with time to spare: what was settled without a gap must be committed.
  void check_let_go(const TopicPartition& tp, Offset committed) const;

  [[nodiscard]] std::size_t open_leases() const { return open_.size(); }
  [[nodiscard]] bool owns(const TopicPartition& tp) const { return owned_.count(tp) > 0; }
  [[nodiscard]] const std::map<core::BatchId, LeasePtr>& open() const { return open_; }
  [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }

 private:
  enum class State : std::uint8_t { kNew = 0, kLeased, kReturned, kSettled };
  struct Entry {
    State state = State::kNew;
    int lease = 0;
    std::uint32_t deliveries = 0;
    TimePoint not_before{};
  };
  struct Ownership {
    std::uint64_t incarnation = 0;
    std::optional<Offset> start;
    Offset settled_to = 0;       ///< everything before is settled, passed or gone
    std::vector<Entry> entries;  ///< of the offsets from start on, as far as handed out
    Offset commit_sent = -1;
  };

  [[nodiscard]] Entry* find(const LeasedRecord& record);
  void begin(const TopicPartition& tp, Ownership& ownership, Offset start);
  void hand_out(const TopicPartition& tp,
                Ownership& ownership,
                const protocol::Record& record,
                std::uint32_t delivery,
                const LeasePtr& lease,
                TimePoint now);
  void advance(const TopicPartition& tp, Ownership& ownership);
  void give_back(const LeasePtr& lease, TimePoint not_before, bool counted, std::uint64_t* count);
  void check_refusal(const Lease& lease, const core::RefusedRecords& refused);
  void end(const LeasePtr& lease);
  void end_when_done(const LeasePtr& lease);
  [[nodiscard]] std::vector<std::size_t> resolve(const Lease& lease,
                                                 const std::vector<core::Selector>& selectors) const;

  Logs logs_;
  History& history_;
  std::map<TopicPartition, Ownership> owned_;
  std::map<core::BatchId, LeasePtr> open_;
  int last_lease_ = 0;
  std::uint64_t deliveries_ = 0;
};

}  // namespace sluice::simulation
