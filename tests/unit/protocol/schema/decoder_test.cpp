#include "protocol/schema/codec.hpp"
#include "protocol/wire/varint.hpp"
#include "tests/unit/protocol/schema/sample.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

/// Number and Alias (null), MustTravel, MayBeLost of version 2 and up.
const std::string kHead = "\x00\x00\x00\x07\x00\x01\x01"s;

void expect_error(std::string_view bytes, std::int16_t version, ErrorKind kind, std::string_view text) {
  const auto sample = decode<Sample>(bytes, version);
  ASSERT_FALSE(sample.has_value());
  EXPECT_EQ(sample.error().message, text);
  EXPECT_EQ(sample.error().kind, kind);
}

TEST(Decoder, ReadsBackWhatTheEncoderWroteInEveryVersion) {
  Sample sample;
  sample.number = -5;
  sample.alias = "alias";
  for (std::int16_t version = 0; version <= 4; ++version) {
    if (version == 1) {
      sample.must_travel = "x";
      sample.items = {{.name = "one", .weight = 1}, {.name = "", .weight = -2}};
    }
    if (version == 2) sample.second_tag = {{.name = "tagged", .weight = 0}};
    if (version == 3) {
      sample.offsets = {1, -1};
      sample.secret = Bytes("\x00\xff"s);
      sample.note = Sample::Note{"note"};
    }
    const auto bytes = encode(sample, version);
    ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
    const auto back = decode<Sample>(*bytes, version);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, sample) << "version " << version;
  }
}

TEST(Decoder, LeavesFieldsThatTheVersionHasNotAtTheirDefaults) {
  const auto sample = decode<Sample>("\x00\x00\x00\x01\x00\x01z"s, 0);
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->first_tag, -1);
  EXPECT_EQ(sample->alias, "z");
}

TEST(Decoder, SkipsTagsThatItDoesNotKnow) {
  const auto good =
      decode<Sample>(kHead + "\x01\x03" + "\x02\x02" + "ab" + "\x00\x04\x00\x00\x00\x09"s + "\x7f\x01!", 2);
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_EQ(good->first_tag, 9);
}

TEST(Decoder, TakesTheLastOfATagThatComesTwice) {
  const std::string tag = "\x05\x05\x02\x01\x00\x01\x00"s;
  const auto sample = decode<Sample>(kHead + "\x01\x02" + tag + tag, 2);
  ASSERT_TRUE(sample.has_value()) << sample.error().message;
  EXPECT_EQ(sample->second_tag.size(), 1U);
}

TEST(Decoder, RefusesATaggedFieldThatIsShorterThanItsSize) {
  expect_error(kHead + "\x01\x01\x00\x05\x00\x00\x00\x09\x00"s, 2, ErrorKind::kMalformed,
               "Sample.FirstTag: shorter than its tag says");
}

TEST(Decoder, RefusesATaggedFieldThatIsLongerThanItsSize) {
  expect_error(kHead + "\x01\x01\x00\x03\x00\x00\x00\x09"s, 2, ErrorKind::kTruncated,
               "Sample.FirstTag: truncated");
}

TEST(Decoder, RefusesMoreTagsThanBytes) {
  expect_error(kHead + "\x01\xff\xff\xff\xff\x0f\x00\x00"s, 2, ErrorKind::kTruncated,
               "Sample: more tagged fields than bytes");
}

TEST(Decoder, SurvivesAFloodOfTags) {
  std::string bytes = kHead + "\x01";
  const std::size_t count = 1'000'000;
  bytes += "\xc0\x84\x3d";  // one million
  for (std::size_t i = 0; i < count; ++i) bytes += "\x09\x00"s;
  EXPECT_TRUE(decode<Sample>(bytes, 2).has_value());
}

TEST(Decoder, RefusesMoreElementsThanBytesBeforeItMakesAny) {
  expect_error(kHead + "\xff\xff\xff\xff\x0f\x01\x01"s, 2, ErrorKind::kTruncated,
               "Sample.Items: more elements than bytes");
  expect_error("\x00\x00\x00\x07\xff\xff\x00\x00\x00\x00\x7f\xff\xff\xff"s, 1, ErrorKind::kTruncated,
               "Sample.Items: more elements than bytes");
}

TEST(Decoder, KnowsHowManyBytesAnElementNeeds) {
  // Three items of four bytes at least, and eleven bytes: refused as a whole, not after two of them.
  expect_error(kHead + "\x04" + std::string(11, '\x01'), 2, ErrorKind::kTruncated,
               "Sample.Items: more elements than bytes");
}

