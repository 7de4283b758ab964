#include "tests/simulation/world.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::simulation {

namespace {

constexpr std::uint64_t kTopology = 0x746F706F;
constexpr std::uint64_t kWorkload = 0x776F726B;
constexpr std::uint64_t kFaults = 0x6661756C;
constexpr std::uint64_t kNetwork = 0x6E657477;
constexpr std::uint64_t kProcesses = 0x70726F63;

/// How long everything may take to come to rest once nothing goes wrong any more: lost sessions, rebalances,
/// leases and requests that must run out first, one after the other, and the longest back-offs (60 s after
/// corrupt data).
Duration patience(const Settings& s) {
  return std::chrono::seconds(90) + 3 * (s.session_timeout + s.rebalance_timeout) + 2 * s.lease +
         4 * s.request_timeout;
}

}  // namespace

World::World(std::uint64_t seed, bool calm, bool print)
    : context_{Settings::draw(seed, calm), {}, Trace(print), nullptr, nullptr},
      workload_(seed ^ kWorkload),
      faults_(seed ^ kFaults) {
  context_.cluster = std::make_unique<Cluster>(context_.settings, context_.scheduler, context_.trace,
                                               Dice(seed ^ kTopology));
  context_.network = std::make_unique<Network>(context_.settings, context_.scheduler, context_.trace,
                                               *context_.cluster, Dice(seed ^ kNetwork));
  Dice dice(seed ^ kProcesses);
  for (int i = 0; i < context_.settings.daemons; ++i) {
    daemons_.push_back(std::make_unique<Daemon>(context_, i, Dice(dice.next())));
    for (int a = 0; a < context_.settings.applications; ++a) {
      const int number = i * 10 + a;
      applications_.push_back(
          std::make_unique<Application>(context_, *daemons_.back(), number, Dice(dice.next())));
    }
  }
}

Outcome World::run(std::uint64_t storm_steps) {
  for (int i = 0; i < context_.settings.daemons; ++i) {
    context_.scheduler.after(workload_.duration(Duration{}, milliseconds(3000)),
                             [this, i] { start_daemon(i); });
  }
  for (const auto& application : applications_) application->start();
  const auto before = static_cast<int>(context_.settings.records_max / 3);
  for (int i = 0; i < 100 && static_cast<int>(records_) < before; ++i) {
    records_ += static_cast<std::uint64_t>(context_.cluster->produce(
        workload_.pick(context_.cluster->partitions()), context_.settings.batch_records_max));
  }
  produce_some();
  schedule_faults();
  const TimePoint began = context_.now();
  while (steps() < storm_steps && context_.now() - began < std::chrono::minutes(30)) {
    context_.scheduler.run_one();
    check_step();
  }
  heal();
  const TimePoint healed = context_.now();
  come_to_rest();
  Outcome outcome;
  outcome.recovery = context_.now() - healed;
  end();
  outcome.hash = context_.trace.hash();
  outcome.steps = steps();
  outcome.records = records_;
  outcome.settled = context_.cluster->history().settled_count();
  outcome.regressions = context_.cluster->history().regressions();
  outcome.faults = faults_struck_ + context_.cluster->errors_given() + context_.network->breaks();
  outcome.lived = context_.now() - began;
  return outcome;
}

std::uint64_t World::steps() const {
  std::uint64_t steps = context_.network->steps();
  for (const auto& daemon : daemons_) steps += daemon->steps();
  return steps;
}

void World::start_daemon(int index) {
  Daemon& daemon = *daemons_[static_cast<std::size_t>(index)];
  if (!daemon.is_up()) daemon.start();
}

void World::produce_some() {
  if (!storm_ || static_cast<std::int64_t>(records_) >= context_.settings.records_max) return;
  records_ += static_cast<std::uint64_t>(context_.cluster->produce(
      workload_.pick(context_.cluster->partitions()), context_.settings.batch_records_max));
  const auto gap = Duration(static_cast<Duration::rep>(2e9 / context_.settings.produce_per_second));
  context_.scheduler.after(workload_.duration(Duration{}, gap), [this] { produce_some(); });
}

// ----------------------------------------------------------------------------------------------------------
// faults

