#pragma once

#include "daemon/core/backoff.hpp"
#include "daemon/core/group/assignor.hpp"
#include "daemon/core/outbox.hpp"
#include "daemon/core/random.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/exchange.hpp"
#include "protocol/wire/uuid.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::core {

/// What we know of the cluster: brokers, topics, leaders. Asks for more when told that something is wrong or
/// missing.
///
/// Brokers lag behind each other, so an answer that lacks a topic we know does not delete it at once, and a
/// leader epoch never goes back while the topic id stays the same.
class Metadata {
 public:
  struct Options {
    std::vector<protocol::NodeId> bootstrap;  ///< -1, -2, ...
    std::chrono::milliseconds request_timeout{30'000};
    Duration max_age = std::chrono::minutes(5);
    Duration retry_backoff = std::chrono::milliseconds(100);
    Duration retry_backoff_max = std::chrono::seconds(1);
    Duration missing_grace = std::chrono::seconds(10);  ///< how long a topic may be missing before it is gone
  };

  struct PartitionInfo {
    protocol::NodeId leader = -1;  ///< -1: none at the moment
    std::int32_t leader_epoch = -1;
  };

  struct Topic {
    protocol::Uuid id;            ///< zero: the broker has no topic ids
    std::int16_t error_code = 0;  ///< of the last answer
    std::vector<PartitionInfo> partitions;
    std::optional<TimePoint> missing_since;
  };

  Metadata(Options options, std::uint64_t seed);

  /// The topics to ask for. A new one is asked for at once.
  void want_topics(std::vector<std::string> topics);
  /// Something in the cluster is not where we thought. Coalesced, with back-off.
  void request_refresh();

  void poll(TimePoint now, Outbox& outbox);
  bool on_reply(const protocol::Reply& reply, TimePoint now);
  bool on_failure(const protocol::Failure& failure, TimePoint now);

  /// Nothing known about it yet: null.
  [[nodiscard]] const Topic* topic(const std::string& name) const;
  [[nodiscard]] std::optional<PartitionInfo> partition(const TopicPartition& tp) const;
  /// Empty when the id is unknown.
  [[nodiscard]] std::string name_of(const protocol::Uuid& id) const;
  /// Zero when unknown.
  [[nodiscard]] protocol::Uuid id_of(const std::string& name) const;
  [[nodiscard]] PartitionCounts counts() const;

  /// Brokers that can be asked anything: known ones, then the bootstrap addresses.
  [[nodiscard]] std::vector<protocol::NodeId> candidates() const;

  /// Broker addresses of the newest answer, once.
  [[nodiscard]] std::optional<std::vector<protocol::BrokerAddress>> take_addresses();

  /// An answer has come at least once.
  [[nodiscard]] bool known() const { return known_; }
  /// Grows with every answer.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// Why the last attempts failed; nothing when the last one did not.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  void take(const protocol::MetadataResponse& response, TimePoint now);
  void take_topic(const protocol::MetadataResponse::MetadataResponseTopic& topic, TimePoint now);
  void note_missing(Topic& topic, std::int16_t code, TimePoint now);
  void retry_later(TimePoint now);
  [[nodiscard]] bool complete() const;

  Options options_;
  Random random_;
  Backoff backoff_;
  std::vector<std::string> wanted_;  ///< sorted
  std::map<std::string, Topic> topics_;
  std::map<protocol::Uuid, std::string> names_;
  std::vector<protocol::NodeId> brokers_;
  std::optional<std::vector<protocol::BrokerAddress>> addresses_;
  std::optional<protocol::RequestId> in_flight_;
  TimePoint next_at_ = TimePoint::min();
  TimePoint not_before_ = TimePoint::min();
  std::size_t next_candidate_ = 0;
  std::uint64_t version_ = 0;
  bool known_ = false;
  bool changed_while_in_flight_ = false;
  std::optional<std::string> error_;
};

}  // namespace sluice::core
