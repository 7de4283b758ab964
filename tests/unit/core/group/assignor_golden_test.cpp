// Beside Java's own assignors: tests/golden/generate/Assignors.java wrote the groups and Java's answers.
#include "daemon/core/group/assignor.hpp"
#include "daemon/core/group/subscription_data.hpp"
#include "tests/unit/core/group/random_group.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace sluice::core::test {
namespace {

using nlohmann::json;

std::vector<json> read_cases() {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/golden/data/assignments.jsonl");
  std::vector<json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(json::parse(line));
  return cases;
}

std::vector<TopicPartition> to_partitions(const json& topics) {
  std::vector<TopicPartition> partitions;
  for (const auto& [topic, numbers] : topics.items()) {
    for (const auto& number : numbers) partitions.push_back({topic, number.get<std::int32_t>()});
  }
  std::sort(partitions.begin(), partitions.end());
  return partitions;
}

GroupAssignment to_assignment(const json& answer) {
  GroupAssignment assignment;
  for (const auto& [member, topics] : answer.items()) assignment[member] = to_partitions(topics);
  return assignment;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t index = 0; index + 1 < hex.size(); index += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(index, 2), nullptr, 16)));
  }
  return bytes;
}

MemberSubscription to_member(const json& value) {
  MemberSubscription member;
  member.member_id = value.at("id");
  if (!value.at("instance").is_null()) member.instance_id = value.at("instance").get<std::string>();
  member.topics = value.at("topics").get<std::vector<std::string>>();
  member.owned = to_partitions(value.at("owned"));
  member.generation = value.at("generation");
  return member;
}

Group to_group(const json& value) {
  Group group;
  group.partitions = value.at("partitions").get<PartitionCounts>();
  for (const json& member : value.at("members")) group.members.push_back(to_member(member));
  return group;
}

// As the leader of a `sticky` group sees it: all it knows of the past is in the user data.
Group to_sticky_group(const json& value) {
  Group group = to_group(value);
  for (std::size_t index = 0; index < group.members.size(); ++index) {
    MemberSubscription& member = group.members[index];
    member.owned.clear();
    member.generation = -1;
    const json& data = value.at("members")[index].at("sticky_data");
    if (data.is_null()) continue;
    auto parsed = parse_sticky_user_data(from_hex(data.get<std::string>()));
    EXPECT_TRUE(parsed.has_value()) << data;
    if (!parsed) continue;
    member.owned = std::move(parsed->owned);
    member.generation = parsed->generation;
  }
  return group;
}

std::size_t unevenness(const GroupAssignment& assignment) {
  std::size_t sum = 0;
  for (const std::size_t load : loads(assignment)) sum += load * load;
  return sum;
}

TEST(AssignorBesideJava, HasCasesToCompare) { EXPECT_GE(read_cases().size(), 200U); }

TEST(AssignorBesideJava, RangeGivesTheSameAnswer) {
  for (const json& value : read_cases()) {
    const Group group = to_group(value);
    EXPECT_EQ(assign(Assignor::kRange, group.members, group.partitions), to_assignment(value.at("range")))
        << to_string(group);
  }
}

TEST(AssignorBesideJava, RoundRobinGivesTheSameAnswer) {
  for (const json& value : read_cases()) {
    const Group group = to_group(value);
    EXPECT_EQ(assign(Assignor::kRoundRobin, group.members, group.partitions),
              to_assignment(value.at("roundrobin")))
        << to_string(group);
  }
}

TEST(AssignorBesideJava, StickyIsAsEvenAndKeepsAsMuch) {
  std::size_t equally_even = 0;
  for (const json& value : read_cases()) {
    const Group group = to_sticky_group(value);
    const GroupAssignment ours = assign(Assignor::kSticky, group.members, group.partitions);
    const GroupAssignment java = to_assignment(value.at("sticky"));
    if (!fault_in(group, java).empty()) continue;  // a zombie can make Java leave partitions to nobody
    EXPECT_LE(unevenness(ours), unevenness(java)) << to_string(group);
    if (unevenness(ours) < unevenness(java)) continue;  // Java stops where a single move does not help
    EXPECT_EQ(loads(ours), loads(java)) << to_string(group);
    EXPECT_GE(kept(group, ours), kept(group, java)) << to_string(group);
    ++equally_even;
  }
  EXPECT_GE(equally_even, 200U);
}

TEST(AssignorBesideJava, CooperativeStickyKeepsAsMuchInTheFirstRound) {
  std::size_t compared = 0;
  for (const json& value : read_cases()) {
    const Group group = to_group(value);
    const GroupAssignment target = assign(Assignor::kSticky, group.members, group.partitions);
    const GroupAssignment ours = assign(Assignor::kCooperativeSticky, group.members, group.partitions);
    EXPECT_EQ(kept(group, ours), kept(group, target)) << to_string(group);

    // Java keeps more only where it aims at something less even or false, which its answer for `sticky`
    // shows.
    const GroupAssignment java_target = to_assignment(value.at("sticky"));
    if (owners(to_sticky_group(value)) != owners(group) || !fault_in(group, java_target).empty()) continue;
    if (unevenness(java_target) != unevenness(target)) continue;
    EXPECT_GE(kept(group, ours), kept(group, to_assignment(value.at("cooperative-sticky"))))
        << to_string(group);
    ++compared;
  }
  EXPECT_GE(compared, 150U);
}

TEST(AssignorBesideJava, OurUserDataOfStickyIsJavas) {
  for (const json& value : read_cases()) {
    for (const json& entry : value.at("members")) {
      const MemberSubscription member = to_member(entry);
      if (entry.at("sticky_data").is_null()) continue;
      const std::string java = from_hex(entry.at("sticky_data"));
      const std::string ours =
          subscription_user_data(Assignor::kSticky, member.owned, member.generation).value_or("null");
      std::set<std::string> topics;
      for (const TopicPartition& partition : member.owned) topics.insert(partition.topic);
      EXPECT_EQ(ours.size(), java.size());
      if (topics.size() < 2) EXPECT_EQ(ours, java) << entry;  // Java writes several topics in no order
    }
  }
}

}  // namespace
}  // namespace sluice::core::test
