#include "config/validate.hpp"

#include "config/address.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace sluice::config {
namespace {

constexpr std::size_t kConsumerNameMax = 64;

/// Where a rule may point: the setting as written, for the consumer or for all, or else the consumer's name.
struct Spot {
  std::string key;
  Origin origin;
};

class Rules {
 public:
  Rules(Collector& collector, const Options& options) : collector_(collector), options_(options) {}

  void consumer(const std::string& name) {
    name_ = name;
    consumer_ = &options_.consumers.at(name);
    check_name();
    check_required();
    check_membership();
    check_backoff();
    check_sizes();
    check_failing_records();
    check_idle();
  }

  void identities() {
    std::map<std::pair<std::string, std::string>, std::string> seen;
    for (const auto& [name, consumer] : options_.consumers) {
      if (consumer.kafka.group_instance_id.empty() || consumer.kafka.group_id.empty()) {
        continue;
      }
      const auto [first, fresh] =
          seen.try_emplace({consumer.kafka.group_id, consumer.kafka.group_instance_id}, name);
      name_ = name;
      if (!fresh) {
        error(spot({"group.instance.id"}),
              "is also that of consumer " + first->second +
                  " in the same group, and the two would fence each other",
              "give each its own group.instance.id");
      }
    }
  }

  void listeners() {
    for (std::size_t i = 0; i < options_.http.listen.size(); ++i) {
      const ListenAddress& address = options_.http.listen[i];
      if (!is_local(address)) {
        error(listen_spot(Section::kHttp, i),
              format(address) +
                  " can be reached from other hosts, and there is no authentication in this version",
              "use 127.0.0.1, [::1] or unix:/path");
      }
      for (std::size_t j = 0; j < i; ++j) {
        refuse_collision(Section::kHttp, i, address, options_.http.listen[j],
                         "an earlier address of http.listen");
      }
    }
    for (std::size_t i = 0; i < options_.admin.listen.size(); ++i) {
      const ListenAddress& address = options_.admin.listen[i];
      for (std::size_t j = 0; j < i; ++j) {
        refuse_collision(Section::kAdmin, i, address, options_.admin.listen[j],
                         "an earlier address of admin.listen");
      }
      // Whoever wrote only http.listen is told there, not at a default that nobody can see.
      const bool written = is_set({Section::kAdmin, {}}, "listen");
      for (std::size_t j = 0; j < options_.http.listen.size(); ++j) {
        const ListenAddress& other = options_.http.listen[j];
        if (written) {
          refuse_collision(Section::kAdmin, i, address, other, "http.listen");
        } else {
          refuse_collision(Section::kHttp, j, other, address, "admin.listen, whose default it is");
        }
      }
    }
  }

  void memory(std::optional<std::int64_t> limit) {
    if (limit && options_.memory.budget >= *limit && is_set({Section::kMemory, {}}, "budget")) {
      const Spot at = flat_spot(Section::kMemory, "budget");
      collector_.warn({at.origin,
                       at.key,
                       "is not below the container's memory limit of " + format_size(*limit),
                       {},
                       "leave it out for half of that limit, or raise the limit"});
    }
  }

 private:
  [[nodiscard]] Place place() const { return {Section::kConsumer, name_}; }

  [[nodiscard]] bool is_set(const Place& where, std::string_view setting) const {
    return collector_.assignments().contains(path_of(where, setting));
  }

  [[nodiscard]] bool is_explicit(std::string_view setting) const {
    return is_set(place(), setting) || is_set({Section::kKafka, {}}, setting);
  }

  [[nodiscard]] bool readable(std::initializer_list<std::string_view> names) const {
    return std::none_of(names.begin(), names.end(), [&](std::string_view name) {
      return collector_.has_failed(path_of(place(), name)) ||
             (!is_set(place(), name) && collector_.has_failed(path_of({Section::kKafka, {}}, name)));
    });
  }

  /// The first of the settings that someone wrote; if nobody did, the consumer.
  [[nodiscard]] Spot spot(std::initializer_list<std::string_view> names) const {
    for (const Place& where : {place(), Place{Section::kKafka, {}}}) {
      for (const std::string_view name : names) {
        const auto found = collector_.assignments().find(path_of(where, name));
        if (found != collector_.assignments().end()) {
          return {found->first, found->second.origin};
        }
      }
    }
    return {path_of(place(), *names.begin()), collector_.consumers().at(name_)};
  }

  [[nodiscard]] Spot flat_spot(Section section, std::string_view name) const {
    const std::string path = path_of({section, {}}, name);
    const auto found = collector_.assignments().find(path);
    return {path, found == collector_.assignments().end() ? Origin{} : found->second.origin};
  }

  [[nodiscard]] Spot listen_spot(Section section, std::size_t index) const {
    Spot at = flat_spot(section, "listen");
    const auto found = collector_.assignments().find(at.key);
    if (found != collector_.assignments().end() && found->second.listed &&
        index < found->second.items.size()) {
      at.origin = found->second.items[index].origin;
    }
    return at;
  }

