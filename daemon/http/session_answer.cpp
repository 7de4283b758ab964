#include "daemon/http/session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace sluice::http {

namespace {

namespace asio = boost::asio;

// An answer above this is written in pieces of this size: memory for answers stays bounded whatever the batch
// holds.
constexpr std::size_t kPieceBytes = 2UL << 20U;
constexpr std::size_t kPieceSlack = 64UL << 10U;

asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

// "1f400\r\n" in front of a chunk.
std::string_view chunk_header(std::array<char, 20>& text, std::size_t size) {
  char* const end = std::to_chars(text.data(), text.data() + text.size() - 2, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return {text.data(), static_cast<std::size_t>(end + 2 - text.data())};
}

}  // namespace

asio::awaitable<bool> Session::answer(Response& response) {
  if (response.abandoned) {
    ++context_.exporter.http().clients_gone;
    co_return false;
  }
  response.close = response.close || stopping_ || !request_.head.keep_alive;
  // A dead client's kernel would still take the answer: the batch would be leased to nobody until it expires.
  if (response.records && connection_->peer_gone()) {
    give_back(*response.records);
    co_return false;
  }
  const bool sent = co_await send(response);
  if (response.records && !sent) give_back(*response.records);
  if (sent) count(response.status);
  co_return sent;
}

asio::awaitable<bool> Session::send(Response& response) {
  connection_->set_deadline_in(context_.options.write_timeout);
  if (request_.head.method == "HEAD") {
    response.close = response.close || response.records.has_value();  // the length is not known
    const Framing framing = response.records ? Framing::kUntilClose : Framing::kLength;
    co_return co_await send_head(response, framing, response.body.size(), {});
  }
  if (response.records) co_return co_await send_records(response);
  co_return co_await send_head(response, Framing::kLength, response.body.size(), response.body);
}

asio::awaitable<bool> Session::send_head(const Response& response,
                                         Framing framing,
                                         std::size_t size,
                                         std::string_view body) {
  const std::int64_t wall_ms = context_.service.to_wall_ms(context_.service.now());
  const std::string head = render_head(response, framing, size, !response.close, http_date(wall_ms));
  const bool sent = co_await connection_->write({buffer_of(head), buffer_of(body), {}});
  if (sent) context_.exporter.http().response_bytes += body.size();
  co_return sent;
}

asio::awaitable<bool> Session::send_records(Response& response) {
  const RecordsBody& records = *response.records;
  const std::size_t estimate = BatchWriter::estimate(*records.batch) + response.body.size();
  OutputPool::Lent lent = context_.outputs.borrow(std::min(estimate, kPieceBytes + kPieceSlack));
  BatchWriter writer(records.batch, records.format);
  lent.buffer.append(response.body);
  const bool whole = writer.write(lent.buffer, kPieceBytes);
  bool sent = false;
  if (writer.failed()) {
    Response failure =
        problem_response({ProblemType::kInternal, "Records of this batch cannot be read.", {}, {}, {}, {}});
    failure.close = true;
    const bool told = co_await send_head(failure, Framing::kLength, failure.body.size(), failure.body);
    if (told) count(failure.status);
  } else if (whole) {
    lent.buffer.append(records.closing);
    lent.settle();
    sent = co_await send_head(response, Framing::kLength, lent.buffer.size(), lent.buffer.view());
  } else {
    sent = co_await send_pieces(response, writer, lent);
  }
  context_.outputs.release(std::move(lent));
  co_return sent;
}

asio::awaitable<bool> Session::send_pieces(Response& response, BatchWriter& writer, OutputPool::Lent& lent) {
  const bool chunked = !request_.head.http_1_0;
  response.close = response.close || !chunked;
  bool sent = co_await send_head(response, chunked ? Framing::kChunked : Framing::kUntilClose, 0, {});
  bool more = true;
  while (sent) {
    if (!more) lent.buffer.append(response.records->closing);
    lent.settle();
    std::array<char, 20> text;
    const bool framed = chunked && !lent.buffer.empty();  // an empty chunk would be the end
    const std::string_view header = framed ? chunk_header(text, lent.buffer.size()) : std::string_view();
    const std::string end = std::string(framed ? "\r\n" : "") + (chunked && !more ? "0\r\n\r\n" : "");
    connection_->set_deadline_in(context_.options.write_timeout);
    sent = co_await connection_->write({buffer_of(header), buffer_of(lent.buffer.view()), buffer_of(end)});
    context_.exporter.http().response_bytes += lent.buffer.size();
    if (!more) break;
    lent.buffer.clear();
    more = !writer.write(lent.buffer, kPieceBytes);
    sent = sent && !writer.failed();  // the client sees an answer that breaks off
  }
  co_return sent;
}

void Session::give_back(const RecordsBody& records) {
  if (records.give_back_to.empty()) return;
  engine::ConsumerHost* const host = context_.service.find(records.give_back_to);
  if (host != nullptr) host->not_delivered(records.batch->id);
  ++context_.exporter.http().given_back_batches;
}

void Session::count(int status) {
  metrics::RouteStats& route = stats_.routes[route_];
  ++route.responses[status];
  const core::Duration spent = context_.service.now() - begin_ - poll_wait_;
  route.seconds.observe(std::chrono::duration<double>(std::max(spent, core::Duration{})).count());
}

}  // namespace sluice::http
