#!/bin/bash
# timeout: 240
# image = host: what set-user-ID bits, set-group-ID bits and file capabilities give on the host they do not give in a
# session, whatever way the program comes in; and each program of the host that has such bits is named in
# gocker.ini(5) with what to do, so that nobody finds out by its failure.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need setcap getcap
add_user alice
set_ini 'image = host' 'pids_max = 60'
stack gt

# The secret is in her home, root's alone: it can be reached in a session, and only a privilege reads it.
echo planted-secret >/home/alice/secret
chown root:root /home/alice/secret
chmod 600 /home/alice/secret
mkdir -p /opt/planted /srv/planted /usr/local/bin
# plant DIRECTORY: `cat` and `grep` with each kind of privilege.
plant() {
	for kind in cap suid sgid; do
		install -m 755 "$(command -v cat)" "$1/$kind-cat"
		install -m 755 "$(command -v grep)" "$1/$kind-grep"
	done
	setcap cap_dac_read_search,cap_setuid,cap_net_admin=ep "$1/cap-cat"
	setcap cap_dac_read_search,cap_setuid,cap_net_admin=ep "$1/cap-grep"
	chmod 4755 "$1/suid-cat" "$1/suid-grep"
	chmod 2755 "$1/sgid-cat" "$1/sgid-grep"
}
plant /usr/local/bin
plant /opt/planted
plant /srv/planted
plant /home/alice
remember_host

ids="'^\\(Uid\\|Gid\\|Cap[PE][a-z]*\\):' /proc/self/status"
# state DIRECTORY KIND: what such a program is, and what it reads.
state() { printf '%s\n' "$1/$2-grep $ids | tr '\\t\\n' '  '; $1/$2-cat /home/alice/secret 2>/dev/null; echo"; }
uid=$(uid_of alice) gid=$(id -g alice)
plain="Uid: $uid $uid $uid $uid Gid: $gid $gid $gid $gid CapPrm: 0000000000000000 CapEff: 0000000000000000 "

for dir in /usr/local/bin /opt/planted /srv/planted /home/alice; do
	is "$(as_user alice sh -c "$(state $dir cap)")" \
		"Uid: $uid $uid $uid $uid Gid: $gid $gid $gid $gid CapPrm: 0000000000001084 CapEff: 0000000000001084 planted-secret" \
		"control: file capabilities in $dir read root's file on the host"
	is "$(as_user alice sh -c "$(state $dir suid)" | grep -o 'Uid: [0-9 ]*\|planted.*')" "Uid: $uid 0 0 0 "$'\n'planted-secret \
		"control: so does a set-user-ID program"
	is "$(as_user alice sh -c "$(state $dir sgid)" | grep -o 'Gid: [0-9 ]*')" "Gid: $gid 0 0 0 " "control: and set-group-ID takes the group"
done

# session DOOR CMD
session() {
	case $1 in
	shell) as_user alice "$GOCKER_SHELL" -c "$2" ;;
	pam) pamdrive gt alice open try "$2" close | grep -v '^\(open\|run\|close\): ' ;;
	exec) "$GOCKER" exec "$id" sh -c "$2" ;;
	esac
}
set_ini 'image = host' 'pids_max = 60' 'volumes = /srv/planted:/v' "files =$(printf ' /srv/planted/%s:/f/%s' {cap,suid,sgid}-{cat,grep}{,})"
mkfifo -m 666 /home/alice/go
as_user alice "$GOCKER_SHELL" -c 'cat ~/go' &
held=$!
opened() { [ "$("$GOCKER" ps -q | wc -l)" = 1 ]; }
check "a session is held for gocker exec" wait_until 60 opened
id=$("$GOCKER" ps -q)
for door in shell pam exec; do
	all='' want=''
	for dir in /usr/local/bin /opt/planted /v /f /home/alice; do
		for kind in cap suid sgid; do
			all+="echo \"$dir/$kind \$($(state $dir $kind))\""$'\n'
			want+="$dir/$kind $plain"$'\n'
		done
	done
	is "$(session $door "$all")" "${want%$'\n'}" \
		"[$door]: none has an effect in /usr, /opt, a volume, a file of files and the home, nor reads anything"
done
is "$(session pam 'getcap /usr/local/bin/cap-cat; stat -c %a /usr/local/bin/suid-cat')" \
	$'/usr/local/bin/cap-cat cap_dac_read_search,cap_setuid,cap_net_admin=ep\n4755' "control: the bits are there to be seen inside"
echo >/home/alice/go
wait "$held"

# --- gocker image show host names them ---

shown=$("$GOCKER" image show -q --format json host | jq -r '.harmless[].path')
is "$(grep '^/usr/local/bin/' <<<"$shown" | sort | tr '\n' ' ')" \
	"$(printf '/usr/local/bin/%s ' cap-cat cap-grep gocker-shell sgid-cat sgid-grep suid-cat suid-grep)" "image show host lists programs with any of the bits"
rm /usr/local/bin/{cap,suid,sgid}-*

# --- and the manual names those of this host ---

sed -n "/^.Sh THE HOST'S PROGRAMS/,/^.Sh FILES/p" "$GKT_TOP/packaging/man/gocker.ini.5" | tr -c 'a-zA-Z0-9_.-' '\n' >"$GKT_WORK/named"
check "the manual has a list" grep -qx newgrp "$GKT_WORK/named"
# What Debian ships for every host or for what is common on one. Others are the administrator's own, and image show host
# names them.
{
	find /usr -xdev -type f -perm /6000 -perm /111 2>/dev/null
	getcap -r /usr 2>/dev/null | awk '{ print $1 }'
} | sort -u >"$GKT_WORK/bits"
known='required|important|standard|sudo|at|cron|fuse3|uidmap|iputils-ping|openssh-client|dbus|mariadb-server'
# With a merged /usr a package's list may have a file without it. Then: the package, or its priority.
sed 'p; s,^/usr,,' "$GKT_WORK/bits" >"$GKT_WORK/names"
grep -xF -f "$GKT_WORK/names" /var/lib/dpkg/info/*.list | sed 's,^/var/lib/dpkg/info/\([^:]*\)\(:[a-z0-9]*\)\?\.list:,\1 ,' >"$GKT_WORK/owners"
dpkg-query -W -f '${Package} ${Priority}\n' | awk -v known="^($known)\$" '
	FNR == 1 { file++ }
	file == 1 { if ($1 ~ known || $2 ~ known) package[$1] }
	file == 2 && ($1 in package) { sub(".*/", "", $2); print $2 }
	' - "$GKT_WORK/owners" | sort -u >"$GKT_WORK/debians"
check "this host has such programs" grep -qx passwd "$GKT_WORK/debians"
echo "# held against the manual: $(tr '\n' ' ' <"$GKT_WORK/debians")"
is "$(grep -vxF -f "$GKT_WORK/named" "$GKT_WORK/debians")" "" "each of Debian's programs here with set-uid bits or capabilities is named in gocker.ini(5)"
echo "unnamed-$$" >>"$GKT_WORK/debians"
is "$(grep -vxF -f "$GKT_WORK/named" "$GKT_WORK/debians")" "unnamed-$$" "control: one that is not would be found"
check_clean "nothing is left"
