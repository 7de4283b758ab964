#include "daemon/core/consumer.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {

namespace {

// How long a silent consumer waits for its last commit before it leaves all the same.
constexpr std::chrono::seconds kLastCommitWait{10};

// An application that works on a batch comes back within this time, mostly.
constexpr std::chrono::seconds kAskedLately{5};

// How often a consumer that nobody asks looks whether others are short of memory.
constexpr std::chrono::seconds kUnaskedLook{1};

}  // namespace

bool Scope::covers(const TopicPartition& tp) const {
  return is_all() || std::find(topics.begin(), topics.end(), tp.topic) != topics.end() ||
         std::find(partitions.begin(), partitions.end(), tp) != partitions.end();
}

// ----------------------------------------------------------------------------------------------------------
// pause and resume

void Consumer::pause(const Scope& scope, TimePoint now) {
  heard_from_application(now);
  pauses_.all = pauses_.all || scope.is_all();
  pauses_.topics.insert(scope.topics.begin(), scope.topics.end());
  pauses_.partitions.insert(scope.partitions.begin(), scope.partitions.end());
  apply_pauses();
  std::vector<TopicPartition> covered;
  for (const auto& [tp, partition] : partitions_) {
    if (scope.covers(tp)) covered.push_back(tp);
  }
  note(EventType::kPaused, std::move(covered), scope.is_all() ? "the whole consumer" : "");
}

void Consumer::resume(const Scope& scope, TimePoint now) {
  heard_from_application(now);
  if (scope.is_all()) pauses_ = {};
  for (const std::string& topic : scope.topics) pauses_.topics.erase(topic);
  std::erase_if(pauses_.partitions, [&](const TopicPartition& tp) { return scope.covers(tp); });
  apply_pauses();
  std::vector<TopicPartition> covered;
  for (const auto& [tp, partition] : partitions_) {
    if (scope.covers(tp) && !partition.paused) covered.push_back(tp);
  }
  note(EventType::kResumed, std::move(covered), scope.is_all() ? "the whole consumer" : "");
}

void Consumer::apply_pauses() {
  for (auto& [tp, partition] : partitions_) partition.paused = pauses_.cover(tp);
}

// ----------------------------------------------------------------------------------------------------------
// seek

tl::expected<SeekResult, std::string> Consumer::seek(const Scope& scope,
                                                     const SeekTarget& target,
                                                     TimePoint now) {
  look_at_clock(now);
  heard_from_application(now);
  SeekResult result;
  for (const TopicPartition& tp : scope.partitions) {
    const auto it = partitions_.find(tp);
    if (it == partitions_.end() || it->second.revoking) result.strangers.push_back(tp);
  }
  if (!result.strangers.empty()) return result;
  for (const auto& [tp, partition] : partitions_) {
    if (partition.revoking || !scope.covers(tp)) continue;
    if (target.kind == SeekTarget::Kind::kOffset) {
      if (!partition.end)
        return tl::unexpected(to_string(tp) + ": where its log ends is not known yet; try again");
      const Offset begin = partition.log_start.value_or(0);
      if (target.offset > *partition.end || target.offset < begin) {
        return tl::unexpected(to_string(tp) + ": offset " + std::to_string(target.offset) +
                              " is outside of its log, which goes from " + std::to_string(begin) + " to " +
                              std::to_string(*partition.end));
      }
    }
    result.partitions.push_back(tp);
  }
  SeekWait wait;
  for (const TopicPartition& tp : result.partitions) {
    Partition& partition = partitions_.at(tp);
    if (partition.ledger) result.voided_records += static_cast<std::uint64_t>(partition.ledger->leased());
    seek_one(partition, target);
    wait.partitions.emplace_back(tp, partitions_.at(tp).incarnation);
  }
  if (result.partitions.empty()) return result;
  wait.ticket = result.ticket = committer_.new_ticket();
  wait.deadline = now + options_.commit.request_timeout;
  seeks_.push_back(std::move(wait));
  committer_.flush();
  note(EventType::kSeeked, result.partitions,
       std::to_string(result.voided_records) + " leased records were taken back");
  return result;
}

/// A new incarnation: whatever is under way for the old one is void.
void Consumer::seek_one(Partition& partition, const SeekTarget& target) {
  const TopicPartition tp = partition.id;
  const std::optional<Offset> committed = partition.committed;
  const std::optional<Offset> end = partition.end;
  const std::optional<Offset> log_start = partition.log_start;
  StoredMetadata metadata = partition.metadata;
  const protocol::Uuid former = partition.former_topic_id;
  const bool paused = partition.paused;
  drop_partition(tp, now_);
  Partition& fresh = add_partition(tp);
  fresh.committed = committed;
  fresh.end = end;
  fresh.log_start = log_start;
  fresh.metadata = std::move(metadata);
  fresh.former_topic_id = former;
  fresh.paused = paused;
  fresh.phase = PartitionPhase::kSeek;
  fresh.moved = true;
  switch (target.kind) {
    case SeekTarget::Kind::kBeginning:
      fresh.seek_timestamp = ListOffsets::kEarliest;
      break;
    case SeekTarget::Kind::kEnd:
      fresh.seek_timestamp = ListOffsets::kLatest;
      break;
    case SeekTarget::Kind::kTimestamp:
      fresh.seek_timestamp = std::max<std::int64_t>(0, target.timestamp_ms);
      break;
    case SeekTarget::Kind::kOffset:
      fresh.start_at(target.offset);
      break;
    case SeekTarget::Kind::kCommitted:
      fresh.phase = PartitionPhase::kCommittedOffset;
      fresh.moved = false;
      break;
  }
}

