#include "protocol/schema/codec.hpp"
#include "tests/unit/protocol/schema/sample.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

std::string must_encode(const Sample& sample, std::int16_t version) {
  const auto bytes = encode(sample, version);
  EXPECT_TRUE(bytes.has_value()) << bytes.error().message;
  return bytes.value_or("");
}

Sample named(std::string alias) {
  Sample sample;
  sample.alias = std::move(alias);
  return sample;
}

TEST(Encoder, WritesClassicLengths) {
  Sample sample = named("ab");
  sample.items = {{.name = "i", .weight = 2}};
  EXPECT_EQ(must_encode(sample, 1),
            "\x00\x00\x00\x07"s  // Number
            "\x00\x02"s
            "ab"  // Alias
            "\x00\x00"s
            "\x00\x00"s  // MustTravel, MayBeLost
            "\x00\x00\x00\x01"s
            "\x00\x01"s
            "i"
            "\x00\x02"s);
}

TEST(Encoder, WritesCompactLengthsAndTagCountsWhenFlexible) {
  Sample sample = named("ab");
  sample.items = {{.name = "i", .weight = 2}};
  EXPECT_EQ(must_encode(sample, 2),
            "\x00\x00\x00\x07"s
            "\x03"
            "ab"
            "\x01"
            "\x01"
            "\x02"
            "\x02"
            "i"
            "\x00\x02"s
            "\x00"s  // one item with an empty list of tags
            "\x00"s);
}

TEST(Encoder, WritesNullWhereTheVersionHasIt) {
  EXPECT_EQ(must_encode(Sample{}, 1).substr(4, 2), "\xff\xff");
  EXPECT_EQ(must_encode(Sample{}, 2).substr(4, 1), "\x00"s);
}

TEST(Encoder, RefusesNullWhereTheVersionHasNone) {
  const auto bytes = encode(Sample{}, 0);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(bytes.error().message, "Sample.Alias: must not be null in version 0");
}

TEST(Encoder, PutsOneByteBeforeAStructThatMayBeNull) {
  Sample sample;
  const std::string without = must_encode(sample, 3);
  EXPECT_EQ(without.substr(without.size() - 2), "\xff\x00"s) << "-1, then no tags";
  sample.note = Sample::Note{"n"};
  const std::string with = must_encode(sample, 3);
  EXPECT_EQ(with.substr(with.size() - 5), "\x01\x02n\x00\x00"s);
}

TEST(Encoder, WritesTaggedFieldsInAscendingOrderAndOnlyWhenSet) {
  Sample sample;
  sample.first_tag = 3;
  sample.second_tag = {{.name = "x", .weight = 1}};
  const std::string bytes = must_encode(sample, 2);
  EXPECT_EQ(bytes.substr(bytes.size() - 15),
            "\x02"
            "\x00\x04\x00\x00\x00\x03"s
            "\x05\x06\x02\x02x\x00\x01\x00"s);
  sample.first_tag = -1;
  EXPECT_EQ(must_encode(sample, 2).size(), bytes.size() - 6);
}

TEST(Encoder, DropsWhatMayBeIgnored) {
  Sample sample = named("a");
  sample.may_be_lost = "lost";
  sample.first_tag = 3;
  EXPECT_EQ(must_encode(sample, 0), must_encode(named("a"), 0));
}

TEST(Encoder, RefusesToDropWhatMustTravel) {
  Sample sample = named("a");
  sample.must_travel = "important";
  const auto bytes = encode(sample, 0);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(bytes.error().message, "Sample.MustTravel: no place for it in version 0");
}

TEST(Encoder, NamesThePlaceOfAnErrorInsideAList) {
  Sample sample;
  sample.items = {{}, {.name = std::string(32768, 'x')}};
  const auto bytes = encode(sample, 2);
  ASSERT_FALSE(bytes.has_value());
  EXPECT_EQ(bytes.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(bytes.error().message, "Sample.Items[1].Name: string above 32767 bytes");
  sample.items.clear();
  sample.second_tag = {{.name = std::string(32768, 'x')}};
  EXPECT_EQ(encode(sample, 2).error().message, "Sample.SecondTag[0].Name: string above 32767 bytes");
}

TEST(Encoder, LeavesTheOutputAloneWhenItFails) {
  std::string out = "before";
  EXPECT_FALSE(encode_to(out, Sample{}, 0).has_value());
  EXPECT_EQ(out, "before");
}

TEST(Encoder, RefusesVersionsThatAreNotDescribed) {
  EXPECT_EQ(encode(Sample{}, 5).error().message, "Sample: no version 5");
  EXPECT_FALSE(encode(Sample{}, -1).has_value());
}

}  // namespace
}  // namespace sluice::protocol
