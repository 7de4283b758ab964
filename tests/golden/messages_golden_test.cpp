#include "tests/golden/message_codecs.hpp"
#include "tests/golden/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace sluice::golden {
namespace {

using nlohmann::json;

constexpr int kVectorsPerSpokenVersion = 8;

struct Vector {
  std::int16_t version;
  std::int16_t header_version;
  std::string bytes;
  json fields;

  [[nodiscard]] std::string label() const {
    return "version " + std::to_string(version) + ", bytes " + to_hex(bytes);
  }
};

/// By name of the message.
const std::map<std::string, std::vector<Vector>>& vectors() {
  static const auto loaded = [] {
    std::map<std::string, std::vector<Vector>> all;
    for (const json& line : read_objects("messages.jsonl.gz")) {
      all[line.at("message").get<std::string>()].push_back(
          {line.at("version").get<std::int16_t>(), line.at("headerVersion").get<std::int16_t>(),
           from_hex(line.at("hex").get<std::string>()), line.at("json")});
    }
    return all;
  }();
  return loaded;
}

class MessageOfKafka : public testing::TestWithParam<MessageCodecs> {};

TEST_P(MessageOfKafka, IsReadAsJavaReadsIt) {
  for (const Vector& vector : vectors().at(GetParam().name)) {
    SCOPED_TRACE(vector.label());
    const auto result = GetParam().round_trip(vector.bytes, vector.version);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(json::parse(result->json), vector.fields);
  }
}

TEST_P(MessageOfKafka, IsWrittenAsJavaWritesIt) {
  for (const Vector& vector : vectors().at(GetParam().name)) {
    SCOPED_TRACE(vector.label());
    const auto result = GetParam().round_trip(vector.bytes, vector.version);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    ASSERT_TRUE(result->bytes.has_value()) << result->bytes.error().message;
    EXPECT_EQ(to_hex(*result->bytes), to_hex(vector.bytes));
  }
}

TEST_P(MessageOfKafka, IsRefusedWhereverItIsCutOff) {
  for (const Vector& vector : vectors().at(GetParam().name)) {
    SCOPED_TRACE(vector.label());
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      const auto result = GetParam().round_trip(vector.bytes.substr(0, size), vector.version);
      ASSERT_FALSE(result.has_value()) << "accepted " << size << " bytes of it";
      EXPECT_EQ(result.error().kind, protocol::ErrorKind::kTruncated) << result.error().message;
      EXPECT_THAT(result.error().message, testing::StartsWith(GetParam().name));
    }
  }
}

TEST_P(MessageOfKafka, IsRefusedWithATail) {
  for (const Vector& vector : vectors().at(GetParam().name)) {
    SCOPED_TRACE(vector.label());
    EXPECT_FALSE(GetParam().round_trip(vector.bytes + '\0', vector.version).has_value());
  }
}

// Whatever a damaged message is read as, it can be written again: the decoder lets nothing through that the
// encoder has no bytes for.
TEST_P(MessageOfKafka, IsReadOrRefusedWhenDamaged) {
  std::minstd_rand random(20240607);
  for (const Vector& vector : vectors().at(GetParam().name)) {
    if (vector.bytes.empty()) continue;
    SCOPED_TRACE(vector.label());
    for (int round = 0; round < 20; ++round) {
      std::string damaged = vector.bytes;
      damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
      const auto result = GetParam().round_trip(damaged, vector.version);
      if (result)
        EXPECT_TRUE(result->bytes.has_value()) << to_hex(damaged) << ": " << result->bytes.error().message;
    }
  }
}

TEST_P(MessageOfKafka, HasTheHeaderThatKafkaGivesIt) {
  for (const Vector& vector : vectors().at(GetParam().name)) {
    EXPECT_EQ(GetParam().header_version(vector.version), vector.header_version) << vector.label();
  }
}

TEST_P(MessageOfKafka, HasEnoughVectorsOfEveryVersionThatWeSpeak) {
  const auto& all = vectors().at(GetParam().name);
  for (std::int16_t version = GetParam().spoken.min; version <= GetParam().spoken.max; ++version) {
    EXPECT_GE(std::ranges::count(all, version, &Vector::version), kVectorsPerSpokenVersion)
        << "version " << version;
  }
}

INSTANTIATE_TEST_SUITE_P(All, MessageOfKafka, testing::ValuesIn(all_messages()), [](const auto& info) {
  return info.param.name;
});

TEST(Vectors, AreOfMessagesThatWeKnow) {
  std::set<std::string> known;
  for (const MessageCodecs& message : all_messages()) known.insert(message.name);
  for (const auto& [name, unused] : vectors()) EXPECT_TRUE(known.contains(name)) << name;
}

// Vectors prove bytes, but not defaults: a field that is set shows nothing of them. The definitions do.
TEST(Schema, IsThatOfKafkasOwnDefinitions) {
  std::vector<std::string> ours;
  for (const MessageCodecs& message : all_messages()) {
    std::istringstream lines(message.schema);
    for (std::string line; std::getline(lines, line);) ours.push_back(line);
  }
  const std::vector<std::string> official = read_lines("schema.txt");
  ASSERT_EQ(ours.size(), official.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], official[i]);
}

}  // namespace
}  // namespace sluice::golden
