#!/usr/bin/env bash
# Kills runs at random moments, and looks at what is left.
#
#   kills.sh COUNT                the watchdog brings services back
#   kills.sh COUNT --unwatched    it is killed too: `recover` and the next run do, in turn
#
# COUNT runs on the engine at DOCKER_HOST: -9, TERM, INT and HUP in turn; services paused and stopped;
# one service and three. After each: all services as before within five seconds (WITHIN_MS), every dump that
# can be seen verifies, the next run succeeds and leaves nothing behind. Prints a tally; the exit code is 0
# only if nothing was wrong. COMPOSE_DUMP names the program, COMPOSE_V2 a Compose v2, SEED repeats the moments.

# shellcheck source-path=SCRIPTDIR source=../lab/lib.sh
. "$(dirname "$0")/../lab/lib.sh"

[ $# -ge 1 ] || die "usage: kills.sh COUNT [--unwatched]"
count=$1
unwatched=${2:-}
program=${COMPOSE_DUMP:-$(type -P compose-dump)} || die "COMPOSE_DUMP names no program"
compose=${COMPOSE_V2:?names a Compose v2 program: tests/lab/compose-v2.sh prints one}
image=compose-dump-test
WITHIN_MS=${WITHIN_MS:-5000}
RANDOM=${SEED:-$$}

docker image inspect "$image" >/dev/null 2>&1 || "$(dirname "$0")/../lab/image.sh" "$image"

top=$(mktemp -d)
export TMPDIR=$top/spool COMPOSE_DUMP_STATE_DIR=$top/state
mkdir -p "$TMPDIR" "$top/dumps"

remove_all() {
    local name
    for name in "kills$$one" "kills$$three"; do
        (cd "$top/$name" 2>/dev/null && "$compose" down -v -t 1 >/dev/null 2>&1) || true
    done
    rm -rf "$top"
}
trap remove_all EXIT

# project NAME: reads the services from standard input, writes the jobs beside them, brings all up.
project() {
    mkdir -p "$top/$1"
    cat >"$top/$1/compose.yaml"
    cat >"$top/$1/compose-dump.yml" <<YAML
version: 1
targets: {here: {path: $top/dumps}}
jobs:
  pause: {}
  stop: {pause: {default: stop}}
YAML
    (cd "$top/$1" && "$compose" up -d --quiet-pull >/dev/null 2>&1) || die "cannot bring $1 up"
    docker exec "$1-db-1" sh -c 'for i in 1 2 3; do dd if=/dev/urandom of=/data/$i bs=1M count=8; done' \
        2>/dev/null
}

project "kills$$one" <<YAML
services:
  db: {image: $image, network_mode: none, volumes: ['data:/data']}
volumes: {data: {}}
YAML
project "kills$$three" <<YAML
services:
  db: {image: $image, network_mode: none, volumes: ['data:/data']}
  app: {image: $image, network_mode: none, volumes: ['data:/data', 'more:/more'], depends_on: [db]}
  web: {image: $image, network_mode: none, volumes: ['more:/more'], depends_on: [app]}
volumes: {data: {}, more: {}}
YAML

now_ms() { date +%s%3N; }

states() {
    docker ps -a --filter "label=com.docker.compose.project=$1" --format '{{.Names}} {{.State}}' | sort
}

run() { (cd "$top/$1" && "$program" run "$2" -q --lock-timeout 0s); }

wrong=0
complain() {
    wrong=$((wrong + 1))
    say "round $round ($signal, $job, $name): $*"
}

# Every dump that can be seen is whole.
verify_all() {
    local dump
    for dump in "$top"/dumps/*/; do
        [ -d "$dump" ] || continue
        "$program" verify "$dump" >/dev/null 2>&1 || complain "$(basename "$dump") does not verify"
        verified=$((verified + 1))
        rm -rf "$dump"
    done
}

nothing_left() {
    local left
    left=$(find "$top/dumps" -mindepth 1 -maxdepth 1 -name '.*')
    [ -z "$left" ] || complain "staging is left: $left"
    left=$(find "$TMPDIR" -mindepth 1)
    [ -z "$left" ] || complain "the spool is not empty: $left"
    left=$(find "$COMPOSE_DUMP_STATE_DIR" -name '*.journal')
    [ -z "$left" ] || complain "a journal is left: $left"
    left=$(docker ps -aq --filter label=io.github.compose-dump.helper)
    [ -z "$left" ] || complain "helper containers are left: $left"
    left=$(docker images -aq --filter label=io.github.compose-dump.helper | sort -u | wc -l)
    [ "$left" -le 1 ] || complain "$left helper images"
}

# Waits until services are as before; says how long that took, or nothing.
back_after() {
    local since=$1
    while [ $(($(now_ms) - since)) -le $WITHIN_MS ]; do
        if [ "$(states "$name")" = "$before" ]; then
            echo $(($(now_ms) - since))
            return
        fi
        sleep 0.05
    done
}

# Ends the run, and what watches over it first where that is asked for.
end_run() {
    if [ -n "$unwatched" ]; then
        kill -STOP "$pid" 2>/dev/null || return 0
        pkill -KILL -P "$pid" || true
        kill -KILL "$pid" 2>/dev/null || true
    else
        kill "-$signal" "$pid" 2>/dev/null || true
    fi
}

declare -A length
signals=(KILL TERM INT HUP)
jobs=(pause stop)
names=("kills$$one" "kills$$three")
verified=0 finished=0 cut=0 slowest=0 repaired=0
declare -A rounds

for name in "${names[@]}"; do
    for job in "${jobs[@]}"; do
        round=0 signal=none
        since=$(now_ms)
        run "$name" "$job" || die "a run that nobody kills fails"
        length[$name$job]=$(($(now_ms) - since))
    done
done

for ((round = 1; round <= count; round++)); do
    signal=${signals[$((round % 4))]}
    [ -z "$unwatched" ] || signal=KILL
    job=${jobs[$((round / 4 % 2))]}
    name=${names[$((round / 8 % 2))]}
    before=$(states "$name")
    (cd "$top/$name" && exec "$program" run "$job" -q) >/dev/null 2>&1 &
    pid=$!
    moment=$((RANDOM % (length[$name$job] + 1)))
    sleep "$((moment / 1000)).$(printf '%03d' $((moment % 1000)))"
    since=$(now_ms)
    end_run
    code=0
    wait "$pid" 2>/dev/null || code=$?
    rounds[$signal/$job]=$((${rounds[$signal/$job]:-0} + 1))
    if [ "$code" = 0 ]; then finished=$((finished + 1)); else cut=$((cut + 1)); fi
    [ "$code" != 20 ] || complain "exit code 20"
    if [ -n "$unwatched" ] && [ $((round % 2)) = 0 ]; then
        [ "$(states "$name")" = "$before" ] || repaired=$((repaired + 1))
        (cd "$top/$name" && "$program" recover -q) || complain "recover fails"
    fi
    if [ -z "$unwatched" ] || [ $((round % 2)) = 0 ]; then
        took=$(back_after "$since")
        [ -n "$took" ] || complain "services are not as before: $(states "$name" | tr '\n' ' ')"
        [ "${took:-0}" -le "$slowest" ] || slowest=$took
    else
        [ "$(states "$name")" = "$before" ] || repaired=$((repaired + 1))
    fi
    verify_all
    run "$name" "$job" >/dev/null 2>"$top/said" || complain "the next run fails: $(cat "$top/said")"
    [ "$(states "$name")" = "$before" ] || complain "the next run leaves services otherwise"
    verify_all
    nothing_left
done

for key in "${!rounds[@]}"; do echo "$key: ${rounds[$key]}"; done | sort
echo "runs: $count, cut short: $cut, finished before: $finished, dumps verified: $verified"
if [ -n "$unwatched" ]; then
    echo "services down until repaired: $repaired"
else
    echo "slowest return of services: $slowest ms"
fi
echo "wrong: $wrong"
[ "$wrong" = 0 ]