  /// One contradiction between shared settings holds for every consumer: it is told once.
  void error(const Spot& at, std::string what, std::string remedy) {
    Problem problem{at.origin, at.key, std::move(what), {}, std::move(remedy)};
    const std::vector<Problem>& told = collector_.errors();
    if (std::find(told.begin(), told.end(), problem) == told.end()) {
      collector_.error(std::move(problem));
    }
  }

  void warning(const Spot& at, std::string what, std::string remedy) {
    Problem problem{at.origin, at.key, std::move(what), {}, std::move(remedy)};
    const std::vector<Problem>& told = collector_.warnings();
    if (std::find(told.begin(), told.end(), problem) == told.end()) {
      collector_.warn(std::move(problem));
    }
  }

  void refuse_collision(Section section,
                        std::size_t index,
                        const ListenAddress& address,
                        const ListenAddress& other,
                        const std::string& which) {
    if (collides(address, other)) {
      error(listen_spot(section, index), format(address) + " is taken by " + which,
            address.kind == ListenAddress::Kind::kUnix ? "use another path" : "use another port");
    }
  }

  void check_name() {
    const auto legal = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    if (name_.empty() || name_.size() > kConsumerNameMax || name_ == "." || name_ == ".." ||
        !std::all_of(name_.begin(), name_.end(), legal)) {
      error({path_of(place(), ""), collector_.consumers().at(name_)}, "is not a legal name of a consumer",
            "use 1 to 64 of a-z, 0-9, dot, underscore and dash: it stands in URLs");
    }
  }

  void check_required() {
    const std::array<std::pair<std::string_view, bool>, 3> needed{{
        {"bootstrap.servers", consumer_->kafka.bootstrap_servers.empty()},
        {"group.id", consumer_->kafka.group_id.empty()},
        {"topics", consumer_->topics.empty()},
    }};
    for (const auto& [name, missing] : needed) {
      if (missing && readable({name}) && !is_misspelt(name)) {
        const bool shared = name == "bootstrap.servers";
        const char* what = is_explicit(name) ? "is empty" : "is missing";
        error(spot({name}), what,
              "write " + std::string(name) + (shared ? " under kafka" : " under " + path_of(place(), "")));
      }
    }
  }

  /// `group.idd` is enough to say; that group.id is missing follows from it.
  [[nodiscard]] bool is_misspelt(std::string_view name) const {
    const std::vector<Problem>& told = collector_.errors();
    return std::any_of(told.begin(), told.end(), [&](const Problem& problem) {
      return problem.nearest.ends_with(name) &&
             (problem.key.starts_with(path_of(place(), "")) || problem.key.starts_with("kafka."));
    });
  }

  /// Kafka itself only wants heartbeats more often than sessions end: a pasted configuration has to start.
  void check_heartbeat(const KafkaOptions& kafka) {
    const std::initializer_list<std::string_view> both = {"heartbeat.interval.ms", "session.timeout.ms"};
    if (!readable(both) || kafka.heartbeat_interval * 3 <= kafka.session_timeout) return;
    const bool hopeless = kafka.heartbeat_interval >= kafka.session_timeout;
    const std::string what =
        "heartbeat.interval.ms " + format_duration(kafka.heartbeat_interval.count()) +
        (hopeless ? " is not below session.timeout.ms " : " is more than a third of session.timeout.ms ") +
        format_duration(kafka.session_timeout.count());
    const std::string remedy = "use a heartbeat.interval.ms of at most " +
                               format_duration(std::max<std::int64_t>(1, kafka.session_timeout.count() / 3)) +
                               ", or a longer session.timeout.ms";
    if (hopeless) {
      error(spot(both), what, remedy);
    } else {
      warning(spot(both), what, remedy);
    }
  }

  void check_membership() {
    const KafkaOptions& kafka = consumer_->kafka;
    check_heartbeat(kafka);
    if (readable({"rebalance.drain.ms", "rebalance.timeout.ms"}) &&
        kafka.rebalance_drain >= kafka.rebalance_timeout) {
      error(spot({"rebalance.drain.ms", "rebalance.timeout.ms"}),
            "rebalance.drain.ms " + format_duration(kafka.rebalance_drain.count()) +
                " is not below rebalance.timeout.ms " + format_duration(kafka.rebalance_timeout.count()),
            "leave time to commit and to rejoin after the drain");
    }
    if (readable({"fetch.max.wait.ms", "request.timeout.ms"}) &&
        kafka.fetch_max_wait >= kafka.request_timeout) {
      error(spot({"fetch.max.wait.ms", "request.timeout.ms"}),
            "fetch.max.wait.ms " + format_duration(kafka.fetch_max_wait.count()) +
                " is not below request.timeout.ms " + format_duration(kafka.request_timeout.count()) +
                ", so that every empty fetch would time out",
            "lower the one or raise the other");
    }
  }

