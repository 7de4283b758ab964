#include "daemon/metrics/build_info.hpp"

namespace sluice::metrics {

BuildInfo build_info() { return {SLUICE_VERSION, SLUICE_REVISION, __VERSION__}; }

}  // namespace sluice::metrics
