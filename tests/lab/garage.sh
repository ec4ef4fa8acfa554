#!/usr/bin/env bash
# Garage, a real S3 server, on loopback: one node, SQLite, a bucket and a key.
#   garage.sh up      starts it, unless it runs, and prints exports for `eval`:
#                     S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY
#   garage.sh down    stops it and removes its data
# The program is built once per machine into the cache, which takes about ten minutes on two cores.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

version=2.5.0
dir="$LAB_CACHE/garage"
data="$dir/data"
config="$dir/garage.toml"
endpoint=http://127.0.0.1:3940
bucket=compose-dump-test

find_garage() {
    local program
    for program in "$dir/bin/garage" "$(type -P garage || true)"; do
        if [ -x "$program" ] && "$program" --version 2>&1 | grep -q "$version"; then
            printf '%s\n' "$program"
            return
        fi
    done
    say "building Garage $version, once for this machine: about ten minutes"
    CARGO_TARGET_DIR="$dir/build" cargo install --quiet --locked --root "$dir" --version "$version" garage >&2
    rm -rf "$dir/build"
    printf '%s\n' "$dir/bin/garage"
}

write_config() {
    cat >"$config" <<END
metadata_dir = "$data/meta"
data_dir = "$data/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:3941"
rpc_public_addr = "127.0.0.1:3941"
rpc_secret = "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')"

[s3_api]
api_bind_addr = "${endpoint#http://}"
s3_region = "garage"
END
    chmod 600 "$config"
}

up() {
    local garage node
    garage=$(find_garage)
    if ! is_running "$dir/pid" garage; then
        rm -rf "$data"
        mkdir -p "$data"
        write_config
        RUST_LOG=warn setsid "$garage" -c "$config" server >"$dir/log" 2>&1 </dev/null &
        echo $! >"$dir/pid"
        for _ in $(seq 100); do
            "$garage" -c "$config" status >/dev/null 2>&1 && break
            sleep 0.2
        done
        node=$("$garage" -c "$config" node id -q)
        "$garage" -c "$config" layout assign -z here -c 20G "${node%%@*}" >&2
        "$garage" -c "$config" layout apply --version 1 >&2
        "$garage" -c "$config" bucket create "$bucket" >&2
        "$garage" -c "$config" key create test >"$dir/key"
        chmod 600 "$dir/key"
        "$garage" -c "$config" bucket allow --read --write --owner "$bucket" --key test >&2
    fi
    cat <<END
export S3_ENDPOINT=$endpoint
export S3_REGION=garage
export S3_BUCKET=$bucket
export S3_ACCESS_KEY=$(awk '/Key ID/ { print $NF }' "$dir/key")
export S3_SECRET_KEY=$(awk '/Secret key/ { print $NF }' "$dir/key")
END
}

down() {
    stop "$dir/pid" garage
    rm -rf "$data" "$dir/key"
}

case ${1:-} in
    up) up ;;
    down) down ;;
    *) die "usage: garage.sh up|down" ;;
esac
