#include "tests/unit/http/http_client.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

// Raw requests over a real socket to the real server: what a hostile or careless peer may send, and what it
// gets.
namespace sluice::http {
namespace {

struct Raw {
  const char* what;
  std::string bytes;
  int status;        ///< 0: the connection is closed without an answer
  const char* slug;  ///< "": no problem
};

const std::string kHost = "Host: localhost\r\n";

std::string request(const std::string& line,
                    const std::string& headers = kHost,
                    const std::string& body = "") {
  return line + "\r\n" + headers + "\r\n" + body;
}
std::string ack(const std::string& headers, const std::string& body = "") {
  return request("POST /v1/consumers/orders/batches/00000000000000000000000000000001/ack HTTP/1.1",
                 kHost + headers, body);
}
std::string json_ack(const std::string& headers, const std::string& body) {
  return ack("Content-Type: application/json\r\n" + headers, body);
}
std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

void expect_table(const std::vector<Raw>& table, bool closes) {
  TestServer server;
  for (const Raw& row : table) {
    HttpClient client(server, Api::kData);
    client.send(row.bytes);
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, row.status) << row.what << "\n" << answer.body;
    EXPECT_EQ(answer.slug(), row.slug) << row.what << "\n" << answer.body;
    if (!closes) {
      EXPECT_EQ(client.get("/v1/consumers").status, 200) << row.what << ": the connection goes on";
      continue;
    }
    EXPECT_EQ(answer.headers.contains("connection") ? answer.headers.at("connection") : "", "close")
        << row.what;
    client.finish_sending();
    EXPECT_TRUE(client.ends()) << row.what << ": the connection is closed";
  }
}

TEST(Gate, RefusesRequestLinesThatOthersMightReadDifferently) {
  expect_table(
      {
          {"bare LF", "GET /v1/consumers HTTP/1.1\nHost: localhost\n\n", 400, "malformed-request"},
          {"bare LF in the headers", "GET /v1/consumers HTTP/1.1\r\nHost: localhost\n\r\n", 400,
           "malformed-request"},
          {"bare CR", "GET /v1/consumers HTTP/1.1\rHost: localhost\r\r", 400, "malformed-request"},
          {"an empty line first", "\r\nGET /v1/consumers HTTP/1.1\r\n" + kHost + "\r\n", 400,
           "malformed-request"},
          {"two spaces", request("GET  /v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"a space at the end", request("GET /v1/consumers HTTP/1.1 "), 400, "malformed-request"},
          {"a tab", request("GET\t/v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"no version", request("GET /v1/consumers"), 400, "malformed-request"},
          {"HTTP/0.9", "GET /v1/consumers\r\n\r\n", 400, "malformed-request"},
          {"HTTP/2.0", request("GET /v1/consumers HTTP/2.0"), 400, "malformed-request"},
          {"HTTP/1.2", request("GET /v1/consumers HTTP/1.2"), 400, "malformed-request"},
          {"HTTP/1.9", request("GET /v1/consumers HTTP/1.9"), 400, "malformed-request"},
          {"http/1.1", request("GET /v1/consumers http/1.1"), 400, "malformed-request"},
          {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed-request"},
          {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), 400, "malformed-request"},
          {"a NUL", request(std::string("GET /v1/\0consumers HTTP/1.1", 27)), 400, "malformed-request"},
          {"a control character", request("GET /v1/\x01 HTTP/1.1"), 400, "malformed-request"},
          {"a DEL", request("GET /v1/\x7f HTTP/1.1"), 400, "malformed-request"},
          {"a high byte", request("GET /v1/\x80 HTTP/1.1"), 400, "malformed-request"},
          {"a character that no method has", request("G@T /v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"a method of 6,000 bytes", request(std::string(6000, 'A') + " / HTTP/1.1"), 400,
           "malformed-request"},
          {"no method", request(" /v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"TRACE", request("TRACE /v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"CONNECT", request("CONNECT localhost:80 HTTP/1.1"), 400, "malformed-request"},
          {"OPTIONS *", request("OPTIONS * HTTP/1.1"), 400, "malformed-request"},
          {"an absolute target", request("GET http://localhost/v1/consumers HTTP/1.1"), 400,
           "malformed-request"},
          {"no slash", request("GET v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"a fragment", request("GET /v1/consumers#x HTTP/1.1"), 400, "malformed-request"},
          {"dots", request("GET /v1/../v1/consumers HTTP/1.1"), 400, "malformed-request"},
          {"encoded dots", request("GET /v1/%2e%2e/consumers HTTP/1.1"), 400, "malformed-request"},
          {"an encoded NUL", request("GET /v1/consumers%00 HTTP/1.1"), 400, "malformed-request"},
          {"a long target", request("GET /" + std::string(9000, 'a') + " HTTP/1.1"), 431, "head-too-large"},
      },
      true);
}

TEST(Gate, RefusesHeadersThatOthersMightReadDifferently) {
  const std::string get = "GET /v1/consumers HTTP/1.1";
  expect_table(
      {
          {"no Host", request(get, ""), 400, "malformed-request"},
          {"no Host in HTTP/1.0", request("GET /v1/consumers HTTP/1.0", ""), 400, "malformed-request"},
          {"two Hosts", request(get, kHost + kHost), 400, "malformed-request"},
          {"an empty Host", request(get, "Host:\r\n"), 400, "malformed-request"},
          {"a Host with a path", request(get, "Host: localhost/x\r\n"), 400, "malformed-request"},
          {"a Host with a user", request(get, "Host: a@localhost\r\n"), 400, "malformed-request"},
          {"a Host with an empty port", request(get, "Host: localhost:\r\n"), 400, "malformed-request"},
          {"a Host with a list", request(get, "Host: localhost, evil\r\n"), 400, "malformed-request"},
          {"a folded header", request(get, kHost + "X: a\r\n b\r\n"), 400, "malformed-request"},
          {"a folded first header", request(get, " " + kHost), 400, "malformed-request"},
          {"a space before the colon", request(get, "Host : localhost\r\n"), 400, "malformed-request"},
          {"no colon", request(get, kHost + "X\r\n"), 400, "malformed-request"},
          {"no name", request(get, kHost + ": x\r\n"), 400, "malformed-request"},
          {"a name with a bracket", request(get, kHost + "X[]: y\r\n"), 400, "malformed-request"},
          {"a name with a high byte", request(get, kHost + "X\xe9: y\r\n"), 400, "malformed-request"},
          {"a NUL in a value", request(get, kHost + std::string("X: a\0b\r\n", 8)), 400, "malformed-request"},
          {"a high byte in Host", request(get, "Host: localh\xf6st\r\n"), 400, "malformed-request"},
          {"Content_Length", request(get, kHost + "Content_Length: 3\r\n"), 400, "malformed-request"},
          {"Transfer_Encoding", request(get, kHost + "Transfer_Encoding: chunked\r\n"), 400,
           "malformed-request"},
          {"65 headers", request(get, kHost + repeated("X: y\r\n", 64)), 431, "head-too-large"},
          {"2,000 headers", request(get, kHost + repeated("X: y\r\n", 2000)), 431, "head-too-large"},
          {"a header of 9,000 bytes", request(get, kHost + "X: " + std::string(9000, 'y') + "\r\n"), 431,
           "head-too-large"},
          {"an endless head", "GET /v1/consumers HTTP/1.1\r\nX: " + std::string(20'000, 'y'), 431,
           "head-too-large"},
          {"an expectation we do not know", json_ack("Expect: 200-ok\r\n", ""), 417, "expectation-failed"},
      },
      true);
}

TEST(Gate, RefusesBodiesWhoseEndIsInDoubt) {
  expect_table(
      {
          {"two equal lengths", json_ack("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400,
           "malformed-request"},
          {"two lengths", json_ack("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400,
           "malformed-request"},
          {"a list of lengths", json_ack("Content-Length: 2, 2\r\n", "{}"), 400, "malformed-request"},
          {"+2", json_ack("Content-Length: +2\r\n", "{}"), 400, "malformed-request"},
          {"-2", json_ack("Content-Length: -2\r\n", "{}"), 400, "malformed-request"},
          {"0x2", json_ack("Content-Length: 0x2\r\n", "{}"), 400, "malformed-request"},
          {"2 with a space inside", json_ack("Content-Length: 2 2\r\n", "{}"), 400, "malformed-request"},
          {"no number", json_ack("Content-Length: \r\n", "{}"), 400, "malformed-request"},
          {"an overflow", json_ack("Content-Length: 18446744073709551618\r\n", "{}"), 400,
           "malformed-request"},
          {"2 MiB announced", json_ack("Content-Length: 2097152\r\n", "{}"), 413, "body-too-large"},
          {"2^62 announced", json_ack("Content-Length: 4611686018427387904\r\n", "{}"), 413,
           "body-too-large"},
          {"length, then chunked",
           json_ack("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"chunked, then length",
           json_ack("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"chunked twice",
           json_ack("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"xchunked", json_ack("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400, "malformed-request"},
          {"identity", json_ack("Transfer-Encoding: identity\r\n", ""), 400, "malformed-request"},
          {"chunked, identity", json_ack("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"gzip, chunked", json_ack("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"chunked with a tab", json_ack("Transfer-Encoding:\x0b chunked\r\n", "0\r\n\r\n"), 400,
           "malformed-request"},
          {"chunked in HTTP/1.0",
           request("POST /v1/drain HTTP/1.0",
                   kHost + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
           400, "malformed-request"},
          {"a chunk size of letters", json_ack("Transfer-Encoding: chunked\r\n", "xyz\r\n{}\r\n0\r\n\r\n"),
           400, "malformed-request"},
          {"a negative chunk size", json_ack("Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"), 400,
           "malformed-request"},
          {"a chunk size of 0x", json_ack("Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"), 400,
           "malformed-request"},
          {"a huge chunk size",
           json_ack("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 400,
           "malformed-request"},
          {"a chunk above the limit", json_ack("Transfer-Encoding: chunked\r\n", "200000\r\n{}"), 413,
           "body-too-large"},
          {"a bare LF in chunks", json_ack("Transfer-Encoding: chunked\r\n", "2\n{}\n0\n\n"), 400,
           "malformed-request"},
          {"no line end behind a chunk", json_ack("Transfer-Encoding: chunked\r\n", "2\r\n{}0\r\n\r\n"), 400,
           "malformed-request"},
          {"a chunk extension of 100 bytes",
           json_ack("Transfer-Encoding: chunked\r\n", "2;a=" + std::string(100, 'x') + "\r\n{}\r\n0\r\n\r\n"),
           400, "malformed-request"},
          {"a chunk extension of 20,000 bytes",
           json_ack("Transfer-Encoding: chunked\r\n",
                    "2;a=" + std::string(20'000, 'x') + "\r\n{}\r\n0\r\n\r\n"),
           400, "malformed-request"},
          {"an endless chunk header",
           json_ack("Transfer-Encoding: chunked\r\n", "2;" + std::string(5000, 'x')), 400,
           "malformed-request"},
          {"framing in the trailer",
           json_ack("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"), 400,
           "malformed-request"},
          {"no Content-Type", ack("Content-Length: 2\r\n", "{}"), 415, "unsupported-media-type"},
          {"text", ack("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"), 415,
           "unsupported-media-type"},
          {"a form", ack("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n", "{}"),
           415, "unsupported-media-type"},
      },
      true);
}

TEST(Gate, RefusesBrowsersAndNamesThatAreNotOurs) {
  const std::string get = "GET /v1/consumers HTTP/1.1";
  expect_table(
      {
          {"a name of another site", request(get, "Host: evil.example\r\n"), 403, "forbidden-host"},
          {"a name that begins like ours", request(get, "Host: localhost.evil.example\r\n"), 403,
           "forbidden-host"},
          {"an address of another machine", request(get, "Host: 10.0.0.1\r\n"), 403, "forbidden-host"},
          {"0.0.0.0", request(get, "Host: 0.0.0.0\r\n"), 403, "forbidden-host"},
          {"another port", request(get, "Host: localhost:1\r\n"), 403, "forbidden-host"},
          {"Origin", request(get, kHost + "Origin: http://localhost\r\n"), 403, "forbidden-origin"},
          {"Origin null", request(get, kHost + "Origin: null\r\n"), 403, "forbidden-origin"},
          {"a cross-site request", request(get, kHost + "Sec-Fetch-Site: cross-site\r\n"), 403,
           "forbidden-origin"},
          {"a same-site request", request(get, kHost + "Sec-Fetch-Site: same-site\r\n"), 403,
           "forbidden-origin"},
          {"a preflight",
           request("OPTIONS /v1/consumers HTTP/1.1",
                   kHost + "Origin: http://a\r\nAccess-Control-Request-Method: POST\r\n"),
           403, "forbidden-origin"},
      },
      true);
}

TEST(Gate, ClosesAfterMethodsThatNoPathTakes) {
  expect_table(
      {
          {"PUT", request("PUT /v1/consumers HTTP/1.1"), 405, "method-not-allowed"},
          {"get", request("get /v1/consumers HTTP/1.1"), 405, "method-not-allowed"},
          {"OPTIONS", request("OPTIONS /v1/consumers HTTP/1.1"), 405, "method-not-allowed"},
          {"a method nobody knows", request("BREW /v1/consumers HTTP/1.1"), 405, "method-not-allowed"},
          {"POST where only GET is",
           request("POST /v1/consumers HTTP/1.1", kHost + "Content-Length: 2\r\n", "{}"), 405,
           "method-not-allowed"},
          {"HTTP/1.0", request("GET /v1/consumers HTTP/1.0"), 200, ""},
          {"HTTP/1.0 with keep-alive",
           request("GET /v1/consumers HTTP/1.0", kHost + "Connection: keep-alive\r\n"), 200, ""},
          {"Connection: close", request("GET /v1/consumers HTTP/1.1", kHost + "Connection: close\r\n"), 200,
           ""},
          {"close in a list", request("GET /v1/consumers HTTP/1.1", kHost + "Connection: x, Close\r\n"), 200,
           ""},
          {"GET with a body", request("GET /v1/consumers HTTP/1.1", kHost + "Content-Length: 2\r\n", "{}"),
           200, ""},
      },
      true);
}

TEST(Gate, LetsThroughWhatIsUnusualButClear) {
  const std::string get = "GET /v1/consumers HTTP/1.1";
  TestServer probe;
  expect_table(
      {
          {"127.0.0.1", request(get, "Host: 127.0.0.1\r\n"), 200, ""},
          {"[::1]", request(get, "Host: [::1]\r\n"), 200, ""},
          {"LocalHost", request(get, "HOST: LocalHost\r\n"), 200, ""},
          {"space around a value", request(get, "Host: \t localhost \t \r\n"), 200, ""},
          {"no space before a value", request(get, "Host:localhost\r\n"), 200, ""},
          {"a tab in a value", request(get, kHost + "X: a\tb\r\n"), 200, ""},
          {"high bytes in a value", request(get, kHost + "User-Agent: caf\xc3\xa9\r\n"), 200, ""},
          {"an empty value", request(get, kHost + "X:\r\n"), 200, ""},
          {"64 headers", request(get, kHost + repeated("X: y\r\n", 63)), 200, ""},
          {"Sec-Fetch-Site: none", request(get, kHost + "Sec-Fetch-Site: none\r\n"), 200, ""},
          {"Sec-Fetch-Site: same-origin", request(get, kHost + "Sec-Fetch-Site: same-origin\r\n"), 200, ""},
          {"an upgrade to h2c",
           request(
               get,
               kHost + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
           200, ""},
          {"Content-Length: 0", ack("Content-Length: 0\r\n"), 200, ""},
          {"no body at all", ack(""), 200, ""},
          {"Content-Length: 002", json_ack("Content-Length: 002\r\n", "{}"), 200, ""},
          {"chunks", json_ack("Transfer-Encoding: Chunked\r\n", "1\r\n{\r\n1;ext=short\r\n}\r\n0\r\n\r\n"),
           200, ""},
          {"a trailer", json_ack("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX: y\r\n\r\n"), 200, ""},
          {"an unknown path", request("GET /v1/nothing HTTP/1.1"), 404, "unknown-path"},
          {"a slash at the end", request("GET /v1/consumers/ HTTP/1.1"), 404, "unknown-path"},
          {"two slashes", request("GET //v1/consumers HTTP/1.1"), 404, "unknown-path"},
          {"upper case", request("GET /V1/consumers HTTP/1.1"), 404, "unknown-path"},
          {"a path of the other listener", request("GET /metrics HTTP/1.1"), 404, "unknown-path"},
          {"a long name", request("GET /v1/consumers/" + std::string(200, 'a') + " HTTP/1.1"), 404,
           "unknown-path"},
      },
      false);
}

TEST(Gate, TakesTheBoundPortInHost) {
  TestServer server;
  HttpClient client(server, Api::kData);
  const std::string port = std::to_string(server.server->port(Api::kData));
  EXPECT_EQ(client.ask(request("GET /v1/consumers HTTP/1.1", "Host: localhost:" + port + "\r\n")).status,
            200);
  EXPECT_EQ(client.ask(request("GET /v1/consumers HTTP/1.1", "Host: [::1]:" + port + "\r\n")).status, 200);
}

TEST(Gate, TakesConfiguredNames) {
  Options options;
  options.data.host_names = {"sluice.internal"};
  TestServer server(options);
  HttpClient client(server, Api::kData);
  EXPECT_EQ(client.ask(request("GET /v1/consumers HTTP/1.1", "Host: Sluice.Internal\r\n")).status, 200);
}

TEST(Gate, TakesProbesByAddressWhereTheAdminListenerIsOpenToThePod) {
  Options options;
  options.admin.endpoints = {{Endpoint::Kind::kTcp, "0.0.0.0", 0, {}}};
  TestServer server(options);
  for (const auto& [host, status] : std::vector<std::pair<std::string, int>>{
           {"10.1.2.3:8091", 200}, {"[fd00::1]:9", 200}, {"evil.example", 403}}) {
    HttpClient client(server, Api::kAdmin);
    EXPECT_EQ(client.ask(request("GET /livez HTTP/1.1", "Host: " + host + "\r\n")).status, status) << host;
  }
}

TEST(Gate, TakesAnyHostOverAUnixSocket) {
  const std::string path = ::testing::TempDir() + "gate-" + std::to_string(getpid()) + ".sock";
  Options options;
  options.data.endpoints = {{Endpoint::Kind::kUnix, "", 0, path}};
  TestServer server(options);
  HttpClient client(server, path);
  EXPECT_EQ(client.ask(request("GET /v1/consumers HTTP/1.1", "Host: whatever\r\n")).status, 200);
  EXPECT_EQ(client.ask(request("GET /v1/consumers HTTP/1.1", "")).status, 400);
}

TEST(HeadScanner, FindsTheEndWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner(100);
    ASSERT_EQ(scanner.scan(std::string_view(head).substr(0, cut)), HeadScanner::State::kIncomplete) << cut;
    ASSERT_EQ(scanner.scan(head + "next"), HeadScanner::State::kComplete) << cut;
    ASSERT_EQ(scanner.head_size(), head.size()) << cut;
  }
}

TEST(HeadScanner, TakesExactlyAsMuchAsItMay) {
  const std::string head = "GET / HTTP/1.1\r\n\r\n";
  EXPECT_EQ(HeadScanner(head.size()).scan(head), HeadScanner::State::kComplete);
  EXPECT_EQ(HeadScanner(head.size() - 1).scan(head), HeadScanner::State::kTooLarge);
}

}  // namespace
}  // namespace sluice::http
