#include "daemon/http/response.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

namespace sluice::http {

namespace {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

struct WallTime {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
  unsigned weekday;  // 0: Sunday
};

WallTime split(std::int64_t wall_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> when{std::chrono::milliseconds(wall_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(when);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss(when - day),
          std::chrono::weekday(day).c_encoding()};
}

}  // namespace

Response json_response(std::string body, int status) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response problem_response(const Problem& problem) {
  const ProblemInfo& row = info(problem.type);
  Response response;
  response.status = row.status;
  response.content_type = kProblemType;
  response.body = to_json(problem);
  response.retry_after_seconds = row.retry_after_seconds;
  return response;
}

std::string render_head(const Response& response,
                        Framing framing,
                        std::size_t content_length,
                        bool keep_alive,
                        std::string_view date) {
  std::string head;
  head.reserve(320);
  head += "HTTP/1.1 ";
  head += std::to_string(response.status);
  head += ' ';
  head += reason_phrase(response.status);
  head += "\r\nDate: ";
  head += date;
  head += "\r\nContent-Type: ";
  head += response.content_type;
  if (framing == Framing::kLength) {
    head += "\r\nContent-Length: ";
    head += std::to_string(content_length);
  } else if (framing == Framing::kChunked) {
    head += "\r\nTransfer-Encoding: chunked";
  }
  head += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff";
  if (!response.allow.empty()) {
    head += "\r\nAllow: ";
    head += response.allow;
  }
  if (!response.policy.empty()) {
    head += "\r\nContent-Security-Policy: ";
    head += response.policy;
    head += "\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: DENY";
  }
  if (response.retry_after_seconds > 0) {
    head += "\r\nRetry-After: ";
    head += std::to_string(response.retry_after_seconds);
  }
  if (!keep_alive) head += "\r\nConnection: close";
  head += "\r\n\r\n";
  return head;
}

std::string http_date(std::int64_t wall_ms) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const WallTime t = split(wall_ms);
  char text[40];
  const int size = std::snprintf(
      text, sizeof text, "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT", kDays.data() + 3 * t.weekday,
      static_cast<unsigned>(t.date.day()), kMonths.data() + 3 * (static_cast<unsigned>(t.date.month()) - 1),
      static_cast<int>(t.date.year()), static_cast<int>(t.time.hours().count()),
      static_cast<int>(t.time.minutes().count()), static_cast<int>(t.time.seconds().count()));
  return std::string(text, static_cast<std::size_t>(size));
}

std::string iso_8601(std::int64_t wall_ms) {
  const WallTime t = split(wall_ms);
  char text[40];
  const int size = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(t.date.year()),
      static_cast<unsigned>(t.date.month()), static_cast<unsigned>(t.date.day()),
      static_cast<int>(t.time.hours().count()), static_cast<int>(t.time.minutes().count()),
      static_cast<int>(t.time.seconds().count()), static_cast<int>(t.time.subseconds().count()));
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace sluice::http
