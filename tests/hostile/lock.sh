#!/bin/bash
# timeout: 120
# A77: the lock under which the limits of a user are set. Whoever has it may be stuck in the kernel: a login
# waits for it for a while, and is refused then. No user can take it.
. "$(dirname "$0")/_lib.sh"
add_user alice
set_ini
remember_host
dir=/run/gocker/u/$(id -u alice)

shell_in alice 'echo it ran'
is "$rc:$out" "0:it ran" "A77 control: while nobody has the lock, a login works"
run setpriv --reuid alice --regid alice --clear-groups flock -n "$dir" true
isnt "$rc" 0 "A77: a user cannot take it"
check "A77 control: root can" flock -n "$dir" true

exec 9<"$dir"
flock 9
shell_in alice 'echo it ran'
is "$rc:$out" "125:" "A77: while it is held, a login is refused and runs nothing"
like "$err" 'cannot set up the session.s cgroup' "A77: and its user is told"
exec 9<&-

shell_in alice 'echo it ran'
is "$rc:$out" "0:it ran" "A77: the next one works"
check_clean "A77: nothing is left"
