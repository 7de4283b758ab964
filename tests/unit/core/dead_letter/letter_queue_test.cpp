#include "daemon/core/dead_letter/letter_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::core {
namespace {

DeadLetter letter(PartitionId partition, Offset offset, std::uint64_t incarnation = 1) {
  DeadLetter out;
  out.partition = {"t", partition};
  out.incarnation = incarnation;
  out.offsets = {offset, offset};
  return out;
}

std::vector<std::string> free_letters(const LetterQueue& queue) {
  std::vector<std::string> out;
  queue.each_free([](const TopicPartition&) { return true; },
                  [&](const DeadLetter& each) {
                    out.push_back(to_string(key_of(each)));
                    return true;
                  });
  return out;
}

using Names = std::vector<std::string>;

TEST(LetterQueue, GivesOnePartitionAfterTheOtherByAgeAndEachInOffsetOrder) {
  LetterQueue queue;
  queue.add(letter(2, 9));
  queue.add(letter(0, 5));
  queue.add(letter(2, 4));
  queue.add(letter(1, 1));
  EXPECT_EQ(free_letters(queue), (Names{"t-0@5", "t-2@4", "t-2@9", "t-1@1"}));
}

TEST(LetterQueue, KeepsALetterOnce) {
  LetterQueue queue;
  queue.add(letter(0, 5));
  queue.add(letter(0, 5));
  EXPECT_EQ(queue.size(), 1U);
  queue.add(letter(0, 5, 2));
  EXPECT_EQ(queue.size(), 2U) << "another assignment is another letter";
}

TEST(LetterQueue, GivesNoBoundLetterAndWithdrawsNone) {
  LetterQueue queue;
  queue.add(letter(0, 5));
  queue.add(letter(0, 6));
  const LetterKey five{{"t", 0}, 1, 5};
  queue.bind(five, true);
  EXPECT_EQ(free_letters(queue), Names{"t-0@6"});
  queue.withdraw(five);
  EXPECT_EQ(queue.size(), 2U);
  queue.bind(five, false);
  queue.withdraw(five);
  EXPECT_EQ(queue.size(), 1U);
}

TEST(LetterQueue, ForgetsOneAssignmentAltogether) {
  LetterQueue queue;
  queue.add(letter(0, 5, 1));
  queue.add(letter(0, 5, 2));
  queue.add(letter(1, 5, 1));
  queue.bind({{"t", 0}, 1, 5}, true);
  queue.forget({"t", 0}, 1);
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_TRUE(queue.waiting({"t", 0}));
  queue.forget({"t", 0}, 2);
  EXPECT_FALSE(queue.waiting({"t", 0}));
  EXPECT_TRUE(queue.waiting({"t", 1}));
}

TEST(LetterQueue, TakesNoNoticeOfLettersItDoesNotHave) {
  LetterQueue queue;
  queue.add(letter(0, 5));
  queue.forget({"t", 9}, 1);
  queue.withdraw({{"t", 0}, 2, 5});
  queue.withdraw({{"t", 0}, 1, 6});
  queue.bind({{"t", 0}, 1, 6}, true);
  EXPECT_FALSE(queue.remove({{"t", 0}, 1, 6}).has_value());
  EXPECT_EQ(queue.find({{"t", 9}, 1, 5}), nullptr);
  EXPECT_EQ(free_letters(queue), Names{"t-0@5"});
}

}  // namespace
}  // namespace sluice::core
