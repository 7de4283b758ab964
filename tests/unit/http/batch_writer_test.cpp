#include "daemon/http/batch_writer.hpp"

#include "daemon/http/json_check.hpp"
#include "daemon/http/json_text.hpp"
#include "tests/support/fake_service.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

using nlohmann::json;
using testing::BatchBuilder;
using testing::RecordBatchBuilder;

std::string write_all(const std::shared_ptr<const core::Batch>& batch, RecordFormat format = {}) {
  OutputBuffer out;
  BatchWriter writer(batch, format);
  EXPECT_TRUE(writer.write(out, SIZE_MAX));
  EXPECT_FALSE(writer.failed());
  return std::string(out.view());
}

json records_of(const std::shared_ptr<const core::Batch>& batch, RecordFormat format = {}) {
  return json::parse("[" + write_all(batch, format) + "]");
}

std::shared_ptr<core::Batch> one_record(std::optional<std::string_view> key,
                                        std::optional<std::string_view> value,
                                        const std::vector<testing::HeaderSpec>& headers = {}) {
  return BatchBuilder()
      .add({"orders", 3}, RecordBatchBuilder(100).add(1000, key, value, headers).build())
      .build();
}

std::string unbase64(const std::string& text) {
  static const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6U | static_cast<std::uint32_t>(alphabet.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> static_cast<unsigned>(count));
    }
  }
  return out;
}

// A generator of its own: the same bytes in every run and on every machine.
class Bytes {
 public:
  explicit Bytes(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return state_;
  }
  std::string any(std::size_t size) {
    std::string out;
    while (out.size() < size) out += static_cast<char>(next());
    return out;
  }
  /// Characters of one to four bytes, with many that need an escape.
  std::string text(std::size_t characters) {
    static const std::vector<std::string> alphabet{"a", "\"", "\\", "\n", "\x01", "\x1f", "\x7f",
                                                   "é", "€",  "😀", "z",  "/",    " ",    "\t"};
    std::string out;
    for (std::size_t i = 0; i < characters; ++i) out += alphabet[next() % alphabet.size()];
    return out;
  }

 private:
  std::uint64_t state_;
};

TEST(BatchWriter, WritesEveryMemberOfARecordInItsPlace) {
  const auto batch =
      BatchBuilder()
          .add({"orders", 3}, RecordBatchBuilder(100).add(1000, "k", "v", {{"h", "x"}}).build(), 2)
          .build();
  batch->slices[0].segments[0].is_final = true;
  EXPECT_EQ(
      write_all(batch),
      R"({"topic":"orders","partition":3,"offset":100,"timestamp":1000,"timestamp_type":"create","key":"k",)"
      R"("value":"v","headers":[{"name":"h","value":"x"}],"delivery":2,"final":true})");
}

TEST(BatchWriter, SeparatesRecordsOfAllSlicesAndSegmentsWithCommas) {
  const auto batch = BatchBuilder()
                         .add({"a", 0}, testing::simple_batch(5, 2) + testing::simple_batch(7, 1))
                         .add({"b", 1}, testing::simple_batch(50, 1))
                         .build();
  const json records = records_of(batch);
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0]["offset"], 5);
  EXPECT_EQ(records[2]["offset"], 7);
  EXPECT_EQ(records[3]["topic"], "b");
  EXPECT_EQ(records[3]["partition"], 1);
}

TEST(BatchWriter, WritesABatchThatCannotBeReadAsOneRecordWithAnError) {
  auto chunk = std::make_shared<core::RecordChunk>();
  chunk->kind = core::ChunkKind::kUndecodable;
  chunk->error = "the codec says: \"no\"";
  chunk->batch.owned = std::string("\x01\xff raw", 6);
  chunk->batch.payload = chunk->batch.owned;
  chunk->batch.header.base_offset = 100;
  chunk->batch.header.last_offset = 149;
  chunk->batch.header.base_timestamp = 1000;
  const auto batch = BatchBuilder().add({"orders", 3}, testing::simple_batch(90, 1)).build();
  core::Segment segment;
  segment.chunk = chunk;
  segment.records = 1;
  segment.first = 100;
  segment.last = 149;
  segment.delivery = 3;
  segment.is_final = true;
  batch->slices[0].segments.push_back(segment);
  const json records = records_of(batch, {.value = Encoding::kJson});
  ASSERT_EQ(records.size(), 2U);
  EXPECT_FALSE(records[0].contains("error"));
  EXPECT_EQ(records[0]["final"], false);
  const json& broken = records[1];
  EXPECT_EQ(broken["offset"], 100);
  EXPECT_EQ(broken["key"], nullptr);
  EXPECT_EQ(broken["value_encoding"], "base64");
  EXPECT_EQ(unbase64(broken["value"]), chunk->batch.owned);
  EXPECT_EQ(broken["delivery"], 3);
  EXPECT_EQ(broken["final"], true);
  EXPECT_EQ(broken["error"]["code"], core::to_string(core::ChunkKind::kUndecodable));
  EXPECT_EQ(broken["error"]["message"], chunk->error);
  EXPECT_EQ(broken["error"]["last_offset"], 149);
}

