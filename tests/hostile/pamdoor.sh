#!/bin/bash
# timeout: 200
# What the other files try with the set-uid program, against the PAM door: the daemon's leftovers in place of a
# caller's, the same images, the same places made beforehand. And A49, A52 with their controls.
. "$(dirname "$0")/_lib.sh"
[[ $(doors) = *pam* ]] || { skip "the PAM door" "it is not built"; exit 0; }
need python3
own_images
add_user alice --groups students
add_user bob
set_ini
stack gt
host=$(readlink /proc/self/ns/mnt)
remember_host
# contained NAME CMD...: an application's session was opened, ran, and was somewhere else than the host.
contained() {
	local name=$1 ns
	shift
	run "$@"
	ns=$(grep -o 'mnt:\[[0-9]*\]' <<<"$out")
	if [[ $out == *'open: 0'*'run: 0'* && -n $ns && $ns != "$host" ]]; then ok "$name"; else not_ok "$name" "$rc: $out" "$err"; fi
}
which_ns='exec readlink /proc/self/ns/mnt'
opened=(open user "$which_ns" close)
says() { sed '/^open: /d; /^run: /d; /^close: /d' <<<"$out"; } # what the user's program said
asks() { drive gt alice open user "$1" close; }

# A2, A4, A13: nothing tells the door that it is inside already, or to run something else.
touch /.dockerenv /run/.containerenv
contained "A2 [pam]: files and variables that say it is inside" env container=gocker GOCKER=1 GOCKER_SESSION=1 pamdrive gt alice "${opened[@]}"
rm /.dockerenv /run/.containerenv
stack su
cp /etc/pam.d/su /etc/pam.d/su-l
run as_user alice su - alice -c "$which_ns" # asks for no password: the stack permits
isnt "$out" "$host" "A4 [pam]: su to oneself"
like "$rc:$out" '^0:mnt:' "A4 [pam]: and it works"
mkdir -p "$GKT_WORK/bin"
printf '#!/bin/sh\ntouch /run/gkt/fake-ran\n' >"$GKT_WORK/bin/gocker-keeper"
chmod 755 "$GKT_WORK/bin/gocker-keeper"
(cd "$GKT_WORK/bin" && contained "A13 [pam]: a keeper in the daemon's PATH and directory" env PATH="$GKT_WORK/bin:$PATH" pamdrive gt alice "${opened[@]}")
tap_n=$((tap_n + 1))
check_not "A13 [pam]: is not run" test -e /run/gkt/fake-ran

# A6, A7: strings and descriptors.
big=$(head -c 120000 /dev/zero | tr '\0' x)
asks "echo $big | wc -c"
is "$(says)" 120001 "A6 [pam]: 120 KB of command go through as one string"
asks $'printf %s "\xff\xfe\x80" | wc -c'
is "$(says)" 3 "A6 [pam]: invalid UTF-8 goes through untouched"
for closed in '0<&-' '1>&-' '2>&-' '0<&- 1>&- 2>&-'; do
	rm -f /home/alice/fds
	run sh -c "exec pamdrive gt alice open user 'readlink /proc/self/ns/mnt >/home/alice/fds; ls -l /proc/self/fd >>/home/alice/fds' close $closed"
	like "$(cat /home/alice/fds)" '^mnt:' "A7 [pam]: a daemon with $closed: a session"
	isnt "$(head -n 1 /home/alice/fds)" "$host" "A7 [pam]: contained"
	unlike "$(cat /home/alice/fds)" 'pidfd|socket|-> /(etc|run|usr|var)?$' "A7 A29 [pam]: and nothing of the door's is open in the user's program"
done

# A18: a name of which the beginning is another account's.
long=$(printf 'l%.0s' {1..255})
add_user "$long" --home /home/long
add_user "${long}x" --home /home/longer
printf "%s\n" "auth required pam_permit.so" "account required pam_permit.so" "session required pam_gocker.so $NAMED" >/etc/pam.d/single
set_ini "[user:$long]" 'contain = no'
run pamdrive single "${long}x" "${opened[@]}"
like "$out" '^open: 6' "A18 [pam]: 256 letters, of which 255 are the name of one who is not contained: refused"
run pamdrive single "$long" "${opened[@]}"
like "$out" "open: 0.${host//[\[\]]/.}.run: 0" "A18 [pam] control: that one is let through"
set_ini

