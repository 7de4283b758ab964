#pragma once

#include "protocol/schema/description.hpp"
#include "protocol/schema/failure_trace.hpp"
#include "protocol/wire/byte_writer.hpp"
#include "protocol/wire/bytes.hpp"
#include "protocol/wire/uuid.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice::protocol {

/// Writes described structs in one version. Every function returns false after a failure, which failure()
/// tells.
class Encoder {
 public:
  Encoder(std::string& out, std::int16_t version, bool flexible)
      : writer_(out), version_(version), flexible_(flexible) {}

  template <Described S>
  [[nodiscard]] bool write_struct(const S& value) {
    static_assert(tags_ascend<S>());
    std::uint32_t tags_set = 0;
    const bool written = for_each_field<S>([&](const auto& f) {
      if (!f.versions.contains(version_)) {
        if (f.is_ignorable || is_default(value, f)) return true;
        failure_.set(ErrorKind::kUnsupported, "no place for it in version " + std::to_string(version_));
        return failure_.inside_field(f.name);
      }
      if (f.is_tagged()) {
        tags_set += is_default(value, f) ? 0U : 1U;
        return true;
      }
      return write_field(value, f);
    });
    if (!written || !flexible_) return written;
    writer_.write_unsigned_varint(tags_set);
    return tags_set == 0 || write_tagged_fields(value);
  }

  [[nodiscard]] FailureTrace& failure() { return failure_; }

 private:
  static constexpr std::size_t kStringBytesMax =
      32767;  // Kafka's classes refuse more even where lengths are compact
  static constexpr std::size_t kBytesMax = std::numeric_limits<std::int32_t>::max() - 1;

  /// How the value of one field is written in this version.
  struct Form {
    bool compact;
    bool nullable;
  };

  template <class S, class T>
  bool write_field(const S& value, const Field<S, T>& f) {
    const Form form{.compact = flexible_ && !f.is_always_classic,
                    .nullable = f.null_versions.contains(version_)};
    return write(value.*f.member, form) || failure_.inside_field(f.name);
  }

  template <class S>
  bool write_tagged_fields(const S& value) {
    return for_each_field<S>([&](const auto& f) {
      if (!f.is_tagged() || !f.versions.contains(version_) || is_default(value, f)) return true;
      std::string bytes;  // the size goes first
      Encoder inner(bytes, version_, flexible_);
      if (!inner.write_field(value, f)) {
        failure_ = inner.failure_;
        return false;
      }
      writer_.write_unsigned_varint(static_cast<std::uint32_t>(f.tag));
      writer_.write_unsigned_varint(static_cast<std::uint32_t>(bytes.size()));
      writer_.write_bytes(bytes);
      return true;
    });
  }

  bool write(bool value, Form /*form*/) {
    writer_.write_int8(value ? 1 : 0);
    return true;
  }
  template <std::signed_integral T>
  bool write(T value, Form /*form*/) {
    writer_.write(value);
    return true;
  }
  bool write(const Uuid& value, Form /*form*/) {
    writer_.write_bytes({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
    return true;
  }
  bool write(const std::string& value, Form form) {
    if (value.size() > kStringBytesMax) return failure_.set(ErrorKind::kTooLarge, "string above 32767 bytes");
    write_length<std::int16_t>(value.size(), form);
    writer_.write_bytes(value);
    return true;
  }
  bool write(const Bytes& value, Form form) { return write(value.view(), form); }
  bool write(std::string_view value, Form form) {
    if (value.size() > kBytesMax) return failure_.set(ErrorKind::kTooLarge, "more than 2 GiB");
    write_length<std::int32_t>(value.size(), form);
    writer_.write_bytes(value);
    return true;
  }
  template <Described S>
  bool write(const S& value, Form /*form*/) {
    return write_struct(value);
  }
  template <class T>
  bool write(const std::vector<T>& values, Form form) {
    if (values.size() > kBytesMax) return failure_.set(ErrorKind::kTooLarge, "more than 2^31 elements");
    write_length<std::int32_t>(values.size(), form);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!write(values[i], Form{.compact = form.compact, .nullable = false}))
        return failure_.inside_element(i);
    }
    return true;
  }
  template <class T>
  bool write(const std::optional<T>& value, Form form) {
    if (!value && !form.nullable) {
      return failure_.set(ErrorKind::kUnsupported, "must not be null in version " + std::to_string(version_));
    }
    if constexpr (Described<T>) {
      if (form.nullable) writer_.write_int8(value ? 1 : -1);
      return !value || write_struct(*value);
    } else {
      if (value) return write(*value, form);
      write_null<T>(form);
      return true;
    }
  }

  template <class Classic>
  void write_length(std::size_t length, Form form) {
    if (form.compact) {
      writer_.write_unsigned_varint(static_cast<std::uint32_t>(length + 1));
    } else {
      writer_.write(static_cast<Classic>(length));
    }
  }
  template <class T>
  void write_null(Form form) {
    using Classic = std::conditional_t<std::is_same_v<T, std::string>, std::int16_t, std::int32_t>;
    if (form.compact) {
      writer_.write_unsigned_varint(0);
    } else {
      writer_.write(Classic{-1});
    }
  }

  ByteWriter writer_;
  std::int16_t version_;
  bool flexible_;
  FailureTrace failure_;
};

}  // namespace sluice::protocol
