#pragma once

#include "daemon/core/consumer.hpp"
#include "tests/support/fake_coordinator.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

/// One broker that leads every partition of topic "t" and coordinates the group. Speaks structs.
class SmallCluster {
 public:
  explicit SmallCluster(PartitionId partitions) {
    for (PartitionId p = 0; p < partitions; ++p) logs_[p] = {};
  }

  /// As after a deletion and a new creation.
  void recreate() {
    ++topic_id;
    for (auto& [p, log] : logs_) log = {};
    committed.clear();
    committed_metadata.clear();
  }
  void produce(PartitionId partition, int count) {
    Log& log = logs_.at(partition);
    std::string batch = sluice::testing::simple_batch(log.end, count, 5);
    log.end += count;
    log.batches.emplace_back(log.end, std::move(batch));
  }
  void handle(int client, const protocol::Outgoing& request, TimePoint now) {
    if (const auto* fetch = std::get_if<protocol::FetchRequest>(&request.request)) {
      parked_.push_back({client, request, *fetch, now + std::chrono::milliseconds(fetch->max_wait_ms)});
    } else if (std::holds_alternative<protocol::MetadataRequest>(request.request)) {
      answer(client, request, metadata());
    } else if (std::holds_alternative<protocol::FindCoordinatorRequest>(request.request)) {
      protocol::FindCoordinatorResponse response;
      response.coordinators.push_back({"g", 1, "broker", 9092, 0, std::nullopt});
      answer(client, request, std::move(response));
    } else if (const auto* offsets = std::get_if<protocol::OffsetFetchRequest>(&request.request)) {
      answer(client, request, committed_offsets(*offsets));
    } else if (const auto* commit = std::get_if<protocol::OffsetCommitRequest>(&request.request)) {
      answer(client, request, commit_offsets(*commit));
    } else if (const auto* list = std::get_if<protocol::ListOffsetsRequest>(&request.request)) {
      answer(client, request, list_offsets(*list));
    } else {
      group.handle(client, request, now);
    }
  }
  void tick(TimePoint now) {
    group.tick(now);
    for (auto& each : group.take_answers()) answers_.push_back(std::move(each));
    std::vector<Parked> waiting;
    for (Parked& each : std::exchange(parked_, {})) {
      if (each.until <= now || has_data(each.fetch)) {
        answer_fetch(each);
      } else {
        waiting.push_back(std::move(each));
      }
    }
    for (Parked& each : waiting) parked_.push_back(std::move(each));
  }
  [[nodiscard]] std::vector<test::FakeCoordinator::Answer> take_answers() {
    return std::exchange(answers_, {});
  }

  test::FakeCoordinator group;
  std::map<PartitionId, Offset> committed;
  std::map<PartitionId, std::string> committed_metadata;
  std::uint8_t topic_id = 1;  ///< another one: the topic was deleted and created again
  std::vector<protocol::OffsetCommitRequest> commits;  ///< every one that came
  std::optional<protocol::KafkaError> commit_error;
  bool drops_commits = false;  ///< never answers them

 private:
  struct Log {
    std::vector<std::pair<Offset, std::string>> batches;  ///< with the offset behind the last record
    Offset end = 0;
  };
  struct Parked {
    int client = 0;
    protocol::Outgoing request;
    protocol::FetchRequest fetch;
    TimePoint until;
  };

