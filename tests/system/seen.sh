#!/bin/bash
# Small things of the host that a session must not see or reach, and one that debuggers need, through both doors; and
# init, which lets go of the caller's descriptors before the command may run.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/doors.sh"
need strace flock setarch logger expect wall
need_product

# Addresses that do not change from run to run, for debuggers and exercises. Other personalities stay refused: with
# ADDR_COMPAT_LAYOUT and the like a program would be easier to attack. The host's programs: Alpine has no setarch.
personality() {
	door_user "alice-$door"
	set_ini 'image = host'
	start_sshd
	run ssh_as "alice-$door" 'setarch -R cat /proc/self/personality'
	is "$rc:$out" 0:00040000 "$door: setarch -R works"
	run ssh_as "alice-$door" 'setarch -L true 2>/dev/null || echo refused'
	is "$out" refused "$door: another personality is refused"
}
run setarch -L cat /proc/self/personality
is "$out" 00200000 "control: outside, it is not"
through_each_door personality

# Who has locked what is nobody's business.
locks() {
	door_user "bob-$door"
	set_ini
	start_sshd
	run ssh_as "bob-$door" 'cat /proc/locks 2>/dev/null; echo read'
	is "$out" read "$door: /proc/locks shows no lock"
	run ssh_as "bob-$door" 'cat /proc/sys/kernel/domainname'
	is "$out" '(none)' "$door: the NIS domain is not the host's"
}
flock "$GKT_WORK/locked" sleep infinity &
holder=$!
domainname site.example
check "control: outside, a lock is shown" wait_until 60 grep -q "FLOCK.* $holder " /proc/locks
is "$(domainname)" site.example "control: and a NIS domain is set"
through_each_door locks
kill "$holder"

# Of /sys only what is named: without it lscpu finds no processors.
processors() {
	door_user "carl-$door"
	set_ini 'image = host'
	start_sshd
	run ssh_as "carl-$door" 'lscpu >/dev/null 2>&1 || echo none; nproc; ls /sys 2>/dev/null'
	is "$out" "none
$(nproc)" "$door: sessions have no /sys"
	set_ini 'image = host' 'volumes = /sys/devices/system/cpu:/sys/devices/system/cpu:ro'
	run ssh_as "carl-$door" 'lscpu | grep -c "^CPU(s):"; cd /sys; find . -maxdepth 3; cat devices/system/cpu/cpu0/crash_notes 2>/dev/null'
	is "$rc:$out" "1:1
.
./devices
./devices/system
./devices/system/cpu" "$door: lscpu finds them in the one directory that a volume shows; what is for root alone stays so"
	is "$(ssh_as "carl-$door" 'echo 0 2>/dev/null >/sys/devices/system/cpu/online || echo refused; df | grep -c /sys')" "refused
0" "$door: read-only, and df does not list it"
}
through_each_door processors
run "$GOCKER" run sh -c '(echo change >/sys/devices/system/cpu/uevent) 2>&1'
like "$rc:$out$err" '1:.*Read-only file system' "nor can root in a container write there"
set_ini 'volumes = /sys/devices/system/cpu:/mnt/cpu'
refused "a volume of /sys that could be written to is refused" 'of /sys: append :ro' as_user "carl-shell" "$GOCKER_SHELL" -c 'echo ran'

# Who reads gocker's log reads no line that a session wrote.
closed() { gocker_log | grep -q "event=close .*user=\"eve-$door\""; }
forged() {
	local line="event=open id=f0f0f0f0f0f0 user=\"root\" door=$door"
	door_user "eve-$door"
	set_ini 'image = host'
	start_sshd
	mark_syslog
	run ssh_as "eve-$door" "logger -t gocker-shell -p authpriv.info '$line'; logger -t gocker -p authpriv.info '$line'; echo tried"
	is "$out" tried "$door: a session writes lines in gocker's name"
	check "$door: and ends" wait_until 60 closed
	unlike "$("$GOCKER" logs --file "$GKT_SYSLOG")" "f0f0f0f0f0f0.*root" "$door: gocker logs shows none of them"
}
through_each_door forged
logger -t gocker-shell -p authpriv.info 'event=open id=f0f0f0f0f0f0 user="root" door=control'
control_is_shown() { "$GOCKER" logs --file "$GKT_SYSLOG" | grep -q 'f0f0f0f0f0f0.*root'; }
check "control: a line that root writes outside is shown" wait_until 60 control_is_shown

# What the host says to all, before it goes down, reaches who came through the shell door: the terminal is the host's.
open_door shell
door_user wanda
set_ini
: >/run/utmp
start_sshd
expect_test "shell: wall reaches the terminal" <<'TCL'
	login wanda
	exec wall "the host goes down" >@stdout 2>@stderr
	want {the host goes down}
	say exit
	ended
TCL
stop_sshd

# The last thing that can fail in init comes before the command may run: what is refused has not run.
trace() { # ARG...: the opens of /dev/null in gocker run and in init, its first child
	strace -f -qq -o "$GKT_WORK/trace" -P /dev/null -e trace=openat "$@" "$GOCKER" run sh -c 'echo ran'
}
set_ini
run trace
is "$rc:$out" 0:ran "control: init opens the session's /dev/null, and the command runs"
run trace -e inject=openat:error=EMFILE:when=1
is "$rc:$out" 125: "where it cannot, the command is refused and has not run"
like "$err" 'init cannot give up its privileges' "and the reason is init's"
