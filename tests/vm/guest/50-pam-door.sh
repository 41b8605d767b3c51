#!/bin/bash
# part: logins
# timeout: 1800
# The PAM door with the stacks as they are shipped. Beside pam_systemd the limits are those of the
# session's scope where there is a new one and they can say all that the policy asks for, else those of a leaf of
# gocker's, as on a host without systemd.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user carol --shell /bin/sh
have_user admin --shell /bin/bash --groups staff
mark_syslog
pam_door_on
# What 16 sessions, each with the 15 tasks of its scope, can just reach.
scopes=('pids_max = 12' 'user_pids_max = 240' 'memory_max = 64M' '[user:admin]' 'contain = no')
set_ini "${scopes[@]}"
start_sshd ''
remember_host

run ssh_as carol 'hostname; id -un; cat /proc/self/cgroup; exit 4'
is "$rc" 4 "a login through the PAM door hands its status on"
like "$out" $'^gocker-container\ncarol\n' "it is contained"
run ssh_as admin hostname
is "$out" gocker-vm "who is not to be contained is not"

# The scope that pam_systemd makes carries the limits.
hold_session carol
# sshd's monitor stays on the host: what is limited is its child, and all that this one starts.
side_of() { pgrep -of "sshd.*$1@"; }
group=$(cut -d: -f3 "/proc/$(side_of carol)/cgroup") kind="a scope of logind's" pattern='^/user.slice/user-[0-9]*.slice/session-[0-9a-z]*.scope$'
[ "$GKT_HOST" = systemd ] || kind="a leaf of gocker's" pattern="^/gocker/u$(uid_of carol)/"
like "$group" "$pattern" "sshd's side of the login is in $kind"
pids_max=$(cat "/sys/fs/cgroup$group/pids.max")
check "which limits tasks: $pids_max" test "$pids_max" -ge 12 -a "$pids_max" -le 20
is "$(cat "/sys/fs/cgroup$group/memory.max")" $((64 << 20)) "and memory"
if [ "$GKT_HOST" = systemd ]; then
	is "$(systemctl show -P TasksMax "$(basename "$group")")" "$pids_max" "and systemd knows of it"
	like "$(logind_sessions carol)" '^[0-9a-z]+ active$' "loginctl lists the login"
fi
drop_session
check "a lost connection ends it for logind" wait_until 10 no_logins carol
check_clean "and leaves nothing" 20

# A limit that scopes cannot keep: the login is in a leaf of gocker's, with all limits of the user, and logind has its session.
fill_beside() { # WAY: a second login, beside the one that is held, takes all tasks that it can have
	case $1 in
	ssh) run ssh_as carol "$FILL" ;;
	su) run su carol -c "$FILL" ;;
	esac
}
set_ini 'user_pids_max = 16' 'user_sessions_max = 2' 'pids_max = 40'
hold_session carol
leaf=$(sessions_base)/u$(uid_of carol)
like "/sys/fs/cgroup$(cut -d: -f3 "/proc/$(side_of carol)/cgroup")" "^$leaf/[0-9a-f]{12}$" "user_pids_max: sshd's side of the login is in a leaf of gocker's"
is "$(cat "$leaf/pids.max")" 17 "user_pids_max: and its user's group has it, and a task for this session's init"
if [ "$GKT_HOST" = systemd ]; then
	caller=$(pgrep -of 'sshd.*carol \[priv\]')
	like "$(cut -d: -f3 "/proc/$caller/cgroup")" '^/user.slice/user-[0-9]*.slice/session-[0-9a-z]*.scope$' "user_pids_max: sshd's monitor is in logind's scope, so that it is not empty"
	like "$(logind_sessions carol)" '^[0-9a-z]+ active$' "user_pids_max: loginctl lists the login"
fi
mark_syslog
for way in ssh su; do
	fill_beside $way
	check "user_pids_max: a bomb by $way gets $(last) tasks beside another session" test "0$(last)" -ge 2 -a "0$(last)" -le 13
	wait_until 30 eval '[ "$(session_leaves "$(uid_of carol)" | wc -l)" -le 1 ]'
done
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=user_pids_max value=16 hits=[1-9]' "user_pids_max: the log says which limit it was"
drop_session
check "user_pids_max: a lost connection ends it for logind" wait_until 10 no_logins carol
check_clean "user_pids_max: and leaves nothing" 20
set_ini 'user_pids_max = none' 'user_sessions_max = 2' 'pids_max = 40'
hold_session carol
fill_beside su
check "user_pids_max: control: without it $(last) tasks" test "0$(last)" -ge 30
drop_session
check "user_pids_max: control: a lost connection ends it for logind" wait_until 10 no_logins carol
check_clean "user_pids_max: control: and leaves nothing" 20
set_ini "${scopes[@]}"

