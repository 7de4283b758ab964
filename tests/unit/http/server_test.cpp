#include "daemon/http/server.hpp"

#include "tests/unit/http/http_client.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <vector>

// Connections: deadlines, limits, clients that leave, listeners.
namespace sluice::http {
namespace {

using testing::BatchBuilder;

constexpr const char* kFetch = "/v1/consumers/orders/fetch";

core::FetchResult batch_result(const std::shared_ptr<const core::Batch>& batch) {
  core::FetchResult result;
  result.batch = batch;
  return result;
}

std::shared_ptr<const core::Batch> large_batch(std::size_t records, std::size_t value_size) {
  testing::RecordBatchBuilder builder(0);
  const std::string value(value_size, 'v');
  for (std::size_t i = 0; i < records; ++i) builder.add(1, "k", value);
  return BatchBuilder(77).add({"t", 0}, builder.build()).build();
}

void send_fetch(HttpClient& client, const std::string& body = "{}", const std::string& more = "") {
  client.send("POST " + std::string(kFetch) +
              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + more +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

std::string socket_path(const std::string& name) {
  return ::testing::TempDir() + name + "-" + std::to_string(getpid()) + ".sock";
}

Options unix_only(const std::string& path) {
  Options options;
  options.data.endpoints = {{Endpoint::Kind::kUnix, "", 0, path}};
  return options;
}

std::string listen_error(Options options) {
  try {
    TestServer server(std::move(options));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
  TestServer server;
  HttpClient client(server, Api::kData);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client.get("/v1/consumers").status, 200);
  EXPECT_EQ(server.exporter.http().data.connections, 1U);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  HttpClient client(server, Api::kData);
  const std::string get = "GET /v1/consumers HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(get + "GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + get);
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().status, 200);
}

TEST(Server, AnswersAHeadRequestWithoutABody) {
  TestServer server;
  HttpClient client(server, Api::kData);
  client.send("HEAD /v1/consumers HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Answer answer = client.receive(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.headers.at("content-length"), "0");
  EXPECT_EQ(client.get("/v1/consumers").status, 200);
}

TEST(Server, AsksForABodyThatWaitsToBeAskedFor) {
  TestServer server;
  HttpClient client(server, Api::kData);
  server.orders.answer = core::FetchResult();
  client.send("POST " + std::string(kFetch) +
              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-Continue\r\n"
              "Content-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask("{}").status, 200);
}

TEST(Server, RefusesABodyBeforeAskingForIt) {
  TestServer server;
  HttpClient client(server, Api::kData);
  client.send(
      "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive().status, 404);
  client.finish_sending();
  EXPECT_TRUE(client.ends());
}

TEST(Server, NamesTheMethodsOfAPath) {
  TestServer server;
  HttpClient client(server, Api::kAdmin);
  const Answer answer = client.ask("PUT /drain HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, POST");
}

TEST(Server, ClosesAConnectionWhoseHeadTakesTooLong) {
  Options options;
  options.header_timeout = milliseconds(30);
  TestServer server(options);
  HttpClient nothing(server, Api::kData);
  HttpClient half(server, Api::kData);
  half.send("GET /v1/cons");
  EXPECT_TRUE(nothing.ends());
  EXPECT_TRUE(half.ends());
  EXPECT_EQ(server.exporter.http().data.deadlines_missed, 2U);
}

TEST(Server, CountsTheHeadAsAWholeHoweverItTrickles) {
  Options options;
  options.header_timeout = milliseconds(60);
  TestServer server(options);
  HttpClient client(server, Api::kData);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(server.pump_until([&] {
    client.send("G");
    return server.exporter.http().data.deadlines_missed > 0;
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Server, ClosesAConnectionWhoseBodyTakesTooLong) {
  Options options;
  options.body_timeout = milliseconds(30);
  TestServer server(options);
  HttpClient client(server, Api::kData);
  client.send(
      "POST " + std::string(kFetch) +
      " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_TRUE(client.ends());
  EXPECT_TRUE(server.orders.fetches.empty());
}

TEST(Server, ClosesAnIdleConnectionWithoutCallingItSlow) {
  Options options;
  options.idle_timeout = milliseconds(30);
  TestServer server(options);
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.get("/v1/consumers").status, 200);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.exporter.http().data.deadlines_missed, 0U);
}

TEST(Server, LetsAFetchWaitAsLongAsItWants) {
  Options options;
  options.header_timeout = options.body_timeout = options.write_timeout = options.idle_timeout =
      milliseconds(10);
  TestServer server(options);
  HttpClient client(server, Api::kData);
  send_fetch(client);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(
      server.pump_until([&] { return std::chrono::steady_clock::now() - begin > milliseconds(100); }));
  server.orders.waiting[0]->finish(core::FetchResult());
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(server.exporter.http().poll_wait_seconds.count(), 1U);
}

TEST(Server, CancelsTheFetchOfAClientThatLeft) {
  TestServer server;
  HttpClient client(server, Api::kData);
  send_fetch(client);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  client.hang_up();
  EXPECT_TRUE(server.pump_until([&] { return server.orders.cancelled == 1; }));
  EXPECT_TRUE(server.pump_until([&] { return server.exporter.http().data.connections == 0; }));
  EXPECT_EQ(server.exporter.http().clients_gone, 1U);
}

TEST(Server, SeesAClientLeaveBehindPipelinedRequests) {
  for (const int pipelined : {1, 1000}) {
    TestServer server;
    HttpClient client(server, Api::kData);
    send_fetch(client);
    ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
    for (int i = 0; i < pipelined; ++i) client.send("GET /v1/consumers HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (int i = 0; i < 5; ++i) server.pump();
    EXPECT_EQ(server.orders.cancelled, 0);
    client.hang_up();
    EXPECT_TRUE(server.pump_until([&] { return server.orders.cancelled == 1; })) << pipelined;
  }
}

TEST(Server, AnswersWhatWasPipelinedBehindAFetch) {
  TestServer server;
  HttpClient client(server, Api::kData);
  send_fetch(client);
  client.send("GET /v1/info HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  for (int i = 0; i < 5; ++i) server.pump();
  server.orders.waiting[0]->finish(core::FetchResult());
  EXPECT_EQ(client.receive().json()["batch_id"], nullptr);
  EXPECT_EQ(client.receive().json()["name"], "sluiced");
  EXPECT_EQ(server.orders.cancelled, 0);
}

TEST(Server, GivesABatchBackThatArrivedAfterItsClientLeft) {
  TestServer server;
  HttpClient client(server, Api::kData);
  send_fetch(client);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  // Both in one turn of the loop: the server cannot have seen the client leave.
  client.hang_up();
  const auto batch = large_batch(1, 10);
  server.orders.waiting[0]->finish(batch_result(batch));
  EXPECT_TRUE(server.pump_until([&] { return server.exporter.http().data.connections == 0; }));
  EXPECT_EQ(server.orders.cancelled + static_cast<int>(server.orders.undelivered.size()), 1);
}

TEST(Server, GivesABatchBackThatCouldNotBeWritten) {
  Options options;
  options.write_timeout = milliseconds(50);
  TestServer server(options);
  const auto batch = large_batch(400, 100'000);
  server.orders.answer = batch_result(batch);
  HttpClient client(server, Api::kData);
  client.read_slowly();
  send_fetch(client);
  EXPECT_TRUE(server.pump_until([&] { return !server.orders.undelivered.empty(); }));
  EXPECT_EQ(server.orders.undelivered, std::vector<core::BatchId>{batch->id});
  EXPECT_EQ(server.exporter.http().given_back_batches, 1U);
  EXPECT_TRUE(server.pump_until([&] { return server.exporter.http().data.connections == 0; }));
}

TEST(Server, DoesNotGiveBackWhatWasSettledAsItWasHandedOut) {
  Options options;
  options.write_timeout = milliseconds(50);
  TestServer server(options);
  server.orders.answer = batch_result(large_batch(400, 100'000));
  HttpClient client(server, Api::kData);
  client.read_slowly();
  send_fetch(client, R"({"mode":"auto"})");
  EXPECT_TRUE(server.pump_until([&] {
    return server.exporter.http().given_back_batches + server.exporter.http().data.deadlines_missed > 0;
  }));
  EXPECT_TRUE(server.orders.undelivered.empty());
}

TEST(Server, WritesALargeBatchInPiecesWithinBoundedMemory) {
  TestServer server;
  const auto batch = large_batch(300, 100'000);
  server.orders.answer = batch_result(batch);
  for (const bool lines : {false, true}) {
    HttpClient client(server, Api::kData);
    send_fetch(client, "{}", lines ? "Accept: application/x-ndjson\r\n" : "");
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
    ASSERT_TRUE(answer.complete);
    if (lines) {
      EXPECT_EQ(std::count(answer.body.begin(), answer.body.end(), '\n'), 301);
    } else {
      EXPECT_EQ(answer.json()["records"].size(), 300U);
    }
  }
  EXPECT_LT(server.service.memory.peak(), 6 << 20);
  EXPECT_TRUE(server.orders.undelivered.empty());
}

TEST(Server, EndsALargeAnswerByClosingForHttp10) {
  TestServer server;
  server.orders.answer = batch_result(large_batch(300, 100'000));
  HttpClient client(server, Api::kData);
  client.send("POST " + std::string(kFetch) + " HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const Answer answer = client.receive();
  EXPECT_FALSE(answer.headers.contains("transfer-encoding"));
  EXPECT_EQ(answer.json()["records"].size(), 300U);
}

TEST(Server, ChargesAnAnswerToTheBudgetWhileItIsWritten) {
  TestServer server;
  server.orders.answer = batch_result(large_batch(100, 100'000));
  HttpClient client(server, Api::kData);
  client.read_slowly();
  send_fetch(client);
  EXPECT_TRUE(server.pump_until([&] { return server.service.memory.used() > 1'000'000; }));
  client.hang_up();
  server.close();
  EXPECT_EQ(server.service.memory.used(), 0);
}

TEST(Server, SaysSoWhenABatchCannotBeRead) {
  TestServer server;
  auto batch = BatchBuilder(9).add({"t", 0}, testing::simple_batch(0, 3)).build();
  batch->slices[0].segments[0].begin = 1;
  server.orders.answer = batch_result(batch);
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.post(kFetch, "{}").slug(), "internal");
  EXPECT_TRUE(server.pump_until([&] { return server.orders.undelivered.size() == 1; }));
}

TEST(Server, TurnsConnectionsAwayThatAreTooMany) {
  Options options;
  options.data.connections_max = 2;
  TestServer server(options);
  HttpClient first(server, Api::kData);
  HttpClient second(server, Api::kData);
  EXPECT_EQ(first.get("/v1/consumers").status, 200);
  EXPECT_EQ(second.get("/v1/consumers").status, 200);
  {
    HttpClient third(server, Api::kData);
    const Answer answer = third.receive();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.slug(), "unavailable");
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
    HttpClient admin(server, Api::kAdmin);
    EXPECT_EQ(admin.get("/livez").status, 200) << "a flood of one API leaves the other alone";
  }
  EXPECT_EQ(first.get("/v1/consumers").status, 200);
  first.hang_up();
  ASSERT_TRUE(server.pump_until([&] { return server.exporter.http().data.connections == 1; }));
  HttpClient fourth(server, Api::kData);
  EXPECT_EQ(fourth.get("/v1/consumers").status, 200);
  EXPECT_EQ(server.exporter.http().data.refused_connections, 1U);
}

TEST(Server, PausesToAcceptInAFlood) {
  Options options;
  options.data.connections_max = 1;
  options.linger = milliseconds(100);
  TestServer server(options);
  std::vector<std::unique_ptr<HttpClient>> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(std::make_unique<HttpClient>(server, Api::kData));
  std::size_t most = 0;
  ASSERT_TRUE(server.pump_until([&] {
    most = std::max(most, server.exporter.http().data.connections);
    return server.exporter.http().data.refused_connections == 39;
  }));
  EXPECT_EQ(most, 17U);
}

TEST(Server, GoesOnAfterItRanOutOfFileDescriptors) {
  TestServer server;
  HttpClient before(server, Api::kData);
  EXPECT_EQ(before.get("/v1/consumers").status, 200);
  rlimit original{};
  getrlimit(RLIMIT_NOFILE, &original);
  HttpClient waiting(server, Api::kData);  // in the kernel's queue
  // The lowest free descriptor is the one the next accept would get.
  const int next = dup(0);
  ::close(next);
  rlimit low = original;
  low.rlim_cur = static_cast<rlim_t>(next);
  setrlimit(RLIMIT_NOFILE, &low);
  EXPECT_TRUE(server.pump_until([&] { return server.exporter.http().data.accept_errors > 0; }));
  const std::uint64_t errors = server.exporter.http().data.accept_errors;
  EXPECT_EQ(before.get("/v1/consumers").status, 200);
  EXPECT_LE(server.exporter.http().data.accept_errors, errors + 5) << "it must not spin";
  setrlimit(RLIMIT_NOFILE, &original);
  EXPECT_EQ(waiting.get("/v1/consumers").status, 200);
}

TEST(Server, BoundsTheBodiesOfAllRequestsTogether) {
  Options options;
  options.request_bytes_max = 1'500'000;
  TestServer server(options);
  HttpClient first(server, Api::kData);
  HttpClient second(server, Api::kData);
  const std::string head =
      "POST " + std::string(kFetch) +
      " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{";
  first.send(head);
  ASSERT_TRUE(server.pump_until([&] { return server.service.memory.used() >= 1'000'000; }));
  EXPECT_EQ(second.ask(head).slug(), "unavailable");
  first.hang_up();
  EXPECT_TRUE(server.pump_until([&] { return server.service.memory.used() == 0; }));
}

TEST(Server, LetsRequestsUnderWayEndWhenItCloses) {
  TestServer server;
  HttpClient idle(server, Api::kData);
  EXPECT_EQ(idle.get("/v1/consumers").status, 200);
  HttpClient busy(server, Api::kData);
  send_fetch(busy);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  server.tasks.spawn("close", server.server->close());
  EXPECT_TRUE(idle.ends());
  server.orders.waiting[0]->finish(core::FetchResult());
  const Answer answer = busy.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(server.pump_until([&] { return server.tasks.live() == 0; }));
  server.server.reset();
}

TEST(Server, CutsOffWhatDoesNotEndWhenItCloses) {
  TestServer server;
  HttpClient busy(server, Api::kData);
  send_fetch(busy);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  server.close();
  EXPECT_EQ(server.orders.cancelled, 1);
}

TEST(Server, CutsOffAlsoAClientThatPipelinesMoreThanIsReadAhead) {
  TestServer server;
  HttpClient busy(server, Api::kData);
  send_fetch(busy);
  ASSERT_TRUE(server.pump_until([&] { return server.orders.waiting.size() == 1; }));
  for (int i = 0; i < 1000; ++i) busy.send("GET /v1/consumers HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (int i = 0; i < 5; ++i) server.pump();
  server.close();
  EXPECT_EQ(server.orders.cancelled, 1);
}

TEST(Listener, MakesAUnixSocketForTheGroupOnlyAndTakesItAway) {
  const std::string path = socket_path("mode");
  {
    TestServer server(unix_only(path));
    struct stat found{};
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0660U);
    EXPECT_EQ(server.server->addresses(Api::kData), std::vector<std::string>{"unix:" + path});
    EXPECT_EQ(server.server->port(Api::kData), 0);
    HttpClient client(server, path);
    EXPECT_EQ(client.get("/v1/consumers").status, 200);
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(Listener, ReplacesASocketThatNobodyListensOn) {
  const std::string path = socket_path("stale");
  const int left_behind = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(bind(left_behind, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(left_behind);
  TestServer server(unix_only(path));
  HttpClient client(server, path);
  EXPECT_EQ(client.get("/v1/consumers").status, 200);
}

TEST(Listener, LeavesASocketAloneThatIsInUse) {
  const std::string path = socket_path("used");
  TestServer server(unix_only(path));
  EXPECT_NE(listen_error(unix_only(path)).find("another process is listening"), std::string::npos);
  HttpClient client(server, path);
  EXPECT_EQ(client.get("/v1/consumers").status, 200);
}

TEST(Listener, LeavesAFileAloneThatIsNoSocket) {
  const std::string path = socket_path("file");
  std::ofstream(path) << "precious";
  EXPECT_NE(listen_error(unix_only(path)).find("not a socket"), std::string::npos);
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  unlink(path.c_str());
}

TEST(Listener, NamesTheAddressThatCannotBeBound) {
  TestServer server;
  const std::uint16_t port = server.server->port(Api::kData);
  Options options;
  options.data.endpoints = {{Endpoint::Kind::kTcp, "127.0.0.1", port, {}}};
  const std::string taken = listen_error(options);
  EXPECT_NE(taken.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << taken;
  EXPECT_NE(taken.find("in use"), std::string::npos) << taken;
  options.data.endpoints = {{Endpoint::Kind::kTcp, "no.such.name", 0, {}}};
  EXPECT_NE(listen_error(options).find("IP address"), std::string::npos);
  EXPECT_NE(listen_error(unix_only("/no/such/directory/s.sock")).find("directory"), std::string::npos);
  EXPECT_NE(listen_error(unix_only("/tmp/" + std::string(200, 'x'))).find("107"), std::string::npos);
}

}  // namespace
}  // namespace sluice::http
