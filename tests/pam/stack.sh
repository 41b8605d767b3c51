#!/bin/bash
# Other modules in the same stack see what they would without gocker: the host, and a caller with all
# its powers.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice --no-home
set_ini
cat >/usr/local/bin/note <<'SH'
#!/bin/sh
{
	echo "$PAM_TYPE user=$PAM_USER host=$(hostname)"
	for ns in mnt uts ipc pid cgroup net user; do echo "$ns $(readlink /proc/self/ns/$ns)"; done
	grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
	cat /proc/self/cgroup
	stat -c 'root %d:%i' /
	pwd
} >>/run/gkt/notes 2>&1
SH
chmod 755 /usr/local/bin/note
echo 'GREETING DEFAULT="good morning"' >/etc/security/pam_env.conf
echo 'alice hard nofile 777' >/etc/security/limits.conf
mkdir -p /etc/skel && echo skeleton >/etc/skel/from-skel
echo 'words of the day' >/etc/motd
others=('required pam_exec.so /usr/local/bin/note' 'required pam_env.so' 'required pam_limits.so'
	'optional pam_motd.so motd=/etc/motd' 'required pam_mkhomedir.so umask=0077' 'required pam_exec.so /usr/local/bin/note')
notes() { rm -f /run/gkt/notes; "$@" >"$GKT_WORK/said" 2>&1; cat /run/gkt/notes; }

stack gt "${others[@]}"
grep -v pam_gocker /etc/pam.d/gt >/etc/pam.d/plain
plain=$(notes pamdrive plain alice open close)
rm -rf /home/alice
with=$(notes pamdrive gt alice open user 'hostname; pwd; cat ~alice/from-skel; ulimit -Hn' close)
is "$with" "$plain" "pam_exec at open and close: namespaces, root, cgroup, capabilities as without gocker"
is "$(grep -c 'open_session\|close_session' <<<"$with")" 4 "and it ran each time"
like "$(cat "$GKT_WORK/said")" $'words of the day' "pam_motd speaks"
like "$(cat "$GKT_WORK/said")" $'gocker-container\n/\nskeleton\n777' \
	"a home made by pam_mkhomedir is there inside, and the limits of pam_limits hold"

# A container that is full does not hold the other modules up at the close.
set_ini 'pids_max = 3'
with=$(notes pamdrive gt alice open user 'sleep 100 & sleep 100 & sleep 100 & sleep 100 & true' close)
is "$(grep -c close_session <<<"$with")" 2 "pam_exec runs at the close of a full container"
set_ini

# Through sshd: the environment comes from the stack.
stack gocker-sshd "${others[@]}" 'required pam_unix.so'
start_sshd
remember_host
is "$(ssh_as alice 'echo $GREETING; ulimit -Hn' | tail -n 2)" $'good morning\n777' "pam_env and pam_limits reach the user's shell"
# A module after `outer` that fails: no container is left, nothing runs uncontained.
stack gocker-sshd 'required pam_exec.so quiet /bin/false'
run ssh_as alice 'hostname'
is "$rc:$(grep -c throwaway <<<"$out")" 254:0 "another required module fails: no command runs"
stack gocker-sshd 'requisite pam_exec.so quiet /bin/false'
run ssh_as alice 'hostname'
is "$rc:$(grep -c throwaway <<<"$out")" 254:0 "the same with requisite, when the last line is never reached"
check_clean "and nothing is left"

# A module between the two lines that changes the user.
add_user bob --shell /bin/sh
for other in bob root; do
	stack gt "required $GKT_HELPERS/pam_rename.so $other"
	mark_syslog
	run pamdrive gt alice open user hostname close
	unlike "$out$err" 'gocker-container' "PAM_USER changed to $other after outer: the login is refused"
	like "$(gocker_log)" 'PAM_USER was changed' "and the log says why"
	check_clean "and nothing is left of it"
done
stack gt "required $GKT_HELPERS/pam_rename.so alice"
run pamdrive gt alice open user hostname close
like "$out" gocker-container "control: set to the same name, it goes on"
