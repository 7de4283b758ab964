#pragma once

#include "tests/simulation/application.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/daemon.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::simulation {

/// What a finished world has to say.
struct Outcome {
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t records = 0;
  std::uint64_t settled = 0;
  std::uint64_t regressions = 0;  ///< commits that went back at the broker
  std::uint64_t faults = 0;
  Duration recovery{};  ///< from the end of all faults until everything was committed
  Duration lived{};
};

/// Everything between one seed and its outcome: a storm of faults, then peace, in which all must come to
/// rest.
class World {
 public:
  World(std::uint64_t seed, bool calm, bool print);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// What is still on its way may hold memory of a daemon.
  ~World() { context_.scheduler.clear(); }

  /// Throws Violation.
  Outcome run(std::uint64_t storm_steps);

  [[nodiscard]] const Context& context() const { return context_; }
  /// How everything stands, for people.
  [[nodiscard]] std::vector<std::string> describe() const;

 private:
  struct Fault {
    double rate = 0;
    void (World::*strike)() = nullptr;
  };

  void produce_some();
  void schedule_faults();
  void schedule(Fault fault);

  void break_connection();
  void stall_connection();
  void pause_broker();
  void stop_broker();
  void move_coordinator();
  void move_leader();
  void pause_daemon();
  void kill_daemon();
  void drain_daemon();
  void delete_records();
  void jump_wall_clock();
  void recreate_topic();

  void heal();
  void check_step();
  void check_owners() const;
  [[nodiscard]] bool at_rest();
  [[nodiscard]] std::string why_not_at_rest();
  void come_to_rest();
  void end();
  [[nodiscard]] std::uint64_t steps() const;
  [[nodiscard]] int some_broker_up();
  void start_daemon(int index);

  Context context_;
  Dice workload_;
  Dice faults_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  std::vector<std::unique_ptr<Application>> applications_;
  bool storm_ = true;
  std::uint64_t faults_struck_ = 0;
  std::uint64_t records_ = 0;
};

}  // namespace sluice::simulation
