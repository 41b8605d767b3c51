# shellcheck shell=bash
# Asking things of gocker itself.
# shellcheck disable=SC2154 # rc, out and err are set by `run`

need_product() { # ends the script with a skip if gocker is not installed or there is no image
	if [ ! -x "$GOCKER_SHELL" ]; then
		not_ok "gocker-shell is installed" "make test-stage puts it there"
		exit 1
	fi
	[ -d /var/lib/gocker/images/alpine ] && return 0
	skip_missing "$(basename "$0")" "no Alpine image (ALPINE_MIRROR can't be reached)"
	exit 0
}

# set_ini [LINE...]: the policy of this test. The lines are those of [default], the first one being
# line 4 of the file, and of sections that they open themselves.
set_ini() {
	{
		printf '%s\n' '[gocker]' 'image_dir = /var/lib/gocker/images' '[default]'
		printf '%s\n' "$@"
	} >/etc/gocker.ini
	chmod 644 /etc/gocker.ini
}

# A copy of the images that can be changed; the shared one is read-only.
own_images() {
	mkdir -p /run/gkt/images
	cp -a /var/lib/gocker/images/. /run/gkt/images/
	umount /var/lib/gocker/images
	mount -t tmpfs -o mode=755 gkt-images /var/lib/gocker/images
	cp -a /run/gkt/images/. /var/lib/gocker/images/
	rm -rf /run/gkt/images
}

# refused NAME PATTERN CMD [ARG...]: the command is refused the way gocker refuses: exit status 125,
# nothing on stdout, exactly one line on stderr, which starts with "gocker: " and has PATTERN in it.
refused() {
	local name=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$rc" != 125 ]; then
		not_ok "$name" "exit status $rc, wanted 125" "stdout: ${out:0:500}" "stderr: ${err:0:500}"
	elif [ -s "$GKT_WORK/out" ]; then
		not_ok "$name" "something on stdout: ${out:0:500}" "stderr: ${err:0:500}"
	elif [ "$(wc -l <"$GKT_WORK/err")" != 1 ] || ! [[ $err =~ ^gocker(" run")?": " ]]; then
		not_ok "$name" "wanted one line 'gocker: ...' on stderr, got: ${err:0:1000}"
	elif ! [[ $err =~ $pattern ]]; then
		not_ok "$name" "stderr: $err" "wanted in it: $pattern"
	else
		ok "$name"
	fi
}

# Where the plan on stdin mounts, one path a line; optional ones may be missing in a session.
mounts_of_plan() { sed -n 's/^mount [a-z_]* "\([^"]*\)".*/\1/p'; }
needed_mounts_of_plan() { sed '/^mount .*optional/d' | mounts_of_plan; }

# The lines that gocker wrote to syslog since the last `mark_syslog`.
mark_syslog() { wc -c <"$GKT_SYSLOG" >"$GKT_WORK/syslog.mark"; }
gocker_log() {
	tail -c "+$(($(cat "$GKT_WORK/syslog.mark" 2>/dev/null || echo 0) + 1))" "$GKT_SYSLOG" |
		grep -a 'gocker' | grep -av 'gocker-sshd\|sshd\['
}

# Files that are records of living sessions (their lock is held), one path a line.
live_records() { live_records_of '*'; }
live_records_of() { # UID
	local file lock
	for file in /run/gocker/u/*/*; do
		[[ -s $file && $file == /run/gocker/u/$1/* ]] || continue
		# shellcheck disable=SC2046,SC2183 # three words: device and inode as the kernel writes them
		lock=$(printf '%02x:%02x:%d' $(stat -c '%Hd %Ld %i' "$file"))
		if grep -q " OFDLCK .* $lock " /proc/locks; then echo "$file"; fi
	done
}
stale_records() { find /run/gocker/u -type f -size +0 2>/dev/null | grep -vxF "$(live_records)"; }

# The cgroup leaves of sessions, one path a line; the groups of users may stay, empty.
session_leaves() { # [UID]
	find "$PIDS_CGROUP" -mindepth 3 -type d -path "*/gocker*/u${1:-*}/*" 2>/dev/null | sort
}

# The first processes of sessions (their PID 1), as pids of this host, one a line. A process that ends while
# it is looked at hides no other (mawk, given the files, ends at the first that is gone).
session_inits() { grep -hs $'^NSpid:\t[0-9]*\t1$' /proc/[0-9]*/status | cut -f2; }

no_sessions() { [ -z "$(session_inits)" ]; }

supervisor_of() { awk '/^PPid:/ { print $2 }' "/proc/$1/status"; } # INIT

# hold_session USER [SCRIPT]: a session in the background that runs SCRIPT and then stays until it
# is ended, whatever signal asks it to. Sets held_pid (ssh's), held_init and held_supervisor.
hold_session() {
	local user=$1 script=${2:-:} before
	before=$(session_inits)
	rm -f "$GKT_WORK/held"
	ssh -l "$user" gocker "trap '' HUP TERM
		$script
		echo ready
		while :; do sleep 1000; done" \
		>"$GKT_WORK/held" 2>&1 </dev/null &
	held_pid=$!
	if ! wait_until 60 grep -q '^ready$' "$GKT_WORK/held"; then
		not_ok "a session of $user can be held" "$(cat "$GKT_WORK/held")"
		exit 1
	fi
	held_init=$(session_inits | grep -vxF "${before:-none}" | head -n 1)
	if [ -z "$held_init" ]; then
		not_ok "a session of $user has an init" "no process is first in a PID namespace of its own"
		exit 1
	fi
	held_supervisor=$(supervisor_of "$held_init")
}

# drop_session: ends the one held last, as a client that vanishes.
drop_session() {
	kill -KILL "$held_pid" 2>/dev/null
	wait "$held_pid" 2>/dev/null
}
