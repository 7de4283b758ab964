#include "daemon/http/session.hpp"

#include "daemon/http/accept.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace sluice::http {

namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadHead = 4 * 1024;
constexpr std::size_t kReadBody = 64 * 1024;
constexpr std::size_t kChunkHeaderMax = 1024;  // a chunk header in pieces is held no longer than this
constexpr std::size_t kSmallBody = 16 * 1024;  // not worth charging
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// In what is left of a chunk header, for which Beast would wait for ever.
bool has_bare_line_feed(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return true;
  }
  return false;
}

Problem problem_of(ProblemType type, std::string detail) { return {type, std::move(detail), {}, {}, {}, {}}; }

}  // namespace

Session::Session(SessionContext& context,
                 const Router& router,
                 metrics::ListenerStats& stats,
                 HostPolicy hosts,
                 Connection::Socket socket)
    : context_(context),
      router_(router),
      stats_(stats),
      hosts_(std::move(hosts)),
      connection_(std::make_shared<Connection>(std::move(socket), context.service)) {}

bool Session::BodyMemory::grow_to(std::size_t wanted) {
  if (wanted <= std::max(bytes, kSmallBody)) return true;
  if (context.request_bytes - bytes + wanted > context.options.request_bytes_max) return false;
  context.request_bytes += wanted - bytes;
  bytes = wanted;
  // Taken, not asked for: an ack that waited for memory could be the one that frees it.
  charge = context.service.budget().take(static_cast<std::int64_t>(wanted));
  return true;
}

asio::awaitable<void> Session::run() {
  bool more = true;
  while (more) {
    more = co_await serve_one();
    more = more && !stopping_;
  }
  connection_->close();
}

asio::awaitable<void> Session::turn_away() {
  route_ = stats_.routes.size() - 1;
  begin_ = context_.service.now();
  Problem problem =
      problem_of(ProblemType::kUnavailable, "There are too many connections; use fewer, and keep them open.");
  (void)co_await refuse(std::move(problem));
  connection_->close();
}

void Session::stop() {
  stopping_ = true;
  if (idle_) connection_->close();
}

void Session::on_tick(core::TimePoint now) {
  const bool expected = lingering_ || (idle_ && !first_request_);
  if (connection_->on_tick(now) && !expected) ++stats_.deadlines_missed;
}

asio::awaitable<bool> Session::serve_one() {
  poll_wait_ = {};
  route_ = stats_.routes.size() - 1;
  request_ = Request();
  const bool complete = co_await read_head();
  first_request_ = false;
  if (!complete) co_return false;

  begin_ = context_.service.now();
  auto head = check_head(head_, hosts_);
  if (!head) co_return co_await refuse(std::move(head.error()));
  request_.head = *head;
  const Router::Match match = router_.find(head->method, head->path);
  if (match.route != nullptr) route_ = match.index;
  BodyMemory memory(context_);
  if (auto problem = admission(match)) {
    Response response = problem_response(*problem);
    response.allow = match.allow;
    const bool usual = head->method == "GET" || head->method == "HEAD" || head->method == "POST";
    response.close = head->body != RequestHead::Body::kNone || !usual;
    const bool sent = co_await answer(response);
    if (sent && response.close) co_await linger();
    co_return sent && !response.close && head->keep_alive;
  }
  if (head->body != RequestHead::Body::kNone) {
    const bool whole = co_await read_body(memory);
    if (!whole) co_return false;
  }
  request_.consumer = match.consumer;
  request_.batch = match.batch;
  connection_->set_deadline(core::kNever);
  Response response = co_await handle(match);
  // A GET has no use for a body, so what comes behind one is not worth trusting.
  response.close = response.close || (head->body != RequestHead::Body::kNone && head->method != "POST");
  const bool sent = co_await answer(response);
  co_return sent && !response.close && head->keep_alive;
}

asio::awaitable<bool> Session::read_head() {
  HeadScanner scanner(context_.options.head_bytes_max);
  const bool between = !first_request_ && connection_->unread().empty();
  idle_ = connection_->unread().empty();
  connection_->set_deadline_in(between ? context_.options.idle_timeout : context_.options.header_timeout);
  for (;;) {
    const HeadScanner::State state = scanner.scan(connection_->unread());
    if (state == HeadScanner::State::kComplete) break;
    if (state == HeadScanner::State::kMalformed) {
      idle_ = false;
      begin_ = context_.service.now();
      co_return co_await refuse(
          problem_of(ProblemType::kMalformedRequest,
                     "The head has a character or a line end that is not allowed; lines end with CRLF."));
    }
    if (state == HeadScanner::State::kTooLarge) {
      idle_ = false;
      begin_ = context_.service.now();
      co_return co_await refuse(
          problem_of(ProblemType::kHeadTooLarge, "The request line and the headers must not have more than " +
                                                     std::to_string(context_.options.head_bytes_max) +
                                                     " bytes together."));
    }
    const bool more = co_await connection_->read_more(kReadHead);
    if (!more) co_return false;
    if (idle_) {
      idle_ = false;
      if (between) connection_->set_deadline_in(context_.options.header_timeout);
    }
  }
  idle_ = false;
  head_.assign(connection_->unread().substr(0, scanner.head_size()));
  connection_->consume(scanner.head_size());
  co_return true;
}

