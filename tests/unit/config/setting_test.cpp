#include "config/setting.hpp"

#include "config/foreign_key.hpp"
#include "config/print.hpp"
#include "config/reading.hpp"
#include "tests/unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace sluice::config::test {
namespace {

std::string path_of(const Setting& setting) {
  const bool consumer = setting.section == Section::kConsumer;
  return std::string(name_of(setting.section)) + (consumer ? ".orders." : ".") + std::string(setting.name);
}

std::string example() {
  std::ostringstream text;
  text << std::ifstream(SLUICE_SOURCE_DIR "/config/sluice.example.yaml").rdbuf();
  return text.str();
}

class SettingTest : public testing::TestWithParam<Setting> {
 protected:
  /// The field that the setting is bound to, in a freshly made struct.
  static Value fresh() {
    Options options;
    ConsumerOptions consumer;
    return GetParam().binding.read({&options, &options.kafka, &consumer});
  }
};

TEST_P(SettingTest, HasTheDefaultOfItsField) { EXPECT_EQ(default_value(GetParam()), fresh()); }

TEST_P(SettingTest, StandsInTheExampleWithItsDefaultAndItsLine) {
  const LoadResult result = load_text(example());
  const Setting& setting = GetParam();

  ASSERT_EQ(errors_of(result) + warnings_of(result), "");
  Options options = *result.options;
  ConsumerOptions& orders = options.consumers.at("orders");
  const bool own =
      setting.name == "group.id";  // shared names in the example, but for the one that nobody shares
  const std::string path = own ? "consumers.orders.group.id" : path_of(setting);
  EXPECT_TRUE(result.origins.contains(path)) << path;
  EXPECT_THAT(example(), testing::HasSubstr("# " + std::string(setting.doc) + "\n"));
  if (!setting.required) {
    EXPECT_EQ(setting.binding.read({&options, &options.kafka, &orders}), default_value(setting));
  }
}

TEST_P(SettingTest, IsDescribedInOneShortLine) {
  EXPECT_FALSE(GetParam().doc.empty());
  EXPECT_LE(GetParam().doc.size(), 105U);
  EXPECT_EQ(GetParam().doc.back(), '.');
}

TEST_P(SettingTest, IsNotAlsoAForeignName) {
  const Section section = GetParam().section;
  if (section == Section::kKafka || section == Section::kConsumer) {
    EXPECT_EQ(find_foreign_key(GetParam().name), nullptr);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         SettingTest,
                         testing::ValuesIn(settings().begin(), settings().end()),
                         [](const testing::TestParamInfo<Setting>& info) {
                           std::string name = path_of(info.param);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(Settings, HaveNamesOfTheirOwn) {
  std::set<std::string> seen;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(seen.insert(path_of(setting)).second) << path_of(setting);
  }
}

TEST(Settings, CoverEveryConsumerPropertyOfKafka43) {
  // org.apache.kafka.clients.consumer.ConsumerConfig, less the families sasl.* and ssl.*.
  for (const char* name : {"allow.auto.create.topics",
                           "auto.commit.interval.ms",
                           "auto.offset.reset",
                           "bootstrap.servers",
                           "check.crcs",
                           "client.dns.lookup",
                           "client.id",
                           "client.rack",
                           "config.providers",
                           "connections.max.idle.ms",
                           "default.api.timeout.ms",
                           "enable.auto.commit",
                           "enable.metrics.push",
                           "exclude.internal.topics",
                           "fetch.max.bytes",
                           "fetch.max.wait.ms",
                           "fetch.min.bytes",
                           "group.id",
                           "group.instance.id",
                           "group.protocol",
                           "group.remote.assignor",
                           "heartbeat.interval.ms",
                           "interceptor.classes",
                           "isolation.level",
                           "key.deserializer",
                           "max.partition.fetch.bytes",
                           "max.poll.interval.ms",
                           "max.poll.records",
                           "metadata.max.age.ms",
                           "metadata.recovery.rebootstrap.trigger.ms",
                           "metadata.recovery.strategy",
                           "metric.reporters",
                           "metrics.num.samples",
                           "metrics.recording.level",
                           "metrics.sample.window.ms",
                           "partition.assignment.strategy",
                           "receive.buffer.bytes",
                           "reconnect.backoff.max.ms",
                           "reconnect.backoff.ms",
                           "request.timeout.ms",
                           "retry.backoff.max.ms",
                           "retry.backoff.ms",
                           "sasl.jaas.config",
                           "security.protocol",
                           "security.providers",
                           "send.buffer.bytes",
                           "session.timeout.ms",
                           "share.acknowledgement.mode",
                           "socket.connection.setup.timeout.max.ms",
                           "socket.connection.setup.timeout.ms",
                           "ssl.truststore.location",
                           "value.deserializer"}) {
    EXPECT_TRUE(find_setting(Section::kKafka, name) != nullptr || find_foreign_key(name) != nullptr) << name;
  }
}

TEST(Secrets, AreMaskedWhereValuesAreShown) {
  const Setting secret{.name = "password", .secret = true};

  EXPECT_THAT(render(secret, Value(std::string("geheim"))), testing::ElementsAre("***"));
  EXPECT_THAT(render(secret, Value(std::string())), testing::ElementsAre(""));
}

TEST(Secrets, AreNotRepeatedInMessages) {
  const Setting secret{.name = "pin", .type = Type::kInteger, .secret = true};
  const Origin origin{Origin::Kind::kCommandLine};
  Collector collector;

  EXPECT_FALSE(read_value(collector, {&secret, {}, origin, {{"geheim", origin}}, false}, {}));
  ASSERT_EQ(collector.errors().size(), 1U);
  EXPECT_EQ(to_text(collector.errors().front()), "--set: kafka.pin: the value is not a whole decimal number");
}

}  // namespace
}  // namespace sluice::config::test
