#include "daemon/core/fetch/partition_buffer.hpp"

#include "tests/support/record_batch_builder.hpp"

#include <gtest/gtest.h>

namespace sluice::core {
namespace {

using Decoded = PartitionBuffer::Decoded;
using protocol::Codec;
using protocol::ControlType;
using sluice::testing::control_batch;
using sluice::testing::cut;
using sluice::testing::RecordBatchBuilder;
using sluice::testing::simple_batch;

std::string zstd_batch(Offset base, int count, std::size_t size) {
  RecordBatchBuilder builder(base);
  builder.codec(Codec::kZstd);
  for (int i = 0; i < count; ++i) builder.add(1, std::nullopt, std::string(size, 'z'));
  return builder.build();
}

struct Buffer {
  void add(std::string records, Offset from, std::optional<protocol::AbortedTransactions> aborted = {}) {
    struct Charged {
      std::string bytes;
      Charge charge;
    };
    auto charged = std::make_shared<Charged>();
    charged->charge = budget.take(static_cast<std::int64_t>(records.size()));
    charged->bytes = std::move(records);
    const std::shared_ptr<const std::string> frame(charged, &charged->bytes);
    buffer.add({frame, *frame, std::move(aborted)}, from);
  }
  Decoded decode(bool must_progress = false, std::size_t limit = 1 << 20) {
    return buffer.decode_next(budget, limit, must_progress, stats);
  }
  void decode_all() {
    while (decode(true) == Decoded::kChunk) {
    }
  }
  [[nodiscard]] std::vector<Offset> chunk_ends() const {
    std::vector<Offset> out;
    for (const auto& chunk : buffer.chunks()) out.push_back(chunk->batch.header.last_offset);
    return out;
  }

