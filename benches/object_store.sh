#!/usr/bin/env bash
# A volume to an S3 server (tests/lab/garage.sh) in both formats, beside GNU tar | zstd -3 -T2 | rclone rcat on
# the same machine in the same run: peak memory and time of each.
#   sudo benches/object_store.sh [MIB]      default 4096
# Half of the volume is text that compresses, half is noise. Needs rclone, zstd and GNU time.

set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lab/lib.sh

mib=${1:-4096}
# A bundle of certificates is of no use here, and some versions of rclone fail over it.
unset AWS_CA_BUNDLE
need_root "reading volumes directly"
install_for rclone rclone
install_for zstd zstd
install_for time time

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"
cargo build --release --locked --quiet
program="$CARGO_TARGET_DIR/release/compose-dump"
[ -n "${DOCKER_HOST:-}" ] || eval "$(tests/lab/engine.sh up)"
[ -n "${S3_ENDPOINT:-}" ] || eval "$(tests/lab/garage.sh up)"

project=$(mktemp -d)
name="bench$$"
clean() {
    docker volume rm -f "${name}_data" >/dev/null
    rm -rf "$project"
}
trap clean EXIT

cat >"$project/compose.yaml" <<END
name: $name
services: {}
volumes: {data: {}}
END
cat >"$project/compose-dump.yml" <<END
version: 1
scopes: [volumes]
compression: {codec: zst, level: 3, threads: 2}
targets:
  store:
    url: s3://$S3_BUCKET/$name
    endpoint: $S3_ENDPOINT
    region: $S3_REGION
    allow_http: true
    access_key_id: "\${S3_ACCESS_KEY}"
    secret_access_key: "\${S3_SECRET_KEY}"
    format: \${FORMAT:-archive}
END
docker volume create --label "com.docker.compose.project=$name" \
    --label com.docker.compose.volume=data "${name}_data" >/dev/null
data=$(docker volume inspect --format '{{.Mountpoint}}' "${name}_data")

say "filling $mib MiB"
for file in $(seq 16); do
    dd if=/dev/urandom of="$data/noise$file" bs=1M count=$((mib / 32)) status=none
    # The pipe is cut where the file is full.
    { seq -f 'row %.0f of some table that nobody reads twice' "$file"000000 99999999999 || true; } 2>/dev/null |
        head -c "$((mib / 32))M" >"$data/text$file"
done
sync

rclone_config="$project/rclone.conf"
cat >"$rclone_config" <<END
[store]
type = s3
provider = Other
endpoint = $S3_ENDPOINT
region = $S3_REGION
access_key_id = $S3_ACCESS_KEY
secret_access_key = $S3_SECRET_KEY
END
chmod 600 "$rclone_config"

# measure WHAT COMMAND...: seconds and the peak of the largest process in MiB.
measure() {
    local what=$1
    shift
    cat "$data"/* >/dev/null
    command time -f "%e %M" -o "$project/took" "$@" >&2
    awk -v what="$what" '{ printf "%-34s %8.1f s %8.1f MiB\n", what, $1, $2 / 1024 }' "$project/took"
}

cd "$project"
measure "tar | zstd -3 -T2 | rclone rcat" bash -o pipefail -c \
    "tar -C '$data' -c . | zstd -3 -T2 -q | rclone --config '$rclone_config' rcat 'store:$S3_BUCKET/$name/by-rclone.tar.zst'"
FORMAT=archive measure "compose-dump, archive" "$program" run -q
FORMAT=directory measure "compose-dump, directory" "$program" run -q
rclone --config "$rclone_config" purge "store:$S3_BUCKET/$name"
