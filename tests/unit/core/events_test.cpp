#include "daemon/core/events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

namespace sluice::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Event error(std::string text, std::int64_t wall_ms = 0) {
  Event event;
  event.type = EventType::kError;
  event.wall_ms = wall_ms;
  event.text = std::move(text);
  return event;
}

Event about(EventType type, std::vector<TopicPartition> partitions) {
  Event event;
  event.type = type;
  event.partitions = std::move(partitions);
  return event;
}

std::vector<std::string> texts(const EventLog::Page& page) {
  std::vector<std::string> result;
  for (const Event& each : page.events) {
    result.push_back(each.text);
  }
  return result;
}

TEST(EventType, HasAWordOfItsOwn) {
  std::set<std::string_view> seen;
  for (auto i = static_cast<int>(EventType::kAssigned); i <= static_cast<int>(EventType::kError); ++i) {
    const std::string_view word = to_string(static_cast<EventType>(i));
    EXPECT_NE(word, "unknown");
    EXPECT_TRUE(seen.insert(word).second) << word;
  }
  EXPECT_EQ(to_string(EventType::kDeadLetterFailed), "dead_letter_failed");
}

TEST(EventLog, IsEmptyAtFirst) {
  const EventLog log;

  EXPECT_FALSE(log.has_since(0));
  EXPECT_THAT(log.since(0).events, IsEmpty());
  EXPECT_EQ(log.since(0).next, 0U);
  EXPECT_FALSE(log.since(0).gap);
}

TEST(EventLog, TellsWhatCameAfterAnEventOldestFirst) {
  EventLog log;
  const std::uint64_t first = log.add(error("a"));
  log.add(error("b"));
  log.add(error("c"));

  EXPECT_THAT(texts(log.since(0)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(texts(log.since(first)), ElementsAre("b", "c"));
  EXPECT_FALSE(log.since(first).gap);
  EXPECT_EQ(log.since(first).next, log.last_id());
  EXPECT_FALSE(log.has_since(log.last_id()));
  EXPECT_THAT(texts(log.since(log.last_id())), IsEmpty());
}

TEST(EventLog, GoesOnWhereAPageEnded) {
  EventLog log;
  for (const char* text : {"a", "b", "c"}) {
    log.add(error(text));
  }
  const EventLog::Page page = log.since(0, 2);

  EXPECT_THAT(texts(page), ElementsAre("a", "b"));
  EXPECT_THAT(texts(log.since(page.next, 2)), ElementsAre("c"));
  EXPECT_EQ(log.since(1, 0).next, 1U) << "a page without room loses nothing";
}

TEST(EventLog, ForgetsTheOldestAndSaysSo) {
  EventLog log(2);
  const std::uint64_t a = log.add(error("a"));
  const std::uint64_t b = log.add(error("b"));
  log.add(error("c"));
  log.add(error("d"));

  EXPECT_THAT(texts(log.since(a)), ElementsAre("c", "d"));
  EXPECT_TRUE(log.since(a).gap);
  EXPECT_TRUE(log.since(0).gap);
  EXPECT_FALSE(log.since(b).gap) << "whoever knows b misses nothing";
}

TEST(EventLog, CountsAnEventThatIsLikeTheLastOneAndTellsItAgain) {
  EventLog log(2);
  const std::uint64_t first = log.add(error("a", 10));
  log.add(error("b", 20));
  const std::uint64_t seen = log.last_id();
  log.add(error("b", 30));
  log.add(error("b", 40));

  const EventLog::Page page = log.since(seen);
  ASSERT_EQ(page.events.size(), 1U);
  EXPECT_EQ(page.events[0].count, 3U);
  EXPECT_EQ(page.events[0].first_wall_ms, 20);
  EXPECT_EQ(page.events[0].wall_ms, 40);
  EXPECT_FALSE(page.gap);
  EXPECT_THAT(texts(log.since(first - 1)), ElementsAre("a", "b"));
}

TEST(EventLog, KeepsEventsApartThatDifferInAnything) {
  EventLog log;
  const Event plain = about(EventType::kRevoking, {{"t", 1}});
  Event later = plain;
  later.deadline = TimePoint(std::chrono::seconds(1));
  Event record = plain;
  record.offsets = OffsetRange{5, 5};
  log.add(plain);
  log.add(later);
  log.add(record);
  log.add(about(EventType::kRevoking, {{"t", 2}}));
  log.add(about(EventType::kRevoked, {{"t", 2}}));
  log.add(about(EventType::kRevoking, {{"t", 2}}));

  EXPECT_EQ(log.since(0).events.size(), 6U);
}

TEST(EventLog, HoldsNoMoreBytesThanItMay) {
  EventLog log;
  for (int i = 0; i < 900; ++i) {
    log.add(error(std::to_string(i) + std::string(1'000, 'x')));
  }
  std::size_t bytes = 0;
  for (const Event& each : log.since(0, 1'000).events) {
    bytes += each.text.size();
  }

  EXPECT_LE(bytes, EventLog::kBytesMax);
  EXPECT_GE(bytes, EventLog::kBytesMax / 2);
  EXPECT_TRUE(log.since(0).gap);
}

TEST(EventLog, CutsAnEventWithVeryManyPartitionsAndSaysHowMany) {
  EventLog log;
  std::vector<TopicPartition> partitions;
  for (PartitionId i = 0; i < 10'000; ++i) {
    partitions.push_back({"a-topic-with-a-long-name", i});
  }
  log.add(error("before"));
  log.add(about(EventType::kAssigned, partitions));

  const EventLog::Page page = log.since(0);
  ASSERT_EQ(page.events.size(), 2U) << "it does not drive out all others";
  const Event& event = page.events[1];
  EXPECT_GE(event.partitions.size(), 1'000U);
  EXPECT_EQ(event.partitions.size() + event.partitions_omitted, 10'000U);
}

TEST(EventLog, CutsALongTextBetweenTwoCharacters) {
  EventLog log;
  std::string text = "x";
  for (int i = 0; i < 1'000; ++i) {
    text += "\xc3\xbc";
  }
  log.add(error(text));

  const std::string got = log.since(0).events[0].text;
  EXPECT_LE(got.size(), EventLog::kTextMax);
  EXPECT_EQ(got.substr(got.size() - 5), "\xc3\xbc...");
}

TEST(EventLog, AnswersAnIdThatItNeverGaveFromTheBeginningWithAGap) {
  EventLog log;
  log.add(error("a"));

  EXPECT_TRUE(log.has_since(77));
  EXPECT_THAT(texts(log.since(77)), ElementsAre("a"));
  EXPECT_TRUE(log.since(77).gap);
  EXPECT_EQ(log.since(77).next, log.last_id());
}

TEST(EventLog, TellsAReaderFromBeforeARestartOfAGapButNotANewOne) {
  EventLog log(10, 5'000);
  log.add(error("a"));

  EXPECT_EQ(log.last_id(), 5'000U);
  EXPECT_TRUE(log.since(4'711).gap);
  EXPECT_THAT(texts(log.since(4'711)), ElementsAre("a"));
  EXPECT_FALSE(log.since(0).gap);
  EXPECT_FALSE(log.since(4'999).gap) << "the last id of an empty log of this process";
}

}  // namespace
}  // namespace sluice::core
