#pragma once

#include "protocol/schema/description.hpp"
#include "protocol/schema/failure_trace.hpp"
#include "protocol/schema/wire_size.hpp"
#include "protocol/wire/byte_reader.hpp"
#include "protocol/wire/bytes.hpp"
#include "protocol/wire/uuid.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice::protocol {

/// Reads described structs in one version from bytes that a peer chose. Bounded: every length is checked
/// against the bytes left, every count against the room that so many elements need, memory against the size
/// of the input, nesting against a limit. Every function returns false after a failure, which failure()
/// tells.
class Decoder {
 public:
  Decoder(std::string_view bytes, std::int16_t version, bool flexible)
      : reader_(bytes),
        version_(version),
        flexible_(flexible),
        memory_left_(kMemoryFree + kMemoryPerByte * bytes.size()) {}

  template <Described S>
  [[nodiscard]] bool read_struct(S& value) {
    if (depth_ == kDepthMax) return failure_.set(ErrorKind::kMalformed, "nested too deeply");
    ++depth_;
    bool done = for_each_field<S>([&](const auto& f) {
      return !f.versions.contains(version_) || f.is_tagged() || read_field(value, f);
    });
    if (done && flexible_) done = read_tagged_fields(value);
    --depth_;
    return done;
  }

  [[nodiscard]] std::size_t remaining() const { return reader_.remaining(); }
  [[nodiscard]] FailureTrace& failure() { return failure_; }

 private:
  static constexpr int kDepthMax = 16;  // the deepest message has 5 levels

  // Elements in memory are larger than on the wire: an empty name is one byte there and a std::string here.
  // Real messages need up to about 8 bytes per byte; only hostile ones need more.
  static constexpr std::size_t kMemoryPerByte = 16;
  static constexpr std::size_t kMemoryFree = 65536;

  /// How the value of one field is written in this version.
  struct Form {
    bool compact;
    bool nullable;
  };
  static Form present(Form form) { return {.compact = form.compact, .nullable = false}; }

  template <class S, class T>
  bool read_field(S& value, const Field<S, T>& f) {
    const Form form{.compact = flexible_ && !f.is_always_classic,
                    .nullable = f.null_versions.contains(version_)};
    return read(value.*f.member, form) || failure_.inside_field(f.name);
  }

  template <class S>
  bool read_tagged_fields(S& value) {
    const std::uint32_t count = reader_.read_unsigned_varint();
    if (reader_.failed()) return take_failure();
    // A tag needs two bytes at least: its number and its size.
    if (count > reader_.remaining() / 2)
      return failure_.set(ErrorKind::kTruncated, "more tagged fields than bytes");
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t tag = reader_.read_unsigned_varint();
      const std::uint32_t size = reader_.read_unsigned_varint();
      const std::string_view bytes = reader_.read_bytes(size);
      if (reader_.failed()) return take_failure();
      if (!read_tagged_field(value, tag, bytes)) return false;
    }
    return true;
  }

  /// Unknown tags are skipped: newer brokers may send them in any flexible version.
  template <class S>
  bool read_tagged_field(S& value, std::uint32_t tag, std::string_view bytes) {
    return for_each_field<S>([&](const auto& f) {
      if (!f.is_tagged() || static_cast<std::uint32_t>(f.tag) != tag || !f.versions.contains(version_))
        return true;
      const ByteReader outer = std::exchange(reader_, ByteReader(bytes));
      bool done = read_field(value, f);
      if (done && reader_.remaining() != 0) {
        failure_.set(ErrorKind::kMalformed, "shorter than its tag says");
        done = failure_.inside_field(f.name);
      }
      reader_ = outer;
      return done;
    });
  }

  bool read(bool& value, Form /*form*/) {
    value = reader_.read_int8() != 0;
    return !reader_.failed() || take_failure();
  }
  template <std::signed_integral T>
  bool read(T& value, Form /*form*/) {
    value = reader_.read<T>();
    return !reader_.failed() || take_failure();
  }
  bool read(Uuid& value, Form /*form*/) {
    const std::string_view bytes = reader_.read_bytes(value.bytes.size());
    if (reader_.failed()) return take_failure();
    std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
    return true;
  }
  bool read(std::string& value, Form form) {
    std::string_view bytes;
    if (!read_present<std::int16_t>(bytes, form)) return false;
    value = bytes;
    return true;
  }
  bool read(Bytes& value, Form form) {
    std::string_view bytes;
    if (!read_present<std::int32_t>(bytes, form)) return false;
    value.data = bytes;
    return true;
  }
  bool read(std::string_view& value, Form form) { return read_present<std::int32_t>(value, form); }

  template <Described S>
  bool read(S& value, Form /*form*/) {
    value = S{};  // a tagged field may come twice; the last one counts
    return read_struct(value);
  }
  template <class T>
  bool read(std::vector<T>& values, Form form) {
    std::optional<std::size_t> count;
    return read_length<std::int32_t>(count, present(form)) && read_elements(values, *count, form);
  }
  template <class T>
  bool read(std::optional<T>& value, Form form) {
    value.reset();
    if constexpr (Described<T>) {
      if (form.nullable) {
        const std::int8_t presence = reader_.read_int8();
        if (reader_.failed()) return take_failure();
        if (presence < 0) return true;
      }
      return read_struct(value.emplace());
    } else {
      using Classic = std::conditional_t<std::is_same_v<T, std::string>, std::int16_t, std::int32_t>;
      std::optional<std::size_t> length;
      if (!read_length<Classic>(length, form)) return false;
      if (!length) return true;
      if constexpr (kIsVector<T>) {
        return read_elements(value.emplace(), *length, form);
      } else {
        const std::string_view bytes = reader_.read_bytes(*length);
        if (reader_.failed()) return take_failure();
        value.emplace(bytes);
        return true;
      }
    }
  }

  template <class T>
  bool read_elements(std::vector<T>& values, std::size_t count, Form form) {
    values.clear();
    if (count > reader_.remaining() / wire_size_min<T>(version_, form.compact)) {
      return failure_.set(ErrorKind::kTruncated, "more elements than bytes");
    }
    if (count > memory_left_ / sizeof(T))
      return failure_.set(ErrorKind::kTooLarge, "too many elements for so few bytes");
    memory_left_ -= count * sizeof(T);
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!read(values.emplace_back(), present(form))) {
        return failure_.inside_element(i);
      }
    }
    return true;
  }

  template <class Classic>
  bool read_present(std::string_view& bytes, Form form) {
    std::optional<std::size_t> length;
    if (!read_length<Classic>(length, present(form))) return false;
    bytes = reader_.read_bytes(*length);
    return !reader_.failed() || take_failure();
  }

  /// nullopt: null, which comes only where `form` allows it.
  template <class Classic>
  bool read_length(std::optional<std::size_t>& length, Form form) {
    const std::int64_t value = form.compact ? std::int64_t{reader_.read_unsigned_varint()} - 1
                                            : std::int64_t{reader_.read<Classic>()};
    if (reader_.failed()) return take_failure();
    if (value < -1) return failure_.set(ErrorKind::kMalformed, "negative length");
    if (value == -1) {
      length.reset();
      return form.nullable || failure_.set(ErrorKind::kMalformed, "null where the version has none");
    }
    length = static_cast<std::size_t>(value);
    return true;
  }

  bool take_failure() { return failure_.set(reader_.error_kind(), reader_.error_reason()); }

  ByteReader reader_;
  std::int16_t version_;
  bool flexible_;
  int depth_ = 0;
  std::size_t memory_left_;
  FailureTrace failure_;
};

}  // namespace sluice::protocol
