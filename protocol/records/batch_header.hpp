#pragma once

#include "protocol/records/record.hpp"

#include <cstdint>

namespace sluice::protocol {

/// Header of one batch of a record set. For legacy message sets (magic 0 and 1) one batch is one outer
/// message.
///
/// A compressed legacy wrapper tells its last offset only: until decode_batch() has looked inside,
/// `base_offset` equals `last_offset` and `record_count` is 1.
struct BatchHeader {
  std::int64_t base_offset = 0;
  std::int64_t last_offset =
      0;  ///< base_offset + lastOffsetDelta: the position after this batch is last_offset + 1
  std::int32_t leader_epoch = -1;
  std::int8_t magic = 2;
  Codec codec =
      Codec::kNone;  ///< may hold the values 5 to 7, which no enumerator names: decode_batch() refuses them
  TimestampType timestamp_type = TimestampType::kCreateTime;
  std::int64_t base_timestamp = -1;
  std::int64_t max_timestamp = -1;
  std::int64_t producer_id = -1;
  bool transactional = false;
  bool control = false;
  std::int32_t record_count =
      0;  ///< less than the number of offsets after compaction; 0: only the position is left
};

}  // namespace sluice::protocol
