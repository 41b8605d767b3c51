#!/bin/bash
# packaging/panels.md, run as it is written, for accounts as Hestia, Virtualmin and ISPConfig make them, in real jails of
# bubblewrap and jailkit. What users have there is tried before, in gocker, and after the way back. What is the panels'
# own is not run.
# timeout: 600
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
need sudo useradd service cron crontab python3 bwrap jk_init jk_jailuser jk_chrootsh
need_product
reader_accounts
reader_sshd
page=$GKT_TOP/packaging/panels.md
site=/var/www/clients/client1/web1
cd "$GKT_WORK" || exit 1
ln -s /usr/local/share/gocker /usr/share/gocker # where a package has it

# --- the host: something to find, and the panels' jails ---

useradd --create-home other
mkdir -p /opt/tool /etc/ssl/site /run/mysqld
echo "a tool" >/opt/tool/readme
echo "a key" >/etc/ssl/site/key.pem
servers=()
# Two sockets of the host, which say who they are: the database's, and one that no user should reach.
for socket in mysqld/mysqld.sock outside.sock; do
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
while True:
    c = s.accept()[0]
    c.sendall(b"reached")
    c.close()' "/run/$socket" </dev/null >/dev/null 2>&1 &
	servers+=($!)
	check "a socket of the host" wait_until 60 test -S "/run/$socket"
	chmod 666 "/run/$socket"
done
sed -i 's,^Subsystem.*sftp.*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config # as Hestia has it
kill -HUP "$(cat /run/sshd.pid)"
wait_until 60 eval '[ "$(times_sshd_began)" -gt 1 ]'

# A /proc with nothing over it is what the kernel asks for before a user namespace may have one of its own.
mkdir "$GKT_WORK/proc"
mount -t proc proc "$GKT_WORK/proc"

# Hestia: a script as the shell. What it shows its user is what the panel's script shows; the words are not the panel's.
cat >/usr/sbin/jailbash <<'END'
#!/bin/bash
etc=() roots=()
for name in profile alternatives localtime ld.so.cache resolv.conf hosts nsswitch.conf ssl manpath.config; do
	etc+=(--ro-bind-try "/etc/$name" "/etc/$name")
done
for name in bin sbin lib lib64; do
	roots+=(--ro-bind-try "/$name" "/$name")
done
exec 11< <(getent passwd "$UID" 65534) 12< <(getent group "$(id -g)" 65534)
exec bwrap --unshare-all --share-net --die-with-parent --ro-bind /usr /usr "${roots[@]}" "${etc[@]}" \
	--file 11 /etc/passwd --file 12 /etc/group \
	--proc /proc --dev /dev --dir /var --dir /tmp --symlink ../tmp var/tmp --bind "$HOME" "$HOME" \
	--bind-try /run/mysqld/mysqld.sock /run/mysqld/mysqld.sock --chdir "$HOME" /bin/bash -l "$@"
END
chmod 755 /usr/sbin/jailbash
groupadd customers
useradd --create-home --shell /usr/sbin/jailbash carla
# Virtualmin: the home mounted into the jail.
useradd --create-home --shell /bin/bash dave
jail=/home/chroot/17
mkdir -p $jail/home/dave
jk_init -f -j $jail basicshell extendedshell sftp >/dev/null
mount --bind /home/dave $jail/home/dave
jk_jailuser -n -s /bin/bash -j $jail dave
# ISPConfig: the shell user has the uid of the site's account, and the site's directory is the jail.
groupadd client1
mkdir -p $site
jk_init -f -j $site basicshell extendedshell sftp >/dev/null
useradd --gid client1 --home-dir $site/./home/web1 --shell /usr/sbin/jk_chrootsh web1
useradd --non-unique --uid "$(id -u web1)" --gid client1 --home-dir $site/./home/c1shop --shell /usr/sbin/jk_chrootsh c1shop
mkdir -p $site/home/c1shop $site/home/web1 $site/web
for user in web1 c1shop; do jk_jailuser -n -s /bin/bash -j $site $user; done
chown web1:client1 $site/home/* $site/web
echo "the site" >$site/web/index.html
for home in /home/carla /home/dave $site/home/c1shop; do
	echo "kept in ${home##*/}" >"$home/file"
