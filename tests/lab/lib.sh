# shellcheck shell=bash
# What the scripts of this folder share. Sourced, not run. Messages go to stderr: the scripts' stdout
# is for `eval`.

set -euo pipefail

# Everything that the tests fetch, unpack or run lives here, outside of the checkout.
# shellcheck disable=SC2034 # used by those who source this
LAB_CACHE="${CDUMP_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/compose-dump-test}"

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "this needs root: $1"
}

# install_for COMMAND PACKAGE...: unless there is such a command, installs those of the packages that
# this release has.
install_for() {
    local command=$1
    shift
    type -P "$command" >/dev/null && return
    install_packages "$@"
    type -P "$command" >/dev/null || die "$* did not bring $command"
}

# install_for_python MODULE PACKAGE: unless Python has such a module, installs the package.
install_for_python() {
    python3 -c "import $1" 2>/dev/null && return
    install_packages "$2"
    python3 -c "import $1" || die "$2 did not bring Python's $1"
}

# install_packages PACKAGE...: installs those of them that this release has.
install_packages() {
    local package packages=()
    need_root "apt-get install $*"
    say "installing $*"
    apt-get update -qq >&2
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            packages+=("$package")
        fi
    done
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

# answers URL: whether an engine answers there.
answers() {
    docker --host "$1" version >/dev/null 2>&1
}

# is_running FILE PROGRAM: whether the process whose id is in FILE runs, and is PROGRAM.
is_running() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] && [[ "$(readlink "/proc/$pid/exe" 2>/dev/null)" == */"$2"* ]]
}

# stop FILE PROGRAM: ends the process whose id is in FILE, if it still is PROGRAM.
stop() {
    local file=$1 program=$2 pid
    if is_running "$file" "$program"; then
        pid=$(cat "$file")
        say "stopping $program ($pid)"
        kill "$pid"
        for _ in $(seq 300); do
            is_running "$file" "$program" || break
            sleep 0.1
        done
        is_running "$file" "$program" && die "$program ($pid) does not stop"
    fi
    rm -f "$file"
}

# start_dockerd DIR DOCKERD ARGUMENT...: starts a private dockerd with its data and socket below DIR
# and waits until it answers. Its process id goes to DIR/started. LAB_SOCKET names another place for the
# socket.
start_dockerd() {
    local dir=$1 dockerd=$2
    shift 2
    mkdir -p "$dir"
    setsid "$dockerd" --data-root "$dir/data" --exec-root "$dir/exec" \
        --pidfile "$dir/dockerd.pid" --host "unix://${LAB_SOCKET:-$dir/docker.sock}" "$@" \
        >"$dir/dockerd.log" 2>&1 </dev/null &
    local pid=$!
    echo "$pid" >"$dir/started"
    for _ in $(seq 300); do
        answers "unix://${LAB_SOCKET:-$dir/docker.sock}" && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    stop "$dir/started" dockerd
    return 1
}

# A private dockerd needs control groups; outside of an init system nobody has mounted them.
mount_cgroups() {
    grep -q ' /sys/fs/cgroup' /proc/mounts && return
    say "mounting control groups"
    if type -P cgroupfs-mount >/dev/null; then
        cgroupfs-mount
    else
        mount -t cgroup2 none /sys/fs/cgroup
    fi
}

# debian_sources SUITE: lines for apt that name the machine's own Debian mirrors with another suite.
debian_sources() {
    local codename keyring=/usr/share/keyrings/debian-archive-keyring.gpg option=''
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -e "$keyring" ] && option="[signed-by=$keyring] "
    # shellcheck disable=SC2016 # $(REPO_URI) is for apt
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$codename" -v option="$option" -v suite="$1" \
            '$2 == codename && $3 == "main" { print "deb " option $1 " " suite " main" }' | sort -u
}

# apt_elsewhere DIR SUITE: has `apt` be apt-get for another suite with state of its own in DIR, and an
# empty machine to install on.
apt_elsewhere() {
    local dir=$1 suite=$2
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : >"$dir/state/status"
    debian_sources "$suite" >"$dir/sources.list"
    [ -s "$dir/sources.list" ] || die "no Debian mirror is configured for apt on this machine"
    apt=(apt-get -qq -o "Dir::State=$dir/state" -o "Dir::State::status=$dir/state/status"
        -o "Dir::Cache=$dir/cache" -o "Dir::Etc::SourceList=$dir/sources.list"
        -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root)
    "${apt[@]}" update >&2
}

# fetch_packages DIR SUITE PACKAGE...: unpacks packages of another suite into DIR/root, touching
# nothing of the machine's apt.
fetch_packages() {
    local dir=$1 suite=$2 apt package
    shift 2
    say "fetching $* of $suite"
    apt_elsewhere "$dir" "$suite"
    rm -rf "$dir/root.new" "$dir"/deb/*.deb
    mkdir -p "$dir/root.new" "$dir/deb"
    (cd "$dir/deb" && "${apt[@]}" download "$@" >&2)
    for package in "$dir"/deb/*.deb; do
        dpkg-deb -x "$package" "$dir/root.new"
    done
    rm -rf "$dir/root" "$dir"/deb/*.deb
    mv "$dir/root.new" "$dir/root"
}

# fetch_system DIR SUITE PACKAGE...: unpacks packages and all that they depend on into DIR/root, which
# becomes a system that they run in. Their installation scripts are not run.
fetch_system() {
    local dir=$1 suite=$2 apt package folder
    shift 2
    say "fetching $* of $suite, with what they need"
    apt_elsewhere "$dir" "$suite"
    rm -rf "$dir/root" "$dir"/cache/archives/*.deb
    "${apt[@]}" install --yes --no-install-recommends --download-only "$@" >&2
    for folder in bin sbin lib lib64; do
        mkdir -p "$dir/root/usr/$folder"
        ln -s "usr/$folder" "$dir/root/$folder"
    done
    for package in "$dir"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -C "$dir/root" -x --keep-directory-symlink
    done
    rm -f "$dir"/cache/archives/*.deb
}
