#include "daemon/http/accept.hpp"
#include "daemon/http/consumer_json.hpp"
#include "daemon/http/handlers.hpp"
#include "daemon/metrics/build_info.hpp"

#include <nlohmann/json.hpp>

namespace sluice::http {

namespace {

using nlohmann::ordered_json;

// Kubernetes' own form: one line per check. The same as JSON for who asks for it.
Response probe(const Exchange& exchange, const std::vector<engine::ProbeCheck>& checks) {
  bool ok = true;
  std::string lines;
  ordered_json list = ordered_json::array();
  for (const engine::ProbeCheck& check : checks) {
    ok = ok && check.ok;
    lines += (check.ok ? "[+]" : "[-]") + check.name;
    lines += check.ok ? " ok" : ":";
    if (!check.detail.empty()) lines += " " + check.detail;
    lines += "\n";
    list.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  Response response;
  response.status = ok ? 200 : 503;
  const auto type =
      choose_type(exchange.request.head.accept, {kTextType.substr(0, kTextType.find(';')), kJsonType});
  if (type == kJsonType) {
    response.body = dump({{"ok", ok}, {"checks", std::move(list)}});
  } else {
    response.content_type = kTextType;
    response.body = std::move(lines);
  }
  return response;
}

}  // namespace

Response list_consumers(const Exchange& exchange) {
  ordered_json consumers = ordered_json::array();
  for (const engine::ConsumerHost* host : exchange.service.consumers())
    consumers.push_back(summary_json(*host));
  return json_response(dump({{"consumers", std::move(consumers)}}));
}

Response show_consumer(const Exchange& exchange) {
  const engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  return json_response(dump(consumer_json(exchange.service, *host)));
}

Response show_info(const Exchange& exchange) {
  const metrics::BuildInfo build = metrics::build_info();
  const Options& options = exchange.options;
  ordered_json out;
  out["name"] = "sluiced";
  out["version"] = build.version;
  out["revision"] = build.revision;
  out["state"] = exchange.service.state();
  ordered_json names = ordered_json::array();
  for (const engine::ConsumerHost* host : exchange.service.consumers()) names.push_back(host->name());
  out["consumers"] = std::move(names);
  out["limits"] = {{"head_bytes", options.head_bytes_max},
                   {"body_bytes", options.body_bytes_max},
                   {"connections", options.data.connections_max},
                   {"wait_ms", options.fetch_wait_max.count()},
                   {"lease_ms", options.lease_max.count()},
                   {"memory_budget_bytes", exchange.service.budget().limit()}};
  return json_response(dump(out));
}

Response drain(const Exchange& exchange) {
  exchange.service.drain();
  return json_response(dump({{"state", exchange.service.state()},
                             {"draining", exchange.service.draining()},
                             {"drained", exchange.service.drained()}}));
}

// Answering at all is the check: a loop that does not turn answers nothing.
Response live(const Exchange& exchange) { return probe(exchange, {{"loop", true, {}}}); }

Response ready(const Exchange& exchange) { return probe(exchange, exchange.service.ready_checks()); }

Response started(const Exchange& exchange) { return probe(exchange, exchange.service.startup_checks()); }

Response show_metrics(const Exchange& exchange) {
  Response response;
  response.content_type = metrics::kTextFormat;
  response.body = exchange.exporter.text();
  return response;
}

Response show_status(const Exchange& exchange) {
  engine::Service& service = exchange.service;
  const metrics::BuildInfo build = metrics::build_info();
  ordered_json out;
  out["version"] = build.version;
  out["state"] = service.state();
  out["time"] = time_json(service, service.now());
  out["drained"] = service.draining() && service.drained();
  out["memory"] = {{"budget", service.budget().limit()},
                   {"used", service.budget().used()},
                   {"peak", service.budget().peak()}};
  ordered_json checks = ordered_json::array();
  for (const engine::ProbeCheck& check : service.ready_checks()) {
    checks.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  out["checks"] = std::move(checks);
  ordered_json consumers = ordered_json::array();
  for (const engine::ConsumerHost* host : service.consumers())
    consumers.push_back(consumer_json(service, *host));
  out["consumers"] = std::move(consumers);
  return json_response(dump(out));
}

}  // namespace sluice::http
