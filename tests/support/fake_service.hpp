#pragma once

#include "daemon/engine/service.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

/// A batch of one slice per call of add(), from record batches as a broker stores them.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::uint64_t id = 1) { batch_->id = core::BatchId({0x1111, id}); }

  BatchBuilder& add(core::TopicPartition partition, const std::string& bytes, std::uint32_t delivery = 1) {
    auto frame = std::make_shared<const std::string>(bytes);
    core::BatchSlice slice{std::move(partition), {}};
    protocol::RecordSetReader reader(*frame);
    for (auto raw = reader.next().value(); raw; raw = reader.next().value()) {
      auto chunk = std::make_shared<core::RecordChunk>();
      chunk->frame = frame;
      chunk->batch = protocol::decode_batch(*raw, 64UL << 20U).value();
      if (!chunk->batch.owned.empty()) chunk->batch.payload = chunk->batch.owned;
      slice.segments.push_back(segment_of(std::move(chunk), delivery));
    }
    batch_->slices.push_back(std::move(slice));
    return *this;
  }

  [[nodiscard]] std::shared_ptr<core::Batch> build() { return batch_; }

 private:
  core::Segment segment_of(std::shared_ptr<const core::RecordChunk> chunk, std::uint32_t delivery) {
    core::Segment segment;
    segment.end = chunk->batch.payload.size();
    segment.first = chunk->batch.header.base_offset;
    segment.last = chunk->batch.header.last_offset;
    segment.delivery = delivery;
    protocol::RecordCursor cursor(chunk->batch.header, chunk->batch.payload);
    for (protocol::Record record; cursor.next(record);) {
      ++segment.records;
      batch_->payload_bytes += static_cast<std::int64_t>(record.payload_bytes);
    }
    batch_->records += segment.records;
    segment.chunk = std::move(chunk);
    return segment;
  }

  std::shared_ptr<core::Batch> batch_ = std::make_shared<core::Batch>();
};

/// A consumer that does what the test says, and remembers what it was asked.
class FakeHost final : public engine::ConsumerHost {
 public:
  FakeHost(boost::asio::io_context& io, std::string host_name) : io_(io), name_(std::move(host_name)) {
    defaults.wait = std::chrono::seconds(5);
    defaults.lease = std::chrono::seconds(30);
    state.group_id = "group-of-" + name_;
    state.state = "stable";
    state.protocol = "classic";
  }

  // What the test sets.
  core::FetchSpec defaults;
  std::vector<std::string> read_topics{"orders"};
  std::optional<core::FetchResult> answer;  ///< of every fetch, at once; otherwise a fetch waits for finish()
  bool full = false;                        ///< too many fetches wait
  core::AckResult ack_result;
  core::CommitOutcome commit_outcome = core::CommitOutcome::kCommitted;
  bool commit_hangs = false;  ///< wait_committed() ends with stop_waiting() only
  bool has_letters = true;
  bool every_ack = true;
  tl::expected<core::SeekResult, std::string> seek_result;
  std::vector<core::PartitionProgress> commit_offsets;
  std::uint64_t commit_ticket = 0;
  core::EventLog log{core::EventLog::kMax};
  core::LeaseResult lease_result;
  std::map<core::BatchId, std::shared_ptr<const core::Batch>> open;
  core::ConsumerStatus state;
  core::ConsumerStats counters;

  // What it was asked.
  std::vector<core::FetchSpec> fetches;
  std::vector<std::shared_ptr<engine::FetchCall>> waiting;
  int cancelled = 0;
  std::vector<core::BatchId> undelivered;
  std::vector<std::pair<core::BatchId, core::AckSpec>> acks;
  std::vector<std::uint64_t> commit_waits;
  std::vector<std::pair<core::BatchId, core::Duration>> extended;
  std::vector<std::pair<core::BatchId, std::optional<core::Duration>>> released;
  std::vector<std::uint64_t> stopped_waits;
  std::vector<core::Scope> paused;
  std::vector<core::Scope> resumed;
  std::vector<std::pair<core::Scope, core::SeekTarget>> seeks;
  int commits = 0;
  std::vector<std::shared_ptr<engine::EventsCall>> event_waits;  ///< still waiting or ended
  int cancelled_events = 0;

  [[nodiscard]] const std::string& name() const override { return name_; }

