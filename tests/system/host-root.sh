#!/bin/bash
# timeout: 300
# image = host: the root is made of the host's own /usr, read-only, and of what the allow-list names.
# Nothing else of the host shows, through either door.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
add_user alice
add_user ben
set_ini 'image = host' 'pids_max = 60'
stack gt
ALLOW=/etc/gocker.d/host.allow

# One secret of each class, each readable by everyone: only that it is not in the root keeps it.
mkdir -p /etc/planted.d /var/lib/planted /var/backups /srv/planted /boot /run/planted /opt/tool
SECRETS=(/etc/planted.key /etc/planted.d/key /var/lib/planted/dump.sql /var/backups/planted.sql
	/root/planted-backup.tar /srv/planted/file /boot/planted-key /run/planted/planted.key
	/home/ben/planted-diary /etc/ssh/ssh_host_planted_key)
for file in "${SECRETS[@]}"; do
	echo planted-secret >"$file"
	chmod 644 "$file"
done
chmod 755 /root /home/ben /var/backups
echo tool >/opt/tool/readme
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/run/planted/planted.sock", Listen => 1) and chmod 0666, "/run/planted/planted.sock" and sleep 1000' &
server=$!
wait_until 60 test -S /run/planted/planted.sock
remember_host

as_alice() { as_user alice "$GOCKER_SHELL" -c "$1"; }

# --- it is the host's ---

run as_alice 'id -un; hostname; cat /etc/os-release'
is "$rc" 0 "a login works"
is "$(sed -n '1,2p' <<<"$out")" $'alice\ngocker-container' "as the user, in a container"
is "$(tail -n +3 <<<"$out")" "$(cat /etc/os-release)" "the system is the host's"
run as_alice 'readlink /bin || echo /bin; bash -c "echo bash"; perl -e "print qq{perl\n}"; ldconfig -p | head -c 5 >/dev/null; echo $?'
is "$out" "$(readlink /bin || echo /bin)"$'\nbash\nperl\n0' "the host's programs and libraries run"
run as_alice 'cat /etc/passwd | cut -d: -f1; ls /home; cat /opt/tool/readme'
is "$(tr '\n' ' ' <<<"$out")" "root alice nobody alice tool " "the accounts and the home are the session's, /opt the host's"
run as_alice 'touch /usr/x /opt/x /etc/alternatives/x /etc/x 2>&1 | grep -vc "Read-only\|Permission denied"; echo x >~/kept; cat ~/kept'
is "$out" $'0\nx' "nothing but the home can be written"
run as_alice 'su -c true 2>&1 </dev/null; echo "rc $?"; grep NoNewPrivs /proc/self/status; awk "\$5 == \"/usr\" { print \$6 }" /proc/self/mountinfo'
like "$out" 'rc [1-9]' "su is without effect"
like "$out" 'NoNewPrivs:[[:blank:]]1' "as no_new_privs makes it"
like "$out" 'ro,nosuid,nodev' "and nosuid, nodev, read-only"

run "$GOCKER" doctor
unlike "$out" "there is no image 'host'" "doctor takes it for no missing image"

# --- the plan, and the mount table ---

plan=$("$GOCKER" explain --plan alice)
is "$(grep -cx 'image "host"' <<<"$plan")" 1 "explain names the root"
is "$(grep -cx 'mount skeleton "/" nosuid,nodev from root:"upper"' <<<"$plan")" 1 "it is a tmpfs with the parts bound in"
is "$(grep -cx 'mount host "/usr" ro,nosuid,nodev from host:"/usr"' <<<"$plan")" 1 "and prints each"
is "$("$GOCKER" explain --format json alice | jq -r '.plan.image, (.plan.mounts[] | select(.target == "/usr") | .kind, .from.host, .by)')" \
	$'host\nhost\n/usr\nimage' "as JSON, too"
targets=$(as_alice 'cut -d" " -f5 /proc/self/mountinfo' | sort)
is "$(grep -vxF "$(mounts_of_plan <<<"$plan")" <<<"$targets")" "" "no mount is there that is not planned"
is "$(needed_mounts_of_plan <<<"$plan" | grep -vxF "$targets")" "" "every planned mount is there"
is "$(as_alice 'awk "{ print \$6, \$5 }" /proc/self/mountinfo' | grep -v nosuid)" "" "every mount is nosuid"

