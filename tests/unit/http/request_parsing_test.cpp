#include "daemon/http/accept.hpp"
#include "daemon/http/ack_request.hpp"
#include "daemon/http/fetch_request.hpp"
#include "daemon/http/json_body.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>
#include <vector>

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

constexpr FetchCaps kCaps{std::chrono::minutes(5), std::chrono::hours(1)};

core::FetchSpec defaults() {
  core::FetchSpec spec;
  spec.max_records = 500;
  spec.max_bytes = 1'048'576;
  spec.wait = std::chrono::seconds(5);
  spec.lease = std::chrono::seconds(30);
  return spec;
}

tl::expected<FetchRequest, Problem> fetch_of(std::string_view body) {
  auto json = parse_body(body);
  if (!json) return tl::unexpected(json.error());
  return parse_fetch(*json, defaults(), kCaps, AckRules{});
}

tl::expected<AckRequest, Problem> ack_of(std::string_view body, const AckRules& rules = {}) {
  auto json = parse_body(body);
  if (!json) return tl::unexpected(json.error());
  return parse_ack(*json, rules);
}

TEST(FetchRequest, TakesTheDefaultsOfTheConsumer) {
  for (const char* body : {"", "  \r\n", "{}", R"({"max_records":null})"}) {
    const auto request = fetch_of(body);
    ASSERT_TRUE(request) << body;
    EXPECT_EQ(request->spec.max_records, 500);
    EXPECT_EQ(request->spec.max_bytes, 1'048'576);
    EXPECT_EQ(request->spec.wait, std::chrono::seconds(5));
    EXPECT_EQ(request->spec.lease, std::chrono::seconds(30));
    EXPECT_FALSE(request->spec.settle_at_once);
    EXPECT_FALSE(request->ack);
  }
}

TEST(FetchRequest, ReadsEveryMember) {
  const auto request = fetch_of(
      R"({"max_records":10,"max_bytes":-1,"wait_ms":250,"min_records":3,"min_bytes":1000,"lease_ms":60000,"request_id":"r-1",)"
      R"("topics":["a","b.c"],"encoding":{"key":"string","value":"json","headers":"base64"},"mode":"auto",)"
      R"("ack":{"batch_id":"000102030405060708090a0b0c0d0e0f","commit":"async"}})");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->spec.max_records, 10);
  EXPECT_EQ(request->spec.max_bytes, -1);
  EXPECT_EQ(request->spec.wait, milliseconds(250));
  EXPECT_EQ(request->spec.min_records, 3);
  EXPECT_EQ(request->spec.min_bytes, 1000);
  EXPECT_EQ(request->spec.lease, std::chrono::minutes(1));
  EXPECT_EQ(request->spec.request_id, "r-1");
  EXPECT_EQ(request->spec.topics, (std::vector<std::string>{"a", "b.c"}));
  EXPECT_TRUE(request->spec.settle_at_once);
  EXPECT_EQ(request->format.key, Encoding::kString);
  EXPECT_EQ(request->format.value, Encoding::kJson);
  EXPECT_EQ(request->format.headers, Encoding::kBase64);
  ASSERT_TRUE(request->ack);
  EXPECT_EQ(request->ack->batch.to_string(), "000102030405060708090a0b0c0d0e0f");
  EXPECT_FALSE(request->ack->sync);
}

TEST(FetchRequest, CapsWhatIsTooMuchInsteadOfRefusing) {
  const auto request =
      fetch_of(R"({"max_records":99999999999,"max_bytes":18446744073709551615,"wait_ms":99999999,)"
               R"("lease_ms":99999999,"min_records":100000000000})");
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->spec.max_records, INT32_MAX);
  EXPECT_EQ(request->spec.max_bytes, INT64_MAX);
  EXPECT_EQ(request->spec.wait, std::chrono::minutes(5));
  EXPECT_EQ(request->spec.lease, std::chrono::hours(1));
}

