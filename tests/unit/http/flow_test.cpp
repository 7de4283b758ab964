#include "tests/unit/http/http_client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

// Pause, resume, seek, commit and events, asked over a socket.
namespace sluice::http {
namespace {

using nlohmann::json;

const std::string kOrders = "/v1/consumers/orders";

core::PartitionStatus partition(core::PartitionId number, core::Offset position = 20) {
  core::PartitionStatus status;
  status.partition = {"orders", number};
  status.committed = 10;
  status.position = position;
  status.end = 100;
  return status;
}

core::Event event(core::EventType type, std::string text = {}) {
  core::Event happened;
  happened.wall_ms = testing::FakeService::kWallMs;
  happened.type = type;
  happened.text = std::move(text);
  return happened;
}

TEST(Pause, SaysWhatIsPausedNow) {
  TestServer server;
  server.orders.state.partitions = {partition(0), partition(1)};
  HttpClient client(server, Api::kData);
  const Answer one = client.post(kOrders + "/pause", R"({"partitions":[{"topic":"orders","partition":1}]})");
  ASSERT_EQ(one.status, 200) << one.body;
  EXPECT_EQ(one.body, R"({"consumer":"orders","paused":false,"partitions":[)"
                      R"({"topic":"orders","partition":0,"paused":false},)"
                      R"({"topic":"orders","partition":1,"paused":true}]})");
  const json all = client.post(kOrders + "/pause", "").json();
  EXPECT_EQ(all["paused"], true);
  EXPECT_EQ(all["partitions"][0]["paused"], true);
  EXPECT_EQ(client.post(kOrders + "/pause", "").json(), all) << "twice is as once";
  const json resumed = client.post(kOrders + "/resume", "{}").json();
  EXPECT_EQ(resumed["paused"], false);
  EXPECT_EQ(resumed["partitions"][1]["paused"], false);
  EXPECT_TRUE(server.orders.paused[1].is_all());
}

TEST(Pause, GoesOnWhileDraining) {
  TestServer server;
  server.service.is_draining = true;
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kOrders + "/pause", "").status, 200);
  EXPECT_EQ(client.post(kOrders + "/resume", "").status, 200);
}

TEST(Pause, RefusesWhatItMust) {
  TestServer server;
  HttpClient client(server, Api::kData);
  for (const char* what : {"/pause", "/resume"}) {
    const Answer stranger = client.post(kOrders + what, R"({"topics":["invoices"]})");
    EXPECT_EQ(stranger.status, 422);
    EXPECT_EQ(stranger.json()["field"], "topics[0]");
    EXPECT_EQ(client.post(kOrders + what, R"({"topics":[]})").json()["field"], "topics");
    EXPECT_EQ(client.post(kOrders + what + "?topics=orders", "").slug(), "invalid-value");
    EXPECT_EQ(client.post("/v1/consumers/nobody" + std::string(what), "").slug(), "unknown-consumer");
    EXPECT_EQ(client.get(kOrders + what).status, 405);
  }
  EXPECT_TRUE(server.orders.paused.empty());
  EXPECT_TRUE(server.orders.resumed.empty());
}

TEST(Seek, AnswersWithTheNewPositionsWhenTheyAreCommitted) {
  TestServer server;
  server.orders.state.partitions = {partition(0), partition(1, 55)};
  server.orders.seek_result = core::SeekResult{{{"orders", 1}}, {}, 3, 9};
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(
      kOrders + "/seek", R"({"to":{"offset":55},"partitions":[{"topic":"orders","partition":1}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, R"({"partitions":[{"topic":"orders","partition":1,"position":55,"committed":10}],)"
                         R"("voided_records":3})");
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{9});
  EXPECT_EQ(server.orders.seeks[0].second.offset, 55);
}

TEST(Seek, CountsADurationBackFromNow) {
  TestServer server;
  server.orders.state.partitions = {partition(0)};
  server.orders.seek_result = core::SeekResult{{{"orders", 0}}, {}, 0, 9};
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kOrders + "/seek", R"({"to":{"duration":"PT1H"}})").status, 200);
  EXPECT_NEAR(static_cast<double>(server.orders.seeks[0].second.timestamp_ms),
              static_cast<double>(testing::FakeService::kWallMs - 3'600'000), 60'000);
}

