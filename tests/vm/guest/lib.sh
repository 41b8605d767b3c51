# shellcheck shell=bash
# What a test in a whole host sources. The functions of tests/lib work here as in the throwaway host,
# but for these: the host's own sshd and log take the place of the private ones.
# shellcheck source=../../lib/test.sh
. "$GKT_TOP/tests/lib/test.sh"

SSHD_SETUP=/etc/ssh/sshd_config.d/00-tests.conf

# start_sshd [LINE...]: the host's sshd with its own PAM stack, with these lines at the top of its
# configuration; every user may log in with the one key of the tests.
start_sshd() {
	if [ ! -e /root/.ssh/id_ed25519 ]; then
		install -d -m 700 /root/.ssh
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
		install -m 644 /root/.ssh/id_ed25519.pub /etc/ssh/tests_keys
	fi
	SSH_PORT=22 write_ssh_config
	{
		printf '%s\n' "$@"
		printf '%s\n' 'AuthorizedKeysFile /etc/ssh/tests_keys' 'MaxStartups 1000' 'MaxSessions 100'
	} >"$SSHD_SETUP"
	if [ "$GKT_HOST" = systemd ]; then
		systemctl restart ssh.service
	else
		pkill -o -x sshd
		daemon /usr/sbin/sshd
	fi
	wait_until 20 listens 22 || echo "# sshd did not start" >&2
}
stop_sshd() { :; }

# As the one in tests/lib, but where each look costs this much, less often.
wait_until() { # SECONDS CMD [ARG...]
	local end=$((SECONDS + $1 * GKT_SLOW + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.3
	done
}

# have_user NAME [add_user's options]: the scripts of a host share its users.
have_user() { id "$1" >/dev/null 2>&1 || add_user "$@"; }

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

# What counts as left behind here is gocker's: logind and cron have comings and goings of their own.
host_processes() { pgrep -l '^gocker' | cut -d' ' -f2- | sort; }
host_mounts() { cut -d' ' -f3- /proc/1/mountinfo | grep -v ' /run/user/'; }

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
FILL='i=1; while sleep 1000 & do i=$((i + 1)); echo $i; [ $i -lt 300 ] || exit 99; done'
last() { tail -n 1 <<<"$out"; }
