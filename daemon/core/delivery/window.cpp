#include "daemon/core/delivery/window.hpp"

#include <algorithm>

namespace sluice::core {
namespace {

/// After an expiry the pace has probably fallen within the lease, so its mean flatters: a smaller part is
/// right.
constexpr double kTargetPartExpired = 0.15;
/// After the first cut, an eighth of a batch is added per ack: twenty batches for ten times the window.
constexpr std::int64_t kGentle = 8;
constexpr std::size_t kExpiredMax = 1'000;
constexpr std::int64_t kBytesCeiling = 1LL << 40;

std::int64_t share_of(std::int64_t window, std::size_t workers) {
  return std::max<std::int64_t>(1, window / static_cast<std::int64_t>(std::max<std::size_t>(1, workers)));
}

/// What the window has to be for each of the workers to have `used * scale`; at least 1.
std::int64_t window_for(std::int64_t used, double scale, std::size_t workers) {
  const double share = std::max(1.0, static_cast<double>(used) * scale);
  const double all = std::min(share, static_cast<double>(kBytesCeiling)) * static_cast<double>(workers);
  return static_cast<std::int64_t>(std::min(all, static_cast<double>(kBytesCeiling)));
}

}  // namespace

Window::Window(Options options)
    : options_(options), records_(options.records_max), bytes_(options.bytes_max) {
  if (options_.mode == Mode::kFixed) return;
  if (options_.records_max < 0) options_.records_max = kRecordsCeiling;
  if (options_.bytes_max < 0) options_.bytes_max = kBytesCeiling;
  records_ = std::clamp<std::int64_t>(options_.records_start, 1, options_.records_max);
  bytes_ = std::clamp<std::int64_t>(options_.bytes_start, 1, options_.bytes_max);
}

Window::Allowance Window::allowance(std::int64_t leased_records,
                                    std::int64_t leased_bytes,
                                    std::size_t workers) const {
  Allowance result;
  result.workers = std::max<std::size_t>(1, workers);
  const bool nothing_leased = leased_records <= 0;
  result.records = records_ < 0 ? kUnlimited : records_ - std::max<std::int64_t>(0, leased_records);
  result.bytes = bytes_ < 0 ? kUnlimited : bytes_ - std::max<std::int64_t>(0, leased_bytes);
  if (nothing_leased) {
    result.records = std::max<std::int64_t>(1, result.records);
    result.bytes = std::max<std::int64_t>(1, result.bytes);
  }
  if (result.records <= 0 || result.bytes <= 0) {
    result.records = 0;
    result.bytes = 0;
    return result;
  }
  result.oversize = nothing_leased;
  if (options_.mode == Mode::kAdaptive) {
    result.records = std::min(result.records, share_of(records_, result.workers));
    result.bytes = std::min(result.bytes, share_of(bytes_, result.workers));
    // A share may be smaller than a record. While there is room in the window, that must not stop a worker.
    result.oversize = true;
  }
  return result;
}

void Window::on_leased(LeaseNumber number, Grant grant, Duration lease, TimePoint now) {
  if (options_.mode == Mode::kFixed) return;
  newest_ = std::max(newest_, number);
  grant.workers = std::max<std::size_t>(1, grant.workers);
  const Lease made{grant, now, now + lease / 2, lease};
  if (leases_.try_emplace(number, made).second) halves_.emplace(made.half_at, number);
}

void Window::on_extended(LeaseNumber number, Duration lease, TimePoint now) {
  const auto found = leases_.find(number);
  if (found == leases_.end() || found->second.expired) return;
  Lease& held = found->second;
  halves_.erase({held.half_at, number});
  held.extended = true;
  held.half_at = now + lease / 2;
  held.time = now + lease - held.granted_at;
  halves_.emplace(held.half_at, number);
}

void Window::on_acked(LeaseNumber number, TimePoint now) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return;
  const Lease lease = found->second;
  const bool late = now >= lease.half_at;
  if (late && halves_.contains({lease.half_at, number})) note_slow(number);
  forget(number);
  const Duration took = std::max(Duration(1), now - lease.granted_at);
  const double part =
      static_cast<double>(took.count()) / static_cast<double>(std::max<Duration::rep>(1, lease.time.count()));
  if (late) {
    shrink_to_pace(lease, (lease.expired ? kTargetPartExpired : kTargetPart) / part);
  } else if (!lease.extended) {
    grow(lease, kTargetPart / part);
  }
}

void Window::on_expired(LeaseNumber number) {
  const auto found = leases_.find(number);
  if (found == leases_.end() || found->second.expired) return;
  found->second.expired = true;
  halves_.erase({found->second.half_at, number});
  if (cut(number, last_expired_)) ++counters_.expired;
  expired_.push_back(number);
  if (expired_.size() > kExpiredMax) {
    const LeaseNumber oldest = expired_.front();
    expired_.pop_front();
    const auto kept = leases_.find(oldest);
    if (kept != leases_.end() && kept->second.expired) leases_.erase(kept);
  }
}

void Window::on_released(LeaseNumber number) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return;
  if (cut(number, last_cut_)) ++counters_.released;
  forget(number);
}

void Window::look(TimePoint now) {
  while (!halves_.empty() && halves_.begin()->first <= now) {
    note_slow(halves_.begin()->second);
  }
}

void Window::note_slow(LeaseNumber number) {
  halves_.erase({leases_.at(number).half_at, number});
  if (cut(number, last_cut_)) ++counters_.slow;
}

/// Halves unless the lease is from before the cut that `last` remembers.
bool Window::cut(LeaseNumber number, LeaseNumber& last) {
  if (number <= last) return false;
  last = newest_;
  last_cut_ = newest_;
  slow_start_ = false;
  halve();
  return true;
}

void Window::halve() {
  records_ = std::max<std::int64_t>(1, records_ / 2);
  bytes_ = std::max<std::int64_t>(1, bytes_ / 2);
}

void Window::grow(const Lease& lease, double scale) {
  if (lease.grant.ended_by == EndedBy::kOther) return;
  const bool by_records = lease.grant.ended_by == EndedBy::kRecords;
  const std::int64_t used = by_records ? lease.grant.records : lease.grant.bytes;
  std::int64_t& window = by_records ? records_ : bytes_;
  const std::int64_t step = slow_start_ ? used : std::max<std::int64_t>(1, used / kGentle);
  const std::int64_t wanted =
      std::min({std::max(window, used) + step, window_for(used, scale, lease.grant.workers),
                by_records ? options_.records_max : options_.bytes_max});
  if (wanted <= window) return;
  window = wanted;
  ++counters_.grown;
}

void Window::shrink_to_pace(const Lease& lease, double scale) {
  const std::int64_t records =
      std::min(records_, window_for(lease.grant.records, scale, lease.grant.workers));
  const std::int64_t bytes = std::min(bytes_, window_for(lease.grant.bytes, scale, lease.grant.workers));
  if (records == records_ && bytes == bytes_) return;
  records_ = records;
  bytes_ = bytes;
  slow_start_ = false;
  ++counters_.measured;
}

void Window::forget(LeaseNumber number) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return;
  halves_.erase({found->second.half_at, number});
  leases_.erase(found);
}

}  // namespace sluice::core
