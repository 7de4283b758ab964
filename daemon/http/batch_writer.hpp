#pragma once

#include "daemon/core/delivery/batch.hpp"
#include "daemon/http/output_buffer.hpp"
#include "protocol/records/record_set.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::http {

/// How bytes of records become JSON. Nothing is ever lost: bytes that do not fit the wanted form take the
/// next one that holds them, and the answer says so.
enum class Encoding : std::uint8_t {
  kAuto = 1,  ///< a string when it is valid UTF-8, else base64
  kString,    ///< the same: a JSON string cannot hold other bytes
  kJson,      ///< embedded as it is when it is JSON, else as kAuto
  kBase64,
};

struct RecordFormat {
  Encoding key = Encoding::kAuto;
  Encoding value = Encoding::kAuto;
  Encoding headers = Encoding::kAuto;
  bool lines =
      false;  ///< NDJSON: a record per line; otherwise the elements of a JSON array, without its brackets
};

/// Writes the records of a batch as JSON, the hot path of the daemon: no allocation per record, payload
/// copied once.
///
/// A record: `topic, partition, offset, timestamp` (ms; null: none), `timestamp_type` ("create" |
/// "log_append"), `key`,
/// [`key_encoding`], `value`, [`value_encoding`], `headers` [{`name`, `value`, [`encoding`]}], `delivery`,
/// `final`, and `error` {`code`, `message`, `last_offset`} for one that stands for a whole batch of Kafka
/// that could not be read: then `value` is that batch as it came, in base64. The encoding members are "json"
/// or "base64"; absent means "string". Null keys, values and header values stay null. A header name that is
/// not UTF-8 is written in base64 with `name_encoding`.
class BatchWriter {
 public:
  BatchWriter(std::shared_ptr<const core::Batch> batch, RecordFormat format);

  /// Appends whole records until `out` holds `stop_at` bytes or more. True when the last record has been
  /// written.
  [[nodiscard]] bool write(OutputBuffer& out, std::size_t stop_at);

  /// The bytes of a segment were no records, although they had been checked: a bug. Nothing more is written.
  [[nodiscard]] bool failed() const { return failed_; }

  /// What the records of a batch will take, about; meant for a first reserve().
  [[nodiscard]] static std::size_t estimate(const core::Batch& batch);

 private:
  bool begin_segment();
  void write_record(const protocol::Record& record, OutputBuffer& out);
  void write_opaque(const core::RecordChunk& chunk, core::Offset offset, OutputBuffer& out);

  std::shared_ptr<const core::Batch> batch_;
  RecordFormat format_;
  std::size_t slice_ = 0;
  std::size_t segment_ = 0;
  bool in_segment_ = false;
  bool first_ = true;
  bool failed_ = false;
  protocol::RecordCursor cursor_;
  core::Offset last_offset_ = -1;
  std::string_view timestamp_type_;
  std::string prefix_;  // of each record of the slice, up to its offset
  std::string suffix_;  // of each record of the segment, after its headers
};

}  // namespace sluice::http
