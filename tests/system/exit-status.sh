#!/bin/bash
# How a command ends is how the session ends: same code, or same signal.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
set_ini
start_sshd
own_images
remember_host

start_master alice
wrong=
for ((code = 0; code < 256; code++)); do
	ssh_over alice "exit $code" </dev/null
	got=$?
	[ "$got" = "$code" ] || wrong+="$code came as $got; "
done
is "$wrong" "" "exit codes 0 to 255 are exact through ssh (S2)"
stop_master alice

# ended CMD: "exit N" or "signal N", as the caller of the shell sees it.
ended() {
	perl -e 'system { $ARGV[0] } @ARGV; printf "%s\n", $? & 127 ? "signal " . ($? & 127) : "exit " . ($? >> 8)' \
		setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice \
		"$GOCKER_SHELL" -c "$1" 2>"$GKT_WORK/ended.err" </dev/null | tail -n 1
}
for signal in 1 2 6 8 9 10 11 12 13 14 15 31; do # ash ignores 3
	is "$(ended "kill -$signal \$\$")" "signal $signal" "death by signal $signal is death by signal $signal (S2)"
done
is "$(ended 'exit 143')" "exit 143" "exit code 143 is not taken for a TERM"
is "$(ended 'exit 137')" "exit 137" "exit code 137 is not taken for a KILL"
is "$(ended 'sh -c "kill -9 \$\$"; exit $?')" "exit 137" "what the shell makes of a killed child stays the shell's"
run ssh_as alice -v 'kill -TERM $$'
is "$rc" 255 "ssh reports death by a signal as such"
like "$err" 'exit-signal|Exited with signal|client_input_channel_req.*exit-signal' "sshd tells the client which signal"
is "$(ended 'nosuchcommand')" "exit 127" "a command that is not there: 127"
is "$(ended '/etc/passwd')" "exit 126" "a command that can't run: 126"
ended 'nosuchcommand' >/dev/null
like "$(cat "$GKT_WORK/ended.err")" 'nosuchcommand.*not found' "the shell's own words about it come through"

# The policy's shell itself.
set_ini 'shell = /no/such/shell'
is "$(ended 'true')" "exit 127" "the policy's shell is not in the image: 127"
is "$(wc -l <"$GKT_WORK/ended.err")" 1 "and one line says so"
set_ini 'shell = /etc/passwd'
is "$(ended 'true')" "exit 126" "the policy's shell can't be run: 126"

# A shell that is in the image, and does not start.
images=/var/lib/gocker/images
shell_says() { # STATUS TEXT NAME
	is "$(ended 'true')" "exit $1" "$3: $1"
	is "$(cat "$GKT_WORK/ended.err")" "gocker: /bin/odd $2; nothing was run" "$3: the reason is told"
}
patch() { # FILE OFFSET BYTES
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
set_ini 'shell = /bin/odd'
cp "$(readlink -f /bin/true)" $images/alpine/bin/odd
shell_says 127 "needs the loader $(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p'), which is not in the image" "a program of the host"
printf '#!/opt/none -x\n' >$images/alpine/bin/odd
shell_says 127 "needs the interpreter /opt/none, which is not in the image" "a script whose interpreter is missing"
echo nothing >$images/alpine/bin/odd
shell_says 126 "has no format that the kernel can execute" "a file that is no program"
cp $images/alpine/bin/busybox $images/alpine/bin/odd
patch $images/alpine/bin/odd 18 '\0363\0' # EM_RISCV
shell_says 126 "is a program for another machine (riscv)" "a program for another machine"
case $(uname -m) in
x86_64) beside=i386 bytes='\0003\0' ;;
*) beside=arm bytes='\0050\0' ;;
esac
patch $images/alpine/bin/odd 4 '\0001' # ELFCLASS32
patch $images/alpine/bin/odd 18 "$bytes"
shell_says 126 "is a program for another machine ($beside)" "one for the 32-bit machine, which the filter would stop at each call"
rm $images/alpine/bin/odd
run "$GOCKER" run true
is "$rc" 0 "a program of the image starts"
set_ini

# A session ends with its first command, whatever else runs.
SECONDS=0
run ssh_as alice 'sleep 1000 & sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 & exit 5'
is "$rc" 5 "background processes do not change the exit status"
check "and do not hold the session: $SECONDS s (S18)" test $SECONDS -lt 900
run ssh_as alice 'trap "" TERM HUP INT; (trap "" TERM HUP; setsid sh -c "sleep 1000") & exit 0'
is "$rc" 0 "a process that ignores signals does not hold the session"
check_clean "none of the background processes is left (S18, A41)"

# Login shells.
is "$(echo 'echo $0' | ssh_as alice -T)" -sh "without a command the shell is a login shell (S5)"
echo 'export FROM_PROFILE=yes' >/home/alice/.profile
is "$(echo 'echo $FROM_PROFILE' | ssh_as alice -T)" yes "a login shell reads ~/.profile (S5)"
is "$(ssh_as alice 'echo $FROM_PROFILE')" "" "a command does not (S5)"
echo 'exit 7' | ssh_as alice -T
is $? 7 "a login shell's exit status is handed on"
echo 'false' | ssh_as alice -T
is $? 1 "also when it ends by the end of its input"
check_clean "nothing is left"
