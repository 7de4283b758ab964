#include "config/units.hpp"

#include "config/nearest.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace sluice::config {
namespace {

TEST(Duration, ReadsUnitsAndPlainMilliseconds) {
  EXPECT_EQ(parse_duration("500ms"), 500);
  EXPECT_EQ(parse_duration("30s"), 30'000);
  EXPECT_EQ(parse_duration("5m"), 300'000);
  EXPECT_EQ(parse_duration("1h"), 3'600'000);
  EXPECT_EQ(parse_duration("1d"), 86'400'000);
  EXPECT_EQ(parse_duration("30 s"), 30'000);
  EXPECT_EQ(parse_duration("45000"), 45'000);
  EXPECT_EQ(parse_duration("0"), 0);
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "s", "5x", "1.5s", "1h30m", "+5s", "5 ", " 5s", "05s", "-5s", "5S"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Size, ReadsPowersOf1024AndOf1000) {
  EXPECT_EQ(parse_size("64KiB"), 65'536);
  EXPECT_EQ(parse_size("1MiB"), 1'048'576);
  EXPECT_EQ(parse_size("2GiB"), 2'147'483'648);
  EXPECT_EQ(parse_size("1kB"), 1'000);
  EXPECT_EQ(parse_size("1KB"), 1'000);
  EXPECT_EQ(parse_size("1MB"), 1'000'000);
  EXPECT_EQ(parse_size("1GB"), 1'000'000'000);
  EXPECT_EQ(parse_size("7B"), 7);
  EXPECT_EQ(parse_size("7"), 7);
  EXPECT_EQ(parse_size("-1"), -1);
}

TEST(Size, RefusesWhatIsNone) {
  for (const char* text : {"", "MiB", "1mib", "1M", "1K", "0x10", "010", "-1MiB", "9999999999999GiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Integer, ReadsTheWholeRange) {
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(parse_integer("9223372036854775808"));
}

TEST(Formats, ReadBackToTheSameNumber) {
  for (const std::int64_t value :
       std::vector<std::int64_t>{-1, 0, 1, 999, 1000, 1024, 60'000, 90'000, 1'048'576, 5'000'000}) {
    EXPECT_EQ(parse_duration(format_duration(value)), value);
    EXPECT_EQ(parse_size(format_size(value)), value);
  }
  EXPECT_EQ(format_duration(90'000), "90s");
  EXPECT_EQ(format_size(1536), "1536");
}

TEST(Nearest, CountsASwapAsOneMistake) { EXPECT_EQ(edit_distance("laese", "lease"), 1U); }

TEST(Nearest, FindsNothingWhereNothingIsNear) {
  const std::vector<std::string> names{"client.id", "group.id"};

  EXPECT_EQ(nearest("zebra", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), names), "");
  EXPECT_EQ(nearest("GroupID", names), "group.id");
}

}  // namespace
}  // namespace sluice::config
