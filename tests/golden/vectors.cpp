#include "tests/golden/vectors.hpp"

#include <array>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <zlib.h>

namespace sluice::golden {

std::vector<std::string> read_lines(std::string_view name) {
  const std::string path = SLUICE_SOURCE_DIR "/tests/golden/data/" + std::string(name);
  // zlib hands out files that are not packed as they are.
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  std::string text;
  std::array<char, 65536> chunk;
  int count = 0;
  while ((count = gzread(file.get(), chunk.data(), chunk.size())) > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  if (count < 0) throw std::runtime_error("cannot read " + path);
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<nlohmann::json> read_objects(std::string_view name) {
  std::vector<nlohmann::json> objects;
  for (const std::string& line : read_lines(name)) objects.push_back(nlohmann::json::parse(line));
  return objects;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0x0FU];
  }
  return hex;
}

}  // namespace sluice::golden
