#pragma once

#include "protocol/records/batch_layout.hpp"
#include "protocol/records/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {

/// A record to be written; everything is borrowed. Null and empty key or value are different things.
struct NewRecord {
  std::int64_t timestamp = -1;  ///< ms since the epoch; -1: none
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<RecordHeader> headers;
};

/// Who writes a batch, and as which in order (KIP-98). All -1: without idempotence.
struct ProducerStamp {
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;  ///< of the first record; the broker counts on by one per record
};

/// Bytes of a batch besides its records.
inline constexpr std::size_t kBatchOverhead = batch_layout::kRecords;

/// At most so many bytes does a record take in a batch, wherever it stands there.
[[nodiscard]] std::size_t record_size_bound(const NewRecord& record);

/// One uncompressed batch of create-time records, as a Produce request carries it: base offset 0, no leader
/// epoch. `records` must not be empty, and kBatchOverhead plus their bounds must stay below 2 GiB: callers
/// bound a batch far lower. Source: RecordBatch v2 (KIP-98).
[[nodiscard]] std::string encode_batch(const ProducerStamp& stamp, std::span<const NewRecord> records);

}  // namespace sluice::protocol
