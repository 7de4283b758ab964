#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::protocol {

/// What went wrong and where. The place is put together while the calls return, so success pays nothing for
/// it.
class FailureTrace {
 public:
  /// Remembers the first failure. Always false, to be returned.
  bool set(ErrorKind kind, std::string_view reason) {
    if (reason_.empty()) {
      kind_ = kind;
      reason_ = reason;
    }
    return false;
  }

  bool inside_field(std::string_view name) { return prepend(std::string(name)); }
  bool inside_element(std::size_t index) { return prepend('[' + std::to_string(index) + ']'); }

  /// "JoinGroupResponse.Members[2].MemberId: truncated"
  [[nodiscard]] Error error(std::string_view message_name) {
    inside_field(message_name);
    return Error{kind_, path_ + ": " + reason_};
  }

 private:
  bool prepend(std::string segment) {
    if (!path_.empty() && path_.front() != '[') segment += '.';
    path_.insert(0, segment);
    return false;
  }

  ErrorKind kind_ = ErrorKind::kMalformed;
  std::string reason_;
  std::string path_;
};

}  // namespace sluice::protocol
