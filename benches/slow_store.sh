#!/usr/bin/env bash
# How long a service is paused with a local target alone, and with an S3 server beside it that takes 2 MB/s:
#   sudo benches/slow_store.sh [MIB] [ROUNDS]      default: a volume of 48 MiB, 5 rounds
# Prints the pause of each run as its report has it, the medians and their ratio. A run to the slow store
# takes MIB / 2 seconds.

set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

mib=${1:-48}
rounds=${2:-5}
need_root "reading volumes directly"
install_for python3 python3

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
cargo build --release --locked --quiet
program="$CARGO_TARGET_DIR/release/compose-dump"
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
[ -n "${S3_ENDPOINT:-}" ] || eval "$(tests/lab/garage.sh up)"
tests/lab/image.sh compose-dump-bench 'CMD ["sleep","infinity"]'

work=$(mktemp -d)
name="bench-slow-$$"
proxy=
leave() {
    [ -z "$proxy" ] || kill "$proxy"
    docker rm -f "$name" >/dev/null 2>&1 || true
    docker volume rm -f "${name}_data" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap leave EXIT

docker volume create --label "com.docker.compose.project=$name" \
    --label com.docker.compose.volume=data "${name}_data" >/dev/null
docker run -d --name "$name" --network none -v "${name}_data:/data" \
    --label "com.docker.compose.project=$name" --label com.docker.compose.service=app \
    --label com.docker.compose.container-number=1 --label com.docker.compose.oneoff=False \
    compose-dump-bench >/dev/null
head -c "${mib}M" /dev/urandom >"$(docker volume inspect --format '{{.Mountpoint}}' "${name}_data")/file"

# A proxy before the store: what goes up passes at 2 MB/s in all, however many connections there are.
cat >"$work/proxy.py" <<'END'
import asyncio, sys, time

host, port = sys.argv[1].removeprefix("http://").split(":")
free_at = time.monotonic()


async def copy(reader, writer, is_slow):
    global free_at
    try:
        while piece := await reader.read(16384):
            if is_slow:
                free_at = max(free_at, time.monotonic()) + len(piece) / 2_000_000
                await asyncio.sleep(max(0, free_at - time.monotonic()))
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(reader, writer):
    there = await asyncio.open_connection(host, int(port))
    await asyncio.gather(copy(reader, there[1], True), copy(there[0], writer, False))
    there[1].close()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
END
python3 "$work/proxy.py" "$S3_ENDPOINT" >"$work/endpoint" &
proxy=$!
until [ -s "$work/endpoint" ]; do sleep 0.1; done

mkdir "$work/project"
cd "$work/project"
cat >compose.yaml <<END
name: $name
services: {app: {image: compose-dump-bench, volumes: ["data:/data"]}}
volumes: {data: {}}
END
cat >compose-dump.yml <<END
version: 1
scopes: [volumes]
targets:
  local: {path: $work/dumps, keep: {last: 1}}
  slow: {url: "s3://$S3_BUCKET/$name", endpoint: "$(cat "$work/endpoint")", region: $S3_REGION, allow_http: true, format: archive,
         access_key_id: "\${S3_ACCESS_KEY}", secret_access_key: "\${S3_SECRET_KEY}", keep: {last: 1}}
jobs:
  alone: {to: [local]}
  both: {to: [local, slow]}
END

# run JOB: the milliseconds for which the service was held.
run() {
    "$program" run "$1" --json 2>/dev/null | python3 -c '
import datetime, json, sys
held = json.load(sys.stdin)["held"]
at = lambda row, key: datetime.datetime.fromisoformat(row[key])
print(round(sum((at(row, "until") - at(row, "from")).total_seconds() for row in held) * 1000))'
}

for _ in $(seq "$rounds"); do
    # Both from the page cache.
    cat "$(docker volume inspect --format '{{.Mountpoint}}' "${name}_data")/file" >/dev/null
    echo "alone $(run alone)"
    echo "both $(run both)"
done | tee "$work/pauses" | awk '{ printf "%-6s paused for %6d ms\n", $1, $2 }'

python3 - "$work/pauses" <<'END'
import statistics, sys

pauses = {}
for line in open(sys.argv[1]):
    job, took = line.split()
    pauses.setdefault(job, []).append(int(took))
alone, both = (statistics.median(pauses[job]) for job in ("alone", "both"))
print(f"median: local alone {alone:.0f} ms, beside a store that takes 2 MB/s {both:.0f} ms, ratio {both / alone:.2f}")
END