void World::schedule_faults() {
  const FaultRates& rates = context_.settings.faults;
  schedule({rates.disconnect, &World::break_connection});
  schedule({rates.stall, &World::stall_connection});
  schedule({rates.broker_pause, &World::pause_broker});
  schedule({rates.broker_down, &World::stop_broker});
  schedule({rates.coordinator_move, &World::move_coordinator});
  schedule({rates.leader_move, &World::move_leader});
  schedule({rates.daemon_pause, &World::pause_daemon});
  schedule({rates.daemon_kill, &World::kill_daemon});
  schedule({rates.daemon_drain, &World::drain_daemon});
  schedule({rates.retention, &World::delete_records});
  schedule({rates.wall_jump, &World::jump_wall_clock});
  schedule({rates.recreate, &World::recreate_topic});
}

void World::schedule(Fault fault) {
  if (fault.rate <= 0) return;
  const auto gap = Duration(static_cast<Duration::rep>(2e9 / fault.rate));
  context_.scheduler.after(faults_.duration(Duration{}, gap), [this, fault] {
    if (!storm_) return;
    ++faults_struck_;
    (this->*fault.strike)();
    schedule(fault);
  });
}

int World::some_broker_up() {
  std::vector<int> up;
  for (int i = 0; i < context_.settings.brokers; ++i) {
    if (context_.cluster->is_up(i)) up.push_back(i);
  }
  return up.empty() ? -1 : faults_.pick(up);
}

void World::break_connection() { context_.network->break_one(faults_); }
void World::stall_connection() { context_.network->stall_one(faults_); }

