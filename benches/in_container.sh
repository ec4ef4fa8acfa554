#!/usr/bin/env bash
# What a reader inside of a helper container would bring (docs/adr/0012): the same volume through the engine's
# archive API, and as the output of a container that reads it there, compressed here and compressed there.
#   sudo benches/in_container.sh [RUNS]      default 3
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

runs=${1:-3}
need_root "reading volumes directly"
install_for zstd zstd
install_for python3 python3
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'

volume="compose-dump-bench-$$"
leave() {
    docker rm -f "$volume" >/dev/null 2>&1 || true
    docker volume rm -f "$volume" >/dev/null
}
trap leave EXIT
docker volume create "$volume" >/dev/null
data=$(docker volume inspect --format '{{.Mountpoint}}' "$volume")
cp -a /usr/share /usr/lib/x86_64-linux-gnu "$data"
head -c 268435456 /dev/urandom >"$data/random"
docker create --name "$volume" -v "$volume:/v" compose-dump-bench >/dev/null

# The container has the tools of this machine: GNU tar and zstd stand for a program of our own.
inside="docker run --rm --log-driver none --network none -v $volume:/v:ro -v /usr:/usr:ro -v /lib:/lib:ro \
-v /lib64:/lib64:ro compose-dump-bench /usr/bin/bash -o pipefail -c"
python3 - "$runs" "$(du -sm "$data" | cut -f1)" \
    "direct: tar of the mount point to zstd" "tar -C $data -cf - . | zstd -q -3 -T2" \
    "archive API to zstd" "docker cp $volume:/v - | zstd -q -3 -T2" \
    "tar in a container, zstd here" "$inside '/usr/bin/tar -C /v -cf - .' | zstd -q -3 -T2" \
    "tar and zstd in a container" "$inside '/usr/bin/tar -C /v -cf - . | /usr/bin/zstd -q -3 -T2'" <<'PY'
import statistics, subprocess, sys, time

runs, mib, rest = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
cases = list(zip(rest[::2], rest[1::2]))
took = {name: [] for name, _ in cases}
for _ in range(runs):
    for name, command in cases:
        began = time.monotonic()
        subprocess.run(["bash", "-o", "pipefail", "-c", f"{command} | cat > /dev/null"], check=True)
        took[name].append(time.monotonic() - began)
base = statistics.median(took[cases[1][0]])
print(f"{mib} MiB, {runs} runs each, medians\n\n| path | s | beside the archive API |\n| --- | ---: | ---: |")
for name, _ in cases:
    middle = statistics.median(took[name])
    print(f"| {name} | {middle:.2f} | {middle / base:.2f} |")
PY
