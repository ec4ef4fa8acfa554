#!/usr/bin/env bash
# Fuzzes the parser of tars: `tests/campaigns/fuzz.sh SECONDS`. What it finds is in `fuzz/found`, to be committed with
# what mends it; inputs that reach further than the others are merged into `fuzz/corpus`. `tests/fuzz_corpus.rs` tries
# both again in every run of the suite.
#
# A stable compiler and a C++ one for libFuzzer are all that it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/lib.sh

seconds=${1:?how many seconds}
type -P c++ >/dev/null || install_for c++ g++
# What is built with these flags is of no use for anything else.
build="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}/fuzz"
# The versions that the program is built with.
cp Cargo.lock fuzz/Cargo.lock
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks -Copt-level=2" \
    cargo build --manifest-path fuzz/Cargo.toml --target-dir "$build" --target x86_64-unknown-linux-gnu
program="$build/x86_64-unknown-linux-gnu/debug/tar_parser"

grown=$(mktemp -d)
trap 'rm -rf "$grown"' EXIT
mkdir -p fuzz/found/tar_parser
"$program" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
    -artifact_prefix=fuzz/found/tar_parser/ "$grown" fuzz/corpus/tar_parser
"$program" -merge=1 -max_len=4096 fuzz/corpus/tar_parser "$grown" 2>&1 | tail -n 1
rmdir --ignore-fail-on-non-empty -p fuzz/found/tar_parser
