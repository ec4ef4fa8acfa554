#!/usr/bin/env bash
# Where the time goes: samples a dump of one volume to a local archive, or its restore, and adds the samples up by
# thread, and by thread and function. `benches/profile.sh [CASE [READER [EXTENSION]]]`: CASE is `real`, real files of
# this system, or `small`, 200,000 of up to 2 KiB, or `restore`, the real ones back into a volume; READER `direct` or
# `engine`; EXTENSION .tar.zst unless told otherwise. Builds a program with symbols beside the ordinary one, which takes
# some minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

case=${1:-real} reader=${2:-direct} extension=${3:-.tar.zst}
need_root "reading volumes directly"
install_for perf linux-perf
install_for python3 python3
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}/profile"
export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_LTO=off
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'
cargo build --locked --release

work=$(mktemp -d) out=$(mktemp -d /dev/shm/compose-dump-bench.XXXXXX)
project="compose-dump-bench-$$"
leave() {
    docker volume rm -f "${project}_data" "${project}-copy_data" >/dev/null
    rm -rf "$work" "$out"
}
trap leave EXIT
docker volume create --label "com.docker.compose.project=$project" \
    --label com.docker.compose.volume=data "${project}_data" >/dev/null
data=$(docker volume inspect --format '{{.Mountpoint}}' "${project}_data")
case $case in
real | restore)
    cp -a /usr/share /usr/lib/x86_64-linux-gnu "$data"
    head -c 268435456 /dev/urandom >"$data/random"
    ;;
small)
    python3 - "$data" <<'PY'
import pathlib, sys
for number in range(200_000):
    inside = pathlib.Path(sys.argv[1], f"{number // 1000:04}")
    inside.mkdir(exist_ok=True)
    (inside / f"{number}").write_bytes(b"x" * (number % 2048))
PY
    ;;
*) die "there is no case \`$case\`: \`real\`, \`small\` or \`restore\`" ;;
esac
printf 'services: {app: {image: compose-dump-bench, volumes: ["data:/data"]}}\nvolumes: {data: {}}\n' \
    >"$work/compose.yaml"

program="$CARGO_TARGET_DIR/release/compose-dump"
profiled=("$program" -q -C "$work" -p "$project" backup --volumes --no-pause -t "$out/a$extension")
export COMPOSE_DUMP_READER=$reader
if [ "$case" = restore ]; then
    "${profiled[@]}"
    profiled=("$program" -q restore "$out/a$extension" --volumes --no-start --as "$project-copy" --to "$out/copy")
fi
perf record -q -F 499 -o "$work/perf" "${profiled[@]}"
for by in comm,dso comm,symbol; do
    perf report -i "$work/perf" --stdio --sort "$by" --percent-limit 0.5 2>/dev/null | grep -v '^#' | grep . | sed -n 1,40p
    echo
done
