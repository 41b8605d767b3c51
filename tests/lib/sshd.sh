# shellcheck shell=bash
# A private sshd on loopback: own name (and so own PAM service), own keys, own configuration. Every
# user added with add_user may log in with the one key of the tests.

SSHD_DIR=/run/gkt/sshd
SSHD_PAM=/etc/pam.d/gocker-sshd
SSH_PORT=2222

# start_sshd [LINE...]: with these lines at the top of its configuration, where they win. The PAM
# service may have been written before; otherwise it is Debian's without what needs a whole host.
start_sshd() {
	mkdir -p "$SSHD_DIR" /root/.ssh
	chmod 700 /root/.ssh
	if [ ! -e "$SSHD_DIR/host_key" ]; then
		ssh-keygen -q -t ed25519 -N '' -f "$SSHD_DIR/host_key"
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
		install -m 644 /root/.ssh/id_ed25519.pub "$SSHD_DIR/authorized_keys"
		ln -s /usr/sbin/sshd "$SSHD_DIR/gocker-sshd"
	fi
	[ -e "$SSHD_PAM" ] || write_sshd_pam
	write_sshd_config "$@"
	write_ssh_config
	daemon "$SSHD_DIR/gocker-sshd" -f "$SSHD_DIR/sshd_config"
	wait_until 10 test -s "$SSHD_DIR/pid" || echo "# sshd did not start" >&2
}

write_sshd_pam() {
	cat >"$SSHD_PAM" <<-'PAM'
		auth     required pam_permit.so
		account  required pam_nologin.so
		account  required pam_unix.so
		session  required pam_loginuid.so
		session  required pam_limits.so
		session  required pam_env.so
		session  required pam_unix.so
		password required pam_deny.so
	PAM
	# Without an audit subsystem that lets it, a login is not to fail because of it.
	sed -i 's/^session  required pam_loginuid/session  optional pam_loginuid/' "$SSHD_PAM"
}

write_sshd_config() {
	{
		printf '%s\n' "$@"
		cat <<-CONF
			ListenAddress 127.0.0.1
			Port $SSH_PORT
			HostKey $SSHD_DIR/host_key
			PidFile $SSHD_DIR/pid
			AuthorizedKeysFile $SSHD_DIR/authorized_keys
			StrictModes no
			UsePAM yes
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PrintMotd no
			PrintLastLog no
			UseDNS no
			MaxStartups 1000
			MaxSessions 100
			AcceptEnv LANG LC_*
			X11Forwarding yes
			Subsystem sftp /usr/lib/openssh/sftp-server
		CONF
	} >"$SSHD_DIR/sshd_config"
}

# Any client finds the server as host "gocker", whatever it is called with.
write_ssh_config() {
	cat >/root/.ssh/config <<-CONF
		Host gocker
			HostName 127.0.0.1
			Port $SSH_PORT
			IdentityFile /root/.ssh/id_ed25519
			IdentitiesOnly yes
			StrictHostKeyChecking accept-new
			UserKnownHostsFile /root/.ssh/known_hosts
			BatchMode yes
			LogLevel ERROR
			ConnectTimeout $((20 * ${GKT_SLOW:-1}))
	CONF
	chmod 600 /root/.ssh/config
}

# daemon CMD [ARG...]: as an init system starts it: own session, no terminal, root's bare
# environment, working directory /.
daemon() {
	(cd / && umask 022 && exec setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LANG=C.UTF-8 "$@" </dev/null >/dev/null 2>&1)
}

stop_sshd() {
	[ -s "$SSHD_DIR/pid" ] || return 0
	local pid
	pid=$(cat "$SSHD_DIR/pid")
	rm -f "$SSHD_DIR/pid"
	kill "$pid" 2>/dev/null && wait_until 5 test ! -d "/proc/$pid"
}

# ssh_as USER [OPTION...] [CMD]: a real login; options may follow the user. Whatever hangs is ended
# after a minute. For the background take `ssh -l USER gocker CMD`, so that $! is the client.
ssh_as() { timeout --foreground -k 5 $((60 * ${GKT_SLOW:-1})) ssh -l "$1" gocker "${@:2}"; }

# end_client PID...: ends clients that run in the background. Debian 12's OpenSSH 9.2 loses a TERM that comes just
# before it waits for its connection, and then waits on, for minutes: it is told until it has heard.
end_client() {
	local pid
	for pid; do
		while kill "$pid"; do sleep 0.1; done
		wait "$pid"
	done 2>/dev/null
}

# start_master USER: one connection over which `ssh_as USER` commands run as sessions of their own.
start_master() {
	ssh -l "$1" -o ControlMaster=yes -o "ControlPath=$GKT_WORK/master-$1" -o ControlPersist=yes \
		-N -f gocker
}
ssh_over() { ssh -l "$1" -o "ControlPath=$GKT_WORK/master-$1" -o ControlMaster=no gocker "${@:2}"; }
stop_master() { ssh -o "ControlPath=$GKT_WORK/master-$1" -O exit gocker 2>/dev/null; }
