#include "daemon/net/dialer.hpp"

#include "tests/support/loop.hpp"
#include "tests/support/scripted_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;
using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using test::PeerConnection;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int16_t kNoCap = 32767;

/// One dial against a script. The script notes the versions in which it was greeted.
class DialerTest : public testing::Test {
 public:
  using Script = asio::awaitable<void> (*)(DialerTest&);

  void dial(Script script, std::string host = "127.0.0.1") {
    dialer_.emplace(loop_.io.get_executor(), options_, std::move(host), peer_.port());
    loop_.tasks.spawn("broker", script(*this));
    loop_.play(run());
  }

  asio::awaitable<void> run() {
    auto link = co_await dialer_->dial(timeout_);
    if (link) {
      link_ = std::move(*link);
    } else {
      error_ = link.error();
    }
  }

  asio::awaitable<protocol::ReceivedRequest> hello(PeerConnection& connection) {
    auto request = co_await connection.expect(ApiKey::kApiVersions);
    hellos_.push_back(request.header.request_api_version);
    co_return request;
  }

  /// Accepts, reads the greeting, and closes without an answer.
  asio::awaitable<void> hang_up() {
    auto connection = co_await peer_.accept();
    co_await hello(connection);
    connection.reset();
  }

  /// Answers a greeting with error 35, in the format of v0 as brokers do.
  static asio::awaitable<void> refuse(PeerConnection& connection,
                                      const protocol::ReceivedRequest& request,
                                      std::optional<std::int16_t> newest) {
    ApiVersionsResponse response;
    response.error_code = 35;
    if (newest) response.api_keys.push_back({static_cast<std::int16_t>(ApiKey::kApiVersions), 0, *newest});
    co_await connection.send(PeerConnection::encode(response, 0, request.header.correlation_id));
  }

  test::Loop loop_;
  test::ScriptedPeer peer_{loop_.io};
  NetOptions options_;
  std::chrono::milliseconds timeout_{2000};
  std::optional<Dialer> dialer_;
  std::unique_ptr<Link> link_;
  std::string error_;
  std::vector<std::int16_t> hellos_;
};

TEST_F(DialerTest, LearnsWhatTheBrokerSpeaks) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    co_await t.peer_.accept_and_greet(test::speaks(ApiKey::kFetch, 4, 11));
  });
  ASSERT_TRUE(link_) << error_;
  EXPECT_EQ(link_->versions.choose(ApiKey::kFetch, kNoCap), 11);
}

TEST_F(DialerTest, SaysWhoWeAre) {
  options_.client_id = "orders-pod-1";
  options_.client_software_version = "1.2.3";
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    const auto request = co_await t.hello(connection);
    EXPECT_EQ(request.header.client_id, "orders-pod-1");
    const auto& body = std::get<ApiVersionsRequest>(request.request);
    EXPECT_EQ(body.client_software_name, "sluiced");
    EXPECT_EQ(body.client_software_version, "1.2.3");
    co_await connection.answer(request, test::speaks_everything());
  });
  EXPECT_TRUE(link_) << error_;
  EXPECT_THAT(hellos_, ElementsAre(4));
}

TEST_F(DialerTest, PassesOnTheSilenceThatTheBrokerAsksFor) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto response = test::speaks_everything();
    response.throttle_time_ms = 70;
    co_await t.peer_.accept_and_greet(response);
  });
  ASSERT_TRUE(link_) << error_;
  EXPECT_EQ(link_->silence, 70ms);
}

TEST_F(DialerTest, GreetsAgainInTheVersionThatTheBrokerNames) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await refuse(connection, co_await t.hello(connection), 2);
    const auto second = co_await t.hello(connection);
    co_await connection.answer(second, test::speaks_everything());
  });
  EXPECT_TRUE(link_) << error_;
  EXPECT_THAT(hellos_, ElementsAre(4, 2));
}

TEST_F(DialerTest, GreetsInVersionZeroWhenAnOldBrokerNamesNone) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await refuse(connection, co_await t.hello(connection), std::nullopt);
    const auto second = co_await t.hello(connection);
    co_await connection.answer(second, test::speaks_everything());
  });
  EXPECT_TRUE(link_) << error_;
  EXPECT_THAT(hellos_, ElementsAre(4, 0));
}

TEST_F(DialerTest, NeverTakesTheTableOfARefusalForTheTruth) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await refuse(connection, co_await t.hello(connection), 3);
    const auto second = co_await t.hello(connection);
    co_await connection.answer(second, test::speaks_everything());
  });
  ASSERT_TRUE(link_) << error_;
  EXPECT_TRUE(link_->versions.choose(ApiKey::kMetadata, kNoCap));
}

