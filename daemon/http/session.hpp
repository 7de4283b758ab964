#pragma once

#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/engine/service.hpp"
#include "daemon/http/body_reader.hpp"
#include "daemon/http/connection.hpp"
#include "daemon/http/exchange.hpp"
#include "daemon/http/output_pool.hpp"
#include "daemon/http/request_gate.hpp"
#include "daemon/http/router.hpp"
#include "daemon/metrics/exporter.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice::http {

/// What all sessions of a server share. Outlives them.
struct SessionContext {
  engine::Service& service;
  const Options& options;
  metrics::Exporter& exporter;
  OutputPool outputs;
  std::size_t request_bytes = 0;  ///< of bodies being read or handled, over all sessions
};

/// One connection from its first request to its close: reads a request, checks it, has it handled, writes the
/// answer, and only then looks at the next request.
class Session {
 public:
  Session(SessionContext& context,
          const Router& router,
          metrics::ListenerStats& stats,
          HostPolicy hosts,
          Connection::Socket socket);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Until the connection is closed. The session must live as long.
  [[nodiscard]] boost::asio::awaitable<void> run();
  /// Instead of run(), when there are too many connections: says so and closes.
  [[nodiscard]] boost::asio::awaitable<void> turn_away();

  /// Ends after the answer under way, or at once between two requests.
  void stop();
  void close() { connection_->close(); }
  void on_tick(core::TimePoint now);

 private:
  /// Charges a large body to the budget and to the bound of all bodies, as long as the request lives.
  struct BodyMemory {
    explicit BodyMemory(SessionContext& shared) : context(shared) {}
    ~BodyMemory() { context.request_bytes -= bytes; }
    BodyMemory(const BodyMemory&) = delete;
    BodyMemory& operator=(const BodyMemory&) = delete;
    [[nodiscard]] bool grow_to(std::size_t wanted);

    SessionContext& context;
    std::size_t bytes = 0;
    core::Charge charge;
  };

  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<bool> read_head();
  boost::asio::awaitable<bool> read_body(BodyMemory& memory);
  boost::asio::awaitable<bool> refuse(Problem problem);
  boost::asio::awaitable<void> linger();
  boost::asio::awaitable<Response> handle(const Router::Match& match);
  boost::asio::awaitable<bool> answer(Response& response);
  boost::asio::awaitable<bool> send(Response& response);
  boost::asio::awaitable<bool> send_records(Response& response);
  boost::asio::awaitable<bool> send_pieces(Response& response, BatchWriter& writer, OutputPool::Lent& lent);
  boost::asio::awaitable<bool> send_head(const Response& response,
                                         Framing framing,
                                         std::size_t size,
                                         std::string_view body);
  [[nodiscard]] std::optional<Problem> admission(const Router::Match& match) const;
  void give_back(const RecordsBody& records);
  void count(int status);

  SessionContext& context_;
  const Router& router_;
  metrics::ListenerStats& stats_;
  HostPolicy hosts_;
  std::shared_ptr<Connection> connection_;
  std::string head_;  // the bytes that request_.head looks at
  Request request_;
  std::size_t route_ = 0;  // index into stats_.routes
  core::TimePoint begin_{};
  core::Duration poll_wait_{};
  bool first_request_ = true;
  bool idle_ = true;  // between two requests
  bool lingering_ = false;
  bool stopping_ = false;
};

}  // namespace sluice::http
