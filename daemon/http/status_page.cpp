#include "daemon/http/status_page.hpp"

#include "daemon/http/handlers.hpp"
#include "daemon/http/json_text.hpp"

#include <openssl/sha.h>

#include <array>

namespace sluice::http {

namespace {

std::string hash_of(std::string_view html, std::string_view opening, std::string_view closing) {
  const std::size_t begin = html.find(opening) + opening.size();
  const std::string_view text = html.substr(begin, html.find(closing, begin) - begin);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return "'sha256-" + base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "'";
}

}  // namespace

std::string content_security_policy(std::string_view html) {
  return "default-src 'none'; script-src " + hash_of(html, "<script>", "</script>") + "; style-src " +
         hash_of(html, "<style>", "</style>") +
         "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

Response status_page(const Exchange&) {
  static const std::string policy = content_security_policy(status_page_html());
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = status_page_html();
  response.policy = policy;
  return response;
}

}  // namespace sluice::http
