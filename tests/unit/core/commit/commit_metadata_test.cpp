#include "daemon/core/commit/commit_metadata.hpp"

#include "daemon/core/random.hpp"
#include "protocol/wire/crc32c.hpp"
#include "protocol/wire/varint.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace sluice::core {
namespace {

using Failed = CommitMetadata::Failed;
using Kind = Stretch::Kind;

constexpr std::size_t kBrokerDefault = 4096;
constexpr std::size_t kLongest = 32767;

/// A partition from `first` on, one bit an offset: what a ledger would know.
struct Picture {
  Offset first = 0;
  std::vector<bool> settled;

  [[nodiscard]] Offset watermark() const {
    return first + (std::find(settled.begin(), settled.end(), false) - settled.begin());
  }

  [[nodiscard]] CommitMetadata metadata() const {
    CommitMetadata out;
    for (auto i = static_cast<std::size_t>(watermark() - first); i < settled.size(); ++i) {
      const Offset at = first + static_cast<Offset>(i);
      if (!settled[i]) continue;
      if (!out.settled.empty() && out.settled.back().last + 1 == at) {
        out.settled.back().last = at;
      } else {
        out.settled.push_back({at, at});
      }
    }
    return out;
  }
};

std::int64_t below(Random& random, std::int64_t end) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end)));
}

/// Runs of very different lengths, dense alternation, noise of any density.
std::vector<bool> pattern(Random& random, std::int64_t count) {
  std::vector<bool> out;
  const auto size = static_cast<std::size_t>(count);
  while (out.size() < size) {
    const auto style = below(random, 4);
    const auto part = static_cast<std::size_t>(1 + below(random, count));
    const auto length = static_cast<std::size_t>(1 + below(random, 40));
    const auto per_mille = below(random, 1001);
    for (std::size_t i = 0; i < part && out.size() < size; ++i) {
      if (style == 0) out.push_back(i % 2 == 0);
      if (style == 1) out.push_back((i / length) % 2 == 0);
      if (style == 2) out.push_back(below(random, 1000) < per_mille);
      if (style == 3) out.push_back(per_mille < 500);
    }
  }
  return out;
}

CommitMetadata without_failed(CommitMetadata metadata) {
  metadata.failed.clear();
  return metadata;
}

/// `payload` under our mark with a checksum that is right: what only a hostile writer makes.
std::string signed_text(std::string payload) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const auto sum = protocol::crc32c(payload);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) payload.push_back(static_cast<char>(sum >> shift));
  std::string text = "sluice/1 ";
  for (std::size_t bit = 0; bit < payload.size() * 8; bit += 6) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const unsigned byte = i / 8 < payload.size() ? static_cast<std::uint8_t>(payload[i / 8]) : 0;
      digit = digit * 2 + ((byte >> (7 - i % 8)) & 1U);
    }
    text.push_back(kAlphabet[digit]);
  }
  return text;
}

std::string numbers(const std::vector<std::uint64_t>& values) {
  std::string out;
  for (const auto value : values) protocol::append_unsigned_varint(out, value);
  return out;
}

const CommitMetadata kSample{
    .settled = {{1003, 1003}, {1005, 1010}, {1100, 9000}, {9002, 9002}},
    .failed = {{{1000, 1002}, 2}, {{1011, 1011}, 1}},
};

// ----------------------------------------------------------------------------------------------- the format

TEST(CommitMetadata, KeepsItsFormat) {
  EXPECT_EQ(encode_metadata({.settled = {{1, 1}}, .failed = {}}, 0, kBrokerDefault).text,
            "sluice/1 AAICphrjYw");
  EXPECT_EQ(
      encode_metadata({.settled = {{123457000, 123467999}}, .failed = {}}, 123456789, kBrokerDefault).text,
      "sluice/1 lZrvOrAD8asBAkRIbA");
  EXPECT_EQ(encode_metadata(kSample, 1000, kBrokerDefault).text, "sluice/1 6AcE6AeiAfCzewUAAAICCAABn6Ml-A");
  EXPECT_EQ(encode_metadata({.settled = {}, .failed = {{{7, 7}, 3}}}, 7, kBrokerDefault).text,
            "sluice/1 BwAAAAP-VIuF");
}

