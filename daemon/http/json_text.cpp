#include "daemon/http/json_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <simdjson.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace sluice::http {

namespace {

constexpr std::size_t kPiece = 4096;     // input bytes between two looks at the capacity
constexpr std::size_t kEscapeMax = 6;    // "\u0000"
constexpr std::size_t kStoreSlack = 16;  // a vector is stored whole even when only its first bytes count

// The escaped form of a byte and, in the last place, its length; length 0: the byte is copied as it is.
using Escape = std::array<char, 8>;
constexpr std::array<Escape, 256> kEscapes = [] {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<Escape, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c)
    table[c] = {'\\', 'u', '0', '0', kHex[c >> 4U], kHex[c & 0xfU], 0, 6};
  table['\b'] = {'\\', 'b', 0, 0, 0, 0, 0, 2};
  table['\f'] = {'\\', 'f', 0, 0, 0, 0, 0, 2};
  table['\n'] = {'\\', 'n', 0, 0, 0, 0, 0, 2};
  table['\r'] = {'\\', 'r', 0, 0, 0, 0, 0, 2};
  table['\t'] = {'\\', 't', 0, 0, 0, 0, 0, 2};
  table['"'] = {'\\', '"', 0, 0, 0, 0, 0, 2};
  table['\\'] = {'\\', '\\', 0, 0, 0, 0, 0, 2};
  return table;
}();

char* escape_byte(char byte, char* out) {
  const Escape& escape = kEscapes[static_cast<unsigned char>(byte)];
  std::memcpy(out, escape.data(), escape.size());
  return out + escape.back();
}

#if defined(__SSE2__)
__m128i load(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
void store(char* to, __m128i bytes) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes); }

// One bit per byte that needs an escape.
unsigned bytes_to_escape(__m128i bytes) {
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(control, quote), backslash)));
}

// Sixteen bytes of which some need an escape. Reads up to 32 bytes from `in`: runs are copied as whole
// vectors.
char* escape_block(const char* in, unsigned to_escape, char* out) {
  int copied = 0;
  for (; to_escape != 0; to_escape &= to_escape - 1) {
    const int at = std::countr_zero(to_escape);
    store(out, load(in + copied));
    out = escape_byte(in[at], out + (at - copied));
    copied = at + 1;
  }
  store(out, load(in + copied));
  return out + (16 - copied);
}
#endif

// Copies [in, stop) escaped. With kStopAtHigh it ends before a byte above 0x7f; `in` says where it ended.
template <bool kStopAtHigh>
char* escape(const char*& in, const char* stop, char* out) {
#if defined(__SSE2__)
  for (; stop - in >= 32; in += 16) {
    const __m128i bytes = load(in);
    if (kStopAtHigh && _mm_movemask_epi8(bytes) != 0) break;
    const unsigned to_escape = bytes_to_escape(bytes);
    if (to_escape == 0) [[likely]] {
      store(out, bytes);
      out += 16;
    } else {
      out = escape_block(in, to_escape, out);
    }
  }
#endif
  for (; in != stop; ++in) {
    const auto byte = static_cast<unsigned char>(*in);
    if (kStopAtHigh && byte >= 0x80) return out;
    if (kEscapes[byte].back() == 0) [[likely]] {
      *out++ = *in;
    } else {
      out = escape_byte(*in, out);
    }
  }
  return out;
}

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two output characters for each value of twelve bits.
constexpr std::array<std::array<char, 2>, 4096> kBase64Pairs = [] {
  std::array<std::array<char, 2>, 4096> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = {kBase64Alphabet[i >> 6U], kBase64Alphabet[i & 63U]};
  return table;
}();

