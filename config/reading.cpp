#include "config/reading.hpp"

#include "config/address.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"
#include "config/utf8.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::config {
namespace {

constexpr std::size_t kTopicNameMax = 249;  // Kafka: Topic.MAX_NAME_LENGTH
constexpr std::size_t kTextMax = 1024;
constexpr std::size_t kShownMax = 60;

/// What is wrong with one text, without the text.
struct Complaint {
  std::string what;
  std::string remedy = {};
  std::string nearest = {};
};

template <class T>
using Reading = tl::expected<T, Complaint>;

tl::unexpected<Complaint> complain(std::string what, std::string remedy = {}, std::string near = {}) {
  return tl::unexpected<Complaint>({std::move(what), std::move(remedy), std::move(near)});
}

bool equal_ignoring_case(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

template <class T>
Reading<T> with_complaint(Parsed<T> parsed) {
  if (!parsed) {
    return complain(std::move(parsed.error()));
  }
  return std::move(*parsed);
}

Reading<std::int64_t> read_number(const Setting& setting, std::string_view text) {
  if (setting.type == Type::kDuration) {
    return with_complaint(parse_duration(text));
  }
  return with_complaint(setting.type == Type::kSize ? parse_size(text) : parse_integer(text));
}

Reading<std::int64_t> in_range(const Setting& setting, std::int64_t number) {
  if (setting.off_allowed && number == -1) {
    return number;
  }
  if (number < setting.min) {
    return complain(number < 0 ? "is negative" : "is too small", describe_allowed(setting));
  }
  if (number > setting.max) {
    return complain("is too large", describe_allowed(setting));
  }
  return number;
}

bool matches(const Choice& choice, std::string_view text) {
  if (choice.name.ends_with('*')) {
    return text.starts_with(choice.name.substr(0, choice.name.size() - 1));
  }
  if (equal_ignoring_case(choice.name, text)) {
    return true;
  }
  const std::vector<std::string> aliases = split_list(choice.aliases);
  return std::any_of(aliases.begin(), aliases.end(),
                     [&](const std::string& alias) { return equal_ignoring_case(alias, text); });
}

Reading<std::int64_t> read_choice(const Setting& setting, std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t number = 0; number < setting.choices.size(); ++number) {
    const Choice& choice = setting.choices[number];
    if (!matches(choice, text)) {
      if (choice.built) {
        names.emplace_back(choice.name);
      }
      continue;
    }
    if (!choice.built) {
      return complain("is not supported by this version", describe_allowed(setting));
    }
    return static_cast<std::int64_t>(number);
  }
  return complain("is not one of its values", describe_allowed(setting), nearest(text, names));
}

Reading<std::string> read_topic(const std::string& name) {
  const auto legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  if (name.starts_with('^')) {
    return complain("is a pattern, and patterns are not supported by this version", "name every topic");
  }
  if (name.empty() || name == "." || name == ".." || !std::all_of(name.begin(), name.end(), legal)) {
    return complain("is not a legal name", "use letters, digits, dot, underscore and dash");
  }
  if (name.size() > kTopicNameMax) {
    return complain("is longer than the 249 characters it may have", "use a shorter one");
  }
  return name;
}

Reading<std::string> read_text(const std::string& text) {
  if (text.size() > kTextMax) {
    return complain("is longer than 1024 bytes", "use a shorter one");
  }
  if (first_invalid_utf8(text)) {
    return complain("is not UTF-8 text", "write it in UTF-8");
  }
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return complain("contains a line break or another control character", "write it in one line");
  }
  return text;
}

/// Reads the items of one assignment and reports each one that is wrong.
class ItemReader {
 public:
  ItemReader(Collector& collector, const Assignment& assignment)
      : collector_(collector), assignment_(assignment), setting_(*assignment.setting) {}

  /// Fills in variables and splits lists at their commas. False if something could not be filled in.
  bool prepare(const Environment& environment) {
    bool good = true;
    for (const Item& item : assignment_.items) {
      Item filled = item;
      if (item.origin.kind != Origin::Kind::kEnvironment) {
        auto text = interpolate(item.text, environment);
        if (!text) {
          report(item, {text.error().what, text.error().remedy}, false);
          good = false;
          continue;
        }
        filled.text = std::move(*text);
      }
      add(item, filled);
    }
    return good;
  }

  std::optional<Value> read() {
    switch (setting_.type) {
      case Type::kBoolean:
        return alone<bool>([](const std::string& text) { return with_complaint(parse_boolean(text)); });
      case Type::kInteger:
      case Type::kDuration:
      case Type::kSize:
        return alone<std::int64_t>([&](const std::string& text) { return read_number(setting_, text); });
      case Type::kChoice:
        return alone<std::int64_t>([&](const std::string& text) { return read_choice(setting_, text); });
      case Type::kText:
        return alone<std::string>(read_text);
      case Type::kTopicName:
        return alone<std::string>(
            [](const std::string& text) { return text.empty() ? text : read_topic(text); });
      case Type::kChoiceList:
        return all<std::int64_t>([&](const std::string& text) { return read_choice(setting_, text); });
      case Type::kTopicList:
        return all<std::string>(read_topic);
      case Type::kServerList:
        return all<ServerAddress>([](const std::string& text) { return with_complaint(parse_server(text)); });
      case Type::kListenList:
        return all<ListenAddress>([](const std::string& text) { return with_complaint(parse_listen(text)); });
    }
    return std::nullopt;
  }