# A8: the keeper's environment is its own, whatever the daemon's is.
cat >"$GKT_WORK/slack" <<'SLACK'
import ctypes, os, sys
ctypes.CDLL(None).prctl(29, ctypes.c_ulong(10**15), 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
SLACK
env GCONV_PATH=/tmp/evil LOCPATH=/tmp/evil RES_OPTIONS=evil TZ=:/tmp/evil NLSPATH=/tmp/evil \
	python3 "$GKT_WORK/slack" pamdrive gt alice open user 'sleep 60' close >"$GKT_WORK/out" 2>&1 &
caller=$!
wait_until 20 sh -c "test -n \"\$($GOCKER ps -q)\""
wait_until 20 sh -c 'test "$(pgrep -xc gocker-keeper)" = 1' # the one that was spawned ends
keeper=$(pgrep -x gocker-keeper)
is "$(tr '\0' '\n' <"/proc/$keeper/environ")" "" "A8 [pam]: the keeper starts with no environment"
like "$(tr '\0' '\n' <"/proc/$caller/environ")" 'RES_OPTIONS=evil' "A8 [pam] control: its daemon has one"
# The caller of su is the user: su hands his timer slack on (prctl(2)).
is "$(cat "/proc/$keeper/timerslack_ns"):$(cat "/proc/$caller/timerslack_ns")" 50000:1000000000000000 "A41 [pam]: nor has it the daemon's timer slack"
# A42: what is killed and waited for is held by pidfds, from outside.
check "A42 [pam]: the keeper holds the caller and init by pidfds" test "$(for f in "/proc/$keeper/fd/"*; do readlink "$f"; done | grep -c pidfd)" -ge 2
is "$(readlink "/proc/$keeper/ns/pid" "/proc/$keeper/ns/mnt")" "$(readlink /proc/self/ns/pid /proc/self/ns/mnt)" "A42 [pam]: and is outside of the session"
# A26: the mount table during a session.
host_mounts >"$GKT_WORK/during"
kill -KILL "$(pgrep -x -U alice sleep)"
{ wait $caller; } 2>/dev/null
host_mounts >"$GKT_WORK/after"
is "$(diff "$GKT_WORK/during" "$GKT_WORK/after")" "" "A26 [pam]: the host's mount table is the same during a session and after it"

# A9, A11, A15: limits, umask, groups of the daemon's.
for limit in '-f 0' '-n 16' '-n 8' '-u 1' '-c unlimited' '-l 0' '-i 0' '-q 0' '-S -t 1'; do
	run bash -c "ulimit $limit 2>/dev/null; exec pamdrive gt alice open try '$which_ns' close"
	if [[ $out =~ mnt: ]]; then
		unlike "$out" "${host//[\[\]]/.}" "A9 [pam]: a daemon with ulimit $limit: contained"
	else
		like "$out" 'open: (6|14|4|5|28)|^$|run: [1-9]' "A9 [pam]: a daemon with ulimit $limit: refused, and nothing ran"
	fi
done
run bash -c 'ulimit -n 77; exec pamdrive gt alice open user "ulimit -n" close'
is "$(says)" 77 "A9 [pam] control: the user's program has the daemon's limits"
for mask in 000 777; do
	run bash -c "umask $mask; exec pamdrive gt alice open user umask close"
	is "$(says)" 0$mask "A11 [pam]: a daemon's umask $mask is its user's"
	is "$(find /run/gocker ! -user root -o -perm /077 | grep -v '^/run/gocker$')" "" "A11 [pam]: gocker's files are root's alone"
done
run setpriv --groups 0,6 pamdrive gt alice open user 'id -G' close
is "$(says | tr ' ' '\n' | sort | tr '\n' ' ')" "$(id -G alice | tr ' ' '\n' | sort | tr '\n' ' ')" "A15 [pam]: groups left over in the daemon are not the user's: theirs are the host's"

# A14: the stub, which is a file of the host's.
asks 'exec 2>/dev/null; for f in '"$GOCKER_SHELL"' /proc/1/exe; do echo x >>$f; echo $?; rm -f $f; echo $?; done'
is "$(says | sort -u)" 1 "A14 [pam]: the entry stub can be neither written nor removed"
run as_user alice sh -c 'cp /bin/true ~/own && echo x >>~/own'
is "$rc" 0 "A14 [pam] control: a program of their own can be written"
rm -f /home/alice/own

# A23 to A28, A51: images.
image=/var/lib/gocker/images/bad
probe='cat /proc/self/status >/dev/null; stat -f -c %T /proc /dev/pts; id -G; stat -c %t:%T /dev/null; grep -c ^evil /etc/passwd; test -u /bin/busybox && grep -cE "^([^ ]+ ){4}/ .*nosuid" /proc/self/mountinfo'
asks "$probe"
normal=$(says)
like "$normal" '^proc.devpts.*1:3.0$' "A22 [pam] control: what a session has of its own"
try_image() { # NAME COMMAND in the image [EXPECTED]
	rm -rf $image
	cp -a /var/lib/gocker/images/alpine $image
	(cd $image && eval "$2")
	set_ini 'image = bad'
	asks "$probe"
	if [[ $out = *'open: 6'* ]]; then unlike "$out" devpts "$1: refused"; else is "$(says)" "${3:-$normal}" "$1: the session is as it would be without"; fi
}
try_image "A23 [pam]: a file as the image's /dev/null, /dev/console" 'rm -rf dev; mkdir dev; echo x >dev/null; ln -s /etc/passwd dev/console'
try_image "A24 [pam]: the image's /proc holds files" 'mkdir -p proc/self/attr; echo x >proc/sysrq-trigger; ln -s /etc proc/sys'
try_image "A22 [pam]: the image's /proc is a link" 'rm -rf proc; ln -s /tmp proc'
try_image "A22 [pam]: the image's /dev/pts is a link" 'rm -rf dev/pts; mkdir -p dev; ln -s ../../../.. dev/pts'
try_image "A28 A51 [pam]: the image's passwd, group and nsswitch.conf name the user" \
	'printf "alice:x:0:0::/:/bin/sh\nevil:x:1:1::/:/bin/sh\n" >>etc/passwd; echo "root:x:0:alice" >etc/group; echo "group: evil" >etc/nsswitch.conf'
try_image "A28 [pam]: the image has an ld.so.preload and libnss" 'echo /evil.so >etc/ld.so.preload; echo x >lib/libnss_files.so.2'
try_image "A27 [pam]: set-uid programs in the image" 'chmod 4755 bin/busybox' "$normal"$'\n'1
rm -rf $image
set_ini

# A25, A44: places made beforehand.
refuses() { # NAME
	drive gt alice "${opened[@]}"
	like "$out" 'open: 6' "$1"
}
mv /run/gocker /run/gocker.away
for make in 'ln -s /tmp /run/gocker' 'mkdir -m 777 /run/gocker' 'install -d -o alice -m 700 /run/gocker' 'touch /run/gocker'; do
	eval "$make"
	refuses "A25 A44 [pam]: $make: refused"
	rm -rf /run/gocker
done
mv /run/gocker.away /run/gocker
for dir in mnt u "u/$(id -u alice)"; do
	chmod 755 "/run/gocker/$dir"
	refuses "A44 [pam]: others may look into /run/gocker/$dir: refused"
	chmod 700 "/run/gocker/$dir"
done
contained "A25 A44 [pam] control: as they were, the login works" pamdrive gt alice "${opened[@]}"

# A49: the control of what privilege.sh's neighbour controls.sh tries: su in a place with a cgroup of its own.
cgroup=$PIDS_CGROUP/of-admin
mkdir "$cgroup"
printf '%s required pam_permit.so\n' auth account session >/etc/pam.d/su
cp /etc/pam.d/su /etc/pam.d/su-l
run sh -c "echo \$\$ >$cgroup/cgroup.procs; exec su - alice -s /bin/sh -c 'readlink /proc/self/ns/mnt; cat /proc/self/cgroup'"
like "$out" "^${host//[\[\]]/.}.*of-admin" "A49 control: without gocker's lines su stays in that place, on the host"
wait_until 10 rmdir "$cgroup"

# A52: daemons whose handlers run in between, or that have threads.
drive gt alice thread open
like "$out" 'open: 6$' "A52 [pam]: a daemon with two threads is refused"
for how in reaper ignore; do
	drive gt alice $how open user hostname close
	like "$out" $'open: 0\ngocker-container\n(run: 0\n)?close: 0' "A52 [pam]: a daemon that has SIGCHLD set to $how gets in"
done
run python3 -c '
import ctypes, os, threading
def part(): ctypes.CDLL(None).unshare(0x04000000); ready.set(); done.wait()
ready, done = threading.Event(), threading.Event()
t = threading.Thread(target=part); t.start(); ready.wait()
print(len({os.readlink("/proc/self/task/%s/ns/uts" % x) for x in os.listdir("/proc/self/task")})); done.set()'
is "$out" 2 "A52 control: what changes its namespaces with two threads has moved one of them"
check_clean "nothing of all this is left"
