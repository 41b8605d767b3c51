#!/bin/bash
# A directory of accounts that does not answer: a login waits a while, is refused with the reason, and leaves no
# process of root's that nothing would count.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
set_ini
if ! compgen -G '/lib*/*/libnss_extrausers.so.2' >/dev/null && [ ! -e /lib/libnss_extrausers.so.2 ]; then
	skip_missing "a name service that hangs" "libnss-extrausers is not installed"
	exit
fi
uid=$(id -u alice)
# setpriv would ask for names.
as_alice='use POSIX; $) = "$ARGV[0] $ARGV[0]"; setgid($ARGV[0]); setuid(shift); exec @ARGV'
shell_login() { HOME=/home/alice timeout 200 perl -e "$as_alice" "$uid" "$GOCKER_SHELL" -c 'echo ran' </dev/null; }
pam_login() { timeout 200 pamdrive gocker-sshd alice open try 'echo ran' close </dev/null; } # as a daemon, through libpam
open_door pam
remember_host

# Files of its own after the host's; who asks for the groups of an account asks all of them.
mkdir -p /var/lib/extrausers
sed -i 's/^\(passwd\|group\):.*/\1: files extrausers/' /etc/nsswitch.conf
: >/var/lib/extrausers/passwd
mkfifo /var/lib/extrausers/group
run timeout 5 id alice
is "$rc" 124 "control: who asks for the groups waits for ever"
start=$SECONDS
pam_login >"$GKT_WORK/pam" 2>&1 &
pam=$!
run shell_login
is "$rc:$out" 125: "shell: refused after $((SECONDS - start)) s, and nothing ran"
is "$err" "gocker: the account could not be looked up within 40 seconds; try again later" "shell: with one line, the reason"
wait $pam
unlike "$(cat "$GKT_WORK/pam")" 'ran|open: 0' "pam: refused after $((SECONDS - start)) s, and nothing ran"
like "$(cat "$GKT_WORK/pam")" 'the account could not be looked up within 40 seconds' "pam: with the reason"
like "$(gocker_log)" 'event=refused door=shell .*could not be looked up' "the log has it"
like "$(gocker_log)" 'event=refused door=pam .*could not be looked up' "for both"
check_clean "no process is left"

rm /var/lib/extrausers/group
: >/var/lib/extrausers/group
run shell_login
is "$rc:$out" 0:ran "shell: with a directory that answers she gets in"
run pam_login
like "$out" 'open: 0.ran' "pam: with one that answers she gets in"
check_clean "nothing is left"
