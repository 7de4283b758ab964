#pragma once

#include "daemon/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace sluice::core {

/// Stands for a key. Two keys with one hash only wait for each other without need.
using KeyHash = std::uint64_t;

/// Nothing for a record without key: it has no order to keep.
[[nodiscard]] std::optional<KeyHash> hash_of_key(const std::optional<std::string_view>& key);

/// Keeps the records of one key of one partition one after the other (order mode `key`).
///
/// Knows every record that was looked at and is not settled, by offset; only the first of each key may be
/// out. A record without key is always a first one.
class KeyOrder {
 public:
  /// A record that is leased or passed over. Records of one key come in ascending order.
  void add(Offset offset, std::optional<KeyHash> key);
  /// Everything in `range` is settled.
  void settled(OffsetRange range);

  /// Nothing of this key is unsettled: its next record may go out.
  [[nodiscard]] bool is_free(KeyHash key) const { return !waiting_.contains(key); }
  /// The first unsettled record of each key, leased ones included, ascending.
  [[nodiscard]] const std::set<Offset>& heads() const { return heads_; }
  [[nodiscard]] std::optional<KeyHash> key_of(Offset offset) const;

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  /// Records that another one of their key holds back.
  [[nodiscard]] std::size_t held_back() const { return keys_.size() - heads_.size(); }

 private:
  void erase(Offset offset, std::optional<KeyHash> key);

  std::map<Offset, std::optional<KeyHash>> keys_;
  std::map<KeyHash, std::deque<Offset>> waiting_;  ///< never empty queues
  std::set<Offset> heads_;
};

}  // namespace sluice::core
