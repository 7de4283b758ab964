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
  options.order = s.order;
  options.redelivery = s.redelivery;
  options.window = s.window;
  options.commit.every_records = s.commit_every;
  options.commit.interval = s.commit_interval;
  options.idle_policy = s.idle_policy;
  options.idle_timeout = s.idle_timeout;
  if (s.dead_letters) {
    options.dead_letters.topic = kDeadTopic;
    options.dead_letters.group_id = "group";
    options.dead_letters.consumer = "simulated";
    options.dead_letters.request_timeout = s.request_timeout;
    options.dead_letters.batch_records_max = 20;
  }
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
  const Cluster& cluster = *context_.cluster;
  books_ = std::make_unique<Books>(
      Books::Terms{context_.settings.order, context_.settings.redelivery},
      [&cluster](const TopicPartition& tp, const protocol::Uuid& id) -> const PartitionLog& {
        return cluster.log(tp, id);
      },
      [&cluster](const TopicPartition& tp, const protocol::Uuid& id) { return cluster.is_current(tp, id); },
      context_.cluster->history());
  events_seen_ = 0;
  answers_.clear();
  paused_all_ = false;
  paused_topics_.clear();
  paused_partitions_.clear();
  window_before_ = {};
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
        if (consumer_->settled()) check_let_go(tp);
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
  answers_ = answers_in(reply);
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
    // The answer to an attempt that was given up, because the coordinator had moved, counts for nobody.
    if (reply.id != last_join_) return;
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
  turned(context_.now());
  take_events();
  core::Outbox& outbox = consumer_->outbox();
  for (core::LogLine& line : outbox.take_lines()) {
    if (context_.trace.printing()) context_.trace.note(context_.now(), index_, std::move(line.text));
  }
  (void)consumer_->take_addresses();
  take_fetches();
  for (protocol::Outgoing& request : outbox.take_requests()) send(std::move(request));
  take_commits();
  look_at_window();
  check_state();
}

void Daemon::turned(TimePoint now) {
  books_->turned(consumer_->partitions(), now, answers_);
  answers_.clear();
}

/// What the coordinator says of the partitions, under the names that they have now.
Books::Answers Daemon::answers_in(const protocol::Reply& reply) const {
  Books::Answers answers;
  const auto* response = std::get_if<protocol::OffsetFetchResponse>(&reply.response);
  if (response == nullptr) return answers;
  const auto take = [&](const std::string& topic, const auto& each) {
    if (each.error_code == 0)
      answers[{topic, each.partition_index}] = {each.committed_offset, each.metadata.value_or("")};
  };
  for (const auto& topic : response->topics) {
    for (const auto& each : topic.partitions) take(topic.name, each);
  }
  for (const auto& group : response->groups) {
    for (const auto& topic : group.topics) {
      const std::string* known = topic.name.empty() ? context_.cluster->name_of(topic.topic_id) : &topic.name;
      if (known == nullptr) continue;
      for (const auto& each : topic.partitions) take(*known, each);
    }
  }
  return answers;
}

void Daemon::take_events() {
  if (!context_.settings.dead_letters) return;
  while (consumer_->events().has_since(events_seen_)) {
    const core::EventLog::Page page = consumer_->events().since(events_seen_);
    events_seen_ = page.next;
    for (const core::Event& event : page.events) {
      if (event.type == core::EventType::kDeadLettered)
        books_->dead_lettered(event.partitions.front(), event.offsets.value());
    }
    if (page.events.empty()) break;
  }
}

/// The bounds may move within a turn, before and after something is handed out.
void Daemon::look_at_window() {
  if (context_.settings.window.mode == core::Window::Mode::kAdaptive)
    window_before_ = consumer_->status(context_.now()).window;
}

void Daemon::check_window(const Books::LeasePtr& lease, const Books::Load& before) {
  const core::Window::Options& options = context_.settings.window;
  std::int64_t records_max = options.records_max;
  std::int64_t bytes_max = options.bytes_max;
  if (options.mode == core::Window::Mode::kAdaptive) {
    const core::WindowStatus after = consumer_->status(context_.now()).window;
    records_max = std::max({after.records, window_before_.records, options.records_start});
    bytes_max = std::max({after.bytes, window_before_.bytes, options.bytes_start});
    if (window_before_.records > 0) {
      records_max = std::max(after.records, window_before_.records);
      bytes_max = std::max(after.bytes, window_before_.bytes);
    }
  }
  const auto records = static_cast<std::int64_t>(lease->records.size());
  const bool alone = records == 1 && before.records == 0;
  if (records_max > 0 && !alone)
    require(before.records + records <= records_max, "more records are leased than the window allows");
  if (bytes_max > 0 && !alone) {
    require(before.bytes < bytes_max, "records are leased although the window is full of bytes");
    const bool one = records == 1 && options.mode == core::Window::Mode::kAdaptive;
    require(one || before.bytes + lease->bytes <= bytes_max, "more bytes are leased than the window allows");
  }
}

void Daemon::check_pauses(const Books::LeasePtr& lease) const {
  require(!paused_all_, "a paused consumer hands out records");
  if (paused_topics_.empty() && paused_partitions_.empty()) return;
  for (const Books::LeasedRecord& record : lease->records) {
    require(
        !paused_topics_.contains(record.partition.topic) && !paused_partitions_.contains(record.partition),
        "a paused partition hands out records");
  }
}

