#pragma once

/// Names that other Kafka configurations carry and that are no settings here, with what takes their place.
/// They are known so that an existing consumer configuration can be pasted, and told apart from typing
/// errors.

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::config {

struct ForeignKey {
  enum class Kind {
    kReplaced,     ///< makes no sense here: a warning
    kUnsupported,  ///< would be obeyed by Kafka's client, and is not by this version: an error
    kNotConsumer,  ///< a setting of producers, brokers or topics: an error
  };

  std::string_view name;  ///< ends with `*`: every name that starts so
  Kind kind = Kind::kReplaced;
  std::string_view why;  ///< what takes its place, or whose setting it is
};

/// All of them; those with `*` last.
[[nodiscard]] std::span<const ForeignKey> foreign_keys();

/// The entry for that name, or null.
[[nodiscard]] const ForeignKey* find_foreign_key(std::string_view name);

}  // namespace sluice::config
