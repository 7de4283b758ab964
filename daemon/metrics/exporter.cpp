#include "daemon/metrics/exporter.hpp"

#include "daemon/metrics/families.hpp"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

namespace sluice::metrics {

namespace {

// prometheus-cpp's own Gauge and Counter objects would have to be removed by hand when a partition goes away.
class Collector : public prometheus::Collectable {
 public:
  Collector(engine::Service& service, const HttpStats& http) : service_(service), http_(http) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<ConsumerSnapshot> consumers;
    for (const engine::ConsumerHost* host : service_.consumers()) consumers.push_back({host, host->status()});
    Families families;
    add_daemon_families(service_, families);
    add_consumer_families(service_, consumers, families);
    add_topic_families(consumers, families);
    add_partition_families(service_, consumers, families);
    add_http_families(http_, families);
    add_process_families(families);
    return families;
  }

 private:
  engine::Service& service_;
  const HttpStats& http_;
};

}  // namespace

std::string Exporter::text() const {
  return prometheus::TextSerializer().Serialize(Collector(service_, http_).Collect());
}

}  // namespace sluice::metrics
