#include "daemon/http/consumer_json.hpp"
#include "daemon/http/handlers.hpp"
#include "daemon/http/json_body.hpp"

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::http {

namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

struct EventsRequest {
  std::uint64_t since = 0;
  core::Duration wait{};
  std::size_t max = 100;
};

constexpr std::int64_t kMaxDefault = 100;
constexpr std::int64_t kMaxCap = 1'000;

tl::expected<EventsRequest, Problem> parse(const Exchange& exchange) {
  const auto query = parse_query(exchange.request.head.query, {}, {});
  if (!query) return tl::unexpected(query.error());
  MemberReader members(*query, {}, {"since", "wait_ms", "max"});
  EventsRequest request;
  request.since = static_cast<std::uint64_t>(members.integer("since", 0, 0));
  request.wait = milliseconds(members.integer("wait_ms", 0, 0, exchange.options.fetch_wait_max.count()));
  request.max = static_cast<std::size_t>(members.integer("max", kMaxDefault, 1, kMaxCap));
  if (members.problem()) return tl::unexpected(*members.problem());
  return request;
}

ordered_json event_json(const engine::Service& service, const core::Event& event) {
  ordered_json out;
  out["id"] = event.id;
  out["type"] = core::to_string(event.type);
  out["at"] = iso_8601(event.wall_ms);
  if (event.count > 1) {
    out["first_at"] = iso_8601(event.first_wall_ms);
    out["count"] = event.count;
  }
  ordered_json partitions = ordered_json::array();
  for (const core::TopicPartition& partition : event.partitions)
    partitions.push_back(partition_json(partition));
  out["partitions"] = std::move(partitions);
  if (event.partitions_omitted > 0) out["partitions_omitted"] = event.partitions_omitted;
  if (event.deadline) out["deadline"] = time_json(service, *event.deadline);
  if (event.offsets) out["offsets"] = {{"from", event.offsets->first}, {"to", event.offsets->last}};
  out["text"] = event.text;
  return out;
}

// Until there is something to tell or the time is up. False when the client went away.
boost::asio::awaitable<bool> wait_for_events(Exchange& exchange,
                                             engine::ConsumerHost& host,
                                             std::uint64_t since,
                                             core::Duration wait) {
  const core::TimePoint begin = exchange.service.now();
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto call = std::make_shared<engine::EventsCall>(executor, since);
  const auto gone = std::make_shared<bool>(false);
  exchange.client.watch([&host, call, gone] {
    *gone = true;
    host.cancel_events(call);
  });
  co_await host.wait_events(call, wait);
  exchange.client.unwatch();
  exchange.poll_wait = exchange.service.now() - begin;
  co_return !*gone;
}

}  // namespace

boost::asio::awaitable<Response> events(Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) co_return unknown_consumer(exchange);
  const auto request = parse(exchange);
  if (!request) co_return problem_response(request.error());
  if (request->wait > core::Duration{} && !host->events().has_since(request->since)) {
    const bool here = co_await wait_for_events(exchange, *host, request->since, request->wait);
    if (!here) co_return abandoned();
  }
  const core::EventLog::Page page = host->events().since(request->since, request->max);
  ordered_json list = ordered_json::array();
  for (const core::Event& event : page.events) list.push_back(event_json(exchange.service, event));
  co_return json_response(dump({{"events", std::move(list)}, {"next", page.next}, {"gap", page.gap}}));
}

}  // namespace sluice::http
