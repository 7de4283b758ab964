#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::http {

/// Reads the body of one request, of a length or chunked, from bytes that arrive in pieces. Beast does the
/// work, and checks the head a second time; this is the one file that includes it.
class BodyReader {
 public:
  enum class State : std::uint8_t { kIncomplete = 1, kComplete, kMalformed, kTooLarge };

  /// @param head  as it passed the gate; starts the reading at its end
  BodyReader(std::string_view head, std::size_t bytes_max);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  /// Takes bytes behind the head. What it did not take (a chunk header in pieces) must be given again, with
  /// more.
  struct Fed {
    State state;
    std::size_t taken;
  };
  [[nodiscard]] Fed feed(std::string_view bytes);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string take_body();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
