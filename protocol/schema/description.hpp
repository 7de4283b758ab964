#pragma once

#include "protocol/schema/version_range.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

/// How a message is described: once, as data. Encoder, decoder, printer and schema dump all read the same
/// description.
///
///   template <>
///   struct Description<HeartbeatRequest> {
///     using T = HeartbeatRequest;
///     static constexpr auto kValue = message("HeartbeatRequest", between(0, 4), since(4),
///                                            field("GroupId", &T::group_id),
///                                            field("GroupInstanceId", &T::group_instance_id,
///                                            since(3)).nullable());
///   };
namespace sluice::protocol {

/// Specialised for every struct that travels. The C++ default of a member is the default of the field.
template <class T>
struct Description;

template <class T>
concept Described = requires { Description<T>::kValue; };

inline constexpr int kNoTag = -1;

/// One field, under Kafka's name. Fields travel in the order of the description.
template <class S, class T>
struct Field {
  std::string_view name;
  T S::* member;
  VersionRange versions;                ///< that have the field
  VersionRange null_versions = kNever;  ///< that may send null
  int tag = kNoTag;                     ///< a tagged field (KIP-482) in all `versions`: absent at its default
  bool is_ignorable = false;            ///< may be dropped silently in other versions
  bool is_always_classic = false;       ///< int16 length even in flexible versions

  [[nodiscard]] constexpr Field nullable() const { return nullable(versions); }
  [[nodiscard]] constexpr Field nullable(VersionRange range) const {
    Field copy = *this;
    copy.null_versions = range;
    return copy;
  }
  [[nodiscard]] constexpr Field tagged(int number) const {
    Field copy = *this;
    copy.tag = number;
    return copy;
  }
  [[nodiscard]] constexpr Field ignorable() const {
    Field copy = *this;
    copy.is_ignorable = true;
    return copy;
  }
  [[nodiscard]] constexpr Field always_classic() const {
    Field copy = *this;
    copy.is_always_classic = true;
    return copy;
  }
  [[nodiscard]] constexpr bool is_tagged() const { return tag != kNoTag; }
};

template <class S, class T>
[[nodiscard]] constexpr Field<S, T> field(std::string_view name,
                                          T S::* member,
                                          VersionRange versions = since(0)) {
  return {.name = name, .member = member, .versions = versions};
}

/// A struct inside a message. Its versions are those of the message.
template <class... Fields>
struct StructDescription {
  std::tuple<Fields...> fields;
};

template <class... Fields>
[[nodiscard]] constexpr StructDescription<Fields...> structure(Fields... fields) {
  return {{fields...}};
}

/// A message on top.
template <class... Fields>
struct MessageDescription {
  std::string_view name;
  VersionRange valid;     ///< versions that the description covers: what Kafka 4.3.1 knows
  VersionRange flexible;  ///< versions with compact lengths and tagged fields
  std::tuple<Fields...> fields;
};

template <class... Fields>
[[nodiscard]] constexpr MessageDescription<Fields...> message(std::string_view name,
                                                              VersionRange valid,
                                                              VersionRange flexible,
                                                              Fields... fields) {
  return {name, valid, flexible, {fields...}};
}

/// Calls `f(field)` in order until it returns false; false when it did.
template <Described S, class F>
constexpr bool for_each_field(F&& f) {
  return std::apply([&](const auto&... fields) { return (f(fields) && ...); }, Description<S>::kValue.fields);
}

/// Whether a field is as in a fresh struct.
template <class S, class T>
[[nodiscard]] bool is_default(const S& value, const Field<S, T>& f) {
  static const S defaults{};
  return value.*f.member == defaults.*f.member;
}

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// Whether tagged fields stand in ascending order of their tags, as they must travel.
template <Described S>
constexpr bool tags_ascend() {
  int last = kNoTag;
  return for_each_field<S>([&](const auto& f) {
    if (!f.is_tagged()) return true;
    const bool ascends = f.tag > last;
    last = f.tag;
    return ascends;
  });
}

}  // namespace sluice::protocol
