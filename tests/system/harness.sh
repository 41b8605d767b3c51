#!/bin/bash
# The throwaway host keeps its promises: everything private, nothing left, however it ends. The
# host that this test runs in stands for the real one.
. "$(dirname "$0")/../lib/test.sh"
host=$GKT_LIB/host
groups() { find "$PIDS_CGROUP" -maxdepth 1 -name 'gocker-test-*' | wc -l; }
remember_host

"$host" sh -c 'exit 42'
is $? 42 "the exit status is the command's"
"$host" sh -c 'kill -TERM $$'
is $? 143 "a death by signal is 128 and its number"
"$host" sh -c 'for d in / /etc /usr /usr/local/bin /var /var/lib /root /home /run /tmp /dev; do touch $d/gkt-was-here || exit 1; done'
is $? 0 "everything can be written"
is "$(find / -xdev -name gkt-was-here; ls /root/gkt-was-here /home/gkt-was-here /run/gkt-was-here /tmp/gkt-was-here /dev/gkt-was-here 2>/dev/null)" "" \
	"nothing written stays"
is "$("$host" sh -c 'ls -A /home /root; ls -d /run/systemd 2>/dev/null')" $'/home:\n\n/root:' \
	"homes are empty, and systemd is not seen"
is "$("$host" sh -c 'hostname changed; hostname; ip -o link | wc -l')" $'changed\n1' "host name and network are its own"
is "$(hostname)" throwaway "the outer host's name is untouched"
check "only its own processes are there" "$host" sh -c 'test "$(ls -d /proc/[0-9]* | wc -l)" -le 6'
is "$("$host" setpriv --reuid 12345 --clear-groups sh -c 'cp /bin/sh /tmp/x && stat -c %u /tmp/x')" 12345 "uids are real"
check_not "kernel settings can't be changed" "$host" sh -c 'echo 1 >/proc/sys/kernel/printk'
is "$("$host" sh -c 'logger -d hello; sleep 0.2; grep -c hello /var/log/gkt-syslog')" 1 "syslog goes to its own sink"
is "$(grep -c hello "$GKT_SYSLOG")" 0 "and not to the outer host's"
is "$("$host" cut -d: -f3 /proc/self/cgroup | sort -u)" / "its cgroups are its roots"

# Whose time is up tells what it was doing.
said=$(timeout --foreground -s ALRM 3 "$host" sh -c 'mkfifo /tmp/never; sleep 4321 & cat /tmp/never')
is $? 124 "a host whose time is up is ended"
like "$(grep -A 1 '^process ' <<<"$said" | paste -sd' ')" 'process [0-9]+ \([^)]*\) [0-9]+ S[^:]*:[0-9]+ [^	]*	cat /tmp/never' \
	"and says first what each of its processes waits for"
like "$said" 'sleep 4321' "the one in the background, too"
check "then all of them are gone" wait_until 30 eval '! pgrep -f "^sleep 4321"'

# Side by side, and killed.
"$host" sleep 100 &
one=$!
"$host" sleep 101 &
two=$!
wait_until 30 pgrep -f '^sleep 101' >/dev/null
is "$(groups)" 2 "two run side by side, each with a cgroup"
kill -KILL $one
kill -TERM $two
wait $one $two 2>/dev/null
gone() { ! pgrep -f '^sleep 10[01]'; }
check "killed: all processes are gone" wait_until 30 gone
is "$(groups)" 1 "ended by a signal: the cgroup is gone; killed: it waits"
"$host" true
is "$(groups)" 0 "the next one to start has swept it"
check_clean "no mount and no process is left"

# A client as ssh may be, which the first TERM does not reach.
bash -c 'trap "trap - TERM" TERM; touch "$GKT_WORK/deaf"; while :; do sleep 0.1; done' &
deaf=$!
wait_until 30 test -e "$GKT_WORK/deaf"
end_client $deaf
check_not "a client that misses a TERM is ended all the same" kill -0 $deaf
