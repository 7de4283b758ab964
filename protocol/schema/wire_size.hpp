#pragma once

#include "protocol/schema/description.hpp"
#include "protocol/wire/uuid.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace sluice::protocol {

/// Bytes that a value of type T takes at least. A list cannot have more elements than the bytes left have
/// room for.
template <class T>
[[nodiscard]] std::size_t wire_size_min(std::int16_t version, bool compact) {
  if constexpr (std::is_same_v<T, bool>) {
    return 1;
  } else if constexpr (std::integral<T>) {
    return sizeof(T);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    return sizeof(Uuid::bytes);
  } else if constexpr (Described<T>) {
    std::size_t size = compact ? 1 : 0;  // the count of tagged fields
    for_each_field<T>([&]<class F>(const Field<T, F>& f) {
      if (f.versions.contains(version) && !f.is_tagged())
        size += wire_size_min<F>(version, compact && !f.is_always_classic);
      return true;
    });
    return std::max<std::size_t>(size, 1);
  } else if constexpr (kIsOptional<T>) {
    if constexpr (Described<typename T::value_type>)
      return 1;
    else
      return wire_size_min<typename T::value_type>(version, compact);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return compact ? 1 : sizeof(std::int16_t);
  } else {
    return compact ? 1 : sizeof(std::int32_t);  // lists, bytes, records
  }
}

}  // namespace sluice::protocol
