#!/bin/bash
# host: plain
# S20: a home on NFS, which root has no right to (root_squash, mode 0700), through both doors; and what becomes
# of logins when its server is gone, mounted as servers are: hard, so that whoever asks it waits for good.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user nora
have_user nils --shell /bin/sh
set_ini
start_sshd ''

# --- a server of NFSv4 alone, which needs nothing of rpcbind ---

store=/srv/nfs
serve() { rpc.nfsd -N 3 "$1"; } # THREADS; none is a server that has gone
modprobe nfsd
mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
for user in nora nils; do install -d -o "$user" -g "$user" -m 700 "$store/$user"; done
echo "$store 127.0.0.1(rw,root_squash,sec=sys,fsid=0,no_subtree_check)" >/etc/exports
rpc.mountd -N 3
exportfs -a
serve 2
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null # there is nobody to come back
for user in nora nils; do
	# Nothing is believed that the server has not just said: else a look at a dead one could pass.
	check "$user's home is mounted" mount -t nfs4 -o vers=4.2,sec=sys,hard,noac "127.0.0.1:/$user" "/home/$user"
done
check_not "control: root has no right to it" ls /home/nora
is "$(as_user nora stat -fc %T /home/nora)" nfs "control: its user has"

# --- while the server is there ---

remember_host
works() { # USER DOOR
	run ssh_as "$1" 'pwd; hostname; grep -c " $HOME .*nosuid,nodev.* nfs4 " /proc/self/mountinfo
		mkdir d && echo kept >d/file && mv d/file d/moved && cat d/moved'
	is "$rc:$out" "0:/home/$1"$'\ngocker-container\n1\nkept' "S20: a home on NFS [$2]"
	is "$(stat -c '%U %a' "$store/$1/d/moved"):$(cat "$store/$1/d/moved")" "$1 644:kept" \
		"S20: a home on NFS [$2]: what is written is the user's on the server"
}
works nora shell
pam_door_on
works nils PAM
check_clean "S20: a home on NFS: nothing is left" 20

# --- and when it is gone ---

gone_too() { # the processes that a dead server keeps
	awk '$2 ~ /^\(gocker/ && $3 == "D" { print $1, $2 }' <(cat /proc/[0-9]*/stat 2>/dev/null)
}
hold_session nora 'echo x >here'
check "the server stops" serve 0
start=$SECONDS
mark_syslog
for _ in 1 2; do
	login_of nora true
	echo $?
done >"$GKT_WORK/refused" 2>&1 </dev/null
is "$(sort -ru "$GKT_WORK/refused")" $'gocker: cannot use the home directory /home/nora: its file system does not answer (or set home = tmpfs or none)\n125' \
	"S20: a home on NFS, gone [shell]: the user is told"
check "S20: a home on NFS, gone [shell]: each in bounded time, two in $((SECONDS - start)) s" test $((SECONDS - start)) -le 120
is "$(gone_too)" "" "S20: a home on NFS, gone [shell]: nothing of gocker's waits for the server"
like "$(gocker_log)" 'event=refused .*user="nora".*does not answer' "S20: a home on NFS, gone [shell]: the log tells of it"
run timeout 300 ssh -l nils gocker 'echo in'
# sshd shows what PAM says, the host's message of the day included.
like "$rc:$out$err" '^254:.*gocker: cannot use the home directory /home/nils: its file system does not answer' \
	"S20: a home on NFS, gone [PAM]: the user is told"
is "$(gone_too)" "" "S20: a home on NFS, gone [PAM]: nothing of gocker's waits for the server"
is "$(ssh_as alice hostname)" gocker-container "S20: a home on NFS, gone: others log in"
is "$(ssh_as root hostname)" gocker-vm "S20: a home on NFS, gone: root does"
check "S20: a home on NFS, gone: gocker ps answers" timeout 60 "$GOCKER" ps
drop_session
check "S20: a home on NFS, gone: a session that was open ends" wait_until 20 test ! -d "/proc/$held_init"
check_clean "S20: a home on NFS, gone: nothing is left" 20

check "the server is back" serve 2
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null
check "S20: a home on NFS: and so are its users [shell]" wait_until 10 login_of nora 'cat d/moved'
check "S20: a home on NFS: and so are its users [PAM]" ssh_as nils 'cat d/moved'
check_clean "S20: a home on NFS: and nothing is left in the end" 20
pam_door_off
umount /home/nora /home/nils
serve 0
exportfs -ua
pkill -x rpc.mountd
