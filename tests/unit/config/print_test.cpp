#include "config/print.hpp"

#include "tests/unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::config::test {
namespace {

using testing::HasSubstr;
using testing::Not;

LoadResult everything_set() {
  LoadRequest request;
  request.environment = {{"SLUICE_LOG__LEVEL", "debug"}, {"RACK", "a b"}};
  request.overrides = {"shutdown.drain.timeout.ms=1500"};
  return load_text(
      "kafka:\n"
      "  bootstrap.servers: ['[::1]:9092', b:2]\n"
      "  client.id: \"it's \\\"$$x\\\" # \\\\ ü\"\n"
      "  client.rack: ${RACK}\n"
      "  session.timeout.ms: 61s\n"
      "  partition.assignment.strategy: sticky\n"
      "consumers:\n"
      "  orders.eu-1:\n"
      "    group.id: 'null'\n"
      "    topics: [a, b_c.d-e]\n"
      "    max.poll.bytes: -1\n"
      "    fetch.max.bytes: 20MiB\n"
      "    isolation.level: read_committed\n"
      "  late: {group.id: '$${{', topics: '0'}\n"
      "http: {listen: [unix:/run/a b/s, '[::1]:0']}\n",
      request);
}

TEST(PrintConfig, LoadsBackToTheSameOptions) {
  const LoadResult first = everything_set();
  ASSERT_EQ(errors_of(first), "");

  const LoadResult second = load_text(print_config(first));

  ASSERT_EQ(errors_of(second), "") << print_config(first);
  EXPECT_EQ(*second.options, *first.options);
}

TEST(PrintConfig, SaysWhereEachValueCameFrom) {
  LoadRequest request;
  request.environment = {{"SLUICE_LOG__LEVEL", "debug"}};
  request.overrides = {"consumers.orders.lease.ms=1m"};
  const std::string text = print_config(load_text(kSmall, request));

  EXPECT_THAT(text, HasSubstr("\n  bootstrap.servers: [localhost:9092]  # sluice.yaml:2:3\n"));
  EXPECT_THAT(text, HasSubstr("\n  session.timeout.ms: 45s  # default\n"));
  EXPECT_THAT(text, HasSubstr("\n    group.id: orders-worker  # sluice.yaml:5:5\n"));
  EXPECT_THAT(text, HasSubstr("\n    lease.ms: 1m  # --set\n"));
  EXPECT_THAT(text, HasSubstr("\n  level: debug  # environment variable SLUICE_LOG__LEVEL\n"));
}

TEST(PrintConfig, SaysWhyADefaultWasChosen) {
  const Directory directory;
  directory.write("memory.max", "268435456\n");
  LoadRequest request;
  request.cgroup_root = directory.path();

  EXPECT_THAT(print_config(load_text(kSmall, request)),
              HasSubstr("\n  budget: 128MiB  # default: half of the container's limit of 256MiB\n"));
}

TEST(PrintConfig, ShowsUnderAConsumerOnlyWhatIsItsOwn) {
  const std::string text = print_config(load_text(std::string(kSmall) + "    client.rack: a\n"));

  EXPECT_THAT(text, HasSubstr("\n    client.rack: a  # sluice.yaml:7:5\n"));
  EXPECT_THAT(text, Not(HasSubstr("\n    session.timeout.ms")));
}

TEST(PrintConfig, QuotesWhatYamlWouldReadOtherwise) {
  const Setting text{.name = "x"};

  EXPECT_EQ(to_yaml(text, {""}), "\"\"");
  EXPECT_EQ(to_yaml(text, {"null"}), "\"null\"");
  EXPECT_EQ(to_yaml(text, {"a: b"}), "\"a: b\"");
  EXPECT_EQ(to_yaml(text, {"a:"}), "\"a:\"");
  EXPECT_EQ(to_yaml(text, {"${X}"}), "\"$${X}\"");
  EXPECT_EQ(to_yaml(text, {"a\"b\\c"}), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(to_yaml(text, {"127.0.0.1:80"}), "127.0.0.1:80");
}

}  // namespace
}  // namespace sluice::config::test