TEST(CommitMetadata, IsEmptyWhenThereIsNothingToSay) {
  const auto encoded = encode_metadata({}, 1000, kBrokerDefault);
  EXPECT_EQ(encoded.text, "");
  EXPECT_TRUE(encoded.complete);
  EXPECT_EQ(parse_metadata("", 1000).kind, MetadataKind::kNone);
}

TEST(CommitMetadata, ComesBackAsItWas) {
  const auto encoded = encode_metadata(kSample, 1000, kBrokerDefault);
  EXPECT_TRUE(encoded.complete);
  const auto parsed = parse_metadata(encoded.text, 1000);
  EXPECT_EQ(parsed.kind, MetadataKind::kOurs);
  EXPECT_EQ(parsed.data, kSample);
  EXPECT_EQ(parsed.problem, "");
}

TEST(CommitMetadata, ComesBackAsItWasForAnyPattern) {
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    const Picture picture{.first = below(random, 5000), .settled = pattern(random, 1 + below(random, 3000))};
    auto metadata = picture.metadata();
    const Offset committed = picture.watermark();
    Offset next = committed;
    for (const auto& range : metadata.settled) {
      if (below(random, 3) == 0) {
        metadata.failed.push_back({{next, range.first - 1}, static_cast<std::uint32_t>(below(random, 300))});
      }
      next = range.last + 1;
    }
    const auto encoded = encode_metadata(metadata, committed, kLongest);
    ASSERT_TRUE(encoded.complete);
    const auto parsed = parse_metadata(encoded.text, committed);
    if (metadata.empty()) {
      ASSERT_EQ(parsed.kind, MetadataKind::kNone);
    } else {
      ASSERT_EQ(parsed.kind, MetadataKind::kOurs) << parsed.problem;
    }
    ASSERT_EQ(parsed.data, metadata) << "round " << round;
  }
}

TEST(CommitMetadata, CostsABitAnOffsetAtMost) {
  Random random(2);
  for (int round = 0; round < 1000; ++round) {
    const Picture picture{.first = below(random, 5000), .settled = pattern(random, 1 + below(random, 3000))};
    const auto bytes = picture.settled.size() / 8 + 2 + 3 + 2 + 4;  // edges, one token, offset, checksum
    const auto encoded = encode_metadata(picture.metadata(), picture.watermark(), kLongest);
    ASSERT_LE(encoded.text.size(), 9 + (bytes * 4 + 2) / 3) << "round " << round;
  }
}

TEST(CommitMetadata, TellsOfAThousandStuckRecordsInAMillion) {
  CommitMetadata metadata;
  for (Offset at = 0; at < 1'000'000; at += 1000) metadata.settled.push_back({at + 1, at + 999});
  EXPECT_LT(encode_metadata(metadata, 0, kLongest).text.size(), 9 + 1000 * 3 * 4 / 3 + 16);
}

TEST(CommitMetadata, HoldsTheHighestOffsets) {
  constexpr Offset kHighest = std::numeric_limits<Offset>::max() - 8;
  const CommitMetadata metadata{.settled = {{1, 5}, {7, kHighest}}, .failed = {}};
  const auto parsed = parse_metadata(encode_metadata(metadata, 0, kBrokerDefault).text, 0);
  EXPECT_EQ(parsed.data, metadata);

  const CommitMetadata beyond{.settled = {{1, 5}, {7, kHighest + 1}}, .failed = {}};
  const auto encoded = encode_metadata(beyond, 0, kBrokerDefault);
  EXPECT_FALSE(encoded.complete);
  EXPECT_EQ(parse_metadata(encoded.text, 0).data.settled, (std::vector<OffsetRange>{{1, 5}}));
}

// ------------------------------------------------------------------------------------------------ the limit

TEST(CommitMetadata, LeavesOutFailedCountsBeforeSettledRecords) {
  const auto whole = encode_metadata(kSample, 1000, kBrokerDefault);
  const auto settled_only = encode_metadata(without_failed(kSample), 1000, kBrokerDefault);
  const auto encoded = encode_metadata(kSample, 1000, settled_only.text.size());
  EXPECT_FALSE(encoded.complete);
  EXPECT_EQ(encoded.text, settled_only.text);
  const auto one = parse_metadata(encode_metadata(kSample, 1000, whole.text.size() - 1).text, 1000);
  EXPECT_EQ(one.data.settled, kSample.settled);
  EXPECT_EQ(one.data.failed, (std::vector<Failed>{{{1000, 1002}, 2}}));
}

