#include "daemon/http/handlers.hpp"

namespace sluice::http {

std::vector<Route> data_routes() {
  return {
      {"POST", "/v1/consumers/{c}/fetch", &fetch},
      {"POST", "/v1/consumers/{c}/batches/{b}/ack", &ack},
      {"POST", "/v1/consumers/{c}/batches/{b}/extend", &extend},
      {"POST", "/v1/consumers/{c}/batches/{b}/release", &release},
      {"POST", "/v1/consumers/{c}/pause", &pause},
      {"POST", "/v1/consumers/{c}/resume", &resume},
      {"POST", "/v1/consumers/{c}/seek", &seek},
      {"POST", "/v1/consumers/{c}/commit", &commit},
      {"GET", "/v1/consumers/{c}/events", &events},
      {"GET", "/v1/consumers/{c}/batches", &list_batches},
      {"GET", "/v1/consumers/{c}/batches/{b}", &show_batch},
      {"GET", "/v1/consumers", &list_consumers},
      {"GET", "/v1/consumers/{c}", &show_consumer},
      {"POST", "/v1/drain", &drain},
      {"GET", "/v1/info", &show_info},
  };
}

std::vector<Route> admin_routes() {
  return {
      {"GET", "/livez", &live},           {"GET", "/readyz", &ready}, {"GET", "/startupz", &started},
      {"GET", "/metrics", &show_metrics}, {"GET", "/drain", &drain},  {"POST", "/drain", &drain},
      {"GET", "/status", &show_status},   {"GET", "/", &status_page},
  };
}

Response unknown_consumer(const Exchange& exchange) {
  const std::string name(exchange.request.consumer);
  return problem_response(
      {ProblemType::kUnknownConsumer,
       "No consumer `" + name + "` is configured; GET /v1/consumers lists those that are.",
       {},
       name,
       {},
       {}});
}

Response unknown_batch(const Exchange& exchange) {
  return problem_response(
      {ProblemType::kUnknownBatch,
       "No such batch was handed out here lately. A batch_id is 32 lower-case hex digits, as in the "
       "answer of a fetch.",
       {},
       std::string(exchange.request.consumer),
       std::string(exchange.request.batch),
       {}});
}

Response abandoned() {
  Response response;
  response.abandoned = true;
  return response;
}

Response not_acceptable() {
  return problem_response(
      {ProblemType::kNotAcceptable, "Accept application/json or application/x-ndjson.", {}, {}, {}, {}});
}

}  // namespace sluice::http
