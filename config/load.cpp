#include "config/load.hpp"

#include "config/cgroup.hpp"
#include "config/reading.hpp"
#include "config/sources.hpp"
#include "config/units.hpp"
#include "config/validate.hpp"
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace sluice::config {
namespace {

bool is_absent(const std::string& path) { return ::access(path.c_str(), F_OK) != 0; }

/// False where nothing more can be said: names of consumers are not known.
bool collect(Collector& collector, const LoadRequest& request) {
  const bool skip_file = request.file_may_miss && is_absent(request.path);
  if (!skip_file) {
    const auto text = read_file(request.path, kYamlBytesMax);
    if (!text) {
      collector.error({{Origin::Kind::kFile, request.path},
                       {},
                       "cannot be read: " + text.error(),
                       {},
                       "name the configuration with --config or SLUICE_CONFIG"});
      return false;
    }
    if (!collect_file(collector, *text, request.path)) {
      return false;
    }
  }
  collect_environment(collector, request.environment);
  collect_overrides(collector, request.overrides);
  if (skip_file && collector.assignments().empty() && collector.errors().empty()) {
    collector.error({{Origin::Kind::kFile, request.path},
                     {},
                     "does not exist, and neither SLUICE_ variables nor --set say anything",
                     {},
                     "name the configuration with --config or SLUICE_CONFIG"});
    return false;
  }
  return true;
}

void store_all(Collector& collector, const LoadRequest& request, Options& options, Section section) {
  for (const auto& [path, assignment] : collector.assignments()) {
    if (assignment.place.section != section) {
      continue;
    }
    Target target{&options, &options.kafka, nullptr};
    if (section == Section::kConsumer) {
      target.consumer = &options.consumers.at(assignment.place.consumer);
      target.kafka = &target.consumer->kafka;
    }
    const std::optional<Value> value = read_value(collector, assignment, request.environment);
    if (value) {
      assignment.setting->binding.store(target, *value);
    }
  }
}

Options understand(Collector& collector, const LoadRequest& request) {
  Options options;
  for (const Section section : {Section::kKafka, Section::kHttp, Section::kAdmin, Section::kMemory,
                                Section::kShutdown, Section::kLog}) {
    store_all(collector, request, options, section);
  }
  for (const auto& [name, origin] : collector.consumers()) {
    ConsumerOptions consumer;
    consumer.name = name;
    consumer.kafka = options.kafka;
    options.consumers.emplace(name, std::move(consumer));
  }
  store_all(collector, request, options, Section::kConsumer);
  return options;
}

/// Half of what the container may use. The origin tells why, since no source does.
void default_budget(Options& options,
                    std::map<std::string, Origin>& origins,
                    std::optional<std::int64_t> limit) {
  if (origins.contains("memory.budget") || !limit) {
    return;
  }
  constexpr std::int64_t kBudgetMin = 8 * kMiB;
  options.memory.budget = std::max(kBudgetMin, *limit / 2);
  origins["memory.budget"] = {Origin::Kind::kDefault,
                              "half of the container's limit of " + format_size(*limit)};
}

/// What a consumer gets that nobody wrote.
void derive(Options& options) {
  for (auto& [name, consumer] : options.consumers) {
    if (consumer.kafka.client_id.empty()) {
      consumer.kafka.client_id = "sluice-" + name;
    }
    consumer.kafka.fetch_max_bytes = std::min(consumer.kafka.fetch_max_bytes, options.memory.budget);
  }
}

void sort_by_place(std::vector<Problem>& problems) {
  std::sort(problems.begin(), problems.end(), [](const Problem& one, const Problem& other) {
    return std::tie(one.origin.kind, one.origin.line, one.origin.column, one.origin.name, one.key, one.what) <
           std::tie(other.origin.kind, other.origin.line, other.origin.column, other.origin.name, other.key,
                    other.what);
  });
}

}  // namespace

LoadResult load(const LoadRequest& request) {
  LoadResult result;
  Collector collector;
  if (collect(collector, request)) {
    Options options = understand(collector, request);
    for (const auto& [path, assignment] : collector.assignments()) {
      result.origins.emplace(path, assignment.origin);
    }
    const std::optional<std::int64_t> limit = memory_limit(request.cgroup_root);
    default_budget(options, result.origins, limit);
    validate(collector, options, request.path, limit);
    derive(options);
    if (collector.errors().empty()) {
      result.options = std::move(options);
    }
  }
  result.errors = std::move(collector.errors());
  result.warnings = std::move(collector.warnings());
  sort_by_place(result.errors);
  sort_by_place(result.warnings);
  return result;
}

Environment current_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

}  // namespace sluice::config