TEST(BatchWriter, TellsNullFromEmpty) {
  const json record = records_of(one_record(std::nullopt, "", {{"null", std::nullopt}, {"empty", ""}}))[0];
  EXPECT_TRUE(record["key"].is_null());
  EXPECT_EQ(record["value"], "");
  EXPECT_TRUE(record["headers"][0]["value"].is_null());
  EXPECT_EQ(record["headers"][1]["value"], "");
  EXPECT_FALSE(record.contains("key_encoding"));
  EXPECT_FALSE(record.contains("value_encoding"));
}

TEST(BatchWriter, KeepsOrderAndRepeatsOfHeaders) {
  const json headers = records_of(one_record("k", "v", {{"b", "1"}, {"a", "2"}, {"b", "3"}}))[0]["headers"];
  EXPECT_EQ(headers.dump(),
            R"([{"name":"b","value":"1"},{"name":"a","value":"2"},{"name":"b","value":"3"}])");
}

TEST(BatchWriter, MarksBytesThatAreNoTextAsBase64) {
  const json record = records_of(one_record("\xff", "\xc0\x80", {{"\xfe", "\x80"}}))[0];
  EXPECT_EQ(record["key"], "/w==");
  EXPECT_EQ(record["key_encoding"], "base64");
  EXPECT_EQ(record["value_encoding"], "base64");
  EXPECT_EQ(record["headers"][0]["encoding"], "base64");
  EXPECT_EQ(record["headers"][0]["name"], "/g==");
  EXPECT_EQ(record["headers"][0]["name_encoding"], "base64");
}

TEST(BatchWriter, GivesBase64WhenAskedEvenForText) {
  const json record =
      records_of(one_record("k", "hello", {{"h", "x"}}),
                 {.key = Encoding::kBase64, .value = Encoding::kBase64, .headers = Encoding::kBase64})[0];
  EXPECT_EQ(record["key"], "aw==");
  EXPECT_EQ(record["value"], "aGVsbG8=");
  EXPECT_EQ(record["value_encoding"], "base64");
  EXPECT_EQ(record["headers"][0]["value"], "eA==");
}

TEST(BatchWriter, EmbedsJsonAndMarksIt) {
  const json record =
      records_of(one_record("k", R"( {"a":[1,2.50,{"b":null}]} )"), {.value = Encoding::kJson})[0];
  EXPECT_EQ(record["value"]["a"][2]["b"], nullptr);
  EXPECT_EQ(record["value_encoding"], "json");
  EXPECT_FALSE(record.contains("key_encoding"));
}

TEST(BatchWriter, FallsFromJsonToStringToBase64) {
  const RecordFormat format{.key = Encoding::kJson, .value = Encoding::kJson};
  const json text = records_of(one_record("", "{not json"), format)[0];
  EXPECT_EQ(text["key"], "");
  EXPECT_EQ(text["value"], "{not json");
  EXPECT_FALSE(text.contains("value_encoding"));
  const json bytes = records_of(one_record("1", "\"\xff\""), format)[0];
  EXPECT_EQ(bytes["key"], 1);
  EXPECT_EQ(bytes["key_encoding"], "json");
  EXPECT_EQ(bytes["value_encoding"], "base64");
}

TEST(BatchWriter, WritesOneLinePerRecordWhateverTheJsonInside) {
  const auto batch =
      BatchBuilder()
          .add({"t", 0}, RecordBatchBuilder(0).add(1, "a\nb", "{\r\n \"x\":\n1}\n").add(1, "k", "\n").build())
          .build();
  const std::string lines = write_all(batch, {.value = Encoding::kJson, .lines = true});
  ASSERT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n')))["value"]["x"], 1);
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n')))["key"], "a\nb");
  EXPECT_EQ(lines.find('\r'), std::string::npos);
}

