#!/bin/bash
# A53, A56: the image's code waits for root's daemon, which stays on the host; and a program that is not known
# to fork gets no session. A29: one that enters itself (whole=) has descriptors that lead out. A79: links to others' roots.
. "$(dirname "$0")/_lib.sh"
[[ $(doors) = *pam* ]] || { skip "the PAM door" "it is not built"; exit 0; }
need pamtester python3
own_images
evil=/var/lib/gocker/images/evil
cp -a /var/lib/gocker/images/alpine $evil
set_ini 'image = evil'
add_user alice
mkdir -p $evil/etc/update-motd.d $evil/usr/local/sbin
printf '#!/bin/sh\necho "trap uid=$(id -u) $(grep CapEff /proc/self/status)" >&2\n' >$evil/usr/local/sbin/run-parts
chmod 755 $evil/usr/local/sbin/run-parts
remember_host
motd_behind() { # MODE: pam_motd, which executes run-parts, behind the last line
	stack gt
	sed -i "s|narrow=|$1=|" /etc/pam.d/gt
	echo 'session optional pam_motd.so motd=/run/motd.dynamic' >>/etc/pam.d/gt
	run pamdrive gt alice open try hostname close
}
motd_behind whole
like "$out$err" 'trap uid=0' "A53 control: with whole= root's daemon runs the image's run-parts"
like "$out$err" 'trap uid=0 CapEff:[[:space:]]0+' "A53 [pam]: even then it has no capability"
motd_behind narrow
unlike "$out$err" 'trap uid' "A53 [pam]: with narrow= the image's run-parts is not run"
like "$out" gocker-container "A53 [pam]: and the session is contained"

stack gt
run pamtester gt alice open_session
isnt "$rc" 0 "A56 [pam]: a program that nobody has named opens no session"
like "$out$err" 'pamtester is not a program whose sessions can be contained' "A56 [pam]: and the user is told why"
drive gt alice open root 'grep CapEff /proc/self/status' close
like "$out" 'CapEff:[[:space:]]0+' "A56 [pam]: what a narrowed child executes as root has no capability"

# A program that enters itself, and serves its user in a fork that executes nothing, as ftp daemons do: whatever
# descriptor it has the user finds by a path (CWD /proc/self/fd/N).
stack gt
sed -i 's|narrow=|whole=|' /etc/pam.d/gt
drive gt alice open user 'hostname; id -un' close
is "$(sed -n 2,4p <<<"$out" | xargs)" "gocker-container alice run: 0" "with whole= what the program forks is inside, and works"
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
sed -i "s|whole=[^ ]*|whole=$python|" /etc/pam.d/gt
echo on-the-host >/etc/only-on-host
cat >"$GKT_WORK/ftpd" <<'FTPD'
import ctypes, os, pwd, sys
pam, handle = ctypes.CDLL("libpam.so.0"), ctypes.c_void_p()
function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
class Conversation(ctypes.Structure):
    _fields_ = [("function", function), ("data", ctypes.c_void_p)]
conversation, user = Conversation(function(lambda *a: 19), None), pwd.getpwnam("alice")
if sys.argv[1:]: own = os.open("/", os.O_PATH)
pam.pam_start(b"gt", b"alice", ctypes.byref(conversation), ctypes.byref(handle))
print("open", pam.pam_open_session(handle, 0), flush=True)
child = os.fork()
if child == 0:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    print("outside" if os.path.exists("/etc/only-on-host") else "inside", flush=True)
    for fd in os.listdir("/proc/self/fd"):
        try: print(open("/proc/self/fd/%s/etc/only-on-host" % fd).read().strip(), flush=True)
        except OSError: pass
    os._exit(0)
os.waitpid(child, 0)
print("close", pam.pam_close_session(handle, 0), "outside" if os.path.exists("/etc/only-on-host") else "inside")
FTPD
run "$python" "$GKT_WORK/ftpd" own
is "$(xargs <<<"$out")" "open 0 inside on-the-host close 0 outside" "A29 control: a descriptor of the host's that the program has opened leads out"
run "$python" "$GKT_WORK/ftpd"
is "$(xargs <<<"$out")" "open 0 inside close 0 outside" "A29 [pam]: with whole= none of gocker's own does"
rm /etc/only-on-host
# A79: a child of the daemon's goes to the caller's directory inside while it is root. Where that leads is up to the
# image (and, in a container that its user's logins share, to the user): through /proc it would get at what another
# process has that is on its way inside, and whose root and directory are the host's still.
mkdir /srv/door
stack gt
for where in /etc /proc/1/root/etc; do
	ln -sfn $where $evil/srv/door
	for mode in narrow whole; do
		stack gt
		sed -i "s|narrow=|$mode=|" /etc/pam.d/gt
		cd /srv/door && run pamdrive gt alice open user 'readlink /proc/self/cwd' close
		cd / || exit 1
		if [ $where = /etc ]; then
			is "$(sed -n 2p <<<"$out")" /etc "A79 [pam] control: with $mode= the image's link is followed"
		else
			is "$(sed -n 2p <<<"$out")" / "A79 [pam]: with $mode= none is that leads through another process's root"
		fi
	done
done
(cd /srv/door && exec pamdrive gt alice open user 'sleep 1000' close) >/dev/null &
caller=$!
wait_until 60 pgrep -xU alice sleep >/dev/null
init=$("$GOCKER" inspect "$("$GOCKER" ps -q)" | awk '$1 == "Init" { print $2 }')
is "$(nsenter -t "$init" -m -p sh -c 'cd /srv/door && readlink /proc/self/cwd')" /etc "A79 [pam] control: root who is inside gets there by chdir(2)"
kill -KILL "$(pgrep -xU alice sleep)"
wait $caller
rmdir /srv/door
check_clean "nothing is left"
