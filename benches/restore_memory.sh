#!/usr/bin/env bash
# Peak memory and wall time of restores of one large volume with many files. `benches/restore_memory.sh [MIB [FILES]]`:
# the volume's size, 1024 unless told otherwise, and the number of small files in it, 20000. More than
# 128 MiB is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

mib=${1:-1024}
files=${2:-20000}
limit=128
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
install_for python3 python3
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'
cargo build --locked --release
program="$CARGO_TARGET_DIR/release/compose-dump"

work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/compose-dump-bench.XXXXXX")
project=compose-dump-bench-$$
volume="${project}_data"
leave() {
    docker rm -f "$project" >/dev/null 2>&1 || true
    docker volume rm "$volume" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap leave EXIT

# An eighth of the large file is bytes that do not compress, the rest is one hole.
docker volume create --label "com.docker.compose.project=$project" \
    --label com.docker.compose.volume=data "$volume" >/dev/null
mountpoint=$(docker volume inspect --format '{{.Mountpoint}}' "$volume")
python3 - "$mountpoint" "$mib" "$files" <<'PY'
import os, sys
root, mib, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(root + "/large", "wb") as large:
    for _ in range(mib // 8):
        large.write(os.urandom(1 << 20))
    large.truncate(mib << 20)
for number in range(files):
    folder = f"{root}/{number % 100}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{number}", "w") as file:
        file.write("a small file\n")
PY
mkdir "$work/project"
printf 'services: {app: {image: compose-dump-bench, network_mode: none, volumes: ["data:/data"]}}\nvolumes: {data: {}}\n' \
    >"$work/project/compose.yaml"
export COMPOSE_DUMP_STATE_DIR="$work/state" TMPDIR="$work"

# measure LABEL COMMAND: runs it in a shell, prints peak memory of the largest process and wall time.
measure() {
    sync
    python3 - "$limit" "$@" <<'PY'
import resource, subprocess, sys, time
limit, label, command = sys.argv[1:]
began = time.monotonic()
code = subprocess.run(["bash", "-o", "pipefail", "-c", command]).returncode
wall = time.monotonic() - began
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{label:42} {wall:8.2f} s {peak:8.1f} MiB  exit {code}", flush=True)
sys.exit(code or (3 if peak > int(limit) else 0))
PY
}

run="$program -q -C $work/project -p $project"
$run backup --volumes -t "$work/dumps"
$run backup --volumes -t "$work/a.tar.zst"
dump=$(echo "$work"/dumps/*)
restore="--volumes --replace --no-start"
measure "verify a folder" "$run verify $dump"
measure "restore a folder" "$run restore $dump $restore"
measure "restore an archive" "$run restore $work/a.tar.zst $restore"
measure "restore a stream" "cat $work/a.tar.zst | $run restore - $restore"
measure "restore through the engine" "COMPOSE_DUMP_READER=engine $run restore $work/a.tar.zst $restore"
