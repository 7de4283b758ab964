#include "daemon/core/api.hpp"

namespace sluice::core {

std::string_view to_string(EmptyReason reason) {
  switch (reason) {
    case EmptyReason::kTimeout:
      return "timeout";
    case EmptyReason::kJoining:
      return "joining";
    case EmptyReason::kNoPartitions:
      return "no_partitions";
    case EmptyReason::kPaused:
      return "paused";
    case EmptyReason::kWindowFull:
      return "window_full";
    case EmptyReason::kBackOff:
      return "back_off";
    case EmptyReason::kDraining:
      return "draining";
  }
  return "timeout";
}

std::string_view to_string(TruncatedBy limit) {
  switch (limit) {
    case TruncatedBy::kNothing:
      return "";
    case TruncatedBy::kMaxRecords:
      return "max_records";
    case TruncatedBy::kMaxBytes:
      return "max_bytes";
    case TruncatedBy::kBudget:
      return "budget";
    case TruncatedBy::kWindow:
      return "window";
    case TruncatedBy::kRedelivery:
      return "redelivery";
  }
  return "";
}

std::string_view to_string(Refusal reason) {
  switch (reason) {
    case Refusal::kLeaseLost:
      return "lease_lost";
    case Refusal::kLeaseExpired:
      return "lease_expired";
    case Refusal::kAlreadySettled:
      return "already_settled";
    case Refusal::kNotInBatch:
      return "not_in_batch";
  }
  return "lease_lost";
}

}  // namespace sluice::core
