#include "tests/simulation/daemon.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace sluice::simulation {

using core::MemberState;
using protocol::KafkaError;

namespace {

constexpr int kTurnsAtOnceMax = 8;
constexpr int kTurnsPerSecondMax = 2000;
constexpr Duration kPromptly = milliseconds(20);
constexpr Duration kLookupBackoffMax = milliseconds(1250);

}  // namespace

Daemon::Daemon(Context& context, int index, Dice dice) : context_(context), index_(index), dice_(dice) {
  budget_ = std::make_unique<core::MemoryBudget>(context_.settings.budget);
}

core::Consumer::Options Daemon::options() const {
  const Settings& s = context_.settings;
  core::Consumer::Options options;
  options.membership.group_id = "group";
  for (std::size_t t = 0; t < s.partitions.size(); ++t)
    options.membership.topics.push_back("t" + std::to_string(t));
  options.membership.strategies = s.strategies[static_cast<std::size_t>(index_) % s.strategies.size()];
  options.membership.session_timeout = s.session_timeout;
  options.membership.heartbeat_interval = s.heartbeat_interval;
  options.membership.rebalance_timeout = s.rebalance_timeout;
  options.membership.request_timeout = s.request_timeout;
  options.membership.rebalance_drain = s.rebalance_drain;
  options.metadata.bootstrap = {-1, -2, -3};
  options.metadata.request_timeout = s.request_timeout;
  options.coordinator.group_id = "group";
  options.coordinator.request_timeout = s.request_timeout;
  options.committed_offsets.group_id = "group";
  options.committed_offsets.request_timeout = s.request_timeout;
  options.list_offsets.isolation = s.isolation;
  options.list_offsets.request_timeout = s.request_timeout;
  options.fetch.isolation = s.isolation;
  options.fetch.max_wait = s.fetch_wait;
  options.fetch.max_bytes = s.fetch_max_bytes;
  options.fetch.partition_max_bytes = s.partition_max_bytes;
  options.fetch.request_timeout = s.request_timeout;
  options.commit.group_id = "group";
  options.commit.request_timeout = s.request_timeout;
  options.delivery.max_decompressed = std::size_t{16} << 20;
  options.delivery.quantum = 16 << 10;
  return options;
}

void Daemon::start() {
  require(!is_up(), "a daemon is started twice");
  ++life_;
  context_.trace.add(context_.now(), index_, "start", life_);
  client_ = context_.network->add_client(
      {[this](protocol::Reply reply) {
         input([this, shared = std::make_shared<protocol::Reply>(std::move(reply))] {
           on_reply(std::move(*shared));
         });
       },
       [this](const protocol::Failure& failure) { input([this, failure] { on_failure(failure); }); }});
  consumer_ = std::make_unique<core::Consumer>(options(), *budget_, dice_.next());
  books_ = std::make_unique<Books>(
      [this](const TopicPartition& tp) -> const PartitionLog& { return context_.cluster->log(tp); },
      context_.cluster->history());
  draining_ = leaving_ = restarting_ = looks_for_coordinator_ = false;
  last_request_ = 0;
  generation_ = -1;
  heartbeat_due_ = kNever;
  timer_at_ = kNever;
  revoking_since_.reset();
  last_join_ = 0;
  join_failed_at_.reset();
  pump();
}

void Daemon::kill() {
  context_.trace.add(context_.now(), index_, "gone", life_);
  ++life_;  // what is still on its way to the old one is lost
  context_.network->remove_client(client_);
  fetches_.clear();
  tickets_.clear();
  heartbeats_.clear();
  syncs_.clear();
  waiting_.clear();
  paused_ = catching_up_ = false;
  draining_ = leaving_ = false;
  timer_at_ = kNever;
  ++timer_serial_;
  consumer_.reset();
  books_.reset();
}

void Daemon::pause() {
  context_.trace.add(context_.now(), index_, "stopped");
  paused_ = true;
  heartbeat_excused_ = true;
}

