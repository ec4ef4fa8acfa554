#!/usr/bin/env bash
# Flips single bits in dumps of every format: `tests/campaigns/flips.sh COUNT`, so many of each. `verify` has to find
# every one of them, and `restore` to refuse it before its first write, from a path and from a stream.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/lib.sh

export FLIPS=${1:?how many flips per format}
need_root "campaigns with an engine"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
eval "$(tests/lab/engine.sh up)"
COMPOSE_V2=$(tests/lab/compose-v2.sh)
export COMPOSE_V2
tests/lab/image.sh compose-dump-test
# What the library does with bits of every form, and what the program does.
cargo test --locked --lib -- stored::tests::damage
cargo test --locked --test e2e -- --include-ignored flips::
