#!/bin/bash
# timeout: 240
# su, login, sudo, runuser, cron and at with their stacks as they are shipped (S17).
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need sudo su login runuser cron atd at
need_product
add_group projects 6001
add_user alice --groups projects
set_ini
for name in su login sudo runuser cron atd; do shipped $name; done
cp /etc/pam.d/su /etc/pam.d/su-l
cp /etc/pam.d/runuser /etc/pam.d/runuser-l
cp /etc/pam.d/sudo /etc/pam.d/sudo-i
: >/etc/default/locale
echo 'Defaults !lecture' >/etc/sudoers
echo 'root ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers
chmod 440 /etc/sudoers
remember_host

# What a program of alice's says of where and who it is. The descriptors of every process inside are
# looked at further down.
cat >/home/alice/probe <<'SH'
#!/bin/sh
echo "$(hostname) $(id -un) $(id -Gn | tr ' ' '\n' | sort | tr '\n' ' ')$(test -f /etc/alpine-release && echo alpine) pid1=$(cat /proc/1/comm)"
SH
chmod 755 /home/alice/probe
want="gocker-container alice alice projects alpine pid1=gocker-init"

# cron and at take up to a minute: their jobs begin beside the others, and stay until they have been looked at.
cat >/home/alice/job <<'SH'
#!/bin/sh
/home/alice/probe >/home/alice/$1-said 2>&1
exec sleep "$2"
SH
chmod 755 /home/alice/job
mkdir -p /var/spool/cron/crontabs
printf '* * * * * /home/alice/job cron 1111\n' >/var/spool/cron/crontabs/alice
chown alice:crontab /var/spool/cron/crontabs/alice
chmod 600 /var/spool/cron/crontabs/alice
daemon cron
mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
daemon atd -f &
sleep 0.5
echo alice >/etc/at.allow
cd /home/alice || exit 1 # the job goes back to where it was made
as_user alice at now <<<'exec /home/alice/job at 2222' 2>"$GKT_WORK/at.err"
cd / || exit 1
is "$(su - alice -c ./probe 2>&1)" "$want" "su - user -c"
is "$(su alice -c /home/alice/probe 2>&1)" "$want" "su user -c"
is "$(su -s /bin/sh alice -c /home/alice/probe 2>&1)" "$want" "su -s"
is "$(echo ./probe | su - alice 2>&1)" "$want" "su - user"
is "$(runuser -l alice -c ./probe 2>&1)" "$want" "runuser -l"
is "$(runuser -u alice -- /home/alice/probe 2>&1)" "$want" "runuser -u"
is "$(echo ./probe | sudo -iu alice 2>&1)" "$want" "sudo -iu"
is "$(sudo -u alice /home/alice/probe 2>&1)" "$want" "sudo -u CMD"
is "$(sudo hostname)" throwaway "sudo to root is let through"
is "$(su - root -c hostname)" throwaway "su to root is let through"
is "$(su -s /bin/sh www-data -c hostname)" throwaway "su to a system account is let through (min_uid)"
set_ini '[user:www-data]' 'contain = yes' 'home = none'
is "$(su -s /bin/sh www-data -c hostname)" gocker-container "unless its section says contain = yes"
set_ini
run su - alice -c 'exit 7'
is "$rc" 7 "su hands the exit status on"
like "$(su - alice -c 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status' | tr -s '\n\t' '  ')" 'NoNewPrivs: 1 Seccomp: 2' \
	"su -: through the stub, with the filter"
like "$(su -s /bin/sh alice -c 'grep -E "NoNewPrivs|Seccomp:|CapEff" /proc/self/status' | tr -s '\n\t' '  ')" \
	'CapEff: 0+ NoNewPrivs: 0 Seccomp: 2' "su -s: without no_new_privs, with the small filter alone, and without a capability"
is "$(su - alice -c 'cat /sys/kernel/uevent_seqnum /etc/hostname 2>/dev/null; ls /boot' 2>/dev/null)" gocker-container "the host's files are not there"

# Terminals.
expect_test "su - on a terminal: isatty, job control" <<'TCL'
spawn -noecho su - alice
want_prompt
prompt
equal [ask {test -t 0 && test -t 1 && echo terminal; hostname}] "terminal\r\ngocker-container"
say {sleep 1000}
running {sleep 1000}
send "\032"
want {Stopped}
want_ready
say {fg}
in_front {sleep 1000}
send "\003"
want_ready
equal [ask {echo alive}] alive
say {exit 4}
equal [ended] 4
TCL
expect_test "su -P makes a terminal with a name" <<'TCL'
spawn -noecho su -P - alice
want_prompt
prompt
if {![regexp {^/dev/pts/[0-9]+$} [ask tty]]} { fail "no name" }
equal [ask {hostname}] gocker-container
say {exit}
ended
TCL
expect_test "sudo -iu on a terminal" <<'TCL'
spawn -noecho sudo -iu alice
want_prompt
prompt
equal [ask {test -t 0 && hostname}] gocker-container
say {exit 5}
equal [ended] 5
TCL
expect_test "login -f on a terminal" <<'TCL'
spawn -noecho login -f alice
want_prompt
prompt
equal [ask {test -t 0 && hostname}] gocker-container
equal [ask {id -un}] alice
equal [ask {echo $0}] -sh
say {exit}
ended
TCL