TEST(FetchRequest, NeverWaitsForMoreThanFits) {
  const auto request = fetch_of(R"({"max_records":5,"min_records":10,"max_bytes":100,"min_bytes":1000})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->spec.min_records, 5);
  EXPECT_EQ(request->spec.min_bytes, 100);
}

struct Refused {
  std::string body;
  int status;
  std::string field;
  std::string says;
};

TEST(FetchRequest, RefusesBadRequestsAndNamesTheMember) {
  const std::vector<Refused> table{
      {"[]", 400, "", "object"},
      {"1", 400, "", "object"},
      {"{", 400, "", "byte"},
      {"{}x", 400, "", "byte"},
      {"{'a':1}", 400, "", "byte"},
      {R"({"max_records":NaN})", 400, "", "byte"},
      {R"({"max_records":1e400})", 400, "", "byte"},
      {R"({"max_records":1,"max_records":2})", 400, "", "twice"},
      {"{\"request_id\":\"\xff\"}", 400, "", "byte"},
      {R"({"ack":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]})", 400, "", "deeper"},
      {R"({"max_record":1})", 422, "max_record", "`max_records`"},
      {R"({"maxRecords":1})", 422, "maxRecords", "`max_records`"},
      {R"({"timeout":1})", 422, "timeout", "members are"},
      {"{\"<b>\":1}", 422, "", "members are"},
      {R"({"max_records":0})", 422, "max_records", "at least 1"},
      {R"({"max_records":-5})", 422, "max_records", "at least 1"},
      {R"({"max_records":1.0})", 422, "max_records", "whole number"},
      {R"({"max_records":"10"})", 422, "max_records", "whole number"},
      {R"({"max_records":true})", 422, "max_records", "whole number"},
      {R"({"max_records":1e3})", 422, "max_records", "whole number"},
      {R"({"max_records":99999999999999999999999})", 422, "max_records", "whole number"},
      {R"({"max_bytes":0})", 422, "max_bytes", "at least 1"},
      {R"({"max_bytes":-2})", 422, "max_bytes", "at least -1"},
      {R"({"wait_ms":-1})", 422, "wait_ms", "at least 0"},
      {R"({"lease_ms":0})", 422, "lease_ms", "at least 1"},
      {R"({"min_bytes":-1})", 422, "min_bytes", "at least 0"},
      {R"({"request_id":""})", 422, "request_id", "1 to"},
      {R"({"request_id":7})", 422, "request_id", "string"},
      {"{\"request_id\":\"" + std::string(300, 'x') + "\"}", 422, "request_id", "1 to"},
      {R"({"topics":"a"})", 422, "topics", "array"},
      {R"({"topics":[1]})", 422, "topics", "topic names"},
      {R"({"topics":["a/b"]})", 422, "topics", "topic names"},
      {R"({"topics":[""]})", 422, "topics", "topic names"},
      {R"({"encoding":"base64"})", 422, "encoding", "object"},
      {R"({"encoding":{"values":"json"}})", 422, "encoding.values", "`value`"},
      {R"({"encoding":{"value":"avro"}})", 422, "encoding.value", "one of"},
      {R"({"mode":"once"})", 422, "mode", "lease, auto"},
      {R"({"ack":true})", 422, "ack", "object"},
      {R"({"ack":{}})", 422, "ack.batch_id", "missing"},
      {R"({"ack":{"batch_id":"nope"}})", 422, "ack.batch_id", "earlier answer"},
      {R"({"ack":{"batch_id":"000102030405060708090a0b0c0d0e0f","accept":[{"topic":"t"}]}})", 422,
       "ack.accept[0].partition", "missing"},
  };
  for (const Refused& row : table) {
    const auto request = fetch_of(row.body);
    ASSERT_FALSE(request) << row.body;
    EXPECT_EQ(info(request.error().type).status, row.status) << row.body;
    EXPECT_EQ(request.error().field, row.field) << row.body;
    EXPECT_NE(request.error().detail.find(row.says), std::string::npos)
        << row.body << " -> " << request.error().detail;
  }
}

TEST(FetchRequest, RefusesBodiesOfVeryManyValues) {
  std::string body = R"({"topics":[)";
  for (int i = 0; i < 70'000; ++i) body += "[],";
  const auto request = fetch_of(body + "[]]}");
  ASSERT_FALSE(request);
  EXPECT_NE(request.error().detail.find("65,536"), std::string::npos);
}

TEST(FetchRequest, TakesTheSameFromAQuery) {
  const auto query =
      parse_query("max_records=7&topics=a&topics=b&request_id=12&encoding.value=base64&mode=auto&wait_ms=0",
                  {"request_id", "mode"}, {"topics"});
  ASSERT_TRUE(query);
  const auto request = parse_fetch(*query, defaults(), kCaps, AckRules{});
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->spec.max_records, 7);
  EXPECT_EQ(request->spec.wait, milliseconds(0));
  EXPECT_EQ(request->spec.topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->spec.request_id, "12");
  EXPECT_EQ(request->format.value, Encoding::kBase64);
}

TEST(Query, IsPercentDecodedAndStrict) {
  const auto query = parse_query("a=x%20y+z&b=&c", {}, {});
  ASSERT_TRUE(query);
  EXPECT_EQ((*query)["a"], "x y z");
  EXPECT_EQ((*query)["b"], "");
  for (const char* bad : {"a=%", "a=%2", "a=%zz", "%=1", "a=1&a=2", "a=1&a.b=2", "a.b=2&a=1", "a=%ff"}) {
    EXPECT_FALSE(parse_query(bad, {}, {})) << bad;
  }
}

TEST(AckRequest, OfNothingAcceptsAll) {
  const auto request = ack_of("");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->spec.fallback, core::Default::kAccept);
  EXPECT_TRUE(request->spec.accept.empty());
  EXPECT_TRUE(request->spec.release.empty());
  EXPECT_TRUE(request->sync);
}

