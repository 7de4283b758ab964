#include "daemon/http/status_page.hpp"
#include "tests/unit/http/http_client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

// What the routes do, asked over a socket.
namespace sluice::http {
namespace {

using nlohmann::json;
using testing::BatchBuilder;

const std::string kId = "00000000000011110000000000000001";
const std::string kBatch = "/v1/consumers/orders/batches/" + kId;
constexpr const char* kFetch = "/v1/consumers/orders/fetch";

core::BatchId batch_id() { return *core::BatchId::parse(kId); }

core::FetchResult small_batch(const testing::FakeService& service) {
  core::FetchResult result;
  result.batch = BatchBuilder(1).add({"orders", 3}, testing::simple_batch(10, 2)).build();
  result.lease_expires_at = service.now() + std::chrono::seconds(30);
  result.backlog = 7;
  return result;
}

core::AckResult settled() {
  core::AckResult result;
  result.accepted = 2;
  result.refused = {{{"orders", 3}, {15, 16}, core::Refusal::kNotInBatch}};
  result.offsets = {{{"orders", 3}, 11, std::nullopt}};
  result.commit_ticket = 5;
  result.pending = true;
  return result;
}

TEST(Fetch, AnswersABatchWithItsIdBeforeItsRecords) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kFetch, R"({"max_records":10,"lease_ms":5000})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_TRUE(answer.body.starts_with(R"({"batch_id":")" + kId + R"(","lease_expires_at":"2023-11-14T22:1)"));
  const json body = answer.json();
  EXPECT_EQ(body["records"].size(), 2U);
  EXPECT_EQ(body["records"][0]["value"], "v10");
  EXPECT_EQ(body["records"][1]["offset"], 11);
  EXPECT_EQ(body["backlog"], 7);
  EXPECT_EQ(body["truncated_by"], nullptr);
  EXPECT_EQ(body["revoking"], json::array());
  EXPECT_EQ(body["used"]["max_records"], 10);
  EXPECT_EQ(body["used"]["lease_ms"], 5000);
  EXPECT_EQ(body["used"]["mode"], "lease");
  EXPECT_FALSE(body.contains("reason"));
  EXPECT_FALSE(body.contains("repeated"));
}

TEST(Fetch, SaysWhyThereIsNothing) {
  TestServer server;
  core::FetchResult result;
  result.reason = core::EmptyReason::kPaused;
  result.revoking = {{{"orders", 1}, server.service.now() + std::chrono::seconds(5)}};
  server.orders.answer = result;
  HttpClient client(server, Api::kData);
  const json body = client.post(kFetch, "").json();
  EXPECT_EQ(body["batch_id"], nullptr);
  EXPECT_EQ(body["lease_expires_at"], nullptr);
  EXPECT_EQ(body["records"], json::array());
  EXPECT_EQ(body["reason"], "paused");
  EXPECT_EQ(body["revoking"][0]["topic"], "orders");
  EXPECT_TRUE(body["revoking"][0]["deadline"].is_string());
}

TEST(Fetch, GivesLinesWhenAsked) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  server.orders.answer->truncated_by = core::TruncatedBy::kMaxRecords;
  server.orders.answer->repeated = true;
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kFetch, "{}", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(answer.headers.at("content-type"), "application/x-ndjson");
  std::vector<json> lines;
  for (std::size_t at = 0; at < answer.body.size(); at = answer.body.find('\n', at) + 1) {
    lines.push_back(json::parse(answer.body.substr(at, answer.body.find('\n', at) - at)));
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["batch_id"], kId);
  EXPECT_EQ(lines[0]["truncated_by"], "max_records");
  EXPECT_EQ(lines[0]["repeated"], true);
  EXPECT_FALSE(lines[0].contains("records"));
  EXPECT_EQ(lines[2]["offset"], 11);
}

TEST(Fetch, GivesALineOfItsOwnWhenThereIsNothing) {
  TestServer server;
  server.orders.answer = core::FetchResult();
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kFetch, "{}", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(json::parse(answer.body)["reason"], "timeout");
  EXPECT_TRUE(answer.body.ends_with("}\n"));
}

