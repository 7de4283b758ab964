#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::protocol {

/// Owned bytes of a `bytes` field. A type of its own because bytes and strings differ on the wire (length of
/// the length) and in logs (bytes are never shown).
struct Bytes {
  std::string data;

  Bytes() = default;
  explicit Bytes(std::string content) : data(std::move(content)) {}
  explicit Bytes(std::string_view content) : data(content) {}
  explicit Bytes(const char* content) : data(content) {}

  bool operator==(const Bytes&) const = default;

  [[nodiscard]] std::size_t size() const { return data.size(); }
  [[nodiscard]] bool empty() const { return data.empty(); }
  [[nodiscard]] std::string_view view() const { return data; }
  operator std::string_view() const { return data; }  // a Bytes is read wherever bytes are read
};

}  // namespace sluice::protocol