  [[nodiscard]] std::shared_ptr<engine::FetchCall> start_fetch(core::FetchSpec spec) override {
    if (full) return nullptr;
    auto call = std::make_shared<engine::FetchCall>(io_.get_executor(), fetches.size());
    if (answer) {
      core::FetchResult result = *answer;
      result.used = spec;
      call->finish(std::move(result));
    } else {
      waiting.push_back(call);
    }
    fetches.push_back(std::move(spec));
    return call;
  }
  void cancel_fetch(const std::shared_ptr<engine::FetchCall>& call) override {
    ++cancelled;
    call->finish(std::nullopt);
  }
  void not_delivered(core::BatchId id) override { undelivered.push_back(id); }
  [[nodiscard]] core::AckResult ack(core::BatchId id, const core::AckSpec& spec) override {
    acks.emplace_back(id, spec);
    return ack_result;
  }
  boost::asio::awaitable<core::CommitOutcome> wait_committed(std::uint64_t ticket) override {
    commit_waits.push_back(ticket);
    if (commit_hangs) co_await hang_.wait();
    co_return commit_outcome;
  }
  void stop_waiting(std::uint64_t ticket) override {
    stopped_waits.push_back(ticket);
    hang_.set();
  }
  void refresh(std::vector<core::PartitionProgress>& offsets) const override {
    for (core::PartitionProgress& progress : offsets) progress.committed = progress.acked_through + 1;
  }
  [[nodiscard]] core::LeaseResult extend(core::BatchId id, core::Duration lease) override {
    extended.emplace_back(id, lease);
    return lease_result;
  }
  [[nodiscard]] core::LeaseResult release(core::BatchId id, std::optional<core::Duration> delay) override {
    released.emplace_back(id, delay);
    return lease_result;
  }
  void pause(const core::Scope& scope) override {
    paused.push_back(scope);
    state.paused = state.paused || scope.is_all();
    for (core::PartitionStatus& each : state.partitions)
      each.paused = each.paused || (!scope.is_all() && scope.covers(each.partition));
  }
  void resume(const core::Scope& scope) override {
    resumed.push_back(scope);
    state.paused = state.paused && !scope.is_all();
    for (core::PartitionStatus& each : state.partitions)
      each.paused = each.paused && !scope.covers(each.partition);
  }
  [[nodiscard]] tl::expected<core::SeekResult, std::string> seek(const core::Scope& scope,
                                                                 const core::SeekTarget& target) override {
    seeks.emplace_back(scope, target);
    return seek_result;
  }
  [[nodiscard]] std::uint64_t commit(std::vector<core::PartitionProgress>& offsets) override {
    ++commits;
    offsets = commit_offsets;
    return commit_ticket;
  }
  [[nodiscard]] const core::EventLog& events() const override { return log; }
  boost::asio::awaitable<void> wait_events(std::shared_ptr<engine::EventsCall> call,
                                           core::Duration wait) override {
    event_waits.push_back(call);
    call->timer().expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait));
    boost::system::error_code ignored;
    co_await call->timer().async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
  void cancel_events(const std::shared_ptr<engine::EventsCall>& call) override {
    ++cancelled_events;
    call->cancel();
  }
  [[nodiscard]] bool has_dead_letter_topic() const override { return has_letters; }
  [[nodiscard]] bool commits_every_ack() const override { return every_ack; }
  [[nodiscard]] std::shared_ptr<const core::Batch> open_batch(core::BatchId id) const override {
    const auto it = open.find(id);
    return it == open.end() ? nullptr : it->second;
  }
  [[nodiscard]] core::ConsumerStatus status() const override { return state; }
  [[nodiscard]] const core::ConsumerStats& stats() const override { return counters; }
  [[nodiscard]] const core::FetchSpec& fetch_defaults() const override { return defaults; }
  [[nodiscard]] const std::vector<std::string>& topics() const override { return read_topics; }

 private:
  boost::asio::io_context& io_;
  std::string name_;
  net::AsyncEvent hang_{io_.get_executor()};
};

/// A daemon of consumers named by the test. Its clock is the real one; its wall clock begins at
/// 2023-11-14T22:13:20Z.
class FakeService final : public engine::Service {
 public:
  static constexpr std::int64_t kWallMs = 1'700'000'000'000;

  FakeHost& add(boost::asio::io_context& io, const std::string& name) {
    return *hosts.emplace(name, std::make_unique<FakeHost>(io, name)).first->second;
  }

  std::map<std::string, std::unique_ptr<FakeHost>, std::less<>> hosts;
  bool is_draining = false;
  std::vector<engine::ProbeCheck> checks{{"api", true, {}}, {"joined", true, {}}};
  core::MemoryBudget memory{64 << 20};

  [[nodiscard]] engine::ConsumerHost* find(std::string_view name) override {
    const auto it = hosts.find(name);
    return it == hosts.end() ? nullptr : it->second.get();
  }
  [[nodiscard]] std::vector<engine::ConsumerHost*> consumers() override {
    std::vector<engine::ConsumerHost*> out;
    for (const auto& [name, host] : hosts) out.push_back(host.get());
    return out;
  }
  void drain() override { is_draining = true; }
  [[nodiscard]] bool draining() const override { return is_draining; }
  [[nodiscard]] bool drained() const override { return is_draining; }
  [[nodiscard]] std::vector<engine::ProbeCheck> startup_checks() const override { return checks; }
  [[nodiscard]] std::vector<engine::ProbeCheck> ready_checks() const override { return checks; }
  [[nodiscard]] core::MemoryBudget& budget() override { return memory; }
  [[nodiscard]] core::TimePoint now() const override {
    return core::TimePoint(std::chrono::steady_clock::now() - begin_ + std::chrono::hours(1));
  }
  [[nodiscard]] std::int64_t to_wall_ms(core::TimePoint when) const override {
    const auto since = when.time_since_epoch() - std::chrono::hours(1);
    return kWallMs + std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
  [[nodiscard]] std::string_view state() const override { return is_draining ? "draining" : "running"; }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::testing
