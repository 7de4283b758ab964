#include "protocol/wire/byte_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

TEST(ByteReader, ReadsBigEndian) {
  const std::string bytes = "\xff\x01\x02\xff\xff\xff\xfe\x00\x00\x00\x01\x00\x00\x00\x00"s;
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_int8(), -1);
  EXPECT_EQ(reader.read_int16(), 0x0102);
  EXPECT_EQ(reader.read_int32(), -2);
  EXPECT_EQ(reader.read_int64(), 0x100000000);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, ReadsVarints) {
  ByteReader reader("\xac\x02\x01\x02");
  EXPECT_EQ(reader.read_unsigned_varint(), 300U);
  EXPECT_EQ(reader.read_varint(), -1);
  EXPECT_EQ(reader.read_varlong(), 1);
}

TEST(ByteReader, BorrowsBytes) {
  const std::string bytes = "abcdef";
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_bytes(2), "ab");
  EXPECT_EQ(reader.read_bytes(3).data(), bytes.data() + 2);
  EXPECT_EQ(reader.position(), 5U);
  EXPECT_EQ(reader.remaining(), 1U);
}

TEST(ByteReader, FailsForGoodWhenBytesAreMissing) {
  ByteReader reader("\x01\x02\x03");
  EXPECT_EQ(reader.read_int32(), 0);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.error_kind(), ErrorKind::kTruncated);
  EXPECT_EQ(reader.error_reason(), "truncated");
  EXPECT_EQ(reader.read_int8(), 0) << "there are three bytes, but the reader has lost its place";
  EXPECT_EQ(reader.read_unsigned_varint(), 0U);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ByteReader, FailsOnSizesNearTheLimitOfTheirType) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.read_int8(), 'a');
  EXPECT_EQ(reader.read_bytes(static_cast<std::size_t>(-1)), "");
  EXPECT_TRUE(reader.failed());
}

TEST(ByteReader, FailsOnOverlongVarints) {
  ByteReader reader("\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(reader.read_unsigned_varint(), 0U);
  EXPECT_EQ(reader.error_kind(), ErrorKind::kMalformed);
}

TEST(ByteReader, KeepsTheFirstFailure) {
  ByteReader reader("");
  reader.fail(ErrorKind::kTooLarge, "first");
  reader.fail(ErrorKind::kCorrupt, "second");
  EXPECT_EQ(reader.error_kind(), ErrorKind::kTooLarge);
  EXPECT_EQ(reader.error_reason(), "first");
}

}  // namespace
}  // namespace sluice::protocol