TEST(Decoder, RefusesListsThatNeedMuchMoreMemoryThanTheyHaveBytes) {
  // A million empty words: one byte each here, 32 in memory.
  std::string bytes = kHead + "\x01\x01\x01\xff"s;
  append_unsigned_varint<std::uint32_t>(bytes, 1'000'001);
  expect_error(bytes + std::string(1'000'001, '\x01'), 4, ErrorKind::kTooLarge,
               "Sample.Words: too many elements for so few bytes");
}

TEST(Decoder, ReadsLongListsOfShortElements) {
  std::string bytes = kHead;
  append_unsigned_varint<std::uint32_t>(bytes, 1'000'001);
  for (int i = 0; i < 1'000'000; ++i)
    bytes +=
        "\x02"
        "i"
        "\x00\x01\x00"s;
  const auto sample = decode<Sample>(bytes + "\x00"s, 2);
  ASSERT_TRUE(sample.has_value()) << sample.error().message;
  EXPECT_EQ(sample->items.size(), 1'000'000U);
}

TEST(Decoder, RefusesNegativeLengths) {
  expect_error("\x00\x00\x00\x07\xff\xfe"s, 1, ErrorKind::kMalformed, "Sample.Alias: negative length");
  expect_error("\x00\x00\x00\x07\xff\xff\x80\x00"s, 1, ErrorKind::kMalformed,
               "Sample.MustTravel: negative length");
  expect_error("\x00\x00\x00\x07\xff\xff\x00\x00\x00\x00\x80\x00\x00\x00"s, 1, ErrorKind::kMalformed,
               "Sample.Items: negative length");
}

TEST(Decoder, RefusesNullWhereTheVersionHasNone) {
  expect_error("\x00\x00\x00\x07\xff\xff"s, 0, ErrorKind::kMalformed,
               "Sample.Alias: null where the version has none");
  expect_error("\x00\x00\x00\x07\x00\x00"s, 2, ErrorKind::kMalformed,
               "Sample.MustTravel: null where the version has none");
  expect_error(kHead + "\x00"s, 2, ErrorKind::kMalformed, "Sample.Items: null where the version has none");
}

TEST(Decoder, RefusesStringsThatClaimMoreThanThereIs) {
  expect_error(
      "\x00\x00\x00\x07\x7f\xff"
      "abc"s,
      1, ErrorKind::kTruncated, "Sample.Alias: truncated");
  expect_error(
      "\x00\x00\x00\x07\xff\xff\xff\xff\x0f"
      "abc"s,
      2, ErrorKind::kTruncated, "Sample.Alias: truncated");
}

TEST(Decoder, RefusesVarintsThatAreTooLong) {
  expect_error("\x00\x00\x00\x07\xff\xff\xff\xff\xff\x01"s, 2, ErrorKind::kMalformed,
               "Sample.Alias: varint too long");
}

TEST(Decoder, RefusesToNestWithoutLimit) {
  std::string bytes(100'000, '\x02');
  const auto nest = decode<Nest>(bytes, 0);
  ASSERT_FALSE(nest.has_value());
  EXPECT_NE(nest.error().message.find("nested too deeply"), std::string::npos) << nest.error().message;
}

TEST(Decoder, NamesThePlaceOfAnErrorInsideAList) {
  expect_error(kHead + "\x03" +
                   "\x02"
                   "i"
                   "\x00\x01\x00"s +
                   "\x05"
                   "abc"s,
               2, ErrorKind::kTruncated, "Sample.Items[1].Name: truncated");
}

TEST(Decoder, RefusesTrailingBytesUnlessTold) {
  const std::string bytes = "\x00\x00\x00\x07\x00\x00"s;
  EXPECT_EQ(decode<Sample>(bytes + "ab", 0).error().message, "Sample: 2 bytes after the message");
  EXPECT_TRUE(decode<Sample>(bytes + "ab", 0, Trailing::kAllow).has_value());
  EXPECT_EQ(decode_prefix<Sample>(bytes + "ab", 0)->size, bytes.size());
}

TEST(Decoder, RefusesVersionsThatAreNotDescribed) {
  expect_error("", 5, ErrorKind::kUnsupported, "Sample: no version 5");
}

}  // namespace
}  // namespace sluice::protocol