TEST(Seek, TellsWhyNothingWasMoved) {
  TestServer server;
  server.orders.state.partitions = {partition(0)};
  HttpClient client(server, Api::kData);
  const std::string offset = R"({"to":{"offset":500},"partitions":[{"topic":"orders","partition":0}]})";
  server.orders.seek_result = tl::unexpected(std::string("orders-0: offset 500 is outside of its log"));
  const Answer outside = client.post(kOrders + "/seek", offset);
  EXPECT_EQ(outside.status, 422);
  EXPECT_EQ(outside.json()["field"], "to");
  EXPECT_EQ(outside.json()["detail"], "orders-0: offset 500 is outside of its log.");

  server.orders.state.partitions[0].end.reset();
  const Answer later = client.post(kOrders + "/seek", offset);
  EXPECT_EQ(later.slug(), "unavailable") << "the end of its log is not known yet";
  EXPECT_EQ(later.json()["retryable"], true);

  server.orders.seek_result = core::SeekResult{{}, {{"orders", 4}, {"orders", 5}}, 0, 0};
  const Answer stranger = client.post(kOrders + "/seek", R"({"to":"end"})");
  EXPECT_EQ(stranger.slug(), "conflict");
  EXPECT_EQ(stranger.json()["retryable"], false);
  EXPECT_NE(stranger.json()["detail"].get<std::string>().find("orders-4, orders-5"), std::string::npos);

  server.orders.state.state = "joining";
  server.orders.seek_result = core::SeekResult{};
  const Answer joining = client.post(kOrders + "/seek", R"({"to":"end"})");
  EXPECT_EQ(joining.slug(), "conflict");
  EXPECT_EQ(joining.json()["retryable"], true);
  EXPECT_TRUE(server.orders.commit_waits.empty());
}

TEST(Seek, SaysWhenTheNewPositionsAreNotCommitted) {
  TestServer server;
  server.orders.state.partitions = {partition(0)};
  server.orders.seek_result = core::SeekResult{{{"orders", 0}}, {}, 3, 9};
  HttpClient client(server, Api::kData);
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  const Answer failed = client.post(kOrders + "/seek", R"({"to":"end"})");
  EXPECT_EQ(failed.slug(), "unavailable");
  EXPECT_EQ(failed.json()["voided_records"], 3);
  server.orders.commit_outcome = core::CommitOutcome::kFenced;
  EXPECT_EQ(client.post(kOrders + "/seek", R"({"to":"end"})").slug(), "conflict");
}

TEST(Seek, EndsWithItsClient) {
  TestServer server;
  server.orders.seek_result = core::SeekResult{{{"orders", 0}}, {}, 3, 9};
  server.orders.commit_hangs = true;
  HttpClient client(server, Api::kData);
  const std::string body = R"({"to":"end"})";
  client.send("POST " + kOrders + "/seek HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  ASSERT_TRUE(server.pump_until([&] { return !server.orders.commit_waits.empty(); }));
  client.hang_up();
  EXPECT_TRUE(server.pump_until([&] { return !server.orders.stopped_waits.empty(); }));
}

TEST(Seek, RefusesWhatItMust) {
  TestServer server;
  server.orders.seek_result = core::SeekResult{{{"orders", 0}}, {}, 0, 9};
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kOrders + "/seek", "").json()["field"], "to");
  EXPECT_EQ(client.post("/v1/consumers/nobody/seek", R"({"to":"end"})").slug(), "unknown-consumer");
  EXPECT_EQ(client.post(kOrders + "/seek?to=end", "").slug(), "invalid-value");
  server.service.is_draining = true;
  const Answer draining = client.post(kOrders + "/seek", R"({"to":"end"})");
  EXPECT_EQ(draining.slug(), "draining");
  EXPECT_EQ(draining.status, 503);
  EXPECT_TRUE(server.orders.seeks.empty());
}

TEST(Commit, SaysWhatIsCommitted) {
  TestServer server;
  server.orders.commit_offsets = {{{"orders", 3}, 11, std::nullopt}};
  server.orders.commit_ticket = 4;
  server.service.is_draining = true;
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kOrders + "/commit", "");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      answer.body,
      R"({"offsets":[{"topic":"orders","partition":3,"acked_through":11,"committed":12}],"committed":true})");
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{4});
  server.orders.commit_ticket = 0;
  EXPECT_EQ(client.post(kOrders + "/commit", "{}").json()["committed"], true);
  EXPECT_EQ(server.orders.commit_waits.size(), 1U) << "there was nothing to wait for";
}

TEST(Commit, TellsEveryWayToFailFromTheOthers) {
  TestServer server;
  server.orders.commit_offsets = {{{"orders", 3}, 11, std::nullopt}};
  server.orders.commit_ticket = 4;
  HttpClient client(server, Api::kData);
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  const Answer failed = client.post(kOrders + "/commit", "");
  EXPECT_EQ(failed.slug(), "unavailable");
  EXPECT_EQ(failed.json()["committed"], false);
  EXPECT_EQ(failed.json()["offsets"][0]["acked_through"], 11);
  server.orders.commit_outcome = core::CommitOutcome::kFenced;
  EXPECT_EQ(client.post(kOrders + "/commit", "").slug(), "conflict");
  EXPECT_EQ(client.post(kOrders + "/commit", R"({"x":1})").slug(), "invalid-value");
  EXPECT_EQ(client.post("/v1/consumers/nobody/commit", "").slug(), "unknown-consumer");
  EXPECT_EQ(server.orders.commits, 2);
}

