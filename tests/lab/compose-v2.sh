#!/usr/bin/env bash
# Prints the path of a Compose v2 program that can be run directly (`PATH config ...`).
#
# An installed plugin of at least 2.20 is taken as it is. Otherwise Debian trixie's package is fetched
# once into the cache; the machine's own apt state and packages stay as they are.

. "$(dirname "$0")/lib.sh"

wanted_minor=20
plugin=usr/libexec/docker/cli-plugins/docker-compose
dir="$LAB_CACHE/compose-v2"

# usable PROGRAM: whether it is a Compose v2 that is new enough.
usable() {
    local version major minor
    [ -x "$1" ] || return 1
    version=$("$1" version --short 2>/dev/null) || return 1
    IFS=. read -r major minor _ <<<"${version#v}"
    [[ "$major" =~ ^[0-9]+$ && "$minor" =~ ^[0-9]+$ ]] || return 1
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
take "$dir/root/$plugin"
type -P apt-get dpkg-deb >/dev/null ||
    die "no Compose v2.$wanted_minor or newer found: install Docker's compose plugin"
fetch_packages "$dir" trixie docker-compose
take "$dir/root/$plugin"
die "the fetched Compose does not run here"
