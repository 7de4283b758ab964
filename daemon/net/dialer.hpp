#pragma once

#include "daemon/net/alarm.hpp"
#include "daemon/net/frame_reader.hpp"
#include "daemon/net/options.hpp"
#include "daemon/net/stream.hpp"
#include "daemon/net/version_table.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::net {

/// A connected stream whose broker has told what it speaks.
struct Link {
  Link(const boost::asio::any_io_executor& executor, std::size_t frame_bytes_max)
      : stream(executor), reader(stream, frame_bytes_max) {}

  Stream stream;
  FrameReader reader;  // may hold bytes that came early
  VersionTable versions;
  std::chrono::milliseconds silence{0};  ///< asked for by the broker in its first answer (KIP-219)
  std::int32_t next_correlation_id = 0;
};

/// Makes one Link: looks the host up, tries its addresses of both families in turn, negotiates versions.
///
/// Stays alive until dial() has returned. Source: KIP-602 (all addresses), KIP-511 (ApiVersions).
class Dialer {
 public:
  template <class T>
  using Result = tl::expected<T, std::string>;

  Dialer(boost::asio::any_io_executor executor,
         const NetOptions& options,
         std::string host,
         std::uint16_t port);

  /// Once per Dialer. The error is a sentence for the log: which address, which step, why.
  /// @param timeout  for everything; each address gets an equal share of what is left, so that one that
  /// swallows
  ///                 packets does not use up the time of the next
  [[nodiscard]] boost::asio::awaitable<Result<std::unique_ptr<Link>>> dial(std::chrono::milliseconds timeout);

  /// What is going on, for the log: "looking up kafka", "connecting to 10.0.0.7:9092", ...
  [[nodiscard]] const std::string& step() const { return step_; }

  /// Makes dial() return soon, with an error. Does not wait for a name server.
  void abort();

 private:
  using Endpoint = boost::asio::ip::tcp::endpoint;
  struct Lookup;
  struct Greeting;

  [[nodiscard]] boost::asio::awaitable<Result<std::vector<Endpoint>>> resolve();
  [[nodiscard]] boost::asio::awaitable<Result<std::unique_ptr<Link>>> try_address(Endpoint address);
  [[nodiscard]] boost::asio::awaitable<Greeting> greet(std::int16_t version);
  [[nodiscard]] boost::asio::awaitable<Greeting> ask_versions(std::int16_t version);
  void interrupt();

  boost::asio::any_io_executor executor_;
  const NetOptions& options_;
  std::string host_;
  std::uint16_t port_;
  Alarm alarm_;  // the share of the current step
  std::string step_ = "waiting to dial";
  bool expired_ = false;
  bool aborted_ = false;
  std::shared_ptr<Lookup> lookup_;
  std::unique_ptr<Link> link_;  // the one being made
};

}  // namespace sluice::net