TEST(AckRequest, KeepsWhatALetterOfListsDoesNotName) {
  for (const char* body : {R"({"accept":[]})", R"({"release":[0]})",
                           R"({"through":[{"topic":"t","partition":0,"offset":5}]})"}) {
    const auto request = ack_of(body);
    ASSERT_TRUE(request) << body;
    EXPECT_EQ(request->spec.fallback, core::Default::kKeep) << body;
  }
  EXPECT_EQ(ack_of(R"({"release":[0],"default":"accept"})")->spec.fallback, core::Default::kAccept);
  EXPECT_EQ(ack_of(R"({"default":"keep"})")->spec.fallback, core::Default::kKeep);
}

TEST(AckRequest, ReadsEverySelector) {
  const auto request = ack_of(
      R"({"accept":[{"topic":"t","partition":1,"offset":5},{"topic":"t","partition":1,"from":7,"to":9},0,1,2,4],)"
      R"("through":[{"topic":"u","partition":0,"offset":3}],"release":[{"topic":"t","partition":1,"offset":6,"delay_ms":50}],)"
      R"("delay_ms":20,"commit":"async"})");
  ASSERT_TRUE(request) << request.error().detail;
  const auto& accept = request->spec.accept;
  ASSERT_EQ(accept.size(), 5U);
  EXPECT_EQ(std::get<core::OffsetSelector>(accept[0]).range, (core::OffsetRange{5, 5}));
  EXPECT_EQ(std::get<core::OffsetSelector>(accept[1]).range, (core::OffsetRange{7, 9}));
  EXPECT_EQ(std::get<core::IndexSelector>(accept[2]).first, 0U);
  EXPECT_EQ(std::get<core::IndexSelector>(accept[2]).last, 2U);
  EXPECT_EQ(std::get<core::IndexSelector>(accept[3]).first, 4U);
  EXPECT_EQ(std::get<core::ThroughSelector>(accept[4]).offset, 3);
  ASSERT_EQ(request->spec.release.size(), 1U);
  EXPECT_EQ(request->spec.release[0].delay, milliseconds(50));
  EXPECT_FALSE(request->sync);
}

