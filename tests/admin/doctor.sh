#!/bin/bash
# gocker doctor finds what was broken on purpose, and nothing in a host that is as it should be.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_user carol --shell /bin/bash --groups sudo
set_ini
echo "$GOCKER_SHELL" >>/etc/shells
rm -f /usr/sbin/sendmail /usr/sbin/cron /usr/sbin/crond /usr/sbin/atd
printf 'Port 22\n' >"$GKT_WORK/plain"
cp "$GKT_WORK/plain" "$GKT_WORK/safe"
cat /usr/local/share/gocker/sshd_config.d/gocker-shell.conf >>"$GKT_WORK/safe"
ssh-keygen -q -t ed25519 -N '' -f "$GKT_WORK/key"
sed -i "1iHostKey $GKT_WORK/key" "$GKT_WORK/safe" "$GKT_WORK/plain"
doctor() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/safe" "$@"; }
bad() { doctor -q --format json "$@"; jq -r '.[]|select(.level=="bad")|.item' <<<"$out" | paste -sd' '; }
warned() { doctor -q --format json "$@"; jq -r '.[]|select(.level=="warn")|.item' <<<"$out" | paste -sd' '; }
remember_host

doctor alice
is "$rc" 0 "a host as it should be: exit status 0"
like "$out" 'ok +trial +a trial login through the shell door works' "a trial login"
like "$out" 'ok +sshd +nothing leads past' "sshd with the shipped drop-in"
like "$out" 'ok +lockout +1 administrator ' "who can still repair the host"
is "$(bad alice)" "" "nothing bad"
is "$("$GOCKER" doctor -q --format json --sshd-config "$GKT_WORK/safe" alice | jq '[.[]|select(.fix==null)]|length')" 0 "each finding has its fix"
is "$("$GOCKER" ps --all -q)" "" "the trial leaves no session"
is "$(ls -A /home/alice)" "" "and nothing in the home"
check_clean "nothing is left"

run "$GOCKER" doctor --sshd-config "$GKT_WORK/plain" alice
is "$rc" 1 "sshd without the drop-in: exit status 1"
for key in allowtcpforwarding allowstreamlocalforwarding permituserrc; do
	like "$out" "bad +sshd +$key yes: " "sshd: $key is a way out of the shell door"
done
echo 'Nonsense yes' >"$GKT_WORK/broken"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/broken"
like "$out" "bad +sshd +.sshd -T. fails" "sshd: a broken configuration"
{ cat "$GKT_WORK/plain"; echo 'Subsystem sftp internal-sftp'; } >"$GKT_WORK/sftp"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/sftp"
like "$out" "bad +sshd +internal-sftp serves the host's files" "sshd: internal-sftp"
{ cat "$GKT_WORK/safe"; printf 'Match User alice\nAllowTcpForwarding yes\n'; } >"$GKT_WORK/match"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/match"
unlike "$out" allowtcpforwarding "sshd: a Match block for one user does not show for the host"
run "$GOCKER" doctor --sshd-config "$GKT_WORK/match" alice
like "$out" 'allowtcpforwarding yes' "and does for that user"

# A ForceCommand: the shell door of an account whose passwd shell is another.
add_user dan --shell /bin/bash
{ cat "$GKT_WORK/safe"; printf 'Match User dan,erin\nForceCommand %s\n' "$GOCKER_SHELL"; } >"$GKT_WORK/forced"
forced() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/forced" "$@"; }
forced dan
is "$rc" 1 "ForceCommand under bash: exit status 1"
like "$out" "ok +sshd +ForceCommand $GOCKER_SHELL" "ForceCommand is seen, though it stands in a Match block"
like "$out" "ok +account +dan is contained by the shell door" "and that it contains the user"
like "$out" "bad +sshd +ForceCommand is started by dan's shell /bin/bash, which runs ~/.bashrc on the host before
 +do: gocker enable dan, or usermod -s /bin/dash dan" "and that bash runs ~/.bashrc before, with what to do"
for shell in /bin/dash /bin/sh "$GOCKER_SHELL"; do
	set_shell dan "$shell"
	forced dan
	unlike "$rc:$out" "^[^0]|on the host before" "ForceCommand under $shell, which reads no file before"