TEST(CommitMetadata, KeepsTheLowestWhenNotAllFits) {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    const Picture picture{.first = below(random, 5000), .settled = pattern(random, 1 + below(random, 3000))};
    const auto metadata = picture.metadata();
    const auto whole = encode_metadata(metadata, picture.watermark(), kLongest);
    std::size_t kept_before = 0;
    for (std::size_t limit = 0; limit <= whole.text.size(); limit += 1 + limit / 16) {
      const auto encoded = encode_metadata(metadata, picture.watermark(), limit);
      ASSERT_LE(encoded.text.size(), limit);
      ASSERT_EQ(encoded.complete, encoded.text.size() == whole.text.size());
      auto kept = parse_metadata(encoded.text, picture.watermark()).data.settled;
      ASSERT_GE(kept.size(), kept_before);
      kept_before = kept.size();
      if (kept.empty()) continue;
      // The last range may be cut short; nothing below it is missing.
      ASSERT_LE(kept.size(), metadata.settled.size());
      ASSERT_LE(kept.back().last, metadata.settled[kept.size() - 1].last);
      kept.back().last = metadata.settled[kept.size() - 1].last;
      ASSERT_TRUE(std::equal(kept.begin(), kept.end(), metadata.settled.begin()));
    }
  }
}

TEST(CommitMetadata, SaysNothingWhenThereIsNoRoomForAnything) {
  for (const auto limit : {0U, 1U, 9U, 15U}) {
    const auto encoded = encode_metadata(kSample, 1000, limit);
    EXPECT_EQ(encoded.text, "");
    EXPECT_FALSE(encoded.complete);
  }
}

TEST(CommitMetadata, IsNeverLongerThanAStringOfTheProtocol) {
  CommitMetadata metadata;
  for (Offset at = 1; at < 1'000'000; at += 2) metadata.settled.push_back({at, at});
  const auto encoded = encode_metadata(metadata, 0, std::numeric_limits<std::size_t>::max());
  EXPECT_LE(encoded.text.size(), kLongest);
  EXPECT_GT(encoded.text.size(), kLongest - 8);
  EXPECT_FALSE(encoded.complete);
  EXPECT_EQ(parse_metadata(encoded.text, 0).kind, MetadataKind::kOurs);
}

// -------------------------------------------------------------------------------------------- what is not it

TEST(CommitMetadata, LeavesForeignTextsAlone) {
  for (const auto* text : {"x", "sluice", "hello world", "{\"host\":\"a\"}", " sluice/1 AAAA", "\xFF\x00"}) {
    EXPECT_EQ(parse_metadata(text, 1000).kind, MetadataKind::kForeign) << text;
  }
}

TEST(CommitMetadata, IgnoresWhatWasWrittenForAnotherOffset) {
  const auto text = encode_metadata(kSample, 1000, kBrokerDefault).text;
  for (const Offset moved : {Offset{-1}, Offset{0}, Offset{999}, Offset{1001}, Offset{1} << 62}) {
    const auto parsed = parse_metadata(text, moved);
    EXPECT_EQ(parsed.kind, MetadataKind::kUnreadable);
    EXPECT_EQ(parsed.problem, "written for another offset");
    EXPECT_TRUE(parsed.data.empty());
  }
}

TEST(CommitMetadata, IgnoresOtherVersions) {
  const auto text = encode_metadata(kSample, 1000, kBrokerDefault).text;
  for (const std::string mark : {"sluice/2 ", "sluice/10 ", "sluice/", "sluice/1"}) {
    const auto parsed = parse_metadata(mark + text.substr(9), 1000);
    EXPECT_EQ(parsed.kind, MetadataKind::kUnreadable) << mark;
    EXPECT_EQ(parsed.problem, "of another version of the format");
  }
}

