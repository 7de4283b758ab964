#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::net {

namespace asio = boost::asio;

/// The completion token of every Asio operation here: errors come back as values, never as exceptions.
/// `const auto [ec, bytes] = co_await socket.async_read_some(buffer, use_ec);`
// NOLINTNEXTLINE(readability-identifier-naming): a completion token, named as Asio names them
inline constexpr auto use_ec = asio::as_tuple(asio::use_awaitable);

}  // namespace sluice::net
