#include "daemon/core/dead_letter/producer_identity.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <limits>
#include <utility>
#include <vector>

namespace sluice::core {

using protocol::KafkaError;

ProducerIdentity::ProducerIdentity(Options options, std::uint64_t seed)
    : options_(options),
      random_(seed),
      backoff_(options.retry_backoff, options.retry_backoff_max),
      next_candidate_(static_cast<std::size_t>(random_.below(1024))) {}

void ProducerIdentity::poll(TimePoint now, const Metadata& metadata, Outbox& outbox) {
  if (refused_) do_without(*std::exchange(refused_, std::nullopt), outbox);
  if (current_ || in_flight_) return;
  if (retry_at_ > now) {
    outbox.wake_at(retry_at_);
    return;
  }
  const std::vector<protocol::NodeId> nodes = metadata.candidates();
  if (nodes.empty()) return;
  protocol::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  // Without a transactional id the timeout means nothing; the Java producer sends the same.
  request.transaction_timeout_ms = std::numeric_limits<std::int32_t>::max();
  in_flight_ = outbox.send(nodes[next_candidate_++ % nodes.size()], protocol::Lane::kControl,
                           std::move(request), options_.request_timeout);
}

bool ProducerIdentity::on_reply(const protocol::Reply& reply, TimePoint now, Outbox& outbox) {
  if (reply.id != in_flight_) return false;
  in_flight_.reset();
  if (without_) return true;
  const auto* response = std::get_if<protocol::InitProducerIdResponse>(&reply.response);
  const std::int16_t code = response == nullptr ? std::int16_t{-1} : response->error_code;
  if (code == KafkaError::kClusterAuthorizationFailed) {
    do_without("InitProducerId: " + protocol::name(code), outbox);
    return true;
  }
  if (code != KafkaError::kNone || response->producer_id < 0) {
    retry_later(code != KafkaError::kNone ? "InitProducerId: " + protocol::name(code)
                                          : "InitProducerId: the broker gave no producer id",
                now);
    return true;
  }
  backoff_.reset();
  error_.reset();
  current_ = Identity{response->producer_id, response->producer_epoch, ++generations_};
  return true;
}

bool ProducerIdentity::on_failure(const protocol::Failure& failure, TimePoint now) {
  if (failure.id != in_flight_) return false;
  in_flight_.reset();
  if (failure.kind == protocol::FailureKind::kUnsupportedVersion) refused_ = failure.message;
  retry_later("InitProducerId: " + failure.message, now);
  return true;
}

void ProducerIdentity::replace(std::uint64_t generation) {
  if (!without_ && current_ && current_->generation == generation) current_.reset();
}

void ProducerIdentity::do_without(const std::string& why, Outbox& outbox) {
  if (without_) return;
  without_ = true;
  error_.reset();
  current_ = Identity{-1, -1, ++generations_};
  outbox.log(LogLevel::kWarn,
             "dead letters are written without idempotence, so a repeated request may write "
             "some twice: " +
                 why +
                 "; grant this principal IDEMPOTENT_WRITE on the cluster, or WRITE on the "
                 "dead letter topic where that is enough (Kafka 2.8)");
}

void ProducerIdentity::retry_later(std::string error, TimePoint now) {
  error_ = std::move(error);
  retry_at_ = now + backoff_.next(random_);
}

}  // namespace sluice::core
