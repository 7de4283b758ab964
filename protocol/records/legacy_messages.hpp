#pragma once

#include "protocol/error.hpp"
#include "protocol/records/record_set.hpp"

#include <cstddef>
#include <string>

namespace sluice::protocol {

/// decode_batch() for messages of magic 0 and 1. Brokers no longer write them, but old segments still hold
/// them and are sent as they are on disk.
///
/// The message, or each message inside a compressed wrapper, is rewritten into the v2 record layout, so that
/// there is one format to walk. Offsets inside a wrapper are absolute with magic 0; with magic 1 they are
/// relative and the wrapper carries the offset of the last one. The log-append time of a wrapper is that of
/// all its messages.
///
/// The memory while it works is twice the decompressed size; what it returns is never larger than that size.
/// Errors: as decode_batch(); the CRC-32 of inner messages is checked as well. Source: KIP-31, KIP-32.
[[nodiscard]] Result<DecodedBatch> decode_legacy_batch(const RawBatch& batch,
                                                       std::size_t max_bytes,
                                                       std::string scratch);

}  // namespace sluice::protocol
