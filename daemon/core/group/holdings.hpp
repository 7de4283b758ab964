#pragma once

#include "daemon/core/group/balance.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <vector>

namespace sluice::core {

/// Who holds what while a balance is sought. Refers to the problem, which must outlive it.
class Holdings {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  /// The items of one class at one member; never both empty. Strangers have their home elsewhere or nowhere.
  struct Pile {
    std::vector<std::size_t> strangers;
    std::vector<std::size_t> at_home;

    /// The item to part with.
    [[nodiscard]] std::size_t top() const { return strangers.empty() ? at_home.back() : strangers.back(); }
  };

  explicit Holdings(const BalanceProblem& problem)
      : problem_(problem),
        holder_(problem.item_class.size(), kNone),
        load_(problem.members, 0),
        piles_(problem.members) {}

  [[nodiscard]] const BalanceProblem& problem() const { return problem_; }
  [[nodiscard]] std::size_t members() const { return problem_.members; }
  [[nodiscard]] std::size_t items() const { return holder_.size(); }

  /// kNone before the item was put anywhere.
  [[nodiscard]] std::size_t holder(std::size_t item) const { return holder_[item]; }
  [[nodiscard]] const std::vector<std::size_t>& holders() const { return holder_; }
  [[nodiscard]] std::size_t load(std::size_t member) const { return load_[member]; }
  [[nodiscard]] std::size_t load_min() const { return *std::min_element(load_.begin(), load_.end()); }

  /// By class.
  [[nodiscard]] const std::map<std::size_t, Pile>& piles(std::size_t member) const { return piles_[member]; }

  /// True for an item that has a home and is not there.
  [[nodiscard]] bool is_astray(std::size_t item) const {
    return problem_.home[item].has_value() && problem_.home[item] != holder_[item];
  }

  void move(std::size_t item, std::size_t member) {
    if (holder_[item] != kNone) take(item);
    std::vector<std::size_t>& place = list(piles_[member][problem_.item_class[item]], item, member);
    place.push_back(item);
    holder_[item] = member;
    ++load_[member];
  }

 private:
  void take(std::size_t item) {
    const std::size_t member = holder_[item];
    const auto pile = piles_[member].find(problem_.item_class[item]);
    std::vector<std::size_t>& place = list(pile->second, item, member);
    place.erase(std::find(place.begin(), place.end(), item));
    if (pile->second.strangers.empty() && pile->second.at_home.empty()) piles_[member].erase(pile);
    --load_[member];
  }

  std::vector<std::size_t>& list(Pile& pile, std::size_t item, std::size_t member) const {
    return problem_.home[item] == member ? pile.at_home : pile.strangers;
  }

  const BalanceProblem& problem_;
  std::vector<std::size_t> holder_;
  std::vector<std::size_t> load_;
  std::vector<std::map<std::size_t, Pile>> piles_;
};

/// Brings as many items home as can be without making the loads less even. Expects that they are as even as
/// can be.
void bring_home(Holdings& holdings);

}  // namespace sluice::core
