#!/bin/bash
# timeout: 1500
# A5, A46: each system call of gocker made to fail in turn. After each fault: the session is refused with
# exit 125, or is the same as without the fault; nothing runs uncontained; nothing is left.
. "$(dirname "$0")/_faults.sh"
set_ini
remember_host

login=(alice "$GOCKER_SHELL" -c 'sh ~/probe') judge=verdicts
door=shell
undisturbed
start=$((RANDOM % $(size 16 1) + 1))
round "no terminal" $start "$(size 16 1)"
round "on a terminal" $start "$(size 32 1)" -t
if [ "$FULL" = 1 ]; then
	for error in 1 12 24 28; do # EPERM ENOMEM EMFILE ENOSPC
		round "no terminal, errno $error" 1 1 -e $error
	done
fi
check_clean "A5: nothing is left of all faults"

for door in $(doors | grep pam); do
	stack gt
	# libpam takes this where it can't read the service's own file.
	printf '%s required pam_deny.so\n' auth account password session >/etc/pam.d/other
	login=(root "$(command -v pamdrive)" gt alice open try 'HOME=/home/alice exec sh /home/alice/probe' close) judge=pam_verdicts
	undisturbed -k
	round "an application" $((RANDOM % $(size 4 1) + 1)) "$(size 4 1)" -k
	for error in $(size '' '1 12 24 28'); do
		round "an application, errno $error" 1 1 -k -e "$error"
	done
	pamdrive gt alice open try 'hostname' close >"$GKT_WORK/out"
	like "$(cat "$GKT_WORK/out")" 'open: 0.gocker-container' "A5 [pam]: the next login is as any"
	check_clean "A5 [pam]: nothing is left of all faults"
done
door=shell login=(alice "$GOCKER_SHELL" -c 'sh ~/probe') judge=verdicts

# The control: a program that ignores a failure is found by this. Here the failure is one of a program
# that is not gocker: a shell goes on, and runs on the host.
cat >/usr/local/bin/careless <<'CARELESS'
#!/bin/sh
HOME=/home/alice
export HOME
sh /home/alice/probe
CARELESS
chmod 755 /usr/local/bin/careless
faults 4 200 1 alice /usr/local/bin/careless >"$GKT_WORK/faults"
check "A5 control: a program that goes on uncontained is found" grep -q UNCONTAINED "$GKT_WORK/faults"