/// A seek is over when all its partitions have a position that the coordinator knows.
void Consumer::finish_seeks(TimePoint now) {
  std::erase_if(seeks_, [&](const SeekWait& wait) {
    bool open = false;
    bool fenced = false;
    for (const auto& [tp, incarnation] : wait.partitions) {
      const auto it = partitions_.find(tp);
      if (it == partitions_.end() || it->second.incarnation != incarnation) {
        fenced = true;
      } else {
        open = open || it->second.moved || !it->second.ledger;
      }
    }
    if (open && !fenced && wait.deadline > now) {
      outbox_.wake_at(wait.deadline);
      return false;
    }
    CommitOutcome outcome = CommitOutcome::kCommitted;
    if (open) outcome = CommitOutcome::kFailed;
    if (fenced) outcome = CommitOutcome::kFenced;
    seeks_done_.push_back({wait.ticket, outcome});
    return true;
  });
}

std::vector<Committer::Done> Consumer::take_commits() {
  std::vector<Committer::Done> done = committer_.take_done();
  done.insert(done.end(), seeks_done_.begin(), seeks_done_.end());
  seeks_done_.clear();
  return done;
}

std::uint64_t Consumer::commit(std::vector<PartitionProgress>& offsets, TimePoint now) {
  look_at_clock(now);
  heard_from_application(now);
  offsets.clear();
  for (const auto& [tp, partition] : partitions_) {
    if (partition.ledger)
      offsets.push_back({tp, partition.ledger->watermark() - 1, partition.committed, 0, 0, 0});
  }
  committer_.flush();
  return committer_.ticket_for(offsets, partitions_, now);
}

// ----------------------------------------------------------------------------------------------------------
// silence

/// An application that holds a lease is at work. One that neither holds anything nor waits nor calls is
/// silent.
void Consumer::look_for_silence(TimePoint now) {
  if (options_.idle_policy == IdlePolicy::kHold || draining_) return;
  // It may have come back while we were still leaving.
  if (!idle_) membership_.rejoin(now);
  if (!last_heard_ || delivery_.waiting() > 0 || leases_.open_count() > 0) last_heard_ = now;
  const TimePoint due = *last_heard_ + options_.idle_timeout;
  if (due > now) {
    outbox_.wake_at(due);
    return;
  }
  if (!idle_) {
    idle_ = true;
    drop_prefetched();
    const std::string what = options_.idle_policy == IdlePolicy::kLeave
                                 ? "leaving the group until it comes back"
                                 : "reading nothing until it comes back";
    outbox_.log(LogLevel::kWarn, "group " + options_.membership.group_id +
                                     ": the application has not called for app.idle.timeout.ms; " + what);
    note(EventType::kIdle, {}, what);
  }
  if (options_.idle_policy != IdlePolicy::kLeave || membership_.state() == MemberState::kLeft) return;
  if (!settled() && now < due + kLastCommitWait) {
    outbox_.wake_at(due + kLastCommitWait);
    return;
  }
  if (membership_.state() == MemberState::kLeaving || membership_.state() == MemberState::kFailed) return;
  membership_.leave(now);
  std::vector<TopicPartition> left;
  for (const auto& [tp, partition] : partitions_) left.push_back(tp);
  for (const TopicPartition& tp : left) drop_partition(tp, now);
  revoke_by_.reset();
  note(EventType::kLeft, std::move(left), "the application has been silent");
}

void Consumer::heard_from_application(TimePoint now) {
  now_ = std::max(now_, now);
  last_heard_ = now;
  if (!idle_ || draining_) return;
  idle_ = false;
  outbox_.log(LogLevel::kInfo, "group " + options_.membership.group_id + ": the application is back");
  note(EventType::kRejoined, {}, "the application is back");
}

// ----------------------------------------------------------------------------------------------------------
// reading ahead

/// Fetches what applications will ask for. One that nobody asks gives up what it has when another consumer is
/// short of memory for an application that waits.
void Consumer::read_ahead(TimePoint now) {
  if (draining_ || idle_ || pauses_.all) return;
  const bool asked_for = is_asked_for(now);
  if (!asked_for && budget_.is_short(now)) {
    drop_prefetched();
    outbox_.wake_at(now + kUnaskedLook);
    return;
  }
  fetcher_.poll(now, metadata_, partitions_, budget_, outbox_);
  if (asked_for && fetcher_.waits_for_budget()) budget_.note_shortage(now);
  const bool holds = std::any_of(partitions_.begin(), partitions_.end(),
                                 [](const auto& each) { return !each.second.buffer.empty(); });
  if (!asked_for && holds) outbox_.wake_at(now + kUnaskedLook);
}

bool Consumer::is_asked_for(TimePoint now) const {
  return delivery_.waiting() > 0 || leases_.open_count() > 0 || now < last_fetch_call_ + kAskedLately;
}

/// Nobody is there to take it, and others may need the memory.
void Consumer::drop_prefetched() {
  for (auto& [tp, partition] : partitions_) {
    if (!partition.ready() || partition.buffer.empty()) continue;
    partition.forget_data();
  }
}

}  // namespace sluice::core