TEST(Fetch, TakesItsParametersFromTheQuery) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const Answer answer =
      client.post(std::string(kFetch) + "?max_records=3&encoding.value=base64&topics=orders", "");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(server.orders.fetches[0].max_records, 3);
  EXPECT_EQ(server.orders.fetches[0].topics, std::vector<std::string>{"orders"});
  EXPECT_EQ(answer.json()["records"][0]["value"], "djEw");
  EXPECT_EQ(client.post(std::string(kFetch) + "?max_records=3", R"({"wait_ms":0})").status, 400);
  EXPECT_EQ(client.post(std::string(kFetch) + "?max_record=3", "").status, 422);
}

TEST(Fetch, TellsTheLastDelivery) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  const auto batch = BatchBuilder(1)
                         .add({"orders", 3}, testing::simple_batch(10, 1))
                         .add({"orders", 4}, testing::simple_batch(50, 1))
                         .build();
  batch->slices[0].segments[0].is_final = true;
  server.orders.answer->batch = batch;
  HttpClient client(server, Api::kData);
  const json records = client.post(kFetch, "{}").json()["records"];
  EXPECT_EQ(records[0]["final"], true);
  EXPECT_EQ(records[1]["final"], false);
}

TEST(Fetch, SettlesAnEarlierBatchFirst) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const json body = client.post(kFetch, R"({"ack":{"batch_id":")" + kId + R"("}})").json();
  ASSERT_EQ(server.orders.acks.size(), 1U);
  EXPECT_EQ(server.orders.acks[0].first, batch_id());
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{5});
  EXPECT_EQ(body["ack"]["accepted"], 2);
  EXPECT_EQ(body["ack"]["committed"], true);
  EXPECT_EQ(body["ack"]["offsets"][0]["committed"], 12);
  EXPECT_EQ(body["records"].size(), 2U);
}

TEST(Fetch, DoesNotWaitForACommitThatMayComeLater) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const json body = client.post(kFetch, R"({"ack":{"batch_id":")" + kId + R"(","commit":"async"}})").json();
  EXPECT_TRUE(server.orders.commit_waits.empty());
  EXPECT_EQ(body["ack"]["committed"], false);
}

TEST(Fetch, SaysWhatBecameOfAnAckWhoseLeaseIsGoneAndFetchesAllTheSame) {
  TestServer server;
  server.orders.ack_result.lease_gone = true;
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const std::string ask = R"({"ack":{"batch_id":")" + kId + R"("}})";
  json body = client.post(kFetch, ask).json();
  EXPECT_EQ(body["ack"]["problem"], "/problems/lease-gone");
  EXPECT_EQ(body["records"].size(), 2U);
  server.orders.ack_result.found = false;
  body = client.post(kFetch, ask).json();
  EXPECT_EQ(body["ack"]["problem"], "/problems/unknown-batch");
}

TEST(Fetch, GivesTheBatchBackWhenTheCommitFails) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kFetch, R"({"ack":{"batch_id":")" + kId + R"("}})");
  EXPECT_EQ(answer.slug(), "unavailable");
  EXPECT_EQ(answer.json()["accepted"], 2);
  EXPECT_EQ(answer.json()["committed"], false);
  EXPECT_EQ(server.orders.cancelled, 1);
}

TEST(Fetch, OfModeAutoAnswersWhenItsCommitIsDone) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  server.orders.answer->commit_ticket = 7;
  HttpClient client(server, Api::kData);
  const json body = client.post(kFetch, R"({"mode":"auto"})").json();
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{7});
  EXPECT_EQ(body["records"].size(), 2U);
  EXPECT_EQ(body["used"]["mode"], "auto");
}

TEST(Fetch, OfModeAutoHandsNothingOutWhenItsCommitFails) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  server.orders.answer->commit_ticket = 7;
  HttpClient client(server, Api::kData);
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  const Answer failed = client.post(kFetch, R"({"mode":"auto"})");
  EXPECT_EQ(failed.slug(), "unavailable");
  EXPECT_NE(failed.json()["detail"].get<std::string>().find("may be lost"), std::string::npos);
  EXPECT_EQ(failed.json()["not_delivered"],
            json::parse(R"([{"topic":"orders","partition":3,"from":10,"to":11}])"));
  server.orders.commit_outcome = core::CommitOutcome::kFenced;
  EXPECT_EQ(client.post(kFetch, R"({"mode":"auto"})").slug(), "conflict");
}

