#pragma once

#include "protocol/records/record.hpp"
#include "protocol/records/record_set.hpp"
#include "protocol/records/record_varint.hpp"
#include "protocol/wire/crc32c.hpp"
#include "tests/support/test_compressors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

/// Appends a number in network byte order.
template <class T>
void append_big_endian(std::string& out, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

/// A header as a test writes it: {"name", "value"} or {"name", std::nullopt}.
using HeaderSpec = std::pair<std::string, std::optional<std::string>>;

/// One record in the v2 layout, its length in front.
inline std::string encode_record(std::int64_t timestamp_delta,
                                 std::int64_t offset_delta,
                                 std::optional<std::string_view> key,
                                 std::optional<std::string_view> value,
                                 const std::vector<HeaderSpec>& headers = {}) {
  namespace rv = protocol::record_varint;
  const auto append_bytes = [](std::string& out, std::optional<std::string_view> bytes) {
    rv::append(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
    out += bytes.value_or("");
  };
  std::string body(1, '\0');  // attributes
  rv::append(body, timestamp_delta);
  rv::append(body, offset_delta);
  append_bytes(body, key);
  append_bytes(body, value);
  rv::append(body, static_cast<std::int64_t>(headers.size()));
  for (const auto& [name, header_value] : headers) {
    append_bytes(body, name);
    append_bytes(body, header_value);
  }
  std::string out;
  rv::append(out, static_cast<std::int64_t>(body.size()));
  return out + body;
}

/// Builds one v2 record batch, byte for byte as a broker stores it; every field can be made to lie.
///
///   RecordBatchBuilder(100).codec(Codec::kZstd).leader_epoch(3).add(1000, "k", "v").gap(2).add(1001, {},
///   "v2").build()
///
/// gives the offsets 100 and 103. A gap at the end leaves the batch with a tail, as compaction does.
class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(std::int64_t base_offset = 0) : base_offset_(base_offset) {}

  RecordBatchBuilder& codec(protocol::Codec codec) {
    attributes_ = (attributes_ & ~7U) | static_cast<unsigned>(codec);
    return *this;
  }
  RecordBatchBuilder& leader_epoch(std::int32_t epoch) { return set(leader_epoch_, epoch); }
  /// Log-append time: the broker stamps the batch and the deltas of the records mean nothing.
  RecordBatchBuilder& log_append_time(std::int64_t timestamp) {
    attributes_ |= 8U;
    max_timestamp_ = timestamp;
    return *this;
  }
  /// An idempotent producer.
  RecordBatchBuilder& producer(std::int64_t id, std::int16_t epoch = 0, std::int32_t base_sequence = 0) {
    producer_id_ = id;
    producer_epoch_ = epoch;
    base_sequence_ = base_sequence;
    return *this;
  }
  RecordBatchBuilder& transactional(std::int64_t producer_id, std::int16_t epoch = 0) {
    attributes_ |= 16U;
    return producer(producer_id, epoch);
  }
  RecordBatchBuilder& control() {
    attributes_ |= 32U;
    return *this;
  }
  /// Further attribute bits, e.g. 64 for the delete horizon or a codec nobody knows.
  RecordBatchBuilder& attribute_bits(unsigned bits) {
    attributes_ |= bits;
    return *this;
  }
  RecordBatchBuilder& base_timestamp(std::int64_t timestamp) { return set(base_timestamp_, timestamp); }
  RecordBatchBuilder& snappy_framing(SnappyFraming framing) { return set(snappy_framing_, framing); }

  /// The next record; its offset is one above the previous record or gap.
  RecordBatchBuilder& add(std::int64_t timestamp,
                          std::optional<std::string_view> key,
                          std::optional<std::string_view> value,
                          const std::vector<HeaderSpec>& headers = {}) {
    if (!base_timestamp_) {
      base_timestamp_ = timestamp;
    }
    largest_timestamp_ = std::max(largest_timestamp_, timestamp);
    const auto delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp) -
                                                 static_cast<std::uint64_t>(*base_timestamp_));
    records_ += encode_record(delta, next_delta_++, key, value, headers);
    ++count_;
    return *this;
  }
  /// Leaves out `offsets` offsets, as compaction does.
  RecordBatchBuilder& gap(std::int64_t offsets) {
    next_delta_ += offsets;
    return *this;
  }
  /// Bytes in place of a record: add_raw(encode_record(...)) or garbage. Counts as one record and one offset.
  RecordBatchBuilder& add_raw(std::string_view bytes) {
    records_ += bytes;
    ++next_delta_;
    ++count_;
    return *this;
  }

  /// Fields that lie.
  RecordBatchBuilder& record_count(std::int32_t count) { return set(claimed_count_, count); }
  RecordBatchBuilder& last_offset_delta(std::int32_t delta) { return set(claimed_last_delta_, delta); }
  RecordBatchBuilder& batch_length(std::int32_t length) { return set(claimed_length_, length); }
  RecordBatchBuilder& magic(std::int8_t magic) { return set(magic_, magic); }
  RecordBatchBuilder& wrong_crc() { return set(crc_damage_, 1U); }
  /// Bytes in place of the compressed records, e.g. a decompression bomb.
  RecordBatchBuilder& payload(std::string bytes) { return set(payload_, std::move(bytes)); }

  /// The records back to back, not compressed.
  [[nodiscard]] const std::string& records() const { return records_; }

  [[nodiscard]] std::string build() const {
    const auto codec = static_cast<protocol::Codec>(attributes_ & 7U);
    const auto last_delta = static_cast<std::int32_t>(std::max<std::int64_t>(next_delta_ - 1, 0));
    std::string checked;  // what the CRC covers
    append_big_endian(checked, static_cast<std::uint16_t>(attributes_));
    append_big_endian(checked, claimed_last_delta_.value_or(last_delta));
    append_big_endian(checked, base_timestamp_.value_or(-1));
    append_big_endian(checked, max_timestamp_.value_or(largest_timestamp_));
    append_big_endian(checked, producer_id_);
    append_big_endian(checked, producer_epoch_);
    append_big_endian(checked, base_sequence_);
    append_big_endian(checked, claimed_count_.value_or(count_));
    checked += payload_ ? *payload_ : compress(codec, records_, snappy_framing_);

    std::string batch;
    append_big_endian(batch, base_offset_);
    append_big_endian(batch, claimed_length_.value_or(static_cast<std::int32_t>(checked.size() + 9)));
    append_big_endian(batch, leader_epoch_);
    append_big_endian(batch, magic_);
    append_big_endian(batch, protocol::crc32c(checked) ^ crc_damage_);
    return batch + checked;
  }

 private:
  template <class Field, class Value>
  RecordBatchBuilder& set(Field& field, Value&& value) {
    field = std::forward<Value>(value);
    return *this;
  }

  std::int64_t base_offset_;
  std::int32_t leader_epoch_ = 0;
  std::int8_t magic_ = 2;
  unsigned attributes_ = 0;
  std::optional<std::int64_t> base_timestamp_;
  std::optional<std::int64_t> max_timestamp_;
  std::int64_t largest_timestamp_ = -1;
  std::int64_t producer_id_ = -1;
  std::int16_t producer_epoch_ = -1;
  std::int32_t base_sequence_ = -1;
  std::int64_t next_delta_ = 0;
  std::int32_t count_ = 0;
  std::string records_;
  SnappyFraming snappy_framing_ = SnappyFraming::kXerial;
  std::optional<std::int32_t> claimed_count_;
  std::optional<std::int32_t> claimed_last_delta_;
  std::optional<std::int32_t> claimed_length_;
  std::uint32_t crc_damage_ = 0;
  std::optional<std::string> payload_;
};

