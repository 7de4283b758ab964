#include "protocol/records/record_set.hpp"
#include "protocol/wire/crc32c.hpp"
#include "tests/support/record_batch_builder.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// What reading records costs on one core. Rates are of decompressed record bytes, batches are of about 1 MB,
/// as a busy consumer sees them.
namespace sluice::protocol {
namespace {

constexpr std::size_t kBatchBytes = 1'000'000;
constexpr std::size_t kLimit = std::size_t{64} << 20;

/// JSON as services write it: constant names, varying values. Compresses four to five times.
std::string json_value(std::mt19937_64& random, std::size_t bytes) {
  std::string out = "{";
  while (out.size() < bytes) {
    out += "\"orderId\":" + std::to_string(random()) + ",\"state\":\"" +
           (random() % 2 == 0 ? "open" : "shipped") +
           "\",\"customer\":{\"id\":" + std::to_string(random() % 100'000) +
           ",\"country\":\"DE\"},\"amount\":" + std::to_string(random() % 10'000) +
           ".00,\"currency\":\"EUR\",\"items\":[{\"sku\":\"A-" + std::to_string(random() % 1000) +
           "\",\"count\":1}],";
  }
  out.resize(bytes);
  return out;
}

std::string make_batch(std::size_t value_bytes, Codec codec, std::size_t headers = 0) {
  std::mt19937_64 random(1);
  sluice::testing::RecordBatchBuilder builder(1'000'000'000);
  builder.codec(codec);
  const std::vector<sluice::testing::HeaderSpec> specs(
      headers, {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736"});
  for (std::size_t i = 0; i < kBatchBytes / value_bytes; ++i) {
    const auto key = "key-" + std::to_string(i % 1000);
    builder.add(1'700'000'000'000 + static_cast<std::int64_t>(i / 10), key, json_value(random, value_bytes),
                specs);
  }
  return builder.build();
}

RawBatch first_batch(const std::string& bytes) { return RecordSetReader(bytes).next().value().value(); }

/// Walks all records and looks at what a delivery needs. Returns their payload.
std::size_t walk(const DecodedBatch& batch) {
  RecordCursor cursor(batch.header, batch.payload);
  Record record;
  std::size_t payload = 0;
  while (cursor.next(record)) {
    payload += record.payload_bytes;
    benchmark::DoNotOptimize(record.offset);
    benchmark::DoNotOptimize(record.value->data());
  }
  return payload;
}

void report(benchmark::State& state, std::int64_t records, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * records);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

/// Walking alone.
void walk_records(benchmark::State& state) {
  const auto bytes = make_batch(static_cast<std::size_t>(state.range(0)), Codec::kNone);
  const auto batch = decode_batch(first_batch(bytes), kLimit).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(walk(batch));
  }
  report(state, batch.header.record_count, batch.payload.size());
}
BENCHMARK(walk_records)->Arg(100)->Arg(1000)->Arg(10'000);

void walk_records_with_two_headers(benchmark::State& state) {
  const auto bytes = make_batch(static_cast<std::size_t>(state.range(0)), Codec::kNone, 2);
  const auto batch = decode_batch(first_batch(bytes), kLimit).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(walk(batch));
  }
  report(state, batch.header.record_count, batch.payload.size());
}
BENCHMARK(walk_records_with_two_headers)->Arg(100)->Arg(1000);

void checksum(benchmark::State& state) {
  const auto bytes = make_batch(1000, Codec::kNone).substr(0, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(crc32c(bytes));
  }
  report(state, 1, bytes.size());
}
BENCHMARK(checksum)->Arg(100)->Arg(16'384)->Arg(1'000'000);

/// Header, checksum and decompression, without walking the records. Arguments: codec, bytes of a value.
void decode(benchmark::State& state) {
  const auto bytes = make_batch(static_cast<std::size_t>(state.range(1)), static_cast<Codec>(state.range(0)));
  std::string scratch;
  std::size_t payload = 0;
  std::int32_t records = 0;
  for (auto _ : state) {
    auto batch = decode_batch(first_batch(bytes), kLimit, std::move(scratch)).value();
    payload = batch.payload.size();
    records = batch.header.record_count;
    scratch = std::move(batch.owned);
  }
  report(state, records, payload);
  state.counters["ratio"] = static_cast<double>(payload) / static_cast<double>(bytes.size());
}
BENCHMARK(decode)->ArgsProduct({{0, 1, 2, 3, 4}, {100, 1000, 10'000}});

/// The same without memory from an earlier batch.
void decode_without_scratch(benchmark::State& state) {
  const auto bytes = make_batch(1000, static_cast<Codec>(state.range(0)));
  std::size_t payload = 0;
  for (auto _ : state) {
    payload = decode_batch(first_batch(bytes), kLimit).value().payload.size();
  }
  report(state, 1000, payload);
}
BENCHMARK(decode_without_scratch)->DenseRange(0, 4);

/// All a daemon does with a batch before it is framed for the application.
void read_whole_batch(benchmark::State& state) {
  const auto bytes = make_batch(static_cast<std::size_t>(state.range(1)), static_cast<Codec>(state.range(0)));
  std::string scratch;
  std::size_t payload = 0;
  std::int32_t records = 0;
  for (auto _ : state) {
    auto batch = decode_batch(first_batch(bytes), kLimit, std::move(scratch)).value();
    benchmark::DoNotOptimize(walk(batch));
    payload = batch.payload.size();
    records = batch.header.record_count;
    scratch = std::move(batch.owned);
  }
  report(state, records, payload);
}
BENCHMARK(read_whole_batch)->ArgsProduct({{0, 3, 4}, {100, 1000, 10'000}});

}  // namespace
}  // namespace sluice::protocol

BENCHMARK_MAIN();
