#include "daemon/http/flow_request.hpp"

#include "daemon/http/iso_duration.hpp"
#include "daemon/http/json_body.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using Kind = core::SeekTarget::Kind;

const std::vector<std::string> kTopics{"orders", "orders-eu"};
constexpr std::int64_t kNow = 1'700'000'000'000;

tl::expected<core::Scope, Problem> scope_of(std::string_view body) {
  auto json = parse_body(body);
  if (!json) return tl::unexpected(json.error());
  return parse_scope(*json, kTopics);
}

tl::expected<SeekRequest, Problem> seek_of(std::string_view body) {
  auto json = parse_body(body);
  if (!json) return tl::unexpected(json.error());
  return parse_seek(*json, kTopics, kNow);
}

TEST(IsoDuration, ReadsEveryUnitOfAFixedLength) {
  const std::vector<std::pair<std::string, std::chrono::milliseconds>> table{
      {"PT1H", 1h},
      {"PT90M", 90min},
      {"PT0S", 0ms},
      {"PT0.5S", 500ms},
      {"PT1,25S", 1250ms},
      {"PT0.0004S", 0ms},
      {"P0.5D", 12h},
      {"P1D", 24h},
      {"P1DT2H3M4.005S", 26h + 3min + 4005ms},
      {"P2W", std::chrono::weeks(2)},
      {"P1W2D", std::chrono::days(9)},
      {"PT36H", 36h},
      {"P999999999W", 999'999'999 * std::chrono::milliseconds(std::chrono::weeks(1))},
  };
  for (const auto& [text, length] : table) {
    const auto duration = parse_iso_duration(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(*duration, length) << text;
  }
}

TEST(IsoDuration, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "P",
                           "PT",
                           "P1",
                           "1H",
                           "PT1",
                           "P1DT",
                           "P1H",
                           "PT1D",
                           "PT1S1M",
                           "PT1H1H",
                           "pt1h",
                           "-PT1H",
                           "PT-1H",
                           "PT1.S",
                           "PT.5S",
                           "PT1.5H3M",
                           "PT1HT1M",
                           "PT1H ",
                           " PT1H",
                           "PT1e3S",
                           "PT+1H",
                           "1 hour",
                           "PT1234567890S",
                           "PT0.1234567891S",
                           "P1D1W",
                           "PTT1H"}) {
    EXPECT_FALSE(parse_iso_duration(text)) << text;
  }
}

TEST(IsoDuration, SaysWhyYearsAndMonthsAreNotTaken) {
  for (const char* text : {"P1Y", "P1M", "P1Y2M3D", "P1MT1H", "P0.5Y"}) {
    const auto duration = parse_iso_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().find("years or months"), std::string::npos) << text;
  }
  EXPECT_TRUE(parse_iso_duration("PT1M")) << "minutes";
}

TEST(ScopeRequest, OfNothingIsTheWholeConsumer) {
  for (const char* body : {"", "{}", R"({"topics":null})"}) {
    const auto scope = scope_of(body);
    ASSERT_TRUE(scope) << body;
    EXPECT_TRUE(scope->is_all()) << body;
  }
}

TEST(ScopeRequest, TakesTopicsAndPartitionsOnceEach) {
  const auto scope = scope_of(
      R"({"topics":["orders-eu","orders","orders-eu"],"partitions":[{"topic":"orders","partition":2},)"
      R"({"topic":"orders","partition":1},{"topic":"orders","partition":2}]})");
  ASSERT_TRUE(scope) << scope.error().detail;
  EXPECT_EQ(scope->topics, (std::vector<std::string>{"orders", "orders-eu"}));
  EXPECT_EQ(scope->partitions, (std::vector<core::TopicPartition>{{"orders", 1}, {"orders", 2}}));
}