# --- and nothing else is ---

# found DOOR: what of the planted secrets a walk from / reads, with the root of PID 1 and of other processes.
# /usr is the host's as it is: what is in it is looked at by name alone.
walk='grep -rsl planted-secret /etc /var /root /run /srv /boot /home /opt /tmp /mnt 2>/dev/null; find / -name "*planted*" -not -path "/proc/*" 2>/dev/null
	for d in /proc/1/root /proc/self/root/.. /proc/1/cwd/..; do ls $d/etc/planted* $d/var/backups $d/srv/* $d/boot/* 2>/dev/null; done'
control=$(as_user alice sh -c "for f in ${SECRETS[*]}; do cat \$f; done" 2>/dev/null | grep -c planted-secret)
is "$control" "${#SECRETS[@]}" "A64 control: on the host alice reads every one of the planted secrets"
is "$(as_user alice find /run/planted /etc -name '*planted*' 2>/dev/null | sort)" \
	$'/etc/planted.d\n/etc/planted.key\n/etc/ssh/ssh_host_planted_key\n/run/planted\n/run/planted/planted.key\n/run/planted/planted.sock' \
	"A64 control: and her walk finds them"
run as_alice "$walk; echo walked"
is "$out" walked "A64: a walk through the shell door finds none"
run pamdrive gt alice open try "$walk; echo walked" close
is "$(grep -c planted <<<"$out")" 0 "A64: a walk through the PAM door finds none"
like "$out" walked "A64: and it walked"
run "$GOCKER" run --image host sh -c "$walk; echo walked"
is "$out" walked "A64: nor does the container's root under gocker run"

# Every name in /etc that a session can list is one of the list's or one of gocker's own.
expected=$("$GOCKER" explain --plan alice | sed -nE 's/^(entry [a-z]+ [0-7]+ [0-9:]+|mount host) "(\/etc\/[^"]*)".*/\2/p' | sort -u)
is "$(as_alice 'find /etc -xdev -mindepth 1' | sort | grep -vxF "$expected")" "" "A64: /etc has what the plan names, and nothing else"
is "$(as_alice 'find /var /run /root /srv /boot /home -xdev -mindepth 1 -type f 2>/dev/null')" "" "A64: /var, /run, /root, /srv, /boot and /home are empty"
is "$(as_alice 'cat /etc/shadow /etc/sudoers /etc/gocker.ini /etc/ssh/sshd_config 2>/dev/null; ls /etc/cron* /etc/pam.d 2>/dev/null')" "" \
	"A64: shadow, sudoers, cron, PAM and gocker.ini are out"

# Every file, socket and pipe that can be read, without exception outside /proc: the home, a directory that
# the plan binds, or an entry of the plan. /dev has gocker's log socket besides the nodes.
readable='find / -path /proc -prune -o \( -type f -o -type s -o -type p \) -readable -print 2>/dev/null'
# not_planned DOOR: the lines of stdin that are none of those.
not_planned() {
	"$GOCKER" explain --plan --door "$1" alice | awk '
		NR == FNR && match($0, /^entry [a-z]+ [0-7]+ [0-9:]+ "/) { split(substr($0, RLENGTH + 1), p, "\""); entry[p[1]]; next }
		NR == FNR && /^mount (host|tree) / { split($0, p, "\""); dir[p[2] "/"]; next }
		NR == FNR { next }
		{
			for (d in dir) if (index($0, d) == 1) next
			if (!($0 in entry) && $0 != "/dev/log") print
		}' - "$GKT_WORK/readable"
}
control_list() { sed -n '\,^/etc/passwd$,p; \,^/opt/tool/readme$,p; \,^/usr/bin/env$,p' "$GKT_WORK/readable" | sort; }
for door in shell pam root; do
	case $door in
	shell) as_alice "$readable" ;;
	pam) pamdrive gt alice open try "$readable" close | grep '^/' ;;
	root) pamdrive gt alice open root "$readable" close | grep '^/' ;;
	esac >"$GKT_WORK/readable"
	is "$(control_list)" $'/etc/passwd\n/opt/tool/readme\n/usr/bin/env' "A64 [$door] control: the list of what can be read has what it must"
	case $door in
	shell) is "$(not_planned shell)" "" "A64 [$door] and nothing that the allow-list does not name" ;;
	*) is "$(not_planned pam)" "" "A64 [$door] and nothing that the allow-list does not name" ;;
	esac