TEST(AckRequest, GivesEachReleaseItsOwnDelayElseThatOfTheRequestElseNone) {
  const auto request = ack_of(R"({"release":[0,1,{"index":2,"delay_ms":50},{"index":3}],"delay_ms":20})");
  ASSERT_TRUE(request) << request.error().detail;
  const auto& release = request->spec.release;
  ASSERT_EQ(release.size(), 3U) << "neighbours with the same delay are one run";
  EXPECT_EQ(std::get<core::IndexSelector>(release[0].which).last, 1U);
  EXPECT_EQ(release[0].delay, milliseconds(20));
  EXPECT_EQ(release[1].delay, milliseconds(50));
  EXPECT_EQ(release[2].delay, milliseconds(20));
  EXPECT_FALSE(ack_of(R"({"release":[0]})")->spec.release[0].delay) << "the consumer's own back-off";
}

TEST(AckRequest, ReadsReasonsOfRejectedRecords) {
  const auto request = ack_of(
      R"({"reject":[{"index":1,"reason":"no such customer"},{"topic":"t","partition":0,"offset":7},3,4]})");
  ASSERT_TRUE(request) << request.error().detail;
  const auto& reject = request->spec.reject;
  ASSERT_EQ(reject.size(), 3U);
  EXPECT_EQ(std::get<core::IndexSelector>(reject[0].which).first, 1U);
  EXPECT_EQ(reject[0].reason, "no such customer");
  EXPECT_EQ(std::get<core::OffsetSelector>(reject[1].which).range, (core::OffsetRange{7, 7}));
  EXPECT_EQ(std::get<core::IndexSelector>(reject[2].which).last, 4U);
  EXPECT_EQ(request->spec.fallback, core::Default::kKeep);
}

TEST(AckRequest, RefusesToRejectWhereThereIsNoDeadLetterTopic) {
  const AckRules rules{.sync = true, .can_reject = false};
  const auto request = ack_of(R"({"reject":[0]})", rules);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().field, "reject");
  EXPECT_NE(request.error().detail.find("set dead.letter.topic"), std::string::npos);
  EXPECT_TRUE(ack_of(R"({"reject":[],"accept":[0]})", rules)) << "nothing is rejected";
}

TEST(AckRequest, WaitsForTheCommitUnlessTheConsumerCollectsAcks) {
  const AckRules collects{.sync = false, .can_reject = true};
  EXPECT_FALSE(ack_of("{}", collects)->sync);
  EXPECT_FALSE(ack_of("{}", collects)->spec.await_commit);
  EXPECT_TRUE(ack_of(R"({"commit":"sync"})", collects)->sync);
  EXPECT_TRUE(ack_of("{}")->sync);
}

