#!/usr/bin/env bash
# `limited.sh MIB COMMAND...` runs a command in a control group of its own that may have so much memory, what the kernel
# keeps for it included; whoever needs more is killed. The most that it had goes to stderr.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -ge 2 ] || die "usage: limited.sh MIB COMMAND..."
need_root "a control group"
bytes=$(($1 * 1024 * 1024))
shift
mount_cgroups
# A hybrid system has both versions mounted, and memory in one of them.
if [ -e /sys/fs/cgroup/memory/cgroup.procs ]; then
    group=$(mktemp -d /sys/fs/cgroup/memory/compose-dump.XXXXXX)
    echo "$bytes" >"$group/memory.limit_in_bytes"
    most=$group/memory.max_usage_in_bytes
elif grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    echo +memory >/sys/fs/cgroup/cgroup.subtree_control
    group=$(mktemp -d /sys/fs/cgroup/compose-dump.XXXXXX)
    echo "$bytes" >"$group/memory.max"
    echo 0 >"$group/memory.swap.max" 2>/dev/null || true
    most=$group/memory.peak
else
    die "no memory controller is mounted below /sys/fs/cgroup"
fi
status=0
bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" || status=$?
say "$(($(cat "$most" 2>/dev/null || echo 0) / 1024 / 1024)) MiB at the most, caches included"
for _ in $(seq 50); do
    rmdir "$group" 2>/dev/null && break
    sleep 0.1
done
exit "$status"
