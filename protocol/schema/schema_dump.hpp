#pragma once

#include "protocol/schema/description.hpp"
#include "protocol/wire/bytes.hpp"
#include "protocol/wire/uuid.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice::protocol {

/// Writes a description as text, one line per field, in the order in which they travel:
///   FetchRequest|valid 4..18|flexible 12..18
///   FetchRequest.ClusterId|string|12..18|null 12..18|tag 0|default null|ignorable
/// Ranges are cut to those of the struct around the field, so that equal behaviour gives equal text.
class SchemaDump {
 public:
  explicit SchemaDump(std::string& out) : out_(out) {}

  template <Described M>
  void dump_message() {
    const auto& description = Description<M>::kValue;
    out_ += description.name;
    out_ += "|valid " + text(description.valid) + "|flexible " +
            text(intersect(description.flexible, description.valid)) + '\n';
    dump_fields<M>(std::string(description.name), description.valid);
  }

 private:
  template <Described S>
  void dump_fields(const std::string& path, VersionRange around) {
    static const S defaults{};
    for_each_field<S>([&]<class T>(const Field<S, T>& f) {
      const VersionRange present = intersect(f.versions, around);
      const std::string name = path + '.' + std::string(f.name);
      out_ += name + '|' + type_name<T>() + '|' + text(present) + "|null " +
              text(intersect(f.null_versions, present)) + "|tag " +
              (f.is_tagged() ? std::to_string(f.tag) : "-") + "|default " + value_text(defaults.*f.member);
      if (f.is_ignorable) out_ += "|ignorable";
      if (f.is_always_classic) out_ += "|classic";
      out_ += '\n';
      using Element = typename Inner<T>::type;
      if constexpr (Described<Element>) dump_fields<Element>(name, present);
      return true;
    });
  }

  template <class T>
  struct Inner {
    using type = T;
  };
  template <class T>
  struct Inner<std::vector<T>> : Inner<T> {};
  template <class T>
  struct Inner<std::optional<T>> : Inner<T> {};

  static std::string text(VersionRange range) {
    return range.empty() ? "-" : std::to_string(range.min) + ".." + std::to_string(range.max);
  }

  template <class T>
  static std::string type_name() {
    if constexpr (kIsOptional<T>)
      return type_name<typename T::value_type>();
    else if constexpr (kIsVector<T>)
      return "[]" + type_name<typename T::value_type>();
    else if constexpr (Described<T>)
      return "struct";
    else if constexpr (std::is_same_v<T, bool>)
      return "bool";
    else if constexpr (std::integral<T>)
      return "int" + std::to_string(8 * sizeof(T));
    else if constexpr (std::is_same_v<T, std::string>)
      return "string";
    else if constexpr (std::is_same_v<T, Uuid>)
      return "uuid";
    else if constexpr (std::is_same_v<T, Bytes>)
      return "bytes";
    else {
      static_assert(std::is_same_v<T, std::string_view>);
      return "records";
    }
  }

  template <class T>
  static std::string value_text(const T& value) {
    if constexpr (kIsOptional<T>)
      return value ? value_text(*value) : "null";
    else if constexpr (kIsVector<T>)
      return value.empty() ? "[]" : "?";
    else if constexpr (Described<T>)
      return value == T{} ? "{}" : "?";
    else if constexpr (std::is_same_v<T, bool>)
      return value ? "true" : "false";
    else if constexpr (std::integral<T>)
      return std::to_string(value);
    else if constexpr (std::is_same_v<T, Uuid>)
      return value.is_zero() ? "0" : "?";
    else
      return '\'' + std::string(std::string_view(value)) + '\'';
  }

  std::string& out_;
};

}  // namespace sluice::protocol