TEST(CommitMetadata, NeverTakesADamagedByteForSomethingElse) {
  const auto text = encode_metadata(kSample, 1000, kBrokerDefault).text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      auto damaged = text;
      damaged[at] = static_cast<char>(byte);
      const auto parsed = parse_metadata(damaged, 1000);
      ASSERT_EQ(parsed.kind == MetadataKind::kOurs, damaged == text) << at << " " << byte;
      ASSERT_EQ(parsed.data.empty(), damaged != text);
    }
  }
}

TEST(CommitMetadata, RefusesAShorterAndALongerText) {
  const auto text = encode_metadata(kSample, 1000, kBrokerDefault).text;
  for (std::size_t size = 7; size < text.size(); ++size) {
    EXPECT_EQ(parse_metadata(text.substr(0, size), 1000).kind, MetadataKind::kUnreadable) << size;
  }
  for (const std::string more : {"A", "AA", "AAA", "AAAA", "=", " "}) {
    EXPECT_EQ(parse_metadata(text + more, 1000).kind, MetadataKind::kUnreadable) << more;
  }
  EXPECT_EQ(parse_metadata("sluice/1 " + std::string(40000, 'A'), 1000).kind, MetadataKind::kUnreadable);
}

TEST(CommitMetadata, RefusesImpossibleRangesWithARightChecksum) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 63U;
  const auto problem = [](const std::string& payload, Offset committed = 16) {
    const auto parsed = parse_metadata(signed_text(payload), committed);
    return parsed.kind == MetadataKind::kOurs ? "ours" : parsed.problem;
  };
  EXPECT_EQ(problem(numbers({16, 1U << 1U, 2})), "ours");
  EXPECT_EQ(problem(numbers({16, 1U << 1U, 1})), "damaged: the committed offset is settled");
  EXPECT_EQ(problem(numbers({18, 1U << 1U, 1}), 18), "damaged: the committed offset is settled");
  EXPECT_EQ(problem(numbers({16, 1U << 1U, 2, 0, 0, 1, 1})), "damaged: records both settled and failed");
  const auto* impossible = "damaged: impossible ranges";
  EXPECT_EQ(problem(numbers({16, 1})), impossible);                  // a fill of nothing
  EXPECT_EQ(problem(numbers({16, 2U << 1U, 2})), impossible);        // a literal is missing
  EXPECT_EQ(problem(numbers({16, 7U << 1U, kHuge})), impossible);    // literals without end
  EXPECT_EQ(problem(numbers({16, ~std::uint64_t{0}})), impossible);  // beyond the last offset
  EXPECT_EQ(problem(numbers({16, ~std::uint64_t{0} << 4U, ~std::uint64_t{0}})), impossible);
  EXPECT_EQ(problem(numbers({16, 1U << 1U, 2, 0})), impossible);  // failed, but none
  EXPECT_EQ(problem(numbers({16, 0, kHuge, 0, 1})), impossible);
  EXPECT_EQ(problem(numbers({16, 0, 0, kHuge - 1, 1})), impossible);
  EXPECT_EQ(problem(numbers({16, 0, 0, 0, std::uint64_t{1} << 32U})), impossible);
  EXPECT_EQ(problem(numbers({16, 0, 0, 0})), impossible);
  EXPECT_EQ(problem(numbers({kHuge + 16})), "written for another offset");
  EXPECT_EQ(problem(std::string(12, '\xFF')), "damaged: no offset");
}

TEST(CommitMetadata, SurvivesNoiseWithARightChecksum) {
  Random random(4);
  int ours = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string payload = numbers({16});
    for (auto left = below(random, 12); left > 0; --left)
      payload.push_back(static_cast<char>(below(random, 256)));
    const auto parsed = parse_metadata(signed_text(payload), 16);
    if (parsed.kind != MetadataKind::kOurs) continue;
    ++ours;
    // What it takes for ours can be written, and comes back.
    const auto again = encode_metadata(parsed.data, 16, kLongest);
    ASSERT_TRUE(again.complete);
    ASSERT_EQ(parse_metadata(again.text, 16).data, parsed.data);
  }
  EXPECT_GT(ours, 500);
}

// ------------------------------------------------------------------------------------------------ the bound

