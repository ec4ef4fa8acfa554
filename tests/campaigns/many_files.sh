#!/usr/bin/env bash
# A volume with many files in one folder, `tests/campaigns/many_files.sh COUNT`, is dumped, verified and restored, directly and
# through the engine, by a program that may have 128 MiB: the suite does it with 10,000, a million take a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/lib.sh

export COMPOSE_DUMP_TEST_FILES=${1:?how many files}
need_root "campaigns with an engine"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
eval "$(tests/lab/engine.sh up)"
COMPOSE_V2=$(tests/lab/compose-v2.sh)
export COMPOSE_V2
tests/lab/image.sh compose-dump-test
cargo test --locked --release --test e2e -- --include-ignored --nocapture many_files::
