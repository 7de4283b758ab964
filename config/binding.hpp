#pragma once

/// bind<&KafkaOptions::client_id>(): from a member to the pair of functions that store into it and read it.
/// Only the tables of settings include this.

#include "config/setting.hpp"

#include <type_traits>
#include <utility>

namespace sluice::config::detail {

template <class T>
struct MemberOf;
template <class Owner, class Field>
struct MemberOf<Field Owner::*> {
  using owner = Owner;
  using field = Field;
};

template <class Owner>
Owner& owner_in(const Target& target) {
  if constexpr (std::is_same_v<Owner, KafkaOptions>) {
    return *target.kafka;
  } else if constexpr (std::is_same_v<Owner, ConsumerOptions>) {
    return *target.consumer;
  } else if constexpr (std::is_same_v<Owner, HttpOptions>) {
    return target.options->http;
  } else if constexpr (std::is_same_v<Owner, AdminOptions>) {
    return target.options->admin;
  } else if constexpr (std::is_same_v<Owner, MemoryOptions>) {
    return target.options->memory;
  } else if constexpr (std::is_same_v<Owner, ShutdownOptions>) {
    return target.options->shutdown;
  } else {
    static_assert(std::is_same_v<Owner, LogOptions>);
    return target.options->log;
  }
}

template <class Field>
struct Convert {
  static void store(Field& field, const Value& value) {
    if constexpr (std::is_enum_v<Field>) {
      field = static_cast<Field>(std::get<std::int64_t>(value));
    } else {
      field = std::get<Field>(value);
    }
  }
  static Value read(const Field& field) {
    if constexpr (std::is_enum_v<Field>) {
      return static_cast<std::int64_t>(field);
    } else {
      return field;
    }
  }
};

template <>
struct Convert<milliseconds> {
  static void store(milliseconds& field, const Value& value) {
    field = milliseconds(std::get<std::int64_t>(value));
  }
  static Value read(const milliseconds& field) { return static_cast<std::int64_t>(field.count()); }
};

template <>
struct Convert<std::vector<Assignor>> {
  static void store(std::vector<Assignor>& field, const Value& value) {
    field.clear();
    for (const std::int64_t number : std::get<std::vector<std::int64_t>>(value)) {
      field.push_back(static_cast<Assignor>(number));
    }
  }
  static Value read(const std::vector<Assignor>& field) {
    std::vector<std::int64_t> numbers;
    for (const Assignor assignor : field) {
      numbers.push_back(static_cast<std::int64_t>(assignor));
    }
    return numbers;
  }
};

template <auto Member>
constexpr Binding bind() {
  using Owner = typename MemberOf<decltype(Member)>::owner;
  using Field = typename MemberOf<decltype(Member)>::field;
  return Binding{[](const Target& target, const Value& value) {
                   Convert<Field>::store(owner_in<Owner>(target).*Member, value);
                 },
                 [](const Target& target) { return Convert<Field>::read(owner_in<Owner>(target).*Member); }};
}

/// The tables that settings() joins.
[[nodiscard]] std::span<const Setting> kafka_settings();
[[nodiscard]] std::span<const Setting> daemon_settings();

}  // namespace sluice::config::detail
