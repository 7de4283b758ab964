#include "protocol/records/batch_encoder.hpp"

#include "protocol/records/record_varint.hpp"
#include "protocol/wire/byte_writer.hpp"
#include "protocol/wire/crc32c.hpp"

#include <algorithm>

namespace sluice::protocol {

namespace {

using batch_layout::kAttributes;
using batch_layout::kCrc;
using batch_layout::kLength;
using batch_layout::kLengthEnd;

constexpr std::int8_t kMagic2 = 2;
constexpr std::int32_t kNoLeaderEpoch = -1;
constexpr std::size_t kLongestVarint = 5;
constexpr std::size_t kLongestVarlong = 10;
constexpr std::int64_t kNull = -1;

std::int64_t length_of(std::optional<std::string_view> bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : kNull;
}

std::size_t size_of(std::optional<std::string_view> bytes) {
  return record_varint::size(length_of(bytes)) + (bytes ? bytes->size() : 0);
}

void append_bytes(std::string& out, std::optional<std::string_view> bytes) {
  record_varint::append(out, length_of(bytes));
  if (bytes) out.append(*bytes);
}

/// Key, value and headers: what is the same wherever the record stands.
std::size_t size_of_contents(const NewRecord& record) {
  std::size_t bytes = size_of(record.key) + size_of(record.value) +
                      record_varint::size(static_cast<std::int64_t>(record.headers.size()));
  for (const RecordHeader& header : record.headers) bytes += size_of(header.name) + size_of(header.value);
  return bytes;
}

void append_record(std::string& out, const NewRecord& record, std::int64_t time_delta, std::int64_t offset) {
  constexpr std::size_t kNoAttributes = 1;
  const std::size_t body = kNoAttributes + record_varint::size(time_delta) + record_varint::size(offset) +
                           size_of_contents(record);
  record_varint::append(out, static_cast<std::int64_t>(body));
  out.push_back('\0');
  record_varint::append(out, time_delta);
  record_varint::append(out, offset);
  append_bytes(out, record.key);
  append_bytes(out, record.value);
  record_varint::append(out, static_cast<std::int64_t>(record.headers.size()));
  for (const RecordHeader& header : record.headers) {
    append_bytes(out, header.name);
    append_bytes(out, header.value);
  }
}

}  // namespace

std::size_t record_size_bound(const NewRecord& record) {
  return kLongestVarint + 1 + kLongestVarlong + kLongestVarint + size_of_contents(record);
}

std::string encode_batch(const ProducerStamp& stamp, std::span<const NewRecord> records) {
  const std::int64_t base_timestamp = records.front().timestamp;
  std::int64_t max_timestamp = -1;
  std::size_t bound = kBatchOverhead;
  for (const NewRecord& record : records) {
    max_timestamp = std::max(max_timestamp, record.timestamp);
    bound += record_size_bound(record);
  }
  const auto count = static_cast<std::int32_t>(records.size());

  std::string out;
  out.reserve(bound);
  ByteWriter writer(out);
  writer.write_int64(0);  // base offset: the broker's to give
  writer.write_int32(0);  // length, see below
  writer.write_int32(kNoLeaderEpoch);
  writer.write_int8(kMagic2);
  writer.write_int32(0);  // CRC, see below
  writer.write_int16(0);  // no codec, create time, no transaction
  writer.write_int32(count - 1);
  writer.write_int64(base_timestamp);
  writer.write_int64(max_timestamp);
  writer.write_int64(stamp.producer_id);
  writer.write_int16(stamp.producer_epoch);
  writer.write_int32(stamp.base_sequence);
  writer.write_int32(count);
  std::int64_t offset = 0;
  for (const NewRecord& record : records) {
    // Timestamps come from others and may be anything: the difference wraps, as readers expect.
    const auto time_delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(record.timestamp) -
                                                      static_cast<std::uint64_t>(base_timestamp));
    append_record(out, record, time_delta, offset++);
  }
  writer.patch(kLength, static_cast<std::int32_t>(out.size() - kLengthEnd));
  writer.patch(kCrc, crc32c(std::string_view(out).substr(kAttributes)));
  return out;
}

}  // namespace sluice::protocol
