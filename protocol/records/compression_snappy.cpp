#include "protocol/records/batch_layout.hpp"
#include "protocol/records/compression.hpp"
#include "protocol/records/limited_output.hpp"

#include <cstdint>
#include <snappy.h>

namespace sluice::protocol {

namespace {

constexpr std::string_view kXerialMagic{"\x82SNAPPY\0", 8};
constexpr std::size_t kXerialHeader = 16;  // magic, version, oldest compatible version

[[nodiscard]] tl::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorKind::kMalformed, what);
}

/// Calls `f(raw block) -> Result<void>` for every block of a raw or a snappy-java stream.
template <class F>
[[nodiscard]] Result<void> for_each_block(std::string_view in, F&& f) {
  if (!in.starts_with(kXerialMagic)) {
    return f(in);
  }
  while (!in.empty()) {
    if (in.starts_with(kXerialMagic)) {  // at the beginning, and where streams were put one behind the other
      if (in.size() < kXerialHeader) {
        return malformed("stream ends in its header");
      }
      in.remove_prefix(kXerialHeader);
      continue;
    }
    if (in.size() < sizeof(std::uint32_t)) {
      return malformed("stream ends in the length of a block");
    }
    const auto length = batch_layout::load<std::uint32_t>(in, 0);
    in.remove_prefix(sizeof(length));
    if (length > in.size()) {
      return malformed("block of " + std::to_string(length) + " bytes, " + std::to_string(in.size()) +
                       " are left");
    }
    auto done = f(in.substr(0, length));
    if (!done) {
      return done;
    }
    in.remove_prefix(length);
  }
  return {};
}

}  // namespace

Result<void> unsnappy(std::string_view in, std::size_t max_bytes, std::string& out) {
  // Every block tells its size: add them up first, then allocate once.
  std::size_t total = 0;
  auto measured = for_each_block(in, [&](std::string_view block) -> Result<void> {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
      return malformed("no snappy block");
    }
    if (size > max_bytes - total) {
      return too_large(max_bytes);
    }
    if (size / 22 > block.size()) {  // at best 3 bytes become 64
      return malformed("block claims an impossible size");
    }
    total += size;
    return {};
  });
  if (!measured) {
    return measured;
  }
  LimitedOutput output(out, max_bytes, total);
  auto done = for_each_block(in, [&](std::string_view block) -> Result<void> {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(block.data(), block.size(), &size) ||
        !snappy::RawUncompress(block.data(), block.size(), output.end()) || !output.add(size)) {
      return malformed("broken block");
    }
    return {};
  });
  output.finish();
  return done;
}

}  // namespace sluice::protocol
