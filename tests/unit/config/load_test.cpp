#include "config/load.hpp"

#include "tests/unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::config::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ConsumerOptions& orders(const LoadResult& result) { return result.options->consumers.at("orders"); }

LoadRequest with_environment(Environment environment) {
  LoadRequest request;
  request.environment = std::move(environment);
  return request;
}

LoadRequest with_overrides(std::vector<std::string> overrides) {
  LoadRequest request;
  request.overrides = std::move(overrides);
  return request;
}

TEST(Load, TakesTheSmallestConfiguration) {
  const LoadResult result = load_text(kSmall);

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(warnings_of(result), "");
  EXPECT_EQ(orders(result).name, "orders");
  EXPECT_THAT(orders(result).kafka.bootstrap_servers, ElementsAre(ServerAddress{"localhost", 9092}));
  EXPECT_EQ(orders(result).kafka.group_id, "orders-worker");
  EXPECT_THAT(orders(result).topics, ElementsAre("orders"));
}

TEST(Load, LeavesEverythingElseAtItsDefault) {
  const LoadResult result = load_text(kSmall);

  ASSERT_TRUE(result.options);
  ConsumerOptions expected;
  expected.name = "orders";
  expected.topics = {"orders"};
  expected.kafka.bootstrap_servers = {{"localhost", 9092}};
  expected.kafka.client_id = "sluice-orders";
  expected.kafka.group_id = "orders-worker";
  EXPECT_EQ(orders(result), expected);
  EXPECT_EQ(result.options->http, HttpOptions{});
  EXPECT_EQ(result.options->memory, MemoryOptions{});
}

