#!/usr/bin/env bash
# The engine that the tests run on. `engine.sh up` makes sure that one answers: the one that answers
# already, or else a private dockerd. It prints what to `eval`. `engine.sh down` stops what `up`
# started, nothing else.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

dir="$LAB_CACHE/engine"
# Not below the cache: tests use it as unprivileged users too, who may not look into a home folder.
LAB_SOCKET=/run/compose-dump-test/docker.sock

up() {
    install_for docker docker.io docker-cli
    install_for docker-compose docker-compose
    if [ -n "${DOCKER_HOST:-}" ]; then
        answers "$DOCKER_HOST" || die "no engine answers at DOCKER_HOST=$DOCKER_HOST"
        found "$DOCKER_HOST"
    elif is_running "$dir/started" dockerd && answers "unix://$LAB_SOCKET"; then
        found "unix://$LAB_SOCKET"
    elif answers unix:///var/run/docker.sock; then
        found unix:///var/run/docker.sock
    else
        start
        found "unix://$LAB_SOCKET"
    fi
}

found() {
    say "engine $(docker --host "$1" version --format '{{.Server.Version}}') at $1"
    echo "export DOCKER_HOST=$1"
}

start() {
    install_for dockerd docker.io
    need_root "a private dockerd"
    mount_cgroups
    mkdir -p "$(dirname "$LAB_SOCKET")"
    # Compose's networks need a bridge; what else a network needs may be missing in a container.
    local options
    for options in '' '--iptables=false --ip6tables=false' '--iptables=false --bridge=none'; do
        say "starting a private dockerd${options:+ with $options}"
        # shellcheck disable=SC2086 # several options
        start_dockerd "$dir" "$(type -P dockerd)" $options && return
    done
    tail -n 20 "$dir/dockerd.log" >&2
    die "no dockerd can be started; its log is $dir/dockerd.log"
}

case "${1:-}" in
    up) up ;;
    down) stop "$dir/started" dockerd ;;
    *) die "usage: engine.sh up|down" ;;
esac
