#include "daemon/http/json_body.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <simdjson.h>
#include <utility>

namespace sluice::http {

namespace {

using nlohmann::json;

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kValuesMax = 65'536;  // a body of "[[],[],..." would take 20 times its size as values

Problem malformed(std::string detail) {
  return {ProblemType::kMalformedRequest, std::move(detail), {}, {}, {}, {}};
}

// Builds the value while it is parsed, and stops at the first thing that is too much.
class Builder : public json::json_sax_t {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail("There is no binary in JSON."); }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return fail("A name is there twice in one object.");
    name_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("The body is not JSON: it goes wrong at byte " + std::to_string(position) + ".");
  }

  json take() { return std::move(root_); }
  std::string take_error() { return std::move(error_); }

 private:
  bool fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& member = parent[std::move(name_)];
    member = std::move(value);
    return &member;
  }

  bool add(json value) {
    if (++values_ > kValuesMax)
      return fail("The body has more than 65,536 values; use ranges instead of single offsets.");
    place(std::move(value));
    return true;
  }

  bool open(json value) {
    if (open_.size() == kDepthMax) return fail("The body is nested deeper than 16 levels.");
    if (++values_ > kValuesMax)
      return fail("The body has more than 65,536 values; use ranges instead of single offsets.");
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*>
      open_;  // an open array does not grow while one of its elements is open, so these stay valid
  std::string name_;
  std::string error_;
  std::size_t values_ = 0;
};

// Names from outside are repeated only when they are plain words.
std::string named(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, plain)) return "a member of this name";
  return "`" + std::string(name) + "`";
}

std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// maxRecords, max-records and MAX_RECORDS all mean max_records.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return out;
}

std::string listed(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    out += out.empty() ? "" : ", ";
    out += word;
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      unsigned byte = 0;
      const char* const first = text.data() + i + 1;
      if (text.size() - i < 3 || std::from_chars(first, first + 2, byte, 16).ptr != first + 2)
        return std::nullopt;
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}

json query_value(const std::string& text, bool as_text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (!as_text && error == std::errc{} && stop == end) return number;
  return text;
}

// Where the value of "name" or "outer.name" goes; null when `outer` is a value itself.
json* query_member(json& object, const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return &object[name];
  json& outer = object[name.substr(0, dot)];
  return outer.is_null() || outer.is_object() ? &outer[name.substr(dot + 1)] : nullptr;
}

}  // namespace

tl::expected<json, Problem> parse_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object();
  Builder builder;
  if (!json::sax_parse(body, &builder)) return tl::unexpected(malformed(builder.take_error()));
  json value = builder.take();
  if (!value.is_object()) return tl::unexpected(malformed("The body must be a JSON object."));
  return value;
}

tl::expected<json, Problem> parse_query(std::string_view query,
                                        std::initializer_list<std::string_view> texts,
                                        std::initializer_list<std::string_view> lists) {
  json object = json::object();
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decoded(pair.substr(0, equals));
    const auto text = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !text || !simdjson::validate_utf8(*name) || !simdjson::validate_utf8(*text))
      return tl::unexpected(malformed("The query is not percent-encoded UTF-8."));
    const bool is_list = std::ranges::find(lists, *name) != lists.end();
    json value = query_value(*text, is_list || std::ranges::find(texts, *name) != texts.end());
    json* const member = query_member(object, *name);
    if (member == nullptr || !(member->is_null() || (is_list && member->is_array())))
      return tl::unexpected(malformed("A parameter is there twice in the query."));
    if (is_list) {
      member->push_back(std::move(value));
    } else {
      *member = std::move(value);
    }
  }
  return object;
}

std::string_view nearest_name(std::string_view name, std::initializer_list<std::string_view> names) {
  std::string_view best;
  if (name.size() > 64) return best;
  const std::string wanted = folded(name);
  std::size_t best_distance = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  for (const std::string_view candidate : names) {
    const std::size_t distance = edit_distance(wanted, folded(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

MemberReader::MemberReader(const json& object,
                           std::string path,
                           std::initializer_list<std::string_view> names)
    : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) {
    refuse("", "must be an object");
    return;
  }
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string_view meant = nearest_name(name, names);
    refuse(named(name).front() == '`' ? name : "",
           "there is no such member; " + (meant.empty() ? "the members are " + listed(names)
                                                        : "did you mean `" + std::string(meant) + "`?"));
    return;
  }
}

const json* MemberReader::find(std::string_view name) const {
  if (problem_ || !object_->is_object()) return nullptr;
  const auto it = object_->find(name);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

std::string MemberReader::path_of(std::string_view name) const {
  if (path_.empty() || name.empty()) return path_ + std::string(name);
  return path_ + "." + std::string(name);
}

void MemberReader::refuse(std::string_view name, std::string detail) {
  if (problem_) return;
  const std::string field = path_of(name);
  if (!detail.ends_with('?') && !detail.ends_with('.')) detail += '.';
  problem_ = Problem{ProblemType::kInvalidValue,
                     (field.empty() ? "The request" : "`" + field + "`") + ": " + detail,
                     field,
                     {},
                     {},
                     {}};
}

void MemberReader::refuse(std::optional<Problem> problem) {
  if (!problem_) problem_ = std::move(problem);
}

std::optional<std::int64_t> MemberReader::read_integer(std::string_view name,
                                                       std::int64_t min,
                                                       std::int64_t max) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    refuse(name, "must be a whole number");
    return std::nullopt;
  }
  const bool huge =
      value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  const std::int64_t number = huge ? INT64_MAX : value->get<std::int64_t>();
  if (number < min) {
    refuse(name, "must be at least " + std::to_string(min));
    return std::nullopt;
  }
  return std::min(number, max);
}

std::int64_t MemberReader::integer(std::string_view name,
                                   std::int64_t fallback,
                                   std::int64_t min,
                                   std::int64_t max) {
  return read_integer(name, min, max).value_or(fallback);
}

std::int64_t MemberReader::required_integer(std::string_view name, std::int64_t min, std::int64_t max) {
  if (!has(name)) refuse(name, "is missing");
  const auto value = read_integer(name, min, std::numeric_limits<std::int64_t>::max());
  if (value && *value > max) refuse(name, "must be at most " + std::to_string(max));
  return value.value_or(min);
}

std::string MemberReader::text(std::string_view name, std::size_t size_max) {
  const json* const value = find(name);
  if (value == nullptr) return {};
  if (!value->is_string()) {
    refuse(name, "must be a string");
    return {};
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.empty() || text.size() > size_max) {
    refuse(name, "must have 1 to " + std::to_string(size_max) + " bytes");
    return {};
  }
  return text;
}

std::string MemberReader::required_text(std::string_view name, std::size_t size_max) {
  if (!has(name)) refuse(name, "is missing");
  return text(name, size_max);
}

std::size_t MemberReader::one_of(std::string_view name,
                                 std::initializer_list<std::string_view> words,
                                 std::size_t fallback) {
  const json* const value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_string()) {
    const auto it = std::ranges::find(words, value->get_ref<const std::string&>());
    if (it != words.end()) return static_cast<std::size_t>(it - words.begin());
  }
  refuse(name, "must be one of " + listed(words));
  return fallback;
}

const json* MemberReader::object(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr || value->is_object()) return value;
  refuse(name, "must be an object");
  return nullptr;
}

const json* MemberReader::array(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr || value->is_array()) return value;
  refuse(name, "must be an array");
  return nullptr;
}

}  // namespace sluice::http