done
printf '#!/bin/sh\n' >/bin/other-sh && chmod 755 /bin/other-sh
set_shell dan /bin/other-sh
forced dan
like "$out" "warn +sshd +ForceCommand is started by dan's shell /bin/other-sh, which may run files" "and under one that is not known"
set_shell dan /bin/bash
sed -i 's/^ForceCommand.*/&s/' "$GKT_WORK/forced"
forced dan
like "$out" "warn +account +dan is not contained" "a ForceCommand of another program is none of the doors"
sed -e 's/^ForceCommand.*/ForceCommand exec '"${GOCKER_SHELL//\//\\/}"'/' -e '$aAllowTcpForwarding yes' -i "$GKT_WORK/forced"
set_shell dan /bin/dash
forced dan
like "$out" "bad +sshd +allowtcpforwarding yes" "the ways round the shell door count for ForceCommand, too"
userdel dan

chmod 755 "$GOCKER_SHELL"
is "$(bad)" program "gocker-shell without its set-uid bit"
chmod 4755 "$GOCKER_SHELL"
echo 'pids_max = lots' >>/etc/gocker.ini
is "$(bad)" config "a broken gocker.ini"
doctor
like "$out" 'gocker.ini:[45]: ' "with its line"
set_ini
chmod 666 /etc/gocker.ini
is "$(bad)" config "a gocker.ini that others can write"
set_ini 'image = missing'
is "$(bad)" image "an image that is not there"
set_ini
sed -i '\|gocker-shell|d' /etc/shells
like "$(warned)" shells "/etc/shells without gocker-shell"
echo "$GOCKER_SHELL" >>/etc/shells
ln -s /bin/true /usr/sbin/cron
rm -f /etc/cron.allow
is "$(bad)" cron "cron for everybody"
touch /etc/cron.allow
is "$(bad)" "" "cron.allow closes it"
rm /etc/cron.allow
cp /usr/local/share/gocker/pam.d/cron /etc/pam.d/cron
is "$(bad)" "" "so does the PAM door in its stack"
rm /usr/sbin/cron
ln -s /bin/true /usr/sbin/sendmail
like "$(warned)" mail "a mail server"
rm /usr/sbin/sendmail
as_user alice touch /home/alice/.forward
like "$(warned alice)" dotfiles "~/.forward"
rm /home/alice/.forward
chown carol /home/alice
like "$(bad alice)" "home trial" "a home that is another's, and the trial that fails for it"
chown alice /home/alice
set_shell carol "$GOCKER_SHELL"
like "$(warned)" lockout "no administrator left outside"
set_shell root "$GOCKER_SHELL"
is "$(bad)" lockout "root contained"
set_shell root /bin/bash
set_shell carol /bin/bash

cp /usr/local/share/gocker/pam.d/sshd /etc/pam.d/sshd
doctor alice
like "$out" 'ok +pam +/etc/pam.d/sshd: contained, in the right order' "the PAM stack in order"
like "$out" 'ok +trial +a trial login through the PAM door works' "a trial login through the PAM door"
like "$out" 'warn +pam +/etc/pam.d/su has no line' "other ways in that lack it"
echo 'session optional pam_mail.so' >>/etc/pam.d/sshd
doctor alice
like "$out" 'warn +pam +/etc/pam.d/sshd: pam_mail.so comes after .pam_gocker.so., and would run inside \(its sessions are contained\)' \
	"a module that may run inside, after the last line"
like "$out" 'ok +account +alice is contained by the shell and the PAM door' "does not make the user uncontained"
echo 'session optional pam_mkhomedir.so' >>/etc/pam.d/sshd
doctor
like "$out" 'bad +pam +/etc/pam.d/sshd: pam_mkhomedir.so comes after' "one that must not run there is bad"
sed -i -e '/outer/d' -e '/mkhomedir/d' -e '/pam_mail.so$/d' /etc/pam.d/sshd
doctor
like "$out" 'bad +pam +/etc/pam.d/sshd: wants .pam_gocker.so outer. once' "a stack without outer"
run "$GOCKER" doctor nobody-knows
is "$rc" 125 "an unknown user"
run "$GOCKER" doctor a b
is "$rc" 2 "two users are a usage error"
check_clean "nothing is left"
