#pragma once

#include "protocol/messages/any.hpp"

#include <cstdint>

namespace sluice::protocol {

/// FindCoordinator, OffsetFetch and LeaveGroup say the same thing in other fields before and after some
/// version (one key or a list of them). A sender does not know the version yet, so it fills in both; this
/// empties the form that `version` has no room for. Other requests are left alone.
void keep_form_of(AnyRequest& request, std::int16_t version);

}  // namespace sluice::protocol
