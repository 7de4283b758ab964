#pragma once

#include "daemon/core/commit/commit_metadata.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::core {

/// Cuts offsets into the tokens of the commit metadata (see commit_metadata.hpp). The encoder and the bound
/// of its length both run through it, and differ only in the sink, which has two functions:
///
///     literals(byte, count)                  so many blocks of the token that is open have this byte
///     token(fill, value, literal_count)      the open token is complete
///
/// Blocks of one value become a fill when there are at least kFillMin of them, and literals otherwise. With
/// that, a block that turns out to be of one value where the bound took it for a literal never makes the text
/// longer: what a new fill costs (its own first byte, and up to three more where the count of literals is
/// split) is at most the kFillMin literals that it replaces. This is why the bound is one.
template <typename Sink>
class MetadataBlocks {
 public:
  static constexpr std::int64_t kFillMin = 4;

  /// @param first  the offsets of its block that are below it count as not settled
  MetadataBlocks(Sink& sink, Offset first) : sink_(sink), used_(static_cast<int>(first % 8)) {}

  void add(std::int64_t count, Stretch::Kind kind) {
    if (used_ > 0) {
      const auto piece = std::min<std::int64_t>(count, 8 - used_);
      add_bits(static_cast<int>(piece), kind);
      count -= piece;
    }
    if (count >= 8) blocks(count / 8, kind);
    if (count % 8 > 0) add_bits(static_cast<int>(count % 8), kind);
  }

  /// The rest of the last block is not settled, and neither is anything above: it is left out.
  void finish() {
    if (used_ > 0) add_bits(8 - used_, Stretch::Kind::kUnsettled);
    if (pending_kind_ == Stretch::Kind::kSettled) flush();
    close();
  }

 private:
  void add_bits(int count, Stretch::Kind kind) {
    if (kind == Stretch::Kind::kUndecided) undecided_ = true;
    if (kind == Stretch::Kind::kSettled) bits_ |= ((1U << static_cast<unsigned>(count)) - 1U) << used_;
    used_ += count;
    if (used_ < 8) return;
    if (undecided_) {
      blocks(1, Stretch::Kind::kUndecided);
    } else if (bits_ == 0 || bits_ == 0xFF) {
      blocks(1, bits_ == 0 ? Stretch::Kind::kUnsettled : Stretch::Kind::kSettled);
    } else {
      flush();
      literals(static_cast<std::uint8_t>(bits_), 1);
    }
    used_ = 0;
    bits_ = 0;
    undecided_ = false;
  }

  void blocks(std::int64_t count, Stretch::Kind kind) {
    if (kind == Stretch::Kind::kUndecided) {
      flush();
      literals(0, count);
      return;
    }
    if (kind != pending_kind_) flush();
    pending_kind_ = kind;
    pending_ += count;
  }

  void flush() {
    const bool settled = pending_kind_ == Stretch::Kind::kSettled;
    if (pending_ >= kFillMin) {
      close();
      fill_ = pending_;
      value_ = settled;
    } else if (pending_ > 0) {
      literals(settled ? 0xFF : 0x00, pending_);
    }
    pending_ = 0;
  }

  void literals(std::uint8_t byte, std::int64_t count) {
    sink_.literals(byte, count);
    literal_count_ += count;
  }

  void close() {
    if (fill_ > 0 || literal_count_ > 0) sink_.token(fill_, value_, literal_count_);
    fill_ = 0;
    value_ = false;
    literal_count_ = 0;
  }

  Sink& sink_;
  // The block that is not full yet.
  int used_;
  unsigned bits_ = 0;
  bool undecided_ = false;
  // Blocks of one value, before it is known how many there are.
  std::int64_t pending_ = 0;
  Stretch::Kind pending_kind_ = Stretch::Kind::kUnsettled;
  // The open token.
  std::int64_t fill_ = 0;
  bool value_ = false;
  std::int64_t literal_count_ = 0;
};

}  // namespace sluice::core
