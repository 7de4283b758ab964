#include "daemon/http/batch_writer.hpp"
#include "daemon/http/json_text.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace sluice::http {
namespace {

enum class Content { kText, kJsonDocument, kUtf8, kBinary };

std::string content(Content kind, std::size_t size) {
  std::string out;
  std::uint64_t seed = 88172645463325252ULL;
  while (out.size() < size) {
    seed ^= seed << 13U;
    seed ^= seed >> 7U;
    seed ^= seed << 17U;
    if (kind == Content::kText) {
      out += static_cast<char>('a' + seed % 26);
    } else if (kind == Content::kUtf8) {
      out += "Größe ";
    } else if (kind == Content::kBinary) {
      out += static_cast<char>(seed);
    } else {
      out += R"({"id":12345678,"name":"Jane","tags":["a","b"],"price":12.5},)";
    }
  }
  if (kind == Content::kJsonDocument) {
    out.pop_back();
    return "[" + out + "]";
  }
  if (kind == Content::kText) out.resize(size);
  return out;
}

std::shared_ptr<const core::Batch> batch_of(Content kind, std::size_t value_size, std::size_t payload_size) {
  const std::string value = content(kind, value_size);
  auto batch = std::make_shared<core::Batch>();
  core::BatchSlice slice{{"orders", 3}, {}};
  core::Offset offset = 1'000'000;
  for (std::size_t written = 0; written < payload_size;) {
    testing::RecordBatchBuilder builder(offset);
    std::uint32_t count = 0;
    for (; count < 200 && written < payload_size; ++count, written += value.size()) {
      builder.add(1'700'000'000'000 + count, "key-1234", value);
    }
    auto chunk = std::make_shared<core::RecordChunk>();
    chunk->frame = std::make_shared<const std::string>(builder.build());
    protocol::RecordSetReader reader(*chunk->frame);
    chunk->batch = protocol::decode_batch(reader.next().value().value(), 1UL << 30U).value();
    core::Segment segment;
    segment.end = chunk->batch.payload.size();
    segment.records = count;
    segment.first = offset;
    segment.last = offset + count - 1;
    segment.chunk = std::move(chunk);
    slice.segments.push_back(std::move(segment));
    batch->records += count;
    batch->payload_bytes += static_cast<std::int64_t>(count * (value.size() + 8));
    offset += count;
  }
  batch->slices.push_back(std::move(slice));
  return batch;
}

void write_batch(benchmark::State& state, Content kind, RecordFormat format) {
  const auto batch = batch_of(kind, static_cast<std::size_t>(state.range(0)), 1UL << 20U);
  OutputBuffer out;
  for (auto _ : state) {
    out.clear();
    out.reserve(BatchWriter::estimate(*batch));
    BatchWriter writer(batch, format);
    if (!writer.write(out, SIZE_MAX) || writer.failed()) state.SkipWithError("the batch was not written");
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * batch->payload_bytes);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * batch->records);
}

void text_auto(benchmark::State& state) { write_batch(state, Content::kText, {}); }
void text_auto_lines(benchmark::State& state) { write_batch(state, Content::kText, {.lines = true}); }
void utf8_auto(benchmark::State& state) { write_batch(state, Content::kUtf8, {}); }
void json_as_string(benchmark::State& state) { write_batch(state, Content::kJsonDocument, {}); }
void json_embedded(benchmark::State& state) {
  write_batch(state, Content::kJsonDocument, {.value = Encoding::kJson});
}
void binary_auto(benchmark::State& state) { write_batch(state, Content::kBinary, {}); }
void text_base64(benchmark::State& state) {
  write_batch(state, Content::kText, {.value = Encoding::kBase64});
}

BENCHMARK(text_auto)->Arg(100)->Arg(1024)->Arg(10240);
BENCHMARK(text_auto_lines)->Arg(100)->Arg(1024);
BENCHMARK(utf8_auto)->Arg(100)->Arg(1024);
BENCHMARK(json_as_string)->Arg(100)->Arg(1024);
BENCHMARK(json_embedded)->Arg(100)->Arg(1024);
BENCHMARK(binary_auto)->Arg(100)->Arg(1024);
BENCHMARK(text_base64)->Arg(100)->Arg(1024);

}  // namespace
}  // namespace sluice::http

BENCHMARK_MAIN();
