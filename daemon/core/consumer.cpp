#include "daemon/core/consumer.hpp"

#include "daemon/core/assert.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace sluice::core {

using protocol::KafkaError;

namespace {

// Membership and delivery settle in a few rounds; more would mean that they feed each other.
constexpr int kRoundsMax = 4;

}  // namespace

Consumer::Consumer(Options options, MemoryBudget& budget, std::uint64_t seed)
    : options_(std::move(options)),
      budget_(budget),
      random_(seed),
      metadata_(options_.metadata, random_.next()),
      coordinator_(options_.coordinator, random_.next()),
      membership_(options_.membership, random_.next()),
      committed_offsets_(options_.committed_offsets, random_.next()),
      list_offsets_(options_.list_offsets, random_.next()),
      fetcher_(options_.fetch, random_.next()),
      committer_(options_.commit, random_.next()),
      leases_(random_.next()),
      delivery_(options_.delivery, partitions_, leases_, budget_, stats_) {
  leases_.set_id_source(options_.batch_ids);
}

void Consumer::turn(TimePoint now, std::int64_t wall_ms) {
  SLUICE_ASSERT(now >= now_);
  now_ = now;
  outbox_.begin_turn();
  poll_membership(now);
  leases_.expire(now, partitions_,
                 [&](const LeaseTable::Lease&, const TopicPartition& tp, std::int64_t records) {
                   stats_.topics[tp.topic].lease_expirations += static_cast<std::uint64_t>(records);
                 });
  committed_offsets_.poll(now, coordinator_.node(), metadata_, partitions_, outbox_);
  list_offsets_.poll(now, metadata_, partitions_, outbox_);
  const bool joined = membership_.state() == MemberState::kStable;
  delivery_.serve(now, wall_ms, {draining_, joined}, outbox_);
  if (!draining_) fetcher_.poll(now, metadata_, partitions_, budget_, outbox_);
  std::optional<MemberIdentity> identity;
  if (membership_.may_commit()) identity = membership_.identity();
  committer_.poll(now, coordinator_.node(), identity, metadata_, partitions_, outbox_);
  outbox_.wake_at(leases_.next_deadline());
  copy_membership_stats(wall_ms);
}

/// Metadata, coordinator and membership, and what their news mean for the partitions.
void Consumer::poll_membership(TimePoint now) {
  for (int round = 0; round < kRoundsMax; ++round) {
    metadata_.want_topics(membership_.topics_to_know());
    metadata_.poll(now, outbox_);
    if (metadata_.version() != metadata_seen_) {
      metadata_seen_ = metadata_.version();
      membership_.set_partition_counts(metadata_.counts(), now);
    }
    if (auto learned = metadata_.take_addresses()) addresses_ = std::move(*learned);
    const std::vector<protocol::NodeId> candidates = metadata_.candidates();
    // Before anything is sent: what just failed there must not be tried there again.
    if (const auto lost = membership_.take_coordinator_lost())
      coordinator_.lost(lost->node, lost->reason, now);
    coordinator_.poll(now, candidates, outbox_);
    membership_.poll(now, coordinator_.node(), committer_.in_flight(), outbox_);
    const bool news = handle_membership_events();
    const bool waiting = revoke_by_.has_value();
    finish_revoking(now);
    if (!news && waiting == revoke_by_.has_value()) break;
  }
  if (revoke_by_) outbox_.wake_at(*revoke_by_);
}

bool Consumer::handle_membership_events() {
  const std::vector<MembershipEvent> events = membership_.take_events();
  for (const MembershipEvent& event : events) {
    std::visit([&](const auto& each) { handle(each); }, event);
  }
  return !events.empty();
}

/// After a stop of the process (SIGSTOP, a suspended host) an application may be the first to be heard. What
/// the group has given to others meanwhile must be lost before it can be acked.
void Consumer::look_at_clock(TimePoint now) {
  now_ = std::max(now_, now);
  membership_.look_at_clock(now);
  handle_membership_events();
}