done
# A program that the host was given after the jails were made.
printf '#!/bin/sh\necho new\n' >/usr/local/bin/new-program
chmod 755 /usr/local/bin/new-program
accounts_before=$(getent passwd carla dave c1shop web1)
cron_before=$(cat /etc/pam.d/cron)

# --- what a user has ---

facts=$(
	cat <<'END'
fact() { if "${@:2}" >/dev/null 2>&1; then echo "$1 yes"; else echo "$1 no"; fi; }
fact home grep -q kept file
fact "host's python" python3 -c 'print(6 * 7)'
fact "new program" new-program
fact "host's shadow" ls /etc/shadow
fact "key in /etc/ssl" cat /etc/ssl/site/key.pem
fact opt cat /opt/tool/readme
fact "other homes" ls /home/other
fact "site as /web" cat /web/index.html
fact "own process outside" kill -0 "$OUTSIDE"
fact "database's socket" ls /run/mysqld/mysqld.sock
fact "all accounts" grep -q ^other: /etc/passwd
END
)
# had USER OUTLIVES: what a login finds, what sshd does for it, and what holds of a process that it leaves, a fact a line.
# Whether one is to outlive its login (yes or no) says what is waited for.
had() {
	local user=$1 outside client forward=/run/gkt/forward.$1 each
	(exec_as_user "$user" sleep 4000) &
	outside=$!
	# shellcheck disable=SC2029 # here, where they are known
	ssh "$user@localhost" "OUTSIDE=$outside; $facts"
	kill "$outside"

	rm -f accounts "$forward"
	echo 'get /etc/passwd accounts' >sftp.batch
	sftp -q -b sftp.batch "$user@localhost" >/dev/null 2>&1
	echo "sftp outside $(grep -q '^other:' accounts 2>/dev/null && echo yes || echo no)"
	ssh -N -L "$forward:/run/outside.sock" "$user@localhost" >/dev/null 2>&1 &
	client=$!
	wait_until 60 test -S "$forward"
	echo "forward outside $(python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print("yes" if s.recv(10) == b"reached" else "no")' "$forward" 2>&1 | tail -n 1)"
	end_client "$client"

	ssh "$user@localhost" '(exec -a left-over sleep 5000) </dev/null >/dev/null 2>&1 & echo $! >/dev/null'
	if [ "$2" = yes ]; then wait_until 60 left_over "$user"; else wait_until 60 eval "! left_over $user"; fi
	echo "outlives $(left_over "$user" && echo yes || echo no)"
	pkill -u "$user" -f '^left-over'

	ssh "$user@localhost" 'exec sleep 6000' >/dev/null 2>&1 &
	client=$!
	wait_until 60 eval "pgrep -u $user -f '^sleep 6000' >/dev/null"
	each=$(pgrep -u "$user" -f '^sleep 6000' | head -n 1)
	sed -n 's/^\(NoNewPrivs\|Seccomp\):\t/\1 /p' "/proc/$each/status"
	pkill -u "$user" -f '^sleep 6000'
	end_client "$client"
}
left_over() { pgrep -u "$1" -f '^left-over' >/dev/null; }
# found USER WHEN FACTS: what it has is in these lines; all that they do not name is "no".
found() {
	local outlives=no fact
	[[ $3 != *outlives* ]] || outlives=yes
	had "$1" $outlives >"$GKT_WORK/had" 2>"$GKT_WORK/had.err"
	is "$(sed -n 's/ yes$//p; /^NoNew\|^Seccomp/p' "$GKT_WORK/had")" "$3" "$1, $2: has what the page says, and nothing more" || diag "$(cat "$GKT_WORK/had" "$GKT_WORK/had.err")"
	is "$(wc -l <"$GKT_WORK/had")" 16 "$1, $2: all of it was tried"
}
forks() { # USER: how many processes a login can have, up to 150
	ssh "$1@localhost" 'python3 -c "
import os, signal, time
pids = []
try:
    while len(pids) < 150:
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        pids.append(pid)
except OSError:
    pass
print(len(pids))
for pid in pids:
    os.kill(pid, signal.SIGKILL)
"'
}

