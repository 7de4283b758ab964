#include "config/foreign_key.hpp"
#include "config/nearest.hpp"
#include "config/sources.hpp"

#include <array>
#include <optional>

namespace sluice::config {
namespace {

constexpr std::array<Section, 6> kFlatSections{Section::kKafka,  Section::kHttp,     Section::kAdmin,
                                               Section::kMemory, Section::kShutdown, Section::kLog};
constexpr std::string_view kConsumerPrefix = "consumers.";

struct Addressed {
  Place place;
  std::string name;
};

bool is_known(Section section, std::string_view name) {
  return find_setting(section, name) != nullptr || find_alias(section, name) != nullptr ||
         find_foreign_key(name) != nullptr;
}

/// Both a consumer's name and a setting's may contain dots: an existing consumer wins, then a split that
/// leaves a known setting, then the first dot.
std::optional<Addressed> split_consumer(const Collector& collector, std::string_view rest) {
  std::optional<Addressed> existing;
  std::optional<Addressed> known;
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.', dot + 1)) {
    Addressed target{{Section::kConsumer, std::string(rest.substr(0, dot))},
                     std::string(rest.substr(dot + 1))};
    const bool exists = collector.consumers().contains(target.place.consumer);
    const bool named = is_known(Section::kConsumer, target.name);
    if (exists && named) {
      return target;
    }
    if (exists) {
      existing = target;
    }
    if (named && !known) {
      known = target;
    }
  }
  if (existing) {
    return existing;
  }
  if (known) {
    return known;
  }
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos) {
    return std::nullopt;
  }
  return Addressed{{Section::kConsumer, std::string(rest.substr(0, dot))}, std::string(rest.substr(dot + 1))};
}

std::optional<Addressed> split(const Collector& collector, std::string_view path) {
  if (path.starts_with(kConsumerPrefix)) {
    return split_consumer(collector, path.substr(kConsumerPrefix.size()));
  }
  for (const Section section : kFlatSections) {
    const std::string prefix = std::string(name_of(section)) + ".";
    if (path.starts_with(prefix)) {
      return Addressed{{section}, std::string(path.substr(prefix.size()))};
    }
  }
  return std::nullopt;
}

std::vector<std::string> all_paths(const Collector& collector) {
  std::vector<std::string> paths;
  const auto add = [&](const Place& place) {
    for (const std::string& name : names_in(place.section)) {
      paths.push_back(path_of(place, name));
    }
  };
  for (const Section section : kFlatSections) {
    add({section});
  }
  for (const auto& [name, origin] : collector.consumers()) {
    add({Section::kConsumer, name});
  }
  return paths;
}

}  // namespace

void collect_overrides(Collector& collector, const std::vector<std::string>& overrides) {
  const Origin origin{Origin::Kind::kCommandLine};
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      collector.error({origin, text, "has no =", {}, "write --set section.setting=value"});
      continue;
    }
    const std::string path = text.substr(0, equals);
    const std::optional<Addressed> target = split(collector, path);
    if (!target) {
      const std::string near = nearest(path, all_paths(collector));
      const char* remedy = near.empty() ? "write --set section.setting=value" : "";
      collector.error({origin, path, "is not a known setting", near, remedy});
      continue;
    }
    // A misspelt setting must not bring a consumer into being that then lacks everything else.
    if (target->place.section == Section::kConsumer && is_known(Section::kConsumer, target->name)) {
      collector.mention(target->place.consumer, origin);
    }
    const Setting* setting =
        collector.resolve(target->place, target->name, origin, path, path_of(target->place, "") + ".");
    if (setting != nullptr) {
      collector.assign({setting, target->place, origin, {{text.substr(equals + 1), origin}}, false});
    }
  }
}

}  // namespace sluice::config
