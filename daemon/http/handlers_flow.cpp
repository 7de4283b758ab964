#include "daemon/http/consumer_json.hpp"
#include "daemon/http/flow_request.hpp"
#include "daemon/http/handlers.hpp"
#include "daemon/http/json_body.hpp"
#include "daemon/http/settlement_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Pause, resume, seek and commit: what an application does to the flow as a whole.
namespace sluice::http {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

Problem of_consumer(const Exchange& exchange,
                    ProblemType type,
                    std::string detail,
                    std::string extension = {}) {
  return {
      type, std::move(detail), {}, std::string(exchange.request.consumer), {}, std::move(extension),
  };
}

tl::expected<json, Problem> body_of(const Exchange& exchange) {
  if (exchange.request.head.query.empty()) return parse_body(exchange.request.body);
  return tl::unexpected(
      of_consumer(exchange, ProblemType::kInvalidValue, "Parameters go into the body here."));
}

// `change` is a pause or a resume.
Response change_pauses(const Exchange& exchange, void (engine::ConsumerHost::*change)(const core::Scope&)) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) return unknown_consumer(exchange);
  const auto body = body_of(exchange);
  if (!body) return problem_response(body.error());
  const auto scope = parse_scope(*body, host->topics());
  if (!scope) return problem_response(scope.error());
  (host->*change)(*scope);

  const core::ConsumerStatus status = host->status();
  ordered_json partitions = ordered_json::array();
  for (const core::PartitionStatus& partition : status.partitions) {
    partitions.push_back(partition_json(partition.partition));
    partitions.back()["paused"] = partition.paused || status.paused;
  }
  return json_response(
      dump({{"consumer", host->name()}, {"paused", status.paused}, {"partitions", std::move(partitions)}}));
}

std::string listed(const std::vector<core::TopicPartition>& partitions) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < partitions.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + core::to_string(partitions[i]);
  }
  if (partitions.size() > kShown) text += " and " + std::to_string(partitions.size() - kShown) + " more";
  return text;
}

// The core did not move anything, and says why.
Problem refusal_of(const Exchange& exchange,
                   const engine::ConsumerHost& host,
                   const SeekRequest& request,
                   const std::string& why) {
  const core::ConsumerStatus status = host.status();
  const bool not_known_yet = std::ranges::any_of(status.partitions, [&](const core::PartitionStatus& each) {
    return request.scope.covers(each.partition) && !each.end;
  });
  Problem problem = of_consumer(
      exchange, not_known_yet ? ProblemType::kUnavailable : ProblemType::kInvalidValue, why + ".");
  if (!not_known_yet) problem.field = "to";
  return problem;
}

// Nothing moves, because partitions are not here. Nothing when all is well.
std::optional<Problem> not_here(const Exchange& exchange,
                                const engine::ConsumerHost& host,
                                const core::SeekResult& result) {
  if (result.strangers.empty() && !result.partitions.empty()) return std::nullopt;
  const std::string state = host.status().state;
  const bool joining = state != "stable";
  Problem problem = of_consumer(
      exchange, ProblemType::kConflict,
      result.strangers.empty()
          ? "No partition of these is assigned to this member now (it is " + state + "). Nothing was moved."
          : "Not assigned to this member (it is " + state + "): " + listed(result.strangers) +
                ". Nothing was moved; ask the member that has them.");
  problem.retryable = joining || result.strangers.empty();
  return problem;
}

ordered_json seek_json(const engine::ConsumerHost& host, const core::SeekResult& result) {
  const core::ConsumerStatus status = host.status();
  ordered_json partitions = ordered_json::array();
  for (const core::TopicPartition& moved : result.partitions) {
    const auto at = std::ranges::find(status.partitions, moved, &core::PartitionStatus::partition);
    const bool known = at != status.partitions.end();
    ordered_json entry = partition_json(moved);
    entry["position"] = known && at->position ? ordered_json(*at->position) : ordered_json(nullptr);
    entry["committed"] = known && at->committed ? ordered_json(*at->committed) : ordered_json(nullptr);
    partitions.push_back(std::move(entry));
  }
  return {{"partitions", std::move(partitions)}, {"voided_records", result.voided_records}};
}

