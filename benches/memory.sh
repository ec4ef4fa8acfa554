#!/usr/bin/env bash
# Peak memory and wall time of dumps of one large volume, beside GNU tar and zstd on the same data in
# the same run. `benches/memory.sh [MIB [PART]]`: the volume's size, 2048 unless told otherwise, and a part of the
# labels of what is run, all unless told otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

mib=${1:-2048} part=${2:-}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
install_for zstd zstd
install_for python3 python3
eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'
cargo build --locked --release
program="$CARGO_TARGET_DIR/release/compose-dump"

work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/compose-dump-bench.XXXXXX")
project=compose-dump-bench-$$
leave() {
    docker rm -f "$project" >/dev/null 2>&1 || true
    docker volume rm "${project}_data" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap leave EXIT

# Half random bytes, half text that compresses well, in files of 64 MiB and some thousand small ones.
docker volume create --label "com.docker.compose.project=$project" \
    --label com.docker.compose.volume=data "${project}_data" >/dev/null
docker run -d --name "$project" --network none -v "${project}_data:/data" \
    --label "com.docker.compose.project=$project" --label com.docker.compose.service=app \
    --label com.docker.compose.container-number=1 --label com.docker.compose.oneoff=False \
    compose-dump-bench >/dev/null
docker exec "$project" sh -c "
    cd /data && mkdir small
    i=0; while [ \$i -lt $((mib / 128)) ]; do
        head -c 67108864 /dev/urandom > random.\$i
        yes \"line \$i of a file that compresses\" | head -c 67108864 > text.\$i
        i=\$((i + 1))
    done
    i=0; while [ \$i -lt 4000 ]; do echo \$i > small/\$i; i=\$((i + 1)); done"
mkdir "$work/project"
printf 'services: {app: {image: compose-dump-bench, volumes: ["data:/data"]}}\nvolumes: {data: {}}\n' \
    >"$work/project/compose.yaml"
mountpoint=$(docker volume inspect --format '{{.Mountpoint}}' "${project}_data")

# measure LABEL COMMAND: runs it in a shell, prints peak memory of the largest process and wall time.
measure() {
    [[ $1 == *"$part"* ]] || return 0
    sync
    python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
label, command = sys.argv[1:]
began = time.monotonic()
code = subprocess.run(["bash", "-o", "pipefail", "-c", command]).returncode
wall = time.monotonic() - began
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{label:42} {wall:8.2f} s {peak:8.1f} MiB  exit {code}", flush=True)
sys.exit(code)
PY
}

run="$program -q -C $work/project -p $project backup --volumes"
du=$(du -sm "$mountpoint" | cut -f1)
printf '%s\n' "volume of $du MiB on $(nproc) cores"
measure "GNU tar to a file" "tar -C $mountpoint -cf $work/a.tar ."
rm -f "$work/a.tar"
measure "directory, not compressed" "$run -t $work/dumps"
rm -rf "$work/dumps"
measure "GNU tar | zstd -3 -T0 to a file" "tar -C $mountpoint -cf - . | zstd -q -3 -T0 -o $work/a.tar.zst"
rm -f "$work/a.tar.zst"
measure "directory, zst" "COMPOSE_DUMP_COMPRESSION=zst $run -t $work/dumps"
rm -rf "$work/dumps"
measure ".tar.zst" "$run -t $work/b.tar.zst"
rm -f "$work/b.tar.zst" "$work/b.manifest.yml"
measure "standard output, zst" "$run -x zst | cat > $work/c"
rm -f "$work/c"
measure "standard output, not compressed" "$run -x tar | cat > /dev/null"
measure "engine reader, .tar.zst" "COMPOSE_DUMP_READER=engine $run -t $work/d.tar.zst"
rm -f "$work/d.tar.zst" "$work/d.manifest.yml"
measure "engine reader, directory" "COMPOSE_DUMP_READER=engine $run -t $work/dumps"
