# shellcheck shell=bash
# Documents run as they are written. A block that begins with ```sh is typed into a shell and must work;
# one that begins with ```console holds commands behind "$ " and what they print, where a line "..."
# stands for any lines, or none. One shell's working directory goes through all blocks, as a reader's does.
# shellcheck disable=SC2154 # out and rc are set by `run`

# block_files FILE HEADING: writes the blocks below that heading to $GKT_WORK/block.N.KIND.
block_files() {
	rm -f "$GKT_WORK"/block.*
	awk -v heading="$2" -v to="$GKT_WORK/block" '
		/^#+ / && !open { on = $0 == heading }
		open && /^```$/ { open = 0; close(file); next }
		open { print >file; next }
		on && /^```(sh|console)$/ { open = 1; file = sprintf("%s.%02d.%s", to, ++n, substr($0, 4)); printf "" >file }
	' "$1"
}

# walk FILE HEADING: runs them all.
walk() {
	local file
	block_files "$1" "$2"
	pwd >"$GKT_WORK/cwd"
	check "the document has commands below '$2'" ls "$GKT_WORK"/block.01.*
	for file in "$GKT_WORK"/block.*; do
		case $file in
		*.sh) walk_commands "$file" || return 1 ;;
		*.console) walk_console "$file" ;;
		esac
	done
}

walk_commands() { # FILE
	local before said
	before=$(times_sshd_began)
	{ echo 'cd "$(cat "$GKT_WORK/cwd")"' && cat "$1" && echo 'pwd >"$GKT_WORK/cwd"'; } >"$GKT_WORK/commands"
	if ! said=$(bash -e "$GKT_WORK/commands" 2>&1 </dev/null); then
		not_ok "as written: $(head -n 1 "$1") ..." "$(cat "$1")" "$said"
		return
	fi
	ok "as written: $(head -n 1 "$1") ..."
	# A person is slower than sshd is in taking its configuration up.
	if grep -q 'ssh reload' "$1"; then
		wait_until 20 sshd_began_again "$before" || diag "sshd did not take its configuration up"
	fi
}
sshd_began_again() { [ "$(times_sshd_began)" -gt "$1" ]; }

walk_console() { # FILE
	local command='' line want=''
	while IFS= read -r line || [ -n "$line" ]; do
		if [[ $line == '$ '* ]]; then
			[ -z "$command" ] || walk_one "$command" "$want"
			command=${line#\$ } want=''
		else
			want+=$line$'\n'
		fi
	done <"$1"
	walk_one "$command" "$want"
}

walk_one() { # COMMAND WANTED
	local got pattern
	got=$(cd "$(cat "$GKT_WORK/cwd")" && timeout -k 5 $((100 * ${GKT_SLOW:-1})) bash -c "$1" 2>&1 </dev/null | tr -d '\r')
	pattern=${2%$'\n'}
	pattern=${pattern//\\/\\\\} pattern=${pattern//\*/\\*} pattern=${pattern//\?/\\?} pattern=${pattern//\[/\\[}
	pattern=${pattern//...$'\n'/*}
	# shellcheck disable=SC2053 # a pattern
	if [[ $got == $pattern ]]; then
		ok "as shown: \$ $1"
	else
		not_ok "as shown: \$ $1" "got:" "$got" "the document shows:" "$2"
	fi
}

# --- the host that a reader has ---

# reader_host: a throwaway host as a new Debian system is: its own sshd on port 22 with the stock
# configuration, cron, no gocker; the package lies in the working directory, root's key opens every
# account on localhost and 127.0.0.2.
reader_host() {
	local deb
	deb=$(cached_deb) || { not_ok "make deb" "$deb"; exit 1; }
	bare_host
	reader_accounts
	echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/tests
	reader_sshd
	mkdir -p /run/gkt/reader
	cp "$deb" /run/gkt/reader/
	cd /run/gkt/reader || exit 1
}

# Root's sudo asks for nothing, and the network ends at this host.
reader_accounts() {
	local permit
	# Without an audit subsystem that lets it, a login is not to fail because of its uid's record.
	for permit in /lib/*/security/pam_permit.so /usr/lib/*/security/pam_permit.so; do
		[ ! -e "$permit" ] || cp "$permit" "${permit%permit.so}loginuid.so"
	done
	printf 'Defaults env_keep += "ALPINE_MIRROR CC WERROR"\nroot ALL=(ALL:ALL) NOPASSWD: ALL\n' >/etc/sudoers
	image_source
}

# The network ends at this host: Alpine comes from where the tests keep what they fetched.
image_source() {
	ALPINE_MIRROR=file://$GKT_TOP/${BUILD:-build}/tests/images-mirror
	export ALPINE_MIRROR
}

reader_sshd() {
	rm -f /etc/ssh/sshd_config.d/*
	cp /usr/share/openssh/sshd_config /etc/ssh/sshd_config
	ssh-keygen -q -A
	install -d -m 700 /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
	install -m 644 /root/.ssh/id_ed25519.pub /etc/ssh/tests_keys
	echo 'AuthorizedKeysFile /etc/ssh/tests_keys' >/etc/ssh/sshd_config.d/00-tests.conf
	SSH_PORT=22 write_ssh_config
	sed -i -e 's/^Host gocker/Host gocker localhost 127.0.0.2/' -e '/HostName/d' /root/.ssh/config
	echo '127.0.0.1 gocker' >>/etc/hosts
	daemon /usr/sbin/sshd
	wait_until 10 test "$(times_sshd_began)" -gt 0
}
times_sshd_began() { grep -ac 'sshd\[.*Server listening' "$GKT_SYSLOG"; }
stop_reader() { [ ! -s /run/sshd.pid ] || kill "$(cat /run/sshd.pid)"; }
