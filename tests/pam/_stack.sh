# shellcheck shell=bash
# Stacks for the tests of the PAM door; sourced after tests/lib/test.sh.

STACKS=/usr/local/share/gocker/pam.d

# The programs that are driven by hand are none that gocker knows: the administrator names them.
NAMED=narrow=$GKT_HELPERS/pamdrive

# stack SERVICE [LINE...]: gocker's two lines, and these session lines between them.
stack() {
	{
		echo 'auth required pam_permit.so'
		echo 'account required pam_permit.so'
		echo "session required pam_gocker.so outer $NAMED"
		if [ $# -gt 1 ]; then printf 'session %s\n' "${@:2}"; fi
		echo "session required pam_gocker.so $NAMED"
	} >"/etc/pam.d/$1"
}

# shipped NAME [SERVICE]: a stack as it is shipped, but for sshd's account line, which would refuse before
# the session lines do (refused.sh has it). The throwaway host has no audit subsystem that lets a login uid
# be set, and keys in place of passwords.
shipped() {
	sed -e '/^account.*pam_gocker.so check/d' -e 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' \
		-e 's/^@include common-auth/auth required pam_permit.so/' "$STACKS/$1" >"/etc/pam.d/${2:-$1}"
}

# The processes of a session by their pids out here: all that are in the PID namespace of its init.
members() { # INIT
	local ns
	ns=$(readlink "/proc/$1/ns/pid")
	for pid in /proc/[0-9]*; do
		if [ "$(readlink "$pid/ns/pid" 2>/dev/null)" = "$ns" ]; then echo "${pid#/proc/}"; fi
	done
}

# drive SERVICE USER STEP...: pamdrive with its lines in $out.
drive() { run pamdrive "$@"; }

no_leaves() { [ -z "$(session_leaves)" ]; }
has_leaf() { [ "$(session_leaves | wc -l)" = 1 ]; }