TEST(Events, AreToldFromTheOldestOn) {
  TestServer server;
  core::Event revoking = event(core::EventType::kRevoking);
  revoking.partitions = {{"orders", 3}};
  revoking.deadline = server.service.now() + std::chrono::seconds(20);
  server.orders.log.add(event(core::EventType::kAssigned));
  server.orders.log.add(revoking);
  core::Event letter = event(core::EventType::kDeadLettered, "rejected");
  letter.offsets = core::OffsetRange{5, 7};
  server.orders.log.add(letter);
  server.orders.log.add(letter);
  HttpClient client(server, Api::kData);
  const json body = client.get(kOrders + "/events").json();
  ASSERT_EQ(body["events"].size(), 3U);
  EXPECT_EQ(body["events"][0]["type"], "assigned");
  EXPECT_EQ(body["events"][0]["at"], "2023-11-14T22:13:20.000Z");
  EXPECT_FALSE(body["events"][0].contains("count"));
  EXPECT_FALSE(body["events"][0].contains("deadline"));
  EXPECT_EQ(body["events"][1]["partitions"][0]["partition"], 3);
  EXPECT_TRUE(body["events"][1]["deadline"].get<std::string>().starts_with("2023-11-14T22:13:"));
  EXPECT_EQ(body["events"][2]["count"], 2);
  EXPECT_EQ(body["events"][2]["offsets"]["from"], 5);
  EXPECT_EQ(body["events"][2]["offsets"]["to"], 7);
  EXPECT_EQ(body["events"][2]["text"], "rejected");
  EXPECT_EQ(body["next"], 4);
  EXPECT_EQ(body["gap"], false);
}

TEST(Events, ComeInPagesAndSayWhenSomeAreMissing) {
  TestServer server;
  server.orders.log.add(event(core::EventType::kAssigned));
  server.orders.log.add(event(core::EventType::kPaused));
  server.orders.log.add(event(core::EventType::kResumed));
  HttpClient client(server, Api::kData);
  const json first = client.get(kOrders + "/events?since=1&max=1").json();
  EXPECT_EQ(first["events"].size(), 1U);
  EXPECT_EQ(first["next"], 2);
  const json rest = client.get(kOrders + "/events?since=2&max=5000").json();
  EXPECT_EQ(rest["events"].size(), 1U);
  EXPECT_EQ(client.get(kOrders + "/events?since=99").json()["gap"], true);
}

TEST(Events, AreWaitedForNoLongerThanAsked) {
  TestServer server;
  HttpClient client(server, Api::kData);
  const json at_once = client.get(kOrders + "/events").json();
  EXPECT_EQ(at_once["events"], json::array());
  EXPECT_EQ(at_once["next"], 0);
  EXPECT_TRUE(server.orders.event_waits.empty());
  EXPECT_EQ(client.get(kOrders + "/events?wait_ms=1").json()["events"], json::array());
  EXPECT_EQ(server.orders.event_waits.size(), 1U);

  client.send("GET " + kOrders + "/events?wait_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(server.pump_until([&] { return server.orders.event_waits.size() == 2; }));
  server.orders.log.add(event(core::EventType::kIdle));
  server.orders.event_waits[1]->wake();
  EXPECT_EQ(client.receive().json()["events"][0]["type"], "idle");
}

TEST(Events, EndWithTheirReader) {
  TestServer server;
  HttpClient client(server, Api::kData);
  client.send("GET " + kOrders + "/events?wait_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(server.pump_until([&] { return !server.orders.event_waits.empty(); }));
  client.hang_up();
  EXPECT_TRUE(server.pump_until([&] { return server.orders.cancelled_events == 1; }));
}

TEST(Events, RefuseWhatTheyMust) {
  TestServer server;
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.get("/v1/consumers/nobody/events").slug(), "unknown-consumer");
  EXPECT_EQ(client.get(kOrders + "/events?since=-1").json()["field"], "since");
  EXPECT_EQ(client.get(kOrders + "/events?since=x").json()["field"], "since");
  EXPECT_EQ(client.get(kOrders + "/events?max=0").json()["field"], "max");
  EXPECT_EQ(client.get(kOrders + "/events?limit=5").slug(), "invalid-value");
  EXPECT_EQ(client.post(kOrders + "/events", "").status, 405);
}

}  // namespace
}  // namespace sluice::http
