#include "config/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>

namespace sluice::config {
namespace {

constexpr std::size_t kUnixPathMax = 107;  // sun_path of sockaddr_un, less its terminating zero
constexpr std::size_t kHostMax = 253;      // RFC 1035, written form

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

bool is_ipv4(const std::string& host) {
  std::array<unsigned char, 4> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1;
}

bool is_ipv6(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= kHostMax &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
         });
}

Parsed<HostPort> split_host_port(std::string_view text, std::int64_t port_min) {
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const std::size_t bracket = text.find(']');
  if (colon == std::string_view::npos ||
      (bracketed && bracket != std::string_view::npos && colon < bracket)) {
    return tl::unexpected<std::string>("has no port; write host:port");
  }
  std::string host(text.substr(0, colon));
  if (bracketed) {
    if (!host.ends_with(']') || !is_ipv6(host.substr(1, host.size() - 2))) {
      return tl::unexpected<std::string>("has no IPv6 address between its brackets");
    }
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return tl::unexpected<std::string>(
        "has more than one colon; put an IPv6 address in brackets, as [::1]:9092");
  } else if (!is_host_name(host)) {
    return tl::unexpected<std::string>(host.empty() ? "has no host; write host:port"
                                                    : "has no valid host name");
  }
  const Parsed<std::int64_t> port = parse_integer(text.substr(colon + 1));
  if (!port || *port < port_min || *port > 65'535) {
    return tl::unexpected<std::string>("has no valid port; ports are " + std::to_string(port_min) +
                                       " to 65535");
  }
  return HostPort{std::move(host), static_cast<std::uint16_t>(*port)};
}

std::string join(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

Parsed<ServerAddress> parse_server(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.substr(0, scheme) != "PLAINTEXT") {
      return tl::unexpected<std::string>("names a protocol other than PLAINTEXT; write host:port");
    }
    text.remove_prefix(scheme + 3);
  }
  return split_host_port(text, 1).map(
      [](HostPort found) { return ServerAddress{std::move(found.host), found.port}; });
}

std::string format(const ServerAddress& address) { return join(address.host, address.port); }

Parsed<ListenAddress> parse_listen(std::string_view text) {
  ListenAddress address;
  if (text.starts_with("unix:")) {
    address.kind = ListenAddress::Kind::kUnix;
    address.path = text.substr(5);
    if (!address.path.starts_with('/') || address.path.ends_with('/')) {
      return tl::unexpected<std::string>("is not an absolute path of a socket; write unix:/path/to/socket");
    }
    if (address.path.size() > kUnixPathMax) {
      return tl::unexpected<std::string>("is longer than the 107 bytes that a socket's path may have");
    }
    return address;
  }
  return split_host_port(text, 0).and_then([&](HostPort found) -> Parsed<ListenAddress> {
    if (found.host != "localhost" && !is_ipv4(found.host) && !is_ipv6(found.host)) {
      return tl::unexpected<std::string>(
          "is not an address to listen on; use a literal address or localhost");
    }
    address.host = std::move(found.host);
    address.port = found.port;
    return address;
  });
}

std::string format(const ListenAddress& address) {
  return address.kind == ListenAddress::Kind::kUnix ? "unix:" + address.path
                                                    : join(address.host, address.port);
}

bool is_local(const ListenAddress& address) {
  return address.kind == ListenAddress::Kind::kUnix || address.host == "localhost" || address.host == "::1" ||
         (is_ipv4(address.host) && address.host.starts_with("127."));
}

bool collides(const ListenAddress& one, const ListenAddress& other) {
  if (one.kind != other.kind) {
    return false;
  }
  if (one.kind == ListenAddress::Kind::kUnix) {
    return one.path == other.path;
  }
  if (one.port != other.port || one.port == 0) {
    return false;
  }
  const auto plain = [](const std::string& host) {
    return host == "localhost" ? std::string("127.0.0.1") : host;
  };
  return plain(one.host) == plain(other.host) || is_wildcard(one.host) || is_wildcard(other.host);
}

}  // namespace sluice::config
