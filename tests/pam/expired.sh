#!/bin/bash
# A password that has expired, and a login by key behind the PAM door: the user is told, and nothing else runs.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need expect
need_product
add_user alice --shell /bin/sh
set_ini
shipped sshd gocker-sshd
start_sshd
remember_host

run ssh_as alice hostname
is "$rc:$out" 0:gocker-container "control: before it expires the login works"
chage -d 0 alice
run ssh_as alice hostname
is "$rc:$out" 1: "an expired password: a command does not run"
like "$err" 'Your password has expired' "and the user is told why, on stderr"
expect_test "on a terminal the user is told, and no shell starts" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {Your password has expired}
want {You must change your password now}
if {[ended] == 0} { fail "it ended with success" }
TCL
mkdir -p /etc/ssh
printf 'UsePAM yes\n' >"$GKT_WORK/sshd_config"
cp /etc/pam.d/gocker-sshd /etc/pam.d/sshd
like "$("$GOCKER" doctor --sshd-config "$GKT_WORK/sshd_config" alice)" 'warn +account +the password of alice has expired' "doctor says so"
chage -d 20000 alice
unlike "$("$GOCKER" doctor --sshd-config "$GKT_WORK/sshd_config" alice)" 'has expired' "control: not of one that has not"
run ssh_as alice hostname
is "$rc:$out" 0:gocker-container "control: the login works again"

# ChrootDirectory: the container is in its place.
mkdir -p /srv/jail
stop_sshd
start_sshd 'Subsystem internal internal-sftp' 'ChrootDirectory /srv/jail'
run sftp -b /dev/null -s internal -o User=alice gocker
isnt "$rc" 0 "ChrootDirectory with internal-sftp: refused"
check "sshd's log has the reason" wait_until 30 grep -rqs 'lacks privileges to chroot' "$SSHD_DIR" /var/log/gkt-syslog
printf 'UsePAM yes\nChrootDirectory /srv/jail\n' >"$GKT_WORK/sshd_config"
like "$("$GOCKER" doctor --sshd-config "$GKT_WORK/sshd_config" alice)" 'bad +sshd +ChrootDirectory /srv/jail: behind the PAM door' "doctor says so"
stop_sshd
start_sshd 'Subsystem internal internal-sftp'
run sftp -b /dev/null -s internal -o User=alice gocker
is "$rc" 0 "control: without it internal-sftp works"
check_clean "nothing is left"