TEST_F(DialerTest, GoesOnlyDownwardsSoThatAConfusedBrokerCannotKeepItGoing) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await refuse(connection, co_await t.hello(connection), 4);
    co_await refuse(connection, co_await t.hello(connection), 4);
    co_await connection.until_closed();
  });
  EXPECT_THAT(error_, HasSubstr("refused every version"));
  EXPECT_THAT(hellos_, ElementsAre(4, 0));
}

TEST_F(DialerTest, ConnectsAgainWithOlderGreetingsWhenTheBrokerHangsUp) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    co_await t.hang_up();
    co_await t.hang_up();
    auto connection = co_await t.peer_.accept();
    const auto third = co_await t.hello(connection);
    co_await connection.answer(third, test::speaks_everything());
  });
  EXPECT_TRUE(link_) << error_;
  EXPECT_THAT(hellos_, ElementsAre(4, 3, 0));
}

TEST_F(DialerTest, GivesUpWhenTheBrokerHangsUpOnEveryGreeting) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    co_await t.hang_up();
    co_await t.hang_up();
    co_await t.hang_up();
  });
  EXPECT_THAT(error_, HasSubstr("does the listener expect TLS or SASL?"));
  EXPECT_THAT(hellos_, ElementsAre(4, 3, 0));
}

TEST_F(DialerTest, ReportsTheErrorThatApiVersionsCarries) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    ApiVersionsResponse response;
    response.error_code = 42;
    co_await t.peer_.accept_and_greet(response);
  });
  EXPECT_THAT(error_, HasSubstr("INVALID_REQUEST"));
}

TEST_F(DialerTest, RefusesABrokerWithoutApis) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    co_await t.peer_.accept_and_greet(ApiVersionsResponse{});
  });
  EXPECT_THAT(error_, HasSubstr("offers no API that we know"));
}

TEST_F(DialerTest, ReportsAGreetingThatCannotBeRead) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await t.hello(connection);
    co_await connection.send(std::string("\0\0\0\6\0\0\0\0\0\0", 10));
    co_await connection.until_closed();
  });
  EXPECT_THAT(error_, HasSubstr("bad answer to ApiVersions"));
}

TEST_F(DialerTest, RecognisesAPortThatSpeaksHttp) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await connection.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    co_await connection.until_closed();
  });
  EXPECT_THAT(error_, HasSubstr("answered HTTP"));
}

TEST_F(DialerTest, RecognisesAPortThatSpeaksTls) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await t.hello(connection);
    co_await connection.send(std::string("\x15\x03\x03\x00\x02\x02\x46", 7));
    connection.close();
  });
  EXPECT_THAT(error_, HasSubstr("answered TLS"));
  EXPECT_THAT(hellos_, ElementsAre(4));
}

TEST_F(DialerTest, SaysWhichAddressRefusedTheConnection) {
  const std::string address = "127.0.0.1:" + std::to_string(peer_.port());
  dial([](DialerTest& t) -> asio::awaitable<void> {
    t.peer_.stop_listening();
    co_return;
  });
  EXPECT_THAT(error_, HasSubstr(address + ": Connection refused"));
}

TEST_F(DialerTest, GivesUpOnABrokerThatAcceptsAndStaysSilent) {
  timeout_ = 30ms;
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await connection.until_closed();
  });
  EXPECT_THAT(error_, HasSubstr("no answer to ApiVersions in time"));
}

TEST_F(DialerTest, TriesEveryAddressOfAName) {
  // Where "localhost" is ::1 too, that one refuses: the peer listens on 127.0.0.1 only.
  dial([](DialerTest& t) -> asio::awaitable<void> { co_await t.peer_.accept_and_greet(); }, "localhost");
  EXPECT_TRUE(link_) << error_;
}

TEST_F(DialerTest, SaysThatTheLookupFailed) {
  // A label has at most 63 bytes, so no name server is asked.
  const std::string impossible = std::string(64, 'x') + ".invalid";
  dial([](DialerTest&) -> asio::awaitable<void> { co_return; }, impossible);
  EXPECT_THAT(error_, HasSubstr("the lookup of " + impossible + " failed"));
}

TEST_F(DialerTest, CanBeAbortedWhileItWaitsForTheGreeting) {
  dial([](DialerTest& t) -> asio::awaitable<void> {
    auto connection = co_await t.peer_.accept();
    co_await t.hello(connection);
    t.dialer_->abort();
    co_await connection.until_closed();
  });
  EXPECT_THAT(error_, HasSubstr("given up"));
  EXPECT_EQ(peer_.accepted(), 1);
}

TEST_F(DialerTest, CanBeAbortedDuringTheLookupWithoutWaitingForIt) {
  dial(
      [](DialerTest& t) -> asio::awaitable<void> {
        co_await t.loop_.sleep(0ms);
        t.dialer_->abort();
      },
      "localhost");
  EXPECT_THAT(error_, testing::Not(IsEmpty()));
  EXPECT_EQ(peer_.accepted(), 0);
}

}  // namespace
}  // namespace sluice::net