/// The batch that a broker writes at the end of a transaction (KIP-98): one record at `offset`.
inline std::string control_batch(std::int64_t offset,
                                 protocol::ControlType type,
                                 std::int64_t producer_id,
                                 std::int32_t leader_epoch = 0,
                                 std::int64_t timestamp = 1000,
                                 std::int32_t coordinator_epoch = 0) {
  std::string key;
  append_big_endian(key, std::int16_t{0});
  append_big_endian(key, static_cast<std::int16_t>(type));
  std::string value;
  append_big_endian(value, std::int16_t{0});
  append_big_endian(value, coordinator_epoch);
  return RecordBatchBuilder(offset)
      .transactional(producer_id)
      .producer(producer_id, 0, -1)
      .control()
      .leader_epoch(leader_epoch)
      .add(timestamp, key, value)
      .build();
}

/// A batch that compaction emptied: it only carries the position from `base_offset` to `last_offset`.
inline std::string empty_batch(std::int64_t base_offset,
                               std::int64_t last_offset,
                               std::int32_t leader_epoch = 0) {
  return RecordBatchBuilder(base_offset)
      .leader_epoch(leader_epoch)
      .last_offset_delta(static_cast<std::int32_t>(last_offset - base_offset))
      .build();
}

/// `count` records "k<offset>" = "v<offset>" with consecutive offsets, one millisecond apart.
inline std::string simple_batch(std::int64_t base_offset, int count, std::int32_t leader_epoch = 0) {
  RecordBatchBuilder builder(base_offset);
  builder.leader_epoch(leader_epoch);
  for (std::int64_t offset = base_offset; offset < base_offset + count; ++offset) {
    const auto number = std::to_string(offset);
    builder.add(1000 + offset, "k" + number, "v" + number);
  }
  return builder.build();
}

/// The first `bytes` bytes: a partial tail, as a broker leaves at the byte limit of a fetch.
inline std::string cut(std::string batch, std::size_t bytes) {
  batch.resize(std::min(bytes, batch.size()));
  return batch;
}

/// How a legacy message (magic 0 or 1) is to look.
struct LegacyMessage {
  std::int8_t magic = 1;
  std::int64_t offset = 0;
  std::int8_t attributes = 0;
  std::int64_t timestamp = -1;  ///< only magic 1 has one
  std::optional<std::string> key = std::nullopt;
  std::optional<std::string> value = std::nullopt;
};

/// One message of the legacy formats; compressed wrappers are made with value = compress(codec, inner
/// messages).
inline std::string legacy_message(const LegacyMessage& message) {
  const auto append_bytes = [](std::string& out, const std::optional<std::string>& bytes) {
    append_big_endian(out, bytes ? static_cast<std::int32_t>(bytes->size()) : -1);
    out += bytes.value_or("");
  };
  std::string checked;
  append_big_endian(checked, message.magic);
  append_big_endian(checked, message.attributes);
  if (message.magic == 1) {
    append_big_endian(checked, message.timestamp);
  }
  append_bytes(checked, message.key);
  append_bytes(checked, message.value);
  std::string out;
  append_big_endian(out, message.offset);
  append_big_endian(out, static_cast<std::int32_t>(checked.size() + 4));
  append_big_endian(out, zlib_crc32(checked));
  return out + checked;
}

}  // namespace sluice::testing