std::optional<Problem> Session::admission(const Router::Match& match) const {
  const RequestHead& head = request_.head;
  if (match.route == nullptr) {
    if (match.allow.empty())
      return problem_of(ProblemType::kUnknownPath,
                        "See /v1/info; paths are compared byte by byte, without decoding.");
    return problem_of(ProblemType::kMethodNotAllowed, "This path takes " + match.allow + ".");
  }
  if (head.body == RequestHead::Body::kNone) return std::nullopt;
  if (head.content_length > context_.options.body_bytes_max) {
    return problem_of(
        ProblemType::kBodyTooLarge,
        "A body must not have more than " + std::to_string(context_.options.body_bytes_max) + " bytes.");
  }
  if (head.method == "POST" && !is_json_type(head.content_type))
    return problem_of(ProblemType::kUnsupportedMediaType,
                      "Send JSON, with `Content-Type: application/json`.");
  if (!head.content_encoding.empty() && head.content_encoding != "identity")
    return problem_of(ProblemType::kUnsupportedMediaType,
                      "Send the body as it is, without Content-Encoding.");
  return std::nullopt;
}

asio::awaitable<bool> Session::read_body(BodyMemory& memory) {
  connection_->set_deadline_in(context_.options.body_timeout);
  if (request_.head.expects_continue && connection_->unread().empty()) {
    const bool sent = co_await connection_->write({asio::buffer(kContinue.data(), kContinue.size())});
    if (!sent) co_return false;
  }
  BodyReader reader(head_, context_.options.body_bytes_max);
  bool fits = memory.grow_to(static_cast<std::size_t>(request_.head.content_length));
  for (;;) {
    const BodyReader::Fed fed = reader.feed(connection_->unread());
    connection_->consume(fed.taken);
    fits = fits && memory.grow_to(reader.size());
    if (!fits) {
      co_return co_await refuse(problem_of(ProblemType::kUnavailable, "Too many large requests at once."));
    }
    if (fed.state == BodyReader::State::kComplete) break;
    if (fed.state == BodyReader::State::kTooLarge) {
      co_return co_await refuse(problem_of(
          ProblemType::kBodyTooLarge,
          "A body must not have more than " + std::to_string(context_.options.body_bytes_max) + " bytes."));
    }
    const bool stuck =
        connection_->unread().size() > kChunkHeaderMax || has_bare_line_feed(connection_->unread());
    if (fed.state == BodyReader::State::kMalformed || stuck) {
      co_return co_await refuse(
          problem_of(ProblemType::kMalformedRequest, "The body is not framed as its head says."));
    }
    const bool more = co_await connection_->read_more(kReadBody);
    if (!more) co_return false;
  }
  request_.body = reader.take_body();
  co_return true;
}

asio::awaitable<bool> Session::refuse(Problem problem) {
  Response response = problem_response(problem);
  response.close = true;
  const bool sent = co_await answer(response);
  if (sent) co_await linger();
  co_return false;
}

asio::awaitable<void> Session::linger() {
  lingering_ = true;
  connection_->set_deadline_in(context_.options.linger);
  co_await connection_->linger();
}

asio::awaitable<Response> Session::handle(const Router::Match& match) {
  Exchange exchange{request_, context_.service, context_.options, context_.exporter, *connection_, {}};
  Response response;
  // A handler that throws is a bug of ours, but one that a client could find must not be its switch to end
  // the daemon.
  try {
    if (const auto* const direct = std::get_if<0>(&match.route->handler)) {
      response = (*direct)(exchange);
    } else {
      response = co_await std::get<1>(match.route->handler)(exchange);
    }
  } catch (const std::exception&) {
    connection_->unwatch();
    response =
        problem_response(problem_of(ProblemType::kInternal, "This is a bug; please report the request."));
    response.close = true;
  }
  poll_wait_ = exchange.poll_wait;
  if (poll_wait_ > core::Duration{}) {
    context_.exporter.http().poll_wait_seconds.observe(std::chrono::duration<double>(poll_wait_).count());
  }
  co_return response;
}

}  // namespace sluice::http
