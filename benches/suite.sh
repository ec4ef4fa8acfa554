#!/usr/bin/env bash
# Every case of the goals table beside the command that it is to beat, in alternation, on the same data in the same
# run: `benches/suite.sh [--runs N] [--data real,some,small,million,sparse] [--case PART,...] [--out DIR]`. Prints
# a table of ratios, peak memory and CPU seconds. It wants a quiet machine, root, 4 GB where the engine keeps
# volumes, 2 GB below BENCH_DIR (/var/tmp unless told otherwise) and 3 GB below DIR, where dumps go: /dev/shm
# unless told otherwise, so that the disk is nobody's bound.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
install_for python3 python3
install_for zstd zstd
install_for xz xz-utils
install_for pigz pigz
install_for pbzip2 pbzip2
eval "$(tests/lab/engine.sh up)"
COMPOSE_V2=$(tests/lab/compose-v2.sh)
export COMPOSE_V2
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'
cargo build --locked --release
exec python3 benches/suite.py --program "$CARGO_TARGET_DIR/release/compose-dump" "$@"
