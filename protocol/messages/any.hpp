#pragma once

#include "protocol/messages/api_key.hpp"
#include "protocol/messages/api_versions.hpp"
#include "protocol/messages/consumer_group_heartbeat.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/find_coordinator.hpp"
#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/leave_group.hpp"
#include "protocol/messages/list_offsets.hpp"
#include "protocol/messages/metadata.hpp"
#include "protocol/messages/offset_commit.hpp"
#include "protocol/messages/offset_fetch.hpp"
#include "protocol/messages/offset_for_leader_epoch.hpp"
#include "protocol/messages/produce.hpp"
#include "protocol/messages/sasl_authenticate.hpp"
#include "protocol/messages/sasl_handshake.hpp"
#include "protocol/messages/sync_group.hpp"

#include <variant>

namespace sluice::protocol {

/// Any request that we can send. Same order as kApis and AnyResponse.
using AnyRequest = std::variant<ProduceRequest,
                                FetchRequest,
                                ListOffsetsRequest,
                                MetadataRequest,
                                OffsetCommitRequest,
                                OffsetFetchRequest,
                                FindCoordinatorRequest,
                                JoinGroupRequest,
                                HeartbeatRequest,
                                LeaveGroupRequest,
                                SyncGroupRequest,
                                SaslHandshakeRequest,
                                ApiVersionsRequest,
                                InitProducerIdRequest,
                                OffsetForLeaderEpochRequest,
                                SaslAuthenticateRequest,
                                ConsumerGroupHeartbeatRequest>;

/// Any response that we can read. A FetchResponse inside borrows its records from the frame that was decoded.
using AnyResponse = std::variant<ProduceResponse,
                                 FetchResponse,
                                 ListOffsetsResponse,
                                 MetadataResponse,
                                 OffsetCommitResponse,
                                 OffsetFetchResponse,
                                 FindCoordinatorResponse,
                                 JoinGroupResponse,
                                 HeartbeatResponse,
                                 LeaveGroupResponse,
                                 SyncGroupResponse,
                                 SaslHandshakeResponse,
                                 ApiVersionsResponse,
                                 InitProducerIdResponse,
                                 OffsetForLeaderEpochResponse,
                                 SaslAuthenticateResponse,
                                 ConsumerGroupHeartbeatResponse>;

/// The API that a request or a response belongs to.
[[nodiscard]] inline ApiKey api_key(const AnyRequest& request) {
  return std::visit([](const auto& r) { return r.kApiKey; }, request);
}
[[nodiscard]] inline ApiKey api_key(const AnyResponse& response) {
  return std::visit([](const auto& r) { return r.kApiKey; }, response);
}

}  // namespace sluice::protocol
