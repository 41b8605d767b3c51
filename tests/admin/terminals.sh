#!/bin/bash
# The terminals of sessions that have ended, held by a descriptor in another session: whom doctor names, and that the
# last of the host's are kept for who is not contained.
. "$(dirname "$0")/../lib/test.sh"
need python3
need_product
add_user alice
add_user bob
add_user carol --shell /bin/sh
set_ini 'image = host'
start_sshd
cat >/home/alice/hand.py <<'EOP'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "keep":
    s.bind("sock")
    s.listen(9)
    kept = []
    while True:
        c, _ = s.accept()
        kept.append(c.recvmsg(1, socket.CMSG_SPACE(4))[1])
        with open("kept.new", "w") as f:
            f.write(str(len(kept)))
        os.rename("kept.new", "kept")
        c.close()
s.connect("sock")
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
s.recv(1)
EOP
listens() { grep -q ' sock$' /proc/net/unix; }
kept() { [ "$(cat /home/alice/kept 2>/dev/null)" = "$1" ]; }
no_pty() { [ -z "$(find /dev/pts -name '[0-9]*')" ]; }
hold_session alice 'python3 hand.py keep &'
check "a session waits for terminals" wait_until 60 listens
for _ in 1 2 3; do ssh_as alice -tt 'python3 hand.py give' >/dev/null 2>&1; done
check "it gets those of three sessions" wait_until 60 kept 3
check "which have ended" wait_until 60 no_pty

# What the kernel counts is the machine's, and other tests use terminals too: the numbers are the test's.
for what in nr max; do
	echo 4096 >"$GKT_WORK/$what"
	mount --bind "$GKT_WORK/$what" "/proc/sys/kernel/pty/$what"
done
counted() { # USED MOST
	echo "$1" >"$GKT_WORK/nr"
	echo "$2" >"$GKT_WORK/max"
}
counted 2047 4096
run "$GOCKER" doctor
like "$out" 'terminals +2047 of 4096 in use' "doctor tells how many are in use [limit host_terminals counted]"
unlike "$out" 'terminals .*uid' "and looks no further where half of all are free"
counted 2048 4096
run "$GOCKER" doctor
like "$out" "warn +terminals +2048 of 4096 in use; uid $(id -u alice) holds some of sessions that have ended, by 3 descriptors
 +do: gocker kill --user" "else it names who holds some of sessions that have ended"

counted 3840 4096
run ssh_as bob -tt 'echo ran'
like "$rc:$out$err" '^125:.*3840 of this host.s 4096 terminals are in use, and the rest is kept for administrators; log in without one' \
	"a contained login gets none of the last sixteenth [limit host_terminals hog] [limit host_terminals told]"
unlike "$out" ran "and nothing runs"
run ssh_as bob 'echo ran'
is "$rc:$out" 0:ran "one without a terminal is let in"
run ssh_as carol -tt 'echo ran'
like "$rc:$out" 0:ran "and so is one that is not contained, with a terminal [limit host_terminals beside]"
counted 3839 4096
run ssh_as bob -tt 'echo ran'
like "$rc:$out" 0:ran "of the others it gets one"

"$GOCKER" kill --user alice >/dev/null
nobody_holds() { "$GOCKER" doctor | grep -q 'terminals *3839 of 4096 in use$'; }
check "gocker kill ends who holds some" wait_until 60 nobody_holds
wait "$held_pid"
umount /proc/sys/kernel/pty/nr /proc/sys/kernel/pty/max
