#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What can be done with any message. The templates are instantiated in messages/<api>.cpp, next to the
/// description of the message, so that includers pay for declarations only.
namespace sluice::protocol {

/// What to think of bytes after the end of a message.
enum class Trailing : std::uint8_t { kRefuse = 1, kAllow };

/// Whether `bytes` fields (assignments, SASL tokens) are written out. Log lines redact.
enum class Secrets : std::uint8_t { kRedact = 1, kShow };

template <class M>
struct MessageCodec {
  [[nodiscard]] static Result<void> encode(const M& message, std::int16_t version, std::string& out);
  [[nodiscard]] static Result<M> decode(std::string_view bytes, std::int16_t version, Trailing trailing);
  [[nodiscard]] static std::string print(const M& message, std::int16_t version, Secrets secrets);
  [[nodiscard]] static std::string schema();
};

/// Appends the body of a message, without header. `out` is as before when it fails.
/// Errors: kUnsupported when the version is unknown, when a field must not be null in it, or when it has no
/// room for a field that is neither ignorable nor at its default; kTooLarge when a string or list outgrows
/// its length field.
template <class M>
[[nodiscard]] Result<void> encode_to(std::string& out, const M& message, std::int16_t version) {
  return MessageCodec<M>::encode(message, version, out);
}

/// The body of a message, without header. Errors: see encode_to().
template <class M>
[[nodiscard]] Result<std::string> encode(const M& message, std::int16_t version) {
  std::string out;
  if (auto done = MessageCodec<M>::encode(message, version, out); !done) return tl::unexpected(done.error());
  return out;
}

/// Reads the body of a message. Views in it (`records` fields) point into `bytes`.
/// Errors: kTruncated, kMalformed, kTooLarge (memory out of proportion to the input), kUnsupported (version).
/// The text names the field: "JoinGroupResponse.Members[2].MemberId: truncated".
template <class M>
[[nodiscard]] Result<M> decode(std::string_view bytes,
                               std::int16_t version,
                               Trailing trailing = Trailing::kRefuse) {
  return MessageCodec<M>::decode(bytes, version, trailing);
}

/// The fields that `version` has, as one line of JSON with Kafka's names; long lists are cut. For logs and
/// tests.
template <class M>
[[nodiscard]] std::string print(const M& message, std::int16_t version, Secrets secrets = Secrets::kRedact) {
  return MessageCodec<M>::print(message, version, secrets);
}

/// The description as text: one line per field with type, versions, tag and default. Compared with Kafka's
/// own files.
template <class M>
[[nodiscard]] std::string schema_text() {
  return MessageCodec<M>::schema();
}

}  // namespace sluice::protocol
