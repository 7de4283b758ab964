#pragma once

#include "protocol/schema/codec.hpp"
#include "protocol/schema/description.hpp"
#include "protocol/wire/bytes.hpp"
#include "protocol/wire/uuid.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protocol {

/// `text` as a JSON string: control characters, quotes and backslashes escaped, so that a peer cannot forge
/// log lines.
void append_json_string(std::string& out, std::string_view text);

/// Standard base64 with padding.
void append_base64(std::string& out, std::string_view bytes);

/// Writes described structs as JSON, with Kafka's field names in the lowerCamel spelling of Kafka's own JSON.
class Printer {
 public:
  Printer(std::string& out, std::int16_t version, Secrets secrets)
      : out_(out), version_(version), secrets_(secrets) {}

  template <Described S>
  void print_struct(const S& value) {
    out_ += '{';
    bool first = true;
    for_each_field<S>([&](const auto& f) {
      if (!f.versions.contains(version_) || (f.is_tagged() && is_default(value, f))) return true;
      if (!first) out_ += ',';
      first = false;
      out_ += '"';
      out_ += static_cast<char>(f.name.front() - 'A' + 'a');
      out_ += f.name.substr(1);
      out_ += "\":";
      print(value.*f.member);
      return true;
    });
    out_ += '}';
  }

 private:
  static constexpr std::size_t kElementsMax = 32;  // of one list, when redacting: log lines stay readable

  void print(bool value) { out_ += value ? "true" : "false"; }
  template <std::signed_integral T>
  void print(T value) {
    out_ += std::to_string(value);
  }
  void print(const Uuid& value) { append_json_string(out_, value.to_string()); }
  void print(const std::string& value) { append_json_string(out_, value); }
  void print(const Bytes& value) { print(value.view()); }
  void print(std::string_view bytes) {
    if (secrets_ == Secrets::kRedact) {
      out_ += "\"<" + std::to_string(bytes.size()) + " bytes>\"";
      return;
    }
    out_ += '"';
    append_base64(out_, bytes);
    out_ += '"';
  }
  template <Described S>
  void print(const S& value) {
    print_struct(value);
  }
  template <class T>
  void print(const std::optional<T>& value) {
    if (value) {
      print(*value);
    } else {
      out_ += "null";
    }
  }
  template <class T>
  void print(const std::vector<T>& values) {
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      if (secrets_ == Secrets::kRedact && i == kElementsMax) {
        out_ += "\"... " + std::to_string(values.size() - i) + " more\"";
        break;
      }
      print(values[i]);
    }
    out_ += ']';
  }

  std::string& out_;
  std::int16_t version_;
  Secrets secrets_;
};

}  // namespace sluice::protocol
