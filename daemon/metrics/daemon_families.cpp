#include "daemon/metrics/build_info.hpp"
#include "daemon/metrics/families.hpp"
#include "daemon/metrics/family.hpp"

namespace sluice::metrics {

namespace {

void add_listener(const std::string& listener,
                  const ListenerStats& stats,
                  Family& requests,
                  Family& seconds) {
  for (const RouteStats& route : stats.routes) {
    const Labels base{{"listener", listener}, {"route", route.route}};
    for (const auto& [status, count] : route.responses) {
      Labels labels = with(base, "method", route.method);
      requests.add(with(std::move(labels), "code", std::to_string(status)), count);
    }
    seconds.add(with(base, "method", route.method), route.seconds);
  }
}

}  // namespace

void add_daemon_families(engine::Service& service, Families& out) {
  const BuildInfo build = build_info();
  Family info = gauge("sluice_build_info", "What the program was built from; always 1.");
  info.add({{"version", build.version}, {"revision", build.revision}, {"compiler", build.compiler}}, 1.0);
  Family state = gauge("sluice_state", "1 for the state of the daemon, 0 for the others.");
  for (const std::string_view name : {"starting", "running", "draining", "stopping"}) {
    state.add({{"state", std::string(name)}}, service.state() == name ? 1.0 : 0.0);
  }
  core::MemoryBudget& budget = service.budget();
  Family limit = gauge("sluice_memory_budget_bytes", "The bound of fetched, leased and outgoing bytes.");
  limit.add({}, budget.limit());
  Family used = gauge("sluice_memory_used_bytes", "Bytes charged to the memory budget.");
  used.add({}, budget.used());
  Family peak =
      gauge("sluice_memory_used_peak_bytes", "The most bytes ever charged to the memory budget at once.");
  peak.add({}, budget.peak());
  for (Family* family : {&info, &state, &limit, &used, &peak}) family->finish(out);
}

void add_http_families(const HttpStats& stats, Families& out) {
  Family requests =
      counter("sluice_http_requests_total", "Requests answered, by route template and status code.");
  Family seconds =
      histogram("sluice_http_request_duration_seconds",
                "From the head of a request to the end of its answer, less the wait for records.");
  Family connections = gauge("sluice_http_connections", "Open connections.");
  Family refused =
      counter("sluice_http_connections_refused_total", "Connections told 503: there were too many.");
  Family accept_errors =
      counter("sluice_http_accept_errors_total", "Connections that could not be accepted.");
  Family slow =
      counter("sluice_http_deadlines_missed_total", "Connections closed because their client was too slow.");
  for (const auto& [name, listener] : {std::pair{"data", &stats.data}, std::pair{"admin", &stats.admin}}) {
    const Labels labels{{"listener", name}};
    add_listener(name, *listener, requests, seconds);
    connections.add(labels, static_cast<std::uint64_t>(listener->connections));
    refused.add(labels, listener->refused_connections);
    accept_errors.add(labels, listener->accept_errors);
    slow.add(labels, listener->deadlines_missed);
  }
  Family wait = histogram("sluice_http_poll_wait_seconds",
                          "How long fetches waited for records, and readers for events.");
  wait.add({}, stats.poll_wait_seconds);
  Family bytes = counter("sluice_http_response_bytes_total", "Bytes of response bodies written.");
  bytes.add({}, stats.response_bytes);
  Family given_back =
      counter("sluice_http_batches_given_back_total", "Batches whose answer could not be written.");
  given_back.add({}, stats.given_back_batches);
  Family gone = counter("sluice_http_clients_gone_total", "Clients that left while their fetch waited.");
  gone.add({}, stats.clients_gone);
  Family lag = histogram("sluice_loop_lag_seconds", "How late a timer of the event loop was.");
  lag.add({}, stats.loop_lag_seconds);
  for (Family* family : {&requests, &seconds, &connections, &refused, &accept_errors, &slow, &wait, &bytes,
                         &given_back, &gone, &lag}) {
    family->finish(out);
  }
}

}  // namespace sluice::metrics