TEST(Load, TakesACompleteSmallConfigurationWithoutAWarning) {
  const LoadResult result = load_text(
      "kafka:\n"
      "  bootstrap.servers: localhost:9092\n"
      "  client.id: orders-pod-1\n"
      "consumers:\n"
      "  orders:\n"
      "    group.id: orders-worker\n"
      "    topics: [orders, orders-eu]\n"
      "    max.poll.records: 500\n"
      "    max.poll.bytes: 1MiB\n"
      "    isolation.level: read_committed\n"
      "    order: partition\n"
      "    lease.ms: 30s\n"
      "    max.deliveries: 5\n"
      "    dead.letter.topic: orders.dead\n"
      "    app.idle.timeout.ms: 5m\n"
      "    app.idle.policy: hold\n"
      "http:\n"
      "  listen: [127.0.0.1:8090, unix:/run/sluice/sluice.sock]\n"
      "admin:\n"
      "  listen: 127.0.0.1:8091\n"
      "memory:\n"
      "  budget: 64MiB\n"
      "shutdown:\n"
      "  drain.timeout.ms: 20s\n"
      "log: {level: info, format: logfmt}\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(warnings_of(result), "");
  EXPECT_THAT(orders(result).topics, ElementsAre("orders", "orders-eu"));
  EXPECT_EQ(orders(result).kafka.client_id, "orders-pod-1");
  EXPECT_EQ(orders(result).max_deliveries, 5);
  EXPECT_EQ(orders(result).dead_letter_topic, "orders.dead");
  EXPECT_EQ(result.options->http.listen.size(), 2U);
}

TEST(Load, TakesEverySettingOfOrderRedeliveryWindowAndCommits) {
  const LoadResult result = load_text(std::string(kSmall) +
                                      "    order: key\n"
                                      "    redelivery.backoff.ms: 0\n"
                                      "    redelivery.backoff.max.ms: 1d\n"
                                      "    window: adaptive\n"
                                      "    window.max.records: 1000\n"
                                      "    window.max.bytes: 4MiB\n"
                                      "    commit.every.records: 100\n"
                                      "    commit.interval.ms: 1s\n"
                                      "    app.idle.policy: leave\n"
                                      "    app.idle.timeout.ms: 1m\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(warnings_of(result), "");
  const ConsumerOptions& got = orders(result);
  EXPECT_EQ(got.order, OrderMode::kKey);
  EXPECT_EQ(got.redelivery_backoff, milliseconds(0));
  EXPECT_EQ(got.redelivery_backoff_max, std::chrono::hours(24));
  EXPECT_EQ(got.window, WindowMode::kAdaptive);
  EXPECT_EQ(got.window_max_records, 1000);
  EXPECT_EQ(got.window_max_bytes, 4 * kMiB);
  EXPECT_EQ(got.commit_every_records, 100);
  EXPECT_EQ(got.commit_interval, std::chrono::seconds(1));
  EXPECT_EQ(got.app_idle_policy, IdlePolicy::kLeave);
}

TEST(Load, TakesTheOtherOrderAndIdlePolicy) {
  const LoadResult result = load_text(std::string(kSmall) + "    order: none\n    app.idle.policy: pause\n");

  ASSERT_EQ(errors_of(result) + warnings_of(result), "");
  EXPECT_EQ(orders(result).order, OrderMode::kNone);
  EXPECT_EQ(orders(result).app_idle_policy, IdlePolicy::kPause);
}

// A rejected record goes there too, however often a failing one is tried.
TEST(Load, TakesADeadLetterTopicAlone) {
  const LoadResult result = load_text(std::string(kSmall) + "    dead.letter.topic: orders.dead\n");

  EXPECT_EQ(errors_of(result) + warnings_of(result), "");
}

TEST(Load, WarnsOfABoundOnDeliveriesWithoutAPlaceForWhatFails) {
  const LoadResult result = load_text(std::string(kSmall) + "    max.deliveries: 5\n");

  EXPECT_EQ(errors_of(result), "");
  EXPECT_EQ(warnings_of(result),
            "sluice.yaml:7:5: consumers.orders.max.deliveries: has no effect without dead.letter.topic: a "
            "failing record is tried again for ever; name a dead.letter.topic, or remove it\n");
}

TEST(Load, LaysAConsumersKafkaSettingsOverTheSharedOnes) {
  const LoadResult result = load_text(
      "kafka:\n"
      "  bootstrap.servers: a:1, b:2\n"
      "  client.id: shared\n"
      "  fetch.max.wait.ms: 100\n"
      "consumers:\n"
      "  orders: {group.id: a, topics: x, client.id: own, isolation.level: read_committed}\n"
      "  late: {group.id: b, topics: [y, z], bootstrap.servers: '[::1]:9'}\n");

  ASSERT_EQ(errors_of(result), "");
  const ConsumerOptions& late = result.options->consumers.at("late");
  EXPECT_EQ(orders(result).kafka.client_id, "own");
  EXPECT_EQ(late.kafka.client_id, "shared");
  EXPECT_EQ(orders(result).kafka.fetch_max_wait, milliseconds(100));
  EXPECT_EQ(orders(result).kafka.isolation_level, IsolationLevel::kReadCommitted);
  EXPECT_EQ(late.kafka.isolation_level, IsolationLevel::kReadUncommitted);
  EXPECT_THAT(orders(result).kafka.bootstrap_servers,
              ElementsAre(ServerAddress{"a", 1}, ServerAddress{"b", 2}));
  EXPECT_THAT(late.kafka.bootstrap_servers, ElementsAre(ServerAddress{"::1", 9}));
  EXPECT_THAT(late.topics, ElementsAre("y", "z"));
}

TEST(Load, TakesAListenListOfAllForms) {
  const LoadResult result = load_text(
      std::string(kSmall) + "http:\n  listen: [127.0.0.1:0, '[::1]:80', unix:/run/sluice/sluice.sock]\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_THAT(result.options->http.listen,
              ElementsAre(ListenAddress{ListenAddress::Kind::kTcp, "127.0.0.1", 0, ""},
                          ListenAddress{ListenAddress::Kind::kTcp, "::1", 80, ""},
                          ListenAddress{ListenAddress::Kind::kUnix, "", 0, "/run/sluice/sluice.sock"}));
}

TEST(Load, LetsTheAdminListenerBeReachedFromElsewhere) {
  EXPECT_TRUE(load_text(std::string(kSmall) + "admin: {listen: '0.0.0.0:8091'}\n").options);
}

TEST(Load, TakesAnchorsAndAliases) {
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: a:1}\n"
      "consumers:\n"
      "  orders: {group.id: &g same, topics: &t [x, y]}\n"
      "  late: {group.id: *g, topics: *t}\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_THAT(result.options->consumers.at("late").topics, ElementsAre("x", "y"));
  EXPECT_EQ(result.options->consumers.at("late").kafka.group_id, "same");
}

TEST(Load, AcceptsAPastedKafkaConfigurationAndSaysWhatTakesThePlaceOfWhat) {
  const LoadResult result =
      load_text(std::string(kSmall) +
                "    enable.auto.commit: true\n"
                "    max.poll.interval.ms: 300000\n"
                "    key.deserializer: org.apache.kafka.common.serialization.StringDeserializer\n"
                "    metrics.num.samples: 2\n"
                "    check.crcs: false\n"
                "    app.idle.timeout.ms: 1m\n");

  EXPECT_EQ(errors_of(result), "");
  EXPECT_EQ(warnings_of(result),
            "sluice.yaml:7:5: consumers.orders.enable.auto.commit: has no effect here; "
            "a commit follows the application's ack; remove it\n"
            "sluice.yaml:8:5: consumers.orders.max.poll.interval.ms: has no effect here; membership does not "
            "depend on polls: "
            "lease.ms bounds processing, rebalance.timeout.ms a rebalance; remove it\n"
            "sluice.yaml:9:5: consumers.orders.key.deserializer: has no effect here; "
            "the application gets bytes over HTTP and decodes them; remove it\n"
            "sluice.yaml:10:5: consumers.orders.metrics.num.samples: has no effect here; "
            "metrics are served at /metrics of admin.listen; remove it\n"
            "sluice.yaml:11:17: consumers.orders.check.crcs: \"false\" has no effect; checksums are always "
            "checked\n"
            "sluice.yaml:12:5: consumers.orders.app.idle.timeout.ms: has no effect with app.idle.policy: "
            "hold; remove it\n");
  EXPECT_TRUE(orders(result).kafka.check_crcs);
}

TEST(Load, AcceptsLibrdkafkasNamesAndWordsWithANote) {
  const LoadResult result = load_text(
      "kafka: {metadata.broker.list: a:1, fetch.wait.max.ms: 7, auto.offset.reset: largest}\n"
      "consumers: {orders: {group.id: a, topic: x}}\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.fetch_max_wait, milliseconds(7));
  EXPECT_EQ(orders(result).kafka.auto_offset_reset, OffsetReset::kLatest);
  EXPECT_THAT(
      warnings_of(result),
      HasSubstr(
          "kafka.metadata.broker.list: is another client's name for bootstrap.servers; write that instead"));
}

TEST(Load, AcceptsJavasNamesOfAssignors) {
  const LoadResult result = load_text(
      std::string(kSmall) +
      "    partition.assignment.strategy: org.apache.kafka.clients.consumer.CooperativeStickyAssignor\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_THAT(orders(result).kafka.partition_assignment_strategy, ElementsAre(Assignor::kCooperativeSticky));
}

TEST(Load, TakesMinusOneForNoLimit) {
  const LoadResult result = load_text(std::string(kSmall) + "    max.poll.bytes: -1\n");

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.max_poll_bytes, KafkaOptions::kUnbounded);
}

TEST(Interpolation, FillsInVariablesDefaultsAndFiles) {
  const Directory directory;
  const std::string file = directory.write("group", "from-file\n");
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: '${HOST}:${PORT:-9092}', client.id: 'a$$b${EMPTY:-c}$'}\n"
      "consumers: {orders: {group.id: '${file:" +
          file + "}', topics: '${TOPICS}'}}\n",
      with_environment({{"HOST", "kafka"}, {"EMPTY", ""}, {"TOPICS", "x, y"}}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_THAT(orders(result).kafka.bootstrap_servers, ElementsAre(ServerAddress{"kafka", 9092}));
  EXPECT_EQ(orders(result).kafka.client_id, "a$bc$");
  EXPECT_EQ(orders(result).kafka.group_id, "from-file");
  EXPECT_THAT(orders(result).topics, ElementsAre("x", "y"));
}

TEST(Interpolation, CutsOnlyOneLineBreakFromAFile) {
  const Directory directory;
  const std::string file = directory.write("group", "a\n\n");
  const LoadResult result = load_text("kafka: {client.id: '${file:" + file + "}'}\n");

  EXPECT_THAT(errors_of(result), HasSubstr("contains a line break"));
}

TEST(Interpolation, NeverReadsWhatAVariableHoldsAsConfiguration) {
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: a:1, client.id: '${EVIL}'}\n"
      "consumers: {orders: {group.id: '${NESTED}', topics: x}}\n",
      with_environment({{"EVIL", "x, group.id: y}"}, {"NESTED", "${EVIL}"}}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.client_id, "x, group.id: y}");
  EXPECT_EQ(orders(result).kafka.group_id, "${EVIL}");
}

TEST(Interpolation, KeepsWhatAVariableHoldsOutOfMessages) {
  const LoadResult result =
      load_text(std::string(kSmall) + "    lease.ms: ${SECRET}\n", with_environment({{"SECRET", "geheim"}}));

  EXPECT_EQ(errors_of(result),
            "sluice.yaml:7:15: consumers.orders.lease.ms: \"${SECRET}\" is not a duration such as 500ms, "
            "30s, 5m, 1h or "
            "plain milliseconds\n");
}

TEST(Precedence, IsDefaultThenFileThenEnvironmentThenCommandLine) {
  LoadRequest request = with_environment(
      {{"SLUICE_CONSUMERS__ORDERS__LEASE_MS", "2s"}, {"SLUICE_CONSUMERS__ORDERS__MAX_POLL_RECORDS", "2"}});
  request.overrides = {"consumers.orders.max.poll.records=3"};
  const LoadResult result = load_text(
      std::string(kSmall) + "    lease.ms: 1s\n    max.poll.records: 1\n    fetch.min.bytes: 5\n", request);

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.fetch_min_bytes, 5);
  EXPECT_EQ(orders(result).lease, milliseconds(2000));
  EXPECT_EQ(orders(result).kafka.max_poll_records, 3);
  EXPECT_EQ(orders(result).kafka.fetch_max_wait, milliseconds(500));
}

