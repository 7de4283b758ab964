#include "config/command_line.hpp"

#include "tests/unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::config::test {
namespace {

using Action = CommandLine::Action;
using testing::ElementsAre;
using testing::HasSubstr;

CommandLine parse(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  return parse_command_line(arguments, environment, "1.2.3");
}

TEST(CommandLine, RunsWithTheDefaultPathWhenNothingIsSaid) {
  const CommandLine result = parse({});

  EXPECT_EQ(result.action, Action::kRun);
  EXPECT_EQ(result.path, "/etc/sluice/sluice.yaml");
  EXPECT_TRUE(to_request(result, {}).file_may_miss);
}

TEST(CommandLine, PutsConfigBeforeTheVariable) {
  EXPECT_EQ(parse({"--config", "/a"}, {{"SLUICE_CONFIG", "/b"}}).path, "/a");
  EXPECT_EQ(parse({"--config=/a"}).path, "/a");
  EXPECT_EQ(parse({}, {{"SLUICE_CONFIG", "/b"}}).path, "/b");
  EXPECT_FALSE(to_request(parse({}, {{"SLUICE_CONFIG", "/b"}}), {}).file_may_miss);
}

TEST(CommandLine, KnowsItsActions) {
  EXPECT_EQ(parse({"--check-config"}).action, Action::kCheckConfig);
  EXPECT_EQ(parse({"--print-config"}).action, Action::kPrintConfig);
}

TEST(CommandLine, CollectsOverridesInOrder) {
  const CommandLine result =
      parse({"--set", "log.level=debug", "--set=kafka.client.id=a=b", "--set", "http.listen=[::1]:1"});

  EXPECT_THAT(result.overrides, ElementsAre("log.level=debug", "kafka.client.id=a=b", "http.listen=[::1]:1"));
}

TEST(CommandLine, SaysItsVersionAndHelpAndExitsWithZero) {
  const CommandLine version = parse({"--version"});
  const CommandLine help = parse({"--help"});

  EXPECT_EQ(version.action, Action::kSay);
  EXPECT_EQ(version.text, "sluiced 1.2.3\n");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.text, HasSubstr("--print-config"));
}

TEST(CommandLine, ExitsWith78OnUsageErrors) {
  const std::vector<std::vector<std::string>> wrong{{"--bogus"},
                                                    {"stray"},
                                                    {"--config"},
                                                    {"--set"},
                                                    {"--set", "log.level=info", "stray"},
                                                    {"--check-config", "--print-config"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const CommandLine result = parse(arguments);
    EXPECT_EQ(result.action, Action::kSay) << arguments.front();
    EXPECT_EQ(result.exit_code, 78) << arguments.front();
    EXPECT_THAT(result.text, HasSubstr("sluiced --help"));
  }
}

TEST(Report, NamesSeverityAndCount) {
  const LoadResult result =
      load_text(std::string(kSmall) + "    enable.auto.commit: true\n    lease.ms: 0\n");

  EXPECT_EQ(report(result),
            "warning: sluice.yaml:7:5: consumers.orders.enable.auto.commit: has no effect here; "
            "a commit follows the application's ack; remove it\n"
            "error: sluice.yaml:8:15: consumers.orders.lease.ms: \"0\" is too small; use 1s to 1h\n"
            "1 error in the configuration\n");
}

}  // namespace
}  // namespace sluice::config::test
