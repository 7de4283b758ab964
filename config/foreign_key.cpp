#include "config/foreign_key.hpp"

#include <array>

namespace sluice::config {
namespace {

using enum ForeignKey::Kind;

constexpr std::string_view kProducer = "it is a producer setting, and this is a consumer; remove it";
constexpr std::string_view kBroker = "it is a broker or topic setting; remove it";
constexpr std::string_view kBytes = "the application gets bytes over HTTP and decodes them; remove it";
constexpr std::string_view kCommit = "a commit follows the application's ack; remove it";
constexpr std::string_view kMetrics = "metrics are served at /metrics of admin.listen; remove it";
constexpr std::string_view kSockets = "the operating system sizes the socket; remove it";
constexpr std::string_view kShare = "it is a setting of share consumers; remove it";
constexpr std::string_view kMemory = "memory.budget bounds what is held in advance; remove it";
constexpr std::string_view kLog = "use log.level; remove it";
constexpr std::string_view kLibrdkafka = "it tunes librdkafka, which is not used here; remove it";
constexpr std::string_view kJava = "it names Java code, which cannot run here; remove it";
constexpr std::string_view kPlaintext = "connect with security.protocol: PLAINTEXT and remove it";

constexpr auto kTable = std::to_array<ForeignKey>({
    // Kafka 4.3, ConsumerConfig.
    {"max.poll.interval.ms", kReplaced,
     "membership does not depend on polls: lease.ms bounds processing, rebalance.timeout.ms a rebalance; "
     "remove it"},
    {"enable.auto.commit", kReplaced, kCommit},
    {"auto.commit.interval.ms", kReplaced, kCommit},
    {"key.deserializer", kReplaced, kBytes},
    {"value.deserializer", kReplaced, kBytes},
    {"interceptor.classes", kReplaced, kJava},
    {"security.providers", kReplaced, kJava},
    {"config.providers", kReplaced, "${ENV} and ${file:/path} are understood without it; remove it"},
    {"exclude.internal.topics", kReplaced, "only the topics named in topics are read; remove it"},
    {"default.api.timeout.ms", kReplaced, "request.timeout.ms bounds requests, wait_ms a fetch; remove it"},
    {"socket.connection.setup.timeout.max.ms", kReplaced,
     "socket.connection.setup.timeout.ms holds for every attempt; remove it"},
    {"client.dns.lookup", kReplaced, "every address of a host name is tried; remove it"},
    {"receive.buffer.bytes", kReplaced, kSockets},
    {"send.buffer.bytes", kReplaced, kSockets},
    {"enable.metrics.push", kReplaced, kMetrics},
    {"metric.reporters", kReplaced, kMetrics},
    {"auto.include.jmx.reporter", kReplaced, kMetrics},
    {"group.remote.assignor", kReplaced, "it works only with group.protocol: consumer; remove it"},
    {"metadata.recovery.strategy", kReplaced,
     "bootstrap.servers are asked again when no broker answers; remove it"},
    {"metadata.recovery.rebootstrap.trigger.ms", kReplaced,
     "bootstrap.servers are asked again when no broker answers; remove it"},
    {"share.acknowledgement.mode", kReplaced, kShare},
    {"share.acquire.mode", kReplaced, kShare},
    // librdkafka.
    {"queued.min.messages", kReplaced, kMemory},
    {"queued.max.messages.kbytes", kReplaced, kMemory},
    {"receive.message.max.bytes", kReplaced, kMemory},
    {"enable.auto.offset.store", kReplaced, kCommit},
    {"offset.store.method", kReplaced, kCommit},
    {"fetch.error.backoff.ms", kReplaced, "retry.backoff.ms takes its place; remove it"},
    {"fetch.queue.backoff.ms", kReplaced, kMemory},
    {"enable.partition.eof", kReplaced, "an empty fetch says its reason; remove it"},
    {"statistics.interval.ms", kReplaced, kMetrics},
    {"log_level", kReplaced, kLog},
    {"debug", kReplaced, kLog},
    {"log.connection.close", kReplaced, kLog},
    {"socket.send.buffer.bytes", kReplaced, kSockets},
    {"socket.receive.buffer.bytes", kReplaced, kSockets},
    {"socket.keepalive.enable", kReplaced, kLibrdkafka},
    {"socket.nagle.disable", kReplaced, kLibrdkafka},
    {"socket.max.fails", kReplaced, kLibrdkafka},
    {"api.version.request", kReplaced, kLibrdkafka},
    {"api.version.request.timeout.ms", kReplaced, kLibrdkafka},
    {"api.version.fallback.ms", kReplaced, kLibrdkafka},
    {"broker.version.fallback", kReplaced, kLibrdkafka},
    {"broker.address.family", kReplaced, kLibrdkafka},
    {"broker.address.ttl", kReplaced, kLibrdkafka},
    {"coordinator.query.interval.ms", kReplaced, kLibrdkafka},
    {"topic.metadata.refresh.fast.interval.ms", kReplaced, kLibrdkafka},
    {"topic.metadata.refresh.sparse", kReplaced, kLibrdkafka},
    {"topic.metadata.propagation.max.ms", kReplaced, kLibrdkafka},
    {"topic.blacklist", kReplaced, "only the topics named in topics are read; remove it"},
    {"consume.callback.max.messages", kReplaced, "max.poll.records bounds a batch; remove it"},
    {"plugin.library.paths", kReplaced, kLibrdkafka},
    // Producers.
    {"acks", kNotConsumer, kProducer},
    {"request.required.acks", kNotConsumer, kProducer},
    {"batch.size", kNotConsumer, kProducer},
    {"batch.num.messages", kNotConsumer, kProducer},
    {"buffer.memory", kNotConsumer, kProducer},
    {"delivery.timeout.ms", kNotConsumer, kProducer},
    {"message.timeout.ms", kNotConsumer, kProducer},
    {"enable.idempotence", kNotConsumer, kProducer},
    {"key.serializer", kNotConsumer, kProducer},
    {"value.serializer", kNotConsumer, kProducer},
    {"linger.ms", kNotConsumer, kProducer},
    {"max.block.ms", kNotConsumer, kProducer},
    {"max.in.flight.requests.per.connection", kNotConsumer, kProducer},
    {"max.in.flight", kNotConsumer, kProducer},
    {"max.request.size", kNotConsumer, kProducer},
    {"metadata.max.idle.ms", kNotConsumer, kProducer},
    {"partitioner", kNotConsumer, kProducer},
    {"retries", kNotConsumer, kProducer},
    {"message.send.max.retries", kNotConsumer, kProducer},
    {"transactional.id", kNotConsumer, kProducer},
    {"transaction.timeout.ms", kNotConsumer, kProducer},
    // Brokers, topics, administration.
    {"bootstrap.controllers", kNotConsumer, "it is for administration clients; use bootstrap.servers"},
    {"message.max.bytes", kNotConsumer, kBroker},
    {"max.message.bytes", kNotConsumer, kBroker},
    {"group.min.session.timeout.ms", kNotConsumer, kBroker},
    {"group.max.session.timeout.ms", kNotConsumer, kBroker},
    {"group.initial.rebalance.delay.ms", kNotConsumer, kBroker},
    {"offsets.retention.minutes", kNotConsumer, kBroker},
    {"min.insync.replicas", kNotConsumer, kBroker},
    // Families.
    {"sasl.*", kUnsupported, kPlaintext},
    {"ssl.*", kUnsupported, kPlaintext},
    {"enable.ssl.certificate.verification", kUnsupported, kPlaintext},
    {"enable.sasl.oauthbearer.unsecure.jwt", kUnsupported, kPlaintext},
    {"metrics.*", kReplaced, kMetrics},
    {"internal.*", kReplaced, kJava},
    {"partitioner.*", kNotConsumer, kProducer},
    {"compression.*", kNotConsumer, kProducer},
    {"queue.buffering.*", kNotConsumer, kProducer},
});

}  // namespace

std::span<const ForeignKey> foreign_keys() { return kTable; }

const ForeignKey* find_foreign_key(std::string_view name) {
  for (const ForeignKey& key : kTable) {
    const bool family = key.name.ends_with('*');
    if (family ? name.starts_with(key.name.substr(0, key.name.size() - 1)) : name == key.name) {
      return &key;
    }
  }
  return nullptr;
}

}  // namespace sluice::config