TEST(Precedence, PutsAConsumersOwnSettingBeforeASharedOneFromTheEnvironment) {
  const LoadResult result = load_text(std::string(kSmall) + "    client.id: own\n",
                                      with_environment({{"SLUICE_KAFKA__CLIENT_ID", "shared"}}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.client_id, "own");
}

TEST(EnvironmentVariables, AreEnoughWithoutAFile) {
  LoadRequest request = with_environment({{"SLUICE_KAFKA__BOOTSTRAP_SERVERS", "a:1,b:2"},
                                          {"SLUICE_CONSUMERS__ORDERS__GROUP_ID", "g"},
                                          {"SLUICE_CONSUMERS__ORDERS__TOPICS", "x,y"}});
  request.path = "/nonexistent/sluice.yaml";
  request.file_may_miss = true;
  const LoadResult result = load(request);

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(orders(result).kafka.group_id, "g");
  EXPECT_THAT(orders(result).topics, ElementsAre("x", "y"));
}

TEST(EnvironmentVariables, FindAConsumerWhoseNameHasDotsAndDashes) {
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: a:1}\n"
      "consumers: {orders.eu-1: {group.id: a, topics: x}}\n",
      with_environment({{"SLUICE_CONSUMERS__ORDERS_EU_1__LEASE_MS", "9s"}}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(result.options->consumers.at("orders.eu-1").lease, milliseconds(9000));
}

TEST(EnvironmentVariables, ThatCanMeanTwoConsumersAreRefused) {
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: a:1}\n"
      "consumers: {a.b: {group.id: a, topics: x}, a-b: {group.id: a, topics: x}}\n",
      with_environment({{"SLUICE_CONSUMERS__A_B__LEASE_MS", "9s"}}));

  EXPECT_EQ(errors_of(result),
            "environment variable SLUICE_CONSUMERS__A_B__LEASE_MS: can mean the consumers a-b and a.b; "
            "set it in the file or with --set\n");
}