void Daemon::resume() {
  context_.trace.add(context_.now(), index_, "continues");
  paused_ = false;
  resumed_at_ = context_.now();
  // The timer, the brokers' sockets and the applications' are all ready at the same time; the kernel decides
  // which is first.
  if (dice_.chance(0.3)) pump();
  if (dice_.chance(0.5)) return catch_up();
  catching_up_ = true;
  context_.scheduler.after(dice_.duration(Duration{}, milliseconds(60)), [this, life = life_] {
    if (life == life_ && !paused_) catch_up();
  });
}

/// Takes in what came while nobody looked.
void Daemon::catch_up() {
  catching_up_ = false;
  resumed_at_ = context_.now();
  const std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
  const int life = life_;
  for (const auto& what : waiting) {
    if (life != life_) return;
    what();
  }
  if (life == life_) arm_timer();
}

void Daemon::drain(Duration patience) {
  context_.trace.add(context_.now(), index_, "drain");
  draining_ = true;
  drain_until_ = context_.now() + patience;
  consumer_->drain();
  pump();
  poll_drain();
}

void Daemon::poll_drain() {
  if (!is_up() || !draining_) return;
  if (!paused_) {
    if (!leaving_ && (consumer_->settled() || context_.now() >= drain_until_)) {
      leaving_ = true;
      context_.trace.add(context_.now(), index_, "leave", consumer_->settled() ? 1 : 0);
      for (const auto& [tp, partition] : consumer_->partitions()) {
        if (consumer_->settled()) books_->check_let_go(tp, context_.cluster->history().committed_max(tp));
      }
      consumer_->leave(context_.now());
      pump();
    }
    if (leaving_ && consumer_->gone()) return kill();
  }
  context_.scheduler.after(milliseconds(50), [this, life = life_] {
    if (life == life_) poll_drain();
  });
}

void Daemon::input(std::function<void()> what) {
  if (paused_ || catching_up_) {
    waiting_.push_back(std::move(what));
  } else {
    what();
  }
}

void Daemon::on_reply(protocol::Reply reply) {
  context_.trace.add(context_.now(), index_, "reply",
                     static_cast<std::int64_t>(protocol::api_key(reply.response)),
                     static_cast<std::int64_t>(reply.id));
  note_contact(reply);
  consumer_->on_reply(std::move(reply), context_.now(), wall_ms());
  pump();
}

void Daemon::on_failure(const protocol::Failure& failure) {
  context_.trace.add(context_.now(), index_, "failure", static_cast<std::int64_t>(failure.kind),
                     static_cast<std::int64_t>(failure.id));
  if (failure.id == last_join_) join_failed_at_ = failure.node;
  heartbeats_.erase(failure.id);
  syncs_.erase(failure.id);
  heartbeat_excused_ = true;
  consumer_->on_failure(failure, context_.now());
  pump();
}