  void answer(int client,
              const protocol::Outgoing& request,
              protocol::AnyResponse response,
              std::shared_ptr<const std::string> frame = {}) {
    if (drops_commits && std::holds_alternative<protocol::OffsetCommitResponse>(response)) return;
    answers_.push_back({client, {request.id, 1, 12, std::move(response), std::move(frame)}});
  }
  [[nodiscard]] protocol::MetadataResponse metadata() const {
    protocol::MetadataResponse response;
    response.brokers.push_back({1, "broker", 9092, std::nullopt});
    response.topics.emplace_back();
    response.topics[0].name = "t";
    response.topics[0].topic_id.bytes[0] = topic_id;
    for (const auto& [p, log] : logs_) {
      protocol::MetadataResponse::MetadataResponsePartition partition;
      partition.partition_index = p;
      partition.leader_id = 1;
      partition.leader_epoch = 5;
      response.topics[0].partitions.push_back(partition);
    }
    return response;
  }
  [[nodiscard]] protocol::OffsetFetchResponse committed_offsets(
      const protocol::OffsetFetchRequest& request) const {
    protocol::OffsetFetchResponse response;
    response.groups.emplace_back();
    response.groups[0].topics.emplace_back();
    response.groups[0].topics[0].name = "t";
    for (const PartitionId p : request.groups.at(0).topics->at(0).partition_indexes) {
      const auto known = committed.find(p);
      response.groups[0].topics[0].partitions.push_back(
          {p, known == committed.end() ? -1 : known->second, 5, metadata_of(p), 0});
    }
    return response;
  }
  [[nodiscard]] std::string metadata_of(PartitionId partition) const {
    const auto it = committed_metadata.find(partition);
    return it == committed_metadata.end() ? "" : it->second;
  }
  [[nodiscard]] protocol::OffsetCommitResponse commit_offsets(const protocol::OffsetCommitRequest& request) {
    commits.push_back(request);
    protocol::OffsetCommitResponse response;
    response.topics.emplace_back();
    response.topics[0].name = "t";
    for (const auto& each : request.topics.at(0).partitions) {
      if (!commit_error) {
        committed[each.partition_index] = each.committed_offset;
        committed_metadata[each.partition_index] = each.committed_metadata.value_or("");
      }
      response.topics[0].partitions.push_back(
          {each.partition_index, commit_error ? static_cast<std::int16_t>(*commit_error) : std::int16_t{0}});
    }
    return response;
  }
  [[nodiscard]] protocol::ListOffsetsResponse list_offsets(
      const protocol::ListOffsetsRequest& request) const {
    protocol::ListOffsetsResponse response;
    response.topics.emplace_back();
    response.topics[0].name = "t";
    for (const auto& each : request.topics.at(0).partitions) {
      response.topics[0].partitions.push_back(
          {each.partition_index, 0, -1, offset_for(each.timestamp, logs_.at(each.partition_index).end), 5});
    }
    return response;
  }
  /// Record n has the time 1000 + n.
  static Offset offset_for(std::int64_t timestamp, Offset end) {
    if (timestamp == -1) return end;
    if (timestamp == -2) return 0;
    const Offset offset = std::max<Offset>(0, timestamp - 1000);
    return offset < end ? offset : -1;
  }
  [[nodiscard]] bool has_data(const protocol::FetchRequest& request) const {
    const auto& asked = request.topics.at(0).partitions;
    return std::any_of(asked.begin(), asked.end(),
                       [&](const auto& each) { return each.fetch_offset < logs_.at(each.partition).end; });
  }
  void answer_fetch(const Parked& parked) {
    auto frame = std::make_shared<std::string>();
    std::vector<std::pair<std::size_t, std::size_t>> pieces;
    for (const auto& each : parked.fetch.topics.at(0).partitions) {
      const std::size_t begin = frame->size();
      for (const auto& [behind, bytes] : logs_.at(each.partition).batches) {
        if (behind > each.fetch_offset) *frame += bytes;
      }
      pieces.emplace_back(begin, frame->size() - begin);
    }
    protocol::FetchResponse response;
    response.responses.emplace_back();
    response.responses[0].topic = "t";
    std::size_t i = 0;
    for (const auto& each : parked.fetch.topics.at(0).partitions) {
      protocol::FetchResponse::PartitionData data;
      data.partition_index = each.partition;
      data.high_watermark = logs_.at(each.partition).end;
      data.log_start_offset = 0;
      data.records = std::string_view(*frame).substr(pieces[i].first, pieces[i].second);
      response.responses[0].partitions.push_back(std::move(data));
      ++i;
    }
    answer(parked.client, parked.request, std::move(response), frame);
  }

