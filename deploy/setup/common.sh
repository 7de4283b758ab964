# Sourced by the setup scripts: where the tree is, how to talk, how to install Debian packages.
# shellcheck shell=bash

# Not exported: in the environment, names that begin with SLUICE_ are settings of the daemon.
# shellcheck disable=SC2034
SLUICE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

say() { printf '%s\n' "== $*" >&2; }

die() {
  printf '%s\n' "error: $*" >&2
  exit 1
}

# Runs a command as root: directly, or by sudo where there is one.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root; run as root, install sudo, or install by hand: $*"
  fi
}

# Prints the packages of the arguments that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      printf '%s\n' "$package"
    fi
  done
}

# Installs what is missing of the given Debian packages; asks no network when nothing is.
need_packages() {
  local -a missing
  command -v dpkg-query >/dev/null || die "this script knows Debian 12 only; install the equivalents of: $*"
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -eq 0 ] && return 0
  say "installing ${missing[*]}"
  local log
  log="$(mktemp)"
  # An unreachable third-party source must not stop us: the install below is the judge.
  as_root apt-get -qq update >"$log" 2>&1 || say "apt-get update reported errors; going on"
  if ! as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "${missing[@]}" >>"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "could not install ${missing[*]}"
  fi
  rm -f "$log"
}