/// What this answer proves about our place in the group, by the clock of when we asked.
void Daemon::note_contact(const protocol::Reply& reply) {
  if (const auto* joined = std::get_if<protocol::JoinGroupResponse>(&reply.response)) {
    if (joined->error_code != 0) heartbeat_excused_ = true;
    if (joined->error_code != 0) return;
    contact_ = context_.now();
    generation_ = joined->generation_id;
    heartbeat_due_ = context_.now() + context_.settings.heartbeat_interval;
    heartbeat_excused_ = false;
    return;
  }
  if (const auto* found = std::get_if<protocol::FindCoordinatorResponse>(&reply.response)) {
    const std::int16_t code =
        found->coordinators.empty() ? found->error_code : found->coordinators.front().error_code;
    looks_for_coordinator_ = code != 0;
    if (code == 0) join_failed_at_.reset();
    heartbeat_due_ = std::max(heartbeat_due_, context_.now());
    return;
  }
  if (const auto sent = heartbeats_.extract(reply.id); !sent.empty()) {
    const auto code = std::get<protocol::HeartbeatResponse>(reply.response).error_code;
    const bool counted = code == 0 || code == KafkaError::kRebalanceInProgress;
    if (counted) contact_ = std::max(contact_, sent.mapped());
    if (!counted) heartbeat_excused_ = true;
    heartbeat_due_ = std::max(heartbeat_due_, context_.now());
    return;
  }
  if (const auto sent = syncs_.extract(reply.id); !sent.empty()) {
    const auto code = std::get<protocol::SyncGroupResponse>(reply.response).error_code;
    if (code == 0) contact_ = std::max(contact_, sent.mapped());
    if (code != 0) heartbeat_excused_ = true;
    return;
  }
  if (std::holds_alternative<protocol::OffsetCommitResponse>(reply.response) ||
      std::holds_alternative<protocol::OffsetFetchResponse>(reply.response)) {
    // May carry news that the coordinator moved; too rare to look into.
    if (context_.settings.faults.error > 0 || context_.settings.faults.coordinator_move > 0)
      heartbeat_excused_ = true;
  }
}

void Daemon::pump() {
  turn();
  arm_timer();
}

void Daemon::turn() {
  consumer_->turn(context_.now(), wall_ms());
  books_->turned(consumer_->partitions(), context_.now());
  core::Outbox& outbox = consumer_->outbox();
  for (core::LogLine& line : outbox.take_lines()) {
    if (context_.trace.printing()) context_.trace.note(context_.now(), index_, std::move(line.text));
  }
  (void)consumer_->take_addresses();
  take_fetches();
  for (protocol::Outgoing& request : outbox.take_requests()) send(std::move(request));
  take_commits();
  check_state();
}

void Daemon::arm_timer() {
  if (!is_up() || paused_ || catching_up_) return;
  const TimePoint wake = consumer_->outbox().wake_time();
  if (wake == kNever || wake >= timer_at_) return;
  timer_at_ = std::max(wake, context_.now());
  context_.scheduler.at(timer_at_, [this, serial = ++timer_serial_] {
    if (serial == timer_serial_ && is_up()) on_timer();
  });
}

void Daemon::on_timer() {
  const bool at_once = timer_at_ == context_.now();
  timer_at_ = kNever;
  if (paused_ || catching_up_) return;
  if (context_.now() < consumer_->outbox().wake_time()) return arm_timer();
  if (context_.now() - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = context_.now();
    turns_in_second_ = 0;
  }
  require(++turns_in_second_ <= kTurnsPerSecondMax, "the timer spins: too many turns in a second");
  ++steps_;
  context_.trace.add(context_.now(), index_, "timer");
  turn();
  const bool again = consumer_->outbox().wake_time() <= context_.now();
  turns_at_once_ = at_once && again ? turns_at_once_ + 1 : 0;
  require(turns_at_once_ <= kTurnsAtOnceMax,
          "the timer spins: a turn asks for another at once, again and again");
  arm_timer();
}

void Daemon::send(protocol::Outgoing request) {
  require(request.id > last_request_, "request ids do not grow");
  require(request.timeout.count() > 0, "a request without a deadline");
  last_request_ = request.id;
  if (const auto* commit = std::get_if<protocol::OffsetCommitRequest>(&request.request))
    check_commit(*commit);
  if (std::holds_alternative<protocol::HeartbeatRequest>(request.request)) {
    heartbeats_[request.id] = context_.now();
    heartbeat_due_ = context_.now() + context_.settings.heartbeat_interval;
    heartbeat_excused_ = false;
  }
  if (std::holds_alternative<protocol::JoinGroupRequest>(request.request)) {
    require(request.node != join_failed_at_,
            "a coordinator that failed is asked again, and no other was looked for");
    last_join_ = request.id;
  }
  if (std::holds_alternative<protocol::FindCoordinatorRequest>(request.request))
    looks_for_coordinator_ = true;
  if (std::holds_alternative<protocol::SyncGroupRequest>(request.request))
    syncs_[request.id] = context_.now();
  context_.trace.add(context_.now(), index_, "send",
                     static_cast<std::int64_t>(protocol::api_key(request.request)),
                     static_cast<std::int64_t>(request.id), request.node);
  context_.network->send(client_, std::move(request));
}

