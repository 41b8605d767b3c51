#!/bin/bash
# timeout: 240
# Whatever goes wrong: PAM_PERM_DENIED (6), the caller where it was, nothing left, one line.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
KEEPER=/usr/local/libexec/gocker/gocker-keeper
add_user alice
set_ini
stack gt
{ cat /etc/pam.d/gt; echo 'account required pam_gocker.so'; } >/etc/pam.d/gta
sed -i '/account required pam_permit/d' /etc/pam.d/gta
grep -v outer /etc/pam.d/gt >/etc/pam.d/gt1
remember_host

drive gt alice state open close state
before=$(sed '/^open:/,$d' <<<"$out") after=$(sed '1,/^close:/d' <<<"$out")
like "$out" $'open: 0\nclose: 0' "open and close succeed"
is "$after" "$before" "after the close the caller is as it was: fds, namespaces, root, cwd, cgroup, capabilities, signals"

# By the directory that it had, not by its path: a user's file system that does not answer may lie there by then.
if has_fuse; then
	asks_server() { grep -q request "/proc/$1/wchan"; } # PID: it waits in the kernel for a FUSE server
	ended() { ! kill -0 "$1" 2>/dev/null; }
	mkfifo "$GKT_WORK/go"
	(cd /home/alice && exec pamdrive gt alice open wait close state <"$GKT_WORK/go" >"$GKT_WORK/returns" 2>&1) &
	driver=$!
	exec 5>"$GKT_WORK/go"
	wait_until 60 has_leaf
	wait_until 60 grep -q '^open: 0' "$GKT_WORK/returns"
	home_on_fuse alice hang
	sh -c 'cd /home/alice && ls' >/dev/null 2>&1 &
	control=$!
	check "control: who goes to the caller's directory by its path waits for its server" wait_until 60 asks_server "$control"
	echo >&5
	check "the caller comes back to its directory without a word with it" wait_until 60 ended "$driver"
	home_off_fuse alice
	wait "$driver" "$control" 2>/dev/null
	exec 5>&-
	like "$(cat "$GKT_WORK/returns")" 'close: 0' "its session is closed"
	like "$(cat "$GKT_WORK/returns")" '/proc/self/cwd.* /home/alice' "and it is where it was"
fi

drive gt1 alice state open user 'hostname' close state
before=$(sed '/^open:/,$d' <<<"$out") after=$(sed '1,/^close:/d' <<<"$out")
like "$out" $'open: 0\ngocker-container\nrun: 0\nclose: 0' "the last line alone does both"
is "$after" "$before" "and brings the caller back as well"

drive gt alice state open open user hostname close state
before=$(sed '/^open:/,$d' <<<"$out") after=$(sed '1,/^close:/d' <<<"$out")
# libpam itself answers the close with what the failed open left in its cache.
like "$out" $'open: 0\n.*open: 6\ngocker-container\nrun: 0\nclose: ' "a second open is refused, the first goes on"
is "$after" "$before" "and is closed as it should be"
drive gt alice close open close close
is "$out" $'close: 0\nopen: 0\nclose: 0\nclose: 0' "a close without an open does nothing"
drive gt alice open second user hostname close
like "$out" $'open: 0\n.*second: 6\ngocker-container\nrun: 0\nclose: 0' \
	"a second handle in a process with an open session is refused: no file of the image is run as root (A28)"
drive gt nobody-here open
like "$out" $'^open: 6$' "an unknown user is refused"
drive gt alice open forkclose user 'hostname' close
like "$out" $'open: 0\nforkclose: 0\ngocker-container\nrun: 0\nclose: 0' "a fork's close leaves the session alone"
drive gt alice open end user 'hostname'
like "$out" $'open: 0\ngocker-container\nrun: 0' "pam_end without a close: the session lives as long as the process"
check_clean "and no longer"
# The fork is inside: it goes with the process that opened, and can close nothing.
drive gt alice open detach root 'hostname; sleep 1000' close
like "$out" $'^open: 0(\ngocker-container)?$' "a service that forks into the background after the open: the session goes with the process that opened it"
check_clean "and all that it forked"
drive gt alice thread open
like "$out" 'open: 6$' "a caller with threads is refused (A52)"
like "$out" 'said: gocker: ' "with one line"
for how in reaper ignore; do
	drive gt alice $how open user hostname close
	like "$out" $'open: 0\ngocker-container\n(run: 0\n)?close: 0' "a caller that has SIGCHLD set to $how (A52)"
done
drive gt alice atd reaper state open user 'id -un' close state
like "$out" $'open: 0\nalice\n(run: 0\n)?close: 0' "a caller whose real uid is not root's, as atd (A52)"

