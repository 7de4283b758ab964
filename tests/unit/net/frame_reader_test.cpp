#include "daemon/net/frame_reader.hpp"

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
using namespace std::string_literals;
using test::PeerConnection;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kFrameBytesMax = 4UL << 20;

std::string with_length(const std::string& frame) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((frame.size() >> shift) & 0xff);
  return bytes + frame;
}

/// Reads everything that a peer sends, until an error.
class FrameReaderTest : public testing::Test {
 public:
  using Script = asio::awaitable<void> (*)(FrameReaderTest&, PeerConnection);

  void read_from(Script script) {
    loop_.tasks.spawn("peer", accept_and_play(script));
    loop_.play(read_all());
  }

  asio::awaitable<void> accept_and_play(Script script) {
    auto connection = co_await peer_.accept();
    co_await script(*this, std::move(connection));
  }

  asio::awaitable<void> read_all() {
    Stream stream(loop_.io.get_executor());
    FrameReader reader(stream, kFrameBytesMax);
    const auto ec = co_await stream.connect({asio::ip::address_v4::loopback(), peer_.port()}, 0);
    EXPECT_FALSE(ec) << ec.message();
    while (!error_) {
      const auto frame = co_await reader.read();
      if (frame) {
        frames_.push_back(**frame);
      } else {
        error_ = frame.error();
      }
    }
    got_bytes_ = reader.got_bytes();
  }

  void expect_refused(std::string first_bytes, const std::string& because) {
    bytes_ = std::move(first_bytes);
    read_from([](FrameReaderTest& t, PeerConnection broker) -> asio::awaitable<void> {
      co_await broker.send(t.bytes_);
      co_await broker.until_closed();
    });
    EXPECT_THAT(frames_, IsEmpty());
    ASSERT_TRUE(error_);
    EXPECT_EQ(error_->kind, FrameError::Kind::kNotKafka);
    EXPECT_THAT(error_->message, HasSubstr(because));
  }

  test::Loop loop_;
  test::ScriptedPeer peer_{loop_.io};
  std::string bytes_;
  std::vector<std::string> frames_;
  std::optional<FrameError> error_;
  bool got_bytes_ = false;
};

TEST_F(FrameReaderTest, SplitsFramesThatCameTogether) {
  read_from([](FrameReaderTest&, PeerConnection broker) -> asio::awaitable<void> {
    co_await broker.send(with_length("first") + with_length("2nd!") + with_length("the third"));
  });
  EXPECT_THAT(frames_, ElementsAre("first", "2nd!", "the third"));
}

TEST_F(FrameReaderTest, ReportsAnEndBetweenFramesAsTheEnd) {
  read_from([](FrameReaderTest&, PeerConnection broker) -> asio::awaitable<void> {
    co_await broker.send(with_length("only"));
  });
  EXPECT_THAT(frames_, ElementsAre("only"));
  EXPECT_EQ(error_->kind, FrameError::Kind::kEnd);
  EXPECT_TRUE(got_bytes_);
}

TEST_F(FrameReaderTest, TellsWhenThePeerNeverSaidAnything) {
  read_from([](FrameReaderTest&, PeerConnection broker) -> asio::awaitable<void> {
    broker.close();
    co_return;
  });
  EXPECT_EQ(error_->kind, FrameError::Kind::kEnd);
  EXPECT_FALSE(got_bytes_);
}

TEST_F(FrameReaderTest, PutsFramesTogetherFromSingleBytes) {
  read_from([](FrameReaderTest& t, PeerConnection broker) -> asio::awaitable<void> {
    for (const char c : with_length("slow") + with_length("slower")) {
      co_await broker.send(std::string(1, c));
      co_await t.loop_.sleep(0ms);
    }
  });
  EXPECT_THAT(frames_, ElementsAre("slow", "slower"));
}