  /// The rules of the table that look at a value as such.
  std::optional<Value> check(Value value) {
    if (setting_.others != Others::kAllowed && value != default_value(setting_)) {
      if (setting_.others == Others::kRefused) {
        report(written_.front(), {"is not supported by this version", std::string(setting_.others_why)});
        return std::nullopt;
      }
      const Item& item = written_.front();
      collector_.warn(
          {item.origin, key(), quoted(item) + "has no effect", {}, std::string(setting_.others_why)});
      return default_value(setting_);
    }
    const bool numeric =
        setting_.type == Type::kInteger || setting_.type == Type::kDuration || setting_.type == Type::kSize;
    if (numeric) {
      const Reading<std::int64_t> number = in_range(setting_, std::get<std::int64_t>(value));
      if (!number) {
        report(written_.front(), number.error());
        return std::nullopt;
      }
    }
    return value;
  }

 private:
  [[nodiscard]] std::string key() const { return path_of(assignment_.place, setting_.name); }

  /// The value as it was written, never what a variable or a file held.
  [[nodiscard]] std::string quoted(const Item& item) const {
    if (setting_.secret) {
      return "the value ";
    }
    std::string text = item.text.substr(0, kShownMax);
    std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return "\"" + text + (item.text.size() > kShownMax ? "…\" " : "\" ");
  }

  void report(const Item& item, const Complaint& complaint, bool with_value = true) {
    collector_.error({item.origin, key(), (with_value ? quoted(item) : "") + complaint.what,
                      complaint.nearest, complaint.remedy});
  }

  void add(const Item& item, const Item& filled) {
    if (!is_list(setting_.type)) {
      filled_.push_back(setting_.type == Type::kText ? filled : trimmed(filled));
      written_.push_back(item);
      return;
    }
    if (assignment_.listed) {
      filled_.push_back(trimmed(filled));
      written_.push_back(item);
      return;
    }
    const bool plain = filled.text == item.text;
    for (std::string& part : split_list(filled.text)) {
      written_.push_back({plain ? part : item.text, item.origin});
      filled_.push_back({std::move(part), item.origin});
    }
  }

  static Item trimmed(Item item) {
    const std::size_t first = item.text.find_first_not_of(" \t\r\n");
    item.text = first == std::string::npos
                    ? ""
                    : item.text.substr(first, item.text.find_last_not_of(" \t\r\n") - first + 1);
    return item;
  }

  template <class T, class Read>
  std::optional<Value> alone(Read read_one) {
    Reading<T> result = read_one(filled_.front().text);
    if (!result) {
      report(written_.front(), result.error());
      return std::nullopt;
    }
    return Value(std::move(*result));
  }

  template <class T, class Read>
  std::optional<Value> all(Read read_one) {
    std::vector<T> values;
    bool good = true;
    for (std::size_t i = 0; i < filled_.size(); ++i) {
      Reading<T> result = read_one(filled_[i].text);
      if (result && std::find(values.begin(), values.end(), *result) != values.end()) {
        result = complain("stands twice in the list", "name it once");
      }
      if (!result) {
        report(written_[i], result.error());
        good = false;
        continue;
      }
      values.push_back(std::move(*result));
    }
    if (good && values.size() < static_cast<std::size_t>(setting_.min)) {
      collector_.error({assignment_.origin, key(), "is an empty list", {}, "name at least one"});
      good = false;
    }
    return good ? std::optional<Value>(std::move(values)) : std::nullopt;
  }

  Collector& collector_;
  const Assignment& assignment_;
  const Setting& setting_;
  std::vector<Item> filled_;   // after interpolation
  std::vector<Item> written_;  // the same items as messages may show them
};

}  // namespace

std::optional<Value> read_value(Collector& collector,
                                const Assignment& assignment,
                                const Environment& environment) {
  ItemReader reader(collector, assignment);
  std::optional<Value> value;
  if (reader.prepare(environment)) {
    value = reader.read();
  }
  if (value) {
    value = reader.check(std::move(*value));
  }
  if (!value) {
    collector.mark_failed(path_of(assignment.place, assignment.setting->name));
  }
  return value;
}

Value default_value(const Setting& setting) {
  Collector unused;
  const Origin origin{Origin::Kind::kEnvironment, {}};  // no interpolation
  const Assignment assignment{
      &setting, {setting.section, {}}, origin, {{std::string(setting.fallback), origin}}, false};
  ItemReader reader(unused, assignment);
  reader.prepare({});
  std::optional<Value> value = reader.read();
  return value ? std::move(*value) : Value(std::string());
}

}  // namespace sluice::config
