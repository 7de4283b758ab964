#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/core/group/membership.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What an application can ask of a consumer, and what it is told. Plain values; HTTP turns them into JSON
/// and back.
namespace sluice::core {

// ----------------------------------------------------------------------------------------------------------
// fetch

struct FetchSpec {
  std::int32_t max_records = 500;  ///< 1 ..; hard bound of one batch
  std::int64_t max_bytes =
      1 << 20;                   ///< payload bytes; -1 = bounded by the budget only; one record always fits
  Duration wait{};               ///< how long to wait for a first record
  std::int32_t min_records = 1;  ///< wait for at least so many ...
  std::int64_t min_bytes = 0;    ///< ... and so many payload bytes, but never longer than `wait`
  Duration lease{};              ///< how long the batch may be processed before it is handed out again
  std::string request_id;        ///< the same id again gets the same batch again while its lease is open
  std::vector<std::string> topics;  ///< only from these; empty = all
  bool settle_at_once = false;      ///< mode `auto`: at most once, settled as it is handed out
};

enum class EmptyReason : std::uint8_t {
  kTimeout = 1,
  kJoining,
  kNoPartitions,
  kPaused,
  kWindowFull,
  kBackOff,
  kDraining,
};
std::string_view to_string(EmptyReason);

enum class TruncatedBy : std::uint8_t {
  kNothing = 0,
  kMaxRecords,
  kMaxBytes,
  kBudget,
  kWindow,
  kRedelivery,  ///< records that failed before come in small batches
};
std::string_view to_string(TruncatedBy);

struct RevokingPartition {
  TopicPartition partition;
  TimePoint finish_by;
};

/// Answer to a fetch. With `batch` null it is empty, for `reason`.
struct FetchResult {
  std::shared_ptr<const Batch> batch;
  TimePoint lease_expires_at = kNever;
  bool repeated = false;            ///< answered from an open lease of the same request_id
  std::uint64_t commit_ticket = 0;  ///< settled at once: wait for this before the records go out; 0: nothing
  TruncatedBy truncated_by = TruncatedBy::kNothing;
  std::int64_t backlog = 0;  ///< records known to wait at the broker and in the buffer, after this batch
  EmptyReason reason = EmptyReason::kTimeout;
  std::vector<RevokingPartition> revoking;
  FetchSpec used;  ///< the limits after the server's caps
};

// ----------------------------------------------------------------------------------------------------------
// settle

/// Which records of a batch an entry speaks of.
struct OffsetSelector {
  TopicPartition partition;
  OffsetRange range;
};  ///< {topic, partition, offset} or {.., from, to}
struct ThroughSelector {
  TopicPartition partition;
  Offset offset;
};  ///< all of the partition up to and including
struct IndexSelector {
  std::uint32_t first;
  std::uint32_t last;
};  ///< positions in the batch, from 0
using Selector = std::variant<OffsetSelector, ThroughSelector, IndexSelector>;

enum class Default : std::uint8_t { kAccept = 1, kKeep };

/// Gives records back.
struct Release {
  Selector which;
  std::optional<Duration> delay;  ///< nothing: the consumer's own back-off
};

/// Says that records can never succeed: they go to the dead letter topic.
struct Reject {
  Selector which;
  std::string reason;  ///< for people; goes with the record
};

/// Settlement of a batch. Lists are applied in this order; what two of them name is done by the first. The
/// rest follows `fallback`. An empty request accepts all records.
struct AckSpec {
  Default fallback = Default::kAccept;  ///< kKeep when any list is given, unless the caller says otherwise
  std::vector<Selector> accept{};
  std::vector<Release> release{};
  std::vector<Reject> reject{};
  bool await_commit = true;  ///< the caller wants to know when it is committed

  [[nodiscard]] bool names_nothing() const { return accept.empty() && release.empty() && reject.empty(); }
};

enum class Refusal : std::uint8_t { kLeaseLost = 1, kLeaseExpired, kAlreadySettled, kNotInBatch };
std::string_view to_string(Refusal);  // lease_lost, lease_expired, already_settled, not_in_batch

struct RefusedRecords {
  TopicPartition partition;
  OffsetRange range;
  Refusal reason;
};

struct PartitionProgress {
  TopicPartition partition;
  Offset acked_through = -1;        ///< inclusive; one below the first unsettled record
  std::optional<Offset> committed;  ///< Kafka's: the next offset; nothing when none was ever committed
  std::uint64_t accepted = 0;       ///< by this call
  std::uint64_t released = 0;       ///< by this call
  std::uint64_t rejected = 0;       ///< by this call
};

struct AckResult {
  bool found = true;        ///< false: no such batch (never existed, or long gone)
  bool lease_gone = false;  ///< nothing could be applied because the lease is gone
  std::uint64_t accepted = 0;
  std::uint64_t released = 0;
  std::uint64_t rejected = 0;              ///< on their way to the dead letter topic
  std::uint64_t kept = 0;                  ///< still leased by this batch
  std::vector<RefusedRecords> refused;     ///< ranges, merged
  std::vector<PartitionProgress> offsets;  ///< of every partition of the batch
  std::uint64_t commit_ticket = 0;  ///< wait for this before saying "committed"; 0: nothing to wait for
  bool pending = false;             ///< something of these partitions is settled and not committed
};

struct LeaseResult {
  bool found = true;
  bool lease_gone = false;
  TimePoint expires_at = kNever;  ///< extend: the new deadline
  std::uint64_t released = 0;     ///< release: how many went back
};

// ----------------------------------------------------------------------------------------------------------
// flow control

/// What a pause, a resume or a seek is about. Both empty: everything the consumer has.
struct Scope {
  std::vector<std::string> topics;
  std::vector<TopicPartition> partitions;

