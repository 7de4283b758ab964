#include "daemon/http/accept.hpp"
#include "daemon/http/consumer_json.hpp"
#include "daemon/http/fetch_request.hpp"
#include "daemon/http/handlers.hpp"
#include "daemon/http/json_body.hpp"
#include "daemon/http/settlement_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::http {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// What became of the batch that the `ack` member names.
struct Settled {
  core::BatchId id;
  core::AckResult result;
  bool sync = true;
  core::CommitOutcome outcome = core::CommitOutcome::kCommitted;

  [[nodiscard]] bool waits() const { return sync && result.commit_ticket != 0; }
  [[nodiscard]] bool committed() const {
    return outcome == core::CommitOutcome::kCommitted && (sync || !result.pending);
  }
};

tl::expected<json, Problem> parameters(const Request& request) {
  if (request.head.query.empty()) return parse_body(request.body);
  auto body = parse_body(request.body);
  if (!body) return body;
  if (!body->empty()) {
    return tl::unexpected(Problem{ProblemType::kMalformedRequest,
                                  "Give the parameters either in the body or in the query.",
                                  {},
                                  {},
                                  {},
                                  {}});
  }
  return parse_query(request.head.query, {"request_id", "mode"}, {"topics"});
}

ordered_json used_json(const core::FetchSpec& used) {
  const auto ms = [](core::Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  ordered_json out;
  out["max_records"] = used.max_records;
  out["max_bytes"] = used.max_bytes;
  out["wait_ms"] = ms(used.wait);
  out["min_records"] = used.min_records;
  out["min_bytes"] = used.min_bytes;
  out["lease_ms"] = ms(used.lease);
  out["mode"] = used.settle_at_once ? "auto" : "lease";
  return out;
}

// The same answer as of the ack endpoint, with the problem's slug where there is one.
ordered_json settled_json(const Settled& settled) {
  ordered_json out;
  out["batch_id"] = settled.id.to_string();
  const auto problem = [&out](ProblemType type) {
    out["problem"] = "/problems/" + std::string(info(type).slug);
  };
  if (!settled.result.found) {
    problem(ProblemType::kUnknownBatch);
    return out;
  }
  if (settled.result.lease_gone) problem(ProblemType::kLeaseGone);
  out.update(settlement_json(settled.result, settled.committed()));
  return out;
}

// Everything but the records, in the order of the answer.
ordered_json head_json(const engine::Service& service, const core::FetchResult& result) {
  ordered_json out;
  out["batch_id"] = result.batch ? ordered_json(result.batch->id.to_string()) : ordered_json(nullptr);
  out["lease_expires_at"] =
      result.batch ? time_json(service, result.lease_expires_at) : ordered_json(nullptr);
  if (!result.batch) out["reason"] = core::to_string(result.reason);
  if (result.repeated) out["repeated"] = true;
  const bool cut = result.truncated_by != core::TruncatedBy::kNothing;
  out["truncated_by"] = cut ? ordered_json(core::to_string(result.truncated_by)) : ordered_json(nullptr);
  out["backlog"] = result.backlog;
  out["revoking"] = revoking_json(service, result.revoking);
  out["used"] = used_json(result.used);
  return out;
}

// JSON: one object whose last member is `records`. NDJSON: that object without `records` in the first line,
// then one record per line.
Response records_response(std::string head,
                          const core::FetchResult& result,
                          RecordFormat format,
                          std::string consumer) {
  Response response;
  if (format.lines) {
    response.content_type = kNdjsonType;
    response.body = std::move(head) + "\n";
  } else {
    head.pop_back();
    response.body = std::move(head) + (result.batch ? ",\"records\":[" : ",\"records\":[]}");
  }
  if (result.batch) {
    // What was settled as it was handed out is gone with an answer that fails: that is what `auto` means.
    if (result.used.settle_at_once) consumer.clear();
    response.records = RecordsBody{result.batch, format, format.lines ? "" : "]}", std::move(consumer)};
  }
  return response;
}

Response commit_failed(const Exchange& exchange, const Settled& settled) {
  const bool fenced = settled.outcome == core::CommitOutcome::kFenced;
  return problem_response(
      {fenced ? ProblemType::kConflict : ProblemType::kUnavailable,
       fenced ? "Before the commit of `ack`, its partitions went to another member or were moved by a "
                "seek: its records may be delivered again. Nothing was fetched."
              : "The records of `ack` are settled here, but the group coordinator has not confirmed "
                "the commit yet; it is still being tried. Nothing was fetched; the same request may "
                "be sent again.",
       "ack", std::string(exchange.request.consumer), settled.id.to_string(),
       settlement_members(settled.result, false)});
}

// `auto` settles records before they go out: those of a failed commit go to nobody.
Response auto_failed(const Exchange& exchange, const core::Batch& batch, core::CommitOutcome outcome) {
  const bool fenced = outcome == core::CommitOutcome::kFenced;
  ordered_json ranges = ordered_json::array();
  for (const core::BatchSlice& slice : batch.slices) {
    if (slice.segments.empty()) continue;
    ranges.push_back(partition_json(slice.partition));
    ranges.back()["from"] = slice.segments.front().first;
    ranges.back()["to"] = slice.segments.back().last;
  }
  return problem_response(
      {fenced ? ProblemType::kConflict : ProblemType::kUnavailable,
       fenced ? "Before the records of this fetch were committed, their partitions went to another member "
                "or were moved by a seek. With mode `auto` they are not handed out here."
              : "The group coordinator has not confirmed the commit of the records of this fetch. With mode "
                "`auto` they are not handed out, and they may be lost: at most once is what that mode "
                "promises. Use mode `lease` where nothing may be lost.",
       {},
       std::string(exchange.request.consumer),
       {},
       "\"not_delivered\":" + dump(ranges)});
}

// A topic that the consumer does not read would be waited for in vain.
std::optional<Problem> unknown_topic(const engine::ConsumerHost& host, const core::FetchSpec& spec) {
  for (const std::string& topic : spec.topics) {
    if (std::find(host.topics().begin(), host.topics().end(), topic) != host.topics().end()) continue;
    return Problem{ProblemType::kInvalidValue,
                   "Topic `" + topic + "` is not one that this consumer reads.",
                   "topics",
                   host.name(),
                   {},
                   {}};
  }
  return std::nullopt;
}

Response too_many(const Exchange& exchange, std::string extension) {
  return problem_response({ProblemType::kTooManyFetches,
                           "Let a worker wait for its answer before it fetches again, or raise "
                           "http.max.waiting.fetches.",
                           {},
                           std::string(exchange.request.consumer),
                           {},
                           std::move(extension)});
}

// For a problem: what became of the `ack` all the same.
std::string settled_member(const Settled* settled) {
  return settled == nullptr ? std::string() : "\"ack\":" + dump(settled_json(*settled));
}

// What `auto` hands out cannot be given back. So it takes nothing while an earlier commit is open: when the
// coordinator is away, that costs one batch and not one with every try. Gives the answer when it ends here.
boost::asio::awaitable<std::optional<Response>> commit_what_is_open(Exchange& exchange,
                                                                    engine::ConsumerHost& host,
                                                                    Settled* settled) {
  if (settled != nullptr && settled->waits()) {
    const auto outcome = co_await wait_for_commit(exchange, host, settled->result.commit_ticket);
    if (!outcome) co_return abandoned();
    settled->outcome = *outcome;
    settled->result.commit_ticket = 0;
    host.refresh(settled->result.offsets);
    if (*outcome != core::CommitOutcome::kCommitted) co_return commit_failed(exchange, *settled);
  }
  std::vector<core::PartitionProgress> offsets;
  const std::uint64_t ticket = host.commit(offsets);
  if (ticket == 0) co_return std::nullopt;
  const auto outcome = co_await wait_for_commit(exchange, host, ticket);
  if (!outcome) co_return abandoned();
  if (*outcome != core::CommitOutcome::kFailed) co_return std::nullopt;
  co_return problem_response(
      {ProblemType::kUnavailable,
       "The group coordinator has not confirmed an earlier commit yet; it is still being tried. Nothing was "
       "fetched: with mode `auto`, records are taken only when their commit can be expected to succeed.",
       {},
       std::string(exchange.request.consumer),
       {},
       settled_member(settled)});
}

// Until the fetch ends, or the client goes away and it is cancelled.
boost::asio::awaitable<void> wait_for(Exchange& exchange,
                                      engine::ConsumerHost& host,
                                      std::shared_ptr<engine::FetchCall> call,
                                      Settled* settled) {
  const core::TimePoint begin = exchange.service.now();
  exchange.client.watch([&host, call] { host.cancel_fetch(call); });
  // The commit goes on while the fetch waits: a loop of fetches costs the longer of the two, not their sum.
  if (settled != nullptr && settled->waits()) {
    settled->outcome = co_await host.wait_committed(settled->result.commit_ticket);
    host.refresh(settled->result.offsets);
  }
  const bool go_on = settled == nullptr || settled->outcome == core::CommitOutcome::kCommitted;
  if (!go_on) host.cancel_fetch(call);
  co_await call->wait();
  exchange.client.unwatch();
  exchange.poll_wait = exchange.service.now() - begin;
}

}  // namespace

