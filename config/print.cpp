#include "config/print.hpp"

#include "config/collector.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace sluice::config {
namespace {

bool is_plain(const std::string& text) {
  if (text.empty() || text == "null" || text == "Null" || text == "NULL") {
    return false;
  }
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '/' || c == ':' || c == '-';
  };
  const bool starts =
      std::isalnum(static_cast<unsigned char>(text.front())) != 0 || text.front() == '/' || text == "-1";
  return starts && !text.ends_with(':') && std::all_of(text.begin(), text.end(), plain);
}

std::string quoted(const std::string& text) {
  if (is_plain(text)) {
    return text;
  }
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    } else if (c == '$') {
      result += '$';  // else ${…} would be filled in when it is read again
    }
    result += c;
  }
  return result + "\"";
}

class Printer {
 public:
  explicit Printer(const LoadResult& result) : result_(result), options_(*result.options) {}

  std::string print() {
    section({Section::kKafka});
    text_ += "consumers:\n";
    for (const auto& [name, consumer] : options_.consumers) {
      text_ += "  " + quoted(name) + ":\n";
      settings_of({Section::kConsumer, name}, "    ");
    }
    for (const Section other :
         {Section::kHttp, Section::kAdmin, Section::kMemory, Section::kShutdown, Section::kLog}) {
      section({other});
    }
    return std::move(text_);
  }

 private:
  void section(const Place& place) {
    text_ += std::string(name_of(place.section)) + ":\n";
    settings_of(place, "  ");
  }

  void settings_of(const Place& place, const std::string& indent) {
    for (const Setting& setting : settings()) {
      if (!stands_in(setting, place.section)) {
        continue;
      }
      const std::string path = path_of(place, setting.name);
      const auto origin = result_.origins.find(path);
      const bool inherited = place.section == Section::kConsumer && setting.section == Section::kKafka;
      if (origin == result_.origins.end() && (inherited || setting.required)) {
        continue;
      }
      const std::string from = origin == result_.origins.end() ? "default" : to_text(origin->second);
      text_ += indent + std::string(setting.name) + ": " +
               to_yaml(setting, render(setting, read(place, setting))) + "  # " + from + "\n";
    }
  }

  [[nodiscard]] Value read(const Place& place, const Setting& setting) {
    // Bindings read through the pointers that they also store through; nothing is stored here.
    Target target{&options_, &options_.kafka, nullptr};
    if (place.section == Section::kConsumer) {
      target.consumer = &options_.consumers.at(place.consumer);
      target.kafka = &target.consumer->kafka;
    }
    return setting.binding.read(target);
  }

  const LoadResult& result_;
  Options options_;
  std::string text_;
};

}  // namespace

std::string to_yaml(const Setting& setting, const std::vector<std::string>& texts) {
  if (!is_list(setting.type)) {
    return quoted(texts.front());
  }
  std::string list;
  for (const std::string& text : texts) {
    // Inside brackets a colon can end a name, and an IPv6 address begins with one more bracket.
    list += (list.empty() ? "" : ", ") + quoted(text);
  }
  return "[" + list + "]";
}

std::string print_config(const LoadResult& result) { return Printer(result).print(); }

}  // namespace sluice::config
