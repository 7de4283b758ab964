#include "tests/simulation/settings.hpp"

#include <algorithm>
#include <utility>

namespace sluice::simulation {

namespace {

using core::Assignor;

constexpr double kOnInHalfTheWorlds = 0.5;

std::vector<std::vector<Assignor>> draw_strategies(Dice& dice, int daemons) {
  const std::vector<Assignor> eager{Assignor::kRange, Assignor::kCooperativeSticky};
  const std::vector<std::vector<Assignor>> common{{Assignor::kRange},
                                                  {Assignor::kCooperativeSticky},
                                                  eager,
                                                  {Assignor::kSticky},
                                                  {Assignor::kRoundRobin}};
  const std::vector<Assignor> chosen = dice.pick(common);
  std::vector<std::vector<Assignor>> all(static_cast<std::size_t>(daemons), chosen);
  // Members that list the protocols in another order, or only one of two.
  if (chosen == eager && dice.chance(0.3)) all[0] = {Assignor::kRange};
  return all;
}

double rate(Dice& dice, double low, double high) {
  return dice.chance(kOnInHalfTheWorlds) ? dice.log_between(low, high) : 0;
}

FaultRates draw_faults(Dice& dice) {
  FaultRates faults;
  faults.disconnect = rate(dice, 0.05, 2);
  faults.stall = rate(dice, 0.02, 0.3);
  faults.broker_pause = rate(dice, 0.01, 0.1);
  faults.broker_down = rate(dice, 0.01, 0.1);
  faults.coordinator_move = rate(dice, 0.02, 0.3);
  faults.leader_move = rate(dice, 0.05, 1);
  faults.daemon_pause = rate(dice, 0.01, 0.1);
  faults.daemon_kill = rate(dice, 0.01, 0.1);
  faults.daemon_drain = rate(dice, 0.01, 0.1);
  faults.retention = dice.chance(0.2) ? dice.log_between(0.01, 0.1) : 0;
  faults.wall_jump = rate(dice, 0.01, 0.1);
  faults.error = rate(dice, 0.002, 0.2);
  faults.lost_answer = rate(dice, 0.001, 0.05);
  faults.corrupt = dice.chance(0.2) ? dice.log_between(0.002, 0.05) : 0;
  faults.done_after_close = dice.chance(0.7) ? 0.5 : 0;
  return faults;
}

/// What consumers can do besides fetching and acking in order; absent from a third of the worlds.
void draw_features(Settings& s, Dice& dice) {
  const std::vector<core::OrderMode> modes{core::OrderMode::kPartition, core::OrderMode::kKey,
                                           core::OrderMode::kNone};
  s.order = modes[dice.index(modes.size())];
  if (dice.chance(s.order == core::OrderMode::kKey ? 0.9 : 0.3))
    s.keys = static_cast<int>(dice.log_between(1, 100));
  s.undecodable = dice.chance(0.2) ? 0.02 : 0;
  s.redelivery.backoff = dice.duration(milliseconds(1), milliseconds(500));
  s.redelivery.backoff_max = s.redelivery.backoff * dice.between(1, 6);
  if (dice.chance(0.5)) s.redelivery.alone_from = static_cast<std::uint32_t>(dice.between(2, 6));
  s.dead_letters = dice.chance(0.5);
  if (s.dead_letters) {
    s.dead_partitions = static_cast<int>(dice.between(1, 3));
    if (dice.chance(0.7)) s.redelivery.max_deliveries = static_cast<std::uint32_t>(dice.between(1, 5));
    if (s.redelivery.max_deliveries > 0 && dice.chance(0.6))
      s.poison = std::min(0.2, 20.0 / static_cast<double>(s.records_max));
  }
  if (dice.chance(0.15)) s.metadata_max = static_cast<std::size_t>(dice.between(0, 300));
  if (dice.chance(0.15)) s.foreign_metadata = 0.5;
  if (dice.chance(0.4)) {
    s.window.mode = dice.chance(0.5) ? core::Window::Mode::kAdaptive : core::Window::Mode::kFixed;
    if (dice.chance(0.7)) s.window.records_max = static_cast<std::int64_t>(dice.log_between(1, 500));
    if (dice.chance(0.5)) s.window.bytes_max = static_cast<std::int64_t>(dice.log_between(100, 100'000));
    s.window.records_start = dice.between(1, 50);
    s.window.bytes_start = static_cast<std::int64_t>(dice.log_between(100, 10'000));
  }
  if (dice.chance(0.3)) s.commit_every = dice.between(2, 200);
  if (dice.chance(s.commit_every > 1 ? 0.7 : 0.2))
    s.commit_interval = milliseconds(dice.between(1, 50) * 100);
  if (dice.chance(0.2)) {
    s.idle_policy = dice.chance(0.5) ? core::IdlePolicy::kPause : core::IdlePolicy::kLeave;
    s.idle_timeout = milliseconds(dice.between(1, 50) * 100);
  }
  if (dice.chance(0.4)) s.operators = dice.log_between(0.005, 0.1);
  s.seeks = dice.chance(0.5);
  if (!s.faults.is_none() && !s.mixed_versions && dice.chance(0.25))
    s.faults.recreate = dice.log_between(0.01, 0.1);
}

}  // namespace

Settings Settings::draw(std::uint64_t seed, bool calm) {
  Dice dice(seed);
  Settings s;
  s.seed = seed;
  s.bytes = dice.chance(0.25);
  s.brokers = static_cast<int>(dice.between(1, 4));
  s.daemons = static_cast<int>(dice.between(2, 3));
  s.applications = static_cast<int>(dice.between(1, 4));
  const auto topics = dice.between(1, 2);
  for (std::int64_t i = 0; i < topics; ++i) s.partitions.push_back(static_cast<int>(dice.between(1, 4)));
  s.strategies = draw_strategies(dice, s.daemons);
  s.isolation =
      dice.chance(0.4) ? core::IsolationLevel::kReadCommitted : core::IsolationLevel::kReadUncommitted;

  s.latency_min = dice.duration(microseconds(100), milliseconds(5));
  s.latency_max = s.latency_min + dice.duration(microseconds(100), milliseconds(dice.chance(0.2) ? 300 : 20));
  s.metadata_lag_max = dice.duration(Duration{}, milliseconds(500));

  s.session_timeout = milliseconds(dice.between(6, 12) * 1000);
  s.heartbeat_interval = milliseconds(dice.between(5, 20) * 100);
  s.rebalance_timeout = milliseconds(dice.between(5, 20) * 1000);
  s.request_timeout = milliseconds(dice.between(2, 10) * 1000);
  s.rebalance_drain = milliseconds(dice.between(0, 60) * 100);
  s.lease = milliseconds(dice.between(5, 80) * 100);
  s.fetch_wait = milliseconds(dice.between(1, 10) * 50);
  s.partition_max_bytes = static_cast<std::int32_t>(dice.between(1, 64)) << 10;
  s.fetch_max_bytes = static_cast<std::int32_t>(dice.between(1, 256)) << 10;
  s.budget = dice.between(32, 1024) << 10;

  s.records_max = dice.between(50, 10'000);
  s.batch_records_max = static_cast<int>(dice.between(1, 40));
  s.value_bytes_max = static_cast<int>(dice.chance(0.2) ? dice.between(500, 20'000) : dice.between(0, 100));
  s.compressed = dice.chance(0.4) ? 0.3 : 0;
  s.compacted = dice.chance(0.4) ? 0.3 : 0;
  s.transactional = dice.chance(0.4) ? 0.3 : 0;
  s.produce_per_second = dice.log_between(1, 50);

  s.mixed_versions = dice.chance(0.3);
  if (!calm && !dice.chance(0.1)) s.faults = draw_faults(dice);
  if (dice.chance(0.67)) draw_features(s, dice);
  return s;
}

std::string Settings::summary() const {
  std::string text = bytes ? "bytes" : "values";
  const auto add = [&](const char* name, auto value) {
    text += std::string(" ") + name + "=" + std::to_string(value);
  };
  add("brokers", brokers);
  add("daemons", daemons);
  add("applications", applications);
  for (const int count : partitions) add("partitions", count);
  text += " strategy=" + std::string(core::assignor_name(strategies[0][0])) +
          (strategies[0].size() > 1 ? "+" : "");
  add("committed", static_cast<int>(isolation));
  add("session", session_timeout.count());
  add("rebalance", rebalance_timeout.count());
  add("request", request_timeout.count());
  add("lease_ms", lease / milliseconds(1));
  add("drain_ms", rebalance_drain / milliseconds(1));
  add("budget", budget);
  text += "\n  order=" + std::to_string(static_cast<int>(order));
  add("keys", keys);
  add("max_deliveries", redelivery.max_deliveries);
  add("backoff_ms", redelivery.backoff / milliseconds(1));
  add("dead_partitions", dead_partitions);
  add("poison", poison);
  add("undecodable", undecodable);
  add("metadata_max", metadata_max);
  add("foreign", foreign_metadata);
  add("window", static_cast<int>(window.mode));
  add("window_records", window.records_max);
  add("window_bytes", window.bytes_max);
  add("commit_every", commit_every);
  add("commit_ms", commit_interval / milliseconds(1));
  add("idle_policy", static_cast<int>(idle_policy));
  add("idle_ms", idle_timeout / milliseconds(1));
  add("operators", operators);
  add("seeks", static_cast<int>(seeks));
  text += "\n  faults:";
  const auto fault = [&](const char* name, double value) {
    if (value > 0) add(name, value);
  };
  fault("disconnect", faults.disconnect);
  fault("stall", faults.stall);
  fault("broker_pause", faults.broker_pause);
  fault("broker_down", faults.broker_down);
  fault("coordinator_move", faults.coordinator_move);
  fault("leader_move", faults.leader_move);
  fault("daemon_pause", faults.daemon_pause);
  fault("daemon_kill", faults.daemon_kill);
  fault("daemon_drain", faults.daemon_drain);
  fault("retention", faults.retention);
  fault("wall_jump", faults.wall_jump);
  fault("recreate", faults.recreate);
  fault("error", faults.error);
  fault("lost_answer", faults.lost_answer);
  fault("corrupt", faults.corrupt);
  fault("done_after_close", faults.done_after_close);
  return text;
}

}  // namespace sluice::simulation
