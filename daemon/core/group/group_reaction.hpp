#pragma once

#include <cstdint>

namespace sluice::core {

/// The request of a classic member that an error answers.
enum class GroupCall : std::uint8_t { kJoin = 1, kSync, kHeartbeat, kCommit, kLeave };

/// What a classic member does about an error.
enum class GroupReaction : std::uint8_t {
  kIgnore = 1,   ///< somebody else's business
  kRetry,        ///< again, after a back-off, at the same coordinator (Sync: by joining again)
  kRetrySlowly,  ///< as kRetry, but seconds apart: only an operator or other members can change the outcome
  kFindCoordinator,  ///< again at the coordinator that a new lookup finds
  kTakeMemberId,     ///< join again at once under the member id in the answer
  kRebalance,        ///< give up what the protocol asks for, and join again
  kResetGeneration,  ///< the partitions are lost; join again with the same member id
  kResetMember,      ///< the partitions are lost; join again as a new member
  kFatal,            ///< the partitions are lost; nothing but another configuration helps
  kDone,             ///< Leave: as good as having left
};

/// One table of all codes. A code that is not in it is retried with back-off (Join, Sync, Heartbeat), left to
/// the committer (Commit), or the end of the attempt (Leave).
[[nodiscard]] GroupReaction reaction_to(GroupCall call, std::int16_t code);

}  // namespace sluice::core
