#include "protocol/messages/two_forms.hpp"

#include <variant>

namespace sluice::protocol {

namespace {

constexpr std::int16_t kFindCoordinatorKeys = 4;  // KIP-699
constexpr std::int16_t kOffsetFetchGroups = 8;    // KIP-709
constexpr std::int16_t kOffsetFetchStable = 7;  // KIP-447: older brokers have no pending commits to wait for
constexpr std::int16_t kLeaveGroupMembers = 3;  // KIP-345

}  // namespace

void keep_form_of(AnyRequest& request, std::int16_t version) {
  if (auto* find = std::get_if<FindCoordinatorRequest>(&request)) {
    if (version >= kFindCoordinatorKeys) {
      find->key.clear();
    } else {
      find->coordinator_keys.clear();
    }
  } else if (auto* fetch = std::get_if<OffsetFetchRequest>(&request)) {
    fetch->require_stable = fetch->require_stable && version >= kOffsetFetchStable;
    if (version >= kOffsetFetchGroups) {
      fetch->group_id.clear();
      fetch->topics.emplace();
    } else {
      fetch->groups.clear();
    }
  } else if (auto* leave = std::get_if<LeaveGroupRequest>(&request)) {
    if (version >= kLeaveGroupMembers) {
      leave->member_id.clear();
    } else {
      leave->members.clear();
    }
  }
}

}  // namespace sluice::protocol
