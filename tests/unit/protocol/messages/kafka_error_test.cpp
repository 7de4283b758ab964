#include "protocol/messages/kafka_error.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

TEST(KafkaError, HasKafkasName) {
  EXPECT_EQ(name(1), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(name(-1), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(name(KafkaError::kRebootstrapRequired), "REBOOTSTRAP_REQUIRED");
}

TEST(KafkaError, IsNamedByItsNumberWhenABrokerIsNewerThanWeAre) {
  EXPECT_EQ(name(999), "UNKNOWN_ERROR_CODE_999");
  EXPECT_EQ(name(-2), "UNKNOWN_ERROR_CODE_-2");
  EXPECT_FALSE(is_retriable(999));
  EXPECT_FALSE(refreshes_metadata(999));
}

TEST(KafkaError, SaysWhetherToTryAgainAndWhetherToRefresh) {
  EXPECT_TRUE(is_retriable(KafkaError::kNotLeaderOrFollower));
  EXPECT_TRUE(refreshes_metadata(KafkaError::kNotLeaderOrFollower));
  EXPECT_TRUE(is_retriable(KafkaError::kCoordinatorLoadInProgress));
  EXPECT_FALSE(refreshes_metadata(KafkaError::kCoordinatorLoadInProgress));
  EXPECT_FALSE(is_retriable(KafkaError::kRebalanceInProgress)) << "the membership decides";
}

TEST(KafkaError, ComparesWithPlainCodes) {
  const std::int16_t error_code = 0;
  EXPECT_TRUE(error_code == KafkaError::kNone);
  EXPECT_TRUE(error_code != KafkaError::kUnknownMemberId);
}

}  // namespace
}  // namespace sluice::protocol
