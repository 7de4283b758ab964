#include "daemon/http/accept.hpp"
#include "daemon/http/ack_request.hpp"
#include "daemon/http/consumer_json.hpp"
#include "daemon/http/handlers.hpp"
#include "daemon/http/json_body.hpp"
#include "daemon/http/settlement_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace sluice::http {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr std::int64_t kDelayMaxMs = 24LL * 3600 * 1000;

Problem of_batch(const Exchange& exchange, ProblemType type, std::string detail, std::string extension = {}) {
  return {type,
          std::move(detail),
          {},
          std::string(exchange.request.consumer),
          std::string(exchange.request.batch),
          std::move(extension)};
}

Response lease_gone(const Exchange& exchange, std::string extension = {}) {
  return problem_response(
      of_batch(exchange, ProblemType::kLeaseGone,
               "Its lease expired and the records were handed out again, or their partitions went to "
               "another member. Whoever has them now will settle them.",
               std::move(extension)));
}

// A request whose body has at most one number in it.
tl::expected<std::optional<std::int64_t>, Problem> only_number(const Exchange& exchange,
                                                               std::string_view name,
                                                               std::int64_t min,
                                                               std::int64_t max) {
  if (!exchange.request.head.query.empty()) {
    return tl::unexpected(
        Problem{ProblemType::kInvalidValue, "Parameters go into the body here.", {}, {}, {}, {}});
  }
  auto body = parse_body(exchange.request.body);
  if (!body) return tl::unexpected(std::move(body.error()));
  MemberReader members(*body, {}, {name});
  std::optional<std::int64_t> number;
  if (members.has(name)) number = members.integer(name, min, min, max);
  if (members.problem()) return tl::unexpected(*members.problem());
  return number;
}

Response answer_commit(const Exchange& exchange, const core::AckResult& result, core::CommitOutcome outcome) {
  switch (outcome) {
    case core::CommitOutcome::kCommitted:
      return json_response(dump(settlement_json(result, true)));
    case core::CommitOutcome::kFailed:
      return problem_response(
          of_batch(exchange, ProblemType::kUnavailable,
                   "The records are settled here, but the group coordinator has not confirmed the "
                   "commit yet; it is still being tried. Acking again is harmless.",
                   settlement_members(result, false)));
    case core::CommitOutcome::kFenced:
      break;
  }
  return problem_response(
      of_batch(exchange, ProblemType::kConflict,
               "Before the commit, the partitions went to another member or were moved by a seek: the "
               "records may be delivered again.",
               settlement_members(result, false)));
}

}  // namespace

boost::asio::awaitable<Response> ack(Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) co_return unknown_consumer(exchange);
  const auto id = core::BatchId::parse(exchange.request.batch);
  if (!id) co_return unknown_batch(exchange);
  if (!exchange.request.head.query.empty()) {
    co_return problem_response(
        of_batch(exchange, ProblemType::kInvalidValue, "Parameters go into the body here."));
  }
  const auto body = parse_body(exchange.request.body);
  if (!body) co_return problem_response(body.error());
  const auto request = parse_ack(*body, ack_rules(*host));
  if (!request) co_return problem_response(request.error());

  core::AckResult result = host->ack(*id, request->spec);
  if (!result.found) co_return unknown_batch(exchange);
  if (result.lease_gone) co_return lease_gone(exchange, settlement_members(result, false));
  const bool nothing_to_commit = result.commit_ticket == 0;
  if (!request->sync) co_return json_response(dump(settlement_json(result, !result.pending)), 202);
  core::CommitOutcome outcome = core::CommitOutcome::kCommitted;
  if (!nothing_to_commit) {
    outcome = co_await host->wait_committed(result.commit_ticket);
    host->refresh(result.offsets);
  }
  co_return answer_commit(exchange, result, outcome);
}

Response extend(const Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  const auto id = core::BatchId::parse(exchange.request.batch);
  if (!id) return unknown_batch(exchange);
  const auto lease_max = std::chrono::duration_cast<milliseconds>(exchange.options.lease_max).count();
  const auto lease_ms = only_number(exchange, "lease_ms", 1, lease_max);
  if (!lease_ms) return problem_response(lease_ms.error());

  const core::Duration lease =
      *lease_ms ? core::Duration(milliseconds(**lease_ms)) : host->fetch_defaults().lease;
  const core::LeaseResult result = host->extend(*id, lease);
  if (!result.found) return unknown_batch(exchange);
  if (result.lease_gone) return lease_gone(exchange);
  ordered_json out;
  out["batch_id"] = id->to_string();
  out["lease_expires_at"] = time_json(exchange.service, result.expires_at);
  return json_response(dump(out));
}

Response release(const Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  const auto id = core::BatchId::parse(exchange.request.batch);
  if (!id) return unknown_batch(exchange);
  const auto delay_ms = only_number(exchange, "delay_ms", 0, kDelayMaxMs);
  if (!delay_ms) return problem_response(delay_ms.error());

  std::optional<core::Duration> delay;
  if (*delay_ms) delay = milliseconds(**delay_ms);
  const core::LeaseResult result = host->release(*id, delay);
  if (!result.found) return unknown_batch(exchange);
  if (result.lease_gone) return lease_gone(exchange);
  ordered_json out;
  out["batch_id"] = id->to_string();
  out["released"] = result.released;
  return json_response(dump(out));
}

Response list_batches(const Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  ordered_json batches = ordered_json::array();
  for (const core::OpenLease& lease : host->status().leases)
    batches.push_back(lease_json(exchange.service, lease));
  return json_response(dump({{"batches", std::move(batches)}}));
}

Response show_batch(const Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  const auto id = core::BatchId::parse(exchange.request.batch);
  if (!id) return unknown_batch(exchange);
  const auto query = parse_query(exchange.request.head.query, {}, {});
  if (!query) return problem_response(query.error());
  MemberReader members(*query, {}, {"records"});
  const bool with_records = members.one_of("records", {"false", "true"}, 0) == 1;
  if (members.problem()) return problem_response(*members.problem());

  const core::ConsumerStatus status = host->status();
  const auto lease = std::ranges::find(status.leases, *id, &core::OpenLease::id);
  if (lease == status.leases.end()) return unknown_batch(exchange);
  const std::string head = dump(lease_json(exchange.service, *lease));
  if (!with_records) return json_response(head);
  std::shared_ptr<const core::Batch> batch = host->open_batch(*id);
  if (batch == nullptr) return unknown_batch(exchange);
  Response response = json_response(head.substr(0, head.size() - 1) + ",\"records\":[");
  response.records = RecordsBody{std::move(batch), {}, "]}", {}};
  return response;
}

}  // namespace sluice::http
