#!/usr/bin/env bash
# Installs what is needed to build sluiced on Debian 12. Says and does nothing when all is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_packages \
  clang-19 lld-19 llvm-19 libclang-rt-19-dev cmake ninja-build ccache pkg-config git ca-certificates curl \
  libboost1.81-dev nlohmann-json3-dev libyaml-cpp-dev prometheus-cpp-dev libssl-dev \
  libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libisal-dev \
  libsimdjson-dev libspdlog-dev libfmt-dev libcli11-dev libexpected-dev
