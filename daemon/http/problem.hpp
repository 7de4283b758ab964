#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::http {

/// What can be wrong with a request. The slug of each is part of the API: `type` is "/problems/<slug>".
enum class ProblemType : std::uint8_t {
  kMalformedRequest = 1,
  kInvalidValue,
  kUnknownConsumer,
  kUnknownBatch,
  kUnknownPath,
  kMethodNotAllowed,
  kNotAcceptable,
  kUnsupportedMediaType,
  kBodyTooLarge,
  kHeadTooLarge,
  kExpectationFailed,
  kLeaseGone,
  kTooManyFetches,
  kDraining,
  kUnavailable,
  kForbiddenHost,
  kForbiddenOrigin,
  kConflict,
  kInternal,
};

/// One row of the catalogue.
struct ProblemInfo {
  ProblemType type;
  int status;
  bool retryable;           ///< the same request may succeed later
  int retry_after_seconds;  ///< Retry-After; 0: none
  std::string_view slug;
  std::string_view title;
};

/// The whole catalogue, for documentation and tests.
[[nodiscard]] std::span<const ProblemInfo> problem_catalogue();
[[nodiscard]] const ProblemInfo& info(ProblemType type);

/// An error answer in the form of RFC 9457. Empty members are left out.
struct Problem {
  ProblemType type = ProblemType::kInternal;
  std::string detail;  ///< a sentence for people: the thing and the remedy
  std::string field;   ///< the member of the request that is wrong, as a path: "accept[2].offset"
  std::string consumer;
  std::string batch_id;
  std::string extension;  ///< further members as JSON text without braces: "\"accepted\":3,\"released\":0"
  std::optional<bool> retryable = std::nullopt;  ///< where it differs from the catalogue
};

/// The body: application/problem+json. Never fails: bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string to_json(const Problem& problem);

}  // namespace sluice::http
