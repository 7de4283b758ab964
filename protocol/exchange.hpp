#pragma once

#include "protocol/messages/any.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// What travels between the state machines of the core and the connections of net: typed requests and typed
/// replies.
namespace sluice::protocol {

/// Broker id as in Metadata. Bootstrap addresses, whose ids nobody knows yet, are -1, -2, ... in
/// configuration order.
using NodeId = std::int32_t;

/// Unique for the life of the process; never reused.
using RequestId = std::uint64_t;

/// Brokers answer the requests of one connection strictly one after the other, so kinds of traffic that may
/// wait on the broker get a connection of their own: a long poll or a parked JoinGroup never holds back a
/// heartbeat.
enum class Lane : std::uint8_t {
  kFetch = 1,  ///< Fetch, as a long poll over partitions that are caught up
  kCatchUp,    ///< Fetch of partitions that became free while a long poll is parked
  kGroup,      ///< Heartbeat, OffsetCommit, OffsetFetch, LeaveGroup
  kJoin,       ///< JoinGroup, SyncGroup
  kProduce,    ///< Produce, which waits for the replicas
  kControl,    ///< Metadata, FindCoordinator, ListOffsets, OffsetForLeaderEpoch
};

/// One request that a state machine wants sent.
struct Outgoing {
  RequestId id = 0;
  NodeId node = -1;
  Lane lane = Lane::kControl;
  AnyRequest request;
  std::chrono::milliseconds timeout{30'000};  ///< from now until the complete answer; connecting included
  std::int16_t version_cap = 32767;           ///< do not use a higher version (e.g. 12 for Fetch by name)
};

/// Why a request got no answer.
enum class FailureKind : std::uint8_t {
  kConnectFailed = 1,   ///< name lookup, connect or handshake failed; nothing was sent
  kDisconnected,        ///< the connection ended; the broker may or may not have acted on the request
  kTimedOut,            ///< no answer within `timeout`; the connection was closed; outcome unknown
  kUnsupportedVersion,  ///< broker and we have no version in common; nothing was sent
  kMalformed,           ///< the answer could not be decoded; the connection was closed; outcome unknown
  kUnencodable,         ///< the request cannot be expressed in the negotiated version; nothing was sent
};

struct Failure {
  RequestId id = 0;
  NodeId node = -1;
  FailureKind kind = FailureKind::kDisconnected;
  std::string message;  ///< for logs: what failed, where
};

/// A decoded answer. Views inside `response` (the records of a Fetch) live as long as `frame`.
struct Reply {
  RequestId id = 0;
  NodeId node = -1;
  std::int16_t version = 0;  ///< of the request and of the answer
  AnyResponse response;
  std::shared_ptr<const std::string> frame;
};

/// Where a broker can be reached.
struct BrokerAddress {
  NodeId node = -1;
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const BrokerAddress&) const = default;
};

}  // namespace sluice::protocol
