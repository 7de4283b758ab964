#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::protocol {

/// 16 raw bytes: the id of a topic. Zero means "none".
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;

  [[nodiscard]] bool is_zero() const { return *this == Uuid{}; }

  /// Url-safe base64 without padding, 22 characters: the form of Kafka's tools and logs.
  [[nodiscard]] std::string to_string() const;

  /// The inverse of to_string(); nullopt unless `text` is exactly what to_string() could have written.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
};

}  // namespace sluice::protocol

template <>
struct std::hash<sluice::protocol::Uuid> {
  std::size_t operator()(const sluice::protocol::Uuid& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};
