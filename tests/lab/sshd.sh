#!/usr/bin/env bash
# Makes sure that there is the ssh server that a test starts, on this machine's own address and with
# keys of its own. Where an init system would start the machine's ssh server at once, installing it is
# left to you.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ -x /usr/sbin/sshd ] && exit
if [ -d /run/systemd/system ]; then
    die "install openssh-server; this script does not, because systemd would open it to the network"
fi
PATH="$PATH:/usr/sbin" install_for sshd openssh-server openssh-client
