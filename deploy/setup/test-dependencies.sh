#!/usr/bin/env bash
# Installs what the test suites need beyond the build: Debian packages, promtool, and a Python environment
# with pinned packages in build/venv. Says and does nothing when all is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$SLUICE_ROOT/deploy/setup/build-dependencies.sh"
need_packages \
  libgtest-dev libgmock-dev libbenchmark-dev librdkafka-dev clang-format-19 clang-tidy-19 shellcheck \
  spin gcc libc6-dev python3 python3-venv openjdk-17-jdk-headless maven procps systemd chromium chromium-driver \
  nodejs golang-go jq

# promtool alone: the Debian package would also start a Prometheus on this machine.
promtool="$SLUICE_ROOT/build/tools/promtool"
if [ ! -x "$promtool" ]; then
  say "unpacking promtool"
  mkdir -p "$SLUICE_ROOT/build/tools"
  (
    unpack="$(mktemp -d)"
    trap 'rm -rf "$unpack"' EXIT
    cd "$unpack"
    chmod 755 . # apt fetches as its own user
    if ! apt-get -qq download prometheus 2>/dev/null; then
      as_root apt-get -qq update >&2
      apt-get -qq download prometheus >&2
    fi
    dpkg-deb -x prometheus_*.deb .
    mv usr/bin/promtool "$promtool"
  )
fi

# Debian's own interpreter: another python3 that comes first in PATH may lack venv or be of any age.
requirements="$SLUICE_ROOT/tests/requirements.txt"
venv="$SLUICE_ROOT/build/venv"
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  say "installing Python packages into build/venv"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$venv/installed.txt"
fi
