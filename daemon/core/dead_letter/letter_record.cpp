#include "daemon/core/dead_letter/letter_record.hpp"

#include "protocol/records/record_cursor.hpp"

#include <algorithm>

namespace sluice::core {

namespace {

/// The bytes of the letter; never outside of the payload.
std::optional<std::string_view> bytes_of(const DeadLetter& letter) {
  if (!letter.chunk) return std::nullopt;
  const std::string_view payload = letter.chunk->batch.payload;
  const std::size_t end = std::min(letter.end, payload.size());
  const std::size_t begin = std::min(letter.begin, end);
  return payload.substr(begin, end - begin);
}

}  // namespace

LetterRecord::LetterRecord(const DeadLetter& letter, const LetterOrigin& origin) {
  const bool raw = letter.raw || !read(letter);
  if (raw) record_ = {-1, std::nullopt, bytes_of(letter), {}};
  add("sluice.dead-letter.topic", letter.partition.topic);
  add("sluice.dead-letter.partition", letter.partition.partition);
  add("sluice.dead-letter.offset", letter.offsets.first);
  if (raw) add("sluice.dead-letter.last-offset", letter.offsets.last);
  if (record_.timestamp >= 0) add("sluice.dead-letter.timestamp", record_.timestamp);
  add("sluice.dead-letter.group", origin.group_id);
  add("sluice.dead-letter.consumer", origin.consumer);
  add("sluice.dead-letter.deliveries", letter.deliveries);
  add("sluice.dead-letter.cause", letter.cause);
  if (!letter.reason.empty()) add("sluice.dead-letter.reason", letter.reason);
}

void LetterRecord::add(std::string_view name, std::int64_t value) {
  std::string& text = numbers_.at(numbers_used_++);
  text = std::to_string(value);
  add(name, std::string_view(text));
}

bool LetterRecord::read(const DeadLetter& letter) {
  const auto bytes = bytes_of(letter);
  if (!bytes) return false;
  protocol::RecordCursor cursor(letter.chunk->batch.header, *bytes);
  protocol::Record record;
  if (!cursor.next(record)) return false;
  record_.timestamp = record.timestamp;
  record_.key = record.key;
  record_.value = record.value;
  record.headers.for_each(
      [this](const protocol::RecordHeader& header) { record_.headers.push_back(header); });
  return true;
}

}  // namespace sluice::core
