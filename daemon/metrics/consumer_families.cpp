#include "daemon/metrics/families.hpp"
#include "daemon/metrics/family.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace sluice::metrics {

namespace {

// Of core::MemberState; a state set shows all of them, so that an alert can name one that was never reached.
constexpr std::array<std::string_view, 8> kGroupStates{"unjoined", "revoking", "joining", "syncing",
                                                       "stable",   "leaving",  "left",    "failed"};

double seconds(core::Duration duration) { return std::chrono::duration<double>(duration).count(); }

Labels labels_of(const ConsumerSnapshot& consumer) {
  return {{"consumer", consumer.host->name()}, {"group", consumer.status.group_id}};
}

void add_timestamp(Family& family, const Labels& labels, std::int64_t wall_ms) {
  if (wall_ms > 0) family.add(labels, static_cast<double>(wall_ms) / 1000);
}

void add_leases(const engine::Service& service,
                const std::vector<ConsumerSnapshot>& consumers,
                Families& out) {
  Family batches = gauge("sluice_inflight_batches", "Open leases.");
  Family records = gauge("sluice_inflight_records", "Records leased and not settled.");
  Family bytes = gauge("sluice_inflight_bytes", "Bytes of the batches with an open lease.");
  Family oldest =
      gauge("sluice_oldest_lease_age_seconds", "Age of the oldest open lease; 0 when there is none.");
  Family waiting = gauge("sluice_waiting_fetches", "Fetches of applications that wait for records.");
  for (const ConsumerSnapshot& consumer : consumers) {
    const Labels labels = labels_of(consumer);
    std::uint64_t unsettled = 0;
    std::int64_t size = 0;
    core::Duration age{};
    for (const core::OpenLease& lease : consumer.status.leases) {
      unsettled += lease.unsettled;
      size += lease.bytes;
      age = std::max(age, service.now() - lease.granted_at);
    }
    batches.add(labels, static_cast<std::uint64_t>(consumer.status.leases.size()));
    records.add(labels, unsettled);
    bytes.add(labels, size);
    oldest.add(labels, seconds(age));
    waiting.add(labels, static_cast<std::uint64_t>(consumer.status.waiting_fetches));
  }
  for (Family* family : {&batches, &records, &bytes, &oldest, &waiting}) family->finish(out);
}

void add_membership(const std::vector<ConsumerSnapshot>& consumers, Families& out) {
  Family identity = gauge("sluice_info", "Identity of the consumer; always 1.");
  Family state = gauge("sluice_group_state", "1 for the state of the group membership, 0 for the others.");
  Family heartbeats = counter("sluice_heartbeats_total", "Heartbeats answered, by result.");
  Family heartbeat_at =
      gauge("sluice_last_heartbeat_success_timestamp_seconds", "When a heartbeat last succeeded.");
  Family rebalances = counter("sluice_rebalances_total", "Rebalances of the group, by what began them.");
  Family rebalance =
      histogram("sluice_rebalance_duration_seconds", "From the begin of a rebalance to its end.");
  Family lost = counter("sluice_partitions_lost_total", "Partitions taken away without a chance to commit.");
  for (const ConsumerSnapshot& consumer : consumers) {
    const core::ConsumerStats& stats = consumer.host->stats();
    const Labels labels = labels_of(consumer);
    Labels named = with(labels, "protocol", consumer.status.protocol);
    named = with(std::move(named), "instance_id", consumer.status.identity.instance_id.value_or(""));
    identity.add(std::move(named), 1.0);
    for (const std::string_view name : kGroupStates) {
      state.add(with(labels, "state", std::string(name)), consumer.status.state == name ? 1.0 : 0.0);
    }
    heartbeats.add(labels, "result", stats.heartbeats, {"ok"});
    add_timestamp(heartbeat_at, labels, stats.last_heartbeat_wall_ms);
    rebalances.add(labels, "reason", stats.rebalances,
                   {"joined", "revoked", "fenced", "member_expired", "coordinator_moved"});
    rebalance.add(labels, stats.rebalance_seconds);
    lost.add(labels, stats.partitions_lost);
  }
  for (Family* family : {&identity, &state, &heartbeats, &heartbeat_at, &rebalances, &rebalance, &lost}) {
    family->finish(out);
  }
}

void add_work(const std::vector<ConsumerSnapshot>& consumers, Families& out) {
  Family polls = counter("sluice_polls_total", "Fetches of applications, by how they ended.");
  Family poll_at = gauge("sluice_last_poll_timestamp_seconds", "When an application last fetched.");
  Family stale = counter("sluice_stale_acks_total", "Acks that came too late to count, by reason.");
  Family commits = counter("sluice_commits_total", "Offset commits, by result.");
  Family commit_at = gauge("sluice_last_commit_timestamp_seconds", "When a commit last succeeded.");
  Family commit = histogram("sluice_commit_duration_seconds", "From the request of a commit to its answer.");
  Family age = histogram("sluice_record_age_seconds", "Age of records when they reach a stage.");
  Family records = histogram("sluice_batch_records", "Records in a batch handed out.");
  Family bytes = histogram("sluice_batch_bytes", "Payload bytes in a batch handed out.");
  for (const ConsumerSnapshot& consumer : consumers) {
    const core::ConsumerStats& stats = consumer.host->stats();
    const Labels labels = labels_of(consumer);
    polls.add(labels, "result", stats.polls, {"records", "empty", "busy", "draining"});
    add_timestamp(poll_at, labels, stats.last_poll_wall_ms);
    stale.add(labels, "reason", stats.stale_acks, {"expired", "revoked", "unknown"});
    commits.add(labels, "result", stats.commits, {"ok", "retriable", "fenced", "failed"});
    add_timestamp(commit_at, labels, stats.last_commit_wall_ms);
    commit.add(labels, stats.commit_seconds);
    age.add(with(labels, "stage", "delivered"), stats.record_age_delivered);
    records.add(labels, stats.batch_records);
    bytes.add(labels, stats.batch_bytes);
  }
  for (Family* family : {&polls, &poll_at, &stale, &commits, &commit_at, &commit, &age, &records, &bytes}) {
    family->finish(out);
  }
}

void add_flow(const std::vector<ConsumerSnapshot>& consumers, Families& out) {
  Family paused = gauge("sluice_consumer_paused", "1 while the consumer is paused as a whole.");
  Family idle = gauge("sluice_app_idle",
                      "1 while the application has been silent for longer than app.idle.timeout.ms.");
  Family records =
      gauge("sluice_window_records", "Records that may be leased at once. Absent while there is no bound.");
  Family bytes =
      gauge("sluice_window_bytes", "Bytes that may be leased at once. Absent while there is no bound.");
  Family changes =
      counter("sluice_window_changes_total", "Changes of an adaptive window, by what brought them about.");
  Family letters =
      gauge("sluice_dead_letters_waiting",
            "Records that the dead letter topic has not taken yet. Absent without such a topic.");
  for (const ConsumerSnapshot& consumer : consumers) {
    const core::ConsumerStatus& status = consumer.status;
    const core::WindowStatus& window = status.window;
    const Labels labels = labels_of(consumer);
    paused.add(labels, status.paused ? 1.0 : 0.0);
    idle.add(labels, status.idle ? 1.0 : 0.0);
    if (window.records >= 0) records.add(labels, window.records);
    if (window.bytes >= 0) bytes.add(labels, window.bytes);
    if (window.adaptive) {
      changes.add(with(labels, "change", "grown"), window.changes.grown);
      changes.add(with(labels, "change", "slow"), window.changes.slow);
      changes.add(with(labels, "change", "expired"), window.changes.expired);
      changes.add(with(labels, "change", "released"), window.changes.released);
      changes.add(with(labels, "change", "measured"), window.changes.measured);
    }
    if (!status.dead_letters.topic.empty()) letters.add(labels, status.dead_letters.waiting);
  }
  for (Family* family : {&paused, &idle, &records, &bytes, &changes, &letters}) family->finish(out);
}

}  // namespace

void add_consumer_families(const engine::Service& service,
                           const std::vector<ConsumerSnapshot>& consumers,
                           Families& out) {
  add_membership(consumers, out);
  add_leases(service, consumers, out);
  add_work(consumers, out);
  add_flow(consumers, out);
}

}  // namespace sluice::metrics
