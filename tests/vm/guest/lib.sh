# shellcheck shell=bash
# What a test in a whole host sources. The functions of tests/lib work here as in the throwaway host,
# but for these: the host's own sshd and log take the place of the private ones.
# shellcheck source=../../lib/test.sh
. "$GKT_TOP/tests/lib/test.sh"

# Here a process that is started costs what hundreds do elsewhere: what is asked often starts none or one.
GKT_POLL=0.3
mkfifo "$GKT_WORK/never"
exec {never}<>"$GKT_WORK/never"
nap() { read -rt "$1" -u "$never" || :; }

SSHD_SETUP=/etc/ssh/sshd_config.d/00-tests.conf

# start_sshd [LINE...]: the host's sshd with its own PAM stack, with these lines at the top of its
# configuration; every user may log in with the one key of the tests.
start_sshd() {
	if [ ! -e /root/.ssh/id_ecdsa ]; then
		install -d -m 700 /root/.ssh
		# OpenSSL does these curves much faster than OpenSSH does its own.
		ssh-keygen -q -t ecdsa -N '' -f /root/.ssh/id_ecdsa
		install -m 644 /root/.ssh/id_ecdsa.pub /etc/ssh/tests_keys
	fi
	SSH_PORT=22 write_ssh_config
	# The newer exchanges are most of a login's time on an emulated processor.
	printf '\t%s\n' 'KexAlgorithms ecdh-sha2-nistp256' 'PreferredAuthentications publickey' >>/root/.ssh/config
	sed -i 's/id_ed25519$/id_ecdsa/' /root/.ssh/config
	printf '%s\n' "$@" 'AuthorizedKeysFile /etc/ssh/tests_keys' 'HostKey /etc/ssh/ssh_host_ecdsa_key' \
		'MaxStartups 1000' 'MaxSessions 100' >"$GKT_WORK/sshd"
	# The script before may have left it as it is to be.
	if ! cmp -s "$GKT_WORK/sshd" "$SSHD_SETUP" || ! listens 22; then
		cp "$GKT_WORK/sshd" "$SSHD_SETUP"
		restart_sshd
	fi
}
restart_sshd() {
	if [ "$GKT_HOST" = systemd ]; then
		systemctl restart ssh.service
	else
		pkill -o -x sshd
		daemon /usr/sbin/sshd
	fi
	wait_until 20 listens 22 || echo "# sshd did not start" >&2
}
stop_sshd() { :; }

# A session that a script still holds ends with it: the next one is to find nothing.
trap 'end_script $?' EXIT
end_script() { # STATUS
	[ -z "${held_pid:-}" ] || drop_session
	(exit "$1")
	tap_end
}

# have_user NAME [add_user's options]: the scripts of a host share its users.
have_user() {
	id "$1" >/dev/null 2>&1 || add_user "$@"
	[ ! -L /run/systemd/system/user@.service ] || keep_runtime_dir "$(uid_of "$1")"
}

listens() { ss -Hltn "sport = :$1" | grep -q .; }

# What the host logged since the last `mark_syslog`.
mark_syslog() {
	if [ "$GKT_HOST" = systemd ]; then
		journalctl --sync
		journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p' >"$GKT_WORK/syslog.mark"
	else
		wc -c </var/log/messages >"$GKT_WORK/syslog.mark"
	fi
}
host_log() {
	if [ "$GKT_HOST" = systemd ]; then
		journalctl --sync
		journalctl -q -o short-precise --after-cursor "$(cat "$GKT_WORK/syslog.mark")"
	else
		tail -c "+$(($(cat "$GKT_WORK/syslog.mark") + 1))" /var/log/messages
	fi
}
gocker_log() { host_log | grep -a ' gocker[a-z_-]*\[[0-9]*\]: '; }

# What counts as left behind here is gocker's: logind and cron have comings and goings of their own, and
# the scope's anchor stays for the next login.
host_processes() {
	local name
	while read -r name; do
		[ "$name" = gocker-anchor ] || echo "$name"
	done < <(grep -hs '^gocker' /proc/[0-9]*/comm | sort)
}
host_mounts() { sed 's/^[^ ]* [^ ]* //; \| /run/user/|d' /proc/1/mountinfo; }
session_leaves() { # [UID]
	local leaf
	while read -r leaf; do echo "${leaf%/}"; done < <(compgen -G "$(sessions_base)/u${1:-*}/*/")
}

