#pragma once

#include "protocol/error.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>

namespace sluice::protocol {

/// The output side of a streaming decompressor: a string that grows as bytes come, up to a hard limit.
///
/// It may grow to one byte above the limit: that byte tells "more than the limit" from "exactly the limit".
class LimitedOutput {
 public:
  /// @param guess  expected size; trusted only as far as the input could justify it, so that a lie costs
  /// little
  LimitedOutput(std::string& out, std::size_t max_bytes, std::size_t guess)
      : out_(out), max_bytes_(std::min(max_bytes, std::numeric_limits<std::size_t>::max() / 4)) {
    // On the heap even when tiny: then its address survives a move, and views of it too.
    out_.reserve(kSmallest);
    // The old content is kept as long as it is overwritten: clearing it would mean writing zeros over it
    // first.
    resize(std::max(guess, out_.size()));
  }

  /// Free bytes at the end, at least one: grows when there are none.
  [[nodiscard]] std::size_t make_room() {
    if (used_ == out_.size()) {
      resize(out_.size() * 2);
    }
    return out_.size() - used_;
  }

  [[nodiscard]] char* end() { return out_.data() + used_; }

  /// Takes over bytes written at end(). False when the limit is exceeded.
  [[nodiscard]] bool add(std::size_t bytes) {
    used_ += bytes;
    return used_ <= max_bytes_;
  }

  /// Cuts the string to what was written.
  void finish() { out_.resize(used_); }

 private:
  static constexpr std::size_t kSmallest = 256;

  void resize(std::size_t size) { out_.resize(std::min(std::max(size, kSmallest), max_bytes_ + 1)); }

  std::string& out_;
  std::size_t max_bytes_;
  std::size_t used_ = 0;
};

/// The error of a decompressor whose output went above the limit.
[[nodiscard]] inline tl::unexpected<Error> too_large(std::size_t max_bytes) {
  return fail(ErrorKind::kTooLarge, "decompresses to more than " + std::to_string(max_bytes) + " bytes");
}

}  // namespace sluice::protocol
