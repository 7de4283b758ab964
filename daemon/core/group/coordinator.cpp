#include "daemon/core/group/coordinator.hpp"

#include "protocol/messages/kafka_error.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace sluice::core {

using protocol::KafkaError;

/// The one entry about our group, from either form of the response.
struct Coordinator::Answer {
  std::int16_t error_code = 0;
  std::string error_message;
  protocol::NodeId node = -1;
  std::string host;
  std::int32_t port = 0;

  static std::optional<Answer> about(const std::string& group_id,
                                     const protocol::FindCoordinatorResponse& response,
                                     std::int16_t version) {
    constexpr std::int16_t kBatchedSince = 4;
    if (version < kBatchedSince && response.coordinators.empty()) {
      return Answer{response.error_code, response.error_message.value_or(""), response.node_id, response.host,
                    response.port};
    }
    for (const auto& entry : response.coordinators) {
      if (entry.key != group_id) continue;
      return Answer{entry.error_code, entry.error_message.value_or(""), entry.node_id, entry.host,
                    entry.port};
    }
    return std::nullopt;
  }

  [[nodiscard]] bool is_usable() const {
    return node >= 0 && !host.empty() && port > 0 && port <= std::numeric_limits<std::uint16_t>::max();
  }
};

Coordinator::Coordinator(Options options, std::uint64_t seed)
    : options_(std::move(options)),
      random_(seed),
      backoff_(options_.retry_backoff, options_.retry_backoff_max),
      next_candidate_(static_cast<std::size_t>(random_.next())) {}

void Coordinator::poll(TimePoint now, std::span<const protocol::NodeId> candidates, Outbox& outbox) {
  for (LogLine& line : lines_) outbox.log(line.level, std::move(line.text));
  lines_.clear();
  if (node_ || lookup_ || candidates.empty()) return;
  if (now < retry_at_) return outbox.wake_at(retry_at_);

  protocol::FindCoordinatorRequest request;
  request.key = options_.group_id;
  request.coordinator_keys = {options_.group_id};
  const protocol::NodeId node = candidates[next_candidate_++ % candidates.size()];
  lookup_ = outbox.send(node, protocol::Lane::kControl, std::move(request), options_.request_timeout);
}

bool Coordinator::on_reply(const protocol::Reply& reply, TimePoint now) {
  if (lookup_ != reply.id) return false;
  lookup_.reset();
  failure_.reset();
  const auto* response = std::get_if<protocol::FindCoordinatorResponse>(&reply.response);
  const std::optional<Answer> answer =
      response == nullptr ? std::nullopt : Answer::about(options_.group_id, *response, reply.version);
  if (!answer || (answer->error_code == KafkaError::kNone && !answer->is_usable())) {
    lines_.push_back({LogLevel::kWarn, "broker " + std::to_string(reply.node) +
                                           " answered a coordinator lookup without a usable address"});
    retry_later(now);
  } else if (answer->error_code == KafkaError::kNone) {
    found(*answer, now);
  } else {
    refused(*answer, now);
  }
  return true;
}

bool Coordinator::on_failure(const protocol::Failure& failure, TimePoint now) {
  if (lookup_ != failure.id) return false;
  lookup_.reset();
  failure_ = failure.message;
  lines_.push_back({LogLevel::kDebug, "coordinator lookup at broker " + std::to_string(failure.node) +
                                          " failed: " + failure.message});
  retry_later(now);
  return true;
}

void Coordinator::found(const Answer& answer, TimePoint now) {
  node_ = answer.node;
  found_at_ = now;
  error_.reset();
  learned_.push_back({answer.node, answer.host, static_cast<std::uint16_t>(answer.port)});
  lines_.push_back({LogLevel::kInfo, "coordinator of group " + options_.group_id + " is broker " +
                                         std::to_string(answer.node) + " at " + answer.host + ":" +
                                         std::to_string(answer.port)});
}

void Coordinator::refused(const Answer& answer, TimePoint now) {
  const std::string name = protocol::name(answer.error_code);
  // UNKNOWN_SERVER_ERROR is a mishap of that broker; nothing says that an operator is needed.
  const bool is_passing =
      protocol::is_retriable(answer.error_code) || answer.error_code == KafkaError::kUnknownServerError;
  // 15 is what a fresh cluster says while it creates __consumer_offsets: no news for anybody.
  if (is_passing) {
    lines_.push_back({LogLevel::kDebug, "coordinator lookup: " + name});
    return retry_later(now);
  }
  std::string text = "no coordinator for group " + options_.group_id + ": " + name;
  if (!answer.error_message.empty()) text += " (" + answer.error_message + ")";
  if (answer.error_code == KafkaError::kGroupAuthorizationFailed) {
    text += "; allow the principal of this daemon to DESCRIBE and READ the group";
  }
  if (error_ != text) lines_.push_back({LogLevel::kError, text});
  error_ = std::move(text);
  retry_at_ = now + std::max(options_.refusal_backoff, options_.retry_backoff_max);
}

void Coordinator::retry_later(TimePoint now) { retry_at_ = now + backoff_.next(random_); }

void Coordinator::lost(protocol::NodeId node, const std::string& reason, TimePoint now) {
  if (node_ != node) return;
  node_.reset();
  ++losses_;
  lines_.push_back({LogLevel::kInfo, "coordinator of group " + options_.group_id + ", broker " +
                                         std::to_string(node) + ", is lost: " + reason});
  // A broker that is found and lost in circles must not be asked in circles as fast as the network allows.
  if (now - found_at_ >= options_.retry_backoff_max) backoff_.reset();
  const bool is_first = backoff_.attempts() == 0;
  const Duration delay = backoff_.next(random_);
  retry_at_ = is_first ? now : now + delay;
}

std::vector<protocol::BrokerAddress> Coordinator::take_learned() { return std::exchange(learned_, {}); }

}  // namespace sluice::core
