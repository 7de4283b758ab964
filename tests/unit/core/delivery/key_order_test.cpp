#include "daemon/core/delivery/key_order.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::core {
namespace {

std::vector<Offset> heads(const KeyOrder& order) { return {order.heads().begin(), order.heads().end()}; }

TEST(KeyOrder, LetsOnlyTheFirstUnsettledRecordOfAKeyOut) {
  KeyOrder order;
  order.add(1, 7);
  order.add(2, 8);
  order.add(3, 7);
  order.add(4, 7);
  EXPECT_EQ(heads(order), (std::vector<Offset>{1, 2}));
  EXPECT_EQ(order.held_back(), 2U);
  EXPECT_FALSE(order.is_free(7));
  EXPECT_TRUE(order.is_free(9));
  order.settled({1, 1});
  EXPECT_EQ(heads(order), (std::vector<Offset>{2, 3}));
  order.settled({2, 4});
  EXPECT_EQ(order.size(), 0U);
  EXPECT_TRUE(order.is_free(7));
}

TEST(KeyOrder, KeepsTheOrderWhenALaterRecordOfTheKeyIsGoneFirst) {
  KeyOrder order;
  order.add(1, 7);
  order.add(3, 7);
  order.add(5, 7);
  order.settled({3, 3});
  EXPECT_EQ(heads(order), (std::vector<Offset>{1}));
  order.settled({1, 1});
  EXPECT_EQ(heads(order), (std::vector<Offset>{5}));
}

TEST(KeyOrder, HoldsNothingBackForRecordsWithoutKey) {
  KeyOrder order;
  order.add(1, std::nullopt);
  order.add(2, std::nullopt);
  EXPECT_EQ(heads(order), (std::vector<Offset>{1, 2}));
  order.settled({1, 2});
  EXPECT_EQ(order.size(), 0U);
}

TEST(KeyOrder, TakesARecordThatItKnowsOnlyOnce) {
  KeyOrder order;
  order.add(1, 7);
  order.add(1, 7);
  order.settled({1, 1});
  EXPECT_TRUE(order.is_free(7));
}

TEST(KeyOrder, TellsAnEmptyKeyFromNone) {
  EXPECT_FALSE(hash_of_key(std::nullopt));
  ASSERT_TRUE(hash_of_key(""));
  EXPECT_NE(hash_of_key(""), hash_of_key("a"));
  EXPECT_EQ(hash_of_key("order-17"), hash_of_key("order-17"));
}

}  // namespace
}  // namespace sluice::core
