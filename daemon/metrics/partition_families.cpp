#include "daemon/metrics/families.hpp"
#include "daemon/metrics/family.hpp"

#include <algorithm>
#include <map>

namespace sluice::metrics {

namespace {

std::optional<std::int64_t> behind(const std::optional<core::Offset>& end,
                                   const std::optional<core::Offset>& from) {
  if (!end || !from) return std::nullopt;
  return std::max<std::int64_t>(0, *end - *from);
}

Labels labels_of(const ConsumerSnapshot& consumer, const core::TopicPartition& partition) {
  return {{"consumer", consumer.host->name()},
          {"group", consumer.status.group_id},
          {"topic", partition.topic},
          {"partition", std::to_string(partition.partition)}};
}

void add_lag_seconds(Family& family,
                     Labels labels,
                     const core::PartitionStatus& partition,
                     std::int64_t wall_ms) {
  const auto lag = partition.lag();
  if (lag == 0) {
    family.add(std::move(labels), 0.0);
  } else if (lag && partition.first_unsettled_timestamp) {
    const auto age_ms = std::max<std::int64_t>(0, wall_ms - *partition.first_unsettled_timestamp);
    family.add(std::move(labels), static_cast<double>(age_ms) / 1000);
  }
}

}  // namespace

void add_partition_families(const engine::Service& service,
                            const std::vector<ConsumerSnapshot>& consumers,
                            Families& out) {
  const std::int64_t wall_ms = service.to_wall_ms(service.now());
  Family lag = gauge(
      "sluice_partition_lag_records",
      "Records between the committed offset and the end of the partition. Absent until both are known.");
  Family lag_seconds =
      gauge("sluice_partition_lag_seconds", "Age of the first record that is not committed.");
  Family position_lag = gauge("sluice_partition_position_lag_records",
                              "Records between the next one to be handed out and the end of the partition.");
  Family end = gauge("sluice_partition_end_offset",
                     "High watermark of the partition, or its last stable offset with read_committed.");
  Family position = gauge("sluice_partition_position_offset", "Offset of the next record to be handed out.");
  Family committed =
      gauge("sluice_partition_committed_offset", "Offset last committed to the group coordinator.");
  Family paused =
      gauge("sluice_partition_paused", "1 while something keeps the partition from handing out records.");
  for (const ConsumerSnapshot& consumer : consumers) {
    for (const core::PartitionStatus& partition : consumer.status.partitions) {
      const Labels labels = labels_of(consumer, partition.partition);
      lag.add(labels, partition.lag());
      add_lag_seconds(lag_seconds, labels, partition, wall_ms);
      position_lag.add(labels, behind(partition.end, partition.position));
      end.add(labels, partition.end);
      position.add(labels, partition.position);
      committed.add(labels, partition.committed);
      paused.add(labels, partition.paused || partition.blocked_by ? 1.0 : 0.0);
    }
  }
  for (Family* family : {&lag, &lag_seconds, &position_lag, &end, &position, &committed, &paused})
    family->finish(out);
}

void add_topic_families(const std::vector<ConsumerSnapshot>& consumers, Families& out) {
  Family assigned =
      gauge("sluice_assigned_partitions", "Partitions of the topic that are assigned to this member.");
  Family buffered = gauge("sluice_buffer_bytes", "Bytes of records fetched and not yet settled.");
  Family fetched = counter("sluice_records_fetched_total", "Records fetched from brokers.");
  Family bytes = counter("sluice_bytes_fetched_total", "Bytes of records fetched, after decompression.");
  Family wire_bytes =
      counter("sluice_wire_bytes_fetched_total", "Bytes of records fetched, before decompression.");
  Family delivered =
      counter("sluice_records_delivered_total", "Records handed out, by whether it was another time.");
  Family acked = counter("sluice_records_acked_total", "Records settled or given back by the application.");
  Family expired =
      counter("sluice_lease_expirations_total", "Records whose lease ran out before they were settled.");
  Family corrupt = counter("sluice_corrupt_batches_total", "Record batches that could not be decoded.");
  Family undecodable = counter("sluice_undecodable_batches_total",
                               "Intact record batches that cannot be read: handed out as one record.");
  Family oversized =
      counter("sluice_oversized_batches_total",
              "Record batches that decompress to more than is allowed: handed out as one record.");
  Family rejected = counter("sluice_records_rejected_total", "Records that the application rejected.");
  Family exhausted =
      counter("sluice_records_exhausted_total", "Records given up after max.deliveries deliveries.");
  Family letters = counter("sluice_records_dead_lettered_total", "Records written to the dead letter topic.");
  Family skipped = counter("sluice_offsets_skipped_total", "Offsets passed without a delivery, by reason.");
  for (const ConsumerSnapshot& consumer : consumers) {
    const Labels base{{"consumer", consumer.host->name()}, {"group", consumer.status.group_id}};
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> topics;  // partitions, bytes
    for (const core::PartitionStatus& partition : consumer.status.partitions) {
      auto& [count, buffer] = topics[partition.partition.topic];
      ++count;
      buffer += partition.buffered_records_bytes;
    }
    for (const auto& [topic, numbers] : topics) {
      assigned.add(with(base, "topic", topic), numbers.first);
      buffered.add(with(base, "topic", topic), numbers.second);
    }
    for (const auto& [topic, stats] : consumer.host->stats().topics) {
      const Labels labels = with(base, "topic", topic);
      fetched.add(labels, stats.records_fetched);
      bytes.add(labels, stats.bytes_fetched);
      wire_bytes.add(labels, stats.wire_bytes_fetched);
      delivered.add(with(labels, "redelivery", "false"), stats.delivered_first);
      delivered.add(with(labels, "redelivery", "true"), stats.delivered_again);
      acked.add(with(labels, "result", "ok"), stats.acked);
      acked.add(with(labels, "result", "released"), stats.released);
      expired.add(labels, stats.lease_expirations);
      corrupt.add(labels, stats.corrupt_batches);
      undecodable.add(labels, stats.undecodable_batches);
      oversized.add(labels, stats.oversized_batches);
      rejected.add(labels, stats.rejected);
      exhausted.add(labels, stats.exhausted);
      letters.add(labels, stats.dead_lettered);
      skipped.add(labels, "reason", stats.skipped);
    }
  }
  for (Family* family : {&assigned, &buffered, &fetched, &bytes, &wire_bytes, &delivered, &acked, &expired,
                         &corrupt, &undecodable, &oversized, &rejected, &exhausted, &letters, &skipped}) {
    family->finish(out);
  }
}

}  // namespace sluice::metrics
