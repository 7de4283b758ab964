#include "config/utf8.hpp"

namespace sluice::config {
namespace {

/// How many bytes follow a first byte, and the least code point that needs so many (shorter forms are not
/// allowed).
struct Form {
  std::size_t following;
  unsigned least;
  unsigned bits;
};

std::optional<Form> form_of(unsigned char first) {
  if (first < 0x80) {
    return Form{0, 0, first};
  }
  if ((first & 0xe0) == 0xc0) {
    return Form{1, 0x80, first & 0x1fU};
  }
  if ((first & 0xf0) == 0xe0) {
    return Form{2, 0x800, first & 0x0fU};
  }
  if ((first & 0xf8) == 0xf0) {
    return Form{3, 0x10000, first & 0x07U};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::optional<Form> form = form_of(static_cast<unsigned char>(text[at]));
    if (!form || form->following >= text.size() - at) {
      return at;
    }
    unsigned point = form->bits;
    for (std::size_t i = 1; i <= form->following; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if ((byte & 0xc0) != 0x80) {
        return at;
      }
      point = (point << 6) | (byte & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < form->least || point > 0x10ffff || surrogate) {
      return at;
    }
    at += form->following + 1;
  }
  return std::nullopt;
}

}  // namespace sluice::config
