#!/bin/bash
# part: any
# What kind of host this is, and that it is a working one before gocker comes in.
# shellcheck source=lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# shellcheck source=/dev/null
. /etc/os-release
diag "$PRETTY_NAME, Linux $(uname -r), $(ssh -V 2>&1 | cut -d, -f1)"
[ "$GKT_HOST" != systemd ] || diag "$(systemctl --version | head -n 1)"
diag "up for $(cut -d' ' -f1 /proc/uptime) s"
is "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs "control groups are version 2"
like "$(cat /sys/fs/cgroup/cgroup.controllers)" "cpu.*memory.*pids" "the controllers are there"

have_user plain --shell /bin/sh
start_sshd '' # its own settings, no more
run ssh_as plain 'echo hello; cat /proc/self/cgroup; exit 7'
is "$rc" 7 "a login that has nothing to do with gocker works"
if [ "$GKT_HOST" = systemd ]; then
	like "$out" 'user.slice/user-[0-9]*.slice/session-[0-9]*.scope' "logind gives it a session"
fi
diag "up for $(cut -d' ' -f1 /proc/uptime) s"
user_manager_off # for the scripts that follow
