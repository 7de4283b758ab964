#pragma once

#include "daemon/http/exchange.hpp"
#include "daemon/http/router.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the API does: each handler parses, calls the consumer, and answers.
namespace sluice::http {

/// The routes of the data listener: everything below /v1.
[[nodiscard]] std::vector<Route> data_routes();
/// The routes of the admin listener. They take a query that means nothing to them: probes and scrapers add
/// some.
[[nodiscard]] std::vector<Route> admin_routes();

// Data listener: records
[[nodiscard]] boost::asio::awaitable<Response> fetch(Exchange& exchange);
[[nodiscard]] boost::asio::awaitable<Response> ack(Exchange& exchange);
[[nodiscard]] Response extend(const Exchange& exchange);
[[nodiscard]] Response release(const Exchange& exchange);

// Data listener: flow
[[nodiscard]] Response pause(const Exchange& exchange);
[[nodiscard]] Response resume(const Exchange& exchange);
[[nodiscard]] boost::asio::awaitable<Response> seek(Exchange& exchange);
[[nodiscard]] boost::asio::awaitable<Response> commit(Exchange& exchange);
[[nodiscard]] boost::asio::awaitable<Response> events(Exchange& exchange);

// Data listener: state
[[nodiscard]] Response list_batches(const Exchange& exchange);
[[nodiscard]] Response show_batch(const Exchange& exchange);
[[nodiscard]] Response list_consumers(const Exchange& exchange);
[[nodiscard]] Response show_consumer(const Exchange& exchange);
[[nodiscard]] Response show_info(const Exchange& exchange);

// Both
[[nodiscard]] Response drain(const Exchange& exchange);

// Admin listener
[[nodiscard]] Response live(const Exchange& exchange);
[[nodiscard]] Response ready(const Exchange& exchange);
[[nodiscard]] Response started(const Exchange& exchange);
[[nodiscard]] Response show_metrics(const Exchange& exchange);
[[nodiscard]] Response show_status(const Exchange& exchange);
[[nodiscard]] Response status_page(const Exchange& exchange);

// Shared by handlers
[[nodiscard]] Response unknown_consumer(const Exchange& exchange);
[[nodiscard]] Response unknown_batch(const Exchange& exchange);
[[nodiscard]] Response not_acceptable();
/// The client is gone: nobody gets this.
[[nodiscard]] Response abandoned();
/// Until the commit or the seek has ended. Nothing when the client went away before.
[[nodiscard]] boost::asio::awaitable<std::optional<core::CommitOutcome>> wait_for_commit(
    Exchange& exchange, engine::ConsumerHost& host, std::uint64_t ticket);

}  // namespace sluice::http
