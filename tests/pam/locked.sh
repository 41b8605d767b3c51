#!/bin/bash
# timeout: 120
# Whoever may read utmp and wtmp may lock them, for ever: no login and no logout waits for him.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need python3
need_product
add_user alice
add_user eve --shell /bin/bash
set_ini
stack gocker-sshd
install -m 664 -g utmp /dev/null /run/utmp
install -m 664 -g utmp /dev/null /var/log/wtmp
start_sshd
remember_host
records() { stat -c %s /run/utmp /var/log/wtmp | tr '\n' ' '; }

run ssh_as alice 'echo in'
is "$rc:$out" 0:in "a login"
check "and its end" wait_until 30 no_leaves
record=$(stat -c %s /run/utmp)
is "$(records)" "$record $((2 * record)) " "its end takes its place in utmp, and follows it in wtmp"
like "$(last -w -f /var/log/wtmp)" "alice .*127.0.0.1" "is recorded (control)"

cat >"$GKT_WORK/hold" <<'PYTHON'
import fcntl, signal, sys
held = [open(name) for name in sys.argv[1:]]
for file in held:
    fcntl.lockf(file, fcntl.LOCK_SH)
print("held", flush=True)
signal.pause()
PYTHON
chmod 711 "$GKT_WORK"
chmod 644 "$GKT_WORK/hold"
for files in /run/utmp /var/log/wtmp "/run/utmp /var/log/wtmp"; do
	mark_syslog
	rm -f "$GKT_WORK/held"
	# shellcheck disable=SC2086 # two files
	(exec_as_user eve python3 "$GKT_WORK/hold" $files) >"$GKT_WORK/held" 2>&1 &
	holder=$!
	check "somebody has locked $files" wait_until 30 grep -q held "$GKT_WORK/held"
	before=$(records)
	run ssh_as alice 'echo in'
	is "$rc:$out" 0:in "a login all the same"
	check "and its keeper ends" wait_until 30 no_leaves
	is "$(gocker_log | grep -c 'event=unrecorded.*locked')" "$((2 * $(wc -w <<<"$files")))" "the log says that login and logout are not recorded there"
	like "$(gocker_log)" 'event=close .*user="alice"' "but has them"
	is "$(gocker_log | grep -c 'event=\(killed\|refused\)')" 0 "and nobody had to be killed or refused"
	if [ "$files" = "/run/utmp /var/log/wtmp" ]; then is "$(records)" "$before" "neither file has changed"; fi
	kill $holder
	wait $holder 2>/dev/null
done

# What half a record at their ends (a disk was full) does to them.
utmp=$(stat -c %s /run/utmp) wtmp=$(stat -c %s /var/log/wtmp)
truncate -s +7 /run/utmp
truncate -s +7 /var/log/wtmp
hold_session alice
like "$(who)" "alice .*gocker/" "who shows who is in, behind a torn record"
drop_session
check "and no more when he has left" wait_until 30 eval '! who | grep alice'
check "the session's end" wait_until 30 no_leaves
is "$(records)" "$((utmp + record)) $((wtmp + 2 * record)) " "utmp has one record of a session, wtmp two; the torn ones are written over"
check_clean "nothing is left"

# The id of a record is the end of the session's: four hex digits, which another's may have. Here all are taken.
cat >"$GKT_WORK/fill" <<'PYTHON'
import struct, sys
def record(n):
    return struct.pack("<hxxi32s4s32s256s", 7, 1, b"pts/9", b"%04x" % n, b"eve", b"") + bytes(384 - 332)
open(sys.argv[1], "wb").write(b"".join(record(n) for n in range(65536)))
PYTHON
python3 "$GKT_WORK/fill" /run/utmp
eves() { who /run/utmp | grep -c '^eve'; }
is "$(stat -c %s /run/utmp):$(eves)" "$((65536 * record)):65536" "control: utmp has a live record of another's for each id that a session can have"
hold_session alice
is "$(eves)" 65536 "A46: a login overwrites no record with the same id"
like "$(who /run/utmp)" $'(^|\n)alice +gocker/' "and is recorded beside them"
drop_session
check "the session is closed" wait_until 30 no_leaves
is "$(eves):$(who /run/utmp | grep -c '^alice')" 65536:0 "A46: its end takes its own record away, and no other"
