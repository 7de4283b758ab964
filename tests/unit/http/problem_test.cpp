#include "daemon/http/problem.hpp"

#include "daemon/http/response.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>

namespace sluice::http {
namespace {

using nlohmann::json;

TEST(Problem, CatalogueIsTheOneThatClientsKnow) {
  const std::map<std::string, int> known{{"malformed-request", 400},
                                         {"invalid-value", 422},
                                         {"unknown-consumer", 404},
                                         {"unknown-batch", 404},
                                         {"unknown-path", 404},
                                         {"method-not-allowed", 405},
                                         {"not-acceptable", 406},
                                         {"unsupported-media-type", 415},
                                         {"body-too-large", 413},
                                         {"head-too-large", 431},
                                         {"expectation-failed", 417},
                                         {"lease-gone", 410},
                                         {"too-many-fetches", 429},
                                         {"draining", 503},
                                         {"unavailable", 503},
                                         {"forbidden-host", 403},
                                         {"forbidden-origin", 403},
                                         {"conflict", 409},
                                         {"internal", 500}};
  std::map<std::string, int> found;
  for (const ProblemInfo& row : problem_catalogue()) {
    EXPECT_EQ(info(row.type).slug, row.slug);
    found.emplace(row.slug, row.status);
  }
  EXPECT_EQ(found, known);
}

TEST(Problem, SaysWhenToTryAgainExactlyWhereThatHelps) {
  for (const ProblemInfo& row : problem_catalogue()) {
    EXPECT_EQ(row.retryable, row.status == 429 || row.status == 503) << row.slug;
    EXPECT_EQ(row.retry_after_seconds > 0, row.retryable) << row.slug;
  }
}

TEST(Problem, HasTheMembersOfRfc9457AndOurs) {
  const json body =
      json::parse(to_json({ProblemType::kLeaseGone, "Gone.", "accept[0]", "orders", "0a", "\"accepted\":0"}));
  EXPECT_EQ(body["type"], "/problems/lease-gone");
  EXPECT_EQ(body["title"], "The lease of this batch is gone");
  EXPECT_EQ(body["status"], 410);
  EXPECT_EQ(body["detail"], "Gone.");
  EXPECT_EQ(body["field"], "accept[0]");
  EXPECT_EQ(body["consumer"], "orders");
  EXPECT_EQ(body["batch_id"], "0a");
  EXPECT_EQ(body["retryable"], false);
  EXPECT_EQ(body["accepted"], 0);
  EXPECT_EQ(json::parse(to_json({ProblemType::kInternal, "", "", "", "", ""})).size(), 4U);
}

TEST(Problem, SurvivesBytesThatAreNoText) {
  EXPECT_TRUE(json::accept(to_json({ProblemType::kInternal, "\xff\"\n", "\xc0", "", "", ""})));
}

TEST(ResponseHead, IsComplete) {
  Response response = problem_response({ProblemType::kUnavailable, "", "", "", "", ""});
  response.allow = "GET";
  EXPECT_EQ(render_head(response, Framing::kLength, 12, false, "Sun, 06 Nov 1994 08:49:37 GMT"),
            "HTTP/1.1 503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/problem+json\r\nContent-Length: 12\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\nAllow: GET\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHead, HasAReasonForEveryStatusWeUse) {
  std::set<std::string> phrases;
  std::set<int> statuses;
  for (const ProblemInfo& row : problem_catalogue()) {
    statuses.insert(row.status);
    phrases.insert(
        render_head(problem_response({row.type, "", "", "", "", ""}), Framing::kLength, 0, true, "d")
            .substr(13, 12));
  }
  EXPECT_EQ(phrases.size(), statuses.size());
}

TEST(Time, IsWrittenAsHttpAndIsoWantIt) {
  EXPECT_EQ(http_date(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(iso_8601(784'111'777'005), "1994-11-06T08:49:37.005Z");
  EXPECT_EQ(iso_8601(1'709'164'800'000), "2024-02-29T00:00:00.000Z");
}

}  // namespace
}  // namespace sluice::http
