#!/bin/bash
# host: systemd
# part: package
# timeout: 1800
# The Debian package on a whole host: installed where there was none, upgraded while a session lives and
# users log in, removed and purged with a user still configured.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../../packaging/_login-loop.sh
. "$GKT_TOP/tests/packaging/_login-loop.sh"
export DEBIAN_FRONTEND=noninteractive
deb=$(echo "$GKT_TOP"/deb/gocker_*.deb)

# Nothing of the build that the other scripts test, and an image directory that is the package's.
systemctl -q disable --now gocker.service 2>/dev/null
systemctl stop gocker.scope 2>/dev/null
mv /var/lib/gocker/images/alpine /root/alpine
rm -rf /usr/local/bin/gocker* /usr/local/libexec/gocker /usr/local/lib/systemd/system/gocker* \
	/usr/local/lib/tmpfiles.d/gocker* /usr/local/share/gocker /var/lib/gocker /etc/gocker.ini /run/gocker \
	"$(pam_module)"
systemctl daemon-reload
sed -i '\|/usr/local/bin/gocker-shell|d' /etc/shells
GOCKER=/usr/bin/gocker GOCKER_SHELL=/usr/bin/gocker-shell
cp -a /etc/pam.d /root/pam.before
cp /etc/shells /root/shells.before

# --- installed ---

run dpkg -i "$deb"
is "$rc" 0 "dpkg -i" || diag "$out $err"
is "$(stat -c '%a %U:%G' $GOCKER_SHELL)" "4755 root:root" "the package makes gocker-shell set-uid root"
check "gocker-shell is in /etc/shells" grep -qx $GOCKER_SHELL /etc/shells
is "$(diff -r /root/pam.before /etc/pam.d)" "" "the profiles are off: no stack is touched"
is "$(systemctl is-active gocker.service)" active "gocker.service has been started"
no_unit_failed "no unit has failed"
check "an image is imported" sh -c "tar -C /root/alpine -c . | $GOCKER image import alpine -"
have_user dora --shell /bin/sh
start_sshd ''
is "$(ssh_as dora hostname)" gocker-vm "nobody is contained yet"
check "gocker enable" $GOCKER enable dora
is "$(ssh_as dora hostname)" gocker-container "the next login is contained"

have_user erin --shell /bin/sh
check "pam-auth-update takes the profile" pam-auth-update --package --enable gocker
run ssh_as erin 'hostname; cat /proc/self/cgroup'
like "$out" ^gocker-container "and a user with another shell is contained"
is "$(ssh_as root hostname)" gocker-vm "root is not"

# --- upgraded, while a session lives and users log in ---

dpkg-deb -R "$deb" /root/newer
sed -i 's/^Version: .*/Version: 99/' /root/newer/DEBIAN/control
echo '; of version 99' >>/root/newer/etc/gocker.ini
dpkg-deb -b --root-owner-group -Znone /root/newer /root/newer.deb >/dev/null
echo '; mine' >>/etc/gocker.ini
hold_session dora
# sshd's logins cost an emulated host seconds; beside them the login shell by itself.
LOGINS_EVERY=3 LOGINS_AT_ONCE=2 start_logins dora erin
touch "$GKT_WORK/starting"
(
	trap - EXIT
	while [ -e "$GKT_WORK/starting" ]; do as_user dora $GOCKER_SHELL -c hostname; sleep 0.3; done
) >"$GKT_WORK/starts" 2>&1 </dev/null &
starts=$!
start=$SECONDS
run dpkg --force-confold -i /root/newer.deb
is "$rc" 0 "an upgrade while users log in" || diag "$out $err"
run sh -c "tar -C /root/alpine -c . | $GOCKER image import alpine -"
is "$rc" 0 "and the image is replaced while they run" || diag "$err"
rm "$GKT_WORK/starting"
wait $starts
stop_logins
judge_logins 3
diag "the login shell by itself in $((SECONDS - start)) s: $(sort "$GKT_WORK/starts" | uniq -c)"
is "$(grep -vx gocker-container "$GKT_WORK/starts" | grep -v '^gocker: \|setpriv: .*No such file')" "" "each start of the login shell during the upgrade is contained or refused"
check "most are contained" test "$(grep -cx gocker-container "$GKT_WORK/starts")" -ge 10
check "the session that lived lives on" kill -0 "$held_init" "$held_pid"
is "$($GOCKER ps -q --user dora | wc -l)" 1 "the new gocker knows it"
is "$(tail -n 1 /etc/gocker.ini)" '; mine' "a gocker.ini that was changed is kept"
is "$(tail -n 1 /etc/gocker.ini.dpkg-dist)" '; of version 99' "and the package's new one lies beside it"
drop_session
check "and it ends as ever" wait_until 10 no_sessions
# A user manager that was refused is forgotten when its user's last login is over.
check "no unit has failed" wait_until 20 none_failed

# --- removed and purged, with a user still configured ---

run dpkg -r gocker
is "$rc" 0 "dpkg -r" || diag "$out $err"
like "$err" "cannot log in without it: dora" "who can't log in now is named"
like "$err" "usermod -s" "with what to do"
like "$err" "logins through PAM are no longer contained" "and what the profiles no longer do"
check "root gets in" ssh_as root true
run ssh_as dora hostname
isnt "$rc" 0 "the user does not"
unlike "$out" gocker-vm "and nothing of theirs runs on the host"
is "$(ssh_as erin hostname)" gocker-vm "a user whom only the profiles contained does, onto the host"
check "/etc/shells is as before" cmp /etc/shells /root/shells.before
is "$(diff -r /root/pam.before /etc/pam.d)" "" "the stacks are as before"
check "dpkg -P" dpkg -P gocker
is "$(find /etc/gocker.ini* /var/lib/gocker /run/gocker /usr/bin/gocker* /usr/libexec/gocker \
	/etc/systemd/system/multi-user.target.wants/gocker.service 2>/dev/null)" "" "after a purge no file is left"
check "no process" wait_until 10 eval '[ -z "$(pgrep -l ^gocker- | grep -v gocker-vm)" ]'
check "no scope" wait_until 10 test ! -d "$SCOPE"
check "and no failed unit" wait_until 20 none_failed
