#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

/// The status page: one file, nothing loaded from elsewhere. It draws what GET /status says.
[[nodiscard]] std::string_view status_page_html();

/// A Content-Security-Policy that allows exactly the script and the style of this page, by their hashes.
[[nodiscard]] std::string content_security_policy(std::string_view html);

}  // namespace sluice::http