void Consumer::handle(const PartitionsAssigned& event) {
  revoke_by_.reset();
  const std::vector<TopicPartition> sorted_all = [&] {
    auto all = event.all;
    std::sort(all.begin(), all.end());
    return all;
  }();
  std::vector<TopicPartition> gone;
  for (auto& [tp, partition] : partitions_) {
    if (!std::binary_search(sorted_all.begin(), sorted_all.end(), tp)) gone.push_back(tp);
    partition.revoking = false;
  }
  for (const TopicPartition& tp : gone) drop_partition(tp, now_);
  for (const TopicPartition& tp : event.added) {
    drop_partition(tp, now_);
    const Backoff retry(options_.metadata.retry_backoff, options_.metadata.retry_backoff_max);
    partitions_.emplace(tp, Partition(tp, ++last_incarnation_, retry));
  }
  if (rebalance_began_) {
    stats_.rebalance_seconds.observe(std::chrono::duration<double>(now_ - *rebalance_began_).count());
    rebalance_began_.reset();
  }
  outbox_.log(LogLevel::kInfo, "group " + options_.membership.group_id + ": " +
                                   std::to_string(event.all.size()) + " partitions assigned, " +
                                   std::to_string(event.added.size()) + " of them new");
}

void Consumer::handle(const PartitionsRevoking& event) {
  for (const TopicPartition& tp : event.partitions) {
    const auto it = partitions_.find(tp);
    if (it != partitions_.end()) it->second.revoking = true;
  }
  revoke_by_ = event.finish_by;
  if (!rebalance_began_) rebalance_began_ = now_;
}

void Consumer::handle(const PartitionsLost& event) {
  for (const TopicPartition& tp : event.partitions) {
    drop_partition(tp, now_);
    ++stats_.partitions_lost;
  }
  revoke_by_.reset();
  if (!rebalance_began_) rebalance_began_ = now_;
  if (!event.partitions.empty()) {
    outbox_.log(LogLevel::kWarn, "group " + options_.membership.group_id + ": lost " +
                                     std::to_string(event.partitions.size()) +
                                     " partitions: " + event.reason);
  }
}

void Consumer::drop_partition(const TopicPartition& tp, TimePoint now) {
  const auto it = partitions_.find(tp);
  if (it == partitions_.end()) return;
  const std::uint64_t incarnation = it->second.incarnation;
  partitions_.erase(it);
  leases_.forget(incarnation, partitions_, now);
}

/// Lets revoked partitions go once nothing of them is leased or uncommitted, or when the time is up.
void Consumer::finish_revoking(TimePoint now) {
  if (!revoke_by_) return;
  bool busy = false;
  for (const auto& [tp, partition] : partitions_) {
    if (!partition.revoking || !partition.ledger) continue;
    busy = busy || partition.ledger->has_leased() || partition.needs_commit();
  }
  if (busy && now < *revoke_by_) return;
  revoke_by_.reset();
  membership_.released(now);
}

void Consumer::on_reply(protocol::Reply reply, TimePoint now, std::int64_t wall_ms) {
  now_ = std::max(now_, now);
  if (membership_.on_reply(reply, now)) return;
  if (coordinator_.on_reply(reply, now)) {
    for (auto& address : coordinator_.take_learned()) addresses_.push_back(std::move(address));
    return;
  }
  if (metadata_.on_reply(reply, now)) return;
  if (fetcher_.on_reply(reply, metadata_, partitions_, stats_.topics, now, outbox_)) return;
  if (committer_.on_reply(reply, metadata_, partitions_, stats_, now, wall_ms)) {
    if (!committer_.in_flight()) commit_error_.reset();
    handle_group_errors(now);
    return;
  }
  if (committed_offsets_.on_reply(reply, metadata_, partitions_, now)) {
    handle_group_errors(now);
    return;
  }
  (void)list_offsets_.on_reply(reply, metadata_, partitions_, stats_.topics, now, outbox_);
}

void Consumer::on_failure(const protocol::Failure& failure, TimePoint now) {
  now_ = std::max(now_, now);
  if (failure.kind == protocol::FailureKind::kUnsupportedVersion)
    outbox_.log(LogLevel::kError, failure.message);
  if (membership_.on_failure(failure, now) || coordinator_.on_failure(failure, now)) return;
  if (metadata_.on_failure(failure, now) || fetcher_.on_failure(failure, metadata_, partitions_, now)) return;
  if (committer_.on_failure(failure, stats_, now) || committed_offsets_.on_failure(failure, now)) {
    handle_group_errors(now);
    return;
  }
  (void)list_offsets_.on_failure(failure, metadata_, partitions_, now);
}

