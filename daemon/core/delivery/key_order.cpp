#include "daemon/core/delivery/key_order.hpp"

#include "daemon/core/assert.hpp"

#include <algorithm>

namespace sluice::core {

std::optional<KeyHash> hash_of_key(const std::optional<std::string_view>& key) {
  if (!key) return std::nullopt;
  // FNV-1a: the same on every machine, so a seed replays the same way.
  constexpr std::uint64_t kOffsetBasis = 14695981039346656037ULL;
  constexpr std::uint64_t kPrime = 1099511628211ULL;
  std::uint64_t hash = kOffsetBasis;
  for (const char c : *key) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash;
}

void KeyOrder::add(Offset offset, std::optional<KeyHash> key) {
  if (!keys_.emplace(offset, key).second) return;
  if (!key) {
    heads_.insert(offset);
    return;
  }
  std::deque<Offset>& queue = waiting_[*key];
  SLUICE_ASSERT(queue.empty() || queue.back() < offset);
  queue.push_back(offset);
  if (queue.size() == 1) heads_.insert(offset);
}

void KeyOrder::settled(OffsetRange range) {
  auto it = keys_.lower_bound(range.first);
  while (it != keys_.end() && it->first <= range.last) {
    erase(it->first, it->second);
    it = keys_.erase(it);
  }
}

/// Mostly the head of its key; another one only when records vanish (retention) or an earlier owner settled
/// it.
void KeyOrder::erase(Offset offset, std::optional<KeyHash> key) {
  if (!key) {
    heads_.erase(offset);
    return;
  }
  const auto entry = waiting_.find(*key);
  std::deque<Offset>& queue = entry->second;
  const auto at = std::lower_bound(queue.begin(), queue.end(), offset);
  const bool head = at == queue.begin();
  queue.erase(at);
  if (head) {
    heads_.erase(offset);
    if (!queue.empty()) heads_.insert(queue.front());
  }
  if (queue.empty()) waiting_.erase(entry);
}

std::optional<KeyHash> KeyOrder::key_of(Offset offset) const {
  const auto it = keys_.find(offset);
  return it == keys_.end() ? std::nullopt : it->second;
}

}  // namespace sluice::core
