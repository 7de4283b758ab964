#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::core {

/// What an error code in a Produce answer means for the batch.
enum class ProduceVerdict : std::uint8_t {
  kWritten = 1,    ///< also when it had been written before
  kRepeat,         ///< may have been written or not: the same bytes again
  kNewProducer,    ///< the broker and we disagree on the sequence: again under a new producer id
  kNoIdempotence,  ///< not written: we may not write with a producer id
  kRecordRefused,  ///< not written: something is wrong with a record in it
  kRefused,        ///< not written: nothing of ours may be, until somebody changes something
  kUnclear,        ///< refused, but it does not follow that it was not written: the same bytes again, slowly
};

[[nodiscard]] ProduceVerdict verdict_of(std::int16_t code);

/// What a refusal is about.
struct RefusedBatch {
  std::string topic;                       ///< the dead letter topic
  std::string first_letter;                ///< where its first record came from
  std::size_t bytes = 0;                   ///< of the encoded batch
  std::optional<std::string> broker_says;  ///< error message in the answer
};

/// The refusal in words: what, where, and what to do about it.
[[nodiscard]] std::string refusal_text(std::int16_t code, const RefusedBatch& batch);

/// Why a batch has to be repeated, in words; with what to do about it when it does not pass by itself.
/// @param target  a partition of the dead letter topic
[[nodiscard]] std::string repeat_text(std::int16_t code, const std::string& target);

/// Why nothing can be written when the metadata of the topic has this error, or no partition.
[[nodiscard]] std::string topic_problem_text(std::int16_t code, const std::string& topic);

}  // namespace sluice::core