TEST(SeekRequest, TakesEveryKindOfPlace) {
  struct Row {
    const char* to;
    Kind kind;
    std::int64_t timestamp;
  };
  for (const Row& row :
       {Row{R"("beginning")", Kind::kBeginning, 0}, Row{R"("end")", Kind::kEnd, 0},
        Row{R"("committed")", Kind::kCommitted, 0}, Row{R"({"timestamp":1234})", Kind::kTimestamp, 1234},
        Row{R"({"duration":"PT1H"})", Kind::kTimestamp, kNow - 3'600'000},
        Row{R"({"duration":"P9999999D"})", Kind::kTimestamp, 0}}) {
    const auto request = seek_of(R"({"to":)" + std::string(row.to) + "}");
    ASSERT_TRUE(request) << row.to << ": " << request.error().detail;
    EXPECT_EQ(request->target.kind, row.kind) << row.to;
    EXPECT_EQ(request->target.timestamp_ms, row.timestamp) << row.to;
    EXPECT_TRUE(request->scope.is_all()) << row.to;
  }
  const auto request = seek_of(R"({"to":{"offset":17},"partitions":[{"topic":"orders","partition":3}]})");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->target.kind, Kind::kOffset);
  EXPECT_EQ(request->target.offset, 17);
  EXPECT_EQ(request->scope.partitions, (std::vector<core::TopicPartition>{{"orders", 3}}));
}

struct Refused {
  std::string body;
  std::string field;
  std::string says;
};

TEST(SeekRequest, RefusesBadRequestsAndNamesTheMember) {
  const std::vector<Refused> table{
      {"{}", "to", "is missing"},
      {R"({"to":"start"})", "to", "`beginning`"},
      {R"({"to":5})", "to", "`beginning`"},
      {R"({"to":[]})", "to", "`beginning`"},
      {R"({"to":{}})", "to", "exactly one"},
      {R"({"to":{"offset":1,"timestamp":2}})", "to", "exactly one"},
      {R"({"to":{"ofset":1}})", "to.ofset", "`offset`"},
      {R"({"to":{"offset":-1},"partitions":[{"topic":"orders","partition":0}]})", "to.offset", "at least 0"},
      {R"({"to":{"offset":"5"},"partitions":[{"topic":"orders","partition":0}]})", "to.offset", "whole"},
      {R"({"to":{"offset":null}})", "to.duration", "missing"},
      {R"({"to":{"timestamp":-5}})", "to.timestamp", "at least 0"},
      {R"({"to":{"timestamp":1e3}})", "to.timestamp", "whole"},
      {R"({"to":{"duration":"1h"}})", "to.duration", "ISO 8601"},
      {R"({"to":{"duration":"P1M"}})", "to.duration", "months"},
      {R"({"to":{"duration":60}})", "to.duration", "string"},
      {R"({"to":{"offset":5}})", "partitions", "name the partitions"},
      {R"({"to":{"offset":5},"topics":["orders"]})", "partitions", "name the partitions"},
      {R"({"to":"end","topics":[]})", "topics", "not be empty"},
      {R"({"to":"end","partitions":[]})", "partitions", "not be empty"},
      {R"({"to":"end","topics":"orders"})", "topics", "array"},
      {R"({"to":"end","topics":["orders","other"]})", "topics[1]", "`other`"},
      {R"({"to":"end","topics":[7]})", "topics[0]", "name of a topic"},
      {R"({"to":"end","partitions":[{"topic":"orders"}]})", "partitions[0].partition", "missing"},
      {R"({"to":"end","partitions":[{"topic":"other","partition":0}]})", "partitions[0].topic", "`other`"},
      {R"({"to":"end","partitions":[{"topic":"orders","partition":-1}]})", "partitions[0].partition",
       "at least 0"},
      {R"({"to":"end","partitions":[3]})", "partitions[0]", "object"},
      {R"({"to":"end","partition":[]})", "partition", "`partitions`"},
  };
  for (const Refused& row : table) {
    const auto request = seek_of(row.body);
    ASSERT_FALSE(request) << row.body;
    EXPECT_EQ(info(request.error().type).status, 422) << row.body;
    EXPECT_EQ(request.error().field, row.field) << row.body << " -> " << request.error().detail;
    EXPECT_NE(request.error().detail.find(row.says), std::string::npos)
        << row.body << " -> " << request.error().detail;
  }
}

}  // namespace
}  // namespace sluice::http
