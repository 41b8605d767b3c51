#!/bin/bash
# The Debian package: built twice alike, clean to lintian, installed, upgraded under load, removed and
# purged with dpkg in a throwaway host.
# timeout: 1200
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_login-loop.sh"
need dpkg-buildpackage dh lintian dpkg-deb git jq
need_product
export DEBIAN_FRONTEND=noninteractive

# --- built ---

other=/tmp/another/and/longer/place
mkdir -p "${other%/*}"
deb=$(cached_deb)
if [ ! -e "$deb" ] || ! (umask 027 && TZ=Asia/Tokyo build_deb $other); then
	not_ok "make deb" "$(tail -n 20 $other.log)"
	exit 1
fi
ok "make deb builds a package"
is "$(sed -n 's/^  DEB  *//p' $other.log | paste -sd,)" "copy the sources,compile,install,strip,pack" "and shows its steps"
check "two builds, in different directories, time zones and umasks, are identical" \
	cmp "$deb" $other/deb/gocker_*.deb
# gocker.service makes a scope of systemd's: without systemd there is nothing for a script to start. Debian 12
# has a note for that, which Debian 13 does not know any more.
is "$(lintian --allow-root --display-info --fail-on none --suppress-tags package-supports-alternative-init-but-no-init.d-script \
	"$deb" 2>&1 | grep '^[EWI]:\|^running.*fatal')" "" "lintian finds nothing"

# --- the host: nothing of the stage's, images that are the package's own to remove ---

bare_host
cp -a /etc/pam.d /run/gkt/pam.before
cp /etc/shells /run/gkt/shells.before

# --- installed ---

check "dpkg -i" dpkg -i "$deb"
is "$(stat -c '%a %U:%G' "$GOCKER_SHELL")" "4755 root:root" "gocker-shell is set-uid root"
is "$(stat -c '%n %a %U:%G' /usr/libexec/gocker/*)" \
	"$(printf '/usr/libexec/gocker/gocker-%s root:root\n' 'admin 755' 'entry 711' 'keeper 755' 'scope 755')" \
	"what gocker executes is root's, and nobody else reads the entry"
check "gocker-shell is in /etc/shells" grep -qx "$GOCKER_SHELL" /etc/shells
check "the installed gocker.ini has no fault" "$GOCKER" check
dpkg-deb -e "$deb" /tmp/control
is "$(cd /tmp/control && ls config templates 2>/dev/null)" "" "it asks no questions"
check_not "no stack is touched" grep -l pam_gocker /etc/pam.d/*
like "$(dpkg-query -W -f '${Conffiles}' gocker)" /etc/gocker.ini "gocker.ini is a conffile"
check "the Ansible role is there, for this gocker" grep -q "gocker_program: $GOCKER\$" \
	/usr/share/doc/gocker/ansible/roles/gocker/defaults/main.yml
tar -C /run/gkt/alpine -cf /tmp/alpine.tar .
check "the built-in host.allow is there to read" cmp /usr/share/gocker/host.allow "$GKT_TOP/conf/host.allow"
check "and what gives sessions their crontabs" test -x /usr/share/gocker/cron/gocker-crontabs -a -x /usr/share/gocker/cron/crontab
check "an image is imported" "$GOCKER" image import alpine /tmp/alpine.tar
add_user alice
add_user bob --shell /bin/sh

# --- the profiles ---

check "pam-auth-update takes the profile" pam-auth-update --package --enable gocker
is "$(grep -c '^account.*pam_gocker.so check' /etc/pam.d/common-account)" 1 "it has the account line"
for stack in common-session common-session-noninteractive; do
	modules=$(awk '$1 == "session" && $3 !~ /pam_(permit|deny)/ { print $3, $4 }' /etc/pam.d/$stack | sed 's/ $//')
	is "$(tail -n 1 <<<"$modules")" "pam_gocker.so" "$stack: the container comes last"
done
said=$("$GOCKER" doctor --format json | jq -r '.[]|select(.item=="pam")|"\(.level) \(.finding)"')
unlike "$said" '^bad|\nbad' "doctor finds nothing bad in the stacks that the profiles make"
like "$said" 'warn PAM service sshd: pam_[a-z]*.so comes after .pam_gocker.so. \(its sessions are contained\)' \
	"and names what Debian's stack of sshd has behind them"
# Debian's own stack of sshd; without an audit subsystem that lets it, a login is not to fail.
sed 's/^session *required *pam_loginuid/session optional pam_loginuid/' /etc/pam.d/sshd >"$SSHD_PAM"
start_sshd 'PermitRootLogin yes'
run ssh_as alice hostname
is "$rc:$out" "0:gocker-container" "a user with gocker-shell is contained"
run ssh_as bob hostname
is "$rc:$out" "0:gocker-container" "a user with another shell is contained by the profile"
run ssh_as root hostname
is "$rc:$out" "0:throwaway" "root is let through"

# --- upgraded, with sessions and logins going on ---

dpkg-deb -R "$deb" /tmp/newer
sed -i 's/^Version: .*/Version: 99/' /tmp/newer/DEBIAN/control
echo '; of version 99' >>/tmp/newer/etc/gocker.ini
dpkg-deb -b --root-owner-group /tmp/newer /tmp/newer.deb >/dev/null
echo '; mine' >>/etc/gocker.ini
hold_session alice
alice_init=$held_init alice_pid=$held_pid
hold_session bob
start_logins alice bob
# An upgrade, and an import, are quicker than ten logins: again until so many have met one.
begin_phase upgrade
upgraded=0
until [ "$(logins_of upgrade)" -ge 10 ] || [ "$upgraded" != 0 ]; do
	dpkg --force-confold -i /tmp/newer.deb >>"$GKT_WORK/upgrade" 2>&1
	upgraded=$?
