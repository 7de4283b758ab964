#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

/// The head of a request that passed the gate. Views into the bytes of the head.
struct RequestHead {
  enum class Body : std::uint8_t { kNone = 1, kLength, kChunked };

  std::string_view method;
  std::string_view path;   ///< raw: nothing is decoded
  std::string_view query;  ///< raw, without the question mark
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  Body body = Body::kNone;
  std::uint64_t content_length = 0;
  std::string_view content_type;      ///< empty: none
  std::string_view content_encoding;  ///< empty: none
  std::string_view accept;            ///< empty: none; of several headers the last
};

/// A request as a handler sees it. Lives as long as its exchange.
struct Request {
  RequestHead head;
  std::string body;
  std::string_view consumer;  ///< captured from the path; empty where its template has none
  std::string_view batch;
};

}  // namespace sluice::http
