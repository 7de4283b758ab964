#include "daemon/core/dead_letter/letter_queue.hpp"

namespace sluice::core {

void LetterQueue::add(DeadLetter letter) {
  const LetterKey key = key_of(letter);
  Letters& letters = sources_[{key.partition, key.incarnation}];
  const auto [it, added] = letters.try_emplace(key.first);
  if (!added) return;
  it->second = {std::move(letter), ++arrivals_, false};
  ++size_;
}

void LetterQueue::forget(const TopicPartition& partition, std::uint64_t incarnation) {
  const auto it = sources_.find({partition, incarnation});
  if (it == sources_.end()) return;
  size_ -= it->second.size();
  sources_.erase(it);
}

void LetterQueue::withdraw(const LetterKey& key) {
  const Entry* entry = find(key);
  if (entry != nullptr && !entry->bound) (void)remove(key);
}

const LetterQueue::Entry* LetterQueue::find(const LetterKey& key) const {
  const auto source = sources_.find({key.partition, key.incarnation});
  if (source == sources_.end()) return nullptr;
  const auto it = source->second.find(key.first);
  return it == source->second.end() ? nullptr : &it->second;
}

void LetterQueue::bind(const LetterKey& key, bool bound) {
  const auto source = sources_.find({key.partition, key.incarnation});
  if (source == sources_.end()) return;
  const auto it = source->second.find(key.first);
  if (it != source->second.end()) it->second.bound = bound;
}

std::optional<DeadLetter> LetterQueue::remove(const LetterKey& key) {
  const auto source = sources_.find({key.partition, key.incarnation});
  if (source == sources_.end()) return std::nullopt;
  const auto it = source->second.find(key.first);
  if (it == source->second.end()) return std::nullopt;
  DeadLetter letter = std::move(it->second.letter);
  source->second.erase(it);
  if (source->second.empty()) sources_.erase(source);
  --size_;
  return letter;
}

bool LetterQueue::waiting(const TopicPartition& partition) const {
  const auto it = sources_.lower_bound({partition, 0});
  return it != sources_.end() && it->first.first == partition;
}

}  // namespace sluice::core
