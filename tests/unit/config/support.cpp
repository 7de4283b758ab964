#include "tests/unit/config/support.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace sluice::config::test {
namespace {

void shorten(std::vector<Problem>& problems, const std::string& prefix) {
  for (Problem& problem : problems) {
    if (problem.origin.name.starts_with(prefix)) {
      problem.origin.name.erase(0, prefix.size());
    }
    if (const std::size_t at = problem.what.find(prefix); at != std::string::npos) {
      problem.what.erase(at, prefix.size());
    }
  }
}

std::string lines(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += to_text(problem) + "\n";
  }
  return text;
}

}  // namespace

Directory::Directory() {
  std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("no temporary directory");
  }
  path_ = name;
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Directory::write(const std::string& name, std::string_view content) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
  return file.string();
}

LoadResult load_text(std::string_view text, LoadRequest request) {
  const Directory directory;
  request.path = directory.write("sluice.yaml", text);
  if (request.cgroup_root == LoadRequest{}.cgroup_root) {
    request.cgroup_root = directory.path() + "/none";
  }
  LoadResult result = load(request);
  const std::string prefix = directory.path() + "/";
  shorten(result.errors, prefix);
  shorten(result.warnings, prefix);
  for (auto& [path, origin] : result.origins) {
    if (origin.name.starts_with(prefix)) {
      origin.name.erase(0, prefix.size());
    }
  }
  return result;
}

std::string errors_of(const LoadResult& result) { return lines(result.errors); }
std::string warnings_of(const LoadResult& result) { return lines(result.warnings); }

}  // namespace sluice::config::test