TEST_F(FrameReaderTest, ReadsLargeFramesWithSmallOnesAroundThem) {
  read_from([](FrameReaderTest& t, PeerConnection broker) -> asio::awaitable<void> {
    for (std::size_t i = 0; i < kFrameBytesMax; ++i) t.bytes_ += static_cast<char>(i * 7 + i / 251);
    co_await broker.send(with_length("before") + with_length(t.bytes_) + with_length("after"));
  });
  ASSERT_EQ(frames_.size(), 3U);
  EXPECT_EQ(frames_[0], "before");
  EXPECT_TRUE(frames_[1] == bytes_);
  EXPECT_EQ(frames_[2], "after");
}

TEST_F(FrameReaderTest, ReportsAnEndInsideTheLength) {
  read_from([](FrameReaderTest&, PeerConnection broker) -> asio::awaitable<void> {
    co_await broker.send(std::string("\0\0", 2));
  });
  EXPECT_EQ(error_->kind, FrameError::Kind::kBroken);
  EXPECT_THAT(error_->message, HasSubstr("closed the connection after 2 of 4 bytes"));
}

TEST_F(FrameReaderTest, ReportsAnEndInsideAFrame) {
  read_from([](FrameReaderTest&, PeerConnection broker) -> asio::awaitable<void> {
    co_await broker.send(with_length(std::string(100'000, 'x')).substr(0, 40'004));
  });
  EXPECT_EQ(error_->kind, FrameError::Kind::kBroken);
  EXPECT_THAT(error_->message, HasSubstr("after 40000 of 100000 bytes"));
}

TEST_F(FrameReaderTest, ReportsAReset) {
  read_from([](FrameReaderTest& t, PeerConnection broker) -> asio::awaitable<void> {
    co_await broker.send(with_length("last"));
    co_await t.loop_.sleep(5ms);
    broker.reset();
  });
  EXPECT_THAT(frames_, ElementsAre("last"));
  EXPECT_EQ(error_->kind, FrameError::Kind::kBroken);
  EXPECT_THAT(error_->message, HasSubstr("reset"));
}

TEST_F(FrameReaderTest, RefusesLengthZero) { expect_refused("\0\0\0\0"s + "rest", "an answer of 0 bytes"); }

TEST_F(FrameReaderTest, RefusesAFrameWithoutRoomForACorrelationId) {
  expect_refused("\0\0\0\3"s + "abc", "an answer of 3 bytes");
}

TEST_F(FrameReaderTest, RefusesANegativeLength) {
  expect_refused("\xff\xff\xff\xff", "an answer of -1 bytes");
}

TEST_F(FrameReaderTest, RefusesTheLargestLength) { expect_refused("\x7f\xff\xff\xff", "2147483647 bytes"); }

TEST_F(FrameReaderTest, RefusesOneByteAboveTheLimit) { expect_refused("\x00\x40\x00\x01"s, "4 to 4194304"); }

TEST_F(FrameReaderTest, RecognisesHttp) {
  expect_refused("HTTP/1.1 400 Bad Request\r\n\r\n", "answered HTTP");
}

TEST_F(FrameReaderTest, RecognisesATlsAlert) {
  expect_refused("\x15\x03\x03\x00\x02\x02\x46"s, "answered TLS");
}

TEST(FrameReaderWithoutPeer, GivesUpWhenTheStreamIsClosed) {
  test::Loop loop;
  test::ScriptedPeer peer(loop.io);
  Stream stream(loop.io.get_executor());
  FrameReader reader(stream, kFrameBytesMax);
  loop.tasks.spawn("reader", [](Stream& s, FrameReader& r, std::uint16_t port) -> asio::awaitable<void> {
    const auto ec = co_await s.connect({asio::ip::address_v4::loopback(), port}, 0);
    EXPECT_FALSE(ec);
    const auto frame = co_await r.read();
    EXPECT_FALSE(frame);
  }(stream, reader, peer.port()));
  loop.play([](Stream& s, test::Loop& l) -> asio::awaitable<void> {
    co_await l.sleep(5ms);
    s.close();
    s.close();
  }(stream, loop));
}

}  // namespace
}  // namespace sluice::net
