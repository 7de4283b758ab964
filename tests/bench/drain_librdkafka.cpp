// Drains a topic with librdkafka in-process: batch consume, every value touched, offsets stored and committed
// in the background. Prints one JSON line. usage: drain_librdkafka BROKERS TOPIC GROUP RECORDS [key=value
// ...]

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <librdkafka/rdkafka.h>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace {

constexpr std::size_t kBatch = 10'000;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

bool set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK)
    return true;
  std::fprintf(stderr, "drain_librdkafka: %s\n", error);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: drain_librdkafka BROKERS TOPIC GROUP RECORDS [key=value ...]\n", stderr);
    return EXIT_FAILURE;
  }
  const std::uint64_t wanted = std::strtoull(argv[4], nullptr, 10);
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  bool ok = set(conf, "bootstrap.servers", argv[1]) && set(conf, "group.id", argv[3]) &&
            set(conf, "auto.offset.reset", "earliest") && set(conf, "enable.auto.commit", "true");
  for (int i = 5; ok && i < argc; ++i) {
    const std::string pair = argv[i];
    const std::size_t equals = pair.find('=');
    ok = equals != std::string::npos && set(conf, pair.substr(0, equals), pair.substr(equals + 1));
  }
  char error[512];
  rd_kafka_t* consumer = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error) : nullptr;
  if (consumer == nullptr) return EXIT_FAILURE;
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);

  std::vector<rd_kafka_message_t*> messages(kBatch);
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t touched = 0;
  std::chrono::steady_clock::time_point start;
  while (records < wanted) {
    const ssize_t n = rd_kafka_consume_batch_queue(queue, 100, messages.data(), messages.size());
    for (ssize_t i = 0; i < n; ++i) {
      rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (records == 0)
          start = std::chrono::steady_clock::now();  // joining the group is not what is measured
        ++records;
        bytes += message->len;
        touched += memchr(message->payload, 0, message->len) != nullptr ? 1 : 0;
      }
      rd_kafka_message_destroy(message);
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf(
      "{\"records\":%llu,\"value_bytes\":%llu,\"seconds\":%.4f,\"cpu\":%.3f,\"peak_kib\":%ld,"
      "\"version\":\"%s\",\"zeros\":%llu}\n",
      static_cast<unsigned long long>(records), static_cast<unsigned long long>(bytes), seconds,
      cpu_seconds(), peak_kib(), rd_kafka_version_str(), static_cast<unsigned long long>(touched));
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return EXIT_SUCCESS;
}
