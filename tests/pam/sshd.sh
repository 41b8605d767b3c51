#!/bin/bash
# timeout: 180
# The whole login inside: sshd with its stack as it is shipped.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
image_with files sftp-server
add_group projects 6001
add_user alice --groups projects,students
add_user dora --shell /bin/sh
add_user eve --shell /usr/bin/fish
add_user admin --shell /bin/bash
set_ini 'user_sessions_max = 40' '[user:admin]' 'contain = no'
shipped sshd gocker-sshd
: >/var/log/lastlog
: >/run/utmp
: >/var/log/wtmp
install -m 755 /bin/true /usr/bin/fish # on the host, as sshd wants it, not in the image
start_sshd 'Subsystem internal internal-sftp' 'ExposeAuthInfo yes'
remember_host

# Commands.
run ssh_as alice 'hostname; id -un; echo err >&2; exit 42'
is "$rc:$out:$err" $'42:gocker-container\nalice:err' "a command: status, stdout and stderr apart"
words() { tr ' ' '\n' | sort | tr '\n' ' '; }
is "$(ssh_as alice id -Gn | words)" "$(id -Gn alice | words)" "the groups inside are the host's (A51)"
like "$(ssh_as alice 'cat "$SSH_USER_AUTH"')" '^publickey ssh-ed25519 ' "ExposeAuthInfo: how the user has logged in can be read inside"
is "$(ssh_as admin hostname)" throwaway "contain = no: the login is on the host"
is "$(ssh_as alice 'kill -KILL $$'; echo $?)" 255 "death by a signal is reported as such"
head -c 1000000 /dev/urandom >"$GKT_WORK/bytes"
check "a megabyte goes through unchanged" cmp "$GKT_WORK/bytes" <(ssh_as alice cat <"$GKT_WORK/bytes")

# Who stands at the shell's path.
status_of() { ssh_as "$1" 'grep -E "^(NoNewPrivs|Seccomp|CapEff):" /proc/self/status; ulimit -Hc' | tr -s '\t\n' '  '; }
like "$(status_of alice)" 'CapEff: 0+ NoNewPrivs: 1 Seccomp: 2 0 $' "the passwd shell gocker-shell is the stub: filter, no_new_privs, no core file (A45)"
like "$(status_of eve)" 'NoNewPrivs: 1 Seccomp: 2' "a passwd shell that the image lacks is the stub"
like "$(status_of dora)" 'CapEff: 0+ NoNewPrivs: 0 Seccomp: 0' "one that it has runs as it is"
is "$(ssh_as alice 'echo $SHELL $0 $#; /bin/busybox echo applet; printf "#!/bin/sh\necho script\n" >/tmp/s; chmod +x /tmp/s; /tmp/s')" \
	$'/bin/sh sh 0\napplet\nscript' "SHELL, applets and scripts are as they should be"
is "$(echo 'echo $0' | ssh_as alice -T | tail -n 1)" -sh "a login shell is one (S5)"
is "$(ssh_as alice "$GOCKER_SHELL -c 'hostname; $GOCKER_SHELL -c \"id -un\"'")" $'gocker-container\nalice' \
	"the stub within the stub: one container, no loop"
is "$(pgrep -cx gocker-super)" 0 "no second container through the shell door"

# A terminal.
expect_test "a terminal: named, sized, job control (S1)" <<'TCL'
login alice
if {![regexp {^/dev/pts/[0-9]+$} [ask tty]]} { fail "tty has no name" }
equal [ask {stty size}] "24 80"
say {sleep 1000}
running {sleep 1000}
send "\032"
want {Stopped}
want_ready
if {![regexp {Stopped.*sleep 1000} [ask jobs]]} { fail "jobs does not list it" }
say {fg}
running {sleep 1000}
send "\003"
want_ready
equal [ask {echo alive}] alive
say {exit 3}
equal [ended] 3
TCL

# The user's side of sshd is inside.
hold_session alice
outside() { readlink "/proc/1/ns/$1"; }
side=$(members "$held_init" | while read -r pid; do grep -lq '^Name:.*sshd' "/proc/$pid/status" && echo "$pid"; done | head -n 1)
for ns in mnt uts ipc pid cgroup; do
	is "$(readlink "/proc/$side/ns/$ns")" "$(readlink "/proc/$held_init/ns/$ns")" "sshd's user side is in the container's $ns namespace"
	isnt "$(readlink "/proc/$side/ns/$ns")" "$(outside $ns)" "which is not the host's"
