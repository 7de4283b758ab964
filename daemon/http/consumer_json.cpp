#include "daemon/http/consumer_json.hpp"

#include "daemon/http/response.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace sluice::http {

namespace {

using nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json lag_seconds(const core::PartitionStatus& partition, std::int64_t wall_ms) {
  const auto lag = partition.lag();
  if (lag == 0) return 0.0;
  if (!lag || !partition.first_unsettled_timestamp) return nullptr;
  return static_cast<double>(std::max<std::int64_t>(0, wall_ms - *partition.first_unsettled_timestamp)) /
         1000;
}

ordered_json status_json(const core::PartitionStatus& partition, std::int64_t wall_ms) {
  ordered_json out = partition_json(partition.partition);
  out["leader"] = partition.leader < 0 ? ordered_json(nullptr) : ordered_json(partition.leader);
  out["committed"] = or_null(partition.committed);
  out["position"] = or_null(partition.position);
  out["fetch_position"] = or_null(partition.fetch_position);
  out["end"] = or_null(partition.end);
  out["log_start"] = or_null(partition.log_start);
  out["lag"] = or_null(partition.lag());
  out["lag_seconds"] = lag_seconds(partition, wall_ms);
  out["buffered_bytes"] = partition.buffered_records_bytes;
  out["leased_records"] = partition.leased_records;
  out["returned_records"] = partition.returned_records;
  out["condemned_records"] = partition.condemned_records;
  out["settled_ahead"] = partition.settled_ahead;
  out["foreign_metadata"] = partition.foreign_metadata;
  out["paused"] = partition.paused;
  out["blocked_by"] = nullptr;
  if (partition.blocked_by) {
    out["blocked_by"] = {{"code", partition.blocked_by->code}, {"text", partition.blocked_by->text}};
  }
  return out;
}

std::string_view word_of(core::OrderMode order) {
  switch (order) {
    case core::OrderMode::kPartition:
      return "partition";
    case core::OrderMode::kKey:
      return "key";
    case core::OrderMode::kNone:
      return "none";
  }
  return "unknown";
}

ordered_json bound_json(std::int64_t bound) {
  return bound < 0 ? ordered_json(nullptr) : ordered_json(bound);
}

ordered_json window_json(const core::WindowStatus& window) {
  return {{"mode", window.adaptive ? "adaptive" : "fixed"},
          {"records", bound_json(window.records)},
          {"bytes", bound_json(window.bytes)},
          {"leased_records", window.leased_records},
          {"leased_bytes", window.leased_bytes}};
}

ordered_json dead_letters_json(const core::DeadLetterStatus& letters) {
  if (letters.topic.empty()) return nullptr;
  return {{"topic", letters.topic}, {"waiting", letters.waiting}, {"error", or_null(letters.error)}};
}

ordered_json summary_of(const std::string& name, const core::ConsumerStatus& status) {
  std::int64_t lag = 0;
  bool lag_known = !status.partitions.empty();
  for (const core::PartitionStatus& partition : status.partitions) {
    const auto behind = partition.lag();
    lag_known = lag_known && behind.has_value();
    lag += behind.value_or(0);
  }
  ordered_json out;
  out["name"] = name;
  out["group"] = status.group_id;
  out["state"] = status.state;
  out["draining"] = status.draining;
  out["paused"] = status.paused;
  out["idle"] = status.idle;
  out["error"] = or_null(status.error);
  out["assigned_partitions"] = status.partitions.size();
  out["open_batches"] = status.leases.size();
  out["waiting_fetches"] = status.waiting_fetches;
  out["lag"] = lag_known ? ordered_json(lag) : ordered_json(nullptr);
  return out;
}

}  // namespace

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json time_json(const engine::Service& service, core::TimePoint when) {
  if (when == core::kNever || when == core::TimePoint{}) return nullptr;
  return iso_8601(service.to_wall_ms(when));
}

ordered_json partition_json(const core::TopicPartition& partition) {
  return {{"topic", partition.topic}, {"partition", partition.partition}};
}

ordered_json lease_json(const engine::Service& service, const core::OpenLease& lease) {
  ordered_json out;
  out["batch_id"] = lease.id.to_string();
  out["request_id"] = text_or_null(lease.request_id);
  out["granted_at"] = time_json(service, lease.granted_at);
  out["lease_expires_at"] = time_json(service, lease.expires_at);
  out["age_ms"] = duration_cast<milliseconds>(service.now() - lease.granted_at).count();
  out["record_count"] = lease.records;
  out["unsettled"] = lease.unsettled;
  out["bytes"] = lease.bytes;
  ordered_json ranges = ordered_json::array();
  for (const auto& [partition, range] : lease.ranges) {
    ordered_json entry = partition_json(partition);
    entry["from"] = range.first;
    entry["to"] = range.last;
    ranges.push_back(std::move(entry));
  }
  out["ranges"] = std::move(ranges);
  return out;
}

ordered_json revoking_json(const engine::Service& service,
                           const std::vector<core::RevokingPartition>& revoking) {
  ordered_json out = ordered_json::array();
  for (const core::RevokingPartition& entry : revoking) {
    out.push_back(partition_json(entry.partition));
    out.back()["deadline"] = time_json(service, entry.finish_by);
  }
  return out;
}

ordered_json summary_json(const engine::ConsumerHost& host) { return summary_of(host.name(), host.status()); }

ordered_json consumer_json(const engine::Service& service, const engine::ConsumerHost& host) {
  const core::ConsumerStatus status = host.status();
  const std::int64_t wall_ms = service.to_wall_ms(service.now());
  ordered_json out = summary_of(host.name(), status);
  out["protocol"] = text_or_null(status.protocol);
  out["assignor"] = text_or_null(status.assignor);
  out["member_id"] = text_or_null(status.identity.member_id);
  out["generation"] =
      status.identity.generation < 0 ? ordered_json(nullptr) : ordered_json(status.identity.generation);
  out["instance_id"] = or_null(status.identity.instance_id);
  out["order"] = word_of(status.order);
  out["window"] = window_json(status.window);
  out["dead_letters"] = dead_letters_json(status.dead_letters);
  out["last_heartbeat_at"] = time_json(service, status.last_heartbeat_success);
  out["last_fetch_at"] = time_json(service, status.last_fetch_call);
  ordered_json partitions = ordered_json::array();
  for (const core::PartitionStatus& partition : status.partitions)
    partitions.push_back(status_json(partition, wall_ms));
  out["partitions"] = std::move(partitions);
  out["revoking"] = revoking_json(service, status.revoking);
  ordered_json leases = ordered_json::array();
  for (const core::OpenLease& lease : status.leases) leases.push_back(lease_json(service, lease));
  out["batches"] = std::move(leases);
  return out;
}

}  // namespace sluice::http
