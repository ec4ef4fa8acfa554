#!/usr/bin/env bash
# `database-images.sh [postgres|mariadb]...` imports images of real databases into the engine at
# DOCKER_HOST, made from Debian 12's packages; without a name, all of them:
#   compose-dump-test/postgres:15        with pgbench, pg_amcheck and the contributed extensions
#   compose-dump-test/mariadb:10.11
# They take the environment variables of the images that everybody uses, `*_FILE` included, keep their
# data in the same volume, and need no network. PostgreSQL waits for its clients when it is told to end by
# SIGTERM: a service of it wants `stop_signal: SIGINT`, which an imported image cannot say. The unpacked packages are kept as one tar
# in the cache, so that a second engine gets its images within seconds.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

cache="$LAB_CACHE/databases"
# What was made by an older version of these scripts is made anew.
version=$(cat "$0" "$(dirname "$0")/lib.sh" | sha256sum | cut -c-12)
# A shell and the programs that an entrypoint, a health check and a test want.
system=(bash dash coreutils findutils grep gzip hostname libc-bin mawk procps sed tar util-linux)

# The beginning of both entrypoints.
secret='#!/bin/sh
set -eu
# secret NAME: the value of NAME, or what the file that NAME_FILE names holds.
secret() {
    eval "file=\${${1}_FILE:-} value=\${$1:-}"
    if [ -n "$file" ]; then cat "$file"; else printf %s "$value"; fi
}'

# The just-in-time compiler is two thirds of the image, and works without being there.
make_postgres() {
    fetch_system "$cache/postgres" bookworm "${system[@]}" postgresql-15
    add_user "$root" postgres /var/lib/postgresql
    rm -f "$root"/usr/lib/postgresql/15/lib/llvmjit.so
    rm -rf "$root"/usr/lib/postgresql/15/lib/bitcode "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/*/libz3*
    entrypoint "$root" <<'END'
data=${PGDATA:=/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" /run/postgresql
    chown -R postgres:postgres "$data" /run/postgresql
    chmod 0700 "$data"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
    secret POSTGRES_PASSWORD >/tmp/password
    # shellcheck disable=SC2086 # several options
    initdb --pgdata="$data" --username="$user" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    database=${POSTGRES_DB:-$user}
    [ "$database" = postgres ] ||
        echo "CREATE DATABASE \"$database\"" | postgres --single -D "$data" postgres
fi
exec postgres -D "$data" "$@"
END
}

make_mariadb() {
    fetch_system "$cache/mariadb" bookworm "${system[@]}" mariadb-server mariadb-client
    add_user "$root" mysql /var/lib/mysql
    entrypoint "$root" <<'END'
data=/var/lib/mysql
mkdir -p "$data" /run/mysqld
chown -R mysql:mysql "$data" /run/mysqld
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db \
        --auth-root-authentication-method=normal
    password=$(secret MARIADB_ROOT_PASSWORD)
    [ -n "$password" ] || password=$(secret MYSQL_ROOT_PASSWORD)
    database=${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}
    user=${MARIADB_USER:-${MYSQL_USER:-}}
    {
        echo "ALTER USER root@localhost IDENTIFIED BY '$password';"
        [ -z "$database" ] || echo "CREATE DATABASE \`$database\`;"
        [ -z "$user" ] || {
            echo "CREATE USER '$user'@'%' IDENTIFIED BY '$(secret MARIADB_PASSWORD)$(secret MYSQL_PASSWORD)';"
            echo "GRANT ALL ON \`$database\`.* TO '$user'@'%';"
        }
    } >/run/mysqld/first.sql
    chown mysql: /run/mysqld/first.sql
    set -- --init-file=/run/mysqld/first.sql "$@"
fi
exec mariadbd --user=mysql --datadir="$data" --bind-address=127.0.0.1 "$@"
END
}

# add_user ROOT NAME HOME
add_user() {
    printf 'root:x:0:0:root:/root:/bin/bash\n%s:x:999:999::%s:/bin/bash\n' "$2" "$3" >"$1/etc/passwd"
    printf 'root:x:0:\n%s:x:999:\n' "$2" >"$1/etc/group"
    mkdir -p "$1$3" "$1/root" "$1/tmp" "$1/run"
    chmod 1777 "$1/tmp"
    rm -rf "$1/var/run"
    ln -s /run "$1/var/run"
}

# entrypoint ROOT: from standard input.
entrypoint() {
    mkdir -p "$1/usr/local/bin"
    { printf '%s\n' "$secret"; cat; } >"$1/usr/local/bin/entrypoint"
    chmod 755 "$1/usr/local/bin/entrypoint"
}

# make NAME: the tar of an image's files, unless it is there.
make() {
    local name=$1 root="$cache/$1/root"
    [ ! -e "$cache/$name-$version.tar" ] || return 0
    rm -f "$cache/$name"-*.tar
    "make_$name"
    rm -rf "$root"/usr/share/{doc,info,man,locale,lintian,perl,postgresql-common} "$root"/usr/share/i18n
    # The links of libraries, which an installation script would have made.
    chroot "$root" /sbin/ldconfig
    tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$cache/$name.tar.new" .
    rm -rf "$root"
    mv "$cache/$name.tar.new" "$cache/$name-$version.tar"
}

# import NAME REFERENCE CHANGE...
import() {
    local name=$1 reference=$2 label=compose-dump.lab arguments=() change
    shift 2
    made=$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$reference" 2>/dev/null || true)
    [ "$made" != "$version" ] || return 0
    make "$name"
    for change in "$@" "LABEL $label=$version" 'ENTRYPOINT ["entrypoint"]'; do
        arguments+=(--change "$change")
    done
    docker import "${arguments[@]}" "$cache/$name-$version.tar" "$reference" >/dev/null
    say "imported $reference"
}

need_root "unpacking a system"
type -P apt-get dpkg-deb >/dev/null || die "the databases' images are made of Debian's packages, with apt-get and dpkg-deb"
mkdir -p "$cache"
# Several engines' images may be wanted at the same time.
exec 8>"$cache/lock"
flock 8
[ $# -gt 0 ] || set -- postgres mariadb
for name in "$@"; do
    case "$name" in
        postgres)
            import postgres compose-dump-test/postgres:15 \
                'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin' \
                'ENV LANG=C.UTF-8' 'ENV PGDATA=/var/lib/postgresql/data' \
                'VOLUME /var/lib/postgresql/data'
            ;;
        mariadb)
            import mariadb compose-dump-test/mariadb:10.11 \
                'ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin' 'ENV LANG=C.UTF-8' \
                'VOLUME /var/lib/mysql'
            ;;
        *) die "usage: database-images.sh [postgres|mariadb]..." ;;
    esac
done
