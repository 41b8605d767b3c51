#!/bin/bash
# timeout: 300
# A54: a refusal that the caller takes for a warning. sudo goes on when pam_open_session(3) returns
# PAM_SESSION_ERR. Each caller is refused by a broken policy, a missing image, and user_sessions_max
# reached by the user's own session; nothing may run on the host.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need sudo su login runuser cron atd at script
need_product
add_user alice --shell /bin/sh
for name in su login sudo runuser cron atd; do shipped $name; done
cp /etc/pam.d/su /etc/pam.d/su-l
cp /etc/pam.d/runuser /etc/pam.d/runuser-l
cp /etc/pam.d/sudo /etc/pam.d/sudo-i
shipped sshd gocker-sshd
: >/etc/default/locale
printf 'Defaults !lecture\nroot ALL=(ALL:ALL) NOPASSWD: ALL\n' >/etc/sudoers
chmod 440 /etc/sudoers
ran=$GKT_WORK/ran
install -m 777 /dev/null "$ran"
chmod 711 "$GKT_WORK"
ran_where() { sort -u "$ran" | paste -sd' '; }
command="hostname >>$ran"

one() { # NAME CALLER...: refused, and nothing ran on the host
	local name=$1
	: >"$ran"
	run "${@:2}" </dev/null
	isnt "$rc" 0 "A54 [pam]: $name: the caller fails"
	is "$(ran_where)" "" "A54 [pam]: $name: nothing ran"
}
each() { # WHY
	one "$1: su" su alice -c "$command"
	one "$1: su -" su - alice -c "$command"
	one "$1: runuser -u" runuser -u alice -- /bin/sh -c "$command"
	one "$1: runuser -l" runuser -l alice -c "$command"
	one "$1: sudo" sudo -u alice /bin/sh -c "$command"
	one "$1: sudo -i" sudo -iu alice /bin/sh -c "$command"
	one "$1: sudo -s" sudo -u alice -s /bin/sh -c "$command"
	one "$1: sshd" ssh_as alice "$command"
	: >"$ran"
	run timeout 20 script -qec 'login -f alice' /dev/null <<<"$command"
	is "$(ran_where)" "" "A54 [pam]: $1: login: nothing ran"
}

start_sshd
remember_host
# Control: a module that refuses as gocker did, with PAM_SESSION_ERR.
{ printf 'auth sufficient pam_permit.so\naccount required pam_permit.so\n'; echo "session required $GKT_HELPERS/pam_rename.so"; } >/etc/pam.d/sudo
: >"$ran"
run sudo -u alice /bin/sh -c "$command" </dev/null
is "$rc:$(ran_where)" "0:throwaway" "A54 [pam]: control: after PAM_SESSION_ERR sudo runs the command, on the host"
shipped sudo

set_ini
: >"$ran"
run sudo -u alice /bin/sh -c "hostname"
is "$rc:$out" "0:gocker-container" "(control) without a fault sudo runs it inside"

printf 'nonsense\n' >/etc/gocker.ini
each "a broken policy"
set_ini 'image = no-such-image'
each "a missing image"

set_ini 'user_sessions_max = 1'
rm -f "$GKT_WORK/held"
ssh -l alice gocker 'echo ready; exec sleep 1000' >"$GKT_WORK/held" 2>/dev/null </dev/null &
client=$!
check "the user has a session open" wait_until 60 grep -q ready "$GKT_WORK/held"
each "user_sessions_max reached by the user's own session"

# cron and at start a job within a minute.
mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/spool/cron/atspool
printf '* * * * * %s\n' "$command" >/var/spool/cron/crontabs/alice
chown alice:crontab /var/spool/cron/crontabs/alice
chmod 600 /var/spool/cron/crontabs/alice
echo alice >/etc/at.allow
: >"$ran"
mark_syslog
daemon cron
daemon atd -f &
cd /home/alice || exit 1
as_user alice at now <<<"$command" 2>/dev/null
cd / || exit 1
refused_jobs() { [ "$(gocker_log | grep -c 'event=refused door=pam user="alice"')" -ge 2 ]; }
check "A54 [pam]: cron and atd try the jobs and are refused" wait_until 90 refused_jobs
is "$(ran_where)" "" "A54 [pam]: cron, atd: nothing ran"
pkill -x cron
pkill -x atd
end_client $client
check_clean "nothing is left"
