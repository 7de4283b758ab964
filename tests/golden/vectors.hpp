#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Files of tests/golden/data, which Kafka's own classes wrote.
namespace sluice::golden {

/// The lines of a file; packed when the name ends with ".gz". Throws when there is no such file.
std::vector<std::string> read_lines(std::string_view name);

/// The lines of a file of JSON objects.
std::vector<nlohmann::json> read_objects(std::string_view name);

std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

}  // namespace sluice::golden
