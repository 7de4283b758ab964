#pragma once

#include "daemon/http/problem.hpp"
#include "daemon/http/request.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What every request must pass before anything looks at what it wants. Works on the raw bytes of the head,
/// because a lenient parser in front of it would hide what makes requests ambiguous (RFC 9112 section 11,
/// request smuggling). After a refusal nothing in the connection can be trusted: it is answered and closed.
namespace sluice::http {

/// Finds the end of a head in bytes that arrive in pieces. Refuses as early as possible: line ends other than
/// CRLF, control characters, an empty first line, too many bytes.
class HeadScanner {
 public:
  enum class State : std::uint8_t { kIncomplete = 1, kComplete, kMalformed, kTooLarge };

  explicit HeadScanner(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// @param bytes  all bytes so far, from the start of the head
  [[nodiscard]] State scan(std::string_view bytes);
  /// Including the empty line; meaningful when complete.
  [[nodiscard]] std::size_t head_size() const { return scanned_; }

 private:
  std::size_t bytes_max_;
  std::size_t scanned_ = 0;
};

/// Which names a listener answers to in Host. A page on a hostile site can make a browser send requests here
/// under the site's own name (DNS rebinding), but not under another.
struct HostPolicy {
  bool any = false;                ///< Unix sockets: no browser reaches them
  bool any_ip = false;             ///< every IP literal: probes name the pod's address, which we do not know
  std::uint16_t port = 0;          ///< the bound one
  std::vector<std::string> names;  ///< lower case, without port; besides localhost, 127.0.0.1 and [::1]
};

/// Checks the grammar of a head, its framing, Host and Origin. `head` as HeadScanner found it.
/// Methods other than GET, HEAD and POST pass, so that the router can say what a path takes; TRACE and
/// CONNECT do not.
[[nodiscard]] tl::expected<RequestHead, Problem> check_head(std::string_view head, const HostPolicy& policy);

}  // namespace sluice::http
