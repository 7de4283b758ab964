#pragma once

#include "daemon/core/delivery/partition_ledger.hpp"
#include "daemon/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace sluice::core {

/// How many records and bytes a consumer may have leased at once: constant, or following the pace of the
/// application the way the window of TCP follows the pace of a network. Source: KIP-41.
///
/// Adaptive: the window grows while leases that were filled up to it come back within half of their time, and
/// halves when one does not, expires, or is released. One bad event counts per round: a lease from before the
/// last cut cannot cut again, but that an expiry may do so once more after a slow one. An ack also measures
/// the pace: growth stops, and a late ack sets the window down, where a share would take kTargetPart of its
/// lease. Bytes and records are bounded side by side; only the one that ended a batch grows.
class Window {
 public:
  enum class Mode : std::uint8_t { kFixed, kAdaptive };

  struct Options {
    Mode mode = Mode::kFixed;
    std::int64_t records_max = -1;  ///< >= 1, or -1: off; the ceiling of kAdaptive is then kRecordsCeiling
    std::int64_t bytes_max = -1;    ///< >= 1, or -1: off; the ceiling of kAdaptive is then the memory budget
    std::int64_t records_start = 100;      ///< kAdaptive
    std::int64_t bytes_start = 1LL << 20;  ///< kAdaptive
  };

  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kRecordsCeiling = 100'000;
  /// The part of its lease that a worker's share should take; a growing window comes no nearer to one half.
  static constexpr double kTargetPart = 0.4;

  /// What one worker may lease now.
  struct Allowance {
    std::int64_t records = 0;  ///< 0: the window is full; kUnlimited: no bound
    std::int64_t bytes = 0;    ///< never 0 when `records` is not; kUnlimited: no bound
    bool oversize = false;     ///< one record may go although it has more than `bytes`, so that it ever does
    std::size_t workers = 1;   ///< for on_leased

    [[nodiscard]] bool full() const { return records == 0; }
  };

  /// Which bound of the window ended a batch: neither the limits of the fetch nor a lack of records did.
  enum class EndedBy : std::uint8_t { kOther, kRecords, kBytes };

  /// A lease as it was given.
  struct Grant {
    std::int64_t records = 0;
    std::int64_t bytes = 0;
    std::size_t workers = 1;  ///< Allowance::workers
    EndedBy ended_by = EndedBy::kOther;
  };

  struct Counters {
    std::uint64_t grown = 0;     ///< acks that raised the window
    std::uint64_t slow = 0;      ///< cuts because half of a lease passed without its ack
    std::uint64_t expired = 0;   ///< cuts because a lease expired
    std::uint64_t released = 0;  ///< cuts because the application released a lease
    std::uint64_t measured = 0;  ///< late acks whose pace asked for a smaller window still
  };

  explicit Window(Options options);

  /// What may be leased besides what is leased already, to one of `workers` (open leases and waiting fetches)
  /// that share the window. While nothing is leased at all there is room for one record. kFixed has no
  /// shares: the first one may take all.
  [[nodiscard]] Allowance allowance(std::int64_t leased_records,
                                    std::int64_t leased_bytes,
                                    std::size_t workers) const;

  /// Numbers grow from lease to lease. What follows about a number that is not known changes nothing.
  void on_leased(LeaseNumber number, Grant grant, Duration lease, TimePoint now);
  /// The application is alive: half of `lease`, counted from now, has to pass before the lease is slow. The
  /// lease was not long enough, however, so it will not raise the window; and should its ack be late even so,
  /// the pace counts from its beginning and is compared with all the time it was given.
  void on_extended(LeaseNumber number, Duration lease, TimePoint now);
  /// The lease is settled completely; also when it had expired, as long as the ack was accepted.
  void on_acked(LeaseNumber number, TimePoint now);
  void on_expired(LeaseNumber number);
  /// The application gave the lease back.
  void on_released(LeaseNumber number);
  /// The lease ended through no act of the application: revoked, lost, never delivered. It is not judged.
  void on_dropped(LeaseNumber number) { forget(number); }

  /// When look() has to be called next; kNever with kFixed.
  [[nodiscard]] TimePoint next_deadline() const { return halves_.empty() ? kNever : halves_.begin()->first; }
  /// Finds leases half of whose time has passed.
  void look(TimePoint now);

  [[nodiscard]] Mode mode() const { return options_.mode; }
  /// The bounds in force; -1: none.
  [[nodiscard]] std::int64_t records() const { return records_; }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Lease {
    Grant grant;
    TimePoint granted_at{};
    TimePoint half_at{};  ///< later than this an ack is late
    Duration time{};      ///< from granting to the end
    bool extended = false;
    bool expired = false;
  };
  using Leases = std::map<LeaseNumber, Lease>;

  void grow(const Lease& lease, double scale);
  void shrink_to_pace(const Lease& lease, double scale);
  void halve();
  bool cut(LeaseNumber number, LeaseNumber& last);
  void note_slow(LeaseNumber number);
  void forget(LeaseNumber number);

  Options options_;
  std::int64_t records_;
  std::int64_t bytes_;
  Counters counters_;
  bool slow_start_ = true;
  Leases leases_;                                       ///< open ones, and expired ones whose ack may come
  std::set<std::pair<TimePoint, LeaseNumber>> halves_;  ///< open leases that are not slow yet
  std::deque<LeaseNumber> expired_;
  LeaseNumber newest_ = 0;
  LeaseNumber last_cut_ = 0;      ///< leases up to this one cannot cut again
  LeaseNumber last_expired_ = 0;  ///< neither can these by expiring
};

}  // namespace sluice::core