# What sshd needs of tasks is added to the limit; su and cron leave some of that to the user.
felt() { # NAME: the last `run` filled its session up
	check "$1: a bomb gets $(last) tasks" test "0$(last)" -ge 8 -a "0$(last)" -le 15
	[ -n "$(last)" ] || diag "$err"
}
run ssh_as carol "$FILL"
felt "ssh"
check "and the next login is let in" ssh_as carol true
run ssh_as carol 'dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null; echo $?'
is "$out" 137 "a memory hog is killed"
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=memory_max' "and the log says why"
set_ini 'image = host' "${scopes[@]}"
run ssh_as carol 'dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null; echo $?; dd if=/dev/zero of=/dev/null bs=8M count=1 2>/dev/null; echo $?'
is "$out" $'137\n0' "with image = host, too, and what fits runs"
set_ini "${scopes[@]}"
expect_test "a user on a terminal is told why" <<'TCL'
	login carol
	say {dd if=/dev/zero of=/dev/null bs=80M count=1}
	want {gocker: out of memory: a process was killed \(memory_max is 64 MiB, \[default\]\)}
	say {echo go""ing on}
	want {going on\r\nPROMPT> $}
	say exit
	ended
TCL

# From within an administrator's own login, and where there is no pam_systemd in the stack.
# cron has it first, whose next minute may be long in coming.
rm -f /home/carol/from-cron
printf '%s\n' 'SHELL=/bin/sh' "* * * * * (hostname; $FILL) >~/from-cron.new 2>&1; exec mv ~/from-cron.new ~/from-cron" |
	sed 's/%/\\%/g' >/var/spool/cron/crontabs/carol
chown carol:crontab /var/spool/cron/crontabs/carol
chmod 600 /var/spool/cron/crontabs/carol
run ssh_as root "su - carol -c '$FILL'"
felt "A49: su from an administrator's login"
echo "$FILL" >/home/carol/fill # sudo -i leaves the dollars of its command to the login shell
run ssh_as root "sudo -iu carol sh fill"
felt "A49: sudo -iu from an administrator's login"
run su carol -c "$FILL"
felt "A49: su from a service"
# cron looks at the times of the folder, once a minute; one that is of the very second in which it looked is lost.
from_cron() { touch /var/spool/cron/crontabs /var/spool/cron/crontabs/carol && test -s /home/carol/from-cron; }
check "A49: cron runs a job of the user" wait_until 30 from_cron || diag "$(cat /home/carol/from-cron.new; gocker_log | tail -n 20)"
rm -f /var/spool/cron/crontabs/carol
out=$(cat /home/carol/from-cron)
like "$out" ^gocker-container "A49: cron: contained"
felt "A49: cron"
check_clean "nothing is left of all these" 20

[ "$GKT_HOST" = systemd ] || { pam_door_off && exit; }
# As it ends in the one place, and in the other.
ends_for_logind() { # KillUserProcesses' VALUE, PLACE, LINE of gocker.ini
	local name="KillUserProcesses=$1, $2"
	set_ini "$3"
	[ "$kill" = "$1" ] || kill_user_processes "$1"
	kill=$1
	hold_session carol 'setsid sleep 1000 &'
	drop_session
	check "$name: a lost connection ends the login for logind" wait_until 10 no_logins carol
	check_clean "$name: and leaves nothing" 20
	hold_session carol 'setsid sleep 1000 &'
	check "$name: loginctl terminate-session" loginctl terminate-session "$(logind_sessions carol | cut -d' ' -f1)"
	check "$name: ends the session" wait_until 20 test ! -d "/proc/$held_init"
	check "$name: and the login" wait_until 20 no_logins carol
	drop_session
	check_clean "$name: and leaves nothing" 20
	run ssh_as carol 'setsid sleep 1000 >/dev/null 2>&1 & echo in'
	is "$out" in "$name: a login that leaves a job behind"
	check "$name: ends for logind" wait_until 10 no_logins carol
	check_clean "$name: with that job" 20
}
kill=''
ends_for_logind no "a leaf of gocker's" ''
ends_for_logind yes "a scope of logind's" 'user_pids_max = none'
ends_for_logind yes "a leaf of gocker's" 'cpus = 2'
kill_user_processes no
pam_door_off
no_unit_failed "no unit has failed"
