#pragma once

#include "protocol/records/record_set.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

inline constexpr std::size_t kPlenty = std::size_t{1} << 20;

/// A record with its own memory, to compare whole batches.
struct OwnedRecord {
  std::int64_t offset = 0;
  std::int64_t timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<HeaderSpec> headers;

  bool operator==(const OwnedRecord&) const = default;
};

inline OwnedRecord own(const protocol::Record& record) {
  const auto copy = [](const std::optional<std::string_view>& bytes) {
    return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
  };
  OwnedRecord out{record.offset, record.timestamp, copy(record.key), copy(record.value), {}};
  record.headers.for_each([&](const protocol::RecordHeader& header) {
    out.headers.emplace_back(std::string(header.name), copy(header.value));
  });
  EXPECT_EQ(out.headers.size(), record.headers.count());
  return out;
}

/// All records of a decoded batch; fails the test when the cursor does.
inline std::vector<OwnedRecord> walk(const protocol::DecodedBatch& batch) {
  std::vector<OwnedRecord> out;
  protocol::RecordCursor cursor(batch.header, batch.payload);
  protocol::Record record;
  while (cursor.next(record)) {
    out.push_back(own(record));
  }
  EXPECT_FALSE(cursor.failed()) << "after " << out.size() << " records";
  return out;
}

/// The only batch of `bytes`, which must be one.
inline protocol::RawBatch only_batch(std::string_view bytes) {
  protocol::RecordSetReader reader(bytes);
  const auto batch = reader.next();
  EXPECT_TRUE(batch.has_value()) << (batch ? "" : batch.error().message);
  EXPECT_TRUE(batch && batch->has_value()) << "partial";
  EXPECT_EQ(reader.partial_tail(), 0U);
  return batch && *batch ? **batch : protocol::RawBatch{};
}

/// Reads and decodes one batch; the result borrows from `bytes`.
inline protocol::Result<protocol::DecodedBatch> decode(std::string_view bytes,
                                                       std::size_t max_bytes = kPlenty) {
  protocol::RecordSetReader reader(bytes);
  const auto batch = reader.next();
  if (!batch) {
    return tl::unexpected(batch.error());
  }
  if (!*batch) {
    return protocol::fail(protocol::ErrorKind::kTruncated, "partial batch");
  }
  return protocol::decode_batch(**batch, max_bytes);
}

/// The records of a batch that must be good.
inline std::vector<OwnedRecord> read_records(std::string_view bytes) {
  const auto decoded = decode(bytes);
  if (!decoded) {
    ADD_FAILURE() << decoded.error().message;
    return {};
  }
  return walk(*decoded);
}

/// Reads everything that can be read of `bytes`, good or bad. Returns the number of records; there is nothing
/// to promise but that it ends and stays inside its memory.
inline std::size_t read_all(std::string_view bytes) {
  std::size_t records = 0;
  protocol::RecordSetReader reader(bytes);
  for (;;) {
    const auto batch = reader.next();
    if (!batch || !*batch) {
      return records;
    }
    const auto decoded = protocol::decode_batch(**batch, kPlenty);
    if (!decoded) {
      continue;
    }
    protocol::RecordCursor cursor(decoded->header, decoded->payload);
    protocol::Record record;
    while (cursor.next(record)) {
      EXPECT_EQ(own(record).headers.size(), record.headers.count());
      ++records;
    }
    if (decoded->header.control) {
      (void)protocol::control_type(*decoded);
    }
  }
}

}  // namespace sluice::testing