boost::asio::awaitable<Response> fetch(Exchange& exchange) {
  engine::ConsumerHost* const host = exchange.service.find(exchange.request.consumer);
  if (host == nullptr) co_return unknown_consumer(exchange);
  const auto type = choose_type(exchange.request.head.accept, {kJsonType, kNdjsonType});
  if (!type) co_return not_acceptable();
  const auto body = parameters(exchange.request);
  if (!body) co_return problem_response(body.error());
  auto request = parse_fetch(*body, host->fetch_defaults(),
                             {exchange.options.fetch_wait_max, exchange.options.lease_max}, ack_rules(*host));
  if (!request) co_return problem_response(request.error());
  if (const auto stranger = unknown_topic(*host, request->spec)) co_return problem_response(*stranger);
  request->format.lines = *type == kNdjsonType;

  std::optional<Settled> settled;
  if (request->ack) {
    settled =
        Settled{request->ack->batch, host->ack(request->ack->batch, request->ack->spec), request->ack->sync};
  }
  if (request->spec.settle_at_once) {
    auto refusal = co_await commit_what_is_open(exchange, *host, settled ? &*settled : nullptr);
    if (refusal) co_return std::move(*refusal);
  }
  std::shared_ptr<engine::FetchCall> call = host->start_fetch(std::move(request->spec));
  if (call == nullptr) {
    co_return too_many(exchange, settled_member(settled ? &*settled : nullptr));
  }
  if (!call->result() || (settled && settled->waits())) {
    co_await wait_for(exchange, *host, call, settled ? &*settled : nullptr);
  }
  if (settled && settled->outcome != core::CommitOutcome::kCommitted)
    co_return commit_failed(exchange, *settled);
  if (!call->result()) co_return abandoned();

  const core::FetchResult& result = *call->result();
  if (result.batch && result.commit_ticket != 0) {
    const auto outcome = co_await wait_for_commit(exchange, *host, result.commit_ticket);
    if (!outcome) co_return abandoned();
    if (*outcome != core::CommitOutcome::kCommitted) co_return auto_failed(exchange, *result.batch, *outcome);
  }
  ordered_json head = head_json(exchange.service, result);
  if (settled) head["ack"] = settled_json(*settled);
  co_return records_response(dump(head), result, request->format, std::string(exchange.request.consumer));
}

}  // namespace sluice::http