TEST(EnvironmentVariables, ThatAreMisspeltAreRefusedWithTheNearest) {
  const LoadResult result = load_text(kSmall, with_environment({{"SLUICE_KAFKA__BOOTSTRAP_SERVER", "a:1"},
                                                                {"SLUICE_CONSUMERS__ORDERS__LEASE", "9s"},
                                                                {"SLUICE_LOG_LEVEL", "debug"},
                                                                {"SLUICE_QUITE_OTHER", "x"}}));

  EXPECT_EQ(
      errors_of(result),
      "environment variable SLUICE_CONSUMERS__ORDERS__LEASE: is not a known setting; "
      "did you mean \"SLUICE_CONSUMERS__ORDERS__LEASE_MS\"?\n"
      "environment variable SLUICE_KAFKA__BOOTSTRAP_SERVER: is not a known setting; "
      "did you mean \"SLUICE_KAFKA__BOOTSTRAP_SERVERS\"?\n"
      "environment variable SLUICE_LOG_LEVEL: is not a known setting; did you mean \"SLUICE_LOG__LEVEL\"?\n"
      "environment variable SLUICE_QUITE_OTHER: is not a known setting; "
      "write SLUICE_SECTION__SETTING, or unset it\n");
}

TEST(EnvironmentVariables, OfKubernetesServicesCalledSluiceAreLeftAlone) {
  const LoadResult result =
      load_text(kSmall, with_environment({{"SLUICE_CONFIG", "/etc/x"},
                                          {"SLUICE_SERVICE_HOST", "10.0.0.1"},
                                          {"SLUICE_SERVICE_PORT", "8090"},
                                          {"SLUICE_SERVICE_PORT_HTTP", "8090"},
                                          {"SLUICE_PORT", "tcp://10.0.0.1:8090"},
                                          {"SLUICE_PORT_8090_TCP", "tcp://10.0.0.1:8090"},
                                          {"SLUICE_PORT_8090_TCP_ADDR", "10.0.0.1"},
                                          {"SLUICE_ADMIN_SERVICE_HOST", "10.0.0.2"}}));

  EXPECT_EQ(errors_of(result), "");
}