/// Errors that commits and offset fetches see belong to the membership and the coordinator lookup.
void Consumer::handle_group_errors(TimePoint now) {
  const auto tell = [&](std::int16_t code, std::int32_t generation, protocol::NodeId node,
                        const std::string& text) {
    const bool lost = code == 0 || code == KafkaError::kNotCoordinator ||
                      code == KafkaError::kCoordinatorNotAvailable || code == KafkaError::kRequestTimedOut;
    if (lost) {
      coordinator_.lost(node, text, now);
    } else {
      membership_.on_commit_error(code, generation, now);
    }
  };
  if (const auto error = committer_.take_error()) {
    commit_error_ = error->message;
    tell(error->code, error->generation, error->node, error->message);
  }
  if (const auto error = committed_offsets_.take_error()) {
    tell(error->code, membership_.identity().generation, error->node, error->message);
  }
}

std::uint64_t Consumer::start_fetch(FetchSpec spec, TimePoint now, std::int64_t wall_ms) {
  stats_.last_poll_wall_ms = wall_ms;
  last_fetch_call_ = now;
  return delivery_.start(std::move(spec), now);
}

AckResult Consumer::ack(BatchId id, const AckSpec& spec, TimePoint now) {
  look_at_clock(now);
  AckResult result = leases_.ack(id, spec, partitions_, now);
  if (!result.found) {
    ++stats_.stale_acks["unknown"];
    return result;
  }
  for (const RefusedRecords& refused : result.refused) {
    if (refused.reason == Refusal::kLeaseExpired) ++stats_.stale_acks["expired"];
    if (refused.reason == Refusal::kLeaseLost) ++stats_.stale_acks["revoked"];
  }
  for (const PartitionProgress& progress : result.offsets) partitions_.at(progress.partition).free_settled();
  for (const PartitionProgress& progress : result.offsets) {
    TopicStats& topic = stats_.topics[progress.partition.topic];
    topic.acked += progress.accepted;
    topic.released += progress.released;
  }
  result.commit_ticket = committer_.ticket_for(result.offsets, partitions_, now);
  return result;
}

LeaseResult Consumer::extend(BatchId id, Duration lease, TimePoint now) {
  look_at_clock(now);
  return leases_.extend(id, lease, now);
}

LeaseResult Consumer::release(BatchId id, Duration delay, TimePoint now) {
  std::string topic;
  if (const LeaseTable::Lease* lease = leases_.find(id); lease != nullptr && !lease->parts.empty()) {
    topic = lease->parts.front().partition.topic;
  }
  LeaseResult result = leases_.release(id, delay, partitions_, now);
  if (result.released > 0) stats_.topics[topic].released += result.released;
  return result;
}

std::shared_ptr<const Batch> Consumer::open_batch(BatchId id) const {
  const LeaseTable::Lease* lease = leases_.find(id);
  return lease == nullptr || lease->state != LeaseTable::State::kOpen ? nullptr : lease->answer.batch;
}

void Consumer::refresh(std::vector<PartitionProgress>& offsets) const {
  for (PartitionProgress& progress : offsets) {
    const auto it = partitions_.find(progress.partition);
    if (it == partitions_.end() || !it->second.ledger) continue;
    progress.acked_through = it->second.ledger->watermark() - 1;
    progress.committed = it->second.committed;
  }
}

bool Consumer::settled() const {
  return leases_.open_count() == 0 && !committer_.in_flight() && !Committer::dirty(partitions_);
}

void Consumer::leave(TimePoint now) {
  draining_ = true;
  membership_.leave(now);
}

bool Consumer::gone() const {
  return membership_.state() == MemberState::kLeft || membership_.state() == MemberState::kFailed;
}

std::vector<protocol::BrokerAddress> Consumer::take_addresses() { return std::exchange(addresses_, {}); }

void Consumer::check_invariants() const {
  for (const auto& [tp, partition] : partitions_) {
    if (!partition.ledger) continue;
    partition.ledger->check_invariants();
    SLUICE_ASSERT(partition.ledger->watermark() <= partition.ledger->position());
    SLUICE_ASSERT(!partition.committed || *partition.committed <= partition.ledger->watermark());
  }
  SLUICE_ASSERT(budget_.used() >= 0);
}

}  // namespace sluice::core
