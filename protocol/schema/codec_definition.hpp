#pragma once

#include "protocol/schema/codec.hpp"
#include "protocol/schema/decoder.hpp"
#include "protocol/schema/description.hpp"
#include "protocol/schema/encoder.hpp"
#include "protocol/schema/printer.hpp"
#include "protocol/schema/schema_dump.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The bodies of MessageCodec. Included only where a message is described and `template struct
/// MessageCodec<M>;` says that its code belongs there.
namespace sluice::protocol {

template <class M>
Result<void> MessageCodec<M>::encode(const M& message, std::int16_t version, std::string& out) {
  const auto& description = Description<M>::kValue;
  if (!description.valid.contains(version)) {
    return fail(ErrorKind::kUnsupported,
                std::string(description.name) + ": no version " + std::to_string(version));
  }
  const std::size_t start = out.size();
  Encoder encoder(out, version, description.flexible.contains(version));
  if (encoder.write_struct(message)) return {};
  out.resize(start);
  return tl::unexpected(encoder.failure().error(description.name));
}

template <class M>
Result<Prefix<M>> MessageCodec<M>::decode(std::string_view bytes, std::int16_t version) {
  const auto& description = Description<M>::kValue;
  if (!description.valid.contains(version)) {
    return fail(ErrorKind::kUnsupported,
                std::string(description.name) + ": no version " + std::to_string(version));
  }
  Result<Prefix<M>> prefix;
  Decoder decoder(bytes, version, description.flexible.contains(version));
  if (!decoder.read_struct(prefix->message)) return tl::unexpected(decoder.failure().error(description.name));
  prefix->size = bytes.size() - decoder.remaining();
  return prefix;
}

template <class M>
std::string MessageCodec<M>::print(const M& message, std::int16_t version, Secrets secrets) {
  std::string out;
  Printer(out, version, secrets).print_struct(message);
  return out;
}

template <class M>
std::string MessageCodec<M>::schema() {
  std::string out;
  SchemaDump(out).template dump_message<M>();
  return out;
}

template <class M>
std::string_view MessageCodec<M>::name() {
  return Description<M>::kValue.name;
}

}  // namespace sluice::protocol
