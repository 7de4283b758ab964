#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace sluice::protocol {

/// What was wrong with bytes that came from a peer. Data, not a bug: every decoder returns it as a value.
enum class ErrorKind {
  kTruncated = 1,  ///< fewer bytes than a length or a fixed field needs
  kMalformed,      ///< bytes that no version of the format allows
  kCorrupt,        ///< a checksum does not match
  kTooLarge,       ///< a length or a decompressed size above our limit
  kUnsupported,    ///< a codec, magic or version that we do not speak
};

/// An error with the place where it was found, e.g. "JoinGroupResponse.Members[2].MemberId: truncated".
struct Error {
  ErrorKind kind;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

}  // namespace sluice::protocol
