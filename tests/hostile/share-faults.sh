#!/bin/bash
# timeout: 900
# A5, A46 with share = user: each system call of a login that joins a container fails in turn, and each of one that
# has it made, its holder's too. Beside faults.sh: the container that was joined is there after all of them.
. "$(dirname "$0")/_faults.sh"
share() { set_ini '[user:alice]' 'share = user' "$@"; }
start_sshd
share 'linger = none'
remember_host

# The first login: what runs under the faults ends with it, and so does the holder.
made() { # DOOR'S OPTIONS
	local start=$((RANDOM % $(size 24 1) + 1)) error
	share 'linger = none'
	undisturbed "$@"
	round "a container is made" $start "$(size 24 1)" "$@"
	[ "$door" = pam ] || round "a container is made, on a terminal" $start "$(size 48 1)" "$@" -t
	for error in $(size '' '1 12 24 28'); do # EPERM ENOMEM EMFILE ENOSPC
		round "a container is made, errno $error" 1 1 "$@" -e "$error"
	done
	check_clean "A5 [$door]: nothing is left of all faults"
}

# The next one: the container is another login's, and its cgroup stays.
joined() { # DOOR'S OPTIONS
	local start=$((RANDOM % $(size 12 1) + 1)) error init LEFT=/nonexistent
	share 'linger = 1h'
	hold_session alice
	init=$(session_inits)
	undisturbed "$@"
	round "a container is joined" $start "$(size 12 1)" "$@"
	[ "$door" = pam ] || round "a container is joined, on a terminal" $start "$(size 24 1)" "$@" -t
	for error in $(size '' '1 12 24 28'); do
		round "a container is joined, errno $error" 1 1 "$@" -e "$error"
	done
	is "$(session_inits)" "$init" "A5 [$door]: the container is there as before, and no other"
	check "A5 [$door]: no login but the one that holds it is left" wait_until 60 one_login
	run ssh_as alice 'ps; exit 3'
	is "$rc" 3 "A5 [$door]: the next login is as any"
	like "$out" 'sleep 1000' "A5 [$door]: in that container"
	drop_session
	"$GOCKER" stop alice >/dev/null
	check_clean "A5 [$door]: nothing is left of all faults of joins"
}
one_login() { [ "$("$GOCKER" ps --format '{kind}' | grep -c login)" = 1 ]; }

login=(alice "$GOCKER_SHELL" -c 'sh ~/probe') judge=verdicts
door=shell
made
joined
for door in $(doors | grep pam); do
	stack gt
	printf '%s required pam_deny.so\n' auth account password session >/etc/pam.d/other
	login=(root "$(command -v pamdrive)" gt alice open try 'HOME=/home/alice exec sh /home/alice/probe' close) judge=pam_verdicts
	made -k
	joined -k
done
