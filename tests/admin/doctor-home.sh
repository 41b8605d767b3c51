#!/bin/bash
# gocker doctor looks at a home as its user, and is not held up by one that does not answer.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_user bob
set_ini
printf 'Port 22\n' >"$GKT_WORK/sshd_config"
doctor() { run "$GOCKER" doctor --sshd-config "$GKT_WORK/sshd_config" "$@"; }
home_is() { jq -r '.[] | select(.item == "home") | [.level, .finding, .fix] | map(. // "-") | join("|")' <<<"$out"; }
remember_host

chmod 711 /home/alice
as_user alice touch /home/alice/.forward
doctor --format json alice
is "$(home_is)" "ok|/home/alice|-" "a home that is as it should be"
like "$out" '/home/alice/.forward: ' "and what the host obeys in it"
mv /home/alice /home/gone
doctor --format json alice
like "$(home_is)" '^bad\|/home/alice: No such file or directory\|mkhomedir_helper alice' "one that is not there"
ln -s /nowhere /home/alice
doctor --format json alice
is "$(home_is)" "bad|/home/alice leads nowhere|repair the link" "one that leads nowhere"
rm /home/alice
mv /home/gone /home/alice
mkdir -m 700 /closed
mv /home/alice /closed/alice
sed -i 's#:/home/alice:#:/closed/alice:#' /etc/passwd
doctor --format json alice
like "$(home_is)" '^bad\|/closed/alice: Permission denied\|give the user access to it' "one that its user can't reach, though root can"
mv /closed/alice /home/alice
sed -i 's#:/closed/alice:#:/home/alice:#' /etc/passwd
as_user alice rm /home/alice/.forward
quota_is() { jq -r '.[] | select(.item == "home quota") | [.level, .finding, .fix] | map(. // "-") | join("|")' <<<"$out"; }
doctor --format json alice
is "$(quota_is)" "" "no word of quotas where nobody asks for one and there is none"
set_ini 'home_quota = 5G'
doctor --format json alice
like "$(quota_is)" '^warn\|home_quota is 5.*G, but the file system of /home/alice keeps no quotas of users: .*\|.*usrquota.* or remove home_quota' \
	"home_quota on a file system without quotas is a warning"
set_ini 'home_quota = 5G' 'home = tmpfs'
doctor --format json alice
is "$(quota_is)" "" "home_quota is not about a home in memory"
set_ini
chmod 700 /home/alice
check_clean "nothing is left"

if ! has_fuse; then
	skip "a home on FUSE" "this kernel has no FUSE"
	exit
fi
home_on_fuse alice deny
check_not "control: root can't look into this one" ls /home/alice
doctor --format json alice
is "$(home_is)" "ok|/home/alice|-" "a home on FUSE that denies root is looked at as its user"
home_off_fuse alice

home_on_fuse alice hang
stat /home/alice >/dev/null 2>&1 &
looker=$!
start=$SECONDS
doctor --format json alice
is "$(home_is)" "bad|/home/alice: its file system does not answer|grep ' /home/alice' /proc/mounts; repair or umount -l what hangs, or home = tmpfs in gocker.ini" \
	"one that does not answer is a finding with its fix ($((SECONDS - start)) s)"
is "$rc" 1 "and doctor comes to its end"
like "$out" 'through the shell door fails: .*its file system does not answer' "as the trial login says"
check "control: who looks as root hangs still" kill -0 $looker
start=$SECONDS
doctor bob
like "$out" 'ok +home +/home/bob' "another user's doctor is not held up"
home_off_fuse alice
wait $looker
no_lookers() { ! pgrep -x gocker >/dev/null; }
check "whoever looked is gone when it ends" wait_until 20 no_lookers
check_clean "nothing is left"
