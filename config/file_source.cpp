#include "config/nearest.hpp"
#include "config/sources.hpp"
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace sluice::config {
namespace {

constexpr std::array<Section, 6> kFlatSections{Section::kKafka,  Section::kHttp,     Section::kAdmin,
                                               Section::kMemory, Section::kShutdown, Section::kLog};

class FileReader {
 public:
  FileReader(Collector& collector, std::string name) : collector_(collector), name_(std::move(name)) {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) {
      return;  // an empty file: everything may come from the environment
    }
    if (root.kind != YamlNode::Kind::kMap) {
      fail(root, "", "is not a map of sections", "begin with kafka: and consumers:");
      collector_.mark_failed(std::string(name_of(Section::kConsumer)));  // not also missing
      return;
    }
    refuse_repeats(root, "");
    for (const YamlEntry& entry : root.entries) {
      read_section(entry);
    }
  }

 private:
  [[nodiscard]] Origin origin(const YamlNode& node) const {
    return {Origin::Kind::kFile, name_, node.line, node.column};
  }

  void fail(const YamlNode& at, const std::string& key, std::string what, std::string remedy) {
    collector_.error({origin(at), key, std::move(what), {}, std::move(remedy)});
  }

  void refuse_repeats(const YamlNode& map, const std::string& path) {
    std::map<std::string, const YamlNode*> seen;
    for (const YamlEntry& entry : map.entries) {
      const auto [first, fresh] = seen.try_emplace(entry.key.text, &entry.key);
      if (!fresh) {
        fail(entry.key, path.empty() ? entry.key.text : path + "." + entry.key.text,
             "stands twice, first in line " + std::to_string(first->second->line), "keep one of the two");
      }
    }
  }

  void read_section(const YamlEntry& entry) {
    const std::string& key = entry.key.text;
    if (key == name_of(Section::kConsumer)) {
      read_consumers(entry);
      return;
    }
    for (const Section section : kFlatSections) {
      if (key == name_of(section)) {
        read_settings({section}, entry);
        return;
      }
    }
    unknown_section(entry.key);
  }

  void unknown_section(const YamlNode& key) {
    std::vector<std::string> names{std::string(name_of(Section::kConsumer))};
    for (const Section section : kFlatSections) {
      names.emplace_back(name_of(section));
    }
    const std::string& text = key.text;
    const std::string head = text.substr(0, text.find('.'));
    std::string remedy;
    if (text != head && std::find(names.begin(), names.end(), head) != names.end()) {
      remedy = "write " + text.substr(head.size() + 1) + " under " + head + ":";
    } else if (find_setting(Section::kKafka, text) != nullptr ||
               find_alias(Section::kKafka, text) != nullptr) {
      remedy = "it belongs under kafka, or under consumers.<name>";
    } else if (find_setting(Section::kConsumer, text) != nullptr) {
      remedy = "it belongs under consumers.<name>";
    }
    const std::string near = remedy.empty() ? nearest(text, names) : "";
    if (near.empty() && remedy.empty()) {
      remedy = "sections are kafka, consumers, http, admin, memory, shutdown and log";
    }
    collector_.error({origin(key), text, "is not a known section", near, remedy});
  }

  void read_consumers(const YamlEntry& section) {
    const std::string path(name_of(Section::kConsumer));
    if (section.value.kind == YamlNode::Kind::kNull) {
      return;
    }
    if (section.value.kind != YamlNode::Kind::kMap) {
      fail(section.value, path, "is not a map from names to consumers",
           "write the name of a consumer, and its settings below");
      collector_.mark_failed(path);
      return;
    }
    refuse_repeats(section.value, path);
    for (const YamlEntry& entry : section.value.entries) {
      collector_.mention(entry.key.text, origin(entry.key));
      read_settings({Section::kConsumer, entry.key.text}, entry);
    }
  }

  void read_settings(const Place& place, const YamlEntry& section) {
    const std::string path = path_of(place, "");
    if (section.value.kind == YamlNode::Kind::kNull) {
      return;
    }
    if (section.value.kind != YamlNode::Kind::kMap) {
      fail(section.value, path, "is not a map of settings", "write one `name: value` per line below it");
      return;
    }
    refuse_repeats(section.value, path);
    std::set<std::string> seen;
    for (const YamlEntry& entry : section.value.entries) {
      if (!seen.insert(entry.key.text).second) {
        continue;  // said already
      }
      const std::string shown = path + "." + entry.key.text;
      const Setting* setting = collector_.resolve(place, entry.key.text, origin(entry.key), shown);
      if (setting != nullptr) {
        read_value(place, *setting, entry, shown);
      }
    }
  }

  void read_value(const Place& place,
                  const Setting& setting,
                  const YamlEntry& entry,
                  const std::string& shown) {
    Assignment assignment{&setting, place, origin(entry.key), {}, false};
    const auto give_up = [&](const YamlNode& at, std::string what, std::string remedy) {
      fail(at, shown, std::move(what), std::move(remedy));
      collector_.mark_failed(path_of(place, setting.name));
    };
    switch (entry.value.kind) {
      case YamlNode::Kind::kScalar:
        assignment.items.push_back({entry.value.text, origin(entry.value)});
        break;
      case YamlNode::Kind::kSequence:
        if (!is_list(setting.type)) {
          give_up(entry.value, "is a list, and takes one value", "write the value alone");
          return;
        }
        assignment.listed = true;
        for (const YamlNode& item : entry.value.items) {
          if (item.kind != YamlNode::Kind::kScalar) {
            give_up(item, "has an entry that is not a plain value", "write one plain value per entry");
            return;
          }
          assignment.items.push_back({item.text, origin(item)});
        }
        break;
      case YamlNode::Kind::kMap:
        give_up(entry.value,
                is_list(setting.type) ? "is a map, and takes a list" : "is a map, and takes one value",
                "write the value behind the name");
        return;
      case YamlNode::Kind::kNull:
        give_up(entry.key, "has no value", "write one, or remove the line");
        return;
    }
    collector_.assign(std::move(assignment));
  }

  Collector& collector_;
  std::string name_;
};

}  // namespace

bool collect_file(Collector& collector, const std::string& text, const std::string& name) {
  const std::variant<YamlNode, YamlError> parsed = parse_yaml(text);
  if (const auto* error = std::get_if<YamlError>(&parsed)) {
    collector.error(
        {{Origin::Kind::kFile, name, error->line, error->column}, {}, error->what, {}, error->remedy});
    return false;
  }
  FileReader(collector, name).read(std::get<YamlNode>(parsed));
  return true;
}

}  // namespace sluice::config
