#include "tests/support/record_batch_builder.hpp"
#include "tests/unit/protocol/records/read_records.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace sluice::protocol {
namespace {

using sluice::testing::HeaderSpec;
using sluice::testing::OwnedRecord;
using sluice::testing::RecordBatchBuilder;

class RandomBatches {
 public:
  explicit RandomBatches(std::uint32_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::optional<std::string> bytes(std::uint64_t limit) {
    if (below(5) == 0) {
      return std::nullopt;
    }
    std::string out(below(limit), '\0');
    for (auto& c : out) {
      c = static_cast<char>(random_() >> (below(2) * 4U));
    }
    return out;
  }

  /// A batch with any codec, and what is in it.
  std::pair<std::string, std::vector<OwnedRecord>> next() {
    const auto base_offset = static_cast<std::int64_t>(random_() >> (2 + below(60)));
    RecordBatchBuilder builder(base_offset);
    builder.codec(static_cast<Codec>(below(5))).leader_epoch(static_cast<std::int32_t>(below(100)));
    builder.snappy_framing(static_cast<sluice::testing::SnappyFraming>(below(2)));
    const bool log_append = below(4) == 0;
    if (log_append) {
      builder.log_append_time(4711);
    }
    std::vector<OwnedRecord> expected;
    auto offset = base_offset;
    for (auto count = below(30); count > 0; --count) {
      if (below(4) == 0) {
        const auto gap = static_cast<std::int64_t>(below(1000));
        builder.gap(gap);
        offset += gap;
      }
      OwnedRecord record{
          offset++, static_cast<std::int64_t>(random_() >> below(64)), bytes(40), bytes(400), {}};
      for (auto headers = below(8) == 0 ? below(20) : 0; headers > 0; --headers) {
        record.headers.emplace_back(bytes(10).value_or("name"), bytes(100));
      }
      builder.add(record.timestamp, record.key, record.value, record.headers);
      record.timestamp = log_append ? 4711 : record.timestamp;
      expected.push_back(std::move(record));
    }
    return {builder.gap(static_cast<std::int64_t>(below(3))).build(), std::move(expected)};
  }

 private:
  std::mt19937_64 random_;
};

TEST(RecordBatches, ComeBackAsTheyWereWritten) {
  RandomBatches batches(20240501);
  for (int i = 0; i < 2000; ++i) {
    const auto [bytes, expected] = batches.next();
    ASSERT_EQ(sluice::testing::read_records(bytes), expected) << "batch " << i;
  }
}

TEST(RecordBatches, WithRandomDamageNeverHurtTheReader) {
  RandomBatches batches(42);
  for (int i = 0; i < 5000; ++i) {
    auto bytes = batches.next().first;
    for (auto damages = 1 + batches.below(4); damages > 0; --damages) {
      bytes[batches.below(bytes.size())] = static_cast<char>(batches.below(256));
    }
    sluice::testing::read_all(bytes);
  }
}

// Damage that a hostile peer makes: the CRC is right.
TEST(RecordBatches, WithDamagedRecordsAndARightCrcNeverHurtTheReader) {
  RandomBatches batches(43);
  for (int i = 0; i < 5000; ++i) {
    const auto [good, records] = batches.next();
    auto payload = good.substr(61);
    if (payload.empty()) {
      continue;
    }
    for (auto damages = 1 + batches.below(3); damages > 0; --damages) {
      payload[batches.below(payload.size())] = static_cast<char>(batches.below(256));
    }
    RecordBatchBuilder builder(static_cast<std::int64_t>(batches.below(1000)));
    builder.attribute_bits(static_cast<unsigned char>(good[22]) & 7U);
    const auto count = static_cast<std::int32_t>(records.size());
    builder.record_count(count).last_offset_delta(20'000).payload(payload);
    sluice::testing::read_all(builder.build());
  }
}

}  // namespace
}  // namespace sluice::protocol
