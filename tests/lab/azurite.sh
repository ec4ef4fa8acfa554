#!/usr/bin/env bash
# Azurite, Microsoft's emulator of Azure Blob Storage, on loopback: one account, one container.
#   azurite.sh up      starts it, unless it runs, and prints exports for `eval`:
#                      AZURITE_ENDPOINT, AZURITE_ACCOUNT, AZURITE_KEY, AZURITE_CONTAINER
#   azurite.sh down    stops it and removes its data
# It is installed from the npm registry once per machine into the cache.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

version=3.35.0
dir="$LAB_CACHE/azurite"
data="$dir/data"
port=3960
account=devstore
container=compose-dump-test
endpoint="http://127.0.0.1:$port/$account"

install_azurite() {
    local package="$dir/node_modules/azurite/package.json"
    grep -qs "\"version\": \"$version\"" "$package" && return
    install_for node nodejs
    install_for npm npm
    say "installing Azurite $version, once for this machine"
    mkdir -p "$dir"
    npm install --prefix "$dir" --silent --ignore-scripts --no-audit --no-fund --no-save "azurite@$version" >&2
}

# The container, by a request that is signed as Azure wants it.
make_container() {
    AZURITE_KEY=$1 python3 - "$port" "$account" "$container" <<'END'
import base64, email.utils, hashlib, hmac, http.client, os, sys

port, account, container = sys.argv[1:]
path = f"/{account}/{container}"
headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
lines = ["PUT"] + [""] * 11 + [f"{name}:{value}" for name, value in sorted(headers.items())]
text = "\n".join([*lines, f"/{account}{path}", "restype:container"])
key = base64.b64decode(os.environ["AZURITE_KEY"])
signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
headers |= {"Authorization": f"SharedKey {account}:{signature}", "Content-Length": "0"}
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
connection.request("PUT", f"{path}?restype=container", headers=headers)
response = connection.getresponse()
if response.status not in (201, 409):
    sys.exit(f"the container cannot be made: {response.status} {response.read().decode()}")
END
}

up() {
    install_azurite
    if ! is_running "$dir/pid" node; then
        rm -rf "$data"
        mkdir -p "$data"
        head -c 32 /dev/urandom | base64 -w 0 >"$dir/key"
        chmod 600 "$dir/key"
        AZURITE_ACCOUNTS="$account:$(cat "$dir/key")" setsid node "$dir/node_modules/azurite/dist/src/blob/main.js" \
            --silent --disableTelemetry --skipApiVersionCheck --location "$data" \
            --blobHost 127.0.0.1 --blobPort "$port" >"$dir/log" 2>&1 </dev/null &
        echo $! >"$dir/pid"
        for _ in $(seq 100); do
            make_container "$(cat "$dir/key")" 2>/dev/null && break
            sleep 0.2
        done
        make_container "$(cat "$dir/key")"
    fi
    cat <<END
export AZURITE_ENDPOINT=$endpoint
export AZURITE_ACCOUNT=$account
export AZURITE_CONTAINER=$container
export AZURITE_KEY=$(cat "$dir/key")
END
}

down() {
    stop "$dir/pid" node
    rm -rf "$data" "$dir/key"
}

case ${1:-} in
    up) up ;;
    down) down ;;
    *) die "usage: azurite.sh up|down" ;;
esac
