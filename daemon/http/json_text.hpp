#pragma once

#include "daemon/http/output_buffer.hpp"

#include <string>
#include <string_view>

/// Bytes of records as JSON text, at memory speed: nothing is allocated but the output itself.
namespace sluice::http {

/// Appends `text` as a JSON string, quotes included. False, with `out` as it was, when it is not valid UTF-8.
[[nodiscard]] bool append_json_string(OutputBuffer& out, std::string_view text);

/// Appends `bytes` as a JSON string in base64 (RFC 4648 section 4, with padding).
void append_base64_string(OutputBuffer& out, std::string_view bytes);

/// To be called before a run of the functions above. Code that used wide vector registers and left them dirty
/// (ISA-L's CRC does) makes every SSE instruction that follows several times slower, until this cleans them.
void clean_vector_registers();

/// `bytes` in base64, without quotes.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace sluice::http