void World::pause_broker() {
  const auto node = static_cast<int>(faults_.between(0, context_.settings.brokers - 1));
  if (!context_.cluster->is_up(node) || context_.network->is_paused(node)) return;
  context_.trace.add(context_.now(), -1, "broker stopped", node);
  context_.network->pause_broker(node);
  context_.scheduler.after(faults_.duration(milliseconds(10), milliseconds(15'000)), [this, node] {
    if (!context_.network->is_paused(node)) return;
    context_.trace.add(context_.now(), -1, "broker continues", node);
    context_.network->resume_broker(node);
  });
}

void World::stop_broker() {
  const auto node = static_cast<int>(faults_.between(0, context_.settings.brokers - 1));
  if (!context_.cluster->is_up(node)) return;
  context_.trace.add(context_.now(), -1, "broker down", node);
  context_.network->stop_broker(node);
  context_.scheduler.after(faults_.duration(milliseconds(10), milliseconds(2000)), [this, node] {
    if (context_.cluster->is_up(node)) return;
    context_.cluster->settle_leaders();
    const int other = some_broker_up();
    if (context_.cluster->coordinator() == node && other >= 0) context_.cluster->move_coordinator(other);
  });
  context_.scheduler.after(faults_.duration(milliseconds(100), milliseconds(20'000)), [this, node] {
    context_.trace.add(context_.now(), -1, "broker up", node);
    context_.cluster->start_broker(node);
  });
}

void World::move_coordinator() {
  const int node = some_broker_up();
  if (node >= 0) context_.cluster->move_coordinator(node);
}

void World::move_leader() {
  const int node = some_broker_up();
  const std::vector<TopicPartition>& dead = context_.cluster->dead_partitions();
  const bool of_dead = !dead.empty() && faults_.chance(0.3);
  const TopicPartition& tp = faults_.pick(of_dead ? dead : context_.cluster->partitions());
  context_.cluster->move_leader(tp, faults_.chance(0.1) ? -1 : node);
  context_.scheduler.after(faults_.duration(milliseconds(10), milliseconds(1000)),
                           [this] { context_.cluster->settle_leaders(); });
}

void World::pause_daemon() {
  const std::size_t index = faults_.index(daemons_.size());
  Daemon& daemon = *daemons_[index];
  if (!daemon.serves()) return;
  daemon.pause();
  const bool long_one = faults_.chance(0.5);
  const Duration longest = long_one ? 2 * context_.settings.session_timeout : milliseconds(1000);
  context_.scheduler.after(faults_.duration(milliseconds(10), longest), [&daemon, life = daemon.life()] {
    if (daemon.life() == life && daemon.is_paused()) daemon.resume();
  });
}

void World::kill_daemon() {
  const std::size_t index = faults_.index(daemons_.size());
  if (!daemons_[index]->is_up()) return;
  daemons_[index]->kill();
  daemons_[index]->will_restart();
  context_.scheduler.after(faults_.duration(milliseconds(10), milliseconds(8000)),
                           [this, index] { start_daemon(static_cast<int>(index)); });
}

void World::drain_daemon() {
  const std::size_t index = faults_.index(daemons_.size());
  Daemon& daemon = *daemons_[index];
  if (!daemon.serves() || daemon.is_draining()) return;
  daemon.drain(faults_.duration(Duration{}, milliseconds(5000)));
}

void World::delete_records() {
  const TopicPartition& tp = faults_.pick(context_.cluster->partitions());
  const PartitionLog& log = context_.cluster->log(tp);
  const Offset below = log.start() + faults_.between(0, log.end() - log.start());
  context_.cluster->delete_records(tp, below);
  context_.trace.add(context_.now(), -1, "retention", tp.partition, log.start());
}

void World::jump_wall_clock() {
  daemons_[faults_.index(daemons_.size())]->jump_wall_clock(faults_.between(-86'400'000, 86'400'000));
}

void World::recreate_topic() {
  context_.cluster->recreate("t" + std::to_string(faults_.index(context_.settings.partitions.size())));
}

// ---------------------------------------------------------------------------------------------------------
// the end

void World::heal() {
  storm_ = false;
  context_.trace.add(context_.now(), -1, "peace");
  for (int i = 0; i < context_.settings.brokers; ++i) context_.cluster->start_broker(i);
  context_.cluster->heal();
  context_.network->heal();
  context_.cluster->settle_leaders();
  context_.cluster->end_transactions();
  for (const auto& application : applications_) application->behave();
  for (const auto& daemon : daemons_) {
    if (daemon->is_paused()) daemon->resume();
    if (daemon->is_up()) daemon->resume_some({});
  }
}

void World::check_step() {
  for (const auto& daemon : daemons_) {
    // What an operator would do about a drained or a failed daemon.
    const bool failed = daemon->is_up() && daemon->consumer().member_state() == core::MemberState::kFailed;
    if (failed) throw Violation("a daemon has failed for good");
    if (daemon->is_up() || daemon->is_restarting()) continue;
    daemon->will_restart();
    context_.scheduler.after(std::chrono::seconds(5),
                             [this, index = daemon->index()] { start_daemon(index); });
  }
}

/// No partition belongs to two members that are stable in the same generation.
void World::check_owners() const {
  std::set<std::pair<TopicPartition, std::int32_t>> owned;
  for (const auto& daemon : daemons_) {
    if (!daemon->is_stable()) continue;
    for (const auto& [tp, partition] : daemon->consumer().partitions()) {
      require(owned.emplace(tp, daemon->generation()).second,
              "two members own a partition in the same generation");
    }
  }
}

std::string World::why_not_at_rest() {
  for (const TopicPartition& tp : context_.cluster->partitions()) {
    const PartitionLog& log = context_.cluster->log(tp);
    const auto committed = context_.cluster->history().committed(tp);
    if (context_.cluster->history().first_unsettled(tp) < log.end())
      return core::to_string(tp) + ": record " +
             std::to_string(context_.cluster->history().first_unsettled(tp)) + " of " +
             std::to_string(log.end()) + " is not settled";
    if (!context_.settings.commits_in_time()) continue;
    if (log.end() > log.start() && committed.value_or(-1) != log.end())
      return core::to_string(tp) + ": committed " + std::to_string(committed.value_or(-1)) + " of " +
             std::to_string(log.end());
  }
  std::size_t owned = 0;
  for (const auto& daemon : daemons_) {
    if (!daemon->is_stable()) return "daemon " + std::to_string(daemon->index()) + " is not stable";
    owned += daemon->consumer().partitions().size();
  }
  if (owned != context_.cluster->partitions().size()) return "not every partition has one owner";
  if (context_.cluster->group().size() != daemons_.size())
    return "a member that is gone is still in the group";
  return {};
}

std::vector<std::string> World::describe() const {
  std::vector<std::string> lines;
  for (const TopicPartition& tp : context_.cluster->partitions()) {
    const PartitionLog& log = context_.cluster->log(tp);
    lines.push_back(core::to_string(tp) + ": log " + std::to_string(log.start()) + ".." +
                    std::to_string(log.end()) + ", committed " +
                    std::to_string(context_.cluster->history().committed(tp).value_or(-1)));
  }
  for (const auto& daemon : daemons_) {
    if (!daemon->is_up()) continue;
    const core::ConsumerStatus status = daemon->consumer().status(context_.now());
    lines.push_back("daemon " + std::to_string(daemon->index()) + ": " + status.state + ", generation " +
                    std::to_string(status.identity.generation) + ", memory " +
                    std::to_string(daemon->budget().used()) + " of " +
                    std::to_string(daemon->budget().limit()) + ", " + std::to_string(status.leases.size()) +
                    " leases, " + std::to_string(status.waiting_fetches) + " waiting fetches" +
                    (daemon->is_paused() ? ", stopped" : "") + (daemon->is_draining() ? ", draining" : "") +
                    (status.error ? ", " + *status.error : ""));
    for (const core::PartitionStatus& each : status.partitions) {
      lines.push_back(
          "  " + core::to_string(each.partition) + ": committed " +
          std::to_string(each.committed.value_or(-1)) + ", unsettled " +
          std::to_string(each.first_unsettled.value_or(-1)) + ", position " +
          std::to_string(each.position.value_or(-1)) + ", fetch " +
          std::to_string(each.fetch_position.value_or(-1)) + ", leader " + std::to_string(each.leader) +
          ", " + std::to_string(each.buffered_records_bytes) + " bytes, " +
          std::to_string(daemon->consumer().partitions().at(each.partition).buffer.decompressed_bytes()) +
          " of them decompressed" + (each.blocked_by ? ", " + each.blocked_by->text : ""));
    }
  }
  return lines;
}

bool World::at_rest() { return why_not_at_rest().empty(); }

void World::come_to_rest() {
  TimePoint deadline = context_.now() + patience(context_.settings);
  // With small fetches, every batch may take a round trip of its own, one after the other.
  for (const TopicPartition& tp : context_.cluster->partitions()) {
    deadline += static_cast<Duration::rep>(context_.cluster->log(tp).batch_count()) *
                (3 * context_.settings.latency_max + milliseconds(10));
    // Poison has to be tried as often as is allowed, perhaps one record after the other.
    const auto tries = static_cast<Duration::rep>(context_.settings.redelivery.max_deliveries + 1);
    deadline +=
        static_cast<Duration::rep>(context_.cluster->log(tp).poison_count()) * tries *
        (context_.settings.redelivery.backoff_max + 10 * context_.settings.latency_max + milliseconds(50));
  }
  TimePoint next_look = context_.now();
  for (;;) {
    if (context_.now() >= next_look) {
      if (at_rest()) return;
      next_look = context_.now() + milliseconds(200);
    }
    if (context_.now() > deadline) throw Violation("no rest in time: " + why_not_at_rest());
    context_.scheduler.run_one();
    check_step();
    check_owners();
  }
}

/// Everybody drains, leaves, and gives all memory back.
void World::end() {
  for (const auto& daemon : daemons_) {
    if (daemon->is_up() && !daemon->is_draining()) daemon->drain(std::chrono::seconds(20));
  }
  const TimePoint deadline = context_.now() + std::chrono::seconds(40);
  const auto up = [](const auto& daemon) { return daemon->is_up(); };
  while (std::any_of(daemons_.begin(), daemons_.end(), up)) {
    if (context_.now() > deadline) throw Violation("a drain does not end");
    context_.scheduler.run_one();
  }
  // Answers that were on their way to applications.
  const TimePoint quiet = context_.now() + milliseconds(100);
  while (context_.now() < quiet) context_.scheduler.run_one();
  for (const auto& daemon : daemons_) {
    require(daemon->budget().used() == 0, "memory is charged although the daemon is gone");
  }
  // Under a policy that takes its time, what an earlier owner has settled and not committed need not be
  // settled again by then.
  const bool all = context_.settings.commits_in_time();
  for (const TopicPartition& tp : context_.cluster->partitions()) {
    const Offset least = context_.cluster->history().behind_last_settled(tp);
    if (all && least > context_.cluster->log(tp).start() && context_.cluster->committed(tp).offset < least)
      throw Violation("everybody has drained, but not all is committed: " + core::to_string(tp));
  }
  require(context_.cluster->group().size() == 0, "a member is left in the group after everybody has gone");
}

}  // namespace sluice::simulation
