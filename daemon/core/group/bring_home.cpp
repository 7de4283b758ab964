#include "daemon/core/group/holdings.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

constexpr std::size_t kNone = Holdings::kNone;

// A circle of exchanges leaves every load as it is. It pays if it brings more items home than it takes away
// from there. Such circles are the negative cycles of a graph, found with the Bellman-Ford method:
//   member -> class   0 or 1   the member gives a stranger of the class, or else one that is at home
//   class  -> member  0        the member may take it
//   member -> member  -1       an item goes home
//   member -> load    0        the member takes one item more than it gives: its load becomes this one, ...
//   load   -> member  0        ... and a member with this load gives one more than it takes: they swap their
//   loads
// When no circle pays, no other even distribution has more items at home.
class HomeBringer {
 public:
  explicit HomeBringer(Holdings& holdings)
      : holdings_(holdings),
        first_class_(holdings.members()),
        first_load_(first_class_ + holdings.problem().classes.size()),
        distance_(first_load_ + holdings.items() + 2),
        previous_(distance_.size()),
        item_home_(distance_.size()),
        walk_(distance_.size()) {}

  void run() {
    for (std::size_t node = find_circle(); node != kNone; node = find_circle()) exchange(node);
  }

 private:
  // A node of a circle that pays; kNone if there is none.
  std::size_t find_circle() {
    find_astray();
    if (astray_.empty()) return kNone;
    std::fill(distance_.begin(), distance_.end(), 0);
    std::fill(previous_.begin(), previous_.end(), kNone);
    for (std::size_t round = 0; round <= distance_.size(); ++round) {
      const bool changed = relax_all();
      if (!changed) return kNone;
      const std::size_t node = circle_of_previous();
      if (node != kNone) return node;
    }
    return kNone;
  }

  void find_astray() {
    astray_.clear();
    for (std::size_t item = 0; item < holdings_.items(); ++item) {
      if (holdings_.is_astray(item)) astray_.push_back(item);
    }
  }

  bool relax_all() {
    bool changed = false;
    const BalanceProblem& problem = holdings_.problem();
    for (const std::size_t item : astray_) {
      changed |= relax(holdings_.holder(item), *problem.home[item], -1, item);
    }
    for (std::size_t member = 0; member < holdings_.members(); ++member) {
      const std::size_t load = first_load_ + holdings_.load(member);
      changed |= relax(load, member, 0);
      changed |= relax(member, load + 1, 0);
      for (const auto& [item_class, pile] : holdings_.piles(member)) {
        changed |= relax(member, first_class_ + item_class, pile.strangers.empty() ? 1 : 0);
      }
    }
    for (std::size_t item_class = 0; item_class < problem.classes.size(); ++item_class) {
      for (const std::size_t member : problem.classes[item_class]) {
        changed |= relax(first_class_ + item_class, member, 0);
      }
    }
    return changed;
  }

  bool relax(std::size_t from, std::size_t to, std::int64_t cost, std::size_t item = kNone) {
    if (distance_[from] + cost >= distance_[to]) return false;
    distance_[to] = distance_[from] + cost;
    previous_[to] = from;
    item_home_[to] = item;
    return true;
  }

  // previous_ is a forest until a negative cycle closes in it.
  std::size_t circle_of_previous() {
    std::fill(walk_.begin(), walk_.end(), kNone);
    for (std::size_t start = 0; start < previous_.size(); ++start) {
      std::size_t node = start;
      while (node != kNone && walk_[node] == kNone) {
        walk_[node] = start;
        node = previous_[node];
      }
      if (node != kNone && walk_[node] == start) return node;
    }
    return kNone;
  }

  // Chooses all the items before it moves the first: nobody passes on what just came in.
  void exchange(std::size_t start) {
    std::vector<std::pair<std::size_t, std::size_t>> moves;
    std::size_t node = start;
    do {
      const std::size_t from = previous_[node];
      if (is_member(node) && is_member(from)) {
        moves.emplace_back(item_home_[node], node);
      } else if (is_member(node) && is_class(from)) {
        const auto& piles = holdings_.piles(previous_[from]);
        moves.emplace_back(piles.at(from - first_class_).top(), node);
      }
      node = from;
    } while (node != start);
    for (const auto& [item, member] : moves) holdings_.move(item, member);
  }

  [[nodiscard]] bool is_member(std::size_t node) const { return node < first_class_; }
  [[nodiscard]] bool is_class(std::size_t node) const { return node >= first_class_ && node < first_load_; }

  Holdings& holdings_;
  // Nodes are members, then classes, then loads.
  std::size_t first_class_;
  std::size_t first_load_;
  std::vector<std::size_t> astray_;
  std::vector<std::int64_t> distance_;
  std::vector<std::size_t> previous_;
  std::vector<std::size_t> item_home_;  // node -> the item that goes home there, if one does
  std::vector<std::size_t> walk_;
};

}  // namespace

void bring_home(Holdings& holdings) { HomeBringer(holdings).run(); }

}  // namespace sluice::core
