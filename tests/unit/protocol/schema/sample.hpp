#pragma once

#include "protocol/schema/description.hpp"
#include "protocol/wire/bytes.hpp"
#include "protocol/wire/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A made-up message with one field of every kind. Classic in versions 0 and 1, flexible from 2 on; version 4
/// is the last.
namespace sluice::protocol {

struct Sample {
  struct Item {
    std::string name{};
    std::int16_t weight = -1;

    bool operator==(const Item&) const = default;
  };
  struct Note {
    std::string text;

    bool operator==(const Note&) const = default;
  };

  std::int32_t number = 7;
  std::optional<std::string> alias{};
  std::string must_travel{};
  std::string may_be_lost{};
  std::vector<Item> items{};
  std::vector<std::int64_t> offsets{};
  Bytes secret{};
  std::optional<Note> note{};
  std::vector<std::string> words{};
  std::int32_t first_tag = -1;
  std::vector<Item> second_tag{};

  bool operator==(const Sample&) const = default;
};

template <>
struct Description<Sample::Item> {
  using T = Sample::Item;
  static constexpr auto kValue = structure(field("Name", &T::name), field("Weight", &T::weight));
};

template <>
struct Description<Sample::Note> {
  using T = Sample::Note;
  static constexpr auto kValue = structure(field("Text", &T::text));
};

template <>
struct Description<Sample> {
  using T = Sample;
  static constexpr auto kValue = message("Sample",
                                         between(0, 4),
                                         since(2),
                                         field("Number", &T::number),
                                         field("Alias", &T::alias).nullable(since(1)),
                                         field("MustTravel", &T::must_travel, since(1)),
                                         field("MayBeLost", &T::may_be_lost, since(1)).ignorable(),
                                         field("Items", &T::items, since(1)),
                                         field("Offsets", &T::offsets, since(3)),
                                         field("Secret", &T::secret, since(3)),
                                         field("Note", &T::note, since(3)).nullable(),
                                         field("Words", &T::words, since(4)),
                                         field("FirstTag", &T::first_tag, since(2)).tagged(0).ignorable(),
                                         field("SecondTag", &T::second_tag, since(2)).tagged(5).ignorable());
};

/// Nests as deeply as the bytes say.
struct Nest {
  std::vector<Nest> inner;

  bool operator==(const Nest&) const = default;
};

template <>
struct Description<Nest> {
  static constexpr auto kValue = message("Nest", between(0, 0), since(0), field("Inner", &Nest::inner));
};

}  // namespace sluice::protocol