  std::map<PartitionId, Log> logs_;
  std::vector<Parked> parked_;
  std::vector<test::FakeCoordinator::Answer> answers_;
};

/// One consumer of the cluster and what its application sees.
struct Member {
  Member(int number, const Consumer::Options& options)
      : client(number),
        consumer(std::make_unique<Consumer>(options, *budget, static_cast<std::uint64_t>(number))) {}

  int client;
  std::unique_ptr<MemoryBudget> budget = std::make_unique<MemoryBudget>(64 << 20);
  std::unique_ptr<Consumer> consumer;
  std::map<std::uint64_t, FetchResult> fetched;
  std::map<std::uint64_t, CommitOutcome> committed;
};

/// Members, the cluster, and the time between them.
struct ConsumerDialogue {
  explicit ConsumerDialogue(PartitionId partitions = 1, std::vector<Assignor> strategies = {Assignor::kRange})
      : cluster(partitions) {
    options.membership.group_id = "g";
    options.membership.topics = {"t"};
    options.membership.strategies = std::move(strategies);
    options.metadata.bootstrap = {-1};
    options.coordinator.group_id = "g";
    options.committed_offsets.group_id = "g";
    options.commit.group_id = "g";
  }

  Member& join() {
    members.push_back(std::make_unique<Member>(static_cast<int>(members.size()), options));
    settle();
    return *members.back();
  }

  /// Carries requests and answers to and fro until nobody has anything to say at this moment.
  void settle() {
    for (int round = 0; round < 200; ++round) {
      bool busy = false;
      for (auto& member : members) {
        member->consumer->turn(now, 0);
        member->consumer->check_invariants();
        (void)member->consumer->outbox().take_lines();
        for (auto& request : member->consumer->outbox().take_requests()) {
          busy = true;
          cluster.handle(member->client, request, now);
        }
        for (auto& done : member->consumer->take_fetches())
          member->fetched[done.ticket] = std::move(done.result);
        for (auto& done : member->consumer->take_commits()) member->committed[done.ticket] = done.outcome;
      }
      cluster.tick(now);
      for (auto& answer : cluster.take_answers()) {
        busy = true;
        members.at(static_cast<std::size_t>(answer.client))
            ->consumer->on_reply(std::move(answer.reply), now, 0);
      }
      if (!busy) return;
    }
    ADD_FAILURE() << "they never stop talking";
  }
  void advance(Duration by) {
    const TimePoint until = now + by;
    while (now < until) {
      now = std::min(until, now + std::chrono::milliseconds(100));
      settle();
    }
  }

  FetchResult fetch(Member& member, FetchSpec spec) {
    const std::uint64_t ticket = member.consumer->start_fetch(std::move(spec), now, 0);
    settle();
    const auto it = member.fetched.find(ticket);
    if (it != member.fetched.end()) return it->second;
    advance(std::chrono::milliseconds(600));
    EXPECT_TRUE(member.fetched.count(ticket) == 1) << "no answer";
    return member.fetched[ticket];
  }
  FetchResult fetch(Member& member, std::int32_t max_records = 100) {
    FetchSpec spec;
    spec.max_records = max_records;
    spec.max_bytes = -1;
    spec.wait = std::chrono::milliseconds(500);
    spec.lease = std::chrono::seconds(600);
    return fetch(member, spec);
  }
  AckResult ack(Member& member, BatchId id, const AckSpec& spec = {}) {
    AckResult result = member.consumer->ack(id, spec, now);
    return result;
  }

  SmallCluster cluster;
  Consumer::Options options;
  std::vector<std::unique_ptr<Member>> members;
  TimePoint now{std::chrono::seconds(1000)};
};

}  // namespace sluice::core