done
as_user alice find /etc /var /root /run /srv /boot /home -type f -readable 2>/dev/null | sort >"$GKT_WORK/readable"
is "$(not_planned shell | grep -c planted)" "${#SECRETS[@]}" "A64 control: the same comparison names each of the planted secrets where nothing keeps them out"

# --- the administrator's list ---

mkdir -p /etc/gocker.d /etc/frobnicate
echo frob >/etc/frobnicate/conf
echo private >/etc/frob.private
chmod 640 /etc/frob.private
chown root:alice /etc/frob.private
echo theirs >/etc/frob.ben
chown ben /etc/frob.ben
printf '%s\n' '# ours' /etc/frobnicate /etc/frob.private /etc/frob.ben '!/opt' >$ALLOW
run as_alice 'cat /etc/frobnicate/conf; ls -d /opt /etc/frob.* 2>/dev/null; echo end'
is "$out" $'frob\nend' "a line lets in and another keeps out; what not everyone may read, or is not root's, stays out"

# A file is copied at login: whole, and as it is at that moment.
echo '/etc/frob-size-*' >$ALLOW
write_sizes() {
	local size
	for size in 0 1 65536 65537 200000 1048576 1048577; do
		head -c $size /dev/urandom >/etc/frob-size-$size
		touch -d 2020-01-01 /etc/frob-size-$size
	done
	chmod 644 /etc/frob-size-*
	want=$(cd /etc && sha256sum frob-size-* | grep -v 1048577)
}
write_sizes
run as_alice 'cd /etc && sha256sum frob-size-*'
is "$out" "$want" "a file of the list is inside whole, whatever its size up to 1 MiB"
before=$want
write_sizes
isnt "$want" "$before" "control: they have changed, and have the same sizes and times"
run as_alice 'cd /etc && sha256sum frob-size-*'
is "$out" "$want" "the next login has them as they are by then"
rm /etc/frob-size-*
printf '%s\n' '/etc/*' >$ALLOW
refused "a fault is told: /etc/gocker.d/host.allow:1: .* wildcards alone" '^gocker: /etc/gocker.d/host.allow:1: .* wildcards alone' as_user alice "$GOCKER_SHELL" -c id
for line in /etc/shadow /etc/ssh/ssh_host_planted_key /var/lib/mysql; do
	echo "$line" >$ALLOW
	refused "a fault is told: $line is never shown" 'never shown' as_user alice "$GOCKER_SHELL" -c id
done
echo '/home/ben' >$ALLOW
refused "a fault is told: make it a volume" 'make it a volume' as_user alice "$GOCKER_SHELL" -c id
printf '%s\n' '/etc/s*' '/etc/ssh*' >$ALLOW
run as_alice 'ls /etc/shadow* /etc/sudoers /etc/ssh/ssh_host* /etc/ssl/private 2>/dev/null; echo end'
is "$out" end "A64: a wildcard that is too wide still lets no secret in"
chmod 666 $ALLOW
refused "a fault is told: can be written by others" 'can be written by others' as_user alice "$GOCKER_SHELL" -c id
rm $ALLOW

# --- a line keeps out something in a directory that is let in ---

mkdir -p /opt/homes/ben /opt/vendor/conf /opt/vendor/lib /opt/v1
echo planted-diary >/opt/homes/ben/diary
echo planted-conf >/opt/vendor/conf/db.php
echo planted-conf >/opt/v1/secret
ln -s v1 /opt/cur
echo library >/opt/vendor/lib/x
printf '#!/bin/sh\necho vendor runs\n' >/opt/vendor/run
chmod 755 /opt/vendor/run
is "$(as_alice 'cat /opt/homes/ben/diary /opt/vendor/conf/db.php')" $'planted-diary\nplanted-conf' "A64 control: without such a line all of /opt is seen"
printf '%s\n' '!/opt/homes' '!/opt/vendor/conf' '!/opt/*/secret' >$ALLOW
for door in shell pam; do
	look='find /opt/homes /opt/vendor /opt/v1 /opt/cur 2>/dev/null | sort; /opt/vendor/run; cat /opt/vendor/lib/x /opt/tool/readme'
	case $door in
	shell) out=$(as_alice "$look") ;;
	pam) out=$(pamdrive gt alice open try "$look" close | grep -v '^[a-z]*: ') ;;
	esac
	is "$out" $'/opt/cur\n/opt/v1\n/opt/vendor\n/opt/vendor/lib\n/opt/vendor/lib/x\n/opt/vendor/run\nvendor runs\nlibrary\ntool' \
		"A64 [$door] what such lines name is not there, and what is beside it is"
