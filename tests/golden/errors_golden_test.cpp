#include "protocol/messages/kafka_error.hpp"
#include "tests/golden/vectors.hpp"

#include <gtest/gtest.h>

namespace sluice::golden {
namespace {

TEST(KafkaErrors, AreThoseOfKafka) {
  std::int16_t code = -1;
  for (const std::string& line : read_lines("errors.txt")) {
    const std::string ours = std::to_string(code) + ' ' + protocol::name(code) +
                             (protocol::is_retriable(code) ? " retriable" : "") +
                             (protocol::refreshes_metadata(code) ? " refreshes_metadata" : "");
    EXPECT_EQ(ours, line);
    ++code;
  }
  EXPECT_EQ(protocol::name(code), "UNKNOWN_ERROR_CODE_" + std::to_string(code))
      << "we know more than Kafka does";
}

}  // namespace
}  // namespace sluice::golden
