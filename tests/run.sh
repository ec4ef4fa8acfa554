#!/usr/bin/env bash
# The whole suite: unit tests, tools that read our archives, real engines, real Compose v1 and v2.
#
# It needs root, for owners, devices and engines of its own; `cargo test` runs what needs neither root
# nor an engine. On Debian and Ubuntu it installs what is missing, elsewhere it says what that is. What
# it fetches and starts lives in a cache outside of the checkout. `tests/run.sh NAME` runs the tests
# whose names contain NAME.
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
    install_for_python jsonschema python3-jsonschema
    install_for_python yaml python3-yaml
    install_for setfacl acl
    install_for setfattr attr
    install_for gzip gzip
    install_for pigz pigz
    install_for bzip2 bzip2
    install_for xz xz-utils
    install_for zstd zstd
    install_for busybox busybox-static
    install_for curl curl
    install_for mkfs.ext4 e2fsprogs
    install_for losetup mount
    type -P cargo >/dev/null || die "cargo is missing: install Rust 1.92 or newer (rustup, or your distribution's)"
    type -P cc >/dev/null || install_for cc gcc libc6-dev
}

finish() {
    local lab
    for lab in azurite garage podman engine26 engine; do
        "tests/lab/$lab.sh" down || true
    done
    rm -f "$log"
}

log=$(mktemp)
status=0

# suite CARGO-ARGUMENT... -- TEST-ARGUMENT...: runs tests, and keeps their closing lines.
suite() {
    cargo test --locked --no-fail-fast "$@" 2>&1 | tee -a "$log" || status=1
}

need_root "the whole suite; \`cargo test\` runs what needs neither root nor an engine"
tools
trap finish EXIT
tests/lab/sshd.sh
eval "$(tests/lab/engine26.sh up)"
newer=$DOCKER_HOST
unset DOCKER_HOST
eval "$(tests/lab/podman.sh up)"
podman=$DOCKER_HOST
unset DOCKER_HOST
eval "$(tests/lab/engine.sh up)"
eval "$(tests/lab/garage.sh up)"
eval "$(tests/lab/azurite.sh up)"
COMPOSE_V2=$(tests/lab/compose-v2.sh)
export COMPOSE_V2
tests/lab/image.sh compose-dump-test
tests/lab/database-images.sh

say "everything, on the engine at $DOCKER_HOST"
suite --all-targets -- --include-ignored "$@"
if [ $# -eq 0 ]; then
    say "what concerns the engine, on a newer one and on podman"
    DOCKER_HOST=$newer suite --test engine -- --include-ignored
    # Podman's archives lose owners, so it is asked for facts only; docs/adr/0005 says more.
    DOCKER_HOST=$podman suite --test engine -- --include-ignored facts:: place::
fi
awk '/^test result:/ { passed += $4; failed += $6 }
    END { printf "%d passed, %d failed\n", passed, failed }' "$log"
exit "$status"
