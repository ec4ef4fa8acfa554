#!/usr/bin/env bash
# `image.sh NAME` imports small images into the engine at DOCKER_HOST, from Debian's static busybox:
#   NAME:latest   waits, and ends at once when it is told to
#   NAME:volume   the same, with `VOLUME /srv/anon`
#   NAME:user     the same, run as user 1000
# Nothing is pulled. `image.sh NAME CHANGE...` imports NAME:latest alone, with these changes instead.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Process 1 gets no signal that it does not handle.
wait_for_term='CMD ["sh","-c","trap \"exit 0\" TERM; while :; do sleep 3600 & wait $!; done"]'

# Path of a static busybox: the machine's own, or one fetched without installing it.
static_busybox() {
    local installed fetched="$LAB_CACHE/busybox/bin/busybox"
    installed=$(type -P busybox || true)
    if [ -n "$installed" ] && is_static "$installed"; then
        echo "$installed"
        return
    fi
    if [ ! -x "$fetched" ]; then
        say "fetching busybox-static"
        mkdir -p "$LAB_CACHE/busybox"
        (cd "$LAB_CACHE/busybox" && apt-get -qq download busybox-static >&2) ||
            die "install busybox-static (apt-get install busybox-static)"
        dpkg-deb -x "$LAB_CACHE"/busybox/busybox-static_*.deb "$LAB_CACHE/busybox"
    fi
    # Debian 13 has it below /usr only.
    [ -x "$fetched" ] || fetched="$LAB_CACHE/busybox/usr/bin/busybox"
    echo "$fetched"
}

is_static() {
    ! ldd "$1" >/dev/null 2>&1
}

make_root() {
    local root=$1 applet
    mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root"
    chmod 1777 "$root/tmp"
    cp "$(static_busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        # It lists itself, and a link to itself would take its place.
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
}

# import REFERENCE CHANGE...
import() {
    local reference=$1 arguments=() change
    shift
    for change in "$@"; do
        arguments+=(--change "$change")
    done
    tar -C "$root" --owner=0 --group=0 --numeric-owner -c . |
        docker import "${arguments[@]}" - "$reference" >/dev/null
    say "imported $reference"
}

[ $# -ge 1 ] || die "usage: image.sh NAME [CHANGE...]"
name=$1
shift
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
make_root "$root"
if [ $# -gt 0 ]; then
    import "$name:latest" "$@"
else
    import "$name:latest" "$wait_for_term"
    import "$name:volume" "$wait_for_term" 'VOLUME /srv/anon'
    import "$name:user" "$wait_for_term" 'USER 1000:1000'
fi
