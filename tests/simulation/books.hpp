#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/commit/commit_metadata.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/history.hpp"
#include "tests/simulation/partition_log.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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
    bool poison = false;
  };
  struct Lease {
    int number = 0;
    core::BatchId id;
    std::string request_id;
    TimePoint expires_at;
    bool open = true;
    std::vector<LeasedRecord> records;  ///< in the order of the batch
    std::int64_t bytes = 0;
    int answers = 1;  ///< with it, repeated ones too, that may have arrived
  };
  using LeasePtr = std::shared_ptr<Lease>;

  /// What the daemon promises its applications.
  struct Terms {
    core::OrderMode order = core::OrderMode::kPartition;
    core::Redelivery redelivery;
  };
  /// The cluster, as far as these books need it.
  using LogOf = std::function<const PartitionLog&(const TopicPartition&, const protocol::Uuid&)>;
  using IsCurrent = std::function<bool(const TopicPartition&, const protocol::Uuid&)>;
  /// What a coordinator has said of a partition.
  struct Stored {
    Offset offset = -1;
    std::string metadata;
  };
  using Answers = std::map<TopicPartition, Stored>;

  Books(Terms terms, LogOf log_of, IsCurrent is_current, History& history)
      : terms_(terms), log_of_(std::move(log_of)), is_current_(std::move(is_current)), history_(history) {}

  /// After every turn: which partitions came and went, and which leases ran out in it. `answers`: of the
  /// OffsetFetch that came in just before, if any.
  void turned(const core::Partitions& partitions, TimePoint now, const Answers& answers = {});
  /// The daemon says that these are in the dead letter topic.
  void dead_lettered(const TopicPartition& tp, core::OffsetRange range);
  /// The application wants to go on elsewhere: the next ownership may begin anywhere.
  void seeked(const TopicPartition& tp, std::uint64_t incarnation) { seeked_[tp] = incarnation; }

  /// A batch was handed out. Checks order, holes, counts, contents, and that nobody else holds any of it.
  LeasePtr delivered(const core::FetchResult& result, const std::string& request_id, TimePoint now);
  /// The same batch again for the same request id.
  LeasePtr repeated(const core::FetchResult& result, const std::string& request_id) const;

  void acked(const LeasePtr& lease, const core::AckSpec& spec, const core::AckResult& result, TimePoint now);
  void extended(const LeasePtr& lease, Duration duration, const core::LeaseResult& result, TimePoint now);
  void released(const LeasePtr& lease,
                std::optional<Duration> delay,
                const core::LeaseResult& result,
                TimePoint now);
  void undone(const LeasePtr& lease, TimePoint now);

  /// A commit is about to be sent: every record below `offset` was settled in this ownership or before it.
  void check_commit(const TopicPartition& tp, Offset offset, const protocol::Uuid& topic_id);

  /// A partition is let go with time to spare: what was settled without a gap must be committed, and what
  /// was settled above one must be in the text, unless that is null.
  void check_let_go(const TopicPartition& tp, Offset committed_max, const Stored* text) const;

  /// Records and bytes that are leased now.
  struct Load {
    std::int64_t records = 0;
    std::int64_t bytes = 0;  ///< of open leases, settled records included
  };
  [[nodiscard]] Load load() const;
  [[nodiscard]] std::uint64_t leased(const TopicPartition& tp) const;

  [[nodiscard]] std::size_t open_leases() const { return open_.size(); }
  [[nodiscard]] bool owns(const TopicPartition& tp) const { return owned_.count(tp) > 0; }
  [[nodiscard]] const std::map<core::BatchId, LeasePtr>& open() const { return open_; }
  [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }

 private:
  enum class State : std::uint8_t {
    kNew = 0,
    kLeased,
    kReturned,
    kSettled,
    kExhausted,  ///< had its last delivery; its last holder may still ack it
    kRejected,
  };
  struct Entry {
    State state = State::kNew;
    int lease = 0;  ///< its holder, or the last one
    std::uint32_t deliveries = 0;
    std::size_t failed_in = 0;  ///< size of the batch in which it failed last; 0: no bound
    TimePoint not_before{};

    [[nodiscard]] bool is_decided() const { return state == State::kSettled || state == State::kRejected; }
  };
  struct Ownership {
    std::uint64_t incarnation = 0;
    protocol::Uuid topic_id;
    std::optional<Offset> start;
    Offset settled_to = 0;       ///< everything before is settled, passed or gone
    Offset first_new = 0;        ///< nothing before was never handed out
    std::vector<Entry> entries;  ///< of the offsets from start on, as far as handed out
    Offset commit_sent = -1;
  };

  struct HandedOut {
    Offset offset = 0;
    std::uint64_t digest = 0;
    std::uint32_t delivery = 0;
    bool is_final = false;
  };

  [[nodiscard]] Entry* find(const LeasedRecord& record);
  [[nodiscard]] const PartitionLog& log(const TopicPartition& tp, const Ownership& ownership) const {
    return log_of_(tp, ownership.topic_id);
  }
  [[nodiscard]] bool is_current(const TopicPartition& tp) const {
    return is_current_(tp, owned_.at(tp).topic_id);
  }
  void begin(const TopicPartition& tp, Ownership& ownership, Offset start, const Answers& answers);
  void take_over(const TopicPartition& tp, Ownership& ownership, const Stored& stored);
  void hand_out(const TopicPartition& tp,
                Ownership& ownership,
                const HandedOut& record,
                const LeasePtr& lease,
                TimePoint now);
  void check_slice(const core::BatchSlice& slice, const LeasePtr& lease, std::int64_t& bytes, TimePoint now);
  [[nodiscard]] Offset first_new(const TopicPartition& tp, Ownership& ownership) const;
  void check_not_passed_over(const TopicPartition& tp, Ownership& ownership, Offset offset) const;
  void check_key(const TopicPartition& tp, const Ownership& ownership, Offset offset) const;
  void check_together(const Lease& lease);
  void note_settled(const LeasedRecord& record);
  [[nodiscard]] Offset settled_or_gone_to(const TopicPartition& tp, const Ownership& ownership) const;
  void advance(const TopicPartition& tp, Ownership& ownership);
  /// Of a record that is leased: its delivery is over without an ack.
  void fail(Entry& entry, std::size_t batch, std::optional<Duration> delay, TimePoint now) const;
  std::uint64_t give_back(const LeasePtr& lease, std::optional<Duration> delay, TimePoint now);
  void check_refusal(const Lease& lease, const core::RefusedRecords& refused);
  void end(const LeasePtr& lease);
  void end_when_done(const LeasePtr& lease);
  [[nodiscard]] std::vector<std::size_t> resolve(const Lease& lease,
                                                 const std::vector<core::Selector>& selectors) const;

  Terms terms_;
  LogOf log_of_;
  IsCurrent is_current_;
  History& history_;
  std::map<TopicPartition, std::uint64_t> seeked_;  ///< incarnations that begin where an operator wants
  std::map<TopicPartition, Ownership> owned_;
  std::map<core::BatchId, LeasePtr> open_;
  int last_lease_ = 0;
  std::uint64_t deliveries_ = 0;
};

}  // namespace sluice::simulation