TEST(Fetch, OfModeAutoBeginsOnlyWhenTheCommitOfItsAckIsDone) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  server.orders.answer = small_batch(server.service);
  HttpClient client(server, Api::kData);
  const std::string ask = R"({"mode":"auto","ack":{"batch_id":")" + kId + R"("}})";
  EXPECT_EQ(client.post(kFetch, ask).slug(), "unavailable");
  EXPECT_TRUE(server.orders.fetches.empty()) << "what it would settle could not be given back";
  server.orders.commit_outcome = core::CommitOutcome::kCommitted;
  const json body = client.post(kFetch, ask).json();
  EXPECT_EQ(body["ack"]["committed"], true);
  EXPECT_EQ(body["records"].size(), 2U);
}

TEST(Fetch, OfModeAutoTakesNothingWhileAnEarlierCommitIsOpen) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  server.orders.commit_ticket = 3;
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  HttpClient client(server, Api::kData);
  const Answer refused = client.post(kFetch, R"({"mode":"auto"})");
  EXPECT_EQ(refused.slug(), "unavailable");
  EXPECT_TRUE(server.orders.fetches.empty()) << "or every try would lose a batch";
  server.orders.commit_outcome = core::CommitOutcome::kFenced;
  EXPECT_EQ(client.post(kFetch, R"({"mode":"auto"})").status, 200) << "those records are others' now";
  EXPECT_EQ(client.post(kFetch, "{}").status, 200);
  EXPECT_EQ(server.orders.commits, 2) << "mode lease takes no notice";
}

TEST(Fetch, OfModeAutoEndsWithItsClient) {
  TestServer server;
  server.orders.answer = small_batch(server.service);
  server.orders.answer->commit_ticket = 7;
  server.orders.commit_hangs = true;
  HttpClient client(server, Api::kData);
  client.send("POST " + std::string(kFetch) + "?mode=auto HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(server.pump_until([&] { return !server.orders.commit_waits.empty(); }));
  client.hang_up();
  EXPECT_TRUE(server.pump_until([&] { return !server.orders.stopped_waits.empty(); }));
  EXPECT_EQ(server.orders.stopped_waits, std::vector<std::uint64_t>{7});
}

TEST(Fetch, RefusesWhatItMust) {
  TestServer server;
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post("/v1/consumers/nobody/fetch", "{}").slug(), "unknown-consumer");
  EXPECT_EQ(client.post(kFetch, "{}", "Accept: text/csv\r\n").slug(), "not-acceptable");
  EXPECT_EQ(client.post(kFetch, "{").slug(), "malformed-request");
  const Answer wrong = client.post(kFetch, R"({"max_records":0})");
  EXPECT_EQ(wrong.slug(), "invalid-value");
  EXPECT_EQ(wrong.json()["field"], "max_records");
  EXPECT_TRUE(server.orders.fetches.empty());
  server.orders.full = true;
  const Answer full = client.post(kFetch, "{}");
  EXPECT_EQ(full.slug(), "too-many-fetches");
  EXPECT_EQ(full.headers.at("retry-after"), "1");
  EXPECT_EQ(full.json()["consumer"], "orders");
}

TEST(Ack, SaysThatTheCoordinatorHasTheCommit) {
  TestServer server;
  server.orders.ack_result = settled();
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kBatch + "/ack", "");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      answer.body,
      R"({"accepted":2,"released":0,"rejected":0,"kept":0,"refused":[{"topic":"orders","partition":3,"from":15,"to":16,)"
      R"("reason":"not_in_batch"}],"offsets":[{"topic":"orders","partition":3,"acked_through":11,)"
      R"("committed":12}],"committed":true})");
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{5});
}

TEST(Ack, DoesNotWaitWhenToldNotTo) {
  TestServer server;
  server.orders.ack_result = settled();
  HttpClient client(server, Api::kData);
  const Answer answer = client.post(kBatch + "/ack", R"({"commit":"async","accept":[0]})");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json()["committed"], false);
  EXPECT_TRUE(server.orders.commit_waits.empty());
  EXPECT_EQ(server.orders.acks[0].second.fallback, core::Default::kKeep);
}