  MemoryBudget budget{1 << 20};
  TopicStats stats;
  PartitionBuffer buffer;
};

TEST(PartitionBuffer, DecodesOneBatchAtATime) {
  Buffer b;
  b.add(simple_batch(0, 3) + simple_batch(3, 3), 0);
  EXPECT_EQ(b.buffer.end(), 6);
  EXPECT_TRUE(b.buffer.chunks().empty());
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_EQ(b.buffer.chunks().size(), 1U);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_EQ(b.decode(), Decoded::kNothingLeft);
  EXPECT_FALSE(b.buffer.has_undecoded());
  EXPECT_EQ(b.stats.records_fetched, 6U);
}

TEST(PartitionBuffer, DropsBatchesThatEndBelowWhatWasAskedFor) {
  Buffer b;
  b.add(simple_batch(0, 3) + simple_batch(3, 3) + simple_batch(6, 3), 4);
  b.decode_all();
  EXPECT_EQ(b.chunk_ends(), (std::vector<Offset>{5, 8})) << "the batch around the offset is needed";
}

TEST(PartitionBuffer, DropsWhatItHasAlready) {
  Buffer b;
  b.add(simple_batch(0, 3) + simple_batch(3, 3), 0);
  b.add(simple_batch(3, 3) + simple_batch(6, 3) + simple_batch(6, 3), 0);
  b.decode_all();
  EXPECT_EQ(b.chunk_ends(), (std::vector<Offset>{2, 5, 8}));
  EXPECT_EQ(b.buffer.end(), 9);
}

TEST(PartitionBuffer, DropsOffsetsThatGoBackwards) {
  Buffer b;
  b.add(simple_batch(10, 3) + simple_batch(0, 3) + simple_batch(13, 1), 0);
  b.decode_all();
  EXPECT_EQ(b.chunk_ends(), (std::vector<Offset>{12, 13}));
}

TEST(PartitionBuffer, IgnoresAPartialBatchAtTheEnd) {
  Buffer b;
  b.add(simple_batch(0, 3) + cut(simple_batch(3, 3), 40), 0);
  b.decode_all();
  EXPECT_EQ(b.buffer.end(), 3);
  EXPECT_FALSE(b.buffer.error());
  b.add(cut(simple_batch(3, 3), 7), 3);
  EXPECT_FALSE(b.buffer.has_undecoded());
}

TEST(PartitionBuffer, FailsAtBytesThatCannotBeABatchAfterTheGoodOnes) {
  Buffer b;
  b.add(simple_batch(0, 3) + std::string(100, '\x7f'), 0);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_EQ(b.decode(), Decoded::kFailed);
  ASSERT_TRUE(b.buffer.error());
  EXPECT_EQ(b.buffer.error_offset(), 3);
  EXPECT_EQ(b.decode(), Decoded::kFailed) << "until it is dropped";
}

TEST(PartitionBuffer, DropsWhatIsBrokenButKeepsWhatWasDecoded) {
  Buffer b;
  b.add(simple_batch(0, 3) + RecordBatchBuilder(3).add(1, "a", "").wrong_crc().build() + simple_batch(4, 1),
        0);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_EQ(b.decode(), Decoded::kFailed);
  EXPECT_EQ(b.buffer.error()->kind, protocol::ErrorKind::kCorrupt);
  b.buffer.drop_undecoded();
  EXPECT_FALSE(b.buffer.error());
  EXPECT_FALSE(b.buffer.has_undecoded());
  EXPECT_EQ(b.buffer.end(), 3) << "where the next fetch begins";
  EXPECT_EQ(b.chunk_ends(), std::vector<Offset>{2});
  b.add(simple_batch(3, 2), 3);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
}

TEST(PartitionBuffer, LeavesOutAbortedTransactionsAndControlBatches) {
  Buffer b;
  b.add(RecordBatchBuilder(0).transactional(7).add(1, "a", "").build() +
            control_batch(1, ControlType::kAbort, 7) +
            RecordBatchBuilder(2).transactional(7).add(1, "b", "").build() +
            control_batch(3, ControlType::kCommit, 7),
        0, protocol::AbortedTransactions({{7, 0}}));
  b.decode_all();
  ASSERT_EQ(b.buffer.chunks().size(), 4U);
  EXPECT_EQ(b.buffer.chunks()[0]->kind, ChunkKind::kAborted);
  EXPECT_EQ(b.buffer.chunks()[1]->kind, ChunkKind::kControl);
  EXPECT_EQ(b.buffer.chunks()[2]->kind, ChunkKind::kData);
  EXPECT_EQ(b.buffer.chunks()[3]->kind, ChunkKind::kControl);
  EXPECT_TRUE(b.buffer.chunks()[0]->batch.payload.empty());
  EXPECT_EQ(b.stats.records_fetched, 1U);
}

TEST(PartitionBuffer, DoesNotBelieveTheHeaderOfAnAbortedBatchWithoutItsChecksum) {
  Buffer b;
  b.add(RecordBatchBuilder(0).transactional(7).add(1, "a", "").last_offset_delta(1000).wrong_crc().build(), 0,
        protocol::AbortedTransactions({{7, 0}}));
  EXPECT_EQ(b.decode(), Decoded::kFailed) << "it would skip a thousand offsets";
}

TEST(PartitionBuffer, ChargesWhatItDecompressesAndGivesItBack) {
  Buffer b;
  b.add(zstd_batch(0, 100, 100), 0);
  const std::int64_t wire = b.budget.used();
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_GE(b.budget.used(), 10'000);
  EXPECT_EQ(b.buffer.decompressed_bytes(), b.budget.used())
      << "the compressed bytes are free again: " << wire;
  b.buffer.settle_below(99);
  EXPECT_GT(b.budget.used(), 0) << "one record is not settled";
  b.buffer.settle_below(100);
  EXPECT_EQ(b.budget.used(), 0);
  EXPECT_EQ(b.buffer.decompressed_bytes(), 0);
  EXPECT_EQ(b.buffer.bytes(), 0);
}

TEST(PartitionBuffer, HoldsTheChargeOfAFrameUntilItsLastRecordIsSettled) {
  Buffer b;
  b.add(simple_batch(0, 3) + simple_batch(3, 3), 0);
  const std::int64_t frame = b.budget.used();
  b.decode_all();
  EXPECT_EQ(b.budget.used(), frame) << "records that are not compressed stay in their frame";
  b.buffer.settle_below(3);
  EXPECT_EQ(b.budget.used(), frame);
  b.buffer.settle_below(6);
  EXPECT_EQ(b.budget.used(), 0);
}

TEST(PartitionBuffer, KeepsTheMemoryOfAChunkThatSomebodyStillReads) {
  Buffer b;
  b.add(simple_batch(0, 3), 0);
  b.decode_all();
  auto reader = b.buffer.chunks()[0];
  b.buffer.settle_below(3);
  EXPECT_GT(b.budget.used(), 0);
  reader.reset();
  EXPECT_EQ(b.budget.used(), 0);
}

TEST(PartitionBuffer, GivesEverythingBackWhenCleared) {
  Buffer b;
  b.add(simple_batch(0, 3) + zstd_batch(3, 10, 100) + zstd_batch(13, 10, 100), 0);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
  b.buffer.clear();
  EXPECT_EQ(b.budget.used(), 0);
  EXPECT_TRUE(b.buffer.empty());
  EXPECT_EQ(b.buffer.bytes(), 0);
  EXPECT_FALSE(b.buffer.end());
}

TEST(PartitionBuffer, DoesNotDecompressWhatTheBudgetCannotTake) {
  Buffer b;
  b.add(zstd_batch(0, 10, 100), 0);
  const Charge others = b.budget.take(b.budget.available());
  EXPECT_EQ(b.decode(), Decoded::kNeedsBudget);
  EXPECT_TRUE(b.buffer.has_undecoded());
  EXPECT_EQ(b.decode(true), Decoded::kChunk) << "unless it must";
}

TEST(PartitionBuffer, DoesNotOverdrawTheBudgetForABatchThatGrowsMoreThanExpected) {
  Buffer b;
  b.add(zstd_batch(0, 100, 1000), 0);
  Charge others = b.budget.take(b.budget.available() - 50'000);
  EXPECT_EQ(b.decode(), Decoded::kNeedsBudget) << "it needs 100 KB";
  EXPECT_LE(b.budget.peak(), b.budget.limit());
  others.resize(others.bytes() - 20'000);
  EXPECT_EQ(b.decode(), Decoded::kNeedsBudget) << "and is not tried again for a little more";
  others.resize(0);
  EXPECT_EQ(b.decode(), Decoded::kChunk);
}

TEST(PartitionBuffer, KeepsABatchThatIsLargerThanAnyBatchMayBeAsItCame) {
  for (const bool must_progress : {true, false}) {
    Buffer b;
    const std::string batch = zstd_batch(0, 100, 1000);
    b.add(batch, 0);
    EXPECT_EQ(b.decode(must_progress, 5'000), Decoded::kChunk) << "the budget is not to blame";
    ASSERT_EQ(b.buffer.chunks().size(), 1U);
    EXPECT_EQ(b.buffer.chunks()[0]->kind, ChunkKind::kOversized);
    EXPECT_EQ(b.buffer.chunks()[0]->batch.payload, batch);
    EXPECT_FALSE(b.buffer.chunks()[0]->error.empty());
    EXPECT_FALSE(b.buffer.error());
  }
}

TEST(PartitionBuffer, NeedsNoBudgetForWhatIsNotCompressed) {
  Buffer b;
  b.add(simple_batch(0, 3), 0);
  const Charge others = b.budget.take(b.budget.available());
  EXPECT_EQ(b.decode(), Decoded::kChunk);
}

TEST(PartitionBuffer, FindsTheChunkOfAnOffset) {
  Buffer b;
  b.add(simple_batch(0, 3) + simple_batch(10, 3), 0);
  b.decode_all();
  EXPECT_EQ(b.buffer.find(0), 0U);
  EXPECT_EQ(b.buffer.find(2), 0U);
  EXPECT_EQ(b.buffer.find(5), 1U) << "the first that ends behind it";
  EXPECT_EQ(b.buffer.find(13), 2U);
}

TEST(MemoryBudget, CountsWhatIsChargedAndRemembersThePeak) {
  MemoryBudget budget(100);
  {
    Charge a = budget.take(60);
    EXPECT_TRUE(budget.fits(40));
    EXPECT_FALSE(budget.fits(41));
    Charge b = budget.take(60);
    EXPECT_EQ(budget.available(), 0);
    EXPECT_EQ(budget.used(), 120);
    b.resize(10);
    EXPECT_EQ(budget.available(), 30);
    const Charge moved = std::move(a);
    EXPECT_EQ(budget.used(), 70);
  }
  EXPECT_EQ(budget.used(), 0);
  EXPECT_EQ(budget.peak(), 120);
}

}  // namespace
}  // namespace sluice::core