TEST(EnvironmentVariables, WithABadValueAreNamed) {
  const LoadResult result = load_text(kSmall, with_environment({{"SLUICE_LOG__LEVEL", "loud"}}));

  EXPECT_EQ(errors_of(result),
            "environment variable SLUICE_LOG__LEVEL: log.level: \"loud\" is not one of its values; "
            "use one of trace, debug, info, warn, error\n");
}

TEST(EnvironmentVariables, ForKafkasOtherNamesAreExplainedAsInTheFile) {
  const LoadResult result = load_text(
      kSmall,
      with_environment({{"SLUICE_KAFKA__LINGER_MS", "5"}, {"SLUICE_KAFKA__SSL_KEY_PASSWORD", "geheim"}}));

  EXPECT_EQ(
      errors_of(result),
      "environment variable SLUICE_KAFKA__LINGER_MS: kafka.linger.ms: is not a setting of a consumer; "
      "it is a producer setting, and this is a consumer; remove it\n"
      "environment variable SLUICE_KAFKA__SSL_KEY_PASSWORD: kafka.ssl.key.password: is not supported by this "
      "version; connect with security.protocol: PLAINTEXT and remove it\n");
}

TEST(Overrides, ReachEverySectionAndRepeatedOnesTakeTheLast) {
  const LoadResult result = load_text(
      kSmall, with_overrides({"http.listen=unix:/run/a,127.0.0.1:1", "log.level=warn", "log.level=debug"}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(result.options->http.listen.size(), 2U);
  EXPECT_EQ(result.options->log.level, LogLevel::kDebug);
}

TEST(Overrides, FindAConsumerWhoseNameHasDots) {
  const LoadResult result = load_text(
      "kafka: {bootstrap.servers: a:1}\n"
      "consumers: {orders.group.id: {group.id: a, topics: x}}\n",
      with_overrides({"consumers.orders.group.id.group.id=b"}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(result.options->consumers.at("orders.group.id").kafka.group_id, "b");
}

TEST(Overrides, CanBringAConsumerIntoBeing) {
  const LoadResult result =
      load_text(kSmall, with_overrides({"consumers.late.group.id=b", "consumers.late.topics=x"}));

  ASSERT_EQ(errors_of(result), "");
  EXPECT_EQ(result.options->consumers.at("late").kafka.group_id, "b");
}

TEST(Overrides, ThatAreWrongAreToldWithTheNearestName) {
  const LoadResult result =
      load_text(kSmall, with_overrides({"log.level", "lag.level=info", "log.levle=info",
                                        "consumers.orders.leas.ms=5s", "consumers.new.grup.id=x"}));

  EXPECT_EQ(
      errors_of(result),
      "--set: consumers.new.grup.id: is not a known setting; did you mean \"consumers.new.group.id\"?\n"
      "--set: consumers.orders.leas.ms: is not a known setting; did you mean \"consumers.orders.lease.ms\"?\n"
      "--set: lag.level: is not a known setting; did you mean \"log.level\"?\n"
      "--set: log.level: has no =; write --set section.setting=value\n"
      "--set: log.levle: is not a known setting; did you mean \"log.level\"?\n");
}

TEST(File, ThatDoesNotExistIsAnError) {
  LoadRequest request;
  request.path = "/nonexistent/sluice.yaml";

  EXPECT_EQ(errors_of(load(request)),
            "/nonexistent/sluice.yaml: cannot be read: No such file or directory; "
            "name the configuration with --config or SLUICE_CONFIG\n");
}

TEST(File, ThatIsADirectoryIsAnError) {
  const Directory directory;
  LoadRequest request;
  request.path = directory.path();

  EXPECT_THAT(errors_of(load(request)), HasSubstr("it is a directory"));
}

TEST(File, ByDefaultPathMayMissOnlyIfSomethingElseIsSaid) {
  LoadRequest request;
  request.path = "/nonexistent/sluice.yaml";
  request.file_may_miss = true;

  EXPECT_THAT(errors_of(load(request)), HasSubstr("neither SLUICE_ variables nor --set say anything"));
}

class MemoryBudgetTest : public testing::Test {
 protected:
  LoadResult load_with(const std::string& file, const std::string& limit, const std::string& more = "") {
    directory_.write(file, limit);
    LoadRequest request;
    request.cgroup_root = directory_.path();
    return load_text(std::string(kSmall) + more, request);
  }

  Directory directory_;
};

TEST_F(MemoryBudgetTest, IsHalfOfTheLimitOfVersionTwo) {
  EXPECT_EQ(load_with("memory.max", "268435456\n").options->memory.budget, 128 * kMiB);
}

TEST_F(MemoryBudgetTest, IsHalfOfTheLimitOfVersionOne) {
  EXPECT_EQ(load_with("memory/memory.limit_in_bytes", "268435456\n").options->memory.budget, 128 * kMiB);
}

TEST_F(MemoryBudgetTest, Is64MiBWithoutALimit) {
  EXPECT_EQ(load_with("memory.max", "max\n").options->memory.budget, 64 * kMiB);
  EXPECT_EQ(load_with("memory/memory.limit_in_bytes", "9223372036854771712\n").options->memory.budget,
            64 * kMiB);
  EXPECT_EQ(load_text(kSmall).options->memory.budget, 64 * kMiB);
}

TEST_F(MemoryBudgetTest, IsNeverBelow8MiB) {
  EXPECT_EQ(load_with("memory.max", "1048576\n").options->memory.budget, 8 * kMiB);
}

TEST_F(MemoryBudgetTest, CapsAFetchAndSaysSoWhereSomeoneAskedForMore) {
  const LoadResult silent = load_with("memory.max", "33554432\n");
  const LoadResult asked = load_with("memory.max", "33554432\n", "    fetch.max.bytes: 20MiB\n");

  EXPECT_EQ(silent.options->consumers.at("orders").kafka.fetch_max_bytes, 16 * kMiB);
  EXPECT_THAT(silent.warnings, IsEmpty());
  EXPECT_EQ(asked.options->consumers.at("orders").kafka.fetch_max_bytes, 16 * kMiB);
  EXPECT_EQ(warnings_of(asked),
            "sluice.yaml:7:5: consumers.orders.fetch.max.bytes: 20MiB is more than memory.budget; 16MiB is "
            "used instead; "
            "lower it, or raise memory.budget\n");
}

TEST_F(MemoryBudgetTest, AboveTheLimitIsWarnedAbout) {
  const LoadResult result = load_with("memory.max", "33554432\n", "memory: {budget: 64MiB}\n");

  ASSERT_TRUE(result.options);
  EXPECT_EQ(warnings_of(result),
            "sluice.yaml:7:10: memory.budget: is not below the container's memory limit of 32MiB; "
            "leave it out for half of that limit, or raise the limit\n");
}

// Kafka accepts a session of 6 s with its default heartbeat of 3 s, so a pasted configuration has to start.
TEST(Load, WarnsOnceWhenAHeartbeatIsRareButPossible) {
  const LoadResult result = load_text(
      "kafka:\n  bootstrap.servers: a:1\n  session.timeout.ms: 6s\n"
      "consumers:\n  orders: {group.id: a, topics: a}\n  late: {group.id: b, topics: a}\n");

  EXPECT_EQ(errors_of(result), "");
  EXPECT_EQ(
      warnings_of(result),
      "sluice.yaml:3:3: kafka.session.timeout.ms: heartbeat.interval.ms 3s is more than a third of "
      "session.timeout.ms 6s; use a heartbeat.interval.ms of at most 2s, or a longer session.timeout.ms\n");
}

}  // namespace
}  // namespace sluice::config::test
