#!/bin/bash
# host: systemd
# home_quota: what gocker doctor says of a home on a file system with quotas, and that the file system keeps to
# them inside.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
modprobe -qa loop quota_v2
truncate -s 64M /quota.disk
mke2fs -q -t ext4 -O quota /quota.disk
mkdir -m 755 /quota
mount -o loop,usrquota /quota.disk /quota
have_user quentin --home /quota/quentin
set_ini '[user:quentin]' 'home_quota = 8M'
remember_host
tell() {
	run "$GOCKER" doctor quentin
	out=$(grep 'home quota\|home_quota\|setquota' <<<"$out")
}
# quota KIB: sets the user's limit, as setquota does, whose package is not here (quotactl_fd(2), quotactl(2)).
quota() {
	perl -e 'my ($uid, $kib) = @ARGV; open(my $dir, "<", "/quota/disk") or die "$!\n";
		my $limits = pack("Q8 L x4", $kib, 0, 0, 0, 0, 0, 0, 0, 1);
		syscall(443, fileno($dir), 0x80000800, int($uid), $limits) == 0 or die "Q_SETQUOTA: $!\n"' "$(uid_of quentin)" "$1"
}
: >/quota/disk
tell
like "$out" 'home_quota is 8.*M, but the file system of /quota/quentin has no limit for quentin' "home_quota: a file system with quotas and no limit for the user"
like "$out" 'setquota -u quentin 0 8192 0 0' "home_quota: and what to do"
quota 16384
tell
like "$out" 'home_quota is 8.*M, but the file system of /quota/quentin lets quentin have 16.*M' "home_quota: a limit that is higher"
quota 8192
tell
like "$out" 'read .*home quota.* of 8.*M used' "home_quota: the limit that was asked for is shown, with what is used"
run login_of quentin 'dd if=/dev/zero of=big bs=1M count=20 2>/dev/null; echo $?; stat -c %s big'
like "$out" $'^1\n' "home_quota: inside a write that is over it fails [limit home_quota told]"
check "home_quota: and leaves no more than it: $(tail -n 1 <<<"$out") [limit home_quota hog]" test "$(tail -n 1 <<<"$out")" -le $((8 << 20))
tell
like "$out" 'read .*home quota +(7|8).*M of 8.*M used' "home_quota: and doctor shows it [limit home_quota counted]"
have_user ursula --home /quota/ursula
run login_of ursula 'dd if=/dev/zero of=big bs=1M count=20 2>/dev/null; echo $?; stat -c %s big'
is "$out" $'0\n20971520' "home_quota: another user of that file system writes as much [limit home_quota beside]"
userdel quentin
userdel ursula
wait_until 20 no_sessions
check_clean "home_quota: nothing is left" 20
umount /quota
rm -r /quota /quota.disk
