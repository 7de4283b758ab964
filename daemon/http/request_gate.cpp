#include "daemon/http/request_gate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace sluice::http {

namespace {

constexpr std::size_t kHeadersMax = 64;
constexpr std::size_t kMethodSizeMax = 16;

using Refusal = std::optional<Problem>;

Problem malformed(std::string detail) {
  return {ProblemType::kMalformedRequest, std::move(detail), {}, {}, {}, {}};
}

bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equal_ignoring_case(std::string_view one, std::string_view lower_case) {
  return std::ranges::equal(one, lower_case, {}, lower);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Headers that decide where a request ends, who it is for or how its body is read. Two of one kind could be
// read differently by two parsers, so each may come once.
enum Single : std::size_t {
  kHost,
  kContentLength,
  kTransferEncoding,
  kContentType,
  kContentEncoding,
  kExpect,
  kOrigin,
  kFetchSite,
  kSingles
};
constexpr std::array<std::string_view, kSingles> kSingleNames{
    "host",   "content-length", "transfer-encoding", "content-type", "content-encoding",
    "expect", "origin",         "sec-fetch-site"};

struct Headers {
  std::array<std::optional<std::string_view>, kSingles> singles;
  bool close = false;
};

// Some servers treat `Content_Length` as `Content-Length`; refusing it keeps everyone of one mind.
bool same_but_for_underscores(std::string_view name, std::string_view lower_case) {
  return std::ranges::equal(name, lower_case, {}, [](char c) { return c == '_' ? '-' : lower(c); });
}

void read_connection(std::string_view value, Headers& headers) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    if (equal_ignoring_case(trim(value.substr(0, comma)), "close")) headers.close = true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

Refusal read_header(std::string_view line, Headers& headers, RequestHead& head) {
  if (line.front() == ' ' || line.front() == '\t') return malformed("A header is folded over several lines.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("A header has no colon.");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return malformed("The name of a header has a character that is not allowed.");
  const std::string_view value = trim(line.substr(colon + 1));
  for (std::size_t i = 0; i < kSingles; ++i) {
    if (!same_but_for_underscores(name, kSingleNames[i])) continue;
    const std::string named(kSingleNames[i]);
    if (!equal_ignoring_case(name, kSingleNames[i]))
      return malformed("A look-alike of the header " + named + ".");
    if (headers.singles[i]) return malformed("The header " + named + " is there twice.");
    if (!std::ranges::all_of(value, [](char c) { return c == ' ' || is_visible(c); }))
      return malformed("The header " + named + " has a character that is not allowed.");
    headers.singles[i] = value;
    return std::nullopt;
  }
  if (equal_ignoring_case(name, "connection")) read_connection(value, headers);
  if (equal_ignoring_case(name, "accept")) head.accept = value;
  return std::nullopt;
}

Refusal read_request_line(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("The request line is not `METHOD path HTTP/1.1`.");
  head.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method) || head.method.size() > kMethodSizeMax) return malformed("This is no method.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return malformed("Only HTTP/1.1 and HTTP/1.0 are spoken here.");
  head.http_1_0 = version.back() == '0';
  if (head.method == "TRACE" || head.method == "CONNECT")
    return malformed("TRACE and CONNECT are never answered.");
  if (!std::ranges::all_of(target, is_visible) || target.find('#') != std::string_view::npos)
    return malformed("The target has a character that is not allowed.");
  if (!target.starts_with('/')) return malformed("The target must be a path that starts with a slash.");
  const std::size_t question = std::min(target.find('?'), target.size());
  head.path = target.substr(0, question);
  if (question < target.size()) head.query = target.substr(question + 1);
  if (head.path.find('%') != std::string_view::npos)
    return malformed("Paths are never percent-encoded here.");
  if (head.path.find("..") != std::string_view::npos) return malformed("A path must not have `..` in it.");
  return std::nullopt;
}

Refusal read_framing(const Headers& headers, RequestHead& head) {
  const auto& length = headers.singles[kContentLength];
  const auto& encoding = headers.singles[kTransferEncoding];
  if (length && encoding) return malformed("Content-Length and Transfer-Encoding exclude each other.");
  if (encoding) {
    if (head.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding.");
    if (!equal_ignoring_case(*encoding, "chunked"))
      return malformed("The only Transfer-Encoding is `chunked`.");
    head.body = RequestHead::Body::kChunked;
  }
  if (length) {
    if (length->empty() || !std::ranges::all_of(*length, is_digit))
      return malformed("Content-Length is not a number.");
    const auto end = length->data() + length->size();
    if (std::from_chars(length->data(), end, head.content_length).ec != std::errc{})
      return malformed("Content-Length is too large to be a number.");
    if (head.content_length > 0) head.body = RequestHead::Body::kLength;
  }
  if (const auto& expect = headers.singles[kExpect]) {
    if (!equal_ignoring_case(*expect, "100-continue"))
      return Problem{ProblemType::kExpectationFailed, "Leave the Expect header out.", {}, {}, {}, {}};
    head.expects_continue = !head.http_1_0;
  }
  return std::nullopt;
}

bool is_ipv4(std::string_view host) {
  int parts = 0;
  while (parts < 4) {
    const std::size_t dot = std::min(host.find('.'), host.size());
    const std::string_view part = host.substr(0, dot);
    if (part.empty() || part.size() > 3 || !std::ranges::all_of(part, is_digit)) return false;
    ++parts;
    if (dot == host.size()) break;
    host.remove_prefix(dot + 1);
  }
  return parts == 4 && host.find('.') == std::string_view::npos;
}

bool is_bracketed_ipv6(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
  });
}

Refusal check_host(std::string_view value, const HostPolicy& policy) {
  const std::size_t bracket = value.rfind(']');
  const std::size_t colon = value.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = value.substr(0, colon);
  const bool has_port = colon != std::string_view::npos;
  const std::string_view port = has_port ? value.substr(colon + 1) : std::string_view();
  const auto is_host_char = [](char c) { return is_token_char(c) || c == '[' || c == ']' || c == ':'; };
  if (host.empty() || host.size() > 255 || !std::ranges::all_of(host, is_host_char) || port.size() > 5 ||
      !std::ranges::all_of(port, is_digit) || (has_port && port.empty()))
    return malformed("The Host header is not a host with an optional port.");
  if (policy.any) return std::nullopt;
  const bool is_ip = is_ipv4(host) || is_bracketed_ipv6(host);
  if (policy.any_ip && is_ip) return std::nullopt;
  const bool port_fits = !has_port || policy.any_ip || port == std::to_string(policy.port);
  const bool local = equal_ignoring_case(host, "localhost") || host == "127.0.0.1" || host == "[::1]";
  const bool named = std::ranges::any_of(
      policy.names, [&](const std::string& name) { return equal_ignoring_case(host, name); });
  if (port_fits && (local || named)) return std::nullopt;
  return Problem{ProblemType::kForbiddenHost,
                 "Use localhost, 127.0.0.1 or [::1] with the port of the listener, or add the name to the "
                 "configuration.",
                 {},
                 {},
                 {},
                 {}};
}

Refusal check_browser(const Headers& headers) {
  const auto& site = headers.singles[kFetchSite];
  const bool foreign =
      site && !equal_ignoring_case(*site, "none") && !equal_ignoring_case(*site, "same-origin");
  if (!headers.singles[kOrigin] && !foreign) return std::nullopt;
  return Problem{ProblemType::kForbiddenOrigin,
                 "This API is for programs. A web page must go through a server of its own.",
                 {},
                 {},
                 {},
                 {}};
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    if (scanned_ >= bytes_max_) return State::kTooLarge;
    const char c = bytes[scanned_];
    const char before = scanned_ > 0 ? bytes[scanned_ - 1] : '\0';
    if (c == '\n') {
      if (before != '\r' || scanned_ == 1) return State::kMalformed;
      if (scanned_ >= 3 && bytes[scanned_ - 2] == '\n') {
        ++scanned_;
        return State::kComplete;
      }
      continue;
    }
    if (before == '\r') return State::kMalformed;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\r' && c != '\t') || byte == 0x7f) return State::kMalformed;
  }
  return State::kIncomplete;
}

