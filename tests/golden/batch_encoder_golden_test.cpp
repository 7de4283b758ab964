#include "protocol/records/batch_encoder.hpp"
#include "protocol/records/batch_layout.hpp"
#include "protocol/records/record_set.hpp"
#include "tests/golden/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// Batches that Kafka's own classes wrote, written again by ours.
namespace sluice::golden {
namespace {

namespace layout = protocol::batch_layout;
using nlohmann::json;

constexpr std::size_t kPlenty = std::size_t{1} << 24;

/// What a producer could have written: nothing compressed, no markers, no gaps, its own time.
bool producer_writes(const json& batch) {
  return batch.at("magic") == 2 && batch.at("codec") == "none" && batch.at("timestampType") == "CreateTime" &&
         batch.at("transactional") == false && batch.at("control") == false &&
         !batch.contains("deleteHorizonMs") &&
         batch.at("lastOffset").get<std::int64_t>() - batch.at("baseOffset").get<std::int64_t>() + 1 ==
             static_cast<std::int64_t>(batch.at("records").size());
}

/// Offset and leader epoch are the broker's to fill in, and not under the checksum.
std::string as_produced(std::string_view bytes) {
  std::string out(bytes);
  out.replace(layout::kOffset, 8, std::string(8, '\0'));
  out.replace(layout::kLeaderEpoch, 4, std::string(4, '\xff'));
  return out;
}

std::string write_again(const protocol::DecodedBatch& batch, const json& java) {
  std::vector<protocol::NewRecord> records;
  protocol::RecordCursor cursor(batch.header, batch.payload);
  protocol::Record record;
  while (cursor.next(record)) {
    records.push_back({record.timestamp, record.key, record.value, {}});
    record.headers.for_each(
        [&](const protocol::RecordHeader& header) { records.back().headers.push_back(header); });
  }
  return protocol::encode_batch(
      {java.at("producerId").get<std::int64_t>(), java.at("producerEpoch").get<std::int16_t>(),
       java.at("baseSequence").get<std::int32_t>()},
      records);
}

TEST(GoldenBatches, AreWrittenAsJavaWritesThem) {
  int plain = 0;
  int idempotent = 0;
  for (const auto& vector : read_objects("records.jsonl.gz")) {
    SCOPED_TRACE(vector.at("name").get<std::string>());
    const auto bytes = from_hex(vector.at("hex").get<std::string>());
    protocol::RecordSetReader reader(bytes);
    for (const auto& java : vector.at("batches")) {
      const auto raw = reader.next();
      ASSERT_TRUE(raw.has_value() && raw->has_value());
      if (!producer_writes(java)) continue;
      const auto decoded = protocol::decode_batch(**raw, kPlenty);
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      EXPECT_EQ(to_hex(write_again(*decoded, java)), to_hex(as_produced((*raw)->bytes)));
      ++(java.at("producerId").get<std::int64_t>() < 0 ? plain : idempotent);
    }
  }
  EXPECT_GE(plain, 3) << "few, random and large";
  EXPECT_GE(idempotent, 1) << "no vector with a producer id";
}

}  // namespace
}  // namespace sluice::golden
