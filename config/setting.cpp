#include "config/setting.hpp"

#include "config/address.hpp"
#include "config/binding.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <type_traits>

namespace sluice::config {
namespace {

std::string render_number(const Setting& setting, std::int64_t number) {
  switch (setting.type) {
    case Type::kDuration:
      return format_duration(number);
    case Type::kSize:
      return format_size(number);
    case Type::kChoice:
    case Type::kChoiceList:
      return std::string(setting.choices[static_cast<std::size_t>(number)].name);
    case Type::kBoolean:
    case Type::kInteger:
    case Type::kText:
    case Type::kTopicName:
    case Type::kTopicList:
    case Type::kServerList:
    case Type::kListenList:
      break;
  }
  return std::to_string(number);
}

template <class T>
std::string render_one(const Setting& setting, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return render_number(setting, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else {
    return format(value);
  }
}

template <class T>
std::vector<std::string> render_all(const Setting& setting, const T& value) {
  return {render_one(setting, value)};
}

template <class T>
std::vector<std::string> render_all(const Setting& setting, const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T& value : values) {
    texts.push_back(render_one(setting, value));
  }
  return texts;
}

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> joined(detail::kafka_settings().begin(), detail::kafka_settings().end());
    joined.insert(joined.end(), detail::daemon_settings().begin(), detail::daemon_settings().end());
    return joined;
  }();
  return all;
}

bool stands_in(const Setting& setting, Section section) {
  return setting.section == section || (section == Section::kConsumer && setting.section == Section::kKafka);
}

const Setting* find_setting(Section section, std::string_view name) {
  for (const Setting& setting : settings()) {
    if (setting.name == name && stands_in(setting, section)) {
      return &setting;
    }
  }
  return nullptr;
}

const Setting* find_alias(Section section, std::string_view name) {
  for (const Setting& setting : settings()) {
    const std::vector<std::string> aliases = split_list(setting.aliases);
    if (stands_in(setting, section) && std::find(aliases.begin(), aliases.end(), name) != aliases.end()) {
      return &setting;
    }
  }
  return nullptr;
}

std::string_view name_of(Section section) {
  switch (section) {
    case Section::kKafka:
      return "kafka";
    case Section::kConsumer:
      return "consumers";
    case Section::kHttp:
      return "http";
    case Section::kAdmin:
      return "admin";
    case Section::kMemory:
      return "memory";
    case Section::kShutdown:
      return "shutdown";
    case Section::kLog:
      return "log";
  }
  return {};
}

std::vector<std::string> split_list(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string> parts;
  if (text.find_first_not_of(kBlanks) == std::string_view::npos) {
    return parts;
  }
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    const std::size_t first = part.find_first_not_of(kBlanks);
    part =
        first == std::string_view::npos ? "" : part.substr(first, part.find_last_not_of(kBlanks) - first + 1);
    parts.emplace_back(part);
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> render(const Setting& setting, const Value& value) {
  std::vector<std::string> texts =
      std::visit([&](const auto& held) { return render_all(setting, held); }, value);
  if (setting.secret) {
    for (std::string& text : texts) {
      text = text.empty() ? "" : "***";
    }
  }
  return texts;
}

std::string describe_allowed(const Setting& setting) {
  std::string text;
  if (!setting.choices.empty()) {
    for (const Choice& choice : setting.choices) {
      if (choice.built) {
        text += (text.empty() ? "" : ", ") + std::string(choice.name);
      }
    }
    const bool one = text.find(',') == std::string::npos;
    return (one ? "use " : setting.type == Type::kChoice ? "use one of " : "use some of ") + text;
  }
  if (setting.max == std::numeric_limits<std::int64_t>::max()) {
    text = "use at least " + render_number(setting, setting.min);
  } else {
    text = "use " + render_number(setting, setting.min) + " to " + render_number(setting, setting.max);
  }
  return setting.off_allowed ? text + ", or -1 for no limit" : text;
}

}  // namespace sluice::config