# Jobs at the start of cron, each of which says which homes or which root it sees.
job='(ls /home; ls -d /*/index.html; echo done)'
for user in carla dave; do echo "@reboot $job >jobs 2>/dev/null" | crontab -u $user -; done
printf '%s\n' "SHELL='/bin/sh'" "@reboot web1 $job >$site/web/full 2>/dev/null" >/etc/cron.d/ispc_web1
printf '%s\n' "SHELL='/usr/sbin/jk_chrootsh'" "@reboot web1 $job >/web/chrooted 2>/dev/null" >/etc/cron.d/ispc_chrooted_web1
jobs_done() { [ "$(cat /home/carla/jobs /home/dave/jobs $site/web/full | grep -c '^done')" = 3 ] && ! pgrep -P "$(cat /run/crond.pid)" >/dev/null; }
sees() { # FILE: what the job in it ran in
	case $(tr '\n' ' ' <"$1") in
	*other*) echo host ;;
	"c1shop web1 /web/index.html done "*) echo jail ;;
	*done*) echo container ;;
	*) echo nothing ;;
	esac
}
cron_round() { # WHEN CARLA DAVE FULL CHROOTED
	rm -f /run/crond.reboot /run/crond.pid /home/*/jobs $site/web/full $site/web/chrooted
	daemon cron
	check "cron, $1: the jobs have run" wait_until 120 jobs_done
	touch $site/web/chrooted
	is "$(sees /home/carla/jobs) $(sees /home/dave/jobs) $(sees $site/web/full) $(sees $site/web/chrooted)" "${*:2}" "cron, $1: where the jobs ran"
	kill "$(cat /run/crond.pid)"
}

# --- in the jails ---

in_jailbash="home
host's python
new program
key in /etc/ssl
database's socket
sftp outside
forward outside
NoNewPrivs 1
Seccomp 0"
in_jailkit="home
own process outside
sftp outside
forward outside
outlives
NoNewPrivs 0
Seccomp 0"
in_site_jail=${in_jailkit/home/$'home\nsite as /web'}
before() { # WHEN
	found carla "$1" "$in_jailbash"
	found dave "$1" "$in_jailkit"
	found c1shop "$1" "$in_site_jail"
	is "$(forks carla)" 150 "carla, $1: no limit of processes"
	cron_round "$1" host host host jail
}
before "in the jail"

# --- in gocker ---

walk "$page" '## The policy'
walk "$page" '## Hestia'
walk "$page" '## Virtualmin'
cron_round "web1 not contained" container container host jail
walk "$page" '## ISPConfig'
in_gocker="home
host's python
new program
opt
database's socket
NoNewPrivs 1
Seccomp 2"
found carla "in gocker" "$in_gocker"
found dave "in gocker" "$in_gocker"
found c1shop "in gocker" "${in_gocker/opt/$'opt\nsite as /web'}"
for user in carla dave c1shop; do
	check "$user, in gocker: pids_max holds" test "$(forks $user)" -lt 60
	is "$(ssh $user@localhost 'id -un; hostname')" "$user"$'\ngocker-container' "$user, in gocker: is who logged in"
done
cron_round "in gocker" container container container nothing
refused "the shell door by itself refuses the shared uid" 'share uid' as_user c1shop "$GOCKER_SHELL" -c id
# What outlives a login of jailkit's outlives one of gocker's with share = user.
cp /etc/gocker.ini "$GKT_WORK/kept.ini"
printf '\n[user:dave]\nshare = user\nlinger = forever\n' >>/etc/gocker.ini
found dave "in gocker, share = user" "${in_gocker/NoNew/$'outlives\nNoNew'}"
"$GOCKER" kill --user dave >/dev/null
cp "$GKT_WORK/kept.ini" /etc/gocker.ini

# --- and back ---

walk "$page" '## And back'
is "$(getent passwd carla dave c1shop web1)" "$accounts_before" "the accounts are as they were"
is "$(cat /etc/pam.d/cron)" "$cron_before" "and so is cron's stack"
check_not "no stack names gocker" grep -rl pam_gocker /etc/pam.d
before "back in the jail"
umount $jail/home/dave
kill "${servers[@]}"
stop_reader