TEST(Ack, TellsEveryWayToFailFromTheOthers) {
  TestServer server;
  HttpClient client(server, Api::kData);
  server.orders.ack_result = settled();
  server.orders.commit_outcome = core::CommitOutcome::kFailed;
  const Answer away = client.post(kBatch + "/ack", "");
  EXPECT_EQ(away.slug(), "unavailable");
  EXPECT_EQ(away.json()["retryable"], true);
  EXPECT_EQ(away.json()["accepted"], 2);
  server.orders.commit_outcome = core::CommitOutcome::kFenced;
  EXPECT_EQ(client.post(kBatch + "/ack", "").slug(), "conflict");
  server.orders.ack_result.lease_gone = true;
  const Answer gone = client.post(kBatch + "/ack", "");
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(gone.slug(), "lease-gone");
  EXPECT_EQ(gone.json()["refused"][0]["reason"], "not_in_batch");
  EXPECT_EQ(gone.json()["batch_id"], kId);
  server.orders.ack_result.found = false;
  EXPECT_EQ(client.post(kBatch + "/ack", "").slug(), "unknown-batch");
  EXPECT_EQ(client.post("/v1/consumers/orders/batches/nope/ack", "").slug(), "unknown-batch");
  EXPECT_EQ(client.post("/v1/consumers/nobody/batches/" + kId + "/ack", "").slug(), "unknown-consumer");
  EXPECT_EQ(client.post(kBatch + "/ack", R"({"accpt":[]})").slug(), "invalid-value");
  EXPECT_EQ(client.post(kBatch + "/ack?x=1", "").slug(), "invalid-value");
}

TEST(Ack, CountsRejectedRecordsAndNeedsADeadLetterTopicForThem) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.ack_result.rejected = 1;
  HttpClient client(server, Api::kData);
  const std::string ask = R"({"reject":[{"index":0,"reason":"no such customer"}]})";
  EXPECT_EQ(client.post(kBatch + "/ack", ask).json()["rejected"], 1);
  ASSERT_EQ(server.orders.acks.size(), 1U);
  EXPECT_EQ(server.orders.acks[0].second.reject[0].reason, "no such customer");
  server.orders.has_letters = false;
  const Answer refused = client.post(kBatch + "/ack", ask);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json()["field"], "reject");
  EXPECT_NE(refused.json()["detail"].get<std::string>().find("dead.letter.topic"), std::string::npos);
  const Answer inside = client.post(kFetch, R"({"ack":{"batch_id":")" + kId + R"(","reject":[0]}})");
  EXPECT_EQ(inside.json()["field"], "ack.reject");
  EXPECT_EQ(server.orders.acks.size(), 1U) << "nothing was settled";
}

TEST(Ack, IsNotWaitedForWhereAcksAreCollectedBeforeACommit) {
  TestServer server;
  server.orders.ack_result = settled();
  server.orders.every_ack = false;
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kBatch + "/ack", "").status, 202);
  EXPECT_EQ(client.post(kBatch + "/ack", R"({"commit":"sync"})").status, 200);
  EXPECT_EQ(server.orders.commit_waits, std::vector<std::uint64_t>{5});
}

TEST(Extend, GivesTheNewDeadline) {
  TestServer server;
  server.orders.lease_result.expires_at = server.service.now() + std::chrono::seconds(60);
  HttpClient client(server, Api::kData);
  const json body = client.post(kBatch + "/extend", R"({"lease_ms":60000})").json();
  EXPECT_EQ(body["batch_id"], kId);
  EXPECT_TRUE(body["lease_expires_at"].get<std::string>().starts_with("2023-11-14T22:14:"));
  EXPECT_EQ(client.post(kBatch + "/extend", "").status, 200);
  ASSERT_EQ(server.orders.extended.size(), 2U);
  EXPECT_EQ(server.orders.extended[0].second, std::chrono::minutes(1));
  EXPECT_EQ(server.orders.extended[1].second, std::chrono::seconds(30)) << "the consumer's own lease";
  EXPECT_EQ(client.post(kBatch + "/extend", R"({"lease_ms":0})").slug(), "invalid-value");
  server.orders.lease_result.lease_gone = true;
  EXPECT_EQ(client.post(kBatch + "/extend", "").slug(), "lease-gone");
  server.orders.lease_result.found = false;
  EXPECT_EQ(client.post(kBatch + "/extend", "").slug(), "unknown-batch");
}

