#include "config/collector.hpp"

#include "config/foreign_key.hpp"
#include "config/nearest.hpp"

#include <array>

namespace sluice::config {
namespace {

constexpr std::array<Section, 7> kSections{Section::kKafka, Section::kConsumer, Section::kHttp,
                                           Section::kAdmin, Section::kMemory,   Section::kShutdown,
                                           Section::kLog};

bool takes_kafka_names(Section section) {
  return section == Section::kKafka || section == Section::kConsumer;
}

/// "it belongs under http" for a name that stands in another section, or the advice for nested names.
std::string advice(Section section, std::string_view name) {
  for (const Section other : kSections) {
    if (other != section && find_setting(other, name) != nullptr) {
      const std::string where(name_of(other));
      return "it belongs under " + (other == Section::kConsumer ? where + ".<name>" : where);
    }
  }
  const std::string prefix = std::string(name) + ".";
  for (const Setting& setting : settings()) {
    if (stands_in(setting, section) && setting.name.starts_with(prefix)) {
      return "write the name in one piece, as " + std::string(setting.name);
    }
  }
  return {};
}

}  // namespace

std::string path_of(const Place& place, std::string_view name) {
  std::string path(name_of(place.section));
  if (place.section == Section::kConsumer) {
    path += "." + place.consumer;
  }
  return name.empty() ? path : path + "." + std::string(name);
}

std::vector<std::string> names_in(Section section) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) {
    if (stands_in(setting, section)) {
      names.emplace_back(setting.name);
    }
  }
  return names;
}

const Setting* Collector::resolve(const Place& place,
                                  std::string_view name,
                                  const Origin& origin,
                                  const std::string& shown,
                                  const std::string& near_prefix) {
  if (const Setting* setting = find_setting(place.section, name)) {
    return setting;
  }
  if (const Setting* setting = find_alias(place.section, name)) {
    warn({origin,
          shown,
          "is another client's name for " + std::string(setting->name),
          {},
          "write that instead"});
    return setting;
  }
  const ForeignKey* foreign = takes_kafka_names(place.section) ? find_foreign_key(name) : nullptr;
  if (foreign != nullptr) {
    switch (foreign->kind) {
      case ForeignKey::Kind::kReplaced:
        warn({origin, shown, "has no effect here", {}, std::string(foreign->why)});
        return nullptr;
      case ForeignKey::Kind::kUnsupported:
        error({origin, shown, "is not supported by this version", {}, std::string(foreign->why)});
        return nullptr;
      case ForeignKey::Kind::kNotConsumer:
        error({origin, shown, "is not a setting of a consumer", {}, std::string(foreign->why)});
        return nullptr;
    }
  }
  const std::string remedy = advice(place.section, name);
  std::string near = remedy.empty() ? nearest(name, names_in(place.section)) : "";
  if (!near.empty()) {
    near = near_prefix + near;
  }
  error({origin, shown, "is not a known setting", near, remedy});
  return nullptr;
}

void Collector::assign(Assignment assignment) {
  const std::string path = path_of(assignment.place, assignment.setting->name);
  const auto found = assignments_.find(path);
  const bool replaces = found != assignments_.end() && found->second.origin.kind == assignment.origin.kind &&
                        assignment.origin.kind != Origin::Kind::kCommandLine;
  if (replaces) {
    error({assignment.origin,
           path,
           "is set twice, first at " + to_text(found->second.origin),
           {},
           "keep one of the two"});
    return;
  }
  assignments_.insert_or_assign(path, std::move(assignment));
}

}  // namespace sluice::config