void Daemon::check_commit(const protocol::OffsetCommitRequest& request) {
  require(request.generation_id_or_member_epoch >= 0, "a commit with generation -1");
  require(!request.member_id.empty(), "a commit without a member id");
  require(request.generation_id_or_member_epoch == generation_,
          "a commit under another generation than ours");
  require(context_.network->open(client_, protocol::ApiKey::kOffsetCommit) == 0, "two commits in flight");
  for (const auto& topic : request.topics) {
    for (const auto& each : topic.partitions) {
      const TopicPartition tp{topic.name, each.partition_index};
      books_->check_commit(tp, each.committed_offset);
      context_.cluster->history().check_commit(tp, each.committed_offset);
    }
  }
}

void Daemon::take_fetches() {
  for (core::Delivery::Done& done : consumer_->take_fetches()) {
    const auto it = fetches_.find(done.ticket);
    Fetch fetch;
    if (it != fetches_.end()) {
      fetch = std::move(it->second);
      fetches_.erase(it);
    }
    require(catching_up_ || context_.now() <= std::max(fetch.answer_by, resumed_at_) + kPromptly,
            "a fetch waits for longer than it was told to");
    Books::LeasePtr lease;
    if (done.result.batch) {
      require(!consumer_->draining() || done.result.repeated, "a draining daemon hands out a new batch");
      lease = done.result.repeated ? books_->repeated(done.result, fetch.request_id)
                                   : books_->delivered(done.result, fetch.request_id, context_.now());
      context_.trace.add(context_.now(), index_, done.result.repeated ? "batch again" : "batch",
                         lease->number, done.result.batch->records, lease->records.front().offset);
    }
    if (done.result.commit_ticket != 0) expect_commit(done.result.commit_ticket, done.settled);
    require(fetch.on_fetch != nullptr, "an answer to a fetch that nobody waits for");
    context_.scheduler.after(
        Duration{},
        [f = std::move(fetch.on_fetch), result = std::make_shared<core::FetchResult>(std::move(done.result)),
         lease] { f(std::move(*result), lease); });
  }
}

/// Somebody waits until this is committed.
void Daemon::expect_commit(std::uint64_t number, const std::vector<core::PartitionProgress>& offsets) {
  Ticket ticket;
  for (const core::PartitionProgress& each : offsets) {
    if (consumer_->partitions().at(each.partition).needs_commit())
      ticket.targets.emplace_back(each.partition, each.acked_through + 1);
  }
  require(tickets_.emplace(number, std::move(ticket)).second, "a ticket is given twice");
}

void Daemon::take_commits() {
  for (const core::Committer::Done& done : consumer_->take_commits()) {
    const auto it = tickets_.find(done.ticket);
    require(it != tickets_.end(), "a commit ends that nobody waits for, or ends twice");
    if (done.outcome == core::CommitOutcome::kCommitted) {
      for (const auto& [tp, offset] : it->second.targets) {
        if (context_.cluster->history().committed_max(tp) < offset)
          throw Violation("told committed, but the broker has not got it");
      }
    }
    tickets_.erase(it);
  }
}

void Daemon::check_state() {
  consumer_->check_invariants();
  check_heartbeats();
  check_revocation();
  // One decoded batch may overdraw, and every leader may send one batch above what was asked for.
  const auto batch = static_cast<std::int64_t>(context_.cluster->largest_batch());
  const std::int64_t slack = batch * (1 + 2 * context_.cluster->brokers()) + (64 << 10);
  require(budget_->used() <= budget_->limit() + slack, "the memory budget is exceeded");
}

