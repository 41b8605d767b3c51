#!/bin/bash
# timeout: 240
# What the policy says besides the walls: limits that are explained on the terminal, idle sessions, the
# environment, the agent, the umask; as at the shell door.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need expect jq
need_product
add_user alice --groups students
add_user idle
add_user many
set_ini '[group:students]' 'pids_max = 8' 'env_pass = COLOUR' 'env_set = EDITOR=vi' 'umask = 027' \
	'[user:idle]' 'idle_timeout = 10s' '[user:many]' 'user_pids_max = 20' 'user_sessions_max = 4' 'pids_max = 30'
shipped sshd gocker-sshd
start_sshd 'Subsystem internal internal-sftp' 'AcceptEnv *' 'ClientAliveInterval 60'
cp /etc/pam.d/gocker-sshd /etc/pam.d/su
sed -i '1i auth sufficient pam_rootok.so' /etc/pam.d/su
remember_host
mark_syslog

# These take their time, and run beside the others.
ssh_as idle 'sleep 25; echo still there' >"$GKT_WORK/quiet" 2>&1 </dev/null &
quiet=$!
aside() { # NAME <<TCL: a terminal beside; its exit status and complaints in $GKT_WORK/NAME.out
	{
		cat "$GKT_LIB/expect.tcl"
		cat
	} >"$GKT_WORK/$1.exp"
	{
		TERM=xterm expect "$GKT_WORK/$1.exp" </dev/null 2>&1
		echo "ended: $?"
	} >"$GKT_WORK/$1.out" &
}
aside typing <<'TCL'
spawn -noecho ssh -tt -l idle gocker
want {[$#] }
for {set i 0} {$i < 9} {incr i} { say {echo typed""x}; want {typedx}; after 2500 }
say {exit 4}
equal [ended] 4
TCL
typing=$!
aside idling <<'TCL'
spawn -noecho ssh -tt -l idle gocker
want {[$#] }
want {gocker: this session ends in [0-9]+ s \(idle_timeout\)} 40
want {gocker: this session has ended \(idle_timeout\)} 40
if {[ended] == 0} { fail "it ended with success" }
TCL
idling=$!
aside su <<'TCL'
spawn -noecho su - idle
want {[$#] }
want {gocker: this session ends in [0-9]+ s \(idle_timeout\)} 40
want {gocker: this session has ended \(idle_timeout\)} 40
ended
TCL
su=$!

expect_test "the terminal says which limit, its value and the section it is from; once per burst" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
say {for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (sleep 3 &) ; done; echo do""ne}
want {gocker: limit of 8 tasks reached \(\[group:students\]\)}
never {gocker: limit of} 4
set id [exec gocker ps -q --user alice]
if {[exec gocker stats --format json | jq {[.[] | select(.user == "alice")][0].pids.limit_hits}] < 1} { fail "stats does not count it" }
if {![regexp {limit hit [1-9][0-9]* times} [exec gocker inspect $id]]} { fail "inspect does not count it" }
say {exit}
ended
TCL
closed() { gocker_log | grep 'event=close' | grep -q 'user="alice"'; }
check "the session is closed" wait_until 60 closed
like "$(gocker_log)" 'event=limit id=[0-9a-f]{12} limit=pids_max value=8 hits=[1-9]' "the log tells of it"
like "$(gocker_log | grep 'user="alice"')" 'event=close .* pids_hits=[1-9]' "the closing line has the count"

# The environment.
run env COLOUR=blue SECRET=1 LD_PRELOAD=/x LC_TIME=C ssh -l alice -o 'SendEnv=COLOUR SECRET LD_PRELOAD LC_TIME' gocker env
like "$out" '(^|.)COLOUR=blue' "env_pass lets a variable of the client's through"
like "$out" '(^|.)EDITOR=vi' "env_set sets one"
like "$out" '(^|.)LC_TIME=C' "the locale passes"
unlike "$out" 'SECRET|LD_PRELOAD|MAIL=|XDG_' "nothing else does, and nothing that steers the loader"
is "$(sed -n 's/^SHELL=//p;s/^HOME=//p;s/^USER=//p' <<<"$out" | sort | tr '\n' ' ')" "/bin/sh /home/alice alice " \
	"SHELL, HOME and USER are the session's"
is "$(SECRET=1 EDITOR=ed su alice -c 'echo "$SECRET:$EDITOR:$HOME"')" ":vi:/home/alice" "su without a hyphen hands on no more"
is "$(ssh_as alice "MINE=1 $GOCKER_SHELL -c 'echo \$MINE'")" 1 "what users set themselves stays, in a shell below theirs"

# The umask, by any way in.
is "$(ssh_as alice umask)" 0027 "umask"
is "$(su -s /bin/sh alice -c umask)" 0027 "umask, where the entry stub is not asked"
drive su alice root umask open root umask close root umask
is "$(grep -xE '[0-7]{4}' <<<"$out" | tr '\n' ' ')" "0022 0022 0022 " "the caller keeps its own: it stays on the host"
echo x >"$GKT_WORK/put"
rm -f /home/alice/put
sftp -q -s internal -b - alice@gocker >/dev/null 2>&1 <<<"put $GKT_WORK/put put"
is "$(stat -c %a /home/alice/put 2>/dev/null)" 640 "umask, for the sftp server"

# The agent.
eval "$(ssh-agent -s)" >/dev/null
ssh-add -q /root/.ssh/id_ed25519
like "$(ssh -A -l alice gocker 'ls $SSH_AUTH_SOCK')" '^/tmp/ssh-' "(control) a forwarded agent is named inside"
cp /etc/gocker.ini "$GKT_WORK/ini"
printf '[user:alice]\nagent = no\n' >>/etc/gocker.ini
is "$(ssh -A -l alice gocker 'echo ${SSH_AUTH_SOCK-none}')" none "agent = no: it is not"
cat "$GKT_WORK/ini" >/etc/gocker.ini
kill "$SSH_AGENT_PID"
unset SSH_AUTH_SOCK SSH_AGENT_PID

# All sessions of a user together.
hold_session many
first=$held_init
ssh -l many gocker '(while sleep 1000 & do :; done); sleep 1000 & exec sleep 1000' >"$GKT_WORK/many" 2>&1 </dev/null &
client=$!
over="/sys/fs/cgroup$([ "$GKT_CGROUP" = hybrid ] && echo /pids)"
top=$(dirname "$(session_leaves "$(uid_of many)" | head -n 1)")
at_limit() { [ "$(cat "$top/pids.current")" = "$(cat "$top/pids.max")" ]; }
check "user_pids_max holds over two sessions (below ${over##*/})" wait_until 60 at_limit
is "$(cat "$top/pids.max")" 22 "it is the policy's, and one for the init of each session there is"
check "neither session has reached its own limit" \
	test "$(for l in $(session_leaves "$(uid_of many)"); do cat "$l/pids.current"; done | sort -n | tail -n 1)" -lt 33
check "the first session still lives" kill -0 "$first"
end_client $client
drop_session

wait $typing
is "$(cat "$GKT_WORK/typing.out")" "ended: 0" "a terminal in use is not idle, for longer than the limit"
wait $idling
is "$(cat "$GKT_WORK/idling.out")" "ended: 0" "idle_timeout: a warning on the terminal, and the end"
wait $su
is "$(cat "$GKT_WORK/su.out")" "ended: 0" "idle_timeout on a terminal that su brings from outside"
wait $quiet
is "$(cat "$GKT_WORK/quiet")" "still there" "idle_timeout is of terminals only: a quiet command goes on"
is "$(gocker_log | grep -c 'reason=idle_timeout')" 2 "the log says which ended for it"
check_clean "nothing is left" 20