#if defined(__SSE2__)
// Twelve bytes to sixteen characters per turn, as long as sixteen bytes can be read.
// Method: W. Mula, D. Lemire, "Faster Base64 Encoding and Decoding using AVX2 Instructions", 2018.
__attribute__((target("ssse3"))) char* base64_ssse3(const char*& in, const char* stop, char* out) {
  const __m128i order = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  // Distance from the six-bit value to its character, by range: 0-25, 52-61 (ten rows), 62, 63, 26-51.
  const __m128i distance =
      _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                    '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  while (stop - in >= 16) {
    const __m128i bytes = _mm_shuffle_epi8(load(in), order);
    const __m128i first =
        _mm_mulhi_epu16(_mm_and_si128(bytes, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
    const __m128i second =
        _mm_mullo_epi16(_mm_and_si128(bytes, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
    const __m128i values = _mm_or_si128(first, second);
    const __m128i upper_case = _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), values), _mm_set1_epi8(13));
    const __m128i range = _mm_or_si128(_mm_subs_epu8(values, _mm_set1_epi8(51)), upper_case);
    const __m128i text = _mm_add_epi8(values, _mm_shuffle_epi8(distance, range));
    store(out, text);
    in += 12;
    out += 16;
  }
  return out;
}
#endif

#if defined(__SSE2__)
__attribute__((target("avx"))) void zero_upper_halves() { _mm256_zeroupper(); }
#endif

char* base64_scalar(const char* in, const char* stop, char* out) {
  const auto byte = [&in](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(in[i]));
  };
  const auto pair = [&out](std::uint32_t twelve_bits) {
    *out++ = kBase64Pairs[twelve_bits][0];
    *out++ = kBase64Pairs[twelve_bits][1];
  };
  for (; stop - in >= 3; in += 3) {
    pair(byte(0) << 4U | byte(1) >> 4U);
    pair((byte(1) & 0xfU) << 8U | byte(2));
  }
  if (stop - in == 2) {
    pair(byte(0) << 4U | byte(1) >> 4U);
    *out++ = kBase64Alphabet[(byte(1) & 0xfU) << 2U];
    *out++ = '=';
  } else if (stop - in == 1) {
    pair(byte(0) << 4U);
    *out++ = '=';
    *out++ = '=';
  }
  return out;
}

char* encode_base64(std::string_view bytes, char* out) {
  const char* in = bytes.data();
  const char* const stop = in + bytes.size();
#if defined(__SSE2__)
  static const bool has_ssse3 = __builtin_cpu_supports("ssse3") != 0;
  if (has_ssse3) out = base64_ssse3(in, stop, out);
#endif
  return base64_scalar(in, stop, out);
}

std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace

bool append_json_string(OutputBuffer& out, std::string_view text) {
  const std::size_t start = out.size();
  const char* in = text.data();
  const char* const end = in + text.size();
  bool valid = false;  // ASCII is valid as it comes; the first other byte makes us look at all that follow
  out.append('"');
  while (in != end) {
    const std::size_t piece = std::min(static_cast<std::size_t>(end - in), kPiece);
    const char* const stop = in + piece;
    char* at = out.prepare(piece * kEscapeMax + kStoreSlack);
    if (!valid) at = escape<true>(in, stop, at);
    if (in != stop) {
      if (!valid && !simdjson::validate_utf8(in, static_cast<std::size_t>(end - in))) {
        out.truncate(start);
        return false;
      }
      valid = true;
      at = escape<false>(in, stop, at);
    }
    out.commit(at);
  }
  out.append('"');
  return true;
}

void append_base64_string(OutputBuffer& out, std::string_view bytes) {
  char* at = out.prepare(base64_size(bytes.size()) + 2 + kStoreSlack);
  *at++ = '"';
  at = encode_base64(bytes, at);
  *at++ = '"';
  out.commit(at);
}

void clean_vector_registers() {
#if defined(__SSE2__)
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) zero_upper_halves();
#endif
}

std::string base64(std::string_view bytes) {
  OutputBuffer out;
  out.commit(encode_base64(bytes, out.prepare(base64_size(bytes.size()) + kStoreSlack)));
  return std::string(out.view());
}

}  // namespace sluice::http
