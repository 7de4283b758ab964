#pragma once

#include "daemon/core/group/membership.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace sluice::core {

[[nodiscard]] constexpr std::string_view to_string(MemberState state) {
  switch (state) {
    case MemberState::kUnjoined:
      return "unjoined";
    case MemberState::kRevoking:
      return "revoking";
    case MemberState::kJoining:
      return "joining";
    case MemberState::kSyncing:
      return "syncing";
    case MemberState::kStable:
      return "stable";
    case MemberState::kLeaving:
      return "leaving";
    case MemberState::kLeft:
      return "left";
    case MemberState::kFailed:
      return "failed";
  }
  return "?";
}

/// A set of states, small enough for a table.
class MemberStates {
 public:
  constexpr MemberStates(std::initializer_list<MemberState> states) {
    for (const MemberState state : states) bits_ |= bit(state);
  }
  [[nodiscard]] constexpr bool contains(MemberState state) const { return (bits_ & bit(state)) != 0; }

 private:
  static constexpr std::uint32_t bit(MemberState state) { return 1U << static_cast<unsigned>(state); }

  std::uint32_t bits_ = 0;
};

/// A state and the states that may come directly before it.
struct StateRule {
  MemberState state;
  MemberStates predecessors;
};

/// How a member of a classic group may move. Out of kFailed, the only way is to kLeft.
inline constexpr std::array kClassicStateRules{
    StateRule{MemberState::kUnjoined,
              {MemberState::kRevoking, MemberState::kJoining, MemberState::kSyncing, MemberState::kStable,
               MemberState::kLeft}},
    StateRule{MemberState::kJoining, {MemberState::kUnjoined}},
    StateRule{MemberState::kSyncing, {MemberState::kJoining}},
    StateRule{MemberState::kStable, {MemberState::kSyncing}},
    StateRule{MemberState::kRevoking, {MemberState::kStable}},
    StateRule{MemberState::kLeaving,
              {MemberState::kUnjoined, MemberState::kRevoking, MemberState::kJoining, MemberState::kSyncing,
               MemberState::kStable}},
    StateRule{MemberState::kLeft,
              {MemberState::kUnjoined, MemberState::kRevoking, MemberState::kJoining, MemberState::kSyncing,
               MemberState::kStable, MemberState::kLeaving, MemberState::kFailed}},
    StateRule{MemberState::kFailed,
              {MemberState::kUnjoined, MemberState::kRevoking, MemberState::kJoining, MemberState::kSyncing,
               MemberState::kStable}},
};

/// Whether `rules` let a member go from `from` to `to`.
template <std::size_t N>
[[nodiscard]] constexpr bool may_follow(const std::array<StateRule, N>& rules,
                                        MemberState from,
                                        MemberState to) {
  for (const StateRule& rule : rules) {
    if (rule.state == to) return rule.predecessors.contains(from);
  }
  return false;
}

}  // namespace sluice::core
