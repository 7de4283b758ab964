#pragma once

#include "daemon/engine/service.hpp"
#include "daemon/metrics/http_stats.hpp"

#include <prometheus/metric_family.h>

#include <vector>

/// The metric families of the daemon, each group built anew at every scrape from a snapshot: a series that
/// belongs to something that is gone (a revoked partition) is gone with it.
namespace sluice::metrics {

using Families = std::vector<prometheus::MetricFamily>;

/// One consumer as it is during a scrape.
struct ConsumerSnapshot {
  const engine::ConsumerHost* host;
  core::ConsumerStatus status;
};

/// Positions, lag and buffers of each assigned partition.
void add_partition_families(const engine::Service& service,
                            const std::vector<ConsumerSnapshot>& consumers,
                            Families& out);
/// Membership, leases, deliveries, commits of each consumer.
void add_consumer_families(const engine::Service& service,
                           const std::vector<ConsumerSnapshot>& consumers,
                           Families& out);
/// Records and bytes by topic.
void add_topic_families(const std::vector<ConsumerSnapshot>& consumers, Families& out);
/// Build, state, memory budget.
void add_daemon_families(engine::Service& service, Families& out);
void add_http_families(const HttpStats& stats, Families& out);
/// CPU, memory, files, threads of the process, under the names every Prometheus client library uses.
void add_process_families(Families& out);

}  // namespace sluice::metrics
