#include "daemon/http/body_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <limits>
#include <utility>

namespace sluice::http {

namespace beast = boost::beast;

namespace {

constexpr std::size_t kChunkExtensionMax = 64;

}  // namespace

struct BodyReader::Impl {
  using ChunkHeader = std::function<void(std::uint64_t, beast::string_view, beast::error_code&)>;

  beast::http::request_parser<beast::http::string_body> parser;
  // Nothing here means anything by chunk extensions; a long one only costs memory.
  ChunkHeader on_chunk_header = [](std::uint64_t, beast::string_view extension, beast::error_code& ec) {
    if (extension.size() > kChunkExtensionMax) ec = beast::http::error::bad_chunk_extension;
  };
  State state = State::kIncomplete;

  std::size_t put(std::string_view bytes) {
    beast::error_code ec;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    if (ec == beast::http::error::body_limit) {
      state = State::kTooLarge;
    } else if (ec && ec != beast::http::error::need_more) {
      state = State::kMalformed;
    } else if (parser.is_done()) {
      state = State::kComplete;
    }
    return taken;
  }
};

BodyReader::BodyReader(std::string_view head, std::size_t bytes_max) : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(std::numeric_limits<std::uint32_t>::max());  // the gate counted already
  impl_->parser.body_limit(bytes_max);
  impl_->parser.on_chunk_header(impl_->on_chunk_header);
  impl_->parser.eager(true);
  (void)impl_->put(head);
  if (impl_->state == State::kIncomplete && !impl_->parser.is_header_done()) impl_->state = State::kMalformed;
}

BodyReader::~BodyReader() = default;

BodyReader::Fed BodyReader::feed(std::string_view bytes) {
  if (impl_->state != State::kIncomplete || bytes.empty()) return {impl_->state, 0};
  const std::size_t taken = impl_->put(bytes);
  return {impl_->state, taken};
}

std::size_t BodyReader::size() const { return impl_->parser.get().body().size(); }

std::string BodyReader::take_body() { return std::move(impl_->parser.get().body()); }

}  // namespace sluice::http