done
begin_phase replacement
replaced=0
until [ "$(logins_of replacement)" -ge 10 ] || [ "$replaced" != 0 ]; do
	$GOCKER image import alpine /tmp/alpine.tar >>"$GKT_WORK/upgrade" 2>&1
	replaced=$?
done
begin_phase after
stop_logins
is "$upgraded:$replaced" 0:0 "the package is upgraded, and then the image, while users log in" ||
	diag "$(cat "$GKT_WORK/upgrade")"
judge_logins 5 upgrade
judge_logins 5 replacement
check "sessions go on" kill -0 "$alice_init" "$held_init" "$alice_pid" "$held_pid"
# The last of the logins may be on its way out.
check "the new gocker knows them" wait_until 30 eval '[ "$($GOCKER ps -q | wc -l)" = 2 ]'
run $GOCKER exec "$($GOCKER ps -q --user alice)" hostname
is "$rc:$out" "0:gocker-container" "and can run something in one"
like "$(tail -n 1 /etc/gocker.ini)" '; mine' "a gocker.ini that was changed is kept"
is "$(tail -n 1 /etc/gocker.ini.dpkg-dist)" '; of version 99' "and the package's new one lies beside it"
check "the profile stays chosen" grep -q 'pam_gocker.so' /etc/pam.d/common-session
drop_session
kill -KILL "$alice_pid"
wait "$alice_pid" 2>/dev/null
check "and end as ever" wait_until 10 no_sessions

# --- removed, with users still configured ---

echo 'session required pam_gocker.so' >/etc/pam.d/of-mine
run dpkg -r gocker
isnt "$rc" 0 "it does not go while a stack that somebody wrote names the module"
like "$err" "gocker:   /etc/pam.d/of-mine" "the file is named"
run ssh_as bob hostname
is "$out" gocker-container "everything is as it was"
rm /etc/pam.d/of-mine
# A file that was edited by hand is left alone by pam-auth-update, which exits with 0 then.
cp /etc/pam.d/common-session /run/gkt/common-session
sed -i '/pam_gocker.so *$/i session optional pam_echo.so' /etc/pam.d/common-session
cp -a "$(pam_module)" /run/gkt/module
run dpkg -r gocker
isnt "$rc" 0 "it does not go while pam-auth-update leaves its lines in a file that was edited"
like "$err" "gocker:   /etc/pam.d/common-session" "the file is named"
check "the module is where the lines look for it" cmp "$(pam_module)" /run/gkt/module
check "control: the lines are still there" grep -q pam_gocker.so /etc/pam.d/common-session
cp /run/gkt/common-session /etc/pam.d/common-session
dpkg --configure -a >/dev/null 2>&1
add_user 'DOM\anna'
install -d -m 700 /var/lib/gocker/accounts
echo /bin/dash >/var/lib/gocker/accounts/alice
# As `doctor --fix=manager` does on a host with systemd.
cp /usr/share/gocker/pam.d/systemd-user /etc/pam.d/
install -d -m 700 /var/lib/gocker/fixes
: >/var/lib/gocker/fixes/manager
run dpkg -r gocker
is "$rc" 0 "dpkg -r"
check_not "the line for user managers that --fix wrote goes with it" grep -s pam_gocker.so /etc/pam.d/systemd-user
rm -f /etc/pam.d/systemd-user
like "$err" "gocker disable USER" "'gocker disable', which knows the old shells, is advised"
is "$(tr -cd '\a' <<<"$err")$(grep -oF ' DOM\anna' <<<"$err")" ' DOM\anna' "and DOM\\anna is printed without a BEL"
userdel 'DOM\anna'
like "$err" "cannot log in without it: alice" "those who can't log in now are named"
like "$err" "usermod -s '/bin/dash' 'alice'" "with the shell that each had, where enable recorded it"
run ssh_as root hostname
is "$rc:$out" "0:throwaway" "root gets in"
run ssh_as alice hostname
isnt "$rc" 0 "a user with gocker-shell does not"
unlike "$out" throwaway "and nothing of theirs runs on the host"
check "/etc/shells is as before" cmp /etc/shells /run/gkt/shells.before
rm "$SSHD_PAM"
is "$(diff -r /run/gkt/pam.before /etc/pam.d)" "" "the stacks are as before"
check "gocker.ini is kept" test -e /etc/gocker.ini
check "and the images" test -d /var/lib/gocker/images/alpine
check "dpkg -P" dpkg -P gocker
is "$(find /etc/gocker.ini* /var/lib/gocker /run/gocker /usr/bin/gocker* /usr/libexec/gocker 2>/dev/null)" "" \
	"after a purge nothing is left"
check_not "dpkg knows nothing of it" dpkg-query -W gocker

# --- what is said of sessions in the scope of a host with systemd ---

mount -t tmpfs none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/gocker.slice/gocker.scope/u1000
echo 'populated 1' >/sys/fs/cgroup/gocker.slice/gocker.scope/u1000/cgroup.events
run /tmp/control/postrm remove
like "$rc:$err" '^0:.*sessions are open .*systemctl stop gocker.scope' "removed with sessions open: said, with how to end them"
echo 'populated 0' >/sys/fs/cgroup/gocker.slice/gocker.scope/u1000/cgroup.events
run /tmp/control/postrm remove
is "$rc:$err" 0: "and with none: nothing"
umount /sys/fs/cgroup