  [[nodiscard]] bool is_all() const { return topics.empty() && partitions.empty(); }
  [[nodiscard]] bool covers(const TopicPartition& tp) const;
};

/// Where to go on.
struct SeekTarget {
  enum class Kind : std::uint8_t { kBeginning = 1, kEnd, kCommitted, kOffset, kTimestamp };
  Kind kind = Kind::kBeginning;
  Offset offset = 0;              ///< kOffset
  std::int64_t timestamp_ms = 0;  ///< kTimestamp: the first record that is not older
};

struct SeekResult {
  std::vector<TopicPartition> partitions;  ///< that move
  std::vector<TopicPartition> strangers;   ///< named, but not assigned to this member; then nothing has moved
  std::uint64_t voided_records = 0;        ///< were leased and are not any more
  std::uint64_t ticket = 0;                ///< wait for this: the new positions are known and committed
};

/// How waiting for a commit ended.
enum class CommitOutcome : std::uint8_t { kCommitted = 1, kFailed, kFenced };

// ----------------------------------------------------------------------------------------------------------
// state

struct OpenLease {
  BatchId id;
  std::string request_id;
  TimePoint granted_at;
  TimePoint expires_at;
  std::uint32_t records = 0;
  std::uint32_t unsettled = 0;
  std::int64_t bytes = 0;
  std::vector<std::pair<TopicPartition, OffsetRange>> ranges;
};

/// Why a partition hands nothing out although records wait. One line for people: "leased by batch 3f.. for 42
/// s".
struct BlockedBy {
  std::string code;  ///< leased, back_off, paused, budget, revoking, no_leader, no_offset, error, ...
  std::string text;
};

struct PartitionStatus {
  TopicPartition partition;
  std::optional<Offset> committed;
  std::optional<Offset> start;           ///< where delivery began in this assignment
  std::optional<Offset> position;        ///< next offset to hand out for the first time
  std::optional<Offset> fetch_position;  ///< next offset to ask the broker for
  std::optional<Offset> end;             ///< high watermark, or last stable offset for read_committed
  std::optional<Offset> log_start;
  std::optional<Offset> first_unsettled;  ///< the watermark: what may be committed
  std::optional<std::int64_t>
      first_unsettled_timestamp;  ///< ms since the epoch, of the record at the watermark
  std::int32_t leader = -1;
  std::uint64_t buffered_records_bytes = 0;
  std::uint64_t leased_records = 0;
  std::uint64_t returned_records = 0;   ///< wait for a delivery: given back, or passed over for their key
  std::uint64_t condemned_records = 0;  ///< on their way to the dead letter topic
  std::uint64_t settled_ahead = 0;      ///< settled above the first unsettled one
  bool foreign_metadata = false;        ///< the commit holds somebody else's text: gaps are not kept
  bool paused = false;
  std::optional<BlockedBy> blocked_by;

  /// Records between the committed offset (where delivery began, while nothing is committed) and the end.
  /// Nothing until both are known, never 0 as a guess.
  [[nodiscard]] std::optional<std::int64_t> lag() const {
    const std::optional<Offset> from = committed ? committed : start;
    if (!end || !from) return std::nullopt;
    return std::max<std::int64_t>(0, *end - *from);
  }
};

/// How often an adaptive window has changed, and why; see Window::Counters.
struct WindowChanges {
  std::uint64_t grown = 0;
  std::uint64_t slow = 0;
  std::uint64_t expired = 0;
  std::uint64_t released = 0;
  std::uint64_t measured = 0;
};

struct WindowStatus {
  bool adaptive = false;
  std::int64_t records = -1;  ///< bound in force; -1: none
  std::int64_t bytes = -1;
  std::int64_t leased_records = 0;
  std::int64_t leased_bytes = 0;
  WindowChanges changes;
};

struct DeadLetterStatus {
  std::string topic;  ///< empty: none is configured
  std::uint64_t waiting = 0;
  std::optional<std::string> error;
};

struct ConsumerStatus {
  std::string group_id;
  OrderMode order = OrderMode::kPartition;
  WindowStatus window;
  DeadLetterStatus dead_letters;
  bool paused = false;   ///< as a whole
  bool idle = false;     ///< the application has been silent for too long; see app.idle.policy
  std::string state;     ///< of the membership: unjoined, joining, syncing, stable, ...
  std::string protocol;  ///< classic
  std::string assignor;  ///< chosen by the group
  MemberIdentity identity;
  std::optional<std::string> error;  ///< fatal or repeated error, with its remedy
  bool draining = false;
  std::vector<PartitionStatus> partitions;
  std::vector<RevokingPartition> revoking;
  std::vector<OpenLease> leases;
  std::uint32_t waiting_fetches = 0;
  TimePoint last_heartbeat_success{};
  TimePoint last_fetch_call{};
};

}  // namespace sluice::core
