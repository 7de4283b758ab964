#include "daemon/metrics/families.hpp"
#include "daemon/metrics/family.hpp"

#include <dirent.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::metrics {

namespace {

// The fields of /proc/self/stat behind the name of the program, which may hold anything up to the last
// parenthesis. The first of them is field 3 of proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(std::move(field));
  return fields;
}

double number(const std::vector<std::string>& fields, std::size_t proc_field) {
  const std::size_t index = proc_field - 3;
  return index < fields.size() ? std::stod(fields[index]) : 0;
}

// Seconds since the epoch at which the machine started; 0 when unknown.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

double open_files() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -1;  // the directory itself
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count;
}

}  // namespace

void add_process_families(Families& out) {
  constexpr std::size_t kUserTime = 14;
  constexpr std::size_t kSystemTime = 15;
  constexpr std::size_t kThreads = 20;
  constexpr std::size_t kStartTime = 22;
  constexpr std::size_t kVirtualBytes = 23;
  constexpr std::size_t kResidentPages = 24;
  const std::vector<std::string> fields = stat_fields();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  static const double booted_at = boot_time();
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);

  const auto add = [&out](Family family, double value) {
    family.add({}, value);
    family.finish(out);
  };
  add(counter("process_cpu_seconds_total", "User and system CPU time spent."),
      (number(fields, kUserTime) + number(fields, kSystemTime)) / ticks);
  add(gauge("process_resident_memory_bytes", "Resident memory."), number(fields, kResidentPages) * page);
  add(gauge("process_virtual_memory_bytes", "Virtual memory."), number(fields, kVirtualBytes));
  add(gauge("process_open_fds", "Open file descriptors."), open_files());
  add(gauge("process_max_fds", "The most file descriptors that may be open."),
      static_cast<double>(files.rlim_cur));
  add(gauge("process_threads", "Threads of the process."), number(fields, kThreads));
  add(gauge("process_start_time_seconds", "When the process started, in seconds since the epoch."),
      booted_at + number(fields, kStartTime) / ticks);
}

}  // namespace sluice::metrics
