#!/usr/bin/env bash
# The whole suite: unit tests, tools that read our archives, a real engine, real Compose v1 and v2.
#
# As root on Debian or Ubuntu it installs what is missing; otherwise it says what to install. What it
# fetches and starts lives in a cache outside of the checkout. `tests/run.sh NAME` passes NAME on to
# the test runner, as a filter.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
export CARGO_TERM_COLOR=never

# Programs by the package that brings them: they check with other eyes than ours what we write.
tools() {
    install_for tar tar
    install_for bsdtar libarchive-tools
    install_for python3 python3
    install_for setfacl acl
    install_for setfattr attr
    install_for gzip gzip
    install_for bzip2 bzip2
    install_for xz xz-utils
    install_for zstd zstd
    install_for busybox busybox-static
    install_for mkfs.ext4 e2fsprogs
    type -P cargo >/dev/null || die "cargo is missing: install Rust 1.89 or newer (rustup, or your distribution's)"
    type -P cc >/dev/null || install_for cc gcc libc6-dev
}

finish() {
    "tests/lab/engine26.sh" down || true
    "tests/lab/engine.sh" down || true
}

tools
trap finish EXIT
eval "$(tests/lab/engine.sh up)"
COMPOSE_V2=$(tests/lab/compose-v2.sh)
export COMPOSE_V2
tests/lab/image.sh compose-dump-test

log=$(mktemp)
status=0
cargo test --locked --all-targets --features fake-engine --no-fail-fast "$@" -- --include-ignored 2>&1 | tee "$log" || status=$?
awk '/^test result:/ { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' "$log"
rm -f "$log"
exit "$status"
