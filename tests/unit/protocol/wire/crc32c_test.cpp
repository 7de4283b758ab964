#include "protocol/wire/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::protocol {
namespace {

// RFC 3720 B.4; the bytes there are written in transmission order, least significant first.
TEST(Crc32c, GivesTheVectorsOfRfc3720) {
  std::string ascending;
  std::string descending;
  for (int i = 0; i < 32; ++i) {
    ascending.push_back(static_cast<char>(i));
    descending.push_back(static_cast<char>(31 - i));
  }
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cU);
}

TEST(Crc32c, GivesTheCheckValueOfTheCatalogue) { EXPECT_EQ(crc32c("123456789"), 0xe3069283U); }

TEST(Crc32c, OfNothingIsZero) { EXPECT_EQ(crc32c(""), 0U); }

TEST(Crc32c, OfPiecesEqualsTheCrcOfTheWhole) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes.push_back(static_cast<char>(i * 7));
  }
  const std::string_view whole = bytes;
  for (std::size_t cut = 0; cut <= whole.size(); cut += 37) {
    EXPECT_EQ(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))), crc32c(whole)) << "cut at " << cut;
  }
}

}  // namespace
}  // namespace sluice::protocol