struct Plan {
  std::vector<Stretch> stretches;
  Offset first = 0;
};

Plan random_plan(Random& random) {
  Plan plan;
  plan.first = below(random, 64);
  const auto longest = std::int64_t{1} << below(random, 10);
  for (auto left = 1 + below(random, 30); left > 0; --left) {
    plan.stretches.push_back({1 + below(random, longest), static_cast<Kind>(below(random, 3))});
  }
  return plan;
}

Picture random_outcome(Random& random, const Plan& plan) {
  Picture picture{.first = plan.first, .settled = {}};
  for (const auto& [count, kind] : plan.stretches) {
    const auto part = kind == Kind::kUndecided
                          ? pattern(random, count)
                          : std::vector<bool>(static_cast<std::size_t>(count), kind == Kind::kSettled);
    picture.settled.insert(picture.settled.end(), part.begin(), part.end());
  }
  return picture;
}

TEST(MetadataBound, IsNeverExceededWhateverBecomesOfTheUndecided) {
  Random random(5);
  for (int round = 0; round < 6000; ++round) {
    const auto plan = random_plan(random);
    const auto bound = metadata_bound(plan.stretches, plan.first);
    ASSERT_LE(bound, metadata_bound(plan.stretches));
    for (int outcome = 0; outcome < 5; ++outcome) {
      const auto picture = random_outcome(random, plan);
      const auto encoded = encode_metadata(picture.metadata(), picture.watermark(), kLongest);
      ASSERT_LE(encoded.text.size(), bound) << "round " << round;
    }
  }
}

TEST(MetadataBound, HoldsForEveryOutcomeOfAFewBlocks) {
  // 24 offsets: settled and not settled around 14 undecided ones.
  const Plan plan{
      .stretches = {{3, Kind::kUndecided}, {9, Kind::kSettled}, {11, Kind::kUndecided}, {1, Kind::kSettled}},
      .first = 5};
  const auto bound = metadata_bound(plan.stretches, plan.first);
  for (unsigned bits = 0; bits < (1U << 14U); ++bits) {
    Picture picture{.first = plan.first, .settled = std::vector<bool>(24, true)};
    for (unsigned i = 0; i < 14; ++i) picture.settled[i < 3 ? i : i + 9] = ((bits >> i) & 1U) != 0;
    ASSERT_LE(encode_metadata(picture.metadata(), picture.watermark(), kLongest).text.size(), bound);
  }
}

TEST(MetadataBound, IsTight) {
  EXPECT_EQ(metadata_bound({}), 0U);
  EXPECT_EQ(metadata_bound(std::vector<Stretch>{{1'000'000, Kind::kUnsettled}}), 0U);
  const auto constant = 9 + (9 + 4) * 4 / 3;
  EXPECT_LE(metadata_bound(std::vector<Stretch>{{8000, Kind::kUndecided}}),
            constant + (1001 + 3) * 4 / 3 + 1);
  EXPECT_LE(metadata_bound(std::vector<Stretch>{{8000, Kind::kUnsettled}, {8000, Kind::kSettled}}),
            constant + 8 * 4 / 3 + 1);
  EXPECT_LE(
      metadata_bound(std::vector<Stretch>{{1, Kind::kUndecided}, {std::int64_t{1} << 60U, Kind::kSettled}}),
      constant + 16 * 4 / 3);
}

TEST(MetadataBound, IsCloseToTheWorstOutcome) {
  Random random(6);
  for (int round = 0; round < 500; ++round) {
    const auto plan = random_plan(random);
    Picture picture{.first = plan.first, .settled = {}};
    for (const auto& [count, kind] : plan.stretches) {
      for (std::int64_t i = 0; i < count; ++i) {
        picture.settled.push_back(kind == Kind::kSettled ||
                                  (kind == Kind::kUndecided && picture.settled.size() % 2 == 1));
      }
    }
    picture.settled.front() = false;
    const auto text = encode_metadata(picture.metadata(), picture.watermark(), kLongest).text;
    ASSERT_LE(metadata_bound(plan.stretches, plan.first), 9 + 13 * 4 / 3 + text.size() * 11 / 10 + 8);
  }
}

}  // namespace
}  // namespace sluice::core
