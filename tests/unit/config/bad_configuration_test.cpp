#include "tests/unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace sluice::config::test {
namespace {

/// A configuration with one mistake, and the one line that tells it.
struct BadConfiguration {
  const char* name;
  std::string text;
  const char* error;
};

void PrintTo(const BadConfiguration& bad, std::ostream* out) { *out << bad.name; }

/// kSmall with lines added under kafka (line 3), under the consumer (line 7), or behind it (line 7).
std::string with_kafka(const std::string& lines) {
  return "kafka:\n  bootstrap.servers: localhost:9092\n" + lines +
         "\nconsumers:\n  orders:\n    group.id: orders-worker\n    topics: [orders]\n";
}
std::string with_consumer(const std::string& lines) { return std::string(kSmall) + lines + "\n"; }
std::string with_section(const std::string& lines) { return std::string(kSmall) + lines + "\n"; }

class BadConfigurationTest : public testing::TestWithParam<BadConfiguration> {};

TEST_P(BadConfigurationTest, IsToldInOneLineWithPlaceNameAndRemedy) {
  const LoadResult result = load_text(GetParam().text);

  EXPECT_FALSE(result.options);
  EXPECT_EQ(errors_of(result), std::string(GetParam().error) + "\n");
}

std::vector<BadConfiguration> names() {
  return {
      {"MisspeltKafkaSetting", with_kafka("  clinet.id: a"),
       R"(sluice.yaml:3:3: kafka.clinet.id: is not a known setting; did you mean "client.id"?)"},
      {"MisspeltRequiredSettingIsNotAlsoMissing",
       "kafka: {bootstrap.servers: a:1}\nconsumers:\n  orders:\n    group.idd: a\n    topics: [a]\n",
       R"(sluice.yaml:4:5: consumers.orders.group.idd: is not a known setting; did you mean "group.id"?)"},
      {"UnderscoresForDots", with_consumer("    max_poll_records: 5"),
       R"(sluice.yaml:7:5: consumers.orders.max_poll_records: is not a known setting; did you mean "max.poll.records"?)"},
      {"CamelCase", with_consumer("    autoOffsetReset: latest"),
       R"(sluice.yaml:7:5: consumers.orders.autoOffsetReset: is not a known setting; did you mean "auto.offset.reset"?)"},
      {"MisspeltOwnSetting", with_consumer("    laese.ms: 30s"),
       R"(sluice.yaml:7:5: consumers.orders.laese.ms: is not a known setting; did you mean "lease.ms"?)"},
      {"MisspeltHttpSetting", with_section("http:\n  max.conections: 5"),
       R"(sluice.yaml:8:3: http.max.conections: is not a known setting; did you mean "max.connections"?)"},
      {"NothingNear", with_section("http:\n  zebra: 5"),
       "sluice.yaml:8:3: http.zebra: is not a known setting"},
      {"MisspeltSection", with_section("shutdwon:\n  drain.timeout.ms: 5s"),
       R"(sluice.yaml:7:1: shutdwon: is not a known section; did you mean "shutdown"?)"},
      {"UnknownSection", with_section("telemetry: {}"),
       "sluice.yaml:7:1: telemetry: is not a known section; "
       "sections are kafka, consumers, http, admin, memory, shutdown and log"},
      {"DottedSection", with_section("http.listen: 127.0.0.1:1"),
       "sluice.yaml:7:1: http.listen: is not a known section; write listen under http:"},
      {"KafkaSettingAtTheTop", with_section("group.id: a"),
       "sluice.yaml:7:1: group.id: is not a known section; it belongs under kafka, or under "
       "consumers.<name>"},
      {"OwnSettingAtTheTop", with_section("order: partition"),
       "sluice.yaml:7:1: order: is not a known section; it belongs under consumers.<name>"},
      {"ConsumerSettingUnderKafka", with_kafka("  lease.ms: 30s"),
       "sluice.yaml:3:3: kafka.lease.ms: is not a known setting; it belongs under consumers.<name>"},
      {"NestedInsteadOfDotted", with_consumer("    lease: {ms: 30s}"),
       "sluice.yaml:7:5: consumers.orders.lease: is not a known setting; write the name in one piece, as "
       "lease.ms"},
      {"ProducerSetting", with_kafka("  linger.ms: 5"),
       "sluice.yaml:3:3: kafka.linger.ms: is not a setting of a consumer; "
       "it is a producer setting, and this is a consumer; remove it"},
      {"ProducerFamily", with_kafka("  compression.type: zstd"),
       "sluice.yaml:3:3: kafka.compression.type: is not a setting of a consumer; "
       "it is a producer setting, and this is a consumer; remove it"},
      {"BrokerSetting", with_kafka("  message.max.bytes: 5"),
       "sluice.yaml:3:3: kafka.message.max.bytes: is not a setting of a consumer; "
       "it is a broker or topic setting; remove it"},
      {"ConsumerNameInUpperCase",
       "kafka: {bootstrap.servers: a:1}\nconsumers:\n  Orders: {group.id: a, topics: a}\n",
       "sluice.yaml:3:3: consumers.Orders: is not a legal name of a consumer; "
       "use 1 to 64 of a-z, 0-9, dot, underscore and dash: it stands in URLs"},
      {"ConsumerNameThatUrlsSwallow",
       "kafka: {bootstrap.servers: a:1}\nconsumers:\n  \"..\": {group.id: a, topics: a}\n",
       "sluice.yaml:3:3: consumers...: is not a legal name of a consumer; "
       "use 1 to 64 of a-z, 0-9, dot, underscore and dash: it stands in URLs"},
  };
}

std::vector<BadConfiguration> values() {
  return {
      {"NoUnitOfTime", with_consumer("    lease.ms: 5 parsecs"),
       R"(sluice.yaml:7:15: consumers.orders.lease.ms: "5 parsecs" is not a duration such as 500ms, 30s, 5m, 1h or plain milliseconds)"},
      {"FractionOfTime", with_consumer("    lease.ms: 1.5s"),
       R"(sluice.yaml:7:15: consumers.orders.lease.ms: "1.5s" is not a duration such as 500ms, 30s, 5m, 1h or plain milliseconds)"},
      {"LeaseTooShort", with_consumer("    lease.ms: 999"),
       R"(sluice.yaml:7:15: consumers.orders.lease.ms: "999" is too small; use 1s to 1h)"},
      {"LeaseTooLong", with_consumer("    lease.ms: 2h"),
       R"(sluice.yaml:7:15: consumers.orders.lease.ms: "2h" is too large; use 1s to 1h)"},
      {"Octal", with_consumer("    max.poll.records: 010"),
       R"(sluice.yaml:7:23: consumers.orders.max.poll.records: "010" has a leading zero, which some readers take for octal)"},
      {"Hexadecimal", with_consumer("    max.poll.records: 0x10"),
       R"(sluice.yaml:7:23: consumers.orders.max.poll.records: "0x10" is not a whole decimal number)"},
      {"HexadecimalSize", with_consumer("    max.poll.bytes: 0x10"),
       R"(sluice.yaml:7:21: consumers.orders.max.poll.bytes: "0x10" is not a size such as 64KiB, 1MiB, 1GB or plain bytes)"},
      {"Zero", with_consumer("    max.poll.records: 0"),
       R"(sluice.yaml:7:23: consumers.orders.max.poll.records: "0" is too small; use 1 to 2147483647)"},
      {"Negative", with_consumer("    max.poll.records: -5"),
       R"(sluice.yaml:7:23: consumers.orders.max.poll.records: "-5" is negative; use 1 to 2147483647)"},
      {"NegativeWhereMinusOneMeansOff", with_consumer("    max.poll.bytes: -2"),
       R"(sluice.yaml:7:21: consumers.orders.max.poll.bytes: "-2" is negative; use at least 1, or -1 for no limit)"},
      {"NegativeWithUnit", with_consumer("    fetch.max.bytes: -1MiB"),
       R"(sluice.yaml:7:22: consumers.orders.fetch.max.bytes: "-1MiB" is negative)"},
      {"OverflowOf64Bits", with_consumer("    max.poll.records: 99999999999999999999"),
       R"(sluice.yaml:7:23: consumers.orders.max.poll.records: "99999999999999999999" is too large for a 64-bit number)"},
      {"OverflowThroughTheUnit", with_consumer("    max.poll.bytes: 9999999999999GiB"),
       R"(sluice.yaml:7:21: consumers.orders.max.poll.bytes: "9999999999999GiB" is too large for a 64-bit number)"},
      {"OverflowOfTheWire", with_consumer("    fetch.max.bytes: 3GiB"),
       R"(sluice.yaml:7:22: consumers.orders.fetch.max.bytes: "3GiB" is too large; use 1 to 2147483647)"},
      {"BooleanOfYaml11", with_consumer("    check.crcs: yes"),
       R"(sluice.yaml:7:17: consumers.orders.check.crcs: "yes" is not true or false)"},
      {"MapForScalar", with_consumer("    group.protocol: {a: b}"),
       "sluice.yaml:7:21: consumers.orders.group.protocol: is a map, and takes one value; "
       "write the value behind the name"},
      {"ListForScalar", with_consumer("    isolation.level: [read_committed]"),
       "sluice.yaml:7:22: consumers.orders.isolation.level: is a list, and takes one value; write the value "
       "alone"},
      {"NoValue", with_consumer("    isolation.level:"),
       "sluice.yaml:7:5: consumers.orders.isolation.level: has no value; write one, or remove the line"},
      {"ListInList", with_section("admin:\n  listen: [[a]]"),
       "sluice.yaml:8:12: admin.listen: has an entry that is not a plain value; write one plain value per "
       "entry"},
      {"UnknownOrder", with_consumer("    order: keys"),
       R"(sluice.yaml:7:12: consumers.orders.order: "keys" is not one of its values; did you mean "key"? use one of partition, key, none)"},
      {"RedeliveryBackoffTooLong", with_consumer("    redelivery.backoff.ms: 2h"),
       R"(sluice.yaml:7:28: consumers.orders.redelivery.backoff.ms: "2h" is too large; use 0 to 1h)"},
      {"WindowOfNothing", with_consumer("    window.max.records: 0"),
       R"(sluice.yaml:7:25: consumers.orders.window.max.records: "0" is too small; use at least 1, or -1 for no limit)"},
      {"CommitAfterNothing", with_consumer("    commit.every.records: 0"),
       R"(sluice.yaml:7:27: consumers.orders.commit.every.records: "0" is too small; use at least 1)"},
      {"MisspeltChoice", with_consumer("    isolation.level: read_comitted"),
       R"(sluice.yaml:7:22: consumers.orders.isolation.level: "read_comitted" is not one of its values; did you mean "read_committed"? use one of read_uncommitted, read_committed)"},
      {"UnknownChoice", with_section("log:\n  level: zebra"),
       R"(sluice.yaml:8:10: log.level: "zebra" is not one of its values; use one of trace, debug, info, warn, error)"},
      {"UnknownAssignor", with_consumer("    partition.assignment.strategy: [range, stiky]"),
       R"(sluice.yaml:7:44: consumers.orders.partition.assignment.strategy: "stiky" is not one of its values; did you mean "sticky"? use some of range, roundrobin, sticky, cooperative-sticky)"},
      {"AssignorTwice", with_consumer("    partition.assignment.strategy: range,range"),
       R"(sluice.yaml:7:36: consumers.orders.partition.assignment.strategy: "range" stands twice in the list; name it once)"},
      {"NoAssignor", with_consumer("    partition.assignment.strategy: []"),
       "sluice.yaml:7:5: consumers.orders.partition.assignment.strategy: is an empty list; name at least "
       "one"},
      {"NoPort", "kafka: {bootstrap.servers: [a:1, localhost]}\nconsumers: {o: {group.id: a, topics: a}}\n",
       R"(sluice.yaml:1:34: kafka.bootstrap.servers: "localhost" has no port; write host:port)"},
      {"PortOutOfRange", "kafka: {bootstrap.servers: a:65536}\nconsumers: {o: {group.id: a, topics: a}}\n",
       R"(sluice.yaml:1:28: kafka.bootstrap.servers: "a:65536" has no valid port; ports are 1 to 65535)"},
      {"NakedIpv6", "kafka: {bootstrap.servers: \"::1:9092\"}\nconsumers: {o: {group.id: a, topics: a}}\n",
       R"(sluice.yaml:1:28: kafka.bootstrap.servers: "::1:9092" has more than one colon; put an IPv6 address in brackets, as [::1]:9092)"},
      {"TlsServer", "kafka: {bootstrap.servers: \"SSL://a:1\"}\nconsumers: {o: {group.id: a, topics: a}}\n",
       R"(sluice.yaml:1:28: kafka.bootstrap.servers: "SSL://a:1" names a protocol other than PLAINTEXT; write host:port)"},
      {"RelativeSocketPath", with_section("http:\n  listen: unix:sluice.sock"),
       R"(sluice.yaml:8:11: http.listen: "unix:sluice.sock" is not an absolute path of a socket; write unix:/path/to/socket)"},
      {"ListenOnHostName", with_section("admin:\n  listen: pod-1:80"),
       R"(sluice.yaml:8:11: admin.listen: "pod-1:80" is not an address to listen on; use a literal address or localhost)"},
      {"IllegalTopic", with_kafka("") + "  late: {group.id: a, topics: [a, \"b c\"]}\n",
       R"(sluice.yaml:8:35: consumers.late.topics: "b c" is not a legal name; use letters, digits, dot, underscore and dash)"},
      {"TopicTooLong", with_kafka("") + "  late: {group.id: a, topics: " + std::string(250, 'a') + "}\n",
       "sluice.yaml:8:31: consumers.late.topics: "
       "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\" is "
       "longer than the 249 characters it may have; use a shorter one"},
      {"TopicPattern", with_kafka("") + "  late: {group.id: a, topics: \"^orders.*\"}\n",
       R"(sluice.yaml:8:31: consumers.late.topics: "^orders.*" is a pattern, and patterns are not supported by this version; name every topic)"},
      {"TopicTwice", with_kafka("") + "  late: {group.id: a, topics: [a, b, a]}\n",
       R"(sluice.yaml:8:38: consumers.late.topics: "a" stands twice in the list; name it once)"},
      {"LineBreakInText", with_kafka("  client.id: \"a\\nb\""),
       R"(sluice.yaml:3:14: kafka.client.id: "a b" contains a line break or another control character; write it in one line)"},
      {"IllegalInstance", with_consumer("    group.instance.id: a/b"),
       R"(sluice.yaml:7:24: consumers.orders.group.instance.id: "a/b" is not a legal name; use letters, digits, dot, underscore and dash)"},
      {"BudgetTooSmall", with_section("memory:\n  budget: 1MiB"),
       R"(sluice.yaml:8:11: memory.budget: "1MiB" is too small; use at least 8MiB)"},
  };
}

std::vector<BadConfiguration> unsupported() {
  return {
      {"ConsumerProtocol", with_kafka("  group.protocol: CONSUMER"),
       R"(sluice.yaml:3:19: kafka.group.protocol: "CONSUMER" is not supported by this version; use one of auto, classic)"},
      {"OffsetByDuration", with_kafka("  auto.offset.reset: by_duration:PT1H"),
       R"(sluice.yaml:3:22: kafka.auto.offset.reset: "by_duration:PT1H" is not supported by this version; use one of earliest, latest, none)"},
      {"Tls", with_kafka("  security.protocol: SASL_SSL"),
       R"(sluice.yaml:3:22: kafka.security.protocol: "SASL_SSL" is not supported by this version; use PLAINTEXT)"},
      {"SaslWithoutShowingTheSecret", with_kafka("  sasl.jaas.config: geheim"),
       "sluice.yaml:3:3: kafka.sasl.jaas.config: is not supported by this version; "
       "connect with security.protocol: PLAINTEXT and remove it"},
      {"CreatingTopics", with_kafka("  allow.auto.create.topics: true"),
       R"(sluice.yaml:3:29: kafka.allow.auto.create.topics: "true" is not supported by this version; create the topics before they are read)"},
  };
}

std::vector<BadConfiguration> contradictions() {
  return {
      {"NoConsumers", "kafka: {bootstrap.servers: a:1}\nconsumers: {}\n",
       "sluice.yaml: consumers: names no consumer, so that there is nothing to do; "
       "add one with its group.id and topics"},
      {"NoServers", "consumers:\n  orders: {group.id: a, topics: a}\n",
       "sluice.yaml:2:3: consumers.orders.bootstrap.servers: is missing; write bootstrap.servers under "
       "kafka"},
      {"NoGroup", "kafka: {bootstrap.servers: a:1}\nconsumers:\n  orders: {topics: a}\n",
       "sluice.yaml:3:3: consumers.orders.group.id: is missing; write group.id under consumers.orders"},
      {"EmptyGroup", "kafka: {bootstrap.servers: a:1}\nconsumers:\n  orders: {topics: a, group.id: \"\"}\n",
       "sluice.yaml:3:23: consumers.orders.group.id: is empty; write group.id under consumers.orders"},
      {"NoTopics", "kafka: {bootstrap.servers: a:1}\nconsumers:\n  orders: {group.id: a}\n",
       "sluice.yaml:3:3: consumers.orders.topics: is missing; write topics under consumers.orders"},
      {"HeartbeatTooSlow", with_kafka("  heartbeat.interval.ms: 45s"),
       "sluice.yaml:3:3: kafka.heartbeat.interval.ms: heartbeat.interval.ms 45s is not below "
       "session.timeout.ms 45s; use a heartbeat.interval.ms of at most 15s, or a longer session.timeout.ms"},
      {"SessionTooShort", with_consumer("    session.timeout.ms: 3s"),
       "sluice.yaml:7:5: consumers.orders.session.timeout.ms: heartbeat.interval.ms 3s is not below "
       "session.timeout.ms 3s; use a heartbeat.interval.ms of at most 1s, or a longer session.timeout.ms"},
      {"DrainTooLong", with_consumer("    rebalance.drain.ms: 5m"),
       "sluice.yaml:7:5: consumers.orders.rebalance.drain.ms: rebalance.drain.ms 5m is not below "
       "rebalance.timeout.ms 5m; leave time to commit and to rejoin after the drain"},
      {"FetchWaitsLongerThanRequests", with_kafka("  fetch.max.wait.ms: 30s"),
       "sluice.yaml:3:3: kafka.fetch.max.wait.ms: fetch.max.wait.ms 30s is not below request.timeout.ms 30s, "
       "so that "
       "every empty fetch would time out; lower the one or raise the other"},
      {"FetchMinAboveMax", with_kafka("  fetch.min.bytes: 60MiB"),
       "sluice.yaml:3:3: kafka.fetch.min.bytes: fetch.min.bytes is more than fetch.max.bytes; "
       "lower the one or raise the other"},
      {"ReconnectBackoff", with_kafka("  reconnect.backoff.ms: 2s"),
       "sluice.yaml:3:3: kafka.reconnect.backoff.ms: reconnect.backoff.ms is more than "
       "reconnect.backoff.max.ms; "
       "lower the one or raise the other"},
      {"RetryBackoff", with_kafka("  retry.backoff.max.ms: 10ms"),
       "sluice.yaml:3:3: kafka.retry.backoff.max.ms: retry.backoff.ms is more than retry.backoff.max.ms; "
       "lower the one or raise the other"},
      {"RedeliveryBackoff", with_consumer("    redelivery.backoff.ms: 2m"),
       "sluice.yaml:7:5: consumers.orders.redelivery.backoff.ms: redelivery.backoff.ms 2m is more than "
       "redelivery.backoff.max.ms 1m; lower the one or raise the other"},
      {"ReadsItsOwnDeadLetters", with_consumer("    dead.letter.topic: orders"),
       "sluice.yaml:7:5: consumers.orders.dead.letter.topic: orders is one of this consumer's topics: it "
       "would read its own dead letters; name another topic"},
      {"PartitionFetchAboveBudget", with_kafka("  max.partition.fetch.bytes: 65MiB"),
       "sluice.yaml:3:3: kafka.max.partition.fetch.bytes: 65MiB is more than memory.budget 64MiB; "
       "lower it, or raise memory.budget"},
      {"BatchAboveHalfOfTheBudget", with_consumer("    max.poll.bytes: 33MiB"),
       "sluice.yaml:7:5: consumers.orders.max.poll.bytes: 33MiB is more than half of memory.budget 64MiB; "
       "lower it, or raise memory.budget"},
      {"TwoMembersOneInstance",
       with_kafka("  group.instance.id: pod-1") + "  late: {group.id: orders-worker, topics: a}\n",
       "sluice.yaml:3:3: kafka.group.instance.id: is also that of consumer late in the same group, and the "
       "two would "
       "fence each other; give each its own group.instance.id"},
      {"DataListenerForEverybody", with_section("http:\n  listen: [127.0.0.1:1, 0.0.0.0:2]"),
       "sluice.yaml:8:25: http.listen: 0.0.0.0:2 can be reached from other hosts, and there is no "
       "authentication in "
       "this version; use 127.0.0.1, [::1] or unix:/path"},
      {"ListenTwice", with_section("http:\n  listen: [127.0.0.1:1, localhost:1]"),
       "sluice.yaml:8:25: http.listen: localhost:1 is taken by an earlier address of http.listen; use "
       "another port"},
      {"SocketTwice", with_section("http:\n  listen: [unix:/a, unix:/a/b]\nadmin:\n  listen: unix:/a"),
       "sluice.yaml:10:3: admin.listen: unix:/a is taken by http.listen; use another path"},
      {"AdminOnTheDataPort", with_section("admin:\n  listen: 0.0.0.0:8090"),
       "sluice.yaml:8:3: admin.listen: 0.0.0.0:8090 is taken by http.listen; use another port"},
      {"DataOnTheDefaultAdminPort", with_section("http:\n  listen: 127.0.0.1:8091"),
       "sluice.yaml:8:3: http.listen: 127.0.0.1:8091 is taken by admin.listen, whose default it is; use "
       "another port"},
  };
}

std::vector<BadConfiguration> yaml() {
  std::string deep = "kafka: ";
  deep += std::string(100'000, '[') + std::string(100'000, ']');
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'h'; ++c) {
    const std::string last(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [*" + last;
    for (int i = 0; i < 9; ++i) {
      bomb += ",*" + last;
    }
    bomb += "]\n";
  }
  return {
      {"SameSettingTwice", with_kafka("  client.id: a\n  client.rack: b\n  client.id: c"),
       "sluice.yaml:5:3: kafka.client.id: stands twice, first in line 3; keep one of the two"},
      {"SameConsumerTwice", with_kafka("") + "  orders: {}\n",
       "sluice.yaml:8:3: consumers.orders: stands twice, first in line 5; keep one of the two"},
      {"SameSectionTwice", with_section("log: {}\nlog: {}"),
       "sluice.yaml:8:1: log: stands twice, first in line 7; keep one of the two"},
      {"AliasAndNameOfTheSameSetting", with_kafka("  metadata.broker.list: b:1"),
       "sluice.yaml:3:3: kafka.bootstrap.servers: is set twice, first at sluice.yaml:2:3; keep one of the "
       "two"},
      {"MergeKey", "a: &a {x: y}\nkafka:\n  <<: *a\n",
       "sluice.yaml:3:3: the merge key << is not supported; write the settings out"},
      {"Tab", "kafka:\n\tclient.id: a\n",
       "sluice.yaml:2:11: is not valid YAML: illegal map value; indent with spaces, not tabs"},
      {"OpenQuote", "kafka:\n  client.id: \"a\n",
       "sluice.yaml:2:14: the quote that opens here is never closed; close it"},
      {"OpenBracket", "consumers:\n  orders:\n    topics: [a\n",
       "sluice.yaml:3:15: is not valid YAML: end of sequence flow not found"},
      {"SecondDocument", "kafka: {}\n---\nhttp: {}\n",
       "sluice.yaml:3:1: a second document begins; keep one document in the file"},
      {"Tag", "kafka: !java {}\n", "sluice.yaml:1:8: the tag !java is not supported; remove it"},
      {"KeyThatIsAList", "[a]: b\n", "sluice.yaml:1:1: a key is a list or a map; keys are plain names"},
      {"NestedTooDeep", deep, "sluice.yaml:1:23: values are nested more than 16 deep"},
      {"AliasBomb", bomb, "sluice.yaml:5:8: the document has more than 20000 values; use fewer aliases"},
      {"AliasOfItself", "kafka: &a {x: *a}\n",
       "sluice.yaml:1:15: an alias stands inside of what it refers to"},
      {"NoMap", "just a text\n",
       "sluice.yaml:1:1: is not a map of sections; begin with kafka: and consumers:"},
      {"SectionIsNoMap", with_section("log: info"),
       "sluice.yaml:7:6: log: is not a map of settings; write one `name: value` per line below it"},
      {"ConsumersAreAList", "consumers:\n  - orders\n",
       "sluice.yaml:2:3: consumers: is not a map from names to consumers; "
       "write the name of a consumer, and its settings below"},
      {"TooLarge", std::string(1024 * 1024 + 1, '#'),
       "sluice.yaml: cannot be read: it is larger than 1048576 bytes; "
       "name the configuration with --config or SLUICE_CONFIG"},
      {"ZeroByte", std::string("kafka: \0", 8), "sluice.yaml:1:8: is not UTF-8 text; save the file as UTF-8"},
      {"Latin1", "kafka:\n  client.id: Z\xfcrich\n",
       "sluice.yaml:2:15: is not UTF-8 text; save the file as UTF-8"},
      {"MissingVariable", with_kafka("  client.id: pod-${NOPE}"),
       "sluice.yaml:3:14: kafka.client.id: the environment variable NOPE is not set; set it, or write "
       "${NOPE:-default}"},
      {"MissingFile", with_kafka("  client.id: ${file:/nonexistent/id}"),
       "sluice.yaml:3:14: kafka.client.id: cannot read ${file:/nonexistent/id}: No such file or directory; "
       "create the file or fix its rights"},
      {"OpenVariable", with_kafka("  client.id: \"${NOPE\""),
       "sluice.yaml:3:14: kafka.client.id: ${ has no closing }; close it, or write $$ for a plain $"},
      {"NoVariableName", with_kafka("  client.id: ${A-B}"),
       "sluice.yaml:3:14: kafka.client.id: ${A-B} is not a variable name; "
       "write ${NAME}, ${NAME:-default} or ${file:/path}, and $$ for a plain $"},
  };
}

std::string name_of_case(const testing::TestParamInfo<BadConfiguration>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Names, BadConfigurationTest, testing::ValuesIn(names()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Values, BadConfigurationTest, testing::ValuesIn(values()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Unsupported, BadConfigurationTest, testing::ValuesIn(unsupported()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Contradictions,
                         BadConfigurationTest,
                         testing::ValuesIn(contradictions()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Yaml, BadConfigurationTest, testing::ValuesIn(yaml()), name_of_case);

TEST(BadConfigurations, AreToldAllAtOnceInTheOrderOfTheFile) {
  const LoadResult result = load_text(
      "kafka:\n"
      "  bootstrap.servers: localhost\n"
      "consumers:\n"
      "  orders:\n"
      "    group.id: a\n"
      "    topcs: [a]\n"
      "    lease.ms: 0\n"
      "htpp: {}\n");

  std::vector<int> lines;
  for (const Problem& problem : result.errors) {
    lines.push_back(problem.origin.line);
  }
  EXPECT_THAT(lines, testing::ElementsAre(2, 6, 7, 8));
}

TEST(BadConfigurations, ThatConcernSharedSettingsAreToldOnceForAllConsumers) {
  const LoadResult result =
      load_text(with_kafka("  heartbeat.interval.ms: 45s") + "  late: {group.id: b, topics: a}\n");

  EXPECT_EQ(result.errors.size(), 1U);
}

}  // namespace
}  // namespace sluice::config::test
