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
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::simulation {

/// Of the topic that dead letters go to.
inline const std::string kDeadTopic = "dead";

constexpr const char* kForeignText = "written by another tool";

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
  [[nodiscard]] const std::vector<TopicPartition>& dead_partitions() const { return all_dead_; }
  [[nodiscard]] const PartitionLog& log(const TopicPartition& tp) const { return state(tp).log; }
  /// Of the topic with this id, which may be deleted; a zero id is the topic as it is now.
  [[nodiscard]] const PartitionLog& log(const TopicPartition& tp, const protocol::Uuid& id) const;
  [[nodiscard]] bool is_current(const TopicPartition& tp, const protocol::Uuid& id) const {
    return id.is_zero() || topics_.at(tp.topic) == id;
  }
  [[nodiscard]] const std::string* name_of(const protocol::Uuid& id) const;
  [[nodiscard]] std::size_t largest_batch() const;
  int produce(const TopicPartition& tp, int records_max);
  void end_transactions();
  void delete_records(const TopicPartition& tp, Offset below);
  /// Deletes the topic and creates it again, empty.
  void recreate(const std::string& topic);
  void move_leader(const TopicPartition& tp, int node);
  /// Every partition gets a leader that is up.
  void settle_leaders();

  // Group.
  void move_coordinator(int node);
  [[nodiscard]] int coordinator() const { return coordinator_node_; }
  [[nodiscard]] History& history() { return history_; }
  [[nodiscard]] const test::FakeCoordinator& group() const { return group_; }
  struct Committed {
    Offset offset = -1;
    std::int32_t epoch = -1;
    std::string metadata;
  };
  [[nodiscard]] Committed committed(const TopicPartition& tp) const {
    const auto it = offsets_.find(tp);
    return it == offsets_.end() ? Committed{} : it->second;
  }
  [[nodiscard]] bool is_foreign(const TopicPartition& tp) const { return foreign_.contains(tp); }
  [[nodiscard]] std::uint64_t dead_lettered() const { return dead_lettered_; }

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
    std::map<protocol::Uuid, PartitionLog> former;  ///< of deleted topics of this name
    std::vector<Leadership> leaders;                ///< the last one holds
  };
  /// What a partition of the dead letter topic knows of a producer.
  struct Producer {
    struct Known {
      std::int32_t sequence = 0;
      std::int32_t count = 0;
      Offset offset = 0;
      std::uint64_t digest = 0;
    };
    std::int16_t epoch = 0;
    std::int32_t next = 0;
    std::deque<Known> last;  ///< the five that a broker remembers
  };
  struct DeadPartition {
    Offset end = 0;
    std::map<std::int64_t, Producer> producers;
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
  [[nodiscard]] std::int16_t commit_one(const TopicPartition& tp, const Committed& what);
  void check_claims(const TopicPartition& tp, const Committed& what);
  [[nodiscard]] PartitionLog& new_log(const TopicPartition& tp);
  void on_init_producer(const Call& call);
  void on_produce(const Call& call, const protocol::ProduceRequest& request);
  void append(const TopicPartition& tp,
              std::string_view records,
              protocol::ProduceResponse::PartitionProduceResponse& answer);
  void check_letter(const protocol::Record& record);

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
  std::map<TopicPartition, Committed> offsets_;
  std::set<TopicPartition> foreign_;
  std::vector<TopicPartition> all_dead_;
  std::map<TopicPartition, DeadPartition> dead_;
  std::map<std::string, std::pair<protocol::Uuid, TimePoint>> deleted_;  ///< the last one of each name
  std::int64_t last_producer_ = 1000;
  std::uint64_t dead_lettered_ = 0;
  int last_log_ = 0;
  std::size_t largest_gone_ = 0;  ///< of topics that were deleted
  History history_;
  double error_rate_ = 0;
  double corrupt_rate_ = 0;
  std::uint64_t errors_given_ = 0;
};

}  // namespace sluice::simulation