# The user's processes and what they have.
drive gt alice open user 'id -un; pwd; ls /root' close
like "$out" $'alice\n' "the daemon's own look-up of the user works inside"
drive gta alice acct
is "$out" "acct: 6" "the account line refuses who is contained"
set_ini 'contain = no'
drive gta alice acct state open user hostname state close state
like "$out" $'^acct: 0' "the account line lets who is not contained"
is "$(sed '/^open:/,$d;/^acct/d' <<<"$out")" "$(sed '1,/^run/d;/^close/,$d' <<<"$out")" "contain = no leaves the session untouched"
like "$out" throwaway "it runs on the host"
set_ini
drive gta root acct state open root hostname state
like "$out" $'^acct: 0' "root passes the account line"
like "$out" throwaway "root is let through"
is "$(sed '/^open:/,$d;/^acct/d' <<<"$out")" "$(sed '1,/^run/d' <<<"$out")" "root's session is untouched"
sed -i 's/pam_gocker.so.*/& nonsense/' /etc/pam.d/gt1
drive gt1 alice state open state
like "$out" 'open: 6' "an unknown option refuses"
drive gt1 root open
like "$out" 'open: 0' "but never root"
grep -v outer /etc/pam.d/gt >/etc/pam.d/gt1
steps_logged() { # OPTION: how many of its steps the module tells of
	sed "s/pam_gocker.so.*/& $1/" /etc/pam.d/gt >/etc/pam.d/gtd
	mark_syslog
	drive gtd alice open close
	gocker_log | grep -cE 'event=(keeper .*contained=yes|inside)'
}
is "$(steps_logged debug)" 2 "debug: the module tells of its steps in the log"
is "$(steps_logged '')" 0 "without it, it does not"

# A keeper that is not what it should be.
check_refused() { # NAME
	like "$out" 'open: 6' "$1: PAM_PERM_DENIED"
	is "$(sed '/^open:/,$d;/^said/d' <<<"$out")" "$(sed '1,/^open/d' <<<"$out")" "$1: the caller is untouched"
	is "$(grep -c '^said: gocker: ' <<<"$out")" 1 "$1: one line"
}
mv $KEEPER $KEEPER.real
drive gt alice state open state
check_refused "no keeper"
printf '#!/bin/sh\nexit 0\n' >$KEEPER
chmod 755 $KEEPER
drive gt alice state open state
check_refused "a keeper that ends at once"
printf '#!/bin/sh\necho garbage >&0; sleep 2\n' >$KEEPER
drive gt alice state open state
check_refused "a keeper that talks nonsense"
printf '#!/bin/sh\nkill -STOP $$\n' >$KEEPER
SECONDS=0
drive gt alice state open state
check_refused "a keeper that hangs"
check "a keeper that hangs is given up in time ($SECONDS s)" test $SECONDS -lt 600
mv $KEEPER.real $KEEPER
check_clean "nothing is left of any of them"

# A keeper that hangs in mid-session: the user works on, and the close is bounded.
mkfifo "$GKT_WORK/go"
rm -f "$GKT_WORK/said"
pamdrive gt alice open wait user hostname state wait close state <"$GKT_WORK/go" >"$GKT_WORK/said" 2>&1 &
driver=$!
exec 7>"$GKT_WORK/go"
waits() { [ "$(grep -c '^pid' "$GKT_WORK/said")" = "$1" ]; }
wait_until 60 waits 1
kill -STOP "$(pgrep -x gocker-keeper)"
echo >&7
wait_until 60 waits 2
like "$(cat "$GKT_WORK/said")" $'gocker-container\nrun: 0' "a keeper that hangs in mid-session: the session goes on"
SECONDS=0
echo >&7
exec 7>&-
wait "$driver"
rm "$GKT_WORK/go"
like "$(cat "$GKT_WORK/said")" 'close: 14' "the close says that something went wrong"
check "and is bounded ($SECONDS s)" test $SECONDS -lt 600
"$GOCKER" gc >/dev/null 2>&1
check_clean "nothing is left of it"

# A keeper that dies in mid-session.
mkfifo "$GKT_WORK/go"
rm -f "$GKT_WORK/said"
pamdrive gt alice open user 'echo here; sleep 100' wait close <"$GKT_WORK/go" >"$GKT_WORK/said" 2>&1 &
driver=$!
exec 7>"$GKT_WORK/go"
wait_until 60 grep -q here "$GKT_WORK/said"
kill -KILL "$(pgrep -x gocker-keeper)"
wait_until 60 grep -q '^pid' "$GKT_WORK/said"
like "$(cat "$GKT_WORK/said")" 'run: 137' "when the keeper is killed everything inside is"
echo >&7
exec 7>&-
wait "$driver"
like "$(cat "$GKT_WORK/said")" 'close: 0' "and the caller, who never went inside, closes as ever"
drive gt alice open close
is "$out" $'open: 0\nclose: 0' "the next login is as any"
check_clean "which has swept what was left"
