#include "tests/simulation/world.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// simulation [--seeds N] [--first S] [--steps M] [--no-list] [--stop-early]     many worlds, and all of
// seeds.txt simulation --seed X [--steps M] [--trace] [--calm]                             one world, again
namespace sluice::simulation {
namespace {

struct Arguments {
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t steps = 5000;
  std::optional<std::uint64_t> seed;
  bool trace = false;
  bool calm = false;
  bool list = true;
  bool stop_early = false;
};

constexpr std::size_t kEventsShown = 60;
constexpr std::uint64_t kCalmEvery = 10;   // one world in so many is without faults
constexpr std::uint64_t kTwiceEvery = 20;  // and one in so many is run twice, to the same hash

const World* current_world = nullptr;
std::uint64_t current_seed = 0;
std::uint64_t current_steps = 0;

void explain(const char* what) {
  std::printf("\nFAILED: seed %llu: %s\n", static_cast<unsigned long long>(current_seed), what);
  if (current_world != nullptr) {
    std::printf("  world: %s\n  last events:\n", current_world->context().settings.summary().c_str());
    for (const std::string& line : current_world->context().trace.last(kEventsShown))
      std::printf("  %s\n", line.c_str());
  }
  if (current_world != nullptr) {
    for (const std::string& line : current_world->describe()) std::printf("  %s\n", line.c_str());
  }
  std::printf("  replay: simulation --seed %llu --steps %llu --trace\n",
              static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_steps));
  std::fflush(stdout);
}

// An invariant inside of the product ends the process: say which world it was.
void on_abort(int /*signal*/) {
  explain("the product aborted, see above");
  std::_Exit(1);
}

bool is_calm(std::uint64_t seed, const Arguments& arguments) {
  return arguments.calm || seed % kCalmEvery == 0;
}

std::optional<Outcome> run(std::uint64_t seed, const Arguments& arguments, bool print) {
  World world(seed, is_calm(seed, arguments), print);
  current_world = &world;
  current_seed = seed;
  current_steps = arguments.steps;
  std::optional<Outcome> outcome;
  try {
    outcome = world.run(arguments.steps);
  } catch (const std::exception& violation) {
    explain(violation.what());
  }
  current_world = nullptr;
  return outcome;
}

std::vector<std::uint64_t> listed_seeds() {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/simulation/seeds.txt");
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(file, line);) {
    std::uint64_t seed = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), seed);
    if (error == std::errc{}) seeds.push_back(seed);
  }
  return seeds;
}

struct Totals {
  std::uint64_t worlds = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t records = 0;
  std::uint64_t settled = 0;
  std::uint64_t regressions = 0;
  std::uint64_t faults = 0;
  double recovery_max = 0;

  void add(const Outcome& outcome) {
    ++worlds;
    steps += outcome.steps;
    records += outcome.records;
    settled += outcome.settled;
    regressions += outcome.regressions;
    faults += outcome.faults;
    recovery_max = std::max(recovery_max, std::chrono::duration<double>(outcome.recovery).count());
  }
};

void run_one(std::uint64_t seed, const Arguments& arguments, Totals& totals) {
  const auto outcome = run(seed, arguments, false);
  if (!outcome) {
    ++totals.failed;
    return;
  }
  totals.add(*outcome);
  if (seed % kTwiceEvery != 0) return;
  const auto again = run(seed, arguments, false);
  if (again && again->hash == outcome->hash) return;
  std::printf("\nFAILED: seed %llu: the same seed gave another world\n",
              static_cast<unsigned long long>(seed));
  ++totals.failed;
}

int run_many(const Arguments& arguments) {
  const std::uint64_t failures_shown = arguments.stop_early ? 1 : 5;
  Totals totals;
  const std::clock_t began = std::clock();
  if (arguments.list) {
    for (const std::uint64_t seed : listed_seeds()) run_one(seed, arguments, totals);
  }
  for (std::uint64_t i = 0; i < arguments.seeds && totals.failed < failures_shown; ++i)
    run_one(arguments.first + i, arguments, totals);
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  std::printf(
      "simulation: %llu worlds, %llu failed, %llu steps, %llu records, %llu acks that counted, %llu faults, "
      "%llu commits "
      "went back, recovery at most %.1f s, %.0f steps/s, %.1f s\n",
      static_cast<unsigned long long>(totals.worlds), static_cast<unsigned long long>(totals.failed),
      static_cast<unsigned long long>(totals.steps), static_cast<unsigned long long>(totals.records),
      static_cast<unsigned long long>(totals.settled), static_cast<unsigned long long>(totals.faults),
      static_cast<unsigned long long>(totals.regressions), totals.recovery_max,
      static_cast<double>(totals.steps) / std::max(seconds, 1e-9), seconds);
  return totals.failed == 0 && totals.worlds > 0 ? 0 : 1;
}

std::optional<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto number = [&](auto& out) {
      std::uint64_t value = 0;
      if (++i >= words.size()) return false;
      const auto [end, error] = std::from_chars(words[i].data(), words[i].data() + words[i].size(), value);
      out = value;
      return error == std::errc{};
    };
    bool ok = true;
    if (words[i] == "--seeds") {
      ok = number(arguments.seeds);
    } else if (words[i] == "--first") {
      ok = number(arguments.first);
    } else if (words[i] == "--steps") {
      ok = number(arguments.steps);
    } else if (words[i] == "--seed") {
      ok = number(arguments.seed);
    } else if (words[i] == "--trace") {
      arguments.trace = true;
    } else if (words[i] == "--calm") {
      arguments.calm = true;
    } else if (words[i] == "--stop-early") {
      arguments.stop_early = true;
    } else if (words[i] == "--no-list") {
      arguments.list = false;
    } else {
      ok = false;
    }
    if (!ok) return std::nullopt;
  }
  return arguments;
}

int simulate(const std::vector<std::string_view>& words) {
  const auto arguments = parse(words);
  if (!arguments) {
    std::puts(
        "usage: simulation [--seeds N] [--first S] [--steps M] [--seed X] [--trace] [--calm] [--no-list] "
        "[--stop-early]");
    return 2;
  }
  std::signal(SIGABRT, on_abort);
  if (!arguments->seed) return run_many(*arguments);
  const auto outcome = run(*arguments->seed, *arguments, arguments->trace);
  if (!outcome) return 1;
  std::printf("seed %llu: hash %016llx, %llu steps, recovery %.1f s\n",
              static_cast<unsigned long long>(*arguments->seed),
              static_cast<unsigned long long>(outcome->hash), static_cast<unsigned long long>(outcome->steps),
              std::chrono::duration<double>(outcome->recovery).count());
  return 0;
}

}  // namespace
}  // namespace sluice::simulation

int main(int argc, char** argv) {
  return sluice::simulation::simulate(std::vector<std::string_view>(argv + 1, argv + argc));
}
