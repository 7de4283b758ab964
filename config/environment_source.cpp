#include "config/foreign_key.hpp"
#include "config/nearest.hpp"
#include "config/sources.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace sluice::config {
namespace {

constexpr std::string_view kPrefix = "SLUICE_";
constexpr std::string_view kSeparator = "__";

constexpr std::array<Section, 6> kFlatSections{Section::kKafka,  Section::kHttp,     Section::kAdmin,
                                               Section::kMemory, Section::kShutdown, Section::kLog};

std::string mangled(std::string_view name) {
  std::string result;
  for (const char c : name) {
    result += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return result;
}

std::string lower(std::string_view name) {
  std::string result(name);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// SLUICE[_X]_SERVICE_HOST, _SERVICE_PORT[_NAME], _PORT, _PORT_80_TCP[_PROTO|_PORT|_ADDR]: Kubernetes'
/// service links.
bool is_service_link(std::string_view name) {
  if (name.find(kSeparator) != std::string_view::npos) {
    return false;
  }
  if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos ||
      name.ends_with("_PORT")) {
    return true;
  }
  const std::size_t port = name.find("_PORT_");
  return port != std::string_view::npos && port + 6 < name.size() &&
         std::isdigit(static_cast<unsigned char>(name[port + 6])) != 0;
}

/// The name that a variable's last part stands for; foreign names and aliases count, so that they are
/// explained.
std::optional<std::string> unmangled(Section section, std::string_view part) {
  for (const Setting& setting : settings()) {
    if (!stands_in(setting, section)) {
      continue;
    }
    if (mangled(setting.name) == part) {
      return std::string(setting.name);
    }
    for (const std::string& alias : split_list(setting.aliases)) {
      if (mangled(alias) == part) {
        return alias;
      }
    }
  }
  if (section != Section::kKafka && section != Section::kConsumer) {
    return std::nullopt;
  }
  for (const ForeignKey& key : foreign_keys()) {
    const std::string name = mangled(key.name);
    if (name.ends_with('*') ? part.starts_with(name.substr(0, name.size() - 1)) : name == part) {
      std::string dotted = lower(part);
      std::replace(dotted.begin(), dotted.end(), '_', '.');
      return name.ends_with('*') ? dotted : std::string(key.name);
    }
  }
  return std::nullopt;
}

class EnvironmentReader {
 public:
  explicit EnvironmentReader(Collector& collector) : collector_(collector) {}

  void read(const std::string& variable, const std::string& value) {
    const std::string_view rest = std::string_view(variable).substr(kPrefix.size());
    const std::size_t first = rest.find(kSeparator);
    const std::size_t last = rest.rfind(kSeparator);
    if (first != std::string_view::npos) {
      const std::string_view head = rest.substr(0, first);
      const std::string_view tail = rest.substr(last + kSeparator.size());
      for (const Section section : kFlatSections) {
        if (first == last && head == mangled(name_of(section))) {
          read_setting({section}, variable, tail, value);
          return;
        }
      }
      if (first != last && head == mangled(name_of(Section::kConsumer))) {
        const std::size_t begin = first + kSeparator.size();
        read_consumer(variable, rest.substr(begin, last - begin), tail, value);
        return;
      }
    }
    unknown(variable);
  }

 private:
  void read_consumer(const std::string& variable,
                     std::string_view part,
                     std::string_view tail,
                     const std::string& value) {
    std::vector<std::string> matches;
    for (const auto& [name, origin] : collector_.consumers()) {
      if (mangled(name) == part) {
        matches.push_back(name);
      }
    }
    if (matches.size() > 1) {
      collector_.error({{Origin::Kind::kEnvironment, variable},
                        {},
                        "can mean the consumers " + matches[0] + " and " + matches[1],
                        {},
                        "set it in the file or with --set"});
      return;
    }
    read_setting({Section::kConsumer, matches.empty() ? lower(part) : matches[0]}, variable, tail, value);
  }

  void read_setting(const Place& place,
                    const std::string& variable,
                    std::string_view tail,
                    const std::string& value) {
    const Origin origin{Origin::Kind::kEnvironment, variable};
    const std::optional<std::string> name = unmangled(place.section, tail);
    if (!name) {
      unknown(variable);
      return;
    }
    if (place.section == Section::kConsumer) {
      collector_.mention(place.consumer, origin);
    }
    const Setting* setting = collector_.resolve(place, *name, origin, path_of(place, *name));
    if (setting != nullptr) {
      collector_.assign({setting, place, origin, {{value, origin}}, false});
    }
  }

  void unknown(const std::string& variable) {
    std::vector<std::string> candidates{"SLUICE_CONFIG"};
    const auto add = [&](const std::string& head, Section section) {
      for (const std::string& name : names_in(section)) {
        candidates.push_back(std::string(kPrefix) + head + std::string(kSeparator) + mangled(name));
      }
    };
    for (const Section section : kFlatSections) {
      add(mangled(name_of(section)), section);
    }
    for (const auto& [name, origin] : collector_.consumers()) {
      add("CONSUMERS__" + mangled(name), Section::kConsumer);
    }
    const std::string near = nearest(variable, candidates);
    collector_.error({{Origin::Kind::kEnvironment, variable},
                      {},
                      "is not a known setting",
                      near,
                      near.empty() ? "write SLUICE_SECTION__SETTING, or unset it" : ""});
  }

  Collector& collector_;
};

}  // namespace

void collect_environment(Collector& collector, const Environment& environment) {
  EnvironmentReader reader(collector);
  for (const auto& [variable, value] : environment) {
    if (variable.starts_with(kPrefix) && variable != "SLUICE_CONFIG" && !is_service_link(variable)) {
      reader.read(variable, value);
    }
  }
}

}  // namespace sluice::config
