#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/http/batch_writer.hpp"
#include "daemon/http/problem.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kNdjsonType = "application/x-ndjson";
inline constexpr std::string_view kProblemType = "application/problem+json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";

/// Records to be written behind `Response::body`.
struct RecordsBody {
  std::shared_ptr<const core::Batch> batch;
  RecordFormat format;
  std::string closing;  ///< written behind the last record
  std::string
      give_back_to;  ///< the consumer that takes the batch back when it cannot be written; empty: none
};

struct Response {
  int status = 200;
  std::string_view content_type = kJsonType;  ///< static text
  std::string body;
  std::optional<RecordsBody> records;
  std::string allow;            ///< Allow, for 405
  std::string_view policy;      ///< Content-Security-Policy; static or owned by the server
  int retry_after_seconds = 0;  ///< 0: none
  bool close = false;           ///< the connection cannot or shall not be used again
  bool abandoned = false;       ///< the client is gone: write nothing
};

[[nodiscard]] Response json_response(std::string body, int status = 200);
[[nodiscard]] Response problem_response(const Problem& problem);

/// How the end of the body is told.
enum class Framing : std::uint8_t { kLength = 1, kChunked, kUntilClose };

/// The head of an answer, up to and including the empty line. Values come from our own tables only: nothing a
/// client or a record says is ever copied into a header.
/// @param date  IMF-fixdate (RFC 9110 section 5.6.7)
[[nodiscard]] std::string render_head(const Response& response,
                                      Framing framing,
                                      std::size_t content_length,
                                      bool keep_alive,
                                      std::string_view date);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string http_date(std::int64_t wall_ms);
/// "1994-11-06T08:49:37.000Z".
[[nodiscard]] std::string iso_8601(std::int64_t wall_ms);

}  // namespace sluice::http
