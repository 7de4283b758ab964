#include "daemon/http/problem.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace sluice::http {

namespace {

using enum ProblemType;

constexpr std::array kCatalogue{
    ProblemInfo{kMalformedRequest, 400, false, 0, "malformed-request",
                "The request is not valid HTTP or JSON"},
    ProblemInfo{kInvalidValue, 422, false, 0, "invalid-value", "A value in the request is not valid"},
    ProblemInfo{kUnknownConsumer, 404, false, 0, "unknown-consumer", "There is no consumer of this name"},
    ProblemInfo{kUnknownBatch, 404, false, 0, "unknown-batch", "There is no batch of this id"},
    ProblemInfo{kUnknownPath, 404, false, 0, "unknown-path", "Nothing is served at this path"},
    ProblemInfo{kMethodNotAllowed, 405, false, 0, "method-not-allowed",
                "This path does not take this method"},
    ProblemInfo{kNotAcceptable, 406, false, 0, "not-acceptable",
                "None of the accepted media types can be given"},
    ProblemInfo{kUnsupportedMediaType, 415, false, 0, "unsupported-media-type",
                "The body must be application/json"},
    ProblemInfo{kBodyTooLarge, 413, false, 0, "body-too-large", "The body of the request is too large"},
    ProblemInfo{kHeadTooLarge, 431, false, 0, "head-too-large", "The head of the request is too large"},
    ProblemInfo{kExpectationFailed, 417, false, 0, "expectation-failed", "Only 100-continue can be expected"},
    ProblemInfo{kLeaseGone, 410, false, 0, "lease-gone", "The lease of this batch is gone"},
    ProblemInfo{kTooManyFetches, 429, true, 1, "too-many-fetches", "Too many fetches are waiting already"},
    ProblemInfo{kDraining, 503, true, 5, "draining", "The daemon is stopping"},
    ProblemInfo{kUnavailable, 503, true, 1, "unavailable", "This cannot be done at the moment"},
    ProblemInfo{kForbiddenHost, 403, false, 0, "forbidden-host",
                "The Host header names a host we do not answer for"},
    ProblemInfo{kForbiddenOrigin, 403, false, 0, "forbidden-origin",
                "Web pages of other origins are not served"},
    ProblemInfo{kConflict, 409, false, 0, "conflict", "The state of the consumer does not allow this"},
    ProblemInfo{kInternal, 500, false, 0, "internal", "The daemon failed"},
};

}  // namespace

std::span<const ProblemInfo> problem_catalogue() { return kCatalogue; }

const ProblemInfo& info(ProblemType type) {
  for (const ProblemInfo& row : kCatalogue) {
    if (row.type == type) return row;
  }
  return kCatalogue.back();
}

std::string to_json(const Problem& problem) {
  const ProblemInfo& row = info(problem.type);
  nlohmann::ordered_json body;
  body["type"] = "/problems/" + std::string(row.slug);
  body["title"] = row.title;
  body["status"] = row.status;
  if (!problem.detail.empty()) body["detail"] = problem.detail;
  if (!problem.field.empty()) body["field"] = problem.field;
  if (!problem.consumer.empty()) body["consumer"] = problem.consumer;
  if (!problem.batch_id.empty()) body["batch_id"] = problem.batch_id;
  body["retryable"] = problem.retryable.value_or(row.retryable);
  std::string text = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (!problem.extension.empty()) {
    text.back() = ',';
    text += problem.extension;
    text += '}';
  }
  return text;
}

}  // namespace sluice::http
