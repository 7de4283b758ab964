#!/usr/bin/env bash
# Installs what is missing, then builds sluiced: build/release/sluiced. Another preset may be named.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset="${1:-release}"
"$SLUICE_ROOT/deploy/setup/build-dependencies.sh"
cd "$SLUICE_ROOT"
cmake --preset "$preset" >&2
cmake --build --preset "$preset" >&2
