#include "protocol/wire/byte_writer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

TEST(ByteWriter, WritesBigEndian) {
  std::string out;
  ByteWriter writer(out);
  writer.write_int8(-1);
  writer.write_int16(0x0102);
  writer.write_int32(-2);
  writer.write_int64(0x100000000);
  EXPECT_EQ(out, "\xff\x01\x02\xff\xff\xff\xfe\x00\x00\x00\x01\x00\x00\x00\x00"s);
}

TEST(ByteWriter, WritesVarints) {
  std::string out;
  ByteWriter writer(out);
  writer.write_unsigned_varint(300);
  writer.write_varint(-1);
  writer.write_varlong(1);
  EXPECT_EQ(out, "\xac\x02\x01\x02");
}

TEST(ByteWriter, AppendsToWhatIsThere) {
  std::string out = "ab";
  ByteWriter writer(out);
  writer.write_bytes("cd");
  EXPECT_EQ(out, "abcd");
  EXPECT_EQ(writer.size(), 4U);
}

TEST(ByteWriter, PatchesALengthThatIsKnownLater) {
  std::string out;
  ByteWriter writer(out);
  writer.write_int32(0);
  writer.write_bytes("xyz");
  writer.patch(0, std::int32_t{3});
  EXPECT_EQ(out, "\x00\x00\x00\x03xyz"s);
}

}  // namespace
}  // namespace sluice::protocol