/// Whoever lets partitions go before the time is up has committed all that was settled.
void Daemon::check_revocation() {
  if (consumer_->member_state() == MemberState::kRevoking) {
    if (!revoking_since_) revoking_since_ = context_.now();
    return;
  }
  if (!revoking_since_) return;
  const TimePoint since = *std::exchange(revoking_since_, std::nullopt);
  const Settings& s = context_.settings;
  if (leaving_ || context_.now() - since >= std::min<Duration>(s.rebalance_drain, s.rebalance_timeout / 2))
    return;
  for (const auto& [tp, partition] : consumer_->partitions()) {
    if (partition.revoking) books_->check_let_go(tp, context_.cluster->history().committed_max(tp));
  }
}

void Daemon::check_heartbeats() {
  if (heartbeat_excused_ || looks_for_coordinator_ || !heartbeats_.empty()) return;
  const MemberState state = consumer_->member_state();
  if (state != MemberState::kStable && state != MemberState::kRevoking && state != MemberState::kSyncing)
    return;
  // Where anything can fail, a lookup of the coordinator may be waiting for its back-off.
  const bool calm = context_.settings.faults.is_none();
  require(context_.now() <= heartbeat_due_ + (calm ? kPromptly : kLookupBackoffMax), "a heartbeat is late");
}

std::uint64_t Daemon::start_fetch(core::FetchSpec spec, OnFetch on_fetch) {
  ++steps_;
  Fetch fetch{spec.request_id, context_.now() + spec.wait, std::move(on_fetch)};
  const std::uint64_t ticket = consumer_->start_fetch(std::move(spec), context_.now(), wall_ms());
  fetches_.emplace(ticket, std::move(fetch));
  pump();
  return ticket;
}

bool Daemon::cancel_fetch(std::uint64_t ticket) {
  ++steps_;
  const bool waited = consumer_->cancel_fetch(ticket);
  require(waited == (fetches_.count(ticket) > 0), "a cancelled fetch was answered, or was forgotten");
  fetches_.erase(ticket);
  return waited;
}

core::AckResult Daemon::ack(const Books::LeasePtr& lease, const core::AckSpec& spec) {
  ++steps_;
  const core::AckResult result = consumer_->ack(lease->id, spec, context_.now());
  context_.trace.add(context_.now(), index_, "ack", lease->number, static_cast<std::int64_t>(result.accepted),
                     static_cast<std::int64_t>(result.kept));
  // What the call itself found out about the membership comes first.
  books_->turned(consumer_->partitions(), TimePoint::min());
  books_->acked(lease, spec, result, context_.now());
  const MemberState state = consumer_->member_state();
  const bool fenced_by_time = context_.now() - contact_ > context_.settings.session_timeout + Duration(1);
  if (result.accepted > 0 && (state == MemberState::kStable || state == MemberState::kRevoking))
    require(!fenced_by_time, "an ack is accepted although the group has given us up");
  if (result.commit_ticket != 0) expect_commit(result.commit_ticket, result.offsets);
  pump();
  return result;
}

void Daemon::extend(const Books::LeasePtr& lease, Duration duration) {
  ++steps_;
  const core::LeaseResult result = consumer_->extend(lease->id, duration, context_.now());
  books_->turned(consumer_->partitions(), TimePoint::min());
  books_->extended(lease, duration, result, context_.now());
  pump();
}

void Daemon::release(const Books::LeasePtr& lease, Duration delay) {
  ++steps_;
  const core::LeaseResult result = consumer_->release(lease->id, delay, context_.now());
  books_->released(lease, delay, result, context_.now());
  pump();
}

void Daemon::undo(const Books::LeasePtr& lease) {
  ++steps_;
  consumer_->undo(lease->id, context_.now());
  books_->undone(lease, context_.now());
  pump();
}

}  // namespace sluice::simulation
