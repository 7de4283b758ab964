#pragma once

#include "daemon/core/dead_letter/dead_letter.hpp"
#include "protocol/records/batch_encoder.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::core {

/// Who condemned, for the headers.
struct LetterOrigin {
  std::string group_id;
  std::string consumer;  ///< name of the consumer
};

/// A letter as the record to be written: key, value, timestamp and headers as they were, then headers that
/// tell where it came from, all beginning with "sluice.dead-letter.".
///
/// A raw letter, and one whose bytes turn out to be no record, becomes a record with the bytes as its value,
/// no key and no timestamp: whatever time broken bytes claim, a broker may refuse it. Borrows from the chunk
/// of the letter and from `origin`; stays where it is, for the record points into it.
class LetterRecord {
 public:
  LetterRecord(const DeadLetter& letter, const LetterOrigin& origin);
  LetterRecord(const LetterRecord&) = delete;
  LetterRecord& operator=(const LetterRecord&) = delete;

  [[nodiscard]] const protocol::NewRecord& record() const { return record_; }

 private:
  void add(std::string_view name, std::string_view value) { record_.headers.push_back({name, value}); }
  void add(std::string_view name, std::int64_t value);
  /// False when the bytes are no record.
  [[nodiscard]] bool read(const DeadLetter& letter);

  protocol::NewRecord record_;
  std::array<std::string, 6> numbers_;
  std::size_t numbers_used_ = 0;
};

}  // namespace sluice::core
