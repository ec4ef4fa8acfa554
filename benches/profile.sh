#!/usr/bin/env bash
# Where the time goes: samples a dump of one volume to a local archive and adds the samples up by thread, and by
# thread and function. `benches/profile.sh [READER [EXTENSION]]`: direct or engine, .tar.zst unless told otherwise.
# Builds a program with symbols beside the ordinary one, which takes some minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

reader=${1:-direct} extension=${2:-.tar.zst}
need_root "reading volumes directly"
install_for perf linux-perf
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}/profile"
export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_LTO=off
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'
cargo build --locked --release

work=$(mktemp -d) out=$(mktemp -d /dev/shm/compose-dump-bench.XXXXXX)
project="compose-dump-bench-$$"
leave() {
    docker volume rm -f "${project}_data" >/dev/null
    rm -rf "$work" "$out"
}
trap leave EXIT
docker volume create --label "com.docker.compose.project=$project" \
    --label com.docker.compose.volume=data "${project}_data" >/dev/null
data=$(docker volume inspect --format '{{.Mountpoint}}' "${project}_data")
cp -a /usr/share /usr/lib/x86_64-linux-gnu "$data"
head -c 268435456 /dev/urandom >"$data/random"
printf 'services: {app: {image: compose-dump-bench, volumes: ["data:/data"]}}\nvolumes: {data: {}}\n' \
    >"$work/compose.yaml"

COMPOSE_DUMP_READER=$reader perf record -q -F 499 -o "$work/perf" \
    "$CARGO_TARGET_DIR/release/compose-dump" -q -C "$work" -p "$project" backup --volumes --no-pause -t "$out/a$extension"
for by in comm,dso comm,symbol; do
    perf report -i "$work/perf" --stdio --sort "$by" --percent-limit 0.5 2>/dev/null | grep -v '^#' | grep . | sed -n 1,40p
    echo
done
