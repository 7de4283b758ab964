#pragma once

#include "daemon/core/time.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace sluice::core {

class MemoryBudget;

/// Bytes taken from the budget; given back when it dies. Movable, not copyable.
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept;
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge();

  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

  /// Corrects the charge to what was really used; growing may overdraw the budget.
  void resize(std::int64_t bytes);

 private:
  friend class MemoryBudget;
  Charge(MemoryBudget* budget, std::int64_t bytes) : budget_(budget), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// The one memory bound of the process: fetched, decompressed, leased and outgoing bytes of all consumers.
/// Bytes are charged before they are asked for. Must outlive every Charge. One thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  [[nodiscard]] std::int64_t limit() const { return limit_; }
  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] std::int64_t available() const { return used_ < limit_ ? limit_ - used_ : 0; }
  /// The most ever charged at once; above limit() by at most one oversized batch.
  [[nodiscard]] std::int64_t peak() const { return peak_; }

  /// A consumer whose application waits for records could not read for want of memory: others shall give up
  /// what nobody has asked them for.
  void note_shortage(TimePoint now) { short_until_ = now + kShortageLasts; }
  [[nodiscard]] bool is_short(TimePoint now) const { return now < short_until_; }

  [[nodiscard]] bool fits(std::int64_t bytes) const { return bytes <= available(); }

  /// Takes bytes whether they fit or not: the caller asked fits() first, or must make progress with one large
  /// record.
  [[nodiscard]] Charge take(std::int64_t bytes) {
    add(bytes);
    return {this, bytes};
  }

 private:
  friend class Charge;
  static constexpr std::chrono::seconds kShortageLasts{2};

  void add(std::int64_t bytes) {
    used_ += bytes;
    if (used_ > peak_) peak_ = used_;
  }

  std::int64_t limit_;
  std::int64_t used_ = 0;
  std::int64_t peak_ = 0;
  TimePoint short_until_ = TimePoint::min();
};

inline Charge& Charge::operator=(Charge&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

inline Charge::~Charge() { resize(0); }

inline void Charge::resize(std::int64_t bytes) {
  if (budget_ != nullptr) budget_->add(bytes - bytes_);
  bytes_ = bytes;
}

}  // namespace sluice::core
