//! Redis and Valkey: the data set as an RDB file, as a replica would get it.

use super::Preset;

macro_rules! redis {
    () => {
        concat!(
            secret!(),
            r#"cli=$(command -v valkey-cli || command -v redis-cli)
password=$(secret REDISCLI_AUTH VALKEY_PASSWORD REDIS_PASSWORD)
[ -z "$password" ] || export REDISCLI_AUTH="$password"
"#
        )
    };
}

/// The row of the table.
pub(super) const PRESET: Preset = Preset {
    names: &["redis", "valkey"],
    title: "Redis or Valkey",
    images: &["redis", "valkey"],
    file: "dump.rdb",
    // A program that is not told to be quiet tells its progress on standard output where that is
    // no file of its own, so it gets one.
    command: concat!(
        redis!(),
        r#"umask 077
file=$(mktemp); trap 'rm -f "$file"' EXIT
"$cli" --rdb "$file" >&2
cat "$file""#
    ),
    // Nothing but a replica takes such a file while it runs: a second server reads it and is
    // followed until both are the same.
    load: concat!(
        redis!(),
        r#"server=$(command -v valkey-server || command -v redis-server)
umask 077
folder=$(mktemp -d); port=16379
second() { env -u REDISCLI_AUTH "$cli" -p "$port" "$@"; }
trap 'second SHUTDOWN NOSAVE >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
cat >"$folder/dump.rdb"
[ "$(head -c 5 "$folder/dump.rdb")" = REDIS ] || { echo "this is no RDB file" >&2; exit 1; }
"$server" --port "$port" --bind 127.0.0.1 --dir "$folder" --dbfilename dump.rdb --save '' --appendonly no \
    --daemonize yes --logfile "$folder/log" >/dev/null
until [ "$(second PING 2>/dev/null)" = PONG ]; do
    sleep 0.2
    # A file that cannot be read ends the server.
    ! grep -q -i -e 'fatal' -e 'corrupt' -e 'short read' "$folder/log" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
done
auth=$("$cli" CONFIG GET masterauth | tail -n 1)
"$cli" CONFIG SET masterauth '' >/dev/null
"$cli" REPLICAOF 127.0.0.1 "$port" >/dev/null
until "$cli" INFO replication | grep -q '^master_link_status:up'; do sleep 0.2; done
"$cli" REPLICAOF NO ONE >/dev/null
[ -z "$auth" ] || "$cli" CONFIG SET masterauth "$auth" >/dev/null"#
    ),
    data: &["/data", "/bitnami/redis/data", "/bitnami/valkey/data"],
    is_file: false,
};
