#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// What can be done with any message. The templates are instantiated in messages/<api>.cpp, next to the
/// description of the message, so that includers pay for declarations only.
namespace sluice::protocol {

/// What to think of bytes after the end of a message.
enum class Trailing : std::uint8_t { kRefuse = 1, kAllow };

/// A message at the start of more bytes.
template <class M>
struct Prefix {
  M message;
  std::size_t size = 0;  ///< bytes that the message took
};

/// Whether `bytes` and `records` fields (assignments, SASL tokens, data) are written out. Log lines redact.
enum class Secrets : std::uint8_t { kRedact = 1, kShow };

template <class M>
struct MessageCodec {
  [[nodiscard]] static Result<void> encode(const M& message, std::int16_t version, std::string& out);
  [[nodiscard]] static Result<Prefix<M>> decode(std::string_view bytes, std::int16_t version);
  [[nodiscard]] static std::string print(const M& message, std::int16_t version, Secrets secrets);
  [[nodiscard]] static std::string schema();
  [[nodiscard]] static std::string_view name();
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

/// Reads a message from the start of `bytes`. Views in it (`records` fields) point into `bytes`.
/// Errors: kTruncated, kMalformed, kTooLarge (memory out of proportion to the input), kUnsupported (version).
/// The text names the field: "JoinGroupResponse.Members[2].MemberId: truncated".
template <class M>
[[nodiscard]] Result<Prefix<M>> decode_prefix(std::string_view bytes, std::int16_t version) {
  return MessageCodec<M>::decode(bytes, version);
}

/// Reads the body of a message, without header. Errors: those of decode_prefix(), and kMalformed for trailing
/// bytes.
template <class M>
[[nodiscard]] Result<M> decode(std::string_view bytes,
                               std::int16_t version,
                               Trailing trailing = Trailing::kRefuse) {
  auto prefix = MessageCodec<M>::decode(bytes, version);
  if (!prefix) return tl::unexpected(std::move(prefix.error()));
  if (trailing == Trailing::kRefuse && prefix->size != bytes.size()) {
    return fail(ErrorKind::kMalformed, std::string(MessageCodec<M>::name()) + ": " +
                                           std::to_string(bytes.size() - prefix->size) +
                                           " bytes after the message");
  }
  return std::move(prefix->message);
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

/// Kafka's name of a message, e.g. "HeartbeatRequest".
template <class M>
[[nodiscard]] std::string_view message_name() {
  return MessageCodec<M>::name();
}

}  // namespace sluice::protocol