TEST(BatchWriter, SaysWhoseTimestampItIs) {
  const auto batch = BatchBuilder()
                         .add({"t", 0}, RecordBatchBuilder(0).log_append_time(7000).add(1, "k", "v").build())
                         .add({"t", 1}, RecordBatchBuilder(0).base_timestamp(-1).add(-1, "k", "v").build())
                         .build();
  const json records = records_of(batch);
  EXPECT_EQ(records[0]["timestamp"], 7000);
  EXPECT_EQ(records[0]["timestamp_type"], "log_append");
  EXPECT_TRUE(records[1]["timestamp"].is_null());
  EXPECT_EQ(records[1]["timestamp_type"], "create");
}

TEST(BatchWriter, WritesOnlyTheBytesOfASegment) {
  auto batch = BatchBuilder().add({"t", 0}, testing::simple_batch(10, 5)).build();
  core::Segment& segment = batch->slices[0].segments[0];
  protocol::RecordCursor cursor(segment.chunk->batch.header, segment.chunk->batch.payload);
  protocol::Record record;
  ASSERT_TRUE(cursor.next(record) && cursor.next(record));
  segment.begin = cursor.position();
  ASSERT_TRUE(cursor.next(record) && cursor.next(record));
  segment.end = cursor.position();
  segment.first = 12;
  segment.last = 13;
  const json records = records_of(batch);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["offset"], 12);
  EXPECT_EQ(records[1]["offset"], 13);
}

TEST(BatchWriter, SkipsRecordsWhoseOffsetsDoNotAscend) {
  auto bytes = RecordBatchBuilder(10);
  bytes.add_raw(testing::encode_record(0, 1, "k", "first"));
  bytes.add_raw(testing::encode_record(0, 1, "k", "again"));
  bytes.add_raw(testing::encode_record(0, 0, "k", "before"));
  bytes.add_raw(testing::encode_record(0, 3, "k", "last"));
  const json records = records_of(BatchBuilder().add({"t", 0}, bytes.build()).build());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["value"], "first");
  EXPECT_EQ(records[1]["value"], "last");
}

TEST(BatchWriter, FailsVisiblyOnBytesThatAreNoRecords) {
  auto batch = BatchBuilder().add({"t", 0}, testing::simple_batch(0, 2)).build();
  batch->slices[0].segments[0].begin = 1;
  OutputBuffer out;
  BatchWriter writer(batch, {});
  EXPECT_TRUE(writer.write(out, SIZE_MAX));
  EXPECT_TRUE(writer.failed());
}

TEST(BatchWriter, WritesTheSameInPiecesAsAtOnce) {
  Bytes bytes(3);
  RecordBatchBuilder builder(0);
  for (int i = 0; i < 50; ++i) builder.add(i, bytes.any(5), bytes.text(200));
  const auto batch =
      BatchBuilder().add({"t", 0}, builder.build()).add({"u", 0}, testing::simple_batch(0, 7)).build();
  for (const bool lines : {false, true}) {
    std::string joined;
    BatchWriter writer(batch, {.lines = lines});
    for (bool more = true; more;) {
      OutputBuffer out;
      more = !writer.write(out, 1000);
      joined += out.view();
    }
    EXPECT_EQ(joined, write_all(batch, {.lines = lines}));
  }
}

TEST(BatchWriter, BringsRandomBytesThroughUnchanged) {
  Bytes bytes(7);
  for (std::size_t round = 0; round < 300; ++round) {
    const bool text = round % 2 == 0;
    const std::size_t size = round < 150 ? round : bytes.next() % 20'000;
    const std::string key = bytes.any(round % 40);
    const std::string value = text ? bytes.text(size) : bytes.any(size);
    const json record = records_of(one_record(key, value, {{"h", key}}))[0];
    const auto original = [&record](const char* name, const char* encoding) {
      const auto written = record[name].get<std::string>();
      return record.contains(encoding) ? unbase64(written) : written;
    };
    ASSERT_EQ(original("key", "key_encoding"), key) << round;
    ASSERT_EQ(original("value", "value_encoding"), value) << round;
    if (text) ASSERT_FALSE(record.contains("value_encoding")) << round;
  }
}

