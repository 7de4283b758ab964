#pragma once

/// The one table of settings. Parser, ranges, defaults, `--print-config`, the example file and the
/// documentation are all read from it, so they cannot drift apart.

#include "config/options.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::config {

/// Where a setting may stand. kKafka: under `kafka:` for all consumers, or under one consumer for that one.
enum class Section { kKafka, kConsumer, kHttp, kAdmin, kMemory, kShutdown, kLog };

enum class Type {
  kBoolean,
  kInteger,
  kDuration,  ///< milliseconds
  kSize,      ///< bytes
  kText,
  kTopicName,  ///< a text that is empty or legal as a name of a topic
  kChoice,
  kChoiceList,
  kTopicList,
  kServerList,
  kListenList,
};

[[nodiscard]] constexpr bool is_list(Type type) {
  return type == Type::kChoiceList || type == Type::kTopicList || type == Type::kServerList ||
         type == Type::kListenList;
}

/// One allowed value. Its place in the list is the enumerator's number.
struct Choice {
  std::string_view name;
  bool built = true;              ///< false: known, but refused by this version
  std::string_view aliases = {};  ///< other spellings, separated by commas
};

/// A value after parsing: bool; integer, milliseconds, bytes or the number of a choice; text; and lists of
/// them.
using Value = std::variant<bool,
                           std::int64_t,
                           std::string,
                           std::vector<std::int64_t>,
                           std::vector<std::string>,
                           std::vector<ServerAddress>,
                           std::vector<ListenAddress>>;

/// What a value is stored into: `kafka` is the shared part or that of `consumer`. Not owned.
struct Target {
  Options* options = nullptr;
  KafkaOptions* kafka = nullptr;
  ConsumerOptions* consumer = nullptr;
};

/// The way from a setting to its field and back.
struct Binding {
  void (*store)(const Target& target, const Value& value) = nullptr;
  Value (*read)(const Target& target) = nullptr;
};

/// What happens to values other than the default.
enum class Others { kAllowed, kRefused, kIgnored };

struct Setting {
  std::string_view name = {};  ///< within its section
  Section section = Section::kKafka;
  Type type = Type::kText;
  std::string_view fallback = {};  ///< the default as one would write it, lists with commas; empty: none
  std::string_view doc = {};       ///< one line
  Binding binding = {};
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  bool off_allowed = false;  ///< -1 is allowed below `min`, and means "without limit"
  std::span<const Choice> choices = {};
  Others others = Others::kAllowed;
  std::string_view others_why = {};  ///< with kRefused and kIgnored: the remedy, or what holds instead
  bool required = false;             ///< every consumer needs it
  bool secret = false;               ///< never shown
  std::string_view aliases = {};     ///< names of other clients, separated by commas
};

/// All settings, in the order in which they are printed.
[[nodiscard]] std::span<const Setting> settings();

/// The setting of that very name that may stand in that section, or null. kConsumer includes kKafka's.
[[nodiscard]] const Setting* find_setting(Section section, std::string_view name);

/// The setting one of whose aliases is `name`, or null.
[[nodiscard]] const Setting* find_alias(Section section, std::string_view name);

/// May this setting stand in that section?
[[nodiscard]] bool stands_in(const Setting& setting, Section section);

/// `kafka`, `http`, …; for kConsumer `consumers`.
[[nodiscard]] std::string_view name_of(Section section);

/// The parts of a list written with commas, without blanks around them; an empty text has none.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// A value as texts, one per list item, secrets masked. The texts parse back to the same value.
[[nodiscard]] std::vector<std::string> render(const Setting& setting, const Value& value);

/// What a value may be, for messages: "500ms to 1h", "one of a, b, c".
[[nodiscard]] std::string describe_allowed(const Setting& setting);

}  // namespace sluice::config
