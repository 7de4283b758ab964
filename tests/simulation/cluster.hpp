#pragma once

#include "protocol/exchange.hpp"
#include "tests/simulation/base.hpp"
#include "tests/simulation/history.hpp"
#include "tests/simulation/partition_log.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/settings.hpp"
#include "tests/simulation/trace.hpp"
#include "tests/support/fake_coordinator.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::simulation {

/// A request as it arrives at a broker. Request ids are unique for one client only.
struct Call {
  int client = 0;
  protocol::RequestId id = 0;
  protocol::NodeId node = 0;
  std::int16_t version = 0;
  protocol::AnyRequest request;
};

struct Answer {
  protocol::AnyResponse response;
  std::shared_ptr<const std::string> frame;  ///< of a Fetch: what its records point into
};

/// The brokers of one cluster: topics, logs, leaders, one group with its coordinator and its offsets.
class Cluster {
 public:
  using OnAnswer = std::function<void(int client, protocol::RequestId id, Answer answer)>;

  Cluster(const Settings& settings, Scheduler& scheduler, Trace& trace, Dice dice);

  void on_answer(OnAnswer f) { on_answer_ = std::move(f); }
  void handle(const Call& call);
  /// The client or its connection is gone: what it waits for will not be sent.
  void forget(int client, protocol::RequestId id);

  // Brokers.
  [[nodiscard]] int brokers() const { return settings_.brokers; }
  [[nodiscard]] bool is_up(int node) const { return nodes_[static_cast<std::size_t>(node)].up; }
  void stop_broker(int node);
  void start_broker(int node);
  /// The version that `node` and we agree on for an API.
  [[nodiscard]] std::int16_t version(int node, protocol::ApiKey api) const {
    return nodes_[static_cast<std::size_t>(node)].versions.at(api);
  }

  // Partitions.
  [[nodiscard]] const std::vector<TopicPartition>& partitions() const { return all_; }
  [[nodiscard]] const PartitionLog& log(const TopicPartition& tp) const { return state(tp).log; }
  [[nodiscard]] std::size_t largest_batch() const;
  int produce(const TopicPartition& tp, int records_max);
  void end_transactions();
  void delete_records(const TopicPartition& tp, Offset below);
  void move_leader(const TopicPartition& tp, int node);
  /// Every partition gets a leader that is up.
  void settle_leaders();

  // Group.
  void move_coordinator(int node);
  [[nodiscard]] int coordinator() const { return coordinator_node_; }
  [[nodiscard]] History& history() { return history_; }
  [[nodiscard]] const test::FakeCoordinator& group() const { return group_; }

  /// Ends errors and delays that brokers make by themselves.
  void heal();
  [[nodiscard]] std::uint64_t errors_given() const { return errors_given_; }

 private:
  struct Node {
    bool up = true;
    Duration metadata_lag{};
    std::map<protocol::ApiKey, std::int16_t> versions;
  };
  struct Leadership {
    TimePoint since;
    int leader = -1;
    int epoch = 0;
  };
  struct PartitionState {
    PartitionState(int number, core::IsolationLevel isolation) : log(number, isolation) {}
    PartitionLog log;
    std::vector<Leadership> leaders;  ///< the last one holds
  };
  struct ParkedFetch {
    Call call;
    TimePoint until;
    std::uint64_t serial = 0;
  };

  [[nodiscard]] PartitionState& state(const TopicPartition& tp) { return states_.at(tp); }
  [[nodiscard]] const PartitionState& state(const TopicPartition& tp) const { return states_.at(tp); }
  [[nodiscard]] const Leadership& leader_as_seen(const PartitionState& partition, int node) const;
  [[nodiscard]] std::optional<std::int16_t> injected(protocol::ApiKey api);
  [[nodiscard]] std::int16_t check_leader(const TopicPartition& tp, int node, std::int32_t epoch) const;
  [[nodiscard]] const std::string* name_of(const protocol::Uuid& id) const;
  void answer(const Call& call, protocol::AnyResponse response);
  void flush_group();
  void tick();

  void on_metadata(const Call& call, const protocol::MetadataRequest& request);
  void on_find(const Call& call, const protocol::FindCoordinatorRequest& request);
  void on_list(const Call& call, const protocol::ListOffsetsRequest& request);
  void on_commit(const Call& call, const protocol::OffsetCommitRequest& request);
  void on_offsets(const Call& call, const protocol::OffsetFetchRequest& request);
  void on_fetch(const Call& call, const protocol::FetchRequest& request);
  bool try_fetch(const Call& call, const protocol::FetchRequest& request, bool last_chance);
  void wake_fetches();
  void on_group(const Call& call);
  [[nodiscard]] std::int16_t commit_one(const TopicPartition& tp, Offset offset, std::int32_t epoch);

  const Settings& settings_;
  Scheduler& scheduler_;
  Trace& trace_;
  Dice dice_;
  OnAnswer on_answer_;
  std::vector<Node> nodes_;
  std::map<TopicPartition, PartitionState> states_;
  std::vector<TopicPartition> all_;
  std::map<std::string, protocol::Uuid> topics_;
  std::list<ParkedFetch> parked_;
  std::uint64_t parked_serial_ = 0;
  int coordinator_node_ = 0;
  TimePoint coordinator_ready_at_{};
  test::FakeCoordinator group_;
  std::map<TopicPartition, std::pair<Offset, std::int32_t>> offsets_;
  History history_;
  double error_rate_ = 0;
  double corrupt_rate_ = 0;
  std::uint64_t errors_given_ = 0;
};

}  // namespace sluice::simulation