tl::expected<RequestHead, Problem> check_head(std::string_view head_bytes, const HostPolicy& policy) {
  RequestHead head;
  Headers headers;
  std::string_view rest = head_bytes;
  if (auto refusal = read_request_line(take_line(rest), head)) return tl::unexpected(std::move(*refusal));
  std::size_t count = 0;
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    if (++count > kHeadersMax) {
      return tl::unexpected(
          Problem{ProblemType::kHeadTooLarge, "At most 64 headers are taken.", {}, {}, {}, {}});
    }
    if (auto refusal = read_header(line, headers, head)) return tl::unexpected(std::move(*refusal));
  }
  if (!headers.singles[kHost]) return tl::unexpected(malformed("The Host header is missing."));
  if (auto refusal = check_host(*headers.singles[kHost], policy)) return tl::unexpected(std::move(*refusal));
  if (auto refusal = check_browser(headers)) return tl::unexpected(std::move(*refusal));
  if (auto refusal = read_framing(headers, head)) return tl::unexpected(std::move(*refusal));
  head.keep_alive = !head.http_1_0 && !headers.close;
  head.content_type = headers.singles[kContentType].value_or("");
  head.content_encoding = headers.singles[kContentEncoding].value_or("");
  return head;
}

}  // namespace sluice::http
