#!/usr/bin/env bash
# A second, newer engine beside the first: 26.1, from the files of Debian 13's packages, on the
# machine as it is. `engine26.sh up` fetches, unpacks and starts it and prints what to `eval`:
#   DOCKER_HOST                  its socket
#   CDUMP_TEST_TLS_HOST   where it also listens, with TLS both ways, on this machine only
#   CDUMP_TEST_TLS_CERTS  the folder with ca.pem, cert.pem and key.pem for that
# `engine26.sh down` stops it. It has no network: what it runs needs `network_mode: none`.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

dir="$LAB_CACHE/engine26"
bin="$dir/bin"
certs="$dir/certs"

up() {
    need_root "a private dockerd"
    install_for docker docker.io docker-cli
    install_for openssl openssl
    if ! is_running "$dir/started" dockerd || ! answers "unix://$dir/docker.sock"; then
        unpack
        make_certificates
        start
    fi
    say "engine $(docker --host "unix://$dir/docker.sock" version --format '{{.Server.Version}}')" \
        "at unix://$dir/docker.sock"
    echo "export DOCKER_HOST=unix://$dir/docker.sock"
    echo "export CDUMP_TEST_TLS_HOST=tcp://127.0.0.1:$(cat "$dir/port")"
    echo "export CDUMP_TEST_TLS_CERTS=$certs"
}

unpack() {
    [ -x "$bin/dockerd" ] && return
    fetch_packages "$dir" trixie docker.io containerd runc tini
    mkdir -p "$bin"
    local program
    for program in dockerd docker-proxy containerd containerd-shim-runc-v2 ctr runc tini-static; do
        ln -sf "$(find "$dir/root" -name "$program" -type f | head -n 1)" "$bin/$program"
    done
    ln -sf tini-static "$bin/docker-init"
    # runc is the one that may need a newer C library than the machine has; an older runc will do.
    if ! "$bin/runc" --version >/dev/null 2>&1; then
        install_for runc runc
        ln -sf "$(type -P runc)" "$bin/runc"
    fi
    "$bin/dockerd" --version >&2 || die "this dockerd does not run on this machine's C library"
}

# One authority, one certificate for the engine at 127.0.0.1, one for its client.
make_certificates() {
    [ -e "$certs/key.pem" ] && return
    say "making certificates"
    rm -rf "$certs.new"
    mkdir -p "$certs.new"
    (
        cd "$certs.new"
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=lab \
            -keyout ca-key.pem -out ca.pem
        printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n' >server.ext
        printf 'extendedKeyUsage=clientAuth\n' >client.ext
        certify server server-cert.pem server-key.pem
        certify client cert.pem key.pem
        rm -f -- *.csr *.ext *.srl ca-key.pem
        chmod 600 -- *key.pem
    ) >"$dir/openssl.log" 2>&1 || die "openssl failed, see $dir/openssl.log"
    rm -rf "$certs"
    mv "$certs.new" "$certs"
}

certify() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$3" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 \
        -extfile "$1.ext" -out "$2"
}

start() {
    mount_cgroups
    local port
    for port in $(seq 23760 23790); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port" >"$dir/port"
    say "starting a private dockerd of Debian 13"
    PATH="$bin:$PATH" start_dockerd "$dir" "$bin/dockerd" --bridge=none --iptables=false \
        --ip6tables=false --host "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$certs/ca.pem" \
        --tlscert "$certs/server-cert.pem" --tlskey "$certs/server-key.pem" && return
    tail -n 20 "$dir/dockerd.log" >&2
    die "it cannot be started; its log is $dir/dockerd.log"
}

case "${1:-}" in
    up) up ;;
    down) stop "$dir/started" dockerd ;;
    *) die "usage: engine26.sh up|down" ;;
esac
