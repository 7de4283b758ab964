#pragma once

#include "daemon/core/consumer.hpp"
#include "daemon/core/group/assignor.hpp"
#include "tests/simulation/base.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::simulation {

/// How often what goes wrong. 0: not at all in this world.
struct FaultRates {
  bool operator==(const FaultRates&) const = default;
  [[nodiscard]] bool is_none() const { return *this == FaultRates{}; }

  // Per simulated second.
  double disconnect = 0;
  double stall = 0;  ///< a connection swallows everything until it is given up
  double broker_pause = 0;
  double broker_down = 0;
  double coordinator_move = 0;
  double leader_move = 0;
  double daemon_pause = 0;
  double daemon_kill = 0;
  double daemon_drain = 0;
  double retention = 0;
  double wall_jump = 0;
  double recreate = 0;  ///< a topic is deleted and created again
  // Of each message.
  double error = 0;        ///< an error code instead of the deed
  double lost_answer = 0;  ///< done, but the connection ends before the answer
  double corrupt = 0;      ///< a Fetch answer with one wrong byte
  // Of each request that is on its way when its connection ends: the broker still does it.
  double done_after_close = 0;
};

/// One world, drawn from its seed. Every kind of fault is absent from about half of the worlds.
struct Settings {
  std::uint64_t seed = 0;
  bool bytes = false;  ///< requests and answers go through the encoder and the decoder

  int brokers = 3;
  int daemons = 2;
  int applications = 2;                                 ///< of each daemon
  std::vector<int> partitions;                          ///< of each topic
  std::vector<std::vector<core::Assignor>> strategies;  ///< of each daemon
  core::IsolationLevel isolation = core::IsolationLevel::kReadUncommitted;

  Duration latency_min{};
  Duration latency_max{};
  Duration metadata_lag_max{};

  milliseconds session_timeout{};
  milliseconds heartbeat_interval{};
  milliseconds rebalance_timeout{};
  milliseconds request_timeout{};
  Duration rebalance_drain{};
  Duration lease{};
  milliseconds fetch_wait{};
  std::int32_t partition_max_bytes = 0;
  std::int32_t fetch_max_bytes = 0;
  std::int64_t budget = 0;

  std::int64_t records_max = 0;  ///< of all partitions
  int batch_records_max = 0;
  int value_bytes_max = 0;
  double compressed = 0;
  double compacted = 0;
  double transactional = 0;
  double produce_per_second = 0;

  core::OrderMode order = core::OrderMode::kPartition;
  int keys = 0;            ///< so many keys for most records; 0: a key of its own for each
  double undecodable = 0;  ///< of batches: the checksum is right, but nobody can read it

  bool dead_letters = false;
  int dead_partitions = 0;
  double poison = 0;  ///< of records: no application ever acks them; only with a bound of deliveries
  core::Redelivery redelivery;

  std::size_t metadata_max = 4096;  ///< of the coordinator: offset.metadata.max.bytes
  double foreign_metadata = 0;  ///< of partitions: another tool has committed before, with a text of its own

  core::Window::Options window;
  std::int64_t commit_every = 1;
  Duration commit_interval{};
  core::IdlePolicy idle_policy = core::IdlePolicy::kHold;
  Duration idle_timeout{};
  double operators = 0;  ///< calls to pause, resume, seek and commit, of each application's rounds
  bool seeks = false;    ///< ... seeks among them

  /// With such a policy the last records are only committed by a drain.
  [[nodiscard]] bool commits_in_time() const { return commit_every <= 1 || commit_interval > Duration{}; }

  bool mixed_versions = false;  ///< every broker speaks other versions
  FaultRates faults;

  static Settings draw(std::uint64_t seed, bool calm);
  [[nodiscard]] std::string summary() const;
};

}  // namespace sluice::simulation
