#include "tests/simulation/application.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::simulation {

namespace {

core::Selector just(std::size_t index) {
  return core::IndexSelector{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index)};
}

}  // namespace

Application::Application(Context& context, Daemon& daemon, int number, Dice dice)
    : context_(context), daemon_(daemon), number_(number), dice_(dice) {
  const auto sometimes = [&](double high) { return dice_.chance(0.4) ? dice_.log_between(0.01, high) : 0; };
  character_.slow = sometimes(0.3);
  character_.crash = sometimes(0.3);
  character_.late = sometimes(0.3);
  character_.piecemeal = sometimes(1);
  character_.release_some = sometimes(0.5);
  character_.release_all = sometimes(0.3);
  character_.extend = sometimes(0.5);
  character_.ack_twice = sometimes(0.5);
  character_.repeat_request = sometimes(1);
  character_.lose_answer = sometimes(0.3);
  character_.cancel = sometimes(0.3);
  character_.at_most_once = dice_.chance(0.1) ? 0.3 : 0;
  character_.filter = sometimes(0.5);
  if (context.settings.dead_letters) character_.reject = sometimes(0.2);
  if (context.settings.idle_policy != core::IdlePolicy::kHold) character_.silent = sometimes(0.3);
  character_.operate = context.settings.operators;
  character_.think = dice_.duration(Duration{}, milliseconds(dice_.chance(0.3) ? 1000 : 50));
  character_.work = dice_.duration(Duration{}, milliseconds(dice_.chance(0.3) ? 2000 : 50));
}

void Application::start() { later(dice_.duration(Duration{}, milliseconds(500)), &Application::idle); }

void Application::later(Duration delay, void (Application::*what)()) {
  context_.scheduler.after(delay, [this, what, turn = ++turn_] {
    if (turn == turn_) (this->*what)();
  });
}

/// A new round, whatever became of the last one.
void Application::again() {
  lease_.reset();
  if (may(character_.operate) && daemon_.serves()) operate();
  if (may(character_.silent)) {
    const Duration longest = 3 * context_.settings.idle_timeout;
    return later(dice_.duration(Duration{}, longest), &Application::idle);
  }
  later(good_ ? Duration(milliseconds(5)) : dice_.duration(Duration{}, character_.think), &Application::idle);
}

