#include "daemon/core/group/balance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace sluice::core::test {
namespace {

// Smaller is better: first the sum of squared loads, then the number of items that are not at home.
using Score = std::pair<std::size_t, std::size_t>;

Score score_of(const BalanceProblem& problem, const std::vector<std::size_t>& holder) {
  std::vector<std::size_t> load(problem.members, 0);
  std::size_t away = 0;
  for (std::size_t item = 0; item < holder.size(); ++item) {
    ++load[holder[item]];
    if (problem.home[item] && problem.home[item] != holder[item]) ++away;
  }
  std::size_t squares = 0;
  for (const std::size_t count : load) squares += count * count;
  return {squares, away};
}

// Tries every answer there is.
Score best_score(const BalanceProblem& problem, std::vector<std::size_t>& holder) {
  if (holder.size() == problem.item_class.size()) return score_of(problem, holder);
  Score best{~std::size_t{0}, 0};
  for (const std::size_t member : problem.classes[problem.item_class[holder.size()]]) {
    holder.push_back(member);
    best = std::min(best, best_score(problem, holder));
    holder.pop_back();
  }
  return best;
}

BalanceProblem make_small(std::uint32_t seed) {
  std::mt19937 random(seed);
  BalanceProblem problem;
  problem.members = 2 + random() % 3;
  const std::size_t classes = 1 + random() % 4;
  for (std::size_t count = 0; count < classes; ++count) {
    std::set<std::size_t> members{random() % problem.members};
    for (std::size_t member = 0; member < problem.members; ++member) {
      if (random() % 2 == 0) members.insert(member);
    }
    problem.classes.emplace_back(members.begin(), members.end());
  }
  const std::size_t items = random() % 9;
  for (std::size_t item = 0; item < items; ++item) {
    problem.item_class.push_back(random() % classes);
    const auto& members = problem.classes[problem.item_class.back()];
    problem.home.push_back(random() % 4 == 0 ? std::nullopt
                                             : std::optional(members[random() % members.size()]));
  }
  return problem;
}

TEST(Balance, HasNoAnswerForNothing) { EXPECT_TRUE(balance({}).empty()); }

TEST(Balance, LeavesItemsAtHomeWhenTheLoadsAreEven) {
  EXPECT_EQ(balance({.members = 2, .classes = {{0, 1}}, .item_class = {0, 0, 0}, .home = {1, 0, 1}}),
            (std::vector<std::size_t>{1, 0, 1}));
}

TEST(Balance, PutsEvennessBeforeHome) {
  const std::vector<std::size_t> holder =
      balance({.members = 2, .classes = {{0, 1}}, .item_class = {0, 0}, .home = {0, 0}});
  EXPECT_NE(holder[0], holder[1]);
}

TEST(Balance, FindsTheBestAnswerOfAll) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    const BalanceProblem problem = make_small(seed);
    const std::vector<std::size_t> holder = balance(problem);
    ASSERT_EQ(holder.size(), problem.item_class.size());
    for (std::size_t item = 0; item < holder.size(); ++item) {
      const auto& members = problem.classes[problem.item_class[item]];
      ASSERT_TRUE(std::find(members.begin(), members.end(), holder[item]) != members.end())
          << "seed " << seed;
    }
    std::vector<std::size_t> scratch;
    ASSERT_EQ(score_of(problem, holder), best_score(problem, scratch)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::core::test