TEST(JsonText, EscapesEachByteAsRfc8259Says) {
  for (unsigned byte = 0; byte < 0x80; ++byte) {
    for (const std::size_t before : {0U, 5U, 15U, 16U, 31U, 40U}) {
      const std::string text = std::string(before, 'a') + static_cast<char>(byte) + std::string(40, 'b');
      OutputBuffer out;
      ASSERT_TRUE(append_json_string(out, text));
      ASSERT_EQ(json::parse(out.view()).get<std::string>(), text) << byte << " after " << before;
      for (const char c : out.view()) ASSERT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

TEST(JsonText, RefusesWhatIsNotUtf8AndLeavesTheOutputAsItWas) {
  const std::vector<std::string> bad{"\x80",
                                     "\xbf",
                                     "\xc0\x80",
                                     "\xc1\xbf",
                                     "\xc3",
                                     "\xe0\x80\x80",
                                     "\xe0\x9f\xbf",
                                     "\xed\xa0\x80",
                                     "\xed\xbf\xbf",
                                     "\xe2\x82",
                                     "\xf0\x80\x80\x80",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xf0\x9f\x98",
                                     "\xfe",
                                     "\xff",
                                     "\xc3\x28"};
  for (const std::string& bytes : bad) {
    for (const std::size_t before : {0U, 15U, 33U, 5000U}) {
      OutputBuffer out;
      out.append("before");
      ASSERT_FALSE(append_json_string(out, std::string(before, 'a') + bytes + std::string(before % 7, 'z')));
      ASSERT_EQ(out.view(), "before");
    }
  }
}

TEST(JsonText, TakesTheEdgesOfUtf8) {
  const std::string text{
      "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"
      "\0",
      27};
  OutputBuffer out;
  ASSERT_TRUE(append_json_string(out, text));
  EXPECT_EQ(json::parse(out.view()).get<std::string>(), text);
}

TEST(JsonText, EncodesBase64OfEveryLength) {
  Bytes bytes(11);
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string data = bytes.any(size);
    const std::string text = base64(data);
    ASSERT_EQ(text.size(), (size + 2) / 3 * 4);
    ASSERT_EQ(unbase64(text), data) << size;
  }
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");  // RFC 4648 section 10
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("\xff\xef\xbe"), "/+++");
}

TEST(JsonCheck, KnowsJsonFromWhatLooksLikeIt) {
  for (const char* good :
       {"0", "-0", "1.5e+10", "12345678901234567890123", "true", " null ", "\"\"", R"("a\u00e9\n")", "[]",
        "{}", "[1,[2],{}]", R"({"a":1,"b":[true]})", "\t[\n]\r", R"("\ud83d\ude00")"}) {
    EXPECT_TRUE(is_json(good)) << good;
  }
  for (const char* bad :
       {"",         " ",         "01",        "-",           "1.",          ".5",   "1e",
        "+1",       "tru",       "nulll",     "'a'",         "[1,]",        "[,1]", "{,}",
        R"({"a"})", R"({"a":})", R"({a:1})",  "[1 2]",       "]",           "[",    "{",
        "\"",       R"("\x")",   R"("\u12")", R"("\ud83d")", R"("\ude00")", "1 2",  "[}",
        "{]",       "NaN",       "Infinity",  "\"a\nb\"",    R"({"a":1,})", "[1]]", "\xef\xbb\xbf[]",
        "\"\xff\""}) {
    EXPECT_FALSE(is_json(bad)) << bad;
  }
}

TEST(JsonCheck, HasALimitOfDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(is_json(nested(kEmbeddedJsonDepthMax)));
  EXPECT_FALSE(is_json(nested(kEmbeddedJsonDepthMax + 1)));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

TEST(JsonCheck, AgreesWithAParserAboutDamagedDocuments) {
  const std::string document =
      R"({"a":[1,-2.5e3,true,null,"x\"y\\z\u0041é"],"b":{"c":"a long text without escapes 0123456789"}})";
  Bytes bytes(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = document;
    const std::size_t at = bytes.next() % damaged.size();
    switch (bytes.next() % 3) {
      case 0:
        damaged.erase(at, 1 + bytes.next() % 3);
        break;
      case 1:
        damaged[at] = "{}[],:\"\\0e.- \x01\xff"[bytes.next() % 15];
        break;
      default:
        damaged.insert(at, 1, "{}[],:\"\\0e.- \x01\xff"[bytes.next() % 15]);
    }
    ASSERT_EQ(is_json(damaged), json::accept(damaged)) << damaged;
  }
}

}  // namespace
}  // namespace sluice::http
