#include "config/interpolate.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace sluice::config {
namespace {

using Expanded = tl::expected<std::string, InterpolationError>;

tl::unexpected<InterpolationError> fail(std::string what, std::string remedy) {
  return tl::unexpected<InterpolationError>({std::move(what), std::move(remedy)});
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Expanded expand_file(const std::string& path) {
  if (!path.starts_with('/')) {
    return fail("${file:" + path + "} is not an absolute path", "write ${file:/path}");
  }
  tl::expected<std::string, std::string> content = read_file(path, kSecretFileBytesMax);
  if (!content) {
    return fail("cannot read ${file:" + path + "}: " + content.error(), "create the file or fix its rights");
  }
  if (content->ends_with('\n')) {
    content->pop_back();
    if (content->ends_with('\r')) {
      content->pop_back();
    }
  }
  return *content;
}

Expanded expand(std::string_view inside, const Environment& environment) {
  if (inside.starts_with("file:")) {
    return expand_file(std::string(inside.substr(5)));
  }
  if (inside.starts_with("env:")) {
    inside.remove_prefix(4);
  }
  const std::size_t separator = inside.find(":-");
  const std::string name(inside.substr(0, separator));
  if (!is_variable_name(name)) {
    return fail("${" + std::string(inside) + "} is not a variable name",
                "write ${NAME}, ${NAME:-default} or ${file:/path}, and $$ for a plain $");
  }
  const auto found = environment.find(name);
  if (separator != std::string_view::npos) {
    const bool given = found != environment.end() && !found->second.empty();
    return given ? found->second : std::string(inside.substr(separator + 2));
  }
  if (found == environment.end()) {
    return fail("the environment variable " + name + " is not set",
                "set it, or write ${" + name + ":-default}");
  }
  return found->second;
}

}  // namespace

Expanded interpolate(std::string_view text, const Environment& environment) {
  std::string result;
  while (true) {
    const std::size_t dollar = text.find('$');
    result += text.substr(0, dollar);
    if (dollar == std::string_view::npos) {
      return result;
    }
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      result += '$';
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) {
        return fail("${ has no closing }", "close it, or write $$ for a plain $");
      }
      Expanded value = expand(text.substr(1, end - 1), environment);
      if (!value) {
        return value;
      }
      result += *value;
      text.remove_prefix(end + 1);
    } else {
      result += '$';  // a lone $ as in a password or a regular expression
    }
  }
}

tl::expected<std::string, std::string> read_file(const std::string& path, std::size_t bytes_max) {
  std::error_code error;
  const bool directory = std::filesystem::is_directory(path, error);
  if (directory) {
    return tl::unexpected<std::string>("it is a directory");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return tl::unexpected<std::string>(errno == 0 ? "it cannot be opened" : std::strerror(errno));
  }
  // Read up to one byte more than allowed: pipes and files of /proc do not tell their size.
  std::string content(bytes_max + 1, '\0');
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) {
    return tl::unexpected<std::string>("reading failed");
  }
  if (content.size() > bytes_max) {
    return tl::unexpected<std::string>("it is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return content;
}

}  // namespace sluice::config
