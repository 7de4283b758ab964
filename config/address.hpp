#pragma once

/// Host and port, and listen addresses, as text and back.

#include "config/options.hpp"
#include "config/units.hpp"

#include <string>
#include <string_view>

namespace sluice::config {

/// `host:port`, `[v6]:port`, with an optional `PLAINTEXT://` in front as in Kafka's listeners. Port 1 to
/// 65535.
[[nodiscard]] Parsed<ServerAddress> parse_server(std::string_view text);
[[nodiscard]] std::string format(const ServerAddress& address);

/// `address:port` (a literal IPv4, a bracketed IPv6 or `localhost`; port 0 to 65535) or
/// `unix:/absolute/path`.
[[nodiscard]] Parsed<ListenAddress> parse_listen(std::string_view text);
[[nodiscard]] std::string format(const ListenAddress& address);

/// Only this host can reach it: a Unix socket, 127.0.0.0/8, ::1 or localhost.
[[nodiscard]] bool is_local(const ListenAddress& address);

/// The two cannot both be bound: the same path, or one port on the same or a wildcard host. Port 0 never
/// collides.
[[nodiscard]] bool collides(const ListenAddress& one, const ListenAddress& other);

}  // namespace sluice::config
