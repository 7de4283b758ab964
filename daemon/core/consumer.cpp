#include "daemon/core/consumer.hpp"

#include "daemon/core/assert.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace sluice::core {

namespace {

// Membership and delivery settle in a few rounds; more would mean that they feed each other.
constexpr int kRoundsMax = 4;

constexpr std::size_t kEventsMax = 1000;

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
      leases_(random_.next(), options_.redelivery),
      window_(options_.window),
      delivery_(options_.delivery, partitions_, leases_, window_, budget_, stats_),
      dead_letters_(options_.dead_letters, random_.next()),
      events_(kEventsMax, options_.first_event) {
  leases_.set_id_source(options_.batch_ids);
}

void Consumer::turn(TimePoint now, std::int64_t wall_ms) {
  SLUICE_ASSERT(now >= now_);
  now_ = now;
  turn_at_ = now;
  turn_wall_ms_ = wall_ms;
  outbox_.begin_turn();
  look_for_silence(now);
  poll_membership(now);
  expire_leases(now);
  committed_offsets_.poll(now, coordinator_.node(), metadata_, partitions_, outbox_);
  list_offsets_.poll(now, metadata_, partitions_, outbox_);
  const bool joined = membership_.state() == MemberState::kStable;
  delivery_.serve(now, wall_ms, {draining_, joined, pauses_.all}, outbox_);
  take_deliveries(now);
  poll_dead_letters(now);
  tell_window(now);
  read_ahead(now);
  std::optional<MemberIdentity> identity;
  if (membership_.may_commit()) identity = membership_.identity();
  if (draining_ || idle_) committer_.flush();
  committer_.poll(now, coordinator_.node(), identity, metadata_, partitions_, outbox_);
  finish_seeks(now);
  tell_errors(now);
  outbox_.wake_at(leases_.next_deadline());
  copy_membership_stats(wall_ms);
}

void Consumer::expire_leases(TimePoint now) {
  leases_.expire(now, partitions_,
                 [&](const LeaseTable::Lease& lease, const TopicPartition& tp, std::int64_t records) {
                   stats_.topics[tp.topic].lease_expirations += static_cast<std::uint64_t>(records);
                   note(EventType::kLeaseExpired, {tp},
                        "batch " + lease.id.to_string() + ": " + std::to_string(records) +
                            " records were not settled in time");
                 });
}

/// Answers of this turn: what was settled as it was handed out has to be committed before anybody sees it.
void Consumer::take_deliveries(TimePoint now) {
  for (Delivery::Done& done : delivery_.take_done()) {
    if (!done.settled.empty())
      done.result.commit_ticket = committer_.ticket_for(done.settled, partitions_, now);
    done.result.revoking = revoking();
    if (done.result.batch && !done.result.repeated) tell_unreadable(*done.result.batch);
    fetches_.push_back(std::move(done));
  }
}

void Consumer::tell_window(TimePoint now) {
  for (const LeaseTable::Ended& ended : leases_.take_ended()) {
    switch (ended.how) {
      case LeaseTable::End::kAcked:
        window_.on_acked(ended.number, now);
        break;
      case LeaseTable::End::kReleased:
        window_.on_released(ended.number);
        break;
      case LeaseTable::End::kExpired:
        window_.on_expired(ended.number);
        break;
      case LeaseTable::End::kDropped:
        window_.on_dropped(ended.number);
        break;
    }
  }
}

/// Metadata, coordinator and membership, and what their news mean for the partitions.
void Consumer::poll_membership(TimePoint now) {
  for (int round = 0; round < kRoundsMax; ++round) {
    std::vector<std::string> topics = membership_.topics_to_know();
    if (has_dead_letter_topic()) topics.push_back(options_.dead_letters.topic);
    metadata_.want_topics(std::move(topics));
    metadata_.poll(now, outbox_);
    if (metadata_.version() != metadata_seen_) {
      metadata_seen_ = metadata_.version();
      membership_.set_partition_counts(metadata_.counts(), now);
      look_at_topic_ids(now);
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
    add_partition(tp);
  }
  apply_pauses();
  if (!gone.empty()) note(EventType::kRevoked, gone, {});
  // Readers add these up and take off what is revoked or lost.
  if (!event.added.empty() || event.all.empty())
    note(EventType::kAssigned, event.added, std::to_string(event.all.size()) + " in all");
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
  Event told;
  told.wall_ms = wall_ms();
  told.type = EventType::kRevoking;
  told.partitions = event.partitions;
  told.deadline = event.finish_by;
  told.text = "settle what is leased from these; after the deadline, acks of it are refused";
  events_.add(std::move(told));
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
    note(EventType::kLost, event.partitions, event.reason);
    outbox_.log(LogLevel::kWarn, "group " + options_.membership.group_id + ": lost " +
                                     std::to_string(event.partitions.size()) +
                                     " partitions: " + event.reason);
  }
}

Partition& Consumer::add_partition(const TopicPartition& tp) {
  const Backoff retry(options_.metadata.retry_backoff, options_.metadata.retry_backoff_max);
  Partition& added =
      partitions_.emplace(tp, Partition(tp, ++last_incarnation_, retry, options_.order)).first->second;
  added.topic_id = metadata_.id_of(tp.topic);
  return added;
}

void Consumer::drop_partition(const TopicPartition& tp, TimePoint now) {
  const auto it = partitions_.find(tp);
  if (it == partitions_.end()) return;
  const std::uint64_t incarnation = it->second.incarnation;
  partitions_.erase(it);
  leases_.forget(incarnation, partitions_, now);
  dead_letters_.forget(tp, incarnation);
}

/// A topic that was deleted and created again has nothing in common with the old one but its name: leases of
/// the old one are void, its offsets mean nothing, and everything in the new one is new.
void Consumer::look_at_topic_ids(TimePoint now) {
  std::vector<TopicPartition> again;
  for (auto& [tp, partition] : partitions_) {
    const protocol::Uuid id = metadata_.id_of(tp.topic);
    // A broker that lags behind may still tell of the old one.
    if (id.is_zero() || id == partition.topic_id || id == partition.former_topic_id) continue;
    if (!partition.topic_id.is_zero()) again.push_back(tp);
    partition.former_topic_id = std::exchange(partition.topic_id, id);
  }
  for (const TopicPartition& tp : again) {
    const bool revoking = partitions_.at(tp).revoking;
    const protocol::Uuid former = partitions_.at(tp).former_topic_id;
    drop_partition(tp, now);
    Partition& fresh = add_partition(tp);
    fresh.revoking = revoking;
    fresh.former_topic_id = former;
    fresh.phase = PartitionPhase::kSeek;
    fresh.seek_timestamp = ListOffsets::kEarliest;
    fresh.moved = true;
    note(EventType::kSeeked, {tp},
         "the topic was deleted and created again; reading the new one from its beginning");
    outbox_.log(LogLevel::kWarn, to_string(tp) +
                                     ": the topic was deleted and created again; open leases of the "
                                     "old one are void, reading the new one from its beginning");
  }
  if (!again.empty()) apply_pauses();
}

/// Lets revoked partitions go once nothing of them is leased or uncommitted, or when the time is up.
void Consumer::finish_revoking(TimePoint now) {
  if (!revoke_by_) return;
  bool busy = false;
  for (const auto& [tp, partition] : partitions_) {
    if (!partition.revoking || !partition.ledger) continue;
    busy = busy || partition.ledger->has_leased() || partition.ledger->condemned() > 0 ||
           partition.needs_commit();
  }
  if (busy && now < *revoke_by_) return;
  revoke_by_.reset();
  membership_.released(now);
}

std::uint64_t Consumer::start_fetch(FetchSpec spec, TimePoint now, std::int64_t wall_ms) {
  stats_.last_poll_wall_ms = wall_ms;
  last_fetch_call_ = now;
  heard_from_application(now);
  return delivery_.start(std::move(spec), now);
}

AckResult Consumer::ack(BatchId id, const AckSpec& spec, TimePoint now) {
  look_at_clock(now);
  heard_from_application(now);
  AckResult result = leases_.ack(id, spec, partitions_, now);
  if (!result.found) {
    ++stats_.stale_acks["unknown"];
    return result;
  }
  for (const RefusedRecords& refused : result.refused) {
    if (refused.reason == Refusal::kLeaseExpired) ++stats_.stale_acks["expired"];
    if (refused.reason == Refusal::kLeaseLost) ++stats_.stale_acks["revoked"];
  }
  for (const PartitionProgress& progress : result.offsets) {
    Partition& partition = partitions_.at(progress.partition);
    partition.free_settled(budget_);
    TopicStats& topic = stats_.topics[progress.partition.topic];
    topic.acked += progress.accepted;
    topic.released += progress.released;
    topic.rejected += progress.rejected;
    result.pending = result.pending || partition.needs_commit();
  }
  if (spec.await_commit) result.commit_ticket = committer_.ticket_for(result.offsets, partitions_, now);
  return result;
}

LeaseResult Consumer::extend(BatchId id, Duration lease, TimePoint now) {
  look_at_clock(now);
  heard_from_application(now);
  const LeaseResult result = leases_.extend(id, lease, now);
  if (result.expires_at != kNever) window_.on_extended(leases_.find(id)->number, lease, now);
  return result;
}

LeaseResult Consumer::release(BatchId id, std::optional<Duration> delay, TimePoint now) {
  heard_from_application(now);
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
  const bool condemned = std::any_of(partitions_.begin(), partitions_.end(), [](const auto& each) {
    return each.second.ledger && each.second.ledger->condemned() > 0;
  });
  return !condemned && leases_.open_count() == 0 && !committer_.in_flight() && !Committer::dirty(partitions_);
}

void Consumer::leave(TimePoint now) {
  draining_ = leaving_ = true;
  membership_.leave(now);
}

bool Consumer::gone() const {
  if (!leaving_) return membership_.state() == MemberState::kFailed;
  return membership_.state() == MemberState::kLeft || membership_.state() == MemberState::kFailed;
}

std::vector<protocol::BrokerAddress> Consumer::take_addresses() { return std::exchange(addresses_, {}); }

void Consumer::check_invariants() const {
  for (const auto& [tp, partition] : partitions_) {
    if (!partition.ledger) continue;
    partition.ledger->check_invariants();
    SLUICE_ASSERT(partition.ledger->watermark() <= partition.ledger->position());
    SLUICE_ASSERT(!partition.committed || partition.moved ||
                  *partition.committed <= partition.ledger->watermark());
  }
  SLUICE_ASSERT(budget_.used() >= 0);
}

}  // namespace sluice::core
