#!/usr/bin/env bash
# Podman's service in place of an engine, with storage of its own. `podman.sh up` prints what to
# `eval`, `podman.sh down` stops it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

dir="$LAB_CACHE/podman"
socket="$dir/podman.sock"

up() {
    need_root "podman's service"
    install_for podman podman
    install_for docker docker.io docker-cli
    if ! is_running "$dir/started" podman || ! answers "unix://$socket"; then
        start
    fi
    say "podman $(docker --host "unix://$socket" version --format '{{.Server.Version}}')" \
        "at unix://$socket"
    echo "export DOCKER_HOST=unix://$socket"
}

start() {
    mount_cgroups
    mkdir -p "$dir"
    rm -f "$socket"
    # Its defaults ask for more than is allowed in a container, or in a small machine.
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n' \
        >"$dir/containers.conf"
    CONTAINERS_CONF="$dir/containers.conf" setsid podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" \
        --cgroup-manager cgroupfs --events-backend file \
        system service --time 0 "unix://$socket" >"$dir/podman.log" 2>&1 </dev/null &
    echo $! >"$dir/started"
    for _ in $(seq 100); do
        answers "unix://$socket" && return
        sleep 0.1
    done
    tail -n 20 "$dir/podman.log" >&2
    die "podman's service does not answer; its log is $dir/podman.log"
}

case "${1:-}" in
    up) up ;;
    down) stop "$dir/started" podman ;;
    *) die "usage: podman.sh up|down" ;;
esac