  void check_backoff() {
    const KafkaOptions& kafka = consumer_->kafka;
    if (readable({"reconnect.backoff.ms", "reconnect.backoff.max.ms"}) &&
        kafka.reconnect_backoff > kafka.reconnect_backoff_max) {
      error(spot({"reconnect.backoff.ms", "reconnect.backoff.max.ms"}),
            "reconnect.backoff.ms is more than reconnect.backoff.max.ms", "lower the one or raise the other");
    }
    if (readable({"retry.backoff.ms", "retry.backoff.max.ms"}) &&
        kafka.retry_backoff > kafka.retry_backoff_max) {
      error(spot({"retry.backoff.ms", "retry.backoff.max.ms"}),
            "retry.backoff.ms is more than retry.backoff.max.ms", "lower the one or raise the other");
    }
  }

  void check_sizes() {
    const KafkaOptions& kafka = consumer_->kafka;
    const std::int64_t budget = options_.memory.budget;
    const bool budget_readable = !collector_.has_failed("memory.budget");
    if (readable({"fetch.min.bytes", "fetch.max.bytes"}) && kafka.fetch_min_bytes > kafka.fetch_max_bytes) {
      error(spot({"fetch.min.bytes", "fetch.max.bytes"}), "fetch.min.bytes is more than fetch.max.bytes",
            "lower the one or raise the other");
    }
    if (budget_readable && readable({"max.partition.fetch.bytes"}) &&
        kafka.max_partition_fetch_bytes > budget) {
      error(
          spot({"max.partition.fetch.bytes"}),
          format_size(kafka.max_partition_fetch_bytes) + " is more than memory.budget " + format_size(budget),
          "lower it, or raise memory.budget");
    }
    if (budget_readable && readable({"max.poll.bytes"}) && kafka.max_poll_bytes > budget / 2) {
      error(spot({"max.poll.bytes"}),
            format_size(kafka.max_poll_bytes) + " is more than half of memory.budget " + format_size(budget),
            "lower it, or raise memory.budget");
    }
    if (budget_readable && readable({"fetch.max.bytes"}) && is_explicit("fetch.max.bytes") &&
        kafka.fetch_max_bytes > budget) {
      const Spot at = spot({"fetch.max.bytes"});
      Problem note{at.origin,
                   at.key,
                   format_size(kafka.fetch_max_bytes) + " is more than memory.budget; " +
                       format_size(budget) + " is used instead",
                   {},
                   "lower it, or raise memory.budget"};
      const std::vector<Problem>& told = collector_.warnings();
      if (std::find(told.begin(), told.end(), note) == told.end()) {
        collector_.warn(std::move(note));
      }
    }
  }

  void check_failing_records() {
    if (readable({"max.deliveries", "dead.letter.topic"}) && consumer_->max_deliveries > 0 &&
        consumer_->dead_letter_topic.empty()) {
      warning(spot({"max.deliveries"}),
              "has no effect without dead.letter.topic: a failing record is tried again for ever",
              "name a dead.letter.topic, or remove it");
    }
    const std::vector<std::string>& topics = consumer_->topics;
    if (std::find(topics.begin(), topics.end(), consumer_->dead_letter_topic) != topics.end()) {
      error(spot({"dead.letter.topic"}),
            consumer_->dead_letter_topic +
                " is one of this consumer's topics: it would read its own dead letters",
            "name another topic");
    }
    if (readable({"redelivery.backoff.ms", "redelivery.backoff.max.ms"}) &&
        consumer_->redelivery_backoff > consumer_->redelivery_backoff_max) {
      error(spot({"redelivery.backoff.ms", "redelivery.backoff.max.ms"}),
            "redelivery.backoff.ms " + format_duration(consumer_->redelivery_backoff.count()) +
                " is more than redelivery.backoff.max.ms " +
                format_duration(consumer_->redelivery_backoff_max.count()),
            "lower the one or raise the other");
    }
  }

  void check_idle() {
    if (consumer_->app_idle_policy == IdlePolicy::kHold &&
        consumer_->app_idle_timeout != ConsumerOptions{}.app_idle_timeout) {
      const Spot at = spot({"app.idle.timeout.ms"});
      collector_.warn({at.origin, at.key, "has no effect with app.idle.policy: hold", {}, "remove it"});
    }
  }

  Collector& collector_;
  const Options& options_;
  std::string name_;
  const ConsumerOptions* consumer_ = nullptr;
};

}  // namespace

void validate(Collector& collector,
              const Options& options,
              const std::string& file,
              std::optional<std::int64_t> memory_limit) {
  if (options.consumers.empty() && !collector.has_failed("consumers")) {
    collector.error({{Origin::Kind::kFile, file},
                     "consumers",
                     "names no consumer, so that there is nothing to do",
                     {},
                     "add one with its group.id and topics"});
  }
  Rules rules(collector, options);
  for (const auto& [name, consumer] : options.consumers) {
    rules.consumer(name);
  }
  rules.identities();
  rules.listeners();
  rules.memory(memory_limit);
}

}  // namespace sluice::config