Response answer_seek(const Exchange& exchange,
                     const engine::ConsumerHost& host,
                     const core::SeekResult& result,
                     core::CommitOutcome outcome) {
  const std::string moved = dump(seek_json(host, result));
  if (outcome == core::CommitOutcome::kCommitted) return json_response(moved);
  const bool fenced = outcome == core::CommitOutcome::kFenced;
  return problem_response(of_consumer(
      exchange, fenced ? ProblemType::kConflict : ProblemType::kUnavailable,
      fenced ? "A partition went to another member, or was moved again, before this seek was committed."
             : "The partitions are moving, but not all of them have their new position committed yet; it "
               "is still being tried. The same request may be sent again.",
      moved.substr(1, moved.size() - 2)));
}

}  // namespace

boost::asio::awaitable<std::optional<core::CommitOutcome>> wait_for_commit(Exchange& exchange,
                                                                           engine::ConsumerHost& host,
                                                                           std::uint64_t ticket) {
  const auto gone = std::make_shared<bool>(false);
  exchange.client.watch([&host, ticket, gone] {
    *gone = true;
    host.stop_waiting(ticket);
  });
  core::CommitOutcome outcome = core::CommitOutcome::kFailed;
  if (!*gone) outcome = co_await host.wait_committed(ticket);
  exchange.client.unwatch();
  if (*gone) co_return std::nullopt;
  co_return outcome;
}

Response pause(const Exchange& exchange) { return change_pauses(exchange, &engine::ConsumerHost::pause); }

Response resume(const Exchange& exchange) { return change_pauses(exchange, &engine::ConsumerHost::resume); }

boost::asio::awaitable<Response> seek(Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) co_return unknown_consumer(exchange);
  const auto body = body_of(exchange);
  if (!body) co_return problem_response(body.error());
  const auto request = parse_seek(*body, host->topics(), exchange.service.to_wall_ms(exchange.service.now()));
  if (!request) co_return problem_response(request.error());
  if (exchange.service.draining()) {
    co_return problem_response(of_consumer(exchange, ProblemType::kDraining,
                                           "Nothing is handed out any more. Seek after the restart."));
  }
  const auto result = host->seek(request->scope, request->target);
  if (!result) co_return problem_response(refusal_of(exchange, *host, *request, result.error()));
  if (const auto problem = not_here(exchange, *host, *result)) co_return problem_response(*problem);
  const auto outcome = co_await wait_for_commit(exchange, *host, result->ticket);
  if (!outcome) co_return abandoned();
  co_return answer_seek(exchange, *host, *result, *outcome);
}

boost::asio::awaitable<Response> commit(Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) co_return unknown_consumer(exchange);
  const auto body = body_of(exchange);
  if (!body) co_return problem_response(body.error());
  const MemberReader members(*body, {}, {});
  if (members.problem()) co_return problem_response(*members.problem());

  std::vector<core::PartitionProgress> offsets;
  const std::uint64_t ticket = host->commit(offsets);
  core::CommitOutcome outcome = core::CommitOutcome::kCommitted;
  if (ticket != 0) outcome = co_await host->wait_committed(ticket);
  host->refresh(offsets);
  const bool committed = outcome == core::CommitOutcome::kCommitted;
  const std::string text = dump({{"offsets", offsets_json(offsets)}, {"committed", committed}});
  if (committed) co_return json_response(text);
  const bool fenced = outcome == core::CommitOutcome::kFenced;
  co_return problem_response(of_consumer(
      exchange, fenced ? ProblemType::kConflict : ProblemType::kUnavailable,
      fenced ? "Before the commit, partitions went to another member or were moved by a seek: their "
               "records may be delivered again."
             : "The group coordinator has not confirmed the commit yet; it is still being tried.",
      text.substr(1, text.size() - 2)));
}

}  // namespace sluice::http
