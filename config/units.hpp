#pragma once

/// Numbers, durations and sizes as people write them in a configuration, and back.
/// Own parsers: yaml-cpp reads 010 as 8 and 0x10 as 16, which nobody who writes a configuration means.

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::config {

/// The value, or what is wrong with the text ("is not a number …").
template <class T>
using Parsed = tl::expected<T, std::string>;

/// Decimal digits with an optional minus. Refuses leading zeros, hexadecimal, fractions, signs of +, and
/// overflow.
[[nodiscard]] Parsed<std::int64_t> parse_integer(std::string_view text);

/// Milliseconds: a plain number is milliseconds as in Kafka; units ms, s, m, h and d.
[[nodiscard]] Parsed<std::int64_t> parse_duration(std::string_view text);

/// Bytes: a plain number is bytes as in Kafka; KiB, MiB, GiB are powers of 1024; B, kB, KB, MB, GB powers of
/// 1000.
[[nodiscard]] Parsed<std::int64_t> parse_size(std::string_view text);

/// true or false; YAML 1.1's yes, on, no and off are refused by name.
[[nodiscard]] Parsed<bool> parse_boolean(std::string_view text);

/// The shortest exact form that parse_duration() reads back: 30s, 500ms; a negative number stays plain.
[[nodiscard]] std::string format_duration(std::int64_t value_ms);

/// The shortest exact form that parse_size() reads back: 1MiB, 1000.
[[nodiscard]] std::string format_size(std::int64_t value_bytes);

}  // namespace sluice::config
