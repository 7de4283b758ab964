#include "daemon/http/batch_writer.hpp"

#include "daemon/http/json_check.hpp"
#include "daemon/http/json_text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::http {

namespace {

constexpr std::string_view kString = "string";
constexpr std::string_view kJson = "json";
constexpr std::string_view kBase64 = "base64";

// White space between the parts of a JSON value may hold line ends; inside its strings they cannot occur.
void append_one_line(OutputBuffer& out, std::string_view json) {
  char* const at = out.prepare(json.size());
  std::replace_copy_if(json.begin(), json.end(), at, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  out.commit(at + json.size());
}

// Appends the bytes and returns the name of the encoding they got.
std::string_view append_bytes(OutputBuffer& out, std::string_view bytes, Encoding wanted, bool lines) {
  if (wanted == Encoding::kJson && is_json(bytes)) {
    if (lines) {
      append_one_line(out, bytes);
    } else {
      out.append(bytes);
    }
    return kJson;
  }
  if (wanted != Encoding::kBase64 && append_json_string(out, bytes)) return kString;
  append_base64_string(out, bytes);
  return kBase64;
}

void append_member(OutputBuffer& out,
                   std::string_view opening,
                   std::string_view encoding_opening,
                   const std::optional<std::string_view>& bytes,
                   Encoding wanted,
                   bool lines) {
  out.append(opening);
  if (!bytes) {
    out.append("null");
    return;
  }
  const std::string_view encoding = append_bytes(out, *bytes, wanted, lines);
  if (encoding == kString) return;
  out.append(encoding_opening);
  out.append(encoding);
  out.append('"');
}

std::string json_string(std::string_view text) {
  OutputBuffer out;
  if (!append_json_string(out, text)) append_base64_string(out, text);
  return std::string(out.view());
}

/// The `error` member of a record that stands for a batch that could not be read; empty for all others.
std::string error_of(const core::RecordChunk& chunk) {
  if (!core::is_opaque(chunk.kind)) return {};
  return ",\"error\":{\"code\":\"" + std::string(core::to_string(chunk.kind)) +
         "\",\"message\":" + json_string(chunk.error) +
         ",\"last_offset\":" + std::to_string(chunk.batch.header.last_offset) + "}";
}

std::string record_prefix(const core::TopicPartition& partition) {
  OutputBuffer out;
  out.append("{\"topic\":");
  // Kafka's topic names are ASCII; whatever else a broker says must still be JSON.
  if (!append_json_string(out, partition.topic)) append_base64_string(out, partition.topic);
  out.append(",\"partition\":");
  out.append_number(partition.partition);
  out.append(",\"offset\":");
  return std::string(out.view());
}

}  // namespace

BatchWriter::BatchWriter(std::shared_ptr<const core::Batch> batch, RecordFormat format)
    : batch_(std::move(batch)), format_(format) {}

std::size_t BatchWriter::estimate(const core::Batch& batch) {
  constexpr std::size_t kFrame = 192;  // names of the members, numbers
  const auto payload = static_cast<std::size_t>(std::max<std::int64_t>(batch.payload_bytes, 0));
  return payload + payload / 8 + batch.records * kFrame;
}

bool BatchWriter::begin_segment() {
  while (slice_ < batch_->slices.size() && segment_ == batch_->slices[slice_].segments.size()) {
    ++slice_;
    segment_ = 0;
  }
  if (slice_ == batch_->slices.size()) return false;
  const core::BatchSlice& slice = batch_->slices[slice_];
  const core::Segment& segment = slice.segments[segment_];
  if (segment_ == 0) prefix_ = record_prefix(slice.partition);
  suffix_ = ",\"delivery\":" + std::to_string(segment.delivery) +
            (segment.is_final ? ",\"final\":true" : ",\"final\":false") + error_of(*segment.chunk) + "}";
  const protocol::DecodedBatch& decoded = segment.chunk->batch;
  timestamp_type_ = decoded.header.timestamp_type == protocol::TimestampType::kLogAppendTime
                        ? ",\"timestamp_type\":\"log_append\""
                        : ",\"timestamp_type\":\"create\"";
  cursor_ = protocol::RecordCursor(decoded.header, decoded.payload.substr(0, segment.end), segment.begin);
  last_offset_ = segment.first - 1;
  in_segment_ = true;
  return true;
}

bool BatchWriter::write(OutputBuffer& out, std::size_t stop_at) {
  clean_vector_registers();
  protocol::Record record;
  while (!failed_) {
    if (!in_segment_ && !begin_segment()) return true;
    const core::Segment& segment = batch_->slices[slice_].segments[segment_];
    if (core::is_opaque(segment.chunk->kind)) {
      write_opaque(*segment.chunk, segment.first, out);
      in_segment_ = false;
      ++segment_;
      if (out.size() >= stop_at) return false;
      continue;
    }
    while (cursor_.next(record)) {
      // A broker does not check the offsets inside a batch: only ascending ones count, as for the Java
      // consumer.
      if (record.offset <= last_offset_) continue;
      last_offset_ = record.offset;
      write_record(record, out);
      if (out.size() >= stop_at) return false;
    }
    failed_ = cursor_.failed();
    in_segment_ = false;
    ++segment_;
  }
  return true;
}

void BatchWriter::write_opaque(const core::RecordChunk& chunk, core::Offset offset, OutputBuffer& out) {
  protocol::Record record;
  record.offset = offset;
  record.timestamp = chunk.batch.header.base_timestamp;
  record.value = chunk.batch.payload;
  const Encoding wanted = std::exchange(format_.value, Encoding::kBase64);
  write_record(record, out);
  format_.value = wanted;
}

void BatchWriter::write_record(const protocol::Record& record, OutputBuffer& out) {
  if (!first_ && !format_.lines) out.append(',');
  first_ = false;
  out.append(prefix_);
  out.append_number(record.offset);
  out.append(",\"timestamp\":");
  if (record.timestamp == -1) {
    out.append("null");
  } else {
    out.append_number(record.timestamp);
  }
  out.append(timestamp_type_);
  append_member(out, ",\"key\":", ",\"key_encoding\":\"", record.key, format_.key, format_.lines);
  append_member(out, ",\"value\":", ",\"value_encoding\":\"", record.value, format_.value, format_.lines);
  if (record.headers.count() == 0) [[likely]] {
    out.append(",\"headers\":[]");
  } else {
    char separator = '[';
    out.append(",\"headers\":");
    record.headers.for_each([&](const protocol::RecordHeader& header) {
      out.append(separator);
      separator = ',';
      append_member(out, "{\"name\":", ",\"name_encoding\":\"", header.name, Encoding::kString,
                    format_.lines);
      append_member(out, ",\"value\":", ",\"encoding\":\"", header.value, format_.headers, format_.lines);
      out.append('}');
    });
    out.append(']');
  }
  out.append(suffix_);
  if (format_.lines) out.append('\n');
}

}  // namespace sluice::http