TEST(Release, SaysHowManyWentBack) {
  TestServer server;
  server.orders.lease_result.released = 4;
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kBatch + "/release", R"({"delay_ms":250})").json()["released"], 4);
  EXPECT_EQ(server.orders.released[0].second, milliseconds(250));
  EXPECT_EQ(client.post(kBatch + "/release", R"({"delay":250})").json()["field"], "delay");
  server.orders.lease_result.lease_gone = true;
  EXPECT_EQ(client.post(kBatch + "/release", "").slug(), "lease-gone");
}

TEST(Batches, ShowOpenLeasesAndTheirRecords) {
  TestServer server;
  core::OpenLease lease;
  lease.id = batch_id();
  lease.granted_at = server.service.now();
  lease.expires_at = server.service.now() + std::chrono::seconds(30);
  lease.records = 2;
  lease.ranges = {{{"orders", 3}, {10, 11}}};
  server.orders.state.leases = {lease};
  server.orders.open[batch_id()] = small_batch(server.service).batch;
  HttpClient client(server, Api::kData);
  const json list = client.get("/v1/consumers/orders/batches").json();
  EXPECT_EQ(list["batches"][0]["batch_id"], kId);
  EXPECT_EQ(list["batches"][0]["ranges"][0]["to"], 11);
  EXPECT_FALSE(client.get(kBatch).json().contains("records"));
  const json with_records = client.get(kBatch + "?records=true").json();
  EXPECT_EQ(with_records["records"].size(), 2U);
  EXPECT_EQ(with_records["record_count"], 2);
  EXPECT_EQ(client.get(kBatch + "?records=yes").slug(), "invalid-value");
  EXPECT_EQ(client.get("/v1/consumers/orders/batches/" + std::string(32, '0')).slug(), "unknown-batch");
}

TEST(Consumers, ShowStateLagAndWhatHoldsThemUp) {
  TestServer server;
  core::PartitionStatus partition;
  partition.partition = {"orders", 3};
  partition.committed = 10;
  partition.end = 25;
  partition.first_unsettled_timestamp = testing::FakeService::kWallMs - 5000;
  partition.blocked_by = core::BlockedBy{"leased", "leased by batch 3f for 42 s"};
  server.orders.state.partitions = {partition};
  server.orders.state.identity = {"member-1", 4, std::nullopt};
  server.orders.state.order = core::OrderMode::kKey;
  server.orders.state.window = {true, 100, -1, 3, 700, {}};
  HttpClient client(server, Api::kData);
  const json list = client.get("/v1/consumers").json();
  EXPECT_EQ(list["consumers"][0]["name"], "orders");
  EXPECT_EQ(list["consumers"][0]["lag"], 15);
  const json one = client.get("/v1/consumers/orders").json();
  EXPECT_EQ(one["member_id"], "member-1");
  EXPECT_EQ(one["partitions"][0]["lag"], 15);
  EXPECT_GE(one["partitions"][0]["lag_seconds"].get<double>(), 5.0);
  EXPECT_EQ(one["partitions"][0]["blocked_by"]["code"], "leased");
  EXPECT_EQ(one["partitions"][0]["position"], nullptr);
  EXPECT_EQ(one["partitions"][0]["settled_ahead"], 0);
  EXPECT_EQ(one["order"], "key");
  EXPECT_EQ(one["window"].dump(),
            R"({"bytes":null,"leased_bytes":700,"leased_records":3,"mode":"adaptive","records":100})");
  EXPECT_EQ(one["dead_letters"], nullptr);
  EXPECT_EQ(one["paused"], false);
  EXPECT_EQ(one["idle"], false);
  server.orders.state.dead_letters = {"orders.dead", 2, "no such topic"};
  const json letters = client.get("/v1/consumers/orders").json()["dead_letters"];
  EXPECT_EQ(letters["topic"], "orders.dead");
  EXPECT_EQ(letters["waiting"], 2);
  EXPECT_EQ(letters["error"], "no such topic");
  EXPECT_EQ(client.get("/v1/consumers/nobody").slug(), "unknown-consumer");
}

TEST(Consumers, SurviveNamesFromABrokerThatAreNoText) {
  TestServer server;
  server.orders.state.identity.member_id = "\xff\xfe";
  HttpClient client(server, Api::kData);
  EXPECT_TRUE(json::accept(client.get("/v1/consumers/orders").body));
}

