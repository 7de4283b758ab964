#pragma once

#include "daemon/core/api.hpp"
#include "daemon/core/delivery/selection.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Who holds which batch until when, and what became of batches that ended.
///
/// The state of single offsets lives in the ledgers of the partitions; a lease only remembers which offsets
/// it was given. Ended leases are remembered for a while so that a repeated or late ack gets a true answer.
class LeaseTable {
 public:
  enum class State : std::uint8_t { kOpen = 1, kDone, kReleased, kExpired };

  struct Part {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    std::vector<OffsetRange> runs;  ///< ascending
  };

  struct Lease {
    LeaseNumber number = 0;
    BatchId id;
    State state = State::kOpen;
    std::string request_id;
    TimePoint granted_at{};
    TimePoint expires_at = kNever;
    TimePoint ended_at = kNever;
    FetchResult answer;  ///< as it was given, to repeat it; its batch is dropped when the lease ends
    std::uint32_t records = 0;
    std::int64_t bytes = 0;
    std::vector<Part> parts;
    Duration time{};            ///< asked for when it was granted or extended last
    std::uint32_t answers = 1;  ///< of the same request, repeated ones too, that may have arrived
  };

  /// What happened to a lease as a whole, for the window.
  enum class End : std::uint8_t { kAcked = 1, kReleased, kExpired, kDropped };
  struct Ended {
    LeaseNumber number = 0;
    End how = End::kDropped;
  };

  /// Bounds of the memory of ended leases.
  struct Options {
    std::size_t ended_max = 10'000;
    std::size_t ended_runs_max = 200'000;  ///< runs of all of them together
    Duration ended_for = std::chrono::hours(1);
  };

  explicit LeaseTable(std::uint64_t seed, Redelivery redelivery = {})
      : LeaseTable(seed, redelivery, Options{}) {}
  LeaseTable(std::uint64_t seed, Redelivery redelivery, Options options)
      : random_(seed), redelivery_(redelivery), options_(options) {}

  [[nodiscard]] const Redelivery& redelivery() const { return redelivery_; }

  [[nodiscard]] LeaseNumber next_number() { return ++last_number_; }
  /// Ids of batches must not be guessable: whoever has one can settle its records. Unset, they follow from
  /// the seed, which is right for tests and simulation only.
  void set_id_source(std::function<BatchId()> source) { id_source_ = std::move(source); }
  [[nodiscard]] BatchId next_id() {
    return id_source_ ? id_source_() : BatchId({random_.next(), random_.next()});
  }

  /// Files a lease whose records are marked in the ledgers already.
  Lease& open(Lease lease);

  [[nodiscard]] Lease* find(BatchId id);
  [[nodiscard]] const Lease* find(BatchId id) const;
  [[nodiscard]] Lease* find_request(const std::string& request_id);

  [[nodiscard]] AckResult ack(BatchId id, const AckSpec& spec, Partitions& partitions, TimePoint now);
  [[nodiscard]] LeaseResult extend(BatchId id, Duration lease, TimePoint now);
  /// @param delay  nothing: the pause that redeliveries have by themselves
  [[nodiscard]] LeaseResult release(BatchId id,
                                    std::optional<Duration> delay,
                                    Partitions& partitions,
                                    TimePoint now);
  /// An answer with the batch did not reach its application. When none has, it goes back at once, and the
  /// delivery does not count. To be called once per answer.
  void undo(BatchId id, Partitions& partitions, TimePoint now);

  /// Ends leases whose deadline has passed; their records are returned. Calls `f` for each, with the records
  /// that went back per partition.
  void expire(TimePoint now,
              Partitions& partitions,
              const std::function<void(const Lease&, const TopicPartition&, std::int64_t)>& f);
  /// The assignment of a partition with this number is over. Leases without any part left end.
  void forget(std::uint64_t incarnation, Partitions& partitions, TimePoint now);

  [[nodiscard]] std::size_t open_count() const { return deadlines_.size(); }
  /// Payload bytes of open leases, settled records included.
  [[nodiscard]] std::int64_t open_bytes() const { return open_bytes_; }
  /// Leases that ended since the last call, and expired ones that were acked completely after all.
  [[nodiscard]] std::vector<Ended> take_ended() { return std::exchange(ended_now_, {}); }
  [[nodiscard]] TimePoint next_deadline() const {
    return deadlines_.empty() ? kNever : deadlines_.begin()->first;
  }
  /// Records of the lease that are neither settled nor given back.
  [[nodiscard]] static std::int64_t unsettled(const Lease& lease, const Partitions& partitions);
  void for_each_open(const std::function<void(const Lease&)>& f) const;

 private:
  void end(Lease& lease, State state, TimePoint now);
  void forget_ended(TimePoint now);
  void end_when_done(Lease& lease, const Partitions& partitions, TimePoint now);
  using Terms = std::function<PartitionLedger::Return(const PartitionLedger::Entry&)>;
  std::int64_t give_back_all(Lease& lease, Partitions& partitions, const Terms& terms);

  Random random_;
  Redelivery redelivery_;
  std::function<BatchId()> id_source_;
  Options options_;
  LeaseNumber last_number_ = 0;
  std::map<BatchId, Lease> leases_;
  std::map<std::string, BatchId> requests_;                     ///< of open leases
  std::set<std::pair<TimePoint, BatchId>> deadlines_;           ///< of open leases
  std::set<std::pair<std::uint64_t, BatchId>> by_incarnation_;  ///< open leases by the partitions they hold
  std::deque<BatchId> ended_;                                   ///< in the order they ended
  std::size_t ended_runs_ = 0;
  std::int64_t open_bytes_ = 0;
  std::vector<Ended> ended_now_;
};

}  // namespace sluice::core