# Descriptors of everything inside, seen from outside: no directory and no path of the host.
descriptors() { # INIT
	local init=$1 pid fd target
	for pid in $(members "$init"); do
		for fd in /proc/"$pid"/fd/*; do
			target=$(readlink "$fd") || continue
			case $target in
			pipe:* | socket:* | anon_inode:* | /dev/null | /dev/pts/* | /dev/ptmx) ;;
			*) echo "$(cat "/proc/$pid/comm") ${fd##*/} -> $target" ;;
			esac
			if [ -d "$fd" ]; then echo "$(cat "/proc/$pid/comm") ${fd##*/} is a directory"; fi
		done
		for fd in cwd root; do
			if [ "$(stat -Lc %d "/proc/$pid/$fd")" = "$(stat -c %d /)" ]; then echo "$pid $fd is the host's"; fi
		done
	done
}
init_of() { # PID: of the session that it is in
	local ns init
	ns=$(readlink "/proc/$1/ns/pid")
	for init in $(session_inits); do
		if [ "$(readlink "/proc/$init/ns/pid")" = "$ns" ]; then echo "$init"; fi
	done
}

# What cron and at have begun meanwhile.
job() { # NAME SECONDS DESCRIPTORS: looks at the one that sleeps so long, and ends it
	local pid
	check "$1 runs a job" wait_until 75 pgrep -fx "sleep $2"
	is "$(cat "/home/alice/${1%d}-said")" "$want" "$1: the job runs inside (A4)"
	pid=$(pgrep -fx "sleep $2" | head -n 1)
	# What a job says goes to a file that the daemon has opened before, as atd has the job's text: no way on.
	is "$(descriptors "$(init_of "$pid")" | grep -vE " ($3)\$")" "" \
		"$1: no descriptor of any process inside leads to the host but the job's own (A29)"
	kill -KILL "$pid"
}
job atd 2222 '0 -> /var/spool/cron/atjobs/[^ ]*( \(deleted\))?|[12] -> /var/spool/cron/atspool/[^ ]*'
job cron 1111 '[12] -> /tmp/#[0-9]+ \(deleted\)'
pkill -x cron
pkill -x atd
wait_until 60 no_leaves
check_clean "nothing is left" 20

# The others' descriptors.
shipped sshd gocker-sshd
start_sshd
remember_host
hold_session alice
is "$(descriptors "$held_init")" "" "sshd: no descriptor of any process inside leads to the host (A29)"
drop_session
sleeps() { sleeper=$(pgrep -fx 'sleep 3333'); }
held_by() { # CMD...: a session in the background whose command is `sleep 3333`; its process is $sleeper
	"$@" &
	client=$!
	wait_until 60 sleeps
	sleeps || { not_ok "$*: a session is held"; exit 1; }
}
let_go() {
	kill -KILL "$sleeper"
	wait $client 2>/dev/null
}
for how in 'su - alice -c' 'su -s /bin/sh alice -c' 'runuser -l alice -c' 'sudo -u alice /bin/sh -c'; do
	read -r -a words <<<"$how"
	held_by "${words[@]}" 'exec sleep 3333' </dev/null >"$GKT_WORK/held" 2>&1
	is "$(descriptors "$(init_of "$sleeper")" | grep -v "[12] -> $GKT_WORK/held")" "" "$how: none but the caller's own output"
	let_go
done
mkfifo "$GKT_WORK/keys"
exec 8<>"$GKT_WORK/keys"
typed() { # until it is taken: login throws away what was typed before it
	echo 'exec sleep 3333' >&8
	sleep 0.3
	sleeps
}
for how in 'login -f alice' 'su - alice' 'sudo -iu alice'; do
	script -qec "$how" /dev/null <"$GKT_WORK/keys" >/dev/null 2>&1 8>&- &
	client=$!
	check "$how on a terminal" wait_until 60 typed
	sleeps
	is "$(descriptors "$(init_of "$sleeper")")" "" "$how on a terminal: none but that"
	let_go
done
exec 8>&-
held_by su -s /bin/sh alice -c 'exec sleep 3333' 9</ </dev/null >/dev/null 2>&1
like "$(descriptors "$(init_of "$sleeper")")" 'sleep 9 is a directory' "control: a directory that the caller leaves open is seen"
let_go
check_clean "nothing is left of these either"
