#!/usr/bin/env bash
# The whole story: installs what is missing (Debian or Ubuntu, as root) or says what to install, builds
# compose-dump, brings up a small project from an image made here, dumps it, loses it, and restores it.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
. tests/lab/lib.sh

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-build}"

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() {
    printf '$ %s\n' "$*"
    "$@"
}

# Compose as it is installed: the plugin, the old program, or a plugin fetched into the cache.
compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose "$@"
    elif type -P docker-compose >/dev/null; then
        docker-compose "$@"
    else
        "$("$root/tests/lab/compose-v2.sh")" "$@"
    fi
}

step "what is needed: Rust, a Docker Engine, Compose"
type -P cargo >/dev/null || die "cargo is missing: install Rust 1.89 or newer (rustup, or your distribution's)"
type -P cc >/dev/null || install_for cc gcc libc6-dev
eval "$(tests/lab/engine.sh up)"
tests/lab/image.sh compose-dump-quickstart 'CMD ["sh"]'

step "build compose-dump"
cargo build --locked --release
PATH="$CARGO_TARGET_DIR/release:$PATH"

step "bring a project up"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/compose-dump-quickstart.XXXXXX")
cp -R examples/quickstart/project "$work/quickstart"
cd "$work/quickstart"
leave() {
    (cd "$work/quickstart" && compose down -v --timeout 1 >/dev/null 2>&1) || true
    rm -rf "$work"
}
trap leave EXIT
export COMPOSE_PROJECT_NAME=quickstart
compose up -d
docker exec "$(compose ps -q web | head -n 1)" sh -c 'echo "<h1>hello</h1>" > /srv/pages/index.html'
sleep 1

step "what would be dumped, and why"
show compose-dump plan -t "$work/dumps"

step "dump it"
show compose-dump backup -t "$work/dumps"

step "look inside: plain files, plain tar"
dump=$(echo "$work"/dumps/*)
(cd "$dump" && show find . -not -type d | sort)
show tar -tvf "$dump/volumes/project/pages.tar"
show tar -xOf "$dump/volumes/project/pages.tar" ./index.html

step "the same as one compressed stream, as it would go to another machine"
echo '$ compose-dump backup -x zst | cat > blog.tar.zst'
compose-dump backup -x zst | cat >"$work/blog.tar.zst"
ls -l "$work/blog.tar.zst"

step "lose it: the containers, the volume, the folder"
show compose down -v --timeout 1
cd "$work"
show rm -rf quickstart
mkdir quickstart
cd quickstart

step "what a restore would do"
show compose-dump restore "$work/dumps/latest" --dry-run

step "restore it"
show compose-dump restore "$work/dumps/latest"

step "it runs again, and Compose has nothing to add"
show compose up -d
show docker exec "$(compose ps -q web | head -n 1)" cat /srv/pages/index.html

step "proof without a loss: the dump's volumes in volumes that nobody uses"
show compose-dump drill "$work/dumps/latest"

step "done; the project and the dumps are removed again"
