#include "daemon/core/group/balance.hpp"

#include "daemon/core/group/holdings.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace sluice::core {
namespace {

constexpr std::size_t kNone = Holdings::kNone;

void place_all(Holdings& holdings) {
  const BalanceProblem& problem = holdings.problem();
  std::vector<std::size_t> homeless;
  for (std::size_t item = 0; item < holdings.items(); ++item) {
    if (problem.home[item]) {
      holdings.move(item, *problem.home[item]);
    } else {
      homeless.push_back(item);
    }
  }
  // Items with the fewest possible members first: the others can still fill the gaps.
  const auto members_of = [&](std::size_t item) -> const std::vector<std::size_t>& {
    return problem.classes[problem.item_class[item]];
  };
  std::sort(homeless.begin(), homeless.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(members_of(a).size(), a) < std::pair(members_of(b).size(), b);
  });
  for (const std::size_t item : homeless) {
    const auto& members = members_of(item);
    const auto lightest = std::min_element(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
      return holdings.load(a) < holdings.load(b);
    });
    holdings.move(item, *lightest);
  }
}

// Evens the loads out along chains: a member gives an item to one that may hold it, which gives another one
// on, until a member is reached that has at least two less than the first. When no such chain is left, the
// loads are optimal (Harvey, Ladner, Lovasz, Tamir: Semi-matchings for bipartite graphs and load balancing).
class Evener {
 public:
  explicit Evener(Holdings& holdings)
      : holdings_(holdings),
        member_cost_(holdings.members()),
        class_cost_(holdings.problem().classes.size()),
        came_by_class_(holdings.members()),
        came_from_member_(holdings.problem().classes.size()) {}

  // The most loaded member gives first, so that nobody gives more than it must.
  void run() {
    bool improved = true;
    while (improved) {
      improved = false;
      std::vector<bool> done(holdings_.members(), false);
      for (std::size_t giver = most_loaded(done); giver != kNone; giver = most_loaded(done)) {
        const std::size_t receiver = find_chain(giver);
        if (receiver == kNone) {
          done[giver] = true;
        } else {
          shift(receiver, giver);
          improved = true;
        }
      }
    }
  }

 private:
  // Returns the lightest receiver among those at the end of the chains that take the fewest items from their
  // homes, and leaves the way to it in came_by_class_ and came_from_member_.
  std::size_t find_chain(std::size_t giver) {
    std::fill(member_cost_.begin(), member_cost_.end(), kNone);
    std::fill(class_cost_.begin(), class_cost_.end(), kNone);
    member_cost_[giver] = 0;
    frontier_.assign(1, {giver, 0});
    const std::size_t load_min = holdings_.load_min();
    std::size_t best = kNone;
    while (!frontier_.empty()) {
      const auto [member, cost] = frontier_.front();
      frontier_.pop_front();
      if (cost != member_cost_[member]) continue;  // a cheaper way was found meanwhile
      if (best != kNone && cost > member_cost_[best]) break;
      if (holdings_.load(member) + 2 <= holdings_.load(giver)) {
        if (best == kNone || holdings_.load(member) < holdings_.load(best)) best = member;
        if (holdings_.load(member) == load_min) break;
        continue;
      }
      for (const auto& [item_class, pile] : holdings_.piles(member)) {
        reach_members(member, item_class, cost + (pile.strangers.empty() ? 1 : 0));
      }
    }
    return best;
  }

  // Keeps the frontier sorted by cost: what costs nothing more goes to the front, what costs one more to the
  // back.
  void reach_members(std::size_t from, std::size_t item_class, std::size_t cost) {
    if (cost >= class_cost_[item_class]) return;
    class_cost_[item_class] = cost;
    came_from_member_[item_class] = from;
    for (const std::size_t member : holdings_.problem().classes[item_class]) {
      if (cost >= member_cost_[member]) continue;
      member_cost_[member] = cost;
      came_by_class_[member] = item_class;
      if (cost == member_cost_[from]) {
        frontier_.emplace_front(member, cost);
      } else {
        frontier_.emplace_back(member, cost);
      }
    }
  }

  // Moves one item along each step, from the end of the chain: nobody passes on what just came in.
  void shift(std::size_t receiver, std::size_t first) {
    while (receiver != first) {
      const std::size_t item_class = came_by_class_[receiver];
      const std::size_t giver = came_from_member_[item_class];
      holdings_.move(holdings_.piles(giver).at(item_class).top(), receiver);
      receiver = giver;
    }
  }

  [[nodiscard]] std::size_t most_loaded(const std::vector<bool>& without) const {
    std::size_t most = kNone;
    for (std::size_t member = 0; member < holdings_.members(); ++member) {
      if (without[member]) continue;
      if (most == kNone || holdings_.load(member) > holdings_.load(most)) most = member;
    }
    return most;
  }

  Holdings& holdings_;
  std::deque<std::pair<std::size_t, std::size_t>> frontier_;  // member and the cost of the way to it
  std::vector<std::size_t> member_cost_;                      // how many items leave their homes on the way
  std::vector<std::size_t> class_cost_;
  std::vector<std::size_t> came_by_class_;     // member -> class of the item that it would get
  std::vector<std::size_t> came_from_member_;  // class -> who would give an item of it
};

}  // namespace

std::vector<std::size_t> balance(const BalanceProblem& problem) {
  Holdings holdings(problem);
  place_all(holdings);
  Evener(holdings).run();
  bring_home(holdings);
  return holdings.holders();
}

}  // namespace sluice::core