done
# What is kept out by a mount over it comes back when the host renames another file there.
mkfifo -m 666 /home/alice/go
as_alice 'cat go >/dev/null; find /opt -name "*secret*" -o -name "db*"; grep -rs planted /opt; echo end' >"$GKT_WORK/later" &
live=$!
opened() { [ "$("$GOCKER" ps --format json | jq length)" = 1 ]; }
wait_until 60 opened
echo planted-new >/opt/v1/.new
mv /opt/v1/.new /opt/v1/secret
mkdir /opt/vendor/conf.new
echo planted-new >/opt/vendor/conf.new/db.php
mv /opt/vendor/conf /opt/vendor/conf.old
mv /opt/vendor/conf.new /opt/vendor/conf
echo >/home/alice/go
wait "$live"
is "$(cat "$GKT_WORK/later")" end "A64: nor in a session that lives, after the host replaces it by rename"
is "$(as_alice 'ls /opt/vendor')" $'conf.old\nlib\nrun' "the next login sees what is there now"
rm -r /opt/vendor/conf.old /home/alice/go
echo '!/opt/cur/secret' >$ALLOW
refused "a fault is told: /opt/cur is a symbolic link" '^gocker: /etc/gocker.d/host.allow:1: /opt/cur is a symbolic link; name what it leads to' \
	as_user alice "$GOCKER_SHELL" -c id
echo '!/usr/bin/env' >$ALLOW
refused "a fault is told: a line that would take a directory of too many files apart" 'match more than 512 files' as_user alice "$GOCKER_SHELL" -c id
mkdir -p /usr/local/planted
echo planted-secret >/usr/local/planted/x
echo '!/usr/local/planted' >$ALLOW
run as_alice 'ls /usr/local/planted 2>&1; awk "\$5 ~ \"^/usr/local\" { print \$6 }" /proc/self/mountinfo | grep -vc ro,nosuid,nodev; gcc --version >/dev/null; echo $?'
like "$out" "No such file or directory" "A64: below /usr/local, too"
is "$(tail -n +2 <<<"$out")" $'0\n0' "where all else is read-only, and there"
run pamdrive gt alice open try 'ls /usr/local/planted; id -un' close
is "$(grep -cx alice <<<"$out")" 1 "the PAM door has its stub there"
rm -r $ALLOW /usr/local/planted /opt/homes /opt/vendor /opt/v1 /opt/cur

# --- the keys keep their meaning ---

set_ini 'image = host' 'root = readonly' 'home = none'
run as_alice 'echo ~; awk "\$5 == \"/\" { print \$6 }" /proc/self/mountinfo; ls -A /home; touch /new /etc/new 2>&1 | grep -c "Read-only"'
is "${out/,relatime/}" $'/\nro,nosuid,nodev\n2' "root = readonly and home = none: / is read-only, there is no home"
mkdir -p /srv/course
echo lesson >/srv/course/one
set_ini 'image = host' 'home = tmpfs' 'network = none' 'volumes = /srv/course:/course:ro' 'pids_max = 7'
run as_alice 'cat /course/one; ls -A ~; grep -c : /proc/net/dev; cat /sys/fs/cgroup/pids.max 2>/dev/null; ulimit -c'
is "$(head -2 <<<"$out")" $'lesson\n1' "home = tmpfs, volumes and network = none"
set_ini 'image = host' 'volumes = /srv/course:/opt/course'
refused "a fault is told: lies in or covers /opt" 'lies in or covers /opt' as_user alice "$GOCKER_SHELL" -c id
set_ini 'image = host'
run "$GOCKER" run --image host --read-only --userns sh -c 'id -u; cat /usr/bin/env >/dev/null && echo reads; stat -c %u /usr'
is "$out" $'0\nreads\n65534' "gocker run --userns: the host's files are not its root's"
kill "$server"
check_clean "logins with image = host leave nothing"
