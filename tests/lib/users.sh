# shellcheck shell=bash
# Throwaway users. They are written straight into the private /etc, so that names which useradd(8)
# refuses can be tested as well.

# add_user NAME [--shell PATH] [--groups G,G] [--uid N] [--gid N] [--home DIR] [--no-home]: the shell
# is gocker-shell unless said otherwise; the primary group has the user's name and number.
add_user() {
	local name=$1 shell=$GOCKER_SHELL groups='' uid='' gid='' home=/home/$1 make_home=yes group
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--shell) shell=$2 ;;
		--groups) groups=$2 ;;
		--uid) uid=$2 ;;
		--gid) gid=$2 ;;
		--home) home=$2 ;;
		--no-home) make_home=no && shift && continue ;;
		*) echo "add_user: $1?" >&2 && return 2 ;;
		esac
		shift 2
	done
	: "${uid:=$(next_id)}"
	if [ -z "$gid" ]; then
		gid=$uid
		printf '%s:x:%s:\n' "$name" "$gid" >>/etc/group
	fi
	printf '%s:x:%s:%s:%s,,,:%s:%s\n' "$name" "$uid" "$gid" "$name" "$home" "$shell" >>/etc/passwd
	printf '%s:*:19000:0:99999:7:::\n' "$name" >>/etc/shadow
	for group in ${groups//,/ }; do join_group "$name" "$group"; done
	if [ "$make_home" = yes ]; then
		mkdir -p "$home"
		chmod 700 "$home"
		chown "$uid:$gid" "$home"
	fi
}

next_id() { awk -F: 'BEGIN { n = 2000 } $3 >= n && $3 < 60000 { n = $3 + 1 } END { print n }' /etc/passwd; }

add_group() { # NAME [GID]
	printf '%s:x:%s:\n' "$1" "${2:-$(awk -F: 'BEGIN { n = 7000 } $3 >= n && $3 < 60000 { n = $3 + 1 }
		END { print n }' /etc/group)}" >>/etc/group
}

join_group() { # USER GROUP: the group is made if it is missing
	grep -q "^$2:" /etc/group || add_group "$2"
	awk -F: -v OFS=: -v user="$1" -v group="$2" \
		'$1 == group { $4 = $4 == "" ? user : $4 "," user } { print }' /etc/group >/etc/group.new
	cat /etc/group.new >/etc/group
	rm /etc/group.new
}

set_shell() { # USER PATH
	awk -F: -v OFS=: -v user="$1" -v shell="$2" '$1 == user { $7 = shell } { print }' /etc/passwd \
		>/etc/passwd.new
	cat /etc/passwd.new >/etc/passwd
	rm /etc/passwd.new
}

uid_of() { id -u "$1"; }

# as_user USER CMD [ARG...]: outside of any container, in a clean environment. exec_as_user is the
# same in place of the (sub)shell that calls it: `(exec_as_user USER CMD) &` makes $! the command.
as_user() { (exec_as_user "$@"); }
exec_as_user() {
	local home
	home=$(getent passwd "$1" | cut -d: -f6)
	exec setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups --reset-env \
		env HOME="$home" "${@:2}"
}

# home_on_fuse NAME serve|hang|deny: a home on FUSE, which answers, never answers, or denies root
# (hostile/outside/hangfs.c).
has_fuse() { [ -c /dev/fuse ] && grep -q fuse /proc/filesystems; }
home_on_fuse() {
	rm -f "$GKT_WORK/fuse"
	hangfs "/home/$1" "$(id -u "$1")" "$2" >"$GKT_WORK/fuse" 2>&1 &
	fuse_pid=$!
	wait_until 5 grep -q ready "$GKT_WORK/fuse"
}
home_off_fuse() { # NAME
	kill -9 "$fuse_pid"
	wait "$fuse_pid" 2>/dev/null
	umount -l "/home/$1"
}
