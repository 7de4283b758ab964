#pragma once

#include "daemon/core/fetch/memory_budget.hpp"
#include "daemon/core/time.hpp"
#include "daemon/core/types.hpp"
#include "protocol/records/record_set.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::core {

/// What a chunk holds.
enum class ChunkKind : std::uint8_t {
  kData = 1,
  kControl,      ///< passes without being delivered
  kAborted,      ///< passes without being delivered
  kUndecodable,  ///< its checksum is right, but it cannot be read: handed out as one record with an error
  kOversized,    ///< decompresses to more than is allowed: the same
};

/// Handed out as one record that stands for the whole chunk, because nothing inside can be read.
[[nodiscard]] inline bool is_opaque(ChunkKind kind) {
  return kind == ChunkKind::kUndecodable || kind == ChunkKind::kOversized;
}
[[nodiscard]] std::string_view to_string(ChunkKind);

/// One decoded record batch of Kafka, kept in memory until all its records are settled. Shared by the
/// partition's buffer, by leases and by responses under way. Control and aborted batches are chunks without
/// payload; the payload of an opaque chunk is what could not be read, as it came.
struct RecordChunk {
  ChunkKind kind = ChunkKind::kData;
  std::string error;  ///< of an opaque chunk: what is wrong with it
  std::shared_ptr<const std::string>
      frame;  ///< keeps borrowed bytes alive; null when `batch.owned` holds them
  protocol::DecodedBatch batch;
  Charge charge;  ///< what this chunk pins
};

/// Consecutive records of one chunk: bytes [begin, end) of its payload.
struct Segment {
  std::shared_ptr<const RecordChunk> chunk;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint32_t records = 0;
  Offset first = 0;
  Offset last = 0;
  std::uint32_t delivery = 1;  ///< the same for all records of a segment
  bool is_final = false;  ///< the last delivery before the dead letter topic; of all records of a segment
};

/// The part of a batch that comes from one partition, in offset order.
struct BatchSlice {
  TopicPartition partition;
  std::vector<Segment> segments;
};

/// Identifies a batch and its lease: 128 random bits as 32 hex digits.
class BatchId {
 public:
  BatchId() = default;
  explicit BatchId(std::array<std::uint64_t, 2> bits) : bits_(bits) {}
  /// Nothing when the text is not 32 lower-case hex digits.
  static std::optional<BatchId> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const BatchId&) const = default;

 private:
  std::array<std::uint64_t, 2> bits_{};
};

/// Records handed to one application call under one lease. Immutable once made; cheap to share.
struct Batch {
  BatchId id;
  std::vector<BatchSlice> slices;
  std::uint32_t records = 0;
  std::int64_t payload_bytes = 0;  ///< keys, values, header names and header values
};

}  // namespace sluice::core
