#!/usr/bin/env bash
# Restarts an engine in the middle of a run, and looks at what is left.
#
#   engine_restart.sh POLICY      pause | stop
#
# On a private dockerd, with one service that is held while its volume is read through the engine. The run
# has to fail, publish nothing, leave no journal, and the service has to run. COMPOSE_DUMP names the
# program, COMPOSE_V2 a Compose v2. Needs root.

# shellcheck source-path=SCRIPTDIR source=../lab/lib.sh
. "$(dirname "$0")/../lab/lib.sh"

policy=${1:?pause or stop}
program=${COMPOSE_DUMP:-$(type -P compose-dump)} || die "COMPOSE_DUMP names no program"
compose=${COMPOSE_V2:?names a Compose v2 program: tests/lab/compose-v2.sh prints one}
need_root "a private dockerd"
mount_cgroups

dir=$(mktemp -d)
lab=$(cd "$(dirname "$0")/../lab" && pwd)
export DOCKER_HOST=unix://$dir/docker.sock
export COMPOSE_DUMP_STATE_DIR=$dir/state TMPDIR=$dir/spool
mkdir -p "$dir/project" "$dir/dumps" "$dir/spool"

finish() {
    stop "$dir/started" dockerd || true
    umount -R "$dir/data" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

# What pausing ends, a restart policy starts again; what is stopped, nobody but the run does.
case $policy in
    pause) restart=always ;;
    stop) restart=no ;;
    *) die "no policy: $policy" ;;
esac
start() {
    start_dockerd "$dir" "$(type -P dockerd)" --iptables=false --ip6tables=false --bridge=none ||
        die "no dockerd can be started: $(tail -n 5 "$dir/dockerd.log")"
}

start
"$lab/image.sh" compose-dump-test
cd "$dir/project"
cat >compose.yaml <<YAML
name: restarted
services:
  db: {image: compose-dump-test, network_mode: none, restart: '$restart', volumes: ['data:/data']}
volumes: {data: {}}
YAML
"$compose" up -d --quiet-pull >/dev/null 2>&1 || die "cannot bring the project up"
docker exec restarted-db-1 dd if=/dev/urandom of=/data/large bs=1M count=240 2>/dev/null

state() { docker inspect --format '{{.State.Status}}' restarted-db-1 2>/dev/null || true; }

# A slow codec that is not spooled for keeps the reading going.
COMPOSE_DUMP_READER=engine COMPOSE_DUMP_SPOOL__MODE=never COMPOSE_DUMP_COMPRESSION=xz \
    COMPOSE_DUMP_PAUSE__DEFAULT=$policy "$program" backup --volumes -t "$dir/dumps" 2>"$dir/said" &
run=$!
for _ in $(seq 200); do
    [ "$(state)" = running ] || break
    sleep 0.1
done
[ "$(state)" != running ] || die "the service was not held"
sleep 0.5
stop "$dir/started" dockerd
start
code=0
wait "$run" || code=$?
for _ in $(seq 100); do
    [ "$(state)" != running ] || break
    sleep 0.1
done
echo "exit code $code, service $(state), dumps: $(find "$dir/dumps" -mindepth 1 -maxdepth 1 | wc -l), journals: $(find "$dir/state" -name '*.journal' | wc -l)"
cat "$dir/said" >&2
[ "$code" = 1 ] && [ "$(state)" = running ] && [ -z "$(find "$dir/dumps" -mindepth 1)" ] &&
    [ -z "$(find "$dir/state" -name '*.journal')" ]