core::FetchSpec Application::spec() {
  core::FetchSpec spec;
  spec.max_records = static_cast<std::int32_t>(dice_.between(1, 50));
  spec.max_bytes = dice_.chance(0.3) ? -1 : dice_.between(1, 20'000);
  spec.wait = milliseconds(dice_.between(0, 3000));
  spec.lease = context_.settings.lease;
  if (good_) {
    spec.max_records = 500;
    spec.max_bytes = 1 << 20;
    return spec;
  }
  if (dice_.chance(0.1)) spec.min_records = static_cast<std::int32_t>(dice_.between(2, 20));
  if (dice_.chance(0.1)) spec.min_bytes = dice_.between(2, 2000);
  if (may(character_.at_most_once)) spec.settle_at_once = true;
  if (may(character_.filter))
    spec.topics = {"t" + std::to_string(dice_.index(context_.settings.partitions.size()))};
  if (may(character_.repeat_request)) {
    if (request_id_.empty() || dice_.chance(0.6))
      request_id_ = "a" + std::to_string(number_) + "-" + std::to_string(++last_request_);
    spec.request_id = request_id_;
  }
  return spec;
}

core::Scope Application::some_scope() {
  core::Scope scope;
  const std::vector<TopicPartition>& all = context_.cluster->partitions();
  switch (dice_.index(3)) {
    case 0:
      return scope;
    case 1:
      scope.topics = {dice_.pick(all).topic};
      return scope;
    default:
      scope.partitions = {dice_.pick(all)};
      if (dice_.chance(0.3)) scope.partitions.push_back(dice_.pick(all));
      return scope;
  }
}

core::SeekTarget Application::some_place(const core::Scope& scope) {
  core::SeekTarget target;
  target.kind = static_cast<core::SeekTarget::Kind>(dice_.between(1, 5));
  const TopicPartition tp =
      scope.partitions.empty() ? context_.cluster->partitions().front() : scope.partitions.front();
  const PartitionLog& log = context_.cluster->log(tp);
  target.offset = dice_.between(0, log.end() + 1);
  target.timestamp_ms =
      1'700'000'000'000 + context_.now().time_since_epoch() / milliseconds(1) - dice_.between(-1000, 60'000);
  return target;
}

/// Somebody turns the wheels while others work.
void Application::operate() {
  const core::Scope scope = some_scope();
  switch (dice_.index(context_.settings.seeks ? 4 : 3)) {
    case 0:
      daemon_.pause_some(scope);
      // A good operator comes back; another one may be first.
      context_.scheduler.after(dice_.duration(Duration{}, milliseconds(3000)), [this, scope] {
        if (daemon_.serves()) daemon_.resume_some(dice_.chance(0.5) ? core::Scope{} : scope);
      });
      return;
    case 1:
      return daemon_.resume_some(scope);
    case 2:
      return daemon_.commit();
    default:
      return daemon_.seek(scope, some_place(scope));
  }
}

void Application::idle() {
  if (!daemon_.serves()) return later(milliseconds(100), &Application::idle);
  life_ = daemon_.life();
  const int turn = ++turn_;
  const auto ticket = std::make_shared<std::uint64_t>(0);
  const core::FetchSpec wanted = spec();
  *ticket = daemon_.start_fetch(wanted,
                                [this, turn](const core::FetchResult& result, const Books::LeasePtr& lease) {
                                  if (turn == turn_) fetched(result, lease);
                                });
  if (may(character_.cancel)) {
    context_.scheduler.after(dice_.duration(Duration{}, wanted.wait), [this, turn, ticket] {
      if (turn != turn_ || life_ != daemon_.life() || !daemon_.serves()) return;
      if (daemon_.cancel_fetch(*ticket)) again();
    });
  }
  watch(turn);
}

/// The daemon may die, and its answer with it.
void Application::watch(int turn) {
  context_.scheduler.after(milliseconds(500), [this, turn] {
    if (turn != turn_) return;
    if (life_ != daemon_.life() || !daemon_.is_up()) return again();
    watch(turn);
  });
}

void Application::fetched(const core::FetchResult& result, const Books::LeasePtr& lease) {
  if (!daemon_.is_up() || life_ != daemon_.life()) return again();
  if (!result.batch) return again();
  lease_ = lease;
  acked_to_ = 0;
  if (result.used.settle_at_once) return again();
  if (daemon_.serves() && may(character_.lose_answer)) {
    daemon_.undo(lease);
    return again();
  }
  if (may(character_.crash))
    return later(dice_.duration(Duration{}, milliseconds(2000)), &Application::again);
  const Duration lease_left = lease->expires_at - context_.now();
  Duration work = good_ ? Duration(milliseconds(1)) : dice_.duration(Duration{}, character_.work);
  if (may(character_.slow) || may(character_.late))
    work = std::max(work, lease_left) + dice_.duration(Duration{}, milliseconds(1000));
  later(work, &Application::worked);
}

void Application::worked() {
  if (!daemon_.is_up() || life_ != daemon_.life()) return again();
  if (!daemon_.serves()) return later(milliseconds(50), &Application::worked);
  if (may(character_.extend)) {
    daemon_.extend(lease_, dice_.duration(milliseconds(10), context_.settings.lease));
    return later(dice_.duration(Duration{}, context_.settings.lease), &Application::worked);
  }
  if (may(character_.release_all)) {
    std::optional<Duration> delay;
    if (dice_.chance(0.6))
      delay = dice_.chance(0.5) ? Duration{} : dice_.duration(Duration{}, milliseconds(2000));
    daemon_.release(lease_, delay);
    return finished();
  }
  if (may(character_.piecemeal)) return ack_part();
  ++acks_;
  (void)daemon_.ack(lease_, whole_or_mixed());
  finished();
}

core::Selector Application::selector(std::size_t first, std::size_t last) {
  const Books::LeasedRecord& from = lease_->records[first];
  const Books::LeasedRecord& to = lease_->records[last];
  const bool one_partition = from.partition == to.partition;
  switch (one_partition ? dice_.index(3) : 0) {
    case 1:
      return core::OffsetSelector{from.partition, {from.offset, to.offset}};
    case 2:
      return core::ThroughSelector{to.partition, to.offset};
    default:
      return core::IndexSelector{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
  }
}

bool Application::has_poison(std::size_t first, std::size_t last) const {
  for (std::size_t i = first; i <= last; ++i) {
    if (lease_->records[i].poison) return true;
  }
  return false;
}

void Application::spare_poison(core::AckSpec& spec) {
  const std::size_t size = lease_->records.size();
  if (!has_poison(0, size - 1)) return;
  const bool give_back = good_ || dice_.chance(0.7);
  const bool reject = !good_ && context_.settings.dead_letters && dice_.chance(0.2);
  for (std::size_t i = 0; i < size; ++i) {
    if (!lease_->records[i].poison) continue;
    if (reject) {
      spec.reject.push_back({just(i), "it is poison"});
    } else if (give_back) {
      spec.release.push_back({just(i), std::nullopt});
    }
  }
  if (!give_back && !reject) {
    // It hangs: the lease runs out over it.
    spec.fallback = core::Default::kKeep;
    for (std::size_t i = 0; i < size; ++i) {
      if (!lease_->records[i].poison) spec.accept.push_back(just(i));
    }
  }
}

core::AckSpec Application::whole_or_mixed() {
  core::AckSpec spec;
  const bool poison = has_poison(0, lease_->records.size() - 1);
  const bool some = may(character_.release_some);
  const bool reject = may(character_.reject);
  const std::size_t size = lease_->records.size();
  const auto some_of_them = [&] {
    const std::size_t first = dice_.index(size);
    return selector(first, first + dice_.index(size - first));
  };
  if (some) {
    const auto lists = dice_.between(1, 3);
    for (std::int64_t i = 0; i < lists; ++i) {
      core::Release release{some_of_them(), std::nullopt};
      if (dice_.chance(0.5)) release.delay = dice_.duration(Duration{}, milliseconds(3000));
      spec.release.push_back(std::move(release));
    }
  }
  if (reject) {
    const std::size_t at = dice_.index(size);
    spec.reject.push_back(
        {selector(at, std::min(size - 1, at + dice_.index(3))), dice_.chance(0.5) ? "no good" : ""});
  }
  if ((some || reject) && !poison && dice_.chance(0.5)) {
    spec.fallback = core::Default::kKeep;
    const std::size_t other = dice_.index(size);
    spec.accept.push_back(selector(other, other));
  }
  spare_poison(spec);
  if (dice_.chance(0.1)) spec.await_commit = false;
  return spec;
}

/// Record by record or a few at a time, in order or not.
void Application::ack_part() {
  if (!daemon_.is_up() || life_ != daemon_.life()) return again();
  if (!daemon_.serves()) return later(milliseconds(50), &Application::ack_part);
  const std::size_t size = lease_->records.size();
  core::AckSpec spec;
  spec.fallback = core::Default::kKeep;
  const std::size_t first = dice_.chance(0.7) ? std::min(acked_to_, size - 1) : dice_.index(size);
  const std::size_t last = std::min(size - 1, first + dice_.index(10));
  if (!has_poison(0, size - 1)) {
    spec.accept.push_back(selector(first, last));
  } else {
    for (std::size_t i = first; i <= last; ++i) {
      if (!lease_->records[i].poison) spec.accept.push_back(just(i));
    }
    if (may(character_.reject))
      spec.reject.push_back(
          {core::IndexSelector{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)},
           "poison in it"});
  }
  acked_to_ = std::max(acked_to_, last + 1);
  ++acks_;
  (void)daemon_.ack(lease_, spec);
  if (acked_to_ >= size || dice_.chance(0.05)) return finished();
  later(dice_.duration(Duration{}, character_.work / 4), &Application::ack_part);
}

void Application::finished() {
  const bool harmless = !has_poison(0, lease_->records.size() - 1);
  if (may(character_.ack_twice) && harmless && daemon_.serves() && life_ == daemon_.life())
    (void)daemon_.ack(lease_, {});
  again();
}

}  // namespace sluice::simulation