# As the one in tests/lib, which looks the user up with programs; and what sshd starts for USER, without it.
exec_as_user() { exec setpriv --reuid "$1" --regid "$1" --init-groups --reset-env "${@:2}"; }
login_of() { as_user "$1" "$GOCKER_SHELL" -c "$2"; } # USER CMD

# hundredths CMD [ARG...]: runs it and prints how long it took, in hundredths of a second.
hundredths() {
	local start=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1 </dev/null
	echo $(((${EPOCHREALTIME/./} - start) / 10000))
}

SCOPE=/sys/fs/cgroup/gocker.slice/gocker.scope

# Where the groups of users are.
sessions_base() { if [ "$GKT_HOST" = systemd ]; then echo "$SCOPE"; else echo /sys/fs/cgroup/gocker; fi; }

anchor_pid() { cat "$SCOPE/anchor/cgroup.procs" 2>/dev/null; }
anchor_lives() { [ -n "$(anchor_pid)" ]; }

# What a session runs to see how many tasks it may have: the last number it prints.
FILL='i=1; while sleep 1000 >/dev/null 2>&1 & do i=$((i + 1)); echo $i; [ $i -lt 300 ] || exit 99; done'
last() { grep -x '[0-9]*' <<<"$out" | tail -n 1; }

# Half of a login is the start of the user's own systemd. Tests that are not about it do without. Without it systemd
# of before 255 makes /run/user/UID with a user's first session and removes it with the last, which is a
# quarter of what is left: something else that wants it keeps it there.
user_manager_off() { [ "$GKT_HOST" = plain ] || systemctl -q mask --runtime user@.service; }
user_manager_on() {
	let_runtime_dirs_go
	systemctl -q unmask --runtime user@.service
}
keep_runtime_dir() { # UID
	systemctl -q is-active "wants-$1.service" ||
		systemd-run -q --unit="wants-$1" -p "Wants=user-runtime-dir@$1.service" sleep infinity
}
let_runtime_dirs_go() { [ "$GKT_HOST" = plain ] || systemctl stop 'wants-*.service'; }

none_failed() { [ -z "$(systemctl --failed --no-legend)" ]; }
no_unit_failed() { # NAME
	local unit
	is "$(systemctl --failed --no-legend)" "" "$1"
	for unit in $(systemctl --failed --no-legend --plain | cut -d ' ' -f 1); do
		systemctl --no-pager -l status "$unit" | sed 's/^/# /'
		journalctl -q --no-pager -b -n 30 -o short-precise -u "$unit" | sed 's/^/# /'
	done
}

# logind.
logind_sessions() { # USER: "ID STATE", one a line
	local id
	loginctl --no-legend list-sessions | awk -v user="$1" '$3 == user { print $1 }' |
		while read -r id; do # newer ones list the user's manager as well
			loginctl show-session -p Class -p State "$id" | xargs | sed -n "s/^Class=user State=/$id /p; s/^State=\(.*\) Class=user$/$id \1/p"
		done
}
no_logins() { [ "$GKT_HOST" = plain ] || ! loginctl --no-legend list-sessions | awk '{ print $3 }' | grep -qx "$1"; }
kill_user_processes() { # yes|no [LINE]
	mkdir -p /etc/systemd/logind.conf.d
	printf "[Login]\nKillUserProcesses=%s\n%s\n" "$1" "${2:-}" >/etc/systemd/logind.conf.d/tests.conf
	systemctl restart systemd-logind.service
}

# The PAM door, set up with what `make install` leaves for an administrator to copy.
SHIPPED=/usr/local/share/gocker
shipped_stack() { # SERVICE...
	local service
	for service; do
		# One of gocker's that stands there already is not the host's.
		[ ! -e "/etc/pam.d/$service" ] || [ -e "/etc/pam.d/$service.host" ] || grep -q pam_gocker "/etc/pam.d/$service" ||
			mv "/etc/pam.d/$service" "/etc/pam.d/$service.host"
		cp "$SHIPPED/pam.d/${service%-i}" "/etc/pam.d/$service" # sudo's serves for sudo -i
	done
}
pam_door_on() { shipped_stack sshd su sudo sudo-i cron atd login systemd-user; }
pam_door_off() {
	local file
	rm -f /etc/pam.d/systemd-user # the host's own is in /usr
	for file in /etc/pam.d/*.host; do
		[ ! -e "$file" ] || mv "$file" "${file%.host}"
	done
}
