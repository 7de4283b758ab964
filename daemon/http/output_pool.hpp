#pragma once

#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/http/output_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::http {

/// Buffers of answers with records. A few are kept, because fresh memory from the kernel costs as much as
/// filling it. What is in use and what is kept is charged to the memory budget.
class OutputPool {
 public:
  explicit OutputPool(core::MemoryBudget& budget) : budget_(budget) {}

  /// A buffer and its charge; give it back with release().
  struct Lent {
    OutputBuffer buffer;
    core::Charge charge;

    /// Corrects the charge after the buffer may have grown.
    void settle() { charge.resize(static_cast<std::int64_t>(buffer.capacity())); }
  };

  /// The bytes are charged before they are allocated.
  [[nodiscard]] Lent borrow(std::size_t capacity) {
    Lent lent;
    if (!kept_.empty()) {
      lent = std::move(kept_.back());
      kept_.pop_back();
    } else {
      lent.charge = budget_.take(0);
    }
    if (lent.buffer.capacity() < capacity) lent.charge.resize(static_cast<std::int64_t>(capacity));
    lent.buffer.clear();
    lent.buffer.reserve(capacity);
    lent.settle();
    return lent;
  }

  void release(Lent lent) {
    if (kept_.size() < kKeptMax && lent.buffer.capacity() <= kKeptCapacityMax)
      kept_.push_back(std::move(lent));
  }

 private:
  static constexpr std::size_t kKeptMax = 2;
  static constexpr std::size_t kKeptCapacityMax = 2UL << 20U;

  core::MemoryBudget& budget_;
  std::vector<Lent> kept_;
};

}  // namespace sluice::http
