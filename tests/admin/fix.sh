#!/bin/bash
# What is open after `gocker enable`, and what closes it: enable --fix, doctor --fix, and back by disable.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need expect jq
need_product
add_user alice --shell /bin/sh
add_user bob --shell /bin/sh
set_ini
rm -f /usr/sbin/sendmail /usr/sbin/cron /usr/sbin/crond /usr/sbin/atd /etc/cron.allow /etc/at.allow
ln -s /bin/true /usr/sbin/cron
ln -s /bin/true /usr/sbin/atd
rm -f /etc/pam.d/cron /etc/pam.d/atd
mkdir -p /etc/ssh/sshd_config.d /run/systemd/system /usr/lib/pam.d
rm -f /etc/ssh/sshd_config.d/* /etc/pam.d/systemd-user
printf '%s\n' 'account required pam_unix.so' 'session required pam_unix.so' >/usr/lib/pam.d/systemd-user
dropin=/etc/ssh/sshd_config.d/gocker.conf
remember_host
start_sshd "Include /etc/ssh/sshd_config.d/*.conf"
config=$SSHD_DIR/sshd_config
forwards() { # USER: whether `ssh -W` reaches sshd's own port
	timeout 300 ssh -l "$1" -W "127.0.0.1:$SSH_PORT" gocker </dev/null 2>/dev/null | grep -q ^SSH-
}
reloaded() { ! forwards "$1"; }

start_session alice 'echo ready; exec sleep 1000'
run "$GOCKER" enable alice
is "$rc" 0 "enable"
like "$out" 'alice: still open outside: session [0-9]+ on no terminal \(sleep 1000\)' "names the session that is open outside"
like "$out" 'still open:' "and what is still open"
for item in 'cron +jobs of contained users run on the host' 'at +jobs of contained users' 'manager +user@UID.service runs units'; do
	like "$out" $'\n'"  $item" "$item"
done
like "$out" 'gocker doctor --fix. closes these, and shows each change first; .gocker disable. undoes' "and how to close it"
end_client "$session_pid"
pkill -u alice -x sleep # sshd leaves a command without a terminal alone
wait_until 20 eval '! pgrep -u alice -x sleep >/dev/null'
start_session alice 'echo ready; exec sleep 1000'
run "$GOCKER" enable alice
unlike "$out" 'still open outside' "a contained session is not one outside"
end_client "$session_pid"

check "control: a forward works" forwards alice
fix() { run "$GOCKER" doctor --sshd-config "$config" --fix "$@"; }
fix --dry-run
is "$rc" 0 "--fix --dry-run"
like "$out" "$dropin: would be new; .*
$dropin: would have: AllowTcpForwarding no" "shows the drop-in, with its lines"
like "$out" 'sshd \(pid [0-9]+\): would be reloaded' "and the reload"
like "$out" '/etc/cron.allow: would be new; empty: crontab.1. is for root alone' "cron's list"
like "$out" '/etc/pam.d/systemd-user: would have as line 1: account +required +pam_gocker.so' "and the line for user managers"
is "$(ls /etc/cron.allow /etc/at.allow $dropin /etc/pam.d/systemd-user 2>/dev/null)" "" "and changes nothing"
fix
is "$rc:$err" "1:gocker doctor: nothing was changed; --yes does it without a terminal" "without a terminal it wants --yes"
like "$("$GOCKER" doctor --fix 2>&1 </dev/null | tail -n 1)" 'nothing was changed' "which it says after the changes that it would make"
expect_test "on a terminal it shows the changes and asks" <<TCL
spawn -noecho gocker doctor --sshd-config $config --fix=at
want {at.allow: would be new}
want {make these changes\\? \\[y/N\\] \$}
say n
want {nothing was changed}
equal [ended] 1
spawn -noecho gocker doctor --sshd-config $config --fix=at
want {make these changes\\? \\[y/N\\] \$}
say y
want {/etc/at.allow: new}
equal [ended] 0
TCL
is "$(stat -c '%s %a' /etc/at.allow)" "0 644" "--fix=ID: closes this alone"
is "$(ls /etc/cron.allow $dropin 2>/dev/null)" "" "and nothing else"
mark_syslog
fix --yes
is "$rc" 0 "--fix --yes"
like "$out" "$dropin: will be new; .*
$dropin: will have: AllowTcpForwarding no.*
/etc/cron.allow: will be new; .*
$dropin: new
" "shows what it will do, and then what it did"
unlike "$out" ' would ' "and nothing that it would do"
check "the running sshd forwards no more" wait_until 30 reloaded alice
is "$(stat -c '%s %a' /etc/cron.allow)" "0 644" "cron's list is there"
like "$(cat /etc/pam.d/systemd-user)" '^account +required +pam_gocker.so' "user managers are refused"
like "$(gocker_log)" 'event=fix item=sshd by=root' "the log says who did it"
run "$GOCKER" doctor --sshd-config "$config" --format json
is "$(jq -r '.[]|select(.level=="bad")|.item' <<<"$out")" "" "doctor finds nothing bad any more"
fix --yes
is "$rc:$out" "0:nothing to fix" "twice is no error"

echo bob >/etc/at.allow
run "$GOCKER" enable bob
unlike "$out" 'still open:.* (cron|at|manager) ' "enable has nothing of it to say"
run "$GOCKER" disable bob
check "while another is contained all stays closed" test -e /etc/cron.allow
run "$GOCKER" disable alice
is "$rc" 0 "disable of the last one"
check_not "takes cron's list away" test -e /etc/cron.allow
check_not "and the drop-in" test -e $dropin
check_not "and the stack that the vendor's had become" test -e /etc/pam.d/systemd-user
like "$(cat /etc/at.allow):$out" '^bob:.*/etc/at.allow: was edited since gocker made it, and is kept' "what was edited is kept, and named"
check "the running sshd forwards again" wait_until 30 forwards alice

# What has no effect is not left behind; what is there already is not overwritten.
rm /etc/at.allow
run "$GOCKER" enable --fix --yes alice
check "enable --fix closes it as well" test -e /etc/cron.allow
sed -i '/^Include/d' "$config"
rm -f $dropin
run "$GOCKER" doctor --sshd-config "$config" --fix=sshd --yes
like "$rc:$err" "1:.*$dropin has no effect: $config does not include" "a configuration without the Include"
check_not "the drop-in is not left" test -e $dropin
echo '# mine' >$dropin
run "$GOCKER" doctor --sshd-config "$config" --fix=sshd --yes
like "$rc:$err" "1:.*$dropin is there already; edit it by hand" "a drop-in of the administrator's"
is "$(cat $dropin)" "# mine" "is not touched"
run "$GOCKER" doctor --fix=nosuch
is "$rc" 2 "an unknown fix is a usage error"
run "$GOCKER" disable --fix --dry-run
like "$rc:$out" '^0:.*/etc/cron.allow: would be removed' "disable --fix --dry-run"
run "$GOCKER" disable --fix
is "$rc" 0 "disable --fix"
is "$(ls /etc/cron.allow /etc/at.allow /etc/pam.d/systemd-user 2>/dev/null):$(cat $dropin)" ":# mine" "undoes all that gocker made, and nothing else"
run "$GOCKER" disable alice
rm -r /run/systemd/system
stop_sshd
check_clean "nothing is left"
