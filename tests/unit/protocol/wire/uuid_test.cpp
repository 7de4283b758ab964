#include "protocol/wire/uuid.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace sluice::protocol {
namespace {

Uuid counting() {
  Uuid id;
  for (std::uint8_t i = 0; i < 16; ++i) id.bytes[i] = i;
  return id;
}

TEST(Uuid, LooksAsInKafkasLogs) {
  EXPECT_EQ(counting().to_string(), "AAECAwQFBgcICQoLDA0ODw");
  EXPECT_EQ(Uuid{}.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
  Uuid ones;
  ones.bytes.fill(0xFF);
  EXPECT_EQ(ones.to_string(), "_____________________w") << "url-safe: no plus and no slash";
}

TEST(Uuid, ComesBackFromItsText) {
  EXPECT_EQ(Uuid::parse("AAECAwQFBgcICQoLDA0ODw"), counting());
  EXPECT_EQ(Uuid::parse("_____________________w")->bytes[15], 0xFF);
}

TEST(Uuid, IsNotReadFromAnythingElse) {
  EXPECT_EQ(Uuid::parse(""), std::nullopt);
  EXPECT_EQ(Uuid::parse("AAECAwQFBgcICQoLDA0ODw=="), std::nullopt);
  EXPECT_EQ(Uuid::parse("AAECAwQFBgcICQoLDA0OD+"), std::nullopt);
  EXPECT_EQ(Uuid::parse("AAECAwQFBgcICQoLDA0ODx"), std::nullopt) << "bits beyond the sixteenth byte";
}

TEST(Uuid, KnowsZero) {
  EXPECT_TRUE(Uuid{}.is_zero());
  EXPECT_FALSE(counting().is_zero());
}

TEST(Uuid, HasAnOrderAndAHash) {
  EXPECT_LT(Uuid{}, counting());
  const std::unordered_set<Uuid> ids{Uuid{}, counting(), Uuid{}};
  EXPECT_EQ(ids.size(), 2U);
}

}  // namespace
}  // namespace sluice::protocol
