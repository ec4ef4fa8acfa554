#!/bin/sh
# Prints the path of a Compose v2 program that can be run directly (`PATH config ...`).
#
# An installed plugin of at least 2.20 is taken as it is. Otherwise Debian trixie's package is fetched
# once into a cache outside of the checkout, with an apt configuration of its own: the machine's own
# Debian sources with the suite replaced. The machine's apt state and packages stay as they are.
set -eu

wanted_minor=20
cache=${CDUMP_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-test}
plugin=usr/libexec/docker/cli-plugins/docker-compose

say() { printf '%s\n' "$*" >&2; }

# usable PROGRAM: whether it is a Compose v2 that is new enough.
usable() {
    [ -x "$1" ] || return 1
    version=$("$1" version --short 2>/dev/null) || return 1
    version=${version#v}
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%[!0-9]*}
    case "$major$minor" in '' | *[!0-9]*) return 1 ;; esac
    [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge "$wanted_minor" ]; }
}

# take PROGRAM: prints it and ends the script if it is usable.
take() {
    if usable "$1"; then
        printf '%s\n' "$1"
        exit 0
    fi
}

for folder in "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins" /usr/local/lib/docker/cli-plugins \
    /usr/local/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
    take "$folder/docker-compose"
done
take "$cache/compose-v2/$plugin"

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    say "no Compose v2.$wanted_minor or newer found: install Docker's compose plugin"
    exit 1
}

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/etc/sources.list.d" \
    "$work/etc/preferences.d" "$work/root"

# The Debian entries of the machine's sources, in either of apt's formats, with the suite replaced.
# Security and update suites have names of their own and are not needed.
sources=
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    line=$(sed -nE 's#^(deb +(\[[^]]*\] +)?[^ ]*/debian/?) +[^ ]+ .*#\1 trixie main#p' "$list" | head -n 1)
    [ -z "$line" ] || sources="$sources$line
"
done
for list in /etc/apt/sources.list.d/*.sources; do
    [ -f "$list" ] || continue
    uri=$(sed -nE 's#^URIs: *([^ ]*/debian/?)( .*)?$#\1#p' "$list" | head -n 1)
    key=$(sed -nE 's#^Signed-By: *(/[^ ]+)$#\1#p' "$list" | head -n 1)
    [ -z "$uri" ] || sources="${sources}deb ${key:+[signed-by=$key] }$uri trixie main
"
done
[ -n "$sources" ] || {
    say "no Debian package source on this machine: install Docker's compose plugin (v2.$wanted_minor or newer)"
    exit 1
}
printf '%s' "$sources" | head -n 1 >"$work/etc/sources.list"

# private_apt ARGS...: apt-get that knows nothing but that source.
private_apt() {
    apt-get -q -o Dir::State="$work/state" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/etc/sources.list" \
        -o Dir::Etc::sourceparts="$work/etc/sources.list.d" \
        -o Dir::Etc::preferences="$work/etc/preferences" \
        -o Dir::Etc::preferencesparts="$work/etc/preferences.d" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root "$@" >&2
}

say "fetching Compose v2 from Debian trixie into $cache"
private_apt update
(cd "$work" && private_apt download docker-compose)
dpkg-deb -x "$work"/docker-compose_*.deb "$work/root"
usable "$work/root/$plugin" || {
    say "the fetched Compose does not run here"
    exit 1
}
# Two runs at the same time may both fetch; the rename lets the first one win.
mv -T "$work/root" "$cache/compose-v2" 2>/dev/null || true
take "$cache/compose-v2/$plugin"
say "cannot place Compose v2 in $cache"
exit 1