TEST(AckRequest, RefusesBadRequestsAndNamesTheMember) {
  const std::vector<Refused> table{
      {R"({"acept":[]})", 422, "acept", "`accept`"},
      {R"({"reject":{}})", 422, "reject", "array"},
      {R"({"reject":[{"index":0,"delay_ms":1}]})", 422, "reject[0].delay_ms", "members are"},
      {R"({"accept":[{"index":0,"reason":"x"}]})", 422, "accept[0].reason", "members are"},
      {R"({"accept":[{"index":0,"offset":5}]})", 422, "accept[0].index", "by itself"},
      {R"({"accept":[{"index":-1}]})", 422, "accept[0].index", "at least 0"},
      {R"({"reject":[{"index":0,"reason":7}]})", 422, "reject[0].reason", "string"},
      {R"({"accept":{}})", 422, "accept", "array"},
      {R"({"accept":["x"]})", 422, "accept[0]", "position"},
      {R"({"accept":[1.5]})", 422, "accept[0]", "position"},
      {R"({"accept":[-1]})", 422, "accept[0]", "position"},
      {R"({"accept":[4294967296]})", 422, "accept[0]", "position"},
      {R"({"accept":[{}]})", 422, "accept[0].topic", "missing"},
      {R"({"accept":[0,{"topic":"t","partition":0}]})", 422, "accept[1].from", "missing"},
      {R"({"accept":[{"topic":"t","partition":0,"from":1}]})", 422, "accept[0].to", "missing"},
      {R"({"accept":[{"topic":"t","partition":0,"from":5,"to":4}]})", 422, "accept[0].to", "below"},
      {R"({"accept":[{"topic":"t","partition":0,"offset":5,"to":4}]})", 422, "accept[0].offset", "either"},
      {R"({"accept":[{"topic":"t","partition":-1,"offset":5}]})", 422, "accept[0].partition", "at least 0"},
      {R"({"accept":[{"topic":"t","partition":2147483648,"offset":5}]})", 422, "accept[0].partition",
       "at most"},
      {R"({"accept":[{"topic":"t","partition":0,"offset":"5"}]})", 422, "accept[0].offset", "whole number"},
      {R"({"accept":[{"topic":"t","partition":0,"offset":9223372036854775807}]})", 422, "accept[0].offset",
       "at most"},
      {R"({"accept":[{"topic":"t","partition":0,"offset":1,"delay_ms":1}]})", 422, "accept[0].delay_ms",
       "members are"},
      {R"({"through":[{"topic":"t","partition":0,"from":1}]})", 422, "through[0].from", "members are"},
      {R"({"default":"reject"})", 422, "default", "accept, keep"},
      {R"({"commit":"later"})", 422, "commit", "sync, async"},
      {R"({"delay_ms":-1})", 422, "delay_ms", "at least 0"},
      {R"({"batch_id":"x"})", 422, "batch_id", "members are"},
  };
  for (const Refused& row : table) {
    const auto request = ack_of(row.body);
    ASSERT_FALSE(request) << row.body;
    EXPECT_EQ(info(request.error().type).status, row.status) << row.body;
    EXPECT_EQ(request.error().field, row.field) << row.body;
    EXPECT_NE(request.error().detail.find(row.says), std::string::npos)
        << row.body << " -> " << request.error().detail;
  }
}

TEST(Accept, ChoosesTheHeaviestTypeOnOffer) {
  constexpr std::string_view kJson = "application/json";
  constexpr std::string_view kLines = "application/x-ndjson";
  const auto choose = [&](std::string_view accept) { return choose_type(accept, {kJson, kLines}); };
  for (const char* accept : {"", "*/*", "application/*", "application/json", "text/html, */*;q=0.1",
                             "application/x-ndjson;q=0.5, application/json", "APPLICATION/JSON"}) {
    EXPECT_EQ(choose(accept), kJson) << accept;
  }
  for (const char* accept :
       {"application/x-ndjson", "application/json;q=0.1, application/x-ndjson", "*/*, application/json;q=0",
        "application/x-ndjson; q=0.9 , application/json;q=0.8"}) {
    EXPECT_EQ(choose(accept), kLines) << accept;
  }
  for (const char* accept :
       {"text/html", "application/json;q=0", "*/*;q=0", "image/*", "application/jsonx"}) {
    EXPECT_FALSE(choose(accept)) << accept;
  }
}

TEST(Accept, KnowsJsonBodies) {
  for (const char* good : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json; profile=x"}) {
    EXPECT_TRUE(is_json_type(good)) << good;
  }
  for (const char* bad : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json",
                          "application/json; charset=latin1", "multipart/form-data"}) {
    EXPECT_FALSE(is_json_type(bad)) << bad;
  }
}

}  // namespace
}  // namespace sluice::http
