#include "tests/simulation/cluster.hpp"

#include "tests/simulation/error_codes.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

// Brokers, leaders, metadata and logs; the group is in cluster_group.cpp.
namespace sluice::simulation {

using protocol::ApiKey;
using protocol::KafkaError;

namespace {

constexpr Duration kTick = milliseconds(250);
constexpr std::int16_t kFetchById = 13;
constexpr std::size_t kChecksumBegin = 17;  // in a record batch
constexpr std::int16_t kMetadataWithIds = 10;

std::int16_t code(KafkaError error) { return static_cast<std::int16_t>(error); }

}  // namespace

Cluster::Cluster(const Settings& settings, Scheduler& scheduler, Trace& trace, Dice dice)
    : settings_(settings),
      scheduler_(scheduler),
      trace_(trace),
      dice_(dice),
      history_([this](const TopicPartition& tp) -> const PartitionLog& { return log(tp); }),
      error_rate_(settings.faults.error),
      corrupt_rate_(settings.faults.corrupt) {
  for (int i = 0; i < settings_.brokers; ++i) {
    Node node;
    node.metadata_lag = dice_.duration(Duration{}, settings_.metadata_lag_max);
    for (const protocol::ApiInfo& api : protocol::kApis) {
      const std::int16_t top = api.spoken.max;
      node.versions[api.key] =
          settings_.mixed_versions ? static_cast<std::int16_t>(dice_.between(api.spoken.min, top)) : top;
    }
    nodes_.push_back(std::move(node));
  }
  for (std::size_t t = 0; t < settings_.partitions.size(); ++t) {
    const std::string name = "t" + std::to_string(t);
    protocol::Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(dice_.between(1, 255));
    topics_[name] = id;
    for (int p = 0; p < settings_.partitions[t]; ++p) {
      const TopicPartition tp{name, p};
      PartitionState partition(last_log_++, settings_.isolation);
      partition.leaders.push_back({scheduler_.now(), static_cast<int>(dice_.between(0, brokers() - 1)), 0});
      states_.emplace(tp, std::move(partition));
      all_.push_back(tp);
      if (!dice_.chance(settings_.foreign_metadata)) continue;
      offsets_[tp] = {0, -1, kForeignText};
      foreign_.insert(tp);
      history_.committed(tp, 0);
    }
  }
  if (settings_.dead_letters) {
    protocol::Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(dice_.between(1, 255));
    topics_[kDeadTopic] = id;
    for (int p = 0; p < settings_.dead_partitions; ++p) {
      const TopicPartition tp{kDeadTopic, p};
      PartitionState partition(last_log_++, settings_.isolation);
      partition.leaders.push_back({scheduler_.now(), static_cast<int>(dice_.between(0, brokers() - 1)), 0});
      states_.emplace(tp, std::move(partition));
      all_dead_.push_back(tp);
      dead_[tp];
    }
  }
  coordinator_node_ = static_cast<int>(dice_.between(0, brokers() - 1));
  tick();
}

void Cluster::tick() {
  group_.tick(scheduler_.now());
  flush_group();
  scheduler_.after(kTick, [this] { tick(); });
}

void Cluster::answer(const Call& call, protocol::AnyResponse response) {
  on_answer_(call.client, call.id, {std::move(response), nullptr});
}

std::optional<std::int16_t> Cluster::injected(ApiKey api) {
  if (!dice_.chance(error_rate_)) return std::nullopt;
  ++errors_given_;
  return code(dice_.pick(passing_errors(api)));
}

void Cluster::handle(const Call& call) {
  std::visit(
      [&](const auto& request) {
        using R = std::decay_t<decltype(request)>;
        if constexpr (std::is_same_v<R, protocol::MetadataRequest>) {
          on_metadata(call, request);
        } else if constexpr (std::is_same_v<R, protocol::FindCoordinatorRequest>) {
          on_find(call, request);
        } else if constexpr (std::is_same_v<R, protocol::ListOffsetsRequest>) {
          on_list(call, request);
        } else if constexpr (std::is_same_v<R, protocol::OffsetCommitRequest>) {
          on_commit(call, request);
        } else if constexpr (std::is_same_v<R, protocol::OffsetFetchRequest>) {
          on_offsets(call, request);
        } else if constexpr (std::is_same_v<R, protocol::FetchRequest>) {
          on_fetch(call, request);
        } else if constexpr (std::is_same_v<R, protocol::ProduceRequest>) {
          on_produce(call, request);
        } else if constexpr (std::is_same_v<R, protocol::InitProducerIdRequest>) {
          on_init_producer(call);
        } else {
          on_group(call);
        }
      },
      call.request);
}

void Cluster::forget(int client, protocol::RequestId id) {
  parked_.remove_if(
      [&](const ParkedFetch& each) { return each.call.client == client && each.call.id == id; });
}

void Cluster::stop_broker(int node) {
  nodes_[static_cast<std::size_t>(node)].up = false;
  parked_.remove_if([&](const ParkedFetch& each) { return each.call.node == node; });
}

void Cluster::start_broker(int node) { nodes_[static_cast<std::size_t>(node)].up = true; }

std::size_t Cluster::largest_batch() const {
  std::size_t largest = largest_gone_;
  for (const auto& [tp, partition] : states_) largest = std::max(largest, partition.log.largest_batch());
  return largest;
}

int Cluster::produce(const TopicPartition& tp, int records_max) {
  PartitionState& partition = state(tp);
  const auto timestamp = 1'700'000'000'000 + scheduler_.now().time_since_epoch() / milliseconds(1);
  const int count = partition.log.produce(settings_, std::min(records_max, settings_.batch_records_max),
                                          partition.leaders.back().epoch, timestamp, dice_);
  wake_fetches();
  return count;
}

void Cluster::end_transactions() {
  const auto timestamp = 1'700'000'000'000 + scheduler_.now().time_since_epoch() / milliseconds(1);
  for (auto& [tp, partition] : states_) {
    partition.log.end_transactions(partition.leaders.back().epoch, timestamp, dice_);
  }
  wake_fetches();
}

void Cluster::delete_records(const TopicPartition& tp, Offset below) {
  state(tp).log.delete_below(std::min(below, state(tp).log.stable_end()));
}

const PartitionLog& Cluster::log(const TopicPartition& tp, const protocol::Uuid& id) const {
  const PartitionState& partition = state(tp);
  const auto former = partition.former.find(id);
  return former == partition.former.end() ? partition.log : former->second;
}

void Cluster::recreate(const std::string& topic) {
  largest_gone_ = largest_batch();  // answers with its batches may still be on their way
  protocol::Uuid& id = topics_.at(topic);
  deleted_[topic] = {id, scheduler_.now()};
  for (const TopicPartition& tp : all_) {
    if (tp.topic != topic) continue;
    PartitionState& partition = state(tp);
    partition.former.emplace(id,
                             std::exchange(partition.log, PartitionLog(last_log_++, settings_.isolation)));
    offsets_.erase(tp);
    foreign_.erase(tp);
    history_.recreated(tp);
  }
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(dice_.between(1, 255));
  trace_.add(scheduler_.now(), -1, "topic recreated", topic.back());
  wake_fetches();
}

void Cluster::move_leader(const TopicPartition& tp, int node) {
  PartitionState& partition = state(tp);
  partition.leaders.push_back({scheduler_.now(), node, partition.leaders.back().epoch + 1});
  wake_fetches();
}

void Cluster::settle_leaders() {
  std::vector<int> up;
  for (int i = 0; i < brokers(); ++i) {
    if (is_up(i)) up.push_back(i);
  }
  if (up.empty()) return;
  for (auto& [tp, partition] : states_) {
    const int leader = partition.leaders.back().leader;
    if (leader < 0 || !is_up(leader)) move_leader(tp, dice_.pick(up));
  }
}

/// Brokers hear of a new leader one after the other, the new leader itself at once.
const Cluster::Leadership& Cluster::leader_as_seen(const PartitionState& partition, int node) const {
  const TimePoint horizon = scheduler_.now() - nodes_[static_cast<std::size_t>(node)].metadata_lag;
  for (auto it = partition.leaders.rbegin(); it != partition.leaders.rend(); ++it) {
    if (it->since <= horizon || it->leader == node) return *it;
  }
  return partition.leaders.front();
}

std::int16_t Cluster::check_leader(const TopicPartition& tp, int node, std::int32_t epoch) const {
  const auto found = states_.find(tp);
  if (found == states_.end()) return code(KafkaError::kUnknownTopicOrPartition);
  const Leadership& now = found->second.leaders.back();
  if (epoch >= 0 && epoch < now.epoch) return code(KafkaError::kFencedLeaderEpoch);
  if (epoch > now.epoch) return code(KafkaError::kUnknownLeaderEpoch);
  if (now.leader != node) return code(KafkaError::kNotLeaderOrFollower);
  return 0;
}

const std::string* Cluster::name_of(const protocol::Uuid& id) const {
  for (const auto& [name, known] : topics_) {
    if (known == id) return &name;
  }
  return nullptr;
}

void Cluster::on_metadata(const Call& call, const protocol::MetadataRequest& request) {
  protocol::MetadataResponse response;
  for (int i = 0; i < brokers(); ++i) {
    if (is_up(i)) response.brokers.push_back({i, "broker" + std::to_string(i), 9092, std::nullopt});
  }
  response.controller_id = 0;
  response.cluster_id = "simulated";
  for (const auto& wanted :
       request.topics.value_or(std::vector<protocol::MetadataRequest::MetadataRequestTopic>{})) {
    protocol::MetadataResponse::MetadataResponseTopic topic;
    topic.name = wanted.name;
    const auto known = topics_.find(wanted.name.value_or(""));
    const auto error = injected(ApiKey::kMetadata);
    if (error || known == topics_.end()) {
      topic.error_code = error.value_or(code(KafkaError::kUnknownTopicOrPartition));
      response.topics.push_back(std::move(topic));
      continue;
    }
    if (call.version >= kMetadataWithIds) {
      topic.topic_id = known->second;
      // Brokers hear of this one after the other, too.
      const auto former = deleted_.find(known->first);
      const Duration lag = nodes_[static_cast<std::size_t>(call.node)].metadata_lag;
      if (former != deleted_.end() && former->second.second > scheduler_.now() - lag)
        topic.topic_id = former->second.first;
    }
    for (auto it = states_.lower_bound({known->first, 0});
         it != states_.end() && it->first.topic == known->first; ++it) {
      const TopicPartition& tp = it->first;
      const Leadership& leader = leader_as_seen(it->second, call.node);
      protocol::MetadataResponse::MetadataResponsePartition partition;
      partition.partition_index = tp.partition;
      partition.leader_id = leader.leader;
      partition.leader_epoch = leader.epoch;
      if (leader.leader < 0) partition.error_code = code(KafkaError::kLeaderNotAvailable);
      topic.partitions.push_back(std::move(partition));
    }
    response.topics.push_back(std::move(topic));
  }
  answer(call, std::move(response));
}

void Cluster::on_list(const Call& call, const protocol::ListOffsetsRequest& request) {
  protocol::ListOffsetsResponse response;
  for (const auto& wanted : request.topics) {
    protocol::ListOffsetsResponse::ListOffsetsTopicResponse topic;
    topic.name = wanted.name;
    for (const auto& each : wanted.partitions) {
      const TopicPartition tp{wanted.name, each.partition_index};
      protocol::ListOffsetsResponse::ListOffsetsPartitionResponse partition;
      partition.partition_index = each.partition_index;
      partition.error_code = check_leader(tp, call.node, each.current_leader_epoch);
      if (const auto error = injected(ApiKey::kListOffsets)) partition.error_code = *error;
      if (partition.error_code == 0) {
        const PartitionLog& log = state(tp).log;
        partition.leader_epoch = state(tp).leaders.back().epoch;
        partition.offset = each.timestamp == -2 ? log.start() : log.visible_end();
        if (each.timestamp >= 0) {
          partition.offset = log.not_older(each.timestamp);
          if (partition.offset >= log.visible_end()) partition.offset = -1;
        }
      }
      topic.partitions.push_back(partition);
    }
    response.topics.push_back(std::move(topic));
  }
  answer(call, std::move(response));
}

void Cluster::on_fetch(const Call& call, const protocol::FetchRequest& request) {
  if (try_fetch(call, request, request.max_wait_ms <= 0)) return;
  const std::uint64_t serial = ++parked_serial_;
  parked_.push_back({call, scheduler_.now() + milliseconds(request.max_wait_ms), serial});
  scheduler_.after(milliseconds(request.max_wait_ms), [this, serial] {
    const auto it = std::find_if(parked_.begin(), parked_.end(),
                                 [&](const ParkedFetch& each) { return each.serial == serial; });
    if (it == parked_.end()) return;
    const Call parked = std::move(it->call);
    parked_.erase(it);
    (void)try_fetch(parked, std::get<protocol::FetchRequest>(parked.request), true);
  });
}

void Cluster::wake_fetches() {
  for (auto it = parked_.begin(); it != parked_.end();) {
    const auto current = it++;
    if (!try_fetch(current->call, std::get<protocol::FetchRequest>(current->call.request), false)) continue;
    parked_.erase(current);
  }
}

/// Answers unless there is nothing to say yet.
bool Cluster::try_fetch(const Call& call, const protocol::FetchRequest& request, bool last_chance) {
  struct Place {
    std::size_t topic = 0;
    std::size_t partition = 0;
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  protocol::FetchResponse response;
  std::string records;
  std::vector<Place> places;
  bool worth = last_chance;
  for (const auto& wanted : request.topics) {
    const bool by_id = call.version >= kFetchById;
    const std::string* known = by_id ? name_of(wanted.topic_id) : &wanted.topic;
    protocol::FetchResponse::FetchableTopicResponse topic;
    if (by_id) {
      topic.topic_id = wanted.topic_id;
    } else {
      topic.topic = wanted.topic;
    }
    for (const auto& each : wanted.partitions) {
      protocol::FetchResponse::PartitionData data;
      data.partition_index = each.partition;
      data.high_watermark = -1;
      const TopicPartition tp{known == nullptr ? "" : *known, each.partition};
      data.error_code = known == nullptr ? code(KafkaError::kUnknownTopicId)
                                         : check_leader(tp, call.node, each.current_leader_epoch);
      if (last_chance || data.error_code == 0) {
        if (const auto error = injected(ApiKey::kFetch)) data.error_code = *error;
      }
      if (data.error_code == 0) {
        const PartitionLog& log = state(tp).log;
        if (each.fetch_offset < log.start() || each.fetch_offset > log.end()) {
          data.error_code = code(KafkaError::kOffsetOutOfRange);
        } else {
          data.high_watermark = log.end();
          data.last_stable_offset = log.stable_end();
          data.log_start_offset = log.start();
          const auto left = static_cast<std::size_t>(std::max<std::int64_t>(
              0, std::int64_t{request.max_bytes} - static_cast<std::int64_t>(records.size())));
          const std::size_t room = std::min(left, static_cast<std::size_t>(each.partition_max_bytes));
          PartitionLog::Slice slice = log.read(each.fetch_offset, room, records.empty());
          data.aborted_transactions->clear();
          for (const auto& [producer, first] : slice.aborted)
            data.aborted_transactions->push_back({producer, first});
          // Nothing protects the base offset and the epoch, so they stay right.
          if (slice.records.size() > kChecksumBegin && dice_.chance(corrupt_rate_)) {
            ++errors_given_;
            slice.records[kChecksumBegin + dice_.index(slice.first_size - kChecksumBegin)] ^= 0x20;
          }
          places.push_back(
              {response.responses.size(), topic.partitions.size(), records.size(), slice.records.size()});
          records += slice.records;
        }
      }
      worth = worth || data.error_code != 0;
      topic.partitions.push_back(std::move(data));
    }
    response.responses.push_back(std::move(topic));
  }
  if (!worth && static_cast<std::int64_t>(records.size()) < std::max(1, request.min_bytes)) return false;
  const auto frame = std::make_shared<const std::string>(std::move(records));
  for (const Place& place : places) {
    response.responses[place.topic].partitions[place.partition].records =
        std::string_view(*frame).substr(place.begin, place.size);
  }
  on_answer_(call.client, call.id, {std::move(response), frame});
  return true;
}

void Cluster::heal() {
  error_rate_ = 0;
  corrupt_rate_ = 0;
}

}  // namespace sluice::simulation
