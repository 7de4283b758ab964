#include "protocol/wire/varint.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

template <class T>
std::string written(T value) {
  std::string out;
  append_unsigned_varint(out, value);
  return out;
}

TEST(UnsignedVarint, HasSevenBitsPerByteLowestFirst) {
  EXPECT_EQ(written<std::uint32_t>(0), "\x00"s);
  EXPECT_EQ(written<std::uint32_t>(127), "\x7f");
  EXPECT_EQ(written<std::uint32_t>(128), "\x80\x01");
  EXPECT_EQ(written<std::uint32_t>(300), "\xac\x02");
  EXPECT_EQ(written(std::numeric_limits<std::uint32_t>::max()), "\xff\xff\xff\xff\x0f");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(UnsignedVarint, ComesBackAtEveryBoundary) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit}) {
      const std::string bytes = "x" + written(value) + "y";
      std::size_t position = 1;
      std::uint64_t read = 0;
      ASSERT_EQ(read_unsigned_varint(bytes, position, read), VarintStatus::kOk);
      EXPECT_EQ(read, value);
      EXPECT_EQ(position, bytes.size() - 1);
    }
  }
}

TEST(UnsignedVarint, IsTruncatedWhenBytesEndEarly) {
  std::size_t position = 0;
  std::uint32_t value = 7;
  EXPECT_EQ(read_unsigned_varint<std::uint32_t>("", position, value), VarintStatus::kTruncated);
  EXPECT_EQ(read_unsigned_varint<std::uint32_t>("\x80\x80", position, value), VarintStatus::kTruncated);
  EXPECT_EQ(position, 0U);
  EXPECT_EQ(value, 7U);
}

TEST(UnsignedVarint, IsTooLongBeyondTheBitsOfItsType) {
  std::size_t position = 0;
  std::uint32_t small = 0;
  EXPECT_EQ(read_unsigned_varint("\xff\xff\xff\xff\x10", position, small), VarintStatus::kTooLong);
  EXPECT_EQ(read_unsigned_varint("\x80\x80\x80\x80\x80\x00"s, position, small), VarintStatus::kTooLong);
  std::uint64_t large = 0;
  EXPECT_EQ(read_unsigned_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", position, large),
            VarintStatus::kTooLong);
  EXPECT_EQ(position, 0U);
}

TEST(Zigzag, KeepsSmallNegativeNumbersSmall) {
  EXPECT_EQ(zigzag(std::int32_t{0}), 0U);
  EXPECT_EQ(zigzag(std::int32_t{-1}), 1U);
  EXPECT_EQ(zigzag(std::int32_t{1}), 2U);
  EXPECT_EQ(zigzag(std::numeric_limits<std::int32_t>::min()), std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(zigzag(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::uint64_t>::max());
}

TEST(Zigzag, ComesBack) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40, -(std::int64_t{1} << 40),
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
    EXPECT_EQ(unzigzag(zigzag(static_cast<std::int32_t>(value))), static_cast<std::int32_t>(value));
  }
}

}  // namespace
}  // namespace sluice::protocol
