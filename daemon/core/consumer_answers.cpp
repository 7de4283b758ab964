#include "daemon/core/consumer.hpp"
#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::core {

using protocol::KafkaError;

void Consumer::on_reply(protocol::Reply reply, TimePoint now, std::int64_t wall_ms) {
  now_ = std::max(now_, now);
  if (membership_.on_reply(reply, now)) return;
  if (coordinator_.on_reply(reply, now)) {
    for (auto& address : coordinator_.take_learned()) addresses_.push_back(std::move(address));
    return;
  }
  if (metadata_.on_reply(reply, now)) return;
  if (fetcher_.on_reply(reply, metadata_, partitions_, stats_.topics, now, outbox_)) return;
  if (committer_.on_reply(reply, metadata_, partitions_, stats_, now, wall_ms)) {
    if (!committer_.in_flight()) commit_error_.reset();
    handle_group_errors(now);
    return;
  }
  if (dead_letters_.on_reply(reply, metadata_, now, outbox_)) return;
  if (committed_offsets_.on_reply(reply, metadata_, partitions_, now, outbox_)) {
    for (auto& [tp, partition] : partitions_) {
      if (partition.ledger) partition.condemn_exhausted(options_.redelivery);
    }
    handle_group_errors(now);
    return;
  }
  (void)list_offsets_.on_reply(reply, metadata_, partitions_, stats_.topics, now, outbox_);
}

void Consumer::on_failure(const protocol::Failure& failure, TimePoint now) {
  now_ = std::max(now_, now);
  if (failure.kind == protocol::FailureKind::kUnsupportedVersion)
    outbox_.log(LogLevel::kError, failure.message);
  if (membership_.on_failure(failure, now) || coordinator_.on_failure(failure, now)) return;
  if (metadata_.on_failure(failure, now) || fetcher_.on_failure(failure, metadata_, partitions_, now)) return;
  if (committer_.on_failure(failure, stats_, now) || committed_offsets_.on_failure(failure, now)) {
    handle_group_errors(now);
    return;
  }
  if (dead_letters_.on_failure(failure, metadata_, now)) return;
  (void)list_offsets_.on_failure(failure, metadata_, partitions_, now);
}

/// Errors that commits and offset fetches see belong to the membership and the coordinator lookup.
void Consumer::handle_group_errors(TimePoint now) {
  const auto tell = [&](std::int16_t code, std::int32_t generation, protocol::NodeId node,
                        const std::string& text) {
    const bool lost = code == 0 || code == KafkaError::kNotCoordinator ||
                      code == KafkaError::kCoordinatorNotAvailable || code == KafkaError::kRequestTimedOut;
    if (lost) {
      coordinator_.lost(node, text, now);
    } else {
      membership_.on_commit_error(code, generation, now);
    }
  };
  if (const auto error = committer_.take_error()) {
    commit_error_ = error->message;
    tell(error->code, error->generation, error->node, error->message);
  }
  if (const auto error = committed_offsets_.take_error()) {
    tell(error->code, membership_.identity().generation, error->node, error->message);
  }
}

}  // namespace sluice::core
