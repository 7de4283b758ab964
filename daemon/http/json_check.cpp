#include "daemon/http/json_check.hpp"

#include <bitset>
#include <cstring>
#include <simdjson.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <bit>

namespace sluice::http {

namespace {

// A validator, not a parser: it keeps no values, only one bit per open array or object.
class Checker {
 public:
  explicit Checker(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool run() {
    do {
      if (!before_value()) return false;
    } while (!done_);
    skip_space();
    return at_ == end_;
  }

 private:
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }

  bool take(char c) {
    if (peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  // One value, or the opening of one; then everything up to where the next value must begin.
  bool before_value() {
    skip_space();
    switch (peek()) {
      case '{':
        return open(true);
      case '[':
        return open(false);
      case '"':
        return string() && after_value();
      case 't':
        return word("true") && after_value();
      case 'f':
        return word("false") && after_value();
      case 'n':
        return word("null") && after_value();
      default:
        return number() && after_value();
    }
  }

  bool open(bool object) {
    ++at_;
    if (depth_ == kEmbeddedJsonDepthMax) return false;
    is_object_[static_cast<std::size_t>(depth_++)] = object;
    skip_space();
    if (take(object ? '}' : ']')) {
      --depth_;
      return after_value();
    }
    return !object || name();
  }

  bool after_value() {
    while (depth_ > 0) {
      const bool object = is_object_[static_cast<std::size_t>(depth_ - 1)];
      skip_space();
      if (take(',')) return !object || name();
      if (!take(object ? '}' : ']')) return false;
      --depth_;
    }
    done_ = true;
    return true;
  }

  bool name() {
    skip_space();
    if (!string()) return false;
    skip_space();
    return take(':');
  }

  bool word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size()) return false;
    if (std::memcmp(at_, expected.data(), expected.size()) != 0) return false;
    at_ += expected.size();
    return true;
  }

  // To the next quote, backslash or control character.
  void skip_plain() {
#if defined(__SSE2__)
    while (end_ - at_ >= 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
      const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
      const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
      const auto special =
          static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(control, quote), backslash)));
      if (special != 0) {
        at_ += std::countr_zero(special);
        return;
      }
      at_ += 16;
    }
#endif
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
  }

  bool string() {
    if (!take('"')) return false;
    for (;;) {
      skip_plain();
      if (take('"')) return true;
      if (!take('\\') || !escape()) return false;
    }
  }

  bool escape() {
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    unsigned code = 0;
    if (!four_hex(code)) return false;
    // Half of a pair alone has no meaning, and breaks the parsers of some applications.
    if (code >= 0xdc00 && code <= 0xdfff) return false;
    if (code < 0xd800 || code > 0xdfff) return true;
    unsigned low = 0;
    return take('\\') && take('u') && four_hex(low) && low >= 0xdc00 && low <= 0xdfff;
  }

  bool four_hex(unsigned& code) {
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<unsigned>(lower - 'a' + 10);
      } else {
        return false;
      }
      ++at_;
    }
    return true;
  }

  bool digits() {
    const char* const first = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != first;
  }

  bool number() {
    (void)take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) (void)take('-');
      return digits();
    }
    return true;
  }

  const char* at_;
  const char* end_;
  std::bitset<kEmbeddedJsonDepthMax> is_object_;
  int depth_ = 0;
  bool done_ = false;
};

}  // namespace

bool is_json(std::string_view text) {
  return Checker(text).run() && simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace sluice::http
