#pragma once

#include "daemon/core/cluster/metadata.hpp"
#include "daemon/core/fetch/list_offsets.hpp"
#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/fetch/partition.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/stats.hpp"
#include "daemon/core/time.hpp"
#include "protocol/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// Decides what to fetch from which leader, and takes the answers in.
///
/// A partition is asked for only while nothing of it waits in memory to be handed out, unless a fetch waits
/// for more than is there (min_records, min_bytes). A request only goes out for as many bytes as the budget
/// can take: they are charged before it is sent. So back-pressure needs no code of its own. Each leader has
/// two lanes: a long poll, and one for partitions that become free while the long poll is parked.
class Fetcher {
 public:
  struct Options {
    IsolationLevel isolation = IsolationLevel::kReadUncommitted;
    std::int32_t min_bytes = 1;
    std::chrono::milliseconds max_wait{500};
    std::int32_t max_bytes = 50 << 20;
    std::int32_t partition_max_bytes = 1 << 20;
    std::string rack;
    std::chrono::milliseconds request_timeout{30'000};
  };

  Fetcher(Options options, std::uint64_t seed) : options_(std::move(options)), random_(seed) {}

  void poll(
      TimePoint now, const Metadata& metadata, Partitions& partitions, MemoryBudget& budget, Outbox& outbox);

  bool on_reply(protocol::Reply& reply,
                Metadata& metadata,
                Partitions& partitions,
                std::map<std::string, TopicStats>& stats,
                TimePoint now,
                Outbox& outbox);
  bool on_failure(const protocol::Failure& failure,
                  Metadata& metadata,
                  Partitions& partitions,
                  TimePoint now);

  /// The last poll() wanted to fetch but the budget had no room.
  [[nodiscard]] bool waits_for_budget() const { return waits_for_budget_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

 private:
  struct Asked {
    TopicPartition partition;
    std::uint64_t incarnation = 0;
    Offset offset = 0;
  };
  struct InFlight {
    protocol::NodeId node = -1;
    protocol::Lane lane = protocol::Lane::kFetch;
    std::vector<Asked> asked;
    Charge reserved;
  };
  using Answer = protocol::FetchResponse::PartitionData;

  [[nodiscard]] std::map<protocol::NodeId, std::vector<Partition*>> eligible(TimePoint now,
                                                                             const Metadata& metadata,
                                                                             Partitions& partitions,
                                                                             Outbox& outbox) const;
  [[nodiscard]] bool lane_free(protocol::NodeId node, protocol::Lane lane) const;
  void send(protocol::NodeId node,
            protocol::Lane lane,
            std::vector<Partition*> wanted,
            const Metadata& metadata,
            MemoryBudget& budget,
            Outbox& outbox);
  void take(Partition& partition,
            const Asked& asked,
            const Answer& answer,
            const std::shared_ptr<const std::string>& frame,
            Metadata& metadata,
            TopicStats& stats,
            TimePoint now,
            Outbox& outbox);
  void on_error(Partition& partition, std::int16_t code, Metadata& metadata, TimePoint now, Outbox& outbox);

  Options options_;
  Random random_;
  std::map<protocol::RequestId, InFlight> in_flight_;
  std::map<protocol::NodeId, protocol::RequestId> last_sent_;
  bool waits_for_budget_ = false;
};

}  // namespace sluice::core
