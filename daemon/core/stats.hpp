#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

/// Plain counters that the core keeps and the metrics read. Counters only grow.
namespace sluice::core {

/// Cumulative histogram with fixed upper bounds; the last bucket is +Inf.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

  void observe(double value) {
    std::size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i]) ++i;
    ++counts_[i];
    ++count_;
    sum_ += value;
  }

  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const {
    return counts_;
  }  ///< per bucket, not cumulative
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

inline constexpr std::array kSecondsBounds{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1., 2.5, 5., 10.};
inline constexpr std::array kAgeBounds{.01, .1, .5, 1., 5., 15., 60., 300., 900., 3600., 21600., 86400.};
inline constexpr std::array kBatchRecordsBounds{1., 10., 50., 100., 250., 500., 1000., 5000.};
inline constexpr std::array kBatchBytesBounds{1024.,    4096.,    16384.,    65536.,   262144.,
                                              1048576., 4194304., 16777216., 67108864.};

using CounterByLabel = std::map<std::string, std::uint64_t>;

struct TopicStats {
  std::uint64_t records_fetched = 0;     ///< data records decoded
  std::uint64_t bytes_fetched = 0;       ///< after decompression
  std::uint64_t wire_bytes_fetched = 0;  ///< before decompression
  std::uint64_t delivered_first = 0;
  std::uint64_t delivered_again = 0;
  std::uint64_t acked = 0;
  std::uint64_t released = 0;
  std::uint64_t lease_expirations = 0;  ///< records whose lease ran out
  std::uint64_t corrupt_batches = 0;    ///< wrong checksum or no batch at all: fetched again
  std::uint64_t undecodable_batches =
      0;  ///< right checksum, unreadable: handed out as one record with an error
  std::uint64_t oversized_batches = 0;  ///< decompresses to too much: the same
  std::uint64_t rejected = 0;           ///< records that an application rejected
  std::uint64_t exhausted = 0;          ///< records that had their last delivery
  std::uint64_t dead_lettered = 0;      ///< records that the dead letter topic has
  CounterByLabel skipped;               ///< offsets passed without delivery, by reason
};

struct ConsumerStats {
  std::map<std::string, TopicStats> topics;
  CounterByLabel stale_acks;  ///< expired, revoked, unknown
  CounterByLabel commits;     ///< ok, retriable, fenced, failed
  CounterByLabel polls;       ///< records, empty, busy, draining
  CounterByLabel heartbeats;  ///< ok or the Kafka error name
  CounterByLabel rebalances;  ///< joined, revoked, fenced, member_expired, coordinator_moved
  std::uint64_t partitions_lost = 0;
  Histogram commit_seconds{kSecondsBounds};
  Histogram rebalance_seconds{kAgeBounds};
  Histogram batch_records{kBatchRecordsBounds};
  Histogram batch_bytes{kBatchBytesBounds};
  Histogram record_age_delivered{kAgeBounds};  ///< seconds from the record's timestamp to delivery
  std::int64_t last_poll_wall_ms = 0;          ///< 0: never
  std::int64_t last_commit_wall_ms = 0;
  std::int64_t last_heartbeat_wall_ms = 0;
};

}  // namespace sluice::core
