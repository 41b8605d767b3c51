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