void Daemon::check_let_go(const TopicPartition& tp) const {
  const Settings& s = context_.settings;
  const Cluster& cluster = *context_.cluster;
  const Cluster::Committed committed = cluster.committed(tp);
  const Books::Stored text{committed.offset, committed.metadata};
  // A commit of an earlier owner that arrives late, or of an operator, may have put another text there.
  const bool text_counts =
      s.metadata_max >= 4096 && s.foreign_metadata <= 0 && !s.seeks && s.faults.done_after_close <= 0;
  books_->check_let_go(tp, context_.cluster->history().committed_max(tp), text_counts ? &text : nullptr);
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
      books_->check_commit(tp, each.committed_offset, topic.topic_id);
      if (context_.cluster->is_current(tp, topic.topic_id))
        context_.cluster->history().check_commit(tp, each.committed_offset);
    }
  }
}

void Daemon::take_fetches() {
  const Settings& s = context_.settings;
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
      const bool bounded = s.window.records_max > 0 || s.window.bytes_max > 0 ||
                           s.window.mode == core::Window::Mode::kAdaptive;
      const Books::Load before = bounded ? books_->load() : Books::Load{};
      lease = done.result.repeated ? books_->repeated(done.result, fetch.request_id)
                                   : books_->delivered(done.result, fetch.request_id, context_.now());
      if (bounded && !done.result.repeated) check_window(lease, before);
      if (!done.result.repeated) check_pauses(lease);
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
    const core::Partition& partition = consumer_->partitions().at(each.partition);
    // What is settled above a gap only goes into the text, as far as that has room.
    if (partition.needs_commit() && each.acked_through + 1 > partition.start)
      ticket.targets.push_back({each.partition, partition.topic_id, each.acked_through + 1});
  }
  require(tickets_.emplace(number, std::move(ticket)).second, "a ticket is given twice");
}

void Daemon::take_commits() {
  for (const core::Committer::Done& done : consumer_->take_commits()) {
    const auto it = tickets_.find(done.ticket);
    require(it != tickets_.end(), "a commit ends that nobody waits for, or ends twice");
    if (done.outcome == core::CommitOutcome::kCommitted) {
      for (const Ticket::Target& target : it->second.targets) {
        const bool current = context_.cluster->is_current(target.partition, target.topic_id);
        if (current && context_.cluster->history().committed_max(target.partition) < target.offset)
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
    if (partition.revoking) check_let_go(tp);
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
  turned(TimePoint::min());
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
  turned(TimePoint::min());
  books_->extended(lease, duration, result, context_.now());
  pump();
}

void Daemon::release(const Books::LeasePtr& lease, std::optional<Duration> delay) {
  ++steps_;
  const core::LeaseResult result = consumer_->release(lease->id, delay, context_.now());
  books_->released(lease, delay, result, context_.now());
  pump();
}

void Daemon::pause_some(const core::Scope& scope) {
  ++steps_;
  context_.trace.add(context_.now(), index_, "pause", scope.is_all() ? 1 : 0);
  consumer_->pause(scope, context_.now());
  paused_all_ = paused_all_ || scope.is_all();
  paused_topics_.insert(scope.topics.begin(), scope.topics.end());
  paused_partitions_.insert(scope.partitions.begin(), scope.partitions.end());
  require(consumer_->paused() == paused_all_, "a consumer says the wrong thing about its pause");
  pump();
}

void Daemon::resume_some(const core::Scope& scope) {
  ++steps_;
  context_.trace.add(context_.now(), index_, "resume", scope.is_all() ? 1 : 0);
  consumer_->resume(scope, context_.now());
  if (scope.is_all()) {
    paused_all_ = false;
    paused_topics_.clear();
    paused_partitions_.clear();
  }
  for (const std::string& topic : scope.topics) {
    paused_topics_.erase(topic);
    std::erase_if(paused_partitions_, [&](const TopicPartition& tp) { return tp.topic == topic; });
  }
  for (const TopicPartition& tp : scope.partitions) paused_partitions_.erase(tp);
  pump();
}

void Daemon::seek(const core::Scope& scope, const core::SeekTarget& target) {
  ++steps_;
  std::map<TopicPartition, std::uint64_t> leased;
  for (const auto& [tp, partition] : consumer_->partitions()) leased[tp] = books_->leased(tp);
  const auto result = consumer_->seek(scope, target, context_.now());
  context_.trace.add(context_.now(), index_, "seek", static_cast<std::int64_t>(target.kind),
                     result ? static_cast<std::int64_t>(result->partitions.size()) : -1);
  if (result) {
    std::uint64_t voided = 0;
    for (const TopicPartition& tp : result->partitions) {
      voided += leased[tp];
      if (target.kind != core::SeekTarget::Kind::kCommitted)
        books_->seeked(tp, consumer_->partitions().at(tp).incarnation);
    }
    require(result->strangers.empty() || result->partitions.empty(), "a seek that names strangers moves");
    require(result->voided_records == voided, "a seek counts what it takes back wrong");
    require((result->ticket != 0) == !result->partitions.empty(), "a seek without a ticket");
    if (result->ticket != 0) expect_commit(result->ticket, {});
  }
  turned(TimePoint::min());
  pump();
}

void Daemon::commit() {
  ++steps_;
  std::vector<core::PartitionProgress> offsets;
  const std::uint64_t ticket = consumer_->commit(offsets, context_.now());
  turned(TimePoint::min());
  context_.trace.add(context_.now(), index_, "commit", static_cast<std::int64_t>(ticket));
  if (ticket != 0) expect_commit(ticket, offsets);
  pump();
}

void Daemon::undo(const Books::LeasePtr& lease) {
  ++steps_;
  consumer_->undo(lease->id, context_.now());
  books_->undone(lease, context_.now());
  pump();
}

}  // namespace sluice::simulation
