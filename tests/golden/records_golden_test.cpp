#include "protocol/records/compression.hpp"
#include "protocol/records/record_set.hpp"
#include "tests/golden/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

/// Record sets written by Kafka's own classes, with what those classes read from them.
namespace sluice::golden {
namespace {

using nlohmann::json;
using protocol::BatchHeader;
using protocol::ControlType;
using protocol::DecodedBatch;
using protocol::Record;
using protocol::RecordCursor;
using protocol::RecordSetReader;

constexpr std::size_t kPlenty = std::size_t{1} << 24;

json base64(const std::optional<std::string_view>& bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!bytes) {
    return nullptr;
  }
  std::string out;
  for (std::size_t i = 0; i < bytes->size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes->size() ? static_cast<unsigned char>((*bytes)[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(i + j <= bytes->size() ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=');
    }
  }
  return out;
}

std::string timestamp_type(const BatchHeader& header) {
  if (header.magic == 0) {
    return "NoTimestampType";
  }
  return header.timestamp_type == protocol::TimestampType::kCreateTime ? "CreateTime" : "LogAppendTime";
}

json read_records(const DecodedBatch& batch) {
  auto out = json::array();
  RecordCursor cursor(batch.header, batch.payload);
  Record record;
  while (cursor.next(record)) {
    auto headers = json::array();
    record.headers.for_each([&](const protocol::RecordHeader& header) {
      headers.push_back(json::array({header.name, base64(header.value)}));
    });
    out.push_back({{"offset", record.offset},
                   {"timestamp", record.timestamp},
                   {"key", base64(record.key)},
                   {"value", base64(record.value)},
                   {"headers", headers}});
  }
  EXPECT_FALSE(cursor.failed());
  return out;
}

json describe(const DecodedBatch& batch, std::size_t size) {
  const auto& header = batch.header;
  return {{"sizeInBytes", size},
          {"magic", header.magic},
          {"baseOffset", header.base_offset},
          {"lastOffset", header.last_offset},
          {"leaderEpoch", header.leader_epoch},
          {"codec", protocol::codec_name(header.codec)},
          {"timestampType", timestamp_type(header)},
          {"maxTimestamp", header.max_timestamp},
          {"producerId", header.producer_id},
          {"transactional", header.transactional},
          {"control", header.control},
          {"records", read_records(batch)}};
}

ControlType control_type_of(const json& record) {
  const auto& name = record.at("controlType");
  return name == "ABORT"    ? ControlType::kAbort
         : name == "COMMIT" ? ControlType::kCommit
                            : ControlType::kOther;
}

/// What Java says about a batch, without what a consumer does not need.
json expectation(json batch) {
  for (const auto* field : {"producerEpoch", "baseSequence", "deleteHorizonMs"}) {
    batch.erase(field);
  }
  for (auto& record : batch.at("records")) {
    record.erase("controlType");
  }
  return batch;
}

TEST(GoldenRecords, AreReadAsJavaReadsThem) {
  std::set<std::string> codecs;
  std::set<int> magics;
  for (const auto& vector : read_objects("records.jsonl.gz")) {
    SCOPED_TRACE(vector.at("name").get<std::string>());
    const auto bytes = from_hex(vector.at("hex").get<std::string>());
    RecordSetReader reader(bytes);
    for (const auto& java : vector.at("batches")) {
      const auto raw = reader.next();
      ASSERT_TRUE(raw.has_value()) << raw.error().message;
      ASSERT_TRUE(raw->has_value());
      const auto decoded = protocol::decode_batch(**raw, kPlenty);
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      EXPECT_EQ(describe(*decoded, (*raw)->bytes.size()), expectation(java));
      if (decoded->header.control) {
        EXPECT_EQ(protocol::control_type(*decoded).value(), control_type_of(java.at("records").at(0)));
      }
      codecs.insert(protocol::codec_name(decoded->header.codec));
      magics.insert(decoded->header.magic);
    }
    EXPECT_FALSE(reader.next().value().has_value());
    EXPECT_EQ(reader.partial_tail(), 0U);
  }
  EXPECT_EQ(codecs.size(), 5U) << "a codec without a vector";
  EXPECT_EQ(magics.size(), 3U) << "a magic without a vector";
}

TEST(GoldenRecords, EndQuietlyWhereverTheyAreCut) {
  for (const auto& vector : read_objects("records.jsonl.gz")) {
    SCOPED_TRACE(vector.at("name").get<std::string>());
    const auto bytes = from_hex(vector.at("hex").get<std::string>());
    const auto step = std::max<std::size_t>(1, bytes.size() / 500);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      RecordSetReader reader(std::string_view(bytes).substr(0, size));
      auto batch = reader.next();
      for (; batch && *batch; batch = reader.next()) {
        EXPECT_TRUE(protocol::decode_batch(**batch, kPlenty).has_value());
      }
      EXPECT_TRUE(batch.has_value()) << size << " bytes: " << batch.error().message;
      EXPECT_EQ(reader.position() + reader.partial_tail(), size);
    }
  }
}

}  // namespace
}  // namespace sluice::golden
