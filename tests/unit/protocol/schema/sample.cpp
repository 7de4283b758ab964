#include "tests/unit/protocol/schema/sample.hpp"

#include "protocol/schema/codec_definition.hpp"

namespace sluice::protocol {

template struct MessageCodec<Sample>;
template struct MessageCodec<Nest>;

}  // namespace sluice::protocol