done
is "$(awk '/^Uid:/ { print $2 }' "/proc/$side/status")" "$(uid_of alice)" "it is the user's"
is "$(cat "/proc/$held_supervisor/comm")" gocker-keeper "init's parent is the keeper"
is "$(awk '/^(CapEff|CapBnd|Seccomp|NoNewPrivs):/ { print $2 }' "/proc/$held_supervisor/status" | tr '\n' ' ')" \
	"0000000000000000 0000000000000000 1 2 " "the keeper keeps no capability, and has a filter"
is "$(awk '/^CapEff:/ { print $2 }' "/proc/$held_init/status")" 0000000000000020 "init holds CAP_KILL alone"
like "$(who)" "alice .*gocker/.*127.0.0.1" "who shows the login (S22)"
like "$(last -w alice)" 'gocker/.*127.0.0.1.*(still logged in|gone)' "so does last"
like "$(lastlog -u alice)" '127.0.0.1' "and lastlog"
leaf=$(session_leaves "$(uid_of alice)")
is "$(cat "$leaf/pids.max")" 22 "pids_max counts the user's tasks: init's and that of sshd's user side are added"
drop_session
wait_until 60 no_leaves
unlike "$(who)" alice "after the logout who does not"
mark_syslog
run ssh_as alice -v true
since_mark() { tail -c "+$(cat "$GKT_WORK/syslog.mark")" "$GKT_SYSLOG"; }
hung_up() { since_mark | grep -q 'Disconnected from user'; }
wait_until 60 hung_up
like "$(since_mark)" 'gocker-sshd\[2\]: Received disconnect.*gocker-sshd\[2\]: Disconnected from user alice' \
	"sshd's lines from inside reach the host's log (S22)"
closes() { gocker_log | grep -q 'event=close .*door=pam user="alice"'; }
check "gocker's line at the end" wait_until 60 closes

# Many channels in one container.
start_master alice
channels=()
for n in 1 2 3 4 5 6 7 8 9 10; do
	ssh_over alice "sleep 2; readlink /proc/self/ns/pid" >"$GKT_WORK/ch$n" 2>&1 </dev/null &
	channels+=($!)
done
wait_until 60 has_leaf
is "$(session_leaves | wc -l)" 1 "ten channels are in one container (S15)"
wait "${channels[@]}"
is "$(cat "$GKT_WORK"/ch* | sort | uniq -c | awk '{ print $1 }')" 10 "and all work"
stop_master alice
wait_until 60 no_leaves

# A full one.
start_master alice
wait_until 60 has_leaf
ssh_over alice '(while sleep 1000 & do :; done); sleep 1000 & exec sleep 1000' >"$GKT_WORK/full" 2>&1 </dev/null &
filler=$!
leaf=$(session_leaves "$(uid_of alice)")
# For good: the subshell whose fork failed leaves a place for a moment.
is_full() {
	local i
	for i in 1 2 3 4 5; do
		[ "$(cat "$leaf/pids.current")" = "$(cat "$leaf/pids.max")" ] || return 1
		sleep 0.2
	done
}
check "a container can be filled to its limit" wait_until 60 is_full
run timeout 20 ssh -l alice -o "ControlPath=$GKT_WORK/master-alice" -o ControlMaster=no gocker true
is "$rc:$out$err" 255: "a full container refuses a new channel (A34): sshd's fork fails, and sshd says nothing to the client"
full_is_logged() { gocker_log | grep -q "event=limit id=${leaf##*/} limit=pids_max value=[0-9]* hits="; }
check "and the log says which limit it was" wait_until 60 full_is_logged
is "$(ssh_as alice 'echo in')" in "a new connection gets in"
stop_master alice
wait "$filler"

# Files.
echo content >"$GKT_WORK/file"
printf 'put %s /tmp/put\nput %s put-home\nls /\n' "$GKT_WORK/file" "$GKT_WORK/file" >"$GKT_WORK/batch"
run sftp -q -s internal -b "$GKT_WORK/batch" alice@gocker
is "$rc:$err" "0:" "internal-sftp works (S9)"
unlike "$out" 'boot|gocker$' "and shows the container's root"
check_not "what it puts into /tmp is not on the host (A3)" test -e /tmp/put
is "$(cat /home/alice/put-home)" content "what it puts into the home is"
is "$(stat -c %U /home/alice/put-home)" alice "as the user"
rm -f /home/alice/put-home
set_ini 'image = files'
run sftp -q -b "$GKT_WORK/batch" alice@gocker
is "$rc:$err:$(cat /home/alice/put-home)" "0::content" "the external server works where the image has it (S9)"
check_clean "nothing is left"