TEST(Drain, BeginsFromBothListenersAndByGetOnlyWhereKubernetesNeedsIt) {
  {
    TestServer server;
    HttpClient client(server, Api::kData);
    EXPECT_EQ(client.get("/v1/drain").status, 405);
    EXPECT_FALSE(server.service.is_draining);
    EXPECT_EQ(client.post("/v1/drain", "").status, 200);
    EXPECT_TRUE(server.service.is_draining);
  }
  TestServer server;
  HttpClient client(server, Api::kAdmin);
  EXPECT_EQ(client.get("/drain").json()["state"], "draining");
  EXPECT_TRUE(server.service.is_draining);
  EXPECT_EQ(client.post("/drain", "").status, 200);
}

TEST(Info, NamesTheVersionAndTheLimits) {
  TestServer server;
  HttpClient client(server, Api::kData);
  const json body = client.get("/v1/info").json();
  EXPECT_EQ(body["name"], "sluiced");
  EXPECT_FALSE(body["version"].get<std::string>().empty());
  EXPECT_EQ(body["limits"]["body_bytes"], 1048576);
}

TEST(Probes, AreLinesForPeopleAndJsonForProgrammes) {
  TestServer server;
  HttpClient client(server, Api::kAdmin);
  Answer answer = client.get("/readyz?verbose");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.body, "[+]api ok\n[+]joined ok\n");
  server.service.checks[1] = {"joined", false, "waiting for the coordinator"};
  answer = client.get("/readyz", "Accept: */*\r\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "[+]api ok\n[-]joined: waiting for the coordinator\n");
  answer = client.get("/startupz", "Accept: application/json\r\n");
  EXPECT_EQ(answer.json()["ok"], false);
  EXPECT_EQ(answer.json()["checks"][1]["detail"], "waiting for the coordinator");
  EXPECT_EQ(client.get("/livez").status, 200) << "a broker that is away is no reason to be restarted";
}

TEST(Admin, HasNoRecordsAndTheDataListenerNoProbes) {
  TestServer server;
  HttpClient admin(server, Api::kAdmin);
  EXPECT_EQ(admin.get(kBatch + "?records=true").slug(), "unknown-path");
  EXPECT_EQ(admin.post(kFetch, "{}").slug(), "unknown-path");
}

TEST(Admin, ExposesMetricsWithRouteTemplates) {
  TestServer server;
  HttpClient data(server, Api::kData);
  EXPECT_EQ(data.get("/v1/consumers/orders").status, 200);
  EXPECT_EQ(data.get("/v1/secret").status, 404);
  HttpClient client(server, Api::kAdmin);
  const Answer answer =
      client.get("/metrics", "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(
      answer.body.find(
          R"(sluice_http_requests_total{listener="data",route="/v1/consumers/{c}",method="GET",code="200"} 1)"),
      std::string::npos);
  EXPECT_NE(answer.body.find(
                R"(sluice_http_requests_total{listener="data",route="none",method="any",code="404"} 1)"),
            std::string::npos);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
}

TEST(StatusPage, LoadsNothingFromElsewhere) {
  TestServer server;
  HttpClient client(server, Api::kAdmin);
  const Answer answer = client.get("/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/html; charset=utf-8");
  const std::string& policy = answer.headers.at("content-security-policy");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'sha256-"));
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(answer.body, status_page_html());
  EXPECT_EQ(answer.body.find("https://"), std::string::npos);
  EXPECT_LT(answer.body.size(), 30'000U);
}

TEST(StatusPage, HashesExactlyTheScriptAndTheStyle) {
  // printf 'a' | openssl dgst -sha256 -binary | base64
  const std::string a = "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=";
  const std::string policy = content_security_policy("<style>a</style><script>a</script>");
  EXPECT_NE(policy.find("script-src 'sha256-" + a + "'"), std::string::npos);
  EXPECT_NE(policy.find("style-src 'sha256-" + a + "'"), std::string::npos);
}

TEST(Status, HasWhatThePageShows) {
  TestServer server;
  HttpClient client(server, Api::kAdmin);
  const json body = client.get("/status").json();
  for (const char* member : {"version", "state", "time", "drained", "memory", "checks", "consumers"}) {
    EXPECT_TRUE(body.contains(member)) << member;
  }
  EXPECT_EQ(body["memory"]["budget"], 64 << 20);
  EXPECT_EQ(body["consumers"][0]["name"], "orders");
}

}  // namespace
}  // namespace sluice::http
